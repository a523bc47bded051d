"""Deep RFM on digits with both controls, layer by layer, and how long it takes: the tables of docs/rfm.md.

``python benchmarks/rfm.py`` prints the tables of 500 samples, with ``all`` those of all 1,797 (a minute or two), with
``variants`` other widths, kernels and maps on 500 samples (a minute or two), with ``large N WIDTH DEPTH`` the seconds a
layer takes with N drawn points, on a CUDA device where there is one.
"""

from __future__ import annotations

import resource
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from verify.empirical.data import Samples, Task, digits, split
from verify.empirical.rfm.layers import Layer, Settings, deep_rfm, output, start

SEEDS = (0, 1, 2)
CONTROLS = {"Deep RFM": {}, "no AGOP": {"agop": False}, "linear map": {"map": "linear"}}
CASES = {"some": (500, 512, 12), "all": (1797, 1024, 20)}
VARIANTS: dict[str, dict[str, Any]] = {
    "width 256": {"width": 256},
    "width 512": {},
    "width 1024": {"width": 1024},
    "width 4096": {"width": 4096},
    "Gaussian kernel": {"kernel": "gaussian"},
    "cosine features, width 4096": {"map": "cosine", "width": 4096},
}
HEADS = ("layer", "NC1: X", "M^½X", "Φ(M^½X)", "NC2: X", "M^½X", "Φ(M^½X)", "test")


def runs(samples: int, width: int, depth: int, seed: int) -> dict[str, tuple[list[Layer], float, float]]:
    """Layers, test accuracy of the output and processor seconds of each control."""
    task, found = split(digits(), samples, seed), {}
    for name, control in CONTROLS.items():
        settings, began = Settings(width=width, depth=depth, seed=seed, **control), time.process_time()
        course = list(deep_rfm(task, settings, start(task)))
        accuracy = output(task, settings, course[-1][1])["test_accuracy"]
        found[name] = [layer for layer, _ in course], accuracy, time.process_time() - began
    return found


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def table(layers: list[Layer]) -> None:
    row(*HEADS)
    row(*["---:"] * len(HEADS))
    for layer in layers:
        numbers = (f"{value:.2e}" for found in (layer.nc1, layer.nc2) for value in found.values())
        row(str(layer.layer), *numbers, f"{layer.test_accuracy:.3f}")


def compare(case: str) -> None:
    """The tables of one size: each layer at seed 0, then ranges over the seeds."""
    samples, width, depth = CASES[case]
    print(f"\n{samples} samples, width {width}, depth {depth}")
    every = [runs(samples, width, depth, seed) for seed in (SEEDS if case == "some" else SEEDS[:1])]
    for name, (layers, _, _) in every[0].items():
        print(f"\n{name}\n")
        table(layers)
    print()
    row(
        "",
        "NC1 of X, first layer",
        "last layer",
        "factor a layer",
        "through M^½",
        "through Φ",
        "test, first",
        "output",
        "s",
    )
    row("---", *["---:"] * 8)
    for name in CONTROLS:
        found = [run[name] for run in every]
        inputs = [[layer.nc1["x"] for layer in layers] for layers, _, _ in found]
        agop = [layer.nc1["mx"] / layer.nc1["x"] for layers, _, _ in found for layer in layers]
        mapped = [layer.nc1["phi"] / layer.nc1["mx"] for layers, _, _ in found for layer in layers]
        row(
            name,
            among([x[0] for x in inputs]),
            among([x[-1] for x in inputs]),
            among([b / a for x in inputs for a, b in pairwise(x)]),
            among(agop),
            among(mapped),
            among([layers[0].test_accuracy for layers, _, _ in found]),
            among([accuracy for _, accuracy, _ in found]),
            among([seconds for _, _, seconds in found]),
        )


def variants() -> None:
    """Other widths, kernels and maps, twelve layers on 500 samples at seed 0; ranges are over the last six layers."""
    samples, width, depth = CASES["some"]
    heads = ("", "NC1 of X: layers 2, 3, 7, 8, 12", "of M^½X", "of Φ(M^½X)", "NC2 of X", "test, first", "output")
    row(*heads)
    row("---", *["---:"] * (len(heads) - 1))
    task = split(digits(), samples, SEEDS[0])
    for name, other in VARIANTS.items():
        settings = Settings(**{"width": width, "depth": depth, "seed": SEEDS[0], **other})
        course = list(deep_rfm(task, settings, start(task)))
        layers, accuracy = [layer for layer, _ in course], output(task, settings, course[-1][1])["test_accuracy"]
        last = layers[depth // 2 :]
        row(
            name,
            ", ".join(f"{layers[at - 1].nc1['x']:.2g}" for at in (2, 3, 7, 8, 12)),
            among([layer.nc1["mx"] for layer in last]),
            among([layer.nc1["phi"] for layer in last]),
            among([layer.nc2["x"] for layer in last]),
            f"{layers[0].test_accuracy:.3f}",
            f"{accuracy:.3f}",
        )


def among(values: list[float]) -> str:
    """Least to most."""
    least, most = (f"{value:.2g}" for value in (min(values), max(values)))
    return least if least == most else f"{least} to {most}"


def large(count: int, width: int, depth: int) -> None:
    """Seconds a layer for many points: ten classes in 784 dimensions, with noise."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    draw = np.random.default_rng(0)
    labels = np.arange(count) % 10
    points = draw.standard_normal((784, 10))[:, labels] + 3 * draw.standard_normal((784, count))
    task: Task = split(Samples(points, labels), count, 0)
    began = time.perf_counter()
    for layer, _ in deep_rfm(task, Settings(width=width, depth=depth), start(task, device)):
        if device == "cuda":
            torch.cuda.synchronize()
        print(f"layer {layer.layer}: {time.perf_counter() - began:.1f} s, NC1 {layer.nc1['x']:.3g}", flush=True)
        began = time.perf_counter()
    if device == "cuda":
        print(f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB at most on {torch.cuda.get_device_name()}")
    else:  # kibibytes
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f} GB at most, libraries among it")


if __name__ == "__main__":
    torch.set_num_threads(1 if not torch.cuda.is_available() else 8)
    if sys.argv[1:2] == ["large"]:
        large(*map(int, sys.argv[2:5]))
    elif sys.argv[1:2] == ["variants"]:
        variants()
    else:
        compare(sys.argv[1] if len(sys.argv) > 1 else "some")
