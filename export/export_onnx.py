"""Export training checkpoints to `weights/*.onnx`, `weights/rows.safetensors` and `weights/styles.json`.

    python -m export.export_onnx runs/first/checkpoint.pt --model painter.onnx
    python -m export.export_onnx runs/first/checkpoint.pt runs/further/checkpoint.pt --model mean.onnx

The graph is built by `export.graph`, and written only if it agrees with torch.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from export.records import (
    check_entry,
    kept_styles,
    network_records,
    read_catalog,
    read_records,
    read_report,
    style_scores,
    with_network,
    write_records,
)
from stylecore.commands.console import BAD_INPUT, FAILED, fail
from stylecore.errors import StyleTransferError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant.sessions import open_session
from stylecore.learning.checkpoints import load_network, read_checkpoint, write_checkpoint
from stylecore.learning.networks import NOISE_SIDE, STRIDE, StyledNetwork
from stylecore.measuring.style_targets import STYLE_TARGETS, pack_gram
from stylecore.perception.tensor_files import read_tensors, write_tensors
from stylecore.styles.catalog import ROWS_FILE
from stylecore.styles.records import STYLES_FILE
from stylecore.styles.style import network_name

try:
    import onnx

    from export.graph import build_model
except ModuleNotFoundError as error:
    raise SystemExit(f"this needs {error.name}: pip install -r requirements-dev.txt") from error

PARITY_SIZES = ((32, 32), (33, 47), (64, 301), (256, 256), (511, 385), (64, 1100))  # (height, width)
PARITY_LIMIT = 1 / 255


def export(
    checkpoint_paths: Sequence[Path],
    model_path: Path,
    styles_file: Path,
    *,
    scores: dict[str, dict] | None = None,
    fine: bool = False,
) -> float:
    """Write the network, and the rows, targets and records of its styles.

    Args:
        checkpoint_paths: Checkpoints of `stylecore train`, or trunks of earlier exports; of several
            the mean is exported, see `mean_checkpoint`.
        model_path: ONNX file to write.
        styles_file: `styles.json`; records of other networks stay, as their rows in `rows.safetensors`
            in the same folder do.
        scores: By style name, see `style_scores`; without them, scores of the same file and rows are kept.
        fine: Enter the network as the wider one of styles that have records already.
    Returns:
        The largest difference between torch and ONNX Runtime.
    Raises:
        WeightsError: The two differ by more than 1/255, the catalog lacks a style or a part of it, a style
            of a fine network has no record, or the file is that of a network of the other width.
    """
    checkpoint = mean_checkpoint(checkpoint_paths)
    styles, config, model = checkpoint["styles"], checkpoint["config"], model_path.name
    catalog = read_catalog(styles)
    records = read_records(styles_file)
    check_entry(records, styles, model, fine=fine)
    difference = write_model(load_network(checkpoint), model_path)
    write_trunk(checkpoint, model_path.with_suffix(".pt"))
    kept = kept_styles(records, config, model, fine=fine)
    if "targets" in checkpoint:  # trunks have none: an earlier export wrote their targets
        write_targets(checkpoint, styles_file.with_name(STYLE_TARGETS.name), kept=kept)
    sha256 = hashlib.sha256(model_path.read_bytes()).hexdigest()
    networks = network_records(checkpoint, model, sha256, scores or {})
    networks = {name: network for name, network in networks.items() if name not in kept}
    records = with_network(records, networks, catalog, model, fine=fine)
    write_rows(checkpoint, records, model, styles_file.with_name(ROWS_FILE.name))
    write_records(records, catalog, styles_file)
    return difference


def write_model(network: StyledNetwork, path: Path) -> float:
    """Write the ONNX file if it agrees with torch, and return the largest difference."""
    partial = path.with_suffix(".partial.onnx")
    onnx.save(build_model(network.network), partial)
    difference = parity(network, partial)
    if not difference <= PARITY_LIMIT:
        partial.unlink()
        raise WeightsError(
            f"torch and ONNX Runtime differ by {difference * 255:.2f}/255, at most 1/255 is accepted"
        )
    partial.replace(path)
    return difference


def mean_checkpoint(paths: Sequence[Path]) -> dict:
    """The last checkpoint with the mean weights of all, which often has lower losses.

    Raises:
        CheckpointError: A checkpoint cannot be read.
        WeightsError: They have different styles or shapes.
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


@torch.no_grad()
def parity(network: StyledNetwork, path: Path) -> float:
    """Largest difference between torch and ONNX Runtime for several sizes, styles and noise origins.

    Each size is painted as two pictures, one in a style and one in the mean of all.
    """
    session = open_session(path, "cpu")
    random = np.random.default_rng(0)
    largest = 0.0
    for i, (height, width) in enumerate(PARITY_SIZES):
        image = random.random((2, 3, height, width), dtype=np.float32)
        rows = torch.stack([network.rows[i % len(network.rows)], network.rows.mean(0)])
        origin = (STRIDE * i, -NOISE_SIDE // 2 * i)
        feed = {"image": image, "rows": rows.numpy(), "noise_origin": np.array(origin)}
        (found,) = session.run(None, feed)
        expected = network.network(torch.from_numpy(image), rows, noise_origin=origin).numpy()
        if found.shape != expected.shape:
            raise WeightsError(f"{path.name} gives {found.shape} for {image.shape}")
        largest = float(np.maximum(largest, np.abs(found - expected).max()))  # nan stays
    return largest


def write_trunk(checkpoint: dict, path: Path) -> None:
    """Write the trained network alone, some hundred KB, for `stylecore train --init`."""
    kept = {key: checkpoint[key] for key in ("averaged", "styles", "step", "elapsed_s")}
    write_checkpoint(path, kept | {"config": asdict(checkpoint["config"])})


def write_rows(checkpoint: dict, records: Mapping[str, dict], model: str, path: Path) -> None:
    """Write the rows of all styles in the records, those for the network `model` from the checkpoint."""
    styles, rows = checkpoint["styles"], checkpoint["averaged"]["rows"]
    tensors = read_tensors(path) if path.exists() else {}
    for name, values in zip(styles, rows, strict=True):
        tensors[f"{network_name(model)}.{name}"] = values.clone()
    needed = {
        f"{network_name(part['model'])}.{name}"
        for name, record in records.items()
        for part in (record, record.get("fine"))
        if part
    }
    contents = "Rows of the ready-made styles: <network>.<style>, float32"
    write_tensors(path, {key: tensors[key] for key in tensors if key in needed}, {"contents": contents})


def write_targets(checkpoint: dict, path: Path, *, kept: Collection[str] = ()) -> None:
    """Add the Gram matrices of the checkpoint's styles to the file that the evaluation reads.

    Targets in the file stay if they differ by rounding only, as between two CPUs, or are of styles in `kept`.
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
    """Export, and return the exit status: 1 for a network that cannot be exported, 2 for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", type=Path, nargs="+", metavar="CHECKPOINT")
    parser.add_argument("--model", required=True, metavar="FILE", help="file name in weights/")
    parser.add_argument(
        "--fine", action="store_true", help="export the wider network of styles that have records"
    )
    parser.add_argument("--scores", type=Path, help="JSON of `stylecore evaluate --json`")
    parser.add_argument("--references", type=Path, help="another report, with optimized photos")
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
