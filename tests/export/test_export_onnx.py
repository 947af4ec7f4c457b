import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export import export_onnx, records
from export.graph import build_model
from export.records import read_records
from stylecore.errors import WeightsError
from stylecore.instant.sessions import open_session
from stylecore.learning.checkpoints import load_network, read_checkpoint, write_checkpoint
from stylecore.learning.config import TrainingConfig
from stylecore.learning.networks import StyledNetwork, TransformerNetwork
from stylecore.perception.tensor_files import read_tensors


@pytest.fixture
def network() -> StyledNetwork:
    torch.manual_seed(0)
    network = StyledNetwork(TransformerNetwork(channels=16, blocks=2), 3)
    for parameter in network.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return network.eval().requires_grad_(False)


def make_checkpoint(folder, network, names):
    grams = torch.rand(3, 4, 4)
    contents = {
        "averaged": network.state_dict(),
        "styles": names,
        "targets": {"relu1_1": grams + grams.transpose(1, 2)},
        "config": asdict(TrainingConfig(channels=16, blocks=2)),
        "step": 5,
        "elapsed_s": 60.0,
    }
    write_checkpoint(folder / "checkpoint.pt", contents)
    return folder / "checkpoint.pt"


@pytest.mark.parametrize(("height", "width"), [(32, 32), (35, 61), (34, 200), (129, 466)])
def test_onnx_runtime_agrees_with_torch(network, tmp_path, height, width):
    path = tmp_path / "network.onnx"
    onnx.save(build_model(network.network), path)
    image = torch.rand(1, 3, height, width)
    rows, origin = torch.tensor([[0.2, 0.5, 0.3]]) @ network.rows, (-7, 1020)
    feed = {"image": image.numpy(), "rows": rows.numpy(), "noise_origin": np.array(origin)}
    (found,) = open_session(path, "cpu").run(None, feed)
    expected = network.network(image, rows, noise_origin=origin).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1 / 255


def test_the_parity_check_notices_a_wrong_weight(network, tmp_path):
    path = tmp_path / "network.onnx"
    onnx.save(build_model(network.network), path)
    assert export_onnx.parity(network, path) < export_onnx.PARITY_LIMIT
    network.network.blocks[0].second.conv.weight[0] += 0.5
    assert export_onnx.parity(network, path) > export_onnx.PARITY_LIMIT


def test_a_network_that_paints_no_numbers_is_not_exported(network, tmp_path):
    network.network.blocks[0].second.conv.weight[0] = float("nan")
    checkpoint = make_checkpoint(tmp_path, network, ["mosaic", "the_wave", "starry_night"])
    with pytest.raises(WeightsError, match="differ by nan"):
        export_onnx.export([checkpoint], tmp_path / "new.onnx", tmp_path / "styles.json")
    assert not (tmp_path / "new.onnx").exists()


def test_export_writes_model_targets_and_records(network, tmp_path, monkeypatch):
    checkpoint = make_checkpoint(tmp_path, network, ["mosaic", "the_wave", "starry_night"])
    styles_file = tmp_path / "styles.json"
    kept = {"name": "the_scream", "model": "other.onnx", "title": "kept"}
    styles_file.write_text(
        json.dumps([kept, {"name": "mosaic", "model": "old.onnx", "sha256": "of another", "scores": {}}])
    )
    measured = {"starry_night": {"total": 1}}
    export_onnx.export([checkpoint], tmp_path / "new.onnx", styles_file, scores=measured)
    export_onnx.export([checkpoint], tmp_path / "new.onnx", styles_file)
    entered = {record["name"]: record for record in json.loads(styles_file.read_text())}
    assert entered["the_scream"] == kept
    assert entered["mosaic"]["scores"] is None  # those were another network's
    assert entered["starry_night"]["scores"] == {"total": 1}  # of the very same one
    assert entered["starry_night"]["artist"] == "Vincent van Gogh"
    assert (
        entered["the_wave"]["sha256"]
        == export_onnx.hashlib.sha256((tmp_path / "new.onnx").read_bytes()).hexdigest()
    )
    assert (tmp_path / "style_targets.safetensors").exists()
    trunk = read_checkpoint(tmp_path / "new.pt")
    assert trunk["styles"] == ["mosaic", "the_wave", "starry_night"]
    assert torch.equal(load_network(trunk).network.up.conv.weight, network.network.up.conv.weight)
    rows = read_tensors(tmp_path / "rows.safetensors")
    assert rows.keys() == {"new.mosaic", "new.the_wave", "new.starry_night"}
    assert torch.equal(rows["new.the_wave"], network.rows[1])


def test_scores_are_of_the_very_same_rows(network, tmp_path):
    names, styles_file = ["mosaic", "the_wave", "starry_night"], tmp_path / "styles.json"
    scores = {name: {"total": 1} for name in names}
    export_onnx.export(
        [make_checkpoint(tmp_path, network, names)], tmp_path / "new.onnx", styles_file, scores=scores
    )
    network.rows[1] += 0.1  # as a training with a frozen trunk leaves it
    export_onnx.export([make_checkpoint(tmp_path, network, names)], tmp_path / "new.onnx", styles_file)
    found = {name: record["scores"] for name, record in read_records(styles_file).items()}
    assert found == scores | {"the_wave": None}


def test_every_picture_of_a_batch_has_its_own_style(network, tmp_path):
    path = tmp_path / "network.onnx"
    onnx.save(build_model(network.network), path)
    session = open_session(path, "cpu")
    photo, rows = np.random.default_rng(0).random((1, 3, 40, 57), np.float32), network.rows.numpy()

    def paint(batch, rows):
        return session.run(None, {"image": batch, "rows": rows, "noise_origin": np.array((0, 0))})[0]

    together = paint(np.repeat(photo, 3, 0), rows)
    for picture, row in zip(together, rows, strict=True):
        assert np.abs(picture - paint(photo, row[None])[0]).max() < 1e-4
    assert np.abs(together[0] - together[1]).max() > 0.1


def test_a_style_without_a_turn_keeps_its_network_and_targets(network, tmp_path):
    names = ["mosaic", "the_wave", "starry_night"]
    checkpoint, styles_file = make_checkpoint(tmp_path, network, names), tmp_path / "styles.json"
    export_onnx.export([checkpoint], tmp_path / "old.onnx", styles_file)
    targets = read_tensors(tmp_path / "style_targets.safetensors")
    saved = read_checkpoint(checkpoint)
    saved["targets"] = {layer: grams + 1 for layer, grams in saved["targets"].items()}
    config = replace(saved["config"], is_trunk_frozen=True, style_turns={"mosaic": 0})
    write_checkpoint(checkpoint, saved | {"config": asdict(config)})
    export_onnx.export([checkpoint], tmp_path / "new.onnx", styles_file)
    models = {name: record["model"] for name, record in read_records(styles_file).items()}
    assert models == {"mosaic": "old.onnx", "the_wave": "new.onnx", "starry_night": "new.onnx"}
    rows = read_tensors(tmp_path / "rows.safetensors")
    assert rows.keys() == {"old.mosaic", "new.the_wave", "new.starry_night"}
    after = read_tensors(tmp_path / "style_targets.safetensors")
    assert {key.split(".")[0] for key in targets if not torch.equal(targets[key], after[key])} == {*names[1:]}


def test_a_network_does_not_take_the_file_of_one_of_the_other_width(network, tmp_path):
    checkpoint = make_checkpoint(tmp_path, network, ["mosaic", "the_wave", "starry_night"])
    styles_file, fast, fine = (tmp_path / name for name in ("styles.json", "small.onnx", "wide.onnx"))
    export_onnx.export([checkpoint], fast, styles_file)
    before = fast.read_bytes()
    with pytest.raises(WeightsError, match=r"small\.onnx is a fast network already"):
        export_onnx.export([checkpoint], fast, styles_file, fine=True)
    assert fast.read_bytes() == before
    export_onnx.export([checkpoint], fine, styles_file, fine=True)
    with pytest.raises(WeightsError, match=r"wide\.onnx is a fine network already"):
        export_onnx.export([checkpoint], fine, styles_file)


def test_a_fine_network_is_entered_beside_the_fast_one(network, tmp_path):
    names = ["mosaic", "the_wave", "starry_night"]
    checkpoint = make_checkpoint(tmp_path, network, names)
    styles_file = tmp_path / "styles.json"
    with pytest.raises(WeightsError, match="mosaic, the_wave, starry_night: a style's fast network"):
        export_onnx.export([checkpoint], tmp_path / "wide.onnx", styles_file, fine=True)
    export_onnx.export([checkpoint], tmp_path / "small.onnx", styles_file)
    small = read_records(styles_file)
    measured = {"mosaic": {"total": 1}}
    export_onnx.export([checkpoint], tmp_path / "wide.onnx", styles_file, scores=measured, fine=True)
    both = read_records(styles_file)
    assert both["mosaic"]["fine"]["model"] == "wide.onnx"
    assert both["mosaic"]["fine"]["scores"] == {"total": 1}
    assert {name: record | {"fine": None} for name, record in both.items()} == {
        name: record | {"fine": None} for name, record in small.items()
    }
    export_onnx.export([checkpoint], tmp_path / "small.onnx", styles_file)  # keeps what is fine
    export_onnx.export([checkpoint], tmp_path / "wide.onnx", styles_file, fine=True)  # and its scores
    again = read_records(styles_file)
    assert again == both
    make_checkpoint(tmp_path, network, ["mosaic", "the_wave", "ink"])
    export_onnx.export([checkpoint], tmp_path / "extra.onnx", styles_file)
    export_onnx.export([checkpoint], tmp_path / "wide.onnx", styles_file, fine=True)
    left = read_records(styles_file)
    assert "fine" in left["ink"]
    assert "fine" not in left["starry_night"]  # the wide network paints it no more


def test_targets_are_kept_when_only_rounding_differs(tmp_path):
    path = tmp_path / "targets.safetensors"
    grams = torch.rand(2, 8, 8) + 1
    grams = grams + grams.mT
    export_onnx.write_targets({"styles": ["a", "b"], "targets": {"relu1_1": grams}}, path)
    before = path.read_bytes()
    export_onnx.write_targets({"styles": ["a", "b"], "targets": {"relu1_1": grams * (1 + 2e-4)}}, path)
    assert path.read_bytes() == before
    assert read_tensors(path).keys() == {"a.relu1_1", "b.relu1_1"}
    grams[1, 0, 0] *= 1.01
    export_onnx.write_targets({"styles": ["a", "b"], "targets": {"relu1_1": grams}}, path)
    assert path.read_bytes() != before


def test_several_checkpoints_give_the_mean_of_their_weights(network, tmp_path):
    folders = [tmp_path / name for name in ("first", "further")]
    names = ["mosaic", "the_wave", "starry_night"]
    weight = network.network.up.conv.weight.clone()
    paths = []
    for folder, factor in zip(folders, (1, 3), strict=True):
        folder.mkdir()
        network.network.up.conv.weight.copy_(factor * weight)
        paths.append(make_checkpoint(folder, network, names))
    export_onnx.export(paths, tmp_path / "mean.onnx", tmp_path / "styles.json")
    mean = load_network(read_checkpoint(tmp_path / "mean.pt")).network
    assert torch.allclose(mean.up.conv.weight, 2 * weight)
    make_checkpoint(folders[0], network, names[::-1])
    with pytest.raises(WeightsError, match="different styles or shapes"):
        export_onnx.mean_checkpoint(paths)


def test_export_needs_a_whole_catalog_entry(network, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "CATALOG_FILE", tmp_path / "catalog.json")
    record = dict.fromkeys(("title", "artist", "year", "credit", "license"), "x")
    catalog = {"b": {"title": "B", "artist": "me"}, "mosaic": record}
    records.CATALOG_FILE.write_text(json.dumps(catalog))
    checkpoint = make_checkpoint(tmp_path, network, ["a", "b", "mosaic"])
    with pytest.raises(WeightsError, match="a, b: title, artist"):
        export_onnx.export([checkpoint], tmp_path / "new.onnx", tmp_path / "styles.json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.pt", "--model", "sub/mine.onnx"], "--model sub/mine.onnx: a name in weights/ is needed"),
        (["no.pt", "--model", "mine"], "--model mine: a name in weights/ is needed"),
        (["no.pt", "--model", "mine.onnx"], "there is no checkpoint no.pt"),
        (["no.pt", "--model", "mine.onnx", "--scores", "no.json"], "no.json cannot be read"),
        (["no.pt", "--model", "mine.onnx", "--scores", "list.json"], "list.json does not hold what"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_text("[]")
    assert export_onnx.main(arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
