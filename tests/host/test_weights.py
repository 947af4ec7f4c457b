import pytest

from stylecore import WeightsError
from stylecore.host.weights import check_weights_file


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
