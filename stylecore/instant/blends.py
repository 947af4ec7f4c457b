"""Blends: styles with weights, and what they have in common."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import reduce

import numpy as np

from stylecore.errors import StyleError
from stylecore.instant.compositing import StyleChoice
from stylecore.instant.encoder import with_rows
from stylecore.styles.catalog import get_style
from stylecore.styles.style import Style, network_name


def resolve_styles(style: StyleChoice) -> dict[Style, float]:
    """Styles with weights that sum to 1.

    Raises:
        StyleError: A name that does not exist, no style at all, or weights that are negative,
            not finite, or all zero.
    """
    weights: dict[str | Style, float] = {style: 1.0} if isinstance(style, str | Style) else {**style}
    records: dict[Style, float] = defaultdict(float)
    try:
        for chosen, weight in weights.items():
            records[chosen if isinstance(chosen, Style) else get_style(str(chosen))] += float(weight)
    except (TypeError, ValueError, OverflowError) as error:
        raise StyleError(f"a blend needs numbers as weights, got {_named(weights)}") from error
    total = sum(records.values())
    if not records or not all(weight >= 0 for weight in records.values()) or not 0 < total < math.inf:
        raise StyleError(f"a blend needs weights of at least 0 with a sum above 0, got {_named(weights)}")
    return {record: weight / total for record, weight in records.items() if weight > 0}


def parts_of(style: StyleChoice) -> dict[Style, float]:
    """Styles that can be painted, with weights that sum to 1; raises as `resolve_styles` and `with_rows`."""
    parts: dict[Style, float] = defaultdict(float)
    for part, weight in resolve_styles(style).items():
        parts[with_rows(part)] += weight
    return parts


def titles_of(styles: Iterable[Style]) -> str:
    """The titles of styles, for messages."""
    return ", ".join(style.title or style.name for style in styles)


def learned_stroke_size(parts: Mapping[Style, float], *, fine: bool) -> float:
    """Stroke size that paints a picture at its own size; of a blend the mean by weight, in pixels."""
    return sum(weight * style.learned_stroke_size(fine=fine) for style, weight in parts.items())


def mean_rows(model: str, weights: Mapping[Style, float], length: int) -> np.ndarray:
    """Mean by weight of the rows of styles, float32 of shape (length,).

    Raises:
        StyleError: Rows of another length.
    """
    rows = [style.rows[network_name(model)] for style in weights]
    if wrong := [values.shape for values in rows if values.shape != (length,)]:
        raise StyleError(f"the rows of a style are of shape {wrong[0]}: {model} needs ({length},)")
    share = sum(weights.values())
    weighted = zip(rows, weights.values(), strict=True)
    return reduce(np.add, [values * np.float32(weight / share) for values, weight in weighted])


def _named(weights: Mapping[str | Style, float]) -> dict:
    """Weights by name, for messages."""
    return {style.name if isinstance(style, Style) else style: weight for style, weight in weights.items()}
