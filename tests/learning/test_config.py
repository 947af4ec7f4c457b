import subprocess
import sys
from dataclasses import replace

import pytest

from stylecore.errors import StyleError
from stylecore.learning.config import TrainingConfig, check_settings, turns_of

STYLES = ("dots", "lines")


def test_the_defaults_are_in_range():
    check_settings(TrainingConfig(), STYLES)


@pytest.mark.parametrize("name", ["content_factors", "style_turns"])
def test_settings_for_an_unknown_style_are_refused(name):
    with pytest.raises(StyleError, match="settings for dashes: there are dots, lines"):
        check_settings(TrainingConfig(**{name: {"dashes": 2}}), STYLES)


@pytest.mark.parametrize("name", ["steps", "batch_size", "styles_per_photo", "blocks"])
def test_counts_begin_at_one(name):
    with pytest.raises(ValueError, match=f"{name} is 0: at least 1 is needed"):
        check_settings(replace(TrainingConfig(), **{name: 0}), STYLES)


def test_a_crop_has_at_least_32_px():
    with pytest.raises(ValueError, match="crop_size is 31: at least 32 is needed"):
        check_settings(TrainingConfig(crop_size=31), STYLES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("channels", 1),
        ("pixel_steps", -1),
        ("style_size", 0),
        ("content_weight", float("nan")),
        ("tv_weight", -1.0),
        ("style_weight", float("inf")),
        ("content_factors", {"dots": -3.0}),
        ("face_share", 5.0),
        ("gradient_clip", 0.0),
        ("learning_rate", float("nan")),
        ("checkpoint_s", float("nan")),
        ("ema_decay", 1.0),
        ("upsampling", "cubic"),
        ("seed", -1),
        ("style_layers", ("relu1_1", "relu2_1", "relu2_1")),
        ("content_layers", ()),
    ],
)
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} .*is .*needed"):
        check_settings(replace(TrainingConfig(), **{name: value}), STYLES)


@pytest.mark.parametrize("share", [0.0, 1.01])
def test_a_crop_is_a_part_of_its_photo(share):
    with pytest.raises(ValueError, match=f"crop_share is {share}: more than 0 and at most 1"):
        check_settings(TrainingConfig(crop_share=share), STYLES)


def test_turns_are_one_where_nothing_is_said():
    assert turns_of(TrainingConfig(style_turns={"lines": 3}), STYLES) == [1, 3]


def test_a_style_needs_a_turn_in_a_round():
    with pytest.raises(ValueError, match="each style needs at least 1"):
        check_settings(TrainingConfig(style_turns={"lines": 0}), STYLES)


def test_a_frozen_trunk_with_nothing_to_learn_is_refused():
    config = TrainingConfig(is_trunk_frozen=True, style_turns={"dots": 0, "lines": 0})
    with pytest.raises(ValueError, match="one at least 1"):
        check_settings(config, STYLES)


def test_settings_are_known_without_torch():
    code = "import sys, stylecore.learning.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
