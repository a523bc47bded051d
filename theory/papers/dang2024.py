"""Dang et al. 2024, Neural Collapse for Cross-entropy Class-Imbalanced Learning with Unconstrained ReLU Features.

Letters: n_k samples of class k, N = Σ n_k; features H ≥ 0, no bias, d ≥ K; q_k = N √((K−1) λ_W λ_H/(K n_k)) and
M_k = log((K−1)(1/q_k − 1)) for q_k < (K−1)/K, else 0; B_k = √(λ_H K n_k/(λ_W (K−1))). The objective is the average
cross-entropy plus λ_W/2 ‖W‖² + λ_H/2 ‖H‖². The paper's abstract was read; the constants are reconstructed.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, clause, equal, less
from theory.closed_form.softmax import orthogonal_point, orthogonal_value
from theory.frames import simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, compare, constant, diagonal, exp, log, sqrt
from theory.papers.dang2023.letters import OFF
from theory.papers.zhu2021 import collapse
from theory.statement import Expected, Source, theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, imbalanced_sizes, one_layer


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Dang et al. 2024, Neural Collapse for Cross-entropy Class-Imbalanced Learning with Unconstrained ReLU "
        "Features Model",
        "arXiv 2401.02058",
        locator,
        provenance,
    )


SETTING = {
    "cross-entropy, one layer, features ≥ 0, no bias": lambda model: (
        model.loss == "ce" and model.M == 1 and model.sign == "nonnegative" and not model.has_bias
    ),
    "d ≥ K ≥ 2": lambda model: model.widths[0] >= model.K >= 2,
}
SIZES = imbalanced_sizes(st.integers(2, 3)) | balanced_sizes(st.integers(2, 3), st.sampled_from((1, 2)))
RATIOS = (Fraction(1, 10**4), *BELOW[1:], *AT, *ABOVE[:3])
"""Ratios of n_k to its threshold: below 1 a class is on."""


def critical(classes: int) -> Fraction:
    """λ_W λ_H at the threshold of a class, as a multiple of n/N²."""
    return Fraction(classes - 1, classes)


def relu_models(ratios: tuple[Fraction, ...] = RATIOS) -> object:
    """Features ≥ 0, a drawn class at a ratio to its threshold."""
    return one_layer(sizes=SIZES, ratios=ratios, factor=critical, spare=(0, 1), loss="ce", sign="nonnegative")


WITNESS = Model(
    class_sizes=(9, 4, 2),
    weight_decays=(Fraction(1, 30),),
    feature_decay=Fraction(1, 40),
    widths=(4,),
    loss="ce",
    sign="nonnegative",
)


def margin(model: Model, n: int, factor: Fraction) -> Expression:
    """M_k of a class of size n, with ``factor`` for (K − 1)/K under the root of q_k."""
    K, q = model.K, model.N * sqrt(factor * model.Lambda / n)
    active = compare(q, Fraction(K - 1, K)) < 0
    return log((K - 1) * (1 / q - 1)) if active else constant(0)


def value(model: Model, factor: Fraction) -> Expression:
    """Σ_k n_k/N log(1 + (K−1) e^{−M_k}) + M_k √(λ_W λ_H n_k (K−1)/K)."""
    K, total = model.K, constant(0)
    for n in model.class_sizes:
        M = margin(model, n, factor)
        total = total + Fraction(n, model.N) * log(1 + (K - 1) * exp(-M))
        total = total + M * sqrt(model.Lambda * Fraction(n * (K - 1), K))
    return total


@theorem(
    "dang2024-relu-ce",
    source=source("global optimality, constants reconstructed"),
    expected=Expected("holds", "proved"),
    hypotheses=SETTING,
    model=relu_models(),
    witness={"model": WITNESS},
    configurations=(
        {"model": WITNESS.with_(class_sizes=(5, 5, 5))},
        {"model": WITNESS.with_(decays=Fraction(1, 2))},
        {"model": WITNESS.with_(class_sizes=(4, 1), weight_decays=(Fraction(2, 25),), feature_decay=Fraction(1, 4))},
    ),
    wrong={
        "value off by 1e-6": {"factor": OFF},
        "q without (K − 1)/K": {"share": lambda K: Fraction(1)},
        "W not centred": {"centred": False},
        "lengths without √": {"lengths": lambda ratio: constant(ratio)},
        "simplex ETF of the features": {"orthogonal": False},
    },
)
def relu_ce(
    model: Model,
    factor: Fraction = Fraction(1),
    share: Callable[[int], Fraction] = critical,
    centred: bool = True,
    lengths: Callable[[Fraction], Expression] = sqrt,
    orthogonal: bool = True,
) -> GlobalMinimum:
    """Class means are orthogonal with lengths that depend on n_k, and the classifier is their scaled, centred copy.

    H̄ᵀH̄ = diag(M_k √(λ_W (K−1)/(λ_H K n_k))), w_j = B_j h_j − 1/K Σ_m B_m h_m, and the output at the label exceeds the
    others by M_k. The value is Σ_k n_k/N log(1 + (K−1) e^{−M_k}) + M_k √(λ_W λ_H n_k (K−1)/K).
    """
    K, H, (decay,) = model.K, model.mean_features, model.weight_decays
    ratio = decay / model.feature_decay
    M = [margin(model, n, share(K)) for n in model.class_sizes]
    gram = diagonal([m * lengths(ratio * Fraction(K - 1, K * n)) for m, n in zip(M, model.class_sizes, strict=True)])
    B = diagonal([sqrt(Fraction(K * n, K - 1) / ratio) for n in model.class_sizes])
    S = simplex_etf(K)
    clauses: tuple[Clause, ...] = (
        collapse(model),
        clause("NC2", equal(H.T @ H, gram if orthogonal else S @ gram @ S)),
        clause("NC3", equal(model.weights[0], S @ B @ H.T if centred else B @ H.T)),
        clause("logits", equal(model.product @ H, S @ diagonal(M))),
    )
    return GlobalMinimum(model, factor * value(model, share(K)), (orthogonal_point(model),), clauses, unique=True)


@theorem(
    "dang2024-minority",
    source=source("minority collapse, constants reconstructed"),
    expected=Expected("holds", "proved"),
    hypotheses=SETTING,
    model=relu_models((*BELOW[2:], *AT, *ABOVE[:3])),
    witness={"model": WITNESS.with_(class_sizes=(9, 4, 1))},
    configurations=(  # the smallest class at its threshold, n_k = N² λ_W λ_H K/(K − 1)
        {"model": WITNESS.with_(class_sizes=(4, 1), weight_decays=(Fraction(1, 10),), feature_decay=Fraction(1, 5))},
        {
            "model": WITNESS.with_(
                class_sizes=(9, 4, 2), weight_decays=(Fraction(1, 15),), feature_decay=Fraction(4, 45)
            )
        },
        {
            "model": WITNESS.with_(
                class_sizes=(9, 4, 2), weight_decays=(Fraction(1, 15),), feature_decay=Fraction(4, 46)
            )
        },
    ),
    wrong={
        "without K/(K − 1)": {"factor": lambda K: Fraction(1)},
        "strict at equality": {"closed": False},
        "threshold off by 1e-6": {"factor": lambda K: Fraction(K, K - 1) / OFF},
    },
)
def minority(
    model: Model, factor: Callable[[int], Fraction] = lambda K: Fraction(K, K - 1), closed: bool = True
) -> GlobalMinimum:
    """A class has collapsed to zero features if and only if n_k ≤ N² λ_W λ_H K/(K − 1), equality included."""
    gram, threshold = model.mean_features.T @ model.mean_features, model.N**2 * model.Lambda * factor(model.K)
    relations = []
    for k, n in enumerate(model.class_sizes):
        off = n <= threshold if closed else n < threshold
        relations.append(equal(gram[k, k], 0) if off else less(0, gram[k, k]))
    return GlobalMinimum(
        model, orthogonal_value(model), (orthogonal_point(model),), (Clause("minority", tuple(relations)),)
    )
