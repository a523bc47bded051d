"""Counterexamples: rational points at which a claim fails, decided in balls and written down for anyone to re-check.

A certificate of kind ``counterexample`` holds the problem and the claimed minimum, or the two sides of an inequality,
and the point. What it shows is strict, so a ball decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theory.arithmetic.interpreters import Balls, Undecidable, precision
from theory.claims import Inequality, Minimisation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, from_json, to_json
from theory.reductions import MEANS, class_mean_objective
from verify.checker import FORMAT, Rejected, number

BITS = (128, 512, 2048)
"""Precisions tried in turn to separate two numbers."""

Point = Mapping[str, Any]
"""Values of all variables: a rational, or rows of rationals; ``M`` in place of ``H`` stands for class means."""


def lower_point(
    problem: UnconstrainedFeatures | Minimisation, point: Point, value: Expression
) -> dict[str, Any] | None:
    """A certificate that the objective at the point is strictly below ``value``, or None when balls do not show it.

    >>> from theory.ops import constant
    >>> model = UnconstrainedFeatures(class_sizes=(1,), decays=1)
    >>> found = lower_point(model, {"W_1": [[Fraction(0)]], "H": [[Fraction(0)]]}, constant(1))
    >>> recheck(found)
    'the objective at a rational point is 0.5, strictly below the claimed minimum 1'
    """
    objective = _objective(problem, point)
    if compare_at(objective, value, point) >= 0:
        return None
    kind = "model" if isinstance(problem, UnconstrainedFeatures) else "minimisation"
    return _certificate({kind: problem.to_json(), "value": to_json(value)}, point)


def violation(claim: Inequality, point: Point) -> dict[str, Any] | None:
    """A certificate that left > right strictly at the point, or None when balls do not show it."""
    if compare_at(claim.left, claim.right, point) <= 0:
        return None
    return _certificate({"sides": to_json(claim.left, claim.right)}, point)


def recheck(certificate: Mapping[str, Any]) -> str:
    """Evaluate a counterexample anew from its JSON and say what it shows.

    Raises:
        Rejected: when the point does not fail the claim that the certificate states.
    """
    try:
        claim, point = certificate["claim"], _read(certificate["point"])
        if "sides" in claim:
            left, right = from_json(claim["sides"])
            if compare_at(left, right, point) <= 0:
                raise Rejected("the left side is not strictly above the right side at the point")
            return "the left side of the inequality is strictly above the right side at a rational point"
        (value,) = from_json(claim["value"])
        objective = _stated_objective(claim, point)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Rejected(f"not a counterexample that can be read: {error}") from error
    if compare_at(objective, value, point) >= 0:
        raise Rejected("the objective at the point is not strictly below the claimed minimum")
    reached, claimed = _shown(objective, point), _shown(value, {})
    return f"the objective at a rational point is {reached}, strictly below the claimed minimum {claimed}"


def _certificate(claim: Mapping[str, Any], point: Point) -> dict[str, Any]:
    texts = {
        name: [[str(x) for x in row] for row in value] if isinstance(value, list) else str(value)
        for name, value in point.items()
    }
    return {"format": FORMAT, "kind": "counterexample", "claim": claim, "point": texts}


def _read(texts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [[number(x) for x in row] for row in value] if isinstance(value, list) else number(value)
        for name, value in texts.items()
    }


def _objective(problem: UnconstrainedFeatures | Minimisation, point: Point) -> Expression:
    if isinstance(problem, UnconstrainedFeatures) and MEANS in point:
        return class_mean_objective(problem)
    return problem.objective


def _stated_objective(claim: Mapping[str, Any], point: Point) -> Expression:
    if "model" in claim:
        return _objective(UnconstrainedFeatures.from_json(claim["model"]), point)
    stated = claim["minimisation"]
    if any(point[name] < 0 for name in stated["nonnegative"]):
        raise Rejected("the point lies outside the problem's domain")
    return from_json(stated["objective"])[0]


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


def _shown(formula: Expression, point: Point) -> str:
    with precision(BITS[-1]):
        return f"{float(_in_balls(formula, point)):.12g}"
