"""The kinds of theorem about a minimum over one number x ≥ 0, and what the answers of all kinds assume of its root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, cast

import sympy as sp

from proofs.entailment import NotEntailed, sign
from proofs.kernel import selection
from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected, is_zero
from proofs.kernel.setting import COUNT as M
from proofs.kernel.setting import Setting
from proofs.lemmas import setting as s
from proofs.lemmas.setting import STATIONARY
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.claims import Clause, GlobalMinimum, Minimisation
from theory.ops import Expression, FormulaError, compare, constant, walk

Proofs = Mapping[Setting, Proof]
"""The proof of a theorem about each setting."""

Answers = dict[str, str]
"""For each clause the empty text where the theorem entails it, else why it does not."""

PROFILE = s.t ** (M - 1) * (1 - s.t) ** (M + 1)
GAIN = s.t * (M * s.t - (M - 1))
START = (M - 1) / M


def require(condition: bool, what: str) -> None:
    """That a theorem has a step.

    Raises:
        Rejected: with what the step says.
    """
    if not condition:
        raise Rejected(f"the theorem needs a step that says: {what}")


def require_best(found: selection.Minimum, level: sp.Expr) -> None:
    """What the answers assume about the best root of a mode."""
    same = [(found.profile, PROFILE), (found.gain, GAIN), (found.start, START), (found.level, level)]
    require(found.variable == s.t and all(is_zero(x - y) for x, y in same), "p, γ, a and the level of a mode")


@dataclass(frozen=True, eq=False)
class ScalarMinimum:
    """min over x ≥ 0 of g(x) = 1/(1 + x^M) + β x."""

    value: Fact
    at_zero: Fact
    above_zero: Fact
    below_one: Fact
    root: Fact
    falls: Fact
    slope: Fact

    cites: ClassVar[tuple[str, ...]] = ("attainment", "critical", "mean value", "intermediate value")
    says: ClassVar[str] = """\
g attains its minimum over x ≥ 0 at x = 0 or at a stationary point. Where β^M < (M−1)^{M−1}/M^M the only minimiser is
the root of β = M x^{M−1}/(1 + x^M)² with x^M > M − 1, which is the largest one; where β^M is larger it is x = 0; at
equality both (for M = 1 they are the same point)."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {STATIONARY: tuple(vars(self).values())}

    def check(self, proofs: Proofs) -> None:
        """That the steps give the value at both kinds of point, and which root is best.

        Raises:
            Rejected: when one does not.
        """
        proof, inside, at_zero = proofs[STATIONARY], [(s.x, POSITIVE)], [(s.x, ZERO)]
        share = (1 - s.z) * (1 + M * s.z)
        require(selection.states(proof, self.value, s.g - share, cases=inside), "the value at a stationary point")
        require(selection.states(proof, self.at_zero, s.g - 1, cases=at_zero), "the value at zero")
        require(selection.states(proof, self.above_zero, s.z, POSITIVE, inside), "z > 0")
        require(selection.states(proof, self.below_one, 1 - s.z, POSITIVE, inside), "z < 1")
        require(selection.confined(self.root, inside), "the equation of a stationary point")
        defined = [step for step in proof.below([self.root]) if step.rule == "definition"]
        odds = s.x**M / (1 + s.x**M)
        require(
            len(defined) == 1 and selection.states(proof, defined[0].fact, s.z - odds, cases=inside),
            "z = x^M/(1 + x^M)",
        )
        gain, parameters = sp.expand(1 - share), frozenset([s.slope_of_g, M])
        found = selection.best_root(proof, gain, s.z, self.root, M**M, self.falls, self.slope, parameters)
        require_best(found, s.slope_of_g**M)

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> Answers:
        """What the theorem says about each clause of min g, at the minimisers that the claim names: all of them."""
        problem = claim.problem if type(claim) is GlobalMinimum else None
        if type(problem) is not Minimisation or not isinstance(field, AlgebraicNumbers):
            raise NotEntailed("the theorem is about a scalar problem, in a field of exact numbers")
        name, depth, beta = _read(problem)
        order = _order(beta**depth, Fraction((depth - 1) ** (depth - 1), depth**depth))
        expected = {"beyond"} if order < 0 else {"zero"} if order > 0 or depth == 1 else {"zero", "beyond"}
        kinds = [_kind(field, field.evaluate(point[name]), depth, field.evaluate(beta)) for point in claim.minimisers]
        return _at_minimisers(claim, field, kinds, expected)


@dataclass(frozen=True, eq=False)
class ScaleMinimum:
    """min over y ≥ 0 of (1 − y^{M+1})²/2 + (M+1)/2 c y²: the loss of a fit at each scale."""

    value: Fact
    at_zero: Fact
    outputs: Fact
    above_zero: Fact
    below_one: Fact
    root: Fact
    falls: Fact
    slope: Fact

    cites: ClassVar[tuple[str, ...]] = ("attainment", "critical", "mean value", "intermediate value")
    says: ClassVar[str] = """\
The loss (1 − p)²/2 + (M+1)/2 c p^{2/(M+1)} with p = y^{M+1} attains its minimum over y ≥ 0 at y = 0, with 1/2, or at a
stationary point, with (1 − p)(1 + M p)/2. Where c^{M+1} < (M−1)^{M−1}/M^{2M} the only minimiser is the root of
(1 − y^{M+1}) y^{M−1} = c with p > (M−1)/M, which is the largest one; where c^{M+1} is larger it is y = 0; at equality
both, with p = (M−1)/M (for M = 1 they are the same point)."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        return {s.SCALE: tuple(vars(self).values())}

    def check(self, proofs: Proofs) -> None:
        """That the steps give the value at both kinds of point, and which root is best.

        Raises:
            Rejected: when one does not.
        """
        proof, inside, at_zero = proofs[s.SCALE], [(s.x, POSITIVE)], [(s.x, ZERO)]
        share = (1 - s.z) * (1 + M * s.z)
        require(selection.states(proof, self.value, s.fit - share / 2, cases=inside), "the loss at a stationary point")
        require(selection.states(proof, self.at_zero, s.fit - sp.Rational(1, 2), cases=at_zero), "the loss at zero")
        require(selection.states(proof, self.outputs, s.z - s.x ** (M + 1), cases=inside), "z = y^{M+1}")
        require(selection.states(proof, self.above_zero, s.z, POSITIVE, inside), "z > 0")
        require(selection.states(proof, self.below_one, 1 - s.z, POSITIVE, inside), "z < 1")
        require(selection.confined(self.root, inside), "the equation of a stationary point")
        gain, parameters = sp.expand(1 - share), frozenset([s.load, M])
        one = sp.Integer(1)
        found = selection.best_root(proof, gain, s.z, self.root, one, self.falls, self.slope, parameters)
        require_best(found, s.load ** (M + 1))

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> Answers:
        """What the theorem says about each clause, at the minimisers that the claim names: all of them."""
        problem = claim.problem if type(claim) is GlobalMinimum else None
        if type(problem) is not Minimisation or not isinstance(field, AlgebraicNumbers):
            raise NotEntailed("the theorem is about a scalar problem, in a field of exact numbers")
        name, depth, load = _read_fit(problem)
        order = _order(load ** (depth + 1), Fraction((depth - 1) ** (depth - 1), depth ** (2 * depth)))
        expected = {"beyond"} if order < 0 else {"zero"} if order > 0 or depth == 1 else {"zero", "beyond"}
        kinds = [_kind_of_fit(field, field.evaluate(p[name]), depth, field.evaluate(load)) for p in claim.minimisers]
        return _at_minimisers(claim, field, kinds, expected)


def _at_minimisers(claim: GlobalMinimum, field: AlgebraicNumbers, kinds: list[str], expected: set[str]) -> Answers:
    """The answers for a claim that names minimisers of these kinds, where those expected are all there are."""
    if set(kinds) != expected:
        raise NotEntailed("the claimed minimisers are not those of the theorem")
    points = [{name: field.evaluate(value) for name, value in point.items()} for point in claim.minimisers]
    difference = field.evaluate(claim.value) - field.evaluate(cast(Minimisation, claim.problem).objective, points[0])
    answers = {
        "value": "" if field.is_zero(difference) else "the value is not that at the minimiser",
        "attained": "",
    }
    if claim.unique is not None:
        answers["uniqueness"] = "" if claim.unique == (len(expected) == 1) else "the number of minimisers differs"
    for clause in claim.clauses:
        answers[clause.name] = _clause(field, clause, points)
    return answers


def _clause(field: AlgebraicNumbers, clause: Clause, points: list[dict[str, Any]]) -> str:
    for point in points:
        for relation in clause.relations:
            if relation.left.shape:
                return "a relation between matrices"
            difference = (
                field.number(Fraction(0)) + field.evaluate(relation.left, point) - field.evaluate(relation.right, point)
            )
            found = sign(field, difference)
            if not {"=": found == 0, "≤": found <= 0, "<": found < 0}[relation.sign]:
                return "a relation fails at a minimiser"
    return ""


def _order(left: Expression, right: Any) -> int:
    """−1, 0 or 1, for products of radicals."""
    try:
        return compare(left, right)
    except FormulaError as reason:
        raise NotEntailed(f"a constant of the problem is not compared: {reason}") from reason


def _is_zero(field: AlgebraicNumbers, value: Any) -> bool:
    return (type(value) is int and value == 0) or field.is_zero(field.number(Fraction(0)) + value)


def _kind(field: AlgebraicNumbers, value: Any, depth: int, beta: Any) -> str:
    """Whether a point is zero, or the root with x^M > M − 1 (at M = 1: x > 0)."""
    if _is_zero(field, value):
        return "zero"
    one, M_value = field.number(Fraction(1)), field.number(Fraction(depth))
    equation = beta * (one + value**depth) ** 2 - M_value * value ** (depth - 1)
    beyond = value**depth - field.number(Fraction(depth - 1))
    at_start = sign(field, beyond)
    if not field.is_zero(equation) or sign(field, value) <= 0 or at_start < 0:
        raise NotEntailed("a claimed minimiser is not a root of the stationarity equation with x^M ≥ M − 1")
    return "beyond"


def _kind_of_fit(field: AlgebraicNumbers, value: Any, depth: int, load: Any) -> str:
    """Whether a point is zero, or the root of (1 − y^{M+1}) y^{M−1} = c with y^{M+1} ≥ (M−1)/M."""
    if _is_zero(field, value):
        return "zero"
    outputs = value ** (depth + 1)
    equation = (field.number(Fraction(1)) - outputs) * value ** (depth - 1) - load
    beyond = outputs - field.number(Fraction(depth - 1, depth))
    if not field.is_zero(equation) or sign(field, value) <= 0 or sign(field, beyond) < 0:
        raise NotEntailed("a claimed minimiser is not a root of the stationarity equation with p ≥ (M−1)/M")
    return "beyond"


def _read_fit(problem: Minimisation) -> tuple[str, int, Expression]:
    """The variable, M and c of an objective that is literally h (1 − y^{M+1})² + h (M+1) c y² with h > 0."""
    if len(problem.variables) != 1:
        raise NotEntailed("the theorem is about one variable")
    ((name, y),) = problem.variables.items()
    nodes = list(walk(problem.objective))
    powers = [int(cast(Any, n.data)) for n in nodes if n.op == "power" and n.args[0] is y]
    factors = [n.args[0] for n in nodes if n.op == "scale" and n.args[1] is y**2 and not n.args[0].variables]
    costs = [constant(1), *factors]
    depth = max(powers, default=0) - 1
    fit = (1 - y ** (depth + 1)) ** 2 if not y.shape and depth >= 1 else None
    halves = [constant(1), *(n.args[0] for n in nodes if n.op == "scale" and n.args[1] is fit)]
    candidates = [(half, cost / (half * (depth + 1))) for cost in costs for half in halves]
    candidates += [(cost.args[0] / (depth + 1), cost.args[1]) for cost in costs if cost.op == "scale"]
    for half, load in candidates if fit is not None and problem.nonnegative == frozenset([name]) else []:
        if isinstance(half.data, Fraction) and half.data > 0:
            written = half * fit + half * (depth + 1) * load * y**2
            if problem.objective is written and _order(load, constant(0)) > 0:
                return name, depth, load
    raise NotEntailed("the objective is not h (1 − y^{M+1})² + h (M+1) c y² over y ≥ 0")


def _read(problem: Minimisation) -> tuple[str, int, Expression]:
    """The variable, M and β of an objective that is literally 1/(1 + x^M) + β x."""
    if len(problem.variables) != 1:
        raise NotEntailed("the theorem is about one variable")
    (name,) = problem.variables
    variable = problem.variables[name]
    powers = [n for n in walk(problem.objective) if n.op == "power" and n.args[0] is variable]
    depth = int(cast(Any, powers[0].data)) if powers else 1
    slopes = [n.args[0] for n in walk(problem.objective) if n.op == "scale" and n.args[1] is variable]
    for beta in (constant(1), *(slope for slope in slopes if not slope.variables)):
        if depth < 1 or variable.shape or problem.nonnegative != frozenset([name]):
            break
        if problem.objective is 1 / (1 + variable**depth) + beta * variable and _order(beta, constant(0)) > 0:
            return name, depth, beta
    raise NotEntailed("the objective is not 1/(1 + x^M) + β x over x ≥ 0")
