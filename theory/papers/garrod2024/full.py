"""The Hessian in all factors at collapse (statement 11): beyond v1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, Identity, Spectrum, clause, equal
from theory.closed_form.curvature import Eigenvalues, full_spectrum
from theory.collapse import Collapse
from theory.curvature import along_pairs, squared, transposition
from theory.ops import blocks, identity, kron, one_hot
from theory.papers.garrod2024.anywhere import reordered
from theory.papers.garrod2024.setting import FEW, GAINS, HYPOTHESES, POINT, PROVED, listed, points, source
from theory.statement import DRAWN, theorem

EQUAL = POINT | {"L": 2, "unequal": 0, "turn": False}


def symmetric_swapped(*setting: Any, **given: Any) -> Eigenvalues:
    """The two kinds of outliers with each other's multiplicity."""
    first, second, *others = full_spectrum(*setting, **given)
    return (
        replace(first, multiplicity=second.multiplicity),
        replace(second, multiplicity=first.multiplicity),
        *others,
    )


def without(part: str) -> Callable[..., Eigenvalues]:
    """A prediction that forgets a part and has its eigenvalues among the last one's."""

    def predicted(*setting: Any, **given: Any) -> Eigenvalues:
        *others, last = full_spectrum(*setting, **given)
        lost = sum(e.multiplicity for e in others if e.part == part)
        return (*(e for e in others if e.part != part), replace(last, multiplicity=last.multiplicity + lost))

    return predicted


def shallower(K: int, n: int, L: int, d: int, gamma: Any, **given: Any) -> Eigenvalues:
    """The outliers of one layer less."""
    return (*full_spectrum(K, n, L - 1, d, gamma, **given)[:2], *full_spectrum(K, n, L, d, gamma, **given)[2:])


@theorem(
    "garrod2024-full-hessian",
    source=source("the Hessian in all factors (compare Theorem 6)", "X", "v3"),
    expected=PROVED,
    hypotheses=HYPOTHESES
    | {
        "equal decays": lambda unequal, **_: not unequal,
        DRAWN + "matrices of at most 1400 rows, 60 with turned frames": lambda K, n, L, spare, turn, **_: (
            (L - 1) * (K + spare) ** 2 + (K + spare) * K * (n + 1) <= (60 if turn else 1400)
        ),
    },
    **points() | {"unequal": st.just(0)},
    regularised=st.booleans(),
    witness=EQUAL | {"regularised": True},
    configurations=(
        EQUAL | {"n": 1, "L": 3, "spare": 2, "regularised": False},
        EQUAL | {"K": 2, "n": 1, "spare": 0, "turn": True, "regularised": True},
        EQUAL | {"L": 1, "regularised": True},
        EQUAL | {"n": 1, "L": 4, "spare": 0, "turn": True, "regularised": True},
        EQUAL | {"K": 8, "L": 8, "spare": 0, "gamma": GAINS[1], "regularised": False},
    ),
    wrong={
        "symmetric and antisymmetric swapped": {"predicted": symmetric_swapped},
        "no features within classes": {"predicted": without("features within classes")},
        "no rotations": {"predicted": without("rotations")},
        "the data part": {"other": True},
        "L for L + 1": {"predicted": shallower},
        "hidden layers in the other order": {"backwards": True},
    },
)
def full_hessian(
    regularised: bool,
    predicted: Callable[..., Eigenvalues] = full_spectrum,
    other: bool = False,
    backwards: bool = False,
    **point: Any,
) -> Spectrum:
    """Over λ: K² outliers 2 + (L+1)(γ/(1−γ) − 1) and (L+1)/(1−γ), features within classes 1/(1−γ), others 2, 0 or 1.

    Without the decays all are less by 1.
    """
    at = Collapse(**point)
    curvature = squared(reordered(at.factors, backwards), at.sizes)
    rows = curvature.full((0,) * (at.L + 1)) / at.decay
    ridge = identity(rows.shape[0]) * int(regularised)
    expected = predicted(at.K, at.n, at.L, at.d, at.gamma, regularised=regularised != other)
    return Spectrum(rows + ridge, listed(expected))


@theorem(
    "garrod2024-full-eigenvectors",
    source=source("the eigenvectors of the outliers in all factors (compare Theorem 6)", "X", "v3"),
    expected=PROVED,
    hypotheses=HYPOTHESES
    | {
        "equal decays": lambda unequal, **_: not unequal,
        DRAWN + "matrices of at most 400 rows, 60 with turned frames": lambda K, n, L, spare, turn, **_: (
            (L - 1) * (K + spare) ** 2 + (K + spare) * K * (n + 1) <= (60 if turn else 400)
        ),
    },
    **points() | {"K": FEW, "unequal": st.just(0)},
    witness=EQUAL,
    configurations=(
        EQUAL | {"K": 2, "n": 1, "L": 1, "spare": 0},
        EQUAL | {"n": 1, "L": 4, "spare": 0, "turn": True},
    ),
    wrong={
        "L for L + 1": {"factors": 0},
        "symmetric and antisymmetric swapped": {"sign": -1},
        "L + 1 times the outlier of a layer": {"sign": 0},
        "another matrix in the last layer": {"turned": True},
    },
)
def full_eigenvectors(factors: int = 1, sign: int = 1, turned: bool = False, **point: Any) -> Identity:
    """One K × K matrix E in all factors, A_{l+1}ᵀ E Y B_lᵀ, is an eigenvector for an outlier: for E = Eᵀ and E = −Eᵀ.

    Over λ, without the decays, these are (L+1) γ/(1−γ) − L and (L+1) γ/(1−γ) + L: L + 1 times the outlier of a layer
    up to L, which is little beside it as γ → 1. In each layer the vectors are eigenvectors of the layer's Hessian.
    """
    at = Collapse(**point)
    curvature, K, L, odds = at.curvature, at.K, at.L, at.gamma / (1 - at.gamma)
    vectors, T = along_pairs(curvature, at.sizes), transposition(K)
    if turned:
        size = vectors.shape[0] - at.size(L)
        lower, upper = (vectors[rows, range(K * K)] for rows in (range(size), range(size, vectors.shape[0])))
        vectors = blocks([[lower], [upper @ T]])
    hessian, clauses = curvature.full((0,) * (L + 1)), []
    for name, half, rest in (("symmetric", 1, -L), ("antisymmetric", -1, L)):
        chosen, value = vectors @ (identity(K * K) + half * T), (L + factors) * odds + sign * rest
        clauses.append(clause(name, equal(hessian @ chosen, value * at.decay * chosen)))
    inside, Y = [], one_hot(at.sizes)
    for layer in range(1, L + 1):
        part = kron(curvature.above(layer).T, curvature.below(layer) @ Y.T)
        inside.append(equal(curvature.layer(layer) @ part, at.decay * odds * part))
    return Identity((*clauses, Clause("in each layer", tuple(inside))))
