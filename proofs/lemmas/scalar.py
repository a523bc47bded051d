"""The scalar problem of Dang et al. 2023, section 2.5: min over x ≥ 0 of g(x) = 1/(1 + x^M) + β x, for symbolic M.

With z = x^M/(1 + x^M) a stationary point satisfies M^M z^{M−1}(1 − z)^{M+1} = β^M, and g there is (1 − z)(1 + M z).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any, cast

import sympy as sp

from proofs.entailment import NotEntailed, sign
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, ZERO
from proofs.kernel.instances import BITS, Instance
from proofs.kernel.proof import COUNT as M
from proofs.kernel.proof import Proof, Setting
from proofs.lemmas.best_mode import falling
from proofs.lemmas.setting import later, t, x, z
from proofs.theorem import Theorem
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.claims import GlobalMinimum, Minimisation
from theory.ops import Expression, compare, constant, walk

slope_of_g = sp.Symbol("beta", positive=True)
g = 1 / (1 + x**M) + slope_of_g * x


def stationary_point(rng: Random) -> Instance:
    """A random x ≥ 0 with the β that makes it stationary, or x = 0 with any β."""
    from flint import arb, ctx, fmpq

    ctx.prec = BITS
    depth = rng.randint(1, 5)
    value = arb(fmpq(rng.randint(0, 2) and rng.randint(1, 30), 10))
    power = value**depth
    beta = depth * value ** (depth - 1) / (1 + power) ** 2 if value > 0 else arb(fmpq(rng.randint(1, 9), 4))
    low, high = sorted(rng.sample(range(1, 60), 2))
    scalars = {M: depth, x: value, z: power / (1 + power), slope_of_g: beta}
    return Instance({**scalars, t: arb(fmpq(low, 60)), later: arb(fmpq(high, 60))})


STATIONARY = Setting("a stationary point of g", stationary_point)


@cache
def scalar_proof() -> tuple[Proof, selection.Minimum]:
    """Which stationary point of g is its minimum, for all M and β.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("the scalar problem", STATIONARY)
    inside = proof.case("x > 0", x, POSITIVE)
    zero = proof.case("x = 0", x, ZERO)
    stationary = proof.stationary("stationarity", g, x, inside)
    confidence = proof.definition("confidence", z, x**M / (1 + x**M), given=[inside])
    whole = 1 + x**M
    above = proof.positive("z > 0", z, POSITIVE, [(x**M, [], 1)], times=whole, known=[inside], given=whole * confidence)
    below = proof.positive(
        "z < 1", 1 - z, POSITIVE, [(1, [], 1)], times=whole, known=[inside], given=-(whole * confidence)
    )
    known = [inside, above, below]
    balance = proof.algebra("β from x", slope_of_g - M * x ** (M - 1) / whole**2, 1 * stationary, known=[inside])
    # g − (1 − z)(1 + M z), first with β from x, then with z from x
    ratio = x**M / whole
    value = proof.algebra(
        "value at a stationary point",
        g - (1 - z) * (1 + M * z),
        x * balance - ((M - 1) - M * (z + ratio)) * confidence,
        known=known,
    )
    at_zero = proof.algebra("value at zero", g - 1, (slope_of_g - x ** (M - 1) / whole) * zero)
    powers = proof.raised("β^M from x", balance, slope_of_g, M * x ** (M - 1) / whole**2, M, known=[inside])
    lower = proof.raised("z^{M−1}", confidence, z, ratio, M - 1, known=known)
    rest = proof.algebra("1 − z from x", (1 - z) - 1 / whole, -confidence, known=known)
    upper = proof.raised("(1 − z)^{M+1}", rest, 1 - z, 1 / whole, M + 1, known=known)
    root = proof.algebra(
        "equation of a stationary point",
        M**M * z ** (M - 1) * (1 - z) ** (M + 1) - slope_of_g**M,
        M**M * (1 - z) ** (M + 1) * lower + M**M * ratio ** (M - 1) * upper - powers,
        known=known,
    )
    falls, slope = falling(proof)
    proof.require_all_used([value, at_zero, root, falls, slope])
    gain = sp.expand((g - at_zero.body) - (g - value.body))
    found = selection.best_root(gain, z, root, M**M, falls, slope)
    return proof, found


CONCLUSION = """\
g attains its minimum over x ≥ 0 at x = 0 or at a stationary point. Where β^M < (M−1)^{M−1}/M^M the only minimiser is
the root of β = M x^{M−1}/(1 + x^M)² with x^M > M − 1, which is the largest one; where β^M is larger it is x = 0; at
equality both (for M = 1 they are the same point)."""


def scalar_theorem(id: str) -> Theorem:
    """The theorem for a statement about min g."""
    proof, _ = scalar_proof()
    axioms = ("attainment", "critical", "mean value", "intermediate value")
    return Theorem(id, (("The scalar problem", proof),), CONCLUSION, axioms, entailed)


def entailed(claim: GlobalMinimum, field: AlgebraicNumbers, _: Mapping[Any, Any]) -> dict[str, str]:
    """What the theorem says about each clause of min g, at the minimisers that the claim names.

    Raises:
        NotEntailed: when the problem is not min g, or the claim does not name all of its minimisers.
    """
    problem = claim.problem
    if not isinstance(problem, Minimisation):
        raise NotEntailed("the theorem is about a scalar problem")
    name, depth, beta = _read(problem)
    order = compare(beta**depth, Fraction((depth - 1) ** (depth - 1), depth**depth))
    expected = {"beyond"} if order < 0 else {"zero"} if order > 0 or depth == 1 else {"zero", "beyond"}
    points = [{name: field.evaluate(point[name])} for point in claim.minimisers]
    kinds = [_kind(field, point[name], depth, field.evaluate(beta)) for point in points]
    if set(kinds) != expected:
        raise NotEntailed("the claimed minimisers are not those of the theorem")
    difference = field.evaluate(claim.value) - field.evaluate(problem.objective, points[0])
    answers = {"value": "" if field.is_zero(difference) else "the value is not that at the minimiser", "attained": ""}
    if claim.unique is not None:
        answers["uniqueness"] = "" if claim.unique == (len(expected) == 1) else "the number of minimisers differs"
    for clause in claim.clauses:
        answers[clause.name] = _clause(field, clause, points)
    return answers


def _clause(field: AlgebraicNumbers, clause: Any, points: list[dict[str, Any]]) -> str:
    for point in points:
        for relation in clause.relations:
            difference = (
                field.number(Fraction(0)) + field.evaluate(relation.left, point) - field.evaluate(relation.right, point)
            )
            found = sign(field, difference)
            if not {"=": found == 0, "≤": found <= 0, "<": found < 0}[relation.sign]:
                return "a relation fails at a minimiser"
    return ""


def _kind(field: AlgebraicNumbers, value: Any, depth: int, beta: Any) -> str:
    """Whether a point is zero, or the root with x^M > M − 1 (at M = 1: x > 0)."""
    if (type(value) is int and value == 0) or field.is_zero(field.number(Fraction(0)) + value):
        return "zero"
    one, M_value = field.number(Fraction(1)), field.number(Fraction(depth))
    equation = beta * (one + value**depth) ** 2 - M_value * value ** (depth - 1)
    beyond = value**depth - field.number(Fraction(depth - 1))
    at_start = sign(field, beyond)
    if not field.is_zero(equation) or sign(field, value) <= 0 or at_start < 0:
        raise NotEntailed("a claimed minimiser is not a root of the stationarity equation with x^M ≥ M − 1")
    return "beyond"


def _read(problem: Minimisation) -> tuple[str, int, Expression]:
    """The variable, M and β of an objective that is literally 1/(1 + x^M) + β x."""
    (name,) = problem.variables
    variable = problem.variables[name]
    powers = [n for n in walk(problem.objective) if n.op == "power" and n.args[0] is variable]
    depth = int(cast(Any, powers[0].data)) if powers else 1
    slopes = [n.args[0] for n in walk(problem.objective) if n.op == "scale" and n.args[1] is variable]
    for beta in (constant(1), *(slope for slope in slopes if not slope.variables)):
        literal = problem.objective is 1 / (1 + variable**depth) + beta * variable
        if literal and problem.nonnegative == frozenset([name]) and compare(beta, constant(0)) > 0:
            return name, depth, beta
    raise NotEntailed("the objective is not 1/(1 + x^M) + β x over x ≥ 0")
