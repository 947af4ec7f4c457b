import io
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from PIL import ExifTags, Image

from pages.shared import batches, long_jobs, refining
from pages.shared.choosing import Choice
from pages.shared.full_size import full_size
from pages.shared.painting import Look
from stylecore import FastStylizer, OptimizationConfig, __version__, cli, load_image
from stylecore.images.encoding import encode_image
from stylecore.images.metadata import SOFTWARE, TAKEN, Taken, is_painting
from stylecore.images.sizes import limit_long_side
from stylecore.styles.catalog import get_style
from tests.conftest import encoded, make_photo

pytestmark = pytest.mark.usefixtures("clear_caches")
LOOK = Look(((get_style("mosaic"), 1.0),))
TIMES = {
    ExifTags.Base.DateTimeOriginal: "2024:05:17 18:30:00",
    ExifTags.Base.OffsetTimeOriginal: "+02:00",
    ExifTags.Base.SubsecTimeOriginal: "042",
}
STORED = Taken("2024:05:17 18:30:00", "+02:00", "042")


def camera_exif(times: dict = TIMES) -> Image.Exif:
    """What a telephone writes: place, camera and serial number beside the time."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 12.0, 30.0)
    own = {ExifTags.Base.BodySerialNumber: "1234567", ExifTags.Base.MakerNote: b"secret"}
    exif.get_ifd(ExifTags.IFD.Exif).update(own | times)
    return exif


def camera_photo(image_format: str = "JPEG") -> bytes:
    return encoded(make_photo(96, 64), image_format, exif=camera_exif())


def assert_painting(data: bytes, settings: str = "style mosaic:1.00, strength 1, strokes 1") -> None:
    """The file has the time, the marks and the description, and nothing else of the photo."""
    with Image.open(io.BytesIO(data)) as image:
        exif, xmp = image.getexif(), image.info["xmp"]
        assert dict(exif.get_ifd(ExifTags.IFD.Exif)) == TIMES
        names = {ExifTags.Base.ImageDescription, ExifTags.Base.Software, ExifTags.Base.ExifOffset}
        assert set(exif) == names
        assert exif[ExifTags.Base.Software] == SOFTWARE
        assert exif[ExifTags.Base.ImageDescription].startswith(settings)
    source_type = ElementTree.fromstring(xmp).find(".//{*}DigitalSourceType")
    assert source_type.tag.startswith("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}")
    term = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    assert source_type.text == term
    assert b"secret" not in data
    assert b"1234567" not in data


def test_the_software_is_this_version():
    assert f"Impasto {__version__.rpartition('.')[0]}" == SOFTWARE


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_loaded_photo_knows_only_when_it_was_taken(image_format):
    assert load_image(camera_photo(image_format)).info == {TAKEN: STORED}


def test_the_time_is_read_from_a_tiff():
    exif = camera_exif()  # Pillow writes no such block into a TIFF, but the block is the head of one
    exif.update({256: 64, 257: 64, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 64, 279: 64 * 64})
    head = exif.tobytes().removeprefix(b"Exif\0\0")  # which the pixels follow
    assert load_image(head + bytes(64 * 64)).info == {TAKEN: STORED}


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, None),
        ({ExifTags.Base.DateTimeOriginal: "0000:00:00 00:00:00"}, None),
        ({ExifTags.Base.DateTimeOriginal: "at grandmother's"}, None),
        (
            {ExifTags.Base.DateTimeOriginal: "2024:05:17 18:30:00", ExifTags.Base.OffsetTimeOriginal: "Rome"},
            Taken("2024:05:17 18:30:00"),
        ),
    ],
)
def test_what_is_no_time_is_not_kept(times, expected):
    photo = encoded(make_photo(96, 64), "JPEG", exif=camera_exif(times))
    assert load_image(photo).info.get(TAKEN) == expected


def test_the_time_stays_through_scaling_and_painting():
    image = limit_long_side(load_image(load_image(camera_photo())), 48)
    image.putalpha(200)
    for strength in (0, 0.5, 1):
        stylized = FastStylizer().stylize(image, "mosaic", strength=strength, max_side=40)
        assert stylized.info == {TAKEN: STORED}


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_download_has_the_time_and_the_marks_of_a_painting(file_format):
    assert_painting(full_size(camera_photo(), LOOK, file_format))


def test_paintings_in_a_zip_have_the_time_and_the_marks():
    photo = Choice(camera_photo(), "photo", ".jpg")
    job = batches.batch_queue().find(batches.start_batch([photo], LOOK, []))
    assert job.wait(60)
    with zipfile.ZipFile(io.BytesIO(job.result)) as archive:
        assert_painting(archive.read("photo_mosaic.jpg"))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_photo_itself_has_the_time_and_no_mark_of_a_trained_network(file_format):
    data = full_size(camera_photo(), replace(LOOK, strength=0), file_format)
    with Image.open(io.BytesIO(data)) as image:
        assert dict(image.getexif().get_ifd(ExifTags.IFD.Exif)) == TIMES
        assert image.getexif()[ExifTags.Base.ImageDescription].startswith("style mosaic:1.00, strength 0")
        assert "xmp" not in image.info


def test_a_refined_picture_has_the_time_and_the_marks_of_a_painting(monkeypatch):
    monkeypatch.setattr(refining, "expected_seconds", lambda *_: 1.0)  # timing the machine takes seconds
    config = OptimizationConfig(steps=2, max_side=48, start="content", preserve_color=True)
    styles = ((encoded(make_photo(64, 64)), 0.75), (encoded(make_photo(64, 64, seed=1)), 0.25))
    names = ("photo", "bark", "moss")
    told = {"quality": "quick", "words": "quick", "names": names, "instant": b""}
    token = refining.start_run(camera_photo(), styles, config, **told)
    job = long_jobs.job_queue().find(token)
    assert job.wait(60)
    data = refining.encode_painting(job, "JPEG")
    assert_painting(data, "style bark:0.75,moss:0.25, 2 steps, strokes 48 px, colors of the photo")


@pytest.mark.parametrize("made_of", ["painting.png", "steps/painting_00001.png"])
def test_the_command_line_writes_the_time_and_the_marks_of_a_refined_picture(tmp_path, made_of):
    (tmp_path / "photo.jpg").write_bytes(camera_photo())
    make_photo(64, 64).save(tmp_path / "bark.png")
    arguments = ["optimize", tmp_path / "photo.jpg", tmp_path / "bark.png", "-o", tmp_path / "painting.png"]
    arguments += ["--snapshots", tmp_path / "steps", "--every", "1"]
    arguments += ["--steps", "2", "--max-side", "48", "--start", "content"]
    assert cli.main([str(argument) for argument in arguments]) == 0
    steps = 1 if "00001" in made_of else 2
    assert_painting((tmp_path / made_of).read_bytes(), f"style bark:1.00, {steps} steps, strokes 48 px")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_the_command_line_writes_the_time_and_the_marks(tmp_path, ending):
    (tmp_path / "photo.jpg").write_bytes(camera_photo())
    output = tmp_path / f"painting.{ending}"
    assert cli.main(["stylize", str(tmp_path / "photo.jpg"), "--style", "mosaic", "-o", str(output)]) == 0
    assert_painting(output.read_bytes())
    assert is_painting(output)
    assert not is_painting(tmp_path / "photo.jpg")


def test_a_picture_without_description_has_no_metadata():
    with Image.open(io.BytesIO(encode_image(load_image(camera_photo()), "JPEG"))) as image:
        assert not image.getexif()
        assert "xmp" not in image.info
