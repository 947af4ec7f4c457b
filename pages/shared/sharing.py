"""A button that shares a picture with other apps (Web Share), where the browser can share files."""

from __future__ import annotations

import base64
from collections.abc import Callable

import streamlit as st

from pages.shared.visit import visit

# The icon is Material's `share`.
HTML = """
<button type="button"><svg viewBox="0 -960 960 960" aria-hidden="true"><path d="M680-80q-50 0-85-35t-35-85
q0-6 3-28L282-392q-16 15-37 23.5t-45 8.5q-50 0-85-35t-35-85q0-50 35-85t85-35q24 0 45 8.5t37 23.5l281-164
q-2-7-2.5-13.5T560-760q0-50 35-85t85-35q50 0 85 35t35 85q0 50-35 85t-85 35q-24 0-45-8.5T598-672L317-508
q2 7 2.5 13.5t.5 14.5q0 8-.5 14.5T317-452l281 164q16-15 37-23.5t45-8.5q50 0 85 35t35 85q0 50-35 85
t-85 35Z"/></svg><span></span></button>
"""
CSS = """
button { display: inline-flex; align-items: center; gap: 0.5rem; min-height: 2.5rem; padding: 0.25rem 0.75rem;
         border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
         background: var(--st-background-color); color: var(--st-text-color); white-space: nowrap;
         font: 400 0.875rem/1.6 var(--st-font); cursor: pointer; }
button:is(:hover, :focus-visible) { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
button:disabled { opacity: 0.6; cursor: default; }
svg { width: 1.25rem; height: 1.25rem; fill: currentColor; }
"""
# Browsers share only within some seconds after a tap. If making the file takes longer, the label changes
# and a second tap shares it.
JS = """
let lastShared = 0; // number of the request; a component that is built anew gets the file once more

export default function ({ data, parentElement, setTriggerValue }) {
  const button = parentElement.querySelector('button');
  const label = button.querySelector('span');
  const asFile = (bytes) => new File(bytes, data.fileName, { type: data.mime });
  const canShare = Boolean(navigator.canShare?.({ files: [asFile(['-'])] }));
  (parentElement.host ?? parentElement).closest('.stElementContainer').style.display = canShare ? '' : 'none';
  if (!canShare) return;

  const show = (text, isBusy) => { label.textContent = text; button.disabled = isBusy; };
  const share = async () => {
    show('Share', true);
    try {
      await navigator.share({ files: [button.file] });
    } catch (error) {
      if (error.name === 'NotAllowedError') return show('Ready: share now', false);
      if (error.name !== 'AbortError') throw error;
    }
    show('Share', false);
  };
  if (button.version !== data.version) {
    button.version = data.version;
    button.file = null;
    show('Share', false);
  }
  if (data.file && !button.file && data.request > lastShared) {
    lastShared = data.request;
    button.file = asFile([Uint8Array.from(atob(data.file), (character) => character.charCodeAt(0))]);
    share();
  }
  button.onclick = () => {
    if (button.file) return share();
    show('Preparing ...', true);
    setTriggerValue('asked', true);
  };
}
"""

_button = st.components.v2.component("share_file", html=HTML, css=CSS, js=JS)


def offer_share(make: Callable[[], bytes], *, file_name: str, mime: str, version: str, key: str) -> None:
    """Show a button that shares a file; it is hidden if the browser cannot share files.

    Args:
        make: Returns the file; called after the tap.
        file_name: Name of the file.
        mime: MIME type of the file.
        version: Text that changes when the file would.
        key: Key of the widget.
    """

    def ask() -> None:
        visit().asked_share = version
        visit().share_requests += 1

    file = None
    if visit().asked_share == version:
        try:
            file = base64.b64encode(make()).decode()
        except Exception:
            visit().asked_share = ""  # otherwise every later script run would fail too
            raise
    _button(
        data={
            "fileName": file_name,
            "mime": mime,
            "version": version,
            "file": file,
            "request": visit().share_requests,
        },
        on_asked_change=ask,
        width="content",
        key=key,
    )
    if file is not None:
        visit().asked_share = ""  # only now: a script run that is interrupted earlier has sent no file
