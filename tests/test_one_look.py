import numpy as np
import pytest

from pages.shared.full_size import full_size
from pages.shared.painting import Look
from stylecore import FastStylizer, cli, load_image
from stylecore.styles.catalog import get_style
from tests.conftest import make_photo


@pytest.mark.parametrize(
    ("size", "look"),
    [
        ((333, 200), Look(((get_style("mosaic"), 1.0),))),
        (
            (1500, 401),
            Look(
                ((get_style("mosaic"), 0.5), (get_style("ink"), 0.25)),
                strength=0.8,
                preserve_color=True,
                stroke_scale=1.7,
            ),
        ),
        ((4000, 3000), Look(((get_style("starry_night"), 1.0),))),
    ],
)
def test_app_library_and_command_line_paint_the_same_pixels(tmp_path, size, look):
    photo = tmp_path / "photo.jpg"
    make_photo(*size).save(photo)
    settings = {
        "strength": look.strength,
        "preserve_color": look.preserve_color,
        "stroke_scale": look.stroke_scale,
    }
    given = {name: value for name, value in settings.items() if value != getattr(Look(()), name)}
    options = [
        f"--{name.replace('_', '-')}" if value is True else f"--{name.replace('_', '-')}={value}"
        for name, value in given.items()
    ]
    style = ",".join(f"{each.name}:{weight}" for each, weight in look.styles)

    downloaded = load_image(full_size(photo.read_bytes(), look, "PNG"))
    stylized = FastStylizer().stylize(load_image(photo), dict(look.styles), **given)
    output = tmp_path / "painting.png"
    assert cli.main(["stylize", str(photo), "--style", style, "-o", str(output), *options]) == 0

    assert stylized.size == size
    assert np.array_equal(downloaded, stylized)
    assert np.array_equal(load_image(output), stylized)
