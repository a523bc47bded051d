"""The Polyak-Łojasiewicz constant of (10), Lemma 4.1, and the first layer on the ball about the start (statement 8)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Inequality, at_most, clause, equal
from theory.ops import (
    Expression,
    constant,
    diagonal,
    frobenius_norm,
    identity,
    matrix,
    one_hot,
    ones,
    operator_norm,
    sqrt,
    sum_squares,
    variable,
)
from theory.papers.jacot2024.networks import (
    HALVES,
    Leaky,
    gradients,
)
from theory.papers.jacot2024.setting import (
    NUMERICAL,
    least,
    least_square,
    product,
    singular_square,
    source,
    stacked,
    total,
)
from theory.statement import Expected, theorem


def contrast(K: int) -> Expression:
    """Δ, orthogonal to Y for classes of two samples: 1 and −1 at the samples of each class."""
    return matrix([[{2 * k: 1, 2 * k + 1: -1}.get(j, 0) for j in range(2 * K)] for k in range(K)])


@theorem(
    "jacot2024-pl",
    source=source(
        "proof of Theorem B.2, equation (10) with the printed α", "P", Q="Assumption 4.3", R="equation (10) around α"
    ),
    expected=Expected(
        "refuted",
        "certified",
        "α lacks a square: Lemma 4.1 of Nguyen & Mondelli bounds ‖∇C_0‖, whose square enters (10) as it is read here. "
        "The constant is at fault where γ^{L−2} λ_F λ_{3→L} is small, at a start that nearly fits the labels, as "
        "Assumption 4.3 allows; with the square it holds (jacot2024-pl-squared)",
    ),
    hypotheses={
        "0 < γ < 1 and L ≥ 3": lambda gamma, L, **_: 0 < gamma < 1 and L >= 3,
        "λ_F λ_{3→L} is small": lambda gamma, size, L, **_: size**2 < gamma ** (L - 2) / 2 ** (L + 1),
        "the misfit is small": lambda gamma, size, misfit, K, L: misfit <= gamma**3 * size**3 / (2 ** (L + 4) * K),
    },
    K=st.integers(1, 3),
    L=st.integers(3, 4),
    gamma=st.sampled_from((Fraction(1, 2), Fraction(3, 4), Fraction(9, 10))),
    size=st.sampled_from((Fraction(1, 8), Fraction(1, 12))),
    misfit=st.sampled_from((Fraction(1, 10**8), Fraction(1, 10**9))),
    witness={"K": 2, "L": 3, "gamma": Fraction(1, 2), "size": Fraction(1, 8), "misfit": Fraction(1, 10**8)},
    wrong={"twice α": {"times": 2}, "ten times α": {"times": 10}},
)
def pl(K: int, L: int, gamma: Fraction, size: Fraction, misfit: Fraction, times: int = 1) -> Identity:
    """‖∇C_0‖² ≥ (α/2) C_0 at the start, with α = 2^{−(L−3)} γ^{L−2} λ_F λ_{3→L}; clause by clause at one start.

    σ(x) = x meets Assumption 4.2 for every γ. Two samples a class, contrast Δ: X = (Y; a³Δ), W_1 = diag(a, 1/a²), so
    that Z_1 = a (Y; Δ) and λ_F = √2 a; W_2 = (I, εI)/a²; then W_3 = a I and identities: the outputs are Y + εΔ, and Δ
    is orthogonal to what enters the layers above W_2. ε is small enough for Assumption 4.3.
    """
    start = Contrasted(K, L, gamma, size, misfit)
    alpha = times * Fraction(1, 2 ** (L - 3)) * gamma ** (L - 2) * start.printed
    return Identity((*start.assumptions, clause("PL", at_most(alpha / 2 * start.loss, start.slope))))


def assumption_4_3(L: int, gamma: Fraction, loss: Expression, product: Expression, least: Expression) -> Clause:
    """λ_F λ_{3→L} · min(λ_F, min_{ℓ≥3} λ_ℓ) ≥ 8γ √((2/γ)^L C_0(θ_0)), equation (8), squared."""
    return clause("Assumption 4.3", at_most(64 * gamma**2 * (2 / gamma) ** L * loss, (product * least) ** 2))


class Contrasted:
    """The start of ``pl``: its loss, squared gradient and assumptions."""

    def __init__(self, K: int, L: int, gamma: Fraction, size: Fraction, misfit: Fraction) -> None:
        self.L, self.gamma, self.size, self.K = L, gamma, size, K
        Y, D, E = one_hot((2,) * K), contrast(K), identity(K)
        X = stacked(Y, size**3 * D)
        first = diagonal([size] * K + [1 / size**2] * K)
        second = 1 / size**2 * stacked(E, misfit * E).T
        weights = [first, second, size * E, *[E] * (L - 3)]
        found, R = gradients(weights, X, Y, Leaky(Fraction(1), 0), 0)
        self.features = first @ X
        self.loss, self.slope = sum_squares(R) / 2, total([sum_squares(G) for G in found])

    @property
    def lowest(self) -> Expression:
        """λ_F = √2 a."""
        return sqrt(2) * self.size

    @property
    def printed(self) -> Expression:
        """λ_F λ_{3→L}."""
        return self.lowest * self.size

    @property
    def assumptions(self) -> tuple[Any, ...]:
        """What λ_F is, and Assumption 4.3."""
        gram = self.features @ self.features.T
        return (
            clause("λ_F", *(at_most(x, y) for x, y in ((gram, self._square), (self._square, gram)))),
            assumption_4_3(self.L, self.gamma, self.loss, self.printed, constant(self.size)),
        )

    @property
    def _square(self) -> Expression:
        return self.lowest**2 * identity(2 * self.K)


@theorem(
    "jacot2024-pl-squared",
    source=source("equation (10), corrected; Lemma 4.1 of Nguyen & Mondelli 2020", "X"),
    expected=NUMERICAL,
    hypotheses={"0 < γ ≤ 1": lambda gamma, **_: 0 < gamma <= 1},
    gamma=st.sampled_from(HALVES),
    steep=st.sampled_from((0, 4)),
    K=st.integers(1, 2),
    N=st.integers(1, 2),
    spare=st.integers(0, 1),
    witness={"gamma": Fraction(1, 2), "steep": 0, "K": 2, "N": 2, "spare": 0},
    wrong={"twice as much": {"times": 2}, "without the square": {"exponent": Fraction(1, 2)}},
)
def pl_squared(
    gamma: Fraction,
    steep: int,
    K: int,
    N: int,
    spare: int,
    times: int = 1,
    exponent: Fraction = Fraction(1),
) -> Inequality:
    """‖∇C_0‖² ≥ 2 (γ^{L−2} σ_min(Z_1) ∏_{p≥3} σ_min(W_p))² C_0, by the gradient of W_2 alone; here L = 3.

    So (10) holds with α = 4 (γ^{L−2} …)² where σ_min(Z_1) and σ_min(W_p) are at least half of what they were at the
    start: α = 4^{−(L−2)} (γ^{L−2} λ_F λ_{3→L})². Z_1 is any matrix of rank N. Attained for σ(x) = γx.
    """
    sigma, h = Leaky(gamma, steep), K + spare
    Z, W, V = variable("Z_1", (N + spare, N)), variable("W_2", (h, N + spare)), variable("W_3", (K, h))
    Y = one_hot((1,) * max(K, N))[:K, :N]
    (G, _), R = gradients([W, V], Z, Y, sigma, 1)
    factor = gamma**2 * least_square(Z) * least_square(V)
    point = {"Z_1": diagonal([2] * N, *Z.shape), "W_2": 0 * ones(*W.shape)}
    tight = ({**point, "W_3": diagonal([3] * K, *V.shape)},) if not steep and not spare and K == N else ()
    return Inequality(times * factor**exponent * sum_squares(R), sum_squares(G), {"Z_1": Z, "W_2": W, "W_3": V}, tight)


# --------------------------------------------------------------------------------------- the first layer on the ball


@theorem(
    "jacot2024-feature-ball",
    source=source(
        "proof of Theorem B.2, α on B(θ_0, r_0)",
        "P",
        Q="Assumption 4.3",
        X="σ_min(Z_1) ≥ λ_F/2, the step that this α needs",
    ),
    expected=Expected(
        "refuted",
        "certified",
        "r_0 = ½ min(λ_F, …) lacks ‖X‖_op: features move by ‖X‖_op times what the weights do, so that a constant is "
        "at fault: the step to α fails as soon as ‖X‖_op > 1, and where ‖X‖_op ≥ 2 nothing may be left of σ_min(Z_1). "
        "Assumption 4.3 does not help: it holds where the start fits the labels well enough, whatever W_1 and X are. "
        "With r_0 ‖X‖_op ≤ λ_F/2 it holds (jacot2024-feature-ball-scaled)",
    ),
    hypotheses={
        "K ≥ 2, n ≥ 1, L ≥ 3": lambda K, n, L, **_: K >= 2 and n >= 1 and L >= 3,
        "0 < γ < 1": lambda gamma, **_: 0 < gamma < 1,
        "‖X‖_op > 1": lambda size, **_: size > 1,
        "Assumption 4.3": lambda K, n, L, gamma, size, misfit: (
            32 * gamma**2 * (2 / gamma) ** L * K * n * misfit**2 <= size ** (2 * L)
        ),
    },
    K=st.integers(2, 3),
    n=st.integers(1, 2),
    L=st.integers(3, 4),
    gamma=st.sampled_from((*HALVES, Fraction(9, 10))),
    size=st.sampled_from([Fraction(x) for x in ("11/10", "3/2", "2", "3")]),
    misfit=st.sampled_from((Fraction(0), Fraction(1, 10**4), Fraction(1, 200))),
    witness={"K": 2, "n": 1, "L": 3, "gamma": Fraction(1, 2), "size": Fraction(2), "misfit": Fraction(1, 200)},
    wrong={"σ_min(Z_1) itself": {"times": 1}, "twice σ_min(Z_1)": {"times": 2}},
)
def feature_ball(
    K: int, n: int, L: int, gamma: Fraction, size: Fraction, misfit: Fraction, times: Fraction = Fraction(1, 2)
) -> Identity:
    """4γ^{L−2} σ_min(Z_1) ∏_{p≥3} σ_min(W_p) ≥ α for ‖θ − θ_0‖ ≤ r_0 = ½ min(λ_F, min_{p≥3} λ_p). False.

    The printed α = 2^{−(L−3)} γ^{L−2} λ_F λ_{3→L} follows if each factor keeps a half, as the σ_min(W_p) do; that
    σ_min(Z_1) ≥ λ_F/2 is not printed, but nothing else leads there. Clause by clause at one start and one point of the
    ball. σ(x) = x meets Assumption 4.2 for every γ. X = t I with t = ‖X‖_op, W_1 = I, W_3 = … = W_L = t I, and a W_2
    for which the outputs are (1 + misfit) Y: so λ_F = λ_p = t, r_0 = t/2, and W_1 − min(1, t/2) e_1e_1ᵀ is in the ball.
    """
    N, Y = K * n, one_hot((n,) * K)
    X, W, E = size * identity(N), identity(N), -min(Fraction(1), size / 2) * diagonal([1], N, N)
    upper, second = [size * identity(K)] * (L - 2), (1 + misfit) / size ** (L - 1) * Y
    loss = sum_squares(product([*upper, second, W, X]) - Y) / 2
    lowest, moved = constant(size), (W + E) @ X
    square = singular_square(moved)
    alpha = Fraction(1, 2 ** (L - 3)) * gamma ** (L - 2) * lowest ** (L - 1)
    return Identity(
        (
            clause("λ_F and λ_p", *(equal(A.T @ A, lowest**2 * identity(A.shape[1])) for A in (W @ X, upper[0]))),
            assumption_4_3(L, gamma, loss, lowest ** (L - 1), lowest),
            clause("in the ball", at_most(sum_squares(E), (lowest / 2) ** 2)),
            clause("σ_min(Z_1)", at_most((times * lowest) ** 2, square)),
            clause("α", at_most((times * alpha) ** 2, (2 * gamma ** (L - 2) * lowest ** (L - 2)) ** 2 * square)),
        )
    )


@theorem(
    "jacot2024-feature-ball-scaled",
    source=source("σ_min(Z_1) on the ball, corrected; own", "X"),
    expected=NUMERICAL,
    hypotheses={"0 < γ ≤ 1": lambda gamma, **_: 0 < gamma <= 1},
    gamma=st.sampled_from((*HALVES, Fraction(1))),
    steep=st.sampled_from((0, 4)),
    N=st.integers(1, 2),
    spare=st.integers(0, 1),
    witness={"gamma": Fraction(1), "steep": 0, "N": 2, "spare": 1},
    wrong={"‖X‖ forgotten": {"data": 0}, "half of it": {"times": Fraction(1, 2)}},
)
def feature_ball_scaled(
    gamma: Fraction, steep: int, N: int, spare: int, data: int = 1, times: Fraction = Fraction(1)
) -> Inequality:
    """σ_min(σ(W X)) ≤ σ_min(σ((W + E) X)) + ‖E‖_F ‖X‖_op, so that r_0 ‖X‖_op ≤ λ_F/2 leaves half of λ_F.

    Attained for σ(x) = x.
    """
    sigma = Leaky(gamma, steep)
    X, W, E = variable("X", (N, N)), variable("W", (N + spare, N)), variable("E", (N + spare, N))
    size = operator_norm(X) if data else constant(1)
    left, right = least(sigma(W @ X)), least(sigma((W + E) @ X)) + times * frobenius_norm(E) * size
    point = {
        "X": diagonal([2] * N),
        "W": diagonal([4] * (N - 1) + [3], N + spare, N),
        "E": diagonal([0] * (N - 1) + [-1], N + spare, N),
    }
    return Inequality(left, right, {"W": W, "E": E, "X": X}, (point,) if gamma == 1 and not steep else ())
