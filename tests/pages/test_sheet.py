"""All styles on one photo."""

import pytest

from pages.shared import sheets
from pages.shared.painting import Look
from pages.shared.pictures import SAMPLES
from stylecore import list_styles, load_image
from tests.conftest import encoded, make_photo
from tests.pages.conftest import shares

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_all_styles_come_on_one_sheet(app, painted):
    app.run()
    app.toggle(key="all_styles").set_value(True).run()
    assert not app.exception
    assert [style for look in painted[1:] for style, _ in look.styles] == list_styles()
    assert app.download_button(key="download_sheet").label == "Download the sheet"
    all_painted = sheets.all_styles(SAMPLES["temple"].path.read_bytes(), Look(()))
    assert load_image(all_painted.sheet).width == 4 * 360 + 3 * 6
    assert list(all_painted.tiles) == [style.name for style in list_styles()]
    assert {load_image(tile).width for tile in all_painted.tiles.values()} == {360}


def test_a_sheet_is_made_once_and_anew_for_other_settings(app, painted):
    app.run()
    app.toggle(key="all_styles").set_value(True).run()
    painted.clear()
    app.button(key="style_mosaic").click().run()  # on the sheet already
    app.button(key="sheet_pink").click().run()
    assert [shares(look) for look in painted] == [{"mosaic": 1.0}, {"pink": 1.0}]
    app.toggle(key="preserve_color").set_value(True).run()
    assert len(painted) == 3 + len(list_styles())


def test_an_action_of_the_visitor_interrupts_the_sheet(app, painted, monkeypatch):
    """Streamlit ends a run where it shows something."""
    shown = []

    class StopError(Exception):
        pass

    def progress(*arguments):
        shown.append(arguments)
        if len(painted) == 3:
            raise StopError
        return type("Bar", (), {"progress": staticmethod(progress)})

    monkeypatch.setattr(sheets.st, "progress", progress)
    with pytest.raises(StopError):
        sheets.all_styles(encoded(make_photo(64, 48)), Look(()))
    assert len(painted) == 3


def test_the_sheet_is_in_the_address(app, painted):
    app.run()
    app.toggle(key="all_styles").set_value(True).run()
    assert app.query_params["all_styles"] == "true"


@pytest.mark.parametrize(("size", "height"), [((40, 1600), 720), ((1600, 40), 180), ((300, 400), 480)])
def test_cells_of_the_sheet_stay_in_bounds(small_paintings, size, height):
    sheet = load_image(sheets.all_styles(encoded(make_photo(*size)), Look(())).sheet)
    rows = -(-len(list_styles()) // 4)
    assert sheet.height == rows * (height + 6 + round(360 * 0.09 * 1.6)) - 6
