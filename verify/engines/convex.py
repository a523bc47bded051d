"""The convex engine: value of a global minimum from a convex reformulation, with a dual that is checked exactly.

One weight matrix, any widths that leave the rank free: the nuclear-norm problem over A = Z D^{1/2}, D = diag(n),

    min over A and b of 1/(2N) ‖A + b√nᵀ − D^{1/2}‖_F² + √(λ_W λ_H) ‖A‖_*,

or the same with cross-entropy or label smoothing in place of the first term (exponential cones).

More layers, or a bottleneck: the scalar problem of each mode as a sum of squares, max v such that φ(y) − v is one. A
``Minimisation`` over one scalar: numerator − v · denominator likewise, with x = y² where x ≥ 0.

CVXPY (Clarabel, else SCS) proposes. The dual of the nuclear norm is refined by singular-value thresholding and made
rational; the Gram matrix of the sum of squares is made exact from the roots of the polynomial, at a v just below its
least value among the critical points. No published formula enters. What decides is ``exact.enclosure``, which reads the
certificate back; the solver's own value is reported beside it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.arithmetic.interpreters import Balls, Undecidable, precision
from theory.claims import GlobalMinimum, Minimisation, NotGlobalMinimum
from theory.model import UnconstrainedFeatures
from theory.ops import Expression
from theory.statement import Instance
from verify.certificate import dual, outwards
from verify.checker import FORMAT
from verify.methods import duals, exact
from verify.verdict import Evidence, Finding, Unable, holds, refuted, undecided

if TYPE_CHECKING:
    from verify.engines import Settings

INSTANCES = {"quick": 5, "full": 60}

CERTIFIED_GAP = Fraction(1, 10**9)
"""A value is certified when enclosed to this relative width: 1000 times below the smallest error worth catching (1e-6),
1000 times above what the duals reach (1e-12)."""

NUMERICAL_GAP = Fraction(1, 10**6)
"""A wider enclosure than this says nothing about a value that is off by 1e-6."""

ZERO_SCALE = Fraction(1, 10**30)
"""Gaps are relative to the value; where the bounds do not tell it from zero, to this."""

CLAIM_BITS = (300, 1200)
"""Precisions at which a claimed value is enclosed, the second where the first cannot separate roots."""

SOLVERS = ("CLARABEL", "SCS")
ACCEPTED = ("optimal", "optimal_inaccurate")

MOST_CLASSES = 20
"""The nuclear-norm program has a 2K × 2K semidefinite block: half a second at 20 classes, minutes at 60."""

MOST_COLUMNS = 12
"""Up to this many samples the program over all N columns is solved as well."""

MOST_DEPTH = 24
"""The Gram matrix has M + 2 rows: two seconds at this depth, six at 40."""

THRESHOLDING_STEPS = 4
"""Proximal steps of length N, the inverse curvature of the fit: the first already lands on the fixed point, up to what
the solver left in the direction that a free bias takes."""

SHRINKS = (0, 2**-50, 2**-48, 2**-46, 2**-44, 2**-42, 2**-40, 2**-36, 2**-32)
"""Relative shrinking of a dual matrix until it is feasible: rounding in double precision puts it outside by 1e-16 to
1e-14, and each factor costs that much of the bound."""

SLACK_BITS = 70
"""The bound v is 2⁻⁷⁰ (1e-21) below the least value that was found, so that φ − v is strictly positive."""

PARAMETER_BITS = 140
"""Significant bits of rounded radicals, points and bounds: an error of 1e-42 is far below the slack."""

MARGIN_BITS = (4, 16, 40)
"""A sum of squares keeps a margin this many bits below the slack; a smaller one where critical points lie far out."""


class SolverFailed(Exception):
    """No solver gave an answer, or no certificate could be made of it; the message says what happened."""


FAILURES = (SolverFailed, exact.Rejected, duals.Infeasible, OverflowError)
"""What ends an attempt without a bound: also decays beyond double precision, in which the solvers work."""


@dataclass(frozen=True)
class Proposal:
    """A certificate to be checked, and how the solver that proposed it fared."""

    certificate: Mapping[str, Any]
    method: str
    solver: str
    status: str
    solver_value: float
    uses: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)


def examine(instance: Instance, settings: Settings) -> Evidence:
    """Enclose the minimum that a claim is about between exact rationals, and compare the claimed value with it.

    Only the clause ``value`` of a global minimum is reported, or whether some point is below a value.

    Raises:
        Unable: for other claims, and for problems without a convex form here; the message says why.

    >>> from theory.model import UnconstrainedFeatures
    >>> from theory.ops import constant
    >>> from verify.engines import Settings
    >>> model = UnconstrainedFeatures(class_sizes=(1,), decays="1/10")
    >>> claim = GlobalMinimum(model, constant(Fraction(19, 200)))
    >>> examine(Instance(claim), Settings()).findings[0].conclusion
    'holds'
    """
    started = time.perf_counter()
    claim = instance.claim
    if not isinstance(claim, GlobalMinimum | NotGlobalMinimum):
        raise Unable(f"it claims no global minimum that could be bounded, but is of the kind {claim.kind}")
    judge, name = (_judge, "value") if isinstance(claim, GlobalMinimum) else (_judge_beaten, "beaten")
    try:
        proposal = _propose(claim)
        lower, upper = exact.enclosure(proposal.certificate)
    except FAILURES as error:
        return Evidence("convex", (undecided(name, str(error)),), time.perf_counter() - started)
    numbers = {
        "lower": float(lower),
        "upper": float(upper),
        "claimed": _claimed(claim.value),
        "solver": proposal.solver,
        "status": proposal.status,
        "solver_value": float(proposal.solver_value),
        "gap": float((upper - lower) / _scale(lower, upper)),
        **proposal.numbers,
    }
    return Evidence(
        engine="convex",
        findings=(judge(claim.value, lower, upper, proposal),),
        seconds=time.perf_counter() - started,
        numbers=numbers,
        uses=proposal.uses,
        certificates=({**proposal.certificate, "lower": str(outwards(lower)), "upper": str(-outwards(-upper))},),
    )


def _propose(claim: GlobalMinimum | NotGlobalMinimum) -> Proposal:
    problem = claim.problem
    if isinstance(problem, Minimisation):
        return _scalar_proposal(problem, claim.value)
    if not isinstance(problem, UnconstrainedFeatures):
        raise Unable(f"its problem is neither a model nor over a single number, but a {type(problem).__name__}")
    if not problem.has_modes and duals.covers(problem):
        return _one_layer_proposal(problem)
    if not problem.has_modes:
        raise Unable("its model has neither squared error with free features, nor one layer with a convex loss")
    return _model_proposal(problem, claim.value)


def _model_proposal(model: UnconstrainedFeatures, value: Expression) -> Proposal:
    """The nuclear norm where the rank is free, else (or where that fails) the modes."""
    separable = model.balanced or not model.has_bias
    rank_is_free = model.K - model.has_bias <= model.R
    nuclear = model.M == 1 and model.K <= MOST_CLASSES and (rank_is_free or not separable)
    if not nuclear and not separable:
        raise Unable(f"unequal classes with a bias need one layer and at most {MOST_CLASSES} classes")
    if not nuclear and model.M > MOST_DEPTH:
        raise Unable(f"the sum of squares is for depth at most {MOST_DEPTH}, got {model.M}")
    if not nuclear:
        return _modes_proposal(model, value)
    try:
        proposal = _nuclear_proposal(model, value)
        lower, upper = exact.enclosure(proposal.certificate)
        if upper - lower <= CERTIFIED_GAP * upper or not separable:
            return proposal
    except FAILURES:
        if not separable:
            raise
    return _modes_proposal(model, value)


def _judge(value: Expression, lower: Fraction, upper: Fraction, proposal: Proposal) -> Finding:
    """Compare the claimed value, as a ball, with the exact enclosure of the minimum."""
    reason = "the claimed value could not be enclosed"
    for bits in CLAIM_BITS:
        with precision(bits):
            try:
                ball, low, high = _ball(value), Balls().number(lower), Balls().number(upper)
            except Undecidable as error:
                reason = f"the claimed value could not be enclosed: {error}"
                continue
            if ball < low or ball > high:
                side, bound = ("below", lower) if ball < low else ("above", upper)
                return refuted(
                    "value", f"claimed {ball.str(20, radius=False)} is {side} the exact bound {float(bound)!r}"
                )
            gap = max(upper, _fraction(ball.upper())) - min(lower, _fraction(ball.lower()))
        relative = gap / _scale(lower, upper)
        detail = _detail(relative, upper, proposal)
        if relative <= CERTIFIED_GAP:
            return holds("value", "certified", detail, tolerance=float(CERTIFIED_GAP))
        if relative <= NUMERICAL_GAP:
            return holds("value", "numerical", detail)
        reason = f"the enclosure is too wide: {detail}"
    return undecided("value", reason)


def _judge_beaten(value: Expression, lower: Fraction, upper: Fraction, proposal: Proposal) -> Finding:
    """Whether the value is above what is reached, or at most what no point is below."""
    with precision(CLAIM_BITS[-1]):
        try:
            ball, low, high = _ball(value), Balls().number(lower), Balls().number(upper)
        except Undecidable as error:
            return undecided("beaten", f"the value could not be enclosed: {error}")
        shown = ball.str(15, radius=False)
        if ball > high:
            return holds("beaten", "certified", f"a point of {float(upper)!r} is below {shown}")
        if ball <= low:
            return refuted("beaten", f"no point is below {float(lower)!r}, so none below {shown}")
    return undecided("beaten", "the value lies within the enclosure of the minimum")


def _detail(relative: Fraction, upper: Fraction, proposal: Proposal) -> str:
    off = abs(Fraction(proposal.solver_value) - upper)
    return (
        f"{proposal.method}: enclosed exactly to {float(relative):.0e} of its size; "
        f"{proposal.solver} ({proposal.status}) alone is {float(off):.0e} off"
    )


def _scale(lower: Fraction, upper: Fraction) -> Fraction:
    """The size that a gap is relative to."""
    return abs(upper) if lower > 0 or upper < 0 else ZERO_SCALE


def _ball(value: Expression) -> Any:
    """The value as a ball, also where it is a structural zero."""
    from flint import arb

    return arb(Balls().evaluate(value))


def _claimed(value: Expression) -> float | str:
    with precision(CLAIM_BITS[-1]):
        try:
            return float(_ball(value))
        except Undecidable as error:
            return str(error)


# --- the nuclear norm -------------------------------------------------------------------------------------------------


def _nuclear_proposal(model: UnconstrainedFeatures, value: Expression) -> Proposal:
    roots = np.sqrt(np.array(model.class_sizes, dtype=float))
    penalty = model.N * float(model.Lambda) ** 0.5
    target, row = np.diag(roots), roots if model.has_bias else None
    matrix, least, solver, status = _solve_nuclear(target, row, penalty)
    left, sigma, right = _threshold(matrix, target, row, penalty)
    active = np.maximum(sigma - penalty, 0.0)[: model.R]
    Q = _feasible(model, (left * np.minimum(sigma, penalty)) @ right / model.N / roots)
    certificate = dual(model, Q, _factors(model, left, active, right / roots))
    numbers: dict[str, Any] = {}
    if model.N <= MOST_COLUMNS:
        labels = np.repeat(np.eye(model.K), model.class_sizes, axis=1)
        ones = np.ones(model.N) if model.has_bias else None
        numbers["all_columns"] = _solve_nuclear(labels, ones, penalty)[1] / model.N
    return Proposal(certificate, "nuclear norm", solver, status, least / model.N, numbers=numbers)


def _solve_nuclear(target: np.ndarray, row: np.ndarray | None, penalty: float) -> tuple[np.ndarray, float, str, str]:
    """Minimise ½‖A + b rowᵀ − target‖² + penalty · ‖A‖_*: the matrix, the value, the solver and its status."""
    import cvxpy as cp

    size = float(np.linalg.norm(target, 2))  # so that the solver sees entries of order 1
    matrix = cp.Variable(target.shape)
    residual = matrix - target / size
    if row is not None:
        residual = residual + cp.Variable((target.shape[0], 1)) @ (row[None, :] / size)
    problem = cp.Problem(cp.Minimize(cp.sum_squares(residual) / 2 + penalty / size * cp.normNuc(matrix)))
    solver, status = _solve(problem)
    return np.asarray(matrix.value) * size, float(problem.value) * size**2, solver, status


def _threshold(
    matrix: np.ndarray, target: np.ndarray, row: np.ndarray | None, penalty: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refine a minimiser A by proximal steps A ← shrink(A − (A − target)P), P the projection that a free b leaves.

    Returns the singular value decomposition of the last matrix before shrinking: A has the singular values
    (σ − penalty)₊ and the residual, which is N times the dual, has min(σ, penalty).
    """
    projection = np.eye(target.shape[1])
    if row is not None:
        projection -= np.outer(row, row) / (row @ row)
    for _ in range(THRESHOLDING_STEPS):
        step = matrix - (matrix - target) @ projection
        left, sigma, right = np.linalg.svd(step, full_matrices=False)
        matrix = (left * np.maximum(sigma - penalty, 0.0)) @ right
    return left, sigma, right


def _feasible(model: UnconstrainedFeatures, dual: np.ndarray) -> list[list[Fraction]]:
    """A rational dual matrix Q near a floating one with Q n = 0 (for a bias) and Q D Qᵀ ⪯ λ_W λ_H I."""
    rows = _rationals(dual)
    sizes, K = model.class_sizes, model.K
    if model.has_bias:
        means = [sum((n * q for n, q in zip(sizes, row, strict=True)), Fraction(0)) / model.N for row in rows]
        rows = [[q - mean for q in row] for row, mean in zip(rows, means, strict=True)]
    gram = [[sum((n * p * q for n, p, q in zip(sizes, a, b, strict=True)), Fraction(0)) for b in rows] for a in rows]
    for shrink in SHRINKS:
        factor = 1 - Fraction(shrink)
        slack = [[model.Lambda * (i == j) - factor * factor * gram[i][j] for j in range(K)] for i in range(K)]
        if exact.is_positive_semidefinite(slack):
            return [[factor * q for q in row] for row in rows]
    raise SolverFailed("the dual matrix of the nuclear norm could not be made feasible")


def _factors(model: UnconstrainedFeatures, left: np.ndarray, sigma: np.ndarray, right: np.ndarray) -> Any:
    """Balanced factors W = U Σ^{1/2} (λ_H/λ_W)^{1/4}, H̄ = (λ_W/λ_H)^{1/4} Σ^{1/2} Vᵀ D^{-1/2}, and the best bias."""
    rank = max(1, int(np.count_nonzero(sigma)))
    balance = float(model.feature_decay / model.weight_decays[0]) ** 0.25
    roots = np.sqrt(sigma[:rank])
    W = _rationals(left[:, :rank] * roots * balance)
    H = _rationals(right[:rank] * roots[:, None] / balance)
    bias = [[Fraction(0)] for _ in range(model.K)]
    if model.has_bias:
        means = [sum((n * h for n, h in zip(model.class_sizes, row, strict=True)), Fraction(0)) for row in H]
        for k, n in enumerate(model.class_sizes):
            output = sum((w * mean for w, mean in zip(W[k], means, strict=True)), Fraction(0))
            bias[k][0] = (n - output) / model.N
    return {"W": W, "H": H, "b": bias}


# --- exponential cones ------------------------------------------------------------------------------------------------


def _one_layer_proposal(model: UnconstrainedFeatures) -> Proposal:
    """The program for free features and few classes; descent refines its point, and otherwise finds one."""
    if model.sign == "nonnegative" or model.K > MOST_CLASSES:
        certificate = duals.bounds(model)
        return Proposal(
            certificate, "dual of where descent ends", "descent", "ended", float(Fraction(certificate["upper"]))
        )
    point, value, solver, status = _solve_one_layer(model)
    return Proposal(duals.bounds(model, point), "exponential cones and nuclear norm", solver, status, value)


def _solve_one_layer(model: UnconstrainedFeatures) -> tuple[Any, float, str, str]:
    """Minimise Σ n_k/N ℓ_k(z_k + b) + √(λ_W λ_H) ‖Z D^{1/2}‖_* + λ_b/2 ‖b‖²: factors, value, solver and its status."""
    import cvxpy as cp

    K, roots = model.K, np.sqrt(np.array(model.class_sizes, dtype=float))
    Z, b = cp.Variable((K, K)), cp.Variable((K, 1))
    outputs = Z + b @ np.ones((1, K)) if model.has_bias else Z
    alpha = float(model.alpha)
    aims = (1 - alpha) * np.eye(K) + alpha / K
    if model.loss == "mse":
        losses = [cp.sum_squares(outputs[:, k] - np.eye(K)[k]) / 2 for k in range(K)]
    else:
        losses = [cp.log_sum_exp(outputs[:, k]) - aims[:, k] @ outputs[:, k] for k in range(K)]
    fit = sum(n * loss for n, loss in zip(model.class_sizes, losses, strict=True)) / model.N
    penalty = float(model.Lambda) ** 0.5 * cp.normNuc(Z @ np.diag(roots))
    problem = cp.Problem(cp.Minimize(fit + penalty + float(model.bias_decay) / 2 * cp.sum_squares(b)))
    solver, status = _solve(problem)
    left, sigma, right = np.linalg.svd(np.asarray(Z.value) * roots)
    balance = float(model.feature_decay / model.weight_decays[0]) ** 0.25
    rank = min(K, model.widths[0])
    W, H = np.zeros((K, model.widths[0])), np.zeros((model.widths[0], K))
    W[:, :rank] = (left * np.sqrt(sigma))[:, :rank] * balance
    H[:rank] = ((right.T * np.sqrt(sigma)).T / roots / balance)[:rank]
    bias = np.asarray(b.value)[:, 0] if model.has_bias else np.zeros(K)
    return (W, H, bias), float(problem.value), solver, status


# --- sums of squares --------------------------------------------------------------------------------------------------


def _modes_proposal(model: UnconstrainedFeatures, value: Expression) -> Proposal:
    active, idle = exact.modes(model)
    entries, statuses, solvers = [], set(), set()
    total = float(sum(mode * count for mode, count in idle.items()))
    for mode, count in active.items():
        entry, least, solver, status = _mode(model, mode)
        entries.append(entry)
        solvers.add(solver)
        statuses.add(status)
        total += float(mode) * count * least
    certificate = {"format": FORMAT, "kind": "sos", "model": model.to_json(), "modes": entries}
    uses = ("dang2023-schatten", "trace inequality", *(("dang2023-bias-vector",) if model.has_bias else ()))
    return Proposal(
        certificate,
        "sum of squares",
        " ".join(sorted(solvers)) or "none needed",
        " ".join(sorted(statuses)) or "no mode",
        total / (2 * model.N),
        uses,
    )


def _mode(model: UnconstrainedFeatures, mode: Fraction) -> tuple[dict[str, Any], float, str, str]:
    """Evidence for one mode: a rational κ, a bound v with its Gram matrix, and factors that come close to it."""
    from flint import arb, fmpq

    radicand = exact.mode_radicand(model, mode)
    with precision(PARAMETER_BITS):
        root = arb(fmpq(radicand.numerator, radicand.denominator)).root(model.M + 1)
        radical = _fraction(root.lower())
    polynomial = exact.mode_polynomial(model.M, radical)
    point, least = _least(polynomial, [Fraction(1)], half_line=True)
    scale = float(point) or min(1.0, float(radical) ** -0.5)
    solver_value, solver, status = _solve_squares(polynomial, [Fraction(1)], scale)
    bound, slack = _below(least)
    shifted = [polynomial[0] - bound, *polynomial[1:]]
    gram = _gram(shifted, slack, "a mode")
    entry = {
        "mode": str(mode),
        "radical": str(radical),
        "bound": str(bound),
        "gram": _texts(gram),
        "factors": [str(factor) for factor in _mode_factors(model, mode, radical, point)],
    }
    return entry, solver_value, solver, status


def _mode_factors(model: UnconstrainedFeatures, mode: Fraction, radical: Fraction, y: Fraction) -> list[Fraction]:
    """Rational w_1 … w_M, h near the balanced ones: λ_m w_m² = λ_H μ h² = ρ y² with ρ = κ μ/((M + 1) N)."""
    share = radical * mode / ((model.M + 1) * model.N) * y * y
    return [_square_root(share / decay) for decay in (*model.weight_decays, model.feature_decay * mode)]


def _scalar_proposal(problem: Minimisation, value: Expression) -> Proposal:
    if len(problem.variables) != 1 or any(v.shape for v in problem.variables.values()):
        raise Unable("its minimum is neither that of a model nor over a single number")
    (name,) = problem.variables
    half_line = name in problem.nonnegative
    try:
        function = exact.RationalFunctions().function(problem.objective, name)
        numerator, denominator = function.middle()
        function.above(Fraction(0), half_line)
    except (Undecidable, exact.Rejected, TypeError) as error:
        raise Unable(f"its objective is no rational function that can be bounded: {error}") from error
    point, least = _least(numerator, denominator, half_line)
    point_scale = _power_of_two(abs(point))
    bound, slack = _below(least)
    top, bottom = (exact.scaled(p, point_scale, half_line) for p in (numerator, denominator))
    solver_value, solver, status = _solve_squares(top, bottom, 1.0)
    lowest = min(c for c in bottom if c)
    gram = _gram(exact.scaled(function.above(bound, half_line), point_scale, half_line), slack * lowest, "the formula")
    certificate = {
        "format": FORMAT,
        "kind": "sos",
        "minimisation": problem.to_json(),
        "point": str(point),
        "scale": str(point_scale),
        "bound": str(bound),
        "gram": _texts(gram),
    }
    return Proposal(certificate, "sum of squares", solver, status, solver_value)


def _solve_squares(
    numerator: Sequence[Fraction], denominator: Sequence[Fraction], scale: float
) -> tuple[float, str, str]:
    """Maximise v such that p(y) − v q(y) = zᵀ G z with G ⪰ 0, in the variable u = y/scale: v, solver and status."""
    import cvxpy as cp

    degree = max(len(numerator), len(denominator)) - 1
    size = degree // 2 + 1
    top, bottom = (_scaled_floats(p, scale, degree) for p in (numerator, denominator))
    norm = np.abs(top).max()
    gram, v = cp.Variable((size, size), PSD=True), cp.Variable()
    antidiagonals = np.zeros((degree + 1, size * size))
    for i in range(size):
        for j in range(size):
            antidiagonals[i + j, i * size + j] = 1.0
    identity = antidiagonals @ cp.vec(gram, order="F") + v * bottom == top / norm
    problem = cp.Problem(cp.Maximize(v), [identity])
    solver, status = _solve(problem)
    return float(problem.value) * norm, solver, status


def _scaled_floats(coefficients: Sequence[Fraction], scale: float, degree: int) -> np.ndarray:
    values = [float(c) * scale**k for k, c in enumerate(coefficients)]
    return np.array(values + [0.0] * (degree + 1 - len(values)))


def _least(
    numerator: Sequence[Fraction], denominator: Sequence[Fraction], half_line: bool
) -> tuple[Fraction, Fraction]:
    """The critical point (rounded) of p/q with the least value, and that value; 0 is a candidate where x ≥ 0."""
    from flint import fmpq, fmpq_poly

    p, q = (fmpq_poly([fmpq(c.numerator, c.denominator) for c in part]) for part in (numerator, denominator))
    slope: Any = p.derivative() * q - p * q.derivative()
    candidates = [Fraction(0)] if half_line else []
    with precision(2 * PARAMETER_BITS):
        if slope.degree() > 0:
            real = [root.real for root, _ in slope.complex_roots() if root.imag.contains(0)]
            candidates += [_rounded(_fraction(x.mid())) for x in real if not half_line or x > 0]
    values = [(_at(p, x) / _at(q, x), x) for x in candidates if _at(q, x)]
    if not values:
        raise SolverFailed("the formula has no critical point")
    value, point = min(values, key=lambda pair: (pair[0], pair[1]))
    return point, value


def _below(least: Fraction) -> tuple[Fraction, Fraction]:
    """A short rational bound just below the least value, and the slack that this leaves."""
    slack = _power_of_two(abs(least) or ZERO_SCALE) / 2**SLACK_BITS
    unit = slack / 2**8
    return ((least - slack) // unit) * unit, slack


def _gram(polynomial: Sequence[Fraction], slack: Fraction, what: str) -> list[list[Fraction]]:
    for bits in MARGIN_BITS:
        gram = exact.sum_of_squares(polynomial, slack / 2**bits)
        if gram is not None:
            return gram
    raise SolverFailed(f"no exact sum of squares was found for {what}")


# --- solvers and numbers ----------------------------------------------------------------------------------------------


def _solve(problem: Any) -> tuple[str, str]:
    """Solve with the first solver that ends with an accepted status; its name and the status."""
    import cvxpy as cp

    statuses = []
    for solver in SOLVERS:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)
                problem.solve(solver=solver)
        except cp.SolverError as error:
            statuses.append(f"{solver}: {error}")
            continue
        if problem.status in ACCEPTED:
            return solver, str(problem.status)
        statuses.append(f"{solver}: {problem.status}")
    raise SolverFailed(f"no solver succeeded ({'; '.join(statuses)})")


def _at(polynomial: Any, point: Fraction) -> Fraction:
    from flint import fmpq

    return _fraction_of(polynomial(fmpq(point.numerator, point.denominator)))


def _fraction(ball: Any) -> Fraction:
    """The rational that an exact ball is."""
    return _fraction_of(ball.fmpq())


def _fraction_of(value: Any) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def _power_of_two(value: Fraction) -> Fraction:
    """A power of two within a factor 2 of a positive number; 1 for zero."""
    if not value:
        return Fraction(1)
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return Fraction(2) ** exponent


def _rounded(value: Fraction) -> Fraction:
    """A rational with ``PARAMETER_BITS`` significant bits near a number."""
    unit = _power_of_two(abs(value)) / 2**PARAMETER_BITS
    return round(value / unit) * unit


def _square_root(value: Fraction) -> Fraction:
    """A rational with about ``PARAMETER_BITS`` significant bits near √value."""
    if not value:
        return Fraction(0)
    exponent = PARAMETER_BITS - (value.numerator.bit_length() - value.denominator.bit_length()) // 2
    unit = Fraction(2) ** exponent
    return Fraction(isqrt(int(value * unit * unit))) / unit


def _rationals(matrix: np.ndarray) -> list[list[Fraction]]:
    """The exact rational values of floating entries."""
    return [[Fraction(float(x)) for x in row] for row in matrix]


def _texts(matrix: Sequence[Sequence[Fraction]]) -> list[list[str]]:
    return [[str(x) for x in row] for row in matrix]
