"""Counterexamples: rational points at which a claim fails, decided in balls and written down for anyone to re-check.

A certificate of kind ``counterexample`` holds the problem, the claimed minimum and the point, an ``inequality witness``
the two sides and the point. What they show is strict, so a ball decides; ``verify.checker`` evaluates them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theory.arithmetic.interpreters import Balls, Undecidable, precision
from theory.claims import Inequality, Minimisation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, to_json
from theory.reductions import MEANS, class_mean_objective
from verify.checker import FORMAT

BITS = (128, 512, 2048)
"""Precisions tried in turn to separate two numbers."""

Point = Mapping[str, Any]
"""Values of all variables: a rational, or rows of rationals; ``M`` in place of ``H`` stands for class means."""


def lower_point(
    problem: UnconstrainedFeatures | Minimisation, point: Point, value: Expression
) -> dict[str, Any] | None:
    """A certificate that the objective at the point is strictly below ``value``, or None when balls do not show it.

    >>> from theory.ops import constant
    >>> from verify import checker
    >>> model = UnconstrainedFeatures(class_sizes=(1,), decays=1)
    >>> found = lower_point(model, {"W_1": [[Fraction(0)]], "H": [[Fraction(0)]]}, constant(1))
    >>> checker.check(found).split(" for ")[0]
    'at a rational point the objective'
    """
    objective = _objective(problem, point)
    if compare_at(objective, value, point) >= 0:
        return None
    kind = "model" if isinstance(problem, UnconstrainedFeatures) else "minimisation"
    return _certificate("counterexample", {kind: problem.to_json(), "value": to_json(value)}, point)


def violation(claim: Inequality, point: Point) -> dict[str, Any] | None:
    """A certificate that left > right strictly at the point, or None when balls do not show it."""
    if compare_at(claim.left, claim.right, point) <= 0:
        return None
    return _certificate("inequality witness", {"sides": to_json(claim.left, claim.right)}, point)


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
