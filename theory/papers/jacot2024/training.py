"""Section 4: the shifted Polyak-Łojasiewicz bound, both phases of gradient descent, balance (statements 9 to 13).

Theorem 4.4 as printed forbids any run, so small is its step size (see ``OMITTED``): it is examined step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import isqrt
from random import Random
from typing import Any

from hypothesis import strategies as st

from theory.claims import CriticalPoints, Identity, Inequality, Minimisation, Point, at_most, clause, equal, less
from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    matrix,
    one_hot,
    ones,
    operator_norm,
    sqrt,
    sum_squares,
    variable,
    zeros,
)
from theory.papers.jacot2024.activation import HALVES, gradients
from theory.papers.jacot2024.setting import NUMERICAL, Leaky, determinant, power, product, source, spread, total
from theory.statement import Expected, theorem

F = Fraction
DIMENSIONS = st.integers(1, 6)


def share(x: Expression) -> Expression:
    """2x/(1 + x²): any number in [−1, 1]; 1 at x = 1."""
    return 2 * x / (1 + x**2)


# -------------------------------------------------------------------------------------------------- Proposition 4.5


@theorem(
    "jacot2024-shifted-pl",
    source=source("Proposition 4.5, equation (11)"),
    expected=NUMERICAL,
    wrong={"α for α/4": {"times": 4}, "m_λ = (‖θ_0‖ + r_0)²/10": {"shift": Fraction(1, 10)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 2},
)
def shifted_pl(size: int, times: int = 1, shift: Fraction | None = None) -> Inequality:
    """‖∇C_λ‖² ≥ (α/4)(C_λ − λ m_λ), m_λ = (1 + √(4λ/α))² (‖θ_0‖ + r_0)², where ‖∇C_0‖² ≥ (α/2) C_0.

    Over a gradient g of C_0, a point θ with ‖θ‖ = ‖θ_0‖ + r_0, and α = a², λ = l²; C_0 = 2‖g‖² s/α with s in [0, 1].
    """
    return _shifted(size, lambda ratio: (1 + 2 * ratio) ** 2 if shift is None else constant(shift), times)


@theorem(
    "jacot2024-shifted-pl-sharp",
    source=source("Proposition 4.5, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"4λ/α alone": {"half": Fraction(0)}, "0.499 for ½": {"half": Fraction(499, 1000)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 2},
)
def shifted_pl_sharp(size: int, half: Fraction = Fraction(1, 2)) -> Inequality:
    """The same with m_λ = (½ + 4λ/α)(‖θ_0‖ + r_0)², and no smaller one: attained for ∇C_0 = −2λθ at every α and λ."""
    return _shifted(size, lambda ratio: half + 4 * ratio**2, 1, sharp=True)


def _shifted(size: int, shift: Callable[[Expression], Expression], times: int, sharp: bool = False) -> Inequality:
    g, theta = variable("g", (size, 1)), variable("theta", (size, 1))
    a, decay_root, q = variable("a"), variable("l"), variable("q")
    alpha, decay = a**2, decay_root**2
    norm = sum_squares(theta)
    loss = 2 * sum_squares(g) / alpha * share(q) ** 2
    ratio = _magnitude(decay_root) / _magnitude(a)
    m = shift(ratio) * norm
    left = times * alpha / 4 * (loss + decay / 2 * norm - decay * m)
    e = diagonal([1], size, 1)
    point = {"g": -18 * e, "theta": e, "a": constant(2), "l": constant(3), "q": constant(1)}
    variables = {"g": g, "theta": theta, "a": a, "l": decay_root, "q": q}
    return Inequality(left, sum_squares(g + decay * theta), variables, (point,) if sharp else ())


def _magnitude(x: Expression) -> Expression:
    return operator_norm(diagonal([x]))


@theorem(
    "jacot2024-descent-lemma",
    source=source("Proposition 4.5, proof of (12): the descent lemma"),
    expected=NUMERICAL,
    wrong={"η ≤ 2/β": {"reach": 2}, "by (3η/4)‖∇f‖²": {"left": Fraction(1, 4)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 2},
)
def descent_lemma(size: int, reach: int = 1, left: Fraction = Fraction(1, 2)) -> Inequality:
    """f(θ − η∇f) ≤ f(θ) − (η/2)‖∇f‖² where ∇f is β-Lipschitz and η ≤ 1/β.

    For quadratic f, which are extreme: f(θ − ηg) ≤ f(θ) − η‖g‖² + (η²/2) max_t gᵀH_t g with Hessians H_t between both
    points. Over g, H = (A + Aᵀ)/2, β = ‖H‖_op and η ≤ 1/β: (η²/2) gᵀHg ≤ (η/2)‖g‖². Attained at η = 1/β. For C_λ,
    η ≤ 1/(2β_1) and λ ≤ β_1 give it, β = β_1 + λ.
    """
    A, g, y = variable("A", (size, size)), variable("g", (size, 1)), variable("y")
    H = (A + A.T) / 2
    eta = reach * share(y) ** 2 / operator_norm(H)
    tight = ({"A": 3 * identity(size), "g": ones(size, 1), "y": constant(1)},)
    return Inequality(eta**2 / 2 * (g.T @ H @ g)[0, 0], left * eta * sum_squares(g), {"A": A, "g": g, "y": y}, tight)


@theorem(
    "jacot2024-phase-one-rate",
    source=source("Proposition 4.5, proof of (12)"),
    expected=NUMERICAL,
    wrong={"1 − ηα/4": {"eighth": Fraction(1, 4)}, "1 − ηα/2": {"eighth": Fraction(1, 2)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 1},
)
def phase_one_rate(size: int, eighth: Fraction = Fraction(1, 8)) -> Inequality:
    """C_{k+1} − λm ≤ (1 − ηα/8)(C_k − λm): a step lowers the loss by (η/2)‖∇‖², and ‖∇‖² ≥ (α/4)(C_k − λm) by (11).

    The first by jacot2024-descent-lemma; the steps that lead to C_λ ≤ 2λm are in jacot2024-phase-one. Over a = √α,
    h = √η and the gradient, ‖∇‖² = (α/4) u² (1 + ‖g‖²) for u² = C_k − λm.
    """
    u, a, h, g = variable("u"), variable("a"), variable("h"), variable("g", (size, 1))
    alpha, eta = a**2, h**2
    after = u**2 - eta / 2 * (alpha / 4 * u**2 * (1 + sum_squares(g)))
    point = {"u": constant(3), "a": constant(2), "h": constant(Fraction(1, 2)), "g": zeros(size, 1)}
    return Inequality(after, (1 - eighth * eta * alpha) * u**2, {"u": u, "a": a, "h": h, "g": g}, (point,))


@theorem(
    "jacot2024-phase-one-path",
    source=source("Proposition 4.5, distance", "Q"),
    expected=NUMERICAL,
    wrong={"3 for 8": {"times": Fraction(3)}, "7 for 8": {"times": Fraction(7)}},
    size=DIMENSIONS,
    hypotheses={"one parameter at least": lambda size: size >= 1},
    witness={"size": 1},
)
def phase_one_path(size: int, times: Fraction = Fraction(8)) -> Inequality:
    """η‖∇‖ ≤ (8/√α)(√(C_k − λm) − √(C_{k+1} − λm)), so that ‖θ_{k_1} − θ_0‖ ≤ 8√(C_λ(θ_0)/α).

    Over u² = C_k − λm, C_{k+1} − λm = u² t² with t in [0, 1], and ‖∇‖ = (√α/2) u √(1 + ‖g‖²).
    """
    u, y, g, a = variable("u"), variable("y"), variable("g", (size, 1)), variable("a")
    t, root = 1 / (1 + y**2), _magnitude(a)
    gradient = root / 2 * _magnitude(u) * sqrt(1 + sum_squares(g))
    step = 2 * u**2 * (1 - t**2) / gradient
    return Inequality(step, times / root * _magnitude(u) * (1 - t), {"u": u, "y": y, "g": g, "a": a})


@dataclass(frozen=True)
class Quadratic:
    """C_0 = ½‖Aθ − y‖² for A = diag(a), rational, and gradient descent on C_λ from θ_0; λ = σ²/t² for σ = min a.

    (10) holds everywhere with α = 4σ², ∇C_0 is β_1-Lipschitz for β_1 = max a², and r_0 ≥ 8√(C_λ(θ_0)/α) is rational.
    """

    a: tuple[Fraction, ...]
    y: tuple[int, ...]
    start: tuple[int, ...]
    t: int

    @property
    def alpha(self) -> Fraction:
        """α of (10)."""
        return 4 * min(self.a) ** 2

    @property
    def decay(self) -> Fraction:
        """λ, for which √(4λ/α) = 1/t."""
        return min(self.a) ** 2 / self.t**2

    def loss(self, theta: Sequence[Fraction | int]) -> Fraction:
        """C_λ."""
        fit = sum((a * x - y) ** 2 for a, x, y in zip(self.a, theta, self.y, strict=True))
        return (fit + self.decay * sum(x**2 for x in theta)) / 2

    def run(self, rate: Fraction, steps: int) -> list[Fraction]:
        """θ_k after k steps."""
        theta = [Fraction(x) for x in self.start]
        for _ in range(steps):
            gradient = [a * (a * x - y) + self.decay * x for a, x, y in zip(self.a, theta, self.y, strict=True)]
            theta = [x - rate * g for x, g in zip(theta, gradient, strict=True)]
        return theta

    @property
    def floor(self) -> Fraction:
        """λ m_λ = λ (1 + √(4λ/α))² (‖θ_0‖ + r_0)², with ‖θ_0‖ and r_0 rounded up."""
        squares = sum(x**2 for x in self.start), 64 * self.loss(self.start) / self.alpha
        radius = sum(Fraction(isqrt(int(64**2 * square)) + 1, 64) for square in squares)
        return self.decay * (1 + Fraction(1, self.t)) ** 2 * radius**2

    def count(self, rate: Fraction) -> int:
        """k_1 = ⌈log(λm/(C_λ(θ_0) − λm))/log(1 − αη/8)⌉."""
        ratio, kept = self.floor / (self.loss(self.start) - self.floor), 1 - self.alpha * rate / 8
        return next(k for k in count() if kept**k <= ratio)


@theorem(
    "jacot2024-phase-one",
    source=source("Proposition 4.5, equation (12)", "R", P="C_λ ≤ 2λm_λ", Q="the distance"),
    hypotheses={
        "η < 1/(2β_1)": lambda a, share, **_: 0 < share < 1,
        "C_λ(θ_0) > 2λm_λ": lambda a, y, start, t, share: (
            (f := Quadratic(a, y[: len(a)], start[: len(a)], t)).loss(f.start) > 2 * f.floor
        ),
    },
    a=st.sampled_from([(F(1),), (F(1), F(3, 2)), (F(1, 2), F(1)), (F(1), F(1), F(2))]),
    y=st.tuples(*[st.integers(-3, 3)] * 3),
    start=st.tuples(*[st.integers(-1, 1)] * 3),
    t=st.sampled_from((20, 60)),
    share=st.sampled_from((F(1, 2), F(9, 10))),
    witness={"a": (F(1), F(3, 2)), "y": (3, -2, 0), "start": (0, 0, 0), "t": 20, "share": F(9, 10)},
    wrong={
        "a twelfth of the steps": {"fewer": 12},
        "2λm/50": {"times": F(1, 50)},
        "2 for 8 in the distance": {"far": 2},
    },
)
def phase_one(
    a: tuple[Fraction, ...],
    y: tuple[int, ...],
    start: tuple[int, ...],
    t: int,
    share: Fraction,
    fewer: int = 1,
    times: Fraction = Fraction(1),
    far: int = 8,
) -> Identity:
    """C_λ(θ_{k_1}) ≤ 2λm_λ and ‖θ_{k_1} − θ_0‖ ≤ 8√(C_λ(θ_0)/α), k_1 = ⌈log(λm/(C_λ(θ_0) − λm))/log(1 − αη/8)⌉.

    Exact runs on C_0 = ½‖Aθ − y‖², where the ball of (10) is all of space. The last step of the proof is a clause of
    its own: (1 − αη/8)^{k_1} (C_λ(θ_0) − λm) ≤ λm, and one step less is not enough.
    """
    f = Quadratic(a, y[: len(a)], start[: len(a)], t)
    rate, first = share / (2 * max(a) ** 2), f.loss(f.start)
    steps = f.count(rate) // fewer
    end, kept = f.run(rate, steps), 1 - f.alpha * rate / 8
    distance = sum((x - z) ** 2 for x, z in zip(end, f.start, strict=True))
    left, one_less = (constant(kept**k * (first - f.floor)) for k in (steps, steps - 1))
    return Identity(
        (
            clause("k_1", at_most(left, f.floor), less(f.floor, one_less)),
            clause("loss", at_most(f.loss(end), times * 2 * f.floor)),
            clause("distance", at_most(distance, far**2 * first / f.alpha)),
        )
    )


# --------------------------------------------------------------------------------------------------------- Theorem B.2


@theorem(
    "jacot2024-decay-budget",
    source=source("Theorem B.2, the choice of λ", "Q"),
    expected=NUMERICAL,
    wrong={"9 for 18": {"budget": 9}, "17 for 18": {"budget": 17}},
    size=st.sampled_from([Fraction(x) for x in ("1/4", "1/2", "1", "2", "8")]),
    hypotheses={"ε1 > 0": lambda size: size > 0},
    witness={"size": Fraction(1)},
)
def decay_budget(size: Fraction, budget: int = 18) -> Inequality:
    """2 λ m_λ ≤ ε1² for λ ≤ ε1²/(18 (‖θ_0‖ + λ_F/2)²), λ ≤ α and r_0 ≤ λ_F/2. Attained where all three are equalities.

    So the first phase ends with ½‖Z_L − Y‖² ≤ C_λ ≤ ε1², which is (30): ‖Z_L − Y‖_F ≤ √2 ε1.
    """
    t, f, p, v, w = (variable(x) for x in ("t", "f", "p", "v", "w"))
    start = t**2 + f**2 / 2
    decay = size**2 / (budget * start**2) * share(p) ** 2
    ratio = 2 / sqrt(1 + w**2)
    m = (1 + ratio) ** 2 * (t**2 + f**2 / 2 * share(v) ** 2) ** 2
    point = {"t": constant(1), "f": constant(2), "p": constant(1), "v": constant(1), "w": constant(0)}
    variables = {"t": t, "f": f, "p": p, "v": v, "w": w}
    return Inequality(2 * decay * m, constant(size**2), variables, (point,))


RANGE = "hypothesis 4 of Theorem 3.1 at √2 ε1, the misfit that (30) leaves"


@theorem(
    "jacot2024-gd-range",
    source=source("Theorem 4.4 and B.2, what (28) asks of the printed range of ε1; own", "X"),
    expected=Expected(
        "refuted",
        "certified",
        "the range is that of Theorem 3.1 for ‖Z_L − Y‖ ≤ ε1, but descent leaves √2 ε1 (30): at its upper end the "
        "denominator of (28) is below zero, and from K = 4 on s_K(Y) − √2 ε1 is, too. A constant is at fault: with √2 "
        "less it holds (jacot2024-gd-range-narrow)",
    ),
    K=st.integers(2, 10),
    n=st.integers(1, 6),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    witness={"K": 4, "n": 2},
    wrong={"twice the range": {"times": 2}, "three times the range": {"times": 3}},
)
def gd_range(K: int, n: int, times: int = 1) -> Identity:
    """ε1 = ½√((K−1)N/K), the largest one allowed, keeps the denominators of (28) from being negative.

    √((K−1)/K) − 2√2 ε1/√N ≥ 0 and s_K(Y) − √2 ε1 ≥ 0: hypothesis 4 of Theorem 3.1 at √2 ε1, which (28) applies.
    """
    return _range(K, n, times * sqrt(Fraction((K - 1) * n, 4)))


@theorem(
    "jacot2024-gd-range-narrow",
    source=source("Theorem 4.4 and B.2, the range of ε1, corrected; own", "X"),
    K=st.integers(2, 10),
    n=st.integers(1, 6),
    hypotheses={"K ≥ 2": lambda K, **_: K >= 2},
    witness={"K": 4, "n": 2},
    wrong={"√2 more, as printed": {"times": Fraction(2)}, "a thousandth more": {"times": Fraction(1_001, 1000)}},
)
def gd_range_narrow(K: int, n: int, times: Fraction = Fraction(1)) -> Identity:
    """ε1 = min(s_K(Y)/√2, √((K−1)N/(8K))) does, and no larger one: one of them is zero there."""
    widest = Fraction((K - 1) * n, 8)
    return _range(K, n, sqrt(times * min(Fraction(n, 2), widest)))


def _range(K: int, n: int, epsilon1: Expression) -> Identity:
    gap = 2 * sqrt(2) * epsilon1 / sqrt(K * n)
    return Identity(
        (
            clause("denominator", at_most(gap, sqrt(Fraction(K - 1, K)))),
            clause("s_K(Y)", at_most(sqrt(2) * epsilon1, spread(K, n))),
        )
    )


IMBALANCE: dict[str, Any] = {
    "hypotheses": {"0 < γ ≤ 1 and L ≥ 3": lambda gamma, L, **_: 0 < gamma <= 1 and L >= 3},
    "gamma": st.sampled_from((*HALVES, Fraction(1))),
    "steep": st.sampled_from((0, 4)),
    "L": st.integers(3, 4),
    "N": st.integers(1, 2),
    "root": st.sampled_from([Fraction(1, 3), Fraction(1)]),
    "witness": {"gamma": Fraction(1), "steep": 0, "L": 3, "N": 1, "root": Fraction(1)},
}


@theorem(
    "jacot2024-gradient-imbalance",
    source=source("Theorem B.2, the second phase: the term of η; by hand"),
    expected=NUMERICAL,
    wrong={"the power L − 2": {"less": 2}, "1/28 of it": {"times": Fraction(1, 28)}},
    **IMBALANCE,
)
def gradient_imbalance(
    gamma: Fraction, steep: int, L: int, N: int, root: Fraction, less: int = 0, times: Fraction = Fraction(1)
) -> Inequality:
    """‖G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ‖_op ≤ λ (2C_λ/λ)^L ‖X‖_op² for G_ℓ = ∇_{W_ℓ} C_0 on linear layers.

    With C_λ ≤ ε1² and the recursion of the imbalance, η ≤ (ε2/2)(λ/(2ε1²))^L/‖X‖_op² adds at most ε2/2 to it. It
    holds L^L times smaller (jacot2024-gradient-imbalance-sharp); λ = ``root``².
    """
    left, right, variables, point = _imbalance(Leaky(gamma, steep), L, N, root, L - less)
    return Inequality(left, times * right, variables, near=(point,))


@theorem(
    "jacot2024-gradient-imbalance-sharp",
    source=source("Theorem B.2, the second phase, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"a hundredth less": {"times": Fraction(99, 100)}, "half of it": {"times": Fraction(1, 2)}},
    **IMBALANCE,
)
def gradient_imbalance_sharp(
    gamma: Fraction, steep: int, L: int, N: int, root: Fraction, times: Fraction = Fraction(1)
) -> Inequality:
    """‖G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ‖_op ≤ λ (2C_λ/(Lλ))^L ‖X‖_op², by the mean of ‖R‖², λ‖W_j‖² for j ≠ ℓ.

    ‖G_ℓ‖² ≤ ‖R‖_F² ∏_{j≠ℓ} ‖W_j‖_F² ‖X‖_op² with R = Z_L − Y, and 2C_λ is the sum of all. Attained for σ(x) = x.
    """
    left, right, variables, point = _imbalance(Leaky(gamma, steep), L, N, root, L)
    tight = (point,) if (gamma, steep, N) == (1, 0, 1) else ()
    return Inequality(left, times * Fraction(1, L**L) * right, variables, tight)


def _imbalance(
    sigma: Leaky, L: int, N: int, root: Fraction, exponent: int
) -> tuple[Expression, Expression, dict[str, Expression], Point]:
    """Both sides, the variables, and where all of ‖R‖², λ‖W_j‖² for j < L are equal, and W_L = 0, if σ(x) = x."""
    W, X = [variable(f"W_{layer}", (2, 2)) for layer in range(1, L + 1)], variable("X", (2, N))
    found, R = gradients(W, X, one_hot((1, 1))[:, :N], sigma, 1)
    double = sum_squares(R) + root**2 * total([sum_squares(w) for w in W])
    left = operator_norm(found[L - 1].T @ found[L - 1] - found[L - 2] @ found[L - 2].T)
    right = root**2 * (double / root**2) ** exponent * operator_norm(X) ** 2
    sizes = [1 / root] * (L - 1) + [0]
    point = {str(w.data): diagonal([size], 2, 2) for w, size in zip(W, sizes, strict=True)}
    return left, right, {str(v.data): v for v in (*W, X)}, {**point, "X": diagonal([1], 2, N)}


# --------------------------------------------------------------------------------------------------------- the balance


def rational_matrix(rows: int, columns: int, random: Random) -> Expression:
    """A matrix of small fractions."""
    return matrix([[Fraction(random.randint(-12, 12), 6) for _ in range(columns)] for _ in range(rows)])


@theorem(
    "jacot2024-balance-recursion",
    source=source("proof of Theorem B.2, the imbalance after a step"),
    hypotheses={"η, λ ≥ 0": lambda rate, decay, **_: rate >= 0 and decay >= 0},
    seed=st.integers(0, 10_000),
    widths=st.sampled_from(((2, 2, 2, 2), (3, 2, 4, 2), (2, 3, 3, 3), (4, 3, 2, 2), (1, 2, 1, 1))),
    N=st.integers(1, 4),
    rate=st.sampled_from([Fraction(x) for x in ("1/1000", "1/10", "1", "3")]),
    decay=st.sampled_from([Fraction(x) for x in ("0", "1/100", "1/3", "2")]),
    witness={"seed": 1, "widths": (3, 2, 4, 2), "N": 3, "rate": Fraction(1, 10), "decay": Fraction(1, 3)},
    wrong={
        "1 − 2ηλ for (1 − ηλ)²": {"whole": 0},
        "the second term subtracted": {"sign": -1},
    },
)
def balance_recursion(
    seed: int, widths: tuple[int, ...], N: int, rate: Fraction, decay: Fraction, whole: int = 1, sign: int = 1
) -> Identity:
    """D_ℓ' = (1 − ηλ)² D_ℓ + η² (G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ) for D_ℓ = W_{ℓ+1}ᵀW_{ℓ+1} − W_ℓW_ℓᵀ after one step.

    All adjacent linear layers, any η and λ; what enters the first of them, Z_{L1}, and the labels are drawn.
    """
    random = Random(seed)
    shapes = list(zip(widths[1:], widths, strict=False))
    W = [rational_matrix(*shape, random) for shape in shapes]
    Z, Y = rational_matrix(widths[0], N, random), rational_matrix(widths[-1], N, random)
    G, _ = gradients(W, Z, Y, Leaky(Fraction(1), 0), 0)
    V = [(1 - rate * decay) * w - rate * g for w, g in zip(W, G, strict=True)]
    factor = (1 - rate * decay) ** 2 - (0 if whole else (rate * decay) ** 2)
    clauses = []
    for i in range(len(W) - 1):
        D, after = (M[i + 1].T @ M[i + 1] - M[i] @ M[i].T for M in (W, V))
        second = sign * rate**2 * (G[i + 1].T @ G[i + 1] - G[i] @ G[i].T)
        clauses.append(clause(f"layers {i + 1} and {i + 2}", equal(after, factor * D + second)))
    return Identity(tuple(clauses))


@theorem(
    "jacot2024-critical-balance",
    source=source("proof of Theorem 5.2, critical points", "P"),
    expected=Expected("holds", "numerical", "descent finds critical points; all of them is for a proof"),
    hypotheses={"λ > 0": lambda decay, **_: decay > 0},
    seed=st.integers(0, 2),
    L2=st.integers(2, 3),
    decay=st.sampled_from([Fraction(1, 10), Fraction(1, 3)]),
    witness={"seed": 1, "L2": 2, "decay": Fraction(1, 10)},
    wrong={
        "up to a tenth": {"shift": Fraction(1, 10)},
        "up to a hundredth": {"shift": Fraction(1, 100)},
        "λ⁻¹ for −λ⁻¹": {"sign": 1},
        "κ(W_L) to the power L2 − 1": {"fewer": 1},
    },
)
def critical_balance(
    seed: int, L2: int, decay: Fraction, shift: Fraction = Fraction(0), sign: int = -1, fewer: int = 0
) -> CriticalPoints:
    """At critical points of C_λ linear layers are balanced, and (W_L W_Lᵀ)^{L2} = W_{L:L1+1} W_{L:L1+1}ᵀ.

    So κ(W_L)^{L2} = κ(W_{L:L1+1}), (15), by ‖W_L‖_op and |det W_L|. There W_ℓ = −λ⁻¹ W_{L:ℓ+1}ᵀ (Z_L − Y) Z_{L1}ᵀ
    W_{ℓ−1:L1+1}ᵀ. Over the linear layers, for any features Z_{L1} that enter them: the non-linear ones only have to be
    critical, too.
    """
    Z = rational_matrix(2, 2, Random(seed))
    W = [variable(f"W_{layer}", (2, 2)) for layer in range(1, L2 + 1)]
    whole = product(W[::-1])
    fit = sum_squares(whole @ Z - one_hot((1, 1))) / 2
    problem = Minimisation(fit + decay / 2 * total([sum_squares(w) for w in W]), {str(w.data): w for w in W})
    off = shift * ones(2, 2)
    G, _ = gradients(W, Z, one_hot((1, 1)), Leaky(Fraction(1), 0), 0)
    pairs = [equal(W[i + 1].T @ W[i + 1], W[i] @ W[i].T + off) for i in range(L2 - 1)]
    last = equal(power(W[-1] @ W[-1].T, L2), whole @ whole.T + off)
    norms = equal(operator_norm(W[-1]) ** (L2 - fewer), operator_norm(whole))
    volumes = equal(determinant(W[-1]) ** (2 * (L2 - fewer)), determinant(whole) ** 2)
    return CriticalPoints(
        problem,
        (
            clause("weights", *(equal(w, sign / decay * g + off) for w, g in zip(W, G, strict=True))),
            clause("balanced layers", *pairs),
            clause("last layer", last),
            clause("κ(W_L)", norms, volumes),
        ),
    )
