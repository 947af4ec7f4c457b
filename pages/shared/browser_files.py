"""The files that the visitor's browser loads to paint by itself: scripts, ONNX Runtime and networks."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.shared.browser_networks import kept_network
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.styles.catalog import list_models
from stylecore.styles.style import GENERAL_MODEL

FOLDER = Path(__file__).parent / "browser"
BINARY = "application/octet-stream"
YEAR_S = 365 * 24 * 3600
TYPES = {".mjs": "text/javascript", ".wasm": "application/wasm", ".md": "text/plain", ".txt": "text/plain"}


def browser_routes() -> list[Route]:
    """Routes of the scripts, of ONNX Runtime, and of the painting networks, those of own styles included.

    The address has a version, so that browsers can keep the files; scripts find each other in one folder.
    """
    prefix = st.get_option("server.baseUrlPath").strip("/")
    return [Route(f"/{prefix}/browser/{{version}}/{{name}}".replace("//", "/"), _serve)]


def browser_folder() -> str:
    """Address of the files' folder relative to the address of any page of the app."""
    return f"browser/{_version()}/"


@cache
def _files() -> dict[str, Path]:
    """Files by the name in their address; those that end with `.gz` are compressed."""
    files = {path.name.removesuffix(".gz"): path for path in FOLDER.iterdir()}
    return files | {model: WEIGHTS_FOLDER / model for model in (*list_models(), GENERAL_MODEL)}


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for name, path in sorted(_files().items()):
        digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _compressed(path: Path) -> bytes:
    data = path.read_bytes()
    return data if path.suffix == ".gz" else gzip.compress(data)


def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    if (network := kept_network(name)) is not None:
        headers = {"Cache-Control": f"private, max-age={YEAR_S}, immutable"}
        return Response(network, headers=headers, media_type=BINARY)
    path = _files().get(name)
    if path is None:
        return Response(status_code=404)
    body = _compressed(path)
    is_current = request.path_params["version"] == _version()
    headers = {
        "Cache-Control": f"public, max-age={YEAR_S}, immutable" if is_current else "no-store",
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    kind = TYPES.get(Path(name).suffix, BINARY)
    return Response(body, headers=headers, media_type=kind)
