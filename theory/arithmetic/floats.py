"""Batched, differentiable float64 evaluation of formulas in torch: values have shape (…, m, n), scalars (…).

Constant parts of a formula are enclosed by balls first and rounded once, so a constant is right to the last bit or two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from numpy import broadcast_shapes  # that of torch imports sympy

from theory.arithmetic.interpreters import Balls, precision
from theory.ops import Expression, walk

Tensor = torch.Tensor

HALF = Fraction(1, 2)

CONSTANT_BITS = 160
"""Working precision for constants: far more than a double's 53 bits, so that cancellation cannot reach them."""


def to_float(constant: Expression, device: str | torch.device = "cpu", balls: Balls | None = None) -> Tensor:
    """The value of a constant formula as a float64 tensor; ``balls`` keeps constants from one call to the next.

    Raises:
        Undecidable: where balls have no value, such as a root of a polynomial that they can't isolate.

    >>> from theory.ops import sqrt
    >>> float(to_float(sqrt(2))) ** 2
    2.0000000000000004
    """
    with precision(CONSTANT_BITS):
        value = (balls or Balls()).evaluate(constant)
    rows = [[float(x) for x in row] for row in value] if constant.shape else float(value)
    return torch.tensor(rows, dtype=torch.float64, device=device).reshape(constant.shape)


class Floats:
    """Evaluates formulas in float64 on a device, keeping the constants that it has met."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self._constants: dict[Expression, Tensor] = {}
        self._orders: dict[tuple[Expression, ...], list[Expression]] = {}
        self._balls = Balls()

    def evaluate(self, root: Expression, values: Mapping[str, Tensor] | None = None) -> Tensor:
        """The value of a formula; leading dimensions of the variables' values are batch dimensions.

        Raises:
            KeyError: for a variable without a value.
        """
        return self.evaluate_all((root,), values or {})[0]

    def evaluate_all(self, roots: Sequence[Expression], values: Mapping[str, Tensor]) -> list[Tensor]:
        """The values of some formulas; what they share is evaluated once.

        >>> from theory.ops import trace, variable
        >>> X = variable("X", (2, 2))
        >>> [float(value) for value in Floats().evaluate_all((trace(X), trace(2 * X)), {"X": torch.eye(2)})]
        [2.0, 4.0]
        """
        parts = self._nodes(tuple(roots), values)
        return [parts[root] if root.variables else self._constant(root) for root in roots]

    def magnitude(self, root: Expression, values: Mapping[str, Tensor]) -> float:
        """The largest absolute entry of any part of a formula: what rounding errors of its value are relative to."""
        parts = self._nodes((root,), values).values() if root.variables else [self._constant(root)]
        return max(float(part.abs().max()) for part in parts)

    def _nodes(self, roots: tuple[Expression, ...], environment: Mapping[str, Tensor]) -> dict[Expression, Tensor]:
        """The values of all parts of some formulas that depend on variables."""
        done: dict[Expression, Tensor] = {}
        if roots not in self._orders:
            self._orders[roots] = [node for node in walk(*roots) if node.variables]
        for node in self._orders[roots]:
            args = [self._constant(arg) if not arg.variables else done[arg] for arg in node.args]
            done[node] = environment[str(node.data)] if node.op == "variable" else _OPERATIONS[node.op](node, *args)
        return done

    def point(self, point: Mapping[str, Expression]) -> dict[str, Tensor]:
        """Evaluate every factor of a point."""
        return {name: self.evaluate(value) for name, value in point.items()}

    def _constant(self, node: Expression) -> Tensor:
        if node not in self._constants:
            if node.op in _REARRANGING:
                value = _OPERATIONS[node.op](node, *map(self._constant, node.args))
            elif node.op in _PATTERNS:
                value = _PATTERNS[node.op](node).to(self.device)
            else:
                value = to_float(node, self.device, self._balls)
            self._constants[node] = value
        return self._constants[node]


_REARRANGING = frozenset({"transpose", "entry", "submatrix", "repeat_columns"})
"""Operations that only move entries, so that they commute with rounding: no balls for each of many equal columns."""


def _one_hot(node: Expression) -> Tensor:
    sizes: Any = node.data
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return torch.nn.functional.one_hot(labels, len(sizes)).T.to(torch.float64)


_PATTERNS: dict[str, Callable[[Expression], Tensor]] = {
    "identity": lambda node: torch.eye(*node.shape, dtype=torch.float64),
    "ones": lambda node: torch.ones(node.shape, dtype=torch.float64),
    "zeros": lambda node: torch.zeros(node.shape, dtype=torch.float64),
    "one_hot": _one_hot,
}
"""Constants whose entries are 0 and 1."""


def _scale(node: Expression, factor: Tensor, value: Tensor) -> Tensor:
    return factor[..., None, None] * value if node.shape else factor * value


def _power(node: Expression, base: Tensor) -> Tensor:
    exponent: Any = node.data
    return torch.sqrt(base) if exponent == HALF else base ** float(exponent)


def _class_means(node: Expression, features: Tensor) -> Tensor:
    sizes: Any = node.data
    parts = torch.split(features, list(sizes), dim=-1)
    return torch.stack([part.mean(dim=-1) for part in parts], dim=-1)


def _repeat_columns(node: Expression, means: Tensor) -> Tensor:
    sizes: Any = node.data
    return torch.repeat_interleave(means, torch.tensor(sizes, device=means.device), dim=-1)


def _singular_values(matrix: Tensor) -> Tensor:
    """Singular values, nan for a matrix with an entry that is not finite: the library refuses the whole batch."""
    finite = matrix.isfinite().all(-1).all(-1)
    if bool(finite.all()):
        return torch.linalg.svdvals(matrix)
    values = torch.linalg.svdvals(torch.where(finite[..., None, None], matrix, torch.zeros_like(matrix)))
    return torch.where(finite[..., None], values, torch.full_like(values, torch.nan))


def _schatten(node: Expression, matrix: Tensor) -> Tensor:
    """Σ σ_j^p; singular values below rounding are 0, since a small power of a rounding error is large."""
    power: Any = node.data
    values = _singular_values(matrix)
    if power == 1:
        return values.sum(-1)
    noise = max(matrix.shape[-2:]) * torch.finfo(torch.float64).eps * values[..., :1]
    real = values > noise
    powers = torch.where(real, values, torch.ones_like(values)) ** float(power)
    return torch.where(real, powers, torch.zeros_like(values)).sum(-1)


def _submatrix(node: Expression, matrix: Tensor) -> Tensor:
    indices: Any = node.data
    rows, columns = map(_span, indices)
    return matrix[..., rows, :][..., columns]


def _span(indices: Sequence[int]) -> slice | list[int]:
    """A slice where there is one, which copies nothing."""
    first, last = indices[0], indices[-1]
    return slice(first, last + 1) if tuple(indices) == tuple(range(first, last + 1)) else list(indices)


def _kron(node: Expression, left: Tensor, right: Tensor) -> Tensor:
    product = left[..., :, None, :, None] * right[..., None, :, None, :]
    return product.reshape(*product.shape[:-4], *node.shape)


def _blocks(node: Expression, *parts: Tensor) -> Tensor:
    across: Any = node.data
    batch = broadcast_shapes(*(part.shape[:-2] for part in parts))
    full = [part.expand(*batch, *part.shape[-2:]) for part in parts]
    return torch.cat([torch.cat(full[i : i + across], dim=-1) for i in range(0, len(full), across)], dim=-2)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda _, left, right: left + right,
    "scale": _scale,
    "power": _power,
    "matmul": lambda _, left, right: left @ right,
    "transpose": lambda _, matrix: matrix.mT,
    "trace": lambda _, matrix: matrix.diagonal(dim1=-2, dim2=-1).sum(-1),
    "sum_squares": lambda _, matrix: (matrix * matrix).sum((-2, -1)),
    "relu": lambda _, matrix: torch.relu(matrix),
    "exp": lambda _, value: torch.exp(value),
    "log": lambda _, value: torch.log(value),
    "log_sum_exp": lambda _, matrix: torch.logsumexp(matrix, dim=-2, keepdim=True),
    "schatten": _schatten,
    "operator_norm": lambda _, matrix: _singular_values(matrix).amax(-1),
    "rank": lambda _, matrix: torch.linalg.matrix_rank(matrix).to(torch.float64),
    "entry": lambda node, matrix: matrix[..., node.data[0], node.data[1]],
    "submatrix": _submatrix,
    "class_means": _class_means,
    "repeat_columns": _repeat_columns,
    "kron": _kron,
    "blocks": _blocks,
    "diagonal": lambda node, *entries: _diagonal(node, entries),
}


def _diagonal(node: Expression, entries: tuple[Tensor, ...]) -> Tensor:
    batch = broadcast_shapes(*(entry.shape for entry in entries))
    matrix = torch.zeros((*batch, *node.shape), dtype=torch.float64, device=entries[0].device)
    for i, entry in enumerate(entries):
        matrix[..., i, i] = entry
    return matrix
