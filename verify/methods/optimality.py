"""Whether a point is a global minimiser of a model with one layer and a convex loss, exactly; and all that are.

With Q = −∇ℓ/N at the point (K × K by class means) and D = diag(n) the point is a global minimiser if

    λ_W W = Q D H̄ᵀ,   λ_W ‖W‖² = λ_H tr(H̄ D H̄ᵀ),   λ_b b = Q n,   and Q is feasible:

Q D Qᵀ ⪯ λ_W λ_H I for free features; no entry of C = λ_W λ_H D − D QᵀQ D negative for features ≥ 0. For then, for any
W, H and b, the fit is at least its linear part at the point, and ⟨Q D, W H̄⟩ at most the two regularisers, both with
equality at the point.

All other minimisers follow. The fit is strictly convex in the outputs, up to a constant added to a column, of which the
regulariser allows one: so the outputs are the same at all of them, NC1 included. Free features: equality in the nuclear
norm makes W and H those of the point, turned in the feature space (with a free bias A √n = 0, since G √n = 0 and A lies
in the face that G exposes: so the outputs determine W H̄). Features ≥ 0 with C positive off its diagonal: each row of H̄
has one class, and the lengths of the class means follow from the outputs. A free bias is then known up to a constant,
which the softmax does not see.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Matrix, Undecidable, precision
from theory.claims import Relation, equal
from theory.losses import CONVEX, residual
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, diagonal, identity, ones, sum_squares, trace
from theory.reductions import MEANS, class_mean_variables
from verify.methods.exact_points import collapsed_means, holds_exactly, rotate

USES = ("class-mean reduction", "ufm-nuclear", "equality in the dual")
"""What the conclusions rest on."""

SPLIT = (Fraction(3, 5), Fraction(4, 5))
"""A unit vector: a non-negative row of the features may be shared between two neurons."""

PRECISIONS = (128, 512, 2048)
"""Bits tried in turn to find a sign."""


def covers(model: UnconstrainedFeatures) -> bool:
    """Whether the conditions speak of a model: one layer, a convex loss; features ≥ 0 only without a free bias."""
    determined = model.sign == "free" or not model.has_bias or model.bias_decay > 0
    return model.M == 1 and model.loss in CONVEX and determined


def is_minimiser(model: UnconstrainedFeatures, field: AlgebraicNumbers, values: Mapping[str, Matrix]) -> bool:
    """Whether a collapsed point satisfies the conditions; ``False`` says that it is not even stationary.

    Raises:
        Undecidable: where a number could not be decided, or a stationary point is not shown to be optimal.
    """
    means = collapsed_means(model, values)
    if means is None:
        raise Undecidable("the features are not collapsed")
    at, Q = {**values, MEANS: means}, _dual(model)
    if not all(holds_exactly(field, relation, at) for relation in _stationary(model, Q)):
        return False
    if not _feasible(model, field, field.evaluate(_slack(model, Q), at)):
        raise Undecidable("a stationary point that its gradient does not show to be the only optimum")
    return True


def orbit(
    model: UnconstrainedFeatures, field: AlgebraicNumbers, values: Mapping[str, Matrix], seed: int
) -> dict[str, Matrix]:
    """A random minimiser, from one of which ``is_minimiser`` holds: all are of this form."""
    rng = random.Random(seed)
    if model.sign == "nonnegative":
        turned = _relocated(model, field, values, rng)
    else:
        turned = rotate(model, field, values, seed, classes=False)
    if model.has_bias and not model.bias_decay and model.loss != "mse":
        shift = field.number(Fraction(rng.randint(1, 9), 4))
        turned["b"] = [[row[0] + shift] for row in turned["b"]]
    return turned


def _dual(model: UnconstrainedFeatures) -> Expression:
    """Q as a formula in W, H̄ and b."""
    known = class_mean_variables(model)
    outputs = known["W_1"] @ known[MEANS]
    if model.has_bias:
        outputs = outputs + known["b"] @ ones(1, model.K)
    return residual(model, outputs) / model.N


def _stationary(model: UnconstrainedFeatures, Q: Expression) -> list[Relation]:
    known, D = class_mean_variables(model), diagonal(model.class_sizes)
    W, means, (decay,) = known["W_1"], known[MEANS], model.weight_decays
    relations = [
        equal(decay * W, Q @ D @ means.T),
        equal(decay * sum_squares(W), model.feature_decay * trace(means @ D @ means.T)),
    ]
    if model.has_bias:
        relations.append(equal(model.bias_decay * known["b"], Q @ D @ ones(model.K, 1)))
    return relations


def _slack(model: UnconstrainedFeatures, Q: Expression) -> Expression:
    D = diagonal(model.class_sizes)
    if model.sign == "nonnegative":
        return model.Lambda * D - D @ Q.T @ Q @ D
    return model.Lambda * identity(model.K) - Q @ D @ Q.T


def _feasible(model: UnconstrainedFeatures, field: AlgebraicNumbers, slack: Matrix) -> bool:
    if model.sign == "free":
        return is_positive_semidefinite(field, slack)
    signs = [[sign(field, x) for x in row] for row in slack]
    return all(x >= (i != j) for i, row in enumerate(signs) for j, x in enumerate(row))


def sign(field: AlgebraicNumbers, value: Any) -> int:
    """−1, 0 or 1.

    Raises:
        Undecidable: when the number neither reduces to 0 nor is excluded from 0 by a ball.
    """
    if field.is_zero(value):
        return 0
    for bits in PRECISIONS:
        with precision(bits):
            ball = field.enclose(value, bits)
            if not ball.contains(0):
                return 1 if ball > 0 else -1
    raise Undecidable("the sign of a number could not be decided")


def is_positive_semidefinite(field: AlgebraicNumbers, matrix: Matrix) -> bool:
    """Whether a symmetric matrix is positive semidefinite, by LDLᵀ; below a pivot that is zero all must be.

    Raises:
        Undecidable: when a pivot's sign could not be decided.
    """
    rows, size = [list(row) for row in matrix], len(matrix)
    for k in range(size):
        pivot, below = rows[k][k], range(k + 1, size)
        found = sign(field, pivot)
        if found < 0 or (not found and not all(field.is_zero(rows[i][k]) for i in below)):
            return False
        if found:
            for i in below:
                factor = rows[i][k] / pivot if not field.is_zero(rows[i][k]) else 0
                rows[i] = [x - factor * rows[j][k] if k < j else x for j, x in enumerate(rows[i])]
    return True


def _relocated(
    model: UnconstrainedFeatures, field: AlgebraicNumbers, values: Mapping[str, Matrix], rng: random.Random
) -> dict[str, Matrix]:
    """Neurons in another order, and one that is in use shared with one that is not."""
    H, W = collapsed_means(model, values) or [], [list(row) for row in values["W_1"]]
    used = [i for i, row in enumerate(H) if not all(field.is_zero(x) for x in row)]
    spare = [i for i in range(len(H)) if i not in used]
    if used and spare:
        i, j = rng.choice(used), rng.choice(spare)
        row, column = H[i], [line[i] for line in W]
        H[i], H[j] = ([field.number(part) * x for x in row] for part in SPLIT)
        for line, x in zip(W, column, strict=True):
            line[i], line[j] = (field.number(part) * x for part in SPLIT)
    order = rng.sample(range(len(H)), len(H))
    labels = [k for k, n in enumerate(model.class_sizes) for _ in range(n)]
    features = [[H[i][k] for k in labels] for i in order]
    return {**values, "H": features, "W_1": [[line[i] for i in order] for line in W]}
