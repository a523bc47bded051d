"""Batched, differentiable float64 evaluation of formulas in torch: values have shape (…, m, n), scalars (…).

Constant parts of a formula are enclosed by balls first and rounded once, so a constant is right to the last bit or two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from theory.interpreters import Balls, precision
from theory.ops import Expression, walk

Tensor = torch.Tensor

CONSTANT_BITS = 160
"""Working precision for constants: far more than a double's 53 bits, so that cancellation cannot reach them."""


def to_float(constant: Expression, device: str | torch.device = "cpu") -> Tensor:
    """The value of a constant formula as a float64 tensor.

    >>> from theory.ops import sqrt
    >>> float(to_float(sqrt(2))) ** 2
    2.0000000000000004
    """
    with precision(CONSTANT_BITS):
        value = Balls().evaluate(constant)
    rows = [[float(x) for x in row] for row in value] if constant.shape else float(value)
    return torch.tensor(rows, dtype=torch.float64, device=device).reshape(constant.shape)


class Floats:
    """Evaluates formulas in float64 on a device, keeping the constants that it has met."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self._constants: dict[Expression, Tensor] = {}

    def evaluate(self, root: Expression, values: Mapping[str, Tensor] | None = None) -> Tensor:
        """The value of a formula; leading dimensions of the variables' values are batch dimensions.

        Raises:
            KeyError: for a variable without a value.
        """
        environment = values or {}
        done: dict[Expression, Tensor] = {}
        for node in walk(root):
            if not node.variables:
                continue
            args = [self._constant(arg) if not arg.variables else done[arg] for arg in node.args]
            done[node] = environment[str(node.data)] if node.op == "variable" else _OPERATIONS[node.op](node, *args)
        return done[root] if root.variables else self._constant(root)

    def point(self, point: Mapping[str, Expression]) -> dict[str, Tensor]:
        """Evaluate every factor of a point."""
        return {name: self.evaluate(value) for name, value in point.items()}

    def _constant(self, node: Expression) -> Tensor:
        if node not in self._constants:
            self._constants[node] = to_float(node, self.device)
        return self._constants[node]


def _scale(node: Expression, factor: Tensor, value: Tensor) -> Tensor:
    return factor[..., None, None] * value if node.shape else factor * value


def _power(node: Expression, base: Tensor) -> Tensor:
    exponent = node.data
    return torch.sqrt(base) if str(exponent) == "1/2" else base ** float(exponent)  # type: ignore[arg-type]


def _class_means(node: Expression, features: Tensor) -> Tensor:
    parts = torch.split(features, list(node.data), dim=-1)  # type: ignore[call-overload]
    return torch.stack([part.mean(dim=-1) for part in parts], dim=-1)


def _repeat_columns(node: Expression, means: Tensor) -> Tensor:
    return torch.repeat_interleave(means, torch.tensor(node.data, device=means.device), dim=-1)


def _schatten(node: Expression, matrix: Tensor) -> Tensor:
    values = torch.linalg.svdvals(matrix)
    return values.sum(-1) if node.data == 1 else (values ** float(node.data)).sum(-1)  # type: ignore[arg-type]


def _submatrix(node: Expression, matrix: Tensor) -> Tensor:
    rows, columns = node.data  # type: ignore[misc]
    return matrix[..., list(rows), :][..., list(columns)]


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda _, left, right: left + right,
    "scale": _scale,
    "power": _power,
    "matmul": lambda _, left, right: left @ right,
    "transpose": lambda _, matrix: matrix.mT,
    "trace": lambda _, matrix: matrix.diagonal(dim1=-2, dim2=-1).sum(-1),
    "sum_squares": lambda _, matrix: (matrix * matrix).sum((-2, -1)),
    "relu": lambda _, matrix: torch.relu(matrix),
    "schatten": _schatten,
    "operator_norm": lambda _, matrix: torch.linalg.matrix_norm(matrix, ord=2),
    "entry": lambda node, matrix: matrix[..., node.data[0], node.data[1]],
    "submatrix": _submatrix,
    "class_means": _class_means,
    "repeat_columns": _repeat_columns,
    "diagonal": lambda node, *entries: _diagonal(node, entries),
}


def _diagonal(node: Expression, entries: tuple[Tensor, ...]) -> Tensor:
    batch = torch.broadcast_shapes(*(entry.shape for entry in entries))
    matrix = torch.zeros((*batch, *node.shape), dtype=torch.float64, device=entries[0].device)
    for i, entry in enumerate(entries):
        matrix[..., i, i] = entry
    return matrix
