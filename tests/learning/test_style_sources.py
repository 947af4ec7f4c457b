import pytest

from stylecore.errors import ImageError, StyleError
from stylecore.learning.style_sources import find_style_sources, read_held_out
from tests.conftest import make_photo


@pytest.fixture
def styles(tmp_path):
    """A folder with one picture, and with a folder of four."""
    folder = tmp_path / "styles"
    (folder / "covers").mkdir(parents=True)
    make_photo(40, 40).save(folder / "single.png")
    for number in range(4):
        make_photo(40, 40, seed=number).save(folder / "covers" / f"{number}.png")
    return folder


def test_a_source_is_drawn_as_often_as_the_root_of_its_size_says(styles):
    sources = find_style_sources([styles], frozenset())
    assert sources.names == ["styles/single.png", *(f"covers/{number}.png" for number in range(4))]
    assert sources.turns == (2, 1, 1, 1, 1)


def test_held_out_pictures_are_not_among_those_to_train_on(styles):
    sources = find_style_sources([styles], frozenset({"single.png", "2.png", "unknown.png"}))
    assert sources.names == ["covers/0.png", "covers/1.png", "covers/3.png"]
    assert [path.name for path in sources.held_out] == ["single.png", "2.png"]
    with pytest.raises(StyleError, match="all style pictures are held out"):
        find_style_sources([styles / "covers"], frozenset(f"{number}.png" for number in range(4)))


def test_a_folder_without_pictures_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match=r"no picture in .*empty"):
        find_style_sources([tmp_path / "empty"], frozenset())
    with pytest.raises(ImageError, match="is no folder"):
        find_style_sources([tmp_path / "missing"], frozenset())


def test_lists_of_held_out_pictures_hold_names_marks_and_reasons(tmp_path):
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("# all of an artist\n* a.jpg\nb c.jpg  # a reason\n\n")
    second.write_text("d.jpg\n")
    assert read_held_out([first, second]) == {"a.jpg", "b c.jpg", "d.jpg"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "styles/a.jpg\n", None])
def test_another_file_is_no_list_of_held_out_pictures(tmp_path, text):
    path = tmp_path / "list.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StyleError, match=r"list\.txt .*list of held-out pictures"):
        read_held_out([path])


def test_the_lists_of_the_project_are_read():
    from stylecore.host.folders import WEIGHTS_FOLDER

    docs = WEIGHTS_FOLDER.parent / "docs"
    names = read_held_out([docs / "held_out_styles.txt", docs / "held_out_photos.txt"])
    assert len(names) == 85 + 60
    assert "vermeer_the_milkmaid.jpg" in names
