import json
import pickle
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from safetensors.numpy import save_file

from stylecore.errors import StyleError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.styles import catalog as styles
from stylecore.styles import records
from stylecore.styles.catalog import get_style, list_models, list_styles
from stylecore.styles.records import model_checksum
from stylecore.styles.style import Style

RECORD = dict.fromkeys(("name", "title", "artist", "year", "credit", "license", "model"), "x")

FIRST_STYLES = {
    *("fire", "gold_black", "pink", "triangle", "flame", "landscape", "rain"),
    *("starry_night", "mosaic", "the_scream", "the_wave"),
}


def test_every_style_is_complete_and_unique():
    names = [style.name for style in list_styles()]
    assert set(names) >= FIRST_STYLES
    assert len(set(names)) == len(names)
    for style in list_styles():
        assert all((style.title, style.artist, style.year, style.credit, style.license)), style
    assert len(set(list_styles())) == len(names)
    for fine in (False, True):
        rows = {style.network(fine=fine)[1].tobytes() for style in list_styles()}
        assert len(rows) == len(names)


def test_every_network_has_its_recorded_checksum():
    for model in list_models():
        check_weights_file(WEIGHTS_FOLDER / model, sha256=model_checksum(model))


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("stary_night", "starry_night"), ("The Wave", "the_wave"), ("scream", "the_scream")],
)
def test_an_unknown_style_is_answered_with_the_nearest_name(typed, offered):
    with pytest.raises(StyleError, match=f"did you mean '{offered}'"):
        get_style(typed)


def test_a_hopeless_name_is_answered_with_all_names():
    with pytest.raises(StyleError, match=r"there are .*starry_night"):
        get_style("qqq")


@pytest.fixture
def styles_file(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "STYLES_FILE", tmp_path / "styles.json")
    monkeypatch.setattr(styles, "ROWS_FILE", tmp_path / "rows.safetensors")
    write_rows(tmp_path, "x.x", "y.own", "fine.x")
    caches = (records.read_records, records.network_checksums, styles._read_styles, styles._read_rows)
    for cached in caches:
        cached.cache_clear()
    yield tmp_path / "styles.json"
    for cached in caches:
        cached.cache_clear()


def write_rows(folder, *keys):
    path = folder / "rows.safetensors"
    save_file({key: np.full(4, i, np.float32) for i, key in enumerate(keys)}, path)
    path.with_suffix(".json").write_text(json.dumps({"sha256": sha256(path.read_bytes()).hexdigest()}))


def test_a_record_that_lacks_a_field_is_named(styles_file):
    styles_file.write_text(json.dumps([{"name": "x"}]))
    with pytest.raises(WeightsError, match="lacks 'title'"):
        list_styles()


def test_a_record_needs_no_kind(styles_file):
    styles_file.write_text(json.dumps([RECORD]))
    assert list_styles() == [Style(**RECORD, rows={"x": np.zeros(4)})]


def test_a_record_needs_its_rows(styles_file):
    write_rows(styles_file.parent, "x.other")
    styles_file.write_text(json.dumps([RECORD]))
    with pytest.raises(WeightsError, match=r"rows\.safetensors has no rows x\.x, which styles\.json needs"):
        list_styles()


def test_damaged_rows_are_refused(styles_file):
    styles_file.write_text(json.dumps([RECORD]))
    styles_file.with_name("rows.safetensors").write_bytes(b"cut")
    with pytest.raises(WeightsError, match=r"rows\.safetensors is damaged"):
        list_styles()


def test_a_record_may_have_a_fine_network(styles_file):
    fine = {"model": "fine.onnx", "sha256": "of fine", "stroke_size": 300}
    styles_file.write_text(
        json.dumps(
            [
                RECORD | {"fine": fine},
                RECORD | {"name": "own", "model": "y", "stroke_size": 256},
            ]
        )
    )
    both, alone = list_styles()
    found = [
        (model, rows[0])
        for style in (both, alone)
        for model, rows in (style.network(fine=False), style.network(fine=True))
    ]
    assert found == [("x", 0), ("fine.onnx", 2), ("y", 1), ("y", 1)]
    assert [both.learned_stroke_size(fine=fine) for fine in (False, True)] == [512, 300]
    assert [alone.learned_stroke_size(fine=fine) for fine in (False, True)] == [256, 256]
    assert list_models() == ["fine.onnx", "x", "y"]
    assert model_checksum("fine.onnx") == "of fine"


def test_a_far_name_is_no_suggestion():
    with pytest.raises(StyleError, match=r"unknown style 'nope': there are starry_night"):
        get_style("nope")


def test_styles_are_equal_by_their_contents():
    style = get_style("mosaic")
    same = replace(style, rows={name: rows.copy() for name, rows in style.rows.items()})
    assert (same, hash(same), pickle.loads(pickle.dumps(style))) == (style, hash(style), style)
    moved = {name: rows + np.float32(1e-3) for name, rows in style.rows.items()}
    for other in (replace(style, rows=moved), replace(style, title="Another"), get_style("ink")):
        assert other != style


def test_rows_of_a_style_cannot_be_changed():
    rows = np.ones(4, np.float32)
    style = Style(**RECORD, rows={"x": rows})
    rows[0] = 2
    with pytest.raises(ValueError, match="read-only"):
        style.rows["x"][0] = 3
    assert style.rows["x"][0] == 1
