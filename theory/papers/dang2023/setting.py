"""What the statements share: sources, hypotheses, sizes, decays, the papers' own configurations, wrong versions."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from theory.model import UnconstrainedFeatures as Model
from theory.papers.dang2023.letters import (
    AlignmentWithoutDecay,
    BWithoutM,
    CInverted,
    FeaturesNotSquared,
    LogitsOff,
    PlainAlignment,
    PlainFeaturesNotSquared,
    PlainInverted,
    PlainLogitsOff,
    PlainValueOff,
    PlainWeightsOff,
    PlainWithoutN,
    SmallestRoot,
    ValueOff,
    WeightsOff,
)
from theory.statement import Expected, Source
from theory.strategies import decay_product, threshold


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Dang et al. 2023, Neural Collapse in Deep Linear Networks", "arXiv 2301.00437 v5", locator, provenance
    )


PROVED = Expected("holds", "proved")
DEPTHS = st.integers(1, 8)
DEEP = st.integers(2, 6)
EXPERIMENT: dict[str, Any] = {"class_sizes": (200, 100, 50, 50), "widths": (64,), "decays": "5e-4"}
IMBALANCED_10: dict[str, Any] = {
    "class_sizes": (100, 100, 200, 200, 300, 300, 400, 400, 500, 500),
    "widths": (64,),
    "decays": "1e-5",
}
BALANCED_4: dict[str, Any] = {"class_sizes": (100,) * 4, "widths": (64,), "decays": "5e-4"}


def configuration(depth: int, fields: dict[str, Any], bias: str = "none") -> dict[str, Any]:
    """One of the papers' own configurations as parameters."""
    return {"model": Model(depth=depth, bias=bias, **fields)}


def side(model: Model, n: int) -> int:
    """Whether a class of size n is active (−1), at its threshold (0) or zero (1), in rationals."""
    q = model.N ** (model.M + 1) * model.Lambda / Fraction(n) ** model.M
    return (q > threshold(model.M)) - (q < threshold(model.M))


def off_threshold(model: Model) -> bool:
    """No class sits exactly at its threshold."""
    return all(side(model, n) for n in model.class_sizes)


def unequal(
    sizes: tuple[int, ...], depth: int, ratio: Fraction, widths: tuple[int, ...] = (), bias: str = "none"
) -> Model:
    """A witness with unequal decays: the largest class at ``ratio`` to its threshold."""
    Lambda = decay_product(sizes, depth, max(sizes), ratio)
    weights = tuple(Fraction(i + 2, 10) for i in range(depth))
    feature = Lambda / reduce(lambda a, b: a * b, weights)
    return Model(class_sizes=sizes, depth=depth, weight_decays=weights, feature_decay=feature, widths=widths, bias=bias)


BIAS_FREE = {"bias-free": lambda model: not model.has_bias}
BALANCED = {"balanced": lambda model: model.balanced}
WITH_BIAS = {"last-layer bias": lambda model: model.has_bias}
K_AT_LEAST_2 = {"K ≥ 2": lambda model: model.K >= 2}


GEOMETRY_WRONG: dict[str, dict[str, Any]] = {
    "smallest root": {"letters": SmallestRoot()},
    "b without the factor M": {"letters": BWithoutM()},
    "weights off by 1e-6": {"letters": WeightsOff()},
    "logits off by 1e-6": {"letters": LogitsOff()},
    "features not squared": {"letters": FeaturesNotSquared()},
    "NC3 without N λ_H": {"letters": AlignmentWithoutDecay()},
    "c inverted": {"letters": CInverted()},
    "value off by 1e-6": {"letters": ValueOff()},
}


PLAIN_MODEL = {"M = 1": lambda model: model.M == 1}
WIDE = {"widths ≥ K": lambda model: min(model.widths) >= model.K}
PLAIN_WRONG: dict[str, dict[str, Any]] = {
    "λ_W and λ_H exchanged": {"letters": PlainInverted()},
    "missing factor N": {"letters": PlainWithoutN()},
    "weights off by 1e-6": {"letters": PlainWeightsOff()},
    "logits off by 1e-6": {"letters": PlainLogitsOff()},
    "value off by 1e-6": {"letters": PlainValueOff()},
    "features not squared": {"letters": PlainFeaturesNotSquared()},
    "NC3 constant off": {"letters": PlainAlignment()},
}


def cut_tied(model: Model) -> bool:
    """Whether equal class sizes straddle the cut at R."""
    sizes = sorted(model.class_sizes, reverse=True)
    return model.R < model.K and sizes[model.R - 1] == sizes[model.R]


BOTTLENECK = {"some width < K": lambda model: model.R < model.K}
TIED = {"n_R = n_{R+1}": lambda model: model.R < model.K and cut_tied(model)}
UNTIED = {"n_R > n_{R+1}": lambda model: model.R < model.K and not cut_tied(model)}
OFF_THRESHOLD = {"no class exactly at its threshold": off_threshold}


@st.composite
def tied_sizes(draw: Any) -> tuple[int, ...]:
    """Class sizes of which several are equal and in the middle."""
    n, m = draw(st.sampled_from((2, 4, 6))), draw(st.integers(2, 3))
    larger = draw(st.lists(st.sampled_from((7, 9, 20)), max_size=1))
    return (*larger, *([n] * m), *draw(st.lists(st.just(1), max_size=1)))


DEEP_MODEL = {"M ≥ 2": lambda model: model.M >= 2}
