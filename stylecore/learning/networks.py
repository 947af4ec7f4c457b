"""The feed-forward network that paints a photo in one pass, in the style of its rows."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 4  # The trunk works at a quarter of the size, so sizes are padded to multiples of 4.
NORM_EPSILON = 1e-5
NOISE_SIDE = 1024  # px; large enough that no flat area of usual size shows a repetition
TWO_CONVS = 2  # pixels that two 3x3 convolutions remove on each side


def reflect_borders(features: Tensor) -> Tensor:
    """Pad (N, C, H, W) by reflection, on every side by as much as two convolutions remove.

    Zeros would act as an edge and darken a band along the border. Padding before each convolution
    takes ONNX Runtime, which pads on one core, a twelfth longer.
    """
    return F.pad(features, (TWO_CONVS,) * 4, mode="reflect")


class ConditionalInstanceNorm2d(nn.Module):
    """Instance normalization with the scales and shifts of a style.

    Source: Dumoulin et al. (2017), eq. 5.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, features: Tensor, rows: Tensor) -> Tensor:
        """Normalize (N, C, H, W) with `rows` of shape (N, 2 * C): scales, then shifts."""
        normalized = F.instance_norm(features, eps=NORM_EPSILON)
        scale, shift = rows[:, :, None, None].chunk(2, dim=1)  # (N, C, 1, 1)
        return normalized * scale + shift


class ConvBlock(nn.Module):
    """3x3 convolution and conditional instance normalization; removes a border of one pixel.

    The convolution has no bias because the normalization would subtract it.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, bias=False)
        self.norm = ConditionalInstanceNorm2d(out_channels)

    def forward(self, features: Tensor, rows: Tensor) -> Tensor:
        return self.norm(self.conv(features), rows)


class ResidualBlock(nn.Module):
    """Two convolutions with a shortcut, without a nonlinearity after the sum.

    Source: Johnson et al. (2016), supplementary material; Gross and Wilber (2016).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = ConvBlock(channels, channels)

    def forward(self, features: Tensor, first_rows: Tensor, second_rows: Tensor) -> Tensor:
        residual = F.relu(self.first(reflect_borders(features), first_rows))
        return features + self.second(residual, second_rows)


# A filter after x2 upsampling, rewritten as two 3-tap filters on the small pixels, one for the even and
# one for the odd outputs: phase p of output row 2i + p is sum over t of (PHASES[p] @ taps)[t] *
# small[i - 1 + t]. Filters have 3 taps, after "linear" 4, centered between two outputs.
PHASES = {
    "nearest": (((1, 0, 0), (0, 1, 1), (0, 0, 0)), ((0, 0, 0), (1, 1, 0), (0, 0, 1))),
    "linear": (  # each small pixel, and the mean between two
        ((1, 0.5, 0, 0), (0, 0.5, 1, 0.5), (0, 0, 0, 0.5)),
        ((0.5, 0, 0, 0), (0.5, 1, 0.5, 0), (0, 0, 0.5, 1)),
    ),
    "bilinear": (
        ((0.75, 0.25, 0), (0.25, 0.75, 0.75), (0, 0, 0.25)),
        ((0.25, 0, 0), (0.75, 0.75, 0.25), (0, 0.25, 0.75)),
    ),
}


class UpsampleConv(nn.Module):
    """x2 upsampling followed by a convolution, computed on the small pixels.

    The four output phases of each small pixel are one convolution with four times the channels
    and a depth-to-space: the same result without the large features in memory. Removes a border of
    one small pixel. The phases share their weights, so that no checkerboard appears.

    Args:
        in_channels: Channels of the small features.
        out_channels: Channels of the large features.
        mode: `nearest`, which turns an even slope into stairs of 2 px, a faint grid; `linear` and
            `bilinear`, which keep it even. `linear` with its 4x4 weights is the sharper of the two.
        bias: Whether the convolution has a bias.
    Source: resize convolution of Odena et al. (2016); sub-pixel form of Shi et al. (2016).
    """

    def __init__(self, in_channels: int, out_channels: int, *, mode: str, bias: bool) -> None:
        super().__init__()
        phases = torch.tensor(PHASES[mode], dtype=torch.float32)  # (2, 3, taps)
        self.conv = nn.Conv2d(in_channels, out_channels, phases.shape[2], bias=bias)
        self.register_buffer("phases", phases, persistent=False)

    def phase_weight(self) -> Tensor:
        """Weight of the low-resolution convolution, (4 * out, in, 3, 3), ordered for pixel_shuffle."""
        weight = torch.einsum("pyi,qxj,ocij->opqcyx", self.phases, self.phases, self.conv.weight)
        return weight.flatten(0, 2)

    def phase_bias(self) -> Tensor | None:
        """Bias of the low-resolution convolution, (4 * out,), or None."""
        return None if self.conv.bias is None else self.conv.bias.repeat_interleave(4)

    def forward(self, features: Tensor) -> Tensor:
        phases = F.conv2d(features, self.phase_weight(), self.phase_bias())
        return F.pixel_shuffle(phases, 2)


class TransformerNetwork(nn.Module):
    """Image transformation network that paints in the style of the given rows.

    Args:
        channels: Channels of the residual blocks; the layer at half the size has half of them.
        blocks: Number of residual blocks.
        upsampling: To the full size, `linear` or `nearest`, see `UpsampleConv`.
    Attributes:
        row_sizes: Length of each norm's part of the rows, in the order of the layers: two values a
            channel, scales first.
    Source: Johnson et al. (2016). Differs: 4x4 space-to-depth instead of the convolutions at
        full and half size, conditional instance normalization (Dumoulin et al. 2017), a channel
        of noise next to the photo (Karras et al. 2019, section 3.2), borders
        reflected, sigmoid output.
    """

    noise: Tensor

    def __init__(self, *, channels: int = 32, blocks: int = 5, upsampling: str = "linear") -> None:
        super().__init__()
        self.stem = ConvBlock(4 * STRIDE**2, channels)
        self.blocks = nn.ModuleList(ResidualBlock(channels) for _ in range(blocks))
        self.up = UpsampleConv(channels, channels // 2, mode="bilinear", bias=False)
        self.up_norm = ConditionalInstanceNorm2d(channels // 2)
        self.out = UpsampleConv(channels // 2, 3, mode=upsampling, bias=True)
        self.register_buffer("noise", torch.from_numpy(noise_tile() / np.float32(255)), persistent=False)
        norms = [module for module in self.modules() if isinstance(module, ConditionalInstanceNorm2d)]
        self.row_sizes = [2 * norm.channels for norm in norms]

    def forward(
        self,
        batch: Tensor,
        rows: Tensor,
        *,
        noise: Tensor | None = None,
        noise_origin: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """Paint pictures.

        Args:
            batch: Photos, shape (N, 3, H, W), RGB in [0, 1], H and W of at least 32.
            rows: Scales and shifts of each picture's style, shape (N, R), R the sum of `row_sizes`.
            noise: Tile of values in [0, 1] instead of the network's own, shape (H', W'). Training draws
                new noise for each step; with fixed noise, networks paint the same spots in every tile.
            noise_origin: Row and column of the noise at the pictures' upper left corner, in pixels.
        Returns:
            Stylized pictures, shape (N, 3, H, W), in [0, 1].
        """
        height, width = batch.shape[2:]
        stem_rows, *block_rows, up_rows = rows.split(self.row_sizes, dim=1)
        # A border of one small pixel for the stem, and up to 3 px more for a multiple of the stride.
        pad_right, pad_bottom = STRIDE + -width % STRIDE, STRIDE + -height % STRIDE
        features = F.pad(batch, (STRIDE, pad_right, STRIDE, pad_bottom), mode="reflect")
        noise = _tiled(self.noise if noise is None else noise, features, noise_origin)
        features = torch.cat((features, noise), 1)  # (N, 4, H, W)
        features = F.pixel_unshuffle(features, STRIDE)  # (N, 64, H/4 + 2, W/4 + 2)
        features = F.relu(self.stem(features, stem_rows))  # (N, C, H/4, W/4)
        for block, first_rows, second_rows in zip(
            self.blocks, block_rows[::2], block_rows[1::2], strict=True
        ):
            features = block(features, first_rows, second_rows)
        features = reflect_borders(features)
        features = F.relu(self.up_norm(self.up(features), up_rows))  # (N, C/2, H/2 + 4, W/2 + 4)
        # One pixel of the border at H/2 remains on each side: two at H.
        stylized = self.out(features)[:, :, TWO_CONVS:, TWO_CONVS:]  # (N, 3, H + 2, W + 2)
        return torch.sigmoid(stylized[:, :, :height, :width])


def initial_rows(network: TransformerNetwork) -> Tensor:
    """Rows with scales of 1 and shifts of 0, shape (R,)."""
    return torch.cat(
        [part for size in network.row_sizes for part in (torch.ones(size // 2), torch.zeros(size // 2))]
    )


class StyledNetwork(nn.Module):
    """A network with the rows of the styles that it is trained on.

    Args:
        network: The network.
        styles: Number of styles; their rows start with scales of 1 and shifts of 0.
    """

    def __init__(self, network: TransformerNetwork, styles: int) -> None:
        super().__init__()
        self.network = network
        self.rows = nn.Parameter(initial_rows(network).repeat(styles, 1))  # (styles, R)

    def forward(self, batch: Tensor, style_mix: Tensor, *, noise: Tensor | None = None) -> Tensor:
        """Paint pictures (N, 3, H, W) with `style_mix` of shape (N, styles), whose rows sum to 1.

        Source: Dumoulin et al. (2017), section 3.3, for the mixing.
        """
        return self.network(batch, style_mix @ self.rows, noise=noise)


def _tiled(noise: Tensor, pictures: Tensor, origin: tuple[int, int]) -> Tensor:
    """Noise repeated to the size of pictures of shape (N, C, H, W) from an origin on, (N, 1, H, W)."""
    rows, columns = (
        torch.arange(start, start + length, device=noise.device) % side
        for start, length, side in zip(origin, pictures.shape[2:], noise.shape, strict=True)
    )
    return noise[rows[:, None], columns].expand(len(pictures), 1, -1, -1)


def noise_tile() -> np.ndarray:
    """The noise tile of every network, uint8 of shape (1024, 1024).

    In a flat area of a photo all places look alike to a convolutional network, so that it can only
    paint it even or with a regular pattern. Noise makes the places different.
    """
    return np.random.default_rng(0).integers(0, 256, (NOISE_SIDE, NOISE_SIDE), dtype=np.uint8)
