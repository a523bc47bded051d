"""Section 4, ReLU layers: the bound by the linear model, the construction, and what it beats (statements 21 to 23).

X̄ and Ȳ span an algebra: X̄² = 2X̄, Ȳ² = κȲ, X̄Ȳ = 0, with κ = K, or K − 1 for odd K, where the last class is left out of
Ȳ and X̄ has the entry 2 there.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import Identity, Inequality, NotGlobalMinimum, clause, equal, less
from theory.closed_form.deep_softmax import beats_zero, below_collapse, near_critical
from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    ones,
    relu,
    repeat_columns,
    sqrt,
    substitute,
    sum_squares,
    trace,
    variable,
)
from theory.papers.garrod2025.bias import NO_DECAYS, Size
from theory.papers.garrod2025.setting import REAL, pairs, source
from theory.statement import Expected, theorem


@theorem(
    "garrod2025-relu-lower-bound",
    source=source("proof of Theorem 7, step 1; points that treat all classes alike"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses={"collapse is not worse than zero": lambda K, L, alpha, **_: beats_zero(K, L, alpha)},
    K=st.integers(2, 5),
    L=st.integers(2, 4),
    alpha=st.sampled_from([Fraction(x) for x in ("3", "5", "8")]),
    witness={"K": 4, "L": 3, "alpha": Fraction(5)},
    wrong={"ten times as much": {"times": 10}},
)
def relu_lower_bound(K: int, L: int, alpha: Fraction, times: int = 1) -> Inequality:
    """The least loss of linear collapse bounds that of ReLU collapse from below.

    Here H = a_0 I + b_0 11ᵀ, W_l = a_l I + b_l 11ᵀ: collapsed points that treat all classes alike, Assumption 1 or not.
    """
    found = near_critical(K, L, 1, alpha, activation="relu")
    names = ["H", *(f"W_{layer}" for layer in range(1, L + 1))]
    own, all_ = ([variable(f"{x}_{layer}") for layer in range(L + 1)] for x in "ab")
    at = {name: a * identity(K) + b * ones(K, K) for name, a, b in zip(names, own, all_, strict=True)}
    variables = {str(v.data): v for v in (*own, *all_)}
    return Inequality(times * below_collapse(found, alpha), substitute(found.objective, at), variables)


# ---------------------------------------------------------------------------------------------------- the construction


@dataclass(frozen=True)
class Construction:
    """Step 2 of the proof at ψ: W_2 … W_{L−1} = ψX̄ + (2ψ/κ)Ȳ, W_L = ψ_L X̄, and H_2 = φ_2 (X̄ + Ȳ) ⊗ 1ᵀ."""

    K: int
    L: int
    n: int
    psi: Fraction

    @property
    def kappa(self) -> int:
        """Size of the block of ones."""
        return self.K - self.K % 2

    @property
    def size(self) -> int:
        """‖W_l‖²/ψ²: 2K + 4, or 2K + 6 for odd K."""
        return 2 * self.K + 4 + 2 * (self.K % 2)

    @property
    def X(self) -> Expression:
        """X̄."""
        last = identity(self.K)[range(self.K), (self.K - 1,)]
        return pairs(self.K) + last @ last.T if self.K % 2 else pairs(self.K)

    @property
    def Y(self) -> Expression:
        """Ȳ."""
        one = diagonal([1] * self.kappa, self.K, self.kappa) @ ones(self.kappa, 1)
        return one @ one.T

    @property
    def phi(self) -> Expression:
        """φ_2, with which the first pair costs as much as each other factor."""
        return self.psi**2 * Fraction(self.size, 2 * self.K) / sqrt(self.n)

    @property
    def last(self) -> Expression:
        """ψ_L."""
        return self.psi * sqrt(Fraction(self.size, 2 * self.K + 2 * (self.K % 2)))

    @property
    def half(self) -> Expression:
        """(X̄ + Ȳ)^{1/2}, of squared norm ‖X̄ + Ȳ‖_* = 2K: X̄/2 and Ȳ/κ are projections."""
        return self.X / sqrt(2) + self.Y / sqrt(self.kappa)

    def point(self) -> dict[str, Expression]:
        """All factors; H_2 is split evenly."""
        X, Y = self.X, self.Y
        half = self.half
        scale = sqrt(self.phi * sqrt(self.n))
        weights = {f"W_{layer}": self.psi * (X + Fraction(2, self.kappa) * Y) for layer in range(2, self.L)}
        features = repeat_columns(scale / sqrt(self.n) * half, (self.n,) * self.K)
        return {"H": features, "W_1": scale * half, **weights, f"W_{self.L}": self.last * X}


def printed_scale(K: int, L: int) -> Expression:
    """γ√n/ψ^{L+1}: 2^{L−1} (1 + 2/K)^{3/2}, or 2^{L−1} ((K+3)/(K+1))^{1/2} (K+3)/K."""
    if K % 2 == 0:
        return 2 ** (L - 1) * constant(1 + Fraction(2, K)) ** Fraction(3, 2)
    return 2 ** (L - 1) * sqrt(Fraction(K + 3, K + 1)) * Fraction(K + 3, K)


@theorem(
    "garrod2025-relu-construction",
    source=source("proof of Theorem 7, step 2"),
    hypotheses={"K ≥ 3, L ≥ 2": lambda K, L, **_: K >= 3 and L >= 2},
    K=st.integers(3, 7),
    L=st.integers(2, 5),
    n=st.sampled_from((1, 4)),
    psi=st.sampled_from([Fraction(x) for x in ("1/2", "1", "3/2")]),
    witness={"K": 5, "L": 4, "n": 4, "psi": Fraction(3, 2)},
    configurations=({"K": 10, "L": 5, "n": 1, "psi": Fraction(1)}, {"K": 17, "L": 4, "n": 1, "psi": Fraction(1)}),
    wrong={"γ twice as large": {"doubled": 2}, "one square norm more": {"more": 1}},
)
def relu_construction(K: int, L: int, n: int, psi: Fraction, doubled: int = 1, more: int = 0) -> Identity:
    """Through all ReLUs the outputs are γX̄ ⊗ 1ᵀ, H_l = φ_l (X̄ + Ȳ) ⊗ 1ᵀ with φ_{l+1} = 2ψφ_l, and all norms are equal.

    ‖factor‖² = ψ² (2K+4), or ψ² (2K+6) for odd K; γ√n = 2^{L−1} ψ^{L+1} (1+2/K)^{3/2}, for odd K with
    ((K+3)/(K+1))^{1/2} (K+3)/K for the power. The last class of an odd number has twice the margin.
    """
    made = Construction(K, L, n, psi)
    point, X, Y = made.point(), made.X, made.Y
    hidden, phi = point["W_1"] @ point["H"], made.phi
    means = []
    for layer in range(2, L + 1):
        means.append(equal(hidden, phi * repeat_columns(X + Y, (n,) * K)))
        hidden, phi = point[f"W_{layer}"] @ relu(hidden), 2 * psi * phi
    gamma = doubled * psi ** (L + 1) * printed_scale(K, L) / sqrt(n)
    norm = constant(psi**2 * (made.size + more))
    return Identity(
        (
            clause("algebra", equal(X @ X, 2 * X), equal(Y @ Y, made.kappa * Y), equal(X @ Y, 0 * Y)),
            clause("hidden means", *means),
            clause("outputs", equal(hidden, gamma * repeat_columns(X, (n,) * K))),
            clause("first pair", equal(made.half @ made.half, X + Y), equal(trace(X + Y), 2 * K)),
            clause("norms", *(equal(sum_squares(V), norm) for V in point.values())),
        )
    )


FIRST = {4: (14, 17), 5: (10, 11)}
"""Smallest even and odd K of the printed condition, by depth."""


@theorem(
    "garrod2025-relu-condition",
    source=source("proof of Theorem 7, conditions", "P"),
    hypotheses={"L = 4 or 5": lambda L, **_: L in FIRST},
    K=st.integers(4, 40),
    L=st.sampled_from((4, 5)),
    witness={"K": 16, "L": 4},
    configurations=tuple({"K": K, "L": L} for K, L in ((10, 5), (11, 5), (17, 4), (14, 4), (12, 4), (15, 4), (8, 5))),
    wrong={"from one class fewer on": {"earlier": 2}, "2^{L−2}": {"layers": -1}},
)
def relu_condition(K: int, L: int, earlier: int = 0, layers: int = 0) -> Identity:
    """2K + 4 < (K−1)[2^{L−1}(1 + 2/K)^{3/2}]^{2/(L+1)} holds for L = 4 from K = 14 on, for L = 5 from K = 10 on.

    For odd K 2K + 6 < (K−1)[2^{L−1}((K+3)/(K+1))^{1/2}(K+3)/K]^{2/(L+1)}: from K = 17 and K = 11 on. So it holds where
    the theorem needs it: K ≥ 10 and L ≥ 5, or K ≥ 16 and L = 4.
    """
    first = FIRST[L][K % 2] - earlier
    size = Construction(K, L, 1, Fraction(1)).size
    right = (K - 1) * printed_scale(K, L + layers) ** Fraction(2, L + 1)
    sides = (constant(size), right) if first <= K else (right, constant(size))
    return Identity((clause("condition", less(*sides)),))


# ------------------------------------------------------------------------------------------------- collapse is beaten


def beaten_with_relu(size: Size, alpha: Fraction, count: int | None = None) -> NotGlobalMinimum:
    """Some weights lie strictly below linear collapse, and so below every collapsed point by step 1."""
    found = near_critical(*size, 1, alpha, activation="relu")
    return NotGlobalMinimum(found, below_collapse(found, alpha, count))


@theorem(
    "garrod2025-relu-not-global",
    source=source("Theorem 7", "P"),
    hypotheses={
        "K ≥ 10 and L ≥ 5, or K ≥ 16 and L = 4": lambda size, **_: (
            (size[0] >= 10 and size[1] >= 5) or (size[0] >= 16 and size[1] == 4)
        ),
        "collapse is not worse than zero": lambda size, alpha: beats_zero(size[0], size[1], alpha),
    },
    size=st.sampled_from(((10, 5), (11, 5), (10, 6))),
    alpha=st.sampled_from([Fraction(x) for x in ("4", "9/2", "5", "6")]),
    witness={"size": (10, 5), "alpha": Fraction(5)},
    configurations=({"size": (16, 4), "alpha": Fraction(5)},),
    wrong=NO_DECAYS,
)
def relu_not_global(size: Size, alpha: Fraction, count: int | None = None) -> NotGlobalMinimum:
    """With ReLU layers collapse is not a global minimum for K ≥ 10 and L ≥ 5, or K ≥ 16 and L = 4.

    What is beaten is the least loss of linear collapse, which bounds that of ReLU collapse (Assumption 1).
    """
    return beaten_with_relu(size, alpha, count)


RELU_OUTSIDE = ((6, 4, "3"), (6, 5, "4"), (6, 5, "6"), (10, 3, "4"), (10, 4, "4"))


@theorem(
    "garrod2025-relu-not-global-outside",
    source=source("Theorem 7, outside its range; own", "P"),
    hypotheses={
        "fewer classes or layers": lambda case: case[0] < 10 or case[1] < 5,
        "collapse is not worse than zero": lambda case: beats_zero(case[0], case[1], Fraction(case[2])),
    },
    case=st.sampled_from(RELU_OUTSIDE),
    witness={"case": (6, 5, "4")},
    wrong=NO_DECAYS,
)
def relu_not_global_outside(case: tuple[int, int, str], count: int | None = None) -> NotGlobalMinimum:
    """The bound of the theorem is beaten with fewer classes and layers: K = 6 at L = 5, K = 10 at L = 4 and 3.

    For K = 6 and L = 4 at large decays only (λ ≥ 0.07), for K = 10 and L = 3 at λ ≥ 0.006.
    """
    K, L, alpha = case
    return beaten_with_relu((K, L), Fraction(alpha), count)
