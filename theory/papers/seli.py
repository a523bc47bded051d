"""Thrampoulidis et al. 2022, Imbalance Trouble: the SELI geometry of cross-entropy and the UF-SVM, unequal classes.

Letters: Ẑ = S Y ∈ R^{K×N} with S = I − 11ᵀ/K, the SEL matrix; D = diag(n_k) = Y Yᵀ; Ẑ = V Λ Uᵀ. (R, ½)-STEP: K/2
classes of R samples and K/2 of one. The UF-SVM minimises ½ ‖W‖² + ½ ‖H‖² under (w_{y_i} − w_c)ᵀ h_i ≥ 1 for c ≠ y_i.
Parts of the text are restated in Garrod & Keating 2025 (Q); the constants are reconstructed.

Not stated here: seli-lam-limit, that the regularised optimum tends to the direction of Ẑ as λ → 0, which is a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Inequality, NotGlobalMinimum, clause, equal, less
from theory.frames import simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    identity,
    log,
    nuclear_norm,
    one_hot,
    ones,
    relu,
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


def spectral(sizes: tuple[int, ...], power: Fraction, mean: Callable[[int, int], Fraction]) -> Expression:
    """(S D S)^p on vectors of zero sum, for two groups of equal classes, the first half larger.

    Eigenvalues R and 1 on vectors of zero sum within a group, ``mean(R, 1)`` on the difference of the groups.
    """
    K, half = len(sizes), len(sizes) // 2
    first, second = tuple(range(half)), tuple(range(half, K))
    sign = diagonal([1] * half + [-1] * half) @ ones(K, 1)
    return (
        constant(sizes[0]) ** power * projection(first, K)
        + constant(sizes[-1]) ** power * projection(second, K)
        + constant(mean(sizes[0], sizes[-1])) ** power / K * (sign @ sign.T)
    )


def average(a: int, b: int) -> Fraction:
    """(R + 1)/2."""
    return Fraction(a + b, 2)


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
        "(R + 1)/2 replaced by √R": {"mean": lambda a, b: Fraction(a)},
        "squared norms of w with R": {"root": False},
        "norm off by 1e-6": {"factor": OFF},
    },
)
def spectrum(
    classes: int,
    R: int,
    mean: Callable[[int, int], Fraction] = average,
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
    expected=Expected("holds", "numerical", "an inequality for all matrices: drawn points and descent only"),
    hypotheses={"K ≥ 2": lambda sizes: len(sizes) >= 2},
    sizes=st.sampled_from(((2, 1), (1, 1), (3, 1), (2, 2), (1, 1, 1), (2, 1, 1))),
    witness={"sizes": (3, 1)},
    wrong={"off by 1e-6": {"factor": OFF}, "margins of 1 + 1e-6": {"margin": OFF}},
)
def value(sizes: tuple[int, ...], factor: Fraction = Fraction(1), margin: Fraction = Fraction(1)) -> Inequality:
    """The UF-SVM has the value ‖Ẑ‖_*, attained at W H = Ẑ where all margins are 1, for any label counts.

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
    """Ẑ is optimal, with all constraints active: A = (Ẑ Ẑᵀ)^{−1/2} Ẑ is a dual solution with positive multipliers.

    A Aᵀ = S, so ‖A‖_op = 1; each column of A is a combination of e_y − e_c with positive weights; ⟨A, Ẑ⟩ = ‖Ẑ‖_*. So
    ‖Z‖_* ≥ ⟨A, Z⟩ ≥ ⟨A, Ẑ⟩ = (K/2 − 1)(√R + 1) + √((R + 1)/2) for all Z with margins of at least 1.
    """
    K, half, sizes = classes, classes // 2, (R,) * (classes // 2) + (1,) * (classes // 2)
    S, Y, M = simplex_etf(K), one_hot(sizes), spectral(sizes, power, average)
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


# ---------------------------------------------------------------------------------------------------- finite decays


def two_groups(sizes: tuple[int, ...]) -> tuple[int, int, int, int]:
    """K_A, n_A, K_B, n_B of class sizes that take two values."""
    first, second = sorted(set(sizes), reverse=True)
    return sizes.count(first), first, sizes.count(second), second


def norm_of_labels(sizes: tuple[int, ...]) -> Expression:
    """‖S D^{1/2}‖_*: √n_A (K_A − 1 times), √n_B (K_B − 1 times) and √((K_B n_A + K_A n_B)/K)."""
    K_A, n_A, K_B, n_B = two_groups(sizes)
    return (K_A - 1) * sqrt(n_A) + (K_B - 1) * sqrt(n_B) + sqrt(Fraction(K_B * n_A + K_A * n_B, K_A + K_B))


IMBALANCED = ((3, 1), (5, 1, 1), (4, 4, 1), (6, 2, 2), (9, 1))
LAMBDAS = (Fraction(1, 10**4), Fraction(1, 1000), Fraction(1, 400))


@theorem(
    "seli-finite-lam",
    source=source("Proposition 1", "Q"),
    hypotheses={
        "two groups of sizes, λ small enough": lambda sizes, decay: (
            len(set(sizes)) == 2 and len(sizes) >= 3 and 0 < decay <= Fraction(1, 100)
        )
    },
    sizes=st.sampled_from([sizes for sizes in IMBALANCED if len(sizes) > 2]),
    decay=st.sampled_from(LAMBDAS),
    witness={"sizes": (5, 1, 1), "decay": Fraction(1, 1000)},
    wrong={"beaten by a tenth": {"factor": Fraction(9, 10)}},
)
def finite_decay(sizes: tuple[int, ...], decay: Fraction, factor: Fraction = Fraction(1)) -> NotGlobalMinimum:
    """With imbalanced classes no finite decay λ = λ_W = λ_H has an optimum proportional to Ẑ: the best such is beaten.

    Z̄ = s S costs log(1 + (K−1) e^{−s}) + λ s ‖S D^{1/2}‖_*, least at s = log(1/c − (K − 1)) with c = λ ‖S D^{1/2}‖_*/
    (K − 1).
    """
    K, model = len(sizes), Model(class_sizes=sizes, decays=decay, loss="ce")
    norm = decay * norm_of_labels(sizes)
    s = log((K - 1) / norm - (K - 1))
    return NotGlobalMinimum(model, factor * (log(1 + (K - 1) * exp(-s)) + norm * s))
