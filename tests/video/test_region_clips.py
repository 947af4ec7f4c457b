import numpy as np
import pytest
from PIL import Image

from stylecore import ClipError, FastStylizer, find_faces, find_subject, load_image, stylize_clip
from stylecore.regions.guided_filter import guided_filter
from stylecore.regions.keeping import KEPT_STRENGTH
from stylecore.video import mask_edges, region_painting
from stylecore.video.following import MotionFollower
from stylecore.video.masks import MaskFollower
from tests.browsing import ROOT
from tests.conftest import make_photo
from tests.video.making import panning, write_clip

SAMPLES = ROOT / "pages" / "shared" / "samples"


@pytest.fixture(scope="module")
def stylizer():
    return FastStylizer("cpu")


def crossing(count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A textured square that crosses a view, which moves the other way, and its true masks."""
    background = np.asarray(make_photo(260, 120, seed=1))
    square = np.asarray(make_photo(40, 40, seed=2))[::-1, :, ::-1]
    frames, truths = [], []
    for index in range(count):
        frame, truth = background[:, index : index + 160].copy(), np.zeros((120, 160), np.uint8)
        place = slice(40, 80), slice(20 + 2 * index, 60 + 2 * index)
        frame[place], truth[place] = square, 255
        frames.append(frame)
        truths.append(truth)
    return frames, truths


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return (first & second).sum() / (first | second).sum()


def follow(frames: list[np.ndarray], find) -> list[np.ndarray]:
    motion, masks = MotionFollower(), MaskFollower(find)
    return [masks(frame, motion(frame), frame.shape[:2]) for frame in frames]


@pytest.mark.parametrize("scale", [1, 2])
def test_a_mask_is_found_every_tenth_frame_and_carried_in_between(scale):
    sources, truths = crossing(24)
    frames, truths = ([each.repeat(scale, 0).repeat(scale, 1) for each in part] for part in (sources, truths))
    searched: list[int] = []

    def find(pixels: np.ndarray) -> np.ndarray:
        searched.append(next(i for i, frame in enumerate(frames) if frame is pixels))
        return truths[searched[-1]]

    masks, motion = MaskFollower(find), MotionFollower()
    carried = [masks(*each, (120, 160)) for each in zip(frames, map(motion, sources), strict=True)]
    assert searched == [0, 10, 20]
    assert carried[0].shape == truths[0].shape
    overlaps = [overlap(mask > 0.5, truth > 128) for mask, truth in zip(carried, truths, strict=True)]
    assert min(overlaps) > 0.8
    assert overlap(truths[0] > 128, truths[9] > 128) < 0.4  # without the flow


def test_a_mask_is_found_anew_at_a_cut():
    frames, truths = crossing(4)
    other = [255 - frame[::-1] for frame in frames]
    found = iter([truths[0], 255 - truths[0]])
    shown = follow(frames + other, lambda pixels: next(found))
    assert (shown[4] == 1 - shown[0]).all()


def test_a_mask_that_is_found_elsewhere_comes_over_some_frames():
    still = np.asarray(make_photo(96, 64))
    found = iter([np.zeros((64, 96), np.uint8), np.full((64, 96), 255, np.uint8)])
    means = [float(mask.mean()) for mask in follow([still] * 15, lambda pixels: next(found))]
    assert means[:10] == pytest.approx([0] * 10, abs=1e-3)
    assert means[10:] == pytest.approx([0.25, 0.5, 0.75, 1, 1], abs=1e-3)


def test_edges_are_those_of_the_guided_filter_of_photos():
    frame = make_photo(160, 120)
    mask = np.asarray(Image.linear_gradient("L").resize((160, 120)), np.float32) / 255
    refined = guided_filter(frame, frame, mask, radius=2, smoothness=mask_edges.SMOOTHNESS) / np.float32(255)
    low, high = mask_edges.CORE
    expected = ((refined - low) / (high - low)).clip(0, 1)
    inside = np.s_[4:-4, 4:-4]  # windows end at the borders there, and are mirrored here
    snapped = mask_edges.snap_to_edges(mask, np.asarray(frame))
    assert np.abs(snapped - expected)[inside].max() < 0.01


def shown_frames(source, target, style="mosaic", **options) -> list[tuple[np.ndarray, np.ndarray]]:
    shown = []

    def keep(progress):
        shown.append((np.asarray(progress.content_image, int), np.asarray(progress.image, int)))

    result = stylize_clip(source, target, style, fine=False, on_progress=keep, **options)
    assert len(shown) == result.frames
    return shown


def left_half(image: Image.Image, part: str) -> Image.Image:
    mask = Image.new("L", image.size)
    mask.paste(255, (0, 0, image.width // 2, image.height))
    return mask


@pytest.mark.parametrize("steadiness", [0, 1])
def test_a_part_of_a_clip_is_painted_and_the_rest_stays_as_it_is(tmp_path, stylizer, monkeypatch, steadiness):
    monkeypatch.setattr(region_painting, "find_part", left_half)
    clip = write_clip(tmp_path / "pan.mp4", panning(3))
    options = {"where": "subject", "steadiness": steadiness, "stylizer": stylizer}
    content, image = shown_frames(clip, tmp_path / "painted.mp4", **options)[0]
    assert (image[:, 48:] == content[:, 48:]).all()
    assert np.abs(image - content)[:, :48].mean() > 20


def test_a_subject_is_cut_out_of_a_clip(tmp_path, stylizer, monkeypatch):
    monkeypatch.setattr(region_painting, "find_part", left_half)
    clip = write_clip(tmp_path / "pan.mp4", panning(2))
    options = {"where": "subject", "cut_out": True, "stylizer": stylizer}
    _, image = shown_frames(clip, tmp_path / "cut.webm", **options)[0]
    assert (image[:, :48, 3] == 255).all()
    assert (image[:, 48:, 3] == 0).all()
    with pytest.raises(ClipError, match="cannot be transparent"):
        stylize_clip(clip, tmp_path / "cut.mp4", "mosaic", **options)


def test_the_rest_of_a_clip_is_painted_in_another_style(tmp_path, stylizer, monkeypatch):
    monkeypatch.setattr(region_painting, "find_part", left_half)
    clip = write_clip(tmp_path / "pan.mp4", panning(2))
    both, whole, other = (
        shown_frames(clip, tmp_path / f"{len(options)}{style}.mp4", style, stylizer=stylizer, **options)[1][1]
        for style, options in (
            ("mosaic", {"where": "subject", "elsewhere": "ink"}),
            ("mosaic", {}),
            ("ink", {}),
        )
    )
    assert np.abs(both - whole)[:, :40].max() <= 1
    assert np.abs(both - other)[:, 56:].max() <= 1
    assert np.abs(whole - other).mean() > 15


def test_the_background_of_a_clip_is_all_but_the_subject(tmp_path, stylizer):
    photo = load_image(SAMPLES / "coffee.jpg", max_side=192)
    clip = write_clip(tmp_path / "cup.mp4", [np.asarray(photo)])
    options = {"where": "background", "stylizer": stylizer}
    ((content, image),) = shown_frames(clip, tmp_path / "painted.mp4", **options)
    subject = np.asarray(find_subject(Image.fromarray(content.astype(np.uint8))))
    assert (image[subject == 255] == content[subject == 255]).all()
    assert np.abs(image[subject == 0] - content[subject == 0]).mean() > 20


def test_faces_in_a_clip_are_kept_or_painted_alone(tmp_path, stylizer):
    photo = load_image(SAMPLES / "portrait.jpg", max_side=256)
    clip = write_clip(tmp_path / "face.mp4", [np.asarray(photo)])
    ((content, kept),) = shown_frames(clip, tmp_path / "kept.mp4", keep_faces=True, stylizer=stylizer)
    ((_, alone),) = shown_frames(clip, tmp_path / "alone.mp4", where="faces", stylizer=stylizer)
    ((_, whole),) = shown_frames(clip, tmp_path / "whole.mp4", stylizer=stylizer)
    share = np.asarray(find_faces(Image.fromarray(content.astype(np.uint8))))[..., None] / 255
    assert share.max() == 1
    weaker = 1 - (1 - KEPT_STRENGTH) * share
    assert np.abs(kept - (content + weaker * (whole - content))).max() < 2.5
    assert np.abs(alone - (content + share * (whole - content))).max() < 2.5


def test_a_clip_without_a_subject_says_so_and_its_background_is_everything(tmp_path, stylizer, monkeypatch):
    monkeypatch.setattr(region_painting, "find_part", lambda image, part: None)
    clip = write_clip(tmp_path / "pan.mp4", panning(1))
    result = stylize_clip(clip, tmp_path / "a.mp4", "mosaic", fine=False, where="subject", stylizer=stylizer)
    assert not result.is_found
    ((_, image),) = shown_frames(clip, tmp_path / "b.mp4", where="background", stylizer=stylizer)
    ((_, whole),) = shown_frames(clip, tmp_path / "c.mp4", stylizer=stylizer)
    assert (image == whole).all()


def test_wrong_parts_are_refused_before_painting(tmp_path):
    clip = tmp_path / "none.mp4"
    with pytest.raises(ValueError, match="where is 'sky': use subject, background, faces"):
        stylize_clip(clip, tmp_path / "a.mp4", "mosaic", where="sky")
    with pytest.raises(ValueError, match="elsewhere and cut_out would do nothing without where"):
        stylize_clip(clip, tmp_path / "a.mp4", "mosaic", elsewhere="ink")
