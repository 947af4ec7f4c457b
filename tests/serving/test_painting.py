"""The painter of a server's process."""

import pytest

from stylecore.errors import DeviceError, WeightsError
from stylecore.instant.stylizer import FastStylizer
from stylecore.serving.painting import PhotoPainter
from stylecore.styles.catalog import ready_made_styles


def test_a_painter_that_has_left_its_gpu_is_not_well(monkeypatch):
    painter = PhotoPainter("cpu")
    painter.check()
    monkeypatch.setattr(FastStylizer, "device", "elsewhere")
    monkeypatch.setattr(FastStylizer, "device_note", "the GPU stopped working")
    with pytest.raises(DeviceError, match="stopped working"):
        painter.check()


def test_a_painter_is_well_as_long_as_one_network_can_be_opened(monkeypatch):
    painter, damaged = PhotoPainter("cpu"), {ready_made_styles()[0].name}

    def stylize(self, image, style, **settings):
        if style.name in damaged:
            raise WeightsError(f"{style.name} is damaged")
        return image

    monkeypatch.setattr(FastStylizer, "stylize", stylize)
    painter.check()
    damaged |= {style.name for style in ready_made_styles()}
    with pytest.raises(WeightsError, match="is damaged"):
        painter.check()
