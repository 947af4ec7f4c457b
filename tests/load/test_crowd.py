"""Crowds on a server of their own, see `tests.load.crowd`."""

import numpy as np
import pytest

from stylecore import FastStylizer, list_styles
from stylecore.images.loading import load_image
from tests.conftest import encoded
from tests.load.crowd import Plan, run
from tests.load.marks import make_marks, marked_photo, read_mark


def test_a_mark_is_read_in_photos_and_paintings():
    marks, stylizer = make_marks(100), FastStylizer("cpu")
    for number, style in ((0, "mosaic"), (37, "the_scream"), (99, "ink")):
        photo = marked_photo(marks[number], (480, 320), seed=number)
        assert read_mark(photo, marks) == number
        painted = stylizer.stylize(load_image(photo), style, fine=False)
        assert read_mark(encoded(painted, "JPEG"), marks) == number


def test_marks_differ_in_many_cells():
    marks = make_marks(100)
    agreement = np.abs(marks @ marks.T) - 24 * np.eye(100, dtype=int)
    assert agreement.max() <= 8


@pytest.mark.soak
def test_a_mark_is_read_in_every_style():
    marks, stylizer = make_marks(100), FastStylizer("cpu")
    for number, style in enumerate(list_styles()):
        painted = stylizer.stylize(load_image(marked_photo(marks[number], (900, 600))), style)
        assert read_mark(encoded(painted, "JPEG"), marks) == number, style.name


@pytest.mark.soak
@pytest.mark.parametrize(
    ("plan", "limit_s"),
    [
        (Plan(visitors=20, minutes=5), {"painted_p95_s": 3}),
        (Plan(visitors=100, minutes=1), {"answered_p95_s": 2}),
        (Plan(visitors=8, minutes=20, pause_s=10, custom=4, seed=2), {"painted_p95_s": 3}),
    ],
    ids=["20", "100", "a day in 20 minutes"],
)
def test_a_crowd_is_served(plan, limit_s, record_property):
    summary = run(plan).summary()
    for name, value in summary.items():
        record_property(name, value)
    assert summary["errors"] == []
    for name, limit in limit_s.items():
        assert summary[name] < limit
    if plan.minutes > 2:
        assert summary["memory_mb_a_minute"] < 1
