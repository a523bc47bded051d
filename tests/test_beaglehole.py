"""The recursion of Gram matrices for all parameters, in rational functions, and along many layers, in balls."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
import sympy
from flint import arb_mat, ctx, fmpq

from theory.papers.beaglehole2024.gram import rate
from theory.papers.beaglehole2024.rates import rates
from theory.papers.beaglehole2024.setting import Recursion, exact_kappa, integers, kept, plus, printed_kappa

F = Fraction
n, predictor, ridge, b = sympy.symbols("n l r b", positive=True)


def vanishes(formula: sympy.Expr) -> bool:
    """Whether a rational function is 0: its numerator is the zero polynomial."""
    return sympy.Poly(sympy.numer(sympy.together(formula)), n, predictor, ridge, b).is_zero


def test_rates_are_those_of_the_linearised_step_for_all_parameters() -> None:
    """D(δ) = κ⁻¹ λ̂ (R δ R YᵀY P + P YᵀY R δ R), by the eigenvalues of R, P and YᵀY on the range and its complement."""
    m = b * n
    inside, outside = 1 / (m + ridge + predictor), 1 / (ridge + predictor)
    P, kappa = 1 - predictor * inside, exact_kappa(n, predictor, ridge, b)
    across, within = rates(n, predictor, ridge, b)
    assert vanishes(P - kept(n, predictor, ridge, b))
    assert vanishes(kappa * b - P**2)  # b YᵀY is a fixed point
    assert vanishes(predictor / kappa * outside * inside * n * P - across)
    assert vanishes(2 * predictor / kappa * inside**2 * n * P - within)
    assert not vanishes(predictor / kappa * outside * inside * n * P - within)
    assert not vanishes(printed_kappa(predictor, ridge) * b - P**2)


def test_the_bound_on_the_factor_for_all_parameters() -> None:
    """2λ̂/(λ_map + λ̂) − q has the sign of m (λ_map − λ̂/2) + λ_map², which is positive for λ̂ ≤ 2λ_map."""
    m, q = b * n, rate(n, predictor, ridge, b)
    gap = 2 * predictor / (ridge + predictor) - q
    sign = m * (ridge - predictor / 2) + ridge**2
    assert vanishes(gap * (ridge + predictor) * (m + ridge) ** 2 - 2 * predictor * sign)


def in_balls(recursion: Recursion, layers: int) -> list[arb_mat]:
    """X̃ᵀX̃ by layer from a drawn start, enclosed."""
    N = recursion.K * recursion.n
    G, one = exact(recursion.gram), exact(plus([[F(0)] * N] * N, F(1)))
    X = exact(integers(N, N, seed=3, most=1))
    found, A = [], X.transpose() * X + one * ball(recursion.map)
    for _ in range(layers):
        P = one - (A + one * ball(recursion.predictor)).inv() * ball(recursion.predictor)
        found.append(P * G * P * (1 / ball(recursion.kappa)))
        A = found[-1] + one * ball(recursion.map)
    return found


def ball(value: Fraction) -> object:
    return arb_mat([[fmpq(value.numerator, value.denominator)]])[0, 0]


def exact(rows: list[list[Fraction]]) -> arb_mat:
    return arb_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in rows])


def distances(recursion: Recursion, layers: int) -> list[object]:
    """‖X̃ᵀX̃ − YᵀY‖_F² by layer, enclosed."""
    G = exact(recursion.gram)
    gaps = [B - G for B in in_balls(recursion, layers)]
    return [sum((x * x for x in gap.entries()), start=ball(F(0))) for gap in gaps]


@pytest.mark.parametrize("K", [2, 4])
def test_thirty_layers_contract_at_the_rate_in_the_end(K: int) -> None:
    """In balls of 1,000 bits: each factor is at most q, and the last one ρ_1 or ρ_2 up to 1e-9, the larger of them."""
    size, map, small = 3, F(1), F(1, 5)
    before, ctx.prec = ctx.prec, 1000
    try:
        found = distances(Recursion(K, size, small, map, exact_kappa(size, small, map)), 30)
        q, larger = rate(size, small, map, F(1)), max(rates(size, small, map, F(1)))
        factors = [later / earlier for earlier, later in pairwise(found)]
        assert all(factor <= ball(q**2) for factor in factors)
        assert abs(factors[-1] - ball(larger**2)) <= ball(F(1, 10**9))
        kept_away = distances(Recursion(K, size, small, map, printed_kappa(small, map)), 30)
        assert kept_away[-1] > ball(F(1, 10))
    finally:
        ctx.prec = before
