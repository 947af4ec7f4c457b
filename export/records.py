"""Records of the exported networks in `styles.json`, and their scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

from stylecore.errors import WeightsError
from stylecore.learning.config import TrainingConfig

CATALOG_FILE = Path(__file__).with_name("catalog.json")
NEEDED = ("title", "artist", "year", "credit", "license")  # of each style in the catalog


def read_catalog(styles: Collection[str]) -> dict[str, dict]:
    """Read the catalog.

    Args:
        styles: Names that need a complete entry.
    Raises:
        WeightsError: An entry or a part of it is missing.
    """
    catalog = json.loads(CATALOG_FILE.read_text(encoding="utf-8"))
    if lacking := [name for name in styles if not catalog.get(name, {}).keys() >= set(NEEDED)]:
        raise WeightsError(f"{', '.join(lacking)}: {', '.join(NEEDED)} are needed in {CATALOG_FILE.name}")
    return catalog


def read_records(styles_file: Path) -> dict[str, dict]:
    """Records by style name; empty if there is no file."""
    if not styles_file.exists():
        return {}
    return {record["name"]: record for record in json.loads(styles_file.read_text(encoding="utf-8"))}


def write_records(records: Mapping[str, dict], catalog: Mapping[str, dict], styles_file: Path) -> None:
    """Write the records in the order of the catalog."""
    ordered = [records[name] for name in catalog if name in records]
    styles_file.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def check_entry(records: Mapping[str, dict], styles: Collection[str], model: str, *, fine: bool) -> None:
    """Check that a network can be entered.

    Raises:
        WeightsError: The file name is that of a network of the other width, or a style of a fine network
            has no record.
    """
    if model in {_of_width(record, not fine).get("model") for record in records.values()}:
        raise WeightsError(f"{model} is a {'fast' if fine else 'fine'} network already: choose another name")
    if fine and (missing := [name for name in styles if name not in records]):
        raise WeightsError(f"{', '.join(missing)}: a style's fast network is exported before its fine one")


def kept_styles(records: Mapping[str, dict], config: TrainingConfig, model: str, *, fine: bool) -> set[str]:
    """Styles of other networks that had no turn in this training: their records stay."""
    models = {name: _of_width(record, fine).get("model") for name, record in records.items()}
    return {
        name
        for name, former in models.items()
        if config.style_turns.get(name) == 0 and former not in (None, model)
    }


def with_network(
    records: Mapping[str, dict],
    networks: Mapping[str, dict],
    catalog: Mapping[str, dict],
    model: str,
    *,
    fine: bool,
) -> dict[str, dict]:
    """Records with a network entered for its styles, and removed from styles that it no longer has.

    Args:
        records: Former records by style name.
        networks: See `network_records`; without scores, those of the same file and rows are kept.
        catalog: Title, artist and so on by style name.
        model: File name of the network.
        fine: Enter it as the wider network.
    """
    entered = {
        name: _without_model(record, model, fine=fine) if name not in networks else record
        for name, record in records.items()
    }
    for name, network in networks.items():
        former = records.get(name, {})
        same_width = _of_width(former, fine)
        if all(same_width.get(key) == network[key] for key in ("sha256", "rows_sha256")):
            network = network | {"scores": network["scores"] or same_width.get("scores")}
        if fine:
            entered[name] = former | {"fine": network}
        else:
            other = {"fine": former["fine"]} if "fine" in former else {}
            entered[name] = {"name": name, **catalog[name], **network, **other}
    return {name: record for name, record in entered.items() if record}


def _of_width(record: dict, fine: bool) -> dict:
    """The part of a style's record about its fast or its fine network."""
    return record.get("fine", {}) if fine else record


def _without_model(record: dict, model: str, *, fine: bool) -> dict:
    """A record without the network of this file name; empty if it was the fast one."""
    if _of_width(record, fine).get("model") != model:
        return record
    return {key: value for key, value in record.items() if key != "fine"} if fine else {}


def network_records(checkpoint: dict, model: str, sha256: str, scores: dict[str, dict]) -> dict[str, dict]:
    """Records of a network for each of its styles, by name."""
    config = checkpoint["config"]
    of_record = {"steps", "style_size", "content_factors", "style_turns"}  # recorded under other names
    settings = {key: value for key, value in asdict(config).items() if key not in of_record}
    return {
        name: {
            "model": model,
            "sha256": sha256,
            "rows_sha256": hashlib.sha256(rows.numpy().tobytes()).hexdigest(),
            "stroke_size": config.style_size,
            "training": {
                "stage": "last stage that trained the convolutions; MODEL_CARD.md describes it",
                "steps": checkpoint["step"],
                "hours": round(checkpoint["elapsed_s"] / 3600, 2),
                **settings,
                "content_weight": config.content_weight * config.content_factors.get(name, 1.0),
                "style_turns": config.style_turns.get(name, 1),
            },
            "scores": scores.get(name),
        }
        for name, rows in zip(checkpoint["styles"], checkpoint["averaged"]["rows"], strict=True)
    }


def read_report(path: Path) -> dict:
    """Read the output of `stylecore evaluate --json`.

    Raises:
        ValueError: The file cannot be read, or is not such a report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(report, dict) or not report.keys() >= {"photos", "side", "styles"}:
        raise ValueError(f"{path} does not hold what `stylecore evaluate --json` prints")
    return report


def style_scores(report: dict, references: dict | None = None) -> dict[str, dict]:
    """Scores by style name, as the records hold them.

    Args:
        report: Report of `stylecore evaluate`.
        references: Another report whose optimized photos replace those of the first.
    """
    scores = {
        name: {"photos": len(report["photos"]), "side": report["side"]} | record
        for name, record in report["styles"].items()
    }
    source = references or report
    for name, record in source["styles"].items():
        if name in scores and "optimization" in record:
            scores[name].pop("network_same_photos", None)
            scores[name]["optimization"] = {
                "photos": source["reference_photos"],
                "steps": source["reference_steps"],
                **record["optimization"],
                "network": record["network_same_photos"],
            }
    return scores
