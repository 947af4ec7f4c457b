"""`optimize`: a photo painted in the style of any picture."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stylecore import load_image
from stylecore.commands.console import (
    FAILED,
    OK,
    UsageError,
    fail,
    interruptible,
    module,
    print_json,
    progress,
)
from stylecore.commands.files import (
    STANDARD_STREAM,
    check_folder,
    check_output,
    output_hint,
    output_path,
    write_output,
)
from stylecore.commands.matching import Matching, add_regions, region_files
from stylecore.commands.parsing import add_device, add_json, add_settings, count, given_settings
from stylecore.commands.recipes import read_recipe
from stylecore.errors import ImageError, describe
from stylecore.images.encoding import save_format
from stylecore.images.loading import load_style
from stylecore.images.metadata import Description, describe_refinement
from stylecore.images.sheets import contact_sheet
from stylecore.optimization.config import CLASSIC_RECIPE, QUALITIES, OptimizationConfig

if TYPE_CHECKING:
    from PIL import Image

    from stylecore.optimization.iterates import Iterate, OptimizationResult
    from stylecore.optimization.planning import Plan

HELPS = {
    "steps": "number of steps, at all sizes together",
    "max_side": "long side of the painting in pixels",
    "stroke_size": "long side in pixels at which the style picture is read (default: --max-side)",
    "content_weight": "weight of the content loss",
    "style_weight": "weight of the style loss",
    "style_loss": "gram, wasserstein or patches",
    "method": "optimizer: lbfgs or adam",
    "learning_rate": "learning rate of adam",
    "beta2": "decay of the mean of squared gradients of adam",
    "decay_share": "last share of the steps, in which the rate of adam falls to a tenth",
    "history": "number of gradients that lbfgs keeps",
    "start": "first picture: preview, content, mixed_noise or noise",
    "is_coarse_to_fine": "start small, at --coarse-side, and enlarge",
    "coarse_side": "long side in pixels of the first size with --coarse-to-fine",
    "content_layer": "layer of VGG19 for the content loss, relu1_1 to relu5_4 or conv1_1 to conv5_4",
    "style_layers": "layers of VGG19 for the style loss",
    "style_layer_weights": "weight of each of the --style-layers (default: all 1)",
    "patch_layers": "layers used instead of --style-layers with --style-loss patches",
    "tv_weight": "weight of the total variation",
    "preserve_color": "keep the colors of the photo",
    "keep_faces": "keep faces nearer to the photo",
    "pooling": "pooling of VGG19: max or average",
    "precision": "auto, float32 or mixed",
    "seed": "seed of the random numbers",
}
SNAPSHOT_STEPS = 25  # between snapshots, if the recipe has no number
EXAMPLES = """\
examples:
  impasto optimize photo.jpg any_picture.jpg -o painting.png
  impasto optimize photo.jpg dots.jpg lines.jpg --shares 2 1 --quality best
  impasto optimize photo.jpg portrait.jpg --regions subject
  impasto optimize photo.jpg painting.jpg --region sky.png sky_of_painting.png
  impasto optimize drawing.png painting.jpg --doodle drawing.png painting_marked.png

Ctrl-C ends the run and writes the best picture so far.
"""


def add_optimize(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "optimize",
        description="Paint a photo in the style of any picture, by optimization. Takes minutes on a CPU; "
        "needs torch.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("content", metavar="CONTENT", help="photo")
    parser.add_argument("styles", nargs="+", metavar="STYLE", help="style picture, or several to mix")
    parser.add_argument(
        "--shares",
        nargs="+",
        type=float,
        metavar="W",
        help="weights of several style pictures (default: all 1)",
    )
    base = parser.add_mutually_exclusive_group()
    base.add_argument("--quality", choices=QUALITIES, help="settings that the app offers")
    base.add_argument("--classic", action="store_true", help="classic recipe: 2,500 steps of Adam")
    base.add_argument("--recipe", type=Path, metavar="FILE", help="settings that the app saved")
    add_device(parser, default=None, use="to optimize on")
    add_regions(parser)
    add_outputs(parser)
    add_settings(parser, OptimizationConfig, HELPS)
    parser.set_defaults(run=run_optimize)


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Options for what is written."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        metavar="OUTPUT",
        help="file or folder (default: CONTENT_STYLE in the current folder)",
    )
    group.add_argument(
        "--snapshots", type=Path, metavar="FOLDER", help="also write intermediate pictures to this folder"
    )
    group.add_argument(
        "--every",
        dest="preview_every",
        type=count,
        metavar="N",
        help=f"steps between these pictures (default: {SNAPSHOT_STEPS}, with --classic 250)",
    )
    group.add_argument(
        "--sheet", type=Path, metavar="FILE", help="also write content, styles and painting side by side"
    )
    add_json(group)


def run_optimize(options: argparse.Namespace) -> int:
    pictures = [options.content, *options.styles]
    if hint := output_hint(pictures, options.output, least=2):
        raise ImageError(f"{options.styles[-1]} does not exist{hint}")
    output = name_output(options)
    check_outputs(options, output)
    content, styles = load_image(options.content), [load_style(path) for path in options.styles]
    recipe = read_recipe(options.recipe) if options.recipe else {}
    matching = Matching.from_options(options, recipe.get("regions"), styles=len(options.styles))
    regions = matching.find(content, styles)
    shares = options.shares or recipe.get("shares") or [1.0] * len(styles)
    if len(shares) != len(styles):
        raise UsageError(f"{len(shares)} shares for {len(styles)} style pictures: one for each is needed")
    optimization = module("stylecore.optimization.optimize")
    plan = plan_optimization(options, recipe, content.size)
    stopped_at = recipe.get("stopped_at") if options.steps is None else None
    describe_steps = partial(
        describe_refinement,
        [(Path(style).stem, share) for style, share in zip(options.styles, shares, strict=True)],
        preserve_color=plan.config.preserve_color,
        keep_faces=plan.config.keep_faces,
        strokes=f"{plan.config.stroke_size or plan.config.max_side} px",
    )
    steps = Steps(output, options.snapshots, stopped_at, describe_steps)
    with interruptible() as is_interrupted:
        result = optimization.optimize_image(
            content,
            list(zip(styles, shares, strict=True)),
            plan.config,
            regions=regions,
            on_iterate=steps.report,
            should_stop=lambda: steps.done == stopped_at or is_interrupted(),
        )
    write_output(result.image, output, description=describe_steps(steps=steps.done))
    if options.sheet:
        write_sheet(options.sheet, content, styles, result.image)
    report_result(options, output, result)
    if options.json:
        report = {"output": str(output), **report_of(plan, result), "interrupted": is_interrupted()}
        print_json(report | {"regions": len(regions), "snapshots": steps.snapshots})
    if result.error:
        return fail(f"{describe(result.error)}; {output} has the best picture before", FAILED)
    if is_interrupted():
        return fail(f"interrupted after {steps.done} steps; {output} has the best picture so far", FAILED)
    return OK


def write_sheet(path: Path, content: Image.Image, styles: list[Image.Image], stylized: Image.Image) -> None:
    """Writes content, styles and painting side by side."""
    titles = ["Content", *["Style"] * len(styles), "Generated"]
    write_output(contact_sheet([[content, *styles, stylized]], titles=titles, cell=stylized.size), path)


def report_result(options: argparse.Namespace, output: Path, result: OptimizationResult) -> None:
    """Prints what was written, and how long it took."""
    seconds = result.iterates[-1].elapsed_s if result.iterates else 0
    size = f"{result.image.width} x {result.image.height} px"
    progress(f"{' + '.join([options.content, *options.styles])} -> {output}: {size}, {seconds:.0f} s")


def name_output(options: argparse.Namespace) -> Path:
    """Path of the painting, see `output_path`; its name is made of content and styles.

    Raises:
        UsageError: Standard output is asked for.
        ImageError: An ending that cannot be written.
    """
    if options.output == STANDARD_STREAM:
        raise UsageError("-o -: the painting goes to a file, name it or its folder")
    label = "_".join(Path(style).stem for style in options.styles)
    return output_path(Path(options.content), options.output, label, is_one=True)


def check_outputs(options: argparse.Namespace, output: Path) -> None:
    """Refuses outputs that cannot be written, or that would overwrite a picture.

    Raises:
        UsageError: Two outputs have one name, or an option would do nothing.
        ImageError: An output that is read as well, or cannot be written.
    """
    pictures = [options.content, *options.styles, *region_files(options)]
    if options.preview_every and not options.snapshots:
        raise UsageError("--every would do nothing without --snapshots")
    check_output(output, pictures)
    if options.sheet:
        save_format(options.sheet)
        check_output(options.sheet, pictures)
        if options.sheet.resolve() == output.resolve():
            raise UsageError(f"{options.sheet} would be both the painting and the sheet: name another")
    if options.snapshots:
        check_folder(options.snapshots)
        kept = [*pictures, *([options.sheet] if options.sheet else [])]
        for path in kept:
            if is_snapshot(Path(path), options.snapshots, output.stem):
                raise UsageError(f"{path} could be written over by a snapshot: name another folder or output")


def plan_optimization(options: argparse.Namespace, recipe: dict, size: tuple[int, int]) -> Plan:
    """Settings from recipe, quality or defaults and from the command line, reduced to fit into memory."""
    planning, devices = module("stylecore.optimization.planning"), module("stylecore.host.devices")
    base = OptimizationConfig(**{"preview_every": SNAPSHOT_STEPS} | recipe.get("config", {}))
    if options.quality:
        base = replace(QUALITIES[options.quality], preview_every=SNAPSHOT_STEPS)
    elif options.classic:
        base = CLASSIC_RECIPE
    config = replace(base, **given_settings(options, OptimizationConfig))
    if not options.snapshots:
        config = replace(config, preview_every=0)
    budget = devices.available_memory(config.device)
    plan = planning.fit_to_memory(size, config, budget, styles=len(options.styles))
    if plan.changes:
        progress(f"little memory is free, so it will be: {', '.join(plan.changes)}")
    return plan


class Steps:
    """Prints the steps of a run, and writes its snapshots.

    Args:
        output: Path of the painting; the names of the snapshots are made of it.
        folder: Folder of the snapshots; None for none.
        last: Last step, if the run ends before the planned one.
        describe_steps: Describes the picture after a number of steps.
    Attributes:
        done: Steps made so far.
        snapshots: Files written so far.
    """

    def __init__(
        self,
        output: Path,
        folder: Path | None,
        last: int | None,
        describe_steps: Callable[..., Description],
    ) -> None:
        self.output, self.folder, self.last = output, folder, last
        self.describe_steps = describe_steps
        self.done = 0
        self.snapshots: list[str] = []

    def report(self, iterate: Iterate) -> None:
        self.done = iterate.step
        if iterate.image is not None and self.folder:
            path = self.folder / f"{self.output.stem}_{iterate.step:05d}.png"
            try:
                write_output(iterate.image, path, description=self.describe_steps(steps=iterate.step))
                self.snapshots.append(str(path))
            except OSError as error:  # the run continues
                progress(f"{path} could not be written: {describe(error)}")
        if iterate.step % 10 == 0 or iterate.step in (iterate.steps, self.last):
            progress(
                f"step {iterate.step}/{iterate.steps}  content {iterate.content_loss:.3f}  "
                f"style {iterate.style_loss:.3f}  total {iterate.total_loss:.3f}  "
                f"{iterate.remaining_s:.0f} s left"
            )


def report_of(plan: Plan, result: OptimizationResult) -> dict:
    """Settings and result of a run, for `--json`."""
    last = result.iterates[-1] if result.iterates else None
    return {
        "width": result.image.width,
        "height": result.image.height,
        "config": asdict(plan.config),
        "changes": plan.changes,
        "steps": len(result.iterates),
        "content_loss": last and last.content_loss,
        "style_loss": last and last.style_loss,
        "total_loss": last and last.total_loss,
        "seconds": last and round(last.elapsed_s, 2),
        "error": result.error and describe(result.error),
    }


def is_snapshot(path: Path, folder: Path, stem: str) -> bool:
    """Whether a path is one that a snapshot in the folder could have."""
    number = path.stem.removeprefix(f"{stem}_")
    return path.resolve().parent == folder.resolve() and path.stem == f"{stem}_{number}" and number.isdigit()
