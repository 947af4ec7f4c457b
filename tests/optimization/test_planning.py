from dataclasses import replace

import pytest

from stylecore.host.memory import MEBIBYTE
from stylecore.optimization.config import QUALITIES
from stylecore.optimization.optimize import OptimizationConfig, scales
from stylecore.optimization.planning import OutOfMemoryError, fit_to_memory, peak_memory, run_work

CONFIG = OptimizationConfig(
    steps=10, max_side=100, method="adam", is_coarse_to_fine=False, precision="float32"
)


def test_the_work_counts_every_scale():
    assert run_work((1000, 500), CONFIG) == pytest.approx(10 * (0.028 + 0.005 * (1 + 0.4 * 0.005)))
    config = replace(CONFIG, max_side=256, steps=30, is_coarse_to_fine=True)
    assert scales(256, config) == [(128, 14), (181, 9), (256, 7)]
    pixels = 14 * 128**2 + 9 * 181**2 + 7 * 256**2 + 0.4e-6 * (14 * 128**4 + 9 * 181**4 + 7 * 256**4)
    assert run_work((600, 600), config) == pytest.approx(30 * 0.028 + pixels / 1e6)


def test_a_small_photo_is_not_enlarged():
    assert run_work((64, 64), CONFIG) == pytest.approx(10 * (0.028 + 64**2 / 1e6), rel=0.003)


def test_a_narrow_strip_counts_with_the_size_that_it_keeps():
    strip = (20_000, 50), replace(CONFIG, max_side=384)  # 12,800 x 32 px
    square = (640, 640), replace(CONFIG, max_side=640)
    assert run_work(*strip) == pytest.approx(run_work(*square))
    assert peak_memory(*strip) == peak_memory(*square)


def test_memory_grows_with_size_method_and_precision():
    config = replace(CONFIG, max_side=512)
    usual = peak_memory((512, 512), config)
    assert peak_memory((512, 384), config) < usual < peak_memory((512, 512), replace(config, method="lbfgs"))
    assert peak_memory((512, 512), replace(config, precision="mixed")) < usual
    assert peak_memory((512, 512), replace(config, style_loss="patches")) > usual
    assert peak_memory((512, 512), replace(config, stroke_size=2048)) > usual
    patches = replace(config, style_loss="patches")
    assert peak_memory((512, 512), patches, styles=4) > 1.5 * peak_memory((512, 512), patches)
    assert peak_memory((512, 512), config, styles=4) == usual  # of these only statistics are kept


def test_patches_take_memory_by_their_layers():
    config = replace(CONFIG, max_side=192, style_loss="patches")
    taken = {
        layers: peak_memory((192, 192), replace(config, patch_layers=layers)) / MEBIBYTE
        for layers in (("relu4_1",), ("relu3_1", "relu4_1"), ("relu1_1",), ("relu1_1", "relu1_2"))
    }
    assert list(taken.values()) == sorted(taken.values())
    assert taken["relu1_1", "relu1_2"] > 845  # measured, in bfloat16
    assert peak_memory((192, 192), replace(config, patch_layers=("nonsense",))) > 0  # refused elsewhere


def test_what_fits_stays_as_it_is():
    plan = fit_to_memory((512, 512), CONFIG, 8 * 1024 * MEBIBYTE)
    assert plan.config is CONFIG
    assert plan.changes == ()


def test_lbfgs_gives_way_to_adam_before_the_size_shrinks():
    config = replace(CONFIG, max_side=512, method="lbfgs")
    budget = peak_memory((512, 512), replace(config, method="adam"))
    plan = fit_to_memory((512, 512), config, budget)
    assert (plan.config.method, plan.config.max_side) == ("adam", 512)
    assert plan.changes == ("Adam instead of L-BFGS",)


def test_the_size_shrinks_until_it_fits_and_strokes_with_it():
    config = replace(CONFIG, max_side=1024, stroke_size=512)
    budget = peak_memory((3000, 2000), replace(config, max_side=512, stroke_size=256))
    plan = fit_to_memory((3000, 2000), config, budget)
    assert (plan.config.max_side, plan.config.stroke_size) == (512, 256)
    assert plan.changes == ("512 px instead of 1024 px",)
    assert peak_memory((3000, 2000), plan.config) <= budget


def test_strokes_shrink_no_further_than_style_pictures_may():
    config = replace(CONFIG, max_side=512, stroke_size=64)
    plan = fit_to_memory((512, 512), config, peak_memory((128, 128), replace(CONFIG, max_side=128)) + 1)
    assert (plan.config.max_side, plan.config.stroke_size) == (128, 32)


def test_a_photo_smaller_than_the_limit_shrinks_from_its_own_size():
    config = replace(CONFIG, max_side=4096)
    plan = fit_to_memory((512, 512), config, peak_memory((512, 512), replace(config, max_side=362)) + 1)
    assert plan.config.max_side == 362
    assert plan.changes == ("362 px instead of 512 px",)


def test_too_little_for_anything_is_told_with_figures():
    with pytest.raises(OutOfMemoryError, match=r"MB of free memory are needed even at .* 50 MB are free"):
        fit_to_memory((512, 512), CONFIG, 50 * MEBIBYTE)


def test_quick_is_the_smallest_quality():
    cost = [run_work((4000, 3000), config) for config in QUALITIES.values()]
    assert list(QUALITIES) == ["quick", "good", "best"]
    assert cost == sorted(cost)
