import pytest

from stylecore import WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_checkpoint, check_weights_file


def test_a_changed_file_is_noticed(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"weights")
    with pytest.raises(WeightsError, match=r"network\.onnx is damaged"):
        check_weights_file(path, sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"nowhere\.onnx is missing"):
        check_weights_file(tmp_path / "nowhere.onnx", sha256="0" * 64)


def test_a_file_without_a_record_is_not_trusted(tmp_path):
    path = tmp_path / "network.safetensors"
    path.write_bytes(b"weights")
    with pytest.raises(WeightsError, match=r"network\.json with the sha256"):
        check_weights_file(path)


def test_every_shipped_checkpoint_has_its_checksum():
    checkpoints = sorted(WEIGHTS_FOLDER.glob("*.pt"))
    assert len(checkpoints) >= 4
    for path in checkpoints:
        check_checkpoint(path)


@pytest.mark.parametrize("record", ["{}", "no JSON", '["general.pt"]'])
def test_a_checkpoint_without_a_record_is_not_trusted(tmp_path, record):
    path = tmp_path / "general.pt"
    path.write_bytes(b"weights")
    (tmp_path / "checkpoints.json").write_text(record)
    with pytest.raises(WeightsError, match=r"checkpoints\.json with the sha256 of general\.pt"):
        check_checkpoint(path)
    (tmp_path / "checkpoints.json").write_text('{"general.pt": "0"}')
    with pytest.raises(WeightsError, match=r"general\.pt is damaged"):
        check_checkpoint(path)
