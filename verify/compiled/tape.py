"""A formula as a tape of instructions, its value and gradient in lanes: one compiled loop serves every formula.

Cells hold numbers; the first ones are the variables, then come constants and what instructions make of them. An
instruction is a row (code, out, a, b, p, q, r, moves): it writes cells from ``out`` on from those at a and b, in sizes
p, q, r; bits 1 and 2 of ``moves`` say whether the parts at a and b depend on variables. Gradients are taken backwards.
"""

from __future__ import annotations

from math import exp, expm1, inf, isfinite, log, log1p, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verify.compiled.lanes import (
    LANES,
    Lanes,
    add_entrywise,
    add_gated,
    add_product,
    add_scaled,
    compiled,
    dot,
    put_entrywise,
    put_relu,
    put_scaled,
    put_sum,
    zeros,
)

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

ADD, SCALE, POWER, PRODUCT, GATHER, ENTRYWISE, SUM, SQUARES = range(8)
RELU, EXP, LOG, LOG_SUM_EXP, SINGULAR, QUOTIENT, LIKELIHOOD = range(8, 15)
ONE = np.ones((1, LANES))
SEEN = np.finfo(np.float64).eps
"""Singular values below this share of the largest, times the longer side, are rounding."""


class Program(NamedTuple):
    """A tape, its cells with constants filled in, and tables of indices and numbers that instructions point to.

    A point has ``variables`` entries, and one more, its unit of length, where ``has_unit``: entry x_i means u x_i, or
    u x_i² where it is ``squared``.
    """

    code: Integers
    cells: Numbers
    indices: Integers
    numbers: Numbers
    variables: int
    has_unit: bool
    squared: NDArray[np.bool_]
    has_squares: bool
    root: int

    @property
    def size(self) -> int:
        """Length of a point."""
        return self.variables + self.has_unit


@compiled
def workspace(program: Any) -> tuple[Lanes, Lanes]:
    """Cells with the constants in every lane, and room for derivatives."""
    cells = zeros(len(program.cells))
    for i in range(len(cells)):
        cells[i, :] = program.cells[i]
    return cells, zeros(len(cells))


@compiled
def value_and_gradient(program: Any, x: Lanes, g: Lanes, value: Numbers, room: tuple[Lanes, Lanes]) -> None:
    """Values (8) and gradients (size, 8) at points (size, 8), into ``value`` and ``g``.

    Where there is a unit, entries of the gradient that are not finite are 0.
    """
    cells, slopes = room
    count = program.variables
    unit, u = (x, count) if program.has_unit else (ONE, 0)
    put_scaled(cells, 0, unit, u, x, 0, count)
    for i in range(count if program.has_squares else 0):
        if program.squared[i]:
            put_entrywise(cells, i, cells, i, x, i, 1)
    differentiate(program, room)
    value[:] = cells[program.root]
    put_scaled(g, 0, unit, u, slopes, 0, count)
    if program.has_unit:
        g[count] = 0.0
        for i in range(count):
            for lane in range(LANES):
                slope = g[i, lane] * (2.0 * x[i, lane] if program.squared[i] else 1.0)
                g[i, lane] = slope if abs(slope) < inf else 0.0


@compiled
def differentiate(program: Any, room: tuple[Lanes, Lanes]) -> None:
    """All cells from those of the variables, and the slopes of the root in all of them."""
    cells, slopes = room
    _forward(program, cells)
    slopes[:] = 0.0
    slopes[program.root, :] = 1.0
    _backward(program, cells, slopes)


@compiled
def _forward(program: Any, V: Lanes) -> None:
    for row in program.code:
        code, out, a, b, p, q, r, _ = row
        if code == PRODUCT:
            V[out : out + p * r] = 0.0
            add_product(V, a, q, 1, V, b, r, 1, V, out, p, q, r)
        elif code == ADD:
            put_sum(V, out, V, a, V, b, p)
        elif code == SCALE:
            put_scaled(V, out, V, a, V, b, p)
        elif code == GATHER:
            for i in range(p):
                V[out + i] = V[program.indices[a + i]]
        elif code == ENTRYWISE:
            put_entrywise(V, out, V, a, V, b, p)
        elif code == SUM:
            V[out] = 0.0
            for i in range(p):
                add_scaled(V, out, ONE, 0, V, a + i, 1)
        elif code == SQUARES:
            dot(V, a, V, a, V, out, p)
            V[out] *= program.numbers[r]
        elif code == RELU:
            put_relu(V, out, V, a, p)
        elif code == LIKELIHOOD:
            _likelihood(program, row, V, V, False)
        elif code == SINGULAR:
            _singular(program, row, V, V, False)
        else:
            _scalars(program, row, V)


@compiled
def _scalars(program: Any, row: Integers, V: Lanes) -> None:
    code, out, a, b, p, q, r, _ = row
    for lane in range(LANES):
        if code == POWER:
            exponent = program.numbers[r]
            V[out, lane] = sqrt(V[a, lane]) if exponent == 0.5 else V[a, lane] ** exponent
        elif code == EXP:
            for i in range(p):
                V[out + i, lane] = exp(V[a + i, lane])
        elif code == LOG:
            for i in range(p):
                V[out + i, lane] = log(V[a + i, lane])
        elif code == QUOTIENT:
            left, right = V[a, lane], V[b, lane]
            V[out, lane] = (right - left) / max(abs(left) + abs(right), 1e-300)
        elif code == LOG_SUM_EXP:
            for j in range(q):
                most, total = -inf, 0.0
                for i in range(p):
                    most = max(most, V[a + i * q + j, lane])
                for i in range(p):
                    total += exp(V[a + i * q + j, lane] - most)
                V[out + j, lane] = most + log(total)


@compiled
def _backward(program: Any, V: Lanes, G: Lanes) -> None:
    for row in program.code[::-1]:
        code, out, a, b, p, q, r, moves = row
        if code == PRODUCT:
            if moves & 1:
                add_product(G, out, r, 1, V, b, 1, r, G, a, p, r, q)
            if moves & 2:
                add_product(V, a, 1, q, G, out, r, 1, G, b, q, p, r)
        elif code == ADD:
            if moves & 1:
                add_scaled(G, a, ONE, 0, G, out, p)
            if moves & 2:
                add_scaled(G, b, ONE, 0, G, out, p)
        elif code == SCALE:
            if moves & 1:
                add_product(G, out, 1, 1, V, b, 1, 1, G, a, 1, p, 1)
            add_scaled(G, b, V, a, G, out, p)
        elif code == GATHER:
            for i in range(p):
                G[program.indices[a + i]] += G[out + i]
        elif code == ENTRYWISE:
            add_entrywise(G, a, V, b, G, out, p)
            add_entrywise(G, b, V, a, G, out, p)
        elif code == SUM:
            for i in range(p):
                add_scaled(G, a + i, ONE, 0, G, out, 1)
        elif code == SQUARES:
            G[out] *= 2.0 * program.numbers[r]
            add_scaled(G, a, G, out, V, a, p)
        elif code == RELU:
            add_gated(G, a, G, out, V, a, p)
        elif code == LIKELIHOOD:
            _likelihood(program, row, V, G, True)
        elif code == SINGULAR:
            _singular(program, row, V, G, True)
        else:
            _slopes(program, row, V, G)


@compiled
def _slopes(program: Any, row: Integers, V: Lanes, G: Lanes) -> None:
    code, out, a, b, p, q, r, _ = row
    for lane in range(LANES):
        if code == POWER:
            exponent = program.numbers[r]
            if G[out, lane] != 0.0:
                G[a, lane] += G[out, lane] * exponent * V[a, lane] ** (exponent - 1.0)
        elif code == EXP:
            for i in range(p):
                G[a + i, lane] += G[out + i, lane] * V[out + i, lane]
        elif code == LOG:
            for i in range(p):
                G[a + i, lane] += G[out + i, lane] / V[a + i, lane]
        elif code == QUOTIENT:
            left, right = V[a, lane], V[b, lane]
            size = max(abs(left) + abs(right), 1e-300)
            share = (right - left) / size
            G[a, lane] += G[out, lane] * (-1.0 - share * np.sign(left)) / size
            G[b, lane] += G[out, lane] * (1.0 - share * np.sign(right)) / size
        elif code == LOG_SUM_EXP:
            for j in range(q):
                for i in range(p):
                    at = a + i * q + j
                    G[at, lane] += G[out + j, lane] * exp(V[at, lane] - V[out + j, lane])


@compiled
def _singular(program: Any, row: Integers, V: Lanes, G: Lanes, back: bool) -> None:
    """Σ σ_j^e of a (p, q) matrix, or its largest singular value for e = ∞; those below rounding count as 0."""
    _, out, a, _, p, q, r, _ = row
    exponent = program.numbers[r]
    matrix = np.empty((p, q))
    for lane in range(LANES):
        if back and G[out, lane] == 0.0:
            continue
        finite = True
        for i in range(p):
            for j in range(q):
                matrix[i, j] = V[a + i * q + j, lane]
                finite = finite and isfinite(matrix[i, j])
        if not finite:
            if not back:
                V[out, lane] = np.nan
            continue
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        noise = max(p, q) * SEEN * values[0]
        total = 0.0
        for k in range(len(values)):
            if exponent == inf:
                total += values[k] if k == 0 else 0.0
                weight = 1.0 if k == 0 else 0.0
            elif exponent == 1.0 or values[k] > noise:
                total += values[k] ** exponent
                weight = exponent * values[k] ** (exponent - 1.0)
            else:
                weight = 0.0
            if back and weight != 0.0:
                for i in range(p):
                    for j in range(q):
                        G[a + i * q + j, lane] += G[out, lane] * weight * left[i, k] * right[k, j]
        if not back:
            V[out, lane] = total


@compiled
def _likelihood(program: Any, row: Integers, V: Lanes, G: Lanes, back: bool) -> None:
    """1/N Σ_j s_j² ℓ_j(O_j/s_j) of outputs (p, q), with labels at b and N, α, γ, s_1, … at r, as in ``Fit``.

    Differences with the output at the label come first, so that a small loss keeps its relative accuracy.
    """
    _, out, a, b, p, q, r, _ = row
    N, alpha, gamma = program.numbers[r], program.numbers[r + 1], program.numbers[r + 2]
    if not back:
        V[out, :] = 0.0
    for j in range(q):
        s, label = program.numbers[r + 3 + j], program.indices[b + j]
        for lane in range(LANES):
            at, most, gaps, others = V[a + label * q + j, lane] / s, -inf, 0.0, 0.0
            for k in range(p):
                gap = V[a + k * q + j, lane] / s - at
                gaps += gap
                if k != label:
                    most = max(most, gap)
            for k in range(p):
                if k != label:
                    others += exp(V[a + k * q + j, lane] / s - at - most)
            wrong = most + log(others)
            plain = wrong if wrong > 40.0 else log1p(exp(wrong))
            loss, slope = plain - alpha / p * gaps, 1.0
            if gamma:
                missed, share = -expm1(-loss), exp(-loss)
                slope = missed**gamma * (1.0 + gamma * share * (loss / missed if missed > 0.0 else 1.0))
                loss *= missed**gamma
            if not back:
                V[out, lane] += s * s * loss / N
                continue
            for k in range(p):
                aim = alpha / p + (1.0 - alpha if k == label else 0.0)
                share = exp(V[a + k * q + j, lane] / s - at - plain)
                G[a + k * q + j, lane] += G[out, lane] * slope * (share - aim) * s / N
