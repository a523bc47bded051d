"""Elements of a page. A string is text and is escaped; only what ``element`` made is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import TypeAlias

VOID = ("br", "input", "meta")
"""Elements without an end tag."""


BRACED = r"\{(?:[^{}]|\{[^{}]*\})+\}"
SCRIPT = re.compile(
    r"(?:(?<![a-z]{2})|(?<=min)|(?<=max)|(?<=root))(?:(?<=[^\W\d_]|[*'‖)\]∇∏\u0300-\u036f])|(?<=NC\d))"
    rf"_(?P<low>{BRACED}|[A-Za-z]+(?![\w])|[A-Za-z]+(?=[^\x00-\x7f])|\d+|[^\W_a-zA-Z]|(?<=[‖)]_)[*+])"
    rf"|(?<=[^\s_^({{\[])\^(?P<high>{BRACED}|\d+|[^\W\d_])"
)
"""An index or an exponent behind a letter or a bracket: in braces, or a word, a number or a letter."""


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
    """Text in which code stands between backticks, and has indices and exponents elsewhere.

    >>> markup(prose("x_k^{1/2} where ``a_1 < b``"))
    'x<sub>k</sub><sup>1/2</sup> where <code>a_1 &lt; b</code>'
    """
    parts = re.split(r"`{1,2}([^`]+)`{1,2}", text)
    return [element("code", part) if i % 2 else _typeset(part) for i, part in enumerate(parts)]


def scripts(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a text: ``sub`` or ``sup`` and what is written there, without its braces; else an empty name.

    Names of programs such as some_name, and what has no base, are left as they are.

    >>> list(scripts("‖Z_{L−1}‖_op^2"))
    [('', '‖Z'), ('sub', 'L−1'), ('', '‖'), ('sub', 'op'), ('sup', '2')]
    >>> list(scripts("some_name _ ^"))
    [('', 'some_name _ ^')]
    """
    end = 0
    for found in SCRIPT.finditer(text):
        if found.start() > end:
            yield "", text[end : found.start()]
        low, high = found["low"], found["high"]
        yield ("sub", _bare(low)) if low else ("sup", _bare(high))
        end = found.end()
    if text[end:]:
        yield "", text[end:]


def _bare(script: str) -> str:
    return script[1:-1] if script.startswith("{") else script


def _typeset(text: str) -> list[Child]:
    return [element(tag, _typeset(part)) if tag else part for tag, part in scripts(text)]


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
