"""Writing certificates: exact data that ``verify.checker`` accepts without trusting what made it.

Nothing published enters here. Each mode's scalar problem is solved with mpmath, rounded to rationals and bounded
exactly; the factors follow from the scalars by balancedness; the checker's own evaluation gives the bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import Any

import mpmath

from theory.model import UnconstrainedFeatures
from theory.reductions import mode_weights
from verify import checker
from verify.verdict import Unable

DIGITS = 60
"""Decimal digits of the scalar solutions."""

FACTOR_BITS = 110
"""Factors are rounded to this many bits: the objective is stationary there, so it moves by about 2^−220."""

BOUND_BITS = 200
"""Stated bounds are rounded outwards to this many significant bits, so that they stay readable at any depth."""

ISOLATION_BITS = 40
"""An isolated minimiser is enclosed to this many bits: its margin, of twice as many, stays above the rounding of β."""

SHARE_BITS = 150
"""Bounds on a mode's share are rounded down to this many bits, a loss far below the gap of 1e-30."""


def two_sided_bound(model: UnconstrainedFeatures) -> dict[str, Any]:
    """A certificate that encloses the minimum of a linear model with squared error.

    Raises:
        Unable: for imbalanced classes with a bias.

    >>> certificate = two_sided_bound(UnconstrainedFeatures(class_sizes=(2, 1), decays="1/100"))
    >>> Fraction(certificate["high"]) - Fraction(certificate["low"]) < Fraction(1, 10**30)
    True
    """
    weights, problem = _rational_modes(model), checker.Model(model.to_json())
    with mpmath.workdps(DIGITS + 20):
        betas = {mu: _below(_beta(model, mu), SHARE_BITS) for mu in weights}
        local = {mu: _local_minimiser(model.M, _mpf(betas[mu])) for mu in weights}
        lower = [_mode(model, mu, betas[mu], local[mu]) for mu in weights]
        solutions = {mu: x if _share(model.M, _beta(model, mu), x) < 1 else mpmath.mpf(0) for mu, x in local.items()}
        upper = _point(model, solutions)
    low, high = checker.lower_bound(problem, lower), checker.upper_bound(problem, upper)
    return {
        "format": checker.FORMAT,
        "kind": "two-sided bound",
        "model": model.to_json(),
        "low": str(outwards(low)),
        "high": str(-outwards(-high)),
        "lower": lower,
        "upper": upper,
    }


def geometry(model: UnconstrainedFeatures) -> dict[str, Any]:
    """A certificate of where every global minimiser of a linear model with squared error lies, mode by mode.

    Raises:
        Unable: for imbalanced classes with a bias.

    >>> from verify import checker
    >>> certificate = geometry(UnconstrainedFeatures(class_sizes=(2, 1), decays="1/9"))
    >>> checker.check(certificate).split(": ")[1][:30]
    '1 of weight 2 in [336141700711'
    """
    weights = _rational_modes(model)
    with mpmath.workdps(DIGITS + 20):
        modes = [_minimiser(model, mu) for mu in weights]
    return {"format": checker.FORMAT, "kind": "geometry", "model": model.to_json(), "modes": modes}


def _minimiser(model: UnconstrainedFeatures, mu: int) -> dict[str, Any]:
    """A mode at its threshold, or zero, or with its minimiser isolated by a value between shares."""
    if is_at_threshold(model, mu):
        return {"weight": mu}
    exact = model.N**2 * model.Lambda / mu if model.M == 1 else None
    beta = _below(_beta(model, mu), SHARE_BITS) if exact is None else exact
    x = _local_minimiser(model.M, _mpf(beta))
    if not x or _share(model.M, _mpf(beta), x) >= 1:
        return {"weight": mu, "beta": str(beta)}
    larger = exact or beta * (1 + Fraction(1, 2 ** (SHARE_BITS - 4)))
    ends = [_rational(x * (1 + mpmath.ldexp(i, -ISOLATION_BITS)), FACTOR_BITS) for i in (-1, 0, 1)]
    a, c, b = (_share(model.M, _mpf(beta), _mpf(end)) for end in ends)
    z = [end**model.M / (1 + end**model.M) for end in (ends[0], ends[2])]
    unit = Fraction(1, 2 ** (ISOLATION_BITS + int(1 / z[0] / (1 - z[1])).bit_length()))
    return {
        "weight": mu,
        "beta": [str(beta), str(larger)],
        "x": [str(end) for end in ends],
        "outside": str(_rational((c + min(a, b, 1)) / 2, SHARE_BITS)),
        "singular": [str(floor(z[0] / unit) * unit), str(-floor(-z[1] / unit) * unit)],
    }


def is_at_threshold(model: UnconstrainedFeatures, mu: int) -> bool:
    """Whether zero and non-zero have exactly the same share for a mode of weight μ, which takes two layers."""
    try:
        checker.require_threshold(checker.Model(model.to_json()), mu)
    except checker.Rejected:
        return False
    return True


def _rational_modes(model: UnconstrainedFeatures) -> list[int]:
    """The distinct weights of the model's modes, largest first."""
    try:
        mode_weights(model)
    except ValueError as error:
        raise Unable(str(error)) from None
    return sorted(set(checker.Model(model.to_json()).modes()), reverse=True)


def _beta(model: UnconstrainedFeatures, mu: int) -> Any:
    """b/μ with b = M N (N Λ)^{1/M}, as an mpmath number."""
    M, N = model.M, model.N
    return M * N * mpmath.root(N * mpmath.mpf(model.Lambda.numerator) / model.Lambda.denominator, M) / mu


def _share(M: int, beta: Any, x: Any) -> Any:
    """g(x) = 1/(1 + xᴹ) + βx."""
    return 1 / (1 + x**M) + beta * x


def _local_minimiser(M: int, beta: Any) -> Any:
    """The local minimiser of g in x > 0, the largest root of β(1 + xᴹ)² = M xᴹ⁻¹; 0 when there is none.

    Newton's iteration from above falls to it: all derivatives of the difference are positive there and beyond.
    """
    peak = mpmath.root(mpmath.mpf(M - 1) / (M + 1), M) if M > 1 else mpmath.mpf(0)  # where M xᴹ⁻¹/(1 + xᴹ)² is largest
    if beta * (1 + peak**M) ** 2 >= M * (peak ** (M - 1) if M > 1 else 1):
        return mpmath.mpf(0)
    x = 1 + mpmath.root(M / beta, M + 1)
    while True:
        lower = x ** (M - 1)
        t = lower * x
        value = beta * (1 + t) ** 2 - M * lower
        slope = 2 * M * beta * (1 + t) * lower - (M * (M - 1) * lower / x if M > 1 else 0)
        step = value / slope
        if not step > x * mpmath.mpf(10) ** -DIGITS:
            return x - step
        x -= step


def _rational(value: Any, bits: int) -> Fraction:
    """The nearest rational with ``bits`` significant binary digits."""
    if not value:
        return Fraction(0)
    exponent = bits - int(mpmath.floor(mpmath.log(abs(value), 2)))
    return Fraction(int(mpmath.nint(mpmath.ldexp(value, exponent)))) / Fraction(2) ** exponent


def outwards(value: Fraction) -> Fraction:
    """The largest rational with ``BOUND_BITS`` significant binary digits that is not above; a short one stays."""
    shift = BOUND_BITS - value.numerator.bit_length() + value.denominator.bit_length()
    return (
        value
        if value.denominator.bit_length() <= BOUND_BITS
        else floor(value * Fraction(2) ** shift) / Fraction(2) ** shift
    )


def _below(value: Any, bits: int) -> Fraction:
    """A rational slightly below a positive number."""
    return _rational(value, bits) * (1 - Fraction(1, 2 ** (bits - 2)))


def _mpf(value: Fraction) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator


def _mode(model: UnconstrainedFeatures, mu: int, beta: Fraction, x: Any) -> dict[str, Any]:
    """The mode's share is bounded for the rounded β, so that the checker's exact root count succeeds."""
    share = _below(_share(model.M, _mpf(beta), x), SHARE_BITS - 10) if x else Fraction(1)
    return {"weight": mu, "beta": str(beta), "share": str(min(share, Fraction(1)))}


def _point(model: UnconstrainedFeatures, solutions: dict[int, Any]) -> dict[str, Any]:
    """Balanced factors on the active modes: λ_m s_m² = μ z(1 − z)/N with z = xᴹ/(1 + xᴹ)."""
    frame, chosen = _frame(model, solutions)
    energies = {mu: _energy(model, mu, solutions[mu]) for mu in set(chosen)}
    ratio = mpmath.mpf(model.feature_decay.denominator) / model.feature_decay.numerator
    scales = [
        {mu: mpmath.sqrt(e * decay.denominator / decay.numerator) for mu, e in energies.items()}
        for decay in model.weight_decays
    ]
    lengths = {mu: mpmath.sqrt(e * ratio / mu) for mu, e in energies.items()}
    bias = [str(Fraction(n, model.N)) for n in model.class_sizes] if model.has_bias else []
    if model.has_bias and len(chosen) == model.K - 1 and min(model.widths) >= model.K and chosen:
        (mu,) = set(chosen)
        centred = [{"centred": str(_rational(scale[mu], FACTOR_BITS))} for scale in scales]
        return {"weights": centred, "means": {"centred": str(_rational(lengths[mu], FACTOR_BITS))}, "bias": bias}
    weights: list[Any] = [_diagonal([scale[mu] for mu in chosen]) for scale in scales[:-1]]
    weights.append(_framed(frame, [scales[-1][mu] for mu in chosen]))
    means = [[j, k, value] for k, j, value in _framed(frame, [lengths[mu] for mu in chosen])]
    return {"weights": weights, "means": means, "bias": bias}


def _energy(model: UnconstrainedFeatures, mu: int, x: Any) -> Any:
    """μ z (1 − z)/N with z = xᴹ/(1 + xᴹ)."""
    t = x**model.M
    return mpmath.mpf(mu) / model.N * t / (1 + t) ** 2


def _frame(model: UnconstrainedFeatures, solutions: dict[int, Any]) -> tuple[list[dict[int, Any]], list[int]]:
    """Orthonormal columns (their entries by class) for the active modes, and the weight of each."""
    if model.has_bias:
        mu = model.class_sizes[0]
        rank = min(model.R, model.K - 1) if model.K > 1 and solutions[mu] else 0
        return [_helmert(j) for j in range(rank)], [mu] * rank
    order = sorted(range(model.K), key=lambda k: -model.class_sizes[k])[: model.R]
    active = [k for k in order if solutions[model.class_sizes[k]]]
    return [{k: mpmath.mpf(1)} for k in active], [model.class_sizes[k] for k in active]


def _helmert(j: int) -> dict[int, Any]:
    short = 1 / mpmath.sqrt((j + 1) * (j + 2))
    return {**dict.fromkeys(range(j + 1), short), j + 1: -(j + 1) * short}


def _framed(frame: list[dict[int, Any]], values: list[Any]) -> list[list[Any]]:
    entries = []
    for j, (column, value) in enumerate(zip(frame, values, strict=True)):
        texts = {x: str(_rational(x * value, FACTOR_BITS)) for x in set(column.values())}
        entries += [[k, j, texts[x]] for k, x in column.items()]
    return entries


def _diagonal(values: list[Any]) -> list[list[Any]]:
    return [[j, j, str(_rational(value, FACTOR_BITS))] for j, value in enumerate(values)]


def dual(model: UnconstrainedFeatures, Q: Sequence[Sequence[Fraction]], primal: Mapping[str, Any]) -> dict[str, Any]:
    """A certificate that encloses the minimum for one layer, from a dual matrix (K × K) and a point W, H, b.

    Raises:
        checker.Rejected: when the matrix is not feasible.

    >>> zero = {name: [[Fraction(0)]] for name in ("W", "H", "b")}
    >>> model = UnconstrainedFeatures(class_sizes=(1,), decays=2)
    >>> found = dual(model, [[Fraction(1)]], zero)
    >>> found["lower"], found["upper"]
    ('1/2', '1/2')
    """
    problem, rows = checker.Model(model.to_json(), plain=False), [list(row) for row in Q]
    point = {name: _texts(matrix) for name, matrix in primal.items()}
    checker.Budget.left, checker.Interval.BITS = checker.Budget.MOST, checker.DUAL_BITS
    return {
        "format": checker.FORMAT,
        "kind": "dual",
        "model": model.to_json(),
        "dual": _texts(rows),
        "primal": point,
        "lower": str(outwards(checker.dual_bound(problem, rows))),
        "upper": str(-outwards(-checker.primal_bound(problem, point))),
    }


def _texts(matrix: Sequence[Sequence[Fraction]]) -> list[list[str]]:
    return [[str(x) for x in row] for row in matrix]


def threshold_identity(model: UnconstrainedFeatures, weight: int) -> dict[str, Any]:
    """A certificate that a class of a size is exactly at its threshold.

    Raises:
        checker.Rejected: when it is not.

    >>> from theory.strategies import decay_product
    >>> decays = decay_product((4, 2), 2, 4, Fraction(1))
    >>> model = UnconstrainedFeatures(class_sizes=(4, 2), depth=2, weight_decays=(1, 1), feature_decay=decays)
    >>> threshold_identity(model, 4)["weight"]
    4
    """
    certificate = {"format": checker.FORMAT, "kind": "identity", "model": model.to_json(), "weight": weight}
    checker.check(certificate)
    return certificate


def threshold_identities(model: UnconstrainedFeatures) -> list[dict[str, Any]]:
    """Certificates for all classes that are exactly at their threshold, with M ≥ 2."""
    return [threshold_identity(model, mu) for mu in _rational_modes(model) if is_at_threshold(model, mu)]


def spectrum(matrix: list[list[Fraction]], factors: list[tuple[list[Fraction], int]]) -> dict[str, Any]:
    """A certificate that a symmetric matrix has a characteristic polynomial, given by factors with multiplicities.

    Factors have leading coefficient 1, coefficients from the constant term up.

    Raises:
        checker.Rejected: when the product is another polynomial.

    >>> one = Fraction(1)
    >>> spectrum([[one, one], [one, one]], [([0 * one, one], 1), ([-2 * one, one], 1)])["kind"]
    'spectrum'
    """
    certificate = {
        "format": checker.FORMAT,
        "kind": "spectrum",
        "matrix": [[str(x) for x in row] for row in matrix],
        "factors": [{"polynomial": [str(c) for c in p], "multiplicity": times} for p, times in factors],
    }
    checker.check(certificate)
    return certificate
