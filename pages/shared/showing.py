"""The painted photo beside the photo, who is to be credited, and the ways to take it home."""

from __future__ import annotations

import streamlit as st

from pages.shared.choosing import Choice
from pages.shared.comparing import compare
from pages.shared.painting import DOWNLOAD_FORMATS, Look, full_size, preview
from pages.shared.pictures import short_title
from stylecore import ImageError, StyleTransferError
from stylecore.styles import get_style


def show_painting(photo: Choice, look: Look) -> None:
    """Paint a photo and show it; what cannot be painted is answered and ends the page's run."""
    titles = " and ".join(short_title(name) for name, share in look.styles if share)
    try:
        result = preview(photo.data, look)
    except ImageError as error:
        st.error(f"{error}. Choose another photo above.", icon=":material/image_not_supported:")
        st.stop()
    except StyleTransferError as error:
        st.error(f"{error}. Please tell whoever runs this app.", icon=":material/error:")
        st.stop()
    compare(
        result.original,
        result.painted,
        before_alt="Your photo as it was",
        after_alt=f"Your photo painted like {titles}",
        key="compare",
    )
    st.caption(f"Painted: {titles}")
    width, height = result.size
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file_format = st.segmented_control(
            "File",
            list(DOWNLOAD_FORMATS),
            default="PNG",
            required=True,
            key="file_format",
            help="PNG keeps every pixel; JPEG and WebP are smaller and quicker to send.",
            persist_state="session",
        )
        ending, mime = DOWNLOAD_FORMATS[file_format]
        st.download_button(
            f"Download in full size ({width} x {height})",
            data=lambda: full_size(photo.data, look, file_format),
            file_name=f"{photo.name}_{look.name}.{ending}",
            mime=mime,
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            key="download",
        )
    st.caption(
        f"Painted in {result.milliseconds} ms on {result.device}. "
        "The address of this page keeps the look: send it to a friend."
    )
    for name, share in look.styles:
        if share:
            style = get_style(name)
            st.caption(
                f"{short_title(name)}: {style.title}, {style.artist}, {style.year}. "
                f"{style.credit}. {style.license}."
            )
