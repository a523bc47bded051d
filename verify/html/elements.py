"""Elements of a page. A string is text and is escaped; only what ``element`` made is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = ("br", "input", "meta")
"""Elements without an end tag."""


class Html(str):
    """Markup, put into a page as it stands."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"
"""Markup, text, nothing, or several of these."""


def element(name: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """One element; an attribute that is None or False is left out, and ``class_`` is written ``class``.

    >>> element("p", "a < b, ", element("b", "bold"), class_="note")
    '<p class="note">a &lt; b, <b>bold</b></p>'
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    return Html(f"<{name}{given}>" if name in VOID else f"<{name}{given}>{markup(children)}</{name}>")


def markup(children: Child) -> Html:
    """Children one after another, text escaped.

    >>> markup(["1 < 2", None, element("br")])
    '1 &lt; 2<br>'
    """
    if children is None or isinstance(children, Html):
        return Html(children or "")
    return Html(escape(children) if isinstance(children, str) else "".join(map(markup, children)))


def prose(text: str) -> list[Child]:
    """Text in which code stands between backticks.

    >>> markup(prose("see ``a < b``"))
    'see <code>a &lt; b</code>'
    """
    parts = re.split(r"`{1,2}([^`]+)`{1,2}", text)
    return [element("code", part) if i % 2 else part for i, part in enumerate(parts)]


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
