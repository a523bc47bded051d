"""Thrampoulidis et al. 2022, Imbalance Trouble: the SELI geometry of cross-entropy and the UF-SVM, unequal classes.

Letters: Ẑ = S Y ∈ R^{K×N} with S = I − 11ᵀ/K, the SEL matrix; D = diag(n_k) = Y Yᵀ; Ẑ = V Λ Uᵀ. (R, ½)-STEP: K/2
classes of R samples and K/2 of one. The UF-SVM minimises ½ ‖W‖² + ½ ‖H‖² under (w_{y_i} − w_c)ᵀ h_i ≥ 1 for c ≠ y_i.
With λ = λ_W = λ_H the regularised problem is to minimise f(Z) = 1/N Σ_k n_k CE(z_k, e_k) + λ ‖Z D^{1/2}‖_* over the
outputs of the class means, by ufm-nuclear; Z_λ is its minimiser, P its softmax.
Parts of the text are restated in Garrod & Keating 2025 (Q); the constants are reconstructed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from theory.claims import (
    Clause,
    GlobalMinimum,
    Identity,
    Inequality,
    NotGlobalMinimum,
    at_most,
    clause,
    equal,
    less,
)
from theory.frames import simplex_etf
from theory.losses import average
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    helmert,
    identity,
    log,
    nuclear_norm,
    one_hot,
    ones,
    relu,
    repeat_columns,
    softmax,
    sqrt,
    trace,
    variable,
    zeros,
)
from theory.papers.dang2023.letters import OFF
from theory.statement import Expected, Source, theorem


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source("Thrampoulidis et al. 2022, Imbalance Trouble", "arXiv 2208.05512", locator, provenance)


# --------------------------------------------------------------------------------------------- two groups of classes


def projection(places: tuple[int, ...], size: int) -> Expression:
    """The projection onto vectors of zero sum on some places, zero elsewhere."""
    columns = identity(size)[range(size), places]
    return columns @ simplex_etf(len(places)) @ columns.T


def two_groups(sizes: tuple[int, ...]) -> tuple[int, int, int, int]:
    """K_A, n_A, K_B, n_B of class sizes that take two values, the first ones first; two halves of equal classes.

    Raises:
        ValueError: for any other sizes.

    >>> two_groups((5, 5, 1))
    (2, 5, 1, 1)
    """
    K_A = len(sizes) // 2 if len(set(sizes)) == 1 else sizes.count(sizes[0])
    if sizes != (sizes[0],) * K_A + (sizes[-1],) * (len(sizes) - K_A):
        raise ValueError(f"class sizes in two groups of equal ones are needed, not {sizes}")
    return K_A, sizes[0], len(sizes) - K_A, sizes[-1]


def in_two_groups(sizes: tuple[int, ...]) -> bool:
    """Whether class sizes take two values at most, equal ones next to each other.

    >>> in_two_groups((5, 3, 1))
    False
    """
    return (
        sizes == tuple(n for size in dict.fromkeys(sizes) for n in (size,) * sizes.count(size)) and len(set(sizes)) < 3
    )


def average_size(sizes: tuple[int, ...]) -> Fraction:
    """The eigenvalue (K_B n_A + K_A n_B)/K of S D S on the difference of two groups; (R + 1)/2 for STEP imbalance."""
    K_A, n_A, K_B, n_B = two_groups(sizes)
    return Fraction(K_B * n_A + K_A * n_B, K_A + K_B)


def spectral(
    sizes: tuple[int, ...], power: Fraction, mean: Callable[[tuple[int, ...]], Fraction] = average_size
) -> Expression:
    """(S D S)^p on vectors of zero sum, for two groups of equal classes.

    Eigenvalues n_A and n_B on vectors of zero sum within a group, ``mean`` on the difference of the groups.
    """
    K, (K_A, n_A, K_B, n_B) = len(sizes), two_groups(sizes)
    first, second = tuple(range(K_A)), tuple(range(K_A, K))
    difference = diagonal([K_B] * K_A + [-K_A] * K_B) @ ones(K, 1)
    return (
        constant(n_A) ** power * projection(first, K)
        + constant(n_B) ** power * projection(second, K)
        + constant(mean(sizes)) ** power / (K_A * K_B * K) * (difference @ difference.T)
    )


STEP = {"K even, R ≥ 1": lambda classes, R: classes % 2 == 0 and classes >= 2 and R >= 1}


@theorem(
    "seli-spectrum",
    source=source("eigenvalues and Gram matrices under STEP imbalance"),
    hypotheses=STEP,
    classes=st.sampled_from((2, 4, 4)),
    R=st.sampled_from((1, 2, 3, 5, 10)),
    witness={"classes": 4, "R": 10},
    configurations=({"classes": 4, "R": 1}, {"classes": 2, "R": 7}),
    wrong={
        "(R + 1)/2 replaced by R": {"mean": lambda sizes: Fraction(sizes[0])},
        "squared norms of w with R": {"root": False},
        "norm off by 1e-6": {"factor": OFF},
    },
)
def spectrum(
    classes: int,
    R: int,
    mean: Callable[[tuple[int, ...]], Fraction] = average_size,
    root: bool = True,
    factor: Fraction = Fraction(1),
) -> Identity:
    """Ẑ Ẑᵀ = S D S has the eigenvalues R, 1 (K/2 − 1 times each), (R + 1)/2 and 0; W Wᵀ is its root.

    |w_maj|² = (1 − 2/K) √R + √((R+1)/2)/K, |w_min|² = (1 − 2/K) + √((R+1)/2)/K, |h_maj|² = (1 − 2/K)/√R + √(2/(R+1))/K,
    |h_min|² = (1 − 2/K) + √(2/(R+1))/K; ⟨w_maj, w_maj'⟩ = −2/K √R + √((R+1)/2)/K, ⟨w_min, w_min'⟩ = −2/K +
    √((R+1)/2)/K, ⟨w_maj, w_min⟩ = −√((R+1)/2)/K.
    """
    K, half, sizes = classes, classes // 2, (R,) * (classes // 2) + (1,) * (classes // 2)
    S, Y, last = simplex_etf(K), one_hot(sizes), classes - 1
    sel, G = S @ Y, spectral(sizes, Fraction(1), mean)
    W, H = spectral(sizes, Fraction(1, 2), mean), spectral(sizes, Fraction(-1, 2), mean)
    large, small = sqrt(R) if root else constant(R), Fraction(1)
    between, back, rest = sqrt(Fraction(R + 1, 2)) / K, sqrt(Fraction(2, R + 1)) / K, Fraction(K - 2, K)
    norms = [
        equal(W[0, 0], factor * (rest * large + between)),
        equal(W[last, last], rest * small + between),
        equal(H[0, 0], rest / sqrt(R) + back),
        equal(H[last, last], rest + back),
        equal(W[0, last], -between),
    ]
    if half > 1:
        norms += [
            equal(W[0, 1], -Fraction(2, K) * large + between),
            equal(W[last, last - 1], -Fraction(2, K) + between),
        ]
    return Identity(
        (
            clause("Ẑ Ẑᵀ", equal(sel @ sel.T, S @ diagonal(sizes) @ S), equal(sel @ sel.T, G)),
            clause("roots", equal(W @ W, sel @ sel.T), equal(H @ diagonal(sizes) @ H, S)),
            clause("one Ẑ", equal(W @ S, S @ diagonal(sizes) @ H)),
            Clause("norms", tuple(norms)),
        )
    )


# ---------------------------------------------------------------------------------------------------------- UF-SVM


def separated(sizes: tuple[int, ...]) -> tuple[Expression, dict[str, Expression]]:
    """All Z whose margins are at least 1: Ẑ minus slacks off the labels, columns shifted; and their parameters."""
    K, N = len(sizes), sum(sizes)
    X, t = variable("X", (K, N)), variable("t", (1, N))
    labels = [k for k, n in enumerate(sizes) for _ in range(n)]
    slack = relu(X)
    columns = []
    for i, k in enumerate(labels):
        off = identity(K) - diagonal([int(j == k) for j in range(K)])
        place = identity(N)[range(N), (i,)]
        columns.append(off @ slack @ place @ place.T)
    Z = simplex_etf(K) @ one_hot(sizes) - reduce(lambda a, b: a + b, columns) + ones(K, 1) @ t
    return Z, {"X": X, "t": t}


@theorem(
    "seli-thm1",
    source=source("Theorem 1, the value"),
    expected=Expected(
        "holds",
        "numerical",
        "an inequality for all matrices: drawn points and descent only, at up to four samples; the paper has any",
    ),
    hypotheses={"K ≥ 2": lambda sizes: len(sizes) >= 2},
    sizes=st.sampled_from(((2, 1), (1, 1), (3, 1), (2, 2), (1, 1, 1), (2, 1, 1))),
    witness={"sizes": (3, 1)},
    wrong={"off by 1e-6": {"factor": OFF}, "margins of 1 + 1e-6": {"margin": OFF}},
)
def value(sizes: tuple[int, ...], factor: Fraction = Fraction(1), margin: Fraction = Fraction(1)) -> Inequality:
    """The UF-SVM has the value ‖Ẑ‖_*, attained at W H = Ẑ where all margins are 1.

    Over Z = W H, by ufm-nuclear: ‖Ẑ‖_* ≤ ‖Z‖_* for all Z with z_y − z_c ≥ 1, which are Ẑ minus slacks ≥ 0 off the
    label, with columns shifted by constants.
    """
    Z, parameters = separated(sizes)
    best = nuclear_norm(simplex_etf(len(sizes)) @ one_hot(sizes))
    return Inequality(factor * best, nuclear_norm(Z) / margin, parameters)


@theorem(
    "seli-thm1-dual",
    source=source("Theorem 1, certificate under STEP imbalance"),
    hypotheses=STEP,
    classes=st.sampled_from((2, 4, 4)),
    R=st.sampled_from((1, 2, 3, 5, 10)),
    witness={"classes": 4, "R": 10},
    wrong={"value off by 1e-6": {"factor": OFF}, "A = Ẑ": {"power": Fraction(0)}},
)
def dual(classes: int, R: int, factor: Fraction = Fraction(1), power: Fraction = Fraction(-1, 2)) -> Identity:
    """Under STEP imbalance A = (Ẑ Ẑᵀ)^{−1/2} Ẑ is a dual solution with multipliers > 0, and so Ẑ is optimal.

    All constraints are active. A Aᵀ = S, so ‖A‖_op = 1; each column of A is a combination of e_y − e_c with positive
    weights; ⟨A, Ẑ⟩ = ‖Ẑ‖_*. So ‖Z‖_* ≥ ⟨A, Z⟩ ≥ ⟨A, Ẑ⟩ = (K/2 − 1)(√R + 1) + √((R + 1)/2) for all Z with margins of at
    least 1. For other label counts see seli-thm1-laplacian.
    """
    K, half, sizes = classes, classes // 2, (R,) * (classes // 2) + (1,) * (classes // 2)
    S, Y, M = simplex_etf(K), one_hot(sizes), spectral(sizes, power)
    A, sel = M @ Y, S @ Y
    multipliers = [less(M[i, k], 0) for i in range(K) for k in range(K) if i != k]
    best = (half - 1) * (sqrt(R) + 1) + sqrt(Fraction(R + 1, 2))
    return Identity(
        (
            clause("A", equal(A, M @ sel), equal(A @ A.T, S)),
            Clause("multipliers", (*multipliers, equal(ones(1, K) @ M, zeros(1, K)))),
            clause("value", equal(trace(A @ sel.T), factor * best)),
        )
    )


@theorem(
    "seli-thm1-laplacian",
    source=source("Theorem 1, certificate for any label counts; own"),
    hypotheses={"K ≥ 2": lambda sizes: len(sizes) >= 2},
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=5).map(tuple),
    witness={"sizes": (5, 3, 1)},
    configurations=({"sizes": (7, 7, 2, 1)}, {"sizes": (1, 1)}),
    wrong={"D^{−1}": {"rank": 0}, "off by 1e-6": {"factor": OFF}},
)
def laplacian(sizes: tuple[int, ...], rank: int = 1, factor: Fraction = Fraction(1)) -> Identity:
    """(S D S)⁺ is D^{−1} − D^{−1} 11ᵀ D^{−1}/Σ 1/n_k, the Laplacian of a complete graph with positive weights.

    So its root M, also one of zero row sums, has negative entries off the diagonal: with l above all eigenvalues
    M = √l (I − Σ_p a_p (I − L/l)^p) with a_p > 0, where I − L/l has positive entries. By the rest of seli-thm1-dual
    Ẑ is optimal for any label counts.
    """
    K, S, D = len(sizes), simplex_etf(len(sizes)), diagonal(sizes)
    inverse = diagonal([Fraction(1, n) for n in sizes])
    L = factor * (inverse - rank * (inverse @ ones(K, K) @ inverse) / sum(Fraction(1, n) for n in sizes))
    weights = [less(L[j, k], 0) for j in range(K) for k in range(K) if j != k]
    return Identity((clause("inverse", equal(L @ S @ D @ S, S), equal(L @ S, L)), Clause("weights", tuple(weights))))


# ---------------------------------------------------------------------------------------------------- finite decays


def norm_of_labels(sizes: tuple[int, ...]) -> Expression:
    """‖S D^{1/2}‖_*: √n_A (K_A − 1 times), √n_B (K_B − 1 times) and √((K_B n_A + K_A n_B)/K)."""
    K_A, n_A, K_B, n_B = two_groups(sizes)
    return (K_A - 1) * sqrt(n_A) + (K_B - 1) * sqrt(n_B) + sqrt(average_size(sizes))


IMBALANCED = ((3, 1), (5, 1, 1), (4, 4, 1), (6, 2, 2), (9, 1))
LAMBDAS = (Fraction(1, 10**4), Fraction(1, 1000), Fraction(1, 400))


@theorem(
    "seli-finite-lam",
    source=source("Proposition 1", "Q"),
    hypotheses={
        "K ≥ 3, two groups of different sizes": lambda sizes, decay: (
            len(sizes) >= 3 and len(set(sizes)) == 2 and in_two_groups(sizes)
        ),
        "λ ≤ 1/100, λ N < 1": lambda sizes, decay: 0 < decay <= Fraction(1, 100) and decay * sum(sizes) < 1,
    },
    sizes=st.sampled_from([sizes for sizes in IMBALANCED if len(sizes) > 2]),
    decay=st.sampled_from(LAMBDAS),
    witness={"sizes": (5, 1, 1), "decay": Fraction(1, 1000)},
    wrong={"beaten by a tenth": {"factor": Fraction(9, 10)}},
)
def finite_decay(sizes: tuple[int, ...], decay: Fraction, factor: Fraction = Fraction(1)) -> NotGlobalMinimum:
    """For two groups of classes and λ = λ_W = λ_H ≤ 1/100 no optimum is proportional to Ẑ: the best such is beaten.

    The proposition says so of imbalanced classes and every finite λ; two groups and small λ are what is examined.
    Z̄ = s S costs log(1 + (K−1) e^{−s}) + λ s ‖S D^{1/2}‖_*, least at s = log(1/c − (K − 1)) with c = λ ‖S D^{1/2}‖_*/
    (K − 1).
    """
    return NotGlobalMinimum(Model(class_sizes=sizes, decays=decay, loss="ce"), factor * along_labels(sizes, decay))


def label_scale(sizes: tuple[int, ...], decay: Fraction) -> Expression:
    """The best s along Z = s S: log(1/c − (K − 1)) with c = λ ‖S D^{1/2}‖_*/(K − 1)."""
    K = len(sizes)
    return log((K - 1) / (decay * norm_of_labels(sizes)) - (K - 1))


def along_labels(sizes: tuple[int, ...], decay: Fraction) -> Expression:
    """The least cost of Z = s S: log(1 + (K−1) e^{−s}) + λ s ‖S D^{1/2}‖_* at its best s."""
    s = label_scale(sizes, decay)
    return log(1 + (len(sizes) - 1) * exp(-s)) + decay * norm_of_labels(sizes) * s


TWO_CLASSES = {
    "two classes of different sizes, λ small enough": lambda sizes, decay: (
        len(sizes) == 2 and sizes[0] != sizes[1] and 2 * decay**2 * sum(sizes) < 1
    )
}


@theorem(
    "seli-finite-lam-two",
    source=source("Proposition 1, two classes; own", "Q"),
    hypotheses=TWO_CLASSES,
    sizes=st.sampled_from(((3, 1), (9, 1), (5, 2))),
    decay=st.sampled_from(LAMBDAS[:2]),
    witness={"sizes": (3, 1), "decay": Fraction(1, 1000)},
    wrong={"value off by 1e-6": {"factor": OFF}, "half the scale": {"share": Fraction(1, 2)}},
)
def finite_decay_two(
    sizes: tuple[int, ...], decay: Fraction, factor: Fraction = Fraction(1), share: Fraction = Fraction(1)
) -> GlobalMinimum:
    """With two classes of any sizes the optimum is proportional to Ẑ at every decay, so that Proposition 1 needs three.

    Here 2 λ² N < 1; from there on it is zero. At margins x, y the objective is 1/N (n_1 log(1 + e^{−x}) +
    n_2 log(1 + e^{−y})) + λ √((n_1 x² + n_2 y²)/2). It is stationary only where x (1 + e^x) = y (1 + e^y),
    that is x = y.
    """
    model = Model(class_sizes=sizes, decays=decay, loss="ce")
    s, root, row = label_scale(sizes, decay), sqrt(average_size(sizes)), identity(2)[(0,), range(2)]
    means = sqrt(s / root) * (row.T @ helmert(2).T)
    point = {"W_1": sqrt(s * root) * (helmert(2) @ row), "H": repeat_columns(means, sizes)}
    logits = clause("logits", equal(model.product @ model.features, share * s * (simplex_etf(2) @ one_hot(sizes))))
    return GlobalMinimum(model, factor * along_labels(sizes, decay), (point,), (logits,), unique=True)


# ------------------------------------------------------------------------------------------------------ small decays


def convex_form(sizes: tuple[int, ...], penalty: Any, Z: Expression, weighted: bool = True) -> Expression:
    """f(Z) = 1/N Σ n_k CE(z_k, e_k) + λ ‖Z D^{1/2}‖_*."""
    model = Model(class_sizes=sizes, decays=1, loss="ce")
    roots = diagonal([sqrt(n) for n in sizes]) if weighted else identity(len(sizes))
    return average(model, Z, identity(len(sizes)), sizes) + penalty * nuclear_norm(Z @ roots)


def entropy(shares: Sequence[Expression]) -> Expression:
    """−Σ c_j log c_j − (1 − Σ c_j) log(1 − Σ c_j)."""
    return -total([c * log(c) for c in (*shares, 1 - total(shares))])


def total(terms: Sequence[Expression]) -> Expression:
    """The sum of formulas."""
    return reduce(lambda a, b: a + b, terms)


def dual_shares(sizes: tuple[int, ...], decay: Fraction) -> list[list[Expression]]:
    """For each class k the numbers c_jk = N λ a_jk for j ≠ k, a_jk > 0 the multipliers of the UF-SVM."""
    K, M = len(sizes), spectral(sizes, Fraction(-1, 2))
    return [[-sum(sizes) * decay * M[j, k] for j in range(K) if j != k] for k in range(K)]


SQUARES = ((13, 1, 1), (25, 25, 1), (5, 1, 1, 1), (49, 49, 1, 1), (49, 1))
"""Class sizes for which (S D S)^{1/2} is rational."""

SMALL = {
    "two groups": lambda sizes, **_: in_two_groups(sizes),
    "λ N < 1": lambda sizes, decay, **_: 0 < decay * sum(sizes) < 1,
}


@theorem(
    "seli-lam-limit",
    source=source("the limit λ → 0, the bound by duality; own"),
    expected=Expected("holds", "numerical", "an inequality for all matrices: drawn points and descent only"),
    hypotheses=SMALL,
    sizes=st.sampled_from(((13, 1, 1), (25, 25, 1))),
    decay=st.sampled_from([Fraction(1, 10**n) for n in (2, 3, 6)]),
    witness={"sizes": (13, 1, 1), "decay": Fraction(1, 100)},
    wrong={"Ẑ is optimal": {"even": True}, "ten times as far": {"times": 10}},
)
def small_decay(sizes: tuple[int, ...], decay: Fraction, even: bool = False, times: int = 1) -> Inequality:
    """For two groups the objective is at least Σ_k n_k/N (H(c_k) + KL(c_k ‖ p_k)), c_jk = N λ a_jk, H the entropy.

    For ‖Z D^{1/2}‖_* ≥ Σ_k n_k Σ_j a_jk (z_kk − z_jk), by seli-thm1-dual. So all p_jk/λ of Z_λ stay between positive
    bounds as λ → 0, by seli-lam-limit-rate: its margins are log(1/λ) + O(1), and Z_λ/log(1/λ) tends to S, the direction
    of Ẑ, at the rate 1/log(1/λ).
    """
    K, N, Z = len(sizes), sum(sizes), variable("Z", (len(sizes), len(sizes)))
    shares, P = dual_shares(sizes, decay), softmax(Z)
    if even:
        shares = [[decay * norm_of_labels(sizes) / (K - 1)] * (K - 1)] * K
    terms = []
    for k, (n, c) in enumerate(zip(sizes, shares, strict=True)):
        p = [P[j, k] for j in range(K) if j != k]
        cross = [a * (log(a) - log(b)) for a, b in zip((*c, 1 - total(c)), (*p, P[k, k]), strict=True)]
        terms.append(n * (entropy(c) + times * total(cross)))
    return Inequality(total(terms) / N, convex_form(sizes, decay, Z), {"Z": Z})


@theorem(
    "seli-lam-limit-rate",
    source=source("the limit λ → 0, its rate; own"),
    hypotheses=SMALL,
    sizes=st.sampled_from(SQUARES),
    decay=st.sampled_from([Fraction(1, 10**n) for n in (3, 4, 6, 9, 15)]),
    witness={"sizes": (13, 1, 1), "decay": Fraction(1, 1000)},
    wrong={"gap of order λ²": {"linear": 0}, "gap λ C": {"square": 0}},
)
def small_decay_rate(sizes: tuple[int, ...], decay: Fraction, linear: int = 1, square: int = 1) -> Identity:
    """The least objective along s S is at most λ C + λ² N Σ n_k M_kk² above Σ_k n_k/N H(c_k), for two groups.

    M = (S D S)^{−1/2}, a_jk = −M_jk, ν = ‖S D^{1/2}‖_*, C = Σ_k n_k Σ_{j≠k} a_jk log(N a_jk (K − 1)/ν), free of λ. With
    seli-lam-limit, which is numerical, Z_λ has Σ_k n_k/N KL(c_k ‖ p_k) ≤ λ (C + O(λ)), where KL is at least
    c_jk (p_jk/c_jk − 1 − log(p_jk/c_jk)) for each j ≠ k: p_jk/λ stays between positive bounds.
    """
    return limit_rate(sizes, decay, linear, square)


def limit_rate(sizes: tuple[int, ...], decay: Fraction, linear: int = 1, square: int = 1) -> Identity:
    """The dual solution of two groups, and the gap between the least objective along s S and its lower bound."""
    K, N, M = len(sizes), sum(sizes), spectral(sizes, Fraction(-1, 2))
    nu, shares = norm_of_labels(sizes), dual_shares(sizes, decay)
    lower = total([n * entropy(c) for n, c in zip(sizes, shares, strict=True)]) / N
    logs = [-sizes[k] * M[j, k] * log(-N * (K - 1) * M[j, k] / nu) for k in range(K) for j in range(K) if j != k]
    squares = total([n * M[k, k] ** 2 for k, n in enumerate(sizes)])
    gap = decay * linear * total(logs) + square * decay**2 * N * squares
    multipliers = [less(M[j, k], 0) for j in range(K) for k in range(K) if j != k]
    return Identity(
        (
            Clause("multipliers", (*multipliers, equal(ones(1, K) @ M, zeros(1, K)))),
            clause("dual", equal(M @ diagonal(sizes) @ M, simplex_etf(K))),
            clause("value", equal(trace(M @ diagonal(sizes)), nu)),
            clause("gap", at_most(along_labels(sizes, decay), lower + gap)),
        )
    )
