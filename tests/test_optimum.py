"""The closed form against brute force that shares nothing with it, and its behaviour exactly at every edge."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from theory.arithmetic.intervals import Interval
from theory.closed_form.confidence import critical_load, deficit
from theory.closed_form.modes import load, threshold
from theory.closed_form.optimum import convention_factor, optimum, radius
from theory.closed_form.secular import Secular
from theory.model import UnconstrainedFeatures


def model(sizes, depth=1, decay="1/100", **fields):
    if "weight_decays" in fields:
        return UnconstrainedFeatures(class_sizes=sizes, depth=depth, **fields)
    return UnconstrainedFeatures(class_sizes=sizes, depth=depth, decays=decay, **fields)


def brute_force(m, starts=6):
    """The best of several L-BFGS runs over all N columns, with gradients written by hand."""
    rng = np.random.default_rng(1)
    Y = np.repeat(np.eye(m.K), m.class_sizes, axis=1)
    centre = np.eye(m.N) - (np.ones((m.N, m.N)) / m.N if m.has_bias else 0)
    shapes = [(m.widths[0], m.N), *m.weight_shapes]
    decays = [float(m.feature_decay), *map(float, m.weight_decays)]
    ends = np.cumsum([0] + [a * b for a, b in shapes])

    def unpack(x):
        return [x[i:j].reshape(s) for i, j, s in zip(ends, ends[1:], shapes, strict=False)]

    def value_and_gradient(x):
        factors = unpack(x)
        outputs = [factors[0]]
        for W in factors[1:]:
            outputs.append(W @ outputs[-1])
        residual = (outputs[-1] - Y) @ centre
        value = (residual**2).sum() / (2 * m.N) + sum(
            d / 2 * (A**2).sum() for d, A in zip(decays, factors, strict=True)
        )
        gradients, back = [d * A for d, A in zip(decays, factors, strict=True)], residual / m.N
        for i in range(m.M, 0, -1):
            gradients[i] = gradients[i] + back @ outputs[i - 1].T
            back = factors[i].T @ back
        gradients[0] = gradients[0] + back
        return value, np.concatenate([g.ravel() for g in gradients])

    options = {"maxiter": 5000, "ftol": 1e-16, "gtol": 1e-10, "maxcor": 30}
    runs = [
        minimize(value_and_gradient, rng.normal(size=ends[-1]) * 0.7, jac=True, method="L-BFGS-B", options=options)
        for _ in range(starts)
    ]
    best = min(runs, key=lambda run: run.fun)
    H, *weights = unpack(best.x)
    P = np.eye(m.widths[0])
    for W in weights:
        P = W @ P
    b = (Y - P @ H).mean(axis=1) if m.has_bias else np.zeros(m.K)
    return best.fun, P, H @ Y.T / np.array(m.class_sizes), b


CASES = [
    model((6, 4, 2), 1, "1/50"),
    model((6, 4, 2), 2, "1/80"),
    model((6, 4, 2), 3, widths=(5, 4, 3), weight_decays=("1/100", "1/50", "1/200"), feature_decay="1/90"),
    model((9, 5, 3, 1), 1, "1/13"),
    model((20, 6, 3, 1), 2, "1/50"),
    model((8, 4, 2), 1, "1/60", bias="last-layer"),
    model((8, 4, 2), 2, "1/60", bias="last-layer"),
    model((2, 8, 4, 2), 2, "1/100", bias="last-layer"),
    model((8, 4, 2, 2), 3, bias="last-layer", weight_decays=("1/200", "1/300", "1/400"), feature_decay="1/500"),
    model((4, 4, 4), 2, "1/100", bias="last-layer"),
    model((9, 5, 3, 3), 2, "1/90", widths=(3, 2), bias="last-layer"),
    model((5, 4, 3, 2), 2, "1/100", widths=(7, 2)),
    model((3, 3), 2, "9/10"),
    model((3, 2), 1, "9/10", bias="last-layer"),
    model((4,), 3, "1/30"),
]
TIED = [
    model((4, 4, 4, 4), 2, "1/100", widths=(2, 4), bias="last-layer"),
    model((6, 4, 4, 4), 1, "1/40", widths=2),
    model((6, 4, 4, 4), 1, "1/40", widths=2, bias="last-layer"),
    model((6, 4, 4, 4), 2, "1/60", widths=(2, 3), bias="last-layer"),
]


@pytest.mark.parametrize("m", CASES, ids=str)
def test_value_and_geometry_agree_with_brute_force(m):
    best = optimum(m)
    value, P, means, b = brute_force(m)
    assert best.unique
    assert abs(float(best.objective) - value) < 1e-12
    assert np.allclose(best.logits(dense=True).array(), P @ means + b[:, None], atol=1e-6)
    assert np.allclose(best.weights_gram(dense=True).array(), P @ P.T, atol=1e-5)
    assert np.allclose(best.features_gram(dense=True).array(), means.T @ means, atol=1e-5)
    assert np.allclose([float(g) for g in best.gains().by_class()], np.diag(P @ means), atol=1e-6)
    assert np.allclose([float(x) for x in best.bias or [0] * m.K], b, atol=1e-7)


@pytest.mark.parametrize("m", TIED, ids=str)
def test_ties_at_the_cut_agree_in_value_and_spectra(m):
    best = optimum(m)
    value, P, means, _ = brute_force(m, starts=10)
    assert not best.unique
    assert "any orthogonal projection" in best.note
    assert abs(float(best.objective) - value) < 1e-12
    for predicted, found in ((best.weights_gram(True), P @ P.T), (best.features_gram(True), means.T @ means)):
        assert np.allclose(np.linalg.eigvalsh(predicted.array()), np.linalg.eigvalsh(found), atol=1e-5)


@pytest.mark.parametrize("m", CASES + TIED, ids=str)
def test_the_described_minimiser_attains_the_objective(m):
    """Weights built from the predicted Gram matrices alone, evaluated by the definition of the objective."""
    best = optimum(m)
    logits = best.logits(dense=True).array()
    Y = np.repeat(np.eye(m.K), m.class_sizes, axis=1)
    outputs = np.repeat(logits, m.class_sizes, axis=1)
    features = np.array([float(best.features_gram(dense=True).array()[k, k]) for k in range(m.K)])
    layer_norms = float(m.feature_decay) * (features * np.array(m.class_sizes)).sum()
    # Balancedness: every factor pays the same.
    value = ((outputs - Y) ** 2).sum() / (2 * m.N) + (m.M + 1) / 2 * layer_norms
    assert abs(value - float(best.objective)) < 1e-12


def threshold_model(M, n, others=(), **fields):
    """A model whose classes of size n stand exactly at their threshold."""
    sizes = (*others, n, n)
    N = sum(sizes)
    Lambda = critical_load(M) * Fraction(n) ** M / N ** (M + 1)
    decays = {"weight_decays": (Lambda, *[1] * (M - 1)), "feature_decay": Fraction(1)}
    return UnconstrainedFeatures(class_sizes=sizes, depth=M, **{**decays, **fields})


@pytest.mark.parametrize("M", range(1, 9))
def test_exactly_at_the_threshold_and_just_beside_it(M):
    at = optimum(threshold_model(M, 3))
    assert at.objective == Interval.exact(Fraction(1, 2))
    assert at.threshold.is_exact
    assert at.threshold.low == 3
    if M == 1:
        assert (at.trivial, at.unique, at.note) == (True, True, None)
    else:
        assert (at.trivial, at.unique) == (False, False)
        assert "threshold" in at.note
        assert at.logits().diagonal[0] == Interval.exact(Fraction(M - 1, M))
    tiny = Fraction(1, 10**80)
    decay = at.model.weight_decays[0]
    below = optimum(at.model.with_(weight_decays=(decay * (1 - tiny), *at.model.weight_decays[1:])))
    above = optimum(at.model.with_(weight_decays=(decay * (1 + tiny), *at.model.weight_decays[1:])))
    assert (below.trivial, below.unique) == (False, True)
    assert below.objective.low < Fraction(1, 2)
    assert (above.trivial, above.unique) == (True, True)
    assert above.objective == Interval.exact(Fraction(1, 2))


def test_a_threshold_outside_the_widths_does_not_matter():
    inside, outside = (threshold_model(2, 3, others=(9, 8), widths=w) for w in ((3, 3), (2, 2)))
    assert not optimum(inside).unique
    assert optimum(outside).unique
    assert [mode.rank for mode in optimum(outside).modes] == [1, 1, 0]


@pytest.mark.parametrize("M", [1, 2, 3])
def test_threshold_with_bias_and_unequal_classes_is_decided_exactly(M):
    """For two sizes the mode between them is rational: μ = K n₁n₂/N."""
    sizes = (6, 2, 2)
    mu = Secular((2, 6), (2, 1)).root(0)
    assert mu == Interval.exact(Fraction(3 * 6 * 2, 10))
    Lambda = critical_load(M) * mu.low**M / 10 ** (M + 1)
    fields = {"depth": M, "bias": "last-layer", "feature_decay": Fraction(1)}

    def at(factor):
        return optimum(model(sizes, weight_decays=(Lambda * factor, *[1] * (M - 1)), **fields))

    assert at(Fraction(1)).unique == (M == 1)
    assert at(Fraction(1)).trivial == (M == 1)
    assert at(1 - Fraction(1, 10**60)).unique
    assert not at(1 - Fraction(1, 10**60)).trivial
    assert at(1 + Fraction(1, 10**60)).trivial


def test_an_irrational_mode_very_near_its_threshold_is_decided():
    mu = Secular((1, 2, 4), (1, 1, 1)).root(1, digits=80)
    for end, trivial in ((mu.low, False), (mu.high, True)):
        decay = end / Fraction(7) ** 2
        found = optimum(model((4, 2, 1), weight_decays=(decay,), feature_decay=1, bias="last-layer"))
        assert found.trivial is trivial


@pytest.mark.parametrize("M", [1, 2, 3])
def test_a_trivial_optimum_is_exact_even_where_modes_are_only_enclosed(M):
    best = optimum(model((200, 100, 50, 50), M, 9, bias="last-layer"))
    assert best.trivial
    assert (best.to_json()["objective"], best.to_json()["radius"]) == ("0.328125", "0")


def test_one_class():
    plain, biased = optimum(model((5,), 2, "1/1000")), optimum(model((5,), 2, "1/1000", bias="last-layer"))
    assert plain.unique
    assert not plain.trivial
    assert (biased.objective, biased.trivial, biased.unique) == (Interval.exact(0), True, True)
    assert biased.bias == (1,)
    assert biased.logits().diagonal == (Interval.exact(1),)


def test_representative_uses_the_classes_listed_first():
    best = optimum(model((4, 6, 4, 4), 1, "1/40", widths=3))
    assert [cls["active"] for cls in best.to_json()["classes"]] == [True, True, True, False]
    assert best.logits().groups == ((0, 2), (1,), (3,))


def test_plain_model_matches_theorem_4_1():
    """s² = √(n λ_H/λ_W) − N λ_H; here all roots are rational, so the answers are exact."""
    best = optimum(model((100, 25, 4), 1, weight_decays=("1/1000",), feature_decay="1/1000"))
    N_decay = Fraction(129, 1000)
    assert [w.low for w in best.weights_gram().diagonal] == [root - N_decay for root in (10, 5, 2)]
    assert [h.low for h in best.features_gram().diagonal] == [(root - N_decay) / root**2 for root in (10, 5, 2)]
    assert best.objective.is_exact
    assert best.to_json()["radius"] == "0"


def test_json_has_the_fields_of_the_design():
    data = optimum(model((200, 100, 50, 50), 3, "1/2000")).to_json(dense=True)
    assert set(data) == {
        *("objective", "radius", "lower", "upper", "zero_objective", "trivial", "unique", "note", "logits"),
        *("weights_gram", "features_gram", "classes", "bias", "assumptions"),
    }
    assert data["logits"]["groups"] == [[0], [1], [2, 3]]
    assert data["logits"]["off_diagonal"] == "0"
    assert len(data["logits"]["dense"]) == 4
    assert data["classes"][3]["gain"] == data["logits"]["dense"][3][3]


def test_digits_ask_for_precision():
    m = model((7, 3), 3, "1/200")
    short, long = optimum(m, digits=10).objective, optimum(m, digits=200).objective
    assert short.low <= long.low <= long.high <= short.high
    assert long.width < Fraction(1, 10**199)
    printed = long.decimal(200)
    assert abs(Fraction(printed) - long.middle) <= Fraction(radius(long, Fraction(printed)))


@pytest.mark.parametrize("bias", ["none", "last-layer"])
def test_conventions_multiply_the_whole_objective(bias):
    m = model((6, 4, 2), 2, "1/80", bias=bias)
    for convention in ("1/(2NK)", "sum"):
        factor = convention_factor(convention, m.class_sizes)
        decay = Fraction(1, 80) / factor
        given_in_convention = decay * factor
        same = optimum(model((6, 4, 2), 2, given_in_convention, bias=bias))
        assert same.objective == optimum(m).objective
        assert Fraction(same.to_json(convention=convention)["objective"]) == pytest.approx(
            float(optimum(m).objective) / float(factor)
        )


def test_layer_grams_interpolate_between_features_and_outputs():
    best = optimum(model((8, 4, 2, 2), 3, "1/300", bias="last-layer"))
    b = np.array([float(x) for x in best.bias])[:, None]
    outputs = best.logits(dense=True).array() - b
    assert np.allclose(best.features_gram(dense=True, layer=3).array(), outputs.T @ outputs)


sizes = st.lists(st.integers(1, 12), min_size=1, max_size=5).map(tuple)
rationals = st.fractions(Fraction(1, 2000), Fraction(1, 5), max_denominator=2000)
settings_ = st.fixed_dictionaries(
    {"class_sizes": sizes, "depth": st.integers(1, 4), "bias": st.sampled_from(["none", "last-layer"])}
)


def close(left, right):
    return left.objective.low <= right.objective.high and right.objective.low <= left.objective.high


@settings(max_examples=40, deadline=None)
@given(settings_, rationals, st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_value_does_not_see_the_order_of_classes(fields, decay, random, width):
    shuffled = list(fields["class_sizes"])
    random.shuffle(shuffled)
    first, second = (
        optimum(UnconstrainedFeatures(**{**fields, "class_sizes": tuple(s)}, widths=(width,), decays=decay))
        for s in (fields["class_sizes"], shuffled)
    )
    assert close(first, second)
    assert (first.unique, first.trivial) == (second.unique, second.trivial)


@settings(max_examples=40, deadline=None)
@given(settings_, rationals, rationals)
def test_the_value_sees_only_the_product_of_decays(fields, decay, other):
    depth = fields["depth"]
    first = UnconstrainedFeatures(**fields, weight_decays=(decay,) * depth, feature_decay=decay)
    second = UnconstrainedFeatures(
        **fields, weight_decays=(other, *[decay] * (depth - 1)), feature_decay=decay * decay / other
    )
    assert close(optimum(first), optimum(second))


@settings(max_examples=40, deadline=None)
@given(settings_, rationals)
def test_doubling_all_classes_is_halving_the_feature_decay(fields, decay):
    doubled = {**fields, "class_sizes": tuple(2 * n for n in fields["class_sizes"])}
    first = UnconstrainedFeatures(**fields, weight_decays=(decay,) * fields["depth"], feature_decay=decay)
    second = UnconstrainedFeatures(**doubled, weight_decays=(decay,) * fields["depth"], feature_decay=decay / 2)
    assert close(optimum(first), optimum(second))


@settings(max_examples=40, deadline=None)
@given(settings_, rationals, st.integers(1, 6))
def test_laws_of_the_optimum(fields, decay, width):
    best = optimum(UnconstrainedFeatures(**fields, decays=decay, widths=(width,)))
    assert best.objective.low <= best.zero_objective
    # A mode at its threshold costs the same as zero, so only strict use must lower the value.
    strictly_used = any(mode.rank and not mode.tied for mode in best.modes)
    assert strictly_used == (best.objective.high < best.zero_objective)
    assert sum(mode.rank for mode in best.modes) <= best.model.R
    for mode in best.modes:
        if mode.rank:
            assert mode.confidence.high >= Fraction(best.model.M - 1, best.model.M)
    wider = optimum(best.model.with_(widths=(width + 1,) * best.model.M))
    assert wider.objective.low <= best.objective.high


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.fractions(Fraction(1, 10**6), 1), st.integers(1, 60))
@example(3, Fraction(999817, 10**6), 1)
def test_deficit_encloses_the_largest_root(M, share, digits):
    q = critical_load(M) * share
    y = deficit(M, q, digits)
    assert y.low ** (M + 1) * (1 - y.low) ** (M - 1) <= q <= y.high ** (M + 1) * (1 - y.high) ** (M - 1)
    assert 0 < y.low <= y.high <= Fraction(1, M)
    assert y.width <= y.high / 10**digits


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(1, 10**15), st.integers(1, 50), min_size=2, max_size=6))
def test_secular_roots_are_enclosed(groups):
    sizes = tuple(sorted(groups))
    f = Secular(sizes, tuple(groups[n] for n in sizes))

    def value(mu):
        return sum(Fraction(groups[n] * n) / (n - mu) for n in sizes)

    for left, mu in enumerate(f.roots(25)):
        assert sizes[left] < mu.low <= mu.high < sizes[left + 1]
        assert value(mu.low) <= 0 <= value(mu.high)
        assert mu.width <= mu.high / 10**24


def test_roots_of_many_sizes_enclose_the_exact_ones():
    f = Secular(tuple(range(1, 301)), (1,) * 300)
    rough = f.roots()
    for left in range(0, 299, 30):
        exact = f.root(left)
        assert rough[left].low <= exact.low <= exact.high <= rough[left].high
        assert rough[left].width < rough[left].high / 10**12


def test_threshold_and_load_agree():
    m = model((9, 4), 3, "1/50")
    mu = threshold(m)
    assert load(m, mu.high) <= critical_load(3) <= load(m, mu.low)
