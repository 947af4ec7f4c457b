from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stylecore.errors import CheckpointError, ImageError
from stylecore.learning import any_style
from stylecore.learning.any_style import train_any_style
from stylecore.learning.any_style_objective import MAX_SHIFT, AnyStyleObjective, shift_loss
from stylecore.learning.checkpoints import (
    load_general_network,
    new_general_network,
    read_checkpoint,
    read_general_checkpoint,
    write_checkpoint,
)
from stylecore.learning.config import AnyStyleConfig, TrainingConfig
from stylecore.learning.objective import StyleTargets
from stylecore.learning.progress import TrainingProgress
from stylecore.learning.style_pool import StylePool
from stylecore.learning.style_sources import find_style_sources
from stylecore.learning.style_variants import style_variant
from stylecore.learning.training import train
from tests.conftest import make_photo

LAYERS = ("relu1_1", "relu2_1")  # the others take most of the time
TINY = AnyStyleConfig(
    steps=4,
    batch_size=2,
    crop_size=48,
    style_size=48,
    channels=8,
    blocks=1,
    hidden=8,
    content_layers=("relu2_1",),
    style_layers=LAYERS,
    checkpoint_s=0,
    precision="float32",
    seed=3,
)
CPU = torch.device("cpu")


@pytest.fixture
def folders(tmp_path) -> tuple[Path, list[Path], Path]:
    content, styles = tmp_path / "content", tmp_path / "styles"
    content.mkdir()
    styles.mkdir()
    for seed in range(3):
        make_photo(90, 80, seed=seed).save(content / f"photo{seed}.jpg")
        make_photo(70, 80, seed=10 + seed).rotate(90 * seed).save(styles / f"style{seed}.png")
    return content, [styles], tmp_path / "out"


@pytest.fixture
def pool(folders) -> StylePool:
    sources = find_style_sources(folders[1], frozenset())
    return StylePool(sources, TINY, AnyStyleObjective(TINY, CPU), folders[2] / "targets")


def weights_of(path: Path) -> dict:
    return read_general_checkpoint(path)["network"]


def mean_style_loss(records: list[TrainingProgress]) -> float:
    """Mean of the steps of some records, each of which holds the mean of all steps up to its own."""
    sums = [record.step * record.style_loss for record in records]
    return (sums[-1] - sums[0]) / (len(records) - 1)


def test_a_run_lowers_the_losses(folders):
    records = []
    config = replace(TINY, steps=36, batch_size=3, styles_per_photo=3)  # all styles a step
    config = replace(config, variants=1, learning_rate=1e-2, trunk_rate=1e-2, checkpoint_s=1000)
    path = train_any_style(*folders, config, device="cpu", on_progress=records.append)
    assert mean_style_loss(records[25:]) < 0.7 * mean_style_loss(records[:6])
    assert records[-1].shift_loss < 0.5 * records[0].shift_loss
    saved = read_general_checkpoint(path)
    assert saved["pictures"] == [f"styles/style{number}.png" for number in range(3)]
    assert saved["averaged"]["encoder.mlp.4.weight"].abs().max() > 0
    assert (path.parent / "samples.jpg").stat().st_size > 1000
    assert len((path.parent / "log.jsonl").read_text().splitlines()) == 1


def test_a_resumed_run_ends_as_an_uninterrupted_one(folders, tmp_path):
    def interrupt(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_any_style(*folders, TINY, device="cpu", on_progress=interrupt)
    assert read_general_checkpoint(folders[2] / "checkpoint.pt")["step"] == 2
    resumed = weights_of(train_any_style(*folders, device="cpu", resume=True))
    whole = weights_of(train_any_style(*folders[:2], tmp_path / "whole", TINY, device="cpu"))
    for key, value in whole.items():
        assert torch.allclose(resumed[key], value, atol=1e-5), key


def test_held_out_names_are_never_drawn(folders, tmp_path, monkeypatch):
    held_out = tmp_path / "held_out.txt"
    held_out.write_text("style1.png\nphoto2.jpg\n")
    read = []

    class Watched(StylePool):
        def _compute(self, style, variant):
            read.append(self.sources.paths[style].name)
            return super()._compute(style, variant)

    monkeypatch.setattr(any_style, "StylePool", Watched)
    cropped = []
    photo_crops = any_style.photo_crops

    def watched_crops(photos, *arguments, **settings):
        cropped.extend(path.name for path in photos)
        return photo_crops(photos, *arguments, **settings)

    monkeypatch.setattr(any_style, "photo_crops", watched_crops)
    config = replace(TINY, checkpoint_s=1000)
    path = train_any_style(*folders, config, held_out=[held_out], device="cpu")
    assert set(read) == {"style0.png", "style2.png"}
    assert cropped == ["photo0.jpg", "photo1.jpg"]
    saved = read_general_checkpoint(path)
    assert saved["pictures"] == ["styles/style0.png", "styles/style2.png"]
    assert saved["held_out"] == ["style1.png"]
    with pytest.raises(CheckpointError, match=r"trained on other style pictures, 1 .*styles/style1\.png"):
        train_any_style(*folders, resume=True)
    held_out.write_text("".join(f"photo{number}.jpg\n" for number in range(3)))
    with pytest.raises(ImageError, match=r"all photos of .* are held out"):
        train_any_style(*folders[:2], tmp_path / "other", config, held_out=[held_out])


def test_hours_end_a_run(folders):
    records = []
    config = replace(TINY, hours=1e-9, checkpoint_s=1000)
    train_any_style(*folders, config, device="cpu", on_progress=records.append)
    assert [(record.step, record.steps, record.remaining_s) for record in records] == [(1, 1, 0.0)]


def test_a_start_takes_the_encoder_or_the_trunk_alone(folders, tmp_path):
    config = replace(TINY, steps=1, learning_rate=0.0, trunk_rate=0.0, checkpoint_s=1000)
    general = tmp_path / "general.pt"
    averaged = new_general_network(TINY).state_dict()
    averaged["encoder.mean"] += 1
    half = {key: value.half() for key, value in averaged.items()}
    settings = {name: getattr(TINY, name) for name in TINY.__dataclass_fields__}
    write_checkpoint(general, {"averaged": half, "config": settings, "pictures": []})
    started = weights_of(train_any_style(*folders, config, init=general, device="cpu"))
    for key, value in half.items():
        assert torch.equal(started[key], value.float()), key
    styles_config = TrainingConfig(steps=1, pixel_steps=1, crop_size=48, style_size=48, channels=8, blocks=1)
    trained = train(folders[0], [folders[1][0] / "style0.png"], tmp_path / "one", styles_config, device="cpu")
    path = train_any_style(*folders[:2], tmp_path / "second", config, init=trained, device="cpu")
    started, trained = weights_of(path), read_checkpoint(trained)["averaged"]
    assert torch.equal(started["network.stem.conv.weight"], trained["network.stem.conv.weight"])
    assert torch.equal(started["encoder.base"], trained["rows"][0])
    with pytest.raises(CheckpointError, match="give the network the same channels"):
        train_any_style(*folders[:2], tmp_path / "third", replace(config, hidden=4), init=general)
    with pytest.raises(CheckpointError, match="holds a network for any style"):
        read_checkpoint(general)


def test_a_checkpoint_paints_as_its_averaged_network(folders):
    saved = read_general_checkpoint(train_any_style(*folders, replace(TINY, steps=1), device="cpu"))
    network = load_general_network(saved)
    assert network(torch.rand(1, 3, 32, 32), torch.zeros(1, 2944)).shape == (1, 3, 32, 32)
    assert not network.training


def test_a_frozen_trunk_stays(folders, tmp_path):
    path = train_any_style(*folders, replace(TINY, steps=1), device="cpu")
    config = replace(TINY, steps=1, is_trunk_frozen=True)
    second = weights_of(train_any_style(*folders[:2], tmp_path / "second", config, init=path, device="cpu"))
    first = read_general_checkpoint(path)["averaged"]
    same = {key for key, value in first.items() if torch.equal(value, second[key])}
    assert {key for key in first if key.startswith("network.")} <= same
    assert "encoder.base" not in same
    with pytest.raises(ValueError, match="init, a checkpoint with a trained trunk, is needed"):
        train_any_style(*folders[:2], tmp_path / "third", config)


@pytest.mark.parametrize("offset", [(0, 1), (3, 0), (2, 3)])
def test_the_shift_loss_is_zero_for_paintings_that_move_along(offset):
    down, right = offset
    crops = torch.rand(2, 3, 48 + MAX_SHIFT, 48 + MAX_SHIFT)
    first, second = crops[..., :48, :48], crops[..., down : down + 48, right : right + 48]
    assert shift_loss(first, second, offset) == 0
    assert shift_loss(first, first, offset) > 0.01


def test_a_network_on_a_grid_has_a_shift_loss():
    crops = torch.rand(1, 3, 64 + MAX_SHIFT, 64 + MAX_SHIFT)
    network = new_general_network(TINY).network
    rows = new_general_network(TINY).encoder.base[None]
    with torch.no_grad():
        first, second = (network(part, rows) for part in (crops[..., :64, :64], crops[..., 1:65, :64]))
    assert shift_loss(first, second, (1, 0)) > 0


def test_hard_pictures_count_less():
    photos = torch.rand(1, 3, 48, 48)
    grams = {layer: torch.eye(side)[None] for layer, side in zip(LAYERS, (64, 128), strict=True)}
    totals = []
    for scale in (1e-2, 1e-4):  # a target with next to no texture
        targets = StyleTargets(
            {layer: scale * gram for layer, gram in grams.items()}, torch.ones(1), torch.eye(3, 4)[None]
        )
        config = replace(TINY, styles_per_photo=1, batch_size=1)
        losses = AnyStyleObjective(config, CPU)(
            photos, photos, torch.zeros(1, 1, 48, 48), targets, torch.zeros(())
        )
        totals.append((losses.style.item(), losses.total.item()))
    (style, total), (harder_style, harder_total) = totals
    assert harder_style > 100 * style
    assert harder_total - total < TINY.loss_knee * 10


def test_the_pool_reads_each_variant_once_and_draws_by_seed_and_step(pool, monkeypatch):
    first = pool.draw(0, [0, 2])
    monkeypatch.setattr(pool, "_compute", None)  # read from the files from now on
    second = pool.draw(0, [0, 2])
    assert torch.equal(first.statistics, second.statistics)
    assert all(torch.equal(first.targets.grams[layer], second.targets.grams[layer]) for layer in LAYERS)
    assert torch.equal(first.targets.colors, second.targets.colors)
    assert len(list(pool.folder.iterdir())) == 2


def test_new_variants_come_with_the_rounds(pool):
    assert {pool._variant(place, 0) for place in range(3)} == {0}
    assert {pool._variant(place, 0) for place in range(300, 400)} == set(range(TINY.variants))


def test_kept_targets_are_those_of_the_picture(pool):
    whole = pool.losses.vgg(torch.zeros(1, 3, 32, 32))
    entry = pool.draw(0, [1])
    assert entry.statistics.shape == (1, 2944)
    for layer in LAYERS:
        gram = entry.targets.grams[layer][0]
        assert torch.equal(gram, gram.T)
        assert gram.shape[0] == whole[layer].shape[1]
        assert torch.linalg.eigvalsh(gram).min() > -1e-3 * gram.abs().max()


def test_a_damaged_kept_target_is_computed_anew(pool):
    first = pool.draw(0, [0])
    (path,) = pool.folder.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(pool.draw(0, [0]).statistics, first.statistics)


@pytest.mark.parametrize("size", [(40, 300), (300, 40), (90, 90)])
def test_variants_are_pictures_that_vgg19_takes(size):
    import numpy as np

    image = make_photo(*size)
    for seed in range(20):
        variant = style_variant(image, 64, np.random.default_rng(seed))
        assert variant.mode == "RGB"
        assert min(variant.size) >= 64
    assert max(style_variant(image, 64, None).size) >= 64


@pytest.mark.gpu
def test_a_run_on_a_gpu_goes_on_on_a_cpu(folders):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device is there")
    config = replace(TINY, precision="auto", styles_per_photo=2)
    train_any_style(*folders, replace(config, steps=2), device="cuda")
    saved = read_general_checkpoint(folders[2] / "checkpoint.pt")
    assert all(value.isfinite().all() for value in saved["network"].values())
    train_any_style(*folders, resume=True, device="cpu")
