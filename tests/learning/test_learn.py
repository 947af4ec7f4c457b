from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylecore.errors import StoppedError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant.encoder import encode_style
from stylecore.instant.stylizer import FastStylizer
from stylecore.learning import learn
from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.learn import GENERAL, learn_style
from stylecore.learning.learning_config import LearningConfig
from stylecore.learning.learning_objective import LearningObjective
from stylecore.learning.learning_progress import LearningProgress
from stylecore.learning.photo_turns import PhotoTurns
from stylecore.styles.files import load_style_file, save_style_file
from tests.conftest import make_photo

TINY = LearningConfig(
    minutes=0,
    steps=10,
    photo_side=48,
    photo_count=2,
    stroke_size=128,
    precision="float32",
    seed=3,
    row_rate=0.1,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return make_photo(96, 96, seed=5).rotate(90)


@pytest.fixture(scope="module")
def sample() -> Image.Image:
    return make_photo(96, 64)


@pytest.fixture(scope="module")
def learned(picture, sample):
    """A learned style with the progress of all steps."""
    records: list[LearningProgress] = []
    style = learn_style(picture, replace(TINY, title="Dots"), sample=sample, on_progress=records.append)
    return style, records


def test_learning_lowers_the_loss(learned):
    _, records = learned
    assert [record.step for record in records] == [*range(1, 11)]
    assert records[-1].total_loss < 0.95 * records[0].total_loss
    assert records[-1].steps == 10
    assert records[-1].remaining_s == 0
    assert records[0].remaining_s > 0


def test_a_learned_style_describes_itself(learned, picture):
    style, _ = learned
    encoded = encode_style(picture, stroke_size=128)
    assert (style.title, style.name, style.origin) == ("Dots", "dots", "learned in 10 steps")
    assert (style.stroke_size, style.networks) == (128, encoded.networks)
    assert (style.picture, style.thumbnail) == (encoded.picture, encoded.thumbnail)
    assert sum(change.nbytes for change in style.trunk[GENERAL].values()) < 1.5e6


def test_the_same_seed_learns_the_same_style(learned, picture):
    style, _ = learned
    assert learn_style(picture, replace(TINY, title="Dots")) == style


def test_a_learned_style_paints_as_its_sample_also_from_its_file(learned, sample, tmp_path):
    style, records = learned
    save_style_file(style, tmp_path / "dots.impasto")
    kept = load_style_file(tmp_path / "dots.impasto")
    assert kept == style
    painted = np.asarray(FastStylizer("cpu").stylize(sample, kept, stroke_size=128), np.int16)
    difference = np.abs(painted - np.asarray(records[-1].image, np.int16))
    assert difference.mean() < 0.5
    assert difference.max() <= 6


def test_learning_that_gets_worse_returns_the_start(picture):
    config = replace(TINY, row_rate=50.0, trunk_rate=1.0)
    steps = []
    style = learn_style(
        picture,
        config,
        on_progress=lambda state: steps.append(state.step),
        should_stop=lambda: len(steps) == 3,
    )
    assert steps == [1, 2, 3]
    assert style.origin == "learned in 3 steps"
    assert np.array_equal(style.rows[GENERAL], encode_style(picture, stroke_size=128).rows[GENERAL])
    assert not any(change.any() for change in style.trunk[GENERAL].values())


@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_learning_can_be_stopped_between_all_parts_of_its_preparation(picture, part):
    asked = []

    def should_stop():
        asked.append(True)
        return len(asked) == part

    with pytest.raises(StoppedError, match="before its first step"):
        learn_style(picture, TINY, should_stop=should_stop, on_progress=pytest.fail)


def test_a_learning_whose_time_is_over_makes_one_step(picture):
    assert learn_style(picture, replace(TINY, minutes=1e-9)).rows


def test_several_pictures_give_one_style_of_rows_alone(picture):
    other = make_photo(96, 96, seed=9)
    style = learn_style([picture, other], replace(TINY, steps=1, row_rate=0.0, is_thorough=False))
    encoded = [encode_style(each, stroke_size=128).rows[GENERAL] for each in (picture, other)]
    assert np.allclose(style.rows[GENERAL], np.mean(encoded, axis=0), atol=1e-6)
    assert not style.trunk


def test_targets_are_the_means_of_several_pictures(picture):
    config = AnyStyleConfig(style_layers=("relu1_1",), content_layers=("relu1_1",), style_size=64)
    other = make_photo(96, 96, seed=9)
    first, second, both = (
        LearningObjective(pictures, config, CPU).targets
        for pictures in ([picture], [other], [picture, other])
    )
    mean = (first.grams["relu1_1"] + second.grams["relu1_1"]) / 2
    assert torch.allclose(both.grams["relu1_1"], mean)
    assert torch.allclose(both.ripples, (first.ripples + second.ripples) / 2)
    assert torch.allclose(both.colors, (first.colors + second.colors) / 2)


class NoFeatures:
    """Stands for an objective whose activations nobody reads."""

    device = CPU

    def __init__(self) -> None:
        self.measured = 0

    def content_features(self, photos: torch.Tensor) -> dict[str, torch.Tensor]:
        self.measured += len(photos)
        return {"relu1_1": photos}


def sums(turns: PhotoTurns, steps: range) -> list[float]:
    return [turns.at(step).photo.sum().item() for step in steps]


def test_a_quarter_of_the_steps_takes_own_photos_and_each_photo_is_measured_once():
    own = [Image.new("RGB", (80, 60), color) for color in ("red", "lime")]
    objective = NoFeatures()
    turns = PhotoTurns(objective, own=own, count=30, side=64, seed=1)
    shown = [turns.at(step).photo for step in range(40)]
    is_own = [step for step, photo in enumerate(shown) if photo.flatten(2).std(-1).max() == 0]
    assert is_own == [*range(0, 40, 4)]
    assert [int(shown[step].mean((2, 3)).argmax()) for step in is_own] == [0, 1] * 5  # red, green
    assert {max(photo.shape[2:]) for photo in shown} <= {*range(32, 65)}  # dead leaves are squares
    others = [step for step in range(80) if step % 4]
    first, second = sums(turns, others[:30]), sums(turns, others[30:])
    assert objective.measured == 32
    assert sorted(first) == sorted(second)
    assert first != second


def test_without_own_photos_all_steps_take_others_and_without_others_own():
    objective = NoFeatures()
    turns = PhotoTurns(objective, own=[], count=3, side=32, seed=1)
    assert sorted(sums(turns, range(3))) == sorted(sums(turns, range(3, 6)))
    own = [Image.new("L", (80, 60), shade) for shade in (80, 160)]
    turns = PhotoTurns(objective, own=own, count=0, side=32, seed=1)
    assert sums(turns, range(4)) == 2 * [photo.photo.sum().item() for photo in turns.first(4)]


@pytest.mark.parametrize("settings", [{"steps": 0}, {"minutes": float("nan")}, {"photo_side": 31}])
def test_settings_out_of_range_are_refused(settings, picture):
    with pytest.raises(ValueError, match=next(iter(settings))):
        learn_style(picture, LearningConfig(**settings))


def test_no_style_picture_is_refused():
    with pytest.raises(ValueError, match="at least one style picture"):
        learn_style([])


def test_a_damaged_checkpoint_is_named(picture, tmp_path, monkeypatch):
    for name in ("general.pt", "checkpoints.json"):
        (tmp_path / name).write_bytes((WEIGHTS_FOLDER / name).read_bytes()[:-1] + b" ")
    monkeypatch.setattr(learn, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"general\.pt is damaged"):
        learn_style(picture, TINY)
