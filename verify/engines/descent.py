"""The descent engine: many restarts as one batch on CPU or GPU, then a Newton finish, all in float64.

It asks whether the claimed minimum is reached and never undercut, and whether the geometry at the end is the claimed
one. It proposes and does not prove: ``holds`` is numerical, and a refutation needs a point that is exact.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, prod
from typing import TYPE_CHECKING, Any

import torch

from theory.arithmetic.floats import Floats, to_float
from theory.arithmetic.interpreters import Undecidable
from theory.claims import (
    Clause,
    CriticalPoints,
    Experiment,
    GlobalMinimum,
    Inequality,
    Minimisation,
    NotGlobalMinimum,
    Point,
    Relation,
)
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, substitute, walk
from theory.statement import Instance
from verify.empirical import programs
from verify.methods import rivals
from verify.methods.equations import Equations
from verify.methods.feasible import MARGINS, MET, Residuals, descend, exact_points, pushed
from verify.methods.minimise import (
    SMALL_VALUE,
    Endpoints,
    Formula,
    critical_points,
    lbfgs,
    minimise,
)
from verify.methods.searches import (
    STARTS,
    UNITS,
    CriticalSearch,
    FormulaSearch,
    Search,
    critical_search,
    exact_point,
    search_for,
)
from verify.verdict import Evidence, Finding, Unable, holds, refuted, undecided
from verify.witness import is_rounding, ratio_at, violation

if TYPE_CHECKING:
    from verify.engines import Settings

Tensor = torch.Tensor
Values = dict[str, Tensor]

INSTANCES = {"quick": 3, "full": 60}

REACHED = 1e-9
"""Relative distance at which a value counts as reached: a thousandth of the smallest error worth catching (1e-6)."""

UNDERCUT = 1e-12
"""A value lower than the claim by this relative amount is examined exactly; rounding of a sum of squares is less."""

ATTAINED = 1e-11
"""Agreement of the objective at a claimed minimiser, whose entries are rounded once."""

SETTLED = 1e-8
"""An endpoint is settled when its estimated distance to the critical point is below this, relative to its norm (or 1 in
the kernel's units): geometry is then known to about 1e-8. Flat minima don't settle and are not measured."""

RELATIVE = 1e-7
"""Largest relative deviation of a relation at a settled endpoint: ten times what settling leaves, a tenth of 1e-6."""

ABSOLUTE = 1e-12
"""Deviations below this fraction of a formula's natural magnitude are not seen: quantities that vanish have no scale of
their own, and their rounding is that of what they are made from."""

SAME, DIFFERENT = 1e-6, 1e-3
"""Relative distances at which invariants of two minimisers count as equal, and as different; between them, neither."""

CRITICAL = 1e-11
"""Gradient norm, in units where factors have order one, at which a point counts as critical."""

NEGATIVE = 1e-10
"""Relative slack below which an inequality's violation is examined exactly."""

VIOLATED = 1e-7
"""The same under constraints: a hundred times what meeting them to ``MET`` can make of an inequality that is tight."""

APPARENT, OPEN = 12, 3
"""Points of least slack that are decided exactly, some of them rounding; after so many that stay open no more are."""

CLOSEST = 12
"""Points of least slack at which the ratio of the sides may be evaluated in balls; as a rule the first is enough."""

EXTREMES: Mapping[str, Callable[..., float]] = {"least slack": min, "largest ratio": max}
"""What is kept of two searches for a violation."""

TRIED = 5
"""Points of least slack that are made exact under constraints."""

VACUOUS = "vacuous: no point at all meets the constraints, which contradict each other"
UNMET = "no start met the constraints"
OUTSIDE = "does not meet the constraints"
INEXACT = "but no rational point nearby was found that meets the constraints exactly"

SADDLE_ITERATIONS = 40
"""Newton steps on the gradient from each start: most converge within 20, and the others are dropped."""

SECONDS = {"quick": 5.0, "full": 60.0}
"""How long a point below a value of a deep model is looked for; most are found in the first batch of starts."""

RUNS = {"quick": 2, "full": 3}
"""Seeds from which the program of an experiment is run; most programs train several starts from each."""

FEW = 8
"""Starts of each kind in that first batch."""

ENTRIES = 1 << 23
"""Entries of the largest intermediate that one evaluation of a clause may have (64 MB)."""


def examine(instance: Instance, settings: Settings) -> Evidence:
    """Search for a lower value, and measure the geometry where the claimed one is reached.

    Raises:
        Unable: for a kind of claim or a model that descent doesn't know, a value that can't be enclosed, or a device
            that isn't there.
    """
    started = time.perf_counter()
    device, claim = choose_device(settings.device), instance.claim
    try:
        if isinstance(claim, GlobalMinimum):
            evidence = _examine_minimum(claim, settings, device)
        elif isinstance(claim, NotGlobalMinimum):
            evidence = _examine_beaten(instance, claim, settings, device)
        elif isinstance(claim, CriticalPoints):
            evidence = _examine_critical_points(claim, settings, device)
        elif isinstance(claim, Inequality):
            evidence = _examine_inequality(claim, settings, device)
        elif isinstance(claim, Experiment):
            evidence = _examine_experiment(claim.at(settings.effort), settings)
        else:
            raise Unable(f"descent does not examine claims of the kind {claim.kind}")
    except Undecidable as error:
        raise Unable(f"a constant of the claim could not be enclosed: {error}") from error
    findings, numbers, uses, certificates = evidence
    numbers = {**numbers, "seed": settings.seed, "device": str(device)}
    return Evidence("descent", tuple(findings), time.perf_counter() - started, numbers, uses, certificates)


Parts = tuple[list[Finding], dict[str, Any], tuple[str, ...], tuple[Mapping[str, Any], ...]]
"""Findings, numbers, reductions used and certificates."""


def choose_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        Unable: when CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise Unable("there is no CUDA device")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")


# ------------------------------------------------------------------------------------------------- global minimum


@dataclass(frozen=True)
class Outcome:
    """What a search for a claimed minimum found."""

    search: Search
    ends: Endpoints
    claimed: float

    @property
    def best(self) -> float:
        """The lowest value found."""
        return float(self.ends.values.min())

    @property
    def scale(self) -> float:
        """What differences of values are relative to."""
        return max(abs(self.claimed), SMALL_VALUE)

    @property
    def reached(self) -> Tensor:
        """Which restarts reached the claimed value."""
        return (self.ends.values - self.claimed).abs() <= REACHED * self.scale

    @property
    def settled(self) -> Tensor:
        """Which of these are known to full accuracy."""
        return self.reached & (self.ends.distances <= SETTLED * self.ends.points.norm(dim=1).clamp(min=1.0))


def _examine_minimum(claim: GlobalMinimum, settings: Settings, device: torch.device) -> Parts:
    search = search_for(claim.problem, device)
    outcome = _descend(search, float(to_float(claim.value)), settings)
    _clear_rounding(outcome, claim.value)
    value, certificates = _value_finding(claim, outcome)
    findings = [value]
    if claim.minimisers:
        findings.append(_attained_finding(claim, outcome, device))
    settled = outcome.search.values(outcome.ends.points[outcome.settled])
    why = "" if bool(outcome.settled.any()) else _why_unmeasured(outcome)
    for clause in claim.clauses:
        if not _is_beyond_reduction(clause, search):
            findings.append(undecided(clause.name, why) if why else _clause_finding(clause, settled, search))
    if claim.unique is not None:
        findings.append(undecided("uniqueness", why) if why else _uniqueness_finding(claim, settled, search))
    numbers = {
        "claimed": outcome.claimed,
        "best": outcome.best,
        "difference": outcome.best - outcome.claimed,
        "reached": f"{int(outcome.reached.sum())} of {len(outcome.ends.values)}",
        "starts": len(outcome.ends.values),
        "columns": search.columns,
    }
    return findings, numbers, search.uses, certificates


def _descend(search: Search, claimed: float, settings: Settings) -> Outcome:
    """One batch of restarts; a larger one with more iterations where the claim was missed and the starts disagree."""
    generator = torch.Generator().manual_seed(settings.seed)
    count = search.counts[settings.effort]
    outcome = Outcome(search, search.minimise(search.starts(count, generator), search.iterations), claimed)
    agree = (outcome.ends.values - outcome.best).abs() <= REACHED * max(abs(outcome.best), SMALL_VALUE)
    if outcome.best <= claimed + REACHED * outcome.scale or 2 * int(agree.sum()) > count:
        return outcome
    more = search.minimise(search.starts(4 * count, generator), 4 * search.iterations)
    pairs = zip(outcome.ends.columns(), more.columns(), strict=True)
    return Outcome(search, Endpoints(*(torch.cat(pair) for pair in pairs)), claimed)


def _clear_rounding(outcome: Outcome, value: Expression) -> None:
    """Drop endpoints that only rounding puts below the claim: far out a loss is a small difference of large numbers."""
    ends = outcome.ends
    for i in ends.values.argsort().tolist():
        below = float(ends.values[i]) < outcome.claimed - UNDERCUT * outcome.scale
        if not below or not outcome.search.is_above(ends.points[i], value):
            return
        ends.values[i] = torch.inf


def _value_finding(claim: GlobalMinimum, outcome: Outcome) -> tuple[Finding, tuple[Mapping[str, Any], ...]]:
    best, claimed = outcome.best, outcome.claimed
    where = f"best {best!r}, claimed {claimed!r}, difference {best - claimed:.1e}"
    if best < claimed - UNDERCUT * outcome.scale:
        lowest = outcome.ends.points[outcome.ends.values.argmin()]
        certificate = outcome.search.counterexample(lowest, claim.value)
        if certificate is None:
            return undecided("value", f"candidate: {where}; not confirmed in exact arithmetic"), ()
        return refuted("value", f"a rational point lies below the claimed minimum: {where}"), (certificate,)
    if not bool(outcome.reached.any()):
        return undecided("value", f"not reached: {where}"), ()
    return holds("value", "numerical", f"reached and never undercut: {where}"), ()


def _why_unmeasured(outcome: Outcome) -> str:
    if bool(outcome.reached.any()):
        return "the minimum is flat: no endpoint settled, so its geometry was not measured"
    return "no endpoint has the claimed value, so its geometry was not measured"


def _attained_finding(claim: GlobalMinimum, outcome: Outcome, device: torch.device) -> Finding:
    floats = Floats(device)
    values = [float(floats.evaluate(claim.problem.objective, floats.point(point))) for point in claim.minimisers]
    worst = max(values, key=lambda value: abs(value - outcome.claimed))
    if abs(worst - outcome.claimed) <= ATTAINED * outcome.scale:
        return holds("attained", "numerical", f"{len(values)} points, largest difference {worst - outcome.claimed:.1e}")
    return undecided("attained", f"candidate: the objective is {worst!r} at a minimiser, claimed {outcome.claimed!r}")


def _is_beyond_reduction(clause: Clause, search: Search) -> bool:
    """Whether a search over class means cannot say anything about the clause."""
    return bool(search.uses) and clause.name.startswith("NC1")


def _uniqueness_finding(claim: GlobalMinimum, settled: Values, search: Search) -> Finding:
    floats, reference = Floats(search.device), search.reference()
    points = [floats.point(point) for point in claim.minimisers]
    distances = []
    for formula in _invariants(claim.problem):
        found = torch.cat([floats.evaluate(formula, settled), *(floats.evaluate(formula, p)[None] for p in points)])
        distances.append(_spread(found, RELATIVE * floats.magnitude(formula, reference)))
    distance, count = max(distances), len(found)
    if claim.unique and distance <= SAME:
        return holds("uniqueness", "numerical", f"{count} minimisers agree to {distance:.1e}")
    if not claim.unique and distance >= DIFFERENT:
        return holds("uniqueness", "numerical", f"two of {count} minimisers differ by {distance:.1e}")
    words = "agree" if distance <= SAME else "differ"
    return undecided("uniqueness", f"candidate: {count} minimisers {words}, largest distance {distance:.1e}")


def _invariants(problem: Any) -> list[Expression]:
    """What all minimisers share when the claim says that they are unique."""
    if isinstance(problem, UnconstrainedFeatures) and not problem.is_linear:
        return [problem.outputs(problem.features)]
    if isinstance(problem, UnconstrainedFeatures):
        P, means = problem.product, problem.mean_features
        return [P @ means, P @ P.T, means.T @ means]
    return list(problem.variables.values())


def _spread(values: Tensor, floor: float) -> float:
    """The largest distance from the first value, relative to the largest norm; what is below ``floor`` is not seen."""
    flat = values.reshape(len(values), -1)
    distance = (flat - flat[0]).norm(dim=1).max() - floor
    return float((distance / flat.norm(dim=1).max().clamp(min=floor)).clamp(min=0.0))


# ------------------------------------------------------------------------------------------------- a lower point


def _examine_beaten(instance: Instance, claim: NotGlobalMinimum, settings: Settings, device: torch.device) -> Parts:
    """Look for a point below the value; one that is found is made exact, and its absence decides nothing."""
    claimed = float(to_float(claim.value))
    if isinstance(claim.problem, UnconstrainedFeatures) and rivals.may_hide(claim.problem):
        return _rivals(instance, claim, settings, claimed)
    outcome = _descend(search_for(claim.problem, device), claimed, settings)
    lowest = outcome.ends.points[outcome.ends.values.argmin()]
    certificate = None
    if outcome.best < claimed - UNDERCUT * outcome.scale:
        certificate = outcome.search.counterexample(lowest, claim.value)
    where = f"best {outcome.best!r}, to be beaten {claimed!r}"
    found = (
        holds("beaten", "certified", f"a rational point is lower: {where}")
        if certificate is not None
        else undecided("beaten", f"no lower point was found: {where}")
    )
    numbers = {"claimed": claimed, "best": outcome.best}
    return [found], numbers, outcome.search.uses, () if certificate is None else (certificate,)


def _rivals(instance: Instance, claim: NotGlobalMinimum, settings: Settings, claimed: float) -> Parts:
    from verify.attacks import RivalSearch

    search = RivalSearch(claim, {}, FEW)
    found = search.run(instance, settings.seed, SECONDS[settings.effort])
    if found is None:
        reason = "; ".join(["no lower point was found", *search.problems])
        return [undecided("beaten", reason)], {"claimed": claimed}, (), ()
    finding = holds("beaten", "certified", f"a rational point is lower: {found.detail}")
    return [finding], {"claimed": claimed}, (), found.certificates


# -------------------------------------------------------------------------------------------------------- clauses


def _clause_finding(clause: Clause, values: Values, search: Search) -> Finding:
    """Whether all relations of a clause hold at points, within the tolerances."""
    count, reference = len(next(iter(values.values()))), search.reference()
    floats = Floats(search.device)
    deviation = max((_deviation(relation, values, reference, floats) for relation in clause.relations), default=0.0)
    if deviation <= RELATIVE:
        return holds(clause.name, "numerical", f"largest relative deviation {deviation:.1e} at {count} points")
    return undecided(clause.name, f"candidate: relative deviation {deviation:.1e} at one of {count} points")


def _deviation(relation: Relation, values: Values, reference: Values, floats: Floats) -> float:
    """The largest relative deviation of a relation over points; ``inf`` where it fails strictly or has no value."""
    entries = max(prod(node.shape) for node in walk(relation.left, relation.right))
    count, chunk = len(next(iter(values.values()))), max(1, ENTRIES // entries)
    floor = ABSOLUTE * max(floats.magnitude(side, reference) for side in (relation.left, relation.right))
    floor = floor if isfinite(floor) else 0.0  # a part that has no value at the reference says nothing about rounding
    worst = 0.0
    for start in range(0, count, chunk):
        part = {name: value[start : start + chunk] for name, value in values.items()}
        left, right = torch.broadcast_tensors(
            floats.evaluate(relation.left, part), floats.evaluate(relation.right, part)
        )
        rows = len(left) if left.dim() > len(relation.left.shape) else 1
        worst = max(worst, _excess(relation.sign, left.reshape(rows, -1), right.reshape(rows, -1), floor))
    return worst


def _excess(sign: str, left: Tensor, right: Tensor, floor: float) -> float:
    """How far two sides (B, entries) are from the relation, relative to the larger norm."""
    if not bool(torch.isfinite(left).all() & torch.isfinite(right).all()):
        return torch.inf
    scale = torch.maximum(left.norm(dim=1), right.norm(dim=1))
    if sign == "<":
        margin = (right - left).amin(1)
        return 0.0 if bool((margin > RELATIVE * scale + floor).all()) else torch.inf
    gap = left - right if sign == "=" else (left - right).clamp(min=0.0)
    distance = (gap.norm(dim=1) - floor).clamp(min=0.0)
    return float((distance / scale.clamp(min=floor)).max())


# ------------------------------------------------------------------------------------------------ critical points


def _examine_critical_points(claim: CriticalPoints, settings: Settings, device: torch.device) -> Parts:
    """Minima by descent and points of any index by Newton steps on the gradient; clauses where the gradient is tiny."""
    search = critical_search(claim.problem, device)
    generator = torch.Generator().manual_seed(settings.seed)
    count = search.counts[settings.effort]
    minima = minimise(search.objective, search.starts(count, generator), search.iterations, near=torch.inf)
    saddles = critical_points(search.objective, search.starts(count, generator), SADDLE_ITERATIONS)
    points = torch.cat([minima.points, saddles.points])
    near = torch.cat([minima.distances, saddles.distances]) <= SETTLED * points.norm(dim=1).clamp(min=1.0)
    critical = near & (torch.cat([minima.gradients, saddles.gradients]) <= CRITICAL)
    objective = torch.cat([minima.values, saddles.values])[critical]
    values = search.values(points[critical])
    why = "" if bool(critical.any()) else "no critical point was found"
    findings = [
        undecided(c.name, why) if why else _clause_finding(c, values, search)
        for c in claim.clauses
        if not _is_beyond_reduction(c, search)
    ]
    if claim.curvature is not None:
        found = _curvature_finding(claim.curvature, search, points[critical], values)
        findings.append(undecided("curvature", why) if why else found)
    numbers = {
        "starts": len(points),
        "critical points": int(critical.sum()),
        "levels": len(torch.unique(torch.round(objective, decimals=8))),
        "ranks": _ranks(values),
        "columns": search.columns,
    }
    return findings, numbers, search.uses, ()


def _curvature_finding(bound: Expression, search: CriticalSearch, points: Tensor, values: Values) -> Finding:
    """Whether the least eigenvalue of the Hessian is at most the bound; ``RELATIVE`` to the largest one."""
    if not len(points):
        return undecided("curvature", "no critical point was found")
    spectrum = torch.linalg.eigvalsh(search.hessians(points))
    claimed = Floats(search.device).evaluate(bound, values).expand(len(points))
    worst = float(((spectrum[:, 0] - claimed) / spectrum.abs().amax(1).clamp(min=1e-300)).max())
    saddles = int((claimed < -RELATIVE * spectrum.abs().amax(1)).sum())
    where = f"{saddles} strict saddles among {len(points)} critical points"
    if worst <= RELATIVE:
        return holds("curvature", "numerical", f"largest excess {max(worst, 0.0):.1e}, relative; {where}")
    return undecided("curvature", f"candidate: an eigenvalue is larger by {worst:.1e}, relative; {where}")


def _ranks(values: Values) -> str:
    """How many points have which rank, by the largest factor."""
    largest = max(values.values(), key=lambda value: value[0].numel() if len(value) else 0)
    if not len(largest):
        return ""
    singular = torch.linalg.svdvals(largest)
    found = (singular > SAME * singular.max()).sum(1).tolist()
    return ", ".join(f"{rank}: {found.count(rank)}" for rank in sorted(set(found)))


# ----------------------------------------------------------------------------------------------------- experiments


def _examine_experiment(claim: Experiment, settings: Settings) -> Parts:
    """Run the program from a few seeds, and hold the clauses against what it measures: a failure is a candidate."""
    known = programs()
    if claim.run not in known:
        reason = f"no program is called {claim.run!r}; there are {', '.join(sorted(known))}"
        return [undecided(c.name, reason) for c in claim.clauses], {}, (), ()
    seeds = range(settings.seed, settings.seed + RUNS[settings.effort])
    runs = [{n: float(x) for n, x in known[claim.run](seed=seed, **claim.parameters).items()} for seed in seeds]
    missing = [name for name in claim.measured if any(name not in found for found in runs)]
    if missing:
        reason = f"{claim.run} does not measure {missing[0]}; it measures {', '.join(runs[0])}"
        return [undecided(c.name, reason) for c in claim.clauses], {}, (), ()
    return [_measured(c, runs) for c in claim.clauses], {**runs[0], "runs": len(runs)}, (), ()


def _measured(clause: Clause, runs: Sequence[Mapping[str, float]]) -> Finding:
    """Whether a clause holds of what every run measured."""
    for found in runs:
        shown = ", ".join(f"{name} = {found[name]:.6g}" for name in _named(clause))
        if not all(isfinite(found[name]) for name in _named(clause)) or not _is_kept(clause, found):
            return undecided(clause.name, f"candidate: {shown} in one of {len(runs)} runs")
    return holds(clause.name, "numerical", f"{shown} in the last of {len(runs)} runs")


def _is_kept(clause: Clause, found: Mapping[str, float]) -> bool:
    floats, values = Floats(), {name: torch.tensor([x], dtype=torch.float64) for name, x in found.items()}
    sides = ((floats.evaluate(r.left, values), r.sign, floats.evaluate(r.right, values)) for r in clause.relations)
    return all(bool((x < y if sign == "<" else x <= y).all()) for x, sign, y in sides)


def _named(clause: Clause) -> list[str]:
    """The numbers that a clause speaks of."""
    return sorted(frozenset().union(*(side.variables for r in clause.relations for side in (r.left, r.right))))


# ----------------------------------------------------------------------------------------------------- inequality


def _examine_inequality(claim: Inequality, settings: Settings, device: torch.device) -> Parts:
    """Minimise (right − left)/(|left| + |right|), which doesn't change with the scale of homogeneous sides.

    Where that finds no violation, starts are first moved to smaller right − left: far away the quotient is flat.
    """
    floats = Floats(device)
    problem = Minimisation(claim.right - claim.left, dict(claim.variables))
    search = FormulaSearch(problem, device, claim.nonnegative, 1 if claim.where else UNITS)

    def slack(x: Tensor) -> Tensor:
        values = search.values(x)
        left, right = floats.evaluate_all((claim.left, claim.right), values)
        return (right - left) / (left.abs() + right.abs()).clamp(min=1e-300)

    generator = torch.Generator().manual_seed(settings.seed)
    starts = search.starts(2 * STARTS[settings.effort], generator)[1:]
    known = (*claim.tight, *claim.near)
    starts = torch.cat([starts, *(search.near(floats.point(point), generator) for point in known)])
    if claim.where:
        finding, certificates, numbers = _constrained(claim, search, slack, starts)
    else:
        relative = Formula(slack, search.program(left=claim.left, right=claim.right))
        finding, certificates, numbers = _unconstrained(claim, search, relative, starts)
        if finding.conclusion == "holds":
            far = lbfgs(search.objective, starts, search.iterations // 2)
            again, others, reached = _unconstrained(claim, search, relative, far)
            finding, certificates = (again, others) if others else (finding, certificates)
            numbers = {**numbers, **{name: best(numbers[name], reached[name]) for name, best in EXTREMES.items()}}
    numbers = _with_equality(claim, numbers)
    findings = [finding]
    if claim.tight:
        findings.append(_tight_finding(claim, floats))
    return findings, numbers, (), certificates


def _with_equality(claim: Inequality, numbers: dict[str, Any]) -> dict[str, Any]:
    """The largest ratio with those at the claim's own points, and whether it is attained: at one of claimed equality.

    Points where both sides are zero have none.
    """
    attained = _ratio_among(claim, claim.tight)
    ratio = max(numbers.pop("largest ratio", -inf), attained, _ratio_among(claim, claim.near))
    return numbers if ratio == -inf else {**numbers, "largest ratio": ratio, "attained": attained > 1 - ATTAINED}


def _ratio_among(claim: Inequality, points: Sequence[Point]) -> float:
    sides = ((substitute(claim.left, point), substitute(claim.right, point)) for point in points)
    return max((r for left, right in sides if (r := ratio_at(left, right, {})) is not None), default=-inf)


def _largest_ratio(claim: Inequality, search: FormulaSearch, points: Tensor, values: Tensor) -> float:
    """The largest left/right, in balls, among points in the order of their slack in floats, which rounding lowers."""
    largest = -inf
    for i in torch.argsort(values)[:CLOSEST].tolist():
        slack = float(values[i])
        if not -1 < slack < inf or (1 - slack) / (1 + slack) <= largest:
            continue
        ratio = ratio_at(claim.left, claim.right, exact_point(search.values(points[i : i + 1])))
        largest = largest if ratio is None else max(largest, ratio)
    return largest


def _unconstrained(
    claim: Inequality, search: FormulaSearch, slack: Formula, starts: Tensor
) -> tuple[Finding, tuple[Mapping[str, Any], ...], dict[str, Any]]:
    points = lbfgs(slack, starts, search.iterations // 2)
    values = torch.nan_to_num(slack.function(points).detach(), nan=torch.inf)
    finding, certificates = _inequality_finding(claim, search, points, values)
    ratio = _largest_ratio(claim, search, points, values)
    return finding, certificates, {"least slack": float(values.min()), "starts": len(points), "largest ratio": ratio}


Decided = tuple[Finding, tuple[Mapping[str, Any], ...]]
"""A finding and its certificates."""


def _inequality_finding(claim: Inequality, search: FormulaSearch, points: Tensor, values: Tensor) -> Decided:
    candidates = [int(i) for i in torch.argsort(values)[:APPARENT] if values[i] < -NEGATIVE]
    cleared, left_open = 0, 0
    for i in candidates:
        point = exact_point(search.values(points[i : i + 1]))
        certificate = violation(claim, point)
        if certificate is not None:
            detail = f"left > right at a rational point, relative {-float(values[i]):.1e}"
            return refuted("inequality", detail), (certificate,)
        is_none = is_rounding(claim.left, claim.right, point)
        cleared, left_open = cleared + is_none, left_open + (not is_none)
        if left_open == OPEN:
            break
    if left_open:
        least = float(values.min())
        return undecided("inequality", f"candidate: relative slack {least:.1e}, not decided exactly"), ()
    least = float(values.min())
    if not bool(values.isfinite().any()):
        return undecided("inequality", "no point that was reached gives both sides a value"), ()
    also = f"; {cleared} apparent violations are rounding" if cleared else ""
    return holds("inequality", "numerical", f"least relative slack {least:.1e} from {len(points)} starts{also}"), ()


def _constrained(
    claim: Inequality, search: FormulaSearch, slack: Callable[[Tensor], Tensor], starts: Tensor
) -> tuple[Finding, tuple[Mapping[str, Any], ...], dict[str, Any]]:
    """The least slack among points that meet the constraints; a violation counts where a rational point meets them."""
    if Equations(claim).contradict():
        return undecided("inequality", VACUOUS), (), {}
    residuals = Residuals(claim.where, search.device)
    points = descend(residuals, search.values, slack, starts, search.iterations // 3)
    violations = residuals.largest(search.values(points)).detach()
    met = violations <= MET
    values = torch.where(met, torch.nan_to_num(slack(points).detach(), nan=torch.inf), torch.inf)
    least, count = float(values.min()), int(met.sum())
    numbers = {"least slack": least, "starts": len(points), "met the constraints": count}
    if -1 < least < inf:
        numbers["largest ratio"] = (1 - least) / (1 + least)
    if not count:
        nearest = float(violations.min())
        return undecided("inequality", f"{UNMET}: the least violation is {nearest:.1e}, relative"), (), numbers
    for i in torch.argsort(values)[:TRIED]:
        if values[i] < -VIOLATED:
            certificate = _exact_violation(claim, search, residuals, points[i : i + 1])
            if certificate is not None:
                detail = f"left > right at a rational point within the constraints, relative {-float(values[i]):.1e}"
                return refuted("inequality", detail), (certificate,), numbers
    if least < -VIOLATED:
        return undecided("inequality", f"candidate: relative slack {least:.1e}, {INEXACT}"), (), numbers
    if not least < torch.inf:
        return undecided("inequality", "no point that meets the constraints gives both sides a value"), (), numbers
    detail = f"least relative slack {least:.1e}; {count} of {len(points)} starts met the constraints"
    return holds("inequality", "numerical", detail), (), numbers


def _exact_violation(
    claim: Inequality, search: FormulaSearch, residuals: Residuals, point: Tensor
) -> Mapping[str, Any] | None:
    """The violation at a rational point nearby, pushed a little inside the inequalities among the constraints."""
    for margin in MARGINS:
        inside = pushed(residuals, search.values, point, margin)
        for exact in exact_points(claim, search.values(inside)):
            certificate = violation(claim, exact)
            if certificate is not None:
                return certificate
    return None


def _tight_finding(claim: Inequality, floats: Floats) -> Finding:
    gaps = []
    residuals = Residuals(claim.where, floats.device)
    for point in claim.tight:
        values = floats.point(point)
        if claim.where and float(residuals.largest({n: v[None] for n, v in values.items()})) > MET:
            return undecided("tight", f"candidate: a point of claimed equality {OUTSIDE}")
        left, right = map(float, floats.evaluate_all((claim.left, claim.right), values))
        gaps.append(abs(right - left) / max(abs(left), abs(right), ABSOLUTE))
    if max(gaps) <= REACHED:
        return holds("tight", "numerical", f"both sides agree to {max(gaps):.1e} at {len(gaps)} points")
    return undecided("tight", f"candidate: the sides differ by {max(gaps):.1e} at a point where they should agree")
