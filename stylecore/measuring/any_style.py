"""Evaluation of styles from any picture: the encoder next to the sketch, on photos x style pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from stylecore.images.encoding import write_image
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_style
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import limit_long_side, resize_long_side
from stylecore.instant.encoder import encode_style
from stylecore.instant.stylizer import FastStylizer
from stylecore.measuring.evaluation import SHEET_SIDE, check_sheet, read_photos
from stylecore.measuring.measure import Losses, Measure
from stylecore.optimization.preview import PreviewPainter
from stylecore.styles.style import USUAL_STROKE_SIZE

METHODS = ("encoder", "sketch")


@dataclass(frozen=True)
class _StylePicture:
    """A style picture with what each method and the measure need of it."""

    image: Image.Image  # at the size at which it is read
    grams: dict[str, Tensor]
    paint: dict[str, Callable[[Image.Image], Image.Image]]  # by method


def evaluate_any_style(
    content_folder: Path,
    style_pictures: Sequence[Path],
    *,
    photos: int = 12,
    side: int = 512,
    sheet: Path | None = None,
    device: str = "cpu",
    on_progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """Measure paintings of the style encoder and of the sketch, each photo in each style.

    Args:
        content_folder: Photos that the networks were not trained on; the first ones by name are used.
        style_pictures: Files or folders of pictures that they were not trained on either.
        photos: Number of photos.
        side: Long side in pixels at which pictures are painted and compared.
        sheet: File for a contact sheet: a row for each style picture, painted on one of the photos.
        device: Device of losses and sketch, `auto`, `cpu` or `cuda`.
        on_progress: Called with a line after each style picture.
    Returns:
        `styles` by path, and `all`: for each the number of `pairs`, the geometric means of the totals
        of the `encoder` and the `sketch` with their mean `content` and `style` losses, the `ratio` of the
        totals and the number of pairs `won` by the encoder. `skipped` says why photos could not be used.
    Raises:
        ImageError: No usable photo or style picture, or a sheet too large for its format.
        WeightsError: A network is missing or damaged.
        DeviceError: The device does not start.
    """
    files = style_files(style_pictures)
    images, skipped = read_photos(content_folder, photos, side)
    if sheet is not None:
        check_sheet(sheet, len(files), 2 + len(METHODS))
    measure, stylizer, sketch = Measure(device), FastStylizer("cpu"), PreviewPainter(device)
    contents = [(image, measure.content_features(image)) for image in images.values()]
    report, everything, rows = {}, [], []
    for number, file in enumerate(files):
        style = _read_style(file, measure, stylizer, sketch)
        losses, painted = [], []
        for image, features in contents:
            pictures = [style.paint[method](image) for method in METHODS]
            losses.append([measure(picture, features, style.grams) for picture in pictures])
            painted.append([image, style.image, *pictures])
        report[str(file)] = _summary(losses)
        everything += losses
        rows.append([limit_long_side(cell, SHEET_SIDE) for cell in painted[number % len(painted)]])
        on_progress(f"{file.name}: {report[str(file)]}")
    if sheet is not None:
        titles = ["photo", "style", *METHODS]
        write_image(contact_sheet(rows, titles=titles, cell=(SHEET_SIDE, SHEET_SIDE)), sheet)
    return {
        "side": side,
        "photos": list(images),
        "skipped": skipped,
        "styles": report,
        "all": _summary(everything),
    }


def style_files(paths: Iterable[Path]) -> list[Path]:
    """List the files, and the pictures in the folders, among some paths.

    Raises:
        ImageError: A folder has no pictures.
    """
    return [file for path in paths for file in (find_pictures(path) if path.is_dir() else [path])]


def _read_style(
    file: Path, measure: Measure, stylizer: FastStylizer, sketch: PreviewPainter
) -> _StylePicture:
    image = load_style(file)
    encoded, statistics = encode_style(image), sketch.read_style(image)
    image = resize_long_side(image, USUAL_STROKE_SIZE)
    paint = {
        "encoder": lambda photo: stylizer.stylize(photo, encoded, stroke_size=encoded.stroke_size),
        "sketch": lambda photo: sketch.paint(photo, statistics),
    }
    return _StylePicture(image, measure.grams(image), paint)


def _summary(losses: Sequence[Sequence[Losses]]) -> dict:
    """Means of pairs of losses, of the encoder's painting and the sketch."""
    totals = np.array([[each.total for each in pair] for pair in losses])  # (pairs, 2)
    means = np.exp(np.log(totals).mean(0))
    summary = {
        method: {
            "total": round(float(means[column]), 4),
            "content": round(float(np.mean([pair[column].content for pair in losses])), 4),
            "style": round(float(np.mean([pair[column].style for pair in losses])), 4),
        }
        for column, method in enumerate(METHODS)
    }
    won = int((totals[:, 0] < totals[:, 1]).sum())
    return {"pairs": len(losses), **summary, "ratio": round(float(means[0] / means[1]), 4), "won": won}


def as_table(report: dict) -> str:
    """Markdown table of a report of `evaluate_any_style`."""
    lines = [
        f"{len(report['photos'])} photos at {report['side']} px: geometric mean of the totals "
        "(mean content / style)",
        "",
        "| style picture | pairs | encoder | sketch | encoder / sketch | pairs won |",
        "|---" * 6 + "|",
    ]
    for name, record in {**report["styles"], "all": report["all"]}.items():
        cells = [
            f"{record[method]['total']:.2f} ({record[method]['content']:.2f} / {record[method]['style']:.2f})"
            for method in METHODS
        ]
        cells = [Path(name).name, record["pairs"], *cells, f"{record['ratio']:.2f}", record["won"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
