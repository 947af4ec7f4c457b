import pytest
import torch

from stylecore.learning import learner
from stylecore.learning.checkpoints import new_network
from stylecore.learning.config import TrainingConfig
from stylecore.learning.learner import Learner, learning_rate_at

SMALL = TrainingConfig(channels=8, blocks=1)


def test_the_learning_rate_warms_up_and_decays():
    config = TrainingConfig(steps=1000)
    rates = [learning_rate_at(step, config) for step in range(1001)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == pytest.approx(1)
    assert rates[-1] == pytest.approx(0.03)


def test_a_run_from_where_float16_is_not_needed_goes_on_where_it_is(monkeypatch):
    def new_learner() -> Learner:
        return Learner(new_network(SMALL, 2), SMALL, torch.device("cpu"))

    state = new_learner().state()
    monkeypatch.setattr(learner, "autocast_dtype", lambda *arguments: torch.float16)
    scaled = new_learner()
    scaled.load(state)
    assert scaled.scaler.is_enabled()
