"""Section 3, balanced classes: below, above and at the threshold (statements 5 to 8)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import (
    Clause,
    GlobalMinimum,
    clause,
    equal,
)
from theory.frames import grams, simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    constant,
    identity,
    trace,
    zeros,
)
from theory.papers.dang2023.frames import (
    bias_clause,
    blocks,
    constants,
    general_orthogonal_frame,
    mode,
    simplex_frame,
    zero_point,
)
from theory.papers.dang2023.letters import (
    LETTERS,
    OFF,
    AlignmentWithoutDecay,
    BiasOff,
    BWithK,
    Letters,
    SmallestRoot,
    ThresholdTooHigh,
    WeightsOff,
)
from theory.papers.dang2023.setting import (
    BALANCED,
    BALANCED_4,
    BIAS_FREE,
    DEEP,
    DEPTHS,
    GEOMETRY_WRONG,
    K_AT_LEAST_2,
    PROVED,
    WITH_BIAS,
    configuration,
    side,
    source,
    unequal,
)
from theory.statement import theorem
from theory.strategies import ABOVE, AT, BELOW, balanced_sizes, models

ACTIVE = {"below the threshold": lambda model: side(model, model.class_sizes[0]) < 0}


@theorem(
    "dang2023-mse-balanced",
    source=source("Theorem 3.1 (a), bias-free"),
    expected=PROVED,
    hypotheses=BIAS_FREE | BALANCED | K_AT_LEAST_2 | ACTIVE,
    model=models(sizes=balanced_sizes(), depth=DEPTHS, ratios=BELOW, narrow=None),
    witness={"model": unequal((2, 2, 2), 3, Fraction(1, 10))},
    configurations=tuple(configuration(M, BALANCED_4) for M in (1, 3, 6)),
    wrong=GEOMETRY_WRONG
    | {
        "b without the factor K": {"letters": BWithK()},
        "simplex ETF instead of orthogonal frame": {"simplex": True},
    },
)
def mse_balanced(model: Model, letters: Letters = LETTERS, simplex: bool = False) -> GlobalMinimum:
    """Balanced classes without bias collapse to an orthogonal frame below the threshold.

    NC1: H = H̄ ⊗ 1ᵀ. NC2, with p = c s^{2M} and r = N λ_H: P Pᵀ = p I, H̄ᵀH̄ = p/(p + r)² I, P H̄ = p/(p + r) I (with
    R < K: the same times a projection of rank R, one for all three), and W_M ⋯ W_m alike. NC3: P = (p + r) H̄ᵀ.
    """
    if simplex:
        found, S = mode(model, model.class_sizes[0], letters), simplex_etf(model.K)
        claim = general_orthogonal_frame(model, letters)
        wrong = [clause(k, equal(G, constants(found, letters)[k] * S)) for k, G in grams(model).items()]
        kept = [c for c in claim.clauses if not c.name.startswith("NC2")]
        return replace(claim, clauses=(*kept, *wrong))
    return general_orthogonal_frame(model, letters, partial_products(model, letters))


def partial_products(m: Model, letters: Letters) -> Clause:
    """NC2 of W_M ⋯ W_m: eigenvalues ∏_{j≥m} (λ_1/λ_j) s²."""
    (part,) = blocks(m, letters)
    relations, product, kappa = [], None, constant(1)
    for W, decay in zip(reversed(m.weights), reversed(m.weight_decays), strict=True):
        product = W if product is None else product @ W
        kappa = kappa * (m.weight_decays[0] / decay) * part.mode.s**2
        G = product @ product.T
        relations += (
            [equal(G, kappa * identity(m.K))]
            if part.determined
            else [equal(G @ G, kappa * G), equal(trace(G), kappa * part.ranks[0])]
        )
    return Clause("NC2 partial products", tuple(relations))


@theorem(
    "dang2023-mse-balanced-bias",
    source=source("Theorem 3.1 (a), last-layer bias"),
    expected=PROVED,
    hypotheses=WITH_BIAS | BALANCED | K_AT_LEAST_2 | ACTIVE,
    model=models(sizes=balanced_sizes(), depth=DEPTHS, ratios=BELOW, narrow=None, bias="last-layer"),
    witness={"model": unequal((2, 2, 2), 2, Fraction(1, 10), bias="last-layer")},
    configurations=tuple(configuration(M, BALANCED_4, "last-layer") for M in (1, 3, 6)),
    wrong=GEOMETRY_WRONG | {"bias 1/(K+1)": {"letters": BiasOff()}, "b without the factor K": {"letters": BWithK()}},
)
def mse_balanced_bias(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """Balanced classes with an unregularised last-layer bias collapse to a simplex ETF, with b = 1/K.

    NC2: the Gram matrices of P, H̄ and P H̄ are the constants of the bias-free case times I − 11ᵀ/K if R ≥ K − 1, else
    times a projection of rank R below it.
    """
    return simplex_frame(model, letters)


TRIVIAL = {"above the threshold (M = 1: or at it)": lambda model: side(model, max(model.class_sizes)) >= (model.M > 1)}


@theorem(
    "dang2023-mse-balanced-trivial",
    source=source("Theorem 3.1 (b)"),
    expected=PROVED,
    hypotheses=BALANCED | K_AT_LEAST_2 | TRIVIAL,
    model=st.one_of(
        models(
            sizes=balanced_sizes(),
            depth=DEPTHS,
            ratios=ABOVE,
            narrow=None,
            bias=st.sampled_from(("none", "last-layer")),
        ),
        models(sizes=balanced_sizes(), depth=st.just(1), ratios=AT, narrow=None),
    ),
    witness={"model": unequal((2, 2), 2, Fraction(2))},
    configurations=({"model": unequal((2, 2), 2, Fraction(2), bias="last-layer")},),
    wrong={
        "bias 1/(K+1)": {"letters": BiasOff()},
        "value off by 1e-6": {"factor": OFF},
        "missing factor K": {"factor": Fraction(1, 2)},
    },
)
def mse_balanced_trivial(model: Model, letters: Letters = LETTERS, factor: Fraction = Fraction(1)) -> GlobalMinimum:
    """Above the threshold the only minimiser is zero, with b = 1/K where there is a bias; value ½ or (K−1)/(2K)."""
    zero = [clause("weights vanish", *(equal(W, zeros(*W.shape)) for W in model.weights))]
    zero.append(clause("features vanish", equal(model.features, zeros(*model.features.shape))))
    if model.has_bias:
        zero.append(bias_clause(model, letters))
    value = constant(Fraction(model.K - 1, 2 * model.K) if model.has_bias else Fraction(1, 2))
    return GlobalMinimum(model, factor * value, (zero_point(model),), tuple(zero), unique=True)


@theorem(
    "dang2023-mse-balanced-equality",
    source=source("Theorem 3.1 (c)"),
    expected=PROVED,
    hypotheses=BALANCED
    | K_AT_LEAST_2
    | {
        "M ≥ 2": lambda model: model.M >= 2,
        "at the threshold": lambda model: side(model, model.class_sizes[0]) == 0,
    },
    model=models(
        sizes=balanced_sizes(), depth=DEEP, ratios=AT, narrow=None, bias=st.sampled_from(("none", "last-layer"))
    ),
    witness={"model": unequal((2, 2, 2), 3, Fraction(1))},
    wrong={
        "only the largest root, no tie": {"letters": ThresholdTooHigh()},
        "weights off by 1e-6": {"letters": WeightsOff()},
        "NC3 without N λ_H": {"letters": AlignmentWithoutDecay()},
        "smallest root": {"letters": SmallestRoot()},
    },
)
def mse_balanced_equality(model: Model, letters: Letters = LETTERS) -> GlobalMinimum:
    """At the threshold (M ≥ 2) zero and non-zero minimisers coexist: Gram matrices ∝ projections of any rank up to R.

    With last-layer bias: of any rank up to min(R, K − 1), below I − 11ᵀ/K. NC1 and NC3 hold for all of them.
    """
    return simplex_frame(model, letters) if model.has_bias else general_orthogonal_frame(model, letters)
