"""Counterexamples: rational points at which a claim fails, decided in balls and written down for anyone to re-check.

A certificate of kind ``counterexample`` holds the problem, the claimed minimum and the point, an ``inequality witness``
the two sides, the constraints and the point. What they show is strict, so a ball decides; ``verify.checker`` evaluates
them anew, and decides whether the point meets the constraints. Where a value is right and a clause is not, a
``counterexample`` is a minimiser at which the clause fails. A ``failed relation`` holds two sides that are constants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

from theory.arithmetic.interpreters import Balls, Rationals, Undecidable, precision
from theory.claims import Clause, GlobalMinimum, Inequality, Minimisation, Relation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, to_json, walk
from theory.reductions import MEANS, class_mean_objective
from verify.checker import FORMAT, Rejected, check
from verify.methods.enclosed import constants_agree
from verify.verdict import REFUTED, Finding

BITS = (128, 512, 2048)
"""Precisions tried in turn to separate two numbers."""

TIE = 1e-30
"""Relative differences that are far below what floats see, and far above what balls of 2,048 bits leave open."""

COUNTEREXAMPLES = ("counterexample", "inequality witness", "failed relation", "exact fit")
"""Kinds of certificates that refute."""

WIDEST = 1e-12
"""Largest radius of a ratio that is shown as a float."""

Point = Mapping[str, Any]
"""Values of all variables: a rational, or rows of rationals; ``M`` in place of ``H`` stands for class means."""


def lower_point(
    problem: UnconstrainedFeatures | Minimisation, point: Point, value: Expression
) -> dict[str, Any] | None:
    """A certificate that the objective at the point is strictly below ``value``, or None when balls do not show it.

    None too where the point lies outside the problem's domain.

    >>> from theory.ops import constant
    >>> from verify import checker
    >>> model = UnconstrainedFeatures(class_sizes=(1,), decays=1)
    >>> found = lower_point(model, {"W_1": [[Fraction(0)]], "H": [[Fraction(0)]]}, constant(1))
    >>> checker.check(found).split(" for ")[0]
    'at a rational point the objective'
    """
    objective = _objective(problem, point)
    signed = {MEANS if name == "H" and MEANS in point else name for name in problem.nonnegative}
    if any(x < 0 for name in signed for x in _entries(point[name])) or compare_at(objective, value, point) >= 0:
        return None
    kind = "model" if isinstance(problem, UnconstrainedFeatures) else "minimisation"
    return _certificate("counterexample", {kind: problem.to_json(), "value": to_json(value)}, point)


def stands_above(problem: UnconstrainedFeatures | Minimisation, point: Point, value: Expression) -> bool:
    """Whether balls show that the objective at the point is strictly above ``value``."""
    return compare_at(_objective(problem, point), value, point) > 0


def _entries(value: Any) -> list[Fraction]:
    return [x for row in value for x in row] if isinstance(value, list) else [value]


def exact_fit(
    model: UnconstrainedFeatures, means: Sequence[Sequence[Fraction]], weights: Sequence[Sequence[Sequence[Fraction]]]
) -> dict[str, Any] | None:
    """A certificate that weights with the outputs I beat collapse at all decays, or None where these do not.

    Args:
        means: class means (d_1 × K); weights: W_1 … W_{M−1}, smaller than the widths where neurons are not in use. The
            last factor is (AᵀA)⁻¹Aᵀ for the last hidden means A.
    """
    lower: list[list[Fraction]] = [list(row) for row in means]
    for W in weights:
        lower = [[_dot(row, column) for column in zip(*lower, strict=True)] for row in W]
        lower = lower if model.is_linear else [[max(x, Fraction(0)) for x in row] for row in lower]
    last = _left_inverse(lower)
    if last is None:
        return None
    plain = model.with_(class_sizes=(1,) * model.K, decays=1)
    shapes = {"M": (model.widths[0], model.K), **{f"W_{m}": s for m, s in enumerate(model.weight_shapes, start=1)}}
    named = {"M": means, **{f"W_{m}": W for m, W in enumerate([*weights, last], start=1)}}
    point = {name: _padded(named[name], *shape) for name, shape in shapes.items()}
    certificate = {**_certificate("exact fit", {}, point), "model": plain.to_json()}
    del certificate["claim"]
    return certificate if _is_accepted(certificate) else None


def _dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(left, right, strict=True)), Fraction(0))


def _left_inverse(A: Sequence[Sequence[Fraction]]) -> list[list[Fraction]] | None:
    """(AᵀA)⁻¹Aᵀ, or None where A has not full column rank."""
    from flint import fmpq, fmpq_mat

    matrix = fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in A])
    gram = matrix.transpose() * matrix
    if gram.det() == 0:
        return None
    inverse = gram.inv() * matrix.transpose()
    return [[Fraction(int(x.p), int(x.q)) for x in row] for row in inverse.tolist()]


def _padded(matrix: Sequence[Sequence[Fraction]], rows: int, columns: int) -> list[list[Fraction]]:
    whole = [[*row, *[Fraction(0)] * (columns - len(row))] for row in matrix]
    return [*whole, *[[Fraction(0)] * columns for _ in range(rows - len(whole))]]


def violation(claim: Inequality, point: Point) -> dict[str, Any] | None:
    """A certificate that left > right strictly at the point, or None when balls do not show it.

    Constraints are left to the checker: a point at which it does not see one of them hold gives None too.
    """
    if compare_at(claim.left, claim.right, point) <= 0:
        return None
    certificate = _certificate("inequality witness", claim.stated(), point)
    return certificate if not claim.where or _is_accepted(certificate) else None


def failed_relation(clause: str, relation: Relation) -> dict[str, Any] | None:
    """A certificate that a relation of constants in a clause fails, or None where the checker does not see it.

    >>> from theory.relations import equal, less
    >>> from theory.ops import constant, log, sqrt
    >>> check(failed_relation("root", equal(sqrt(2), log(4))))
    'root: 2^(1/2) = log(4) fails: the sides are 1.41421356237 and 1.38629436112'
    >>> failed_relation("root", less(sqrt(2), 2)) is None
    True
    """
    with precision(BITS[1]):
        if constants_agree(relation, Balls()):
            return None
    certificate = {"format": FORMAT, "kind": "failed relation", "claim": in_clause(clause, relation)}
    return certificate if _is_accepted(certificate) else None


def stated(relation: Relation) -> dict[str, Any]:
    """A relation as certificates hold it."""
    return {"sign": relation.sign, "sides": to_json(relation.left, relation.right)}


def in_clause(clause: str, relation: Relation) -> dict[str, Any]:
    """A relation of a clause as certificates hold it."""
    return {"clause": clause, **stated(relation)}


def failed_clauses(clauses: Sequence[Clause], findings: Sequence[Finding]) -> tuple[dict[str, Any], ...]:
    """The first of the relations in refuted clauses about constants that the checker sees fail, if it sees one."""
    tried = (failed_relation(c.name, relation) for c in _refuted(clauses, findings) for relation in c.relations)
    return tuple(islice(filter(None, tried), 1))


def _refuted(clauses: Sequence[Clause], findings: Sequence[Finding]) -> list[Clause]:
    names = {f.clause for f in findings if f.conclusion == REFUTED}
    return [c for c in clauses if c.name in names]


def contrary_minimiser(claim: GlobalMinimum, findings: Sequence[Finding]) -> tuple[dict[str, Any], ...]:
    """A certificate that a refuted clause fails at a rational minimiser that the claim names; none where none is.

    What the checker sees is that the objective there is not above the claimed minimum.
    """
    problem, relations = claim.problem, [r for c in _refuted(claim.clauses, findings) for r in c.relations]
    if not relations or not isinstance(problem, UnconstrainedFeatures | Minimisation) or _has_root(claim.value):
        return ()
    kind = "model" if isinstance(problem, UnconstrainedFeatures) else "minimisation"
    minimum = {kind: problem.to_json(), "value": to_json(claim.value)}
    for point in filter(None, map(rational, claim.minimisers)):
        for relation in relations:
            certificate = _certificate("counterexample", {**minimum, "everywhere": stated(relation)}, point)
            if _is_accepted(certificate):
                return (certificate,)
    return ()


def _has_root(formula: Expression) -> bool:
    """Whether a polynomial's root stands in a formula; the checker would isolate it for many points in vain."""
    return any(node.op in ("largest_root", "smallest_positive_root") for node in walk(formula))


def rational(point: Mapping[str, Expression]) -> Point | None:
    """A point of constants in rationals, None where it is not known to be rational."""
    try:
        values = Rationals().point(point)
    except Undecidable:
        return None
    return {
        name: [[_fraction(x) for x in row] for row in value] if isinstance(value, list) else _fraction(value)
        for name, value in values.items()
    }


def _fraction(value: Any) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(int(value.p), int(value.q))


def _is_accepted(certificate: dict[str, Any]) -> bool:
    try:
        check(certificate)
    except Rejected:
        return False
    return True


def _certificate(kind: str, claim: Mapping[str, Any], point: Point) -> dict[str, Any]:
    texts = {
        name: [[str(x) for x in row] for row in value] if isinstance(value, list) else str(value)
        for name, value in point.items()
    }
    return {"format": FORMAT, "kind": kind, "claim": claim, "point": texts}


def _objective(problem: UnconstrainedFeatures | Minimisation, point: Point) -> Expression:
    if isinstance(problem, UnconstrainedFeatures) and MEANS in point:
        return class_mean_objective(problem)
    return problem.objective


def _in_balls(formula: Expression, point: Point) -> Any:
    balls = Balls()
    values = {
        name: [[balls.number(x) for x in row] for row in value] if isinstance(value, list) else balls.number(value)
        for name, value in point.items()
    }
    return balls.evaluate(formula, values) + balls.number(Fraction(0))


def compare_at(left: Expression, right: Expression, point: Point) -> int:
    """The sign of left − right at a point; 0 where balls do not decide it."""
    for bits in BITS:
        with precision(bits):
            try:
                difference = _in_balls(left, point) - _in_balls(right, point)
            except Undecidable:
                continue
            if not difference.contains(0):
                return 1 if difference > 0 else -1
    return 0


def is_rounding(left: Expression, right: Expression, point: Point) -> bool:
    """Whether left ≤ right at a point up to ``TIE``, relative: floats don't see such a difference, and a tie is none.

    >>> from theory.ops import constant, log, sqrt
    >>> is_rounding(log(sqrt(2)), log(2) / 2, {}), is_rounding(sqrt(2), constant(1), {})
    (True, False)
    """
    with precision(BITS[-1]):
        try:
            x, y = _in_balls(left, point), _in_balls(right, point)
        except Undecidable:
            return False
        return bool(x - y < TIE * (1 + abs(x) + abs(y)))


def ratio_at(left: Expression, right: Expression, point: Point) -> float | None:
    """left/right at a point, from balls; None where these are wide, or the right side is not seen to be positive.

    >>> from theory.ops import constant, sqrt
    >>> ratio_at(sqrt(2), constant(2), {}) == 0.5**0.5
    True
    """
    with precision(BITS[1]):
        try:
            below, above = _in_balls(left, point), _in_balls(right, point)
        except Undecidable:
            return None
        ratio = below / above
        return float(ratio.mid()) if above > 0 and ratio.is_finite() and ratio.rad() < WIDEST else None
