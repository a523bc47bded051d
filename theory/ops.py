"""The vocabulary of formulas: ordinary Python over these functions records a tree with static shapes.

A formula is written once and read by several arithmetics (``theory.arithmetic``): rationals, balls, an algebraic normal
form, SymPy and batched torch. Scalars have shape ``()``, matrices ``(m, n)``. Equal trees are one object, so ``is``
compares formulas structurally.

>>> X = variable("X", (2, 3))
>>> (sum_squares(X) / 2).shape
()
>>> X @ X
Traceback (most recent call last):
...
theory.ops.ShapeError: cannot multiply (2, 3) by (2, 3)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any
from weakref import WeakValueDictionary

Shape = tuple[int, ...]

MAX_NAME = 40
"""Longest name of a variable: it is printed by the checker."""

Scalar = "Expression | int | Fraction"


class FormulaError(TypeError):
    """A formula uses something that cannot be recorded."""


class ShapeError(ValueError):
    """The shapes of a formula's parts do not fit."""


@dataclass(frozen=True, eq=False)
class Expression:
    """One node of a formula: an operation, its arguments, static data and the shape of its value."""

    op: str
    args: tuple[Expression, ...]
    data: Hashable
    shape: Shape

    __array_ufunc__ = None

    def __add__(self, other: Any) -> Expression:
        left, right = self, constant(other)
        if left.shape != right.shape:
            raise ShapeError(f"cannot add {left.shape} and {right.shape}")
        return _fold("add", (left, right), left.shape)

    def __neg__(self) -> Expression:
        return constant(-1) * self

    def __sub__(self, other: Any) -> Expression:
        return self + (-constant(other))

    def __mul__(self, other: Any) -> Expression:
        left, right = self, constant(other)
        if left.shape and right.shape:
            raise ShapeError("use @ for a matrix product; * scales a matrix by a scalar")
        if left.shape or (right.op == "rational" and left.op != "rational"):
            left, right = right, left
        return _fold("scale", (left, right), right.shape)

    def __truediv__(self, other: Any) -> Expression:
        divisor = constant(other)
        if divisor.shape:
            raise ShapeError(f"cannot divide by a matrix of shape {divisor.shape}")
        return self * divisor ** (-1)

    def __pow__(self, exponent: int | Fraction) -> Expression:
        if self.shape:
            raise ShapeError("powers are for scalars")
        return _fold("power", (self,), (), _exponent(exponent))

    def __matmul__(self, other: Any) -> Expression:
        right = constant(other)
        if len(self.shape) != 2 or len(right.shape) != 2 or self.shape[1] != right.shape[0]:
            raise ShapeError(f"cannot multiply {self.shape} by {right.shape}")
        return _node("matmul", (self, right), (self.shape[0], right.shape[1]))

    def __radd__(self, other: Any) -> Expression:
        return constant(other) + self

    def __rsub__(self, other: Any) -> Expression:
        return constant(other) - self

    def __rmul__(self, other: Any) -> Expression:
        return constant(other) * self

    def __rtruediv__(self, other: Any) -> Expression:
        return constant(other) / self

    @property
    def T(self) -> Expression:
        """The transpose."""
        rows, columns = _matrix(self)
        return self.args[0] if self.op == "transpose" else _node("transpose", (self,), (columns, rows))

    def __getitem__(self, index: tuple[Any, Any]) -> Expression:
        """``X[i, j]`` is an entry; ``X[rows, columns]`` with tuples of indices or slices is a submatrix."""
        shape = _matrix(self)
        if not isinstance(index, tuple) or len(index) != 2:
            raise FormulaError(f"an index is X[i, j] for an entry, X[rows, columns] for a submatrix, got {index!r}")
        rows, columns = (_positions(part, size) for part, size in zip(index, shape, strict=True))
        if isinstance(rows, int) and isinstance(columns, int):
            return _node("entry", (self,), (), (rows, columns))
        if isinstance(rows, int) or isinstance(columns, int):
            raise FormulaError(f"give two numbers for an entry, or two tuples for a submatrix, got {index!r}")
        return _node("submatrix", (self,), (len(rows), len(columns)), (rows, columns))

    __iter__ = None

    def __eq__(self, other: object) -> bool:
        """Structural equality of formulas; comparing with a number would be a branch on a value."""
        if isinstance(other, int | float | Fraction):
            raise FormulaError("a formula cannot branch on a value: it is recorded once, with symbols")
        return self is other

    __hash__ = object.__hash__

    def _compared(self, other: object) -> Any:
        raise FormulaError("a formula cannot be compared or branched on; an Inequality or at_most(…) compares")

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __bool__(self) -> bool:
        raise FormulaError("a formula cannot branch on a value: it is recorded once, with symbols")

    def __float__(self) -> float:
        raise FormulaError("a formula has no numeric value; use the functions of theory.ops, not math or numpy")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise FormulaError("a formula is not an array; use the functions of theory.ops, not numpy")

    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        raise FormulaError("a formula is not a tensor; use the functions of theory.ops, not torch")

    @cached_property
    def variables(self) -> frozenset[str]:
        """Names of the variables that the formula depends on."""
        own = frozenset([str(self.data)]) if self.op == "variable" else frozenset()
        return own.union(*(arg.variables for arg in self.args))


_nodes: WeakValueDictionary[Any, Expression] = WeakValueDictionary()


def _node(op: str, args: tuple[Expression, ...], shape: Shape, data: Hashable = None) -> Expression:
    key = (op, tuple(id(arg) for arg in args), data, shape)
    found = _nodes.get(key)
    if found is None:
        found = _nodes[key] = Expression(op, args, data, shape)
        found.variables  # noqa: B018 - cached while the arguments' are known, so that deep formulas need no recursion
    return found


def _fold(op: str, args: tuple[Expression, ...], shape: Shape, data: Hashable = None) -> Expression:
    """Record a node, after the exact simplifications that keep formulas of constants small."""
    if all(arg.op == "rational" for arg in args):
        values = [_value(arg) for arg in args]
        if op == "add":
            return constant(values[0] + values[1])
        if op == "scale":
            return constant(values[0] * values[1])
        if op == "power" and isinstance(data, Fraction) and data.denominator == 1 and (values[0] or data >= 0):
            return constant(values[0] ** int(data))
    if op == "power":
        if data == 1 or (args[0].op == "rational" and _value(args[0]) == 1):
            return args[0]
        if data == 0:
            return constant(1)
    if op == "add" and any(_is_zero(arg) for arg in args):
        return args[1] if _is_zero(args[0]) else args[0]
    if op == "scale" and args[0].op == "rational" and _value(args[0]) == 1:
        return args[1]
    if op == "scale" and not shape and any(_is_zero(arg) for arg in args):
        return constant(0)
    return _node(op, args, shape, data)


def _value(node: Expression) -> Fraction:
    if not isinstance(node.data, Fraction):
        raise FormulaError(f"{node.op} is not a rational constant")
    return node.data


def _is_zero(node: Expression) -> bool:
    return node.op == "rational" and node.data == 0


def _matrix(node: Expression) -> tuple[int, int]:
    if not isinstance(node, Expression):
        raise FormulaError(f"expected a matrix of a formula, got the {type(node).__name__} {node!r}")
    if len(node.shape) != 2:
        raise ShapeError("expected a matrix, got a scalar")
    return node.shape[0], node.shape[1]


def _scalars(values: Iterable[Any]) -> tuple[Expression, ...]:
    scalars = tuple(constant(value) for value in values)
    for scalar in scalars:
        if scalar.shape:
            raise ShapeError(f"expected a scalar, got a matrix of shape {scalar.shape}")
    return scalars


def _exponent(value: Any) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        kind = type(value).__name__
        raise FormulaError(f"an exponent must be exact, for example Fraction(1, 2), got the {kind} {value!r}")
    return Fraction(value)


def _shape(*sizes: Any) -> Shape:
    if any(isinstance(size, bool) or not isinstance(size, int) or size < 0 for size in sizes):
        raise ShapeError(f"a shape is made of non-negative integers, got {sizes}")
    return sizes


def _sizes(class_sizes: Sequence[int]) -> tuple[int, ...]:
    sizes = _shape(*class_sizes)
    if 0 in sizes:
        raise ShapeError(f"class sizes must be positive, got {sizes}")
    return sizes


def _positions(index: Any, size: int) -> int | tuple[int, ...]:
    """Python's index, slice or sequence of indices, counted from 0."""
    try:
        if isinstance(index, int):
            return range(size)[index]
        return tuple(range(size)[index] if isinstance(index, slice) else (range(size)[i] for i in index))
    except IndexError:
        raise ShapeError(f"index {index} is outside a matrix with {size} rows or columns") from None


def constant(value: Any) -> Expression:
    """Record an exact scalar (int or Fraction); an expression passes unchanged."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        kind = type(value).__name__
        raise FormulaError(f"a formula takes exact numbers (int or Fraction), got the {kind} {value!r}")
    return _node("rational", (), (), Fraction(value))


def variable(name: str, shape: Shape = ()) -> Expression:
    """A named unknown of the given shape: ``()`` for a scalar, ``(m, n)`` for a matrix."""
    if not isinstance(name, str) or not name.isidentifier() or len(name) > MAX_NAME:
        raise FormulaError(f"a variable needs a short identifier as its name, got {str(name)[:MAX_NAME]!r}")
    if len(shape) not in (0, 2):
        raise ShapeError(f"{name} must be a scalar () or a matrix (m, n), got the shape {shape}")
    return _node("variable", (), _shape(*shape), name)


def identity(size: int) -> Expression:
    """The identity matrix I of a size."""
    return _node("identity", (), _shape(size, size))


def ones(rows: int, columns: int) -> Expression:
    """The matrix of ones."""
    return _node("ones", (), _shape(rows, columns))


def zeros(rows: int, columns: int) -> Expression:
    """The zero matrix."""
    return _node("zeros", (), _shape(rows, columns))


def diagonal(entries: Sequence[Any], rows: int | None = None, columns: int | None = None) -> Expression:
    """The ``rows × columns`` matrix with ``entries`` on its diagonal and zeros elsewhere (default: square)."""
    scalars = _scalars(entries)
    shape = _shape(*(len(scalars) if size is None else size for size in (rows, columns)))
    if len(scalars) > min(shape):
        raise ShapeError(f"{len(scalars)} diagonal entries do not fit into {shape}")
    return _node("diagonal", scalars, shape)


def matrix(rows: Sequence[Sequence[int | Fraction]]) -> Expression:
    """A matrix of rationals: columns of I, times the entries that are not zero, times rows of I.

    >>> matrix([[0, 2], [1, 0], [0, 0]]).shape
    (3, 2)
    """
    places = [(i, j) for i, row in enumerate(rows) for j, x in enumerate(row) if x]
    left = identity(len(rows))[range(len(rows)), [i for i, _ in places]]
    right = identity(len(rows[0]))[[j for _, j in places], range(len(rows[0]))]
    return left @ diagonal([rows[i][j] for i, j in places]) @ right


def helmert(size: int, columns: int | None = None) -> Expression:
    """Orthonormal columns that span a part of the vectors with zero sum: ``size × columns``, at most size − 1.

    Column j (from 0) is (1, …, 1, −(j+1), 0, …, 0)/√((j+1)(j+2)). All of them: U Uᵀ = I − 11ᵀ/K, the simplex ETF.
    """
    count = size - 1 if columns is None else columns
    if not 0 <= count <= size - 1:
        raise ShapeError(f"there are {size - 1} orthonormal vectors of zero sum, not {count}")
    return _node("helmert", (), _shape(size, count))


def one_hot(class_sizes: Sequence[int]) -> Expression:
    """Labels Y (K × N): column i is e_k for the samples of class k, sorted by class."""
    sizes = _sizes(class_sizes)
    return _node("one_hot", (), (len(sizes), sum(sizes)), sizes)


def class_means(features: Expression, class_sizes: Sequence[int]) -> Expression:
    """Class means H̄ (d × K) of features H (d × N) sorted by class."""
    (rows, columns), sizes = _matrix(features), _sizes(class_sizes)
    if columns != sum(sizes):
        raise ShapeError(f"{columns} features do not fit class sizes with sum {sum(sizes)}")
    return _node("class_means", (features,), (rows, len(sizes)), sizes)


def repeat_columns(means: Expression, class_sizes: Sequence[int]) -> Expression:
    """Repeat column k of a d × K matrix n_k times: H̄ Y (d × N)."""
    (rows, columns), sizes = _matrix(means), _sizes(class_sizes)
    if columns != len(sizes):
        raise ShapeError(f"{columns} columns do not fit {len(sizes)} classes")
    return _node("repeat_columns", (means,), (rows, sum(sizes)), sizes)


def kron(left: Expression, right: Expression) -> Expression:
    """The Kronecker product A ⊗ B: (A ⊗ Bᵀ) vec(X) = vec(A X B) for rows of X one after another."""
    (a, b), (c, d) = _matrix(left), _matrix(right)
    return _node("kron", (left, right), (a * c, b * d))


def blocks(grid: Sequence[Sequence[Expression]]) -> Expression:
    """The matrix made of matrices in a grid, row by row."""
    sizes = [[_matrix(block) for block in row] for row in grid]
    if not grid or any(len(row) != len(grid[0]) for row in grid) or not grid[0]:
        raise ShapeError("a grid has the same number of blocks in each row, and one at least")
    heights, widths = [row[0][0] for row in sizes], [width for _, width in sizes[0]]
    if sizes != [[(height, width) for width in widths] for height in heights]:
        raise ShapeError(f"blocks in a row have one height and in a column one width, got {sizes}")
    return _node("blocks", tuple(block for row in grid for block in row), (sum(heights), sum(widths)), len(widths))


def sqrt(value: Any) -> Expression:
    """The non-negative square root of a scalar."""
    return constant(value) ** Fraction(1, 2)


def trace(matrix: Expression) -> Expression:
    """tr(X) of a square matrix."""
    rows, columns = _matrix(matrix)
    if rows != columns:
        raise ShapeError(f"the trace needs a square matrix, got {matrix.shape}")
    return _node("trace", (matrix,), ())


def sum_squares(matrix: Expression) -> Expression:
    """‖X‖_F², the sum of squared entries."""
    _matrix(matrix)
    return _node("sum_squares", (matrix,), ())


def frobenius_norm(matrix: Expression) -> Expression:
    """‖X‖_F."""
    return sqrt(sum_squares(matrix))


def schatten(matrix: Expression, power: int | Fraction) -> Expression:
    """Σ_j σ_j(X)^p for p > 0, the p-th power of the Schatten-p (quasi-)norm; p = 1 gives the nuclear norm."""
    _matrix(matrix)
    if _exponent(power) <= 0:
        raise FormulaError(f"a Schatten norm needs a positive power, got {power}")
    return _node("schatten", (matrix,), (), _exponent(power))


def nuclear_norm(matrix: Expression) -> Expression:
    """‖X‖_*, the sum of singular values."""
    return schatten(matrix, 1)


def operator_norm(matrix: Expression) -> Expression:
    """‖X‖_op, the largest singular value."""
    _matrix(matrix)
    return _node("operator_norm", (matrix,), ())


def rank(matrix: Expression) -> Expression:
    """The rank of a matrix with rational entries.

    >>> rank(ones(2, 3)).shape
    ()
    """
    _matrix(matrix)
    return _node("rank", (matrix,), ())


def relu(matrix: Expression) -> Expression:
    """Entrywise max(x, 0)."""
    return _node("relu", (matrix,), _matrix(matrix))


def exp(value: Any) -> Expression:
    """e^x of a scalar, or of every entry of a matrix; e^(q log x) of a scalar is x^q for a rational q.

    >>> exp(2 * log(3)).data
    Fraction(9, 1)
    """
    node = constant(value)
    if _is_zero(node):
        return constant(1)
    factor, inner = Fraction(1), node
    while inner.op == "scale" and inner.args[0].op == "rational":
        factor, inner = factor * _value(inner.args[0]), inner.args[1]
    if not node.shape and inner.op == "log":
        return inner.args[0] ** factor
    return _node("exp", (node,), node.shape)


def log(value: Any) -> Expression:
    """The natural logarithm of a positive scalar, or of every entry of a matrix of positive numbers.

    Raises:
        FormulaError: for a rational number that is not positive.
    """
    node = constant(value)
    if node.op == "rational" and _value(node) <= 0:
        raise FormulaError(f"a logarithm needs a positive number, got {node.data}")
    if node.op == "rational" and _value(node) == 1:
        return constant(0)
    return node.args[0] if node.op == "exp" else _node("log", (node,), node.shape)


def log_sum_exp(matrix: Expression) -> Expression:
    """log Σ_i e^{x_ij} of each column j of an m × n matrix, as a row 1 × n.

    >>> log_sum_exp(variable("Z", (3, 5))).shape
    (1, 5)
    """
    rows, columns = _matrix(matrix)
    if not rows:
        raise ShapeError("log Σ e^x needs a row")
    return _node("log_sum_exp", (matrix,), (1, columns))


def softmax(matrix: Expression) -> Expression:
    """e^{x_ij} / Σ_k e^{x_kj}: the entries of each column as shares of 1."""
    rows, _ = _matrix(matrix)
    return exp(matrix - ones(rows, 1) @ log_sum_exp(matrix))


def largest_root(coefficients: Sequence[Any]) -> Expression:
    """The largest real root of Σ cᵢ xⁱ, coefficients from the constant term up; it must be positive."""
    return _node("largest_root", _polynomial(coefficients), ())


def smallest_positive_root(coefficients: Sequence[Any]) -> Expression:
    """The smallest positive root of Σ cᵢ xⁱ, coefficients from the constant term up."""
    return _node("smallest_positive_root", _polynomial(coefficients), ())


def _polynomial(coefficients: Sequence[Any]) -> tuple[Expression, ...]:
    """Coefficients without zeros at either end: neither changes the positive roots."""
    found = list(_scalars(coefficients))
    while found and _is_zero(found[-1]):
        found.pop()
    while found and _is_zero(found[0]):
        found.pop(0)
    if len(found) < 2:
        raise FormulaError("a polynomial with a positive root has two coefficients at least that are not zero")
    return tuple(found)


def _radical(node: Expression) -> tuple[Fraction, int]:
    if node.op == "rational" and _value(node) >= 0:
        return _value(node), 1
    if node.op == "power" and isinstance(node.data, Fraction):
        base, index = _radical(node.args[0])
        if not base and node.data < 0:
            raise FormulaError("compare met a division by zero")
        return base**node.data.numerator, index * node.data.denominator
    if node.op == "scale":
        (left, i), (right, j) = map(_radical, node.args)
        common = lcm(i, j)
        return left ** (common // i) * right ** (common // j), common
    raise FormulaError(f"{node.op} is not a product of rational powers of non-negative rationals")


def compare(left: Any, right: Any) -> int:
    """Compare two products of rational powers of non-negative rationals exactly: −1, 0 or 1.

    >>> compare(sqrt(2), constant(3) ** Fraction(1, 3))
    -1
    """
    (a, i), (b, j) = _radical(constant(left)), _radical(constant(right))
    common = lcm(i, j)
    x, y = a ** (common // i), b ** (common // j)
    return (x > y) - (x < y)


def walk(*roots: Expression) -> Iterator[Expression]:
    """Every node below the roots once, arguments before the nodes that use them."""
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if id(node) in seen:
            continue
        if ready:
            seen.add(id(node))
            yield node
        else:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))


def substitute(root: Expression, values: Mapping[str, Any]) -> Expression:
    """Replace variables by expressions (or exact numbers) of the same shapes."""
    done: dict[int, Expression] = {}
    for node in walk(root):
        if node.op == "variable" and node.data in values:
            replacement = constant(values[str(node.data)])
            if replacement.shape != node.shape:
                raise ShapeError(f"{node.data} has shape {node.shape}, its value has {replacement.shape}")
            done[id(node)] = replacement
        else:
            args = [done[id(arg)] for arg in node.args]
            done[id(node)] = _BUILDERS[node.op](node.data, node.shape, *args)
    return done[id(root)]


def to_json(*roots: Expression) -> list[Any]:
    """The canonical form: nodes [op, shape, data, arguments] in order of first use, the roots' indices last."""
    numbers: dict[int, int] = {}
    rows: list[Any] = []
    for node in walk(*roots):
        numbers[id(node)] = len(rows)
        rows.append([node.op, list(node.shape), _plain(node.data), [numbers[id(arg)] for arg in node.args]])
    return [*rows, [numbers[id(root)] for root in roots]]


def _plain(data: Any) -> Any:
    """A node's data as JSON has it, so that what is written and read again is the same."""
    if isinstance(data, tuple):
        return [_plain(part) for part in data]
    return str(data) if isinstance(data, Fraction) else data


def from_json(rows: Sequence[Any]) -> tuple[Expression, ...]:
    """Rebuild formulas from their canonical form.

    Raises:
        ValueError: naming the row, for anything that the vocabulary could not have recorded.

    >>> X = variable("X", (2, 2))
    >>> from_json(to_json(trace(X @ X)))[0] is trace(X @ X)
    True
    """
    nodes: list[Expression] = []
    if not isinstance(rows, list | tuple) or not rows:
        raise ValueError("a formula must be a list of nodes with the roots' indices last")
    for number, row in enumerate(rows[:-1]):
        try:
            op, shape, data, args = row
            if not isinstance(op, str) or op not in _BUILDERS:
                raise ValueError(f"unknown operation {op!r}")
            node = _BUILDERS[op](_data(op, data), _shape(*shape), *_arguments(nodes, args))
            if node.shape != tuple(shape):
                raise ShapeError(f"{op} has the shape {node.shape}, not {tuple(shape)}")
        except (TypeError, ValueError) as error:
            raise ValueError(f"node {number} of a formula is malformed: {error}") from None
        nodes.append(node)
    return tuple(_arguments(nodes, rows[-1]))


def _arguments(nodes: Sequence[Expression], indices: Any) -> list[Expression]:
    if not isinstance(indices, list | tuple):
        raise ValueError(f"expected a list of earlier nodes, got {indices!r}")
    for i in indices:
        if type(i) is not int or not 0 <= i < len(nodes):
            raise ValueError(f"there is no earlier node {i!r}")
    return [nodes[i] for i in indices]


_EXACT = re.compile(r"-?[0-9]+(/[0-9]*[1-9][0-9]*)?")


def _data(op: str, data: Any) -> Any:
    if op in ("rational", "power", "schatten"):
        if not isinstance(data, str) or not _EXACT.fullmatch(data):
            raise ValueError(f"not an exact rational: {data!r}")
        return Fraction(data)
    if op in ("variable", "one_hot", "class_means", "repeat_columns", "entry", "submatrix"):
        return data
    if op == "blocks":
        if type(data) is not int or data < 1:
            raise ValueError(f"blocks stand in columns, a positive number of them, got {data!r}")
        return data
    if data is not None:
        raise ValueError(f"{op} has no data, got {data!r}")
    return None


_BUILDERS: dict[str, Callable[..., Expression]] = {
    "rational": lambda data, _: constant(data),
    "variable": lambda data, shape: variable(data, shape),
    "add": lambda _, __, left, right: left + right,
    "scale": lambda _, __, factor, value: factor * value,
    "power": lambda data, _, base: base**data,
    "matmul": lambda _, __, left, right: left @ right,
    "transpose": lambda _, __, matrix: matrix.T,
    "entry": lambda data, _, matrix: matrix[tuple(data)],
    "submatrix": lambda data, _, matrix: matrix[tuple(map(tuple, data))],
    "identity": lambda _, shape: identity(shape[0]),
    "ones": lambda _, shape: ones(*shape),
    "zeros": lambda _, shape: zeros(*shape),
    "diagonal": lambda _, shape, *entries: diagonal(entries, *shape),
    "helmert": lambda _, shape: helmert(*shape),
    "one_hot": lambda data, _: one_hot(data),
    "class_means": lambda data, _, features: class_means(features, data),
    "repeat_columns": lambda data, _, means: repeat_columns(means, data),
    "kron": lambda _, __, left, right: kron(left, right),
    "blocks": lambda data, _, *given: blocks([given[i : i + data] for i in range(0, len(given), data)]),
    "trace": lambda _, __, matrix: trace(matrix),
    "sum_squares": lambda _, __, matrix: sum_squares(matrix),
    "schatten": lambda data, _, matrix: schatten(matrix, data),
    "operator_norm": lambda _, __, matrix: operator_norm(matrix),
    "rank": lambda _, __, matrix: rank(matrix),
    "relu": lambda _, __, matrix: relu(matrix),
    "exp": lambda _, __, value: exp(value),
    "log": lambda _, __, value: log(value),
    "log_sum_exp": lambda _, __, matrix: log_sum_exp(matrix),
    "largest_root": lambda _, __, *coefficients: largest_root(coefficients),
    "smallest_positive_root": lambda _, __, *coefficients: smallest_positive_root(coefficients),
}
"""How each operation is recorded again from its data, shape and arguments; that changes nothing."""
