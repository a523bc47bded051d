"""The classical facts that proofs cite, each attacked by sampling, and by search where it is about an extremum."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pytest

from proofs.kernel.axioms import AXIOMS

Attack = Callable[[np.random.Generator], None]

TRIALS = 200


def symmetric(rng: np.random.Generator, size: int) -> np.ndarray:
    X = rng.integers(-3, 4, (size, size)).astype(float)
    return X + X.T


def orthogonal(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def attainment(rng: np.random.Generator) -> None:
    """Descent on a coercive function stays in a ball and ends at a point that no sample undercuts."""
    A, c = symmetric(rng, 3), rng.normal(size=3)

    def f(x: np.ndarray) -> float:
        return float(x @ A @ x + c @ x + (x @ x) ** 2)

    starts = rng.normal(size=(20, 3)) * 3
    ends = []
    for x in starts:
        for _ in range(400):
            x = x - 0.01 * np.clip(2 * A @ x + c + 4 * (x @ x) * x, -50, 50)
        ends.append(x)
    best = min(map(f, ends))
    radius = 1 + np.abs(A).sum() + np.abs(c).sum()
    assert all(np.linalg.norm(x) < radius for x in ends)
    assert all(f(x) >= best - 1e-2 for x in rng.normal(size=(500, 3)) * radius)


def critical(rng: np.random.Generator) -> None:
    """At the least of many points along a line through a minimum the derivative vanishes."""
    c = rng.normal()
    grid = np.linspace(-5, 5, 20_001)
    values = (grid**2 - 1) ** 2 + c * grid
    x = grid[values.argmin()]
    assert abs(4 * x * (x**2 - 1) + c) < 0.02


def spectral(rng: np.random.Generator) -> None:
    """Commuting symmetric matrices, with multiple eigenvalues on purpose, are diagonal in one basis."""
    U = orthogonal(rng, 4)
    A, B = (U @ np.diag(rng.integers(0, 2, 4)) @ U.T for _ in range(2))
    _, basis = np.linalg.eigh(A + np.pi * B)
    for X in (A, B):
        D = basis.T @ X @ basis
        assert np.allclose(D, np.diag(np.diag(D)), atol=1e-9)


def commutant(rng: np.random.Generator) -> None:
    """What commutes with a power of a positive semidefinite matrix commutes with it; signs could break this."""
    U, j = orthogonal(rng, 4), int(rng.integers(1, 5))
    values = rng.integers(0, 3, 4).astype(float)
    X, power = U @ np.diag(values) @ U.T, U @ np.diag(values**j) @ U.T
    _, basis = np.linalg.eigh(power)
    blocks = np.isclose(np.subtract.outer(np.sort(values**j), np.sort(values**j)), 0)
    S = basis @ (symmetric(rng, 4) * blocks) @ basis.T
    assert np.allclose(power @ S, S @ power, atol=1e-9)
    assert np.allclose(X @ S, S @ X, atol=1e-9)


def definite(rng: np.random.Generator) -> None:
    X, r = rng.integers(-2, 3, (3, 4)).astype(float), rng.uniform(1e-3, 1)
    assert np.linalg.eigvalsh(X.T @ X + r * np.eye(4)).min() >= r - 1e-12


def rank(rng: np.random.Generator) -> None:
    sizes = rng.integers(1, 6, 4)
    product = np.linalg.multi_dot(
        [rng.integers(-2, 3, (a, b)).astype(float) for a, b in pairwise(sizes)] + [np.eye(sizes[-1])]
    )
    assert np.linalg.matrix_rank(product) <= sizes.min()


def mean_value(rng: np.random.Generator) -> None:
    """−exp and its like fall wherever their derivative is negative, ends included."""
    a, b = rng.uniform(0.1, 3, 2)
    grid = np.sort(rng.uniform(-2, 2, 50))
    assert (np.diff(-(a * grid + np.exp(b * grid))) < 0).all()


def intermediate_value(rng: np.random.Generator) -> None:
    """Bisection finds every value between two values of a continuous function."""
    c = rng.normal(size=4)
    low, high = np.sort(rng.uniform(-2, 2, 2))
    ends = np.polyval(c, low), np.polyval(c, high)
    target = ends[0] + rng.uniform() * (ends[1] - ends[0])
    rising = ends[1] > ends[0]
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (np.polyval(c, middle) < target) == rising else (low, middle)
    assert abs(np.polyval(c, low) - target) < 1e-6


def largest(rng: np.random.Generator) -> None:
    """Against all subsets: the best have the R largest; equality means that nothing left out could raise the sum."""
    gains, R = rng.integers(0, 4, 6), int(rng.integers(0, 7))
    best = np.sort(gains)[::-1][:R].sum()
    for size in range(R + 1):
        for chosen in combinations(range(6), size):
            total = gains[list(chosen)].sum() if chosen else 0
            assert total <= best
            rest = [gains[i] for i in range(6) if i not in chosen]
            swap = max([y - x for x in gains[list(chosen)] for y in rest], default=0) if chosen else 0
            more = max(rest, default=0) if size < R else 0
            assert (total == best) == (max(swap, more) <= 0)


def limit(rng: np.random.Generator) -> None:
    """A bound with a limit at 0: what is at least the bound for all N > 0 is at least the limit."""
    a, b = rng.uniform(0.1, 2, 2)
    steps = 2.0 ** -np.arange(50)
    bounds = a * (1 - steps**b)
    assert a >= bounds.max()
    assert abs(bounds[-1] - a) < a * 2.0 ** (-49 * b) + 1e-9


def singular_vectors(rng: np.random.Generator) -> None:
    T = rng.integers(-2, 3, (3, 5)).astype(float)
    values, U = np.linalg.eigh(T @ T.T)
    on = values > 1e-9
    V = T.T @ U[:, on] / np.sqrt(values[on])
    assert np.allclose(V.T @ V, np.eye(on.sum()), atol=1e-8)


def square_root(rng: np.random.Generator) -> None:
    """Nearby semidefinite matrices have other squares, and the trace of the root is the sum of singular values."""
    X = rng.integers(-2, 3, (3, 5)).astype(float)
    values, U = np.linalg.eigh(X @ X.T)
    S = U @ np.diag(np.sqrt(values.clip(0))) @ U.T
    assert np.isclose(np.trace(S), np.linalg.norm(X, "nuc"), atol=1e-6)
    moved = (S + 0.1 * symmetric(rng, 3)) if rng.integers(2) else U @ np.diag(rng.uniform(0, 5, 3)) @ U.T
    if np.linalg.eigvalsh(moved).min() >= 0 and np.linalg.norm(moved - S) > 1e-3:
        assert np.linalg.norm(moved @ moved - X @ X.T) > 1e-9


def log_sum_exp(z: np.ndarray) -> float:
    return float(z.max() + np.log(np.exp(z - z.max()).sum()))


def above_the_tangent(z: np.ndarray, base: np.ndarray) -> float:
    softmax = np.exp(base - log_sum_exp(base))
    return log_sum_exp(z) - log_sum_exp(base) - float(softmax @ (z - base))


def tangent(rng: np.random.Generator) -> None:
    """Descent on the gap above the tangent ends at zero, where z − z* is a multiple of 1; a shift changes nothing."""
    base = rng.normal(size=4) * 3
    z = base + rng.normal(size=4) * rng.choice([1e-2, 1, 10])
    assert abs(above_the_tangent(base + rng.normal(), base)) < 1e-12
    gap, spread = above_the_tangent(z, base), np.ptp(z - base)
    assert gap > -1e-12
    if spread > 1e-2:
        assert gap > 1e-12
    softmax = np.exp(base - log_sum_exp(base))
    for _ in range(200):
        z = z - (np.exp(z - log_sum_exp(z)) - softmax)
    assert -1e-12 < above_the_tangent(z, base) <= gap + 1e-12


def logarithm(rng: np.random.Generator) -> None:
    x = np.sort(rng.uniform(1e-6, 10, 50))
    assert (np.diff(np.log(x)) > 0).all()


def powers(rng: np.random.Generator) -> None:
    """In the base for a positive exponent, in the exponent for a base from 1 on; below 1 it would fall."""
    x, e = np.sort(rng.uniform(0, 4, 50)), rng.uniform(0.05, 6)
    assert (np.diff(x**e) > 0).all()
    exponents = np.sort(rng.uniform(-5, 8, 50))
    for base in (1.0, 1 + rng.uniform(0, 2)):
        assert (np.diff(base**exponents) >= 0).all()
    assert (np.diff(rng.uniform(0.1, 0.9) ** exponents) < 0).all()


def average(rng: np.random.Generator) -> None:
    v, above = rng.normal(), rng.integers(0, 3, 6) * rng.uniform(0.1, 2)
    assert ((v + above).mean() <= v + 1e-12) == (above == 0).all()
    assert (v + above).mean() >= v - 1e-12


def nonnegative(rng: np.random.Generator) -> None:
    x = rng.integers(0, 2, 5) * rng.uniform(0.1, 3, 5)
    assert x.sum() >= 0
    assert (x.sum() == 0) == (x == 0).all()


ATTACKS: dict[str, Attack] = {
    "attainment": attainment,
    "critical": critical,
    "spectral": spectral,
    "commutant": commutant,
    "definite": definite,
    "rank": rank,
    "mean value": mean_value,
    "intermediate value": intermediate_value,
    "largest": largest,
    "limit": limit,
    "singular vectors": singular_vectors,
    "square root": square_root,
    "tangent": tangent,
    "average": average,
    "nonnegative": nonnegative,
    "logarithm": logarithm,
    "powers": powers,
}


def test_every_axiom_is_attacked() -> None:
    assert set(ATTACKS) == set(AXIOMS)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_axiom_survives(name: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(TRIALS if name != "attainment" else 5):
        ATTACKS[name](rng)


def test_the_commutant_needs_a_semidefinite_matrix() -> None:
    """The attack sees the false version: with both signs X² = I commutes with everything, X does not."""
    X, S = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    assert np.allclose(X @ X @ S, S @ X @ X)
    assert not np.allclose(X @ S, S @ X)
