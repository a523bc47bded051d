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
from theory.arithmetic.interpreters import Arithmetic, Matrix, Undecidable, multiply, precision
from theory.claims import Point, Relation
from theory.model import UnconstrainedFeatures
from theory.reductions import MEANS, class_mean_objective
from verify.methods.derivation import Derived, DerivedMode, evaluate_polynomial

BITS = 256
"""Precision at which a linked root is located; roots of one polynomial are much farther apart than 2^−200."""

GAUGE_SIZE = 3
"""How many hidden directions beyond the rank are mixed by a random rotation: enough to move every active one."""


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
    model: UnconstrainedFeatures, arithmetic: Arithmetic, values: Mapping[str, Matrix], seed: int
) -> dict[str, Matrix]:
    """Another point with the same objective: hidden spaces turned, classes of equal size permuted.

    W_m → Q_{m+1} W_m Q_mᵀ and H → Q_1 H with random rational rotations (Q_{M+1} = I); then a random permutation of
    equal classes: of the rows of W_M and b, and of the features.
    """
    rng = random.Random(seed)
    rotations = [_rotation(width, min(width, model.R + 1, GAUGE_SIZE), arithmetic, rng) for width in model.widths]
    turned = dict(values)
    for m, Q in enumerate(rotations, start=1):
        turned[f"W_{m}"] = multiply(turned[f"W_{m}"], _transpose(Q))
        if m > 1:
            turned[f"W_{m - 1}"] = multiply(Q, turned[f"W_{m - 1}"])
    means = collapsed_means(model, values)
    if means is None:
        turned["H"] = multiply(rotations[0], values["H"])
    else:
        labels = [k for k, n in enumerate(model.class_sizes) for _ in range(n)]
        turned["H"] = [[row[k] for k in labels] for row in multiply(rotations[0], means)]
    return permute(model, turned, rng)


def permute(model: UnconstrainedFeatures, values: Mapping[str, Matrix], rng: random.Random) -> dict[str, Matrix]:
    """Exchange classes of equal size: a symmetry of the problem."""
    order = list(range(model.K))
    for n in set(model.class_sizes):
        places = [k for k in order if model.class_sizes[k] == n]
        shuffled = rng.sample(places, len(places))
        for place, k in zip(places, shuffled, strict=True):
            order[place] = k
    starts = [sum(model.class_sizes[:k]) for k in range(model.K)]
    columns = [starts[k] + i for k in order for i in range(model.class_sizes[k])]
    result = dict(values)
    for name in (f"W_{model.M}", *(["b"] if model.has_bias else [])):
        result[name] = [values[name][k] for k in order]
    result["H"] = [[row[j] for j in columns] for row in values["H"]]
    return result


def _transpose(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _rotation(width: int, size: int, arithmetic: Arithmetic, rng: random.Random) -> Matrix:
    """(I − A)(I + A)⁻¹ for a random skew-symmetric integer A of a size, and the identity beyond."""
    from flint import fmpq_mat

    A = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i):
            A[i][j] = rng.randint(1, 7)
            A[j][i] = -A[i][j]
    identity = fmpq_mat([[int(i == j) for j in range(size)] for i in range(size)])
    skew = fmpq_mat(A)
    Q = (identity - skew) * (identity + skew).inv()
    one = arithmetic.number(Fraction(1))
    rows: Matrix = [[one if i == j else 0 for j in range(width)] for i in range(width)]
    for i in range(size):
        for j in range(size):
            value = Fraction(int(Q[i, j].p), int(Q[i, j].q))
            rows[i][j] = arithmetic.number(value) if value else 0
    return rows


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
