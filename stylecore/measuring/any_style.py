"""Evaluation of styles from any picture: encoded, learned, sketched and optimized, on photos x styles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
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
from stylecore.learning.learn import learn_style
from stylecore.learning.learning_config import LearningConfig, fitting_config
from stylecore.measuring.evaluation import SHEET_SIDE, check_sheet, read_photos
from stylecore.measuring.measure import Losses, Measure, optimize_pixels
from stylecore.optimization.preview import PreviewPainter
from stylecore.styles.style import USUAL_STROKE_SIZE, Style

SKETCH = "sketch"  # the method to which the others are compared


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
    learning_steps: Sequence[int] = (),
    is_thorough: bool = True,
    fit_steps: int = 0,
    optimization_steps: int = 0,
    sheet: Path | None = None,
    device: str = "cpu",
    on_progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """Measure paintings of the style encoder, of learned styles and of the sketch, each photo in each style.

    Args:
        content_folder: Photos that the networks were not trained on; the first ones by name are used.
        style_pictures: Files or folders of pictures that they were not trained on either.
        photos: Number of photos.
        side: Long side in pixels at which pictures are painted and compared.
        learning_steps: Steps of `learn_style`, for each of which the styles are also learned.
        is_thorough: See `LearningConfig`.
        fit_steps: Steps of `learn_style` by which each style is also fitted to each photo; 0 for none.
        optimization_steps: L-BFGS steps by which each pair is also optimized; 0 for none.
        sheet: File for a contact sheet: a row for each style picture, painted on one of the photos.
        device: Device of losses, learning, sketch and optimization, `auto`, `cpu` or `cuda`.
        on_progress: Called with a line after each style picture.
    Returns:
        `styles` by path, and `all`: for each the number of `pairs`, and by method (`encoder`, `learned N
        steps`, `fitted N steps`, `sketch`, `optimized N steps`) the geometric mean of the `total`s, mean
        `content` and `style` losses, the `ratio` of the total to the sketch's, and the number of pairs that
        have `won` against the sketch. `skipped` says why photos could not be used.
    Raises:
        ImageError: No usable photo or style picture, or a sheet too large for its format.
        WeightsError: A network is missing or damaged.
        DeviceError: The device does not start.
    """
    files = style_files(style_pictures)
    images, skipped = read_photos(content_folder, photos, side)
    if sheet is not None:
        check_sheet(sheet, len(files), 4 + len(learning_steps) + (fit_steps > 0) + (optimization_steps > 0))
    methods = _Methods(device, learning_steps, is_thorough, fit_steps, optimization_steps)
    measure = methods.measure
    contents = [(image, measure.content_features(image)) for image in images.values()]
    report, everything, rows = {}, [], []
    for number, file in enumerate(files):
        style = methods.read_style(file)
        losses, painted = [], []
        for image, features in contents:
            pictures = [paint(image) for paint in style.paint.values()]
            losses.append([measure(picture, features, style.grams) for picture in pictures])
            painted.append([image, style.image, *pictures])
        report[str(file)] = _summary(losses, [*style.paint])
        everything += losses
        rows.append([limit_long_side(cell, SHEET_SIDE) for cell in painted[number % len(painted)]])
        on_progress(f"{file.name}: {report[str(file)]}")
    if sheet is not None:
        titles = ["photo", "style", *style.paint]
        write_image(contact_sheet(rows, titles=titles, cell=(SHEET_SIDE, SHEET_SIDE)), sheet)
    return {
        "side": side,
        "photos": list(images),
        "skipped": skipped,
        "styles": report,
        "all": _summary(everything, [*style.paint]),
    }


def style_files(paths: Iterable[Path]) -> list[Path]:
    """List the files, and the pictures in the folders, among some paths.

    Raises:
        ImageError: A folder has no pictures.
    """
    return [file for path in paths for file in (find_pictures(path) if path.is_dir() else [path])]


class _Methods:
    """What paints in the style of a picture, see `evaluate_any_style`."""

    def __init__(
        self,
        device: str,
        learning_steps: Sequence[int],
        is_thorough: bool,
        fit_steps: int,
        optimization_steps: int,
    ) -> None:
        self.measure, self.stylizer, self.sketch = (
            Measure(device),
            FastStylizer("cpu"),
            PreviewPainter(device),
        )
        self.configs = [
            LearningConfig(minutes=0, steps=steps, is_thorough=is_thorough, device=device)
            for steps in learning_steps
        ]
        self.fitting = fitting_config(steps=fit_steps, device=device) if fit_steps else None
        self.optimization_steps = optimization_steps

    def read_style(self, file: Path) -> _StylePicture:
        original = load_style(file)
        styles = {"encoder": encode_style(original)}
        styles |= {f"learned {config.steps} steps": learn_style(original, config) for config in self.configs}
        statistics = self.sketch.read_style(original)
        image = resize_long_side(original, USUAL_STROKE_SIZE)
        grams = self.measure.grams(image)
        paint = {method: partial(self._stylize, style=style) for method, style in styles.items()}
        if (fitting := self.fitting) is not None:
            paint[f"fitted {fitting.steps} steps"] = lambda photo: self._stylize(
                photo, style=learn_style(original, fitting, photos=[photo])
            )
        paint[SKETCH] = lambda photo: self.sketch.paint(photo, statistics)
        if steps := self.optimization_steps:
            paint[f"optimized {steps} steps"] = lambda photo: optimize_pixels(
                self.measure, photo, grams, steps
            )
        return _StylePicture(image, grams, paint)

    def _stylize(self, photo: Image.Image, *, style: Style) -> Image.Image:
        return self.stylizer.stylize(photo, style, stroke_size=style.stroke_size)


def _summary(losses: Sequence[Sequence[Losses]], methods: Sequence[str]) -> dict:
    """Means of the losses of pairs, each of which has the losses of all methods."""
    totals = np.array([[each.total for each in pair] for pair in losses])  # (pairs, methods)
    means = np.exp(np.log(totals).mean(0))
    sketch = methods.index(SKETCH)
    summary: dict = {"pairs": len(losses)}
    for column, method in enumerate(methods):
        summary[method] = {
            "total": round(float(means[column]), 4),
            "content": round(float(np.mean([pair[column].content for pair in losses])), 4),
            "style": round(float(np.mean([pair[column].style for pair in losses])), 4),
            "ratio": round(float(means[column] / means[sketch]), 4),
            "won": int((totals[:, column] < totals[:, sketch]).sum()),
        }
    return summary


def as_table(report: dict) -> str:
    """Markdown table of a report of `evaluate_any_style`."""
    methods = [name for name in report["all"] if name != "pairs"]
    lines = [
        f"{len(report['photos'])} photos at {report['side']} px: geometric mean of the totals "
        "(mean content / style), over the sketch's, and pairs won against it",
        "",
        f"| style picture | pairs | {' | '.join(methods)} |",
        "|---" * (2 + len(methods)) + "|",
    ]
    for name, record in {**report["styles"], "all": report["all"]}.items():
        cells = [Path(name).name, record["pairs"], *(_cell(record[method], method) for method in methods)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _cell(record: dict, method: str) -> str:
    text = f"{record['total']:.2f} ({record['content']:.2f} / {record['style']:.2f})"
    return text if method == SKETCH else f"{text}, {record['ratio']:.2f}, {record['won']}"
