"""Preparation of a training run: checks, starting checkpoint, settings, crops and network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from stylecore.errors import CheckpointError, ImageError
from stylecore.learning.checkpoints import CHECKPOINT_NAME, new_network, read_checkpoint, take_trunk
from stylecore.learning.config import TrainingConfig, check_settings, turns_of
from stylecore.learning.crops import PhotoCrops, read_faces
from stylecore.learning.networks import StyledNetwork


def read_start(
    out_folder: Path, names: Sequence[str], *, init: Path | None, resume: bool
) -> tuple[dict | None, dict | None]:
    """Read the checkpoint to resume and the one to take the trunk from; at most one is not None.

    Raises:
        ValueError: Both `init` and `resume` are given.
        CheckpointError: A checkpoint is missing, is for other styles, or would be overwritten.
    """
    if init is not None and resume:
        raise ValueError("init and resume are given: a resumed run continues from its own checkpoint")
    path = out_folder / CHECKPOINT_NAME
    if not resume:
        if path.exists():
            raise CheckpointError(f"{path} is there already: resume it, or choose another folder")
        return None, read_checkpoint(init) if init is not None else None
    saved = read_checkpoint(path)
    if saved["styles"] != names:
        raise CheckpointError(f"{path} was trained for {', '.join(saved['styles'])}, not {', '.join(names)}")
    return saved, None


def checked_config(
    config: TrainingConfig, names: Sequence[str], saved: dict | None, initial: dict | None
) -> TrainingConfig:
    """Settings of the resumed checkpoint, or else the given ones, checked."""
    if saved is not None:
        config = saved["config"]
    elif initial is not None:
        config = replace(config, pixel_steps=0)
    elif config.is_trunk_frozen:
        raise ValueError("is_trunk_frozen is set: init, a checkpoint with a trained trunk, is needed")
    check_settings(config, names)
    return config


def photo_crops(
    photos: Sequence[Path],
    names: Sequence[str],
    config: TrainingConfig,
    faces: Path | None,
    saved: dict | None,
) -> PhotoCrops:
    """Crops of the photos, with the boxes of faces of the resumed checkpoint, or else of the file."""
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
