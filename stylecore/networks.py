"""The feed-forward network that paints a photo in one pass, in any of many styles."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Reflected round the input and cropped at the end, so that the zero padding inside stays
# outside the picture. 28 is the most that a picture of 32 px can reflect on every side while
# its size is also rounded up to a multiple of 4.
BORDER = 28
STRIDE = 4  # The trunk works at a quarter of the size, so sizes are padded to multiples of 4.
NORM_EPSILON = 1e-5


class ConditionalInstanceNorm2d(nn.Module):
    """Instance normalization with one scale and shift per style, mixed by the style weights.

    Source: Dumoulin et al. (2017), eq. 5, and section 3.3 for the mixing.
    """

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, features: Tensor, style_mix: Tensor) -> Tensor:
        """Normalize (N, C, H, W) with `style_mix` of shape (N, styles), rows summing to 1."""
        normalized = F.instance_norm(features, eps=NORM_EPSILON)
        scale = (style_mix @ self.scale)[:, :, None, None]  # (N, C, 1, 1)
        shift = (style_mix @ self.shift)[:, :, None, None]
        return normalized * scale + shift


class ConvBlock(nn.Module):
    """3x3 convolution, zero-padded, and conditional instance normalization.

    The convolution has no bias: the normalization would subtract it again.
    """

    def __init__(self, in_channels: int, out_channels: int, styles: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm = ConditionalInstanceNorm2d(out_channels, styles)

    def forward(self, features: Tensor, style_mix: Tensor) -> Tensor:
        return self.norm(self.conv(features), style_mix)


class ResidualBlock(nn.Module):
    """Two convolutions round a shortcut, without a nonlinearity behind the sum.

    Source: Johnson et al. (2016), supplementary material; Gross and Wilber (2016).
    """

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels, styles)
        self.second = ConvBlock(channels, channels, styles)

    def forward(self, features: Tensor, style_mix: Tensor) -> Tensor:
        return features + self.second(F.relu(self.first(features, style_mix)), style_mix)


# Weights of a 3-tap filter behind x2 upsampling, rewritten as two 3-tap filters on the small
# pixels, one for the even and one for the odd outputs: phase p of output row 2i + p is
# sum over t of (PHASES[p] @ taps)[t] * small[i - 1 + t].
PHASES = {
    "nearest": ((((1, 0, 0), (0, 1, 1), (0, 0, 0))), ((0, 0, 0), (1, 1, 0), (0, 0, 1))),
    "bilinear": (
        ((0.75, 0.25, 0), (0.25, 0.75, 0.75), (0, 0, 0.25)),
        ((0.25, 0, 0), (0.75, 0.75, 0.25), (0, 0.25, 0.75)),
    ),
}


class UpsampleConv(nn.Module):
    """x2 upsampling followed by a 3x3 convolution, computed on the small pixels.

    The four output phases of each small pixel are one convolution with four times the channels
    and a depth-to-space: exactly the same numbers (borders of `bilinear` apart, which are
    cropped away) without ever holding the large features. Training the phases freely would
    bring back the checkerboard that upsampling avoids; here they share nine weights.

    Source: resize convolution of Odena et al. (2016); sub-pixel form of Shi et al. (2016).
    """

    def __init__(self, in_channels: int, out_channels: int, *, mode: str, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)
        self.register_buffer("phases", torch.tensor(PHASES[mode], dtype=torch.float32), persistent=False)

    def phase_weight(self) -> Tensor:
        """Weight of the low-resolution convolution, (4 * out, in, 3, 3), ordered for pixel_shuffle."""
        weight = torch.einsum("pyi,qxj,ocij->opqcyx", self.phases, self.phases, self.conv.weight)
        return weight.flatten(0, 2)

    def phase_bias(self) -> Tensor | None:
        """Bias of the low-resolution convolution, (4 * out,), or None."""
        return None if self.conv.bias is None else self.conv.bias.repeat_interleave(4)

    def forward(self, features: Tensor) -> Tensor:
        phases = F.conv2d(features, self.phase_weight(), self.phase_bias(), padding=1)
        return F.pixel_shuffle(phases, 2)


class TransformerNetwork(nn.Module):
    """Image transformation network for many styles.

    Args:
        styles: Number of styles.
        channels: Width of the trunk; the layers at half the size have half of it.
        blocks: Number of residual blocks.
    Source: Johnson et al. (2016). Differs: 2x2 space-to-depth in place of the full-size
        convolution, conditional instance normalization (Dumoulin et al. 2017), one reflected
        border in place of padding everywhere, sigmoid output.
    """

    def __init__(self, styles: int, *, channels: int = 64, blocks: int = 5) -> None:
        super().__init__()
        self.stem = ConvBlock(12, channels // 2, styles)
        self.down = ConvBlock(channels // 2, channels, styles, stride=2)
        self.blocks = nn.ModuleList(ResidualBlock(channels, styles) for _ in range(blocks))
        self.up = UpsampleConv(channels, channels // 2, mode="bilinear", bias=False)
        self.up_norm = ConditionalInstanceNorm2d(channels // 2, styles)
        self.out = UpsampleConv(channels // 2, 3, mode="nearest", bias=True)

    @property
    def styles(self) -> int:
        return self.up_norm.scale.shape[0]

    def forward(self, batch: Tensor, style_mix: Tensor) -> Tensor:
        """Paint pictures.

        Args:
            batch: Photos, shape (N, 3, H, W), RGB in [0, 1], H and W of at least 32.
            style_mix: Weight of each style, shape (N, styles), rows summing to 1.
        Returns:
            Stylized pictures, shape (N, 3, H, W), in [0, 1].
        """
        height, width = batch.shape[2:]
        pad_right, pad_bottom = BORDER + -width % STRIDE, BORDER + -height % STRIDE
        features = F.pad(batch, (BORDER, pad_right, BORDER, pad_bottom), mode="reflect")
        features = F.pixel_unshuffle(features, 2)  # (N, 12, H/2, W/2)
        features = F.relu(self.stem(features, style_mix))  # (N, C/2, H/2, W/2)
        features = F.relu(self.down(features, style_mix))  # (N, C, H/4, W/4)
        for block in self.blocks:
            features = block(features, style_mix)
        features = F.relu(self.up_norm(self.up(features), style_mix))  # (N, C/2, H/2, W/2)
        stylized = torch.sigmoid(self.out(features))  # (N, 3, H, W)
        return stylized[:, :, BORDER : BORDER + height, BORDER : BORDER + width]
