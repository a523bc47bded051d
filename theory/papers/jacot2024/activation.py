"""Norms and gradients through an activation: bounds on features, Lemma C.1 (statement 6).

The activations of Assumption 4.2 here: smooth leaky ReLUs with slopes in (γ, 1), the line γx, and x itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Inequality, Point
from theory.ops import (
    Expression,
    constant,
    diagonal,
    frobenius_norm,
    one_hot,
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
    maximum,
    product,
    source,
    total,
)
from theory.statement import Expected, theorem

# ------------------------------------------------------------------------------------------------- bounds on features


@theorem(
    "jacot2024-feature-norm",
    source=source("Theorem B.1, the bound ‖Z_{L1}‖_op ≤ r^{L1} ‖X‖_op behind (19)", "P"),
    expected=Expected(
        "refuted",
        "certified",
        "an entrywise activation can enlarge operator norms: two weights and two samples in place of Z_1 = W_1 X with "
        "‖Z_1‖_op ≤ ‖W_1‖_op ‖X‖_op; the idea fails, by a factor near √N/2 for an N × N Hadamard matrix and small γ, "
        "while with the Frobenius norm of one factor it holds (jacot2024-feature-norm-frobenius)",
    ),
    hypotheses={"γ < 1": lambda gamma, **_: 0 < gamma < 1},
    gamma=st.sampled_from([Fraction(x) for x in ("1/8", "1/4", "1/2", "3/4")]),
    steep=st.sampled_from((8, 16, 32)),
    N=st.integers(2, 3),
    witness={"gamma": Fraction(1, 4), "steep": 16, "N": 2},
    wrong={"half of it": {"times": Fraction(1, 2)}, "a quarter of it": {"times": Fraction(1, 4)}},
)
def feature_norm(gamma: Fraction, steep: int, N: int, times: Fraction = Fraction(1)) -> Inequality:
    """‖σ(W X)‖_op ≤ ‖W‖_op ‖X‖_op: uᵀ σ(W X) v ≤ ‖W‖_op ‖X‖_op ‖u‖ ‖v‖ for all u and v.

    False for W = t I and X = ((1, 1), (1, −1)), where the right side is √2 t and the left one for large t
    t (1 − γ + √((1 + γ)² + 4))/2, more for every γ < 1. Hypothesis 3 bounds ‖W_ℓ‖ for linear layers only; here r bounds
    all of them.
    """
    W, X = variable("W", (2, 2)), variable("X", (2, N))
    u, v = variable("u", (2, 1)), variable("v", (N, 1))
    left = (u.T @ Leaky(gamma, steep)(W @ X) @ v)[0, 0]
    right = times * product([operator_norm(W), operator_norm(X), frobenius_norm(u), frobenius_norm(v)])
    return Inequality(left, right, {"W": W, "X": X, "u": u, "v": v})


NETWORK: dict[str, Any] = {
    "hypotheses": {"0 < γ ≤ 1 and L1 ≥ 1": lambda gamma, L1, **_: 0 < gamma <= 1 and L1 >= 1},
    "gamma": st.sampled_from((Fraction(1, 4), Fraction(1))),
    "steep": st.sampled_from((0, 8)),
    "L1": st.integers(1, 3),
    "N": st.integers(1, 2),
    "witness": {"gamma": Fraction(1), "steep": 0, "L1": 2, "N": 2},
}


def network(L1: int, N: int, sigma: Leaky) -> tuple[dict[str, Expression], Expression]:
    """W_1 … W_{L1} of width 2 and X with N columns, as variables; and Z_{L1}."""
    weights = {f"W_{layer}": variable(f"W_{layer}", (2, 2)) for layer in range(1, L1 + 1)}
    X = variable("X", (2, N))
    Z = X
    for W in weights.values():
        Z = sigma(W @ Z)
    return {**weights, "X": X}, Z


def tight_network(gamma: Fraction, steep: int, L1: int, N: int) -> tuple[dict[str, Expression], ...]:
    """For σ(x) = x: all matrices have rank one and are aligned."""
    if gamma != 1 or steep:
        return ()
    return ({f"W_{layer}": diagonal([2, 0]) for layer in range(1, L1 + 1)} | {"X": diagonal([3], 2, N)},)


@theorem(
    "jacot2024-feature-norm-frobenius",
    source=source("Theorem B.1, the bound on ‖Z_{L1}‖ corrected; own", "X"),
    expected=NUMERICAL,
    wrong={"half of it": {"times": Fraction(1, 2)}, "without ‖X‖": {"data": 0}},
    **NETWORK,
)
def feature_norm_frobenius(
    gamma: Fraction, steep: int, L1: int, N: int, times: Fraction = Fraction(1), data: int = 1
) -> Inequality:
    """‖Z_{L1}‖_F ≤ ‖W_1‖_F ‖W_2‖_op ⋯ ‖W_{L1}‖_op ‖X‖_op: one norm is Frobenius'. Attained for σ(x) = x."""
    variables, Z = network(L1, N, Leaky(gamma, steep))
    first, *others, X = variables.values()
    norms = product([frobenius_norm(first), *map(operator_norm, others), operator_norm(X) if data else constant(1)])
    return Inequality(frobenius_norm(Z), times * norms, variables, tight_network(gamma, steep, L1, N))


@theorem(
    "jacot2024-nonlinear-norm",
    source=source("proof of Proposition 5.1", "P", X="‖Z_{L1}‖_F for ‖Z_{L1}‖_op"),
    expected=NUMERICAL,
    wrong={"twice L1": {"times": Fraction(1, 2)}, "‖X‖ to the power 1/L1": {"halved": 2}},
    **NETWORK,
)
def nonlinear_norm(
    gamma: Fraction, steep: int, L1: int, N: int, times: Fraction = Fraction(1), halved: int = 1
) -> Inequality:
    """L1 (‖Z_{L1}‖_F/‖X‖_op)^{2/L1} ≤ ‖W_1‖_F² + … + ‖W_{L1}‖_F².

    The paper has ‖Z_{L1}‖_op, which is at most ‖Z_{L1}‖_F, and at least (s_K(Y) − ε1)/s_K for s_K = s_K(W_{L:L1+1}); so
    ‖θ_nonlin‖² ≥ L1 ((s_K(Y) − ε1)/(‖X‖_op s_K))^{2/L1}.
    """
    variables, Z = network(L1, N, Leaky(gamma, steep))
    *weights, X = variables.values()
    p = Fraction(1, L1)
    right = times * operator_norm(X) ** (2 * p / halved) * total([sum_squares(W) for W in weights])
    return Inequality(L1 * sum_squares(Z) ** p, right, variables, tight_network(gamma, steep, L1, N))


# ----------------------------------------------------------------------------------------------------------- Lemma C.1


LIPSCHITZ: dict[str, Any] = {
    "hypotheses": {"0 < γ ≤ 1 and L ≥ 2": lambda gamma, L, **_: 0 < gamma <= 1 and L >= 2},
    "gamma": st.sampled_from((*HALVES[::2], Fraction(1))),
    "steep": st.sampled_from((0, 16)),
    "L": st.integers(2, 3),
    "N": st.integers(1, 2),
    "witness": {"gamma": Fraction(1), "steep": 0, "L": 2, "N": 1},
}


@theorem(
    "jacot2024-lemma-c1",
    source=source("Lemma C.1", "P"),
    expected=NUMERICAL,
    wrong={"0.14 of it": {"times": Fraction(14, 100)}, "without the ∏ r": {"cube": 0}},
    **LIPSCHITZ,
)
def lemma_c1(gamma: Fraction, steep: int, L: int, N: int, times: Fraction = Fraction(1), cube: int = 3) -> Inequality:
    """∇C_0 is 5Nβb³ (∏ r_j)³ L^{5/2}-Lipschitz where ‖W_j‖_op ≤ r_j, r_j ≥ 1 and columns of X are bounded by b ≥ 1.

    Over pairs of points W and W + E, with the least r_j and b that they allow. L² + 2L − 2 is enough for 5L^{5/2}.
    """
    return _lipschitz(Leaky(gamma, steep), L, N, times * 5 * Leaky(gamma, steep).beta * sqrt(L**5), cube)


@theorem(
    "jacot2024-lemma-c1-sharp",
    source=source("Lemma C.1, sharper; own", "X"),
    expected=NUMERICAL,
    wrong={"a hundredth less": {"times": Fraction(99, 100)}, "without the ∏ r": {"cube": 0}},
    **LIPSCHITZ,
)
def lemma_c1_sharp(
    gamma: Fraction, steep: int, L: int, N: int, times: Fraction = Fraction(1), cube: int = 3
) -> Inequality:
    """∇C_0 is (3L − 2 + βL(L − 1)) N b³ (∏ r_j)³-Lipschitz there, for any β ≥ 0 for which σ' is β-Lipschitz.

    The Hessian is JᵀJ, at most N b² (∏ r)² L, and the residual, at most 2 b ∏ r a sample, times the second derivative
    of Z_L: (L − 1) b ∏ r from two different layers, and β b² (∏ r)² (1 + … + (L − 1)) from the activations. Approached
    for σ(x) = x and close points.
    """
    sigma = Leaky(gamma, steep)
    return _lipschitz(sigma, L, N, times * (3 * L - 2 + sigma.bend * L * (L - 1)), cube)


def _lipschitz(sigma: Leaky, L: int, N: int, factor: Any, cube: int) -> Inequality:
    """With the constant ``factor`` N b³ (∏ r_j)³."""
    X, shapes = variable("X", (1, N)), [(2, 1), *[(2, 2)] * (L - 1)]
    W, E = ([variable(f"{x}_{i}", shape) for i, shape in enumerate(shapes, start=1)] for x in "WE")
    V = [w + e for w, e in zip(W, E, strict=True)]
    Y = one_hot((1, 1))[:, :N]
    here, there = (gradients(point, X, Y, sigma, L - 1)[0] for point in (W, V))
    change = total([sum_squares(a - b) for a, b in zip(here, there, strict=True)])
    r = [maximum(constant(1), operator_norm(w), operator_norm(v)) for w, v in zip(W, V, strict=True)]
    b = maximum(constant(1), *(frobenius_norm(X[:, (i,)]) for i in range(N)))
    right = N * factor * b**3 * product(r) ** cube * sqrt(total([sum_squares(e) for e in E]))
    return Inequality(sqrt(change), right, {str(v.data): v for v in (*W, *E, X)}, near=(_bent(W, E, X),))


def _bent(W: Sequence[Expression], E: Sequence[Expression], X: Expression) -> Point:
    """The output is −1 where the label is 1, and all weights get smaller: curvature is largest, if σ(x) = x."""
    signs = [1] * (len(W) - 1) + [-1]
    layers = [diagonal([sign], *w.shape) for sign, w in zip(signs, W, strict=True)]
    here = {str(w.data): layer for w, layer in zip(W, layers, strict=True)}
    moved = {str(e.data): Fraction(-1, 10**7) * layer for e, layer in zip(E, layers, strict=True)}
    return {**here, **moved, "X": diagonal([1], *X.shape)}
