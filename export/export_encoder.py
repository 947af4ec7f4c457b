"""Export a trained style encoder and its network to `weights/encoder.onnx` and `weights/general.onnx`.

    python -m export.export_encoder runs/general/checkpoint.pt

Both are written only if they agree with torch. VGG19's weights are read from `weights/vgg19.safetensors`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from stylecore.commands.console import BAD_INPUT, FAILED, fail
from stylecore.errors import StyleTransferError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.instant.encoder import VGG19
from stylecore.instant.sessions import open_session
from stylecore.learning.checkpoints import load_general_network, read_general_checkpoint
from stylecore.learning.encoder import StyleEncoder, StyleStatistics
from stylecore.learning.networks import StyledNetwork
from stylecore.styles.records import ENCODER_MODEL
from stylecore.styles.style import GENERAL_MODEL

try:
    from export.encoder_graph import build_encoder
    from export.export_onnx import write_model
except ModuleNotFoundError as error:
    raise SystemExit(f"this needs {error.name}: pip install -r requirements-dev.txt") from error

PARITY_SIZES = ((32, 32), (33, 47), (64, 301), (256, 256), (512, 341))  # (height, width)
PARITY_LIMIT = 1e-3  # largest difference of the rows, as a share of their largest value


def export_encoder(checkpoint: Path, folder: Path) -> float:
    """Write both networks and their records into a folder.

    Args:
        checkpoint: Of `impasto train --any-style`.
        folder: Where to write; `vgg19.safetensors` must lie there.
    Returns:
        The largest difference between the rows of torch and ONNX Runtime, as a share of the largest row.
    Raises:
        CheckpointError: The checkpoint cannot be read, or is not one of a general network.
        WeightsError: ONNX Runtime and torch differ, or VGG19's weights are damaged.
    """
    check_weights_file(folder / VGG19)
    saved = read_general_checkpoint(checkpoint)
    general = load_general_network(saved)
    encoder, config = general.encoder, saved["config"]
    styled = StyledNetwork(general.network, 1).eval().requires_grad_(False)
    styled.rows.copy_(encoder.base)  # of the mean style
    write_model(styled, folder / GENERAL_MODEL)
    path = folder / ENCODER_MODEL
    partial = path.with_suffix(".partial.onnx")
    partial.write_bytes(build_encoder(encoder, folder / VGG19).SerializeToString())
    difference = encoder_parity(encoder, partial)
    if not difference <= PARITY_LIMIT:
        partial.unlink()
        raise WeightsError(
            f"the rows of torch and ONNX Runtime differ by {difference:.5f}: {PARITY_LIMIT} is accepted"
        )
    partial.replace(path)
    training = {"step": saved["step"], "crops": saved["step"] * config.batch_size, **asdict(config)}
    made_for = {VGG19: sha256_of(folder / VGG19), GENERAL_MODEL: sha256_of(folder / GENERAL_MODEL)}
    contents = "Network for the rows of encoder.onnx"
    write_record(folder / GENERAL_MODEL, {"contents": contents, "training": training})
    write_record(path, {"contents": "Style picture to rows of general.onnx", "made_for": made_for})
    return difference


@torch.no_grad()
def encoder_parity(encoder: StyleEncoder, path: Path) -> float:
    """Largest difference of the rows between torch and ONNX Runtime, as a share of the largest row."""
    session, statistics = open_session(path, "cpu"), StyleStatistics(path.with_name(VGG19))
    random = np.random.default_rng(0)
    largest = 0.0
    for height, width in PARITY_SIZES:
        picture = random.random((1, 3, height, width), dtype=np.float32)
        picture[..., : width // 2] *= random.random((1, 3, 1, 1), dtype=np.float32)
        (found,) = session.run(None, {"picture": picture})
        expected = encoder(statistics(torch.from_numpy(picture))).numpy()
        difference = np.abs(found - expected).max() / np.abs(expected).max()
        largest = float(np.maximum(largest, difference))  # nan stays
    return largest


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_record(path: Path, facts: dict) -> None:
    """Write the `.json` of a file in `weights/`, with its SHA-256."""
    record = json.dumps({**facts, "sha256": sha256_of(path)}, indent=2)
    path.with_suffix(".json").write_text(record + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Export, and return the exit status: 1 for networks that cannot be exported, 2 for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    options = parser.parse_args(arguments)
    try:
        difference = export_encoder(options.checkpoint, WEIGHTS_FOLDER)
    except StyleTransferError as error:
        return fail(error, FAILED if isinstance(error, WeightsError) else BAD_INPUT)
    size = (WEIGHTS_FOLDER / ENCODER_MODEL).stat().st_size / 1e6
    print(f"{ENCODER_MODEL}: {size:.2f} MB, at most {difference:.1e} of the largest row from torch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
