import json
from functools import partial

import pytest
from PIL import Image

from stylecore.cli import main
from stylecore.learning.learning_config import LearningConfig
from stylecore.measuring.any_style import as_table
from stylecore.measuring.evaluation import SHEET_SIDE
from tests.conftest import make_photo


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of two photos and two style pictures."""
    root = tmp_path_factory.mktemp("pictures")
    for name in ("photos", "styles"):
        (root / name).mkdir()
        for number in range(2):
            make_photo(160, 120 + 20 * number, seed=number).save(root / name / f"{number}.png")
    return root


def command(folders, *further):
    return ["evaluate", "--content", str(folders / "photos"), "--any-style", *further]


def test_encoder_and_sketch_are_measured_on_every_pair(capsys, folders):
    sheet = folders / "sheet.png"
    options = ["--side", "96", "--sheet", str(sheet), "--json"]
    assert main(command(folders, str(folders / "styles"), *options)) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["styles"]) == [str(folders / "styles" / f"{number}.png") for number in range(2)]
    everything = report["all"]
    assert everything["pairs"] == 4
    won = [record["encoder"]["won"] for record in report["styles"].values()]
    assert everything["encoder"]["won"] == sum(won)
    for method in ("encoder", "sketch"):
        totals = [record[method]["total"] for record in report["styles"].values()]
        assert everything[method]["total"] == pytest.approx((totals[0] * totals[1]) ** 0.5, abs=1e-3)
    ratio = everything["encoder"]["total"] / everything["sketch"]["total"]
    assert everything["encoder"]["ratio"] == pytest.approx(ratio, abs=1e-3)
    assert Image.open(sheet).width == 4 * SHEET_SIDE + 3 * 6
    lines = as_table(report).splitlines()
    assert len(lines) == 4 + 3
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_learned_styles_and_optimized_photos_are_measured_as_well(capsys, folders, monkeypatch):
    monkeypatch.setattr(
        "stylecore.measuring.any_style.LearningConfig", partial(LearningConfig, photo_side=32)
    )
    options = ["--photos", "1", "--side", "96", "--learning-steps", "1", "2", "--fit-steps", "4"]
    options += ["--optimization-steps", "3"]
    assert main(command(folders, str(folders / "styles" / "0.png"), *options, "--json")) == 0
    everything = json.loads(capsys.readouterr().out)["all"]
    methods = [
        "encoder",
        "learned 1 steps",
        "learned 2 steps",
        "fitted 4 steps",
        "sketch",
        "optimized 3 steps",
    ]
    assert [*everything] == ["pairs", *methods]
    assert len({everything[method]["total"] for method in methods}) == 6
    assert everything["fitted 4 steps"]["total"] < everything["encoder"]["total"]


def test_options_of_any_style_need_it(capsys, folders):
    assert main(["evaluate", "--content", str(folders / "photos"), "--learning-steps", "2"]) == 2
    assert "need --any-style" in capsys.readouterr().err


def test_a_sheet_is_not_written_over_a_style_picture(capsys, folders):
    picture = str(folders / "styles" / "0.png")
    for given in (picture, str(folders / "styles")):
        assert main(command(folders, given, "--sheet", picture)) == 2
        assert "0.png is one of the pictures that are read" in capsys.readouterr().err


def test_options_of_ready_made_styles_are_refused(capsys, folders):
    assert main(command(folders, str(folders / "styles"), "--fine")) == 2
    assert "for ready-made styles" in capsys.readouterr().err
