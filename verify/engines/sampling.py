"""The sampling engine: Hypothesis draws points and symmetries, and shrinks what breaks the claim.

Minima: no drawn point may lie below the claimed value, and the claimed values must respect the symmetries of the
problem (permuting classes, rescaling decays with fixed product, repeating samples with λ_H divided, widening).
Inequalities: no drawn point may violate them. Floats only propose: a violation is decided at the drawn point, whose
entries are exact binary fractions, in balls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from theory.arithmetic.interpreters import Balls, Undecidable, precision
from theory.claims import GlobalMinimum, Inequality, Minimisation, Point
from theory.model import UnconstrainedFeatures
from theory.ops import Expression
from theory.reductions import MEANS, class_mean_objective, class_mean_variables
from theory.statement import Instance, StatementError
from verify.methods.exact_points import objective_at
from verify.verdict import Evidence, Finding, Unable, holds, refuted, undecided
from verify.witness import compare_at, is_rounding, lower_point, violation

if TYPE_CHECKING:
    from verify.engines import Settings

INSTANCES = {"quick": 6, "full": 100}

EXAMPLES = {"quick": 40, "full": 400}
"""Draws by Hypothesis for each instance; each evaluates a batch of points."""

BATCH = 16
"""Points a draw."""

ROUNDING = 1e-12
"""A float objective this far (relatively) below the claim is evaluated exactly: some thousand rounding errors."""

COARSE = 1e-9
"""The same where a difference above that was rounding, as sides may be ill-conditioned: larger ones alone are looked at
then, and each is evaluated exactly."""

BITS = 400
"""Precision of the exact evaluation of a drawn point."""

ALL_COLUMNS = 16
"""Up to this many samples the objective is evaluated on all N columns, since class means cannot see NC1 fail."""


def examine(instance: Instance, settings: Settings) -> Evidence:
    """Examine one claim by drawn points and symmetries.

    Raises:
        Unable: for claims that no drawn point can test, such as those about critical points.
    """
    start, claim, count = perf_counter(), instance.claim, EXAMPLES[settings.effort]
    certificates: list[Mapping[str, Any]] = []
    if isinstance(claim, GlobalMinimum):
        findings = [_never_below(claim, settings.seed, count, certificates)]
        if isinstance(claim.problem, UnconstrainedFeatures):
            findings = _with_laws(findings, instance, claim.problem)
        if claim.minimisers:
            findings.append(_attained(claim))
    elif isinstance(claim, Inequality) and claim.where:
        raise Unable("drawn points do not meet constraints: descent constructs those that do")
    elif isinstance(claim, Inequality):
        findings = [_never_violated(claim, settings.seed, count, certificates)]
    else:
        raise Unable(f"no points are drawn for claims of the kind {claim.kind}")
    numbers = {"points": count * BATCH, "seed": settings.seed}
    return Evidence("sampling", tuple(findings), perf_counter() - start, numbers, (), tuple(certificates))


# ------------------------------------------------------------------------------------------------------------- points


KINDS = ("near a claimed minimiser", "random", "low rank", "rescaled minimiser", "zero but one factor")


class Points:
    """Batches of points for some variables, reproducible from a kind, a scale and a seed."""

    def __init__(self, variables: Mapping[str, Expression], nonnegative: frozenset[str], centres: list[Any]) -> None:
        self.variables, self.nonnegative, self.centres = variables, nonnegative, centres

    def draw(self, kind: str, scale: float, seed: int) -> dict[str, Any]:
        """A batch of values (BATCH, m, n), or (BATCH,) for scalars."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        noise = {
            name: torch.randn((BATCH, *v.shape), generator=generator, dtype=torch.float64)
            for name, v in self.variables.items()
        }
        centre = self.centres[seed % len(self.centres)] if self.centres else None
        names = list(self.variables)
        chosen = names[seed % len(names)]
        values = {}
        for name, v in self.variables.items():
            x = noise[name] * scale
            if kind == "near a claimed minimiser" and centre is not None:
                x = centre[name] + x
            elif kind == "rescaled minimiser" and centre is not None:
                x = centre[name] * (1 + x.reshape(BATCH, -1)[:, 0].reshape([-1] + [1] * len(v.shape)))
            elif kind == "low rank" and len(v.shape) == 2:
                x = x[..., :1] * noise[name][:, :1, :]
            elif kind == "zero but one factor" and name != chosen:
                x = x * 0
            values[name] = x.abs() if name in self.nonnegative else x
        return values


def _search(
    points: Points,
    margin: Callable[[dict[str, Any]], Any],
    seed: int,
    count: int,
    counts: Callable[[dict[str, Any]], bool] = lambda point: True,
) -> dict[str, Any] | None:
    """The worst point, in rationals, of a shrunk batch with a negative margin, or None.

    A margin is negative where a float violates the claim by more than rounding; of these points some may not count.
    """
    import hypothesis
    from hypothesis import HealthCheck, Phase, find
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    drawn = st.tuples(st.sampled_from(KINDS), st.integers(-6, 2), st.integers(0, 2**31 - 1))

    def worst(example: tuple[str, int, int]) -> dict[str, Any] | None:
        kind, exponent, number = example
        batch = points.draw(kind, 10.0**exponent, number)
        margins = margin(batch)
        if not (margins < 0).any():
            return None
        order = [i for i in margins.argsort().tolist() if margins[i] < 0]
        return next(filter(counts, (_exact(batch, i) for i in order)), None)

    settings = hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        return worst(find(drawn, lambda example: worst(example) is not None, settings=settings, random=Random(seed)))
    except NoSuchExample:
        return None


def _exact(batch: Mapping[str, Any], index: int) -> dict[str, Any]:
    """One point of a batch as the rationals that its floats are."""
    result: dict[str, Any] = {}
    for name, values in batch.items():
        value = values[index].tolist()
        result[name] = [[Fraction(x) for x in row] for row in value] if isinstance(value, list) else Fraction(value)
    return result


# ------------------------------------------------------------------------------------------------------------- minima


def _formula(problem: Any) -> tuple[Expression, dict[str, Expression], frozenset[str]]:
    """The objective to evaluate, its variables, and which of them are non-negative."""
    if isinstance(problem, Minimisation):
        return problem.objective, problem.variables, problem.nonnegative
    if problem.N <= ALL_COLUMNS:
        return problem.objective, problem.variables, problem.nonnegative
    means = frozenset({MEANS} if problem.nonnegative else ())
    return class_mean_objective(problem), class_mean_variables(problem), means


def _centres(claim: GlobalMinimum, variables: Mapping[str, Expression]) -> list[Any]:
    """The claimed minimisers in floats, by class means where the formula is over them."""
    from theory.arithmetic.floats import Floats

    floats = Floats()
    result = []
    for point in claim.minimisers:
        values = floats.point(point)
        if MEANS in variables and isinstance(claim.problem, UnconstrainedFeatures):
            starts = [sum(claim.problem.class_sizes[:k]) for k in range(claim.problem.K)]
            values[MEANS] = values.pop("H")[:, starts]
        result.append(values)
    return result


def _never_below(claim: GlobalMinimum, seed: int, count: int, certificates: list[Mapping[str, Any]]) -> Finding:
    from theory.arithmetic.floats import Floats, to_float

    objective, variables, nonnegative = _formula(claim.problem)
    floats, value = Floats(), float(to_float(claim.value))
    allowed = ROUNDING * max(1.0, abs(value))
    points = Points(variables, nonnegative, _centres(claim, variables))
    found = _search(points, lambda batch: floats.evaluate(objective, batch) - value + allowed, seed, count)
    if found is None:
        return holds("value", "numerical", f"no point below it among {count * BATCH} drawn")
    if not isinstance(claim.problem, UnconstrainedFeatures | Minimisation):
        return undecided("value", "candidate: a drawn point looks lower in floats")
    certificate = lower_point(claim.problem, found, claim.value)
    if certificate is None:
        return undecided("value", "a drawn point looked lower in floats, but not exactly")
    certificates.append(certificate)
    return refuted("value", "a drawn point lies strictly below the claimed minimum")


def _attained(claim: GlobalMinimum) -> Finding:
    """The objective at each claimed minimiser against the claimed value, in balls."""
    with precision(BITS):
        balls = Balls()
        value = balls.evaluate(claim.value)
        for point in claim.minimisers:
            try:
                reached = _objective_in_balls(claim, point, balls)
            except Undecidable as reason:
                return undecided("attained", str(reason))
            if not (reached - value + balls.number(Fraction(0))).contains(0):
                return refuted("attained", "the objective at a claimed minimiser is not the claimed value")
    return holds("attained", "numerical", "the objective at the claimed minimisers is the claimed value")


def _objective_in_balls(claim: GlobalMinimum, point: Point, balls: Balls) -> Any:
    values = balls.point(point)
    if isinstance(claim.problem, UnconstrainedFeatures):
        return objective_at(claim.problem, balls, values)
    return balls.evaluate(claim.problem.objective, values)


# --------------------------------------------------------------------------------------------------------------- laws


def _laws(m: UnconstrainedFeatures) -> dict[str, UnconstrainedFeatures]:
    """Models with the same minimum: symmetries of the problem itself."""
    doubled, halved = (2 * m.weight_decays[0], *m.weight_decays[1:]), m.feature_decay / 2
    return {
        "permuting the classes": m.with_(class_sizes=m.class_sizes[::-1]),
        "reversing the weight decays": m.with_(weight_decays=m.weight_decays[::-1]),
        "rescaling two decays with fixed product": m.with_(weight_decays=doubled, feature_decay=halved),
        "repeating every sample with half the feature decay": m.with_(
            class_sizes=tuple(2 * n for n in m.class_sizes), feature_decay=halved
        ),
        "widening layers that are wide enough": m.with_(widths=tuple(d + (d >= m.K) for d in m.widths)),
    }


def _with_laws(findings: list[Finding], instance: Instance, model: UnconstrainedFeatures) -> list[Finding]:
    """Replace the finding about the value where the claimed values break a symmetry."""
    if instance.rebuild is None or "model" not in instance.parameters:
        return findings
    kept = 0
    with precision(BITS):
        value = Balls().evaluate(instance.claim.value)  # type: ignore[union-attr]
        for law, other in _laws(model).items():
            try:
                twin = instance.rebuild(**{**instance.parameters, "model": other})
            except StatementError:
                continue
            kept += 1
            difference = Balls().evaluate(twin.value) - value + Balls().number(Fraction(0))  # type: ignore[union-attr]
            if not difference.contains(0):
                detail = f"the claimed values break a symmetry of the problem: {law}"
                return [refuted("value", detail), *findings[1:]]
    first = findings[0]
    if first.conclusion != "holds":
        return findings
    return [holds(first.clause, first.assurance, f"{first.detail}; {kept} symmetries respected"), *findings[1:]]


# ------------------------------------------------------------------------------------------------------- inequalities


def _never_violated(claim: Inequality, seed: int, count: int, certificates: list[Mapping[str, Any]]) -> Finding:
    from theory.arithmetic.floats import Floats

    floats = Floats()
    points = Points(claim.variables, claim.nonnegative, [floats.point(point) for point in (*claim.tight, *claim.near)])

    seen, undecidable = False, 0

    def margin(batch: dict[str, Any], allowed: float) -> Any:
        nonlocal seen
        left, right = floats.evaluate_all((claim.left, claim.right), batch)
        difference = right - left + allowed * (1 + left.abs() + right.abs())
        seen = seen or bool(difference.isfinite().any())
        return difference

    def is_larger(point: dict[str, Any]) -> bool:
        nonlocal undecidable
        sign = compare_at(claim.left, claim.right, point)
        undecidable += sign == 0 and not is_rounding(claim.left, claim.right, point)
        return sign > 0

    none, rounding = f"no violation among {count * BATCH} drawn points", ""
    found = _search(points, partial(margin, allowed=ROUNDING), seed, count)
    if found is not None and not is_larger(found):
        rounding = f", up to {COARSE:g}, below which an apparent one is rounding"
        found = _search(points, partial(margin, allowed=COARSE), seed, count, is_larger)
    if found is not None:
        if (certificate := violation(claim, found)) is None:
            return undecided("inequality", "candidate: the left side is larger at a drawn point, without a certificate")
        certificates.append(certificate)
        return refuted("inequality", "the left side is strictly larger at a drawn point")
    if not seen:
        return undecided("inequality", "no drawn point gives both sides a value")
    if undecidable:
        return undecided("inequality", "a drawn point looked like a violation in floats, but not exactly")
    return holds("inequality", "numerical", none + rounding)
