import json

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
