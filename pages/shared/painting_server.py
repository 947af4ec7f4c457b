"""The painting server of this app, if its host has one (`impasto serve`)."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import streamlit as st
from PIL import Image

from pages.shared.where import EVERYTHING
from stylecore.errors import ServerError
from stylecore.serving.client import SERVER_VARIABLE, TOKEN_VARIABLE, PaintingServer
from stylecore.serving.painting_request import Painted, PaintSettings

if TYPE_CHECKING:
    from pages.shared.painting import Look

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


@cache
def painting_server() -> PaintingServer | None:
    """The server that paints for all visitors; None where this process paints.

    Raises:
        ValueError: `IMPASTO_SERVER` is no address.
    """
    url = os.environ.get(SERVER_VARIABLE, "")
    try:
        return PaintingServer(url, os.environ.get(TOKEN_VARIABLE, "")) if url else None
    except ValueError as error:
        raise ValueError(f"{SERVER_VARIABLE}: {error}") from error


def served_picture(
    image: Image.Image, look: Look, *, fine: bool = True
) -> tuple[Image.Image, Painted] | None:
    """A picture painted by the server, and how; None where this process has to paint, see `_ask`."""
    return _ask(look, lambda server: server.stylize(image, dict(look.styles), _settings(look, fine=fine)))


def served_file(photo: bytes, look: Look, file_format: str) -> bytes | None:
    """A photo painted by the server in its own size, encoded; None where this process has to paint."""
    styles, settings = dict(look.styles), _settings(look)
    painted = _ask(look, lambda server: server.paint(photo, styles, settings, file_format.lower()))
    return None if painted is None else painted.picture


def away_note(look: Look) -> str:
    """A sentence for a painting that this process made because the server did not; else empty."""
    if not _is_served(look):
        return ""
    return "The painting server did not answer, so this app painted by itself"


def _ask(look: Look, paint: Callable[[PaintingServer], Result]) -> Result | None:
    """What `paint` does on the server; None for parts of pictures, without a server, and if it cannot now."""
    if not _is_served(look):
        return None
    try:
        return paint(painting_server())
    except ServerError as error:
        logger.warning("this process paints instead: %s", error)
        return None


def _is_served(look: Look) -> bool:
    """Whether a look is painted on the server, if it answers."""
    is_whole = look.where.part == EVERYTHING and not look.where.keeps_faces
    return is_whole and painting_server() is not None


def _settings(look: Look, *, fine: bool = True) -> PaintSettings:
    return PaintSettings(look.strength, look.preserve_color, look.stroke_scale, fine=fine)


def show_if_away() -> None:
    """Show that this process paints for now, while the server is away."""
    server = painting_server()
    if server is not None and server.is_away:
        st.info(
            "The painting server does not answer, so this app paints by itself for now. It may take longer.",
            icon=":material/cloud_off:",
        )
