"""Claims about all eigenvalues of a symmetric matrix, decided by its characteristic polynomial, ranks, or in balls.

For a rational matrix the polynomial is computed from the matrix alone; a value's multiplicity is the number of its
derivatives, the polynomial itself included, that vanish there. In other fields it is the size less the rank of A − x I.
Both are decided in the algebraic normal form, for each block of rows that the matrix does not mix with others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from theory.arithmetic.algebraic import Algebraic, AlgebraicNumbers
from theory.arithmetic.interpreters import Balls, Matrix, Rationals, Undecidable
from theory.claims import Spectrum
from verify.certificate import spectrum
from verify.methods.enclosed import SMALL, as_ball
from verify.methods.inertia import above
from verify.verdict import Finding, Unable, holds, refuted, undecided

LARGEST = 60
"""Rows of a matrix of which a certificate is written, the most that the checker reads."""

SHOWN, MAX_TEXT = 12, 90
"""Digits of an eigenvalue in a message, and characters of a rational one."""


def exactly(claim: Spectrum) -> tuple[list[Finding], tuple[Mapping[str, Any], ...]]:
    """Both clauses by the characteristic polynomial; with a certificate where they hold of a rational matrix."""
    try:
        field = AlgebraicNumbers([claim.matrix, *(value for value, _ in claim.eigenvalues)])
        rows = rational_rows(claim)
        if rows is None:
            multiplicity = nullity(field, blocks(field.evaluate(claim.matrix), _name))
        else:
            multiplicity = vanishing(field, factors(rows))
        failures = failing(claim, field, multiplicity)
    except Undecidable as reason:
        return [undecided(name, str(reason)) for name in claim.clause_names], ()
    found = [
        refuted(name, failures[name])
        if failures[name]
        else holds(name, "certified", "by exact ranks" if rows is None else "by the characteristic polynomial")
        for name in claim.clause_names
    ]
    if rows is None or len(rows) > LARGEST or any(failures.values()):
        return found, ()
    return found, (spectrum(rows, factors(rows)),)


def against(claim: Spectrum, certificate: Mapping[str, Any]) -> str:
    """Why an accepted certificate does not show the claim; empty where it does."""
    rows = rational_rows(claim)
    if rows is None or certificate.get("matrix") != [[str(x) for x in row] for row in rows]:
        return "the matrix is another one"
    try:
        field = AlgebraicNumbers([value for value, _ in claim.eigenvalues])
        stated = [([Fraction(c) for c in f["polynomial"]], f["multiplicity"]) for f in certificate["factors"]]
        failures = failing(claim, field, vanishing(field, stated))
    except Undecidable as reason:
        return f"the eigenvalues are not compared: {reason}"
    return next((reason for reason in failures.values() if reason), "")


def failing(claim: Spectrum, field: AlgebraicNumbers, multiplicity: Callable[[Any], int]) -> dict[str, str]:
    """Why each clause fails, or empty, where the true multiplicity of any number can be counted.

    Raises:
        Undecidable: where neither the normal form nor balls tell two numbers apart.
    """
    values = [field.evaluate(value) for value, _ in claim.eigenvalues]
    names = [_shown(field, value) for value in values]
    times = [multiplicity(value) for value in values]
    again = [any(field.is_zero(value - other) for other in values[:i]) for i, value in enumerate(values)]
    strangers = [name for name, count in zip(names, times, strict=True) if not count]
    size = claim.matrix.shape[0]
    missing = size - sum(count for count, twice in zip(times, again, strict=True) if not twice)
    wrong = [
        f"{name} has the multiplicity {count}, not {stated}"
        for name, count, (_, stated) in zip(names, times, claim.eigenvalues, strict=True)
        if count != stated
    ]
    twice = [f"{name} is listed twice" for name, listed in zip(names, again, strict=True) if listed]
    lost = [f"{missing} of {size} eigenvalues, counted with multiplicity, have other values"]
    return {
        "eigenvalues": next(
            iter([*(f"{name} is no eigenvalue" for name in strangers), *(lost if missing else [])]), ""
        ),
        "multiplicities": next(iter([*twice, *wrong]), ""),
    }


def components(rows: Matrix) -> list[list[int]]:
    """The index sets that a symmetric matrix does not mix, each in increasing order.

    >>> components([[1, 0, 2], [0, 0, 0], [2, 0, 1]])
    [[0, 2], [1]]
    """
    found, left = [], set(range(len(rows)))
    while left:
        component, border = set(), [min(left)]
        left.discard(border[0])
        while border:
            i = border.pop()
            component.add(i)
            near = [j for j in left if not _is_zero(rows[i][j])]
            border += near
            left.difference_update(near)
        found.append(sorted(component))
    return found


def blocks(rows: Matrix, name: Callable[[Any], Any] = str) -> list[tuple[Matrix, int]]:
    """The blocks on the diagonal that ``components`` finds, each different one with the number of times it occurs."""
    found: dict[Any, tuple[Matrix, int]] = {}
    for part in components(rows):
        block = [[rows[i][j] for j in part] for i in part]
        key = tuple(name(x) for row in block for x in row)
        found[key] = (block, found[key][1] + 1 if key in found else 1)
    return list(found.values())


def _is_zero(x: Any) -> bool:
    if type(x) is int:
        return x == 0
    return not x if isinstance(x, Fraction) else isinstance(x, Algebraic) and not x.parts


def rational_rows(claim: Spectrum) -> list[list[Fraction]] | None:
    """The matrix where its entries are seen to be rational, in exact radicals too, else None."""
    zero = Fraction(0)
    for arithmetic in (Rationals(), AlgebraicNumbers([claim.matrix])):
        try:
            rows = arithmetic.evaluate(claim.matrix)
        except Undecidable:
            continue
        entries = [[zero if _is_zero(x) else arithmetic.rational(_shortened(x)) for x in row] for row in rows]
        found = [[x for x in row if x is not None] for row in entries]
        return found if list(map(len, found)) == list(map(len, entries)) else None
    return None


def factors(rows: Matrix) -> list[tuple[list[Fraction], int]]:
    """The irreducible factors of det(x I − A) over Q with their multiplicities, constant term first."""
    from flint import fmpq, fmpq_mat

    found: dict[tuple[Fraction, ...], int] = {}
    for block, count in blocks(rows):
        matrix = fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in block])
        for factor, times in matrix.charpoly().factor()[1]:
            lead = factor.coeffs()[-1]
            coefficients = tuple(Fraction(int((c / lead).p), int((c / lead).q)) for c in factor.coeffs())
            found[coefficients] = found.get(coefficients, 0) + count * int(times)
    return [(list(coefficients), times) for coefficients, times in sorted(found.items())]


def vanishing(field: AlgebraicNumbers, stated: Sequence[tuple[Sequence[Fraction], int]]) -> Callable[[Any], int]:
    """Multiplicities by the factors of a characteristic polynomial, which vanish at an eigenvalue with derivatives."""
    polynomials = [([field.number(c) for c in p], times) for p, times in stated]
    return lambda value: sum(times * _multiplicity(field, p, value) for p, times in polynomials)


def nullity(field: AlgebraicNumbers, parts: Sequence[tuple[Matrix, int]]) -> Callable[[Any], int]:
    """Multiplicities by the ranks of A − x I, block by block: the two kinds of multiplicity agree for symmetric A."""
    return lambda value: sum(times * _nullity(field, block, value) for block, times in parts)


def _nullity(field: AlgebraicNumbers, block: Matrix, value: Any) -> int:
    """The size of a block minus the rank of A − x I, by elimination with pivots that are known not to be zero."""
    left = [[x - value if i == j else x for j, x in enumerate(row)] for i, row in enumerate(block)]
    rank = 0
    for column in range(len(block)):
        place = next((i for i, row in enumerate(left) if not field.is_zero(row[column])), None)
        if place is None:
            continue
        rank, pivot = rank + 1, left.pop(place)
        for i, row in enumerate(left):
            if not _is_zero(row[column]):
                factor = row[column] / pivot[column]
                left[i] = [x if _is_zero(y) else _shortened(x - factor * y) for x, y in zip(row, pivot, strict=True)]
    return len(block) - rank


def _shortened(x: Any) -> Any:
    return x.regrouped() if isinstance(x, Algebraic) else x


def _name(x: Any) -> Any:
    """What tells an element of the field from all others, up to its form."""
    parts = x.parts.items() if isinstance(x, Algebraic) else {0: (x, 1)}.items()
    return tuple(sorted((support, str(a), str(b)) for support, (a, b) in parts))


def _multiplicity(field: AlgebraicNumbers, polynomial: Sequence[Any], value: Any) -> int:
    """How often a number is a root."""
    coefficients, count = list(polynomial), 0
    while len(coefficients) > 1 and field.is_zero(_at(field, coefficients, value)):
        coefficients = [c * Fraction(k) for k, c in enumerate(coefficients)][1:]
        count += 1
    return count


def _at(field: AlgebraicNumbers, coefficients: Sequence[Any], value: Any) -> Any:
    total: Any = field.number(Fraction(0))
    for c in reversed(coefficients):
        total = total * value + c
    return total


def _shown(field: AlgebraicNumbers, value: Any) -> str:
    """A rational in full where it is short, anything else in a few digits."""
    exact = str(Fraction(value) if isinstance(value, int) else value.rational())
    return exact if exact != "None" and len(exact) <= MAX_TEXT else _digits(field.enclose(value, 128))


# ----------------------------------------------------------------------------------------------------------- in balls


@dataclass(frozen=True)
class Window:
    """Eigenvalues from ``low`` to ``high``: ``stated`` in a claim as those of ``names``, and ``counted``."""

    low: Any
    high: Any
    names: tuple[str, ...]
    stated: int
    counted: int = 0


def in_balls(claim: Spectrum) -> list[Finding]:
    """Both clauses by counting eigenvalues within ``SMALL`` of each value, at the current precision.

    A count that differs from the stated one refutes. One that agrees shows that so many eigenvalues lie that close, not
    that they are equal: the clauses hold within enclosures.

    Raises:
        Unable: where a count cannot be made.
    """
    balls = Balls()
    try:
        parts = blocks(balls.evaluate(claim.matrix), _endpoints)
        values = [as_ball(balls.evaluate(value)) for value, _ in claim.eigenvalues]
    except Undecidable as reason:
        return [undecided(name, str(reason)) for name in claim.clause_names]
    entries = [as_ball(x) for block, _ in parts for row in block for x in row]
    if not all(x.is_finite() for x in (*entries, *values)):
        return [undecided(name, "an entry or a listed value has no enclosure") for name in claim.clause_names]
    windows = _windows(values, [times for _, times in claim.eigenvalues])
    try:
        counted = [replace(w, counted=_above(parts, w.low) - _above(parts, w.high)) for w in windows]
    except Undecidable as reason:
        raise Unable(f"the eigenvalues near a listed value could not be counted: {reason}") from None
    return _compared(claim, counted)


def _windows(values: Sequence[Any], stated: Sequence[int]) -> list[Window]:
    """Closed intervals around the listed values, those that meet joined to one."""
    margin = Balls().number(SMALL)
    ends = []
    for value, times in zip(values, stated, strict=True):
        wide = margin * max(1, int(abs(value).upper().ceil().fmpq().p))
        ends.append(Window((value - wide).lower(), (value + wide).upper(), (_digits(value),), times))
    found: list[Window] = []
    for one in sorted(ends, key=lambda w: w.low.fmpq()):
        last = found[-1] if found else None
        if last is not None and not one.low > last.high:
            high = last.high if last.high > one.high else one.high
            found[-1] = Window(last.low, high, last.names + one.names, last.stated + one.stated)
        else:
            found.append(one)
    return found


def _above(parts: Sequence[tuple[Matrix, int]], x: Any) -> int:
    return sum(times * above(block, x) for block, times in parts)


def _compared(claim: Spectrum, windows: Sequence[Window]) -> list[Finding]:
    """What the counts say: a listed value without an eigenvalue, an eigenvalue elsewhere, or how many are where."""
    size = claim.matrix.shape[0]
    strangers = [f"{w.names[0]} is no eigenvalue" for w in windows if not w.counted]
    lost = size - sum(w.counted for w in windows)
    wrong = [
        f"{w.counted} eigenvalues lie at {' and '.join(w.names)}, not {w.stated}"
        for w in windows
        if w.counted != w.stated
    ]
    if lost:
        strangers.append(f"{lost} of {size} eigenvalues, counted with multiplicity, have other values")
    if wrong:
        first = undecided("eigenvalues", "each value lies at an eigenvalue, but not so often")
        return [refuted("eigenvalues", strangers[0]) if strangers else first, refuted("multiplicities", wrong[0])]
    if len(windows) < len(claim.eigenvalues):
        return [undecided(name, "listed values are not told apart") for name in claim.clause_names]
    near = f"as many eigenvalues within {float(SMALL):.0e} of each value, by inertia"
    return [holds(name, "numerical", near, tolerance=float(SMALL)) for name in claim.clause_names]


def _endpoints(x: Any) -> Any:
    """What tells a ball from all others; a ball without ends only from other objects."""
    ball = as_ball(x)
    return (str(ball.lower().fmpq()), str(ball.upper().fmpq())) if ball.is_finite() else id(x)


def _digits(ball: Any) -> str:
    return f"{float(ball.mid()):.{SHOWN}g}"
