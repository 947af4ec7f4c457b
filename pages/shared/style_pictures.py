"""The visitor's style pictures: their shares, and the one style that they are encoded as."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Sequence

import streamlit as st

from pages.shared.choosing import Choice, say_unusable
from pages.shared.own_styles import clean_title
from pages.shared.painting import read_photo
from pages.shared.pictures import mixture, sample_title
from stylecore import Style, StyleTransferError, encode_style
from stylecore.host.byte_cache import ByteCache
from stylecore.host.sizes import held_bytes
from stylecore.styles.mixing import mix_styles

MAX_MIXED = 4  # pictures that one style may mix

STYLE_BYTES = 16_000_000  # of all kept styles, some hundred

# One picture at a time: memory does not grow with the number of visitors.
_encoding_turn = threading.Lock()
_styles: ByteCache[Style] = ByteCache(STYLE_BYTES, held_bytes)


def choose_shares(pictures: Sequence[Choice]) -> tuple[float, ...]:
    """Show a slider for the share of each of several style pictures."""
    if len(pictures) == 1:
        return (1.0,)
    titles = [sample_title(picture.name) for picture in pictures]
    weights = tuple(
        st.slider(f"Share of {title}", 0, 100, 50, key=key, persist_state="session") / 100
        for title, key in zip(titles, _share_keys(pictures), strict=True)
    )
    if not any(weights):
        st.warning("All shares are 0: the pictures are mixed equally.")
        weights = (1.0,) * len(pictures)
    st.caption(f"Mixed: {mixture(titles, weights)}")
    return weights


def encode_pictures(pictures: Sequence[Choice], weights: Sequence[float]) -> Style | None:
    """Encode style pictures as one style; shows the reason and returns None if one is unusable."""
    styles = []
    for picture in pictures:
        try:
            styles.append(_encoded(picture.data, clean_title(sample_title(picture.name))))
        except StyleTransferError as error:
            say_unusable(error, f"style picture instead of {picture.file_name}")
            return None
    return styles[0] if len(styles) == 1 else _mixed(tuple(styles), tuple(weights))


def _encoded(data: bytes, title: str) -> Style:
    key = hashlib.sha256(data).digest(), title
    if (kept := _styles.get(key)) is not None:
        return kept
    with st.spinner("Looking at the style ..."), _encoding_turn:
        return _styles.keep(key, encode_style(read_photo(data), title=title))


def _mixed(styles: tuple[Style, ...], weights: tuple[float, ...]) -> Style:
    key = tuple(style.sha256 for style in styles), weights
    return _styles.get(key) or _styles.keep(key, _mix(styles, weights))


def _mix(styles: tuple[Style, ...], weights: tuple[float, ...]) -> Style:
    shares = dict.fromkeys(styles, 0.0)  # a picture may be there twice
    for style, weight in zip(styles, weights, strict=True):
        shares[style] += weight
    title = " and ".join(style.title for style, share in shares.items() if share)
    return mix_styles(shares, title=clean_title(title))


def _share_keys(pictures: Sequence[Choice]) -> list[str]:
    """Keys of the share sliders, by picture, so that a share stays with its picture."""
    checksums = [zlib.crc32(picture.data) for picture in pictures]
    return [
        f"share_{checksum}_{checksums[:place].count(checksum)}" for place, checksum in enumerate(checksums)
    ]
