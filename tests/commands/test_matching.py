"""The options --regions, --region and --doodle of `optimize`."""

import json

import numpy as np
import pytest
from PIL import Image

from stylecore.optimization import optimize as optimization
from stylecore.regions import matching
from tests.commands.conftest import run
from tests.conftest import make_photo

ARGUMENTS = ["--steps", 1, "--max-side", 48, "--start", "content", "--json"]


@pytest.fixture
def style_file(tmp_path):
    make_photo(80, 80, seed=3).save(tmp_path / "style.png")
    return tmp_path / "style.png"


@pytest.fixture
def masks(tmp_path):
    """Files with the left half of the photo and the upper half of the style picture."""
    files = tmp_path / "photo_mask.png", tmp_path / "style_mask.png"
    for file, size, box in zip(files, ((96, 64), (80, 80)), ((0, 0, 48, 64), (0, 0, 80, 40)), strict=True):
        mask = Image.new("L", size)
        mask.paste(255, box)
        mask.save(file)
    return files


@pytest.fixture
def given(monkeypatch):
    """The regions that the optimizer is given."""
    seen = []
    optimize_image = optimization.optimize_image

    def spy(*pictures, regions, **options):
        seen.extend(regions)
        return optimize_image(*pictures, regions=regions, **options)

    monkeypatch.setattr(optimization, "optimize_image", spy)
    return seen


def test_mask_files_pair_parts(capsys, photo_file, style_file, masks, tmp_path, given):
    status, out, _ = run(
        capsys, "optimize", photo_file, style_file, "--region", *masks, "-o", tmp_path / "a.png", *ARGUMENTS
    )
    assert status == 0
    assert json.loads(out)["regions"] == 1
    ((own, (other,)),) = given
    assert (own.getbbox(), other.getbbox()) == ((0, 0, 48, 64), (0, 0, 80, 40))


def test_the_colors_of_a_drawing_pair_parts(capsys, style_file, tmp_path, given):
    drawing = np.zeros((64, 96, 3), np.uint8) + np.uint8([30, 60, 160])
    drawing[40:] = 60, 140, 60
    marked = np.zeros((80, 80, 3), np.uint8) + np.uint8([60, 140, 60])
    marked[:30] = 30, 60, 160
    for name, pixels in (("drawing", drawing), ("marked", marked)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    arguments = ["optimize", tmp_path / "drawing.png", style_file, "-o", tmp_path / "a.png", *ARGUMENTS]
    status, _, _ = run(capsys, *arguments, "--doodle", tmp_path / "drawing.png", tmp_path / "marked.png")
    assert status == 0
    boxes = [(own.getbbox(), other.getbbox()) for own, (other,) in given]
    assert boxes == [((0, 0, 96, 40), (0, 0, 80, 30)), ((0, 40, 96, 64), (0, 30, 80, 80))]


def test_pictures_without_a_subject_are_taken_whole_and_that_is_said(capsys, tmp_path, style_file, given):
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "sky.png")
    arguments = [
        "optimize",
        tmp_path / "sky.png",
        style_file,
        "--regions",
        "subject",
        "-o",
        tmp_path / "a.png",
    ]
    status, out, err = run(capsys, *arguments, *ARGUMENTS)
    assert (status, given, json.loads(out)["regions"]) == (0, [], 0)
    assert "no subject was found in photo and style picture, so they are taken as a whole" in err


def test_a_recipe_of_the_app_matches_subjects(capsys, style_file, tmp_path, given, monkeypatch):
    monkeypatch.setattr(matching, "find_subject", lambda image: Image.new("L", image.size, 255))
    make_photo(64, 64).save(tmp_path / "photo.png")
    config = {"steps": 1, "max_side": 48, "start": "content"}
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": config, "regions": "subject"}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    arguments = ["optimize", tmp_path / "photo.png", style_file, "-o", tmp_path / "a.png"]
    assert run(capsys, *arguments, "--recipe", tmp_path / "recipe.json")[0] == 0
    assert len(given) == 1
    (tmp_path / "recipe.json").write_text(json.dumps(recipe | {"regions": "feet"}))
    status, _, err = run(capsys, *arguments, "--recipe", tmp_path / "recipe.json")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "unusable settings: regions 'feet'" in err


def test_the_colors_of_a_drawing_are_paired_with_the_nearest(capsys, style_file, tmp_path, given):
    drawing = Image.new("RGB", (96, 64), "#2452a8")
    drawing.paste("#f08a24", (0, 40, 96, 64))
    drawing.save(tmp_path / "drawing.png")
    arguments = ["optimize", tmp_path / "drawing.png", style_file, "-o", tmp_path / "a.png", *ARGUMENTS]
    assert run(capsys, *arguments, "--regions", "colors")[0] == 0
    assert [own.getbbox() for own, _ in given] == [(0, 0, 96, 40), (0, 40, 96, 64)]


def test_a_recipe_does_not_hold_what_was_brushed_and_that_is_said(
    capsys, photo_file, style_file, tmp_path, given
):
    config = {"steps": 1, "max_side": 48, "start": "content"}
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": config, "regions": "brush"}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    arguments = ["optimize", photo_file, style_file, "-o", tmp_path / "a.png"]
    status, _, err = run(capsys, *arguments, "--recipe", tmp_path / "recipe.json")
    assert (status, given) == (0, [])
    assert "the recipe does not hold what was brushed, so the pictures are taken as a whole" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--region", "{photo_mask}"],
            "--region has 1 files: 2 are needed, one of the photo and one of each",
        ),
        (["--doodle", "{photo}", "{style}", "{style}"], "--doodle has 3 files: 2 are needed"),
        (
            ["--region", "{style_mask}", "{style_mask}"],
            "the mask style_mask.png has 80 x 80 px, but the photo 96 x 64: a mask of the photo's size",
        ),
        (
            ["--region", "{photo_mask}", "{photo_mask}"],
            "the mask photo_mask.png has 96 x 64 px, but the style picture 80 x 80: a mask of the style",
        ),
        (["--region", "{black}", "{style_mask}"], "the mask black.png is empty: it needs white"),
        (["--doodle", "{style}", "{style}"], "has 80 x 80 px: 96 x 64 px are needed, as the picture has"),
        (["--regions", "subject", "--doodle", "{photo}", "{style}"], "not allowed with"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    capsys, photo_file, style_file, masks, tmp_path, options, message
):
    Image.new("L", (96, 64)).save(tmp_path / "black.png")
    files = {
        "photo": photo_file, "style": style_file, "photo_mask": masks[0], "style_mask": masks[1],
        "black": tmp_path / "black.png",
    }  # fmt: skip
    given = [option.format(**files) for option in options]
    status, out, err = run(capsys, "optimize", photo_file, style_file, "-o", tmp_path / "a.png", *given)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert message in err


def test_a_mask_is_not_written_over(capsys, photo_file, style_file, masks):
    before = masks[0].read_bytes()
    status, _, err = run(
        capsys, "optimize", photo_file, style_file, "--region", *masks, "-o", masks[0], *ARGUMENTS
    )
    assert status == 2
    assert "photo_mask.png" in err
    assert masks[0].read_bytes() == before
