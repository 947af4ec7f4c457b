import numpy as np
import pytest
from PIL import Image

from stylecore import find_faces, load_image
from stylecore.photoreal import skin
from stylecore.photoreal.skin import find_skin
from tests.browsing import ROOT

SIZE = (96, 64)
SKIN, ROOF, SHIRT = (214, 170, 145), (190, 110, 60), (60, 80, 160)


@pytest.fixture
def person(monkeypatch) -> Image.Image:
    """A face and a hand of its color in the subject, a shirt, and the roof of a house next to it."""
    monkeypatch.setattr(
        skin, "find_face_boxes", lambda image: np.array([[20, 8, 36, 28]], np.float32) * image.width / 96
    )
    subject = Image.new("L", SIZE)
    subject.paste(255, (8, 4, 64, 64))
    monkeypatch.setattr(skin, "find_subject", lambda image: subject.resize(image.size))
    photo = Image.new("RGB", SIZE, (120, 140, 150))
    photo.paste(SHIRT, (8, 30, 64, 64))
    photo.paste(SKIN, (20, 8, 36, 28))
    photo.paste(SKIN, (44, 44, 56, 52))  # a hand
    photo.paste(ROOF, (70, 0, 96, 30))
    photo.paste(ROOF, (12, 40, 30, 54))  # a bag
    photo.paste(SKIN, (70, 40, 90, 60))  # a wall of the same color, outside of the subject
    return photo


def test_skin_is_what_has_the_color_of_a_face_on_its_person(person):
    mask = find_skin(person.resize((192, 128), Image.Resampling.NEAREST), SIZE)
    assert mask.shape == (64, 96)
    assert mask[12:24, 24:32].min() > 0.95
    assert mask[46:50, 47:53].min() > 0.9
    assert mask[:, 68:].max() < 0.05
    assert mask[42:52, 14:28].max() < 0.05


def test_without_a_face_or_without_its_color_there_is_no_skin(person, monkeypatch):
    gray = person.convert("L").convert("RGB")
    assert not find_skin(gray, SIZE).any()
    monkeypatch.setattr(skin, "find_face_boxes", lambda image: np.zeros((0, 4), np.float32))
    assert not find_skin(person, SIZE).any()


def test_the_face_of_a_portrait_is_skin_and_a_cup_is_not():
    portrait = load_image(ROOT / "pages" / "shared" / "samples" / "portrait.jpg", max_side=512)
    mask = find_skin(portrait, (portrait.width // 2, portrait.height // 2))
    face = np.asarray(find_faces(portrait).resize(mask.shape[::-1])) == 255
    assert mask[face].mean() > 0.6
    assert mask.mean() < 0.3
    coffee = load_image(ROOT / "pages" / "shared" / "samples" / "coffee.jpg", max_side=256)
    assert not find_skin(coffee, coffee.size).any()
