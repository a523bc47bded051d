"""Section 5, cross-entropy in deep linear networks with balanced classes (statement 19), and what of it is right.

The minimum is claimed with the value that collapse has, at decays at which its best scale is α = log r: see
``theory.closed_form.deep_softmax``.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, clause, equal
from theory.closed_form.deep_softmax import beats_zero, collapse_point, collapse_value, critical_decay, problem
from theory.closed_form.softmax import simplex_point, simplex_value
from theory.frames import simplex_etf
from theory.model import UnconstrainedFeatures as Model
from theory.ops import class_means, identity, log, repeat_columns, trace
from theory.papers.dang2023.letters import OFF
from theory.papers.dang2023.setting import BALANCED, K_AT_LEAST_2, source
from theory.statement import Expected, theorem

FRAMES = {"orthogonal frame": {"frame": "orthogonal"}, "value off by 1e-6": {"factor": OFF}}


def geometry(model: Model, frame: str = "simplex") -> tuple[Clause, ...]:
    """NC1, NC2 (all Gram matrices ∝ I − 11ᵀ/K) and NC3 (P ∝ H̄ᵀ), each with the constant that its trace gives."""
    P, means, K = model.product, class_means(model.features, model.class_sizes), model.K
    S, rank = (simplex_etf(K), K - 1) if frame == "simplex" else (identity(K), K)
    grams = {"NC2 weights": P @ P.T, "NC2 features": means.T @ means, "NC2 logits": P @ means}
    proportional = [clause(name, equal(rank * G, trace(G) * S)) for name, G in grams.items()]
    size = grams["NC2 features"]
    return (
        clause("NC1", equal(model.features, repeat_columns(means, model.class_sizes))),
        *proportional,
        clause("NC3", equal(trace(size) * P, trace(P @ means) * means.T)),
    )


def collapse_is_minimal(
    K: int, M: int, n: int, d: int, r: Fraction, spread: int, frame: str, factor: Fraction
) -> GlobalMinimum:
    """The claim of the theorem at the decays where the best scale of collapse is log r."""
    alpha, plain = log(r), Model(class_sizes=(n,) * K, depth=M, decays=1, widths=(d,), loss="ce")
    decay = critical_decay(K, M, n, alpha)
    return GlobalMinimum(
        problem(K, M, n, decay, d, spread),
        factor * collapse_value(K, M, n, decay, alpha),
        (collapse_point(K, M, n, alpha, d, spread),),
        geometry(plain, frame),
    )


def scale(r: Fraction) -> Fraction:
    """log r as a rational, rounded."""
    from math import log as logarithm

    return Fraction(logarithm(r))


DEEP_LINEAR = {
    "K ≥ 2, n ≥ 1, widths of at least K − 1": lambda K, n, spare, **_: K >= 2 and n >= 1 and spare >= 0,
    "collapse is not worse than zero": lambda K, M, r, **_: beats_zero(K, M, scale(r)),
}
ODDS = st.sampled_from([Fraction(x) for x in ("13/3", "11", "19", "61", "199", "997")])


@theorem(
    "dang2023-ce-deep-linear",
    source=source("Theorem 5.1"),
    expected=Expected(
        "refuted",
        "certified",
        "for M ≥ 2 pairs of classes, or giving up one of three, lie below the simplex ETF (the clause value; the idea "
        "fails). Smallest: K = 3 and M = 2. Beaten for n = 1 at λ from .1736 to .1857 (K = 3, M = 2), .01177 to .1482 "
        "(K = 4, M = 2), .0001237 to .1241 (K = 5, M = 2), .132 to .1518 (K = 3, M = 3), .1087 to .1313 (K = 3, "
        "M = 4), and at every λ for K ≥ 6 and for K ≥ 4, M ≥ 3 (docs/border.md). True for one layer "
        "(dang2023-ce-one-layer) and two classes (dang2023-ce-two-classes)",
    ),
    hypotheses=DEEP_LINEAR,
    K=st.integers(2, 4),
    M=st.integers(1, 3),
    n=st.sampled_from((1, 2)),
    spare=st.integers(0, 2),
    r=ODDS,
    spread=st.sampled_from((1, 2)),
    witness={"K": 3, "M": 2, "n": 1, "spare": 1, "r": Fraction(13, 3), "spread": 1},
    configurations=(
        {"K": 4, "M": 2, "n": 1, "spare": 0, "r": Fraction(19), "spread": 1},
        {"K": 4, "M": 3, "n": 1, "spare": 0, "r": Fraction(997), "spread": 2},
    ),
    wrong=FRAMES,
)
def ce_deep_linear(
    K: int,
    M: int,
    n: int,
    spare: int,
    r: Fraction,
    spread: int,
    frame: str = "simplex",
    factor: Fraction = Fraction(1),
) -> GlobalMinimum:
    """Every global minimiser with cross-entropy is collapsed: NC1, all Gram matrices ∝ I − 11ᵀ/K, and P ∝ H̄ᵀ.

    1/N Σ CE + Σ λ_m/2 ‖W_m‖² + λ_H/2 ‖H‖², M ≥ 1 layers, widths of at least K − 1. The theorem allows an unregularised
    bias too, which is not in this model. At collapse its best value is zero, by symmetry and convexity, and it raises
    no minimum: the refutation stands.
    """
    return collapse_is_minimal(K, M, n, K - 1 + spare, r, spread, frame, factor)


@theorem(
    "dang2023-ce-two-classes",
    source=source("Theorem 5.1, K = 2; own"),
    expected=Expected("holds", "numerical", "a minimum over matrices: drawn points and descent only"),
    hypotheses=DEEP_LINEAR | {"K = 2": lambda K, **_: K == 2},
    K=st.just(2),
    M=st.integers(1, 3),
    n=st.sampled_from((1, 2)),
    spare=st.integers(0, 2),
    r=ODDS,
    spread=st.sampled_from((1, 2)),
    witness={"K": 2, "M": 3, "n": 1, "spare": 1, "r": Fraction(19), "spread": 2},
    wrong={"value off by 1e-6": {"factor": OFF}},
)
def ce_two_classes(
    K: int, M: int, n: int, spare: int, r: Fraction, spread: int, factor: Fraction = Fraction(1)
) -> GlobalMinimum:
    """With two classes collapse has the least value at every depth.

    Outputs with margins m_1, m_2 have ‖Z‖² ≥ (m_1² + m_2²)/2, with equality at rank one, and log(1 + e^{−√x}) is convex
    in x.
    """
    return replace(collapse_is_minimal(K, M, n, K - 1 + spare, r, spread, "simplex", factor), clauses=())


def _model(fields: tuple[int, int, int, str, Fraction, Fraction]) -> Model:
    K, n, spare, bias, weight, feature = fields
    return Model(
        class_sizes=(n,) * K,
        weight_decays=(weight,),
        feature_decay=feature,
        widths=(K - 1 + spare,),
        loss="ce",
        bias=bias,
    )


DECAYS = st.sampled_from([Fraction(x) for x in ("1/3", "1/10", "1/50", "1/1000", "1")])
ONE_LAYER: Any = st.tuples(
    st.integers(2, 6),
    st.sampled_from((1, 3)),
    st.integers(0, 2),
    st.sampled_from(("none", "last-layer")),
    DECAYS,
    DECAYS,
)


@theorem(
    "dang2023-ce-one-layer",
    source=source("Theorem 5.1, M = 1"),
    expected=Expected("holds", "proved"),
    hypotheses=BALANCED | K_AT_LEAST_2 | {"one layer": lambda model: model.M == 1},
    model=ONE_LAYER.map(_model),
    witness={"model": _model((3, 3, 0, "none", Fraction(1, 50), Fraction(1, 10)))},
    wrong={"value off by 1e-6": {"factor": OFF}, "n forgotten": {"samples": 1}},
)
def ce_one_layer(model: Model, samples: int | None = None, factor: Fraction = Fraction(1)) -> GlobalMinimum:
    """One layer collapses: the simplex ETF, of scale log(1/c − (K − 1)) with c = √(n λ_W λ_H), or zero for c ≥ 1/K."""
    counted = model.with_(class_sizes=(samples or model.class_sizes[0],) * model.K)
    return GlobalMinimum(model, factor * simplex_value(counted), (simplex_point(model),), geometry(model))
