"""What numbers stand for colors in networks of others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Colors of a network, from RGB in [0, 1]: channels times `scale` plus `offset`."""

    scale: tuple[float, float, float] = (1, 1, 1)
    offset: tuple[float, float, float] = (0, 0, 0)
    is_bgr: bool = False  # blue first, also in `scale` and `offset`


CAFFE_MEAN = (103.939, 116.779, 123.68)  # of ImageNet, blue first, as VGG's authors subtract it
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of torchvision

RANGES = {
    "unit": Range(),  # 0 to 1
    "signed": Range((2, 2, 2), (-1, -1, -1)),  # -1 to 1
    "bytes": Range((255, 255, 255)),  # 0 to 255
    "caffe": Range((255, 255, 255), tuple(-mean for mean in CAFFE_MEAN), is_bgr=True),
    "imagenet": Range(
        tuple(1 / std for std in IMAGENET_STD),
        tuple(-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)),
    ),
}
