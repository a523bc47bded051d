"""Families for reading, in plain text and in LaTeX.

>>> from theory.families import incidence_family as T, sqrt, vertices as r
>>> text(sqrt(r - 2) * (T @ T.T), PLAIN)
'√(r − 2) T Tᵀ'
>>> text(r / 2 * T.T, LATEX)
'\\\\frac{r}{2} T^{\\\\top}'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Notation:
    """How families are written: a template for each operation, where it is not the same in both notations."""

    templates: Mapping[str, str]
    minus: str


PLAIN = Notation(
    MappingProxyType(
        {
            "transpose": "{}ᵀ",
            "root": "√({})",
            "fraction": "{}/{}",
            "power": "{}^{}",
            "relu": "σ({})",
            "trace": "tr({})",
            "sum_squares": "‖{}‖²",
            "nuclear_norm": "‖{}‖_*",
            "chain": "[X ↦ {1}]^({2})({0})",
            "indexed": "{}_{}",
            "product": "{0}_0⋯{0}_{1}",
            "size": "{}_{}",
            "sizes": "{}_{}×{}",
            "bracket": "({})",
        }
    ),
    "−",
)

LATEX = Notation(
    MappingProxyType(
        {
            "transpose": r"{}^{{\top}}",
            "root": r"\sqrt{{{}}}",
            "fraction": r"\frac{{{}}}{{{}}}",
            "power": r"{}^{{{}}}",
            "relu": r"\sigma({})",
            "trace": r"\operatorname{{tr}}({})",
            "sum_squares": r"\lVert {} \rVert^2",
            "nuclear_norm": r"\lVert {} \rVert_*",
            "chain": r"[X \mapsto {1}]^{{{2}}}({0})",
            "indexed": r"{}_{{{}}}",
            "product": r"{0}_0 \cdots {0}_{{{1}}}",
            "size": r"{}_{{{}}}",
            "sizes": r"{}_{{{} \times {}}}",
            "bracket": r"\left({}\right)",
        }
    ),
    "-",
)

LETTERS = MappingProxyType(
    {
        "r": "r",
        "K": "K",
        "L": "L",
        "n": "n",
        "incidence": "T",
        "adjacency": "A",
        "labels": "Y",
        "hole": "X",
        "zeros": "0",
    }
)

CONSTANTS = MappingProxyType({"decays": ("λ", r"\lambda")})
"""How constants of the layers are written, where not by their name: plain and in LaTeX."""

ALONE = ("y",)
"""Constants that have no index."""

SPACES = ("1", "r", "K")

_SUM, _PRODUCT, _POWER = 1, 2, 3

_MINUS, _INVERSE, _HALF = (("number", Fraction(x)) for x in (-1, -1, Fraction(1, 2)))


def text(node: Any, notation: Notation, inside: int = 0) -> str:
    """The formula of a family; ``inside`` is how tightly what is around it binds."""
    written, binds = _written(node, notation)
    return notation.templates["bracket"].format(written) if binds < inside else written


def _is(node: Any, number: tuple[str, Fraction]) -> bool:
    return (node.op, node.data) == number


def _written(node: Any, notation: Notation) -> tuple[str, int]:
    """The formula, and how tightly its outermost operation binds."""
    if node.op in LETTERS:
        return LETTERS[node.op], _POWER + 1
    if node.op in ("identity", "ones"):
        return _constant_matrix(node, notation), _POWER + 1
    if node.op == "number":
        return _number(node.data, notation)
    if node.op == "add":
        return f"{text(node.args[0], notation, _SUM)}{_summand(node.args[1], notation)}", _SUM
    if node.op in ("scale", "matmul"):
        return _multiplied(node, notation)
    if node.op == "power":
        return _raised(node, notation)
    if node.op == "transpose":
        return notation.templates["transpose"].format(text(node.args[0], notation, _POWER)), _POWER
    if node.op == "named":
        return node.data if notation is LATEX else node.data.replace("{", "(").replace("}", ")"), _POWER + 1
    if node.op in ("indexed", "product"):
        return _of_layers(node, notation), _POWER + 1
    inner = [text(arg, notation) for arg in node.args]
    return notation.templates[node.op].format(*inner), _POWER + 1


def _of_layers(node: Any, notation: Notation) -> str:
    plain, latex = CONSTANTS.get(node.data, (node.data, node.data))
    if node.op == "indexed" and node.data in ALONE:
        return str(plain)
    index = text(node.args[0], notation, 0 if notation is LATEX else _POWER)
    return notation.templates[node.op].format(latex if notation is LATEX else plain, index)


def _constant_matrix(node: Any, notation: Notation) -> str:
    rows, columns = (SPACES[size] for size in node.space)
    name = "I" if node.op == "identity" else "J"
    if rows == columns:
        return notation.templates["size"].format(name, rows)
    return notation.templates["sizes"].format(name, rows, columns)


def _number(value: Fraction, notation: Notation) -> tuple[str, int]:
    sign, size = notation.minus if value < 0 else "", abs(value)
    shown = str(size) if size.denominator == 1 else notation.templates["fraction"].format(*size.as_integer_ratio())
    return sign + shown, _SUM if value < 0 else _POWER + 1 if size.denominator == 1 else _PRODUCT


def _multiplied(node: Any, notation: Notation) -> tuple[str, int]:
    left, right = node.args
    if node.op == "scale" and _is(left, _MINUS):
        return f"{notation.minus}{text(right, notation, _PRODUCT)}", _SUM
    if right.op == "power" and _is(right.args[1], _INVERSE):
        inside = (0, 0) if notation is LATEX else (_PRODUCT, _POWER)
        parts = (text(part, notation, binds) for part, binds in zip((left, right.args[0]), inside, strict=True))
        return notation.templates["fraction"].format(*parts), _PRODUCT
    return f"{text(left, notation, _PRODUCT)} {text(right, notation, _PRODUCT)}", _PRODUCT


def _raised(node: Any, notation: Notation) -> tuple[str, int]:
    base, exponent = node.args
    if _is(exponent, _HALF):
        return notation.templates["root"].format(text(base, notation)), _POWER + 1
    tight = 0 if notation is LATEX else _POWER + 1
    return notation.templates["power"].format(text(base, notation, _POWER + 1), text(exponent, notation, tight)), _POWER


def _summand(node: Any, notation: Notation) -> str:
    if node.op == "scale" and _is(node.args[0], _MINUS):
        return f" {notation.minus} {text(node.args[1], notation, _PRODUCT)}"
    return f" + {text(node, notation, _SUM)}"
