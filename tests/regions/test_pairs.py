import numpy as np
import pytest
from PIL import Image

from stylecore import ImageError
from stylecore.regions import matching
from stylecore.regions.doodles import find_colors, mark_masks, pair_colors, pair_nearest_colors
from stylecore.regions.pairs import complete_pairs, shared_pairs
from tests.conftest import make_photo

PHOTO, STYLE = (64, 48), (40, 80)


def part(size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """A mask that is white in a box, given as shares of the size."""
    mask = Image.new("L", size)
    corners = tuple(round(share * size[place % 2]) for place, share in enumerate(box))
    mask.paste(255, corners)
    return mask


def left(size: tuple[int, int]) -> Image.Image:
    return part(size, (0, 0, 0.5, 1))


def test_no_pairs_stay_none():
    assert complete_pairs([], PHOTO, [(STYLE, 1.0)]) == []


def test_the_rest_is_paired_with_the_rest():
    pairs = complete_pairs([(left(PHOTO), left(STYLE))], PHOTO, [(STYLE, 1.0)])
    assert len(pairs) == 2
    for size, masks in ((PHOTO, [own for own, _ in pairs]), (STYLE, [other for _, (other,) in pairs])):
        assert [mask.getbbox() for mask in masks] == [
            (0, 0, size[0] // 2, size[1]),
            (size[0] // 2, 0, size[0], size[1]),
        ]


def test_pairs_that_cover_the_photo_leave_no_rest():
    soft = Image.linear_gradient("L").resize(PHOTO)
    pairs = [(soft, left(STYLE)), (Image.eval(soft, lambda value: 255 - value), left(STYLE))]
    assert len(complete_pairs(pairs, PHOTO, [(STYLE, 1.0)])) == 2


def test_the_rest_takes_the_whole_style_picture_where_that_has_none():
    everything = Image.new("L", STYLE, 255)
    _, (_, (mask,)) = complete_pairs([(left(PHOTO), everything)], PHOTO, [(STYLE, 1.0)])
    assert mask.getextrema() == (255, 255)


def test_a_style_picture_of_weight_0_or_without_the_region_gives_nothing():
    nothing = Image.new("L", STYLE)
    styles = [(STYLE, 0.0), (STYLE, 0.5), (STYLE, 0.5)]
    pairs = complete_pairs([(left(PHOTO), [left(STYLE), nothing, left(STYLE)])], PHOTO, styles)
    assert [mask.getbbox() is not None for mask in pairs[0][1]] == [False, False, True]
    assert [mask.getbbox() is not None for mask in pairs[1][1]] == [False, True, True]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (
            (left(STYLE), left(STYLE)),
            "a mask of the photo has 40 x 80 px: 64 x 48 px are needed, as the photo has",
        ),
        (
            (left(PHOTO), left(PHOTO)),
            "a mask of the style picture has 64 x 48 px: 40 x 80 px are needed, as the style picture has",
        ),
        (
            (Image.new("L", PHOTO), left(STYLE)),
            "a mask of the photo is empty: it needs white where the region is",
        ),
        (
            (left(PHOTO), Image.new("L", STYLE)),
            "a mask of the style picture is empty: it needs white where the region is",
        ),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_in_one_sentence(pair, message):
    with pytest.raises(ImageError) as error:
        complete_pairs([pair], PHOTO, [(STYLE, 1.0)])
    assert str(error.value) == message


def test_a_mask_for_each_style_picture_is_needed():
    with pytest.raises(ValueError, match="1 masks of style pictures for 2 style pictures: one for each"):
        complete_pairs([(left(PHOTO), left(STYLE))], PHOTO, [(STYLE, 0.5), (STYLE, 0.5)])


def test_faces_are_paired_with_faces_and_the_rest_of_subjects_with_each_other(monkeypatch):
    faces = {PHOTO: part(PHOTO, (0, 0, 0.25, 1)), STYLE: part(STYLE, (0, 0, 0.25, 1))}
    monkeypatch.setattr(matching, "find_subject", lambda image: left(image.size))
    monkeypatch.setattr(matching, "find_faces", lambda image: faces[image.size])
    photo, style = make_photo(*PHOTO), make_photo(*STYLE)
    pairs = matching.pair_subjects(photo, [style])
    boxes = [(own.getbbox(), other.getbbox()) for own, (other,) in pairs]
    assert boxes == [((0, 0, 16, 48), (0, 0, 10, 80)), ((16, 0, 32, 48), (10, 0, 20, 80))]
    faces[STYLE] = Image.new("L", STYLE)
    assert matching.pair_subjects(photo, [style]) == [(left(PHOTO), [left(STYLE)])]


def test_subjects_are_paired_where_the_photo_and_a_style_picture_have_one():
    subject, nothing, no_faces = left(PHOTO), Image.new("L", PHOTO), [Image.new("L", PHOTO)] * 3
    pair = (subject, [nothing, subject])
    assert matching.pair_masks([subject, nothing, subject], no_faces) == [pair]
    assert matching.pair_masks([subject, nothing, nothing], no_faces) == []
    assert matching.pair_masks([nothing, subject, subject], no_faces) == []


def doodle(size: tuple[int, int], share: float, colors=("#2452a8", "#3f9144")) -> Image.Image:
    """Two colors, one above the other; the upper takes a share of the height."""
    image = Image.new("RGB", size, colors[1])
    image.paste(colors[0], (0, 0, size[0], round(share * size[1])))
    return image


def test_colors_of_doodles_are_paired():
    pairs = pair_colors(doodle(PHOTO, 0.75), [doodle(STYLE, 0.25, ("#2050b0", "#3f9144"))])
    boxes = [(own.getbbox(), other.getbbox()) for own, (other,) in pairs]
    assert boxes == [((0, 0, 64, 36), (0, 0, 40, 20)), ((0, 36, 64, 48), (0, 20, 40, 80))]


def test_soft_edges_between_colors_are_no_colors():
    smooth = (
        doodle((256, 192), 0.5)
        .resize((300, 220), Image.Resampling.BICUBIC)
        .rotate(20, Image.Resampling.BICUBIC, fillcolor="white")
    )
    assert len(find_colors(smooth, "it")) == 3
    masks = [np.asarray(own, int) for own, _ in pair_colors(smooth, [smooth])]
    assert (sum(masks) == 255).all()


def test_a_color_that_is_in_no_other_doodle_is_refused():
    with pytest.raises(ImageError, match=r"the color #2452a8 of the photo's doodle is in no doodle"):
        pair_colors(doodle(PHOTO, 0.5), [doodle(STYLE, 0.5, ("#ffffff", "#3f9144"))])


def test_a_photo_is_no_doodle():
    with pytest.raises(ImageError, match=r"the doodle of the photo has \w+ flat colors: 1 to 8 are needed"):
        pair_colors(make_photo(*PHOTO), [doodle(STYLE, 0.5)])


def test_parts_that_only_one_side_has_are_left_out():
    nothing = Image.new("L", PHOTO)
    some = [[nothing, left(STYLE), left(STYLE)], [left(STYLE), nothing, nothing]]
    pairs = shared_pairs([left(PHOTO), left(PHOTO), nothing], some)
    assert [own.getbbox() for own, _ in pairs] == [left(PHOTO).getbbox()] * 2
    assert [other.getbbox() is not None for other in pairs[0][1]] == [False, True]
    assert shared_pairs([left(PHOTO)], [[nothing]]) == []


def test_colors_of_a_drawing_are_paired_with_what_is_nearest_in_a_painting():
    drawing = doodle(PHOTO, 0.5)
    drawing.paste("#f7d33b", (0, 0, 8, 48))  # a yellow that the painting does not have
    painting = Image.new("RGB", STYLE, (60, 80, 130))
    painting.paste((90, 110, 70), (0, 20, 40, 80))
    pairs = pair_nearest_colors(drawing, [painting])
    boxes = [(own.getbbox(), other.getbbox()) for own, (other,) in pairs]
    assert boxes == [((8, 0, 64, 24), (0, 0, 40, 20)), ((8, 24, 64, 48), (0, 20, 40, 80))]


def test_strokes_are_told_apart_by_their_color():
    strokes = Image.new("RGBA", PHOTO)
    strokes.paste((36, 84, 168, 255), (0, 0, 10, 48))
    strokes.paste((70, 140, 90, 128), (20, 0, 30, 48))  # green, nearly
    strokes.paste((240, 240, 10, 255), (40, 0, 50, 48))
    blue, green = mark_masks(strokes, [(36, 82, 168), (63, 145, 68)])
    assert (blue.getbbox(), green.getbbox()) == ((0, 0, 10, 48), (20, 0, 30, 48))
    assert (blue.getextrema(), green.getextrema()) == ((0, 255), (0, 128))
