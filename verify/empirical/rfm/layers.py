"""Algorithm 1 of Beaglehole et al. 2024, layer by layer, with its metrics of collapse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from theory.metrics import beaglehole2024_nc1, beaglehole2024_nc2, class_means
from verify.empirical.data import Task
from verify.empirical.rfm.kernels import Kernel
from verify.empirical.rfm.maps import MAPS, feature_map
from verify.empirical.rfm.regression import Fit, blocks, fit, through_agop

PLACES = ("x", "mx", "phi")
"""Where a layer is measured: its normalised input X, M^{1/2} X, and Φ(M^{1/2} X)."""


@dataclass(frozen=True)
class Settings:
    """What Deep RFM is run with; ``agop=False`` takes M = I, which is the first control, ``map="linear"`` the second.

    Raises:
        ValueError: for an unknown kernel or map, or a number out of its range.
    """

    width: int = 512
    depth: int = 12
    kernel: str = "laplace"
    bandwidth: float = 2.0
    ridge: float = 0.0
    map: str = "relu"
    frequency: float = 0.05
    agop: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        Kernel(self.kernel, self.bandwidth)
        if self.map not in MAPS:
            raise ValueError(f"a feature map is one of {', '.join(MAPS)}, got {self.map!r}")
        if min(self.width, self.depth) < 1:
            raise ValueError(f"width and depth are positive, got {self.width} and {self.depth}")
        if not (0 <= self.ridge < float("inf") and 0 < self.frequency < float("inf")):
            raise ValueError(f"ridge ≥ 0 and frequency > 0 are finite, got {self.ridge} and {self.frequency}")

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class State:
    """The features (columns) of training and test samples that enter the layer after ``layer``."""

    layer: int
    train: Tensor
    test: Tensor


@dataclass(frozen=True)
class Layer:
    """What was measured at one layer; accuracies are those of its predictor f_l, on its input."""

    layer: int
    nc1: dict[str, float]
    nc2: dict[str, float]
    train_accuracy: float
    test_accuracy: float
    rank: int

    def to_json(self) -> dict[str, Any]:
        """Plain data; a metric that is undefined (0/0) is null."""
        return asdict(self) | {
            name: {place: value if isfinite(value) else None for place, value in getattr(self, name).items()}
            for name in ("nc1", "nc2")
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Layer:
        """Read what ``to_json`` wrote."""
        undefined = {n: {p: float("nan") if row[n][p] is None else row[n][p] for p in PLACES} for n in ("nc1", "nc2")}
        return cls(**{**row, **undefined})


def start(task: Task, device: str = "cpu") -> State:
    """The standardised samples, before the first layer."""
    return State(0, *(torch.as_tensor(X, dtype=torch.float64, device=device) for X in (task.train, task.test)))


def deep_rfm(task: Task, settings: Settings, state: State) -> Iterator[tuple[Layer, State]]:
    """Layer after layer, from a state on: what was measured, and what enters the next.

    >>> from verify.empirical.data import digits, split
    >>> task = split(digits(), 100, seed=0)
    >>> (first, _), (second, _) = deep_rfm(task, Settings(width=64, depth=2), start(task))
    >>> first.nc1["mx"] < first.nc1["x"], second.nc1["x"] < first.nc1["x"]
    (True, True)
    """
    while state.layer < settings.depth:
        found, state = step(task, settings, state)
        yield found, state


def step(task: Task, settings: Settings, state: State) -> tuple[Layer, State]:
    """One layer: normalise, fit, take the AGOP of the fit, and map; W is drawn from the seed and the layer's number."""
    number, X, Z = state.layer + 1, normalised(state.train), normalised(state.test)
    f = predictor(task, settings, X)
    M = through_agop(f, blocks(task.sizes)) if settings.agop else lambda x: x
    MX, MZ = M(X), M(Z)
    draw = torch.Generator().manual_seed((settings.seed * 1_000_003 + number) % 2**63)
    Phi = feature_map(settings.map, X.shape[0], settings.width, settings.frequency, draw)
    after = State(number, Phi(MX), Phi(MZ))
    nc1, nc2 = metrics(task, dict(zip(PLACES, (X, MX, after.train), strict=True)))
    return Layer(number, nc1, nc2, *accuracies(task, f, Z), f.rank), after


def output(task: Task, settings: Settings, state: State) -> dict[str, float]:
    """Accuracies of the predictor after the last layer, f_{L+1}."""
    f = predictor(task, settings, normalised(state.train))
    return dict(zip(("train_accuracy", "test_accuracy"), accuracies(task, f, normalised(state.test)), strict=True))


def predictor(task: Task, settings: Settings, X: Tensor) -> Fit:
    """The fit of ±1 labels to features with columns of norm 1."""
    Y = (
        2 * torch.eye(task.classes, dtype=X.dtype, device=X.device)[:, torch.as_tensor(task.labels, device=X.device)]
        - 1
    )
    return fit(Kernel(settings.kernel, settings.bandwidth), X, Y, blocks(task.sizes), settings.ridge)


def accuracies(task: Task, f: Fit, Z: Tensor) -> tuple[float, float]:
    """Shares of training and test samples whose largest output is that of their class; ``nan`` without any."""
    found = []
    for features, labels in ((f.X, task.labels), (Z, task.test_labels)):
        right = f(features).argmax(0) == torch.as_tensor(labels, device=features.device)
        found.append(float(right.double().mean()))
    return found[0], found[1]


def normalised(X: Tensor) -> Tensor:
    """Columns of norm 1; a column of zeros stays.

    >>> normalised(torch.tensor([[3.0, 0.0], [4.0, 0.0]]))
    tensor([[0.6000, 0.0000],
            [0.8000, 0.0000]])
    """
    return torch.nn.functional.normalize(X, dim=0, eps=torch.finfo(X.dtype).tiny)


def metrics(task: Task, features: dict[str, Tensor]) -> tuple[dict[str, float], dict[str, float]]:
    """NC1 and NC2 of Beaglehole et al. 2024 of some features, by name."""
    arrays = {name: X.cpu().numpy() for name, X in features.items()}
    nc1 = {name: beaglehole2024_nc1(X, task.labels, task.classes) for name, X in arrays.items()}
    nc2 = {name: beaglehole2024_nc2(class_means(X, task.labels, task.classes)) for name, X in arrays.items()}
    return nc1, nc2
