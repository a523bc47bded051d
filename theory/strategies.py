"""Hypothesis strategies that construct models in a chosen regime, with exact rational decays, instead of rejecting.

A regime places one class at a chosen ratio to the collapse threshold: with q = N^{M+1} Λ / n^M and
q* = (M−1)^{M−1} / M^{2M} (q* = 1 for M = 1), ratio q/q* below 1 means that class is active, above 1 that it is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import Any

from hypothesis import strategies as st

from theory.model import UnconstrainedFeatures

BELOW = (Fraction(1, 10**6), Fraction(1, 100), Fraction(1, 3), Fraction(9, 10), Fraction(99, 100))
AT = (Fraction(1),)
ABOVE = (Fraction(101, 100), Fraction(11, 10), Fraction(3), Fraction(100))

SPREAD = tuple(Fraction(n, d) for n, d in ((1, 1), (1, 1), (2, 1), (1, 2), (3, 2), (1, 3)))
"""Factors between the decays of different layers; 1 twice, so that equal decays are drawn too."""


def threshold(depth: int) -> Fraction:
    """q* = (M−1)^{M−1} / M^{2M}, the value of q at which zero and the largest root tie."""
    return Fraction((depth - 1) ** (depth - 1), depth ** (2 * depth))


def decay_product(sizes: Sequence[int], depth: int, reference: int, ratio: Fraction) -> Fraction:
    """The product Λ of all decays that puts a class of size ``reference`` at ``ratio`` times its threshold."""
    return ratio * threshold(depth) * Fraction(reference**depth, sum(sizes) ** (depth + 1))


@st.composite
def decays_with_product(draw: Any, product: Fraction, depth: int) -> tuple[tuple[Fraction, ...], Fraction]:
    """Decays λ_1 … λ_M and λ_H, unequal as a rule, of comparable size, with an exact product."""
    base = _round(float(product) ** (1 / (depth + 1)))
    weights = tuple(base * draw(st.sampled_from(SPREAD)) for _ in range(depth))
    return weights, product / prod(weights)


def _round(value: float) -> Fraction:
    """A rational with one digit near a positive float, so that its prime factors are small."""
    exponent = 0
    while value * 10**exponent < 1:
        exponent += 1
    return Fraction(max(1, round(value * 10**exponent)), 10**exponent)


@st.composite
def models(
    draw: Any,
    *,
    sizes: Any,
    depth: Any,
    ratios: Sequence[Fraction],
    narrow: bool | None = False,
    bias: Any = "none",
) -> UnconstrainedFeatures:
    """Models over drawn class sizes and depths, with a drawn class at one of the ``ratios`` to its threshold.

    ``narrow=False`` gives widths ≥ K, ``True`` some width below the number of modes, ``None`` either.
    """
    n = tuple(draw(sizes))
    M = draw(depth)
    K = len(n)
    reference = draw(st.sampled_from(sorted(set(n))))
    Lambda = decay_product(n, M, reference, draw(st.sampled_from(list(ratios))))
    weights, feature = draw(decays_with_product(Lambda, M))
    kind = draw(bias) if isinstance(bias, st.SearchStrategy) else bias
    modes = K - 1 if kind == "last-layer" else K
    widths = draw(_widths(M, K, modes, draw(st.booleans()) if narrow is None else narrow))
    return UnconstrainedFeatures(
        class_sizes=n, depth=M, weight_decays=weights, feature_decay=feature, widths=widths, bias=kind
    )


@st.composite
def _widths(draw: Any, depth: int, classes: int, modes: int, narrow: bool) -> tuple[int, ...]:
    widths = [draw(st.integers(classes, classes + 2)) for _ in range(depth)]
    if narrow and modes > 1:
        widths[draw(st.integers(0, depth - 1))] = draw(st.integers(1, modes - 1))
    return tuple(widths)


@st.composite
def one_layer(
    draw: Any,
    *,
    sizes: Any,
    ratios: Sequence[Fraction],
    factor: Callable[[int], Fraction] = lambda classes: Fraction(1),
    spare: Sequence[int] = (0, 1),
    **fields: Any,
) -> UnconstrainedFeatures:
    """Models with one weight matrix: Λ at a ratio to ``factor(K)`` n/N² for a drawn class, width K plus a ``spare``.

    At n/N² a class of size n collapses with squared error, and balanced classes with cross-entropy: K √(n Λ) = 1.
    Fields that are strategies are drawn.
    """
    n = tuple(draw(sizes))
    reference = draw(st.sampled_from(sorted(set(n))))
    Lambda = decay_product(n, 1, reference, draw(st.sampled_from(list(ratios)))) * factor(len(n))
    weights, feature = draw(decays_with_product(Lambda, 1))
    width = max(1, len(n) + draw(st.sampled_from(list(spare))))
    drawn = {name: draw(value) if isinstance(value, st.SearchStrategy) else value for name, value in fields.items()}
    if drawn.get("bias", "none") == "none":
        drawn.pop("bias_decay", None)
    return UnconstrainedFeatures(class_sizes=n, weight_decays=weights, feature_decay=feature, widths=(width,), **drawn)


def balanced_sizes(classes: Any = None, size: Any = None) -> Any:
    """K equal class sizes."""
    drawn = st.tuples(
        st.integers(2, 5) if classes is None else classes, st.sampled_from((1, 2, 3, 10)) if size is None else size
    )
    return drawn.map(lambda kn: (kn[1],) * kn[0])


def imbalanced_sizes(classes: Any = None) -> Any:
    """Class sizes in any order, with ties as a rule, from 1 to 40."""
    count = st.integers(1, 5) if classes is None else classes
    pool = st.sampled_from((1, 2, 3, 4, 6, 9, 20, 40))
    return count.flatmap(lambda K: st.lists(pool, min_size=K, max_size=K).map(tuple))
