"""Learning of one style from its pictures, in minutes: rows, and the trunk of the general network."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.errors import DivergenceError, StoppedError
from stylecore.host.devices import autocast_dtype, select_device
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_checkpoint
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.loading import Source, load_image, load_style
from stylecore.images.sizes import limit_long_side
from stylecore.instant.encoder import encode_style
from stylecore.learning.checkpoints import load_general_network, read_general_checkpoint
from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.learner import Learner, warming_average
from stylecore.learning.learning_config import LearningConfig, check_learning_config
from stylecore.learning.learning_objective import LearningObjective
from stylecore.learning.learning_progress import LearningProgress
from stylecore.learning.networks import StyledNetwork
from stylecore.learning.objective import StepLosses
from stylecore.learning.photo_turns import KnownPhoto, PhotoTurns
from stylecore.learning.runs import fresh_noise
from stylecore.learning.trunk import trunk_differences
from stylecore.styles.style import GENERAL_MODEL, Style, network_name

GENERAL_CHECKPOINT = "general.pt"  # in `weights/`: torch's weights of the general network
GENERAL = network_name(GENERAL_MODEL)
PALETTE_WEIGHT = 60.0  # as in the training of the general network
PROBES = 4  # photos on which the averaged weights are judged
PROBE_STEPS = 50  # between two judgments
SAMPLE_SIDE = 384  # px, long side of the sample painting
SAMPLE_S = 4.0  # seconds between sample paintings
SMOOTHING = 0.95  # of the reported losses, from step to step


def learn_style(
    style_images: Source | Sequence[Source],
    config: LearningConfig = LearningConfig(),
    *,
    photos: Sequence[Image.Image] = (),
    sample: Image.Image | None = None,
    on_progress: Callable[[LearningProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Style:
    """Learn a style from its pictures, so that it paints any photo at once.

    Starts from the rows that the style encoder predicts, and ends with the best weights found; they are never
    worse than the encoded ones on the photos by which they are judged. The same seed gives the same style on
    one device if `steps` end it, but for what `optimize_image` says of processes on one CPU.

    Args:
        style_images: The style picture, or several of one style, whose statistics are averaged; each a path,
            encoded bytes, binary file object, or PIL image.
        config: Settings.
        photos: The user's own photos, which a quarter of the steps takes; the others take photos that ship
            with the project. With `config.is_for_photos` it learns on them alone.
        sample: Photo to paint every few seconds, for `on_progress`.
        on_progress: Called after every step.
        should_stop: Asked before the first step and after each; True ends it with the best weights so far.
    Returns:
        A style for the general network, with rows, and a `trunk` if the settings say so.
    Raises:
        ImageError: A picture that cannot be read or is too small, or a style picture of a single color.
        StyleError: A picture leads to rows that cannot be used.
        ValueError: No style picture, settings out of range, or no photo to fit a style to.
        WeightsError: A file of the general network, its encoder, VGG19 or the photos is missing or damaged.
        CheckpointError: The same of torch's weights of the general network.
        StoppedError: `should_stop` answered True before the first step.
        DivergenceError: The loss is not finite.
        DeviceError: The device does not start.
    Source: Johnson et al. (2016), section 3; Dumoulin et al. (2017), section 3.2 for learning a new style
        from the weights of others.
    """
    started, should_stop = time.monotonic(), should_stop or (lambda: False)

    def check_stop() -> None:
        if should_stop():
            raise StoppedError("the learning was stopped before its first step")

    check_learning_config(config)
    sources = list(style_images) if isinstance(style_images, (list, tuple)) else [style_images]
    if not sources:
        raise ValueError("at least one style picture is needed, none was given")
    pictures = [load_style(source) for source in sources]
    styles = [encode_style(each, stroke_size=config.stroke_size, title=config.title) for each in pictures]
    rows = np.mean([style.rows[GENERAL] for style in styles], axis=0)
    check_stop()
    learning = Learning(pictures, rows, config, photos=photos, started=started, check_stop=check_stop)
    sampler = _Sampler(learning, sample if on_progress is not None else None)
    while True:
        learning.make_step()
        if on_progress is not None:
            on_progress(learning.progress(sampler.next_image()))
        if learning.is_done or should_stop():
            break
    return learning.style(styles[0])


class Learning:
    """One learning: the network with its optimizer, and the best weights so far.

    Args:
        pictures: Style pictures, as `load_style` returns them.
        rows: Rows to start from, shape (R,).
        config: Settings.
        photos: See `learn_style`.
        started: When the learning began, by `time.monotonic`.
        check_stop: Called between the parts of the preparation; may raise an error.
    """

    def __init__(
        self,
        pictures: Sequence[Image.Image],
        rows: np.ndarray,
        config: LearningConfig,
        *,
        photos: Sequence[Image.Image],
        started: float,
        check_stop: Callable[[], None],
    ) -> None:
        self.config, self.started = config, started
        self.device = select_device(config.device)
        self.amp_dtype = autocast_dtype(self.device, config.precision)
        settings = _settings(config)
        self.objective = LearningObjective(pictures, settings, self.device)
        check_stop()
        self.photos = PhotoTurns(
            self.objective,
            own=photos,
            count=0 if config.is_for_photos else config.photo_count,
            side=config.photo_side,
            seed=config.seed,
        )
        self.learner = _learner(rows, config, settings, self.device)
        check_stop()
        self.first_step = time.monotonic()
        self.recent: np.ndarray | None = None  # content, style and total loss, smoothed
        self.best_loss, self.best = math.inf, {}
        self.judge()

    @property
    def step(self) -> int:
        return self.learner.step

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    @property
    def is_done(self) -> bool:
        return self.remaining_s <= 0

    @property
    def steps(self) -> int:
        """Steps of the whole run; if `minutes` end it, by the pace so far."""
        if not self.config.minutes:
            return self.config.steps
        return self.step + math.ceil(max(0.0, 60 * self.config.minutes - self.elapsed_s) / self._pace_s)

    @property
    def remaining_s(self) -> float:
        if not self.config.minutes:
            return (self.config.steps - self.step) * self._pace_s
        return max(0.0, 60 * self.config.minutes - self.elapsed_s)

    @property
    def _pace_s(self) -> float:
        """Seconds a step."""
        return (time.monotonic() - self.first_step) / max(1, self.step)

    def make_step(self) -> None:
        """Make an optimizer step.

        Raises:
            DivergenceError: The loss is not finite.
        """
        network = self.learner.network
        losses = self._losses(network, self.photos.at(self.step), self.step)
        if not torch.isfinite(losses.total):
            raise DivergenceError(
                f"step {self.step + 1} has a loss of {losses.total.item():.3g}: try lower learning rates"
            )
        now = np.array([losses.content.mean().item(), losses.style.mean().item(), losses.total.item()])
        self.recent = now if self.recent is None else SMOOTHING * self.recent + (1 - SMOOTHING) * now
        self.learner.learn(losses.total, elapsed_s=self.elapsed_s)
        if self.step % PROBE_STEPS == 0:
            self.judge()

    @torch.no_grad()
    def judge(self) -> None:
        """Keep the averaged weights if their loss on the same few photos is the lowest so far."""
        averaged = self.learner.averaged.module
        losses = [
            self._losses(averaged, photo, number).total.item()
            for number, photo in enumerate(self.photos.first(PROBES))
        ]
        if (loss := float(np.mean(losses))) < self.best_loss:
            self.best_loss = loss
            self.best = {key: value.clone() for key, value in averaged.state_dict().items()}

    def _losses(self, network: StyledNetwork, known: KnownPhoto, noise_number: int) -> StepLosses:
        noise = fresh_noise(noise_number, seed=self.config.seed, crop_size=self.config.photo_side)
        # Always in float32: VGG19 takes nearly all of the time.
        stylized = network.network(known.photo, network.rows, noise=noise.to(self.device))
        with torch.autocast(self.device.type, dtype=self.amp_dtype, enabled=self.amp_dtype is not None):
            return self.objective(stylized, known)

    @torch.no_grad()
    def paint(self, photo: Tensor) -> Image.Image:
        """Paint a photo (1, 3, H, W) with the averaged weights."""
        averaged = self.learner.averaged.module
        return from_batch(averaged.network(photo, averaged.rows).float().cpu().numpy())

    def progress(self, image: Image.Image | None) -> LearningProgress:
        content, style, total = map(float, self.recent)
        return LearningProgress(
            step=self.step,
            steps=self.steps,
            content_loss=content,
            style_loss=style,
            total_loss=total,
            elapsed_s=self.elapsed_s,
            remaining_s=self.remaining_s,
            image=image,
        )

    def style(self, encoded: Style) -> Style:
        """The encoded style with the best rows and trunk."""
        self.judge()
        rows = self.best["rows"][0].cpu().numpy()
        duration = _in_words(self.elapsed_s) if self.config.minutes else f"{self.step} steps"
        trunk = {GENERAL: self._differences()} if self.config.is_thorough else {}
        made = "fitted to own photos" if self.config.is_for_photos else "learned"
        return replace(encoded, rows={GENERAL: rows}, trunk=trunk, origin=f"{made} in {duration}")

    def _differences(self) -> dict[str, np.ndarray]:
        """What the best trunk adds to the weights of the general network."""
        best = copy.deepcopy(self.learner.averaged.module)
        best.load_state_dict(self.best)
        return trunk_differences(best.network)


class _Sampler:
    """Paints a photo every few seconds; None for no photo."""

    def __init__(self, learning: Learning, photo: Image.Image | None) -> None:
        self.learning = learning
        self.photo = None
        if photo is not None:
            image = limit_long_side(load_image(photo, max_megapixels=math.inf).convert("RGB"), SAMPLE_SIDE)
            self.photo = torch.from_numpy(to_batch(image)).to(learning.device)
        self.painted_at = -math.inf

    def next_image(self) -> Image.Image | None:
        """The photo as it is painted now, if it is time for it."""
        if self.photo is None or (
            time.monotonic() - self.painted_at < SAMPLE_S and not self.learning.is_done
        ):
            return None
        self.painted_at = time.monotonic()
        return self.learning.paint(self.photo)


def _settings(config: LearningConfig) -> AnyStyleConfig:
    """Settings of the objective and the optimizer: those of the general network's training but for a few."""
    return AnyStyleConfig(
        hours=config.minutes / 60,
        steps=config.steps,
        batch_size=1,
        styles_per_photo=1,
        crop_size=config.photo_side,
        style_size=config.stroke_size,
        content_weight=config.content_weight,
        style_weight=config.style_weight,
        palette_weight=PALETTE_WEIGHT,
        precision=config.precision,
        seed=config.seed,
        is_trunk_frozen=not config.is_thorough,
    )


def _learner(
    rows: np.ndarray, config: LearningConfig, settings: AnyStyleConfig, device: torch.device
) -> Learner:
    path = WEIGHTS_FOLDER / GENERAL_CHECKPOINT
    check_checkpoint(path)
    general = load_general_network(read_general_checkpoint(path))
    network = StyledNetwork(general.network.train().requires_grad_(True), 1)
    network.rows.data = torch.from_numpy(rows[None].astype(np.float32))
    groups = [{"params": [network.rows], "lr": config.row_rate, "betas": (0.9, 0.99)}]
    if config.is_thorough:
        trunk = [*network.network.parameters()]
        groups.append({"params": trunk, "lr": config.trunk_rate, "betas": (0.9, 0.99)})
    return Learner(network, settings, device, groups=groups, average=warming_average(settings.ema_decay))


def _in_words(seconds: float) -> str:
    """Such as `3 minutes` or `40 seconds`."""
    number, unit = (round(seconds), "second") if seconds < 100 else (round(seconds / 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"
