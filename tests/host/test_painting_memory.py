import pytest

from stylecore.host import painting_memory as module
from stylecore.host.painting_memory import LEAST_BYTES, USUAL_BYTES, VARIABLE, painting_memory

GIGABYTE = 10**9


@pytest.fixture(autouse=True)
def _free(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(module, "memory_left", lambda: None)
    monkeypatch.setattr(
        module.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 64 * GIGABYTE})
    )


def test_the_variable_sets_it(monkeypatch):
    assert painting_memory() == USUAL_BYTES
    monkeypatch.setenv(VARIABLE, "2500")
    assert painting_memory() == 2.5 * GIGABYTE


def test_it_is_at_most_half_of_what_is_left(monkeypatch):
    monkeypatch.setenv(VARIABLE, "2500")
    monkeypatch.setattr(module, "memory_left", lambda: GIGABYTE)
    assert painting_memory() == 0.5 * GIGABYTE
    monkeypatch.setattr(module, "memory_left", lambda: 1000)
    assert painting_memory() == LEAST_BYTES


@pytest.mark.parametrize("value", ["much", "0", "-5"])
def test_a_value_that_is_no_size_is_refused(monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ValueError, match=f"{VARIABLE} is '{value}': a number of megabytes"):
        painting_memory()
