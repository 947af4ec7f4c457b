"""The widget that asks for a picture: an upload, or one of the samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.shared.pictures import Sample
from stylecore.images import PHOTO_EXTENSIONS


@dataclass(frozen=True)
class Choice:
    """A picture that the visitor chose.

    Attributes:
        data: The encoded file, unchecked.
        name: File name without its ending, for naming downloads.
    """

    data: bytes
    name: str


def choose_picture(label: str, samples: Mapping[str, Sample], *, key: str) -> Choice:
    """An uploader beside a row of samples; the first sample is chosen until the visitor acts.

    Args:
        label: Above the uploader.
        samples: Sample pictures by name.
        key: Prefix of the widgets' keys.
    """
    state = st.session_state
    sample_key, round_key = f"{key}_sample", f"{key}_round"
    state.setdefault(sample_key, next(iter(samples)))
    state.setdefault(round_key, 0)

    def choose_sample(name: str) -> None:
        state[sample_key] = name
        state[round_key] += 1  # a fresh uploader, emptied

    upload = st.file_uploader(
        label,
        type=[extension[1:] for extension in PHOTO_EXTENSIONS],
        key=f"{key}_{state[round_key]}",
    )
    with st.grid(max(4, len(samples)), min_column_width=72, wrap=False, gap="xsmall"):
        for name, sample in samples.items():
            with st.container(gap="xxsmall"):
                st.image(sample.thumbnail.read_bytes(), width="stretch", alt=f"Sample: {sample.title}")
                is_chosen = upload is None and state[sample_key] == name
                st.button(
                    sample.title,
                    key=f"{key}_sample_{name}",
                    type="primary" if is_chosen else "secondary",
                    width="stretch",
                    on_click=choose_sample,
                    args=(name,),
                )
    if upload is not None:
        return Choice(upload.getvalue(), Path(upload.name).stem)
    name = state[sample_key]
    return Choice(samples[name].path.read_bytes(), name)
