"""Section 4: the shifted Polyak-Łojasiewicz bound, both phases of gradient descent, balance (statements 9 to 13).

Theorem 4.4 as printed forbids any run, so small is its step size (see ``OMITTED``): it is examined step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random

from hypothesis import strategies as st

from theory.claims import CriticalPoints, Identity, Inequality, Minimisation, at_most, clause, equal
from theory.ops import (
    Expression,
    constant,
    diagonal,
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
from theory.papers.jacot2024.setting import NUMERICAL, Leaky, power, product, source, spread, total
from theory.statement import Expected, theorem

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

    So k_1 = ⌈log(λm/(C_λ(θ_0) − λm))/log(1 − αη/8)⌉ steps lead to C_λ ≤ 2λm. Over a = √α, h = √η and the gradient,
    ‖∇‖² = (α/4) u² (1 + ‖g‖²) for u² = C_k − λm.
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


@theorem(
    "jacot2024-gradient-imbalance",
    source=source("Theorem B.2, the second phase: the term of η; by hand"),
    expected=NUMERICAL,
    hypotheses={"0 < γ ≤ 1 and L ≥ 3": lambda gamma, L, **_: 0 < gamma <= 1 and L >= 3},
    gamma=st.sampled_from((*HALVES, Fraction(1))),
    steep=st.sampled_from((0, 4)),
    L=st.integers(3, 4),
    decay=st.sampled_from([Fraction(1, 10), Fraction(1)]),
    witness={"gamma": Fraction(1), "steep": 0, "L": 3, "decay": Fraction(1)},
    wrong={"the power L − 2": {"less": 2}, "a thousandth": {"times": Fraction(1, 1000)}},
)
def gradient_imbalance(
    gamma: Fraction, steep: int, L: int, decay: Fraction, less: int = 0, times: Fraction = Fraction(1)
) -> Inequality:
    """‖G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ‖_op ≤ λ (2C_λ/λ)^L ‖X‖_op² for G_ℓ = ∇_{W_ℓ} C_0 on linear layers.

    With C_λ ≤ ε1² and the recursion of the imbalance, η ≤ (ε2/2)(λ/(2ε1²))^L/‖X‖_op² adds at most ε2/2 to it.
    """
    W = [variable(f"W_{layer}", (2, 2)) for layer in range(1, L + 1)]
    X = variable("X", (2, 2))
    found, R = gradients(W, X, one_hot((1, 1)), Leaky(gamma, steep), 1)
    double = sum_squares(R) + decay * total([sum_squares(w) for w in W])
    left = operator_norm(found[L - 1].T @ found[L - 1] - found[L - 2] @ found[L - 2].T)
    right = times * decay * (double / decay) ** (L - less) * operator_norm(X) ** 2
    return Inequality(left, right, {str(v.data): v for v in (*W, X)})


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
    wrong={"up to a tenth": {"shift": Fraction(1, 10)}, "up to a hundredth": {"shift": Fraction(1, 100)}},
)
def critical_balance(seed: int, L2: int, decay: Fraction, shift: Fraction = Fraction(0)) -> CriticalPoints:
    """At critical points of C_λ linear layers are balanced, and (W_L W_Lᵀ)^{L2} = W_{L:L1+1} W_{L:L1+1}ᵀ.

    Over the linear layers, for any features Z_{L1} that enter them: the non-linear ones only have to be critical, too.
    """
    Z = rational_matrix(2, 2, Random(seed))
    W = [variable(f"W_{layer}", (2, 2)) for layer in range(1, L2 + 1)]
    whole = product(W[::-1])
    fit = sum_squares(whole @ Z - one_hot((1, 1))) / 2
    problem = Minimisation(fit + decay / 2 * total([sum_squares(w) for w in W]), {str(w.data): w for w in W})
    off = shift * ones(2, 2)
    pairs = [equal(W[i + 1].T @ W[i + 1], W[i] @ W[i].T + off) for i in range(L2 - 1)]
    last = equal(power(W[-1] @ W[-1].T, L2), whole @ whole.T + off)
    return CriticalPoints(problem, (clause("balanced layers", *pairs), clause("last layer", last)))
