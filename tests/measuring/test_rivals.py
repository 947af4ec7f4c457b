import importlib.util

import numpy as np
import pytest

from stylecore.measuring import rivals
from stylecore.perception.features import convolution_shapes


def test_the_machine_s_rate_counts_the_convolutions_of_vgg19():
    count = 0
    for name, (out_channels, in_channels, height, width) in convolution_shapes().items():
        block = int(name[4])
        if block < 5 or name == "conv5_1":
            count += out_channels * in_channels * height * width / 4 ** (block - 1)
    assert count == rivals.VGG19_MACS


def test_rivals_paint_whole_pictures():
    batch = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
    for name, build in rivals.builders("cpu").items():
        painted = build()(batch)
        if name != rivals.CEILING:
            painted = painted[0] if isinstance(painted, list) else painted
            assert tuple(painted.shape) == batch.shape, name


@pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="OpenCV is not installed")
def test_opencv_and_onnxruntime_agree():
    from stylecore.instant.sessions import open_session

    batch = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
    opencv = rivals.builders("cpu")[rivals.OPENCV]()(batch)
    (onnxruntime,) = open_session(rivals.johnson_model(16), "cpu").run(None, {"image": batch})
    assert np.allclose(opencv, onnxruntime, atol=1e-2)
