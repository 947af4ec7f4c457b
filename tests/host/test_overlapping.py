from contextlib import contextmanager

import pytest

from stylecore.host.overlapping import Overlapping


def recorded():
    events = []

    @Overlapping
    @contextmanager
    def shared():
        events.append("set")
        yield
        events.append("restored")

    return shared, events


def test_the_state_lasts_from_the_first_run_to_the_last():
    shared, events = recorded()
    for _ in range(2):
        events.clear()
        shared.__enter__()
        shared.__enter__()
        shared.__exit__()  # the first run ends while the second goes on
        assert events == ["set"]
        shared.__exit__()
        assert events == ["set", "restored"]


def test_a_run_that_fails_leaves_it_as_well():
    shared, events = recorded()
    with pytest.raises(ValueError, match="stop"), shared:
        raise ValueError("stop")
    assert events == ["set", "restored"]
