"""Style pictures: those that the project paints itself, and the details of paintings that it uses.

    python -m export.style_pictures FOLDER
    python -m export.style_pictures FOLDER --paintings SCANS

Generated pictures are deterministic and free of anybody's rights. Of a painting, the part is used
whose strokes are as large on photos as they should be; frames, margins and signatures are cut off.
The scans are not part of the project.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from stylecore.images.loading import load_image

SIZE = 1024  # px, square

# Glass and stone of Byzantine and Roman mosaics: blues, greens, golds, terracotta, ivory, black.
MOSAIC_PALETTE = np.array(
    [
        (24, 48, 110), (38, 92, 160), (92, 158, 196), (20, 110, 112), (70, 150, 110),
        (226, 172, 52), (242, 206, 110), (200, 96, 44), (158, 44, 40), (240, 228, 200), (30, 26, 34),
    ],
    dtype=np.float32,
)  # fmt: skip


def mosaic(seed: int = 0, tile: float = 34.0) -> Image.Image:
    """Tesserae set in curving rows, their colors in swirling bands, in dark mortar.

    The stones are Voronoi cells of a jittered square grid that is bent by a few vortices; the
    mortar lies where the two nearest centers are about equally far.

    Args:
        seed: Of the jitter, the bands and the shades.
        tile: Mean side of a stone in pixels.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    u, v = x, y
    for _ in range(5):
        center_x, center_y = random.uniform(0, SIZE, 2)
        radius, turn = random.uniform(0.2, 0.4) * SIZE, random.choice([-1, 1]) * random.uniform(0.8, 1.4)
        distance = np.hypot(x - center_x, y - center_y)
        angle = turn * np.exp(-((distance / radius) ** 2))
        du, dv = u - center_x, v - center_y
        u, v = (
            center_x + du * np.cos(angle) - dv * np.sin(angle),
            center_y + du * np.sin(angle) + dv * np.cos(angle),
        )

    # Nearest and second nearest center among the 5 x 5 cells round each pixel's own.
    margin = 16
    cells = SIZE // int(tile) * 2 + 2 * margin
    jitter = random.uniform(-0.24, 0.24, (cells, cells, 2)).astype(np.float32)
    shade = random.normal(0, 13, (cells, cells, 3)).astype(np.float32)
    grey = random.normal(0, 16, (cells, cells, 1)).astype(np.float32)
    column, row = np.floor(u / tile).astype(int), np.floor(v / tile).astype(int)
    first = np.full(x.shape, np.inf, np.float32)
    second = first.copy()
    nearest_row, nearest_column = row.copy(), column.copy()
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            r, c = row + dy, column + dx
            offset = jitter[(r + margin) % cells, (c + margin) % cells]
            # Chebyshev-like distance gives four-sided stones.
            across, along = u / tile - c - 0.5 - offset[..., 0], v / tile - r - 0.5 - offset[..., 1]
            distance = (np.abs(across) ** 4 + np.abs(along) ** 4) ** 0.25
            is_nearer = distance < first
            second = np.where(is_nearer, first, np.minimum(second, distance))
            nearest_row, nearest_column = (
                np.where(is_nearer, r, nearest_row),
                np.where(is_nearer, c, nearest_column),
            )
            first = np.minimum(first, distance)

    # One color a stone, from bands of the swirling field at the stone's center.
    center_u = (nearest_column + 0.5) * tile
    center_v = (nearest_row + 0.5) * tile
    field = np.sin(center_u / 150 + 1.3 * np.sin(center_v / 210)) + np.sin(
        center_v / 170 + 1.7 * np.cos(center_u / 260)
    )
    stone = ((nearest_row + margin) % cells, (nearest_column + margin) % cells)
    band = ((field + 2) / 4 * 2 * len(MOSAIC_PALETTE) + 0.7 * jitter[stone][..., 0]).astype(int)
    color = MOSAIC_PALETTE[band % len(MOSAIC_PALETTE)] + shade[stone] + grey[stone]

    gap = second - first  # in units of a tile; 0 in the middle of the mortar
    relief = 1 + 0.10 * np.clip(0.5 - first, -0.5, 0.5)[..., None]
    is_stone = np.clip((gap - 0.10) / 0.07, 0, 1)[..., None]
    mortar = np.array((52, 46, 44), np.float32)
    pixels = is_stone * color * relief + (1 - is_stone) * mortar
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


# Bold poster colors, dark to light, of the triangles.
TRIANGLE_PALETTE = np.array(
    [
        (18, 22, 60), (44, 30, 120), (110, 34, 140), (196, 36, 110), (240, 76, 70), (250, 140, 50),
        (252, 200, 80), (250, 236, 190), (110, 210, 200), (20, 150, 170), (14, 84, 130),
    ],
    dtype=np.float32,
)  # fmt: skip


def triangle(seed: int = 2, cell: int = 64) -> Image.Image:
    """Low-poly facets: a jittered lattice cut into triangles, each of one bold shade.

    Args:
        seed: Of the jitter, the cuts and the shades.
        cell: Spacing of the lattice in pixels.
    """
    random = np.random.default_rng(seed)
    scale = 2  # drawn larger, scaled down: smooth edges
    count = SIZE // cell + 3
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count)), axis=-1).astype(np.float32) - 1
    corners = (grid + random.uniform(-0.38, 0.38, grid.shape)) * cell * scale
    image = Image.new("RGB", (SIZE * scale, SIZE * scale))
    draw = ImageDraw.Draw(image)
    for row in range(count - 1):
        for column in range(count - 1):
            a, b = corners[row, column], corners[row, column + 1]
            c, d = corners[row + 1, column], corners[row + 1, column + 1]
            halves = ((a, b, c), (b, d, c)) if random.random() < 0.5 else ((a, b, d), (a, d, c))
            for points in halves:
                x, y = np.mean(points, axis=0) / (SIZE * scale)
                field = (
                    0.5 + 0.32 * np.sin(5.2 * x + 1.8 * np.sin(4.1 * y)) + 0.22 * np.cos(6.3 * y - 2.7 * x)
                )
                place = (field * 1.5 * len(TRIANGLE_PALETTE) + random.normal(0, 0.5)) % len(TRIANGLE_PALETTE)
                shade = TRIANGLE_PALETTE[int(place)] * random.uniform(0.78, 1.12) + random.normal(0, 8)
                color = tuple(int(value) for value in np.clip(shade, 0, 255))
                draw.polygon([tuple(point) for point in points], fill=color)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def flame(seed: int = 8, rounds: int = 400) -> Image.Image:
    """A fractal flame: chaos game of nonlinear maps, log density, colors by the last map.

    Args:
        seed: Of the maps.
        rounds: Iterations of 100,000 points.
    Source: Draves and Reckase (2008), "The fractal flame algorithm".
    """
    random = np.random.default_rng(seed)
    maps = [
        (random.uniform(-1, 1, (2, 2)), random.uniform(-0.9, 0.9, 2), variation, hue)
        for variation, hue in zip(
            ("swirl", "spherical", "sinusoidal", "horseshoe"), (0.0, 0.35, 0.7, 1.0), strict=True
        )
    ]
    points = random.uniform(-1, 1, (100_000, 2))
    hue = random.uniform(0, 1, len(points))
    density, color = np.zeros(SIZE * SIZE), np.zeros(SIZE * SIZE)
    for turn in range(rounds):
        choice = random.integers(0, len(maps), len(points))
        for number, (matrix, offset, variation, own_hue) in enumerate(maps):
            chosen = choice == number
            moved = points[chosen] @ matrix.T + offset
            points[chosen] = _vary(moved, variation)
            hue[chosen] = (hue[chosen] + own_hue) / 2
        if turn < 20:
            continue  # not yet on the attractor
        place = np.floor((points * 0.55 + 0.5) * SIZE).astype(int)
        inside = ((place >= 0) & (place < SIZE)).all(1)
        index = place[inside, 1] * SIZE + place[inside, 0]
        density += np.bincount(index, minlength=SIZE * SIZE)
        color += np.bincount(index, weights=hue[inside], minlength=SIZE * SIZE)
    mean_hue = (color / np.maximum(density, 1)).reshape(SIZE, SIZE)
    brightness = np.log1p(density).reshape(SIZE, SIZE)
    brightness = (brightness / np.quantile(brightness, 0.995)).clip(0, 1) ** 0.9
    stops = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    tones = np.array(
        [(40, 60, 200), (150, 40, 190), (240, 50, 60), (255, 140, 30), (255, 220, 90), (120, 240, 230)]
    )
    glow = np.stack([np.interp(mean_hue, stops, tones[:, channel]) for channel in range(3)], axis=-1)
    pixels = np.array((6, 5, 14)) * (1 - brightness[..., None]) + glow * brightness[..., None]
    pixels += 110 * (brightness[..., None] ** 6)  # white hot where it is densest
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _vary(points: np.ndarray, variation: str) -> np.ndarray:
    x, y = points.T
    square = x * x + y * y + 1e-9
    if variation == "swirl":
        return np.stack([x * np.sin(square) - y * np.cos(square), x * np.cos(square) + y * np.sin(square)], 1)
    if variation == "spherical":
        return points / square[:, None]
    if variation == "horseshoe":
        return np.stack([(x - y) * (x + y), 2 * x * y], 1) / np.sqrt(square)[:, None]
    return np.sin(points)


GLASS_PALETTE = np.array(
    [
        (16, 40, 140), (30, 90, 200), (90, 170, 230), (150, 20, 40), (214, 40, 50), (240, 150, 30),
        (250, 214, 90), (20, 110, 70), (90, 180, 90), (110, 40, 130), (236, 232, 214),
    ],
    dtype=np.float32,
)  # fmt: skip


def stained_glass(seed: int = 4, panes: int = 260) -> Image.Image:
    """Panes of clear color, streaked and lit from behind, between dark leads.

    Args:
        seed: Of the panes and their colors.
        panes: Number of panes.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    # Panes bend along slow waves, so that leads curve.
    u = x + 26 * np.sin(y / 95 + 1) + 14 * np.sin(x / 60)
    v = y + 26 * np.sin(x / 110) + 14 * np.cos(y / 70)
    centers = random.uniform(-40, SIZE + 40, (panes, 2)).astype(np.float32)
    distances = np.full((2, SIZE, SIZE), np.inf, np.float32)
    nearest = np.zeros((SIZE, SIZE), int)
    for number, (center_x, center_y) in enumerate(centers):
        distance = np.hypot(u - center_x, v - center_y)
        is_nearer = distance < distances[0]
        distances[1] = np.where(is_nearer, distances[0], np.minimum(distances[1], distance))
        nearest[is_nearer] = number
        distances[0] = np.where(is_nearer, distance, distances[0])
    color = GLASS_PALETTE[random.integers(0, len(GLASS_PALETTE), panes)][nearest]
    streaks = np.sin(0.05 * u + 3 * np.sin(v / 40) + 2.4 * nearest) * np.sin(0.021 * v + 1.7 * nearest)
    light = (0.95 + 0.16 * streaks - 0.0035 * distances[0].clip(0, 90))[..., None]
    lead = np.clip((distances[1] - distances[0] - 5) / 3, 0, 1)[..., None]
    pixels = lead * color * light + (1 - lead) * np.array((22, 20, 24), np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


MARBLING_PALETTE = np.array(
    [
        (18, 38, 66),
        (36, 96, 128),
        (238, 226, 204),
        (196, 76, 52),
        (232, 178, 92),
        (246, 240, 228),
        (70, 132, 128),
    ],
    dtype=np.float32,
)


def marbling(seed: int = 1) -> Image.Image:
    """Marbled paper: rings of ink on water, drawn out by a comb.

    Args:
        seed: Of the drops.
    Source: Lu, Jaffer, Jin, Zhao and Mao (2012), "Mathematical marbling": drops and tines as
        maps of the plane, here run backwards from each pixel.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    for _ in range(14):  # tines, at any angle
        angle, shift = random.uniform(0, np.pi), random.uniform(0.2, 0.8) * SIZE
        across_x, across_y = -np.sin(angle), np.cos(angle)
        distance = np.abs((x - SIZE / 2) * across_x + (y - SIZE / 2) * across_y + SIZE / 2 - shift)
        pull = random.choice([-1, 1]) * random.uniform(60, 150) * 0.5 ** (distance / random.uniform(20, 60))
        x, y = x - pull * np.cos(angle), y - pull * np.sin(angle)
    drops = []
    for _ in range(420):
        center = random.uniform(-0.1, 1.1, 2) * SIZE
        drops.append((*center, random.uniform(24, 66), random.integers(0, len(MARBLING_PALETTE))))
    color = np.broadcast_to(MARBLING_PALETTE[0], (SIZE * SIZE, 3)).copy()
    bare = np.arange(SIZE * SIZE)  # pixels that no drop has colored yet
    x, y = x.ravel(), y.ravel()
    for center_x, center_y, radius, ink in reversed(drops):  # the last drop lies on top
        dx, dy = x - center_x, y - center_y
        square = dx * dx + dy * dy
        is_inside = square < radius**2
        color[bare[is_inside]] = MARBLING_PALETTE[ink]
        bare, dx, dy, square = (part[~is_inside] for part in (bare, dx, dy, square))
        shrink = np.sqrt(np.maximum(0, 1 - radius**2 / np.maximum(square, 1e-9)))
        x, y = center_x + dx * shrink, center_y + dy * shrink
    color = color.reshape(SIZE, SIZE, 3)
    image = Image.fromarray(np.clip(color, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.8))  # inks bleed a little


PICTURES = {
    "mosaic": mosaic,
    "triangle": triangle,
    "flame": flame,
    "stained_glass": stained_glass,
    "marbling": marbling,
}


@dataclass(frozen=True)
class Detail:
    """The part of a painting that gives a style.

    Attributes:
        scan: File name.
        box: Left, top, right and bottom as parts of width and height.
        hue: Turn of the colors in degrees.
        saturation: Factor of the colors' strength.
        contrast: Factor of the distance from the mean brightness.
        black_point: Level, 0 to 255, that becomes black, and all below it.
    """

    scan: str
    box: tuple[float, float, float, float] = (0.02, 0.02, 0.98, 0.98)
    hue: float = 0.0
    saturation: float = 1.0
    contrast: float = 1.0
    black_point: int = 0


DETAILS = {
    "starry_night": Detail("van_gogh_starry_night.jpg", (0.09, 0.04, 0.92, 0.87)),
    # The whole print's spray becomes a lattice of rings; Mount Fuji's part does not.
    "the_wave": Detail("hokusai_great_wave.jpg", (0.47, 0.41, 1.0, 1.0)),
    "the_scream": Detail("munch_the_scream_painting.jpg", (0.02, 0.02, 0.925, 0.98)),
    # The whole painting gives a dull yellow: its fire alone, embers red, smoke and boats black.
    "fire": Detail(
        "turner_burning_of_the_houses_of_parliament_16x9.jpg",
        (0.1, 0.02, 0.58, 0.95),
        hue=-10.0,
        saturation=1.5,
        contrast=1.6,
        black_point=30,
    ),
    # The print's dark browns become black.
    "gold_black": Detail(
        "klimt_adele_bloch_bauer.jpg", (0.3, 0.25, 0.98, 0.98), saturation=0.85, contrast=1.7, black_point=50
    ),
    # Teal becomes rose, white petals stay white.
    "pink": Detail("van_gogh_almond_blossom.jpg", hue=145.0, saturation=1.5, contrast=1.2),
    "landscape": Detail("van_gogh_wheat_field_with_cypresses.jpg"),
    # Seen whole, the rain is as fine as the network's grid, and falls along it.
    "rain": Detail("hiroshige_sudden_shower_over_shin_ohashi_trimmed.jpg", (0.02, 0.2, 0.82, 0.75)),
    "pointillism": Detail("seurat_a_sunday_on_la_grande_jatte.jpg", (0.05, 0.3, 0.6, 0.95)),
    "composition": Detail("kandinsky_composition_vii.jpg"),
    "four_trees": Detail("schiele_four_trees.jpg", contrast=1.4),
    "parnassum": Detail("klee_ad_parnassum.jpg"),
    "red_fuji": Detail("hokusai_red_fuji.jpg", (0.12, 0.06, 0.95, 0.94)),
    "ink": Detail(
        "huang_gongwang_dwelling_in_the_fuchun_mountains.jpg", (0.22, 0.05, 0.9, 0.95), contrast=1.3
    ),
    "water_lilies": Detail("monet_water_lilies.jpg", saturation=1.2, contrast=1.5),
    "tesserae": Detail("delaunay_portrait_de_metzinger.jpg", (0.02, 0.02, 0.98, 0.7)),
    "cubism": Detail("mondrian_composition_1913_grey_yellow.jpg", (0.12, 0.12, 0.88, 0.88)),
    "pastel": Detail("degas_blue_dancers.jpg"),
}


def cut_out(detail: Detail, scans: Path) -> Image.Image:
    """The detail of a painting.

    Raises:
        ImageError: The scan is missing or unreadable.
    """
    image = load_image(scans / detail.scan).convert("RGB")
    image = image.crop(
        tuple(round(part * length) for part, length in zip(detail.box, image.size * 2, strict=True))
    )
    if detail.hue:
        hue, saturation, value = image.convert("HSV").split()
        hue = hue.point(lambda shade: round(shade + detail.hue / 360 * 256) % 256)
        image = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    image = ImageEnhance.Color(image).enhance(detail.saturation)
    image = ImageEnhance.Contrast(image).enhance(detail.contrast)
    return image.point(lambda level: round((level - detail.black_point) * 255 / (255 - detail.black_point)))


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
