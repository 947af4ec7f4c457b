import json

import pytest

from stylecore.errors import StyleError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.styles import catalog as styles
from stylecore.styles.catalog import get_style, list_models, list_styles, model_checksum

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
    for fine in (False, True):
        assert len({style.network(fine=fine) for style in list_styles()}) == len(names)


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
    monkeypatch.setattr(styles, "STYLES_FILE", tmp_path / "styles.json")
    styles._read_records.cache_clear()
    styles._read_styles.cache_clear()
    yield tmp_path / "styles.json"
    styles._read_records.cache_clear()
    styles._read_styles.cache_clear()


def test_a_record_that_lacks_a_field_is_named(styles_file):
    styles_file.write_text(json.dumps([{"name": "x"}]))
    with pytest.raises(WeightsError, match="lacks 'title'"):
        list_styles()


def test_a_record_needs_no_kind(styles_file):
    record = dict.fromkeys(("name", "title", "artist", "year", "credit", "license", "model"), "x")
    styles_file.write_text(json.dumps([record | {"index": 0}]))
    assert list_styles() == [styles.Style(**record, index=0)]


def test_a_record_may_have_a_fine_network(styles_file):
    record = dict.fromkeys(("name", "title", "artist", "year", "credit", "license", "model"), "x")
    fine = {"model": "fine.onnx", "index": 7, "sha256": "of fine", "stroke_size": 300}
    styles_file.write_text(
        json.dumps(
            [
                record | {"index": 0, "fine": fine},
                record | {"name": "own", "model": "y", "index": 1, "stroke_size": 256},
            ]
        )
    )
    both, alone = list_styles()
    assert [both.network(fine=fine) for fine in (False, True)] == [("x", 0), ("fine.onnx", 7)]
    assert [alone.network(fine=fine) for fine in (False, True)] == [("y", 1), ("y", 1)]
    assert [both.learned_stroke_size(fine=fine) for fine in (False, True)] == [512, 300]
    assert [alone.learned_stroke_size(fine=fine) for fine in (False, True)] == [256, 256]
    assert list_models() == ["fine.onnx", "x", "y"]
    assert model_checksum("fine.onnx") == "of fine"


def test_a_far_name_is_no_suggestion():
    with pytest.raises(StyleError, match=r"unknown style 'nope': there are starry_night"):
        get_style("nope")
