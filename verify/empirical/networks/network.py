"""A network: an extractor of features, and a head of linear or ReLU layers on them."""

from __future__ import annotations

import torch

from theory.model import UnconstrainedFeatures
from verify.empirical.networks.extractors import Extractor, Mlp, Tensor, gaussian


class Network(torch.nn.Module):
    """An extractor for N images of d pixels (N × d → N × d_1) with a head's weights W_1 … W_M, in float64.

    Entries start as Gaussians of variance 1/fan-in in the head and the extractor's last layer, 2/fan-in before, biases
    and the residual branches of a ResNet as 0.

    Args:
        extractor: ``extractors.Mlp`` or ``extractors.ResNet``; the features have the model's width d_1.
        model: the head's sizes; its decays do not matter here.
        bias: whether the extractor's layers have one.

    ``nonlinear`` is L1, the number of layers with an activation, where they are matrices one behind the other.

    >>> from verify.empirical.networks.extractors import Mlp
    >>> model = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, widths=3, decays="1/100")
    >>> network = Network(Mlp(4, (5,), "relu"), model, seed=0)
    >>> {name: tuple(value.shape) for name, value in network(torch.ones(4, 3, dtype=torch.float64)).items()}
    {'H': (3, 3), 'W_1': (3, 3), 'W_2': (2, 3)}
    """

    def __init__(self, extractor: Extractor, model: UnconstrainedFeatures, seed: int, bias: bool = True) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed % 2**63)
        self.nonlinear = extractor.depth if isinstance(extractor, Mlp) else None
        self.extractor = extractor.build(model.widths[0], bias, generator)
        self.head = torch.nn.ParameterList(gaussian(shape, 1.0, generator) for shape in model.weight_shapes)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The model's factors H (d_1 × N) and W_1 … W_M, for images (d × N)."""
        weights = {f"W_{m}": W for m, W in enumerate(self.head, start=1)}
        return {"H": self.extractor(images.T).T, **weights}
