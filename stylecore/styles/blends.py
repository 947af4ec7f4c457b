"""Blends of styles as text: `NAME`, or `NAME:0.6,NAME:0.4`."""

from __future__ import annotations

from stylecore.errors import StyleError


def parse_blend(text: str) -> dict[str, float]:
    """Read a blend as weights by name; a name alone has the weight 1.

    Raises:
        StyleError: Another form.
    """
    weights = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            raise StyleError(f"{weight!r} is not a number, use NAME:0.6,NAME:0.4") from None
        if not name or name in weights:
            raise StyleError("use NAME, or different names as NAME:0.6,NAME:0.4")
        weights[name] = value
    return weights


def format_blend(weights: dict[str, float]) -> str:
    """Write weights by name as `parse_blend` reads them."""
    return ",".join(f"{name}:{weight!r}" for name, weight in weights.items())
