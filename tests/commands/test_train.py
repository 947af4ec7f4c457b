import json

import pytest

import stylecore.learning.training
from stylecore.errors import DivergenceError
from tests.commands.conftest import run
from tests.conftest import make_photo


def test_train_runs_and_resumes(capsys, tmp_path):
    (tmp_path / "content").mkdir()
    make_photo(100, 80).save(tmp_path / "content" / "a.jpg")
    make_photo(64, 64, seed=1).save(tmp_path / "style.png")
    arguments = ["train", "--style-images", tmp_path / "style.png", "--content", tmp_path / "content"]
    arguments += ["--out", tmp_path / "run"]
    tiny = ["--steps", 3, "--pixel-steps", 1, "--crop-size", 48, "--style-size", 64]
    tiny += ["--channels", 8, "--blocks", 1]
    status, out, err = run(capsys, *arguments, *tiny, "--json")
    assert status == 0
    assert json.loads(out)["checkpoint"] == str(tmp_path / "run" / "checkpoint.pt")
    assert "images/s" in err
    assert run(capsys, *arguments, "--resume")[0] == 0
    status, _, err = run(capsys, *arguments, *tiny)
    assert status == 2
    assert "is there already: resume it" in err
    status, _, err = run(capsys, *arguments, "--resume", "--steps", 5, "--trunk-frozen")
    assert status == 2
    assert "--steps, --trunk-frozen: a run that is resumed keeps" in err
    (tmp_path / "a_file").touch()
    status, _, err = run(capsys, *arguments[:-1], tmp_path / "a_file" / "run")
    assert status == 2
    assert "a_file is no folder" in err


def test_a_training_that_diverges_is_a_failed_run(capsys, photo_file, tmp_path, monkeypatch):
    def diverge(*arguments, **settings):
        raise DivergenceError("step 7 has a loss of nan")

    monkeypatch.setattr(stylecore.learning.training, "train", diverge)
    folders = ("--content", photo_file.parent, "--style-images", photo_file, "--out", tmp_path / "out")
    status, _, err = run(capsys, "train", *folders)
    assert (status, err) == (1, "error: step 7 has a loss of nan\n")


def test_train_any_style_runs_and_resumes(capsys, tmp_path):
    content, styles, held_out = tmp_path / "content", tmp_path / "styles", tmp_path / "held_out.txt"
    content.mkdir()
    styles.mkdir()
    make_photo(100, 80).save(content / "a.jpg")
    for seed in (1, 2, 3):
        make_photo(64, 64, seed=seed).save(styles / f"{seed}.png")
    held_out.write_text("3.png  # never trained on\n")
    arguments = ["train", "--any-style", "--style-images", styles, "--content", content]
    arguments += ["--held-out", held_out, "--out", tmp_path / "run"]
    tiny = ["--steps", 3, "--crop-size", 48, "--style-size", 64, "--channels", 8, "--blocks", 1]
    status, out, err = run(capsys, *arguments, *tiny, "--hidden", 8, "--json")
    assert status == 0
    assert json.loads(out)["checkpoint"] == str(tmp_path / "run" / "checkpoint.pt")
    assert "shift" in err
    assert run(capsys, *arguments, "--resume")[0] == 0
    held_out.write_text("2.png\n")
    status, _, err = run(capsys, *arguments, "--resume")
    assert status == 2
    assert "was trained on other style pictures" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shift-weight", 1], "--shift-weight: only with --any-style"),
        (["--held-out", "names.txt"], "--held-out: only with --any-style"),
        (["--any-style", "--pixel-steps", 1], "--pixel-steps: only without --any-style"),
        (["--any-style", "--hours", 1, "--steps", 2], "--hours and --steps: give only one of them"),
    ],
)
def test_settings_of_the_other_training_are_refused(capsys, photo_file, tmp_path, options, message):
    folders = ("--content", tmp_path, "--style-images", tmp_path, "--out", tmp_path / "out")
    status, _, err = run(capsys, "train", *folders, *options)
    assert status == 2
    assert message in err
