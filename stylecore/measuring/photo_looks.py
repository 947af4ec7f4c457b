"""Photo looks against transports of colors: style error, intact gradients, clipped pixels and seconds.

    python -m stylecore.measuring.photo_looks photos/ --pairs 2-99,31-85 [--sheet FILE]

A pair is the numbers of a photo and a reference in the folder, counted from 0 in the order of names.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from stylecore.images.arrays import LUMA, to_batch
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import limit_long_side
from stylecore.perception.features import Vgg19Features
from stylecore.perception.losses import gram_error, gram_matrix
from stylecore.photoreal.config import INSTANT, METHODS, STYLE_LAYERS, PhotoLookConfig
from stylecore.photoreal.looks import PhotoLook
from stylecore.photoreal.pixels import optimize_pixels

SIDE = 512  # px, long side at which pictures are compared
LARGE = (4000, 3000)  # px, the size at which applying is timed
ROUNDS = 3
MATTING_WEIGHT = 1e3
# From linear sRGB to cone responses, and from their logarithms to luminance and two opponent axes.
CONES = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
OPPONENTS = np.diag(1 / np.sqrt([3, 6, 2])) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])

Method = Callable[[Image.Image, Image.Image], Image.Image]


def look_method(name: str) -> Method:
    """A method of `PhotoLookConfig`, as a function of photo and reference."""
    return lambda photo, reference: PhotoLook.fit(photo, reference, PhotoLookConfig(method=name)).apply(photo)


def reinhard(photo: Image.Image, reference: Image.Image) -> Image.Image:
    """Give a photo the means and deviations of the reference's colors, axis by axis.

    Source: Reinhard et al. (2001), *Color transfer between images*, with sRGB's curve removed first.
    """
    own, other = (_to_opponents(np.asarray(each, np.float64) / 255) for each in (photo, reference))
    own = (own - own.mean((0, 1))) * (other.std((0, 1)) / own.std((0, 1)).clip(1e-6)) + other.mean((0, 1))
    linear = (10 ** (own @ np.linalg.inv(OPPONENTS).T)) @ np.linalg.inv(CONES).T
    colors = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clip(1e-9) ** (1 / 2.4) - 0.055)
    return Image.fromarray((colors.clip(0, 1) * 255).round().astype(np.uint8))


def _to_opponents(colors: np.ndarray) -> np.ndarray:
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    return np.log10((linear @ CONES.T).clip(1e-3)) @ OPPONENTS.T


def pixel_method(matting_weight: float) -> Method:
    """Optimized pixels at the size at which looks are found, enlarged."""

    def optimize(photo: Image.Image, reference: Image.Image) -> Image.Image:
        small = [limit_long_side(each, PhotoLookConfig.side) for each in (photo, reference)]
        return optimize_pixels(*small, matting_weight=matting_weight).resize(photo.size)

    return optimize


RIVALS: dict[str, Method] = {
    "photo": lambda photo, reference: photo,
    "reinhard": reinhard,
    "pixels": pixel_method(0.0),
    "matting": pixel_method(MATTING_WEIGHT),
}


class StyleError:
    """Sum of the relative Gram errors at STYLE_LAYERS, in float32."""

    def __init__(self) -> None:
        self.vgg = Vgg19Features(STYLE_LAYERS)

    @torch.inference_mode()
    def __call__(self, image: Image.Image, reference: Image.Image) -> float:
        found, target = (self.vgg(torch.from_numpy(to_batch(each))) for each in (image, reference))
        return sum(float(gram_error(found[name], gram_matrix(target[name]))) for name in STYLE_LAYERS)


def gradient_cosine(image: Image.Image, photo: Image.Image) -> float:
    """Cosine of the gradients of luma: 1 where all edges are the photo's, whatever the contrast."""
    own, other = (np.gradient(np.asarray(each, np.float64) @ LUMA) for each in (image, photo))
    product = sum((a * b).sum() for a, b in zip(own, other, strict=True))
    energies = [sum((part**2).sum() for part in each) for each in (own, other)]
    return float(product / np.sqrt(energies[0] * energies[1]))


def clipped_share(image: Image.Image, photo: Image.Image) -> float:
    """Share of pixels of which a channel is black or white that was not in the photo."""
    own, other = (((pixels == 0) | (pixels == 255)).any(-1) for pixels in map(np.asarray, (image, photo)))
    return float((own & ~other).mean())


def measure_pair(
    photo: Image.Image, reference: Image.Image, methods: dict[str, Method], style_error: StyleError
) -> tuple[dict[str, dict[str, float]], list[Image.Image]]:
    """Figures by method, and the pictures."""
    rows, pictures = {}, []
    for name, method in methods.items():
        wall, processor = time.perf_counter(), time.process_time()
        picture = method(photo, reference)
        rows[name] = {
            "seconds": time.perf_counter() - wall,
            "processor_seconds": time.process_time() - processor,
            "style": style_error(picture, reference),
            "gradients": gradient_cosine(picture, photo),
            "clipped": clipped_share(picture, photo),
        }
        pictures.append(picture)
    return rows, pictures


def summarize(
    pairs: Sequence[dict[str, dict[str, float]]], base: str = INSTANT
) -> dict[str, dict[str, float]]:
    """Means over pairs; of the style errors the geometric mean, and its ratio to that of one method."""
    summary = {}
    for name in pairs[0]:
        logs = [np.log(pair[name]["style"]) for pair in pairs]
        own = {key: [pair[name][key] for pair in pairs] for key in pairs[0][name]}
        ratios = (
            [np.log(pair[name]["style"] / pair[base]["style"]) for pair in pairs] if base in pairs[0] else []
        )
        summary[name] = {
            "style": float(np.exp(np.mean(logs))),
            **({"style_ratio": float(np.exp(np.mean(ratios)))} if ratios else {}),
            "gradients": float(np.mean(own["gradients"])),
            "gradients_worst": min(own["gradients"]),
            "clipped": float(np.mean(own["clipped"])),
            "clipped_worst": max(own["clipped"]),
            "seconds": float(np.median(own["seconds"])),
            "processor_seconds": float(np.median(own["processor_seconds"])),
        }
    return summary


def measure_applying() -> dict[str, float]:
    """Fastest of some rounds of applying a grid to 12 megapixels, in seconds; the processor's as well."""
    noise = np.random.default_rng(0)
    photo = Image.fromarray(noise.integers(0, 256, (64, 64, 3), np.uint8)).resize(LARGE)
    look = PhotoLook.fit(photo, photo, PhotoLookConfig(method=INSTANT), regions=[_halves(photo)])
    best = {"seconds": np.inf, "processor_seconds": np.inf}
    for _ in range(ROUNDS):
        wall, processor = time.perf_counter(), time.process_time()
        look.apply(photo)
        spent = (time.perf_counter() - wall, time.process_time() - processor)
        best = {name: min(own, new) for (name, own), new in zip(best.items(), spent, strict=True)}
    return best


def _halves(photo: Image.Image) -> tuple[Image.Image, Image.Image]:
    mask = Image.new("L", photo.size)
    mask.paste(255, (0, 0, photo.width // 2, photo.height))
    return mask, mask


def main(arguments: Sequence[str] | None = None) -> int:
    methods = {**RIVALS, **{name: look_method(name) for name in (INSTANT, *METHODS)}}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--pairs", required=True, help="numbers of photo and reference: 2-99,31-85")
    parser.add_argument("--methods", nargs="+", default=[*methods], choices=methods)
    parser.add_argument("--sheet", type=Path, help="write photo, reference and results of each pair here")
    options = parser.parse_args(arguments)
    paths = find_pictures(options.photos)
    style_error, rows, pictures = StyleError(), [], []
    for pair in options.pairs.split(","):
        photo, reference = (
            load_image(paths[int(number)], max_side=SIDE).convert("RGB") for number in pair.split("-")
        )
        figures, results = measure_pair(
            photo, reference, {name: methods[name] for name in options.methods}, style_error
        )
        rows.append(figures)
        pictures.append([photo, reference, *results])
        sys.stderr.write(json.dumps({"pair": pair, **figures}) + "\n")
    report = {"summary": summarize(rows), "applying": measure_applying()}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    if options.sheet:
        contact_sheet(pictures, titles=["photo", "reference", *options.methods]).save(options.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
