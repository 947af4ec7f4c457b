"""Write the style pictures: the generated ones and, with scans, the details of paintings.

    python -m export.style_pictures FOLDER
    python -m export.style_pictures FOLDER --paintings SCANS

The generated pictures are deterministic and free of rights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from export.paintings import DETAILS, cut_out
from export.pictures.flame import flame
from export.pictures.marbling import marbling
from export.pictures.mosaic import mosaic
from export.pictures.stained_glass import stained_glass
from export.pictures.triangle import triangle

PICTURES = {
    "mosaic": mosaic,
    "triangle": triangle,
    "flame": flame,
    "stained_glass": stained_glass,
    "marbling": marbling,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--paintings", type=Path, metavar="SCANS", help="folder of scans to cut details from")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    pictures = {name: paint() for name, paint in PICTURES.items()}
    if options.paintings:
        pictures |= {name: cut_out(detail, options.paintings) for name, detail in DETAILS.items()}
    for name, picture in pictures.items():
        path = options.folder / f"{name}.png"
        picture.save(path)
        print(path)


if __name__ == "__main__":
    main()
