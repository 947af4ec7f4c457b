import numpy as np
import pytest
from PIL import Image

from stylecore import FastStylizer, Region
from stylecore.instant import compositing
from stylecore.regions.keeping import KEPT_STRENGTH, keep_faces
from tests.conftest import make_photo

SIZE = (48, 32)


def mask_of(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.broadcast_to(values, SIZE[::-1]).astype(np.uint8).copy())


def ramp() -> Image.Image:
    return mask_of(np.linspace(0, 255, SIZE[0]).round())


def face() -> Image.Image:
    return mask_of(np.linspace(-80, 330, SIZE[1]).clip(0, 255).round()[:, None])


def shares_of(regions: list[Region]) -> list[np.ndarray]:
    layers = [compositing.Layer(region.mask) for region in regions]
    return compositing._weights(layers, (0, 0, *SIZE))


def test_faces_lower_the_strength_of_each_look_within_its_region():
    whole = Region(mask_of(np.full(1, 255)), "mosaic", strength=1.5)
    part = Region(ramp(), "ink", strength=0.8, preserve_color=True)
    kept = keep_faces(face(), whole, [part])
    assert [region.style for region in kept] == ["mosaic", "ink", "ink"]
    assert [region.strength for region in kept] == pytest.approx(
        [1.5 * KEPT_STRENGTH, 0.8, 0.8 * KEPT_STRENGTH]
    )
    assert kept[2].preserve_color
    m, f = np.asarray(ramp()) / 255, np.asarray(face()) / 255
    expected = [(1 - m) * (1 - f), (1 - m) * f, m * (1 - f), m * f]
    for found, share in zip(shares_of([whole, *kept]), expected, strict=True):
        assert np.abs(found - share).max() < 1.5 / 255


def test_what_is_not_painted_stays_as_it_is():
    whole = Region(mask_of(np.full(1, 255)), "mosaic")
    photo, hole = Region(ramp()), Region(ramp(), "ink", is_transparent=True)
    assert keep_faces(face(), whole, [photo, hole])[1:] == [photo, hole]
    assert keep_faces(Image.new("L", SIZE), whole, [photo]) == [photo]


def test_a_kept_face_is_painted_in_the_pass_of_the_rest():
    photo, stylizer = make_photo(*SIZE), FastStylizer("cpu")
    base = Region(mask_of(np.full(1, 255)), "mosaic")
    painted, plain = (
        np.asarray(stylizer.stylize(photo, "mosaic", fine=False, regions=regions), int)
        for regions in (keep_faces(face(), base), [])
    )
    content = np.asarray(photo, int)
    share = 1 - (1 - KEPT_STRENGTH) * np.asarray(face())[..., None] / 255
    assert np.abs(painted - (content + share * (plain - content))).max() < 2.5
