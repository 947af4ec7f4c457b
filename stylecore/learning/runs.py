"""The loop of a training: loads batches, makes steps, reports progress and saves checkpoints."""

from __future__ import annotations

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from stylecore.errors import DivergenceError, ImageError
from stylecore.host.cgroups import thread_limit
from stylecore.host.devices import autocast_dtype
from stylecore.images.encoding import write_image
from stylecore.learning.checkpoints import CHECKPOINT_NAME, write_checkpoint
from stylecore.learning.crops import PhotoCrops
from stylecore.learning.learner import Learner
from stylecore.learning.networks import STRIDE
from stylecore.learning.objective import StepLosses
from stylecore.learning.progress import ProgressMeter, TrainingProgress

LOG_NAME = "log.jsonl"
SAMPLES_NAME = "samples.jpg"
MAX_WORKERS = 8  # worker processes that read photos, on a GPU


class TrainingRun(ABC):
    """A training run; its kinds differ in their losses, samples, and what checkpoints hold besides.

    Args:
        learner: Network and optimizer at the first step.
        crops: Batches by step.
        names: Names of the styles whose losses are reported each.
        pixel_steps: First steps, which only reproduce the photo.
        out_folder: Folder for checkpoint, samples and log; created if missing.
        saved: Resumed checkpoint, if any.
    """

    def __init__(
        self,
        learner: Learner,
        crops: PhotoCrops,
        *,
        names: Sequence[str],
        pixel_steps: int,
        out_folder: Path,
        saved: dict | None,
    ) -> None:
        self.learner, self.crops = learner, crops
        self.names, self.out_folder = names, out_folder
        self.config = config = learner.config
        self.device = next(learner.network.parameters()).device
        self.is_cuda = self.device.type == "cuda"
        self.amp_dtype = autocast_dtype(self.device, config.precision)
        self.skipped: set[str] = set(saved["skipped_photos"]) if saved is not None else set()
        out_folder.mkdir(parents=True, exist_ok=True)
        self.meter = ProgressMeter(
            config,
            names,
            pixel_steps=pixel_steps,
            first_step=learner.step,
            earlier_s=saved["elapsed_s"] if saved is not None else 0.0,
        )

    @abstractmethod
    def losses(self, crops: Tensor, face_masks: Tensor, style_indices: Tensor) -> StepLosses:
        """Losses of a batch of `PhotoCrops` on the device of the network."""

    @abstractmethod
    def contents(self) -> dict:
        """What checkpoints of this kind hold besides the learner, the settings and the progress."""

    @abstractmethod
    def samples(self) -> Image.Image:
        """The sheet of samples, painted with the averaged weights."""

    def compiled(self, part: Callable) -> Callable:
        """A part of the step, compiled if the settings say so."""
        return torch.compile(part, dynamic=False) if self.config.is_compiled else part

    def finish(self, on_progress: Callable[[TrainingProgress], None] | None) -> Path:
        """Make the remaining steps, and return the path of the final checkpoint."""
        progress, last_save = None, time.monotonic()
        for batch in self._batches():
            progress = self._make_step(*batch)
            if on_progress is not None:
                on_progress(progress)
            if progress.remaining_s <= 0:
                break
            if time.monotonic() - last_save >= self.config.checkpoint_s:
                self._save(progress)
                last_save = time.monotonic()
        self._save(progress)
        return self.out_folder / CHECKPOINT_NAME

    def _batches(self) -> Iterator:
        """Load the batches of the remaining steps, see `PhotoCrops`."""
        steps = sys.maxsize if self.config.hours else self.config.steps
        loader = DataLoader(
            self.crops,
            batch_size=None,
            sampler=range(self.learner.step, steps),
            num_workers=min(MAX_WORKERS, thread_limit() or os.cpu_count() or 1) if self.is_cuda else 0,
            pin_memory=self.is_cuda,
        )
        return without_tracebacks(loader)

    def _make_step(
        self, crops: Tensor, face_masks: Tensor, style_indices: Tensor, bad: Sequence[str]
    ) -> TrainingProgress:
        """Make an optimizer step on a batch of `PhotoCrops`.

        Raises:
            DivergenceError: The loss is not finite.
        """
        painted_styles = [self.names[index] for index in style_indices] if self.names else []
        losses = self.losses(
            *(part.to(self.device, non_blocking=self.is_cuda) for part in (crops, face_masks, style_indices))
        )
        if not torch.isfinite(losses.total):
            raise DivergenceError(
                f"step {self.learner.step + 1} has a loss of {losses.total.item():.3g}: "
                "try a lower learning rate; the last checkpoint is kept"
            )
        self.learner.learn(losses.total, elapsed_s=self.meter.elapsed_s)
        new = sorted({*bad} - self.skipped)
        self.skipped.update(new)
        return self.meter.read(self.learner.step, losses, painted_styles, skipped=len(self.skipped), new=new)

    def _save(self, progress: TrainingProgress | None) -> None:
        """Write the checkpoint and the sheet of samples, and append the progress, if any, to the log."""
        write_checkpoint(
            self.out_folder / CHECKPOINT_NAME,
            self.learner.state()
            | self.contents()
            | {
                "config": asdict(self.config),
                "faces": self.crops.faces or None,
                "elapsed_s": self.meter.elapsed_s,
                "skipped_photos": sorted(self.skipped),
            },
        )
        write_image(self.samples(), self.out_folder / SAMPLES_NAME)
        if progress is not None:
            with (self.out_folder / LOG_NAME).open("a") as log:
                log.write(json.dumps(asdict(progress)) + "\n")


def fresh_noise(step: int, *, seed: int, crop_size: int) -> Tensor:
    """Noise for a step, with the size of a crop and the border that the network adds."""
    side = crop_size + 2 * STRIDE
    noise = np.random.default_rng((seed, step)).random((side, side), dtype=np.float32)
    return torch.from_numpy(noise)


def without_tracebacks(loader: DataLoader) -> Iterator:
    """Batches of a loader; removes the worker's traceback that torch puts into error messages."""
    try:
        yield from loader
    except ImageError as error:
        raise ImageError(str(error).strip().rpartition("ImageError: ")[2]) from None
