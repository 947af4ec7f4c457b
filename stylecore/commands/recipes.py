"""Recipes: the settings of a painting, which the app saves and `optimize` reads."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from stylecore.commands.console import UsageError
from stylecore.commands.matching import BRUSHED, PARTS
from stylecore.optimization.config import OptimizationConfig


def read_recipe(path: Path) -> dict:
    """Reads a recipe.

    Returns:
        `config`, the settings by field; `shares` of the style pictures; `stopped_at`, the last step of a run
        that was stopped early, else None; `regions`, how they were found, else None.
    Raises:
        UsageError: The file is no recipe, or its settings cannot be used.
    """
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
        config = {name: tuple(v) if isinstance(v, list) else v for name, v in recipe["config"].items()}
        weights = [style["weight"] for style in recipe["styles"]]
        stopped_at, regions = recipe.get("stopped_at"), recipe.get("regions")
        if not weights:
            raise ValueError("it names no style picture")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a recipe that the app saved: {error}") from error
    kinds = {field.name: field.type for field in fields(OptimizationConfig)}
    if unknown := config.keys() - kinds.keys():
        raise UsageError(f"{path} has unknown settings: {', '.join(sorted(unknown))}")
    wrong = [f"{name} {value!r}" for name, value in config.items() if not _fits(value, kinds[name])]
    wrong += [f"weight {weight!r}" for weight in weights if not _fits(weight, "float")]
    if not _fits(stopped_at, "int | None"):
        wrong.append(f"stopped_at {stopped_at!r}")
    if regions not in (None, *PARTS, BRUSHED):
        wrong.append(f"regions {regions!r}")
    if wrong:
        raise UsageError(f"{path} has unusable settings: {', '.join(wrong)}")
    return {"config": config, "shares": weights, "stopped_at": stopped_at, "regions": regions}


def _fits(value: object, kind: str) -> bool:
    """Whether a value has the type that a field's annotation names; an int is a float, too."""
    if kind.endswith(" | None"):
        return value is None or _fits(value, kind.removesuffix(" | None"))
    if kind.startswith("tuple["):
        item = kind.removeprefix("tuple[").removesuffix(", ...]")
        return isinstance(value, tuple) and all(_fits(part, item) for part in value)
    return type(value).__name__ in (("float", "int") if kind == "float" else (kind,))
