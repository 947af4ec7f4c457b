import logging
from dataclasses import replace

import pytest

from stylecore import StyleError, list_styles, save_style_file
from stylecore.styles.catalog import get_style, ready_made_styles
from stylecore.styles.style import Style


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_STYLES", str(tmp_path))
    return tmp_path


def own_style(name: str) -> Style:
    return replace(get_style("ink"), name=name, title="House style", fine_model="")


def test_files_of_the_folder_come_after_the_ready_made_styles(folder):
    for name in ("second", "first"):
        save_style_file(own_style(name), folder / f"{name}.impasto")
    (folder / "notes.txt").write_text("no style")
    assert list_styles() == [*ready_made_styles(), own_style("first"), own_style("second")]
    assert get_style("second") == own_style("second")
    (folder / "first.impasto").unlink()
    assert list_styles() == [*ready_made_styles(), own_style("second")]


def test_a_changed_file_is_read_again(folder):
    save_style_file(own_style("before"), folder / "a.impasto")
    assert list_styles()[-1].name == "before"
    save_style_file(own_style("afterwards"), folder / "a.impasto")
    assert list_styles()[-1].name == "afterwards"


def test_a_name_that_is_taken_gets_a_number(folder):
    for number in range(3):
        save_style_file(own_style("mosaic"), folder / f"{number}.impasto")
    assert [style.name for style in list_styles()[-3:]] == ["mosaic_2", "mosaic_3", "mosaic_4"]
    assert get_style("mosaic") in ready_made_styles()


def test_a_bad_file_is_logged_once_and_the_others_are_served(folder, caplog):
    (folder / "bad.impasto").write_bytes(b"cut")
    (folder / "folder.impasto").mkdir()
    (folder / "link.impasto").symlink_to(folder / "nowhere")
    save_style_file(own_style("good"), folder / "good.impasto")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [style.name for style in list_styles()[-2:]] == [ready_made_styles()[-1].name, "good"]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 3
    assert "a style of IMPASTO_STYLES is missing: bad.impasto cannot be read" in messages[0]


def test_a_folder_that_is_not_there_is_logged_once(folder, caplog, monkeypatch):
    monkeypatch.setenv("IMPASTO_STYLES", str(folder / "nowhere"))
    with caplog.at_level(logging.WARNING):
        assert list_styles() == list_styles() == ready_made_styles()
    (record,) = caplog.records
    assert "nowhere" in record.getMessage()
    with pytest.raises(StyleError, match="unknown style"):
        get_style("good")
