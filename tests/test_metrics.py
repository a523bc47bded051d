"""Metrics against their definitions written out, and against frames whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from theory.metrics import (
    class_means,
    dang2023_nc1,
    dang2023_nc2_features,
    dang2023_nc2_weights,
    dang2023_nc3,
    dang2023_nc3_alignment,
    garrod2024_dnc1,
    relative_distance,
    relative_spectrum_distance,
)

LABELS = np.repeat(np.arange(4), (5, 3, 3, 2))
ETF = np.eye(4) - np.ones((4, 4)) / 4


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(7, 13))


def test_nc1_is_the_definition(features):
    means = class_means(features, LABELS, 4)
    within = (features - means[:, LABELS]) @ (features - means[:, LABELS]).T / 13
    centred = means - features.mean(axis=1, keepdims=True)
    between = centred @ centred.T / 4
    expected = np.trace(within @ np.linalg.pinv(between, rcond=1e-10)) / 4
    assert dang2023_nc1(features, LABELS, 4) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nc1_of_nearly_collapsed_features_is_small_not_garbage(features, dtype):
    """Balanced class means have rank K−1: the rounding of the last singular value must not be inverted."""
    labels = np.repeat(np.arange(4), 25)
    means = features[:, :4]
    noisy = (means[:, labels] + 1e-4 * np.random.default_rng(1).normal(size=(7, 100))).astype(dtype)
    assert 0 < dang2023_nc1(noisy, labels, 4) < 1e-6


def test_nc1_is_undefined_without_class_means():
    assert np.isnan(dang2023_nc1(np.zeros((3, 13)), LABELS, 4))


def test_dnc1_is_the_definition(features):
    """‖Σ_W Σ_B†‖_F² with the matrices formed, for classes of any sizes: Σ_B is around the mean of class means."""
    means = class_means(features, LABELS, 4)
    within = features - means[:, LABELS]
    centred = means - means.mean(1, keepdims=True)
    product = (within @ within.T / 13) @ np.linalg.pinv(centred @ centred.T / 4, rcond=1e-10)
    assert garrod2024_dnc1(features, LABELS, 4) == pytest.approx((product**2).sum(), rel=1e-10)
    assert garrod2024_dnc1(means[:, LABELS], LABELS, 4) < 1e-28
    assert np.isnan(garrod2024_dnc1(np.zeros((3, 13)), LABELS, 4))


def test_nc1_does_not_see_scale_or_rotation_or_shift(features):
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(7, 7)))[0]
    moved = 5 * rotation @ features + np.arange(7)[:, None]
    assert dang2023_nc1(moved, LABELS, 4) == pytest.approx(dang2023_nc1(features, LABELS, 4))


def test_published_metrics_are_blind_to_scale_and_ours_are_not():
    P, means = 3 * ETF, 0.2 * ETF
    assert dang2023_nc2_weights(P, ETF) == pytest.approx(0, abs=1e-14)
    assert dang2023_nc2_features(means, ETF) == pytest.approx(0, abs=1e-14)
    assert dang2023_nc3(P, means, ETF) == pytest.approx(0, abs=1e-14)
    assert dang2023_nc3_alignment(P, means, np.ones(4)) == pytest.approx(0, abs=1e-14)
    assert relative_distance(P @ P.T, ETF) == pytest.approx(8 / 9)


def test_metrics_see_the_wrong_frame():
    assert dang2023_nc2_weights(np.eye(4), ETF) == pytest.approx(np.linalg.norm(np.eye(4) / 2 - ETF / np.sqrt(3)))
    assert np.isnan(dang2023_nc2_weights(np.zeros((4, 4)), ETF))
    assert dang2023_nc3_alignment(np.diag([2.0, 1]), np.eye(2), np.array([2.0, 1])) == pytest.approx(0, abs=1e-14)


def test_relative_distance_is_bounded_and_settles_zero():
    zero = np.zeros((2, 2))
    assert (relative_distance(zero, zero), relative_distance(zero, np.eye(2))) == (0, 1)
    assert relative_distance(-np.eye(2), np.eye(2)) == pytest.approx(2)


def test_spectrum_distance_ignores_rotations():
    turned = np.array([[0.6, 0.8], [-0.8, 0.6]]) @ np.diag([1.0, 0]) @ np.array([[0.6, -0.8], [0.8, 0.6]])
    assert relative_distance(turned, np.diag([1.0, 0])) > 0.5
    assert relative_spectrum_distance(turned, np.diag([1.0, 0])) == pytest.approx(0, abs=1e-14)
