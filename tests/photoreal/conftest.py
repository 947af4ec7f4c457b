import numpy as np
import pytest
from PIL import Image

from stylecore.photoreal.config import PhotoLookConfig

# No skin, so that no network looks for people.
TINY = PhotoLookConfig(steps=3, side=64, keep_skin=0.0, precision="float32")


def colored_photo(width: int, height: int, warmth: float, seed: int) -> Image.Image:
    """A landscape of smooth noise, lighter at the top; `warmth` from -1, blue, to 1, red."""
    noise = np.random.default_rng(seed).random((7, 9, 3))
    soft = Image.fromarray((noise * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(soft, np.float32) * 0.5
    pixels += np.linspace(110, 10, height)[:, None, None]
    pixels += 40 * warmth * np.array([1, 0, -1])
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def photo():
    return colored_photo(96, 80, -0.3, 1)


@pytest.fixture(scope="session")
def reference():
    return colored_photo(80, 96, 0.6, 2)
