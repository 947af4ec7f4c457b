"""`train`: a network trained on the user's own style pictures."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stylecore.commands.console import OK, UsageError, module, print_json, progress
from stylecore.commands.files import check_folder
from stylecore.commands.parsing import add_device, add_json, add_settings, given_settings
from stylecore.learning.config import TrainingConfig

if TYPE_CHECKING:
    from stylecore.learning.progress import TrainingProgress

HELPS = {
    "steps": "steps of the optimizer",
    "pixel_steps": "first steps, which only reproduce the photo",
    "batch_size": "pictures per step",
    "styles_per_photo": "pictures made of each crop",
    "crop_size": "side of the crops in pixels",
    "crop_share": "smallest side of the cut, as a share of the short side of the photo",
    "style_size": "long side in pixels at which style pictures are read",
    "channels": "channels of the residual blocks",
    "blocks": "number of residual blocks",
    "upsampling": "upsampling to the full size: linear or nearest",
    "content_layers": "layers of VGG19 for the content loss",
    "style_layers": "layers of VGG19 for the style loss",
    "content_weight": "weight of the content loss",
    "content_factors": "factors on --content-weight by style, for styles that lose faces",
    "style_turns": "how often these styles are drawn in a round of all styles; the others once",
    "face_factor": "factor on the content loss in faces",
    "face_share": "share of the crops taken from photos with faces",
    "style_weight": "weight of the style loss",
    "tv_weight": "weight of the total variation",
    "grid_weight": "weight of the loss against patterns on the network's grid",
    "ripple_weight": "weight of the loss against ripples finer than those of the style picture",
    "tone_weight": "weight of the loss that keeps light and shade of the photo",
    "learning_rate": "largest learning rate of Adam",
    "gradient_clip": "largest norm of the gradient",
    "ema_decay": "decay of the moving average of the weights, which the export uses",
    "precision": "auto, float32 or mixed",
    "is_compiled": "compile by torch.compile, which takes minutes; faster on GPUs",
    "is_trunk_frozen": "train the scales and shifts of the normalization only, on the network of --init",
    "checkpoint_s": "seconds between checkpoints",
    "seed": "seed of the random numbers",
}


def add_train(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "train", description="Train a network on style pictures and a folder of photos. Needs torch."
    )
    parser.add_argument(
        "--style-images",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="style pictures; each file name is the name of a style",
    )
    parser.add_argument("--content", type=Path, required=True, metavar="FOLDER", help="folder of photos")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder for the checkpoint and sample pictures",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue from the checkpoint in --out, with its settings"
    )
    parser.add_argument(
        "--faces",
        type=Path,
        metavar="FILE",
        help="faces in the photos, as export.find_faces writes them; the content loss counts more there",
    )
    parser.add_argument(
        "--init", type=Path, metavar="CHECKPOINT", help="start from the weights of a trained network"
    )
    add_device(parser, default="auto", use="to train on")
    add_json(parser)
    add_settings(parser, TrainingConfig, HELPS)
    parser.set_defaults(run=run_train)


class ProgressLines:
    """Prints the progress of a training, at most every two seconds."""

    def __init__(self) -> None:
        self.printed_at = 0.0  # seconds of `time.monotonic`

    def report(self, state: TrainingProgress) -> None:
        for name in state.newly_skipped:
            progress(f"skipped {name}, which cannot be read")
        now = time.monotonic()
        if now - self.printed_at < 2 and state.step < state.steps:
            return
        self.printed_at = now
        losses = f"content {state.content_loss:.3f}  style {state.style_loss:.3f}"
        if state.pixel_loss:
            losses = f"pixels {state.pixel_loss:.4f}"
        skipped = f"  skipped {state.skipped_photos} photos" if state.skipped_photos else ""
        progress(
            f"step {state.step}/{state.steps}  {losses}  {state.images_per_s:.2f} images/s  "
            f"{state.remaining_s / 60:.1f} min left{skipped}"
        )


def run_train(options: argparse.Namespace) -> int:
    settings = given_settings(options, TrainingConfig)
    if options.resume and settings:
        given = ", ".join(f"--{name.removeprefix('is_').replace('_', '-')}" for name in settings)
        raise UsageError(f"{given}: a run that is resumed keeps the settings that it began with")
    check_folder(options.out)
    checkpoint = module("stylecore.learning.training").train(
        options.content,
        options.style_images,
        options.out,
        TrainingConfig(**settings),
        faces=options.faces,
        init=options.init,
        resume=options.resume,
        device=options.device,
        on_progress=ProgressLines().report,
    )
    if options.json:
        print_json({"checkpoint": str(checkpoint)})
    else:
        progress(f"checkpoint: {checkpoint}; export it with python -m export.export_onnx")
    return OK
