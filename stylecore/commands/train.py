"""`train`: a network trained on the user's own style pictures, or a general one for any style."""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylecore.commands.console import OK, UsageError, module, print_json, progress
from stylecore.commands.files import check_folder
from stylecore.commands.parsing import add_device, add_json, add_settings, given_settings
from stylecore.learning.config import AnyStyleConfig, TrainingConfig

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
    "palette_weight": "weight of the distance to the colors of the style picture",
    "tone_weight": "weight of the loss that keeps light and shade of the photo",
    "learning_rate": "largest learning rate of Adam",
    "gradient_clip": "largest norm of the gradient",
    "ema_decay": "decay of the moving average of the weights, which the export uses",
    "precision": "auto, float32 or mixed",
    "is_compiled": "compile by torch.compile, which takes minutes; faster on GPUs",
    "is_trunk_frozen": "train the scales and shifts of the normalization only, on the network of --init",
    "checkpoint_s": "seconds between checkpoints",
    "seed": "seed of the random numbers",
    "hours": "hours of training, without pauses, instead of --steps",
    "trunk_rate": "largest learning rate of the painting network",
    "weight_decay": "weight decay of the encoder",
    "dropout": "share of the encoder's inputs that are dropped",
    "hidden": "width of the encoder's hidden layers",
    "variants": "variants of each style picture: as it is, and cropped, scaled and recolored",
    "shift_weight": "weight of the change of a painting when the photo moves by 1 to 3 px",
    "loss_knee": "loss of a picture above which it counts only logarithmically",
}
ANY_STYLE = "--any-style"
CONFIGS = {False: TrainingConfig, True: AnyStyleConfig}  # by whether --any-style is given


def add_train(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "train",
        description="Train a network on style pictures and a folder of photos, or with --any-style a general "
        "network and its style encoder. Needs torch.",
    )
    parser.add_argument(
        ANY_STYLE, action="store_true", help="train the general network and the style encoder on many styles"
    )
    parser.add_argument(
        "--style-images",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="style pictures; each file name is the name of a style; with --any-style folders of style "
        "pictures, each folder and each one in it a source",
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
    parser.add_argument(
        "--held-out",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="lists of file names of style pictures and photos that --any-style never trains on",
    )
    add_device(parser, default="auto", use="to train on")
    add_json(parser)
    add_settings(parser, TrainingConfig, HELPS, others={ANY_STYLE: AnyStyleConfig})
    add_settings(parser, AnyStyleConfig, HELPS, title=f"settings with {ANY_STYLE}")
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
        if state.shift_loss:
            losses += f"  shift {255 * state.shift_loss**0.5:.1f}"
        skipped = f"  skipped {state.skipped_photos} photos" if state.skipped_photos else ""
        progress(
            f"step {state.step}/{state.steps}  {losses}  {state.images_per_s:.2f} images/s  "
            f"{state.remaining_s / 60:.1f} min left{skipped}"
        )


def run_train(options: argparse.Namespace) -> int:
    settings = _settings(options)
    check_folder(options.out)
    shared = {
        "faces": options.faces,
        "init": options.init,
        "resume": options.resume,
        "device": options.device,
        "on_progress": ProgressLines().report,
    }
    pictures, config = options.style_images, CONFIGS[options.any_style](**settings)
    if options.any_style:
        train_any_style = module("stylecore.learning.any_style").train_any_style
        checkpoint = train_any_style(
            options.content, pictures, options.out, config, held_out=options.held_out, **shared
        )
    else:
        train = module("stylecore.learning.training").train
        checkpoint = train(options.content, pictures, options.out, config, **shared)
    if options.json:
        print_json({"checkpoint": str(checkpoint)})
    else:
        export = "" if options.any_style else "; export it with python -m export.export_onnx"
        progress(f"checkpoint: {checkpoint}{export}")
    return OK


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """The given settings.

    Raises:
        UsageError: Some are of the other training, contradict each other, or are given to a resumed run.
    """
    settings = given_settings(options, CONFIGS[options.any_style])
    foreign = given_settings(options, CONFIGS[not options.any_style]).keys() - settings.keys()
    if options.held_out and not options.any_style:
        foreign |= {"held_out"}
    if foreign:
        use = "without" if options.any_style else "with"
        raise UsageError(f"{_options(foreign, options)}: only {use} {ANY_STYLE}")
    if options.resume and settings:
        names = _options(settings, options)
        raise UsageError(f"{names}: a run that is resumed keeps the settings that it began with")
    if {"hours", "steps"} <= settings.keys():
        raise UsageError("--hours and --steps: give only one of them")
    return settings


def _options(names: Collection[str], options: argparse.Namespace) -> str:
    """Options of some settings, in the order of the help."""
    ordered = [name for name in vars(options) if name in names]
    return ", ".join(f"--{name.removeprefix('is_').replace('_', '-')}" for name in ordered)
