"""Settings in the page's address: a link opens them again, and a reload keeps them.

The address is read once, when the visit begins, and rewritten when settings change. A page is one entry of
the browser's history, so that Back leads to the previous page. Streamlit's own binding of widgets to the
address adds an entry for each change and passes through the widgets' defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from pages.shared.streamlit_workarounds import keep_one_history_entry
from pages.shared.visit import visit

Value = TypeVar("Value")


def read_address() -> None:
    """Prepare the settings of a link; called before the first widget of a page."""
    visit().page_settings = {}
    keep_one_history_entry()


def write_address() -> None:
    """Write the settings that differ from their defaults; called after the last setting of a page.

    Settings of the other pages are included, so that a reload there keeps them too. Parameters that are no
    settings, such as those of a host, stay.
    """
    written = {name: st.query_params.get_all(name) for name in st.query_params}
    others = {name: texts for name, texts in written.items() if name not in visit().first_settings}
    if written != (settings := others | visit().address_settings | visit().page_settings):
        st.query_params.from_dict(settings)


def asked_for(name: str) -> list[str]:
    """Texts that the address had for a setting when the visit began; empty after the first call."""
    visit().first_settings.setdefault(name, None)
    return visit().asked_for.pop(name, [])


def unknown_in_address(name: str, known: Container[str]) -> list[str]:
    """Texts that a link has for a setting and that are none of its values; asked before it is kept."""
    return [text for text in visit().asked_for.get(name, []) if _plain(text) not in known]


def put(name: str, text: str) -> None:
    """Put a text into the address of this page only."""
    visit().page_settings[name] = [text]


def forget(name: str) -> None:
    """Remove a setting whose widget is not shown now from the address."""
    visit().address_settings.pop(name, None)


def keep_choice(
    name: str, default: Value, titles: Mapping[Value, str], *, current: Value | None = None
) -> Value:
    """Keep the choice of a widget in the address, under its title.

    This and the similar functions below are called before the widget and return its first value: the default,
    or the one in the address. Unknown values in the address are ignored.

    Args:
        name: Name of the setting and key of the widget.
        default: Value that is not written to the address.
        titles: The choices with their titles.
        current: The present choice, if no widget has that key.
    """
    values = _by_text(titles)
    return _keep(
        name,
        default,
        read=lambda texts: values[_plain(texts[-1])],
        write=lambda value: [titles[value]],
        current=current,
    )


def keep_choices(name: str, titles: Mapping[Value, str], *, limit: int) -> list[Value]:
    """Keep the choices of a widget that takes up to `limit`, none by default; see `keep_choice`."""
    values = _by_text(titles)

    def read(texts: Sequence[str]) -> list[Value]:
        found = [values[text] for text in map(_plain, texts) if text in values]
        return list(dict.fromkeys(found))[:limit]

    return _keep(name, [], read=read, write=lambda chosen: [titles[value] for value in chosen])


def keep_number(name: str, default: int, *, least: int, most: int) -> int:
    """Keep the number of a slider; see `keep_choice`."""
    return _keep(
        name,
        default,
        read=lambda texts: min(max(int(texts[-1]), least), most),
        write=lambda value: [str(value)],
    )


def keep_switch(name: str) -> bool:
    """Keep the state of a toggle, off by default; see `keep_choice`."""
    return _keep(name, False, read=lambda texts: texts[-1] == "true", write=lambda value: ["true"])


def _keep(
    name: str,
    default: Any,
    *,
    read: Callable[[Sequence[str]], Any],
    write: Callable[[Any], Sequence[str]],
    current: Any = None,
) -> Any:
    first = visit().first_settings
    if name not in first:
        try:
            first[name] = read(asked_for(name))
        except (LookupError, ValueError):
            first[name] = default
    value = current or st.session_state.get(name, first[name])
    forget(name)
    if value != default:
        visit().address_settings[name] = list(write(value))
    return first[name]


def _by_text(titles: Mapping[Value, str]) -> dict[str, Value]:
    return {_plain(str(text)): value for value, title in titles.items() for text in (value, title)}


def _plain(text: str) -> str:
    return text.lower().replace(" ", "_")
