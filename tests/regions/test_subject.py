import numpy as np
import pytest
from PIL import Image

from stylecore import WeightsError, find_subject, load_image
from stylecore.measuring.peak_memory import peak_above
from stylecore.regions import subject
from stylecore.regions.guided_filter import guided_filter, snap_to_edges
from tests.browsing import ROOT
from tests.conftest import make_photo

SAMPLES = ROOT / "pages" / "shared" / "samples"


def test_the_cup_is_the_subject_and_the_table_is_not():
    photo = load_image(SAMPLES / "coffee.jpg", max_side=400)
    mask = np.asarray(find_subject(photo))
    assert mask.shape == (photo.height, photo.width)
    assert mask[photo.height // 2, photo.width // 2] == 255
    assert mask[:12, :12].max() == 0
    assert 0.2 < (mask > 128).mean() < 0.7
    assert ((mask > 12) & (mask < 243)).mean() < 0.1  # soft at the edges alone


def test_a_photo_with_no_subject_gives_an_empty_mask():
    gradient = Image.linear_gradient("L").convert("RGB")
    assert find_subject(gradient).getbbox() is None


def test_any_size_and_mode_of_a_photo_is_taken_within_150_mib():
    photo = load_image(SAMPLES / "portrait.jpg", max_side=300)
    peaks, masks = [], []
    for size, mode in (((32, 32), "RGB"), ((500, 60), "RGBA"), ((301, 217), "RGBA")):
        picture = photo.resize(size).convert(mode)
        peaks.append(peak_above(lambda picture=picture: masks.append(find_subject(picture))))
        assert (masks[-1].mode, masks[-1].size) == ("L", size)
    assert 50 * 2**20 < peaks[-1] < 150 * 2**20  # the first may load the network


def test_a_damaged_network_is_refused(monkeypatch, tmp_path):
    (tmp_path / subject.MODEL).write_bytes(b"no network")
    (tmp_path / "u2netp.json").write_text('{"sha256": "00"}')
    monkeypatch.setattr(subject, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"u2netp.onnx is damaged"):
        subject.SubjectFinder()


def test_the_guided_filter_moves_a_blurred_mask_onto_the_edge():
    guide = Image.new("RGB", (120, 80), (40, 60, 80))
    guide.paste((200, 180, 60), (60, 0, 120, 80))
    photo = guide.resize((480, 320), Image.Resampling.NEAREST)
    coarse = np.broadcast_to(np.clip((np.arange(120) - 52) / 10, 0, 1), (80, 120)).astype(np.float32)
    refined = guided_filter(photo, guide, coarse, radius=8, smoothness=1e-4)
    steps = np.diff(refined[160].astype(int))
    assert steps[239] > 100  # the edge of the photo, where the coarse mask has steps of 6
    assert np.delete(steps, 239).max() <= 6


def test_a_hard_border_snaps_to_an_edge_that_is_near():
    photo = Image.new("RGB", (480, 320), (40, 60, 80))
    photo.paste((200, 180, 60), (240, 0, 480, 320))
    coarse = np.zeros((80, 120), np.float32)
    coarse[:, 59:] = 1  # 4 px of the photo before its edge
    row = np.asarray(snap_to_edges(photo, coarse, radius=12))[160]
    assert row[:240].max() < 128
    assert row[240:].min() == 255


def test_the_guided_filter_agrees_with_the_paper_window_by_window():
    """He et al. (2013), eqs. 11, 14 and 15, by loops."""
    guide = make_photo(9, 7)
    mask = np.random.default_rng(0).random((7, 9)).astype(np.float32)
    radius, smoothness = 2, 0.01
    pixels = np.asarray(guide, np.float64) / 255
    sums, counts = np.zeros((7, 9, 4)), np.zeros((7, 9, 1))
    boxes = {
        (y, x): (
            slice(max(y - radius, 0), y + radius + 1),
            slice(max(x - radius, 0), x + radius + 1),
        )
        for y in range(7)
        for x in range(9)
    }
    for box in boxes.values():
        colors, values = pixels[box].reshape(-1, 3), mask[box].ravel().astype(np.float64)
        deviations = colors - colors.mean(axis=0)
        covariance = deviations.T @ deviations / len(colors) + smoothness * np.eye(3)
        factors = np.linalg.solve(covariance, deviations.T @ values / len(colors))
        sums[box] += np.append(factors, values.mean() - factors @ colors.mean(axis=0))
        counts[box] += 1
    means = sums / counts
    expected = np.clip((pixels * means[..., :3]).sum(axis=-1) + means[..., 3], 0, 1)
    found = guided_filter(guide, guide, mask, radius=radius, smoothness=smoothness) / 255
    assert np.abs(found - expected).max() < 0.6 / 255
