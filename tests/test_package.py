"""The distribution: what it requires, what its wheel holds, and that the wheel works elsewhere."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import stylecore
from stylecore import MissingExtraError
from stylecore.host.extras import import_extra, runtime_conflict
from tests.browsing import ROOT, wait_for_server

MAX_WHEEL_MB = 90  # registries take files of up to 100 MB


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements_of(file: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    return [Requirement(line) for line in lines if line]


def ranges_of(project: dict) -> dict[str, Requirement]:
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    return {needed.name: needed for needed in map(Requirement, project["dependencies"] + extras)}


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-lite.txt", "requirements-scale.txt"])
def test_every_pinned_version_lies_in_the_range_of_the_package(project, file):
    ranges = ranges_of(project) | {"torchvision": Requirement("torchvision")}  # for the GPU's torch alone
    for pinned in requirements_of(file):
        (pin,) = pinned.specifier
        assert ranges[pinned.name].specifier.contains(pin.version), pinned


def test_the_requirements_have_every_dependency_of_the_package(project):
    base = {Requirement(text).name for text in project["dependencies"]}
    assert base <= {needed.name for needed in requirements_of("requirements-lite.txt")}
    app = ranges_of(project).keys() - {"ray", "openvino"}  # for painting servers, and for more speed
    assert app <= {needed.name for needed in requirements_of("requirements.txt")}


def test_every_public_name_is_there_and_has_a_docstring():
    for name in stylecore.__all__:
        assert getattr(stylecore, name).__doc__, name
    assert sorted(stylecore.__all__) == stylecore.__all__


def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'impasto\[custom\]'"):
        import_extra("torch")
    with pytest.raises(MissingExtraError, match=r"pip install 'impasto\[cpu\]', or 'impasto\[gpu\]'"):
        import_extra("onnxruntime")


def test_both_builds_of_onnx_runtime_are_reported_with_the_repair(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.0")
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in runtime_conflict()


def test_imports_name_no_module_that_other_systems_lack():
    lacking = {"fcntl", "grp", "pwd", "resource", "termios"}
    for path in (ROOT / "stylecore").rglob("*.py"):
        top = [
            line.split()[1] for line in path.read_text().splitlines() if line.startswith(("import ", "from "))
        ]
        assert not lacking & set(top), path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, cwd=folder)
    (built,) = folder.glob("impasto-*.whl")
    return built


@pytest.mark.wheel
def test_the_wheel_is_small_and_holds_the_app_and_the_weights(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.stat().st_size < MAX_WHEEL_MB * 1e6
    for name in ("app/streamlit_app.py", "app/.streamlit/config.toml", "app/pages/gallery.py", "py.typed"):
        assert f"stylecore/{name}" in names
    for path in (ROOT / "pages" / "shared" / "browser").iterdir():
        assert f"stylecore/app/pages/shared/browser/{path.name}" in names
    files = [path for path in (ROOT / "weights").rglob("*") if path.is_file()]
    needed = {path.name for path in files if path.stem != "style_targets"}
    assert {Path(name).name for name in names if name.startswith("stylecore/weights/")} == needed


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Scripts of a fresh environment with the wheel and its extra `cpu`."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", f"{wheel}[cpu]"], check=True)
    return scripts


def run_elsewhere(*command: str | Path) -> str:
    """Standard output of a command that is started in the root folder, without this project's paths."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.wheel
def test_the_installed_command_paints_from_any_folder(installed, photo, tmp_path):
    photo.save(tmp_path / "photo.png")
    arguments = ["stylize", tmp_path / "photo.png", "--style", "mosaic", "-o", tmp_path / "out.png", "--json"]
    report = json.loads(run_elsewhere(installed / "impasto", *arguments))
    assert report["pictures"][0]["width"] == photo.width
    assert (tmp_path / "out.png").is_file()


@pytest.mark.wheel
def test_the_installed_library_is_importable_from_any_folder(installed):
    code = "import stylecore; from stylecore import FastStylizer; print(stylecore.__file__)"
    assert str(installed.parent) in run_elsewhere(installed / "python", "-c", code)


@pytest.mark.wheel
def test_a_command_that_needs_torch_says_how_to_install_it(installed, photo, tmp_path):
    photo.save(tmp_path / "photo.png")
    command = [installed / "impasto", "optimize", tmp_path / "photo.png", tmp_path / "photo.png"]
    done = subprocess.run(list(map(str, command)), cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: this needs torch, which is not installed: pip install 'impasto[custom]'"
    ]


@pytest.fixture
def installed_app(installed) -> Iterator[str]:
    """Address of the app as the installed command serves it."""
    with wait_for_server([str(installed / "impasto"), "app", "--no-browser"], folder="/") as (url, _):
        yield url


@pytest.mark.wheel
@pytest.mark.browser
def test_the_installed_app_paints_a_photo_and_looks_like_the_checkouts(installed_app, browser):
    page = browser.new_page()
    page.goto(installed_app)
    page.get_by_alt_text("Your photo painted like").wait_for(timeout=90_000)
    background = page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    )
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]["light"]
    channels = bytes.fromhex(theme["backgroundColor"].removeprefix("#"))
    assert background == f"rgb({', '.join(map(str, channels))})"


def test_the_version_is_in_the_changelog():
    assert f"## [{stylecore.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
