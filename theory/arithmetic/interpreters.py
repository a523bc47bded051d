"""Arithmetics that read a formula entry by entry: rationals, balls and SymPy.

Each evaluates the same tree; ``algebraic`` beside this module adds exact algebraic numbers, ``floats`` batched torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import reduce
from typing import Any

from theory.ops import Expression, walk

Matrix = list[list[Any]]


class Undecidable(ArithmeticError):
    """This arithmetic cannot give the value at all, or not at this precision."""


class Arithmetic(ABC):
    """Evaluates formulas with one kind of scalar; a structural zero is the integer 0, which products skip.

    An arithmetic keeps the values of constant nodes, so many formulas that share constants are cheap.
    """

    def __init__(self) -> None:
        self._constants: dict[Expression, Any] = {}

    @abstractmethod
    def number(self, value: Fraction) -> Any:
        """The scalar of a rational."""

    @abstractmethod
    def power(self, node: Expression, base: Any, exponent: Fraction) -> Any:
        """A rational power; ``node`` is the power node itself."""

    @abstractmethod
    def root(self, node: Expression, coefficients: Sequence[Any]) -> Any:
        """The root that a ``largest_root`` or ``smallest_positive_root`` node stands for."""

    def singular_values(self, matrix: Matrix) -> Sequence[Any]:
        """Singular values, where this arithmetic has them."""
        raise Undecidable(f"{type(self).__name__} has no singular values")

    def largest(self, values: Sequence[Any]) -> Any:
        """The largest of some non-negative scalars, at least one."""
        raise Undecidable(f"{type(self).__name__} has no order")

    def rational(self, value: Any) -> Fraction | None:
        """An entry as a Fraction, None where it is not seen to be rational."""
        return None

    def relu(self, value: Any) -> Any:
        """max(x, 0) of one entry."""
        raise Undecidable(f"{type(self).__name__} has no ReLU")

    def exp(self, node: Expression, value: Any) -> Any:
        """e^x of one entry; ``node`` is the node itself."""
        raise Undecidable(f"{type(self).__name__} has no exponentials")

    def log(self, node: Expression, value: Any) -> Any:
        """The natural logarithm of one entry; ``node`` is the node itself."""
        raise Undecidable(f"{type(self).__name__} has no logarithms")

    def log_sum_exp(self, column: Sequence[Any]) -> Any:
        """log Σ e^x over at least one entry."""
        raise Undecidable(f"{type(self).__name__} has no exponentials")

    def evaluate(self, root: Expression, values: Mapping[str, Any] | None = None) -> Any:
        """The value of a formula: a scalar, or a matrix as a list of rows.

        Raises:
            Undecidable: where this arithmetic has no answer.
            KeyError: for a variable without a value.
        """
        environment = values or {}
        done: dict[Expression, Any] = {}
        for node in walk(root):
            if node in self._constants:
                done[node] = self._constants[node]
                continue
            done[node] = self._apply(node, [done[arg] for arg in node.args], environment)
            if not node.variables:
                self._constants[node] = done[node]
        return done[root]

    def evaluate_all(
        self, roots: Sequence[Expression], values: Mapping[str, Any], known: dict[Expression, Any] | None = None
    ) -> list[Any]:
        """The values of several formulas, shared parts once; ``known`` has values of parts, and gets those found.

        >>> from theory.ops import variable
        >>> x = variable("x")
        >>> three = Rationals().number(Fraction(3))
        >>> [int(value) for value in Rationals().evaluate_all([x + 1, 2 * (x + 1)], {"x": three})]
        [4, 8]
        """
        done: dict[Expression, Any] = {} if known is None else known
        for node in walk(*roots):
            if node not in done:
                done[node] = self._apply(node, [done[arg] for arg in node.args], values)
        return [done[root] for root in roots]

    def point(self, point: Mapping[str, Expression]) -> dict[str, Any]:
        """Evaluate every factor of a point."""
        return {name: self.evaluate(value) for name, value in point.items()}

    def _apply(self, node: Expression, args: list[Any], environment: Mapping[str, Any]) -> Any:
        if node.op == "variable":
            return environment[str(node.data)]
        if node.op == "rational":
            return self.number(node.data) if node.data else 0  # type: ignore[arg-type]
        if node.op == "power":
            return self.power(node, args[0], node.data)  # type: ignore[arg-type]
        if node.op in ("largest_root", "smallest_positive_root"):
            return self.root(node, args)
        if node.op == "schatten":
            return self._schatten(node, args[0])
        if node.op == "operator_norm":
            values = self.singular_values(args[0])
            return self.largest(values) if values else 0
        if node.op == "rank":
            return self._rank(args[0])
        if node.op == "relu":
            return [[0 if _is_zero(x) else self.relu(x) for x in row] for row in args[0]]
        if node.op in ("exp", "log"):
            function = self.exp if node.op == "exp" else self.log
            return [[function(node, x) for x in row] for row in args[0]] if node.shape else function(node, args[0])
        if node.op == "log_sum_exp":
            return [[self.log_sum_exp(column) for column in zip(*args[0], strict=True)]]
        return _OPERATIONS[node.op](self, node, args)

    def _rank(self, matrix: Matrix) -> Any:
        from flint import fmpq, fmpq_mat

        entries: list[list[fmpq]] = []
        for row in matrix:
            values = [Fraction(0) if _is_zero(x) else self.rational(x) for x in row]
            if None in values:
                raise Undecidable(f"{type(self).__name__} has the rank of rational matrices only")
            entries.append([fmpq(x.numerator, x.denominator) for x in values if x is not None])
        return self.number(Fraction(int(fmpq_mat(entries).rank()))) if entries and entries[0] else 0

    def _schatten(self, node: Expression, matrix: Matrix) -> Any:
        total: Any = 0
        for value in self.singular_values(matrix):
            total = total + (value if node.data == 1 else self.power(node, value, node.data))  # type: ignore[arg-type]
        return total


def _is_zero(value: Any) -> bool:
    return type(value) is int and value == 0


def _add(_: Arithmetic, node: Expression, args: list[Any]) -> Any:
    left, right = args
    if not node.shape:
        return left + right
    return [[x + y for x, y in zip(a, b, strict=True)] for a, b in zip(left, right, strict=True)]


def _scale(_: Arithmetic, node: Expression, args: list[Any]) -> Any:
    factor, value = args
    if not node.shape:
        return 0 if _is_zero(factor) or _is_zero(value) else factor * value
    if _is_zero(factor):
        return [[0] * node.shape[1] for _ in range(node.shape[0])]
    multiples: dict[int, Any] = {}

    def times(x: Any) -> Any:
        if id(x) not in multiples:
            multiples[id(x)] = factor * x
        return multiples[id(x)]

    return [[0 if _is_zero(x) else times(x) for x in row] for row in value]


def multiply(left: Matrix, right: Matrix, width: int | None = None) -> Matrix:
    """The product of two matrices given as rows, skipping structural zeros; ``width`` where ``right`` has no rows."""
    if width is None:
        width = len(right[0]) if right else 0
    sparse = [[(j, y) for j, y in enumerate(row) if not _is_zero(y)] for row in right]
    multiples: dict[int, dict[int, Any]] = {}  # frames and Kronecker products hold the same few numbers many times
    product: Matrix = []
    for row in left:
        entries: list[Any] = [0] * width
        for x, nonzero in zip(row, sparse, strict=True):
            if not _is_zero(x):
                of_x = multiples.setdefault(id(x), {})
                for j, y in nonzero:
                    term = of_x.get(id(y))
                    if term is None:
                        term = of_x[id(y)] = x * y
                    entries[j] = entries[j] + term
        product.append(entries)
    return product


def _sum_squares(_: Arithmetic, __: Expression, args: list[Any]) -> Any:
    total: Any = 0
    for row in args[0]:
        for x in row:
            if not _is_zero(x):
                total = total + x * x
    return total


def _diagonal(_: Arithmetic, node: Expression, args: list[Any]) -> Matrix:
    rows, columns = node.shape
    return [[args[i] if i == j and i < len(args) else 0 for j in range(columns)] for i in range(rows)]


def _identity(arithmetic: Arithmetic, node: Expression, _: list[Any]) -> Matrix:
    one = arithmetic.number(Fraction(1))
    return [[one if i == j else 0 for j in range(node.shape[1])] for i in range(node.shape[0])]


def _ones(arithmetic: Arithmetic, node: Expression, _: list[Any]) -> Matrix:
    one = arithmetic.number(Fraction(1))
    return [[one] * node.shape[1] for _ in range(node.shape[0])]


def _zeros(_: Arithmetic, node: Expression, __: list[Any]) -> Matrix:
    return [[0] * node.shape[1] for _ in range(node.shape[0])]


def _one_hot(arithmetic: Arithmetic, node: Expression, _: list[Any]) -> Matrix:
    one = arithmetic.number(Fraction(1))
    labels = _labels(node)
    return [[one if label == k else 0 for label in labels] for k in range(node.shape[0])]


def _labels(node: Expression) -> list[int]:
    return [k for k, size in enumerate(node.data) for _ in range(size)]  # type: ignore[arg-type, var-annotated]


def _helmert(arithmetic: Arithmetic, node: Expression, _: list[Any]) -> Matrix:
    from theory.ops import sqrt

    rows, columns = node.shape
    matrix: Matrix = [[0] * columns for _ in range(rows)]
    for j in range(columns):
        short = arithmetic.evaluate(1 / sqrt((j + 1) * (j + 2)))
        for i in range(j + 1):
            matrix[i][j] = short
        matrix[j + 1][j] = short * -(j + 1)
    return matrix


def _class_means(arithmetic: Arithmetic, node: Expression, args: list[Any]) -> Matrix:
    result: Matrix = []
    for row in args[0]:
        means, start = [], 0
        for size in node.data:  # type: ignore[attr-defined]
            means.append(_mean(arithmetic, row[start : start + size]))
            start += size
        result.append(means)
    return result


def _mean(arithmetic: Arithmetic, entries: list[Any]) -> Any:
    if all(x is entries[0] for x in entries):
        return entries[0]
    total: Any = 0
    for x in entries:
        total = total + x
    return 0 if _is_zero(total) else total * arithmetic.number(Fraction(1, len(entries)))


def _repeat_columns(_: Arithmetic, node: Expression, args: list[Any]) -> Matrix:
    labels = _labels(node)
    return [[row[label] for label in labels] for row in args[0]]


def _kron(_: Arithmetic, __: Expression, args: list[Any]) -> Matrix:
    left, right = args
    zeros = [0] * (len(right[0]) if right else 0)
    scaled = {}

    def times(x: Any, i: int) -> list[Any]:
        if _is_zero(x):
            return zeros
        if (id(x), i) not in scaled:
            scaled[id(x), i] = [0 if _is_zero(y) else x * y for y in right[i]]
        return scaled[id(x), i]

    return [[entry for x in row for entry in times(x, i)] for row in left for i in range(len(right))]


def _blocks(_: Arithmetic, node: Expression, args: list[Any]) -> Matrix:
    across: Any = node.data
    grid = [args[i : i + across] for i in range(0, len(args), across)]
    return [[x for part in parts for x in part] for row in grid for parts in zip(*row, strict=True)]


def _trace(_: Arithmetic, __: Expression, args: list[Any]) -> Any:
    total: Any = 0
    for i, row in enumerate(args[0]):
        total = total + row[i]
    return total


def _submatrix(_: Arithmetic, node: Expression, args: list[Any]) -> Matrix:
    rows: Any
    columns: Any
    rows, columns = node.data  # type: ignore[misc]
    return [[args[0][i][j] for j in columns] for i in rows]


def _entry(_: Arithmetic, node: Expression, args: list[Any]) -> Any:
    i: Any
    j: Any
    i, j = node.data  # type: ignore[misc]
    return args[0][i][j]


_OPERATIONS: dict[str, Callable[[Arithmetic, Expression, list[Any]], Any]] = {
    "add": _add,
    "scale": _scale,
    "matmul": lambda _, node, args: multiply(args[0], args[1], node.shape[1]),
    "transpose": lambda _, node, args: [[row[j] for row in args[0]] for j in range(node.shape[0])],
    "sum_squares": _sum_squares,
    "diagonal": _diagonal,
    "identity": _identity,
    "ones": _ones,
    "zeros": _zeros,
    "one_hot": _one_hot,
    "helmert": _helmert,
    "class_means": _class_means,
    "repeat_columns": _repeat_columns,
    "kron": _kron,
    "blocks": _blocks,
    "trace": _trace,
    "submatrix": _submatrix,
    "entry": _entry,
}


def _vanishes(x: Any) -> bool:
    """Whether an entry is exactly zero; a ball around zero is not."""
    return bool(x == 0)


def _irreducible(gram: Matrix) -> list[list[int]]:
    """Indices of the blocks of a symmetric matrix between which all entries are exactly zero."""
    left, found = set(range(len(gram))), []
    while left:
        part, new = [], {min(left)}
        while new:
            left -= new
            part += sorted(new)
            new = {j for j in left if not all(_vanishes(gram[i][j]) for i in new)}
        found.append(sorted(part))
    return found


class Rationals(Arithmetic):
    """Exact rationals (python-flint's ``fmpq``); a power or root that is not rational is ``Undecidable``."""

    def number(self, value: Fraction) -> Any:
        from flint import fmpq

        return fmpq(value.numerator, value.denominator)

    def power(self, node: Expression, base: Any, exponent: Fraction) -> Any:
        if exponent.denominator == 1:
            if not base and exponent < 0:
                raise Undecidable("division by zero")
            return self.number(Fraction(1)) * base**exponent.numerator if base else 0
        raise Undecidable(f"the power {exponent} leaves the rationals")

    def root(self, node: Expression, coefficients: Sequence[Any]) -> Any:
        raise Undecidable("a root of a polynomial leaves the rationals")

    def rational(self, value: Any) -> Fraction | None:
        return Fraction(int(value.p), int(value.q))

    def relu(self, value: Any) -> Any:
        return value if value > 0 else 0


class Balls(Arithmetic):
    """Real balls (Arb) at a precision in bits: every value comes with a rigorous radius.

    Use inside ``precision(bits)``; the working precision of python-flint is a global of the process.

    >>> from theory.ops import sqrt
    >>> with precision(100):
    ...     (Balls().evaluate(sqrt(2)) ** 2 - 2).contains(0)
    True
    """

    def number(self, value: Fraction) -> Any:
        from flint import arb, fmpq

        return arb(fmpq(value.numerator, value.denominator))

    def power(self, node: Expression, base: Any, exponent: Fraction) -> Any:
        if _is_zero(base):
            if exponent < 0:
                raise Undecidable("division by zero")
            return 0
        if exponent.denominator == 1 and abs(exponent.numerator) < 1000:
            value = _whole_power(base, abs(exponent.numerator))
            return value if exponent > 0 else 1 / value
        if node.op == "schatten" and not base > 0:
            return _nonnegative(base, lambda end: end.root(exponent.denominator) ** exponent.numerator)
        if exponent == Fraction(1, 2):
            return base.sqrt()
        return base.root(exponent.denominator) ** exponent.numerator

    def root(self, node: Expression, coefficients: Sequence[Any]) -> Any:
        roots = positive_roots(coefficients)
        if not roots:
            raise Undecidable("a polynomial has no positive root")
        return roots[-1] if node.op == "largest_root" else roots[0]

    def singular_values(self, matrix: Matrix) -> Sequence[Any]:
        from flint import acb_mat, arb

        rows, columns = len(matrix), len(matrix[0]) if matrix else 0
        if not rows or not columns:
            return []
        wide = matrix if rows <= columns else [list(c) for c in zip(*matrix, strict=True)]
        gram = multiply(wide, [list(c) for c in zip(*wide, strict=True)])
        values: list[Any] = []
        for part in _irreducible(gram):
            block = [[arb(gram[i][j]) for j in part] for i in part]
            try:
                values += block[0] if len(part) == 1 else [x.real for x in acb_mat(block).eig(multiple=True)]
            except ValueError as error:
                raise Undecidable("the singular values could not be enclosed at this precision") from error
        return [_nonnegative(value, lambda end: end.sqrt()) for value in values]

    def rational(self, value: Any) -> Fraction | None:
        exact = value.fmpq() if value.is_exact() else None
        return None if exact is None else Fraction(int(exact.p), int(exact.q))

    def largest(self, values: Sequence[Any]) -> Any:
        return reduce(lambda left, right: left.max(right), values)

    def relu(self, value: Any) -> Any:
        return value.nonnegative_part() if value.contains(0) else (value if value > 0 else 0)

    def exp(self, node: Expression, value: Any) -> Any:
        return self._ball(value).exp()

    def log(self, node: Expression, value: Any) -> Any:
        ball = self._ball(value)
        if ball <= 0:
            raise Undecidable("a logarithm of a number that is not positive")
        return ball.log()

    def log_sum_exp(self, column: Sequence[Any]) -> Any:
        """Shifted by a number near the largest entry, so that no exponential overflows."""
        balls = [self._ball(x) for x in column]
        shift = max((ball.mid() for ball in balls), key=float)
        return shift + reduce(lambda a, b: a + b, ((ball - shift).exp() for ball in balls)).log()

    @staticmethod
    def _ball(value: Any) -> Any:
        from flint import arb

        return arb(value)


def _whole_power(base: Any, exponent: int) -> Any:
    """A power with an exponent of at least 1, also of a ball that contains 0, which Arb's own power makes nan."""
    if not base.contains(0):
        return base**exponent
    return reduce(lambda value, _: value * base, range(exponent - 1), base)


def _nonnegative(ball: Any, increasing: Callable[[Any], Any]) -> Any:
    """An increasing function with f(0) = 0 of a number that is known not to be negative."""
    from flint import arb

    return increasing(ball) if ball > 0 else arb(0).union(increasing(arb(ball.upper()).max(0)))


def positive_roots(coefficients: Sequence[Any]) -> list[Any]:
    """Isolating balls for the positive roots of Σ cᵢ xⁱ with ball coefficients, in increasing order.

    Raises:
        Undecidable: when a root cannot be isolated, or told from 0, at the current precision.
    """
    from flint import arb, arb_poly

    while coefficients and coefficients[0] == 0:  # exactly: a root at 0 is not positive
        coefficients = coefficients[1:]
    polynomial = arb_poly([arb(c) for c in coefficients])
    candidates = [root.real for root in _complex_roots(polynomial) if root.imag.contains(0)]
    if any(x.contains(0) for x in candidates):
        raise Undecidable("a root could not be told from 0 at this precision")
    positive = sorted((x for x in candidates if x > 0), key=lambda x: x.mid())
    if not all(_crosses(polynomial, x) for x in positive):
        raise Undecidable("a real root could not be told from a pair of complex ones")
    return [_newton(polynomial, x) for x in positive]


def _complex_roots(polynomial: Any) -> list[Any]:
    """Isolating balls for all roots; the iteration that finds them rarely fails from its start, and then not in x/3."""
    from flint import arb, arb_poly

    for unit in (1, 3, 7):
        with suppress(ValueError):
            return [arb(unit) * root for root in polynomial(arb_poly([0, unit])).complex_roots()]
    raise Undecidable("the roots of a polynomial could not be isolated at this precision")


def _crosses(polynomial: Any, root: Any) -> bool:
    """Whether the polynomial changes sign over the ball, so that its isolated root there is real."""
    from flint import arb

    low, high = polynomial(arb(root.lower())), polynomial(arb(root.upper()))
    return bool(root.is_exact() or (low < 0 < high) or (high < 0 < low))


def _newton(polynomial: Any, root: Any) -> Any:
    """Shrink an isolating ball by interval Newton steps, x ∩ (m − f(m)/f′(x)), as far as the precision allows."""
    slope = polynomial.derivative()
    while True:
        derivative = slope(root)
        if derivative.contains(0) or root.is_exact():
            return root
        middle = root.mid()
        step = middle - polynomial(middle) / derivative
        if not step.overlaps(root):
            raise Undecidable("an isolating ball lost its root")
        closer = step.intersection(root)
        if closer.rad() * 2 > root.rad():
            return closer
        root = closer


class Symbols(Arithmetic):
    """SymPy: variables that are given SymPy symbols stay symbolic; roots of polynomials become ``CRootOf``."""

    def number(self, value: Fraction) -> Any:
        from sympy import Rational

        return Rational(value.numerator, value.denominator)

    def power(self, node: Expression, base: Any, exponent: Fraction) -> Any:
        if _is_zero(base) and exponent < 0:
            raise Undecidable("division by zero")
        return base ** self.number(exponent)

    def root(self, node: Expression, coefficients: Sequence[Any]) -> Any:
        raise Undecidable("roots stay with their polynomials; use theory.arithmetic.algebraic")

    def exp(self, node: Expression, value: Any) -> Any:
        from sympy import exp

        return exp(value)

    def log(self, node: Expression, value: Any) -> Any:
        from sympy import log

        return log(value)

    def log_sum_exp(self, column: Sequence[Any]) -> Any:
        from sympy import Add, exp, log

        return log(Add(*(exp(x) for x in column)))


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Set python-flint's working precision for a block."""
    from flint import ctx

    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before
