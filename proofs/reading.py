"""Formulas for every r and L, read in the coherent configuration of K_r (``theory.configurations``).

A matrix is a few coefficients there: functions of r, of L in exponents, and of constants of the layers. Two of them are
equal if their coefficients are, as functions (``proofs.kernel.scalars``), and a ReLU acts on coefficients whose signs
are decided for every r and L of a range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from proofs.kernel.scalars import Rejected, bases, is_nonnegative, is_positive, is_zero, rational
from theory.claims import Relation
from theory.configurations import (
    FEWEST,
    Element,
    adjacency_element,
    identity_element,
    incidence_element,
    ones_element,
)
from theory.families import Family, Sizes
from theory.notation import LATEX, LETTERS, PLAIN, text

VERTICES_SYMBOL = sp.Symbol("r", positive=True, integer=True)
DEPTH_SYMBOL = sp.Symbol("L", positive=True, integer=True)
STEP_SYMBOL = sp.Symbol("n", nonnegative=True, integer=True)

PER_LAYER = sp.Symbol("1/(L+1)", positive=True)
"""1/(L+1) in exponents; what vanishes for any value of it does for this one."""

MORE_VERTICES, MORE_LAYERS = sp.symbols("s l", nonnegative=True, integer=True)
"""How much r and L exceed the least value of a range."""

LEAST_DEPTH = 3


@dataclass(frozen=True)
class Where:
    """The sizes for which a formula is claimed: r from ``least`` on, or that alone (``most``), and L from ``depth``."""

    least: int = FEWEST
    most: int | None = None
    depth: int = LEAST_DEPTH

    def __post_init__(self) -> None:
        numbers = (self.least, self.depth) if self.most is None else (self.least, self.depth, self.most)
        if any(type(x) is not int for x in numbers) or self.least < FEWEST or self.depth < LEAST_DEPTH:
            raise Rejected(f"formulas are about r ≥ {FEWEST} and L ≥ {LEAST_DEPTH}")
        if self.most is not None and self.most != self.least:
            raise Rejected("a range of r is one number, or has no end")

    def covers(self, other: Where) -> bool:
        """Whether every size of the other range is in this one."""
        last = self.most is None or other.most == self.most
        return self.least <= other.least and self.depth <= other.depth and last

    def holds(self, r: int, depth: int) -> bool:
        """Whether one size is in the range."""
        return self.least <= r and self.depth <= depth and (self.most is None or r <= self.most)

    @property
    def vertices(self) -> str:
        """The range of r alone."""
        return f"for r = {self.least}" if self.most is not None else f"for r ≥ {self.least}"

    def __str__(self) -> str:
        return f"{self.vertices} and L ≥ {self.depth}"


EVERYWHERE = Where()


@dataclass(frozen=True)
class ForEvery:
    """``left = right`` or ``left < right`` for all sizes of a range, and all positive constants of the layers."""

    left: Family
    sign: str
    right: Family
    where: Where = EVERYWHERE

    def __post_init__(self) -> None:
        if type(self.where) is not Where:
            raise Rejected(f"{self.where!r} is no range of r and L")
        for side in (self.left, self.right):
            _require_families(side)

    def at(self, sizes: Sizes) -> Relation:
        """The relation of one size."""
        return Relation(self.left.at(sizes), self.sign, self.right.at(sizes))

    @property
    def scope(self) -> str:
        """The range as text, without that of L where no L occurs.

        >>> from theory.families import depth, family, vertices
        >>> ForEvery(family(1), "<", vertices).scope, ForEvery(family(1), "<", vertices + depth).scope
        ('for r ≥ 4', 'for r ≥ 4 and L ≥ 3')
        """
        deep = any(node.op == "L" for side in (self.left, self.right) for node in side.nodes())
        return str(self.where) if deep else self.where.vertices

    @property
    def plain(self) -> str:
        """The relation as plain text."""
        return f"{text(self.left, PLAIN)} {self.sign} {text(self.right, PLAIN)}"

    @property
    def latex(self) -> str:
        """The relation in LaTeX."""
        return f"{text(self.left, LATEX)} {self.sign} {text(self.right, LATEX)}"


NAME = re.compile(r"\w(_(\w|\{[\w+-]{1,5}\}))?")


def definitions(relations: Iterable[ForEvery]) -> dict[str, Family]:
    """What the names in some relations stand for.

    Raises:
        Rejected: for a name that stands for two formulas, or is a letter already.
    """
    found: dict[str, Family] = {}
    for node in (node for x in relations for side in (x.left, x.right) for node in side.nodes()):
        if node.op == "named":
            name, formula = str(node.data), node.args[0]
            if not NAME.fullmatch(name) or name.split("_")[0] in (*LETTERS.values(), "I", "J"):
                raise Rejected(f"{name!r} is no name for a formula, or a letter that stands for something else")
            if found.setdefault(name, formula) != formula:
                raise Rejected(f"{name} stands for something else already")
    return found


def _require_families(node: Any) -> None:
    """A formula is made of families alone, with exact numbers and names as their data."""
    if type(node) is not Family or type(node.args) is not tuple or type(node.data) not in (type(None), Fraction, str):
        raise Rejected(f"{node!r} is no family of formulas")
    for arg in node.args:
        _require_families(arg)


# ------------------------------------------------------------------------------------------- families in the algebra


Value = Any
"""A scalar (SymPy), or an element of the configuration with such coefficients."""


class Reading:
    """Reads families in the configuration, for all sizes of a range.

    ``known`` gives formulas that have the values of chains and nuclear norms, ``argument`` what a hole stands for.
    """

    def __init__(self, where: Where, known: Mapping[Family, Family], argument: Value = None) -> None:
        self.where, self.known, self.argument = where, known, argument
        self.r = VERTICES_SYMBOL if where.most is None else sp.Integer(where.most)

    def value(self, node: Family) -> Value:
        """The value of a family.

        Raises:
            Rejected: for a division by something that may vanish, a ReLU of unknown sign, or a chain or nuclear norm
                that no known fact is about.
        """
        if type(node) is not Family or type(node.args) is not tuple:
            raise Rejected(f"{node!r} is no family of formulas")
        if node in self.known:
            others = {left: right for left, right in self.known.items() if left != node}
            return Reading(self.where, others).value(self.known[node])
        if node.op in ("chain", "nuclear_norm"):
            raise Rejected(f"no step that is used says what {node} is")
        if node.op == "hole":
            if self.argument is None:
                raise Rejected("a hole outside a chain")
            return self.argument
        args = [self.value(arg) for arg in node.args]
        if node.op in _LEAVES:
            return self._leaf(node, args)
        if node.op not in _READ:
            raise Rejected(f"{node.op} is not read in the configuration")
        return _READ[node.op](self, *args)

    def _leaf(self, node: Family, args: list[Any]) -> Value:
        """Symbols, constants of the layers, and the matrices of the configuration."""
        read = _LEAVES[node.op](self, node, args)
        return _with_symbols(read) if isinstance(read, Element) else read

    def power(self, base: Any, exponent: Any) -> Any:
        """A power: of anything to a natural number, else of what is positive."""
        if exponent.is_Integer and exponent >= 0:
            return base**exponent
        for part in [base, *bases(sp.Pow(base, exponent, evaluate=False))]:
            if self.sign(part) <= 0:
                raise Rejected(f"{part} is divided by, or a power of it taken, and is not positive")
        return _raised(base, exponent)

    def sign(self, value: Any) -> int:
        """The sign of a scalar for all sizes of the range.

        Raises:
            Rejected: where it is not the same for all, or not seen.
        """
        if _is_zero(value):
            return 0
        for sign in (1, -1):
            if any(is_positive(form) for form in self._forms(sign * value)):
                return sign
        raise Rejected(f"the sign of {value} is not decided {self.where}")

    def not_negative(self, value: Any) -> bool:
        """Whether a scalar is seen to be at least zero for all sizes of the range."""
        return _is_zero(value) or any(is_nonnegative(form) for form in self._forms(value))

    def _forms(self, value: Any) -> Iterator[Any]:
        """A scalar in the excess of r and L over the least of their range: as it is, multiplied out, and as a ratio."""
        least = {VERTICES_SYMBOL: self.where.least + MORE_VERTICES, DEPTH_SYMBOL: self.where.depth + MORE_LAYERS}
        shifted = sp.sympify(value).xreplace(least)
        yield shifted
        yield sp.expand(shifted)
        top, bottom = (sp.expand(part) for part in sp.fraction(sp.together(shifted)))
        yield top / bottom

    def index(self, value: Any, least: int = 0) -> Any:
        """The index of a layer, which must be seen to be at least ``least``."""
        if not self.not_negative(sp.expand(value - least)) or not _is_integral(value):
            raise Rejected(f"{value} is not seen to be the index of a layer {self.where}")
        return sp.expand(value)


def _is_integral(value: Any) -> bool:
    """Whether a scalar is a sum of whole multiples of L, n and 1."""
    terms = (term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(value)))
    return all(c.is_Integer and unit in (1, DEPTH_SYMBOL, STEP_SYMBOL) for c, unit in terms)


def _with_symbols(found: Element) -> Element:
    return Element(found.rows, found.columns, tuple(rational(c) for c in found.coefficients), found.r)


def _raised(base: Any, exponent: Any) -> Any:
    """A power, along the product that its base is: all parts are positive."""
    if base.is_Mul:
        return sp.Mul(*(_raised(part, exponent) for part in base.args))
    return _raised(base.base, base.exp * exponent) if base.is_Pow else base**exponent


def _is_zero(value: Any) -> bool:
    """Whether a scalar vanishes identically, with exponents in Q[L, n, 1/(L+1)]."""
    symbolic = sp.expand(value).replace(lambda x: x.is_Pow and not x.exp.is_Rational, _with_layers)
    return is_zero(sp.expand_power_exp(symbolic))


def _with_layers(power: Any) -> Any:
    """A power whose exponent is a polynomial in L, n and a symbol for 1/(L+1); other exponents stay as they are."""
    top, bottom = sp.fraction(sp.together(power.exp))
    content, rest = sp.expand(bottom).as_content_primitive()
    if sp.expand(rest - DEPTH_SYMBOL - 1) != 0:
        return power
    whole, remainder = sp.div(sp.expand(top), DEPTH_SYMBOL + 1, DEPTH_SYMBOL)
    return power.base ** sp.expand((whole + remainder * PER_LAYER) / content)


def _indexed(name: str) -> Any:
    return sp.Function(f"each {name}", positive=True)


def _product(reading: Reading, name: str, last: Any) -> Any:
    """∏ of an indexed constant over the layers 0 … last: an opaque symbol up to L or n, and the few factors beyond."""
    index = reading.index(last, least=-1)
    offset, symbol = index.as_coeff_Add()
    one, whole = _indexed(name), sp.Function(f"all {name}", positive=True)
    if symbol == 0:
        return sp.prod([one(sp.Integer(k)) for k in range(int(offset) + 1)])
    beyond = sp.prod([one(symbol + k) for k in range(1, int(offset) + 1)])
    return whole(symbol) * beyond / sp.prod([one(symbol - k) for k in range(-int(offset))])


def matrix(value: Value) -> Element:
    """A value that is a matrix.

    Raises:
        Rejected: for a scalar.
    """
    if not isinstance(value, Element):
        raise Rejected("a scalar where a matrix is needed")
    return value


def _square(reading: Reading, node: Family) -> Element:
    return identity_element((node.space or (0, 0))[0], reading.r)


def _flat(reading: Reading, node: Family, value: int) -> Element:
    rows, columns = node.space or (0, 0)
    return value * ones_element(rows, columns, reading.r)


_LEAVES: Mapping[str, Any] = {
    "number": lambda reading, node, args: rational(node.data),
    "r": lambda reading, node, args: reading.r,
    "K": lambda reading, node, args: reading.r * (reading.r - 1) / 2,
    "L": lambda reading, node, args: DEPTH_SYMBOL,
    "n": lambda reading, node, args: STEP_SYMBOL,
    "indexed": lambda reading, node, args: _indexed(node.data)(reading.index(args[0])),
    "product": lambda reading, node, args: _product(reading, node.data, args[0]),
    "identity": lambda reading, node, args: _square(reading, node),
    "labels": lambda reading, node, args: _square(reading, node),
    "ones": lambda reading, node, args: _flat(reading, node, 1),
    "zeros": lambda reading, node, args: _flat(reading, node, 0),
    "incidence": lambda reading, node, args: incidence_element(reading.r),
    "adjacency": lambda reading, node, args: adjacency_element(reading.r),
}

_READ: Mapping[str, Any] = {
    "named": lambda reading, formula: formula,
    "add": lambda reading, left, right: left + right,
    "scale": lambda reading, left, right: right * left if isinstance(left, Element) else left * right,
    "power": lambda reading, base, exponent: reading.power(base, exponent),
    "matmul": lambda reading, left, right: matrix(left) @ matrix(right),
    "transpose": lambda reading, X: matrix(X).T,
    "relu": lambda reading, X: matrix(X).relu(reading.sign),
    "trace": lambda reading, X: matrix(X).trace,
    "sum_squares": lambda reading, X: matrix(X).sum_squares,
}


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal as functions of r, L and the constants."""
    if isinstance(left, Element) != isinstance(right, Element):
        return False
    if not isinstance(left, Element):
        return _is_zero(left - right)
    if (left.rows, left.columns) != (right.rows, right.columns):
        return False
    return all(_is_zero(x - y) for x, y in zip(left.coefficients, right.coefficients, strict=True))
