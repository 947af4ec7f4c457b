"""`train`: a network of one's own styles."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stylecore.commands.console import OK, UsageError, module, print_json, progress
from stylecore.commands.files import check_folder
from stylecore.commands.parsing import add_settings, given_settings
from stylecore.host.device_choices import DEVICES
from stylecore.learning.config import TrainingConfig

if TYPE_CHECKING:
    from stylecore.learning.progress import TrainingProgress

HELPS = {
    "steps": "of the optimizer",
    "pixel_steps": "first steps that only reproduce the photo",
    "batch_size": "pictures a step",
    "styles_per_photo": "pictures made of one crop",
    "crop_size": "side of the crops in pixels",
    "crop_share": "smallest side of what is cut out, of the photo's short side",
    "style_size": "long side in pixels at which style pictures are read",
    "channels": "width of the trunk",
    "blocks": "residual blocks",
    "upsampling": "to the full size, linear or nearest",
    "content_factors": "of --content-weight, for styles that lose faces",
    "style_turns": "of these styles in a round of all, others have 1",
    "face_factor": "of the content's weight in faces",
    "face_share": "of the crops that come from photos with faces",
    "grid_weight": "against a weave at the network's stride",
    "ripple_weight": "against finer ripples than the style picture has",
    "tone_weight": "for light and shade as in the photo",
    "precision": "auto, float32 or mixed",
    "is_compiled": "by torch.compile: faster on GPUs, behind minutes of compiling",
    "is_trunk_frozen": "learn the norms' scales and shifts alone, on the trunk of --init",
    "checkpoint_s": "seconds between checkpoints",
}


def add_train(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("train", help="train a network on style pictures")
    parser.add_argument("--style-images", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--content", type=Path, required=True, metavar="FOLDER", help="photos")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in --out, with its settings"
    )
    parser.add_argument(
        "--faces", type=Path, metavar="FILE", help="boxes of faces by export.find_faces; they count more"
    )
    parser.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from a trained trunk")
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_settings(parser, TrainingConfig, HELPS)
    parser.set_defaults(run=run_train)


def run_train(options: argparse.Namespace) -> int:
    settings = given_settings(options, TrainingConfig)
    if options.resume and settings:
        given = ", ".join(f"--{name.removeprefix('is_').replace('_', '-')}" for name in settings)
        raise UsageError(f"{given}: a run that is resumed keeps the settings that it began with")
    check_folder(options.out)
    last_line = 0.0

    def report(state: TrainingProgress) -> None:
        nonlocal last_line
        for name in state.newly_skipped:
            progress(f"skipped {name}, which cannot be read")
        now = time.monotonic()
        if now - last_line < 2 and state.step < state.steps:
            return
        last_line = now
        losses = f"content {state.content_loss:.3f}  style {state.style_loss:.3f}"
        if state.pixel_loss:
            losses = f"pixels {state.pixel_loss:.4f}"
        skipped = f"  skipped {state.skipped_photos} photos" if state.skipped_photos else ""
        progress(
            f"step {state.step}/{state.steps}  {losses}  {state.images_per_s:.2f} images/s  "
            f"{state.remaining_s / 60:.1f} min left{skipped}"
        )

    checkpoint = module("stylecore.learning.training").train(
        options.content,
        options.style_images,
        options.out,
        TrainingConfig(**settings),
        faces=options.faces,
        init=options.init,
        resume=options.resume,
        device=options.device,
        on_progress=report,
    )
    if options.json:
        print_json({"checkpoint": str(checkpoint)})
    else:
        progress(f"checkpoint: {checkpoint}; python -m export.export_onnx makes a network of it")
    return OK
