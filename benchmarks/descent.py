"""Descent to the optimum, beside what one would run instead: seconds a start, in the papers' imbalanced configuration.

``comparison.py`` makes its table; ``python benchmarks/descent.py cuda`` prints it for a GPU.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from importlib.util import find_spec

import torch
from measuring import alone, machine, plain, repeated, table
from others import (
    Answer,
    Problem,
    in_ranges,
    jax_loop,
    over_means,
    over_samples,
    papers_in_ranges,
    papers_over_samples,
    scipy_loop,
    torch_loop,
)

from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from verify.methods.minimise import lbfgs
from verify.methods.ranges import Ranges
from verify.methods.searches import ModelSearch

SIZES, WIDTH, DECAY = (200, 100, 50, 50), 64, Fraction(1, 2000)
"""Dang et al. 2023, section 6."""
DEPTHS = (1, 3, 6)
STARTS = 32
CLOSE = 1e-9
"""A start has arrived where its objective is so near the certified optimum, relative to it."""
SETTLED = 1e-8
"""Norm of the gradient at which our L-BFGS is stopped, which does not know the optimum: all that arrive are CLOSE."""
LIMIT, SOME = 100.0, 3.0
"""Seconds that one start may take, and those after which SciPy's loop over starts begins no further one."""
RATE = 0.1
"""Of plain training: as in the official code."""
TUNED, BATCHED = {1: 4.0, 3: 2.0, 6: 1.0}, {1: 4.0, 3: 2.0, 6: 0.5}
"""What a user finds by trying: the fastest of 0.1, 0.5, 1, 2 and 4 at each depth, of one start and of a batch."""


def imbalanced(depth: int) -> UnconstrainedFeatures:
    """The papers' imbalanced configuration."""
    return UnconstrainedFeatures(class_sizes=SIZES, depth=depth, widths=(WIDTH,) * depth, decays=DECAY)


Method = Callable[[UnconstrainedFeatures, float, str], Answer]
"""From a model, the highest objective that has arrived, and a device."""


def search(model: UnconstrainedFeatures, goal: float, device: str) -> Answer:
    """The descent engine's own search, to its own end."""
    search = ModelSearch(model, torch.device(device))
    starts = search.starts(STARTS, torch.Generator().manual_seed(0))
    search.minimise(starts[:1], 2)
    began = time.perf_counter()
    ends = search.minimise(starts, search.iterations)
    return Answer(time.perf_counter() - began, int((ends.values <= goal).sum()), STARTS)


def descent(model: UnconstrainedFeatures, goal: float, device: str) -> Answer:
    """Its L-BFGS from the same starts, in the ranges of the layers' products."""
    search = ModelSearch(model, torch.device(device))
    starts = search.starts(STARTS, torch.Generator().manual_seed(0))
    ranges, z = Ranges.at(search.objective, starts[:1])
    lbfgs(ranges.narrow, z, 2)
    began = time.perf_counter()
    ranges, z = Ranges.at(search.objective, starts)
    ends = ranges.points(lbfgs(ranges.narrow, z, search.iterations, SETTLED))
    seconds = time.perf_counter() - began
    return Answer(seconds, int((search.objective.value_and_gradient(ends)[0] <= goal).sum()), STARTS)


def scipy(make: Callable[..., Problem], model: UnconstrainedFeatures, goal: float, device: str) -> Answer:
    """SciPy, from the starts of one form of the problem."""
    return scipy_loop(make(model, STARTS, goal), SOME)


def naive(rates: dict[int, float], model: UnconstrainedFeatures, goal: float, device: str) -> Answer:
    """One start of plain training in torch."""
    return torch_loop(papers_over_samples(model, 1, goal), LIMIT, rates[model.M], device)


def torch_batch(model: UnconstrainedFeatures, goal: float, device: str) -> Answer:
    """All starts as a batch, on the small problem."""
    return torch_loop(papers_in_ranges(model, STARTS, goal), LIMIT, BATCHED[model.M], device, batch=True)


def jax_one(model: UnconstrainedFeatures, goal: float, device: str) -> Answer:
    """One start of plain training in JAX."""
    return jax_loop(papers_over_samples(model, 1, goal), LIMIT, TUNED[model.M])


def jax_batch(model: UnconstrainedFeatures, goal: float, device: str) -> Answer:
    """All starts as a batch, on the small problem."""
    return jax_loop(papers_in_ranges(model, STARTS, goal), LIMIT, BATCHED[model.M], batch=True)


OURS: dict[str, Method] = {
    "collapse, L-BFGS on the reduced problem, 32 starts together": descent,
    "collapse, the whole search, with Newton's steps to rounding": search,
}
SCIPY: dict[str, Method] = {
    "SciPy L-BFGS, the reduced problem": partial(scipy, in_ranges),
    "SciPy L-BFGS, class means": partial(scipy, over_means),
    "SciPy L-BFGS, all samples": partial(scipy, over_samples),
}
TORCH: dict[str, Method] = {
    "torch, a loop, all samples, the papers' rate": partial(naive, dict.fromkeys(DEPTHS, RATE)),
    "torch, a loop, all samples, a tuned rate": partial(naive, TUNED),
    "torch, 32 starts as a batch, the reduced problem, a tuned rate": torch_batch,
}
JAX: dict[str, Method] = {
    "JAX, jit, all samples, a tuned rate": jax_one,
    "JAX, jit and vmap, 32 starts, the reduced problem, a tuned rate": jax_batch,
}
METHODS = {**OURS, **SCIPY, **TORCH, **JAX}


def measured(name: str, depth: int, device: str) -> tuple[tuple[float, ...], tuple[int, int]]:
    """Seconds a start of one method, in a few repeats, and how many starts of how many arrived in the last."""
    torch.set_num_threads(1)
    model = imbalanced(depth)
    goal = (1 + CLOSE) * float(optimum(model).objective.decimal(20))
    answers: list[Answer] = []
    repeated(lambda: answers.append(METHODS[name](model, goal, device)))
    return tuple(answer.each for answer in answers), (answers[-1].arrived, answers[-1].starts)


def to_the_optimum(device: str) -> Iterator[tuple[str, ...]]:
    """Rows: depth, method, time a start, ratio to ours, starts that arrive, memory; each in a process of its own."""
    yield "M", "method", "time a start", "times ours", "starts that arrive", "peak memory, MB"
    for depth in DEPTHS:
        first = 0.0
        for name in METHODS if device == "cpu" else {**OURS, **TORCH}:
            if name in JAX and not find_spec("jax"):
                yield str(depth), name, "not installed", "", "", ""
                continue
            found = alone(measured, name, depth, device, limit=2 * LIMIT)
            if found is None:
                yield str(depth), name, f"stopped after {2 * LIMIT:.0f} s", "", "", ""
                continue
            first = first or found.median
            (arrived, starts), late = found.found, "" if found.found[0] else "> "
            ratio = f"{late}{plain(found.median / first)}" if found.median != first else "1"
            yield str(depth), name, late + found.shown, ratio, f"{arrived} of {starts}", plain(found.peak)


def main(device: str = "cpu") -> None:
    """Print the table."""
    torch.set_num_threads(1)
    table(to_the_optimum(device))
    print(f"\n{torch.cuda.get_device_name()}; {machine()}" if device != "cpu" else f"\n{machine()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
