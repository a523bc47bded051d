"""What the theorem about curvature at collapse with cross-entropy says at one point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from operator import add, matmul
from typing import Any

from proofs.entailment import NotEntailed
from proofs.formulas import is_positive, vanishes
from proofs.matching import Known
from theory.claims import Relation, equal
from theory.collapse import SoftmaxCollapse
from theory.curvature import Curvature, cross_entropy, entering, flattened, softmax_split
from theory.ops import Expression, identity, kron, log, one_hot, ones, sum_squares


@dataclass(frozen=True)
class SoftmaxPoint:
    """A critical point of the deep linear model with cross-entropy whose outputs are α S Y, α = log r.

    Args:
        factors: H, W_1, …, W_L.
        decays: λ_H, λ_1, …, λ_L.
        r: e^α.
        K: classes.
        n: samples of each.

    Raises:
        NotEntailed: where it is not critical, or has other outputs, or that is not decided.
    """

    factors: tuple[Expression, ...]
    decays: tuple[Expression, ...]
    r: Fraction
    K: int
    n: int

    def __post_init__(self) -> None:
        if self.r <= 1 or not all(map(is_positive, self.decays)):
            raise NotEntailed("the theorem is about α > 0 and positive decays")
        pairs = zip(self.factors, self.decays, strict=True)
        gradients = [self.curvature.slope(layer) + decay * V for layer, (V, decay) in enumerate(pairs)]
        centring = identity(self.K) - ones(self.K, self.K) / self.K
        residual = reduce(matmul, self.factors[::-1]) - log(self.r) * (centring @ one_hot(self.sizes))
        if not all(map(vanishes, (residual, *gradients))):
            raise NotEntailed("the proposed point is not critical, or its outputs are not α S Y")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each class."""
        return (self.n,) * self.K

    @property
    def softmax(self) -> Expression:
        """The softmax of α S (K × K), r and 1 of r + K − 1."""
        return ((self.r - 1) * identity(self.K) + ones(self.K, self.K)) / (self.r + self.K - 1)

    @cached_property
    def curvature(self) -> Curvature:
        """The derivatives of the average loss."""
        return cross_entropy(self.factors, self.sizes, self.softmax)

    def value(self, layer: int, share: int) -> Expression:
        """λ_l α (1 + κ · share)/K."""
        kappa = (self.r - 1) / (self.r + self.K - 1)
        return self.decays[layer] * log(self.r) * ((1 + kappa * share) / self.K)

    def spectra(self, layer: int) -> Iterator[Known]:
        """The Hessian of a layer, and its parts."""
        K, unit, p = self.K, self.decays[layer] * log(self.r), self.r / (self.r + self.K - 1)
        top, few, most = self.value(layer, K - 1), K - 1 if K > 2 else 0, max(K * K - 3 * K + 1, 0)
        yield Known(
            self.curvature.layer(layer), [(top, 1), (self.value(layer, K - 2), few), (self.value(layer, 0), most)]
        )
        parts = softmax_split(self.curvature, layer, K, self.n, self.softmax)
        yield Known(parts["within"], [])
        yield Known(parts["cross"], [(unit / K, most), (unit / (K * (K - 1)), few)])
        for name, share in (("class", p), ("own", 1 - p)):
            yield Known(parts[name], [(unit * (p * share), 1), (unit * (p * share * Fraction(K - 2, K - 1)), few)])

    def relations(self, layer: int) -> Iterator[Relation]:
        """The gradient of a layer, the top eigenvector, and the weights along class means."""
        weights = flattened([self.factors[layer]])
        yield equal(flattened([self.curvature.slope(layer)]), -self.decays[layer] * weights)
        yield equal(self.curvature.layer(layer) @ weights, self.value(layer, self.K - 1) * weights)
        above, below = self.means(layer + 1), self.means(layer)
        rows = [range(M.shape[0]) for M in (above, below)]
        pairs = [kron(above[rows[0], (c,)], below[rows[1], (c,)]) for c in range(self.K)]
        yield equal(weights, (self.K - 1) / sum_squares(below) * reduce(add, pairs))

    def means(self, layer: int) -> Expression:
        """M_l, the class means that enter a layer (d × K); the outputs for l = L + 1."""
        return entering(self.factors, self.sizes, layer)

    def numbers(self, layer: int) -> Mapping[Expression, Expression]:
        """None."""
        return {}


def proposed(parameters: Mapping[str, Any]) -> tuple[SoftmaxPoint, tuple[int, ...]]:
    """The point that the parameters of a claim propose, and its layer.

    Raises:
        NotEntailed: where they propose none, or one that the theorem is not about.
    """
    sizes: list[Any] = [parameters.get(x) for x in ("K", "n", "L", "spare", "unequal", "layer")]
    r = parameters.get("r")
    exact = all(type(x) is int and x >= -1 for x in sizes) and type(parameters.get("turn")) is bool
    if not exact or type(r) is not Fraction or r <= 1:
        raise NotEntailed("no point of collapse is proposed")
    K, n, L, spare, unequal, layer = sizes
    at = SoftmaxCollapse(K, n, L, spare, r, unequal, parameters["turn"])
    if at.K < 2 or at.n < 1 or not 1 <= layer <= at.L or unequal < 0:
        raise NotEntailed("the theorem is about two classes or more, and a layer of weights")
    return SoftmaxPoint(at.factors, tuple(map(at.decay_of, range(L + 1))), r, K, n), (layer,)
