"""L-BFGS and plain gradient descent in lanes: each restart with its own steps, the next one in a lane that is done."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.compiled.lanes import (
    LANES,
    Lanes,
    add_entrywise,
    add_scaled,
    compiled,
    dot,
    put_difference,
    put_scaled,
    zeros,
)
from verify.compiled.tape import ONE, differentiate, value_and_gradient, workspace

MINUS = -ONE

Points = NDArray[np.float64]
"""Restarts (B, size)."""


@compiled
def lbfgs(
    program: Any,
    starts: Points,
    iterations: int,
    tolerance: float,
    pairs: int,
    armijo: float,
    rounding: float,
    flat: float,
) -> Points:
    """Where L-BFGS with Armijo backtracking leads from each start, as in ``verify.methods.minimise.lbfgs``.

    Args:
        pairs: steps and changes of the gradient that are kept.
        armijo: the decrease, as a fraction of what the slope promises, at which a step is taken.
        rounding: relative error of a value.
        flat: least cosine between a step and its change of gradient for the pair to be kept.
    """
    size, room, ends = starts.shape[1], workspace(program), starts.copy()
    x, g, step = zeros(size), zeros(size), zeros(size)
    trial, slopes = zeros(size), zeros(size)
    S, Y = zeros(pairs * size), zeros(pairs * size)
    inverse, scale, sums = zeros(pairs), np.zeros(LANES), zeros(4)
    value, found, length, used = np.zeros(LANES), np.zeros(LANES), np.ones(LANES), np.zeros(LANES, np.int64)
    restart, fresh, taken = np.full(LANES, -1), np.zeros(LANES, np.bool_), np.zeros(LANES, np.bool_)
    kept, following, last = np.zeros(LANES, np.bool_), 0, 0
    while True:
        idle = 0
        for lane in range(LANES):
            if restart[lane] < 0 and following < len(starts):
                restart[lane], fresh[lane], used[lane], length[lane] = following, True, 0, 1.0
                _enter(starts[following], x, step, lane)
                following += 1
            idle += restart[lane] < 0
        if idle == LANES:
            return ends
        _move(x, step, length, trial)
        value_and_gradient(program, trial, slopes, found, room)
        last = (last + 1) % pairs
        put_difference(S, last * size, trial, 0, x, 0, size)
        put_difference(Y, last * size, slopes, 0, g, 0, size)
        dot(step, 0, g, 0, sums, 0, size)
        dot(S, last * size, Y, last * size, sums, 1, size)
        dot(S, last * size, S, last * size, sums, 2, size)
        dot(Y, last * size, Y, last * size, sums, 3, size)
        for lane in range(LANES):
            slope, product, squared, changed = sums[0, lane], sums[1, lane], sums[2, lane], sums[3, lane]
            bound = value[lane] + armijo * length[lane] * slope + rounding * abs(value[lane])
            taken[lane] = fresh[lane] or found[lane] <= bound
            kept[lane] = taken[lane] and not fresh[lane] and product > flat * sqrt(squared * changed)
            inverse[last, lane] = 1.0 / product if kept[lane] else 0.0
            if kept[lane]:
                scale[lane] = product / changed
            if fresh[lane]:
                inverse[:, lane], scale[lane] = 0.0, 0.0
            if not taken[lane]:
                length[lane] *= _shorter(value[lane], slope * length[lane], found[lane])
        _drop(kept, S, Y, last * size, size)
        _take(taken, trial, x, slopes, g)
        dot(g, 0, g, 0, sums, 0, size)
        for lane in range(LANES):
            if restart[lane] < 0:
                continue
            done = fresh[lane] and not isfinite(found[lane])
            if taken[lane]:
                value[lane], length[lane], fresh[lane] = found[lane], 1.0, False
            elif length[lane] < 1e-12:
                done = scale[lane] == 0.0
                inverse[:, lane], scale[lane], length[lane], taken[lane] = 0.0, 0.0, 1.0, True
            used[lane] += 1
            if done or used[lane] > iterations or not sqrt(sums[0, lane]) > tolerance:
                ends[restart[lane]] = x[:, lane]
                restart[lane] = -1
        _directions(g, S, Y, inverse, scale, last, trial, sums)
        _choose(taken, restart, trial, step)


@compiled
def _enter(start: NDArray[np.float64], x: Lanes, step: Lanes, lane: int) -> None:
    for i in range(len(start)):
        x[i, lane], step[i, lane] = start[i], 0.0


@compiled
def _move(x: Lanes, step: Lanes, length: NDArray[np.float64], trial: Lanes) -> None:
    for i in range(len(x)):
        for lane in range(LANES):
            trial[i, lane] = x[i, lane] + length[lane] * step[i, lane]


@compiled
def _drop(kept: NDArray[np.bool_], S: Lanes, Y: Lanes, start: int, size: int) -> None:
    """Zeros for pairs of weight 0, which may be no numbers: times 0 they would be none either, and stay in the lane."""
    if kept.all():
        return
    for i in range(start, start + size):
        for lane in range(LANES):
            if not kept[lane]:
                S[i, lane], Y[i, lane] = 0.0, 0.0


@compiled
def _take(taken: NDArray[np.bool_], trial: Lanes, x: Lanes, slopes: Lanes, g: Lanes) -> None:
    for i in range(len(x)):
        for lane in range(LANES):
            if taken[lane]:
                x[i, lane], g[i, lane] = trial[i, lane], slopes[i, lane]


@compiled
def _shorter(value: float, slope: float, found: float) -> float:
    """The minimiser of the parabola through value, slope and what was found, within a tenth and a half of the step."""
    if not isfinite(found):
        return 0.1
    excess = 2.0 * (found - value - slope)
    return 0.5 if excess == 0.0 else min(max(-slope / excess, 0.1), 0.5)


@compiled
def _directions(
    g: Lanes, S: Lanes, Y: Lanes, inverse: Lanes, scale: NDArray[np.float64], last: int, d: Lanes, sums: Lanes
) -> None:
    """−B⁻¹ g by the two loops over pairs, from the newest to the oldest and back; pairs with weight 0 drop out."""
    size, pairs = len(g), len(inverse)
    weights = zeros(pairs)
    dot(g, 0, g, 0, sums, 0, size)
    put_scaled(d, 0, MINUS, 0, g, 0, size)
    for back in range(pairs):
        i = (last - back) % pairs
        dot(S, i * size, d, 0, weights, i, size)
        for lane in range(LANES):
            weights[i, lane] *= -inverse[i, lane]
        add_scaled(d, 0, weights, i, Y, i * size, size)
    for lane in range(LANES):
        sums[1, lane] = scale[lane] if scale[lane] > 0.0 else 1.0 / max(sqrt(sums[0, lane]), 1.0)
    put_scaled(d, 0, sums, 1, d, 0, size)
    for forth in range(1, pairs + 1):
        i = (last + forth) % pairs
        dot(Y, i * size, d, 0, sums, 2, size)
        for lane in range(LANES):
            weights[i, lane] = -weights[i, lane] - inverse[i, lane] * sums[2, lane]
        add_scaled(d, 0, weights, i, S, i * size, size)


@compiled
def _choose(taken: NDArray[np.bool_], restart: NDArray[np.int64], direction: Lanes, step: Lanes) -> None:
    """The new direction where a step was taken, the old one where it is tried shorter, none in an idle lane."""
    for i in range(len(step)):
        for lane in range(LANES):
            if restart[lane] < 0:
                step[i, lane] = 0.0
            elif taken[lane]:
                step[i, lane] = direction[i, lane]


@compiled
def steps(
    program: Any, starts: Points, velocities: Points, rates: NDArray[np.float64], count: int, momentum: float
) -> tuple[Points, Points]:
    """Points and velocities after so many steps of heavy-ball gradient descent, of length ``rates`` (size) by entry.

    The tape has no unit, so that its first cells are the points.
    """
    size, room, ends, speeds = starts.shape[1], workspace(program), starts.copy(), velocities.copy()
    (x, slopes), velocity, downhill = room, zeros(size), zeros(size)
    kept = np.full((1, LANES), momentum)
    for i in range(size):
        downhill[i] = -rates[i]
    for first in range(0, len(starts), LANES):
        several = min(LANES, len(starts) - first)
        for lane in range(several):
            x[:size, lane], velocity[:, lane] = starts[first + lane], velocities[first + lane]
        for _ in range(count):
            differentiate(program, room)
            put_scaled(velocity, 0, kept, 0, velocity, 0, size)
            add_entrywise(velocity, 0, downhill, 0, slopes, 0, size)
            add_scaled(x, 0, ONE, 0, velocity, 0, size)
        for lane in range(several):
            ends[first + lane], speeds[first + lane] = x[:size, lane], velocity[:, lane]
    return ends, speeds
