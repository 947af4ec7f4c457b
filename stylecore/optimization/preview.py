"""Adaptive instance normalization: any style picture in one pass, the optimizer's first sketch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from stylecore.host.devices import autocast_dtype, select_device
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.colors import flatten_content
from stylecore.images.loading import load_image, load_style
from stylecore.images.sizes import limit_long_side, resize_long_side
from stylecore.instant import blending
from stylecore.perception.convolutions import FrozenConv3x3
from stylecore.perception.features import Vgg19Features
from stylecore.perception.tensor_files import read_tensors

DECODER_WEIGHTS = WEIGHTS_FOLDER / "adain_decoder.safetensors"
LAYER = "relu4_1"
POOLED = 8  # px of the picture in a cell of that layer
# px of reflection around a picture, cut off after the encoder: its zero padding would be painted
# as a frame. 32 px look the same.
MARGIN = 16
EPSILON = 1e-5


@dataclass(frozen=True)
class DecoderLayer:
    """A 3x3 convolution of the decoder, after reflected borders.

    Attributes:
        name: In the weights file.
        in_channels: Channels in.
        out_channels: Channels out.
        is_upsampled: Whether nearest upsampling by 2 follows.
    """

    name: str
    in_channels: int
    out_channels: int
    is_upsampled: bool = False


# VGG19 up to relu4_1, mirrored; upsampling in the places of pooling.
DECODER_LAYERS = (
    DecoderLayer("conv4_1", 512, 256, is_upsampled=True),
    DecoderLayer("conv3_4", 256, 256),
    DecoderLayer("conv3_3", 256, 256),
    DecoderLayer("conv3_2", 256, 256),
    DecoderLayer("conv3_1", 256, 128, is_upsampled=True),
    DecoderLayer("conv2_2", 128, 128),
    DecoderLayer("conv2_1", 128, 64, is_upsampled=True),
    DecoderLayer("conv1_2", 64, 64),
    DecoderLayer("conv1_1", 64, 3),
)


@dataclass(frozen=True)
class StyleStatistics:
    """All that the preview knows of a style picture: per channel of relu4_1, each (1, 512, 1, 1)."""

    mean: Tensor
    std: Tensor

    @classmethod
    def mix(cls, styles: Sequence[tuple[StyleStatistics, float]]) -> StyleStatistics:
        """Weighted average of several styles; weights of at least 0 with a sum above 0.

        Source: Huang and Belongie (2017), eq. 15, on the statistics instead of the features.
        """
        total = sum(weight for _, weight in styles)
        return cls(
            mean=sum(weight / total * style.mean for style, weight in styles),
            std=sum(weight / total * style.std for style, weight in styles),
        )


class PreviewPainter(nn.Module):
    """Paints photos in the style of any picture, one pass each.

    Args:
        device: `auto`, `cpu` or `cuda`.
        precision: See `stylecore.host.devices.autocast_dtype`.
        weights: Safetensors file made by `export/adain.py`.
    Raises:
        WeightsError: Weights are missing or damaged.
        DeviceError: The device does not start.
    Source: Huang and Belongie (2017). Differs: the encoder pads with zeros, after a
        margin of reflections.
    """

    def __init__(
        self, device: str = "auto", *, precision: str = "auto", weights: Path = DECODER_WEIGHTS
    ) -> None:
        super().__init__()
        self.device = select_device(device)
        self.dtype = autocast_dtype(self.device, precision) or torch.float32
        self.encoder = Vgg19Features([LAYER])
        tensors = _read_decoder(weights)
        self.decoder = nn.ModuleList()
        for layer in DECODER_LAYERS:
            weight, bias = (tensors[f"{layer.name}.{part}"] for part in ("weight", "bias"))
            self.decoder.append(FrozenConv3x3(weight, bias, padding=0))
        self.requires_grad_(False).eval().to(self.device, self.dtype)

    @torch.inference_mode()
    def read_style(
        self, style_image: Image.Image, *, stroke_size: int = 512, mask: Image.Image | None = None
    ) -> StyleStatistics:
        """Mean and deviation of the style picture's features, to be kept for many photos.

        Args:
            style_image: The style picture; transparent parts count as white.
            stroke_size: Long side in pixels at which the picture is read.
            mask: Of the region that counts, mode L, not all 0; None: all of the picture.
        Raises:
            ImageError: Smaller than 32 px, or of a single color.
        """
        image = load_style(style_image, max_megapixels=math.inf)
        features = self._encode(resize_long_side(image, stroke_size))
        return _statistics(features, None if mask is None else _cells(mask, features))

    @torch.inference_mode()
    def paint(
        self,
        image: Image.Image,
        style: StyleStatistics | Sequence[tuple[Image.Image | None, StyleStatistics]],
        *,
        strength: float = 1.0,
        preserve_color: bool = False,
        max_side: int | None = None,
    ) -> Image.Image:
        """Paint one photo.

        Args:
            image: Photo; alpha is kept.
            style: From `read_style`; or one for each region of the photo, whose masks, mode L, together cover
                it; None is a mask of all.
            strength: 0 gives the photo's features, 1 the style's statistics.
            preserve_color: Keep the photo's colors.
            max_side: Scale larger photos down to this long side in pixels.
        Returns:
            Image of the size of the input (or of `max_side`), RGBA for an RGBA input.
        Raises:
            ImageError: Smaller than 32 px.
            ValueError: Strength outside 0 to 1.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength is {strength}: use 0 to 1")
        image = load_image(image, max_megapixels=math.inf)
        image = image if max_side is None else limit_long_side(image, max_side)
        width, height = image.size
        features = self._encode(flatten_content(image))
        parts = [(None, style)] if isinstance(style, StyleStatistics) else style
        normalized = _normalize(features, parts)
        stylized = self._decode(strength * normalized + (1 - strength) * features)  # eq. 14
        pixels = stylized[:, :, :height, :width].clamp(0, 1).cpu().numpy()
        if preserve_color:
            pixels = blending.preserve_color(to_batch(image), pixels)
        painted = from_batch(pixels)
        if image.mode == "RGBA":
            painted.putalpha(image.getchannel("A"))
        return painted

    def _encode(self, image: Image.Image) -> Tensor:
        batch = torch.from_numpy(to_batch(image)).to(self.device)
        # Full pooling cells, or the decoder could not give back the last rows and columns.
        fill = (0, -image.width % POOLED, 0, -image.height % POOLED)
        batch = F.pad(F.pad(batch, fill, mode="replicate"), (MARGIN,) * 4, mode="reflect")
        features = self.encoder(batch)[LAYER].float()
        cells = MARGIN // POOLED
        return features[:, :, cells:-cells, cells:-cells]

    def _decode(self, features: Tensor) -> Tensor:
        features = features.to(self.dtype)
        for layer, conv in zip(DECODER_LAYERS, self.decoder, strict=True):
            features = F.pad(features, (1, 1, 1, 1), mode="reflect")
            features = conv(features, is_rectified=layer.out_channels > 3)
            if layer.is_upsampled:
                features = F.interpolate(features, scale_factor=2, mode="nearest")
        return features.float()


def _normalize(features: Tensor, parts: Sequence[tuple[Image.Image | None, StyleStatistics]]) -> Tensor:
    """Features with the statistics of a style, region by region; between regions they are blended."""
    total = covered = 0
    for mask, style in parts:
        cells = None if mask is None else _cells(mask, features)
        own = _statistics(features, cells)
        normalized = (features - own.mean) / own.std * style.std + style.mean  # eq. 8
        weights = 1 if cells is None else cells
        total, covered = total + weights * normalized, covered + weights
    return total / covered


def _cells(mask: Image.Image, features: Tensor) -> Tensor:
    """A mask at the size of features (1, C, H, W), shape (1, 1, H, W); not quite 0 where it is 0."""
    height, width = features.shape[2:]
    small = np.array(mask.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    return torch.from_numpy(small)[None, None].to(features.device).clamp(min=EPSILON)


def _statistics(features: Tensor, cells: Tensor | None = None) -> StyleStatistics:
    """Statistics of features (N, C, H, W), everywhere or by the weights of their cells."""
    if cells is None:
        std, mean = torch.std_mean(features, dim=(2, 3), keepdim=True)
        return StyleStatistics(mean, (std.square() + EPSILON).sqrt())
    shares = cells / cells.sum()
    mean = (features * shares).sum((2, 3), keepdim=True)
    variance = ((features - mean).square() * shares).sum((2, 3), keepdim=True)
    return StyleStatistics(mean, (variance + EPSILON).sqrt())


def _read_decoder(path: Path) -> dict[str, Tensor]:
    return {name: value.float() for name, value in read_tensors(path).items()}
