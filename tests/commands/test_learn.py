import json
import signal

import stylecore.learning.learn
from stylecore.commands import learn
from stylecore.styles.files import load_style_file
from tests.commands.conftest import run
from tests.conftest import make_photo

TINY = ("--photo-side", 32, "--photo-count", 2, "--stroke-size", 128, "--rows-only", "--precision", "float32")


def test_learn_writes_a_style_file(capsys, photo_file, tmp_path):
    output = tmp_path / "new" / "dots.impasto"
    arguments = ("learn", photo_file, "-o", output, "--steps", 2, *TINY, "--json")
    status, out, err = run(capsys, *arguments, "--photos", photo_file.parent)
    assert status == 0
    style, report = load_style_file(output), json.loads(out)
    assert report["sha256"] == style.sha256
    assert (report["steps"], report["interrupted"]) == (2, False)
    assert (style.title, style.name, style.origin) == ("holiday", "holiday", "learned in 2 steps")
    assert "step 2/2  content" in err
    assert f"{photo_file} -> {output}: holiday, learned in 2 steps" in err


def test_fit_learns_on_a_photo_alone(capsys, photo_file, tmp_path):
    output = tmp_path / "dots.impasto"
    settings = ("--photo-side", 64, "--stroke-size", 128, "--precision", "float32")
    fit = ("--photos", photo_file, "--fit", "--steps", 2, *settings)
    status, _, err = run(capsys, "learn", photo_file, "-o", output, *fit)
    assert (status, load_style_file(output).origin) == (0, "fitted to own photos in 2 steps")
    assert "step 2/2  content" in err


def test_an_interrupted_learning_keeps_the_best_so_far(capsys, photo_file, tmp_path, monkeypatch):
    learn_whole = stylecore.learning.learn.learn_style

    def interrupt(*arguments, on_progress, **options):
        def note(state):
            on_progress(state)
            if state.step == 2:
                signal.raise_signal(signal.SIGINT)

        return learn_whole(*arguments, on_progress=note, **options)

    monkeypatch.setattr("stylecore.learning.learn.learn_style", interrupt)
    output = tmp_path / "a.impasto"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status, out, err = run(capsys, "learn", photo_file, "-o", output, "--steps", 9, *TINY, "--json")
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == 1
    assert (json.loads(out)["steps"], json.loads(out)["interrupted"]) == (2, True)
    assert f"interrupted; {output} has the best style so far" in err
    assert load_style_file(output).rows


def test_wrong_usage_is_refused_before_the_work(capsys, photo_file, tmp_path):
    output = tmp_path / "a.impasto"
    for arguments, message in (
        (("-o", tmp_path / "a.png"), "the name of a style file ends in .impasto"),
        (("-o", output, "--steps", 2, "--minutes", 1), "give only one of them"),
        (("-o", output, "--steps", 0), "steps is 0: at least 1 is needed"),
        (("-o", output, "--photos", tmp_path / "none"), "none"),
        (("-o", output, "--fit"), "--fit: give --photos"),
    ):
        status, _, err = run(capsys, "learn", photo_file, *arguments)
        assert status == 2
        assert message in err
    assert not output.exists()


def test_many_photos_are_thinned_out_evenly(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(learn, "MAX_PHOTOS", 3)
    for number in range(7):
        make_photo(40 + number, 40).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    assert [photo.width for photo in learn.read_photos(tmp_path)] == [40, 44]
    assert "skipped: " in capsys.readouterr().err
