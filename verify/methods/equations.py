"""Equations among the constraints of a claim, solved in exact rationals: how a rounded point is made to meet them.

Equations that are affine are solved by one exact Newton step, also those that are affine in one variable alone. A
further one of degree two (a norm that is fixed) is met where the line through a simple solution meets it again. For
others no way is known here. Whether a point of a certificate meets the constraints is for the checker to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice, product
from typing import Any

from theory.arithmetic.interpreters import Rationals, Undecidable
from theory.inequality import Inequality
from theory.ops import Expression, constant, walk
from theory.relations import Relation
from verify.witness import compare_at

Vector = list[Fraction]

SIMPLE, ENTRIES = 4, tuple(map(Fraction, ("0", "1", "-1", "2", "1/2", "3")))
"""A solution to start a line from is looked for where so many coordinates have such values, in units that fit the
equation, and the others are zero: four squares make every number."""

LINES = 2
"""Lines that are tried for each equation that is not affine."""

MOST = 400
"""Equations, entry by entry, and coordinates that are made exact: exact elimination of more takes seconds."""


class Equations:
    """The equations among the constraints of a claim, entry by entry, over the coordinates of all variables in order.

    A fixed norm √q = c is read as q = c².
    """

    def __init__(self, claim: Inequality) -> None:
        self.variables, self.nonnegative = claim.variables, claim.nonnegative
        sides = [_difference(r) for r in claim.where if r.sign == "="]
        entries = [e for side in sides for e in _entries(side)]
        self.affine = [e for e in entries if degree(e, claim.nonnegative) == 1]
        self.others = [e for e in entries if degree(e, claim.nonnegative) != 1]

    def point(self, x: Vector) -> dict[str, Any]:
        """The variables at coordinates."""
        rest = iter(x)
        return {
            name: [[next(rest) for _ in range(v.shape[1])] for _ in range(v.shape[0])] if v.shape else next(rest)
            for name, v in self.variables.items()
        }

    def contradict(self) -> bool:
        """Whether the affine ones have no solution at all, exactly: what is claimed under them is vacuous."""
        size = sum(map(_size, self.variables.values()))
        if max(size, len(self.affine)) > MOST:
            return False
        return self._onto(self.affine, [Fraction(0)] * size, range(size)) is None

    def repaired(self, x: Vector) -> Iterator[Vector]:
        """Points near x at which all equations hold; none where no way to make one is known."""
        equations = [*self.affine, *self.others]
        if max(len(x), len(equations)) > MOST:
            return
        try:
            yield from (point for point in self._proposals(x) if not any(self._values(equations, point)))
        except Undecidable:
            return

    def _proposals(self, x: Vector) -> Iterator[Vector]:
        """Points at which the equations may hold: one after the other, or all by moving one variable."""
        places = self._free(x)
        onto = self._onto(self.affine, x, places)
        if onto is not None:
            yield from self._bent(onto, self.others)
        for name in self.variables if self.others else ():
            inside = self._places(name)
            again = self._onto([*self.affine, *self.others], x, [j for j in places if j in inside])
            if again is not None:
                yield again

    def _free(self, x: Vector) -> list[int]:
        """Coordinates that may be moved: a zero stays where no entry may be negative."""
        bound = {j for name in self.nonnegative for j in self._places(name)}
        return [j for j, e in enumerate(x) if e or j not in bound]

    def _places(self, name: str) -> range:
        """The coordinates of a variable."""
        start = 0
        for other, v in self.variables.items():
            if other == name:
                return range(start, start + _size(v))
            start += _size(v)
        raise KeyError(name)

    def _values(self, equations: Sequence[Expression], x: Vector) -> Vector:
        """left − right of equations.

        Raises:
            Undecidable: where one is not rational.
        """
        point = self.point(x)
        return [rationally(e, point) for e in equations]

    def _onto(self, equations: Sequence[Expression], x: Vector, places: Sequence[int]) -> Vector | None:
        """The nearest solution of equations that are affine in the coordinates at some places; None where none is."""
        if not equations:
            return x
        now = self._values(equations, x)
        moved = (self._values(equations, _plus(x, {j: Fraction(1)})) for j in places)
        columns = [[b - a for a, b in zip(now, values, strict=True)] for values in moved]
        step = _least_step([[column[i] for column in columns] for i in range(len(now))], now)
        return None if step is None else _plus(x, {j: -d for j, d in zip(places, step, strict=True)})

    def _bent(self, x: Vector, others: Sequence[Expression]) -> Iterator[Vector]:
        """Equations that are not affine, one after the other, each moving only the coordinates that it depends on."""
        if not others:
            yield x
            return
        for point in islice(self._second_points(others[0], x), LINES):
            yield from self._bent(point, others[1:])

    def _second_points(self, equation: Expression, x: Vector) -> Iterator[Vector]:
        """Where lines through x and through simple solutions meet a quadratic equation again."""
        now = self._values([equation], x)
        if now == [0]:
            yield x
            return
        used = [j for j in range(len(x)) if self._values([equation], _plus(x, {j: Fraction(1)})) != now]
        for known in self._simple(equation, x, used):
            line = {j: x[j] - known[j] for j in range(len(x)) if x[j] != known[j]}
            ahead, behind = (
                self._values([equation], _plus(known, {j: t * d for j, d in line.items()}))[0] for t in (1, -1)
            )
            if ahead + behind and ahead - behind:
                t = (behind - ahead) / (ahead + behind)
                yield _plus(known, {j: t * d for j, d in line.items()})

    def _simple(self, equation: Expression, x: Vector, used: Collection[int]) -> Iterator[Vector]:
        """Solutions with few coordinates that are not zero, among those that the equation depends on."""
        order = sorted(used, key=lambda j: -abs(x[j]))[:SIMPLE]
        unit = _unit(self._values([equation], [Fraction(0) if j in used else e for j, e in enumerate(x)])[0])
        for entries in product(ENTRIES, repeat=len(order)):
            values = {j: unit * e for j, e in zip(order, entries, strict=True)}
            point = [values.get(j, Fraction(0)) if j in used else e for j, e in enumerate(x)]
            onto = self._onto(self.affine, point, list(used))
            if onto is not None and self._values([equation], onto) == [0]:
                yield onto


def meets(claim: Inequality, point: Mapping[str, Any]) -> bool:
    """Whether all constraints are seen to hold at a rational point: in rationals, else strictly in balls."""
    return all(
        _is_seen(relation.sign, difference, point)
        for relation in claim.where
        for difference in _entries(_difference(relation))
    )


def _is_seen(sign: str, difference: Expression, point: Mapping[str, Any]) -> bool:
    try:
        value = rationally(difference, point)
    except Undecidable:
        return sign != "=" and compare_at(difference, constant(0), point) < 0
    return value == 0 if sign == "=" else (value < 0 or (value == 0 and sign == "≤"))


def rationally(formula: Expression, point: Mapping[str, Any]) -> Any:
    """The exact value of a formula at a rational point: a rational, or rows of rationals.

    Raises:
        Undecidable: where it is not rational.
    """
    rationals = Rationals()
    values = {
        name: [[rationals.number(e) for e in row] for row in v] if isinstance(v, list) else rationals.number(v)
        for name, v in point.items()
    }
    found = rationals.evaluate(formula, values)
    return [[_fraction(e) for e in row] for row in found] if formula.shape else _fraction(found)


def degree(formula: Expression, nonnegative: Collection[str] = ()) -> int | None:
    """A bound on the degree of a polynomial with rational coefficients; None for what is not seen to be one.

    The entries of a variable that is not negative are read as its coordinates, which its ReLU leaves as they are.
    """
    done: dict[Expression, int | None] = {}
    for node in walk(formula):
        done[node] = _degree(node, [done[arg] for arg in node.args], nonnegative)
    return done[formula]


PRODUCTS, SUMS = ("scale", "matmul"), ("add", "transpose", "entry", "submatrix", "trace", "diagonal", "class_means")
FIXED = ("rational", "identity", "ones", "zeros", "one_hot")


def _degree(node: Expression, below: Sequence[int | None], nonnegative: Collection[str]) -> int | None:
    known = [d for d in below if d is not None]
    if node.op == "variable":
        return 1
    if node.op == "relu" and node.args[0].op == "variable" and node.args[0].data in nonnegative:
        return 1
    if len(known) < len(below):
        return None
    if node.op in (*PRODUCTS, "repeat_columns"):
        return sum(known)
    if node.op in (*SUMS, *FIXED):
        return max(known, default=0)
    if node.op == "sum_squares":
        return 2 * known[0]
    whole = node.op == "power" and isinstance(node.data, Fraction) and node.data.denominator == 1
    if whole and (node.data > 0 or not known[0]):  # type: ignore[operator]
        return known[0] * int(node.data)  # type: ignore[call-overload]
    return None


def _difference(relation: Relation) -> Expression:
    """left − right, or q − c² for √q = c with c ≥ 0."""
    for root, value in ((relation.left, relation.right), (relation.right, relation.left)):
        fixed = relation.sign == "=" and isinstance(value.data, Fraction) and value.op == "rational" and value.data >= 0
        if fixed and root.op == "power" and root.data == Fraction(1, 2):
            return root.args[0] - value * value
    return relation.left - relation.right


def _entries(side: Expression) -> list[Expression]:
    if not side.shape:
        return [side]
    return [side[i, j] for i in range(side.shape[0]) for j in range(side.shape[1])]


def _size(v: Expression) -> int:
    return v.shape[0] * v.shape[1] if v.shape else 1


def _unit(c: Fraction) -> Fraction:
    """A rational r such that c is r² times a whole number without small square factors.

    >>> _unit(Fraction(45, 2))
    Fraction(3, 2)
    """
    root, rest = 1, abs(c.numerator * c.denominator)
    for p in PRIMES:
        while rest and rest % (p * p) == 0:
            root, rest = root * p, rest // (p * p)
    return Fraction(root, c.denominator)


PRIMES = (2, 3, 5, 7, 11, 13)


def _plus(x: Vector, steps: Mapping[int, Fraction]) -> Vector:
    return [e + steps[j] if j in steps else e for j, e in enumerate(x)]


def _least_step(rows: list[Vector], right: Vector) -> Vector | None:
    """The shortest exact solution of J d = r, or None where there is none."""
    from flint import fmpq_mat

    kept = _independent(rows, right)
    if not kept:
        return None if kept is None else [Fraction(0)] * len(rows[0])
    J = fmpq_mat([[_flint(e) for e in rows[i]] for i in kept])
    found = J.transpose() * (J * J.transpose()).solve(fmpq_mat([[_flint(right[i])] for i in kept]))
    return [_fraction(found[j, 0]) for j in range(found.nrows())]


def _independent(rows: list[Vector], right: Vector) -> list[int] | None:
    """Which rows of J d = r are independent, or None where the system has no solution."""
    kept: list[int] = []
    reduced: list[tuple[int, Vector]] = []
    for i, row in enumerate(rows):
        line = [*row, right[i]]
        for pivot, other in reduced:
            if factor := line[pivot]:
                line = [a - factor * b for a, b in zip(line, other, strict=True)]
        pivot = next((j for j, e in enumerate(row) if line[j]), -1)
        if pivot < 0 and line[-1]:
            return None
        if pivot >= 0:
            reduced.append((pivot, [e / line[pivot] for e in line]))
            kept.append(i)
    return kept


def _flint(value: Fraction) -> Any:
    from flint import fmpq

    return fmpq(value.numerator, value.denominator)


def _fraction(value: Any) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(int(value.p), int(value.q))
