import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browsing import browser, server  # noqa: F401 - fixtures

# No timing chooses the convolutions, so that every run of the tests computes the same.
os.environ["IMPASTO_CONVOLUTIONS"] = "own"


@pytest.fixture(autouse=True)
def seed() -> None:
    """Every test draws the same numbers, whichever ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def photo() -> Image.Image:
    """A picture with flat areas, edges, a gradient and texture, 96 x 64 px."""
    return make_photo(96, 64)


@pytest.fixture
def clear_caches() -> Iterator[None]:
    """Streamlit's caches are shared by all AppTest instances of a process; the networks stay loaded."""
    import streamlit

    from pages.shared import batches, full_size, long_jobs, looking, painting, refining

    queues = (long_jobs.job_queue, batches.batch_queue, full_size.full_size_queue)
    yield
    streamlit.cache_data.clear()
    refining.timed_pace.clear()
    for kept in (painting.previews, looking.instant_looks, looking.look_previews):
        kept.clear()
    for queue in queues:
        queue.cache_clear()


@dataclass
class FakeGpu:
    """A GPU that seems to be there, while everything is computed on the CPU.

    Attributes:
        halves: Shape and `is_repeated` of each call of a float16 network.
        error: Raised by all calls of float16 networks, if there is one.
    """

    halves: list[tuple[tuple[int, ...], bool]] = field(default_factory=list)
    error: Exception | None = None


@pytest.fixture
def gpu(monkeypatch) -> FakeGpu:
    """CUDA seems to start."""
    from stylecore.instant import networks

    fake, open_session = FakeGpu(), networks.open_session

    class OnGpu:
        def __init__(self, session) -> None:
            self.get_inputs, self.run = session.get_inputs, session.run

        def get_providers(self):
            return ["CUDAExecutionProvider"]

    class HalfNetwork(networks.HalfNetwork):
        def __init__(self, network, device) -> None:
            super().__init__(network, "cpu")

        def paint(self, pixels, rows, *, noise_origin=(0, 0), is_repeated=False):
            fake.halves.append((pixels.shape, is_repeated))
            if fake.error is not None:
                raise fake.error
            return super().paint(pixels, rows, noise_origin=noise_origin, is_repeated=is_repeated)

    class LayeredNetwork(networks.LayeredNetwork):
        def __init__(self, network, device) -> None:
            super().__init__(network, "cpu")

    def open_on_cpu(model, device, **settings):
        return OnGpu(open_session(model, "cpu", **settings))

    monkeypatch.setattr(networks, "missing_cuda", lambda: "")
    monkeypatch.setattr(networks, "open_session", open_on_cpu)
    monkeypatch.setattr(networks, "HalfNetwork", HalfNetwork)
    monkeypatch.setattr(networks, "LayeredNetwork", LayeredNetwork)
    return fake


def make_photo(width: int, height: int, seed: int = 0) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    pixels = np.stack([x / width, y / height, 0.5 + 0.5 * np.sin(x / 5)], axis=-1)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = (0.9, 0.2, 0.1)
    pixels += np.random.default_rng(seed).normal(0, 0.03, pixels.shape)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def png_header_of(width: int, height: int) -> bytes:
    """A valid PNG of one color and any size, of which only a little is ever in memory."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" * (width // 8 + 2)
    compressor = zlib.compressobj(9)
    body = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("passed", []):
        if report.user_properties:
            measured = ", ".join(f"{name} {value}" for name, value in report.user_properties)
            terminalreporter.write_line(f"{report.nodeid}: {measured}")
    skipped = terminalreporter.stats.get("skipped", [])
    missing = [report for report in skipped if "chromium is not installed" in str(report.longrepr)]
    if missing:
        terminalreporter.write_sep(
            "!", f"{len(missing)} BROWSER TESTS DID NOT RUN: install chromium", red=True
        )
    missing = [report for report in skipped if "ray is not installed" in str(report.longrepr)]
    if missing:
        terminalreporter.write_sep(
            "!", f"{len(missing)} TESTS WITH RAY DID NOT RUN: `make slow` installs it", red=True
        )


@pytest.fixture
def style() -> Image.Image:
    return make_photo(80, 80, seed=5).transpose(Image.Transpose.ROTATE_90)
