"""Training of the transformer network with perceptual losses, interruptible and resumable."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from stylecore.crops import Box, PhotoCrops
from stylecore.devices import autocast_dtype, select_device
from stylecore.errors import CheckpointError, ImageError, StyleError
from stylecore.features import Vgg19Features
from stylecore.images import (
    MIN_SIDE,
    find_pictures,
    from_batch,
    load_image,
    load_style,
    resize_long_side,
    to_batch,
)
from stylecore.losses import (
    content_loss,
    gram_matrix,
    grid_loss,
    style_loss,
    tone_loss,
    total_variation_loss,
)
from stylecore.networks import STRIDE, TransformerNetwork
from stylecore.sheets import contact_sheet

CHECKPOINT_NAME = "checkpoint.pt"
LOG_NAME = "log.jsonl"
ROW_NAMES = (".scale", ".shift")  # endings of what each style has of its own
SAMPLE_PHOTOS = 3
SAMPLE_SIDE = 384  # px


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run; those of the shipped networks stand in `weights/styles.json`."""

    steps: int = 4000  # optimizer steps, those on pixels alone included
    pixel_steps: int = 400  # first steps that only reproduce the photo; 0 with `init`
    batch_size: int = 4  # pictures a step, each in a style of its own while there are enough
    styles_per_photo: int = 2  # pictures made of one crop: its content features are read once
    crop_size: int = 224  # px, side of the random crops
    style_size: int = 512  # px, long side at which style pictures are read: the stroke size
    channels: int = 32  # width of the trunk
    blocks: int = 5  # residual blocks
    content_layers: tuple[str, ...] = ("relu3_1", "relu4_1")  # relu4_1 alone lost eyes and mouths
    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    content_weight: float = 4.0
    content_factors: Mapping[str, float] = field(default_factory=dict)  # of it, for styles that lose faces
    # In a round of all styles, others have 1; 0, beside a frozen trunk, leaves a style as it is
    style_turns: Mapping[str, int] = field(default_factory=dict)
    face_factor: float = 4.0  # of the content's weight in faces, where these are given
    face_share: float = 0.35  # of the crops that come from photos with faces; by chance it is 0.1
    style_weight: float = 4.0  # twice the content's drowned it within the first hundred steps
    tv_weight: float = 6.0
    grid_weight: float = 1000.0  # against a weave at the network's stride
    tone_weight: float = 2.0  # for light and shade as in the photo
    learning_rate: float = 2e-3  # peak of Adam's, after 20 warm-up steps, cosine decay to 3 %
    gradient_clip: float = 5.0  # largest norm of the gradient
    ema_decay: float = 0.995  # of the averaged weights that samples and export use
    precision: str = "auto"  # auto, float32 or mixed; auto is mixed where the hardware has it
    checkpoint_s: float = 240.0  # seconds between checkpoints
    # Learn the scales and shifts of the norms alone, on the convolutions of `init`: other styles on the
    # same trunk stay as they are. Dumoulin et al. (2017), section 3.2
    is_trunk_frozen: bool = False
    seed: int = 0


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
    skipped_photos: int


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

    def read(self, step: int, losses: _StepLosses, names: Sequence[str], skipped: int) -> TrainingProgress:
        """Progress after a step, whose pictures were painted in the styles `names`."""
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
        )


class _StepLosses(NamedTuple):
    """What a step minimizes, and its parts for each picture: shapes (), (N,), (N,), ()."""

    total: Tensor
    content: Tensor
    style: Tensor
    pixel: Tensor


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
            `face_factor` times, and `face_share` of the crops come from photos with faces.
        init: Checkpoint to start from: its trunk, and its rows for styles of the same names
            (other styles start from their mean).
        resume: Continue the run in `out_folder`, with the settings that it began with.
        device: `auto`, `cpu` or `cuda`.
        on_progress: Called after every step.
    Returns:
        Path of the final checkpoint.
    Raises:
        ImageError: No usable photo, or an unreadable style picture.
        StyleError: No style, two of the same name, or settings for a style that is not given.
        ValueError: Settings out of range.
        CheckpointError: A checkpoint that is missing, does not fit, or would be overwritten.
        DeviceError: The device does not start.
    Source: Johnson et al. (2016), section 3; Dumoulin et al. (2017) for many styles at once.
    """
    names = [path.stem for path in style_images]
    if not names or len(set(names)) < len(names):
        raise StyleError(f"style pictures of different names are needed, got {', '.join(names) or 'none'}")
    if unknown := sorted({*config.content_factors, *config.style_turns} - set(names)):
        raise StyleError(f"settings for {', '.join(unknown)}: there are {', '.join(names)}")
    for name in ("steps", "batch_size", "styles_per_photo", "channels"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} is {getattr(config, name)}: at least 1 is needed")
    if config.crop_size < MIN_SIDE:
        raise ValueError(f"crop_size is {config.crop_size}: at least {MIN_SIDE} px are needed")
    least_turns = 0 if config.is_trunk_frozen else 1
    turns = _turns(config, names)
    if min(turns) < least_turns or not any(turns):
        raise ValueError(
            f"style_turns is {dict(config.style_turns)}: "
            f"each style needs at least {least_turns}, one at least 1"
        )
    if config.is_trunk_frozen and init is None and not resume:
        raise ValueError("a frozen trunk is asked for: init, a checkpoint with a trained trunk, is needed")
    checkpoint_path = out_folder / CHECKPOINT_NAME
    if checkpoint_path.exists() and not resume:
        raise CheckpointError(f"{checkpoint_path} is there already: resume it, or choose another folder")
    saved = read_checkpoint(checkpoint_path) if resume else None
    if saved is not None:
        config = saved["config"]
        if saved["styles"] != names:
            raise CheckpointError(
                f"{checkpoint_path} was trained for {', '.join(saved['styles'])}, not {', '.join(names)}"
            )
    torch_device = select_device(device)
    amp_dtype = autocast_dtype(torch_device, config.precision)
    photos = find_pictures(content_folder)
    out_folder.mkdir(parents=True, exist_ok=True)

    network = TransformerNetwork(len(names), channels=config.channels, blocks=config.blocks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network.apply(_initialize)
    if init is not None and saved is None:
        _load_init(network, read_checkpoint(init), names)
        config = replace(config, pixel_steps=0)
    if config.is_trunk_frozen:
        for name, weight in network.named_parameters():
            weight.requires_grad_(name.endswith(ROW_NAMES))
    network.to(torch_device)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, config))
    scaler = torch.amp.GradScaler(torch_device.type, enabled=amp_dtype == torch.float16)
    step, earlier_s, skipped = 0, 0.0, 0
    if saved is not None:
        network.load_state_dict(saved["network"])
        averaged.module.load_state_dict(saved["averaged"])
        averaged.n_averaged.fill_(saved["step"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        scaler.load_state_dict(saved["scaler"])
        step, earlier_s, skipped = saved["step"], saved["elapsed_s"], saved["skipped_photos"]

    vgg = Vgg19Features(sorted({*config.content_layers, *config.style_layers})).to(torch_device)
    targets = _style_targets(vgg, style_images, config, torch_device)
    content_weights = torch.tensor(
        [config.content_weight * config.content_factors.get(name, 1.0) for name in names],
        device=torch_device,
    )
    crops = PhotoCrops(
        photos,
        turns=_turns(config, names),
        steps=config.steps,
        batch_size=config.batch_size,
        styles_per_photo=config.styles_per_photo,
        crop_size=config.crop_size,
        seed=config.seed,
        faces=None if faces is None else read_faces(faces),
        face_share=config.face_share,
    )
    if faces is not None and not crops.face_photos:
        raise ImageError(f"{faces} names no photo of {content_folder}")
    loader = DataLoader(
        crops,
        batch_size=None,
        sampler=range(step, config.steps),
        num_workers=min(8, os.cpu_count() or 1) if torch_device.type == "cuda" else 0,
        pin_memory=torch_device.type == "cuda",
    )

    def save() -> None:
        write_checkpoint(
            checkpoint_path,
            {
                "network": network.state_dict(),
                "averaged": averaged.module.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "scaler": scaler.state_dict(),
                "styles": names,
                "targets": targets,
                "config": asdict(config),
                "step": step,
                "elapsed_s": meter.elapsed_s,
                "skipped_photos": skipped,
            },
        )
        sheet = sample_sheet(averaged.module, photos, len(names), torch_device)
        sheet.save(out_folder / "samples.jpg", quality=90)
        if progress is not None:
            with (out_folder / LOG_NAME).open("a") as log:
                log.write(json.dumps(asdict(progress)) + "\n")

    meter, progress = _Meter(config, names, step, earlier_s), None
    last_save = time.monotonic()
    for batch, face_masks, style_indices, bad in loader:
        batch, face_masks, style_indices = (
            part.to(torch_device) for part in (batch, face_masks, style_indices)
        )
        with torch.autocast(torch_device.type, dtype=amp_dtype, enabled=amp_dtype is not None):
            mixes = F.one_hot(style_indices, len(names)).float()
            photos_each = batch.repeat_interleave(config.styles_per_photo, 0)
            noise = _fresh_noise(step, config).to(torch_device)
            stylized = network(photos_each, mixes, noise=noise).float()
            if step < config.pixel_steps:
                losses = _pixel_losses(stylized, photos_each)
            else:
                losses = _perceptual_losses(
                    vgg, stylized, batch, face_masks, targets, content_weights, style_indices, config
                )
        optimizer.zero_grad()
        scaler.scale(losses.total).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        averaged.update_parameters(network)
        step += 1

        skipped += len(bad)
        progress = meter.read(step, losses, [names[index] for index in style_indices], skipped)
        if on_progress is not None:
            on_progress(progress)
        if time.monotonic() - last_save >= config.checkpoint_s and step < config.steps:
            save()
            last_save = time.monotonic()
    save()
    return checkpoint_path


def read_faces(path: Path) -> dict[str, list[Box]]:
    """Boxes of faces by the photo's file name, as `export.find_faces` writes them.

    Each is left, top, right, bottom as parts of the upright photo's width and height.

    Raises:
        ImageError: Missing, or not such a file.
    """
    try:
        faces = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(name): [(float(x), float(y), float(right), float(bottom)) for x, y, right, bottom in boxes]
            for name, boxes in faces.items()
        }
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ImageError(f"{path} does not hold boxes of faces by file name: {error}") from error


def read_checkpoint(path: Path) -> dict:
    """A checkpoint's contents, its `config` as a `TrainingConfig`.

    Raises:
        CheckpointError: Missing, damaged, or not a checkpoint of this project.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        config = saved["config"]
        saved["config"] = TrainingConfig(
            **config | {key: tuple(config[key]) for key in ("content_layers", "style_layers")}
        )
        return saved
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except Exception as error:  # torch.load raises anything, from EOFError to UnpicklingError
        raise CheckpointError(f"{path} is not a checkpoint of this project: {error}") from error


def write_checkpoint(path: Path, contents: dict) -> None:
    """Write a checkpoint so that an interruption leaves the former one whole."""
    partial = path.with_suffix(".partial")
    torch.save(contents, partial)
    partial.replace(path)


def load_network(checkpoint: dict) -> TransformerNetwork:
    """The averaged network of a checkpoint, on the CPU, for inference."""
    config = checkpoint["config"]
    network = TransformerNetwork(len(checkpoint["styles"]), channels=config.channels, blocks=config.blocks)
    network.load_state_dict(checkpoint["averaged"])
    return network.eval().requires_grad_(False)


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


def _pixel_losses(stylized: Tensor, photos: Tensor) -> _StepLosses:
    """Mean squared error: a network that can reproduce the photo learns to paint it sooner."""
    pixel = F.mse_loss(stylized, photos)
    none = torch.zeros(len(photos))
    return _StepLosses(pixel, none, none, pixel)


def _perceptual_losses(
    vgg: Vgg19Features,
    stylized: Tensor,
    photos: Tensor,
    face_masks: Tensor,
    targets: Mapping[str, Tensor],
    content_weights: Tensor,
    style_indices: Tensor,
    config: TrainingConfig,
) -> _StepLosses:
    """Weighted losses of (N * styles_per_photo) pictures of N photos, see `TrainingConfig`."""
    with torch.no_grad():
        deepest = max(config.content_layers, key=lambda layer: layer[4:])
        photo_features = {
            layer: features.repeat_interleave(config.styles_per_photo, 0)
            for layer, features in vgg(photos, last=deepest).items()
            if layer in config.content_layers
        }
    features = vgg(stylized)
    emphasis = (1 + (config.face_factor - 1) * face_masks).repeat_interleave(config.styles_per_photo, 0)
    contents = [
        content_loss(features[layer], photo_features[layer], emphasis) for layer in config.content_layers
    ]
    content = torch.stack(contents).mean(0)
    style = style_loss(features, {layer: targets[layer][style_indices] for layer in config.style_layers})
    tone = tone_loss(stylized, photos.repeat_interleave(config.styles_per_photo, 0))
    total = (
        content_weights[style_indices] * content
        + config.style_weight * style
        + config.tv_weight * total_variation_loss(stylized)
        + config.grid_weight * grid_loss(stylized, period=STRIDE)
        + config.tone_weight * tone
    ).mean()
    return _StepLosses(total, content, style, torch.zeros(()))


@torch.no_grad()
def _style_targets(
    vgg: Vgg19Features, style_images: Sequence[Path], config: TrainingConfig, device: torch.device
) -> dict[str, Tensor]:
    """Gram matrices of all style pictures by layer, each (styles, C, C)."""
    grams: dict[str, list[Tensor]] = {layer: [] for layer in config.style_layers}
    for path in style_images:
        image = resize_long_side(load_style(path), config.style_size)
        features = vgg(torch.from_numpy(to_batch(image)).to(device))
        for layer in config.style_layers:
            grams[layer].append(gram_matrix(features[layer]))
    return {layer: torch.cat(matrices) for layer, matrices in grams.items()}


def _turns(config: TrainingConfig, names: Sequence[str]) -> list[int]:
    return [config.style_turns.get(name, 1) for name in names]


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


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _load_init(network: TransformerNetwork, checkpoint: dict, names: Sequence[str]) -> None:
    """Copy a trained trunk, and the rows of the conditional norms by style name."""
    own, given = network.state_dict(), checkpoint["averaged"]
    rows = {name: row for row, name in enumerate(checkpoint["styles"])}
    for key, value in own.items():
        if key not in given:
            raise CheckpointError(
                f"the initial checkpoint has no {key}: give it the same channels and blocks"
            )
        source = given[key]
        if key.endswith(ROW_NAMES):
            mean = source.mean(0)
            source = torch.stack([source[rows[name]] if name in rows else mean for name in names])
        if source.shape != value.shape:
            raise CheckpointError(
                f"{key} is {tuple(source.shape)} in the initial checkpoint, {tuple(value.shape)} is needed: "
                "give it the same channels and blocks"
            )
        own[key] = source
    network.load_state_dict(own)
