import numpy as np
import pytest
import torch

from stylecore import list_styles
from stylecore.errors import StyleError
from stylecore.measuring.style_targets import pack_gram, read_style_targets, unpack_gram
from stylecore.perception.constants import STYLE_LAYERS


def test_packed_grams_come_back():
    half = torch.rand(8, 8)
    gram = (half + half.T) / 8
    assert np.allclose(unpack_gram(pack_gram(gram))[0], gram, atol=1e-3)


def test_every_style_has_targets_of_every_layer():
    targets = read_style_targets([style.name for style in list_styles()])
    channels = [64, 128, 256, 512, 512]
    for grams in targets.values():
        assert [tuple(grams[layer].shape) for layer in STYLE_LAYERS] == [(1, c, c) for c in channels]


def test_a_style_without_targets_is_named():
    with pytest.raises(StyleError, match="no targets for 'nobody'"):
        read_style_targets(["nobody"])
