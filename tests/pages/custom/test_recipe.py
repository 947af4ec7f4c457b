import json
from dataclasses import replace

import numpy as np
import pytest

from pages.shared import long_jobs, refining
from pages.shared.pictures import SAMPLES, STYLE_SAMPLES
from stylecore import load_image, optimize_image
from stylecore.optimization import planning
from stylecore.serving import working
from tests.conftest import encoded, make_photo
from tests.pages.custom.conftest import TINY, is_refined, job_of, recipe_of, run_until

pytestmark = pytest.mark.usefixtures("clear_caches")


def samples():
    return next(iter(SAMPLES.values())), next(iter(STYLE_SAMPLES.values()))


def test_the_recipe_repeats_the_picture(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    settings = recipe_of(app)["config"]
    config = refining.OptimizationConfig(**settings)
    assert json.loads(json.dumps(recipe_of(app)))["styles"] == [{"name": "mosaic", "weight": 1.0}]
    photo, style = (load_image(sample.path) for sample in samples())
    again = optimize_image(photo, style, config).image
    found = job_of(app).result.image
    assert np.abs(np.asarray(again, np.int16) - np.asarray(found, np.int16)).max() <= 2


@pytest.mark.parametrize("is_stepped_down", [False, True])
def test_the_recipe_repeats_a_painting_of_several_sizes(monkeypatch, is_stepped_down):
    wanted = replace(TINY, max_side=96, steps=6, is_coarse_to_fine=True, coarse_side=48)
    fitting = replace(wanted, max_side=68) if is_stepped_down else wanted
    monkeypatch.setattr(working, "plan", lambda *_, **__: planning.Plan(fitting, ()))
    photo, style = make_photo(300, 200), make_photo(250, 250, seed=1)
    pictures = encoded(photo), ((encoded(style), 1.0),)
    job = long_jobs.job_queue().find(
        refining.start_run(
            *pictures, wanted, quality="best", words="best", names=("photo", "style"), instant=b""
        )
    )
    assert job.wait(60)
    recipe = refining.recipe_of(job)
    again = optimize_image(photo, style, refining.OptimizationConfig(**recipe["config"])).image
    difference = np.asarray(again, np.int16) - np.asarray(job.result.image, np.int16)
    assert np.abs(difference).max() <= 2
