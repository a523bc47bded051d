"""A network: an extractor of features, and a head of linear or ReLU layers on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from theory.model import UnconstrainedFeatures

Tensor = torch.Tensor

ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "gelu": torch.nn.GELU,
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
}
"""Of the extractor's hidden layers; a smooth one lets quasi-Newton steps come closer to the optimum."""


class Network(torch.nn.Module):
    """An extractor for N images of d pixels (N × d → N × d_1) with a head's weights W_1 … W_M, in float64.

    Entries start as Gaussians of variance 1/fan-in in the head and the extractor's last layer, 2/fan-in before, biases
    as 0.

    Args:
        pixels: d.
        hidden: widths of the extractor's hidden layers; the features have the model's width d_1.
        model: the head's sizes; its decays do not matter here.
        activation: a name in ``ACTIVATIONS``.
        bias: whether the extractor's layers have one.

    >>> model = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, widths=3, decays="1/100")
    >>> network = Network(4, (5,), model, "relu", seed=0)
    >>> {name: tuple(value.shape) for name, value in network(torch.ones(4, 3, dtype=torch.float64)).items()}
    {'H': (3, 3), 'W_1': (3, 3), 'W_2': (2, 3)}
    """

    def __init__(
        self,
        pixels: int,
        hidden: Sequence[int],
        model: UnconstrainedFeatures,
        activation: str,
        seed: int,
        bias: bool = True,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for before, width in pairwise((pixels, *hidden)):
            layers += [_linear(before, width, 2.0, bias, generator), ACTIVATIONS[activation]()]
        last = _linear((pixels, *hidden)[-1], model.widths[0], 1.0, bias, generator)
        self.extractor = torch.nn.Sequential(*layers, last)
        self.head = torch.nn.ParameterList(_gaussian(shape, 1.0, generator) for shape in model.weight_shapes)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The model's factors H (d_1 × N) and W_1 … W_M, for images (d × N)."""
        weights = {f"W_{m}": W for m, W in enumerate(self.head, start=1)}
        return {"H": self.extractor(images.T).T, **weights}


def _gaussian(shape: tuple[int, int], variance: float, generator: torch.Generator) -> Tensor:
    return (variance / shape[1]) ** 0.5 * torch.randn(shape, dtype=torch.float64, generator=generator)


def _linear(before: int, width: int, variance: float, bias: bool, generator: torch.Generator) -> torch.nn.Linear:
    layer = torch.nn.Linear(before, width, bias, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(_gaussian((width, before), variance, generator))
        if bias:
            layer.bias.zero_()
    return layer
