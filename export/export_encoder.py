"""Export a trained style encoder and its network to `weights/encoder.onnx` and `weights/general.onnx`.

    python -m export.export_encoder runs/any/any.pt

Both are written only if they agree with torch. VGG19's weights are read from `weights/vgg19.safetensors`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch

from stylecore.commands.console import BAD_INPUT, FAILED, fail
from stylecore.errors import CheckpointError, StyleTransferError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.instant.encoder import VGG19
from stylecore.instant.stylizer import open_session
from stylecore.learning.encoder_network import EncoderNetwork, style_statistics
from stylecore.learning.networks import StyledNetwork, TransformerNetwork
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.features import Vgg19Features
from stylecore.styles.catalog import ENCODER_MODEL, GENERAL_MODEL

try:
    from export.encoder_graph import build_encoder
    from export.export_onnx import write_model
except ModuleNotFoundError as error:
    raise SystemExit(f"this needs {error.name}: pip install -r requirements-dev.txt") from error

PARITY_SIZES = ((32, 32), (33, 47), (64, 301), (256, 256), (512, 341))  # (height, width)
PARITY_LIMIT = 1e-3  # largest difference of the rows, as a share of their largest value
TRUNK = "net."  # of the names of the painting network's weights in a checkpoint
ROWS = (".scale", ".shift")  # endings of weights that the rows replace
FACTS = ("channels", "hidden", "content", "shift", "head_rate", "trunk_rate", "sizes", "seed")
UPSAMPLING = {4: "linear", 3: "nearest"}  # by the side of the last convolution's weights


def export_encoder(checkpoint: Path, folder: Path) -> float:
    """Write both networks and their records into a folder.

    Args:
        checkpoint: torch file with `model`, the averaged weights by name, and `step`, `crops` and `settings`
            of the training.
        folder: Where to write; `vgg19.safetensors` must lie there.
    Returns:
        The largest difference between the rows of torch and ONNX Runtime, as a share of the largest row.
    Raises:
        CheckpointError: The checkpoint cannot be read.
        WeightsError: ONNX Runtime and torch differ, or VGG19's weights are damaged.
    """
    check_weights_file(folder / VGG19)
    network, encoder, training = read_encoder(checkpoint)
    styled = StyledNetwork(network, 1).eval().requires_grad_(False)
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
    general = {"contents": "Network for the rows of encoder.onnx", "training": training}
    made_for = {VGG19: sha256_of(folder / VGG19), GENERAL_MODEL: sha256_of(folder / GENERAL_MODEL)}
    write_record(folder / GENERAL_MODEL, general)
    write_record(path, {"contents": "Style picture to rows of general.onnx", "made_for": made_for})
    return difference


def read_encoder(path: Path) -> tuple[TransformerNetwork, EncoderNetwork, dict]:
    """The painting network, the encoder, and the facts of the training, from a checkpoint.

    Raises:
        CheckpointError: The file is missing, damaged, or not of the expected form.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        weights = {name: value.float() for name, value in saved["model"].items()}
        trunk = {name.removeprefix(TRUNK): value for name, value in weights.items() if name.startswith(TRUNK)}
        trunk = {name: value for name, value in trunk.items() if not name.endswith(ROWS)}
        network = TransformerNetwork(
            channels=len(trunk["stem.conv.weight"]),
            blocks=len({name.split(".")[1] for name in trunk if name.startswith("blocks.")}),
            upsampling=UPSAMPLING[trunk["out.conv.weight"].shape[-1]],
        )
        network.load_state_dict(trunk)
        hidden, inputs = weights["mlp.0.weight"].shape
        encoder = EncoderNetwork(inputs, hidden, sum(network.row_sizes))
        encoder.load_state_dict(
            {name: value for name, value in weights.items() if not name.startswith(TRUNK)}
        )
        settings = {key: value for key, value in saved["settings"].items() if key in FACTS}
        training = {"step": saved["step"], "crops": saved["crops"], **settings}
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except Exception as error:  # torch.load raises many types, from EOFError to UnpicklingError
        raise CheckpointError(f"{path} is not a checkpoint of a style encoder: {error}") from error
    return network.eval().requires_grad_(False), encoder.eval().requires_grad_(False), training


@torch.no_grad()
def encoder_parity(encoder: EncoderNetwork, path: Path) -> float:
    """Largest difference of the rows between torch and ONNX Runtime, as a share of the largest row."""
    session, vgg = open_session(path, "cpu"), Vgg19Features(STYLE_LAYERS, weights=path.with_name(VGG19))
    random = np.random.default_rng(0)
    largest = 0.0
    for height, width in PARITY_SIZES:
        picture = random.random((1, 3, height, width), dtype=np.float32)
        picture[..., : width // 2] *= random.random((1, 3, 1, 1), dtype=np.float32)
        (found,) = session.run(None, {"picture": picture})
        expected = encoder(style_statistics(vgg, torch.from_numpy(picture))).numpy()
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
