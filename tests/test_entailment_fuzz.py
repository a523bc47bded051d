"""Random clauses: whatever is entailed holds at random minimisers, computed in floating point apart from the algebra.

The minimisers are made here from the theorem's words: an orthonormal frame in every hidden layer, chosen at random, and
in class space a random part of each eigenspace. Formulas are evaluated by torch. So a wrong coefficient, space, weight
or index anywhere in the algebra of frames shows as a clause that is entailed and false.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from proofs.entailment import Frames, Mode, NotEntailed, _holds, _patterns, modes
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.floats import Floats
from theory.arithmetic.interpreters import Undecidable
from theory.claims import Relation, at_most, equal
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    FormulaError,
    ShapeError,
    class_means,
    identity,
    ones,
    repeat_columns,
    trace,
)
from theory.papers.dang2023.frames import general_orthogonal_frame, simplex_frame
from theory.papers.dang2023.letters import LETTERS
from theory.strategies import decay_product
from verify.engines.symbolic import Context, _model_minimum


def tie(sizes: tuple[int, ...], n: int, **fields: Any) -> Model:
    """A model of depth 2 with its classes of size n exactly at the threshold."""
    feature = decay_product(sizes, 2, n, Fraction(1))
    return Model(class_sizes=sizes, depth=2, weight_decays=(Fraction(1),) * 2, feature_decay=feature, **fields)


MODELS = [
    Model(class_sizes=(2, 2), decays="1/50"),
    Model(class_sizes=(3, 2, 2), depth=2, decays="1/50"),
    Model(class_sizes=(2, 2, 2), decays="1/50", widths=(2,)),
    Model(class_sizes=(2, 2, 2), decays="1/50", bias="last-layer"),
    Model(class_sizes=(2, 2, 2), decays="1/50", bias="last-layer", widths=(1,)),
    Model(class_sizes=(1, 1, 1), decays="1/50"),
    Model(class_sizes=(3, 1), decays="1/9"),
    Model(class_sizes=(4, 1, 1), depth=2, decays="1/30", widths=(3, 2)),
    tie((2, 2), 2),
    tie((2, 2), 2, bias="last-layer"),
    tie((4, 2), 2, widths=(1, 1)),
]

ROUNDS, FORMULAS, PAIRS = 10, 40, 60
"""Sets of formulas for each model, steps that make a set, and pairs of a set that are compared."""

CLOSE = 1e-8
"""Absolute and relative tolerance: values are of size 1, and made by a dozen operations in double precision."""


def minimiser(
    model: Model, field: AlgebraicNumbers, pattern: Sequence[tuple[Mode, int]], rng: np.random.Generator
) -> dict[str, torch.Tensor]:
    """W_m = Σ σ V_{m+1} V_mᵀ with σ² = μ z (1 − z)/(N λ_m), and H = Pᵀ (P Pᵀ + N λ_H)⁻¹ T."""
    K, N, M = model.K, model.N, model.M
    chosen = [(mode, rank) for mode, rank in pattern if rank]
    parts = [eigenspace(model, mode.weight) @ orthogonal(rng, mode.dimension)[:, :rank] for mode, rank in chosen]
    frames = [orthogonal(rng, width)[:, : sum(rank for _, rank in chosen)] for width in model.widths]
    frames.append(np.hstack(parts) if parts else np.zeros((K, 0)))
    energies = np.array([mode.weight * confident(field, mode) / N for mode, rank in chosen for _ in range(rank)])
    P, point = np.eye(K), {}
    for m in range(M, 0, -1):
        scale = np.sqrt(energies / float(model.weight_decays[m - 1]))
        point[f"W_{m}"] = frames[m] * scale @ frames[m - 1].T
        P = P @ point[f"W_{m}"]
    labels = np.repeat(np.eye(K), model.class_sizes, axis=1)
    b = np.array(model.class_sizes).reshape(K, 1) / N if model.has_bias else np.zeros((K, 1))
    point["H"] = P.T @ np.linalg.solve(P @ P.T + N * float(model.feature_decay) * np.eye(K), labels - b)
    return {name: torch.tensor(value) for name, value in {**point, "b": b}.items()}


def confident(field: AlgebraicNumbers, mode: Mode) -> float:
    """z (1 − z)."""
    z = float(field.enclose(mode.z, 128))
    return z * (1 - z)


def eigenspace(model: Model, weight: int) -> np.ndarray:
    """Orthonormal columns: the classes of this size, or the vectors of zero sum."""
    if model.has_bias:
        return np.linalg.svd(np.eye(model.K) - 1 / model.K)[0][:, : model.K - 1]
    return np.eye(model.K)[:, [k for k, n in enumerate(model.class_sizes) if n == weight]]


def orthogonal(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def formulas(model: Model, rng: random.Random) -> list[Expression]:
    """Random formulas in the factors, with the right class sizes and indices and with wrong ones."""
    P, H, means = model.product, model.features, model.mean_features
    pool = [*model.variables.values(), means, identity(model.K), P, means.T @ means, P @ means, P @ P.T, H.T @ H]
    made: list[Expression] = []
    for _ in range(FORMULAS):
        try:
            made.append(step(model, rng.choice(pool), rng.choice(pool), rng))
            pool.append(made[-1])
        except (ShapeError, FormulaError):
            continue
    return made


def step(model: Model, x: Expression, y: Expression, rng: random.Random) -> Expression:
    """One operation at random."""
    choices = [
        lambda: x.T,
        lambda: x @ y,
        lambda: x @ y,
        lambda: x + y,
        lambda: rng.choice([Fraction(2), Fraction(1, 2), Fraction(-1)]) * x,
        lambda: class_means(x, sizes(model, rng)),
        lambda: repeat_columns(x, sizes(model, rng)),
        lambda: x[indices(x.shape[0], rng), indices(x.shape[1], rng)],
        lambda: trace(x),
        lambda: trace(x) * y,
        lambda: x[rng.randrange(x.shape[0]), rng.randrange(x.shape[1])],
        lambda: x @ ones(x.shape[1], 1),
    ]
    if not x.shape:
        return x * y
    return rng.choice(choices)()


def sizes(model: Model, rng: random.Random) -> tuple[int, ...]:
    """The model's class sizes, or others with the same sum."""
    found = list(model.class_sizes)
    for _ in range(rng.choice((0, 0, 3))):
        i, j = rng.randrange(model.K), rng.randrange(model.K)
        if found[i] > 1:
            found[i], found[j] = found[i] - 1, found[j] + 1
    return tuple(found)


def indices(size: int, rng: random.Random) -> tuple[int, ...]:
    """Some indices in order, or any, with repetitions."""
    count = rng.randint(1, size)
    if rng.random() < 0.5:
        return tuple(sorted(rng.sample(range(size), count)))
    return tuple(rng.choices(range(size), k=count))


def entailed(relation: Relation, model: Model, field: AlgebraicNumbers, patterns: list[Any]) -> bool:
    """Whether the relation is entailed at every minimiser; whatever is not understood must say so."""
    try:
        return all(_holds(relation, Frames(model, field, pattern)) for pattern in patterns)
    except (NotEntailed, Undecidable):
        return False


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_what_is_entailed_holds_at_random_minimisers(model: Model) -> None:
    seed = MODELS.index(model)
    rng, directions, floats = random.Random(seed), np.random.default_rng(seed), Floats()
    claim = simplex_frame(model, LETTERS) if model.has_bias else general_orthogonal_frame(model, LETTERS)
    context = Context()
    _model_minimum(claim, model, 0, context)
    assert context.field is not None
    patterns = list(_patterns(modes(model, context.field, context.logits or {})))
    points = [minimiser(model, context.field, pattern, directions) for pattern in patterns for _ in range(2)]
    covered = 0
    for _ in range(ROUNDS):
        made = formulas(model, rng)
        pairs = [(x, y) for x, y in combinations(made, 2) if x.shape == y.shape and x is not y and x.variables]
        for x, y in rng.sample(pairs, min(PAIRS, len(pairs))):
            relation = at_most(x, y) if not x.shape and rng.random() < 0.3 else equal(x, y)
            if entailed(relation, model, context.field, patterns):
                covered += 1
                for point in points:
                    left, right = floats.evaluate(x, point), floats.evaluate(y, point)
                    close = torch.allclose(left, right, rtol=CLOSE, atol=CLOSE)
                    assert close or (relation.sign == "≤" and bool(left <= right)), relation
    assert covered
