"""The rooms of `stylecore/` and who may import whom, as docs/architecture.md draws them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.browsing import ROOT

# What each room may import, besides itself and `stylecore.errors`.
ROOMS = {
    "host": set(),
    "images": {"host"},
    "styles": {"host", "images"},
    "perception": {"host", "images"},
    "instant": {"host", "images", "styles"},
    "regions": {"host", "images", "instant"},
    "photoreal": {"host", "images", "styles", "perception", "regions", "video"},
    "optimization": {"host", "images", "styles", "perception", "instant", "regions"},
    "learning": {"host", "images", "styles", "perception", "instant", "regions"},
    "video": {"host", "images", "styles", "instant", "regions"},
    "measuring": {
        *("host", "images", "styles", "perception", "instant"),
        *("regions", "photoreal", "optimization", "learning", "video"),
    },
}
ROOMS["serving"] = {"host", "images", "styles", "instant", "regions", "optimization", "learning"}
ROOMS["commands"] = {*ROOMS}
TORCHLESS = ("images", "styles", "instant", "regions")
HEAVY = {"torch", "torchvision", "ray", "av", "cv2"}
MAX_LINES = 330


def modules_in(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Dotted names that a file imports anywhere; `from a import b` counts as `a.b`, and as `a`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def top_level_imports_of(path: Path) -> set[str]:
    """Modules that are imported with a file, apart from those for type checkers."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "stylecore").parts[0]


def test_every_room_is_known():
    folders = {path.name for path in (ROOT / "stylecore").iterdir() if (path / "__init__.py").exists()}
    assert folders == ROOMS.keys()


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_between_rooms_point_one_way(room):
    allowed = ROOMS[room] | {room, "errors"}
    if room in ("commands", "serving"):
        allowed |= {"__version__", "list_styles", "load_image"}  # of the package itself
    for path in modules_in(f"stylecore/{room}"):
        for name in imports_of(path):
            if name.startswith("stylecore."):
                assert name.split(".")[1] in allowed, f"{path} imports {name}"


def test_the_engine_knows_neither_app_nor_export():
    for path in modules_in("stylecore"):
        tops = {name.partition(".")[0] for name in imports_of(path)}
        assert not tops & {"streamlit", "pages", "export", "tests"}, path


def test_only_pages_import_what_pages_share():
    for path in modules_in("stylecore") + modules_in("export"):
        assert not any(name.startswith("pages") for name in imports_of(path)), path


@pytest.mark.parametrize("room", TORCHLESS)
def test_the_instant_path_never_imports_torch(room):
    seen, waiting = set(), modules_in(f"stylecore/{room}")
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        names = top_level_imports_of(path)
        assert not HEAVY & {name.partition(".")[0] for name in names}, path
        places = [ROOT / name.replace(".", "/") for name in names if name.startswith("stylecore.")]
        waiting += [place.with_suffix(".py") for place in places if place.with_suffix(".py").exists()]
    assert len(seen) >= len(modules_in(f"stylecore/{room}"))


def test_packages_are_entered_without_side_effects():
    for path in modules_in("stylecore") + modules_in("pages") + modules_in("export"):
        if path.name == "__init__.py" and path.parent != ROOT / "stylecore":
            assert not ast.parse(path.read_text()).body, path


def test_a_module_is_one_idea():
    for path in modules_in("stylecore") + modules_in("pages") + modules_in("export"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES, path


def test_the_architecture_names_folders_and_functions_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = re.findall(r"^\| `(\S+/)`", text, re.MULTILINE)
    places = re.findall(r"^\| [^|]+\? \| `(\S+)` \| `(\w+)` \|", text, re.MULTILINE)
    assert {f"stylecore/{room}/" for room in ROOMS} <= set(folders)
    assert all((ROOT / folder).is_dir() for folder in folders)
    assert len(places) >= 5
    for file, name in places:
        code = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(def|class) {name}\b", code, re.MULTILINE), f"{name} in {file}"


def test_no_clock_is_read_that_can_go_back():
    for path in modules_in("stylecore") + modules_in("pages"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("time.time", "datetime.now", "datetime.today"), path
