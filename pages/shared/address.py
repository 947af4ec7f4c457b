"""The page's address, which keeps its settings: a link opens them again, a reload loses none.

It is read once, when the visitor comes, and written over as settings change: a page is one entry of the
browser's history, and Back leads to the page before. Streamlit's own binding of widgets to the address
writes an entry for each of them, and goes back to their defaults on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from pages.shared.streamlit_workarounds import keep_one_history_entry
from pages.shared.visit import visit

Value = TypeVar("Value")


def read_address() -> None:
    """Before anything of a page: what a link asks for is there."""
    visit().page_settings = {}
    keep_one_history_entry()


def write_address() -> None:
    """Behind the last setting of a page: its address has those that differ from their defaults.

    Those of other pages are among them, so that a reload there loses none either. What is no setting,
    such as a host's own, stays.
    """
    written = {name: st.query_params.get_all(name) for name in st.query_params}
    others = {name: texts for name, texts in written.items() if name not in visit().first_settings}
    if written != (settings := others | visit().address_settings | visit().page_settings):
        st.query_params.from_dict(settings)


def asked_for(name: str) -> list[str]:
    """What the address said of a setting when the visitor came, for the first who asks."""
    visit().first_settings.setdefault(name, None)
    return visit().asked_for.pop(name, [])


def put(name: str, text: str) -> None:
    """Have something in this page's address, and in no other's."""
    visit().page_settings[name] = [text]


def forget(name: str) -> None:
    """Have a setting in the address no more, whose widget is not there now."""
    visit().address_settings.pop(name, None)


def keep_choice(
    name: str, default: Value, titles: Mapping[Value, str], *, current: Value | None = None
) -> Value:
    """Have the address keep the choice of a widget with this key, under its title.

    All such functions come before the widget, and return what it begins with: the default, or what the
    address asked for. What it asks for and there is not is passed over.

    Args:
        name: Of the setting, and key of the widget.
        default: What the address need not say.
        titles: The choices with their titles.
        current: What is chosen now, where no widget has that key.
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
    """The same for the choices of a widget that takes several, at most `limit`, none by default."""
    values = _by_text(titles)

    def read(texts: Sequence[str]) -> list[Value]:
        found = [values[text] for text in map(_plain, texts) if text in values]
        return list(dict.fromkeys(found))[:limit]

    return _keep(name, [], read=read, write=lambda chosen: [titles[value] for value in chosen])


def keep_number(name: str, default: int, *, least: int, most: int) -> int:
    """The same for a slider of whole numbers."""
    return _keep(
        name,
        default,
        read=lambda texts: min(max(int(texts[-1]), least), most),
        write=lambda value: [str(value)],
    )


def keep_switch(name: str) -> bool:
    """The same for a toggle, off by default."""
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
