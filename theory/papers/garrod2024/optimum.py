"""The optimum of Section 4 and its structure (statements 1 to 3)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, GlobalMinimum, Identity, Relation, clause, equal, less
from theory.collapse import Collapse
from theory.model import UnconstrainedFeatures as Model
from theory.ops import constant, identity, ones, repeat_columns, sum_squares
from theory.papers.dang2023.letters import OFF
from theory.papers.garrod2024.setting import HYPOTHESES, POINT, PROVED, points, source
from theory.papers.tirer2022 import critical, decays, deep, frame_point, layers, output
from theory.papers.zhu2021 import collapse
from theory.statement import theorem
from theory.strategies import balanced_sizes, models


@theorem(
    "garrod2024-closed-form",
    source=source("the optimum of Section 4, after Dang et al. 2023, Theorem 3.1", derived="decays that differ"),
    expected=PROVED,
    hypotheses={
        "balanced, K ≥ 2": lambda model: model.balanced and model.K >= 2,
        "squared error, linear layers, no bias": lambda model: model.has_modes and not model.has_bias,
        "widths ≥ K": lambda model: min(model.widths) >= model.K,
        "inside (2)": lambda model: prod(decays(model), start=Fraction(1)) < critical(model.M + 1),
    },
    model=models(
        sizes=balanced_sizes(st.sampled_from((2, 2, 2, 3, 3, 3, 4, 5, 12)), st.sampled_from((1, 2, 3, 5))),
        depth=st.sampled_from((1, 1, 2, 2, 3, 3, 4, 5, 8)),
        ratios=(Fraction(1, 100), Fraction(1, 3), Fraction(9, 10)),
    ),
    witness={"model": deep(2, 3, 2, Fraction(1, 3))},
    configurations=({"model": deep(1, 2, 1, Fraction(1, 2))}, {"model": deep(2, 2, 3, Fraction(1, 10**6))}),
    wrong={"value off by 1e-6": {"factor": OFF}, "L in place of L + 1": {"fewer": 1}, "(1 − γ)/2": {"power": 1}},
)
def closed_form(model: Model, factor: Fraction = Fraction(1), fewer: int = 0, power: int = 2) -> GlobalMinimum:
    """Inside (2) the minimum is ½(1−γ)² + ½(L+1)γ(1−γ), at collapse with γ^{L−1}(1−γ)^{L+1} = K^{L+1} n ∏ λ_l.

    γ is the root nearest 1; every layer's class means are orthogonal and aligned with the weights above them.
    """
    gamma = output(model.M + 1, prod(decays(model), start=Fraction(1)))
    value = (1 - gamma) ** power / 2 + Fraction(model.M + 1 - fewer, 2) * gamma * (1 - gamma)
    reached = clause("outputs", equal(model.product @ model.mean_features, gamma * identity(model.K)))
    clauses = (collapse(model), reached, *layers(model, False))
    return GlobalMinimum(model, factor * value, (frame_point(model, gamma, model.K),), clauses)


@theorem(
    "garrod2024-zero-threshold",
    source=source("condition (2)", derived="that the losses compare as it says"),
    expected=PROVED,
    hypotheses={"γ the root nearest 1": lambda L, gamma, **_: Fraction(L - 1, 2 * L) < gamma < 1},
    K=st.integers(2, 12),
    n=st.integers(1, 5),
    L=st.integers(1, 8),
    gamma=st.sampled_from([Fraction(x) for x in ("1/2", "2/3", "3/4", "7/8", "1/1000", "999/1000", "4/5", "5/6")]),
    witness={"K": 3, "n": 2, "L": 3, "gamma": Fraction(2, 3)},
    configurations=(
        {"K": 3, "n": 2, "L": 3, "gamma": Fraction(667, 1000)},
        {"K": 2, "n": 1, "L": 4, "gamma": Fraction(2, 3)},
    ),
    wrong={"K L for K L²": {"power": 1}, "L in place of L − 1": {"base": 1}, "without n": {"samples": 0}},
)  # fmt: skip
def zero_threshold(
    K: int, n: int, L: int, gamma: Fraction, power: int = 2, base: int = 0, samples: int = 1
) -> Identity:
    """Collapse has a lower loss than zero exactly inside (2): (Kn ∏ λ_l)^{1/L} < (L−1)^{(L−1)/L}/(K L²); 0⁰ = 1."""
    loads = gamma ** (L - 1) * (1 - gamma) ** (L + 1) / (n * Fraction(K) ** (L + 1))  # ∏ λ_l
    loss = (1 - gamma) ** 2 / 2 + Fraction(L + 1, 2) * gamma * (1 - gamma)
    left = constant(K * n**samples * loads) ** Fraction(1, L)
    right = constant(Fraction(L - 1 + base) ** (L - 1)) ** Fraction(1, L) / (K * L**power)
    relation: Callable[..., Relation] = equal if gamma == Fraction(L - 1, L) else less
    sides = {"condition": (left, right), "loss": (constant(loss), constant(Fraction(1, 2)))}
    inside = gamma >= Fraction(L - 1, L)
    return Identity(tuple(clause(name, relation(*(s if inside else s[::-1]))) for name, s in sides.items()))


@theorem(
    "garrod2024-dnc-structure",
    source=source("DNC1 to DNC4"),
    expected=PROVED,
    hypotheses=HYPOTHESES,
    **points(),
    witness=POINT,
    configurations=(POINT | {"K": 2, "n": 1, "L": 1, "turn": False},),
    wrong={"balance without decays": {"balanced": False}, "a simplex": {"frame": "simplex"}},
)
def dnc_structure(balanced: bool = True, frame: str = "orthogonal", **point: Any) -> Identity:
    """Features collapse; class means are orthogonal of one length, rows of A^{(l)} along them; layers are balanced."""
    at = Collapse(**point)
    K, L, gamma = at.K, at.L, at.gamma
    shape = identity(K) if frame == "orthogonal" else identity(K) - ones(K, K) / K
    orthogonal, aligned, balance = [], [], []
    for layer in range(1, L + 1):
        M, A, W, below = (
            at.means(layer),
            at.curvature.above(layer) @ at.factors[layer],
            at.factors[layer],
            at.factors[layer - 1],
        )
        squares = sum_squares(M) / K
        orthogonal.append(equal(M.T @ M, squares * shape))
        aligned.append(equal(A, gamma / squares * M.T))
        upper, lower = (at.decay_of(i) if balanced else constant(1) for i in (layer, layer - 1))
        balance.append(equal(upper * W.T @ W, lower * below @ below.T))
    return Identity(
        (
            clause("DNC1", equal(at.factors[0], repeat_columns(at.means(1), at.sizes))),
            Clause("DNC2", tuple(orthogonal)),
            Clause("DNC3", tuple(aligned)),
            Clause("DNC4", tuple(balance)),
            clause("outputs", equal(at.means(L + 1), gamma * identity(K))),
        )
    )  # fmt: skip
