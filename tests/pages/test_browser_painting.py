"""The networks in the browser, against the same networks on the server."""

import base64
import gzip
import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from pages.shared.browser_files import browser_folder, browser_routes
from pages.shared.browser_painting import style_data
from pages.shared.painting import Look
from stylecore import FastStylizer, Style, encode_style
from stylecore.instant.importing import import_style
from stylecore.instant.networks import Network, network_contents
from stylecore.styles.catalog import get_style
from stylecore.styles.style import network_name
from stylecore.styles.trunk import read_weights
from tests.browsing import CHROMIUM, empty_page
from tests.conftest import make_photo
from tests.styles.foreign.networks import ExamplesNetwork, saved

FIRST_VISIT_MB = 6  # of ONNX Runtime, our scripts and one network
MOST_DIFFERENCE = 2  # of 255
SLOWEST_MS = 5000  # for one picture, on a machine with much else to do
PAINT_JS = """
async ({ style, wanted, pixels, width, height }) => {
  const folder = new URL(style.folder, location.origin);
  const { Painter, readRows } = await import(folder + 'painter.mjs');
  window.painters ??= {};
  const painter = (window.painters[wanted] ??= new Painter(wanted));
  const photo = Uint8ClampedArray.from(atob(pixels), (character) => character.charCodeAt(0));
  const answer = await painter.paint(photo, width, height, { ...style, rows: readRows(style.rows) });
  const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
  context.putImageData(new ImageData(answer.pixels, width, height), 0, 0);
  return { ...answer, pixels: context.canvas.toDataURL() };
}
"""

pytestmark = pytest.mark.browser


# A software adapter.
GPU_ARGUMENTS = [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="module")
def page(browser, server) -> Iterator:
    page = empty_page(browser, server)
    yield page
    page.close()


@pytest.fixture(scope="module")
def stylizer() -> FastStylizer:
    return FastStylizer("cpu")


def paint_in_browser(page, photo: Image.Image, look: Look, wanted: str = "wasm") -> tuple[np.ndarray, dict]:
    """The painting, and the rest of the painter's answer."""
    pixels = base64.b64encode(photo.convert("RGBA").tobytes()).decode()
    size = {"width": photo.width, "height": photo.height}
    answer = page.evaluate(PAINT_JS, {"style": style_data(look), "wanted": wanted, "pixels": pixels, **size})
    with Image.open(io.BytesIO(base64.b64decode(answer.pop("pixels").partition(",")[2]))) as image:
        painted = np.asarray(image)
    assert (painted[..., 3] == 255).all()
    return painted[..., :3], answer


def paint_on_server(stylizer: FastStylizer, photo: Image.Image, look: Look) -> np.ndarray:
    """As `FastStylizer` paints at the photo's own size, in which the network sees every pixel once."""
    painted = stylizer.stylize(
        photo,
        dict(look.styles),
        strength=look.strength,
        preserve_color=look.preserve_color,
        stroke_size=512,
        fine=False,
    )
    return np.asarray(painted)


def look_of(*, strength: float = 1.0, preserve_color: bool = False, **shares: float) -> Look:
    styles = tuple((get_style(name), share) for name, share in shares.items())
    return Look(styles, strength, preserve_color)


@pytest.mark.parametrize(
    "look",
    [
        look_of(starry_night=1.0),
        look_of(strength=0.6, ink=1.0),
        look_of(strength=1.4, preserve_color=True, mosaic=0.5, fire=0.5),
        look_of(mosaic=0.3, cubism=0.7),
    ],
    ids=lambda look: look.name,
)
def test_the_browser_paints_as_the_server_does(page, stylizer, look):
    photo = make_photo(131, 98)
    painted, answer = paint_in_browser(page, photo, look)
    assert answer["provider"] == "wasm"
    difference = np.abs(painted.astype(int) - paint_on_server(stylizer, photo, look))
    assert difference.max() <= MOST_DIFFERENCE


def learned_style() -> Style:
    """A style with differences to the weights of the general network."""
    style = encode_style(make_photo(96, 96, seed=7))
    name = network_name(style.model)
    weights = read_weights(network_contents(Network(style.model)))
    random = np.random.default_rng(0)
    trunk = {key: random.normal(0, 0.02, each.shape) for key, each in weights.items() if each.ndim == 4}
    return replace(style, trunk={name: trunk})


def imported_style() -> Style:
    return import_style(saved(ExamplesNetwork().state_dict()), title="Candy")


def served(name: str) -> Response:
    """What the app answers in this process, which has the test's styles."""
    [route] = browser_routes()
    path = {"version": "any", "name": name}
    return route.endpoint(Request({"type": "http", "headers": [], "path_params": path}))


@pytest.mark.parametrize("make_style", [learned_style, imported_style])
def test_the_browser_paints_with_networks_that_styles_bring_along(page, stylizer, make_style):
    style = make_style()
    look, photo = Look(((style, 1.0),)), make_photo(131, 98)
    name = style_data(look)["network"]
    network = served(name)
    assert network.headers["Cache-Control"].startswith("private")
    assert served("own-0.onnx").status_code == 404
    page.route(f"**/{name}", lambda route: route.fulfill(body=network.body))
    painted, _ = paint_in_browser(page, photo, look)
    difference = np.abs(painted.astype(int) - paint_on_server(stylizer, photo, look))
    assert difference.max() <= MOST_DIFFERENCE


@pytest.mark.parametrize(("width", "height"), [(256, 256), (384, 288)], ids=["live", "drawing"])
def test_pictures_are_painted_at_a_rate_to_record(page, record_property, width, height):
    photo, look = make_photo(width, height), look_of(starry_night=1.0)
    answers = [paint_in_browser(page, photo, look)[1] for _ in range(8)]
    best = min(answer["milliseconds"] for answer in answers)
    record_property(f"ms a picture of {width} x {height} px", round(best))
    assert best < SLOWEST_MS


def test_a_gpu_paints_as_the_processor_does(browser, server, stylizer):
    gpu_browser = browser.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", *GPU_ARGUMENTS])
    page = empty_page(gpu_browser, server)
    if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
        pytest.skip("this Chromium has no software adapter for WebGPU")
    photo, look = make_photo(48, 32), look_of(starry_night=1.0)
    painted, answer = paint_in_browser(page, photo, look, "webgpu")
    assert answer["provider"] == "webgpu"
    difference = np.abs(painted.astype(int) - paint_on_server(stylizer, photo, look))
    assert difference.max() <= MOST_DIFFERENCE
    # A software adapter is slower than the processor.
    assert paint_in_browser(page, photo, look, "auto")[1]["provider"] == "wasm"
    gpu_browser.close()


def fetch(server: str, name: str, **headers: str):
    return urllib.request.urlopen(
        urllib.request.Request(f"{server}/{browser_folder()}{name}", headers=headers)
    )


def test_the_first_visit_loads_little(server):
    names = ("live.mjs", "painter.mjs", "worker.mjs", "ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs")
    sizes = []
    for name in (*names, "ort-wasm-simd-threaded.wasm", "painter.onnx"):
        with fetch(server, name, **{"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert "immutable" in response.headers["Cache-Control"]
            sizes.append(len(response.read()))
    assert sum(sizes) < FIRST_VISIT_MB * 1e6


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("worker.mjs", "text/javascript; charset=utf-8"),
        ("ort-wasm-simd-threaded.wasm", "application/wasm"),
        ("painter.onnx", "application/octet-stream"),
    ],
)
def test_files_have_their_types_and_come_without_compression_where_it_is_not_wanted(server, name, kind):
    with fetch(server, name) as plain, fetch(server, name, **{"Accept-Encoding": "gzip"}) as compressed:
        assert plain.headers["Content-Type"] == compressed.headers["Content-Type"] == kind
        assert gzip.decompress(compressed.read()) == plain.read()


def test_only_the_files_of_the_browser_are_served(server):
    for name in ("encoder.onnx", "..%2Fvisit.py", "nothing"):
        with pytest.raises(urllib.error.HTTPError, match=r"40[04]"):
            fetch(server, name)
