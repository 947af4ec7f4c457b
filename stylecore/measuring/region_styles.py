"""Painting subject like subject and background like background, next to the same run without masks.

    python -m stylecore.measuring.region_styles photos/ styles/ [--side PX] [--steps N] [--sheet sheet.png]

The photos and style pictures are paired in the order of their names. For both runs of a pair: the style loss
inside the subject and inside the background, and the processor time of a step; with --memory the peak of a
process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from stylecore.host.memory import MEBIBYTE
from stylecore.images.arrays import to_batch
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import resize_long_side
from stylecore.measuring.peak_memory import peak_above
from stylecore.optimization.config import STYLE_LOSSES, OptimizationConfig
from stylecore.optimization.objective import mask_like
from stylecore.optimization.optimize import optimize_image
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.features import Vgg19Features
from stylecore.perception.losses import gram_error, gram_matrix, position_weights
from stylecore.regions.pairs import CompletePair, MaskPair, complete_pairs, is_empty
from stylecore.regions.subject import find_subject

PARTS = ("subject", "background")
SIDE, STEPS = 256, 50


class RegionStyleError:
    """Style loss inside each pair of regions: relative errors of guided Gram matrices, in float32."""

    def __init__(self) -> None:
        self.vgg = Vgg19Features(STYLE_LAYERS)

    @torch.inference_mode()
    def __call__(
        self, image: Image.Image, style_image: Image.Image, regions: Sequence[CompletePair]
    ) -> list[float]:
        """The sum over the style layers for each pair; the pictures are compared at their own sizes."""
        batch, target = (torch.from_numpy(to_batch(each)) for each in (image, style_image))
        found, wanted = self.vgg(batch), self.vgg(target)
        errors = []
        for mask, (style_mask,) in regions:
            masks = mask_like(batch, mask), mask_like(target, style_mask)
            errors.append(sum(self._error(found[layer], wanted[layer], *masks) for layer in STYLE_LAYERS))
        return errors

    @staticmethod
    def _error(features: torch.Tensor, target: torch.Tensor, *masks: torch.Tensor) -> float:
        own, other = (
            position_weights(mask, each.shape[2:])
            for mask, each in zip(masks, (features, target), strict=True)
        )
        return gram_error(features, gram_matrix(target, other), own).item()


def measure_pair(
    photo: Image.Image, style_image: Image.Image, config: OptimizationConfig, style_error: RegionStyleError
) -> tuple[dict, list[Image.Image]]:
    """Figures of a pair without and with regions, and the two paintings; empty where no subject is found."""
    pairs = [(find_subject(photo), find_subject(style_image))]
    if any(map(is_empty, pairs[0])):
        return {}, []
    regions = complete_pairs(pairs, photo.size, [(style_image.size, 1.0)])
    row, paintings = {}, []
    for name, given in (("plain", []), ("regions", pairs)):
        times: list[float] = []
        result = optimize_image(
            photo,
            style_image,
            config,
            regions=given,
            on_iterate=lambda _, times=times: times.append(time.process_time()),
        )
        errors = style_error(result.image, style_image, regions)
        row |= {f"{part}_{name}": round(error, 4) for part, error in zip(PARTS, errors, strict=False)}
        steps = [after - before for before, after in itertools.pairwise(times)]
        row[f"step_s_{name}"] = round(statistics.median(steps), 4)
        row[f"content_{name}"] = round(result.iterates[-1].content_loss, 3)
        paintings.append(result.image)
    row["is_lower"] = all(row[f"{part}_regions"] < row[f"{part}_plain"] for part in PARTS[: len(regions)])
    return row, paintings


def measure_memory(
    photo: Image.Image, style_image: Image.Image, config: OptimizationConfig
) -> dict[str, int]:
    """Peak of a fresh process above what it had before, in MiB, without and with regions."""
    pairs = [(find_subject(photo), find_subject(style_image))]
    context = multiprocessing.get_context("spawn")
    peaks = {}
    for name, given in (("plain", []), ("regions", pairs)):
        with context.Pool(1) as pool:
            peaks[name] = pool.apply(_peak_of, (photo, style_image, config, given)) // MEBIBYTE
    return peaks


def _peak_of(
    photo: Image.Image, style_image: Image.Image, config: OptimizationConfig, regions: Sequence[MaskPair]
) -> int:
    return peak_above(lambda: optimize_image(photo, style_image, config, regions=regions))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos with a subject")
    parser.add_argument("styles", type=Path, help="folder of style pictures with a subject")
    parser.add_argument("--side", type=int, default=SIDE, help=f"long side in pixels (default: {SIDE})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of each run (default: {STEPS})")
    parser.add_argument("--style-loss", default="gram", choices=STYLE_LOSSES)
    parser.add_argument("--memory", action="store_true", help="measure memory instead, with the first pair")
    parser.add_argument("--sheet", type=Path, help="write photo, style and both paintings of each pair here")
    options = parser.parse_args(arguments)
    config = OptimizationConfig(
        steps=options.steps, max_side=options.side, style_loss=options.style_loss, preview_every=0
    )
    style_error, rows, pictures = RegionStyleError(), [], []
    for paths in zip(find_pictures(options.photos), find_pictures(options.styles), strict=False):
        photo, style = (resize_long_side(load_image(path).convert("RGB"), options.side) for path in paths)
        if options.memory:
            sys.stdout.write(json.dumps(measure_memory(photo, style, config)) + "\n")
            return 0
        row, paintings = measure_pair(photo, style, config, style_error)
        sys.stderr.write(f"{paths[0].stem}, {paths[1].stem}: {json.dumps(row)}\n")
        if row:
            rows.append(row)
            pictures.append([photo, style, *paintings])
    ratios = [row["step_s_regions"] / row["step_s_plain"] for row in rows]
    summary = {
        "pairs": len(rows),
        "lower_in_both_parts": sum(row["is_lower"] for row in rows),
        "step_ratio": round(statistics.median(ratios), 3),
    }
    sys.stdout.write(json.dumps(summary, indent=1) + "\n")
    if options.sheet:
        titles = ["photo", "style", "without masks", "with regions"]
        contact_sheet(pictures, titles=titles, cell=(options.side, options.side)).save(options.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
