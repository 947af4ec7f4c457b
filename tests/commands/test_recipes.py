import json

import pytest
from PIL import Image

from stylecore import OptimizationConfig, load_image, optimize_image
from tests.commands.conftest import run
from tests.conftest import make_photo


def test_optimize_repeats_a_recipe(capsys, photo_file, tmp_path):
    make_photo(80, 80, seed=3).save(tmp_path / "style.png")
    make_photo(80, 80, seed=4).convert("L").save(tmp_path / "grey.png")
    recipe = {
        "content": "photo",
        "styles": [{"name": "style", "weight": 0.75}, {"name": "grey", "weight": 0.25}],
        "config": {"steps": 2, "max_side": 48, "style_layers": ["relu1_1", "relu2_1"], "start": "content"},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    pictures = ["optimize", photo_file, tmp_path / "style.png", tmp_path / "grey.png"]
    status, out, _ = run(
        capsys, *pictures, "--recipe", tmp_path / "recipe.json", "-o", tmp_path / "a.png", "--json"
    )
    report = json.loads(out)
    assert status == 0
    assert report["config"]["style_layers"] == ["relu1_1", "relu2_1"]
    arguments = ["--steps", 2, "--max-side", 48, "--start", "content", "--shares", 0.75, 0.25]
    status, out, _ = run(capsys, *pictures, *arguments, "-o", tmp_path / "b.png", "--json")
    assert json.loads(out)["style_loss"] > report["style_loss"]  # five layers instead of two


def test_optimize_repeats_a_run_that_was_stopped(capsys, photo_file, tmp_path):
    config = {"steps": 6, "max_side": 48, "start": "content", "decay_share": 0.5}
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": config, "stopped_at": 4}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    make_photo(80, 80, seed=3).save(tmp_path / "style.png")
    arguments = [photo_file, tmp_path / "style.png", "-o", tmp_path / "a.png"]
    status, out, err = run(capsys, "optimize", *arguments, "--recipe", tmp_path / "recipe.json", "--json")
    assert status == 0
    assert json.loads(out)["steps"] == 4
    step, end = err.splitlines()
    assert step.startswith("step 4/6")
    assert end.startswith(f"{photo_file} + {tmp_path / 'style.png'} -> {tmp_path / 'a.png'}: 48 x 32 px, ")
    seen = []
    whole = optimize_image(
        load_image(photo_file),
        load_image(tmp_path / "style.png"),
        OptimizationConfig(**config, preview_every=0),
        on_iterate=seen.append,
        should_stop=lambda: len(seen) == 4,
    )
    assert Image.open(tmp_path / "a.png").tobytes() == whole.image.tobytes()


@pytest.mark.parametrize(
    "setting",
    [
        {"steps": "50"},
        {"steps": None},
        {"content_weight": "much"},
        {"content_weight": True},
        {"style_layers": [1, 2]},
        {"style_layer_weights": 3},
        {"stroke_size": [512]},
    ],
)
def test_a_recipe_with_unusable_settings_is_refused(capsys, photo_file, tmp_path, setting):
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": {"max_side": 48, "style_weight": 4} | setting}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    status, _, err = run(capsys, "optimize", photo_file, photo_file, "--recipe", tmp_path / "recipe.json")
    assert status == 2
    assert f"unusable settings: {next(iter(setting))}" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("field", ["weight", "stopped_at"])
def test_a_recipe_with_words_for_numbers_is_refused(capsys, photo_file, tmp_path, field):
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": {"max_side": 48}}
    (recipe["styles"][0] if field == "weight" else recipe)[field] = "x"
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    status, _, err = run(capsys, "optimize", photo_file, photo_file, "--recipe", tmp_path / "recipe.json")
    assert status == 2
    assert f"unusable settings: {field} 'x'" in err
