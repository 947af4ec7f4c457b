import json
from importlib import metadata

from stylecore import __version__, list_styles
from stylecore.styles.records import VARIANTS_FOLDER, variant_checksums
from tests.commands.conftest import run


def test_styles_lists_all(capsys):
    status, out, _ = run(capsys, "styles", "--json")
    assert status == 0
    assert [style["name"] for style in json.loads(out)["styles"]] == [style.name for style in list_styles()]
    assert "Hokusai" in run(capsys, "styles")[1]


def test_info_reports_versions_devices_and_weights(capsys):
    status, out, _ = run(capsys, "info", "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["stylecore"] == __version__
    assert facts["devices"]["cpu"] == "starts"
    assert {record["state"] for record in facts["weights"].values()} == {"intact"}
    assert {"painter.onnx", "fine.onnx", "rows.safetensors"} <= facts["weights"].keys()
    variants = {path.name for path in VARIANTS_FOLDER.glob("*.onnx")}
    assert {f"variants/{name}" for name in variants} <= facts["weights"].keys()
    assert len(variants) >= 14


def test_info_names_a_damaged_variant(capsys, monkeypatch):
    name, *_ = sums = variant_checksums()
    for module in ("stylecore.commands.info", "stylecore.instant.variants"):
        monkeypatch.setattr(f"{module}.variant_checksums", lambda: sums | {name: "0" * 64})
    status, out, _ = run(capsys, "info", "--json")
    assert status == 1
    assert "damaged" in json.loads(out)["weights"][f"variants/{name}"]["state"]


def test_info_names_damaged_and_missing_files(capsys, monkeypatch):
    for module in ("stylecore.commands.info", "stylecore.instant.networks"):
        monkeypatch.setattr(f"{module}.model_checksum", lambda model: "0" * 64)
    monkeypatch.setattr("stylecore.commands.info.RECORDED_FILES", ("nowhere.safetensors",))
    status, out, _ = run(capsys, "info", "--json")
    facts = json.loads(out)
    assert status == 1
    assert "damaged" in facts["weights"][list_styles()[0].model]["state"]
    assert "is missing" in facts["weights"]["nowhere.safetensors"]["state"]
    assert "does not start" in facts["devices"]["cpu"]
    status, _, err = run(capsys, "info")
    assert status == 1
    assert "nowhere.safetensors cannot be used" in err


def test_info_reports_two_builds_of_onnx_runtime(capsys, monkeypatch):
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1.0" if "onnxruntime" in name else version(name))
    status, out, err = run(capsys, "info")
    assert status == 1
    assert [line.split()[1] for line in out.splitlines() if line.startswith("onnxruntime")] == ["1.0"] * 2
    assert "pip uninstall -y onnxruntime onnxruntime-gpu, then install one of the extras" in err
    assert len(err.splitlines()) == 1
