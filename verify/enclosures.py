"""Two-sided answers for losses other than squared error: what ``collapse optimum`` says beyond Dang et al. 2023.

One layer with a convex loss: a dual matrix and a point, which the checker evaluates. Else a point that descent finds is
above, and below is what norms alone allow: outputs Z have ‖Z D^{1/2}‖ ≤ ∏ ‖factor‖, so that with ρ = ‖Z D^{1/2}‖

    objective ≥ min over ρ ≥ 0 of φ(−√(K(K − 1)/N) ρ) + (M + 1)/2 Λ^{1/(M+1)} ρ^{2/(M+1)},

by the contrast φ of the loss, its convexity and the inequality of the means. A balanced focal loss with one layer has
its minimum over ρ of φ(−√((K − 1)/n) ρ) + √(λ_W λ_H (K − 1)) ρ, as ‖Z‖_* is at least the mean of |Σ_{j≠k} (z_j − z_k)|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any

from theory.arithmetic.interpreters import Balls, precision
from theory.closed_form import relu, softmax
from theory.closed_form.optimum import optimum as closed_form_of_modes
from theory.losses import CONVEX, contrast
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, constant, sqrt, variable
from verify import checker
from verify.methods import duals

DIGITS = 30

CELLS = 20_000
"""Pieces of the scalar problem at most: the bound by norms then is within 1e-6 of what norms allow."""

FEW_CELLS = 500
"""Pieces in which a number is shown to be below it: one that is not near needs no more."""

TOLERANCE = 1e-7

BITS = 4_000
"""Precision of the scalar problem: far out, 1 + e^t is told from 1."""

PRECISIONS = (400, 2_000, 10_000)
"""Precisions tried in turn for a constant: with tiny decays it is far smaller than its terms."""

STARTS = 30
"""Random starts for the point above, where no dual is known."""

CONTRAST = "the contrast: the loss is at least φ(Σ_{j≠k} (z_j − z_k)), and φ does not increase"
CONVEXITY = "convexity of φ"
PROVED = "the closed form, which is proved (collapse show {})"
ONE_CLASS = "with one class the loss is 0 at all outputs"
NONNEGATIVE = ("the loss is not negative",)
FREE = "the minimum over features of any sign is not above that over features ≥ 0"
LINEAR = "the closed form for features of any sign and a bias without a decay"
NUCLEAR, CONVEX_LOSS = checker.KINDS["dual"][1]
STEEP = "(1 − α)/N ‖(I − 11ᵀ/K) D^{1/2}‖ ≤ √(λ_W λ_H), decided exactly: the loss is no steeper at zero"
NORMS = "‖Z D^{1/2}‖ ≤ ∏ ‖factor‖ and the inequality of the arithmetic and geometric means"


@dataclass(frozen=True)
class ClosedForm:
    """A minimum in closed form: the name of the minimiser, the value, named scales (none at zero), and the reasons."""

    name: str
    value: Expression
    scales: tuple[tuple[str, Expression], ...]
    reasons: tuple[str, ...]

    @property
    def trivial(self) -> bool:
        """Whether the minimiser is zero."""
        return not self.scales


@dataclass(frozen=True)
class Enclosed:
    """Bounds on a minimum, the closed form that lies between them, and what the bounds rest on."""

    model: UnconstrainedFeatures
    lower: Fraction
    upper: Fraction
    at_zero: Expression
    closed_form: ClosedForm | None
    assumptions: tuple[str, ...]

    @property
    def trivial(self) -> bool | None:
        """Whether zero is the only minimiser, or None where that is not known."""
        if self.closed_form is not None:
            return self.closed_form.trivial
        return False if not self.model.has_bias and self.upper < around(self.at_zero)[0] else None

    @property
    def unique(self) -> bool | None:
        """Whether the minimiser is unique up to symmetry, where it is zero: a free bias may be any multiple of 1."""
        return (not self.model.has_bias or self.model.bias_decay > 0) if self.trivial else None

    def to_json(self) -> dict[str, Any]:
        """Plain data as ``collapse optimum --json`` writes it."""
        missing, form = ("note", "logits", "weights_gram", "features_gram", "classes", "bias"), self.closed_form
        return {
            "objective": decimal(self.upper, up=True),
            "radius": decimal(self.upper - self.lower, up=True),
            "lower": decimal(self.lower, up=False),
            "upper": decimal(self.upper, up=True),
            "zero_objective": _shown(self.at_zero),
            "trivial": self.trivial,
            "unique": self.unique,
            **dict.fromkeys(missing),
            "closed_form": None
            if form is None
            else {"source": form.name, "objective": _shown(form.value), **{n: _shown(x) for n, x in form.scales}},
            "assumptions": list(self.assumptions),
        }

    def lines(self) -> list[str]:
        """The same for a reader."""
        gap, form = self.upper - self.lower, self.closed_form
        shown = f"{float(gap):.1e}" if float(gap) or not gap else "below 1e-300"
        told = [f"at least  {decimal(self.lower, up=False)}"]
        told.append(f"at most   {decimal(self.upper, up=True)}   (gap {shown})")
        told += [f"at zero   {_shown(self.at_zero)}", ""]
        if form is None:
            told.append("No closed form is proved here; the bounds are.")
        elif form.trivial:
            free = "" if self.unique else "; a bias that is any multiple of 1 is as good"
            told.append(f"Zero is the only minimiser{free}.")
        else:
            told.append(f"closed form  {_shown(form.value)}   {form.name}")
            told += [f"{name:<12} {_shown(x)}" for name, x in form.scales]
        return [*told, "", *(f"The bounds rest on: {assumption}." for assumption in self.assumptions)]


def enclose(model: UnconstrainedFeatures, seed: int = 0) -> Enclosed:
    """Bounds on the minimum of a model with any loss.

    >>> found = enclose(UnconstrainedFeatures(class_sizes=(2, 1), decays="1/50", loss="ce"))
    >>> found.upper - found.lower < Fraction(1, 10**12)
    True
    """
    plain, zero = unfocused(model), _at_zero(model)
    form = _closed_form(plain)
    if form is not None:
        return Enclosed(model, max(around(form.value)[0], Fraction(0)), around(form.value)[1], zero, form, form.reasons)
    lower, upper, assumptions = _bounds(plain, seed)
    return Enclosed(model, max(lower, Fraction(0)), min(upper, around(zero)[1]), zero, None, assumptions)


def unfocused(model: UnconstrainedFeatures) -> UnconstrainedFeatures:
    """The same model, with cross-entropy by its own name: label smoothing with α = 0, the focal loss with γ = 0.

    >>> unfocused(UnconstrainedFeatures(class_sizes=(2, 1), decays=1, loss="focal")).loss
    'ce'
    """
    same = (model.loss == "label-smoothing" and not model.alpha) or (model.loss == "focal" and not model.gamma)
    return model.with_(loss="ce") if same else model


def _bounds(model: UnconstrainedFeatures, seed: int) -> tuple[Fraction, Fraction, tuple[str, ...]]:
    """From the dual of a problem that is wide enough; where the model is narrower, the point above is another one."""
    wide = model if duals.covers(model) else model.with_(widths=model.K)
    if not duals.covers(wide) or model.K > checker.MAX_SIZE:
        return _with_point(model, seed)
    try:
        found = duals.bounds(wide, seed=seed)
        lower, upper = Fraction(found["lower"]), Fraction(found["upper"]) if wide is model else _above(model, seed)
        if model.sign == "nonnegative" and upper - lower > TOLERANCE:
            lower = max(lower, Fraction(duals.bounds(wide.with_(sign="free"), seed=seed)["lower"]))
    except duals.Infeasible:
        return _with_point(model, seed)
    return lower, upper, checker.KINDS["dual"][1]


def _with_point(model: UnconstrainedFeatures, seed: int) -> tuple[Fraction, Fraction, tuple[str, ...]]:
    lower, assumptions = _below(model)
    return lower, _above(model, seed), assumptions


def _ball(value: Expression) -> Any:
    """A ball around a constant in which its first DIGITS digits are right, where the precisions allow it."""
    for bits in PRECISIONS:
        with precision(bits):
            ball = Balls().evaluate(value) + Balls().number(Fraction(0))
        if ball.is_exact() or ball.rel_accuracy_bits() > 4 * DIGITS:
            break
    return ball


def around(value: Expression) -> tuple[Fraction, Fraction]:
    """Rationals of a few hundred bits or more around a constant."""
    ball = _ball(value)
    with precision(PRECISIONS[-1]):
        return tuple(Fraction(int(end.p), int(end.q)) for end in (ball.lower().fmpq(), ball.upper().fmpq()))  # type: ignore[return-value]


def _closed_form(model: UnconstrainedFeatures) -> ClosedForm | None:
    """The minimum where it is proved; without scales where zero is the only minimiser."""
    if softmax.zero_is_best(model):
        reasons = (ONE_CLASS,) if model.K == 1 else (NUCLEAR, CONVEX_LOSS, STEEP)
        return ClosedForm("zero", _at_zero(model), (), reasons)
    if softmax.has_simplex(model):
        reasons = (PROVED.format("zhu2021-ce-etf" if model.loss == "ce" else "losses-scale"),)
        scales = (("scale", softmax.simplex_scale(model)),)
        return ClosedForm("simplex ETF, Z = s (I − 11ᵀ/K)", softmax.simplex_value(model), scales, reasons)
    if softmax.has_orthogonal(model):
        reasons = (PROVED.format("dang2024-relu-ce"),)
        margins = dict(zip(model.class_sizes, softmax.margins(model), strict=True))
        if all(M is constant(0) for M in margins.values()):
            return ClosedForm("zero", _at_zero(model), (), reasons)
        named = tuple((f"margin of {n}", M) for n, M in sorted(margins.items(), reverse=True))
        return ClosedForm("orthogonal class means", softmax.orthogonal_value(model), named, reasons)
    return None


def _at_zero(model: UnconstrainedFeatures) -> Expression:
    return contrast(model, 0) if model.loss != "mse" else constant(Fraction(1, 2))


def _below(model: UnconstrainedFeatures) -> tuple[Fraction, tuple[str, ...]]:
    """What norms allow; zero where the contrast is not convex, or classes of different sizes have a bias."""
    rho, K, N = variable("rho"), model.K, model.N
    if model.loss == "mse":
        return _below_quadratic(model.with_(sign="free", bias_decay=0))
    if model.loss == "focal" and model.M == 1 and model.balanced:
        fit = contrast(model, -sqrt(Fraction(K * (K - 1), N)) * rho)
        return least_sum(fit, sqrt(model.Lambda) * sqrt(K - 1) * rho), (CONTRAST, NUCLEAR)
    if model.loss not in CONVEX or (model.has_bias and not model.balanced):
        return Fraction(0), NONNEGATIVE
    return least_sum(*by_norms(model)), (CONTRAST, CONVEXITY, NORMS)


def _below_quadratic(free: UnconstrainedFeatures) -> tuple[Fraction, tuple[str, ...]]:
    """Squared error with free features and a free bias, whose minimum is not above that with neither."""
    if free.is_linear:
        return closed_form_of_modes(free).objective.low, (LINEAR,)
    if free.has_bias:
        return Fraction(0), NONNEGATIVE
    if free.balanced:
        known = relu.enclosed(free)
        return known.lower.low, (*known.assumptions, FREE)
    return relu.norm_chain(free).low, (relu.CHAIN, FREE)


def by_norms(model: UnconstrainedFeatures) -> tuple[Expression, Expression]:
    """A falling and a rising function of ρ = ‖Z D^{1/2}‖; no objective goes below the minimum of their sum.

    The sum is φ(t) and the decays, t = −ρ √(K(K−1)/N) the least average of all t; smoothed labels add −α t/K, which
    rises with ρ. Convex losses, no free bias with unequal classes; a ReLU raises no norm.
    """
    rho, K, N, M = variable("rho"), model.K, model.N, model.M
    t = -sqrt(Fraction(K * (K - 1), N)) * rho
    decays = Fraction(M + 1, 2) * constant(model.Lambda) ** Fraction(1, M + 1) * rho ** Fraction(2, M + 1)
    return contrast(model.with_(loss="ce", alpha=0), t), decays - model.alpha / K * t


def least_sum(falling: Expression, rising: Expression) -> Fraction:
    """A lower bound on the minimum over ρ ≥ 0 of a function that does not increase and one that does not decrease.

    >>> rho = variable("rho")
    >>> 0.9 < float(least_sum(1 / (1 + rho), rho)) <= 1
    True
    """
    with precision(BITS):
        down, up = (_evaluator(f) for f in (falling, rising))
        top, end = down(Fraction(0))[1] + up(Fraction(0))[1], Fraction(1)
        while up(end)[0] <= top:
            end *= 2
        best = top
        cells = [(down(end)[0] + up(Fraction(0))[0], Fraction(0), end)]
        for _ in range(CELLS):
            _, a, b = heappop(cells)
            middle = (a + b) / 2
            best = min(best, down(middle)[1] + up(middle)[1])
            for x, y in ((a, middle), (middle, b)):
                heappush(cells, (down(y)[0] + up(x)[0], x, y))
            if cells[0][0] >= best - TOLERANCE * abs(best):
                break
        return Fraction(min(cells[0][0], best))


def stays_above(falling: Expression, rising: Expression, value: Expression) -> bool:
    """Whether the sum of two such functions of ρ ≥ 0 is shown to exceed a number everywhere.

    >>> rho = variable("rho")
    >>> [stays_above(1 / (1 + rho), rho, constant(x)) for x in (Fraction(1, 2), Fraction(2))]
    [True, False]
    """
    down, up = (_evaluator(f) for f in (falling, rising))
    bound, end = _evaluator(value)(Fraction(0))[1], Fraction(1)
    while up(end)[0] <= bound:
        end *= 2
    cells = [(Fraction(0), end)]
    for _ in range(FEW_CELLS):
        if not cells:
            return True
        a, b = cells.pop()
        if down(b)[0] + up(a)[0] > bound:
            continue
        middle = (a + b) / 2
        if down(middle)[1] + up(middle)[1] <= bound:
            return False
        cells += [(a, middle), (middle, b)]
    return False


def _evaluator(formula: Expression) -> Callable[[Fraction], tuple[float, float]]:
    """Lower and upper bounds on a function of ρ, as floats rounded outwards."""
    balls = Balls()

    def at(rho: Fraction) -> tuple[float, float]:
        ball = balls.evaluate(formula, {"rho": balls.number(rho) if rho else 0}) + balls.number(Fraction(0))
        slack = 1e-15 * (1 + abs(float(ball)))
        return float(ball.lower()) - slack, float(ball.upper()) + slack

    return at


def _above(model: UnconstrainedFeatures, seed: int) -> Fraction:
    """The exact objective, rounded upwards, at the lowest point that descent finds."""
    import torch

    from verify.methods.kernels import LayeredModel
    from verify.methods.minimise import minimise
    from verify.methods.searches import exact_point

    kernel = LayeredModel(model, collapsed=True)
    gains = torch.tensor([0.3 + 0.1 * (i % 10) for i in range(STARTS)], dtype=torch.float64)
    starts = kernel.gaussian_starts(gains, torch.Generator().manual_seed(seed))
    starts[0] = 0
    ends = minimise(kernel, starts, duals.ITERATIONS)
    best = int(ends.values.argmin())
    point = exact_point(kernel.factors(ends.points[best : best + 1]))
    checker.Budget.left, checker.Interval.BITS = 100 * checker.Budget.MOST, checker.DUAL_BITS
    return checker.model_objective(checker.Model(model.to_json(), plain=False), point).high


def decimal(value: Fraction, up: bool, places: int = DIGITS) -> str:
    """A decimal that is not above a number that is not negative, or (``up``) not below it.

    >>> decimal(Fraction(2, 3), up=False, places=4), decimal(Fraction(2, 3), up=True, places=4)
    ('0.6666', '0.6667')
    """
    units = value * 10**places
    whole, rest = divmod(-(-units // 1) if up else units // 1, 10**places)
    return f"{whole}.{rest:0{places}d}"


def _shown(value: Expression) -> str:
    """A constant to DIGITS digits of which every one is right."""
    return str(_ball(value).str(DIGITS, radius=False))
