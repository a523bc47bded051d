"""Full-batch training in two phases: Adam out of the random start, then L-BFGS, which comes close to the optimum.

L-BFGS forgets its curvature at each checkpoint, so that a run that was stopped goes on exactly as it would have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from theory.arithmetic.floats import Floats
from theory.model import UnconstrainedFeatures
from verify.empirical.networks.extractors import Tensor
from verify.empirical.networks.network import Network

Vector = NDArray[np.float64]

KEEP = 0.9, 0.999
"""Adam's shares of the mean gradient and of the mean square that are kept at each step."""
TINY = 1e-8
"""Added to Adam's root mean square."""
PAIRS = 50
"""Pairs of differences that L-BFGS remembers: twice as many hardly help here, ten take twice the steps."""
EVERY = 100
"""Steps of L-BFGS between checkpoints, which forget what it knows: each 50 the end is twice as far from the optimum."""
RATIO = 10**0.25
"""From one checkpoint's step to the next one's, with Adam."""


@dataclass(frozen=True)
class Schedule:
    """``steps`` in all, of which the first ``adam`` are Adam's, of length ``rate``."""

    steps: int
    adam: int
    rate: float

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Steps to look at: 0, 10, 18, 32, 56, 100, … with Adam, and each hundredth with L-BFGS.

        >>> Schedule(260, 50, 1e-3).checkpoints
        (0, 10, 18, 32, 50, 150, 250, 260)
        """
        first = min(self.adam, self.steps)
        powers = (round(10 * RATIO**i) for i in range(4 * len(str(first))))
        return tuple(sorted({0, *(p for p in powers if p < first), *range(first, self.steps, EVERY), self.steps}))


@dataclass(frozen=True)
class State:
    """Where a run is: after ``step`` steps, the parameters as one vector, and Adam's means of gradients and squares."""

    step: int
    parameters: Vector
    mean: Vector
    square: Vector
    seconds: float = 0.0


class Loss:
    """The model's objective at a network's features and head, over the network's parameters as one vector.

    The formula is the model's own (``model.objective``), evaluated in torch and differentiated automatically.
    """

    def __init__(self, network: Network, images: Vector, model: UnconstrainedFeatures, device: str = "cpu") -> None:
        self.network, self.model = network.to(device), model
        self.images = torch.as_tensor(images, device=device)
        self.floats = Floats(device)

    def start(self) -> State:
        """The network as it is now."""
        x = parameters_to_vector(self.network.parameters()).detach().cpu().numpy().copy()
        return State(0, x, np.zeros_like(x), np.zeros_like(x))

    def factors(self, parameters: Vector) -> dict[str, Vector]:
        """H and W_1 … W_M at a point."""
        with torch.no_grad():
            return {name: value.cpu().numpy() for name, value in self._at(parameters).items()}

    def value_and_gradient(self, parameters: Vector) -> tuple[float, Vector]:
        """The objective and its gradient."""
        self.network.zero_grad()
        value = self.objective(self._at(parameters))
        value.backward()
        gradient = parameters_to_vector(p.grad for p in self.network.parameters() if p.grad is not None)
        return value.item(), gradient.cpu().numpy()

    def objective(self, factors: dict[str, Tensor]) -> Tensor:
        """The model's objective."""
        return self.floats.evaluate(self.model.objective, factors)

    def _at(self, parameters: Vector) -> dict[str, Tensor]:
        vector_to_parameters(torch.as_tensor(parameters, device=self.images.device), self.network.parameters())
        found: dict[str, Tensor] = self.network(self.images)
        return found


def course(loss: Loss, schedule: Schedule, state: State | None = None) -> Iterator[State]:
    """The states at all checkpoints, one after the other, or at those after a state."""
    if state is None:
        state = loss.start()
        yield state
    for later in schedule.checkpoints:
        if later > state.step:
            begun = perf_counter()
            advance = adam if later <= schedule.adam else lbfgs
            moved = advance(loss.value_and_gradient, state, later, schedule.rate)
            state = State(*moved, seconds=state.seconds + perf_counter() - begun)
            yield state


Gradient = Callable[[Vector], tuple[float, Vector]]
Moved = tuple[int, Vector, Vector, Vector]


def adam(gradient: Gradient, state: State, until: int, rate: float) -> Moved:
    """Steps of Adam (Kingma & Ba 2015, Algorithm 1)."""
    x, mean, square = state.parameters.copy(), state.mean.copy(), state.square.copy()
    first, second = KEEP
    for step in range(state.step + 1, until + 1):
        g = gradient(x)[1]
        mean += (1 - first) * (g - mean)
        square += (1 - second) * (g * g - square)
        x -= rate * mean / (1 - first**step) / (np.sqrt(square / (1 - second**step)) + TINY)
    return until, x, mean, square


def lbfgs(gradient: Gradient, state: State, until: int, rate: float) -> Moved:
    """Steps of L-BFGS, fewer where rounding leaves none that descends."""
    from scipy.optimize import minimize  # slow to load, and not needed to name the program

    options = {"maxiter": until - state.step, "maxfun": 10**9, "maxcor": PAIRS, "ftol": 0.0, "gtol": 0.0}
    found = minimize(gradient, state.parameters, jac=True, method="L-BFGS-B", options=options)
    return until, found.x, state.mean, state.square
