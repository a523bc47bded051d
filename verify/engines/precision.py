"""The precision engine: balls and 60-digit numbers at the published closed form, and exact two-sided bounds.

Value: a certificate (``verify.certificate``) encloses the minimum without using any published formula; the claimed
value must lie in it. Minimisers: objective, gradient and curvature at the published point in balls. Clauses: both sides
in balls at published minimisers, in random rational rotations. Critical points of small problems of two factors:
clauses and curvature in boxes in which one is shown to exist (``verify.methods.stationary``). A ball that contains 0
decides nothing: such a finding is ``numerical``; a ball that excludes 0 refutes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, islice, pairwise, product
from math import log, prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

from theory.arithmetic.interpreters import Balls, Undecidable, positive_roots, precision
from theory.claims import (
    Clause,
    Convergence,
    CriticalPoints,
    Experiment,
    GlobalMinimum,
    Identity,
    Inequality,
    Minimisation,
    NotGlobalMinimum,
    Point,
    Spectrum,
)
from theory.closed_form.relu import norm_chain
from theory.closed_form.spread import spread_bound
from theory.model import UnconstrainedFeatures
from theory.ops import Expression
from theory.reductions import MEANS, class_mean_objective
from theory.statement import Instance
from verify import checker
from verify.certificate import geometry, threshold_identities, two_sided_bound
from verify.enclosures import by_norms, stays_above
from verify.methods import spectra
from verify.methods.enclosed import (
    SMALL,
    agree,
    as_ball,
    assemble,
    certified_minimisers,
    clause_finding,
    constants_finding,
    mode_frames,
    pairs,
)
from verify.methods.equations import Equations, meets
from verify.methods.exact_points import collapsed_means, objective_at, rotate
from verify.verdict import Evidence, Finding, Unable, holds, refuted, undecided
from verify.witness import failed_clauses, rational, violation

if TYPE_CHECKING:
    from verify.engines import Settings
    from verify.methods.stationary import Stationary

INSTANCES = {"quick": 10, "full": 300}

BITS = 320
"""Working precision: 60 digits after the losses of some hundred operations."""

GAP = Fraction(1, 10**30)
"""Largest gap of a certificate, relative to its upper end, with which a claimed value is called certified."""

DIRECTIONS = 3
"""Random directions in which gradient and curvature are examined at each published minimiser."""

SLOWING = 0.5
"""A distance that falls as a power of the parameter keeps its order; to a wrong limit the order falls to 0."""

LARGEST = 60
"""Entries of all variables up to which critical points are enclosed: the Hessian takes as many evaluations in balls."""

CURVED = Fraction(1, 10**20)
"""Excess over a bound on the least eigenvalue that is not told from equality: an eigenvector in floats misses 1e-30."""

AT_KNOWN = "a critical point that is shown to exist"
"""Where a clause is examined."""

SAMPLES = 20
"""Random rational points at which an inequality is evaluated."""


def examine(instance: Instance, settings: Settings) -> Evidence:
    """Examine one claim in balls.

    Raises:
        Unable: for a claim that it has no way to enclose.
    """
    start, claim = perf_counter(), instance.claim
    certificates: tuple[Mapping[str, Any], ...] = ()
    uses: tuple[str, ...] = ()
    numbers: dict[str, Any] = {}
    with precision(BITS):
        if isinstance(claim, CriticalPoints):
            findings, numbers = _critical_points(claim, settings.seed)
        elif isinstance(claim, Inequality):
            findings, certificates = _inequality(claim, settings.seed)
        elif isinstance(claim, Identity):
            findings = [constants_finding(c, Balls()) for c in claim.clauses]
            certificates = failed_clauses(claim.clauses, findings)
        elif isinstance(claim, Convergence):
            findings = [*(constants_finding(c, Balls()) for c in claim.clauses), _limit(claim)]
            certificates = failed_clauses(claim.clauses, findings)
        elif isinstance(claim, Spectrum):
            findings = spectra.in_balls(claim)
        elif isinstance(claim, Experiment):
            raise Unable("what a program measures is numerical")
        elif isinstance(claim, NotGlobalMinimum):
            findings = _not_beaten(claim)
        elif isinstance(claim.problem, UnconstrainedFeatures) and not claim.problem.has_modes:
            findings = _relu_minimum(claim, claim.problem)
        elif isinstance(claim.problem, UnconstrainedFeatures):
            certificate, where = two_sided_bound(claim.problem), geometry(claim.problem)
            certificates = (certificate, where, *threshold_identities(claim.problem))
            uses = ("dang2023-schatten", *checker.ASSUMPTIONS)
            findings = _model_minimum(claim, claim.problem, certificate, settings.seed)
            findings = _at_every_minimiser(claim, claim.problem, findings, where, settings.seed)
            numbers = {name: certificate[name] for name in ("low", "high")}
            numbers["claimed"] = _shown(claim.value)
        elif isinstance(claim.problem, Minimisation):
            findings = _scalar_minimum(claim, claim.problem)
        else:
            raise Unable(f"no enclosure for {claim.kind}")
    return Evidence("precision", tuple(findings), perf_counter() - start, numbers, uses, certificates)


def _shown(value: Expression) -> str:
    return str(as_ball(Balls().evaluate(value)).str(40, radius=False))


# -------------------------------------------------------------------------------------------------- minima of a model


def _model_minimum(
    claim: GlobalMinimum, model: UnconstrainedFeatures, certificate: Mapping[str, Any], seed: int
) -> list[Finding]:
    checker.check(certificate)
    low, high, balls = Fraction(certificate["low"]), Fraction(certificate["high"]), Balls()
    findings = [_value(as_ball(balls.evaluate(claim.value)), low, high)]
    points = [balls.point(point) for point in claim.minimisers]
    attained = [_attained(model, balls, values, low, high, seed) for values in points]
    if points:
        findings.append(next((f for f in attained if f.conclusion != "holds"), attained[0]))
    genuine = [values for values, f in zip(points, attained, strict=True) if f.conclusion == "holds"]
    turned = [rotate(model, balls, values, seed + i) for i, values in enumerate(genuine)]
    findings += [clause_finding(c, turned, balls) for c in claim.clauses]
    return findings + _uniqueness(claim, model, balls, [*genuine, *turned])


def _at_every_minimiser(
    claim: GlobalMinimum, model: UnconstrainedFeatures, findings: list[Finding], where: Mapping[str, Any], seed: int
) -> list[Finding]:
    """A clause also fails where the minimisers are certified to be, whether or not the claim names these."""
    checker.check(where)
    balls = Balls()
    points = certified_minimisers(model, where, balls, seed)
    failed = {c.name: f for c in claim.clauses if (f := clause_finding(c, points, balls)).conclusion == "refuted"}
    return [failed.get(f.clause, f) for f in findings]


def _below_norm_bound(model: Any, value: Expression) -> str:
    """Why no point can have a value, where a bound by norms says so; else empty."""
    if not isinstance(model, UnconstrainedFeatures) or model.has_bias:
        return ""
    if model.loss in ("ce", "label-smoothing"):
        above = stays_above(*by_norms(model), value)
        return "every point has more, by the norms of its factors and the contrast of the loss" if above else ""
    if model.loss != "mse":
        return ""
    claimed = as_ball(Balls().evaluate(value))
    for bound in _bounds(model, Fraction(float(claimed.mid()))):
        if claimed < Balls().number(bound):
            return f"every point has at least {float(bound):.12g}, by the norms of its factors"
    return ""


def _bounds(model: UnconstrainedFeatures, claimed: Fraction) -> Iterator[Fraction]:
    """Lower bounds on the minimum, coarse ones first."""
    yield norm_chain(model).low
    if model.balanced and model.M > 1 and model.K > 2:
        yield spread_bound(model, claimed)


def _not_beaten(claim: NotGlobalMinimum) -> list[Finding]:
    reason = _below_norm_bound(claim.problem, claim.value)
    if not reason:
        raise Unable("a point that is lower is for a search; the bound by norms does not exclude it")
    return [refuted("beaten", reason)]


def _relu_minimum(claim: GlobalMinimum, model: UnconstrainedFeatures) -> list[Finding]:
    """Objective and clauses at the claimed minimisers, and the bound by norms; nothing derives the minimum itself."""
    balls = Balls()
    points = [balls.point(point) for point in claim.minimisers]
    reached = [as_ball(objective_at(model, balls, values)) for values in points]
    return _at_claimed_minimisers(claim, points, reached, _below_norm_bound(model, claim.value))


def _at_claimed_minimisers(
    claim: GlobalMinimum, points: Sequence[Mapping[str, Any]], reached: Sequence[Any], reason: str = ""
) -> list[Finding]:
    """What the objective ``reached`` at the claimed minimisers says; ``reason`` if the value is known to be too low.

    A clause that fails there is refuted; one that does not may fail at minimisers that the claim does not name.
    """
    balls = Balls()
    value = as_ball(balls.evaluate(claim.value))
    at_points = [clause_finding(c, points, balls) for c in claim.clauses if points]
    findings = [f for f in at_points if f.conclusion == "refuted"]
    lower, differing = [y for y in reached if y < value], [y for y in reached if agree(y, value) is False]
    reason = f"a claimed minimiser has {lower[0].str(15, radius=False)}" if lower else reason
    if reason:
        findings.append(refuted("value", reason))
    if differing:
        shown = [x.str(15, radius=False) for x in (differing[0], value)]
        findings.append(refuted("attained", f"the objective is {shown[0]} at a claimed minimiser, not {shown[1]}"))
    elif points:
        findings.append(holds("attained", "numerical", "to 60 digits"))
    if not findings:
        raise Unable("no minimum is derived here, and no claimed minimiser is there to be evaluated")
    return findings


def _uniqueness(
    claim: GlobalMinimum, model: UnconstrainedFeatures, balls: Balls, points: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """Published minimisers and their images under the problem's symmetries: do their logits differ?"""
    if claim.unique is None or not points:
        return []
    first, *others = [balls.evaluate(model.product @ model.mean_features, values) for values in points]
    differ = any(agree(x, y) is False for Z in others for x, y in pairs(first, Z))
    if differ and claim.unique:
        return [refuted("uniqueness", "two minimisers, exchanged by a symmetry, have different logits")]
    if differ:
        return [holds("uniqueness", "numerical", "two published minimisers have different logits")]
    return []


def _value(claimed: Any, low: Fraction, high: Fraction) -> Finding:
    number = Balls().number
    if claimed < number(low) or claimed > number(high):
        return refuted(
            "value", f"claimed {claimed.str(15, radius=False)}, certified in [{float(low)!r}, {float(high)!r}]"
        )
    allowed = GAP * high
    if claimed.rad() <= number(allowed) and high - low <= allowed:
        detail = f"within a certified enclosure of width {float(high - low):.1e}"
        return holds("value", "certified", detail, tolerance=float(GAP))
    return undecided("value", f"inside an enclosure of width {float(high - low):.1e}, too wide to call")


def _attained(
    model: UnconstrainedFeatures, balls: Balls, values: Mapping[str, Any], low: Fraction, high: Fraction, seed: int
) -> Finding:
    objective = as_ball(objective_at(model, balls, values))
    if objective > balls.number(high):
        return refuted(
            "attained",
            f"the objective at a published minimiser is {objective.str(15, radius=False)}, "
            f"the minimum at most {float(high)!r}",
        )
    rng = random.Random(seed)
    for _ in range(DIRECTIONS):
        slope, curvature = _along(model, values, rng)
        if not slope.contains(0):
            return refuted("attained", f"the gradient at a published minimiser is not zero: {slope.str(10)}")
        if curvature < -balls.number(SMALL):
            return undecided("attained", f"candidate: negative curvature {curvature.str(10)} at a published minimiser")
    if objective.rad() <= balls.number(GAP * high):
        return holds("attained", "numerical", "objective, gradient and curvature to 60 digits")
    return undecided("attained", "the objective could not be enclosed tightly")


class _Lines(Balls):
    """Balls along a line: each entry is a polynomial in t, so the objective's Taylor coefficients come out exactly."""

    def number(self, value: Fraction) -> Any:
        from flint import arb_poly

        return arb_poly([super().number(value)])

    def power(self, node: Expression, base: Any, exponent: Fraction) -> Any:
        from flint import arb_poly

        if isinstance(base, arb_poly) and base.degree() <= 0:
            constant = base.coeffs()[0] if base.degree() == 0 else 0
            return arb_poly([as_ball(super().power(node, constant, exponent))])
        raise Undecidable("a power along a line is not needed for a polynomial objective")

    def root(self, node: Expression, coefficients: Sequence[Any]) -> Any:
        raise Undecidable("no roots along a line")


def _along(model: UnconstrainedFeatures, values: Mapping[str, Any], rng: random.Random) -> tuple[Any, Any]:
    """First and second Taylor coefficient of the objective along a random sparse direction."""
    from flint import arb, arb_poly

    means = collapsed_means(model, values)
    if means is None:
        raise Undecidable("the published features are not collapsed")
    start = {**values, MEANS: means}
    moved = {}
    for name in (*(f"W_{m}" for m in range(1, model.M + 1)), MEANS, *(["b"] if model.has_bias else [])):
        matrix = start[name]
        places = {(rng.randrange(min(len(matrix), 8)), rng.randrange(min(len(matrix[0]), 8))) for _ in range(6)}
        moved[name] = [
            [
                arb_poly([as_ball(x), arb(rng.randint(-5, 5) or 1)])
                if (i, j) in places
                else (0 if isinstance(x, int) else arb_poly([x]))
                for j, x in enumerate(row)
            ]
            for i, row in enumerate(matrix)
        ]
    coefficients = _Lines().evaluate(class_mean_objective(model), moved).coeffs()
    coefficients += [arb(0)] * 3
    return coefficients[1], coefficients[2]


# ---------------------------------------------------------------------------------------------------- critical points


def _critical_points(claim: CriticalPoints, seed: int) -> tuple[list[Finding], dict[str, Any]]:
    """The clauses at critical points built mode by mode; for other problems at those that are shown to exist."""
    model = claim.problem
    if claim.curvature is None and isinstance(model, UnconstrainedFeatures) and model.has_modes:
        return _at_modes(claim, model, seed), {}
    try:
        return _at_known_points(claim, seed)
    except Undecidable as reason:
        raise Unable(f"critical points are not enclosed: {reason}") from reason


def _at_modes(claim: CriticalPoints, model: UnconstrainedFeatures, seed: int) -> list[Finding]:
    """The clauses at critical points built mode by mode from roots of the stationarity equation."""
    balls = Balls()
    points = [rotate(model, balls, p, seed + i) for i, p in enumerate(_saddles(model, balls))]
    findings = []
    for c in claim.clauses:
        found = clause_finding(c, points, balls, "a critical point")
        # the points are critical by a derivation in balls, which cannot show that a gradient is exactly zero
        findings.append(undecided(c.name, f"candidate: {found.detail}") if found.conclusion == "refuted" else found)
    return findings


def _at_known_points(claim: CriticalPoints, seed: int) -> tuple[list[Finding], dict[str, Any]]:
    """Each clause at boxes with a critical point of a small problem of two factors; what fails there is refuted."""
    from verify.methods.stationary import Stationary, known

    if sum(prod(v.shape) for v in claim.problem.variables.values()) > LARGEST:
        raise Unable("the problem is too large to enclose critical points of any rank")
    balls, points = Balls(), known(claim.problem, seed)
    findings = [_merged(c.name, [clause_finding(c, [p.box], balls, AT_KNOWN) for p in points]) for c in claim.clauses]
    if claim.curvature is not None:
        stationary = Stationary(claim.problem)
        findings.append(_merged("curvature", [_curvature(claim.curvature, stationary, p.box) for p in points]))
    if all(f.conclusion == "undecided" for f in findings):
        raise Unable("no critical point decides anything")
    ranks = [p.rank for p in points]
    return findings, {"ranks": ", ".join(f"{r}: {ranks.count(r)}" for r in sorted(set(ranks)))}


def _merged(name: str, at_points: Sequence[Finding]) -> Finding:
    """One finding about a clause from those at single points."""
    for found in at_points:
        if found.conclusion == "refuted":
            return found
    kept = sum(found.conclusion == "holds" for found in at_points)
    if not kept:
        return undecided(name, "no critical point was enclosed at which it is decided")
    return holds(name, "numerical", f"at {kept} of {len(at_points)} critical points that are shown to exist")


def _curvature(bound: Expression, stationary: Stationary, box: Mapping[str, Any]) -> Finding:
    """The least eigenvalue of the Hessian against the bound, which may be an equation: ``CURVED`` is left open."""
    from verify.methods.stationary import exceeds, undercuts

    balls = Balls()
    try:
        claimed = as_ball(balls.evaluate(bound, box))
    except Undecidable as reason:
        return undecided("curvature", str(reason))
    hessian = stationary.hessian(box, stationary.places)
    if exceeds(hessian, claimed):
        return refuted("curvature", f"every eigenvalue is above {claimed.str(12, radius=False)} at {AT_KNOWN}")
    if undercuts(hessian, claimed + balls.number(CURVED)):
        return holds("curvature", "numerical", "an eigenvalue is at most the bound")
    return undecided("curvature", "the balls do not decide")


def _saddles(model: UnconstrainedFeatures, balls: Balls) -> list[dict[str, Any]]:
    """Critical points with each mode off, at its small root or at its large root (x from b/μ = M xᴹ⁻¹/(1 + xᴹ)²)."""
    if model.has_bias and not model.balanced:
        return [assemble(model, balls, [])]
    frames = mode_frames(model, balls)
    choices = []
    for mu, frame in frames:
        roots = _mode_roots(model, balls, mu)
        choices.append([None, *((mu, frame, x**model.M / (1 + x**model.M)) for x in roots)])
    rank = min(model.R, len(frames))
    combined = ([c for c in chosen if c is not None] for chosen in product(*choices))
    usable = (chosen for chosen in combined if len(chosen) <= rank)
    return [assemble(model, balls, chosen) for chosen in islice(usable, 12)]


def _mode_roots(model: UnconstrainedFeatures, balls: Balls, mu: int) -> list[Any]:
    M = model.M
    beta = M * model.N * balls.number(model.N * model.Lambda).root(M) / mu
    coefficients = [balls.number(Fraction(0))] * (2 * M + 1)
    for power, value in ((0, beta), (M, 2 * beta), (2 * M, beta), (M - 1, balls.number(Fraction(-M)))):
        coefficients[power] = coefficients[power] + value
    try:
        return positive_roots(coefficients)
    except Undecidable:
        return []


# ------------------------------------------------------------------------------------------------------- inequalities


def _inequality(claim: Inequality, seed: int) -> tuple[list[Finding], tuple[Mapping[str, Any], ...]]:
    balls, findings, examined = Balls(), [], 0
    for point in chain(filter(None, map(rational, claim.near)), _random_points(claim, random.Random(seed))):
        values = {name: _balls(balls, value) for name, value in point.items()}
        try:
            left, right = as_ball(balls.evaluate(claim.left, values)), as_ball(balls.evaluate(claim.right, values))
        except Undecidable:
            continue
        examined += left.is_finite() and right.is_finite()
        if left > right:
            found = violation(claim, point)
            detail = f"{left.str(12)} > {right.str(12)} at a rational point"
            return [refuted("inequality", detail)], () if found is None else (found,)
    if examined:
        findings.append(holds("inequality", "numerical", f"at {examined} rational points, in balls"))
    elif claim.where:
        findings.append(undecided("inequality", "no random rational point could be made to meet the constraints"))
    else:
        findings.append(undecided("inequality", "no random point could be enclosed"))
    for point in claim.tight[:1]:
        findings.append(_tight(claim, point, balls))
    return findings, ()


def _random_points(claim: Inequality, rng: random.Random) -> Iterator[Mapping[str, Any]]:
    """Random rational points; under constraints those that are seen to meet them once the equations are solved."""
    equations = Equations(claim)
    for _ in range(SAMPLES):
        drawn = [Fraction(rng.randint(-50, 50), 20) for v in claim.variables.values() for _ in range(prod(v.shape))]
        if not claim.where:
            yield equations.point(drawn)
            continue
        repaired = map(equations.point, equations.repaired([abs(x) for x in drawn] if claim.nonnegative else drawn))
        yield from islice((point for point in repaired if meets(claim, point)), 1)


def _balls(balls: Balls, value: Any) -> Any:
    return [[balls.number(x) for x in row] for row in value] if isinstance(value, list) else balls.number(value)


def _tight(claim: Inequality, point: Point, balls: Balls) -> Finding:
    values = balls.point(point)
    try:
        met = clause_finding(Clause("tight", claim.where), [values], balls) if claim.where else None
        if met is not None and met.conclusion == "refuted":
            return refuted("tight", "the point of claimed equality does not meet the constraints")
        known = agree(balls.evaluate(claim.left, values), balls.evaluate(claim.right, values))
    except Undecidable as reason:
        return undecided("tight", str(reason))
    if known is False:
        return refuted("tight", "the two sides differ at the point of claimed equality")
    return holds("tight", "numerical", "to 60 digits") if known else undecided("tight", "balls too wide")


# ------------------------------------------------------------------------------------------------------- convergence


def _limit(claim: Convergence) -> Finding:
    """Whether the distance to the limit keeps falling as a power of the parameter; what that says is numerical."""
    balls = Balls()
    distances = [abs(as_ball(balls.evaluate(term - claim.limit))) for term in claim.terms]
    if not all(d > 0 for d in distances):
        return undecided("limit", "a term is not seen to differ from the limit, so no rate is measured")
    ratios = [float((after / before).log()) for before, after in pairwise(distances)]
    orders = [r / abs(log(u / t)) for r, (t, u) in zip(ratios, pairwise(claim.along), strict=True)]
    shown = f"the distance falls from {float(distances[0]):.2e} to {float(distances[-1]):.2e}"
    if max(orders) < 0 and orders[-1] <= SLOWING * orders[0]:
        return holds("limit", "numerical", f"{shown}, at the end as the power {abs(orders[-1]):.2f} of the parameter")
    return undecided("limit", f"{shown}, ever more slowly or not at all: the limit may be another")


# ---------------------------------------------------------------------------------------------------- scalar problems


class _RationalFunctions(Balls):
    """Balls with one variable: values are pairs (numerator, denominator) of ball polynomials."""

    def number(self, value: Fraction) -> Any:
        return _Ratio.of(super().number(value))

    def power(self, node: Expression, base: Any, exponent: Fraction) -> Any:
        if not node.variables:
            return _Ratio.of(as_ball(Balls().evaluate(node)))
        if exponent.denominator != 1:
            raise Undecidable("a fractional power of the variable")
        return base**exponent.numerator

    def root(self, node: Expression, coefficients: Sequence[Any]) -> Any:
        return _Ratio.of(Balls().evaluate(node))


class _Ratio:
    def __init__(self, top: Any, bottom: Any) -> None:
        self.top, self.bottom = top, bottom

    @classmethod
    def of(cls, value: Any) -> _Ratio:
        from flint import arb_poly

        return cls(arb_poly([as_ball(value)]), arb_poly([1]))

    def __add__(self, other: Any) -> _Ratio:
        other = other if isinstance(other, _Ratio) else _Ratio.of(other)
        if self.bottom.degree() == other.bottom.degree() == 0:
            return _Ratio(self.top + other.top, self.bottom)
        return _Ratio(self.top * other.bottom + other.top * self.bottom, self.bottom * other.bottom)

    __radd__ = __add__

    def __mul__(self, other: Any) -> _Ratio:
        other = other if isinstance(other, _Ratio) else _Ratio.of(other)
        return _Ratio(self.top * other.top, self.bottom * other.bottom)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> _Ratio:
        top, bottom = (self.top, self.bottom) if exponent >= 0 else (self.bottom, self.top)
        return _Ratio(top ** abs(exponent), bottom ** abs(exponent))


def _scalar_minimum(claim: GlobalMinimum, problem: Minimisation) -> list[Finding]:
    """g ≥ v − 1e-30 on x ≥ 0 by isolating the roots of a ball polynomial; then g and the clauses at the minimisers."""
    from flint import arb_poly

    balls = Balls()
    if len(problem.variables) != 1 or problem.nonnegative != frozenset(problem.variables):
        at = [balls.point(point) for point in claim.minimisers]
        return _at_claimed_minimisers(claim, at, [as_ball(balls.evaluate(problem.objective, p)) for p in at])
    (name,) = problem.variables
    g = _RationalFunctions().evaluate(problem.objective, {name: _Ratio(arb_poly([0, 1]), arb_poly([1]))})
    value = as_ball(balls.evaluate(claim.value))
    points = [{name: as_ball(balls.evaluate(p[name]))} for p in claim.minimisers]
    reached = [as_ball(balls.evaluate(problem.objective, p)) for p in points]
    findings = [_scalar_value(g, value, reached)]
    wrong = [y for y in reached if agree(y, value) is False]
    if not points:
        return [undecided("value", "a lower bound; the claim names no minimiser that attains it")]
    if wrong:
        findings.append(refuted("attained", f"g is {wrong[0].str(15)} at a claimed minimiser, not {value.str(15)}"))
    else:
        findings.append(holds("attained", "numerical", "to 60 digits"))
    return findings + [clause_finding(c, points, balls) for c in claim.clauses]


def _scalar_value(g: _Ratio, value: Any, reached: Sequence[Any]) -> Finding:
    from flint import arb_poly

    margin = Balls().number(GAP)
    low = value - margin
    shifted = g.top - arb_poly([low]) * g.bottom
    try:
        if positive_roots(_trimmed(g.bottom)) or not _at_zero(g.bottom) > 0:
            return undecided("value", "the denominator may vanish")
        if positive_roots(_trimmed(shifted)):
            return refuted("value", f"the function falls below {low.str(15, radius=False)}")
        if not _at_zero(shifted) > 0:
            return refuted("value", "the value at 0 is lower") if _at_zero(shifted) < 0 else undecided("value", "at 0")
    except Undecidable as reason:
        return undecided("value", str(reason))
    if reached and all(y > value + margin for y in reached):
        return undecided("value", "a lower bound, not attained at the claimed minimisers")
    return holds(
        "value", "numerical", "never lower by more than 1e-30, by root isolation in balls; reached to 60 digits"
    )


def _trimmed(polynomial: Any) -> list[Any]:
    coefficients = list(polynomial.coeffs())
    while coefficients and coefficients[-1] == 0:
        coefficients.pop()
    return coefficients


def _at_zero(polynomial: Any) -> Any:
    return polynomial.coeffs()[0]
