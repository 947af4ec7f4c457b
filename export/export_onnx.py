"""Turn a training checkpoint into `weights/*.onnx` and its records in `weights/styles.json`.

    python -m export.export_onnx runs/first/checkpoint.pt --model painter.onnx
    python -m export.export_onnx runs/first/checkpoint.pt runs/further/checkpoint.pt --model mean.onnx

The graph is that of `export.graph`; it is kept only if it paints as torch does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from stylecore.commands.console import BAD_INPUT, FAILED, fail
from stylecore.errors import StyleTransferError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant.stylizer import open_session
from stylecore.learning.checkpoints import load_network, read_checkpoint, write_checkpoint
from stylecore.learning.networks import TransformerNetwork
from stylecore.measuring.style_targets import STYLE_TARGETS, pack_gram
from stylecore.perception.tensor_files import read_tensors, write_tensors
from stylecore.styles.catalog import STYLES_FILE

try:
    import onnx

    from export.graph import build_model
except ModuleNotFoundError as error:
    raise SystemExit(f"this needs {error.name}: pip install -r requirements-dev.txt") from error

CATALOG_FILE = Path(__file__).with_name("catalog.json")
PARITY_SIZES = ((32, 32), (33, 47), (64, 301), (256, 256), (511, 385), (64, 1100))  # (height, width)
PARITY_LIMIT = 1 / 255


@torch.no_grad()
def parity(network: TransformerNetwork, path: Path) -> float:
    """Largest difference between torch and ONNX Runtime over several sizes and style mixes."""
    session = open_session(path, "cpu")
    random = np.random.default_rng(0)
    largest = 0.0
    for i, (height, width) in enumerate(PARITY_SIZES):
        image = random.random((1, 3, height, width), dtype=np.float32)
        mix = np.eye(network.styles, dtype=np.float32)[i % network.styles]
        if i == len(PARITY_SIZES) - 1:
            mix = np.full(network.styles, 1 / network.styles, np.float32)
        (found,) = session.run(None, {"image": image, "style_weights": mix})
        expected = network(torch.from_numpy(image), torch.from_numpy(mix)[None]).numpy()
        if found.shape != expected.shape:
            raise WeightsError(f"{path.name} gives {found.shape} for {image.shape}")
        largest = float(np.maximum(largest, np.abs(found - expected).max()))  # nan stays
    return largest


def mean_checkpoint(paths: Sequence[Path]) -> dict:
    """The last checkpoint, its network the mean of all: one that went on from another often reads better so.

    Raises:
        CheckpointError: One cannot be read.
        WeightsError: They are of different styles or shapes.
    Source: Wortsman et al. (2022), Model soups.
    """
    checkpoints = [read_checkpoint(path) for path in paths]
    last = checkpoints[-1]
    for path, other in zip(paths, checkpoints, strict=True):
        shapes = [{name: t.shape for name, t in found["averaged"].items()} for found in (other, last)]
        if other["styles"] != last["styles"] or shapes[0] != shapes[1]:
            raise WeightsError(f"{path} and {paths[-1]} have different styles or shapes: no mean of both")
    weights = {
        name: torch.stack([other["averaged"][name] for other in checkpoints]).mean(0)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in last["averaged"].items()
    }
    return last | {"averaged": weights}


def export(
    checkpoint_paths: Sequence[Path],
    model_path: Path,
    styles_file: Path,
    *,
    scores: dict[str, dict] | None = None,
    fine: bool = False,
) -> float:
    """Write the network and its style records.

    Args:
        checkpoint_paths: Made by `stylecore train`, or trunks that earlier exports left; of several
            the mean, see `mean_checkpoint`.
        model_path: ONNX file to write.
        styles_file: Its records of other networks stay.
        scores: By style name, see `style_scores`. Without them those of the very same network stay.
        fine: Enter it as the wider network of styles that have records already.
    Returns:
        The largest difference between torch and ONNX Runtime.
    Raises:
        WeightsError: The two differ by more than 1/255, the catalog lacks a style or a part of it, a fine
            network has a style without a record, or the file is that of a network of the other width.
    """
    checkpoint = mean_checkpoint(checkpoint_paths)
    network = load_network(checkpoint)
    catalog = json.loads(CATALOG_FILE.read_text(encoding="utf-8"))
    needed = ("title", "artist", "year", "credit", "license")
    if lacking := [name for name in checkpoint["styles"] if not catalog.get(name, {}).keys() >= set(needed)]:
        raise WeightsError(f"{', '.join(lacking)}: {', '.join(needed)} are needed in {CATALOG_FILE.name}")
    records = {record["name"]: record for record in read_records(styles_file)}
    former_models = {name: _of_width(record, fine).get("model") for name, record in records.items()}
    if model_path.name in {_of_width(record, not fine).get("model") for record in records.values()}:
        raise WeightsError(
            f"{model_path.name} is a {'fast' if fine else 'fine'} network already: choose another name"
        )
    if fine and (missing := [name for name in checkpoint["styles"] if name not in records]):
        raise WeightsError(f"{', '.join(missing)}: a style's fast network is exported before its fine one")
    partial = model_path.with_suffix(".partial.onnx")
    onnx.save(build_model(network), partial)
    difference = parity(network, partial)
    if not difference <= PARITY_LIMIT:
        partial.unlink()
        raise WeightsError(
            f"torch and ONNX Runtime differ by {difference * 255:.2f}/255, at most 1/255 is accepted"
        )
    partial.replace(model_path)
    write_trunk(checkpoint, model_path.with_suffix(".pt"))
    # Styles of other networks that had no turn: they stay, whatever picture stood for them.
    turns = checkpoint["config"].style_turns
    kept = {
        name
        for name, model in former_models.items()
        if turns.get(name) == 0 and model not in (None, model_path.name)
    }
    if "targets" in checkpoint:  # not in a trunk that `write_trunk` wrote: its targets are there already
        write_targets(checkpoint, styles_file.with_name(STYLE_TARGETS.name), kept=kept)

    sha256 = hashlib.sha256(model_path.read_bytes()).hexdigest()
    networks = network_records(checkpoint, model_path.name, sha256, scores or {})
    networks = {name: network for name, network in networks.items() if name not in kept}
    for name in records.keys() - networks.keys():  # styles that this network paints no more
        if not fine and records[name]["model"] == model_path.name:
            del records[name]
        elif fine and records[name].get("fine", {}).get("model") == model_path.name:
            del records[name]["fine"]
    for name, network in networks.items():
        former = records.get(name, {})
        same_width = _of_width(former, fine)
        if same_width.get("sha256") == sha256:
            network["scores"] = network["scores"] or same_width.get("scores")
        if fine:
            former["fine"] = network
        else:
            beside = {"fine": former["fine"]} if "fine" in former else {}
            records[name] = {"name": name, **catalog[name], **network, **beside}
    ordered = [records[name] for name in catalog if name in records]
    styles_file.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return difference


def _of_width(record: dict, fine: bool) -> dict:
    """The part of a style's record that tells of its fast or of its fine network."""
    return record.get("fine", {}) if fine else record


def network_records(checkpoint: dict, model: str, sha256: str, scores: dict[str, dict]) -> dict[str, dict]:
    """What `styles.json` says of a network, for each of its styles by name."""
    config = checkpoint["config"]
    of_record = {"steps", "style_size", "content_factors", "style_turns"}  # said in other words
    settings = {key: value for key, value in asdict(config).items() if key not in of_record}
    return {
        name: {
            "model": model,
            "index": index,
            "sha256": sha256,
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
        for index, name in enumerate(checkpoint["styles"])
    }


def read_records(styles_file: Path) -> list[dict]:
    return json.loads(styles_file.read_text(encoding="utf-8")) if styles_file.exists() else []


def read_report(path: Path) -> dict:
    """What `stylecore evaluate --json` printed.

    Raises:
        ValueError: The file cannot be read, or is none of these.
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
        report: Of `stylecore evaluate`.
        references: Another one, with optimized photos, in place of those of the first.
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


def write_trunk(checkpoint: dict, path: Path) -> None:
    """The trained network alone, some hundred KB, for `stylecore train --init` on further styles."""
    kept = {key: checkpoint[key] for key in ("averaged", "styles", "step", "elapsed_s")}
    write_checkpoint(path, kept | {"config": asdict(checkpoint["config"])})


def write_targets(checkpoint: dict, path: Path, *, kept: Collection[str] = ()) -> None:
    """Add the Gram matrices of the checkpoint's styles to the file that the evaluation reads.

    What is there already stays when it differs by rounding alone, as from one CPU to another, and that of
    the styles `kept`.
    """
    tensors = read_tensors(path) if path.exists() else {}
    changed = {}
    for layer, grams in checkpoint["targets"].items():
        for name, gram in zip(checkpoint["styles"], grams, strict=True):
            key, packed = f"{name}.{layer}", pack_gram(gram.cpu())
            if name in kept and key in tensors:
                continue
            known = tensors.get(key, torch.zeros_like(packed)).float()
            if (known - packed.float()).abs().max() > 1e-3 * packed.float().abs().max():
                changed[key] = packed
    if changed:
        contents = "Gram matrices of the style pictures, upper triangles times channels, float16"
        write_tensors(path, tensors | changed, {"contents": contents})


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, 1 for a network that cannot be exported, 2 for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", type=Path, nargs="+", metavar="CHECKPOINT")
    parser.add_argument("--model", required=True, metavar="FILE", help="file name in weights/")
    parser.add_argument(
        "--fine", action="store_true", help="the wider network of styles that are there already"
    )
    parser.add_argument("--scores", type=Path, help="JSON of `stylecore evaluate --json`")
    parser.add_argument("--references", type=Path, help="another one, with optimized photos")
    options = parser.parse_args(arguments)
    path = WEIGHTS_FOLDER / options.model
    try:
        if path.parent != WEIGHTS_FOLDER or path.suffix != ".onnx":
            raise ValueError(f"--model {options.model}: a name in weights/ is needed, such as mine.onnx")
        report, references = (
            read_report(path) if path else None for path in (options.scores, options.references)
        )
        scores = style_scores(report, references) if report else None
        difference = export(options.checkpoints, path, STYLES_FILE, scores=scores, fine=options.fine)
    except (StyleTransferError, ValueError) as error:
        return fail(error, FAILED if isinstance(error, WeightsError) else BAD_INPUT)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, at most {difference * 255:.4f}/255 from torch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
