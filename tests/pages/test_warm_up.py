"""What is loaded before the first visitor comes."""

import threading

import pytest

from pages.shared import painting, painting_server, server_life, turns
from stylecore import FastStylizer
from stylecore.errors import WeightsError
from stylecore.serving.painting import PhotoPainter


@pytest.fixture
def warmed(monkeypatch) -> list[str]:
    """Engines that were warmed up, of an app on a machine with a GPU."""
    made = []
    monkeypatch.setattr(server_life, "missing_gpu", lambda: "")
    monkeypatch.setattr(painting, "stylizer", lambda: made.append("opened") or FastStylizer("cpu"))
    monkeypatch.setattr(FastStylizer, "warm_up", lambda self: made.append("warm"))
    return made


def test_on_a_gpu_the_app_opens_and_warms_the_engine(warmed):
    server_life.warm_up()
    assert warmed == ["opened", "warm"]


def test_without_a_gpu_nothing_is_opened(warmed, monkeypatch):
    monkeypatch.setattr(server_life, "missing_gpu", lambda: "no NVIDIA driver on this machine")
    server_life.warm_up()
    assert not warmed


def test_an_app_with_a_painting_server_opens_no_engine(warmed, monkeypatch):
    monkeypatch.setattr(painting_server, "painting_server", lambda: object())
    server_life.warm_up()
    assert not warmed


def test_missing_weights_do_not_end_the_app(warmed, monkeypatch):
    def fail():
        raise WeightsError("fine.onnx is missing")

    monkeypatch.setattr(painting, "stylizer", fail)
    server_life.warm_up()


def test_a_gpu_paints_more_pictures_at_once(gpu, monkeypatch):
    monkeypatch.setattr(turns.small_line, "at_once", 2)
    assert painting._stylizer.__wrapped__().device == "cuda"
    assert turns.small_line.at_once == painting.GPU_AT_ONCE


def test_a_painting_server_warms_its_gpu_in_the_background(gpu, monkeypatch):
    is_warm, threads = threading.Event(), []
    monkeypatch.setattr(
        FastStylizer, "warm_up", lambda self: threads.append(threading.current_thread()) or is_warm.set()
    )
    PhotoPainter("auto")
    assert is_warm.wait(30)
    assert threads[0] is not threading.current_thread()
