import pytest

from stylecore.measuring.measure import Measure, gram_distance
from tests.conftest import make_photo


def test_a_picture_has_no_style_loss_against_itself():
    measure = Measure()
    photo = make_photo(96, 64)
    losses = measure(photo, measure.content_features(photo), measure.grams(photo))
    assert losses.content == 0
    assert losses.style == pytest.approx(0, abs=1e-9)


def test_known_grams_give_the_same_style_loss():
    measure = Measure()
    photo, style = make_photo(96, 64), measure.grams(make_photo(64, 64, seed=5))
    expected = measure(photo, measure.content_features(photo), style).style
    assert gram_distance(measure.grams(photo), style) == pytest.approx(expected, rel=1e-5)
