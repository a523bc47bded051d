"""Minimisers in exact algebraic arithmetic: linking a published point to the derived optimum, and turning it about.

A point is *linked* when its logits satisfy the derived stationarity polynomial at the derived root, and its objective
is the derived minimum, both as identities of algebraic numbers. It is then a global minimiser, and clauses can be
decided there exactly.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Arithmetic, Matrix, Undecidable, precision
from theory.claims import Point, Relation
from theory.model import UnconstrainedFeatures
from theory.reductions import MEANS, class_mean_objective
from verify.methods.derivation import Derived, DerivedMode, evaluate_polynomial

BITS = 256
"""Precision at which a linked root is located; roots of one polynomial are much farther apart than 2^−200."""

NARROW, MIXED = 12, 3
"""In layers wider than this a reflection mixes only so many directions in use and as many spare ones, for speed: a
clause about a wide layer that is true of these and false of others would need the narrow instances to show it."""


@dataclass(frozen=True)
class Logits:
    """The logit of each active mode at a published point, as exact elements that satisfy the derived equations."""

    field: AlgebraicNumbers
    by_weight: Mapping[int, Any]

    def minimum(self, derived: Derived) -> Any:
        """The derived minimum, with the derived roots replaced by these equal elements."""
        total: Any = 0
        for mode, multiplicity, ranks in derived.ranks():
            on = 0 if mode.tie else max(ranks)
            if on:
                total = total + mode.share(self.by_weight[mode.mu]) * Fraction(on)
            total = total + self.field.number(mode.zero_value * (multiplicity - on))
        return total


def collapsed_means(model: UnconstrainedFeatures, values: Mapping[str, Matrix]) -> Matrix | None:
    """H̄ when all features of a class are the same objects, else None."""
    rows: Matrix = []
    for row in values["H"]:
        means, start = [], 0
        for size in model.class_sizes:
            if any(x is not row[start] for x in row[start : start + size]):
                return None
            means.append(row[start])
            start += size
        rows.append(means)
    return rows


def objective_at(model: UnconstrainedFeatures, arithmetic: Arithmetic, values: Mapping[str, Matrix]) -> Any:
    """The objective at a point; at collapsed features by class means, which is the same number."""
    means = collapsed_means(model, values)
    if means is None:
        return arithmetic.evaluate(model.objective, values)
    return arithmetic.evaluate(class_mean_objective(model), {**values, MEANS: means})


def find_logits(
    model: UnconstrainedFeatures, derived: Derived, field: AlgebraicNumbers, points: Sequence[Mapping[str, Matrix]]
) -> Logits | None:
    """Logits of all active modes read off published points and checked against the derived equations, or None."""
    found: dict[int, Any] = {}
    needed = [mode for mode, _, ranks in derived.ranks() if max(ranks) and not mode.tie]
    for mode in needed:
        for values in points:
            logit = _logit(model, field, values, mode)
            if logit is not None and _is_root(field, logit, mode):
                found[mode.mu] = logit
                break
        else:
            return None
    return Logits(field, found)


def _logit(
    model: UnconstrainedFeatures, field: AlgebraicNumbers, values: Mapping[str, Matrix], mode: DerivedMode
) -> Any:
    """The non-zero eigenvalue of the block of P H̄ that belongs to a mode, assuming that Z² = z Z there."""
    Z = field.evaluate(model.product @ model.mean_features, values)
    block = [k for k, n in enumerate(model.class_sizes) if n == mode.mu]
    for i in block:
        if not field.is_zero(Z[i][i]):
            square: Any = 0
            for j in block:
                square = square + Z[i][j] * Z[j][i]
            return square / Z[i][i]
    return None


def _is_root(field: AlgebraicNumbers, logit: Any, mode: DerivedMode) -> bool:
    return field.is_zero(evaluate_polynomial(mode.equation, logit)) and mode.isolates(field.enclose(logit, BITS))


def rotate(
    model: UnconstrainedFeatures,
    arithmetic: Arithmetic,
    values: Mapping[str, Matrix],
    seed: int,
    classes: bool = True,
) -> dict[str, Matrix]:
    """A random point of the orbit of a collapsed point under the symmetries of the problem.

    Hidden spaces are turned, W_m → Q_{m+1} W_m Q_mᵀ and H → Q_1 H; so are ``classes`` of equal size, W_M → C W_M and
    H̄ → H̄ Cᵀ (with C 1 = 1 where there is a bias), a symmetry of squared error. All matrices are products of two
    rational reflections.
    """
    rng, means = random.Random(seed), collapsed_means(model, values)
    if means is None:
        raise Undecidable("the features are not collapsed")
    turned = dict(values)
    for m, width in enumerate(model.widths, start=1):
        for normal in _normals(width, model.R, rng):
            turned[f"W_{m}"] = _transpose(_reflect(_transpose(turned[f"W_{m}"]), normal, arithmetic))
            if m > 1:
                turned[f"W_{m - 1}"] = _reflect(turned[f"W_{m - 1}"], normal, arithmetic)
            else:
                means = _reflect(means, normal, arithmetic)
    last = f"W_{model.M}"
    for size in sorted(set(model.class_sizes)) if classes else ():
        for normal in _class_normals(model, size, rng):
            turned[last] = _reflect(turned[last], normal, arithmetic)
            means = _transpose(_reflect(_transpose(means), normal, arithmetic))
    labels = [k for k, n in enumerate(model.class_sizes) for _ in range(n)]
    turned["H"] = [[row[k] for k in labels] for row in means]
    return turned


def _transpose(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _normals(width: int, rank: int, rng: random.Random) -> list[dict[int, int]]:
    """Two random integer vectors on all directions of a narrow layer; in a wide one on some in use and some spare."""
    if width <= NARROW:
        places = list(range(width))
    else:
        places = [*rng.sample(range(rank), min(rank, MIXED)), *rng.sample(range(rank, width), min(width - rank, MIXED))]
    return [{i: rng.choice((-3, -2, -1, 1, 2, 3)) for i in places} for _ in range(2)]


def _class_normals(model: UnconstrainedFeatures, size: int, rng: random.Random) -> list[dict[int, int]]:
    """Two random integer vectors on the classes of a size, of zero sum where there is a bias."""
    places = [k for k, n in enumerate(model.class_sizes) if n == size]
    if len(places) < 2:
        return []
    normals = []
    for _ in range(2):
        entries = [rng.choice((-3, -2, -1, 1, 2, 3)) for _ in places]
        if model.has_bias:
            entries[-1] = -sum(entries[:-1])
        normals.append({k: x for k, x in zip(places, entries, strict=True) if x})
    return [normal for normal in normals if normal]


def _reflect(matrix: Matrix, normal: Mapping[int, int], arithmetic: Arithmetic) -> Matrix:
    """(I − 2 v vᵀ / vᵀv) X for an integer vector v given by its non-zero entries."""
    factor = Fraction(2, sum(x * x for x in normal.values()))
    projected: list[Any] = [0] * len(matrix[0])
    for i, x in normal.items():
        for j, entry in enumerate(matrix[i]):
            if not _is_zero(entry):
                projected[j] = projected[j] + arithmetic.number(Fraction(x)) * entry
    result = list(matrix)
    for i, x in normal.items():
        scale = arithmetic.number(-factor * x)
        result[i] = [entry if _is_zero(p) else entry + scale * p for entry, p in zip(matrix[i], projected, strict=True)]
    return result


def _is_zero(value: Any) -> bool:
    return type(value) is int and value == 0


def rank_pattern(
    model: UnconstrainedFeatures, derived: Derived, arithmetic: Arithmetic, values: Any
) -> tuple[int, ...]:
    """How many directions of each derived mode a minimiser uses: tr of the block of P H̄ over the mode's logit."""
    Z = arithmetic.evaluate(model.product @ model.mean_features, values)
    pattern = []
    for mode, _, ranks in derived.ranks():
        total: Any = arithmetic.number(Fraction(0))
        for k, n in enumerate(model.class_sizes):
            if n == mode.mu:
                total = total + Z[k][k]
        if not max(ranks):
            pattern.append(0)
            continue
        with precision(BITS):
            ball = arithmetic.enclose(total, BITS) if isinstance(arithmetic, AlgebraicNumbers) else total
            pattern.append(round(float(ball) / float(mode.root)))
    return tuple(pattern)


def covers(derived: Derived, patterns: Sequence[tuple[int, ...]]) -> bool:
    """Whether minimisers of these ranks show every rank that each mode can have."""
    allowed = [set(ranks) for _, _, ranks in derived.ranks()]
    return all({pattern[i] for pattern in patterns} >= ranks for i, ranks in enumerate(allowed))


def holds_exactly(field: AlgebraicNumbers, relation: Relation, values: Mapping[str, Any]) -> bool:
    """Decide a relation at a point.

    Raises:
        Undecidable: where neither the normal form nor a ball decides.
    """
    left, right = field.evaluate(relation.left, values), field.evaluate(relation.right, values)
    if not relation.left.shape:
        left, right = [[left]], [[right]]
    return all(
        _compare(field, relation.sign, x, y)
        for a, b in zip(left, right, strict=True)
        for x, y in zip(a, b, strict=True)
    )


def _compare(field: AlgebraicNumbers, sign: str, x: Any, y: Any) -> bool:
    if x is y:
        return sign != "<"
    difference = x - y
    zero = field.is_zero(difference)
    if sign == "=" or zero:
        return zero and sign != "<"
    for bits in (128, 512, 2048):
        with precision(bits):
            ball = field.enclose(difference, bits)
            if not ball.contains(0):
                return bool(ball < 0)
    raise Undecidable("the sign of a difference could not be decided")


def evaluate_points(field: AlgebraicNumbers, points: Sequence[Point]) -> list[dict[str, Any]]:
    """The claimed minimisers in exact arithmetic."""
    return [field.point(point) for point in points]
