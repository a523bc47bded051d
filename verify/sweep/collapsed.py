"""The objective of the best collapsed point of a model, zero included, for the refuter to go below."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from theory.arithmetic.interpreters import precision
from theory.arithmetic.intervals import Interval
from theory.frames import deep_neural_collapse
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, constant
from verify.curvature.points import BITS, collapse_scale
from verify.enclosures import around
from verify.sweep.fitting import require_collapse

PLACES = 40
"""Decimals to which the value with cross-entropy is rounded down."""


def collapse_value(model: UnconstrainedFeatures) -> tuple[Expression, Interval]:
    """A number that is no larger than the objective of any collapsed point, and an enclosure of the least of these.

    Squared error: that objective itself. Cross-entropy, balanced: the lesser of log K, at zero, and
    log(1 + (K−1) e^{−α}) + (M+1)(K−1)/2 (α² n Λ)^{1/(M+1)} at the larger critical scale α, rounded down.

    Raises:
        BadInput: where it is not known.

    >>> collapse_value(UnconstrainedFeatures(class_sizes=(1, 1), decays="1/50", loss="ce"))[1].decimal(6)
    '0.0980391'
    """
    require_collapse(model)
    if model.loss == "mse":
        value = deep_neural_collapse(model)
        return value, Interval(*around(value))
    found = _softmax(model, collapse_scale(model))
    low = Fraction(found.low * 10**PLACES // 1, 10**PLACES)
    return constant(low), found


def _softmax(model: UnconstrainedFeatures, scale: Interval | None) -> Interval:
    """Fit and decays at both ends of the scale; the fit falls in it and the decays rise."""
    from flint import arb, fmpq

    def ball(x: Fraction) -> Any:
        return arb(fmpq(x.numerator, x.denominator))

    K, L, load = model.K, model.M, model.class_sizes[0] * model.Lambda
    with precision(2 * BITS):
        low = high = arb(K).log()
        if scale is not None:
            fits = [(1 + (K - 1) * (-ball(end)).exp()).log() for end in (scale.high, scale.low)]
            costs = [
                (L + 1) * (K - 1) * (ball(end) ** 2 * ball(load)) ** (arb(1) / (L + 1)) / 2
                for end in (scale.low, scale.high)
            ]
            low, high = (zero.min(fit + cost) for zero, fit, cost in zip((low, high), fits, costs, strict=True))
        ends = low.lower().fmpq(), high.upper().fmpq()
    return Interval(*(Fraction(int(end.p), int(end.q)) for end in ends))
