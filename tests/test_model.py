"""The model's objective is the loop over samples that it stands for, and bad arguments are named."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.arithmetic.interpreters import Rationals
from theory.model import UnconstrainedFeatures, run_lengths
from theory.reductions import class_mean_objective

F = Fraction
Rows = list[list[Fraction]]


@st.composite
def models(draw: Any) -> UnconstrainedFeatures:
    """Any small model."""
    depth = draw(st.integers(1, 4))
    size, decay = st.integers(1, 3), st.fractions(min_value=F(1, 100), max_value=10, max_denominator=100)
    return UnconstrainedFeatures(
        class_sizes=draw(st.lists(size, min_size=1, max_size=4).map(tuple)),
        depth=depth,
        weight_decays=draw(st.lists(decay, min_size=depth, max_size=depth).map(tuple)),
        feature_decay=draw(decay),
        widths=draw(st.lists(size, min_size=depth, max_size=depth).map(tuple)),
        bias=draw(st.sampled_from(["none", "last-layer"])),
    )


def matrix(draw: Any, rows: int, columns: int) -> Rows:
    entry = st.fractions(min_value=-3, max_value=3, max_denominator=5)
    row = st.lists(entry, min_size=columns, max_size=columns)
    return draw(st.lists(row, min_size=rows, max_size=rows))


def loss_by_samples(model: UnconstrainedFeatures, weights: list[Rows], samples: Rows, bias: list[Fraction]) -> Fraction:
    """The definition, one sample after the other: 1/(2N) Σ ‖W_M ⋯ W_1 h + b − e_k‖² and the decays."""
    labels = [k for k, size in enumerate(model.class_sizes) for _ in range(size)]
    total = F(0)
    for h, label in zip(samples, labels, strict=True):
        z = h
        for W in weights:
            z = [sum((w * v for w, v in zip(row, z, strict=True)), F(0)) for row in W]
        for k in range(model.K):
            total += (z[k] + bias[k] - (k == label)) ** 2 / (2 * len(labels))
        total += model.feature_decay * sum(v * v for v in h) / 2
    for decay, W in zip(model.weight_decays, weights, strict=True):
        total += decay * sum(w * w for row in W for w in row) / 2
    return total


@given(models(), st.data())
@settings(deadline=None)
def test_the_objective_is_the_loop_over_samples(model: UnconstrainedFeatures, data: Any) -> None:
    shapes = [*zip((*model.widths[1:], model.K), model.widths, strict=True)]
    weights = [matrix(data.draw, *shape) for shape in shapes]
    samples = matrix(data.draw, model.N, model.widths[0])
    bias = matrix(data.draw, 1, model.K)[0] if model.has_bias else [F(0)] * model.K
    point: dict[str, Rows] = {f"W_{m}": W for m, W in enumerate(weights, start=1)}
    point["H"] = [[h[j] for h in samples] for j in range(model.widths[0])]
    if model.has_bias:
        point["b"] = [[value] for value in bias]
    assert {name: (len(v), len(v[0])) for name, v in point.items()} == {n: v.shape for n, v in model.variables.items()}
    assert evaluate(model.objective, point) == loss_by_samples(model, weights, samples, bias)


@given(models(), st.data())
@settings(deadline=None, max_examples=50)
def test_the_class_mean_objective_is_the_objective_at_collapsed_features(
    model: UnconstrainedFeatures, data: Any
) -> None:
    shapes = [*zip((*model.widths[1:], model.K), model.widths, strict=True)]
    weights = [matrix(data.draw, *shape) for shape in shapes]
    means = matrix(data.draw, model.K, model.widths[0])
    bias = matrix(data.draw, 1, model.K)[0] if model.has_bias else [F(0)] * model.K
    samples = [means[k] for k, size in enumerate(model.class_sizes) for _ in range(size)]
    point: dict[str, Rows] = {f"W_{m}": W for m, W in enumerate(weights, start=1)}
    point["M"] = [list(row) for row in zip(*means, strict=True)]
    if model.has_bias:
        point["b"] = [[value] for value in bias]
    assert evaluate(class_mean_objective(model), point) == loss_by_samples(model, weights, samples, bias)


def evaluate(formula: Any, point: dict[str, Rows]) -> Fraction:
    exact = Rationals()
    values = {name: [[exact.number(x) for x in row] for row in rows] for name, rows in point.items()}
    found = exact.evaluate(formula, values)
    return F(int(found.p), int(found.q))


@given(models())
def test_a_model_goes_to_json_and_back(model: UnconstrainedFeatures) -> None:
    assert UnconstrainedFeatures.from_json(json.loads(json.dumps(model.to_json()))) == model


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"class_sizes": (3, 0, 2)}, ValueError, r"class_sizes must be positive integers, got \(3, 0, 2\)"),
    ({"class_sizes": (3, -3)}, ValueError, "class_sizes must be positive integers"),
    ({"class_sizes": ()}, ValueError, "class_sizes must be positive integers"),
    ({"class_sizes": (1.0, 2)}, ValueError, "class_sizes must be positive integers"),
    ({"class_sizes": (True, 2)}, ValueError, "class_sizes must be positive integers"),
    ({"class_sizes": "3,2"}, ValueError, "class_sizes must be positive integers"),
    ({"depth": 0}, ValueError, "depth must be a positive integer, got 0"),
    ({"depth": -1}, ValueError, "depth must be a positive integer"),
    ({"depth": True}, ValueError, "depth must be a positive integer"),
    ({"depth": "2"}, ValueError, "depth must be a positive integer"),
    ({"depth": 2.0}, ValueError, "depth must be a positive integer"),
    ({"depth": (2, 3)}, ValueError, "depth must be a positive integer"),
    ({"class_sizes": None}, ValueError, "class_sizes must be positive integers"),
    ({"widths": (2, 2)}, ValueError, "widths needs one number, or one for each of 3 layers"),
    ({"widths": (2, 0, 2)}, ValueError, "widths must be positive integers"),
    ({"widths": 0}, ValueError, "widths must be positive integers"),
    ({"decays": 0}, ValueError, "a decay must be a positive rational, got 0"),
    ({"decays": "-1/2"}, ValueError, "a decay must be a positive rational"),
    ({"decays": "1/0"}, ValueError, "decays has a zero denominator"),
    ({"decays": "0.0005x"}, ValueError, "decays must be a rational"),
    ({"decays": "1e-999999999"}, ValueError, "decays has more than"),
    ({"decays": 5e-4}, TypeError, "decays must be an exact rational"),
    ({"decays": None}, ValueError, "weight_decays needs one number, or one for each of 3 layers, got 0"),
    ({"feature_decay": 1}, ValueError, "either decays or weight_decays with feature_decay"),
    ({"decays": None, "weight_decays": ("1/2",) * 3}, ValueError, "a decay must be a positive rational, got 0"),
    ({"decays": None, "weight_decays": ("1/2",) * 2, "feature_decay": 1}, ValueError, "weight_decays needs one number"),
    ({"decays": None, "weight_decays": (0.5,) * 3, "feature_decay": 1}, TypeError, "weight_decays must be an exact"),
    ({"decays": None, "weight_decays": 1, "feature_decay": 0.5}, TypeError, "feature_decay must be an exact"),
    ({"loss": "hinge"}, ValueError, "loss must be one of mse, ce, label-smoothing, focal, got 'hinge'"),
    ({"activation": "relu6"}, ValueError, "activation must be one of linear, relu"),
    ({"bias": "all"}, ValueError, "bias must be one of none, last-layer, got 'all'"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD, ids=[str(change) for change, _, _ in BAD])
def test_a_bad_argument_is_named(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        UnconstrainedFeatures(**({"class_sizes": (2, 1), "depth": 3, "decays": "1/10"} | change))


def test_letters_of_an_unequal_model() -> None:
    model = UnconstrainedFeatures(
        class_sizes=(4, 1, 1), weight_decays=("1/2", "1/3"), feature_decay=5, depth=2, widths=2
    )
    assert (model.K, model.N, model.M, model.R, model.Lambda) == (3, 6, 2, 2, F(5, 6))
    assert model.weight_shapes == ((2, 2), (3, 2))
    assert not model.balanced
    assert model.with_(class_sizes=(2, 2)).balanced


def test_run_lengths() -> None:
    assert run_lengths((5, 5, 5, 2, 5)) == "3×5, 2, 5"
    assert run_lengths(()) == ""


def test_with_changes_one_field_or_all_decays():
    model = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, weight_decays=("1/2", "1/3"), feature_decay=1)
    assert model.with_(bias="last-layer").weight_decays == model.weight_decays
    assert model.with_(decays="1/5").Lambda == Fraction(1, 125)
