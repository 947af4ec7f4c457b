import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import load, save

from stylecore import PhotoLook, PhotoLookConfig, StyleError
from stylecore.photoreal.look_files import MAX_FILE_BYTES, METADATA_KEY


@pytest.fixture(scope="module")
def contents(photo, reference, tmp_path_factory):
    path = tmp_path_factory.mktemp("looks") / "evening.look"
    PhotoLook.fit(photo, reference, PhotoLookConfig(method="instant", keep_light=0.25)).save(path)
    return path.read_bytes()


def changed(contents: bytes, *, facts: dict | None = None, **tensors: np.ndarray | None) -> bytes:
    length = int.from_bytes(contents[:8], "little")
    metadata = json.loads(contents[8 : 8 + length])["__metadata__"]
    if facts is not None:
        metadata = {METADATA_KEY: json.dumps(json.loads(metadata[METADATA_KEY]) | facts)}
    kept = {**load(contents), **tensors}
    return save({name: each for name, each in kept.items() if each is not None}, metadata=metadata)


def test_a_look_comes_back_as_it_was(contents, photo, reference):
    look = PhotoLook.fit(photo, reference, PhotoLookConfig(method="instant", keep_light=0.25))
    read = PhotoLook.load(contents)
    assert np.array_equal(read.grid, look.grid)
    assert np.array_equal(read.global_grid, look.global_grid)
    assert read.config == look.config
    assert read.is_fitted_to(photo)
    assert read.reference.size == reference.size
    assert np.array_equal(np.asarray(read.apply(photo)), np.asarray(look.apply(photo)))


def test_the_unchanged_file_is_read(contents):
    assert PhotoLook.load(changed(contents)).config.keep_light == 0.25


BAD_GRIDS = {
    "of another form": np.zeros((1, 1, 12), np.float32),
    "of another kind": np.zeros((1, 1, 1, 12), np.float16),
    "with other numbers": np.zeros((1, 1, 1, 11), np.float32),
    "too large": np.zeros((17, 1, 1, 12), np.float32),
    "of another depth": np.zeros((2, 1, 1, 12), np.float32),
    "not a number": np.full((1, 1, 1, 12), np.nan, np.float32),
    "infinite": np.full((1, 1, 1, 12), 1e9, np.float32),
    "empty": np.zeros((1, 0, 1, 12), np.float32),
}


@pytest.mark.parametrize("name", BAD_GRIDS)
def test_grids_are_refused(contents, name):
    with pytest.raises(StyleError, match="the look file cannot be read: its grid"):
        PhotoLook.load(changed(contents, grid=BAD_GRIDS[name]))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"format": 2}, "it is of format 2: format 1 is needed"),
        ({"more": 1}, "its description lacks entries, or has unknown ones"),
        ({"config": {}}, "its settings lack entries"),
        ({"config": None}, "its settings lack entries"),
    ],
)
def test_descriptions_are_refused(contents, facts, message):
    with pytest.raises(StyleError, match=message):
        PhotoLook.load(changed(contents, facts=facts))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", "7", "its setting steps is '7'"),
        ("keep_skin", True, "its setting keep_skin is 'True'"),
        ("side", 10**9, "its settings cannot be used: side is 1000000000"),
        ("method", ["natural"], "its setting method"),
    ],
)
def test_settings_are_refused(contents, name, value, message):
    length = int.from_bytes(contents[:8], "little")
    config = json.loads(json.loads(contents[8 : 8 + length])["__metadata__"][METADATA_KEY])["config"]
    with pytest.raises(StyleError, match=message):
        PhotoLook.load(changed(contents, facts={"config": config | {name: value}}))


def test_pictures_and_other_tensors_are_refused(contents):
    for tensors, message in (
        ({"reference": np.zeros(9, np.uint8)}, "its picture is no JPEG"),
        ({"reference": np.frombuffer(b"\xff\xd8\xff cut", np.uint8)}, "its picture is damaged"),
        ({"reference": None}, "it holds other tensors"),
        ({"more": np.zeros(1, np.float32)}, "it holds other tensors"),
        ({"thumbnail": np.zeros((8, 8), np.uint8)}, "its thumbnail has another form"),
    ):
        with pytest.raises(StyleError, match=message):
            PhotoLook.load(changed(contents, **tensors))


def test_other_files_are_refused(contents, tmp_path):
    for data in (b"", contents[:-5], contents + b"\0", pickle.dumps({"grid": 1}), save({"a": np.zeros(1)})):
        with pytest.raises(StyleError, match="cannot be read"):
            PhotoLook.load(data)
    with pytest.raises(StyleError, match=f"at most {MAX_FILE_BYTES} are accepted"):
        PhotoLook.load(bytes(MAX_FILE_BYTES + 1))
    with pytest.raises(StyleError, match=r"none\.look does not exist"):
        PhotoLook.load(tmp_path / "none.look")
    with pytest.raises(StyleError, match=r"the name of a look file ends in \.look"):
        PhotoLook.load(contents).save(tmp_path / "a.npz")
