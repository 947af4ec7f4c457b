"""Training of the transformer network with perceptual losses, interruptible and resumable."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from stylecore.errors import CheckpointError, DivergenceError, ImageError, StyleError
from stylecore.host.devices import autocast_dtype, select_device
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.encoding import write_image
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import resize_long_side
from stylecore.learning.checkpoints import (
    ROW_NAMES,
    new_network,
    read_checkpoint,
    take_trunk,
    write_checkpoint,
)
from stylecore.learning.config import TrainingConfig, check_settings, turns_of
from stylecore.learning.crops import PhotoCrops, read_faces
from stylecore.learning.networks import STRIDE, TransformerNetwork
from stylecore.learning.objective import StepLosses, TrainingObjective, pixel_losses

CHECKPOINT_NAME = "checkpoint.pt"
LOG_NAME = "log.jsonl"
SAMPLES_NAME = "samples.jpg"
SAMPLE_PHOTOS = 3
SAMPLE_SIDE = 384  # px
MAX_WORKERS = 8  # processes that read photos for a GPU


@dataclass(frozen=True)
class TrainingProgress:
    """State of a run after a step; losses are means over the last 50 steps."""

    step: int
    steps: int
    content_loss: float
    style_loss: float
    pixel_loss: float  # mean squared error while `pixel_steps` run, else 0
    style_losses: Mapping[str, float]  # by style name
    images_per_s: float
    elapsed_s: float  # of all sessions of this run
    remaining_s: float
    skipped_photos: int  # that could not be read
    newly_skipped: tuple[str, ...]  # names of those first met in this step


class _Meter:
    """Turns the values of single steps into `TrainingProgress`."""

    def __init__(
        self, config: TrainingConfig, names: Sequence[str], first_step: int, earlier_s: float
    ) -> None:
        self.config, self.first_step, self.earlier_s = config, first_step, earlier_s
        self.started = time.monotonic()
        self.recent: deque[tuple[float, float, float]] = deque(maxlen=50)
        self.by_style: dict[str, deque[float]] = {name: deque(maxlen=25) for name in names}

    @property
    def elapsed_s(self) -> float:
        return self.earlier_s + time.monotonic() - self.started

    def read(
        self, step: int, losses: StepLosses, names: Sequence[str], *, skipped: int, new: Sequence[str]
    ) -> TrainingProgress:
        """Progress after a step, whose pictures were painted in the styles `names`.

        Args:
            step: Steps done.
            losses: Of this step.
            names: Of the styles, one for each picture.
            skipped: Photos that could not be read.
            new: Names of those first met in this step.
        """
        if step == self.config.pixel_steps + 1:
            self.recent.clear()  # pixels alone have no content and style
        self.recent.append(tuple(value.detach().mean().item() for value in losses[1:]))
        if step > self.config.pixel_steps:
            for name, value in zip(names, losses.style.tolist(), strict=True):
                self.by_style[name].append(value)
        steps_per_s = (step - self.first_step) / (time.monotonic() - self.started)
        content, style, pixel = np.mean(self.recent, axis=0).tolist()
        return TrainingProgress(
            step=step,
            steps=self.config.steps,
            content_loss=content,
            style_loss=style,
            pixel_loss=pixel,
            style_losses={name: float(np.mean(values)) for name, values in self.by_style.items() if values},
            images_per_s=steps_per_s * self.config.batch_size,
            elapsed_s=self.elapsed_s,
            remaining_s=(self.config.steps - step) / steps_per_s,
            skipped_photos=skipped,
            newly_skipped=tuple(new),
        )


class _Learner:
    """A network, the average of its weights, and what teaches it: all that a checkpoint brings back."""

    def __init__(self, network: TransformerNetwork, config: TrainingConfig, device: torch.device) -> None:
        if config.is_trunk_frozen:
            for name, weight in network.named_parameters():
                weight.requires_grad_(name.endswith(ROW_NAMES))
        self.config = config
        self.network = network.to(device)
        self.averaged = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
        self.optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(0.9, 0.98))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: _rate(step, config))
        is_scaled = autocast_dtype(device, config.precision) == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=is_scaled)
        self.step = 0

    def learn(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.gradient_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        self.averaged.update_parameters(self.network)
        self.step += 1

    def state(self) -> dict:
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
        }

    def load(self, state: dict) -> None:
        self.network.load_state_dict(state["network"])
        self.averaged.module.load_state_dict(state["averaged"])
        self.averaged.n_averaged.fill_(state["step"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if state["scaler"]:  # none of a run that began where float16 was not needed
            self.scaler.load_state_dict(state["scaler"])
        self.step = state["step"]


class _Run:
    """A training run between its steps: takes batches, makes steps of them, and saves what it has.

    Args:
        learner: At the step to begin with.
        objective: What it minimizes.
        crops: Batches by step.
        names: Of the styles.
        out_folder: Gets the checkpoint, the sheet of samples and the log; made where it is missing.
        saved: Checkpoint that the run goes on from.
    """

    def __init__(
        self,
        learner: _Learner,
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
        self.meter = _Meter(config, names, learner.step, saved["elapsed_s"] if saved is not None else 0.0)

    def batches(self) -> Iterator:
        """Batches of the steps that are left, see `PhotoCrops`."""
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
        """Learn from a batch, whose parts are those of `PhotoCrops`.

        Raises:
            DivergenceError: The loss is not a number any more.
        """
        painted_styles = [self.names[index] for index in style_indices]
        losses = self._losses(
            *(part.to(self.device, non_blocking=self.is_cuda) for part in (crops, face_masks, style_indices))
        )
        if not torch.isfinite(losses.total):
            raise DivergenceError(
                f"step {self.learner.step + 1} has a loss of {losses.total.item():.3g}: "
                "try a lower learning rate; the last checkpoint stays"
            )
        self.learner.learn(losses.total)
        new = sorted({*bad} - self.skipped)
        self.skipped.update(new)
        return self.meter.read(self.learner.step, losses, painted_styles, skipped=len(self.skipped), new=new)

    def _losses(self, crops: Tensor, face_masks: Tensor, style_indices: Tensor) -> StepLosses:
        mixes = F.one_hot(style_indices, len(self.names)).float()
        photos_each = crops.repeat_interleave(self.config.styles_per_photo, 0)
        noise = _fresh_noise(self.learner.step, self.config).to(self.device)
        # In float32 whatever the precision: nearly all of the time goes into VGG19.
        stylized = self.paint(photos_each, mixes, noise=noise)
        with torch.autocast(self.device.type, dtype=self.amp_dtype, enabled=self.amp_dtype is not None):
            if self.learner.step < self.config.pixel_steps:
                return pixel_losses(stylized, photos_each)
            return self.measure(stylized, crops, face_masks, style_indices)

    def save(self, progress: TrainingProgress | None) -> None:
        """Write the checkpoint, the sheet of samples, and the last progress, if any, into the log."""
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
    Interrupt the run at any time; `resume` goes on from the last checkpoint to the same end.

    Args:
        content_folder: Photos; unreadable ones are skipped and counted.
        style_images: One picture a style; the file name without its ending is the style's name.
        out_folder: Gets `checkpoint.pt`, `samples.jpg` and `log.jsonl`.
        config: Settings; ignored by `resume`, which takes those of the checkpoint.
        faces: JSON of the boxes of faces by file name, see `read_faces`: their content counts
            `face_factor` times, and `face_share` of the crops come from photos with faces. `resume`
            takes those that the run began with.
        init: Checkpoint to start from: its trunk, and its rows for styles of the same names
            (other styles start from their mean).
        resume: Continue the run in `out_folder`, with the settings that it began with.
        device: `auto`, `cpu` or `cuda`.
        on_progress: Called after every step.
    Returns:
        Path of the final checkpoint.
    Raises:
        ImageError: No usable photo, an unreadable style picture, or one of both where the samples go.
        StyleError: No style, two of the same name, or settings for a style that is not given.
        ValueError: Settings out of range, or both `init` and `resume`.
        CheckpointError: A checkpoint that is missing, does not fit, or would be overwritten.
        DivergenceError: A loss is not a number any more; the last checkpoint is from before.
        DeviceError: The device does not start.
    Source: Johnson et al. (2016), section 3; Dumoulin et al. (2017) for many styles at once.
    """
    names = [path.stem for path in style_images]
    if not names or len(set(names)) < len(names):
        raise StyleError(f"style pictures of different names are needed, got {', '.join(names) or 'none'}")
    saved, initial = _read_start(out_folder, names, init=init, resume=resume)
    config = _checked_config(config, names, saved, initial)
    torch_device = select_device(device)
    photos = find_pictures(content_folder)
    _check_samples(out_folder / SAMPLES_NAME, [content_folder / SAMPLES_NAME, *photos, *style_images])
    crops = _crops_of(photos, names, config, faces, saved)
    learner = _Learner(_new_network(config, names, initial), config, torch_device)
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


def _read_start(
    out_folder: Path, names: Sequence[str], *, init: Path | None, resume: bool
) -> tuple[dict | None, dict | None]:
    """The checkpoint that a run goes on from, and the one whose trunk it begins with; at most one of them."""
    if init is not None and resume:
        raise ValueError("init and resume are given: a run that is resumed goes on from its own checkpoint")
    path = out_folder / CHECKPOINT_NAME
    if not resume:
        if path.exists():
            raise CheckpointError(f"{path} is there already: resume it, or choose another folder")
        return None, read_checkpoint(init) if init is not None else None
    saved = read_checkpoint(path)
    if saved["styles"] != names:
        raise CheckpointError(f"{path} was trained for {', '.join(saved['styles'])}, not {', '.join(names)}")
    return saved, None


def _checked_config(
    config: TrainingConfig, names: Sequence[str], saved: dict | None, initial: dict | None
) -> TrainingConfig:
    """The settings of a run: those of the checkpoint that it goes on from, or the given ones."""
    if saved is not None:
        config = saved["config"]
    elif initial is not None:
        config = replace(config, pixel_steps=0)
    elif config.is_trunk_frozen:
        raise ValueError("a frozen trunk is asked for: init, a checkpoint with a trained trunk, is needed")
    check_settings(config, names)
    return config


def _crops_of(
    photos: Sequence[Path],
    names: Sequence[str],
    config: TrainingConfig,
    faces: Path | None,
    saved: dict | None,
) -> PhotoCrops:
    """Crops of the photos, with the boxes of faces that a resumed run began with, or those of the file."""
    boxes = read_faces(faces) if faces is not None else None
    if saved is not None:
        boxes = saved["faces"]
    crops = PhotoCrops(
        photos,
        turns=turns_of(config, names),
        steps=config.steps,
        batch_size=config.batch_size,
        styles_per_photo=config.styles_per_photo,
        crop_size=config.crop_size,
        crop_share=config.crop_share,
        seed=config.seed,
        faces=boxes,
        face_share=config.face_share,
    )
    if boxes is not None and not crops.face_photos:
        raise ImageError(f"{faces or 'the checkpoint'} names no photo of {photos[0].parent} with a face")
    return crops


def _check_samples(samples: Path, sources: Sequence[Path]) -> None:
    """Refuse to write the sheet of samples over a picture that is read, or among the photos."""
    if os.path.realpath(samples) in {os.path.realpath(source) for source in sources}:
        raise ImageError(f"{samples} would be one of the pictures that are read: choose another folder")


def _without_tracebacks(loader: DataLoader) -> Iterator:
    """What the loader gives; torch puts the traceback of a worker process into its errors."""
    try:
        yield from loader
    except ImageError as error:
        raise ImageError(str(error).strip().rpartition("ImageError: ")[2]) from None


@torch.no_grad()
def sample_sheet(
    network: TransformerNetwork, photos: Sequence[Path], styles: int, device: torch.device
) -> Image.Image:
    """The first photos (rows) as they are and in every style (columns)."""
    rows = []
    for path in photos:
        try:
            image = resize_long_side(load_image(path, max_side=2 * SAMPLE_SIDE), SAMPLE_SIDE)
        except ImageError:
            continue
        batch = torch.from_numpy(to_batch(image)).to(device)
        mixes = torch.eye(styles, device=device)
        row = [image] + [from_batch(network(batch, mix[None]).float().cpu().numpy()) for mix in mixes]
        rows.append(row)
        if len(rows) == SAMPLE_PHOTOS:
            break
    return contact_sheet(rows, cell=(SAMPLE_SIDE, SAMPLE_SIDE))


def _new_network(config: TrainingConfig, styles: Sequence[str], initial: dict | None) -> TransformerNetwork:
    """A network of random weights that hang on the seed alone, or with the trunk of a checkpoint."""
    network = new_network(config, len(styles))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network.apply(_initialize)
    if initial is not None:
        take_trunk(network, initial, styles)
    return network


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _rate(step: int, config: TrainingConfig) -> float:
    """Learning rate as a part of its peak: 20 steps of warm-up, then a cosine down to 3 %."""
    warm_up = 20
    if step < warm_up:
        return (step + 1) / warm_up
    progress = (step - warm_up) / max(1, config.steps - warm_up)
    return 0.03 + 0.97 * 0.5 * (1 + float(np.cos(np.pi * min(1.0, progress))))


def _fresh_noise(step: int, config: TrainingConfig) -> Tensor:
    """Noise for a step, as large as a crop with the border that the network adds."""
    side = config.crop_size + 2 * STRIDE
    noise = np.random.default_rng((config.seed, step)).random((side, side), dtype=np.float32)
    return torch.from_numpy(noise)
