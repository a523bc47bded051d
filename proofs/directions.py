"""Directions in all factors at collapse: five families of X_m, each parametrised by a matrix, that fill the space.

    Aᵀ E Y Bᵀ,   F_m Y Bᵀ,   Q_{m+1}ᵀ F_{m−1}ᵀ,   Q_1ᵀ D in the features,   O_m.

Each parameter can be read off its direction, and the others' directions do not count there: A X B Yᵀ is a positive
multiple of E, then X B Yᵀ one of F_m, A X one of F_{m−1}ᵀ or D, and O_m is left. So the families are independent, and
as their dimensions add up to the number of entries, there are no other directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from proofs.collapsed import Point
from proofs.curvature_kinds import OUTLIER, A, B, pair
from proofs.entailment import NotEntailed
from proofs.kernel.facts import Fact
from proofs.kernel.scalars import is_positive
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Letter, Matrix, Word, identity, only
from proofs.lemmas.collapse_setting import DIRECTIONS, D, E, F, O, gamma, n
from proofs.lemmas.setting import ALL, WEIGHTS, K, Lam, N, Q, R, Y, beta, m, samples
from proofs.scalar_kinds import require

INNER = (sp.Integer(0), M - 1)
ENERGY = n * gamma * (1 - gamma) / N
"""β, by definition."""
Said = tuple[Fact, Any, Any]


@dataclass(frozen=True)
class Directions:
    """That parameters can be read off, that other families vanish there, and that A and Y have full rank."""

    energy: Fact
    classes: Fact
    lower: Fact
    upper: Fact
    within: Fact
    lower_above: Fact
    upper_below: Fact
    within_labels: Fact
    rest_above: Fact
    rest_below: Fact
    rest_labels: Fact
    rows: Fact
    labels: Fact

    def read(self) -> list[tuple[Fact, Matrix, Any, Matrix, Any]]:
        """How parameters are read off: the step, what is read, the factor and the parameter, and for which layers."""
        lengths = n**2 * gamma**2 * Lam(m) / beta ** (M - m + 1)
        return [
            (self.classes, A @ pair(E) @ B @ Y.T, n * N * OUTLIER, E, ALL),
            (self.lower, F(m) @ Y @ B.T @ B @ Y.T, lengths, F(m), INNER),
            (self.upper, Q(m + 2) @ Q(m + 2).T @ F(m).T, beta ** (M - m - 1) / Lam(m + 2), F(m).T, INNER),
            (self.within, Q(1) @ Q(1).T @ D, beta**M / Lam(1), D, None),
        ]

    def said(self) -> list[Said]:
        """What each step must say, and for which layers.

        Raises:
            Rejected: for a factor that is not positive.
        """
        for fact, _, factor, _, _ in self.read():
            require(is_positive(factor.xreplace({beta: ENERGY}), [1 - gamma]), f"{fact.name}: a positive factor")
        return [
            (self.energy, beta - ENERGY, None),
            *((fact, seen - factor * X, layers) for fact, seen, factor, X, layers in self.read()),
            (self.lower_above, A @ F(m), INNER),
            (self.upper_below, F(m).T @ R(m), INNER),
            (self.within_labels, D @ Y.T, None),
            (self.rest_above, A @ O(m), ALL),
            (self.rest_below, O(m) @ B, WEIGHTS),
            (self.rest_labels, O(0) @ Y.T, None),
            (self.rows, Lam(m + 1) * (A @ A.T) - beta ** (M - m) * identity(K), ALL),
            (self.labels, Y @ Y.T - n * identity(K), None),
        ]


@dataclass(frozen=True)
class Dimensions:
    """How many directions there are of each family, over all layers; ``classes`` in one layer."""

    classes: int
    pairs: int
    within: int
    rest: int


def dimensions(point: Point) -> Dimensions:
    """The dimensions of the families at a point.

    Raises:
        NotEntailed: where they do not add up to the number of all entries.
    """
    L = point.L
    found = Dimensions(
        dimension(E, point, 0),
        sum(dimension(F(m), point, layer) for layer in range(L)),
        dimension(D, point, 0),
        sum(dimension(O(m), point, layer) for layer in range(L + 1)),
    )
    entries = sum(rows * columns for rows, columns in (V.shape for V in point.factors))
    if (L + 1) * found.classes + 2 * found.pairs + found.within + found.rest != entries:
        raise NotEntailed("the directions of the theorem do not fill the space")
    return found


def dimension(parameter: Matrix, point: Point, layer: int) -> int:
    """Of the matrices that a letter stands for: all that meet the setting's conditions C X = 0 and X Cᵀ = 0.

    C is A or Y, with C Cᵀ a positive multiple of I, so that each condition takes as many dimensions from the columns or
    the rows of X as C has rows.
    """
    X = only(parameter)
    rows, columns = (_size(space, point, layer) for space in (X.rows, X.columns))
    for word in _conditions(X, point.L, layer):
        left, right = word
        if right.name == X.name:
            rows -= _size(left.rows, point, layer)
        else:
            columns -= _size(right.columns, point, layer)
    return rows * columns


def _conditions(X: Letter, L: int, layer: int) -> Iterator[Word]:
    """The words that vanish in the setting and hold a letter, at a layer."""
    at = {M: L, m: layer}
    for body, layers in DIRECTIONS.meanings.values():
        inside = layers is None or layers[0].subs(at) <= layer <= layers[1].subs(at)
        for word in body.terms if inside and isinstance(body, Matrix) else ():
            own = [x for x in word if x.name == X.name and (x.index is None or x.index.subs(at) == layer)]
            if own:
                others = [x for x in word if x not in own]
                simple = len(body.terms) == len(own) == len(others) == 1 and not own[0].turned
                require(
                    simple and others[0].name in ("Q", "Y"), f"conditions on {X.name} of the form C X = 0 or X Cᵀ = 0"
                )
                require(others[0].turned == (word[1] in others), f"conditions on {X.name} with the rows of A or Y")
                yield word


def _size(space: Any, point: Point, layer: int) -> int:
    """How many dimensions a space of the setting has."""
    if space in (K, samples):
        return point.K if space == K else point.K * point.n
    index = int(space.args[0].subs({M: point.L, m: layer}))
    return point.K if index > point.L else point.factors[index].shape[1]
