"""Style files and networks of other projects that a visitor brings along, as styles."""

from __future__ import annotations

import threading
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared.own_styles import add_style, clean_title
from pages.shared.pictures import plain, sentence
from pages.shared.visit import visit
from stylecore import MissingExtraError, Style, StyleTransferError, load_style_file
from stylecore.instant.importing import import_style
from stylecore.styles.files import STYLE_FILE_ENDING

ENDINGS = [STYLE_FILE_ENDING[1:], "t7", "pth", "model", "onnx"]
MAX_MEGABYTES = 50  # the networks that people share have 7 to 20 MB

# One file at a time: memory does not grow with the number of visitors.
_reading_turn = threading.Lock()


def bring_style() -> None:
    """Show the uploader for style files and networks; one that can be read becomes a style of the visit."""
    place = st.container()
    upload = st.file_uploader(
        "Bring a style file or a network",
        type=ENDINGS,
        key=f"bring_{visit().brought}",
        max_upload_size=MAX_MEGABYTES,
        help="A style that you downloaded here (.impasto), or a painting network of others: .t7 of "
        "fast-neural-style, .pth or .model of PyTorch's examples, .onnx. Nothing in the file is run.",
    )
    if upload is not None:
        visit().bring_notice = _bring(upload)
        visit().brought += 1  # a new, empty uploader
        st.rerun()
    if visit().bring_notice:
        place.warning(visit().bring_notice)


def _bring(upload: UploadedFile) -> str:
    """Read a file as an own style and show it on the page; returns what there is to say about it."""
    try:
        with st.spinner("Reading the style ..."), _reading_turn:
            style = add_style(read_style(upload.name, upload.getvalue()))
    except MissingExtraError as error:
        return f"{plain(upload.name)}: {sentence(error)} Style files (.impasto) work without it."
    except StyleTransferError as error:
        return f"{plain(upload.name)}: {sentence(error)}"
    visit().shown_style = style.name
    return plain(style.notice)


def read_style(file_name: str, data: bytes) -> Style:
    """Read a style file, or import a network.

    Raises:
        StyleError: The file cannot be used; the message says why.
        MissingExtraError: Importing needs packages that are not installed.
    """
    path = Path(file_name)
    if path.suffix.lower() == STYLE_FILE_ENDING:
        return load_style_file(data)
    return import_style(data, title=clean_title(path.stem))
