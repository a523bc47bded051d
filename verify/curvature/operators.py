"""Products with the Hessian of the model in its own factors, all N columns of the features among them.

Letters as in Garrod & Keating 2024 (arXiv 2404.06106): h^{(l)} (d_l × N) is the input of layer l, A^{(l)} = W_M ⋯ W_l
with A^{(M+1)} = I, μ_c^{(l)} are class means, Av is the average over samples. The data term is the loss averaged over
samples; regularised is with all decays. Directions are rows (m, size) in the order W_1, …, W_M, H, b, each flattened by
rows. At its kink a ReLU has the derivative 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import torch

from theory.arithmetic.floats import Floats
from theory.losses import average
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, one_hot, ones
from verify.methods.kernels import Fit
from verify.methods.minimise import Formula, Layout

Tensor = torch.Tensor
CPU = torch.device("cpu")
Point = Mapping[str, Tensor]
"""Factors by name: W_l (d_{l+1}, d_l), H (d_1, N), b (K, 1)."""

CHUNK = 1 << 22
"""Entries of directions that are multiplied at a time (32 MB): what arises on the way is some times larger."""
SEEN = 4 * torch.finfo(torch.float64).eps
"""Singular values below this share of the largest, times the longer side, are rounding: the usual numerical rank."""


@dataclass(frozen=True)
class Operator:
    """A symmetric linear map of R^size, on directions (m, size) on a device.

    >>> Operator(2, lambda V: 3 * V)(torch.ones(1, 2)).tolist()
    [[3.0, 3.0]]
    """

    size: int
    product: Callable[[Tensor], Tensor]
    device: torch.device = CPU

    def __call__(self, V: Tensor) -> Tensor:
        """The images (m, size), some directions at a time."""
        return torch.cat([self.product(part) for part in torch.split(V, max(1, CHUNK // self.size))])

    def plus(self, diagonal: Tensor | float) -> Operator:
        """The map with numbers added on its diagonal."""
        return Operator(self.size, lambda V: torch.add(self.product(V), V * diagonal), self.device)


@dataclass(frozen=True)
class Kronecker:
    """The map X ↦ L X R of matrices (rows, columns), which is L ⊗ R on their entries by rows; L and R are symmetric.

    >>> Kronecker(torch.eye(2), torch.tensor([[5.0]])).operator(torch.ones(1, 2)).tolist()
    [[5.0, 5.0]]
    """

    left: Tensor
    right: Tensor

    @property
    def operator(self) -> Operator:
        """The map on flat directions."""
        rows, columns = len(self.left), len(self.right)

        def product(V: Tensor) -> Tensor:
            return (self.left @ V.reshape(-1, rows, columns) @ self.right).reshape(V.shape)

        return Operator(rows * columns, product, self.left.device)

    def dense(self) -> Tensor:
        """The whole matrix (size, size)."""
        return torch.kron(self.left, self.right)


class Curvature:
    """The Hessian of a model at a point, by hand-written block formulas, on the device of the point.

    Args:
        model: the problem; any loss and activation.
        point: all factors. Features that may not be negative are differentiated as if they might.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), depth=1, decays=1)
    >>> at_zero = Curvature(model, {"W_1": torch.zeros(2, 2).double(), "H": torch.zeros(2, 2).double()})
    >>> at_zero.full().size, float(at_zero.layer(1, regularised=True)(torch.ones(1, 4).double()).norm())
    (8, 2.0)
    """

    def __init__(self, model: UnconstrainedFeatures, point: Point) -> None:
        self.model, self.device = model, point["H"].device
        self.weights = [point[f"W_{layer}"] for layer in range(1, model.M + 1)]
        sizes = torch.tensor(model.class_sizes, device=self.device)
        target = torch.repeat_interleave(self._unit_vectors(), sizes, dim=1)
        fit = Fit(model, torch.ones(model.N, dtype=torch.float64, device=self.device), target)
        self.labels = target
        self.inputs, self.gates = [point["H"]], []
        for W in self.weights[:-1]:
            upper = W @ self.inputs[-1]
            self.gates.append(None if model.is_linear else upper > 0)
            self.inputs.append(upper if model.is_linear else upper.clamp(min=0.0))
        outputs = self.weights[-1] @ self.inputs[-1]
        outputs = outputs + point["b"] if model.has_bias else outputs
        self.curve = fit.curvature(outputs[None])
        self.errors = [fit.value_and_residual(outputs[None])[1][0] / model.N]
        for W, gate in zip(self.weights[:0:-1], self.gates[::-1], strict=True):
            self.errors.insert(0, _gated(W.T @ self.errors[0], gate))
        bias = {"b": (model.K, 1)} if model.has_bias else {}
        named = {f"W_{layer}": shape for layer, shape in enumerate(model.weight_shapes, start=1)}
        self.layout = Layout({**named, "H": (model.widths[0], model.N), **bias})

    # ----------------------------------------------------------------------------------------------- all factors

    def full(self, regularised: bool = True) -> Operator:
        """The Hessian in all factors."""
        data = Operator(self.layout.size, self._product, self.device)
        if not regularised:
            return data
        decays = [*self.model.weight_decays, self.model.feature_decay, self.model.bias_decay]
        parts = zip(self.layout.shapes.values(), decays, strict=False)
        entries = [torch.full((prod(shape),), float(d), dtype=torch.float64, device=self.device) for shape, d in parts]
        return data.plus(torch.cat(entries))

    def _product(self, V: Tensor) -> Tensor:
        moves = list(self.layout.split(V).values())
        moved = [moves[self.model.M]]
        for W, dW, lower, gate in zip(self.weights, moves, self.inputs, (*self.gates, None), strict=False):
            moved.append(_gated(dW @ lower + W @ moved[-1], gate))
        outputs = moved.pop()
        if self.model.has_bias:
            outputs = outputs + moves[-1]
        upper = self.curve(outputs) / self.model.N
        parts: list[Tensor] = []
        bias = [upper.sum(2, keepdim=True)] if self.model.has_bias else []
        for layer in reversed(range(self.model.M)):
            parts.insert(0, upper @ self.inputs[layer].T + self.errors[layer] @ moved[layer].mT)
            below = self.weights[layer].T @ upper + moves[layer].mT @ self.errors[layer]
            upper = _gated(below, self.gates[layer - 1] if layer else None)
        return self.layout.join([*parts, upper, *bias])

    # -------------------------------------------------------------------------------------------- one layer at a time

    def layer(self, layer: int, regularised: bool = False) -> Operator:
        """The Hessian in W_l, l = 1 … M, through the outputs: W_l ↦ outputs is linear, but for kinks."""
        rows, columns = self.weights[layer - 1].shape

        def product(V: Tensor) -> Tensor:
            X = V.reshape(-1, rows, columns)
            return self._through(X @ self.inputs[layer - 1], layer).matmul(self.inputs[layer - 1].T).reshape(V.shape)

        return self._ridged(Operator(rows * columns, product, self.device), layer, regularised)

    def _through(self, moved: Tensor, layer: int) -> Tensor:
        """What a change of W_l h^{(l)} (m, d_{l+1}, N) makes of the errors there."""
        for W, gate in zip(self.weights[layer:], self.gates[layer - 1 :], strict=True):
            moved = W @ _gated(moved, gate)
        return self.back(layer, self.curve(moved) / self.model.N)

    def _ridged(self, data: Operator, layer: int, regularised: bool) -> Operator:
        return data.plus(float(self.model.weight_decays[layer - 1])) if regularised else data

    def above(self, layer: int) -> Tensor:
        """A^{(l)} = W_M ⋯ W_l (K, d_l); the identity for l = M + 1. For linear layers."""
        product = self._unit_vectors()
        for W in self.weights[: layer - 2 if layer > 1 else None : -1]:
            product = product @ W
        return product

    def kronecker(self, layer: int) -> Kronecker:
        """The data term's Hessian in W_l for linear layers and mse, A^{(l+1)ᵀ} A^{(l+1)} ⊗ Av h^{(l)} h^{(l)ᵀ}.

        Raises:
            ValueError: for another model.
        """
        self._require_kronecker()
        A, h = self.above(layer + 1), self.inputs[layer - 1]
        return Kronecker(A.T @ A, h @ h.T / self.model.N)

    def compressed(self, layer: int) -> tuple[Operator, Tensor, Tensor]:
        """For linear layers, the data term's Hessian in W_l on its range, and orthonormal bases of that.

        Av_i A^{(l+1)ᵀ} C_i A^{(l+1)} ⊗ h_i h_iᵀ lives on range(A^{(l+1)ᵀ}) ⊗ span(h); elsewhere it is 0.

        Returns:
            The operator on R^{a·b}, and bases (d_{l+1}, a) and (d_l, b).
        """
        left, A, right, h = self.ranges(layer)

        def product(V: Tensor) -> Tensor:
            moved = A.T @ V.reshape(-1, len(A), len(h)) @ h
            return (A @ (self.curve(moved) / self.model.N) @ h.T).reshape(V.shape)

        return Operator(len(A) * len(h), product, self.device), left, right

    def ranges(self, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Orthonormal bases of the ranges of A^{(l+1)ᵀ} and h^{(l)}, each with what it is a basis of, in it."""
        return (*_range(self.above(layer + 1).T), *_range(self.inputs[layer - 1]))

    def back(self, layer: int, errors: Tensor) -> Tensor:
        """What errors at the outputs (m, K, N) are at W_l h^{(l)} (m, d_{l+1}, N), propagated backwards."""
        for W, gate in zip(
            self.weights[: layer - 1 : -1], self.gates[: layer - 2 if layer > 1 else None : -1], strict=True
        ):
            errors = _gated(W.T @ errors, gate)
        return errors

    def gradient(self, layer: int) -> Tensor:
        """The data term's gradient in W_l (d_{l+1}, d_l)."""
        return self.errors[layer - 1] @ self.inputs[layer - 1].T

    def means(self, layer: int) -> Tensor:
        """The class means μ_c^{(l)} (d_l, K) of the input of layer l; the unit vectors e_c for l = M + 1."""
        if layer == self.model.M + 1:
            return self._unit_vectors()
        return self.inputs[layer - 1] @ (self.labels / self.labels.sum(1, keepdim=True)).T

    def _unit_vectors(self) -> Tensor:
        return torch.eye(self.model.K, dtype=torch.float64, device=self.device)

    def _require_kronecker(self) -> None:
        if not self.model.is_linear or self.model.loss != "mse":
            raise ValueError(f"the Hessian is one Kronecker product for linear layers and mse, got {self.model}")


def thinned(model: UnconstrainedFeatures, point: Point) -> tuple[UnconstrainedFeatures, Point]:
    """The same data term in the weights with one sample a class, where classes are balanced and their features equal.

    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), decays=1)
    >>> thinned(model, {"W_1": torch.eye(2), "H": torch.eye(2).repeat_interleave(2, 1)})[0].class_sizes
    (1, 1)
    """
    H = point["H"]
    means = H[:, :: model.class_sizes[0]]
    if not model.balanced or not torch.equal(H, means.repeat_interleave(model.class_sizes[0], 1)):
        return model, point
    return model.with_(class_sizes=(1,) * model.K), {**point, "H": means}


def by_differentiation(
    model: UnconstrainedFeatures, point: Point, block: str | None = None, regularised: bool = True
) -> Operator:
    """The Hessian by automatic differentiation of the objective's formula, in all factors or in one of them.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), depth=1, decays=1)
    >>> zero = {"W_1": torch.zeros(2, 2).double(), "H": torch.zeros(2, 2).double()}
    >>> by_differentiation(model, zero, "W_1")(torch.ones(1, 4).double()).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """
    names = list(model.variables) if block is None else [block]
    layout = Layout({name: tuple(point[name].shape) for name in names})
    formula = model.objective if regularised else _data_term(model)
    floats, start = Floats(point["H"].device), torch.cat([point[name].reshape(-1) for name in names])[None]

    def objective(x: Tensor) -> Tensor:
        fixed = {name: part[None].expand(len(x), -1, -1) for name, part in point.items()}
        return floats.evaluate(formula, {**fixed, **layout.split(x)})

    def product(V: Tensor) -> Tensor:
        return Formula(objective).hessian(start.expand(len(V), -1))(V)

    return Operator(layout.size, product, start.device)


def _data_term(model: UnconstrainedFeatures) -> Expression:
    outputs = model.outputs(model.features)
    if model.has_bias:
        outputs = outputs + model.bias_vector @ ones(1, model.N)
    return average(model, outputs, one_hot(model.class_sizes), (1,) * model.N)


def _gated(part: Tensor, gate: Tensor | None) -> Tensor:
    return part if gate is None else part * gate


def completed_range(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal bases (rows, r) of a matrix's numerical range and (rows, rows − r) of its complement.

    >>> [tuple(basis.shape) for basis in completed_range(torch.ones(3, 2))]
    [(3, 1), (3, 2)]
    """
    left, values, _ = torch.linalg.svd(matrix)
    rank = int((values > SEEN * max(matrix.shape) * values.max()).sum())
    return left[:, :rank], left[:, rank:]


def _range(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """An orthonormal basis (rows, r) of a matrix's range, and the matrix in it (r, columns)."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    kept = values > SEEN * max(matrix.shape) * values.max()
    return left[:, kept], values[kept, None] * right[kept]
