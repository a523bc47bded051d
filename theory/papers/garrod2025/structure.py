"""Section 1: the Schatten form, critical points, the structure of collapse, and what n changes (statements 1 to 4)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from theory.claims import CriticalPoints, Identity, Inequality, clause, equal
from theory.closed_form.deep_softmax import model, problem
from theory.collapse import collapse_factors, reflection, turned
from theory.frames import simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    diagonal,
    identity,
    ones,
    repeat_columns,
    sqrt,
    substitute,
    sum_squares,
    variable,
    zeros,
)
from theory.papers.dang2023.reductions import schatten_form
from theory.papers.garrod2025.setting import OFF, REAL, product, source, total
from theory.statement import Expected, theorem

DECAY = Fraction(1, 10)


@theorem(
    "garrod2025-schatten",
    source=source("equation (3)"),
    expected=Expected("holds", "numerical", "proved as dang2023-schatten, of which this is the case of equal decays"),
    hypotheses={"rank at most the inner width": lambda K, d, roots, **_: len(roots) <= min(K, d)},
    K=st.integers(2, 3),
    d=st.integers(2, 4),
    factors=st.integers(2, 5),
    roots=st.sampled_from(((Fraction(1),), (Fraction(1, 2), Fraction(3, 2)), (Fraction(2), Fraction(2)), ())),
    witness={"K": 3, "d": 3, "factors": 3, "roots": (Fraction(1, 2), Fraction(3, 2))},
    wrong={"missing factor 1/2": {"factor": Fraction(2)}, "off by 1e-6": {"factor": OFF}},
)
def schatten(K: int, d: int, factors: int, roots: tuple[Fraction, ...], factor: Fraction = Fraction(1)) -> Inequality:
    """Over all factorisations of X into L factors the least λ/2 Σ ‖factor‖² is λ/2 L Σ s_i(X)^{2/L}.

    Equality at balanced factors, here diagonal ones with s_i = root_i^L; X = 0, rank one and equal s_i among them.
    """
    plain = Model(class_sizes=(1,) * K, depth=factors - 1, decays=DECAY, widths=(d,))
    claim = schatten_form.build(plain, roots, factor=factor)
    assert isinstance(claim, Inequality)
    return claim


@theorem(
    "garrod2025-critical-structure",
    source=source("Lemma 1, balance", "P"),
    K=st.integers(2, 3),
    L=st.integers(1, 4),
    n=st.sampled_from((1, 2)),
    spare=st.integers(0, 1),
    decay=st.sampled_from([Fraction(1, 10), Fraction(1, 50)]),
    witness={"K": 3, "L": 2, "n": 1, "spare": 1, "decay": Fraction(1, 50)},
    wrong={"up to a constant, as for gradient flow": {"shift": 1}},
)
def critical_structure(K: int, L: int, n: int, spare: int, decay: Fraction, shift: int = 0) -> CriticalPoints:
    """At every critical point of the linear model W_{l+1}ᵀ W_{l+1} = W_l W_lᵀ for l = 1 … L−1, and W_1ᵀ W_1 = H Hᵀ."""
    found = model(K, L, n, decay, K + spare)
    factors = [found.features, *found.weights]
    clauses = []
    for layer in range(L):
        V, W = factors[layer], factors[layer + 1]
        balanced = equal(W.T @ W, V @ V.T + shift * identity(V.shape[0]))
        clauses.append(clause(f"balanced W_{layer + 1} and {'H' if layer == 0 else f'W_{layer}'}", balanced))
    return CriticalPoints(found, tuple(clauses))


def structured(K: int, L: int, d: int, values: Sequence[Expression | Fraction]) -> list[Expression]:
    """H, W_1 … W_L of Lemma 1 with n = 1: U_l diag(s) U_{l−1}ᵀ in rational orthogonal frames, V_0 for U_{−1}."""
    frames = [reflection(K, 2), *[reflection(d, layer) for layer in range(L)], reflection(K, 1)]
    return [
        frames[layer + 1] @ diagonal(values, frames[layer + 1].shape[0], frames[layer].shape[0]) @ frames[layer].T
        for layer in range(L + 1)
    ]


@theorem(
    "garrod2025-critical-loss",
    source=source("Lemma 1, equation (4)"),
    hypotheses={"d ≥ K": lambda K, spare, values, **_: spare >= 0 and len(values) == K},
    K=st.just(3),
    L=st.integers(1, 4),
    spare=st.integers(0, 2),
    values=st.tuples(*[st.sampled_from([Fraction(x) for x in ("0", "1/2", "1", "3/2")])] * 3),
    witness={"K": 3, "L": 2, "spare": 1, "values": (Fraction(1, 2), Fraction(3, 2), Fraction(0))},
    configurations=({"K": 3, "L": 3, "spare": 0, "values": (Fraction(0),) * 3},),
    wrong={"2/L for 2/(L+1)": {"fewer": 1}, "L for L + 1": {"counted": 0}},
)
def critical_loss(
    K: int, L: int, spare: int, values: tuple[Fraction, ...], fewer: int = 0, counted: int = 1
) -> Identity:
    """With Lemma 1's singular value decompositions Z = U_L diag(s^{L+1}) V_0ᵀ, and the decays depend on Z alone.

    Σ ‖factor‖² = (L+1) Σ s̃_i^{2/(L+1)} with s̃_i = s_i^{L+1} the singular values of Z.
    """
    factors = structured(K, L, K + spare, values)
    Z = product(factors[::-1])
    outputs = reflection(K, 1) @ diagonal([s ** (L + 1) for s in values]) @ reflection(K, 2).T
    powers = [constant(s ** (L + 1)) ** Fraction(2, L + 1 - fewer) for s in values]
    balance = [equal(W.T @ W, V @ V.T) for V, W in pairwise(factors)]
    return Identity(
        (
            clause("balance", *balance),
            clause("outputs", equal(Z, outputs)),
            clause("decays", equal(total([sum_squares(V) for V in factors]), (L + counted) * total(powers))),
        )
    )


@theorem(
    "garrod2025-prop1",
    source=source("Definition 2 and Proposition 1"),
    hypotheses={"α > 0": lambda alpha, **_: alpha > 0},
    K=st.integers(2, 4),
    L=st.integers(1, 3),
    n=st.sampled_from((1, 2)),
    spare=st.integers(0, 1),
    alpha=st.sampled_from([Fraction(x) for x in ("1/2", "3", "8")]),
    witness={"K": 3, "L": 2, "n": 2, "spare": 1, "alpha": Fraction(3)},
    wrong={"power of the layer above": {"above": 1}, "n forgotten": {"samples": 1}},
)
def prop1(K: int, L: int, n: int, spare: int, alpha: Fraction, above: int = 0, samples: int | None = None) -> Identity:
    """Collapse by Definition 2 is collapse by Definition 1, with global means zero at every layer.

    M_lᵀ M_l = (α√n)^{2l/(L+1)}/n S for the class means of H_l, l = 1 … L; the rows of W_l lie in the span of the
    columns of M_l; and the outputs are α S ⊗ 1ᵀ.
    """
    S, d = simplex_etf(K), K + spare
    point = turned(collapse_factors(K, L, n, constant(alpha), d), K, L, d)
    means, weights = [point["H"][range(d), range(0, n * K, n)]], [point[f"W_{layer}"] for layer in range(1, L + 1)]
    for W in weights[:-1]:
        means.append(W @ means[-1])
    squares = [(alpha * sqrt(n)) ** Fraction(2 * (layer + above), L + 1) / (samples or n) for layer in range(1, L + 1)]
    grams = [equal(M.T @ M, square * S) for M, square in zip(means, squares, strict=True)]
    spans = [equal(W @ M @ M.T, square * W) for W, M, square in zip(weights, means, squares, strict=True)]
    return Identity(
        (
            clause("DNC1", equal(point["H"], repeat_columns(means[0], (n,) * K))),
            clause("DNC2", *grams, *(equal(M @ ones(K, 1), zeros(d, 1)) for M in means)),
            clause("DNC3", *spans),
            clause("outputs", equal(weights[-1] @ means[-1], alpha * S)),
        )
    )


@theorem(
    "garrod2025-scaling",
    source=source("section 1, scaling"),
    expected=Expected("holds", "numerical", REAL),
    hypotheses={"n ≥ 2": lambda n, **_: n >= 2},
    K=st.integers(2, 3),
    L=st.integers(1, 3),
    n=st.sampled_from((2, 4)),
    decay=st.sampled_from([Fraction(1, 10), Fraction(1, 50)]),
    swap=st.booleans(),
    witness={"K": 3, "L": 2, "n": 4, "decay": Fraction(1, 10), "swap": False},
    wrong={"λ n^{1/L}": {"fewer": 1}, "λ alone": {"power": 0}},
)
def scaling(K: int, L: int, n: int, decay: Fraction, swap: bool, fewer: int = 0, power: int = 1) -> Inequality:
    """At collapsed features n enters only through λ n^{1/(L+1)}: with it and one sample a class the loss is the same.

    The objective at W_l and class means M is that at t W_l and t^{−L} M, t = n^{−1/(2(L+1))}; both directions of “at
    most” are drawn.
    """
    means, t = variable("M", (K, K)), constant(n) ** Fraction(-1, 2 * (L + 1))
    many = problem(K, L, n, constant(decay))
    one = problem(K, L, 1, decay * constant(n) ** Fraction(power, L + 1 - fewer))
    weights = {name: t * v for name, v in many.variables.items() if name != "H"}
    left = substitute(many.objective, {"H": repeat_columns(means, (n,) * K)})
    right = substitute(one.objective, {**weights, "H": t ** (-L) * means})
    variables = {**{name: many.variables[name] for name in weights}, "M": means}
    return Inequality(*((right, left) if swap else (left, right)), variables)
