import numpy as np
import pytest
from PIL import Image

from stylecore import FastStylizer
from stylecore.instant.compositing import Region
from stylecore.regions.masks import feather, invert
from tests.conftest import make_photo

SIZE = 96, 64


@pytest.fixture(scope="module")
def stylizer() -> FastStylizer:
    return FastStylizer("cpu")


@pytest.fixture
def mask() -> Image.Image:
    left = Image.new("L", SIZE)
    left.paste(255, (0, 0, 48, 64))
    return left


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.fixture
def passes(stylizer, monkeypatch) -> list[int]:
    """How many passes of the networks are made."""
    counted = []
    paint_picture = stylizer.paint_picture

    def counting(*arguments, **settings):
        counted.append(1)
        return paint_picture(*arguments, **settings)

    monkeypatch.setattr(stylizer, "paint_picture", counting)
    return counted


def test_a_region_of_the_photo_itself_is_the_photo_to_the_bit(stylizer, photo, mask):
    soft = feather(mask, 3)
    painted = stylizer.stylize(photo, "mosaic", fine=False, regions=[Region(soft)])
    core, outside = np.asarray(soft) == 255, np.asarray(soft) == 0
    assert (pixels(painted)[core] == pixels(photo)[core]).all()
    assert np.abs(pixels(painted)[outside] - pixels(photo)[outside]).mean() > 20


def test_a_region_that_covers_all_is_painted_as_without_regions(stylizer, photo):
    everything = Region(Image.new("L", SIZE, 255), {"ink": 1, "rain": 2}, 0.7, preserve_color=True)
    expected = stylizer.stylize(photo, {"ink": 1, "rain": 2}, strength=0.7, preserve_color=True)
    assert stylizer.stylize(photo, "mosaic", regions=[everything]) == expected
    nothing = Region(Image.new("L", SIZE), "ink")
    assert stylizer.stylize(photo, "mosaic", regions=[nothing]) == stylizer.stylize(photo, "mosaic")


def test_looks_of_one_style_share_a_pass_and_other_strengths_stay_seamless(stylizer, photo, mask, passes):
    settings = {"fine": False, "stroke_size": 512}
    weaker = Region(mask, "mosaic", 0.4, stroke_size=512)
    painted = stylizer.stylize(photo, "mosaic", **settings, regions=[weaker])
    assert len(passes) == 1
    full = stylizer.stylize(photo, "mosaic", **settings)
    weak = stylizer.stylize(photo, "mosaic", strength=0.4, **settings)
    assert np.abs(pixels(painted) - pixels(Image.composite(weak, full, mask))).max() <= 1


def test_another_style_is_another_pass_and_a_region_without_pixels_is_none(stylizer, photo, mask, passes):
    regions = [Region(mask, "ink", stroke_size=512), Region(mask.point(lambda _: 0), "rain")]
    stylizer.stylize(photo, "mosaic", fine=False, stroke_size=512, regions=regions)
    assert len(passes) == 2


def test_a_later_region_covers_an_earlier_one(stylizer, photo, mask):
    over = stylizer.stylize(photo, "mosaic", fine=False, regions=[Region(mask, "ink"), Region(mask)])
    core = np.asarray(mask) == 255
    assert (pixels(over)[core] == pixels(photo)[core]).all()


def test_a_transparent_region_leaves_the_rest_alone(stylizer, photo, mask):
    alone = stylizer.stylize(photo, "mosaic", fine=False, regions=[Region(mask, is_transparent=True)])
    assert alone.mode == "RGBA"
    assert alone.getchannel("A") == invert(mask)
    clear = photo.copy()
    clear.putalpha(128)
    halved = stylizer.stylize(clear, "mosaic", fine=False, regions=[Region(mask, is_transparent=True)])
    assert set(np.unique(halved.getchannel("A"))) == {0, 128}


def test_masks_follow_a_photo_that_is_scaled_down(stylizer, mask):
    large = make_photo(192, 128)
    painted = stylizer.stylize(
        large, "mosaic", fine=False, max_side=96, regions=[Region(mask.resize(large.size))]
    )
    small = large.resize(SIZE, Image.Resampling.LANCZOS)
    assert (pixels(painted)[:, :40] == pixels(small)[:, :40]).all()


@pytest.mark.parametrize(
    "wrong",
    [Image.new("L", (96, 63)), Image.new("1", SIZE), Image.new("RGB", SIZE)],
    ids=["size", "bits", "colors"],
)
def test_a_mask_that_does_not_fit_is_refused(stylizer, photo, wrong):
    with pytest.raises(ValueError, match=r"mode L and the photo's 96 x 64 px are needed"):
        stylizer.stylize(photo, "mosaic", regions=[Region(wrong)])


def test_settings_of_a_region_out_of_range_are_refused(stylizer, photo, mask):
    with pytest.raises(ValueError, match="strength is 3"):
        stylizer.stylize(photo, "mosaic", regions=[Region(mask, "ink", 3)])
