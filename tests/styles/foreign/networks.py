"""Small networks of the kinds that are imported, with weights drawn by a seed, and the files they come in."""

import io

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from stylecore.styles.foreign.torch7 import TorchObject
from tests.styles.foreign.torch7_writer import encode_torch7


class ConvLayer(nn.Module):
    """A convolution of pytorch/examples: reflection padding, nearest enlarging before it."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, upsample: int = 1) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)
        self.pad, self.upsample = kernel // 2, upsample

    def forward(self, x):
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        return self.conv2d(F.pad(x, [self.pad] * 4, mode="reflect"))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = ConvLayer(width, width, 3), ConvLayer(width, width, 3)
        self.in1, self.in2 = (nn.InstanceNorm2d(width, affine=True) for _ in range(2))

    def forward(self, x):
        return x + self.in2(self.conv2(torch.relu(self.in1(self.conv1(x)))))


class ExamplesNetwork(nn.Module):
    """The form of pytorch/examples' network; 0 to 255 in and, unclamped, out."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1 = ConvLayer(3, width, 9)
        self.conv2, self.conv3 = ConvLayer(width, 2 * width, 3, 2), ConvLayer(2 * width, 4 * width, 3, 2)
        self.res1, self.res2 = Block(4 * width), Block(4 * width)
        self.deconv1 = ConvLayer(4 * width, 2 * width, 3, upsample=2)
        self.deconv2 = ConvLayer(2 * width, width, 3, upsample=2)
        self.deconv3 = ConvLayer(width, 3, 9)
        for place, channels in enumerate((width, 2 * width, 4 * width, 2 * width, width), 1):
            setattr(self, f"in{place}", nn.InstanceNorm2d(channels, affine=True))
        nn.init.normal_(self.deconv3.conv2d.weight, std=6)
        nn.init.constant_(self.deconv3.conv2d.bias, 120)
        for name, value in self.named_parameters():
            if "in" in name.split(".")[-2]:
                nn.init.normal_(value, mean=1 if name.endswith("weight") else 0, std=0.3)

    def forward(self, x):
        x = torch.relu(self.in1(self.conv1(x)))
        x = torch.relu(self.in3(self.conv3(torch.relu(self.in2(self.conv2(x))))))
        x = self.res2(self.res1(x))
        x = torch.relu(self.in5(self.deconv2(torch.relu(self.in4(self.deconv1(x))))))
        return self.deconv3(x)


def saved(value: object, *, is_old: bool = False) -> bytes:
    """What torch saves, in its present or older form."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not is_old)
    return buffer.getvalue()


def layer(kind: str, **fields: object) -> TorchObject:
    return TorchObject(f"nn.{kind}", {"train": False, "_type": "torch.FloatTensor", **fields})


def sequential(*layers: TorchObject) -> TorchObject:
    return layer("Sequential", modules=list(layers))


class LuaNetwork:
    """A network of fast-neural-style as torch7 layers.

    Args:
        kind: `instance_norm` or `eccv16`.
        width: Channels of the first layer.
    """

    def __init__(self, kind: str = "instance_norm", width: int = 4, seed: int = 0) -> None:
        self.kind, self.random, self.norms = kind, np.random.default_rng(seed), 0
        is_new = kind == "instance_norm"
        block = self.block
        self.model = sequential(
            layer("SpatialReflectionPadding", pad_l=24, pad_r=24, pad_t=24, pad_b=24),
            self.convolution(3, width, 9, pad=4),
            *self.after(width),
            self.convolution(width, 2 * width, 3, stride=2, pad=1),
            *self.after(2 * width),
            self.convolution(2 * width, 4 * width, 3, stride=2, pad=1),
            *self.after(4 * width),
            *(block(4 * width) for _ in range(3)),
            *([layer("SpatialUpSamplingNearest", scale_factor=2)] if is_new else []),
            self.convolution(4 * width, 2 * width, 3, pad=1)
            if is_new
            else self.convolution(4 * width, 2 * width, 3, stride=2, pad=1, is_full=True),
            *self.after(2 * width),
            self.convolution(2 * width, width, 3, stride=2, pad=1, is_full=True),
            *self.after(width),
            self.convolution(width, 3, 9, pad=4, gain=0.5),
            layer("Tanh"),
            layer("MulConstant", constant_scalar=150, inplace=False),
            layer("TotalVariation", strength=1e-6),
        )

    def convolution(self, inputs, outputs, side, stride=1, pad=0, is_full=False, gain=1.4) -> TorchObject:
        shape = (inputs, outputs, side, side) if is_full else (outputs, inputs, side, side)
        std = gain / np.sqrt(inputs * side * side)
        return layer(
            "SpatialFullConvolution" if is_full else "SpatialConvolution",
            **{"nInputPlane": inputs, "nOutputPlane": outputs, "kH": side, "kW": side},
            **{"dH": stride, "dW": stride, "padH": pad, "padW": pad},
            **({"adjH": stride - 1, "adjW": stride - 1} if is_full else {}),
            weight=self.random.normal(0, std, shape).astype(np.float32),
            bias=self.random.normal(0, 0.1, outputs).astype(np.float32),
            gradWeight=np.zeros(0, np.float32),
        )

    def norm(self, channels: int) -> TorchObject:
        weight = self.random.uniform(0.5, 1.5, channels).astype(np.float32)
        bias = self.random.normal(0, 0.2, channels).astype(np.float32)
        if self.kind == "instance_norm":
            return layer(
                "InstanceNormalization", nOutput=channels, eps=1e-5, prev_N=-1, weight=weight, bias=bias
            )
        mean = self.random.normal(0, 1, channels).astype(np.float32)
        variance = self.random.uniform(0.5, 2, channels).astype(np.float32) * (1 if self.norms else 5000)
        self.norms += 1
        return layer(
            "SpatialBatchNormalization",
            **{"eps": 1e-5, "momentum": 0.1, "affine": True, "weight": weight, "bias": bias},
            running_mean=mean,
            running_var=variance,
        )

    def after(self, channels: int) -> tuple[TorchObject, ...]:
        return self.norm(channels), layer("ReLU", inplace=True, threshold=0, val=0)

    def block(self, channels: int) -> TorchObject:
        body = sequential(
            self.convolution(channels, channels, 3),
            *self.after(channels),
            self.convolution(channels, channels, 3),
            self.norm(channels),
        )
        shaved = layer("ShaveImage", size=2)
        return sequential(layer("ConcatTable", modules=[body, shaved]), layer("CAddTable", inplace=False))

    def encode(self) -> bytes:
        options = {"arch": "c9s1-4,d8,d16", "tanh_constant": 150, "preprocessing": "vgg", "gpu": True}
        return encode_torch7({"model": self.model, "opt": options, "val_loss_history": [1.5, 1.25]})

    def paint(self, image: np.ndarray) -> np.ndarray:
        """The original's painting, an independent implementation in torch: RGB in [0, 1] to the same."""
        mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
        with torch.no_grad():
            x = self.run(self.model, torch.from_numpy(image).flip(1) * 255 - mean)
        return ((x + mean).flip(1) / 255).clamp(0, 1).numpy()

    def run(self, module: TorchObject, x: torch.Tensor) -> torch.Tensor:
        kind, fields = module.kind.removeprefix("nn."), module.fields
        values = {
            name: torch.from_numpy(value) for name, value in fields.items() if isinstance(value, np.ndarray)
        }
        if kind == "Sequential":
            for child in fields["modules"]:
                x = self.run(child, x)
        elif kind == "ConcatTable":
            x = [self.run(child, x) for child in fields["modules"]]
        elif kind == "CAddTable":
            x = x[0] + x[1]
        elif kind == "SpatialConvolution":
            x = F.conv2d(x, values["weight"], values["bias"], fields["dH"], fields["padH"])
        elif kind == "SpatialFullConvolution":
            settings = (fields["dH"], fields["padH"], fields["adjH"])
            x = F.conv_transpose2d(x, values["weight"], values["bias"], *settings)
        elif kind == "InstanceNormalization":
            x = F.instance_norm(x, weight=values["weight"], bias=values["bias"], eps=fields["eps"])
        elif kind == "SpatialBatchNormalization":
            statistics = values["running_mean"], values["running_var"]
            x = F.batch_norm(x, *statistics, values["weight"], values["bias"], eps=fields["eps"])
        elif kind == "SpatialReflectionPadding":
            x = F.pad(x, [fields["pad_l"]] * 4, mode="reflect")
        elif kind == "SpatialUpSamplingNearest":
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        elif kind == "ShaveImage":
            x = x[:, :, 2:-2, 2:-2]
        elif kind == "MulConstant":
            x = x * fields["constant_scalar"]
        elif kind in ("ReLU", "Tanh"):
            x = getattr(torch, kind.lower())(x)
        else:
            assert kind == "TotalVariation"
        return x
