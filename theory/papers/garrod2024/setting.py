"""What the statements share: sources, and drawn points of deep neural collapse."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.closed_form.curvature import Eigenvalues
from theory.collapse import RATIOS
from theory.statement import DRAWN, Expected, Source

VERSIONS = {"v1": "v1", "v3": "v3, retitled Unifying Low Dimensional Spectra in Deep Learning"}


def source(locator: str, provenance: str = "Q", version: str = "v1", derived: str = "") -> Source:
    """A place in a version of the paper, and what of it was derived beyond the paper."""
    return Source(
        "Garrod & Keating 2024, Unifying Low Dimensional Observations in Deep Learning",
        f"arXiv 2404.06106 {VERSIONS[version]}",
        locator,
        provenance,
        (("X", derived),) if derived else (),
    )


PROVED = Expected("holds", "proved")

GAINS = [Fraction(x) for x in ("9/10", "15/16", "24/25", "80/81", "8/9", "25/27", "125/128")]
"""Few primes, so that exact arithmetic with their roots is quick; all above 7/8, which is (L−1)/L for L = 8."""
LOWER = [Fraction(x) for x in ("27/32", "4/5", "3/4", "2/3", "5/9", "1/10")]
"""For fewer layers, the last for one alone."""

ASSUMED: dict[str, Callable[..., bool]] = {
    "K ≥ 2, n ≥ 1, d ≥ K": lambda K, n, spare, **_: K >= 2 and n >= 1 and spare >= 0,
    "L ≥ 1, a layer of 1 … L": lambda L, layer=1, **_: 1 <= layer <= L,
    "(2): (L−1)/L < γ < 1": lambda L, gamma, **_: Fraction(L - 1, L) < gamma < 1,
}
"""What the theorems at collapse assume."""
HYPOTHESES = ASSUMED | {
    DRAWN + "turned frames, and so dense matrices, only if small": lambda K, L, spare, turn, **_: (
        not turn or (K + spare) * L <= 16
    ),
}


PATTERNS = st.sampled_from((*[0] * 5, *range(1, len(RATIOS))))
"""Of decays: a third of the draws has equal ones."""
FEW = st.sampled_from((*[2] * 6, *[3] * 8, *[4] * 6, 5, 5, 6, 6, 8, 12))
"""Numbers of classes where twelve take seconds."""


def points() -> dict[str, Any]:
    """Strategies for points; small sizes come more often: the Hessian of 12 classes and 8 layers takes some seconds."""
    return {
        "K": st.sampled_from((2, 2, 3, 3, 4, 4, 5, 6, 8, 12)),
        "n": st.sampled_from((1, 1, 2, 2, 3, 5)),
        "L": st.sampled_from((1, 1, 2, 2, 3, 3, 4, 5, 8)),
        "spare": st.integers(0, 2),
        "gamma": st.sampled_from(GAINS + LOWER),
        "unequal": PATTERNS,
        "turn": st.booleans(),
    }


def at_layer() -> dict[str, Any]:
    """The same with a layer."""
    return points() | {"layer": st.integers(1, 8)}


POINT: dict[str, Any] = {"K": 3, "n": 2, "L": 3, "spare": 1, "gamma": GAINS[0], "unequal": 1, "turn": True}
WITNESS: dict[str, Any] = POINT | {"layer": 2}
EDGES = (
    {"K": 2, "n": 1, "L": 1, "spare": 0, "gamma": GAINS[1], "unequal": 1, "turn": False, "layer": 1},
    POINT | {"layer": 3},
    POINT | {"spare": 0, "turn": False, "layer": 1},
)


def listed(predicted: Eigenvalues, unit: Any = 1) -> list[tuple[Any, int]]:
    """Pairs of a value and its multiplicity, equal values once."""
    times: dict[Any, int] = {}
    for eigenvalue in predicted:
        times[eigenvalue.value] = times.get(eigenvalue.value, 0) + eigenvalue.multiplicity
    return [(value * unit, count) for value, count in times.items()]
