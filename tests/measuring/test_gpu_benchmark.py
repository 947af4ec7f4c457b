import onnxruntime as ort
import pytest

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant.sessions import missing_cuda
from stylecore.instant.variants import NetworkWeights
from stylecore.measuring import gpu_benchmark
from stylecore.styles.catalog import get_style

MODEL, ROWS = get_style("mosaic").network(fine=True)


def test_the_script_measures_every_figure():
    report = gpu_benchmark.run("cpu", side_scale=0.03, rounds=1)
    assert not [figure for figure in report.values() if "error" in str(figure)]
    for row in (report["1920 x 1080"], report["3840 x 2160"]):
        assert row["milliseconds"] > row["memory_ms"] > 0
        assert row["arithmetic_ms"] > 0
        assert row["without_graph"] > 0
        assert row["float32_with_copies"] > 0
    assert report["start"].keys() == {"open_s", "warm_up_s", "first_preview_s", "second_preview_s"}
    assert min(report["clips"][f"{name}_per_s"] for name in ("network", "network_with_graph", "steady")) > 0
    for name in ("many_styles", "folders"):
        assert min(report[name][f"{threads}_per_s"] for threads in ("one_thread", "threads")) > 0
    assert [(row["megapixels"], row["strokes"]) for row in report["large_photos"]] == [
        (megapixels, strokes) for megapixels in (12, 48) for strokes in ("default", "512 px")
    ]
    assert report["picture_to_picture"]["milliseconds"] > 0
    assert report["batches"]["pictures_per_s"] > 0
    assert report["float16"]["percentile_99.9"] <= 2
    assert "Conv" in " ".join(report["nodes_on_cpu"])


def test_floors_count_every_convolution():
    weights = NetworkWeights((WEIGHTS_FOLDER / MODEL).read_bytes())
    rates = {"teramacs_per_s": 1.0, "gigabytes_per_s": 1.0}
    found = gpu_benchmark.floors(weights, 1_000_000, rates)
    stem, blocks, up, out = 4 * 144 * 64, 10 * 9 * 64 * 64, 9 * 64 * 128, 4 * 9 * 32 * 12
    assert found["arithmetic_ms"] == pytest.approx((stem + blocks + up + out) / 16 * 1e6 / 1e9)


@pytest.mark.gpu
@pytest.mark.skipif(bool(missing_cuda()), reason="needs a CUDA device")
def test_no_computing_node_lies_on_the_cpu():
    assert "CUDAExecutionProvider" in ort.get_available_providers()
    assert gpu_benchmark.nodes_on_cpu((WEIGHTS_FOLDER / MODEL).read_bytes(), ROWS, "cuda") == []
