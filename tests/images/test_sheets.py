import numpy as np
import pytest
from PIL import Image

from stylecore.images.sheets import GAP, contact_sheet

RED, BLUE = Image.new("RGB", (40, 30), (255, 0, 0)), Image.new("RGB", (90, 90), (0, 0, 255))


def test_pictures_fill_their_cells():
    sheet = contact_sheet([[RED, BLUE], [BLUE]], cell=(64, 48))
    assert sheet.size == (2 * 64 + GAP, 2 * 48 + GAP)
    pixels = np.asarray(sheet)
    assert (pixels[:48, :64] == (255, 0, 0)).all()
    assert (pixels[:48, 64 + GAP :] == (0, 0, 255)).all()
    assert (pixels[48 + GAP :, 64:] == 255).all()


def test_titles_of_columns_stand_above_the_first_row():
    sheet = contact_sheet([[RED, BLUE], [BLUE, RED]], titles=["red", "blue"], cell=(64, 48))
    plain = contact_sheet([[RED, BLUE], [BLUE, RED]], cell=(64, 48))
    line = sheet.height - plain.height
    assert line > 8
    assert np.array_equal(np.asarray(sheet)[line:], np.asarray(plain))
    assert (np.asarray(sheet)[:line] < 128).any()


def test_titles_of_pictures_stand_above_each():
    sheet = contact_sheet([[RED, BLUE], [BLUE]], titles=["a", "b", "c"], cell=(64, 48))
    columns = contact_sheet([[RED, BLUE], [BLUE]], titles=["a", "b"], cell=(64, 48))
    assert sheet.height > columns.height


def test_nothing_and_a_wrong_number_of_titles_are_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet([])
    with pytest.raises(ValueError, match="3 titles for 2 columns of 2 pictures"):
        contact_sheet([[RED, BLUE]], titles=["a", "b", "c"])


def test_what_is_transparent_is_white():
    hidden = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert contact_sheet([[hidden]], cell=(40, 40)).getpixel((20, 20)) == (255, 255, 255)
