"""Training loop of the transformer network; can be interrupted and resumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylecore.errors import StyleError
from stylecore.host.devices import select_device
from stylecore.images.files import find_pictures
from stylecore.learning.config import TrainingConfig, turns_of
from stylecore.learning.crops import PhotoCrops
from stylecore.learning.learner import Learner
from stylecore.learning.objective import StepLosses, TrainingObjective, pixel_losses
from stylecore.learning.preparing import (
    check_samples,
    checked_config,
    photo_crops,
    read_start,
    starting_network,
)
from stylecore.learning.progress import TrainingProgress
from stylecore.learning.runs import SAMPLES_NAME, TrainingRun, fresh_noise
from stylecore.learning.samples import sample_sheet


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
    crops = photo_crops(photos, config, faces, saved, turns=turns_of(config, names))
    learner = Learner(starting_network(config, names, initial), config, torch_device)
    if saved is not None:
        learner.load(saved)
    objective = TrainingObjective(style_images, config, torch_device)
    return _StylesRun(learner, objective, crops, names, out_folder, saved).finish(on_progress)


class _StylesRun(TrainingRun):
    """A training on given styles, see `TrainingRun`."""

    def __init__(
        self,
        learner: Learner,
        objective: TrainingObjective,
        crops: PhotoCrops,
        names: Sequence[str],
        out_folder: Path,
        saved: dict | None,
    ) -> None:
        pixel_steps = learner.config.pixel_steps
        super().__init__(
            learner, crops, names=names, pixel_steps=pixel_steps, out_folder=out_folder, saved=saved
        )
        self.objective = objective
        self.paint, self.measure = self.compiled(learner.network), self.compiled(objective.__call__)

    def losses(self, crops: Tensor, face_masks: Tensor, style_indices: Tensor) -> StepLosses:
        config, step = self.config, self.learner.step
        mixes = F.one_hot(style_indices, len(self.names)).float()
        photos_each = crops.repeat_interleave(config.styles_per_photo, 0)
        noise = fresh_noise(step, seed=config.seed, crop_size=config.crop_size).to(self.device)
        # Always in float32: VGG19 takes nearly all of the time.
        stylized = self.paint(photos_each, mixes, noise=noise)
        with torch.autocast(self.device.type, dtype=self.amp_dtype, enabled=self.amp_dtype is not None):
            if step < config.pixel_steps:
                return pixel_losses(stylized, photos_each)
            return self.measure(stylized, crops, face_masks, style_indices)

    def contents(self) -> dict:
        return {"styles": self.names, "targets": self.objective.targets.grams}

    def samples(self) -> Image.Image:
        styles = torch.eye(len(self.names), device=self.device)
        return sample_sheet(self.learner.averaged.module, self.crops.photos, styles)
