"""Tapes of formulas and models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from theory.arithmetic.floats import Floats
from theory.ops import Expression, walk
from verify.compiled import tape
from verify.compiled.tape import Program

if TYPE_CHECKING:
    from verify.methods.kernels import LayeredModel

MOST_CELLS = 1 << 18
"""Formulas with more parts than this (16 MB of lanes) are left to batched products."""


class NoTape(Exception):
    """The formula has an operation that tapes don't know, or is too large."""


def of_formulas(
    roots: Mapping[str, Expression], variables: Mapping[str, tuple[int, ...]], squared: frozenset[str], floats: Floats
) -> Program:
    """A formula ``value``, or (right − left)/(|left| + |right|) of ``left`` and ``right``, with a unit of length.

    Args:
        variables: their shapes, in the order of a point's entries.
        squared: variables whose entries are u x².

    Raises:
        NoTape: when it has none.
    """
    writer = Writer(variables)
    written = _write(writer, list(roots.values()), floats)
    ends = [written[root] for root in roots.values()]
    root = ends[0] if len(ends) == 1 else writer.emit(tape.QUOTIENT, 1, *ends)
    mask = np.concatenate([np.full(prod(shape), name in squared) for name, shape in variables.items()])
    return writer.program(root, has_unit=True, squared=mask)


def of_model(kernel: LayeredModel) -> Program:
    """The objective of a layered model, with its decays times one factor."""
    model, shapes, n = kernel.model, kernel.layout.shapes, len(kernel.s)
    writer = Writer(shapes)
    K, roots, target = model.K, kernel.s.numpy(), kernel.target.numpy()
    size, start = prod(shapes["X"]), writer.cells_of["X"]
    activation = start if model.sign == "free" else writer.emit(tape.RELU, size, start, p=size)
    terms = [writer.squares(kernel.kappa / 2, 0, start), writer.squares(kernel.kappa / 2, activation, size)]
    for m in range(1, model.M + 1):
        p, q = shapes[f"W_{m}"]
        activation = writer.emit(tape.PRODUCT, p * n, writer.cells_of[f"W_{m}"], activation, p, q, n)
        if not model.is_linear and m < model.M:
            activation = writer.emit(tape.RELU, p * n, activation, p=p * n)
    outputs = activation  # over ρ
    if model.has_bias:
        b = writer.cells_of["b"]
        shift = writer.emit(tape.PRODUCT, K * n, b, writer.constant(roots / kernel.rho), K, 1, n)
        outputs = writer.emit(tape.ADD, K * n, outputs, shift, K * n)
        if kernel.bias_decay:
            terms.append(writer.squares(kernel.bias_decay / 2, b, K))
    if model.loss == "mse":
        residual = writer.emit(tape.ADD, K * n, outputs, writer.constant(-target / kernel.rho), K * n)
        terms.append(writer.squares(kernel.rho**2 / (2 * model.N), residual, K * n))
    else:
        outputs = writer.scaled(kernel.rho, outputs, K * n)
        labels = writer.indices(target.argmax(axis=0))
        numbers = writer.number_table([model.N, float(model.alpha), float(model.gamma), *roots])
        terms.append(writer.emit(tape.LIKELIHOOD, 1, outputs, labels, K, n, numbers))
    whole = terms[0]
    for term in terms[1:]:
        whole = writer.emit(tape.ADD, 1, whole, term, 1)
    return writer.program(whole)


class Writer:
    """A tape that is being written: cells are given out in order, variables first."""

    def __init__(self, variables: Mapping[str, tuple[int, ...]]) -> None:
        self.cells_of: dict[str, int] = {}
        self.cells: list[float] = []
        self.moving: list[bool] = []
        self.rows: list[list[int]] = []
        self.index: list[int] = []
        self.numbers: list[float] = []
        for name, shape in variables.items():
            self.cells_of[name] = self._room(prod(shape), True)
        self.variables = len(self.cells)

    def _room(self, size: int, moves: bool) -> int:
        start = len(self.cells)
        if start + size > MOST_CELLS:
            raise NoTape(f"the formula has more than {MOST_CELLS} parts")
        self.cells += [0.0] * size
        self.moving += [moves] * size
        return start

    def constant(self, value: ArrayLike) -> int:
        """Cells with numbers."""
        entries = np.asarray(value, dtype=np.float64).ravel()
        start = self._room(len(entries), False)
        self.cells[start:] = entries.tolist()
        return start

    def indices(self, value: Iterable[int]) -> int:
        """A table of indices."""
        start = len(self.index)
        self.index += [int(i) for i in value]
        return start

    def number_table(self, value: Iterable[float]) -> int:
        """A table of numbers."""
        start = len(self.numbers)
        self.numbers += [float(x) for x in value]
        return start

    def emit(self, code: int, size: int, a: int, b: int = 0, p: int = 1, q: int = 1, r: int = 1) -> int:
        """One instruction; returns where it writes."""
        out = self._room(size, True)
        self.rows.append([code, out, a, b, p, q, r, self.moving[a] + 2 * self.moving[b]])
        return out

    def scaled(self, factor: float, cells: int, size: int) -> int:
        """A number times cells."""
        return self.emit(tape.SCALE, size, self.constant([factor]), cells, size)

    def squares(self, factor: float, cells: int, size: int) -> int:
        """A number times the sum of the squares of cells."""
        return self.emit(tape.SQUARES, 1, cells, p=size, r=self.number_table([factor]))

    def gathered(self, cells: Iterable[int]) -> int:
        """Cells in another order."""
        chosen = list(cells)
        return self.emit(tape.GATHER, len(chosen), self.indices(chosen), p=len(chosen)) if chosen else 0

    def program(self, root: int, has_unit: bool = False, squared: Any = None) -> Program:
        """The finished tape."""
        return Program(
            code=np.array(self.rows, dtype=np.int64).reshape(-1, 8),
            cells=np.array(self.cells),
            indices=np.array(self.index, dtype=np.int64),
            numbers=np.array(self.numbers, dtype=np.float64),
            variables=self.variables,
            has_unit=has_unit,
            squared=np.zeros(self.variables, dtype=np.bool_) if squared is None else squared,
            has_squares=squared is not None and bool(squared.any()),
            root=root,
        )


# ------------------------------------------------------------------------------------------------------- formulas


def _write(writer: Writer, roots: list[Expression], floats: Floats) -> dict[Expression, int]:
    """Write all parts of formulas; returns where they are."""
    placed: dict[Expression, int] = {}
    for node in walk(*roots):
        if not node.variables:
            continue
        if 0 in node.shape or any(0 in arg.shape for arg in node.args):
            raise NoTape("tapes have no empty matrices")
        for arg in node.args:
            if not arg.variables and arg not in placed:
                placed[arg] = writer.constant(floats.evaluate(arg).numpy())
        if node.op == "variable":
            placed[node] = writer.cells_of[str(node.data)]
        elif node.op in WRITERS:
            placed[node] = WRITERS[node.op](writer, node, [placed[arg] for arg in node.args])
        else:
            raise NoTape(f"tapes don't know {node.op}")
    for root in roots:
        if root not in placed:
            placed[root] = writer.constant(floats.evaluate(root).numpy())
    return placed


def _entries(node: Expression, start: int) -> np.ndarray[Any, Any]:
    """The cells of a matrix, in its shape."""
    return np.arange(start, start + prod(node.shape)).reshape(node.shape)


def _moved(move: Callable[[Any, np.ndarray[Any, Any]], Any]) -> Callable[..., int]:
    """An operation that only moves the entries of its argument, as its data says."""
    return lambda writer, node, at: writer.gathered(np.ravel(move(node.data, _entries(node.args[0], at[0]))))


def _product(writer: Writer, node: Expression, at: list[int]) -> int:
    (p, q), r = node.args[0].shape, node.args[1].shape[1]
    return writer.emit(tape.PRODUCT, p * r, at[0], at[1], p, q, r)


def _power(writer: Writer, node: Expression, at: list[int]) -> int:
    exponent: Any = node.data
    return writer.emit(tape.POWER, 1, at[0], r=writer.number_table([float(Fraction(exponent))]))


def _trace(writer: Writer, node: Expression, at: list[int]) -> int:
    cells = np.diagonal(_entries(node.args[0], at[0]))
    return writer.emit(tape.SUM, 1, writer.gathered(cells), p=len(cells))


def _singular(exponent: Callable[[Any], float]) -> Callable[..., int]:
    def write(writer: Writer, node: Expression, at: list[int]) -> int:
        p, q = node.args[0].shape
        return writer.emit(tape.SINGULAR, 1, at[0], p=p, q=q, r=writer.number_table([exponent(node.data)]))

    return write


def _class_means(writer: Writer, node: Expression, at: list[int]) -> int:
    sizes: Any = node.data
    (p, q), K = node.args[0].shape, len(sizes)
    average = np.repeat(np.eye(K) / np.array(sizes, dtype=float)[:, None], sizes, axis=1).T
    return writer.emit(tape.PRODUCT, p * K, at[0], writer.constant(average), p, q, K)


def _kron(writer: Writer, node: Expression, at: list[int]) -> int:
    left, right = (_entries(arg, start) for arg, start in zip(node.args, at, strict=True))
    size = prod(node.shape)
    wide = writer.gathered(np.kron(left, np.ones_like(right)).ravel())
    tall = writer.gathered(np.kron(np.ones_like(left), right).ravel())
    return writer.emit(tape.ENTRYWISE, size, wide, tall, size)


def _blocks(writer: Writer, node: Expression, at: list[int]) -> int:
    across: Any = node.data
    parts = [_entries(arg, start) for arg, start in zip(node.args, at, strict=True)]
    rows = [np.concatenate(parts[i : i + across], axis=1) for i in range(0, len(parts), across)]
    return writer.gathered(np.concatenate(rows, axis=0).ravel())


def _diagonal(writer: Writer, node: Expression, at: list[int]) -> int:
    cells = np.full(node.shape, writer.constant([0.0]))
    cells[np.arange(len(at)), np.arange(len(at))] = at
    return writer.gathered(cells.ravel())


def _entrywise(code: int) -> Callable[..., int]:
    def write(writer: Writer, node: Expression, at: list[int]) -> int:
        size = prod(node.shape)
        return writer.emit(code, size, at[0], at[-1], p=size)

    return write


WRITERS: dict[str, Callable[..., int]] = {
    "add": _entrywise(tape.ADD),
    "scale": _entrywise(tape.SCALE),
    "relu": _entrywise(tape.RELU),
    "exp": _entrywise(tape.EXP),
    "log": _entrywise(tape.LOG),
    "power": _power,
    "matmul": _product,
    "transpose": _moved(lambda _, cells: cells.T),
    "entry": _moved(lambda data, cells: cells[data]),
    "submatrix": _moved(lambda data, cells: cells[np.ix_(*map(list, data))]),
    "repeat_columns": _moved(lambda data, cells: np.repeat(cells, data, axis=1)),
    "trace": _trace,
    "sum_squares": lambda w, node, at: w.squares(1.0, at[0], prod(node.args[0].shape)),
    "log_sum_exp": lambda w, node, at: w.emit(
        tape.LOG_SUM_EXP, node.args[0].shape[1], at[0], p=node.args[0].shape[0], q=node.args[0].shape[1]
    ),
    "schatten": _singular(float),
    "operator_norm": _singular(lambda _: inf),
    "class_means": _class_means,
    "kron": _kron,
    "blocks": _blocks,
    "diagonal": _diagonal,
}
