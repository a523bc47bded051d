"""How cost grows: times at some values of one parameter, and the exponents of a power between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from measuring import alone, plain, repeated, short

from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from verify import checker
from verify.certificate import two_sided_bound
from verify.empirical.training import descend
from verify.methods.kernels import LayeredModel

LIMIT = 100.0
"""Seconds that a curve may take."""

Found = tuple[tuple[float, ...], Any]
"""Seconds at each value or of each repeat, and what was found."""


def unequal(K: int = 10, L: int = 3, n: int = 10, d: int = 0) -> UnconstrainedFeatures:
    """K classes of n, n + 1, … samples with decays at which all are fitted."""
    return UnconstrainedFeatures(
        class_sizes=tuple(n + k for k in range(K)), depth=L, widths=(d,) if d else (), decays=Fraction(1, 2000 * K * L)
    )


def optimum_time(**parameters: int) -> tuple[float, ...]:
    """Seconds of the closed form, to 20 digits."""
    model = unequal(**parameters)
    optimum(model).objective.decimal(20)
    return repeated(lambda: optimum(model).objective.decimal(20), budget=1.0)[0]


def certificate_time(**parameters: int) -> tuple[float, ...]:
    """Seconds to write a certificate of the optimum and to have it checked."""
    model = unequal(**parameters)
    return repeated(lambda: checker.check(checker.load(json.dumps(two_sided_bound(model)))), budget=1.0)[0]


def step_time(K: int = 8, L: int = 3, n: int = 10, d: int = 16) -> tuple[float, ...]:
    """Seconds a restart and step of gradient descent over class means, 64 restarts at once."""
    kernel = LayeredModel(unequal(K, L, n, d), collapsed=True)
    x = 0.1 * kernel.gaussian_starts(torch.ones(64, dtype=torch.float64), torch.Generator().manual_seed(0))
    steps = max(3, int(3e6 / (64 * kernel.layout.size)))
    descend(kernel, x, 0.01, 2)
    return tuple(part / (64 * steps) for part in repeated(lambda: descend(kernel, x, 0.01, steps), 3, 1.0)[0])


CURVES: tuple[tuple[str, Callable[..., tuple[float, ...]], str, tuple[int, ...]], ...] = (
    ("closed form", optimum_time, "K", (10, 20, 50, 100, 200, 500, 1000)),
    ("closed form", optimum_time, "L", (1, 2, 4, 8, 16, 32, 64)),
    ("closed form", optimum_time, "n", (10, 100, 1000, 10_000, 100_000)),
    ("closed form", optimum_time, "d", (10, 100, 1000, 10_000, 100_000)),
    ("certificate, written and checked", certificate_time, "K", (10, 20, 50, 100, 200, 500, 1000)),
    ("certificate, written and checked", certificate_time, "L", (1, 2, 4, 8, 16)),
    ("certificate, written and checked", certificate_time, "n", (10, 100, 1000, 10_000, 100_000)),
    ("certificate, written and checked", certificate_time, "d", (10, 100, 1000, 10_000, 100_000)),
    ("step of descent", step_time, "K", (4, 8, 16, 32, 64)),
    ("step of descent", step_time, "L", (1, 2, 4, 8, 16, 32)),
    ("step of descent", step_time, "n", (10, 100, 1000, 10_000)),
    ("step of descent", step_time, "d", (8, 16, 32, 64, 128, 256)),
)


def power(values: tuple[int, ...], seconds: list[float]) -> str:
    """The exponent fitted to the upper half of the values, least and most between neighbours, and from where on."""
    half = len(values) // 2
    x, y = np.log(values[half:]), np.log(seconds[half:])
    between = np.diff(y) / np.diff(x)
    fitted, least, most = (f"{round(e, 1) + 0.0:.1f}" for e in (np.polyfit(x, y, 1)[0], between.min(), between.max()))
    return f"{fitted} ({least} to {most}) from {values[half]:,} on"


def curve(row: int) -> Found:
    """The median time at each value, and the fitted exponent."""
    torch.set_num_threads(1)
    _, function, name, values = CURVES[row]
    seconds = [float(np.median(function(**{name: value}))) for value in values]
    return tuple(seconds), power(values, seconds)


def scaling() -> Iterator[tuple[str, ...]]:
    """Rows: what grows, its values, times, the fitted exponent."""
    yield "time of", "in", "values", "times", "exponent, fitted (least to most between neighbours)"
    for row, (what, _, name, values) in enumerate(CURVES):
        found = alone(curve, row, limit=LIMIT)
        if found is None:
            yield what, name, ", ".join(map(str, values)), f"stopped after {LIMIT:.0f} s", ""
            continue
        yield what, name, ", ".join(map(str, values)), ", ".join(map(short, found.seconds)), found.found


def thousand(part: str) -> Found:
    """K = 1,000 unequal classes: the closed form, a certificate, or the checker on it."""
    model = unequal(1000)
    if part == "closed form":
        return repeated(lambda: float(optimum(model).objective.decimal(20)))
    if part == "certificate":
        return repeated(lambda: two_sided_bound(model))[0], None
    text = json.dumps(two_sided_bound(model))
    return repeated(lambda: checker.check(checker.load(text)))


def thousands() -> Iterator[tuple[str, ...]]:
    """Rows: what is done for 1,000 classes, and how long it takes."""
    yield "for 1,000 classes of 10, 11, 12, … samples, three layers", "time", "peak memory, MB"
    for part in ("closed form", "certificate", "checking it"):
        found = alone(thousand, part, limit=LIMIT)
        assert found is not None
        yield part, found.shown, plain(found.peak)
