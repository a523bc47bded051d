"""The elements of MathML that formulas are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from verify.html.elements import Child, Html, element, markup

NAME = re.compile(r"([A-Za-z]+)_([0-9]+)")


def identifier(name: str) -> Html:
    """A variable's name: ``W_1`` with an index, what is no letter upright."""
    match = NAME.fullmatch(name)
    if match:
        return element("msub", element("mi", match[1]), element("mn", match[2]))
    return element("mi", name) if name.isalnum() else element("mtext", name)


def number(value: Fraction) -> Html:
    """An exact rational that is not negative, as an integer or a fraction."""
    over, under = (element("mn", str(part)) for part in value.as_integer_ratio())
    return over if value.denominator == 1 else element("mfrac", over, under)


def row(*parts: Child) -> Html:
    """Parts side by side."""
    return element("mrow", *parts)


def operator(sign: str) -> Html:
    """A sign between, before or around formulas."""
    return element("mo", sign)


def around(before: str, inside: Child, after: str) -> Html:
    """A formula between brackets or bars, which grow with it."""
    return row(
        element("mo", before, form="prefix", stretchy="true"),
        inside,
        element("mo", after, form="postfix", stretchy="true"),
    )


def applied(name: str, argument: Child) -> Html:
    """A named function of an argument in parentheses."""
    return row(element("mi", name), operator("\u2061"), around("(", argument, ")"))


def grid(rows: Iterable[Iterable[Child]]) -> Html:
    """A matrix in brackets."""
    cells = [element("mtr", *(element("mtd", cell) for cell in one)) for one in rows]
    return around("[", element("mtable", *cells), "]")


def math(*parts: Child) -> Html:
    """A formula of its own, drawn in display style; text among the parts is set as text."""
    shown = [element("mtext", part) if type(part) is str else part for part in parts]
    return element("math", markup(shown), display="block")
