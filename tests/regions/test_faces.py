import numpy as np
import pytest
from PIL import Image

from stylecore import WeightsError, find_faces, load_image
from stylecore.regions import faces
from tests.browsing import ROOT

SAMPLES = ROOT / "pages" / "shared" / "samples"


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    return load_image(SAMPLES / "portrait.jpg", max_side=600)


@pytest.fixture(scope="module")
def finder() -> faces.FaceFinder:
    return faces.FaceFinder()


def test_the_face_of_the_portrait_is_in_the_mask_and_its_corners_are_not(portrait):
    mask = np.asarray(find_faces(portrait))
    height, width = mask.shape
    assert (width, height) == portrait.size
    assert mask[round(0.21 * height), round(0.44 * width)] == 255  # between the eyes
    assert 0.02 < (mask > 128).mean() < 0.2
    assert mask[:, : round(0.2 * width)].max() == mask[round(0.6 * height) :].max() == 0
    assert np.abs(np.diff(mask.astype(int), axis=1)).max() < 26  # a soft border


def test_every_face_of_a_group_is_found_at_20_px_as_well_as_large(portrait, finder):
    (box,) = finder.find_boxes(portrait)
    head = portrait.crop((box[0] - 60, box[1] - 60, box[2] + 60, box[3] + 60))
    group = Image.new("RGB", (1000, 700), (90, 120, 150))
    for place, height in (((20, 20), 20), ((200, 100), 60), ((500, 150), 300)):
        factor = height / (box[3] - box[1])
        size = round(head.width * factor), round(head.height * factor)
        group.paste(head.resize(size, Image.Resampling.LANCZOS), place)
    heights = sorted(found[3] - found[1] for found in finder.find_boxes(group))
    assert heights == pytest.approx([20, 60, 300], rel=0.25)


def test_photos_without_people_give_an_empty_mask():
    for photo in (load_image(SAMPLES / "coffee.jpg"), Image.linear_gradient("L").convert("RGB")):
        assert find_faces(photo).getbbox() is None


def test_any_size_and_mode_of_a_photo_is_taken(portrait):
    for size, mode in (((32, 32), "RGB"), ((500, 60), "RGBA"), ((301, 217), "RGBA")):
        mask = find_faces(portrait.resize(size).convert(mode))
        assert (mask.mode, mask.size) == ("L", size)


def test_a_face_at_the_border_keeps_its_part_of_the_oval():
    mask = np.zeros((40, 60), np.uint8)
    faces._draw_oval(mask, np.array((-10, 10, 10, 30), np.float32))
    assert mask[20, 0] == 255
    assert mask[:, 14:].max() == 0
    assert (mask == mask[::-1]).all()


def test_the_boxes_agree_with_those_of_opencv(portrait, finder, monkeypatch, tmp_path):
    cv2, onnx = pytest.importorskip("cv2"), pytest.importorskip("onnx")
    photo = portrait.crop((0, 0, 320, 320))
    model = onnx.load(faces.WEIGHTS_FOLDER / faces.MODEL)
    for axis, side in ((2, photo.height), (3, photo.width)):  # OpenCV wants fixed ones
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
    onnx.save(model, tmp_path / "fixed.onnx")
    opencv = cv2.FaceDetectorYN.create(
        str(tmp_path / "fixed.onnx"), "", photo.size, faces.LEAST_SCORE, faces.SAME
    )
    _, (expected,) = opencv.detect(np.asarray(photo)[..., ::-1])
    monkeypatch.setattr(faces, "SEARCHES", ((320, 10),))
    (found,) = finder.find_boxes(photo)
    left, top, width, height = expected[:4]
    assert found == pytest.approx((left, top, left + width, top + height), abs=0.5)


def test_a_damaged_network_is_refused(monkeypatch, tmp_path):
    (tmp_path / faces.MODEL).write_bytes(b"no network")
    (tmp_path / "yunet.json").write_text('{"sha256": "00"}')
    monkeypatch.setattr(faces, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"yunet.onnx is damaged"):
        faces.FaceFinder()
