"""Section 4.4, deep linear models and any class sizes (statements 15 to 18)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import (
    Clause,
    GlobalMinimum,
    at_most,
    clause,
    equal,
)
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    diagonal,
    trace,
)
from theory.papers.dang2023.frames import (
    Partition,
    blocks,
    general_orthogonal_frame,
    modes_by_class,
    ties_broken,
)
from theory.papers.dang2023.letters import (
    LETTERS,
    AlignmentWithoutDecay,
    BWithoutM,
    Letters,
    ThresholdExponent,
    ThresholdTooHigh,
    WeightsOff,
)
from theory.papers.dang2023.setting import (
    BIAS_FREE,
    BOTTLENECK,
    DEEP,
    DEEP_MODEL,
    EXPERIMENT,
    GEOMETRY_WRONG,
    IMBALANCED_10,
    OFF_THRESHOLD,
    PROVED,
    WIDE,
    configuration,
    off_threshold,
    source,
    tied_sizes,
    unequal,
)
from theory.statement import theorem
from theory.strategies import ABOVE, AT, BELOW, decay_product, imbalanced_sizes, models


@theorem(
    "dang2023-deep-imbalanced",
    source=source("Theorem 4.4", "R"),
    expected=PROVED,
    hypotheses=BIAS_FREE | DEEP_MODEL | WIDE | OFF_THRESHOLD,
    model=models(sizes=imbalanced_sizes(), depth=DEEP, ratios=BELOW + ABOVE),
    witness={"model": unequal((6, 3, 3, 1), 2, Fraction(1, 20))},
    configurations=tuple(configuration(M, fields) for fields in (EXPERIMENT, IMBALANCED_10) for M in (3, 6)),
    wrong=GEOMETRY_WRONG
    | {
        "threshold too high": {"letters": ThresholdTooHigh()},
        "threshold exponent M/(M+1)": {"letters": ThresholdExponent()},
    },
)
def deep_imbalanced(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """The deep linear model with any class sizes has a general orthogonal frame as its optimum.

    s_k = (N λ_H x_k^M / c)^{1/(2M)} with x_k the largest root of b/n_k = M x^{M−1}/(x^M + 1)² if b/n_k ≤ T_M, else 0.
    W_M W_Mᵀ = (λ_1/λ_M) diag(s_k²), P Pᵀ = diag(c s_k^{2M}), and H̄ᵀH̄, P H̄, NC3 as in the balanced case.
    """
    modes = modes_by_class(model, blocks(model, letters))
    W = model.weights[-1]
    ratio = model.weight_decays[0] / model.weight_decays[-1]
    last = clause("NC2 last layer", equal(W @ W.T, diagonal([ratio * found.s**2 for found in modes])))
    return general_orthogonal_frame(model, letters, last)


@theorem(
    "dang2023-deep-imbalanced-equality",
    source=source("Theorem 4.4, equality"),
    expected=PROVED,
    hypotheses=BIAS_FREE | DEEP_MODEL | WIDE | {"some class at its threshold": lambda model: not off_threshold(model)},
    model=models(sizes=imbalanced_sizes(st.integers(2, 4)), depth=DEEP, ratios=AT),
    witness={
        "model": Model(
            class_sizes=(9, 3, 3, 2),
            depth=2,
            weight_decays=(Fraction(1, 10), Fraction(1, 5)),
            feature_decay=decay_product((9, 3, 3, 2), 2, 3, Fraction(1)) * 50,
        )
    },
    wrong={
        "no tie at the threshold": {"letters": ThresholdTooHigh()},
        "weights off by 1e-6": {"letters": WeightsOff()},
        "NC3 without N λ_H": {"letters": AlignmentWithoutDecay()},
        "b without the factor M": {"letters": BWithoutM()},
    },
)
def deep_imbalanced_equality(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """Classes exactly at the threshold may be off, on, or (several tied ones) on along any projection of the block."""
    return general_orthogonal_frame(model, letters)


@theorem(
    "dang2023-deep-bottleneck",
    source=source("section 4.4, some d_m < K"),
    expected=PROVED,
    hypotheses=BIAS_FREE | DEEP_MODEL | BOTTLENECK | OFF_THRESHOLD,
    model=models(
        sizes=imbalanced_sizes(st.integers(2, 4)) | tied_sizes(), depth=DEEP, ratios=BELOW + ABOVE, narrow=True
    ),
    witness={"model": unequal((6, 4, 4, 4), 2, Fraction(1, 20), widths=(2, 4))},
    wrong=GEOMETRY_WRONG | {"tie broken: the first classes are kept": {"parts": ties_broken}},
)
def deep_bottleneck(model: Model, letters: Letters = LETTERS, parts: Partition = blocks) -> GlobalMinimum:
    """With some width below K, depth M ≥ 2: the rule of the plain bottleneck with d replaced by R, ties included."""
    return general_orthogonal_frame(model, letters, parts=parts(model, letters))


@theorem(
    "dang2023-deep-jump",
    source=source("section 4.4"),
    expected=PROVED,
    hypotheses=BIAS_FREE | WIDE,
    model=models(
        sizes=imbalanced_sizes(), depth=st.integers(1, 6), ratios=(Fraction(99, 100), *AT, Fraction(101, 100))
    ),
    witness={"model": unequal((6, 3, 1), 3, Fraction(99, 100))},
    wrong={"jump to M/(M+1)": {"jump": lambda M: Fraction(M, M + 1)}},
)
def deep_jump(model: Model, jump: Any = lambda M: Fraction(M - 1, M)) -> GlobalMinimum:
    """The confidence of a class jumps from 0 to at least (M−1)/M at its collapse threshold; for M = 1 it is continuous.

    At every minimiser each eigenvalue z of P H̄ is 0 or at least (M−1)/M: the clause says tr Z²(Z − (M−1)/M) ≥ 0 class
    by class where Z is diagonal. For M = 1: z ≤ 1 − N²λ_Wλ_H/n_k where positive, which vanishes at the threshold.
    """
    Z = model.product @ model.mean_features
    claim = general_orthogonal_frame(model, LETTERS)
    parts = blocks(model, LETTERS)
    relations = []
    for part in parts:
        for k in part.classes if part.determined else ():
            relations.append(at_most(jump(model.M) * Z[k, k], Z[k, k] * Z[k, k]))
            if model.M == 1:
                bound = max(Fraction(0), 1 - model.N**2 * model.Lambda / model.class_sizes[k])
                relations.append(at_most(Z[k, k], bound))
        if not part.determined:
            G = Z[part.classes, part.classes]
            relations.append(at_most(jump(model.M) * trace(G), trace(G @ G)))
    return GlobalMinimum(model, claim.value, claim.minimisers, (Clause("jump", tuple(relations)),))
