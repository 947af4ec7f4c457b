"""The app on a host whose weights are damaged."""

import pytest

from stylecore.errors import WeightsError
from stylecore.styles import catalog

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_without_styles_the_other_pages_still_serve(app, monkeypatch):
    def read_rows():
        raise WeightsError("rows.safetensors is damaged: its SHA-256 begins with 0, needed is 1")

    monkeypatch.setattr(catalog, "_read_rows", read_rows)
    catalog._read_styles.cache_clear()
    try:
        app.run()
        assert not app.exception
        assert app.error[0].value.startswith("rows.safetensors is damaged")
        assert app.error[0].value.endswith("Please tell the person who runs this app.")
        app.switch_page("pages/how_it_works.py").run()
        assert not app.exception
        assert not app.error
        assert app.subheader[-1].value == "Sources and licenses"
        app.switch_page("pages/custom.py").run()
        assert not app.exception
        # An own style that has been painted before is shown without the ready-made ones.
        assert all(error.value.startswith("rows.safetensors is damaged") for error in app.error)
        assert app.error or "Painted in" in " ".join(caption.value for caption in app.caption)
        app.segmented_control(key="where").set_value("background").run()
        assert not app.exception
        assert app.selectbox(key="elsewhere").options == ["The photo itself", "Nothing: transparent"]
    finally:
        catalog._read_styles.cache_clear()
