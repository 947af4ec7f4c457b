"""Styles that bring differences to a network's weights, a foreign network, or a picture alone."""

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

from stylecore import FastStylizer, StyleError, encode_style, load_style_file
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.arrays import to_batch
from stylecore.instant import networks as networks_module
from stylecore.instant.foreign import ForeignNetwork
from stylecore.learning.checkpoints import load_general_network, read_general_checkpoint
from stylecore.learning.networks import TransformerNetwork
from stylecore.learning.trunk import trunk_differences
from stylecore.styles.files import encode_style_file
from stylecore.styles.foreign.importing import import_network
from stylecore.styles.records import network_checksums
from stylecore.styles.style import Style
from tests.conftest import make_photo
from tests.styles.foreign.networks import LuaNetwork

AT_ITS_SIZE = {"stroke_size": 512}  # of ready-made and foreign styles
AS_ENCODED = {"stroke_size": 128}


@pytest.fixture(scope="module")
def stylizer() -> FastStylizer:
    return FastStylizer("cpu")


@pytest.fixture(scope="module")
def encoded_style() -> Style:
    return encode_style(make_photo(160, 120, seed=7), stroke_size=128, title="Encoded")


@pytest.fixture(scope="module")
def foreign_style() -> Style:
    return Style(name="candy", foreign_network=import_network(LuaNetwork().encode()).network)


@cache
def shipped_network() -> TransformerNetwork:
    return load_general_network(read_general_checkpoint(WEIGHTS_FOLDER / "general.pt")).network


def trained_network() -> TransformerNetwork:
    """The shipped network with other weights, as a training of its trunk leaves them."""
    network = load_general_network(read_general_checkpoint(WEIGHTS_FOLDER / "general.pt")).network
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        weight.add_(torch.randn(weight.shape, generator=generator) * weight.std() / 4)
    return network


def learned(style: Style, differences: dict[str, np.ndarray]) -> Style:
    return replace(style, name="learned", trunk={"general": differences})


def apart(first: Image.Image, second: Image.Image) -> int:
    """Largest difference of two paintings, of 255."""
    return int(np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16)).max())


def test_the_shipped_checkpoint_differs_from_the_shipped_network_by_nothing():
    differences = trunk_differences(shipped_network())
    assert max(np.abs(change).max() for change in differences.values()) < 1e-6
    assert sum(change.nbytes for change in differences.values()) < 1_500_000


def test_differences_paint_as_the_network_that_was_trained(stylizer, encoded_style, photo):
    network = trained_network()
    style = learned(encoded_style, trunk_differences(network))
    painting = stylizer.stylize(photo, style, **AS_ENCODED)
    with torch.no_grad():
        expected = network(torch.from_numpy(to_batch(photo)), torch.tensor(style.rows["general"])[None])
    assert np.abs(to_batch(painting) - expected.numpy()).max() <= 1 / 255
    assert apart(painting, stylizer.stylize(photo, encoded_style, **AS_ENCODED)) > 20


def test_differences_of_zero_change_nothing(stylizer, encoded_style, photo):
    zero = {name: np.zeros_like(change) for name, change in trunk_differences(shipped_network()).items()}
    paintings = [
        stylizer.stylize(photo, style, **AS_ENCODED)
        for style in (encoded_style, learned(encoded_style, zero))
    ]
    assert paintings[0] == paintings[1]


def test_a_learned_style_changes_no_other(encoded_style, photo):
    stylizer = FastStylizer("cpu")
    before = stylizer.stylize(photo, encoded_style)
    style = learned(encoded_style, trunk_differences(trained_network()))
    painting = stylizer.stylize(photo, style)
    assert stylizer.stylize(photo, encoded_style) == before
    blend = stylizer.stylize(photo, {style: 1, encoded_style: 1}, **AS_ENCODED)
    both = [stylizer.stylize(photo, each, **AS_ENCODED) for each in (style, encoded_style)]
    assert apart(blend, Image.blend(*both, 0.5)) <= 1
    assert load_style_file(encode_style_file(style)) == style
    assert stylizer.stylize(photo, load_style_file(encode_style_file(style))) == painting


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"constant_9999": np.zeros((1, 2))}, "'constant_9999', which its network does not have"),
        ({"constant_22": np.zeros((64, 64, 3))}, r"shape \(64, 64, 3\): its network needs \(64, 64, 3, 3\)"),
        ({"constant_0": np.zeros(8)}, "'constant_0', which"),  # integers, which are sizes
    ],
)
def test_differences_that_do_not_fit_are_refused(stylizer, encoded_style, photo, changes, message):
    with pytest.raises(StyleError, match=message):
        stylizer.stylize(photo, learned(encoded_style, changes))


def test_a_network_of_another_size_has_no_differences():
    with pytest.raises(StyleError, match=r"of another size than general\.onnx"):
        trunk_differences(TransformerNetwork(channels=8, blocks=2))


def test_few_networks_of_styles_stay_loaded(encoded_style, photo, monkeypatch):
    monkeypatch.setattr(networks_module, "MAX_OWN_NETWORKS", 2)
    stylizer = FastStylizer("cpu")
    styles = [
        learned(encoded_style, {"constant_142": np.full(12, number / 10, np.float16)}) for number in range(3)
    ]
    first = stylizer.stylize(photo, styles[0])
    for style in styles:
        stylizer.stylize(photo, style)
    assert [network.style for network in stylizer._networks._own] == styles[1:]
    assert stylizer.stylize(photo, styles[0]) == first


def test_a_foreign_network_paints_like_any_style(stylizer, foreign_style):
    photo = make_photo(96, 64)
    expected = ForeignNetwork(foreign_style.foreign_network).paint(to_batch(photo))
    painting = stylizer.stylize(photo, foreign_style, **AT_ITS_SIZE)
    assert np.abs(to_batch(painting) - expected).max() <= 0.51 / 255
    assert stylizer.stylize(photo, foreign_style, fine=False, **AT_ITS_SIZE) == painting
    half = stylizer.stylize(photo, foreign_style, strength=0.5, **AT_ITS_SIZE)
    assert apart(half, Image.blend(photo, painting, 0.5)) <= 1
    mosaic = stylizer.stylize(photo, "mosaic", **AT_ITS_SIZE)
    blend = stylizer.stylize(photo, {foreign_style: 1, "mosaic": 1}, **AT_ITS_SIZE)
    assert apart(blend, Image.blend(painting, mosaic, 0.5)) <= 1
    grey = photo.convert("L").convert("RGB")
    kept = np.asarray(stylizer.stylize(grey, foreign_style, preserve_color=True), np.int16)
    assert np.abs(kept - kept[..., :1]).max() <= 1


def test_a_foreign_network_paints_no_larger_than_its_memory_allows(foreign_style, monkeypatch):
    shapes = []
    paint = ForeignNetwork.paint

    def spy(network: ForeignNetwork, batch: np.ndarray) -> np.ndarray:
        shapes.append(batch.shape[2:])
        return paint(network, batch)

    stylizer = FastStylizer("cpu")
    network = stylizer._networks.foreign(foreign_style)
    network.max_megapixels = 0.02
    monkeypatch.setattr(ForeignNetwork, "paint", spy)
    assert stylizer.stylize(make_photo(400, 300), foreign_style, **AT_ITS_SIZE).size == (400, 300)
    assert max(height * width for height, width in shapes) < 0.0205e6
    assert len(shapes) == 3  # detail is added in two steps


def test_a_style_of_a_former_network_is_encoded_from_its_picture(stylizer, encoded_style, photo):
    former = replace(encoded_style, networks={"general": "0" * 64}, rows={"general": np.ones(5)})
    style = load_style_file(encode_style_file(former))
    assert "was made for an earlier network" in style.notice
    again = encode_style(encoded_style.picture, stroke_size=128)
    assert stylizer.stylize(photo, style) == stylizer.stylize(photo, again)
    assert again.networks["general"] == network_checksums()["general"]


def test_a_style_without_anything_to_paint_with_is_refused(stylizer, photo):
    with pytest.raises(StyleError, match="'bare' has neither rows nor a network nor a picture"):
        stylizer.stylize(photo, Style(name="bare"))


def test_a_style_and_its_encoded_form_blend(stylizer, encoded_style, photo):
    bare = replace(encoded_style, rows={}, networks={})
    encoded = encode_style(encoded_style.picture, stroke_size=128)
    named = replace(bare, rows=encoded.rows, networks=encoded.networks)
    assert stylizer.stylize(photo, {bare: 1, named: 1}) == stylizer.stylize(photo, named)


def test_numbers_too_large_to_paint_with_are_one_sentence(stylizer, encoded_style, photo):
    style = replace(encoded_style, rows={"general": np.full(1472, 1e38)})
    with pytest.raises(StyleError, match="Encoded cannot be painted: the style's numbers are too large"):
        stylizer.stylize(photo, load_style_file(encode_style_file(style)), **AS_ENCODED)


def test_swapped_bytes_paint_or_are_refused(stylizer, encoded_style, photo):
    differences = trunk_differences(shipped_network())
    style = learned(encoded_style, {name: differences[name] for name in ("constant_11", "constant_142")})
    data = encode_style_file(replace(style, picture=b"", thumbnail=b""))
    start = 8 + int.from_bytes(data[:8], "little")
    chance, refused = random.Random(0), []
    for _ in range(40):
        mutated = bytearray(data)
        for _ in range(4):
            mutated[chance.randrange(start, len(data))] = chance.randrange(256)
        try:
            stylizer.stylize(photo, load_style_file(bytes(mutated)), **AS_ENCODED)
        except StyleError as error:  # any other error fails
            refused.append(str(error))
    assert 0 < len(refused) < 40
    assert not any("\n" in message for message in refused)


def test_files_with_rows_of_another_length_are_one_sentence(stylizer, encoded_style, photo):
    style = load_style_file(encode_style_file(replace(encoded_style, rows={"general": np.ones(7)})))
    with pytest.raises(StyleError, match=r"of shape \(7,\): general\.onnx needs \(1472,\)"):
        stylizer.stylize(photo, style)


def test_a_file_with_a_foreign_network_that_is_none_is_one_sentence(stylizer, foreign_style, photo):
    for contents in (foreign_style.foreign_network[:5000], foreign_style.foreign_network[::-1], b"\x08"):
        style = load_style_file(encode_style_file(replace(foreign_style, foreign_network=contents)))
        with pytest.raises(StyleError) as caught:
            stylizer.stylize(photo, style)
        assert "\n" not in str(caught.value)
