"""The pool of style pictures of a general network: their statistics and loss targets, computed once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylecore.images.arrays import to_batch
from stylecore.images.loading import load_style
from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.encoder import feature_statistics
from stylecore.learning.objective import PerceptualLosses, StyleTargets
from stylecore.learning.style_sources import StyleSources
from stylecore.learning.style_variants import style_variant
from stylecore.perception.losses import gram_matrix
from stylecore.perception.penalties import color_statistics, ripple_loss

VARIANTS_STREAM = 2  # of the random numbers of a seed; crops have the first two


class StyleBatch(NamedTuple):
    """Styles of the pictures of a step."""

    statistics: Tensor  # (N, 2944), see `feature_statistics`
    targets: StyleTargets


class StylePool:
    """Draws variants of style pictures; each is read when it is drawn first, and kept in a file.

    What is drawn depends only on the seed and the step, so that a resumed run draws the same.

    Args:
        sources: Style pictures.
        config: Settings.
        losses: Has the VGG19 that reads them, on its device.
        folder: Folder of the kept variants, some 600 kB each; created if missing.
    Raises:
        ImageError: An unreadable style picture.
    """

    def __init__(
        self, sources: StyleSources, config: AnyStyleConfig, losses: PerceptualLosses, folder: Path
    ) -> None:
        self.sources, self.config, self.losses, self.folder = sources, config, losses, folder
        folder.mkdir(parents=True, exist_ok=True)
        for path in sources.paths:
            load_style(path)  # an unreadable one is an error now, not after hours
        self.contents = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sources.paths]
        self.round_length = sum(sources.turns)
        self.held: dict[tuple[int, int], dict[str, Tensor]] = {}  # in the memory of a GPU

    def draw(self, step: int, style_indices: list[int]) -> StyleBatch:
        """Draw a variant of each of a step's styles.

        Args:
            step: Optimizer step.
            style_indices: Style of each picture, as `PhotoCrops` draws them.
        """
        first = step * len(style_indices)
        entries = [
            self._read(style, self._variant(place, style))
            for place, style in enumerate(style_indices, start=first)
        ]
        grams = [self._unpacked(entry) for entry in entries]
        targets = StyleTargets(
            {layer: torch.stack([gram[layer] for gram in grams]) for layer in self.config.style_layers},
            torch.stack([entry["ripples"] for entry in entries]),
            torch.stack([entry["colors"] for entry in entries]),
        )
        return StyleBatch(torch.stack([entry["statistics"] for entry in entries]), targets)

    def statistics(self) -> Tensor:
        """Statistics of all style pictures as they are, shape (pictures, 2944)."""
        return torch.stack([self._read(style, 0)["statistics"] for style in range(len(self.contents))])

    def _variant(self, place: int, style: int) -> int:
        """The variant for a place in the run; new ones come one by one, as reading them takes time."""
        earlier_draws = place // self.round_length * self.sources.turns[style]
        known = min(self.config.variants, 1 + earlier_draws)
        return int(np.random.default_rng((self.config.seed, VARIANTS_STREAM, place)).integers(known))

    def _read(self, style: int, variant: int) -> dict[str, Tensor]:
        if (style, variant) in self.held:
            return self.held[style, variant]
        facts = f"{self.contents[style]} {variant} {self.config.seed} {self.config.style_size}"
        facts += f" {' '.join(self.config.style_layers)} {next(self.losses.vgg.parameters()).dtype}"
        path = self.folder / f"{hashlib.sha256(facts.encode()).hexdigest()[:20]}.safetensors"
        try:
            entry = load_file(path)
        except (OSError, SafetensorError):  # missing, or cut by an end of the power
            entry = self._compute(style, variant)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            save_file(entry, partial)
            partial.replace(path)
        entry = {name: tensor.to(self.losses.device) for name, tensor in entry.items()}
        if self.losses.device.type == "cuda":
            self.held[style, variant] = entry
        return entry

    @torch.no_grad()
    def _compute(self, style: int, variant: int) -> dict[str, Tensor]:
        """Statistics, ripples, colors, and halves of Gram matrices in float16 with their largest values."""
        random = np.random.default_rng((self.config.seed, style, variant)) if variant else None
        image = style_variant(load_style(self.sources.paths[style]), self.config.style_size, random)
        picture = torch.from_numpy(to_batch(image)).to(self.losses.device)
        features = self.losses.vgg(picture)
        entry = {"statistics": feature_statistics(features)[0], "ripples": ripple_loss(picture)[0]}
        entry["colors"] = color_statistics(picture)[0]
        for layer in self.config.style_layers:
            gram = gram_matrix(features[layer])[0]
            largest = gram.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
            rows, columns = _lower_half(len(gram), gram.device)
            entry |= {layer: (gram / largest)[rows, columns].half(), f"{layer} largest": largest}
        return {name: tensor.cpu().contiguous() for name, tensor in entry.items()}

    def _unpacked(self, entry: dict[str, Tensor]) -> dict[str, Tensor]:
        """Gram matrices (C, C) by layer."""
        grams = {}
        for layer in self.config.style_layers:
            half = entry[layer].float() * entry[f"{layer} largest"]
            side = int((2 * len(half)) ** 0.5)  # of C * (C + 1) / 2 values
            rows, columns = _lower_half(side, half.device)
            gram = half.new_empty(side, side)
            gram[rows, columns] = half
            gram[columns, rows] = half
            grams[layer] = gram
        return grams


def _lower_half(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows and columns of the lower half of a square matrix, with its diagonal."""
    rows, columns = torch.tril_indices(side, side, device=device)
    return rows, columns
