"""Hong & Ling 2023, Neural Collapse for Unconstrained Feature Model under Cross-entropy Loss with Imbalanced Data.

Letters: n_k samples of class k, N = Σ n_k, D = diag(n_k), λ_Z = √(λ_W λ_H); Z ∈ R^{K×K} the outputs of the class means.
By ufm-nuclear the model without a bias has the minimum of f(Z) = 1/N Σ_k n_k CE(z_k, e_k) + λ_Z ‖Z D^{1/2}‖_*, which is
convex. The abstract was read; constants are reconstructed, and the paper's normalisation of λ may differ.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from theory.claims import Identity, Inequality, clause, equal, less
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    class_means,
    constant,
    identity,
    ones,
    repeat_columns,
    sqrt,
    substitute,
    trace,
    variable,
    zeros,
)
from theory.papers.dang2023.letters import OFF
from theory.papers.seli import SQUARES, average_size, convex_form, limit_rate, norm_of_labels
from theory.statement import Expected, Source, theorem
from theory.strategies import BELOW, one_layer


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Hong & Ling 2023, Neural Collapse for Unconstrained Feature Model under Cross-entropy Loss with Imbalanced "
        "Data",
        "arXiv 2309.09725",
        locator,
        provenance,
    )


SEARCHED = Expected("holds", "numerical", "an inequality for all matrices: drawn points and descent only")


def columns(places: tuple[int, ...], size: int) -> Expression:
    """The coordinate vectors of some places."""
    return identity(size)[range(size), places]


# ---------------------------------------------------------------------------------------------------- NC1 and blocks


@theorem(
    "hongling-nc1",
    source=source("NC1"),
    expected=SEARCHED,
    hypotheses={"cross-entropy, one layer, free features": lambda model: model.loss == "ce" and model.sign == "free"},
    model=one_layer(sizes=st.lists(st.integers(1, 3), min_size=2, max_size=3).map(tuple), ratios=BELOW, loss="ce"),
    witness={"model": Model(class_sizes=(3, 2, 1), decays="1/20", loss="ce")},
    wrong={"off by 1e-6": {"factor": OFF}, "one mean for all classes": {"together": True}},
)
def nc1(model: Model, factor: Fraction = Fraction(1), together: bool = False) -> Inequality:
    """Replacing the features of each class by their mean does not raise the objective, whatever the class sizes.

    So some minimiser has collapsed features; the loss is strictly convex in the outputs, so that all have.
    """
    H = model.features
    means = class_means(H, model.class_sizes)
    means = means @ ones(model.K, model.K) / model.K if together else means
    collapsed = substitute(model.objective, {"H": repeat_columns(means, model.class_sizes)})
    at = {name: zeros(*v.shape) for name, v in model.variables.items()}
    return Inequality(factor * collapsed, model.objective, model.variables, (at,))


def symmetrised(Z: Expression, groups: tuple[tuple[int, ...], ...], blocks: bool = True) -> Expression:
    """The average of Z over all permutations of classes within groups: a I + b J in each block, b J between."""
    K, terms = Z.shape[0], []
    for rows in groups:
        for others in groups:
            left, right, part = columns(rows, K), columns(others, K), Z[rows, others]
            total, size = (ones(1, len(rows)) @ part @ ones(len(others), 1))[0, 0], len(rows) * len(others)
            block = total / size * ones(len(rows), len(others))
            if blocks and rows == others and len(rows) > 1:
                count = len(rows)
                within, beside = trace(part) / count, (total - trace(part)) / (count * (count - 1))
                block = (within - beside) * identity(count) + beside * ones(count, count)
            terms.append(left @ block @ right.T)
    return reduce(lambda a, b: a + b, terms)


def clusters(sizes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Classes of equal size together."""
    return tuple(tuple(k for k, n in enumerate(sizes) if n == size) for size in sorted(set(sizes), reverse=True))


@theorem(
    "hongling-nc1-blocks",
    source=source("block structure within clusters of equal size"),
    expected=SEARCHED,
    hypotheses={"K ≥ 2, λ_Z > 0": lambda sizes, penalty: len(sizes) >= 2 and penalty > 0},
    sizes=st.sampled_from(((6, 6, 1, 1), (3, 2, 1), (4, 1, 1), (2, 2), (5, 2, 2), (9, 3), (3, 3, 2), (4, 3, 2, 1))),
    penalty=st.sampled_from((Fraction(1, 100), Fraction(1, 20), Fraction(1, 5))),
    witness={"sizes": (6, 6, 1, 1), "penalty": Fraction(1, 20)},
    configurations=({"sizes": (3, 2, 1), "penalty": Fraction(1, 20)},),
    wrong={
        "one cluster": {"merged": True},
        "all columns of a cluster equal": {"blocks": False},
        "off by 1e-6": {"factor": OFF},
    },
)
def blocks(
    sizes: tuple[int, ...],
    penalty: Fraction,
    merged: bool = False,
    blocks: bool = True,
    factor: Fraction = Fraction(1),
) -> Inequality:
    """Within clusters of equal size the outputs are symmetric: averaging over permutations of them does not raise f.

    So the unique optimum has Z_AA = a_A I + b_A J and Z_AB constant, an ETF-like structure by blocks.
    """
    K = len(sizes)
    Z = variable("Z", (K, K))
    groups = (tuple(range(K)),) if merged else clusters(sizes)
    left = convex_form(sizes, constant(penalty), symmetrised(Z, groups, blocks))
    return Inequality(factor * left, convex_form(sizes, constant(penalty), Z), {"Z": Z}, ({"Z": zeros(K, K)},))


# --------------------------------------------------------------------------------------------------- minority collapse


GROUPS = ((4, 2, 2), (6, 3, 3), (9, 1, 1), (4, 4, 1, 1), (5, 2, 2, 1), (8, 2, 2, 2), (3, 1, 1))


def group(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The smallest classes of which there are two or more."""
    smallest = min(n for n in sizes if sizes.count(n) > 1)
    return tuple(k for k, n in enumerate(sizes) if n == smallest)


def merge(Z: Expression, places: tuple[int, ...]) -> Expression:
    """P Z P with P averaging over some classes: their columns coincide, and so do their rows."""
    K = Z.shape[0]
    chosen = columns(places, K)
    P = identity(K) - chosen @ (identity(len(places)) - ones(len(places), len(places)) / len(places)) @ chosen.T
    return P @ Z @ P


def threshold(sizes: tuple[int, ...]) -> Fraction:
    """n_g/N², the value of λ_W λ_H from which the classes of a group coincide."""
    return Fraction(sizes[group(sizes)[0]], sum(sizes) ** 2)


SETTING = {"a group of two or more": lambda sizes, **_: any(sizes.count(n) > 1 for n in sizes)}


@theorem(
    "hongling-minority",
    source=source("minority collapse, from the threshold on"),
    expected=SEARCHED,
    hypotheses=SETTING | {"n_B ≤ N² λ_W λ_H": lambda sizes, ratio: ratio >= 1},
    sizes=st.sampled_from(GROUPS),
    ratio=st.sampled_from((Fraction(1), Fraction(101, 100), Fraction(3, 2), Fraction(4))),
    witness={"sizes": (4, 2, 2), "ratio": Fraction(1)},
    wrong={
        "the threshold of features ≥ 0": {"factor": lambda K: Fraction(K - 1, K)},
        "n_B ≤ 4 N² λ_W λ_H": {"factor": lambda K: Fraction(1, 4)},
        "all classes": {"everything": True},
    },
)
def minority(sizes: tuple[int, ...], ratio: Fraction, factor: Any = None, everything: bool = False) -> Inequality:
    """Minority columns coincide if n_B ≤ N² λ_W λ_H, equality included: merging them does not raise f, for any Z.

    The same for every group of classes of one size, whatever the others are.
    """
    K = len(sizes)
    Z, places = variable("Z", (K, K)), tuple(range(K)) if everything else group(sizes)
    penalty = sqrt(ratio * threshold(sizes) * (1 if factor is None else factor(K)))
    left, right = convex_form(sizes, penalty, merge(Z, places)), convex_form(sizes, penalty, Z)
    return Inequality(left, right, {"Z": Z}, ({"Z": zeros(K, K)},))


@theorem(
    "hongling-minority-sharp",
    source=source("minority collapse, below the threshold"),
    expected=SEARCHED,
    hypotheses=SETTING | {"n_B > N² λ_W λ_H": lambda sizes, ratio: 0 < ratio < 1},
    sizes=st.sampled_from(GROUPS),
    ratio=st.sampled_from((Fraction(1, 100), Fraction(1, 4), Fraction(4, 9), Fraction(81, 100))),
    witness={"sizes": (4, 2, 2), "ratio": Fraction(1, 4)},
    wrong={"four times the gain": {"gain": 4}, "N² λ_Z in place of N λ_Z": {"power": 2}},
)
def minority_sharp(sizes: tuple[int, ...], ratio: Fraction, gain: int = 1, power: int = 1) -> Inequality:
    """The threshold is sharp: below it every Z with equal minority columns is beaten, by (K_B − 1) N (√n_B/N − λ_Z)².

    Adding a (I − J/K_B) on the minority block, a = 2 N δ/√n_B with δ = √n_B/N − λ_Z, changes the nuclear norm by
    (K_B − 1) √n_B a; the loss falls at the rate n_B/N (K_B − 1), and its curvature is at most ½.
    """
    K, N, places = len(sizes), sum(sizes), group(sizes)
    n, count = sizes[places[0]], len(places)
    penalty = sqrt(ratio * threshold(sizes))
    delta = sqrt(n) / N - penalty * N ** (power - 1)
    chosen = columns(places, K)
    step = chosen @ (identity(count) - ones(count, count) / count) @ chosen.T
    Z = merge(variable("Z", (K, K)), places)
    better = convex_form(sizes, penalty, Z + 2 * N * delta / sqrt(n) * step)
    bound = better + gain * (count - 1) * N * delta**2
    return Inequality(bound, convex_form(sizes, penalty, Z), {"Z": variable("Z", (K, K))})


# ------------------------------------------------------------------------------------------------------ many samples


def many(ratio: tuple[int, ...], times: int) -> tuple[int, ...]:
    """Class sizes at a ratio."""
    return tuple(times * n for n in ratio)


@theorem(
    "hongling-large-n",
    source=source("simplex as N → ∞, after the abstract"),
    expected=Expected(
        "refuted",
        "certified",
        "from the abstract; the normalisation of λ was not seen. It is said for “λ_Z fixed so that c → 0 with N → ∞”, "
        "but c = √n λ_Z grows with n at fixed λ_Z, and the optimum is zero from some N on. What is meant needs "
        "λ_Z √N → 0, that is c → 0 (hongling-large-n-corrected)",
    ),
    hypotheses={"λ_Z > 0": lambda ratio, times, penalty: penalty > 0},
    ratio=st.sampled_from(SQUARES),
    times=st.sampled_from((4, 30, 1000)),
    penalty=st.sampled_from((Fraction(1, 4), Fraction(1, 20))),
    witness={"ratio": (13, 1, 1), "times": 30, "penalty": Fraction(1, 4)},
    wrong={"‖S D^{1/2}‖_op > 2 N λ_Z": {"factor": 4}},
)
def large_n(ratio: tuple[int, ...], times: int, penalty: Fraction, factor: int = 1) -> Identity:
    """At fixed λ_Z and a fixed ratio of sizes the outputs have a direction however many samples there are. False.

    Read with λ_Z fixed, not with c = √n λ_Z → 0, under which the conclusion stands.
    Zero is the minimum of the convex f exactly for ‖S D^{1/2}‖_op ≤ N λ_Z, where the left side is √N at most: the
    gradient of the fit at zero is −S D/N. Of two groups ‖S D^{1/2}‖_op² is n_A, or the mode between them for K_A = 1.
    """
    sizes = many(ratio, times)
    largest = sizes[0] if sizes.count(sizes[0]) > 1 else average_size(sizes)
    return Identity((clause("zero is no minimum", less(factor * (sum(sizes) * penalty) ** 2, largest)),))


@theorem(
    "hongling-large-n-corrected",
    source=source("simplex as N → ∞, with c → 0; corrected"),
    hypotheses={"λ_Z √N → 0": lambda ratio, times, power: times > 1 and power > 1},
    ratio=st.sampled_from(SQUARES),
    times=st.sampled_from((1000, 10**4, 10**6)),
    power=st.sampled_from((2, 3)),
    witness={"ratio": (13, 1, 1), "times": 1000, "power": 2},
    wrong={"gap of order λ² N": {"linear": 0}, "p = 1": {"less_power": 1}},
)
def large_n_corrected(ratio: tuple[int, ...], times: int, power: int, linear: int = 1, less_power: int = 0) -> Identity:
    """For sizes t² n_k and λ_Z = t^{−p}, p > 1, the gap of seli-lam-limit-rate along s S, with λ_Z ‖S D^{1/2}‖_* < 1.

    The objective sees λ_Z and D through λ_Z D^{1/2} alone, beside the shares n_k/N. So it is that of sizes n_k at the
    decay λ_Z t → 0, whose limit Ẑ = S Y has the outputs S at class means. With seli-lam-limit, which is numerical,
    Z/‖Z‖ tends to the simplex direction at the rate 1/log t.
    """
    sizes, penalty = many(ratio, times**2), Fraction(1, times ** (power - less_power))
    norm = penalty * norm_of_labels(sizes)
    decays = clause("λ_Z t", equal(norm, penalty * times * norm_of_labels(ratio)), less(norm, 1))
    return Identity((decays, *limit_rate(sizes, penalty, linear).clauses))
