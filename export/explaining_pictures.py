"""Make the pictures of the page that explains how it works.

    python -m export.explaining_pictures

They show a photo rebuilt from each layer of VGG19, a style picture from the Gram matrices of one to five
layers, Gram matrices, paintings of several style weights, and a photo look. Takes about five minutes on 2
cores.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from stylecore import OptimizationConfig, PhotoLook, PhotoLookConfig, load_image, optimize_image
from stylecore.images.arrays import to_batch
from stylecore.images.encoding import encode_image
from stylecore.images.sheets import fit
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.features import Vgg19Features
from stylecore.perception.losses import gram_matrix
from stylecore.photoreal.grid import apply_grid

SHARED = Path(__file__).resolve().parent.parent / "pages" / "shared"
FOLDER = SHARED / "explaining"
PHOTO, STYLE = "portrait", "mosaic"
SIDE = 208  # px
DIAL = (0.25, 1.0, 4.0, 16.0, 256.0)  # style weights, with content weight 1
GRAM_LAYER = "relu2_1"
LOOK_PHOTO, LOOK_REFERENCE = "temple", "evening"
LOOK_SIDE = 512  # px, at which looks are found
FROM_NOISE = OptimizationConfig(steps=120, max_side=SIDE, start="noise", tv_weight=2.0)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    photo, style = (
        fit(load_image(SHARED / "samples" / f"{name}.jpg"), (SIDE, SIDE)) for name in (PHOTO, STYLE)
    )
    save(photo, "photo")
    save(style, "style")
    for layer in STYLE_LAYERS:
        config = replace(FROM_NOISE, content_layer=layer, style_weight=0.0)
        save(optimize_image(photo, style, config).image, f"content_{layer}")
    for count in range(1, len(STYLE_LAYERS) + 1):
        config = replace(FROM_NOISE, style_layers=STYLE_LAYERS[:count], content_weight=0.0)
        save(optimize_image(photo, style, config).image, f"style_{STYLE_LAYERS[count - 1]}")
    for weight in DIAL:
        config = OptimizationConfig(
            steps=80, max_side=SIDE, method="adam", style_weight=weight, learning_rate=0.03
        )
        painting = optimize_image(photo, style, config).image
        save(painting, f"dial_{weight:g}")
        if weight == OptimizationConfig().style_weight:
            pictures = {"photo": photo, "style": style, "painting": painting}
    for name, picture in draw_grams(pictures).items():
        save(picture, f"gram_{name}")
    for name, picture in draw_look().items():
        save(picture, f"look_{name}")


@torch.no_grad()
def draw_grams(pictures: dict[str, Image.Image]) -> dict[str, Image.Image]:
    """Draw the Gram matrices at `GRAM_LAYER`, brighter for larger entries, on one scale.

    Channels are ordered by their strength in the style picture.
    """
    vgg = Vgg19Features([GRAM_LAYER])
    grams = {
        name: gram_matrix(vgg(torch.from_numpy(to_batch(picture)))[GRAM_LAYER])[0].numpy()
        for name, picture in pictures.items()
    }
    order = np.argsort(-np.diag(grams["style"]))
    top = np.quantile(grams["style"], 0.98)
    drawn = {}
    for name, gram in grams.items():
        values = np.sqrt(np.clip(gram[np.ix_(order, order)] / top, 0, 1))
        drawn[name] = Image.fromarray((255 * values).astype(np.uint8)).convert("RGB")
        drawn[name] = drawn[name].resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return drawn


def draw_look() -> dict[str, Image.Image]:
    """Draw a photo look: both pictures, the look at once and refined, and what that makes of middle gray."""
    photo, reference = (
        fit(load_image(SHARED / "samples" / f"{name}.jpg"), (LOOK_SIDE, LOOK_SIDE))
        for name in (LOOK_PHOTO, LOOK_REFERENCE)
    )
    instant, refined = (
        PhotoLook.fit(photo, reference, PhotoLookConfig(method=method, keep_skin=0.0))
        for method in ("instant", "natural")
    )
    gray = Image.new("RGB", photo.size, (128, 128, 128))
    drawn = {
        "photo": photo,
        "reference": reference,
        "instant": instant.apply(photo),
        "refined": refined.apply(photo),
        "gray": apply_grid(refined.grid, gray),
    }
    return {name: fit(picture, (SIDE, SIDE)) for name, picture in drawn.items()}


def save(image: Image.Image, name: str) -> None:
    (FOLDER / f"{name}.webp").write_bytes(encode_image(image, "WEBP"))


if __name__ == "__main__":
    main()
