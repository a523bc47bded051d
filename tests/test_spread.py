"""The lower bound from the nuclear norm before the last ReLU: its lemma, its minimisation, and nothing is below it."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch

from theory import UnconstrainedFeatures, optimum
from theory.claims import GlobalMinimum, NotGlobalMinimum
from theory.closed_form.relu import SPREAD, enclosed, norm_chain
from theory.closed_form.spread import PRECISE, _Boxes, root_below, spread_bound
from theory.ops import constant
from theory.statement import Instance
from theory.strategies import decay_product
from verify.engines import Settings, load
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import lbfgs
from verify.methods.rivals import starts

RATIOS = [Fraction(1, 10**6), Fraction(1, 100), Fraction(9, 10), Fraction(5)]


def relu_model(classes: int, depth: int, ratio: Fraction, n: int = 1) -> UnconstrainedFeatures:
    """Equal classes, at a ratio to the threshold of collapse, hidden layers of 2K neurons."""
    weights = (Fraction(1, 20),) * depth
    feature = decay_product((n,) * classes, depth, n, ratio) * 20**depth
    return UnconstrainedFeatures(
        class_sizes=(n,) * classes,
        depth=depth,
        weight_decays=weights,
        feature_decay=feature,
        widths=(2 * classes,),
        activation="relu",
    )


def spread(s: np.ndarray) -> float:
    """Σ s_i²(3 − s_i²/s_1²)/(2 s_1)."""
    return float((s**2 * (3 - (s / s.max()) ** 2)).sum() / (2 * s.max()))


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (6, 3), (4, 6), (1, 4)])
def test_the_nuclear_norm_before_a_relu_is_at_least_the_spread_behind_it(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for shift in np.linspace(-1, 1, 400):
        B = random.normal(size=shape) + shift
        s = np.linalg.svd(np.maximum(B, 0), compute_uv=False)
        if s.max() > 0:
            assert np.linalg.svd(B, compute_uv=False).sum() >= spread(s) * (1 - 1e-12)


def function(model: UnconstrainedFeatures, squares: np.ndarray) -> float:
    """The function that is minimised, over all spectra: squares of the singular values in units of K λ_M."""
    K, M, mu = model.K, model.M, float(model.N * model.Lambda)
    return float((1 / (1 + squares)).sum() / (2 * K) + M / 2 * (mu * spread(squares**0.5) ** 2) ** (1 / M))


@pytest.mark.parametrize(("classes", "depth"), [(2, 2), (3, 2), (3, 4), (5, 3)])
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_bound_is_the_minimum_over_all_spectra(classes: int, depth: int, ratio: Fraction) -> None:
    """Never above the function at any spectrum, equal or not, and close to it at the best."""
    from scipy.optimize import minimize

    model, random, lowest = relu_model(classes, depth, ratio), np.random.default_rng(1), 0.5
    bound = float(spread_bound(model))
    for scale in np.geomspace(1e-2, 1e8, 20):
        for tail in (1.0, 0.5, 1e-3):
            start = scale * np.array([1.0] + [tail] * (classes - 1)) * np.exp(0.1 * random.normal(size=classes))
            found = minimize(lambda x: function(model, np.exp(x)), np.log(start), method="Nelder-Mead")
            lowest = min(lowest, found.fun)
    assert bound <= lowest * (1 + 1e-12)
    assert bound >= lowest * (1 - 2 * float(PRECISE))


@pytest.mark.parametrize(("classes", "depth"), [(3, 2), (5, 2), (3, 3), (3, 4), (6, 3)])
@pytest.mark.parametrize("ratio", RATIOS)
def test_no_descent_goes_below_the_bound(classes: int, depth: int, ratio: Fraction) -> None:
    model = relu_model(classes, depth, ratio)
    kernel, generator = LayeredModel(model, collapsed=True), torch.Generator().manual_seed(0)
    points = torch.cat([group.points for group in starts(kernel, 6, generator, {})])
    lowest = float(kernel.value_and_gradient(lbfgs(kernel, points, 300))[0].min())
    known = enclosed(model)
    assert float(known.lower.low) <= lowest * (1 + 1e-9)
    assert known.lower.low <= known.upper.high


@pytest.mark.parametrize(("classes", "depth"), [(3, 2), (4, 3), (3, 5)])
def test_it_is_better_than_the_chain_of_norms_and_not_above_collapse(classes: int, depth: int) -> None:
    for ratio in RATIOS[:3]:
        model = relu_model(classes, depth, ratio)
        chain, known = norm_chain(model), enclosed(model)
        assert known.lower.low > chain.high * Fraction(11, 10)
        assert known.assumptions == (SPREAD,)
        assert known.lower.high < known.upper.low == optimum(model.with_(activation="linear")).objective.low


def test_two_layers_and_small_decays_leave_little_between_the_bounds() -> None:
    known = enclosed(relu_model(3, 2, Fraction(1, 10**6)))
    assert known.lower.low > Fraction(97, 100) * known.upper.high


def test_where_zero_is_optimal_the_bounds_meet() -> None:
    known = enclosed(relu_model(3, 2, Fraction(100)))
    assert known.is_exact
    assert known.upper.low == Fraction(1, 2)


def test_the_bound_depends_on_n_and_the_decays_by_their_product_alone() -> None:
    one, four = relu_model(3, 3, Fraction(1, 3)), relu_model(3, 3, Fraction(1, 3), n=4)
    moved = one.with_(feature_decay=one.feature_decay * 3, weight_decays=(Fraction(1, 60), *one.weight_decays[1:]))
    assert spread_bound(one) == spread_bound(four) == spread_bound(moved)


def test_slopes_and_corners_enclose_the_function_on_a_rectangle() -> None:
    boxes, random = _Boxes(4, 3, Fraction(1, 1000)), np.random.default_rng(2)
    for _ in range(200):
        z_0, y_0 = Fraction(float(np.exp(3 * random.normal()))), Fraction(float(random.random()))
        z_1, y_1 = z_0 * (1 + Fraction(float(random.random()))), y_0 + (1 - y_0) * Fraction(float(random.random()))
        least = boxes._box(z_0, z_1, y_0, y_1)[0]
        for a, b in product(np.linspace(0, 1, 5), repeat=2):
            z, y = z_0 + (z_1 - z_0) * Fraction(a), y_0 + (y_1 - y_0) * Fraction(b)
            assert least <= boxes._falling(z, y) + boxes._rising(z, y).high


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_roots_are_from_below_and_close(n: int) -> None:
    for x in (Fraction(1, 3), Fraction(2), Fraction(10**30 + 1), Fraction(1, 10**200)):
        root = root_below(x, n)
        assert root**n <= x < (root * (1 + Fraction(1, 10**8))) ** n
    assert root_below(Fraction(1, 10**400), n) == 0 or n == 1
    assert root_below(Fraction(0), n) == 0


def test_extreme_decays_leave_the_chain_of_norms() -> None:
    tiny = UnconstrainedFeatures(class_sizes=(1,) * 3, depth=2, decays=Fraction(1, 10**300), activation="relu")
    assert 0 < enclosed(tiny).lower.low < enclosed(tiny).upper.high


def test_what_the_chain_does_not_exclude_this_bound_does() -> None:
    model = relu_model(3, 2, Fraction(1, 100))
    value = constant(Fraction(19, 20) * enclosed(model).upper.low)
    assert norm_chain(model).high < enclosed(model).upper.low * Fraction(4, 5)
    for claim in (GlobalMinimum(model, value), NotGlobalMinimum(model, value)):
        findings = load("precision").examine(Instance(claim), Settings(device="cpu")).findings
        assert [(f.conclusion, f.assurance) for f in findings] == [("refuted", "certified")]


def test_it_is_for_balanced_models_without_a_bias_and_two_layers() -> None:
    model = relu_model(3, 2, Fraction(1, 2))
    for other in (model.with_(class_sizes=(1, 2, 1)), model.with_(bias="last-layer")):
        with pytest.raises(ValueError, match="two layers or more"):
            spread_bound(other)
    single = UnconstrainedFeatures(class_sizes=(1, 1, 1), depth=1, decays="1/9", activation="relu")
    with pytest.raises(ValueError, match="two layers or more"):
        spread_bound(single)
