import json
import random
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from stylecore.errors import StyleError
from stylecore.styles import files
from stylecore.styles.catalog import get_style
from stylecore.styles.files import (
    METADATA_KEY,
    encode_style_file,
    load_style_file,
    picture_bytes,
    save_style_file,
)
from stylecore.styles.records import network_checksums
from stylecore.styles.style import Style
from tests.conftest import make_photo

SHA256 = network_checksums()["general"]


def make_style(**changes: object) -> Style:
    rows = np.random.default_rng(0).normal(0, 1, 40).astype(np.float32)
    settings = {
        **{"name": "my_drawing", "title": "My drawing", "artist": "Ana", "year": "2024", "license": "CC0"},
        **{"rows": {"general": rows}, "networks": {"general": SHA256}, "stroke_size": 384},
        "trunk": {"general": {"conv1.weight": np.full((2, 3, 3, 3), 0.25, np.float16)}},
        **{
            "picture": picture_bytes(make_photo(600, 400)),
            "thumbnail": picture_bytes(make_photo(160, 90), 160),
        },
    }
    return Style(**settings | changes)


def header_of(data: bytes) -> dict:
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def with_metadata(style: Style, **changes: object) -> bytes:
    """A file whose description is changed without any check."""
    data = encode_style_file(style)
    header = header_of(data)
    record = json.loads(header["__metadata__"][METADATA_KEY]) | changes
    header["__metadata__"][METADATA_KEY] = json.dumps(record)
    return with_header(data, header)


def with_header(data: bytes, header: dict | bytes) -> bytes:
    old = int.from_bytes(data[:8], "little")
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + old :]


def refusal(data: bytes) -> str:
    with pytest.raises(StyleError) as caught:
        load_style_file(data)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def test_a_style_file_comes_back_as_it_was_saved(tmp_path):
    style = make_style()
    path = tmp_path / "drawing.impasto"
    save_style_file(style, path)
    loaded = load_style_file(path)
    assert loaded == style
    assert hash(loaded) == hash(style)
    assert loaded.artist == "Ana"
    assert loaded.stroke_size == 384
    np.testing.assert_array_equal(loaded.rows["general"], style.rows["general"])
    np.testing.assert_array_equal(loaded.trunk["general"]["conv1.weight"], np.full((2, 3, 3, 3), 0.25))
    assert loaded == load_style_file(path.read_bytes())
    assert load_style_file(encode_style_file(loaded)) == style


@pytest.mark.parametrize("name", ["mosaic", "starry_night"])
def test_a_ready_made_style_can_be_kept(tmp_path, name):
    style = get_style(name)
    save_style_file(style, tmp_path / "kept.impasto")
    assert load_style_file(tmp_path / "kept.impasto") == style


def test_a_style_of_a_former_network_is_to_be_read_anew_from_its_picture():
    former = make_style(networks={"general": "0123456789abcdef" * 4})
    style = load_style_file(encode_style_file(former))
    assert "My drawing was made for an earlier network" in style.notice
    assert (style.rows, style.trunk, style.networks) == ({}, {}, {})
    assert (style.picture, style.title) == (former.picture, former.title)
    assert not load_style_file(encode_style_file(make_style())).notice
    lacking = refusal(encode_style_file(replace(former, picture=b"")))
    assert "made for a network that is no longer there, and has no picture" in lacking


def test_the_notice_is_no_part_of_a_style():
    style = make_style()
    noticed = replace(style, notice="Read anew.")
    assert noticed == style
    assert encode_style_file(noticed) == encode_style_file(style)


def test_styles_differ_by_their_contents():
    changes = [{"title": "Another"}, {"thumbnail": b""}, {"trunk": {}}, {"fine_stroke_size": 300}]
    assert len({make_style(), *(make_style(**change) for change in changes)}) == 5
    assert make_style() != make_style(rows={"general": np.zeros(40, np.float32)})


def test_a_foreign_network_is_kept(tmp_path):
    style = Style(name="candy", foreign_network=b"any bytes", input_range="bytes", origin="imported")
    save_style_file(style, tmp_path / "candy.impasto")
    assert load_style_file(tmp_path / "candy.impasto").foreign_network == b"any bytes"


def test_saving_refuses_what_would_not_be_read_again(tmp_path):
    path = tmp_path / "a.impasto"
    for changes in ({"title": "x" * 400}, {"rows": {}}, {"name": "../x"}, {"picture": b"GIF89a"}):
        with pytest.raises(StyleError):
            save_style_file(make_style(**changes), path)
    with pytest.raises(StyleError, match=r"ends in \.impasto"):
        save_style_file(make_style(), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_missing_file_and_a_folder_are_one_sentence(tmp_path):
    with pytest.raises(StyleError, match=r"none\.impasto does not exist"):
        load_style_file(tmp_path / "none.impasto")
    with pytest.raises(StyleError, match="cannot be read"):
        load_style_file(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": "a\nb"}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"artist": 5}, "artist"),
        ({"license": "x" * 301}, "license"),
        ({"name": "<b>"}, "name"),
        ({"stroke_size": True}, "stroke size"),
        ({"stroke_size": 1e300}, "stroke size"),
        ({"networks": {"general": "no hash"}}, "SHA-256"),
        ({"networks": {}}, "belong together"),
        ({"model": "../general.onnx"}, "NAME.onnx"),
        ({"model": "other.onnx"}, "no rows for"),
        ({"fine_model": "fine.onnx"}, "no rows for"),
        ({"format": 2}, "format 1 is needed"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_descriptions_are_named(changes, message):
    assert message in refusal(with_metadata(make_style(), **changes))


def test_parts_that_are_no_style_are_refused():
    header = header_of(encode_style_file(make_style(trunk={})))

    def packed(**tensors: np.ndarray) -> bytes:
        return save(tensors, metadata=header["__metadata__"])

    rows = {"rows.general": np.zeros(40, np.float32)}
    load_style_file(packed(**rows))
    assert "no part of a style" in refusal(packed(**rows, code=np.zeros(4, np.uint8)))
    assert "F16" in refusal(packed(**{"rows.general": np.zeros(40, np.float16)}))
    assert "F64" in refusal(packed(**{"rows.general": np.zeros(40, np.float64)}))
    assert "not finite" in refusal(packed(**{"rows.general": np.full(40, np.nan, np.float32)}))
    assert "are accepted" in refusal(packed(**{"rows.general": np.zeros(70_000, np.float32)}))
    assert "no JPEG" in refusal(packed(**rows, picture=np.zeros(40, np.uint8)))
    large = np.frombuffer(picture_bytes(Image.new("RGB", (900, 700)), 900), np.uint8)
    assert "picture" in refusal(packed(**rows, picture=large))


def test_trunks_and_networks_have_limits(monkeypatch):
    style = make_style(picture=b"", thumbnail=b"")

    def changed(**trunk: object) -> bytes:
        return encode_style_file(replace(style, trunk={"general": trunk}))

    assert "no part of a style file" in refusal(changed(**{"../x": np.zeros(4)}))
    assert "no shape of at most 4" in refusal(changed(weight=np.zeros((1, 1, 1, 1, 1))))
    assert "not finite" in refusal(changed(weight=np.full(4, np.inf)))
    assert "are accepted" in refusal(changed(weight=np.zeros(9_000_000)))
    assert "over 16000000 bytes" in refusal(changed(a=np.zeros(5_000_000), b=np.zeros(5_000_000)))
    assert "at most 512" in refusal(changed(**{f"w{number}": np.zeros(1) for number in range(513)}))
    other = replace(style, trunk={"other": {"weight": np.zeros(4)}})
    assert "a network for which it has no rows" in refusal(encode_style_file(other))
    foreign = replace(style, foreign_network=b"network")
    assert "both rows and a network" in refusal(encode_style_file(foreign))
    monkeypatch.setattr(files, "MAX_NETWORK_BYTES", 1000)
    large = Style(name="large", foreign_network=bytes(1001))
    assert "has 1001 bytes: 1 to 1000 are accepted" in refusal(encode_style_file(large))


def test_headers_that_lie_about_sizes_take_no_memory():
    data = encode_style_file(make_style())
    header = header_of(data)

    def lying(**changes: object) -> bytes:
        return with_header(data, header | {"rows.general": header["rows.general"] | changes})

    assert "does not fit" in refusal(lying(shape=[1 << 40]))
    assert "does not fit" in refusal(lying(shape=[1 << 32, 1 << 32, 0]))
    assert "no place" in refusal(lying(data_offsets=[0, "1"]))
    assert "no shape" in refusal(lying(shape=[-40]))
    assert "no shape" in refusal(lying(shape=[40.0]))
    assert "cut" in refusal((1 << 62).to_bytes(8, "little") + data[8:])
    assert "JSON" in refusal(with_header(data, b"[" * 100_000))
    assert "JSON" in refusal(with_header(data, b'{"a":1,"a":2}'))


def test_cut_and_mutated_files_are_read_or_refused_in_one_sentence():
    data = encode_style_file(make_style())
    chance = random.Random(0)
    for _ in range(150):
        refusal(data[: chance.randrange(len(data))])
    length = int.from_bytes(data[:8], "little")
    for turn in range(400):
        mutated = bytearray(data)
        end = 8 + length if turn % 2 else len(data)
        for _ in range(chance.randrange(1, 6)):
            mutated[chance.randrange(end)] = chance.randrange(256)
        with suppress(StyleError):  # any other error fails
            load_style_file(bytes(mutated))
