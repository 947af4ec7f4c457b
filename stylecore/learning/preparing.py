"""Preparation of a training run: checks, starting checkpoint, settings, crops and network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from stylecore.errors import CheckpointError, ImageError
from stylecore.learning.checkpoints import (
    CHECKPOINT_NAME,
    new_general_network,
    new_network,
    read_any_checkpoint,
    read_checkpoint,
    read_general_checkpoint,
    take_general,
    take_trunk,
)
from stylecore.learning.config import (
    AnyStyleConfig,
    SharedConfig,
    TrainingConfig,
    check_ranges,
    check_settings,
)
from stylecore.learning.crops import PhotoCrops, read_faces
from stylecore.learning.encoder import AnyStyleNetwork
from stylecore.learning.networks import StyledNetwork

TRUNK_NEEDED = "is_trunk_frozen is set: init, a checkpoint with a trained trunk, is needed"


def read_start(
    out_folder: Path, names: Sequence[str], *, init: Path | None, resume: bool
) -> tuple[dict | None, dict | None]:
    """Read the checkpoint to resume and the one to take the trunk from; at most one is not None.

    Raises:
        ValueError: Both `init` and `resume` are given.
        CheckpointError: A checkpoint is missing, is for other styles, or would be overwritten.
    """
    path = _resumable(out_folder, init=init, resume=resume)
    if not resume:
        return None, read_checkpoint(init) if init is not None else None
    saved = read_checkpoint(path)
    if saved["styles"] != names:
        raise CheckpointError(f"{path} was trained for {', '.join(saved['styles'])}, not {', '.join(names)}")
    return saved, None


def read_general_start(
    out_folder: Path, pictures: Sequence[str], *, init: Path | None, resume: bool
) -> tuple[dict | None, dict | None]:
    """As `read_start`, for a general network; `init` may be of either training.

    Args:
        out_folder: Folder of the run.
        pictures: Names of the style pictures to train on.
        init: Checkpoint to start from.
        resume: Whether the run in the folder goes on.
    Raises:
        ValueError: Both `init` and `resume` are given.
        CheckpointError: A checkpoint is missing, is for other pictures, or would be overwritten.
    """
    path = _resumable(out_folder, init=init, resume=resume)
    if not resume:
        return None, read_any_checkpoint(init) if init is not None else None
    saved = read_general_checkpoint(path)
    if different := sorted({*saved["pictures"]} ^ {*pictures}):
        raise CheckpointError(
            f"{path} was trained on other style pictures, {len(different)} of them such as {different[0]}: "
            "give it the same folders and held-out files"
        )
    return saved, None


def _resumable(out_folder: Path, *, init: Path | None, resume: bool) -> Path:
    """The checkpoint of a run, which must not be there if the run is a new one."""
    if init is not None and resume:
        raise ValueError("init and resume are given: a resumed run continues from its own checkpoint")
    path = out_folder / CHECKPOINT_NAME
    if path.exists() and not resume:
        raise CheckpointError(f"{path} is there already: resume it, or choose another folder")
    return path


def checked_config(
    config: TrainingConfig, names: Sequence[str], saved: dict | None, initial: dict | None
) -> TrainingConfig:
    """Settings of the resumed checkpoint, or else the given ones, checked."""
    if saved is not None:
        config = saved["config"]
    elif initial is not None:
        config = replace(config, pixel_steps=0)
    elif config.is_trunk_frozen:
        raise ValueError(TRUNK_NEEDED)
    check_settings(config, names)
    return config


def checked_general_config(
    config: AnyStyleConfig, saved: dict | None, initial: dict | None
) -> AnyStyleConfig:
    """As `checked_config`, for a general network."""
    if saved is not None:
        config = saved["config"]
    elif initial is None and config.is_trunk_frozen:
        raise ValueError(TRUNK_NEEDED)
    check_ranges(config)
    return config


def photo_crops(
    photos: Sequence[Path],
    config: SharedConfig,
    faces: Path | None,
    saved: dict | None,
    *,
    turns: Sequence[int],
    margin: int = 0,
) -> PhotoCrops:
    """Crops of the photos, with the boxes of faces of the resumed checkpoint, or else of the file.

    Args:
        photos: Files to draw from.
        config: Settings.
        faces: JSON file of face boxes, if any.
        saved: Resumed checkpoint, if any.
        turns: How often each style is drawn in a round of all styles.
        margin: Pixels that the crops are larger than `crop_size`.
    """
    boxes = read_faces(faces) if faces is not None else None
    if saved is not None:
        boxes = saved["faces"]
    crops = PhotoCrops(
        photos,
        turns=turns,
        steps=config.steps,
        batch_size=config.batch_size,
        styles_per_photo=config.styles_per_photo,
        crop_size=config.crop_size + margin,
        crop_share=config.crop_share,
        seed=config.seed,
        faces=boxes,
        face_share=config.face_share,
    )
    if boxes is not None and not crops.face_photos:
        raise ImageError(f"{faces or 'the checkpoint'} has no face in a photo of {photos[0].parent}")
    return crops


def check_samples(samples: Path, sources: Sequence[Path]) -> None:
    """Check that the sheet of samples is neither an input picture nor in the folder of photos.

    Raises:
        ImageError: It is.
    """
    if os.path.realpath(samples) in {os.path.realpath(source) for source in sources}:
        raise ImageError(f"{samples} is one of the input pictures: choose another folder")


def starting_network(config: TrainingConfig, styles: Sequence[str], initial: dict | None) -> StyledNetwork:
    """A network with the trunk of a checkpoint, or else with random weights that depend only on the seed."""
    network = new_network(config, len(styles))
    with _seeded(config.seed):
        network.apply(_initialize)
    if initial is not None:
        take_trunk(network, initial, styles)
    return network


def starting_general_network(config: AnyStyleConfig, initial: dict | None) -> AnyStyleNetwork:
    """A general network with the weights of a checkpoint, or else with random ones, as `starting_network`."""
    with _seeded(config.seed):
        network = new_general_network(config).apply(_initialize)
    if initial is not None:
        take_general(network, initial)
    return network


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The random numbers of torch from a seed; afterwards they go on as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
