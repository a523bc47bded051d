"""Súkeník, Lampert & Mondelli 2025, Neural Collapse is Globally Optimal in Deep Regularized ResNets and Transformers.

The generalised unconstrained-features model (GUFM): min over the last layer W and features X, whose columns have zero
mean and unit norm, of the average loss at W X plus λ/2 ‖W‖². Letters: K classes of n samples, d features. The abstract
was read; the lemma is a statement only.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, Identity, Minimisation, at_most, clause, equal
from theory.frames import simplex_etf
from theory.losses import average
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    class_means,
    constant,
    diagonal,
    helmert,
    identity,
    log,
    one_hot,
    repeat_columns,
    sqrt,
    sum_squares,
    variable,
)
from theory.papers.dang2023.frames import total
from theory.papers.dang2023.letters import OFF
from theory.statement import Expected, Source, theorem

OMITTED: dict[str, str] = {
    "resnet2025-depth": "Theorems 4.3 and 4.6 are about residual networks, of whose blocks, norms and constants the "
    "text at hand has no formula; the cost that decides between them is in resnet2025-depth-cost",
}
"""Rows of the sheet that are not stated, with the reason."""


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Súkeník et al. 2025, Neural Collapse is Globally Optimal in Deep Regularized ResNets and Transformers",
        "arXiv 2505.15239",
        locator,
        provenance,
    )


def normalised(V: Expression, length: Fraction = Fraction(1)) -> Expression:
    """X: each column minus its mean, over its norm; with a ``length`` of squared norm so much."""
    centred = simplex_etf(V.shape[0]) @ V
    return centred @ diagonal([(x / length) ** Fraction(-1, 2) for x in squares(centred)])


def squares(V: Expression) -> list[Expression]:
    """The squared norms of the columns."""
    G = V.T @ V
    return [G[i, i] for i in range(V.shape[1])]


def gufm(sizes: tuple[int, ...], d: int, loss: str, decay: Any, length: Fraction = Fraction(1)) -> Minimisation:
    """The objective over W (K × d) and V (d × N), whose normalised columns are the features.

    Means and squared norms of V, which the features do not see, are fixed at 0 and 1 by squares that vanish at the
    minimum. Features of squared norm ``length``, with W/√length and length λ, are the same problem.
    """
    K, N = len(sizes), sum(sizes)
    W, V = variable("W", (K, d)), variable("V", (d, N))
    fit = average(Model(class_sizes=sizes, decays=1, loss=loss), W @ normalised(V, length), one_hot(sizes), (1,) * N)
    centred = simplex_etf(d) @ V
    fixed = sum_squares(V - centred) + total((x - length) ** 2 for x in squares(centred))
    return Minimisation(fit + length * decay / 2 * sum_squares(W) + fixed, {"W": W, "V": V})


def conclusions(
    problem: Minimisation, sizes: tuple[int, ...], ratio: Any, gram: Expression, length: Fraction = Fraction(1)
) -> tuple[Clause, ...]:
    """NC1, NC2 after centring, the Gram matrix of the class means, and W a multiple of their transpose (NC3)."""
    X = normalised(problem.variables["V"], length)
    means, S = class_means(X, sizes), simplex_etf(len(sizes))
    centred = means @ S
    scale = gram[0, 0] - gram[0, 1]
    return (
        clause("NC1", equal(X, repeat_columns(means, sizes))),
        clause("NC2", equal(centred.T @ centred, scale * S), equal(means.T @ means, gram)),
        clause("NC3", equal(problem.variables["W"], ratio * means.T)),
    )


SEARCHED = Expected(
    "holds", "numerical", "no engine derives a minimum over normalised features: descent and drawn points"
)
SIZES = st.sampled_from(((1, 1), (1, 1, 1), (2, 2)))


@theorem(
    "resnet2025-gufm",
    source=source("Lemma 4.2, cross-entropy"),
    expected=SEARCHED,
    hypotheses={
        "balanced, d ≥ K": lambda sizes, spare, odds: len(set(sizes)) == 1 and spare >= 0,
        "λ > 0": lambda sizes, spare, odds: odds > 1,
    },
    sizes=SIZES,
    spare=st.integers(0, 1),
    odds=st.sampled_from((Fraction(3, 2), Fraction(4), Fraction(20))),
    witness={"sizes": (1, 1, 1), "spare": 0, "odds": Fraction(4)},
    wrong={"value off by 1e-6": {"factor": OFF}, "orthogonal frame": {"simplex": False}},
)
def cross_entropy(
    sizes: tuple[int, ...], spare: int, odds: Fraction, factor: Fraction = Fraction(1), simplex: bool = True
) -> GlobalMinimum:
    """GUFM with cross-entropy: every minimiser is NC1 to NC3, the features a simplex ETF of unit vectors.

    The logits exceed the others by s = log ``odds``, the root of λ (K − 1) s (e^s + K − 1) = K, which gives λ.
    """
    K, d = len(sizes), len(sizes) + spare
    s = log(odds)
    decay = K / ((K - 1) * (odds + K - 1) * s)
    problem = gufm(sizes, d, "ce", decay)
    frame = sqrt(Fraction(K, K - 1)) * (helmert(d, K - 1) @ helmert(K).T)
    ratio = s * Fraction(K - 1, K)
    value = log(1 + Fraction(K - 1) / odds) + decay / 2 * Fraction((K - 1) ** 2, K) * s**2
    gram = Fraction(K, K - 1) * simplex_etf(K) if simplex else identity(K)
    point = {"W": ratio * frame.T, "V": repeat_columns(frame, sizes)}
    return GlobalMinimum(problem, factor * value, (point,), conclusions(problem, sizes, ratio, gram))


@theorem(
    "resnet2025-gufm-mse",
    source=source("Lemma 4.2, squared error"),
    expected=SEARCHED,
    hypotheses={
        "balanced, d ≥ K + 1": lambda sizes, spare, decay: len(set(sizes)) == 1 and spare >= 1,
        "λ > 0": lambda sizes, spare, decay: decay > 0,
    },
    sizes=SIZES,
    spare=st.integers(1, 2),
    decay=st.sampled_from((Fraction(1, 100), Fraction(1, 5), Fraction(2))),
    witness={"sizes": (1, 1, 1), "spare": 1, "decay": Fraction(1, 5)},
    wrong={"value off by 1e-6": {"factor": OFF}, "simplex ETF before centring": {"orthogonal": False}},
)
def squared_error(
    sizes: tuple[int, ...], spare: int, decay: Fraction, factor: Fraction = Fraction(1), orthogonal: bool = True
) -> GlobalMinimum:
    """GUFM with squared error and no bias: every minimiser is NC1 to NC3, the features orthonormal for d ≥ K + 1.

    NC2 holds after centring: class means minus their global mean are a simplex ETF. W X = Y/(1 + K λ).
    """
    K, d = len(sizes), len(sizes) + spare
    problem = gufm(sizes, d, "mse", decay)
    frame = helmert(d, K)
    ratio = 1 / (1 + K * decay)
    value = K * decay * ratio / 2
    gram = identity(K) if orthogonal else Fraction(K, K - 1) * simplex_etf(K)
    point = {"W": ratio * frame.T, "V": repeat_columns(frame, sizes)}
    return GlobalMinimum(problem, constant(factor * value), (point,), conclusions(problem, sizes, ratio, gram))


@theorem(
    "resnet2025-gufm-mse-narrow",
    source=source("Lemma 4.2, squared error, K features"),
    expected=Expected(
        "refuted",
        "certified",
        "the printed text may ask for more features. A corner case: with d = K the zero mean leaves K − 1 dimensions, "
        "and changing the sign of a class mean changes no singular value: another minimiser at every decay λ > 0, from "
        "K = 2 on",
    ),
    hypotheses={"balanced, K ≥ 2": lambda sizes, decay: len(set(sizes)) == 1 and len(sizes) >= 2 and decay > 0},
    sizes=SIZES,
    decay=st.sampled_from((Fraction(1, 100), Fraction(1, 5), Fraction(2))),
    witness={"sizes": (1, 1), "decay": Fraction(1, 5)},
    wrong={"value off by 1e-6": {"factor": OFF}},
)
def squared_error_narrow(sizes: tuple[int, ...], decay: Fraction, factor: Fraction = Fraction(1)) -> GlobalMinimum:
    """GUFM with squared error, no bias and d = K: every minimiser is NC1 to NC3, a simplex ETF. False.

    For any unit vectors of rank K − 1 with equal singular values the value is the same: a simplex ETF with the sign of
    one class mean changed is among them, at every decay and from two classes on. Features have the squared norm
    1 − 1/K here, so that these minimisers are rational.
    """
    K, S = len(sizes), simplex_etf(len(sizes))
    length = 1 - Fraction(1, K)
    problem = gufm(sizes, K, "mse", decay, length)
    ratio = 1 / (1 + (K - 1) * decay)
    value = Fraction(1, 2 * K) * (1 + (K - 1) ** 2 * decay * ratio)
    points = tuple({"W": ratio * X.T, "V": repeat_columns(X, sizes)} for X in (S, S @ diagonal([1] * (K - 1) + [-1])))
    return GlobalMinimum(problem, constant(factor * value), points, conclusions(problem, sizes, ratio, S, length))


# --------------------------------------------------------------------------------------------------------------- depth


@theorem(
    "resnet2025-depth-cost",
    source=source("Theorems 4.3 and 4.6, the cost of moving features through residual blocks"),
    hypotheses={"L ≥ 1, t > 0": lambda L, t: L >= 1 and t > 0},
    L=st.sampled_from((1, 2, 5, 34, 1000)),
    t=st.sampled_from([Fraction(x) for x in ("1/2", "1", "3")]),
    witness={"L": 34, "t": Fraction(1)},
    wrong={"O(1/L²) with one layer": {"faster": 2}, "O(1/L) with two layers": {"slower": 1}},
)
def depth_cost(L: int, t: Fraction, faster: int = 1, slower: int = 0) -> Identity:
    """Turning a plane of features by L equal blocks x + W x costs at most 8t²/L, by blocks x + V U x about 8t.

    The angle is 2L arctan(t/L), which tends to 2t. Each block has W = R − I with singular values c, c ≤ 2t/L, so that
    Σ ‖W‖² = 2 L c² → 0: a constant decay λ is enough for Theorem 4.3. The least ‖V‖² + ‖U‖² with V U = W is 2 ‖W‖_* =
    4c, and 4 L c → 8t for these blocks. They explain why Theorem 4.6 has λ → 0, but other blocks may cost less, so that
    it need not follow.
    """
    x, e = t / L, identity(2)
    cosine, sine = (1 - x * x) / (1 + x * x), 2 * x / (1 + x * x)
    quarter = e[range(2), (1,)] @ e[(0,), range(2)] - e[range(2), (0,)] @ e[(1,), range(2)]
    R = cosine * e + sine * quarter
    W, c = R - e, 2 * x / sqrt(1 + x * x)
    U, V = sqrt(c) * e, W / sqrt(c)
    one, two = L * sum_squares(W), L * (sum_squares(U) + sum_squares(V))
    return Identity(
        (
            clause("a turn", equal(R.T @ R, e), equal(W.T @ W, c**2 * e)),
            clause("one layer", equal(one, 2 * L * c**2), at_most(one, 8 * t**2 / Fraction(L) ** faster)),
            clause("two layers", equal(V @ U, W), equal(two, 4 * L * c)),
            clause("bounds", at_most(8 * t / sqrt(1 + t * t), two), at_most(two, 8 * t / Fraction(L) ** slower)),
        )
    )
