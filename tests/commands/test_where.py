import numpy as np
import pytest
from PIL import Image

from stylecore import find_faces, find_subject, load_image
from tests.browsing import ROOT
from tests.commands.conftest import run
from tests.conftest import make_photo


@pytest.fixture
def cup(tmp_path):
    path = tmp_path / "cup.png"
    load_image(ROOT / "pages" / "shared" / "samples" / "coffee.jpg", max_side=200).save(path)
    return path


@pytest.fixture
def mask_file(tmp_path):
    mask = Image.new("L", (96, 64))
    mask.paste(255, (0, 0, 48, 64))
    path = tmp_path / "mask.png"
    mask.save(path)
    return path


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_where_background_leaves_the_subject_to_the_bit(capsys, cup, tmp_path):
    output = tmp_path / "out.png"
    command = ["stylize", cup, "--style", "mosaic", "--fast", "--where", "background", "-o", output]
    assert run(capsys, *command)[0] == 0
    mask = np.asarray(find_subject(load_image(cup)))
    assert (pixels(output)[mask == 255] == pixels(cup)[mask == 255]).all()
    assert np.abs(pixels(output)[mask == 0] - pixels(cup)[mask == 0]).mean() > 20
    assert "on the background, elsewhere the photo" in Image.open(output).getexif()[270]


def test_a_mask_file_chooses_what_is_painted_and_elsewhere_what_is_next_to_it(
    capsys, photo_file, mask_file, tmp_path
):
    def painted(*options: str) -> np.ndarray:
        output = tmp_path / f"{len(options)}.png"
        command = ["stylize", photo_file, "--style", "mosaic", "--fast", "-o", output, *options]
        assert run(capsys, *command)[0] == 0
        return pixels(output)

    whole, left = painted(), painted("--where-mask", mask_file)
    both = painted("--where-mask", mask_file, "--elsewhere", "ink:1,rain:1")
    assert (left[:, 48:] == pixels(photo_file)[:, 48:]).all()
    assert np.abs(left[:, :16] - whole[:, :16]).mean() < 15
    assert np.abs(both[:, 60:] - whole[:, 60:]).mean() > 15


def test_faces_are_kept_in_a_batch_and_the_rest_is_painted_as_ever(capsys, cup, tmp_path):
    face = tmp_path / "face.png"
    load_image(ROOT / "pages" / "shared" / "samples" / "portrait.jpg", max_side=200).save(face)
    command = ["stylize", face, cup, "--style", "mosaic", "--fast", "-o"]
    assert run(capsys, *command, tmp_path / "whole/")[0] == 0
    assert run(capsys, *command, tmp_path / "kept/", "--keep-faces")[0] == 0
    whole, kept = (pixels(tmp_path / folder / "face_mosaic.png") for folder in ("whole", "kept"))
    mask, photo = np.asarray(find_faces(load_image(face))), pixels(face)
    assert (kept[mask == 0] == whole[mask == 0]).all()
    assert np.abs(kept - photo)[mask == 255].mean() < 0.4 * np.abs(whole - photo)[mask == 255].mean()
    cups = [pixels(tmp_path / folder / "cup_mosaic.png") for folder in ("whole", "kept")]
    assert (cups[0] == cups[1]).all()
    assert Image.open(tmp_path / "kept" / "face_mosaic.png").getexif()[270].endswith(", faces kept")


def test_elsewhere_transparent_writes_a_format_that_holds_it(capsys, photo_file, mask_file, tmp_path):
    command = ["stylize", photo_file, "--style", "mosaic", "--fast", "--where-mask", mask_file]
    command += ["--elsewhere", "transparent", "-o"]
    assert run(capsys, *command, tmp_path / "out/")[0] == 0
    cut_out = Image.open(tmp_path / "out" / "holiday_mosaic.png")
    assert cut_out.getchannel("A").getbbox() == (0, 0, 48, 64)
    status, _, err = run(capsys, *command, tmp_path / "out.jpg")
    assert status == 2
    assert "out.jpg is a JPEG, which has no transparency: give a .png or .webp" in err


def test_a_photo_without_a_subject_is_painted_whole_and_that_is_said(capsys, tmp_path):
    plain = tmp_path / "plain.png"
    Image.linear_gradient("L").resize((64, 48)).save(plain)
    command = ["stylize", plain, "--style", "mosaic", "--fast", "-o"]
    assert run(capsys, *command, tmp_path / "whole.png")[0] == 0
    status, _, err = run(capsys, *command, tmp_path / "part.png", "--where", "subject")
    assert status == 0
    assert "plain.png: no subject was found, so all of it is painted" in err
    assert (pixels(tmp_path / "part.png") == pixels(tmp_path / "whole.png")).all()


def test_a_batch_reports_the_photos_that_a_mask_does_not_fit(capsys, photo_file, mask_file, tmp_path):
    other = tmp_path / "other.png"
    make_photo(64, 64).save(other)
    command = ["stylize", photo_file, other, "--style", "mosaic", "--fast", "--where-mask", mask_file]
    status, _, err = run(capsys, *command, "-o", tmp_path / "out/")
    assert status == 2
    assert "the mask mask.png has 96 x 64 px, but the photo 64 x 64: a mask of the photo's size" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["holiday_mosaic.jpg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--elsewhere", "ink"], "--elsewhere would do nothing without --where or --where-mask"),
        (["--where", "sky"], "invalid choice: 'sky'"),
        (["--where", "faces", "--keep-faces"], "--where faces paints what --keep-faces keeps"),
        (["--where", "subject", "--elsewhere", "nonsense"], "nonsense"),
        (["--where-mask", "none.png"], "none.png does not exist"),
        (["--where", "subject", "--where-mask", "none.png"], "not allowed with"),
    ],
)
def test_wrong_usage_is_one_sentence(capsys, photo_file, options, message):
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic", "--fast", *options)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_an_empty_mask_and_a_mask_as_output_are_refused(capsys, photo_file, mask_file, tmp_path):
    command = ["stylize", photo_file, "--style", "mosaic", "--fast", "--where-mask"]
    Image.new("L", (96, 64)).save(tmp_path / "black.png")
    status, _, err = run(capsys, *command, tmp_path / "black.png", "-o", tmp_path / "out.png")
    assert (status, "the mask black.png is empty: it needs white" in err) == (2, True)
    status, _, err = run(capsys, *command, mask_file, "-o", mask_file)
    assert (status, "mask.png is one of the pictures that are read" in err) == (2, True)
