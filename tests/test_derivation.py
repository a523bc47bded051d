"""The derived optimum is the minimum of the scalar problem that brute force finds, on both sides of every threshold."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sympy import Rational

from theory.arithmetic.interpreters import precision
from theory.model import UnconstrainedFeatures
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, decay_product, imbalanced_sizes, models
from verify import checker
from verify.certificate import two_sided_bound
from verify.methods.derivation import Derived, DerivedMode, derive, stationarity
from verify.verdict import Unable

F = Fraction


def at_ratio(sizes: tuple[int, ...], depth: int, ratio: Fraction, **fields: Any) -> UnconstrainedFeatures:
    """The first class at a ratio to its threshold; all the product's factors but one are 1."""
    feature = decay_product(sizes, depth, sizes[0], ratio)
    return UnconstrainedFeatures(
        class_sizes=sizes, depth=depth, weight_decays=(F(1),) * depth, feature_decay=feature, **fields
    )


def share_by_brute_force(model: UnconstrainedFeatures, mu: int) -> tuple[float, float]:
    """Value and logit at the minimum over y ≥ 0 of μ/(2N) (1 − y^L)² + L/2 ρ y², L = M + 1, ρ^L = Λμ."""
    L = model.M + 1
    rho = float(model.Lambda * mu) ** (1 / L)

    def f(y: Any) -> Any:
        return mu * (1 - y**L) ** 2 / (2 * model.N) + L * rho * y**2 / 2

    grid = np.linspace(0, 1, 4001)
    best = int(np.argmin(f(grid)))
    if best == 0:
        return f(0.0), 0.0
    low, high = grid[best - 1], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(f, bounds=(low, high), method="bounded", options={"xatol": 1e-14})
    return float(found.fun), float(found.x) ** L


def value(derived: Derived) -> float:
    with precision(200):
        return float(derived.value_ball())


def logit(mode: DerivedMode) -> float:
    return 0.0 if mode.root is None else float(mode.root)


@given(models(sizes=imbalanced_sizes(), depth=st.integers(1, 8), ratios=BELOW + ABOVE, narrow=None))
@settings(deadline=None, max_examples=60)
def test_modes_are_those_of_brute_force(model: UnconstrainedFeatures) -> None:
    derived = derive(model)
    shares = []
    for mode, multiplicity in derived.modes:
        share, z = share_by_brute_force(model, mode.mu)
        shares += [(F(mode.mu, 2 * model.N), share)] * multiplicity
        if not mode.tie:
            assert logit(mode) == pytest.approx(z, abs=1e-5)
            assert float(mode.share(logit(mode))) == pytest.approx(share, abs=1e-12)
    gains = sorted((float(zero) - share for zero, share in shares), reverse=True)
    expected = 0.5 - sum(gains[: model.R])
    assert value(derived) == pytest.approx(expected, rel=1e-10, abs=1e-13)


@given(
    models(sizes=balanced_sizes(), depth=st.integers(1, 6), ratios=BELOW + AT + ABOVE, narrow=None, bias="last-layer")
)
@settings(deadline=None, max_examples=40)
def test_a_bias_removes_one_mode(model: UnconstrainedFeatures) -> None:
    derived = derive(model)
    n = model.class_sizes[0]
    assert [(mode.mu, count) for mode, count in derived.modes] == [(n, model.K - 1)]
    share, _ = share_by_brute_force(model, n)
    zero = n / (2 * model.N)
    on = min(model.R, model.K - 1)
    assert value(derived) == pytest.approx(share * on + zero * (model.K - 1 - on), rel=1e-9, abs=1e-13)


@given(models(sizes=imbalanced_sizes(), depth=st.integers(1, 6), ratios=BELOW + AT + ABOVE, narrow=None))
@settings(deadline=None, max_examples=40)
def test_the_derived_value_lies_within_the_checked_bounds(model: UnconstrainedFeatures) -> None:
    certificate = two_sided_bound(model)
    checker.check(certificate)
    with precision(400):
        ball = derive(model).value_ball()
        assert ball.rad() < 1e-60
    mantissa, exponent = ball.mid().man_exp()
    middle = F(int(mantissa)) * F(2) ** int(exponent)
    assert F(certificate["low"]) - F(1, 10**50) <= middle <= F(certificate["high"]) + F(1, 10**50)


TINY = F(1, 10**40)


@pytest.mark.parametrize("depth", range(2, 9))
def test_zero_and_the_root_tie_exactly_at_the_threshold(depth: int) -> None:
    sizes = (4, 4, 1)
    (at, _), (small, _) = derive(at_ratio(sizes, depth, F(1))).modes
    assert at.tie
    assert small.root is None
    assert logit(at) == pytest.approx((depth - 1) / depth, rel=1e-12)
    below, above = (derive(at_ratio(sizes, depth, ratio)).modes[0][0] for ratio in (1 - TINY, 1 + TINY))
    assert below.root is not None
    assert not below.tie
    assert above.root is None
    assert not above.tie


@pytest.mark.parametrize("ratio", [1 - TINY, F(1), 1 + TINY, F(1, 4), F(9)])
def test_one_layer_has_no_tie(ratio: Fraction) -> None:
    (mode, _), *_ = derive(at_ratio((4, 1), 1, ratio)).modes
    assert not mode.tie
    assert (mode.root is None) == (ratio >= 1)
    assert logit(mode) == pytest.approx(1 - sqrt(ratio) if ratio < 1 else 0, abs=1e-15)


def test_uniqueness_and_ranks() -> None:
    def ranks(derived: Derived) -> list[tuple[int, ...]]:
        return [rank for _, _, rank in derived.ranks()]

    below, tie, cut = (
        F(1, 100),
        derive(at_ratio((4, 4, 1), 2, F(1))),
        derive(at_ratio((4, 4, 1), 2, F(1, 10**6), widths=1)),
    )
    assert (ranks(tie), tie.unique) == ([(0, 1, 2), (0,)], False)
    assert (ranks(cut), cut.unique) == ([(1,), (0,)], False)
    between = derive(at_ratio((4, 4, 1), 2, F(1, 10**6), widths=2))
    assert (ranks(between), between.unique) == ([(2,), (0,)], True)
    zero = derive(at_ratio((4, 4, 1), 2, F(2), widths=1))
    assert (ranks(zero), zero.unique) == ([(0,), (0,)], True)
    simplex = derive(at_ratio((2, 2, 2), 2, below, bias="last-layer", widths=2))
    assert (ranks(simplex), simplex.unique) == ([(2,)], True)
    one = derive(at_ratio((5,), 3, below, bias="last-layer"))
    assert (one.modes, one.unique, value(one)) == ((), True, 0.0)


def test_a_mode_isolates_its_root_only() -> None:
    (mode, _) = derive(at_ratio((3,), 2, F(1, 2))).modes[0]
    assert mode.isolates(mode.root)
    assert not mode.isolates(mode.root + mode.root)
    (zero, _) = derive(at_ratio((3,), 2, F(2))).modes[0]
    assert not zero.isolates(mode.root)


@pytest.mark.parametrize("depth", range(1, 7))
def test_stationarity_is_that_of_the_two_sides_of_the_scalar_problem(depth: int) -> None:
    derived = stationarity(depth)
    z, mu, N, Lambda = derived.symbols
    root = F(3, 5) ** (depth - 1) * F(2, 5) ** (depth + 1) * F(4) ** depth / F(7) ** (depth + 1)
    left = derived.equation.subs({z: Rational(3, 5), mu: 4, N: 7})
    assert left.subs(Lambda, Rational(root.numerator, root.denominator)) == 0
    assert left.subs(Lambda, 2 * Rational(root.numerator, root.denominator)) != 0


def test_modes_that_are_not_rational_are_refused() -> None:
    with pytest.raises(Unable, match="not rational"):
        derive(UnconstrainedFeatures(class_sizes=(2, 1), decays=1, bias="last-layer"))
