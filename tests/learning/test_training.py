import json
from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader

from stylecore.errors import CheckpointError, DeviceError, DivergenceError, ImageError, StyleError
from stylecore.learning import runs, training
from stylecore.learning.checkpoints import load_network, read_checkpoint, write_checkpoint
from stylecore.learning.config import TrainingConfig
from stylecore.learning.crops import PhotoCrops
from stylecore.learning.training import train
from tests.conftest import make_photo

TINY = TrainingConfig(
    steps=6,
    pixel_steps=2,
    batch_size=2,
    crop_size=48,
    style_size=64,
    channels=8,
    blocks=1,
    checkpoint_s=0,
    seed=3,
)


@pytest.fixture
def folders(tmp_path):
    content, styles = tmp_path / "content", tmp_path / "styles"
    content.mkdir()
    styles.mkdir()
    for i in range(4):
        make_photo(120, 90, seed=i).save(content / f"{i}.jpg")
    for i, name in enumerate(("dots", "lines")):
        make_photo(80, 100, seed=10 + i).save(styles / f"{name}.png")
    return content, sorted(styles.iterdir()), tmp_path / "out"


def test_a_run_leaves_checkpoint_samples_and_log(folders):
    records = []
    path = train(*folders, TINY, on_progress=records.append)
    assert [record.step for record in records] == [1, 2, 3, 4, 5, 6]
    assert records[0].pixel_loss > 0
    assert records[0].style_loss == 0
    first = records[TINY.pixel_steps]  # by perceptual losses: those of pixels alone count no more
    assert first.pixel_loss == 0
    assert first.style_loss == pytest.approx(
        sum(first.style_losses.values()) / len(first.style_losses), rel=0.1
    )
    assert records[-1].style_loss > 0
    assert set(records[-1].style_losses) == {"dots", "lines"}
    assert records[-1].remaining_s == 0
    checkpoint = read_checkpoint(path)
    assert checkpoint["step"] == 6
    assert checkpoint["styles"] == ["dots", "lines"]
    assert len(load_network(checkpoint).rows) == 2
    assert (path.parent / "samples.jpg").stat().st_size > 1000
    assert json.loads((path.parent / "log.jsonl").read_text().splitlines()[-1])["step"] == 6


def test_a_resumed_run_ends_as_an_uninterrupted_one(folders, tmp_path):
    content, styles, out = folders

    def interrupt(progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(content, styles, out, TINY, device="cpu", on_progress=interrupt)
    assert read_checkpoint(out / "checkpoint.pt")["step"] == 3
    resumed = read_checkpoint(train(content, styles, out, device="cpu", resume=True))
    whole = read_checkpoint(train(content, styles, tmp_path / "whole", TINY, device="cpu"))
    for part in ("network", "averaged"):
        for key, value in whole[part].items():
            assert torch.allclose(resumed[part][key], value, atol=1e-5), (part, key)


def test_a_compiled_run_ends_as_one_that_is_not(folders, tmp_path, monkeypatch):
    content, styles, out = folders
    compiled = []

    def compile_whole(part, **settings):  # without a C++ compiler; a graph that breaks up is an error
        compiled.append(part)
        return compile_(part, backend="aot_eager", fullgraph=True, **settings)

    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", compile_whole)
    layers = {"content_layers": ("relu2_1",), "style_layers": ("relu1_1", "relu2_1")}
    config = replace(TINY, precision="mixed", learning_rate=3e-4, **layers)  # bfloat16 rounds otherwise
    eager = read_checkpoint(train(content, styles, out, config, device="cpu"))
    assert not compiled
    config = replace(config, is_compiled=True)
    ours = read_checkpoint(train(content, styles, tmp_path / "compiled", config, device="cpu"))
    assert len(compiled) == 2  # network and losses
    for key, value in eager["network"].items():
        assert torch.allclose(ours["network"][key], value, atol=1e-3), key


def test_content_layers_may_be_of_both_kinds(folders):
    config = replace(TINY, steps=1, pixel_steps=0, content_layers=("relu2_1", "conv3_1"))
    assert read_checkpoint(train(*folders, config))["step"] == 1


def test_training_lowers_the_pixel_loss(folders):
    records = []
    config = replace(TINY, steps=40, pixel_steps=40, learning_rate=1e-2, checkpoint_s=1000)
    train(*folders, config, on_progress=records.append)
    assert records[-1].pixel_loss < 0.7 * records[0].pixel_loss


def test_bad_photos_are_skipped_and_counted(folders):
    (folders[0] / "broken.jpg").write_text("not a photo")
    (folders[0] / "empty.png").write_bytes(b"")
    records = []
    config = replace(TINY, batch_size=16, steps=3, pixel_steps=3, checkpoint_s=1000)
    path = train(*folders, config, on_progress=records.append)
    assert records[-1].skipped_photos == 2
    assert sorted(name for record in records for name in record.newly_skipped) == ["broken.jpg", "empty.png"]
    saved = torch.load(path, weights_only=True)
    assert saved["skipped_photos"] == ["broken.jpg", "empty.png"]
    longer = saved["config"] | {"steps": 4, "pixel_steps": 4}
    write_checkpoint(path, saved | {"config": longer})
    train(*folders, resume=True, on_progress=records.append)
    assert records[-1].skipped_photos == 2
    assert records[-1].newly_skipped == ()  # both were known


def test_the_samples_are_not_written_over_a_picture_that_is_read(folders):
    content, styles, out = folders
    message = r"samples\.jpg is one of the input pictures"
    with pytest.raises(ImageError, match=message):
        train(content, styles, content, TINY)
    out.mkdir()
    make_photo(64, 64).save(out / "samples.jpg")
    with pytest.raises(ImageError, match=message):
        train(content, [*styles, out / "samples.jpg"], out, TINY)
    (content / "link.jpg").symlink_to(out / "samples.jpg")
    with pytest.raises(ImageError, match=message):
        train(content, styles, out, TINY)
    assert not (out / "checkpoint.pt").exists()


def test_a_folder_of_nothing_but_bad_photos_is_an_error(folders, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_text("not a photo")
    with pytest.raises(ImageError, match=r"100 photos in a row.*a\.jpg"):
        train(tmp_path / "bad", *folders[1:], TINY)


def test_an_error_of_a_process_that_reads_photos_is_told_without_its_traceback(tmp_path):
    bad = tmp_path / "a.jpg"
    bad.write_text("not a photo")
    crops = PhotoCrops([bad], turns=[1], steps=1, batch_size=1, styles_per_photo=1, crop_size=32, seed=0)
    for workers in (0, 1):
        loader = DataLoader(crops, batch_size=None, num_workers=workers)
        with pytest.raises(ImageError, match=r"^100 photos in a row could not be read, the last was a\.jpg$"):
            list(runs.without_tracebacks(loader))


def test_faces_of_a_file_count_as_often_as_their_factor_says(folders, tmp_path):
    content, styles, _ = folders
    path = tmp_path / "faces.json"
    path.write_text(json.dumps({photo.name: [[-1, -1, 2, 2]] for photo in content.iterdir()}))
    contents = {}
    for factor in (1.0, 100.0):
        records = []
        config = replace(TINY, steps=1, pixel_steps=0, face_factor=factor)
        train(content, styles, tmp_path / str(factor), config, faces=path, on_progress=records.append)
        contents[factor] = records[-1].content_loss
    assert contents[100.0] == pytest.approx(100 * contents[1.0], rel=1e-3)


def test_a_resumed_run_goes_on_with_its_faces(folders, tmp_path):
    content, styles, out = folders
    path = tmp_path / "faces.json"
    path.write_text(json.dumps({photo.name: [[-1, -1, 2, 2]] for photo in content.iterdir()}))
    config = replace(TINY, face_factor=100.0)
    whole = train(content, styles, tmp_path / "whole", config, faces=path, device="cpu")

    def interrupt(progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(content, styles, out, config, faces=path, device="cpu", on_progress=interrupt)
    path.unlink()
    resumed = read_checkpoint(train(content, styles, out, device="cpu", resume=True))
    for key, value in read_checkpoint(whole)["network"].items():
        assert torch.allclose(resumed["network"][key], value, atol=1e-5), key


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(folders, monkeypatch):
    content, styles, out = folders
    losses = training.pixel_losses

    def break_later(stylized, photos):
        found = losses(stylized, photos)
        return found if read_checkpoint_step(out) < 1 else found._replace(total=found.total * float("nan"))

    def read_checkpoint_step(out):
        path = out / "checkpoint.pt"
        return read_checkpoint(path)["step"] if path.exists() else 0

    monkeypatch.setattr(training, "pixel_losses", break_later)
    with pytest.raises(DivergenceError, match="step 2 has a loss of nan"):
        train(content, styles, out, TINY, device="cpu")
    assert all(value.isfinite().all() for value in read_checkpoint(out / "checkpoint.pt")["network"].values())


def test_a_resumed_run_takes_no_other_start(folders):
    with pytest.raises(ValueError, match="init and resume are given"):
        train(*folders, init=folders[2] / "checkpoint.pt", resume=True)


def test_settings_out_of_range_are_refused_before_anything_is_written(folders):
    with pytest.raises(StyleError, match="settings for dashes: there are dots, lines"):
        train(*folders, replace(TINY, content_factors={"dashes": 2.0}))
    assert not folders[2].exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no file"),
        ('{"a.jpg": [[1, 2]]}', "does not hold boxes"),
        ("[1]", "does not hold boxes"),
        ('{"a.jpg": [[0.5, 0.1, 0.2, 0.4]]}', r"does not hold boxes.*: a\.jpg has a box of 0\.5, 0\.1, 0\.2"),
        ('{"a.jpg": [[0, 0, NaN, 1]]}', "does not hold boxes"),
        ('{"other.jpg": [[0, 0, 1, 1]]}', "has no face in a photo of"),
    ],
)
def test_unusable_boxes_of_faces_are_refused(folders, tmp_path, text, message):
    path = tmp_path / "faces.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ImageError, match=message):
        train(*folders, TINY, faces=path)


def test_init_takes_the_trunk_and_the_rows_of_known_styles(folders, tmp_path):
    content, styles, out = folders
    first = read_checkpoint(train(content, styles, out, TINY))
    other = tmp_path / "styles" / "fresh.png"
    make_photo(64, 64).save(other)
    config = replace(TINY, learning_rate=0.0, steps=1)
    path = train(content, [other, styles[1]], tmp_path / "second", config, init=out / "checkpoint.pt")
    second = read_checkpoint(path)["network"]
    key, trained = "network.blocks.0.first.conv.weight", first["averaged"]["rows"]
    assert torch.equal(second[key], first["averaged"][key])
    assert torch.equal(second["rows"], torch.stack([trained.mean(0), trained[1]]))


@pytest.mark.parametrize("upsampling", ["linear", "nearest"])
def test_on_a_frozen_trunk_only_the_rows_with_turns_learn(folders, tmp_path, upsampling):
    content, styles, out = folders
    path = train(content, styles, out, replace(TINY, upsampling=upsampling))
    config = replace(TINY, upsampling=upsampling, is_trunk_frozen=True, style_turns={"lines": 0})
    before, after = (
        read_checkpoint(checkpoint)["averaged"]
        for checkpoint in (path, train(content, styles, tmp_path / "second", config, init=path))
    )
    assert all(torch.equal(before[key], after[key]) for key in before.keys() - {"rows"})
    assert torch.equal(before["rows"][1], after["rows"][1])  # lines
    assert (before["rows"][0] != after["rows"][0]).float().mean() > 0.9


def test_a_frozen_trunk_needs_an_initial_checkpoint(folders):
    with pytest.raises(ValueError, match="init, a checkpoint with a trained trunk, is needed"):
        train(*folders, replace(TINY, is_trunk_frozen=True))


def test_resume_without_a_checkpoint_says_so(folders):
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        train(*folders, TINY, resume=True)


def test_styles_need_different_names(folders):
    content, styles, out = folders
    with pytest.raises(StyleError, match="different names"):
        train(content, [styles[0], styles[0]], out, TINY)


def test_a_missing_cuda_is_an_error(folders):
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is there")
    with pytest.raises(DeviceError, match="cuda"):
        train(*folders, TINY, device="cuda")
