import numpy as np
import pytest
import torch
from PIL import Image

from stylecore.errors import WeightsError
from stylecore.images.sizes import resize_long_side
from stylecore.instant.encoder import encode_style
from stylecore.instant.stylizer import FastStylizer
from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.learn import learn_style
from stylecore.learning.learning_config import fitting_config
from stylecore.learning.learning_objective import LearningObjective
from stylecore.learning.photo_turns import PhotoTurns
from stylecore.measuring.measure import Measure
from stylecore.regions import faces
from tests.browsing import ROOT
from tests.conftest import make_photo

SHORT = fitting_config(steps=6, photo_side=96, stroke_size=128, precision="float32", seed=3)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return make_photo(96, 96, seed=5).rotate(90)


@pytest.fixture(scope="module")
def objective(picture) -> LearningObjective:
    return LearningObjective([picture], AnyStyleConfig(precision="float32"), torch.device("cpu"))


def test_a_fitted_style_paints_its_photo_closer_to_the_style(picture):
    photo = make_photo(96, 64)
    measure, stylizer = Measure("cpu"), FastStylizer("cpu")
    content, grams = measure.content_features(photo), measure.grams(picture)
    totals = [
        measure(stylizer.stylize(photo, style, stroke_size=128), content, grams).total
        for style in (encode_style(picture, stroke_size=128), learn_style(picture, SHORT, photos=[photo]))
    ]
    assert totals[1] < 0.9 * totals[0]


def test_a_fitted_style_says_so_and_cancel_keeps_the_best(picture):
    photos = [make_photo(96, 64), make_photo(40, 80, seed=1)]  # one after the other: their sizes differ
    fitted = learn_style(picture, SHORT, photos=photos)
    assert fitted.origin == "fitted to own photos in 6 steps"
    steps = []
    stopped = learn_style(
        picture, SHORT, photos=photos, on_progress=steps.append, should_stop=lambda: bool(steps)
    )
    assert stopped.origin == "fitted to own photos in 1 steps"


def test_further_photos_share_the_steps():
    assert [fitting_config(photos).steps for photos in (1, 2, 4)] == [18, 24, 36]
    assert fitting_config(4, steps=5).steps == 5


def test_large_photos_are_made_smaller_and_faces_are_found(objective):
    portrait = Image.open(ROOT / "pages" / "shared" / "samples" / "portrait.jpg")
    known = PhotoTurns(objective, own=[portrait], count=0, side=256, seed=0).at(0)
    size = resize_long_side(portrait, 256).size
    assert tuple(known.photo.shape) == (1, 3, *reversed(size))
    mask = known.face_mask[0, 0].numpy()
    assert 0.01 < mask.mean() < 0.5
    [(left, top, right, bottom), *_] = faces.FaceFinder().find_boxes(resize_long_side(portrait, 256))
    assert mask[int((top + bottom) / 2), int((left + right) / 2)] == 1
    assert np.all(mask[: int(top) - 1] == 0)


def test_what_cannot_be_fitted_is_refused(picture, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="at least one photo is needed, none was given"):
        learn_style(picture, SHORT)
    monkeypatch.setattr(faces, "_finders", [])  # none has been opened yet
    monkeypatch.setattr(faces, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(WeightsError, match="yunet"):
        learn_style(picture, SHORT, photos=[picture])
