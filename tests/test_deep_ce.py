"""Deep linear models with cross-entropy: bounds on collapse, spectra, dimensions, and what the engines do with them."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from math import exp, inf, log
from typing import Any

import numpy as np
import pytest
import torch

from theory.arithmetic.floats import Floats, to_float
from theory.arithmetic.interpreters import Balls, precision
from theory.claims import CriticalPoints, GlobalMinimum, Minimisation, clause, equal
from theory.closed_form.deep_softmax import (
    beats_zero,
    below_collapse,
    collapse_point,
    collapse_value,
    critical_decay,
    model,
    near_critical,
    problem,
)
from theory.model import UnconstrainedFeatures
from theory.ops import constant, log_sum_exp, variable
from theory.ops import log as log_of
from theory.papers.garrod2025 import bias, landscape
from theory.statement import Instance
from verify.attacks import Engines, RivalSearch, attack_on
from verify.checker import check
from verify.enclosures import by_norms, stays_above
from verify.engines import Settings, load
from verify.methods.kernels import LayeredModel
from verify.methods.rivals import may_hide, natural_size, starts
from verify.verdict import REFUTED, Unable
from verify.witness import stands_above

CPU = Settings(device="cpu")
SIZES = [(2, 2, 1), (3, 2, 2), (4, 3, 1), (5, 4, 3)]


def least_collapse(K: int, L: int, decay: float, n: int) -> float:
    """The least loss of collapse on a fine grid of scales."""
    alpha = np.linspace(0.01, 30, 300_000)
    cost = decay * (L + 1) / 2 * (K - 1) * (alpha * n**0.5) ** (2 / (L + 1))
    return min(log(K), float((np.log1p((K - 1) * np.exp(-alpha)) + cost).min()))


@pytest.mark.parametrize(("K", "L", "n"), SIZES)
@pytest.mark.parametrize("alpha", [Fraction(7, 2), Fraction(6), Fraction(12)])
def test_the_bound_on_collapse_is_below_it_and_near(K: int, L: int, n: int, alpha: Fraction) -> None:
    assert beats_zero(K, L, alpha)
    found = near_critical(K, L, n, alpha)
    exact = critical_decay(K, L, n, constant(alpha))
    with precision(300):
        share = Balls().number(found.feature_decay) / Balls().evaluate(exact)
        assert share <= 1
        assert share > 1 - Balls().number(Fraction(1, 10**9))
    bound = float(to_float(below_collapse(found, alpha)))
    least = least_collapse(K, L, float(found.feature_decay), n)
    assert least * (1 - 1e-6) < bound <= least * (1 + 1e-12)


def test_below_its_tie_with_zero_collapse_does_not_beat_zero() -> None:
    assert beats_zero(3, 2, Fraction(7, 5))
    assert not beats_zero(3, 2, Fraction(13, 10))
    assert beats_zero(3, 1, Fraction(1, 10))


@pytest.mark.parametrize(("K", "L", "n"), SIZES)
@pytest.mark.parametrize("spread", [1, 2])
@pytest.mark.parametrize("spare", [0, 2])
def test_the_point_of_collapse_has_its_value_and_is_stationary(K: int, L: int, n: int, spread: int, spare: int) -> None:
    d, alpha = K - 1 + spare, log_of(Fraction(19))
    decay = critical_decay(K, L, n, alpha)
    found = problem(K, L, n, decay, d, spread)
    point = {
        name: value.requires_grad_()
        for name, value in Floats().point(collapse_point(K, L, n, alpha, d, spread)).items()
    }
    value = Floats().evaluate(found.objective, point)
    assert float(value.detach()) == pytest.approx(float(to_float(collapse_value(K, L, n, decay, alpha))), rel=1e-13)
    value.sum().backward()
    assert max(float(x.grad.abs().max()) for x in point.values() if x.grad is not None) < 1e-13


@pytest.mark.parametrize("kind", ["simplex", "pairs", "ring"])
@pytest.mark.parametrize("K", [4, 5, 6])
@pytest.mark.parametrize("first", [1, 4])
def test_spectra_are_those_of_the_matrices(kind: str, K: int, first: int) -> None:
    outputs = np.array(bias.ROWS[kind](K), dtype=float) * np.sqrt([first, *[1] * (K - 1)])
    measured = np.linalg.svd(outputs)[1]
    stated = sorted((float(to_float(x)) for x in bias.spectrum(kind, K, first)), reverse=True)
    assert measured[: len(stated)] == pytest.approx(stated)
    assert np.all(measured[len(stated) :] < 1e-9)


@pytest.mark.parametrize("case", bias.CASES)
def test_low_rank_wins_from_the_stated_depth_on_and_not_before(case: bias.Case) -> None:
    better, lower, K, depth = case
    ratio = max(
        x / m
        for xs, ms in zip(*(bias.margins(bias.ROWS[kind](K)) for kind in case[:2]), strict=True)
        for x, m in zip(xs, ms, strict=True)
    )

    def cheaper(L: int, first: int) -> bool:
        sums = [
            sum((scale * float(to_float(s))) ** (2 / (L + 1)) for s in bias.spectrum(kind, K, first))
            for kind, scale in ((lower, ratio), (better, 1))
        ]
        return sums[0] < sums[1]

    assert all(cheaper(L, first) for L in range(depth, depth + 8) for first in (1, 2, 4, 9))
    assert not all(cheaper(depth - 1, first) for first in (1, 2, 4, 9))


@pytest.mark.parametrize(("rank", "d", "L", "equal_values"), [(2, 4, 1, True), (3, 4, 2, True), (2, 3, 3, False)])
def test_the_tangent_space_of_critical_parameters_is_that_of_frames(
    rank: int, d: int, L: int, equal_values: bool
) -> None:
    """The rank of the numerical derivative of the map from frames to factors, with any singular values."""
    s = torch.ones(rank, dtype=torch.float64) if equal_values else 1 + torch.arange(rank, dtype=torch.float64)
    K = rank + 1
    ends = [
        torch.linalg.qr(torch.randn(K, rank, dtype=torch.float64, generator=torch.Generator().manual_seed(i)))[0]
        for i in (0, 1)
    ]

    def factors(x: torch.Tensor) -> torch.Tensor:
        skew = x.reshape(L, d, d)
        hidden = [torch.matrix_exp(A - A.T)[:, :rank] for A in skew]
        frames = [ends[0], *hidden, ends[1]]
        return torch.cat([(upper * s @ lower.T).reshape(-1) for lower, upper in pairwise(frames)])

    jacobian = torch.autograd.functional.jacobian(factors, torch.zeros(L * d * d, dtype=torch.float64))
    measured = int(torch.linalg.matrix_rank(jacobian, atol=1e-9))  # type: ignore[arg-type]
    assert measured == landscape.frames_dimension(rank, d, L) == float(to_float(landscape.dimension(rank, d, L)))


def test_the_sharp_condition_is_that_of_the_whole_hessian() -> None:
    from verify.methods.minimise import dense_hessian

    for K, L in ((4, 2), (4, 3), (5, 2)):
        signs = []
        for share in (0.98, 1.02):
            alpha = share * K * (L - 1) / (L + 1)
            decay = alpha ** ((L - 1) / (L + 1)) / (K - 1 + exp(alpha))
            kernel = LayeredModel(model(K, L, 1, Fraction(decay).limit_denominator(10**14)), collapsed=False)
            S = torch.eye(K, dtype=torch.float64) - 1 / K
            names = [*(f"W_{m}" for m in range(1, L + 1)), "H"]
            x = kernel.point(dict.fromkeys(names, (alpha ** (1 / (L + 1)) * S)[None]))
            assert float(kernel.value_and_gradient(x)[1].norm()) < 1e-12
            signs.append(float(torch.linalg.eigvalsh(dense_hessian(kernel, x)[0])[0]) / kernel.kappa < -1e-3)
        assert signs == [True, False]


# ------------------------------------------------------------------------------------------------------------- engines


def test_the_refuter_finds_low_rank_by_itself() -> None:
    found = near_critical(4, 3, 1, Fraction(6))
    claim = GlobalMinimum(found, below_collapse(found, Fraction(6)))
    attack = attack_on(claim, {})
    assert isinstance(attack, RivalSearch)
    witness = attack.run(Instance(claim), 0, 20.0)
    assert witness is not None
    (certificate,) = witness.certificates
    assert certificate["kind"] == "counterexample"
    assert check(dict(certificate))


def test_which_models_may_hide_minima_of_low_rank() -> None:
    deep = model(3, 2)
    assert may_hide(deep)
    assert may_hide(deep.with_(loss="mse", activation="relu", decays=1))
    assert not may_hide(deep.with_(loss="mse", decays=1))
    assert not may_hide(model(3, 1))
    assert isinstance(attack_on(GlobalMinimum(model(3, 1), constant(1)), {}), Engines)


def test_starts_of_linear_models_have_no_codes_and_grow_as_decays_fall() -> None:
    sizes = []
    for decay in ("1/2", "1/10", "1/1000"):
        kernel = LayeredModel(model(4, 3, 1, decay), collapsed=True)
        sizes.append(natural_size(kernel))
        names = [group.name for group in starts(kernel, 2, torch.Generator().manual_seed(0), {})]
        assert names == ["random factors", "random factors through a bottleneck"]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1.0 < sizes[-1]
    assert natural_size(LayeredModel(model(4, 3).with_(loss="mse", decays="1/1000"), collapsed=True)) == 1.0


def test_norms_exclude_values_that_are_too_low_and_no_others() -> None:
    for found in (near_critical(4, 3, 1, Fraction(6)), near_critical(3, 2, 2, Fraction(4), activation="relu")):
        value = below_collapse(found, Fraction(6) if found.K == 4 else Fraction(4))
        assert not stays_above(*by_norms(found), value)
        assert stays_above(*by_norms(found), value / 20)


def test_balance_holds_for_every_loss_of_linear_layers() -> None:
    for loss in ("ce", "label-smoothing", "focal"):
        found = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, decays="1/10", loss=loss)
        W, V = found.weights[1], found.weights[0]
        right = CriticalPoints(found, (clause("balance", equal(W.T @ W, V @ V.T)),))
        twice = CriticalPoints(found, (clause("balance", equal(2 * (W.T @ W), V @ V.T)),))
        assert conclusions("symbolic", right) == [("holds", "certified")]
        assert conclusions("symbolic", twice) == [("undecided", "none")]
    with pytest.raises(Unable):
        conclusions("symbolic", CriticalPoints(found.with_(bias="last-layer"), right.clauses))


def conclusions(engine: str, claim: Any) -> list[tuple[str, str]]:
    return [(f.conclusion, f.assurance) for f in load(engine).examine(Instance(claim), CPU).findings]


def test_what_only_rounding_puts_below_a_claim_is_given_up() -> None:
    z = variable("z", (2, 1))
    far = log_sum_exp(z)[0, 0] - z[0, 0] + (z[1, 0] - z[0, 0]) / 10**6
    claim = Minimisation(far**2, {"z": z})
    point = {"z": [[Fraction(2**80)], [Fraction(2**80)]]}
    assert stands_above(claim, point, constant(0))
    assert not stands_above(claim, point, constant(1))


def test_three_classes_and_two_layers_are_enough() -> None:
    from theory.papers.dang2023.cross_entropy import ce_deep_linear

    instance = Instance.of(ce_deep_linear, ce_deep_linear.witness)
    evidence = load("descent").examine(instance, CPU)
    assert {f.clause: f.conclusion for f in evidence.findings}["value"] == REFUTED
    (certificate,) = evidence.certificates
    assert check(json.loads(json.dumps(certificate)))
    value = float(to_float(instance.claim.value))  # type: ignore[union-attr]
    given_up = min((rank_one(x) for x in np.linspace(0.3, 3, 2_000)), default=inf)
    assert given_up < value * (1 - 1e-3)


def rank_one(b: float) -> float:
    """The objective of outputs b (e_1 − e_2)(e_1 − e_2)ᵀ at the decay where collapse has the scale log(13/3)."""
    alpha = log(13 / 3)
    decay = alpha ** (1 / 3) / (2 + exp(alpha))
    fit = (2 * log(1 + exp(-b) + exp(-2 * b)) + log(3)) / 3
    return fit + 3 / 2 * decay * (2 * b) ** (2 / 3)
