"""Formulas of ``theory.ops`` as MathML. A part that is long, or that recurs, gets a name and is written once.

>>> from theory.ops import variable
>>> X = variable("X_1", (2, 2))
>>> Notation([X.T @ X]).write(X.T)
'<msubsup><mi>X</mi><mn>1</mn><mo>⊤</mo></msubsup>'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from theory.ops import Expression, Shape, variable, walk
from verify.html.elements import Child, Html, element
from verify.html.mathml import NAME, applied, around, grid, identifier, number, operator, row

SHARED, LONGEST = 10, 48
"""Parts of more nodes than these get a name: where they recur, and in any case."""

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly the outermost operation of a formula binds."""

INSIDE = {"entry": ATOM, "submatrix": ATOM, "kron": POWER}
"""How tightly arguments must bind, of operations that draw nothing around them."""

RAISED = ("exp", "sum_squares", "schatten")
"""Operations whose last part is an exponent: another one needs parentheses."""

Written = tuple[Html, int]

FROBENIUS = element("mi", "F", mathvariant="normal")


class Notation:
    """How the formulas of one claim are written; ``definitions`` are the parts that have names.

    Args:
        roots: all formulas that are written with this notation.
    """

    def __init__(self, roots: Iterable[Expression]) -> None:
        roots = list(roots)
        nodes = list(walk(*roots))
        self._taken = {str(node.data) for node in nodes if node.op == "variable"}
        self._names: dict[int, Html] = {}
        self._parts: list[tuple[Html, Expression]] = []
        times: dict[int, int] = {}
        for part in [arg for node in nodes for arg in node.args] + roots:
            times[id(part)] = times.get(id(part), 0) + 1
        size: dict[int, int] = {}
        for node in nodes:
            length = 1 + sum(1 if id(arg) in self._names else size[id(arg)] for arg in node.args)
            size[id(node)] = length
            if length > LONGEST or (times[id(node)] > 1 and length > SHARED):
                self._define(node)

    @property
    def definitions(self) -> list[tuple[Html, Html]]:
        """The named parts in an order in which each uses earlier ones only: name and formula."""
        return [(name, self._written(part)[0]) for name, part in self._parts]

    def write(self, node: Expression, inside: int = SUM) -> Html:
        """A formula; in parentheses where what is around it binds more tightly."""
        written, binds = self._part(node)
        return around("(", written, ")") if binds < inside else written

    def _define(self, node: Expression) -> None:
        letter = "F" if node.shape else "f"
        free = (i for i in range(1, len(self._taken) + len(self._parts) + 2) if f"{letter}_{i}" not in self._taken)
        index = next(free)
        self._taken.add(f"{letter}_{index}")
        self._names[id(node)] = identifier(f"{letter}_{index}")
        self._parts.append((self._names[id(node)], node))

    def _part(self, node: Expression) -> Written:
        name = self._names.get(id(node))
        return self._written(node) if name is None else (name, ATOM)

    def _written(self, node: Expression) -> Written:
        if node.op == "add":
            return self._sum(node), SUM
        if node.op in ("scale", "rational"):
            return self._signed(node)
        if node.op == "matmul":
            return row(*(self.write(factor, PRODUCT) for factor in self._chain(node, "matmul"))), PRODUCT
        if node.op == "power":
            return self._raised(node)
        if node.op == "transpose":
            return self._transposed(node.args[0]), POWER
        if node.op == "submatrix" and node.data == tuple(tuple(range(size)) for size in node.args[0].shape):
            return self._part(node.args[0])  # all of it
        if node.op == "repeat_columns":
            return row(self.write(node.args[0], PRODUCT), _indexed(element("mi", "Y"), _sizes(node.data))), PRODUCT
        if node.op in _ROOTS:
            return self._root(node), ATOM
        parts = (self.write(arg, INSIDE.get(node.op, SUM)) for arg in node.args)
        return _WRITERS[node.op](node.data, node.shape, *parts), POWER if node.op in RAISED else ATOM

    def _chain(self, node: Expression, op: str) -> list[Expression]:
        """The parts of a sum or product, from left to right; a part that has a name stays whole."""
        found: list[Expression] = []
        stack = [(node, True)]
        while stack:
            part, root = stack.pop()
            if part.op == op and (root or id(part) not in self._names):
                stack.extend((arg, False) for arg in reversed(part.args))
            else:
                found.append(part)
        return found

    def _sum(self, node: Expression) -> Html:
        parts: list[Child] = []
        for term in self._chain(node, "add"):
            negative, written = self._term(term)
            sign = operator("−") if negative else operator("+") if parts else None
            parts += [sign, written]
        return row(parts)

    def _term(self, node: Expression) -> tuple[bool, Html]:
        """Whether a term is subtracted, and what without the sign."""
        if id(node) not in self._names and node.op in ("scale", "rational"):
            negative, written, _ = self._product(node)
            return negative, written
        return False, self.write(node)

    def _signed(self, node: Expression) -> Written:
        negative, written, binds = self._product(node)
        return (row(operator("−"), written), SUM) if negative else (written, binds)

    def _product(self, node: Expression) -> tuple[bool, Html, int]:
        """A product of scalars, and of one matrix at most, as a fraction: sign, formula, how tightly it binds."""
        coefficient, over, under = Fraction(1), list[Expression](), list[Expression]()
        for factor in self._chain(node, "scale"):
            if factor.op == "rational" and isinstance(factor.data, Fraction):
                coefficient *= factor.data
            elif id(factor) not in self._names and _is_negative_power(factor):
                under.append(factor.args[0] ** -factor.data)  # type: ignore[operator]
            else:
                over.append(factor)
        size, matrix = abs(coefficient), [over.pop()] if node.shape else []
        if under:
            above, below = self._factors(size.numerator, over), self._factors(size.denominator, under)
            parts = [element("mfrac", above, below)]
        else:
            alone = size != 1 or not (over or matrix)
            parts = [*([number(size)] if alone else []), *(self.write(factor, PRODUCT) for factor in over)]
        parts += [self.write(factor, PRODUCT) for factor in matrix]
        whole = node.op == "rational" and size.denominator == 1
        return coefficient < 0, _side_by_side(parts), ATOM if whole else PRODUCT

    def _factors(self, first: int, factors: Sequence[Expression]) -> Html:
        shown = [number(Fraction(first))] if first != 1 or not factors else []
        alone = len(factors) == 1 and not shown
        return _side_by_side([*shown, *(self.write(factor, SUM if alone else PRODUCT) for factor in factors)])

    def _raised(self, node: Expression) -> Written:
        base, exponent = node.args[0], node.data
        if not isinstance(exponent, Fraction):
            raise TypeError(f"an exponent is a rational, got {exponent!r}")
        if exponent < 0:
            return element("mfrac", element("mn", "1"), self.write(base**-exponent)), PRODUCT
        if exponent == Fraction(1, 2) and base.op == "sum_squares" and id(base) not in self._names:
            return _indexed(around("‖", self.write(base.args[0]), "‖"), FROBENIUS), ATOM
        if exponent == Fraction(1, 2):
            return element("msqrt", self.write(base)), ATOM
        if exponent.numerator == 1:
            return element("mroot", self.write(base), element("mn", str(exponent.denominator))), ATOM
        raised = row(element("mn", str(exponent.numerator)), *_over(exponent.denominator))
        return element("msup", self.write(base, ATOM), raised), POWER

    def _root(self, node: Expression) -> Html:
        """A root of a polynomial, from its coefficients."""
        x = variable("x")
        terms = [coefficient * x**power if power else coefficient for power, coefficient in enumerate(node.args)]
        which, condition = _ROOTS[node.op]
        vanishes = (operator("∣"), self.write(sum(terms[1:], terms[0])), operator("="), element("mn", "0"))
        return row(element("mi", which), around("{", row(element("mi", "x"), condition, *vanishes), "}"))

    def _transposed(self, matrix: Expression) -> Html:
        match = NAME.fullmatch(str(matrix.data)) if matrix.op == "variable" else None
        if match:
            return element("msubsup", element("mi", match[1]), element("mn", match[2]), operator("⊤"))
        return element("msup", self.write(matrix, ATOM), operator("⊤"))


def _over(denominator: int) -> list[Html]:
    return [] if denominator == 1 else [operator("/"), element("mn", str(denominator))]


def _is_negative_power(node: Expression) -> bool:
    return node.op == "power" and isinstance(node.data, Fraction) and node.data < 0


def _side_by_side(factors: Sequence[Html]) -> Html:
    """Factors without a sign between them, but for a dot before a number: 2 · 3."""
    if len(factors) == 1:
        return factors[0]
    first = r"<(mrow|msup|mfrac|mo|mi)[^>]*>"
    dotted = [[operator("·"), f] if re.match(rf"({first})*<mn>", f) and i else [f] for i, f in enumerate(factors)]
    return row(dotted)


def _size(shape: Shape) -> Html:
    rows, columns = shape
    return row(element("mn", str(rows)), operator("×"), element("mn", str(columns)))


def _indexed(letter: Child, index: Child) -> Html:
    return element("msub", letter, index)


def _positions(given: Any) -> Html:
    """Indices counted from 1: one, a range, or a list."""
    if isinstance(given, int):
        return element("mn", str(given + 1))
    first, last = given[0], given[-1]
    if len(given) > 2 and given == tuple(range(first, last + 1)):
        return element("mtext", f"{first + 1}:{last + 1}")
    return element("mtext", ",".join(str(i + 1) for i in given))


def _at(data: Any, shape: Shape, X: Html) -> Html:
    return _indexed(X, row(_positions(data[0]), operator(";"), _positions(data[1])))


def _sizes(class_sizes: Any) -> Html:
    return element("mtext", ",".join(map(str, class_sizes)))


def _diagonal(data: Any, shape: Shape, *entries: Html) -> Html:
    name = element("mi", "diag")
    shown = name if shape == (len(entries), len(entries)) else _indexed(name, _size(shape))
    separated = [part for entry in entries for part in (operator(","), entry)][1:]
    return row(shown, operator("\u2061"), around("(", separated, ")"))


def _schatten(data: Any, shape: Shape, X: Html) -> Html:
    if data == 1:
        return _indexed(around("‖", X, "‖"), operator("∗"))
    power = element("mn", str(data))
    return element("msubsup", around("‖", X, "‖"), _indexed(element("mi", "S"), power), power)


_ROOTS: dict[str, tuple[str, Child]] = {
    "largest_root": ("max", None),
    "smallest_positive_root": ("min", [operator(">"), element("mn", "0")]),
}
"""Which root of a polynomial each operation is."""

_WRITERS: dict[str, Callable[..., Html]] = {
    "variable": lambda data, _: identifier(data),
    "entry": _at,
    "submatrix": _at,
    "identity": lambda _, shape: _indexed(element("mi", "I"), element("mn", str(shape[0]))),
    "ones": lambda _, shape: _indexed(element("mn", "𝟏"), _size(shape)),
    "zeros": lambda _, shape: _indexed(element("mn", "0"), _size(shape)),
    "diagonal": _diagonal,
    "helmert": lambda _, shape: _indexed(element("mi", "U"), _size(shape)),
    "one_hot": lambda data, _: _indexed(element("mi", "Y"), _sizes(data)),
    "class_means": lambda data, _, H: _indexed(element("mover", H, operator("‾")), _sizes(data)),
    "kron": lambda _, __, X, Y: around("(", [X, operator("⊗"), Y], ")"),
    "blocks": lambda data, _, *parts: grid(parts[i : i + data] for i in range(0, len(parts), data)),
    "trace": lambda _, __, X: applied("tr", X),
    "sum_squares": lambda _, __, X: element("msubsup", around("‖", X, "‖"), FROBENIUS, element("mn", "2")),
    "schatten": _schatten,
    "operator_norm": lambda _, __, X: _indexed(around("‖", X, "‖"), element("mi", "op")),
    "rank": lambda _, __, X: applied("rank", X),
    "relu": lambda _, __, X: applied("σ", X),
    "exp": lambda _, shape, x: applied("exp", x) if shape else element("msup", element("mi", "e"), x),
    "log": lambda _, __, x: applied("log", x),
    "log_sum_exp": lambda _, __, X: applied("LSE", X),
}
"""How each operation is written, from its data, its shape and its arguments as MathML."""

LETTERS = (
    ("I, 𝟏, 0", "the identity, the matrix of ones, and the zero matrix, with their sizes"),
    ("Y", "one-hot labels, one column a sample, sorted by class; with the class sizes"),
    ("H̄", "a bar takes class means of columns; with the class sizes"),
    ("U", "orthonormal columns whose entries add up to zero (Helmert)"),
    ("σ", "max(·, 0) of every entry; exp and log of a matrix are entrywise too"),
    ("LSE", "log Σ exp of each column"),
    ("‖·‖ with F, op, ∗, S p", "the Frobenius, operator, nuclear and Schatten p norms"),
    ("max {x ∣ …}, min {x > 0 ∣ …}", "the largest root of a polynomial, and its smallest positive one"),
    ("X with an index a; b", "rows a and columns b of X, counted from 1"),
    ("F and f with an index", "parts that recur or are long, defined below the claim"),
)
"""What letters and signs in formulas mean."""
