"""`optimize`: a photo painted in the style of any picture."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stylecore import load_image
from stylecore.commands.console import FAILED, OK, UsageError, fail, module, print_json, progress
from stylecore.commands.files import (
    STANDARD_STREAM,
    check_folder,
    check_output,
    output_hint,
    output_path,
    write_output,
)
from stylecore.commands.parsing import add_settings, count, given_settings
from stylecore.errors import ImageError, describe
from stylecore.host.device_choices import DEVICES
from stylecore.images.encoding import save_format
from stylecore.images.loading import load_style
from stylecore.images.metadata import Description, describe_refinement
from stylecore.images.sheets import contact_sheet
from stylecore.optimization.config import CLASSIC_RECIPE, QUALITIES, OptimizationConfig

if TYPE_CHECKING:
    from stylecore.optimization.optimize import Iterate, OptimizationResult
    from stylecore.optimization.planning import Plan

HELPS = {
    "steps": "over all scales together",
    "max_side": "long side in pixels",
    "stroke_size": "long side in pixels at which the style picture is read for a result of --max-side",
    "style_weight": "against --content-weight",
    "style_loss": "gram, wasserstein or patches",
    "method": "adam or lbfgs",
    "learning_rate": "of adam",
    "decay_share": "last part of the steps, in which adam's rate falls to a tenth",
    "history": "gradients that lbfgs remembers",
    "start": "preview, content, mixed_noise or noise",
    "is_coarse_to_fine": "begin small, at --coarse-side",
    "coarse_side": "long side in pixels at which coarse to fine begins",
    "content_layer": "of VGG19, relu1_1 to relu5_4 or conv1_1 to conv5_4",
    "style_layer_weights": "one for each of --style-layers",
    "patch_layers": "in place of --style-layers for patches",
    "tv_weight": "of the total variation",
    "preserve_color": "keep the photo's colors",
    "pooling": "max or average",
    "precision": "auto, float32 or mixed",
}
SNAPSHOT_STEPS = 25  # between snapshots, where the recipe does not say


def add_optimize(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("optimize", help="paint a photo in the style of any picture")
    parser.add_argument("content", metavar="CONTENT", help="photo")
    parser.add_argument("styles", nargs="+", metavar="STYLE", help="style picture, or several to mix")
    parser.add_argument("-o", "--output", help="file or folder; default: CONTENT_STYLE and its ending here")
    parser.add_argument("--shares", nargs="+", type=float, metavar="W", help="of several style pictures")
    base = parser.add_mutually_exclusive_group()
    base.add_argument("--quality", choices=QUALITIES, help="settings of the app")
    base.add_argument("--classic", action="store_true", help="the classic recipe: 2,500 steps of Adam")
    base.add_argument("--recipe", type=Path, metavar="FILE", help="settings that the app saved")
    parser.add_argument("--snapshots", type=Path, metavar="FOLDER", help="keep pictures on the way")
    parser.add_argument(
        "--every",
        dest="preview_every",
        type=count,
        metavar="N",
        help=f"steps between snapshots, default {SNAPSHOT_STEPS}, with --classic 250",
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="content, style and painting in a row")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--device", choices=DEVICES, help=f"default {OptimizationConfig.device}")
    add_settings(parser, OptimizationConfig, HELPS)
    parser.set_defaults(run=run_optimize)


def run_optimize(options: argparse.Namespace) -> int:
    pictures = [options.content, *options.styles]
    if hint := output_hint(pictures, options.output, least=2):
        raise ImageError(f"{options.styles[-1]} does not exist{hint}")
    output = name_output(options)
    check_outputs(options, output)
    content, styles = load_image(options.content), [load_style(path) for path in options.styles]
    recipe = read_recipe(options.recipe) if options.recipe else {}
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
        strokes=f"{plan.config.stroke_size or plan.config.max_side} px",
    )
    steps = Steps(output, options.snapshots, stopped_at, describe_steps)
    with interruptible() as is_interrupted:
        result = optimization.optimize_image(
            content,
            list(zip(styles, shares, strict=True)),
            plan.config,
            on_iterate=steps.report,
            should_stop=lambda: steps.done == stopped_at or is_interrupted(),
        )
    write_output(result.image, output, description=describe_steps(steps=steps.done))
    if options.sheet:
        row = [content, *styles, result.image]
        titles = ["Content", *["Style"] * len(styles), "Generated"]
        write_output(contact_sheet([row], titles=titles, cell=result.image.size), options.sheet)
    seconds = result.iterates[-1].elapsed_s if result.iterates else 0
    size = f"{result.image.width} x {result.image.height} px"
    progress(f"{' + '.join(pictures)} -> {output}: {size}, {seconds:.0f} s")
    if options.json:
        report = {"output": str(output), **report_of(plan, result), "interrupted": is_interrupted()}
        print_json(report | {"snapshots": steps.snapshots})
    if result.error:
        return fail(f"{describe(result.error)}; {output} has the best picture before", FAILED)
    if is_interrupted():
        return fail(f"interrupted after {steps.done} steps; {output} has the best picture so far", FAILED)
    return OK


def name_output(options: argparse.Namespace) -> Path:
    """Where the painting goes, see `output_path`; its name is made of content and styles.

    Raises:
        UsageError: Standard output is asked for.
        ImageError: An ending that cannot be written.
    """
    if options.output == STANDARD_STREAM:
        raise UsageError("-o -: the painting goes to a file, name it or its folder")
    label = "_".join(Path(style).stem for style in options.styles)
    return output_path(Path(options.content), options.output, label, is_one=True)


def check_outputs(options: argparse.Namespace, output: Path) -> None:
    """Refuse a painting, sheet or snapshots that cannot be written, or would replace a picture.

    Raises:
        UsageError: Two outputs of one name, or a setting that would do nothing.
        ImageError: An output that is read as well, or cannot be written.
    """
    pictures = [options.content, *options.styles]
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
    """Settings of the recipe, quality or default, changed as the command line says, that fit into memory."""
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
    """Reports the steps of a run, and keeps its snapshots.

    Args:
        output: The painting, which gives the snapshots their names.
        folder: Gets the snapshots, if any.
        last: Step that is reported as the end, where it comes before the planned one.
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
            except OSError as error:  # the painting goes on
                progress(f"{path} could not be written: {describe(error)}")
        if iterate.step % 10 == 0 or iterate.step in (iterate.steps, self.last):
            progress(
                f"step {iterate.step}/{iterate.steps}  content {iterate.content_loss:.3f}  "
                f"style {iterate.style_loss:.3f}  total {iterate.total_loss:.3f}  "
                f"{iterate.remaining_s:.0f} s left"
            )


def report_of(plan: Plan, result: OptimizationResult) -> dict:
    """What `--json` prints of a run's settings and end."""
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
    """Whether a file has the name of a snapshot of that output in that folder."""
    number = path.stem.removeprefix(f"{stem}_")
    return path.resolve().parent == folder.resolve() and path.stem == f"{stem}_{number}" and number.isdigit()


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks for an early end, the second one is as usual; yields whether it was asked for."""
    is_interrupted = False

    def note(*signal_and_frame: object) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # as shells set it for what runs in the background
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: is_interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def read_recipe(path: Path) -> dict:
    """Settings, shares of the style pictures, and the last step if before the end, from an app's file.

    Raises:
        UsageError: Not such a file, or its settings cannot be used.
    """
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
        config = {name: tuple(v) if isinstance(v, list) else v for name, v in recipe["config"].items()}
        weights = [style["weight"] for style in recipe["styles"]]
        stopped_at = recipe.get("stopped_at")
        if not weights:
            raise ValueError("it names no style picture")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a recipe that the app saved: {error}") from error
    kinds = {field.name: field.type for field in fields(OptimizationConfig)}
    if unknown := config.keys() - kinds.keys():
        raise UsageError(f"{path} has unknown settings: {', '.join(sorted(unknown))}")
    wrong = [f"{name} {value!r}" for name, value in config.items() if not _fits(value, kinds[name])]
    wrong += [f"weight {weight!r}" for weight in weights if not _fits(weight, "float")]
    if not _fits(stopped_at, "int | None"):
        wrong.append(f"stopped_at {stopped_at!r}")
    if wrong:
        raise UsageError(f"{path} has unusable settings: {', '.join(wrong)}")
    return {"config": config, "shares": weights, "stopped_at": stopped_at}


def _fits(value: object, kind: str) -> bool:
    """Whether a value is of the kind that a field's annotation names; whole numbers are numbers."""
    if kind.endswith(" | None"):
        return value is None or _fits(value, kind.removesuffix(" | None"))
    if kind.startswith("tuple["):
        item = kind.removeprefix("tuple[").removesuffix(", ...]")
        return isinstance(value, tuple) and all(_fits(part, item) for part in value)
    return type(value).__name__ in (("float", "int") if kind == "float" else (kind,))
