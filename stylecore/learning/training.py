"""Training loop of the transformer network; can be interrupted and resumed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from stylecore.errors import DivergenceError, ImageError, StyleError
from stylecore.host.devices import autocast_dtype, select_device
from stylecore.images.encoding import write_image
from stylecore.images.files import find_pictures
from stylecore.learning.checkpoints import CHECKPOINT_NAME, write_checkpoint
from stylecore.learning.config import TrainingConfig
from stylecore.learning.crops import PhotoCrops
from stylecore.learning.learner import Learner
from stylecore.learning.networks import STRIDE
from stylecore.learning.objective import StepLosses, TrainingObjective, pixel_losses
from stylecore.learning.preparing import (
    check_samples,
    checked_config,
    photo_crops,
    read_start,
    starting_network,
)
from stylecore.learning.progress import ProgressMeter, TrainingProgress
from stylecore.learning.samples import sample_sheet

LOG_NAME = "log.jsonl"
SAMPLES_NAME = "samples.jpg"
MAX_WORKERS = 8  # worker processes that read photos, on a GPU


@torch.backends.cudnn.flags(enabled=True, benchmark=True)  # all crops have one size
def train(
    content_folder: Path,
    style_images: Sequence[Path],
    out_folder: Path,
    config: TrainingConfig = TrainingConfig(),
    *,
    faces: Path | None = None,
    init: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    on_progress: Callable[[TrainingProgress], None] | None = None,
) -> Path:
    """Train one network for all given styles.

    A checkpoint and a sample sheet are written every `checkpoint_s` seconds and at the end.
    The run can be interrupted at any time; resumed, it ends with the same weights.

    Args:
        content_folder: Folder of photos; unreadable ones are skipped and counted.
        style_images: One picture per style; its file name without the ending is the style's name.
        out_folder: Folder for `checkpoint.pt`, `samples.jpg` and `log.jsonl`.
        config: Settings; `resume` uses those of the checkpoint instead.
        faces: JSON file of face boxes, see `read_faces`; `resume` uses those of the checkpoint.
        init: Checkpoint whose trunk, and rows of styles with the same names, are the start.
        resume: Continue the run in `out_folder` with its settings.
        device: `auto`, `cpu` or `cuda`.
        on_progress: Called after every step.
    Returns:
        Path of the final checkpoint.
    Raises:
        ImageError: No usable photo, an unreadable style picture, or an input picture at the path of
            the samples.
        StyleError: No style, two with the same name, or settings for an unknown style.
        ValueError: Settings out of range, or both `init` and `resume`.
        CheckpointError: A checkpoint is missing, does not fit, or would be overwritten.
        DivergenceError: The loss is not finite; the last checkpoint is from an earlier step.
        DeviceError: The device does not start.
    Source: Johnson et al. (2016), section 3; Dumoulin et al. (2017) for many styles at once.
    """
    names = [path.stem for path in style_images]
    if not names or len(set(names)) < len(names):
        raise StyleError(f"style pictures of different names are needed, got {', '.join(names) or 'none'}")
    saved, initial = read_start(out_folder, names, init=init, resume=resume)
    config = checked_config(config, names, saved, initial)
    torch_device = select_device(device)
    photos = find_pictures(content_folder)
    check_samples(out_folder / SAMPLES_NAME, [content_folder / SAMPLES_NAME, *photos, *style_images])
    crops = photo_crops(photos, names, config, faces, saved)
    learner = Learner(starting_network(config, names, initial), config, torch_device)
    if saved is not None:
        learner.load(saved)
    objective = TrainingObjective(style_images, config, torch_device)
    run = _Run(learner, objective, crops, names, out_folder, saved)

    progress, last_save = None, time.monotonic()
    for batch in run.batches():
        progress = run.make_step(*batch)
        if on_progress is not None:
            on_progress(progress)
        if time.monotonic() - last_save >= config.checkpoint_s and progress.step < config.steps:
            run.save(progress)
            last_save = time.monotonic()
    run.save(progress)
    return out_folder / CHECKPOINT_NAME


class _Run:
    """A training run: loads batches, makes steps and saves checkpoints.

    Args:
        learner: Network and optimizer at the first step.
        objective: Losses to minimize.
        crops: Batches by step.
        names: Style names.
        out_folder: Folder for checkpoint, samples and log; created if missing.
        saved: Resumed checkpoint, if any.
    """

    def __init__(
        self,
        learner: Learner,
        objective: TrainingObjective,
        crops: PhotoCrops,
        names: Sequence[str],
        out_folder: Path,
        saved: dict | None,
    ) -> None:
        self.learner, self.objective, self.crops = learner, objective, crops
        self.names, self.out_folder = names, out_folder
        self.config = config = learner.config
        self.device = next(learner.network.parameters()).device
        self.is_cuda = self.device.type == "cuda"
        self.amp_dtype = autocast_dtype(self.device, config.precision)
        self.paint, self.measure = learner.network, objective.__call__
        if config.is_compiled:
            self.paint, self.measure = (
                torch.compile(part, dynamic=False) for part in (self.paint, self.measure)
            )
        self.skipped: set[str] = set(saved["skipped_photos"]) if saved is not None else set()
        out_folder.mkdir(parents=True, exist_ok=True)
        self.meter = ProgressMeter(
            config, names, learner.step, saved["elapsed_s"] if saved is not None else 0.0
        )

    def batches(self) -> Iterator:
        """Load the batches of the remaining steps, see `PhotoCrops`."""
        loader = DataLoader(
            self.crops,
            batch_size=None,
            sampler=range(self.learner.step, self.config.steps),
            num_workers=min(MAX_WORKERS, os.cpu_count() or 1) if self.is_cuda else 0,
            pin_memory=self.is_cuda,
        )
        return _without_tracebacks(loader)

    def make_step(
        self, crops: Tensor, face_masks: Tensor, style_indices: Tensor, bad: Sequence[str]
    ) -> TrainingProgress:
        """Make an optimizer step on a batch of `PhotoCrops`.

        Raises:
            DivergenceError: The loss is not finite.
        """
        painted_styles = [self.names[index] for index in style_indices]
        losses = self._losses(
            *(part.to(self.device, non_blocking=self.is_cuda) for part in (crops, face_masks, style_indices))
        )
        if not torch.isfinite(losses.total):
            raise DivergenceError(
                f"step {self.learner.step + 1} has a loss of {losses.total.item():.3g}: "
                "try a lower learning rate; the last checkpoint is kept"
            )
        self.learner.learn(losses.total)
        new = sorted({*bad} - self.skipped)
        self.skipped.update(new)
        return self.meter.read(self.learner.step, losses, painted_styles, skipped=len(self.skipped), new=new)

    def _losses(self, crops: Tensor, face_masks: Tensor, style_indices: Tensor) -> StepLosses:
        mixes = F.one_hot(style_indices, len(self.names)).float()
        photos_each = crops.repeat_interleave(self.config.styles_per_photo, 0)
        noise = _fresh_noise(self.learner.step, self.config).to(self.device)
        # Always in float32: VGG19 takes nearly all of the time.
        stylized = self.paint(photos_each, mixes, noise=noise)
        with torch.autocast(self.device.type, dtype=self.amp_dtype, enabled=self.amp_dtype is not None):
            if self.learner.step < self.config.pixel_steps:
                return pixel_losses(stylized, photos_each)
            return self.measure(stylized, crops, face_masks, style_indices)

    def save(self, progress: TrainingProgress | None) -> None:
        """Write the checkpoint and the sheet of samples, and append the progress, if any, to the log."""
        write_checkpoint(
            self.out_folder / CHECKPOINT_NAME,
            self.learner.state()
            | {
                "styles": self.names,
                "targets": self.objective.targets,
                "config": asdict(self.config),
                "faces": self.crops.faces or None,
                "elapsed_s": self.meter.elapsed_s,
                "skipped_photos": sorted(self.skipped),
            },
        )
        network = self.learner.averaged.module
        sheet = sample_sheet(network, self.crops.photos, len(self.names), self.device)
        write_image(sheet, self.out_folder / SAMPLES_NAME)
        if progress is not None:
            with (self.out_folder / LOG_NAME).open("a") as log:
                log.write(json.dumps(asdict(progress)) + "\n")


def _fresh_noise(step: int, config: TrainingConfig) -> Tensor:
    """Noise for a step, with the size of a crop and the border that the network adds."""
    side = config.crop_size + 2 * STRIDE
    noise = np.random.default_rng((config.seed, step)).random((side, side), dtype=np.float32)
    return torch.from_numpy(noise)


def _without_tracebacks(loader: DataLoader) -> Iterator:
    """Batches of a loader; removes the worker's traceback that torch puts into error messages."""
    try:
        yield from loader
    except ImageError as error:
        raise ImageError(str(error).strip().rpartition("ImageError: ")[2]) from None
