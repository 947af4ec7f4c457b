"""Training of the general network, which paints any style, together with its style encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.errors import ImageError
from stylecore.host.devices import select_device
from stylecore.images.arrays import to_batch
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_style
from stylecore.images.sizes import resize_long_side
from stylecore.learning.any_style_objective import MAX_SHIFT, AnyStyleObjective, shift_loss
from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.crops import PhotoCrops
from stylecore.learning.encoder import STATISTICS, AnyStyleNetwork, feature_statistics
from stylecore.learning.learner import Learner, warming_average
from stylecore.learning.objective import StepLosses
from stylecore.learning.preparing import (
    check_samples,
    checked_general_config,
    photo_crops,
    read_general_start,
    starting_general_network,
)
from stylecore.learning.progress import TrainingProgress
from stylecore.learning.runs import SAMPLES_NAME, TrainingRun, fresh_noise
from stylecore.learning.samples import sample_sheet
from stylecore.learning.style_pool import StylePool
from stylecore.learning.style_sources import find_style_sources, read_held_out

TARGETS_NAME = "targets"  # folder of the kept style pictures' targets in the folder of a run
SAMPLE_STYLES = 6
STEP_STREAM = 3  # of the random numbers of a seed, after those of the crops and variants


@torch.backends.cudnn.flags(enabled=True, benchmark=True)  # all crops have one size
def train_any_style(
    content_folder: Path,
    style_folders: Sequence[Path],
    out_folder: Path,
    config: AnyStyleConfig = AnyStyleConfig(),
    *,
    held_out: Sequence[Path] = (),
    faces: Path | None = None,
    init: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    on_progress: Callable[[TrainingProgress], None] | None = None,
) -> Path:
    """Train a general network and its style encoder.

    A checkpoint and a sample sheet are written every `checkpoint_s` seconds and at the end. The run can be
    interrupted at any time; resumed, it ends with the same weights, unless `hours` end it.

    Args:
        content_folder: Folder of photos; unreadable ones are skipped and counted.
        style_folders: Folders of style pictures, see `find_style_sources`.
        out_folder: Folder for `checkpoint.pt`, `samples.jpg`, `log.jsonl` and `targets/`.
        config: Settings; `resume` uses those of the checkpoint instead.
        held_out: Lists of names of style pictures and photos that are never trained on, see `read_held_out`.
        faces: JSON file of face boxes, see `read_faces`; `resume` uses those of the checkpoint.
        init: Checkpoint to start from: of a general network, or one whose trunk is taken.
        resume: Continue the run in `out_folder` with its settings.
        device: `auto`, `cpu` or `cuda`.
        on_progress: Called after every step.
    Returns:
        Path of the final checkpoint.
    Raises:
        ImageError: No usable photo, an unreadable style picture, or an input picture at the path of
            the samples.
        StyleError: No style picture to train on, or an unusable list of held-out pictures.
        ValueError: Settings out of range, or both `init` and `resume`.
        CheckpointError: A checkpoint is missing, does not fit, or would be overwritten.
        DivergenceError: The loss is not finite; the last checkpoint is from an earlier step.
        DeviceError: The device does not start.
    Source: Ghiasi et al. (2017) for a trunk and an encoder trained together.
    """
    kept_back = read_held_out(held_out)
    sources = find_style_sources(style_folders, kept_back)
    saved, initial = read_general_start(out_folder, sources.names, init=init, resume=resume)
    config = checked_general_config(config, saved, initial)
    torch_device = select_device(device)
    photos = [path for path in find_pictures(content_folder) if path.name not in kept_back]
    if not photos:
        raise ImageError(f"all photos of {content_folder} are held out: others are needed to train on")
    check_samples(
        out_folder / SAMPLES_NAME, [content_folder / SAMPLES_NAME, *photos, *sources.paths, *sources.held_out]
    )
    crops = photo_crops(photos, config, faces, saved, turns=sources.turns, margin=MAX_SHIFT)
    network = starting_general_network(config, initial)
    objective = AnyStyleObjective(config, torch_device)
    pool = StylePool(sources, config, objective, out_folder / TARGETS_NAME)
    learner = Learner(
        network,
        config,
        torch_device,
        groups=_parameter_groups(network, config),
        average=warming_average(config.ema_decay),
    )
    if saved is not None:
        learner.load(saved)
    elif initial is None or "styles" in initial:  # a new encoder
        network.encoder.fit_inputs(pool.statistics())
    return _AnyStyleRun(learner, objective, pool, crops, out_folder, saved).finish(on_progress)


def _parameter_groups(network: AnyStyleNetwork, config: AnyStyleConfig) -> list[dict]:
    encoder, trunk = ([*part.parameters()] for part in (network.encoder, network.network))
    return [
        {"params": encoder, "weight_decay": config.weight_decay, "betas": (0.9, 0.99)},
        {"params": trunk, "lr": config.trunk_rate, "betas": (0.9, 0.99)},
    ]


class _AnyStyleRun(TrainingRun):
    """A training of a general network, see `TrainingRun`."""

    def __init__(
        self,
        learner: Learner,
        objective: AnyStyleObjective,
        pool: StylePool,
        crops: PhotoCrops,
        out_folder: Path,
        saved: dict | None,
    ) -> None:
        super().__init__(learner, crops, names=(), pixel_steps=0, out_folder=out_folder, saved=saved)
        self.pool, self.vgg = pool, objective.vgg
        self.paint = self.compiled(learner.network.network)
        self.measure = self.compiled(objective.__call__)

    def losses(self, crops: Tensor, face_masks: Tensor, style_indices: Tensor) -> StepLosses:
        config, step, side = self.config, self.learner.step, self.config.crop_size
        random = np.random.default_rng((config.seed, STEP_STREAM, step))
        styles = self.pool.draw(step, style_indices.tolist())
        rows = self.learner.network.encoder(styles.statistics, kept=self._kept(random))
        noise = fresh_noise(step, seed=config.seed, crop_size=side + MAX_SHIFT).to(self.device)
        down, right = divmod(int(random.integers(1, (MAX_SHIFT + 1) ** 2)), MAX_SHIFT + 1)
        photos, masks = crops[..., :side, :side], face_masks[..., :side, :side]
        # Always in float32: VGG19 takes nearly all of the time.
        stylized = self.paint(
            photos.repeat_interleave(config.styles_per_photo, 0), rows, noise=_from(noise, 0, 0)
        )
        # One painting of each crop once more, further down and to the right; the noise moves along.
        choice = random.integers(config.styles_per_photo, size=len(crops))
        picks = torch.from_numpy(np.arange(len(crops)) * config.styles_per_photo + choice).to(self.device)
        moved = crops[..., down : down + side, right : right + side]
        shifted = self.paint(moved, rows[picks], noise=_from(noise, down, right))
        shift = shift_loss(stylized[picks], shifted, (down, right))
        with torch.autocast(self.device.type, dtype=self.amp_dtype, enabled=self.amp_dtype is not None):
            return self.measure(stylized, photos, masks, styles.targets, shift)

    def _kept(self, random: np.random.Generator) -> Tensor:
        """Factors on the encoder's inputs of a step: 0 for the dropped ones."""
        dropout = self.config.dropout
        is_kept = random.random((self.config.batch_size, STATISTICS), dtype=np.float32) >= dropout
        return torch.from_numpy(is_kept / np.float32(1 - dropout)).to(self.device)

    def contents(self) -> dict:
        held_out = [path.name for path in self.pool.sources.held_out]
        return {"pictures": self.pool.sources.names, "held_out": held_out}

    @torch.no_grad()
    def samples(self) -> Image.Image:
        """Sample photos in the first held-out styles, or else in the first ones of the training."""
        averaged = self.learner.averaged.module
        rows = []
        for path in (self.pool.sources.held_out or self.pool.sources.paths)[:SAMPLE_STYLES]:
            image = resize_long_side(load_style(path), self.config.style_size)
            features = self.vgg(torch.from_numpy(to_batch(image)).to(self.device))
            rows.append(averaged.encoder(feature_statistics(features)))
        return sample_sheet(averaged.network, self.crops.photos, torch.cat(rows))


def _from(noise: Tensor, down: int, right: int) -> Tensor:
    """Noise for a crop that begins further down and to the right, always of one size."""
    side = len(noise) - MAX_SHIFT
    return noise[down : down + side, right : right + side]
