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
from stylecore.learning.learning_crops import LearningCrops
from stylecore.learning.learning_objective import LearningObjective
from stylecore.learning.learning_progress import LearningProgress
from stylecore.styles.files import load_style_file, save_style_file
from tests.conftest import make_photo

TINY = LearningConfig(
    minutes=0,
    steps=10,
    batch_size=2,
    crop_size=32,
    crops=2,
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


def test_a_quarter_of_the_crops_comes_from_own_photos_and_each_is_measured_once():
    red = Image.new("RGB", (80, 60), "red")
    objective = NoFeatures()
    crops = LearningCrops(objective, number=80, size=32, photos=[red], seed=1)
    whole_round = torch.cat([crops.batch(step, 4).photo for step in range(20)])
    is_red = (whole_round == torch.tensor([1.0, 0, 0])[:, None, None]).flatten(1).all(1)
    assert 0.12 < is_red.float().mean() < 0.38
    again = torch.cat([crops.batch(step, 4).photo for step in range(20, 40)])
    assert objective.measured == 80
    assert not torch.equal(again, whole_round)
    assert torch.equal(again.sum((1, 2, 3)).sort()[0], whole_round.sum((1, 2, 3)).sort()[0])


@pytest.mark.parametrize("settings", [{"steps": 0}, {"minutes": float("nan")}, {"crop_size": 31}])
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
