from dataclasses import replace

import pytest

from stylecore.optimization.config import (
    CLASSIC_RECIPE,
    OptimizationConfig,
    check_config,
    learning_rate_at,
    scales,
)


def test_adams_rate_is_constant_then_falls_to_a_tenth():
    config = OptimizationConfig(steps=100, learning_rate=0.05, decay_share=0.4)
    rates = [learning_rate_at(step, config) for step in (0, 60, 80, 100)]
    assert rates == pytest.approx([0.05, 0.05, 0.0275, 0.005])
    assert learning_rate_at(2499, CLASSIC_RECIPE) == CLASSIC_RECIPE.learning_rate


def test_coarse_to_fine_grows_by_the_root_of_two_with_fewer_steps_each_time():
    config = OptimizationConfig(is_coarse_to_fine=True, steps=102)
    assert scales(512, config) == [(128, 36), (181, 26), (256, 18), (362, 13), (512, 9)]
    assert scales(100, config) == [(100, 102)]
    assert scales(512, replace(config, steps=2)) == [(362, 1), (512, 1)]
    assert scales(512, replace(config, coarse_side=256)) == [(256, 46), (362, 33), (512, 23)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "sgd"}, "method is 'sgd'"),
        ({"start": "black"}, "start is 'black'"),
        ({"style_loss": "l1"}, "style_loss is 'l1'"),
        ({"style_layer_weights": (1.0,)}, "1 style_layer_weights for 5 style layers"),
        ({"decay_share": 1.5}, "decay_share is 1.5"),
        ({"beta2": 1.0}, "beta2 is 1.0"),
        ({"steps": 0}, "steps is 0"),
        ({"stroke_size": 0}, "stroke_size is 0"),
        ({"seed": 2**63}, "seed is"),
        ({"style_layers": ("relu1_1", "relu1_1")}, "given twice"),
        ({"style_layers": ("relu1_1",), "style_layer_weights": (-1.0,)}, "at least 0 are needed"),
        ({"style_layers": ()}, "no style layers are given"),
        ({"max_side": 16}, "max_side is 16"),
        ({"stroke_size": 5}, "stroke_size is 5"),
        ({"style_weight": -1}, "style_weight is -1"),
        ({"tv_weight": float("nan")}, "tv_weight is nan"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"history": 0}, "history is 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        check_config(OptimizationConfig(**settings))
