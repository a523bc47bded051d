"""What a simplex as the only minimiser says about one claim: each clause at every minimiser, in the algebra of S and E.

At every minimiser W = √ω U Vᵀ, H = κ Wᵀ Y and b = β e, with U Uᵀ = S = I − E, E = e eᵀ/K, Vᵀ V = I, and any β where
the bias is not regularised. So a matrix between two of the spaces (classes, samples by their labels, features, one
dimension) is a multiple of one partial isometry on the simplex, and of another along e. √ω is kept as a formal root.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from proofs.entailment import NotEntailed, sign
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Undecidable
from theory.claims import Clause, Relation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, walk

CLASS, SAMPLES, INNER, ONE = "class", "samples", "features", "one"

Part = Mapping[int, Any]
"""Coefficients by the power of √ω, 0 or 1; or of β."""


@dataclass(frozen=True)
class Simplex:
    """A model, and the numbers of its minimisers: W Wᵀ = ω S, H = κ Wᵀ Y; is b = β e with any β?"""

    model: UnconstrainedFeatures
    field: AlgebraicNumbers
    omega: Any
    kappa: Any
    free_bias: bool


@dataclass(frozen=True)
class Value:
    """A matrix between two spaces: its part on the simplex, and its part along e (features have none)."""

    left: str
    right: str
    simplex: Part
    along: Part


@dataclass(frozen=True)
class Constant:
    """A matrix of numbers, the same at every minimiser."""

    rows: list[list[Any]]

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self.rows), len(self.rows[0])


def answers(clauses: Sequence[Clause], at: Simplex) -> dict[str, str]:
    """For each clause the empty text where it holds at every minimiser, else why that is not shown."""
    found = {}
    for clause in clauses:
        try:
            good = all(holds(relation, at) for relation in clause.relations)
            found[clause.name] = "" if good else "a relation fails at some minimiser"
        except (NotEntailed, Undecidable) as reason:
            found[clause.name] = str(reason)
    return found


def holds(relation: Relation, at: Simplex) -> bool:
    """Whether a relation holds at every minimiser.

    Raises:
        NotEntailed, Undecidable: where that is not decided.
    """
    algebra = Algebra(at)
    left, right = algebra.evaluate(relation.left), algebra.evaluate(relation.right)
    if not relation.left.shape:
        found = sign(at.field, algebra.number(0) + left - right)
        return {"=": found == 0, "≤": found <= 0, "<": found < 0}[relation.sign]
    if relation.sign != "=":
        raise NotEntailed("an inequality between matrices")
    if isinstance(left, Value) and isinstance(right, Value):
        return algebra.vanishes(algebra.add(left, algebra.scaled(algebra.number(-1), right)))
    if isinstance(left, Constant) and isinstance(right, Constant):
        return algebra.same(left.rows, right.rows)
    value, constant = (left, right) if isinstance(left, Value) else (right, left)
    if all(algebra.is_zero(x) for row in constant.rows for x in row):
        return algebra.vanishes(value)
    return algebra.same(algebra.table(value), constant.rows)


class Algebra:
    """Reads formulas at every minimiser."""

    def __init__(self, at: Simplex) -> None:
        self.at, self.field, self.model = at, at.field, at.model
        self.n, self.K = at.model.class_sizes[0], at.model.K
        self._operations: dict[str, Callable[[Expression, list[Any]], Any]] = {
            "variable": self._variable,
            "add": lambda node, args: self.add(*args) if node.shape else args[0] + args[1],
            "scale": lambda node, args: self.scaled(*args) if node.shape else args[0] * args[1],
            "power": self._power,
            "matmul": lambda node, args: self.product(*args),
            "transpose": lambda node, args: self.transposed(args[0]),
            "class_means": self._class_means,
            "repeat_columns": self._repeat_columns,
            "trace": lambda node, args: self._trace(args[0]),
            "sum_squares": lambda node, args: self._trace(self.product(args[0], self.transposed(args[0]))),
            "entry": self._entry,
        }

    def evaluate(self, root: Expression) -> Any:
        """A matrix as a ``Value`` or ``Constant``, a scalar as an element.

        Raises:
            NotEntailed: for an operation outside the algebra.
        """
        done: dict[Expression, Any] = {}
        for node in walk(root):
            if not node.variables:
                done[node] = self._constant(node) if node.shape else self.field.evaluate(node)
            elif node.op in self._operations:
                done[node] = self._operations[node.op](node, [done[arg] for arg in node.args])
            else:
                raise NotEntailed(f"{node.op} is outside the algebra of the simplex")
        return done[root]

    def number(self, value: Fraction | int) -> Any:
        """A rational as an element."""
        return self.field.number(Fraction(value))

    def is_zero(self, value: Any) -> bool:
        """Whether an element is zero."""
        return self.field.is_zero(self.number(0) + value)

    # variables

    def _variable(self, node: Expression, _: list[Any]) -> Value:
        name = str(node.data)
        if self.model.variables.get(name) is not node:
            raise NotEntailed(f"{name} is not a variable of the model")
        if name == "b":
            return Value(CLASS, ONE, {}, {1: self.number(1)} if self.at.free_bias else {})
        if self.is_zero(self.at.omega):
            return Value(CLASS, INNER, {}, {}) if name != "H" else Value(INNER, SAMPLES, {}, {})
        if name == "H":
            return Value(INNER, SAMPLES, {1: self.at.kappa}, {})
        return Value(CLASS, INNER, {1: self.number(1)}, {})

    # algebra

    def add(self, left: Any, right: Any) -> Value:
        """A sum of two matrices between the same spaces."""
        if isinstance(left, Constant):
            left, right = right, left
        a = self._value(left)
        b = self._like(right, a) if isinstance(right, Constant) else right
        if (a.left, a.right) != (b.left, b.right):
            raise NotEntailed("a sum across different spaces")
        return Value(a.left, a.right, _plus(a.simplex, b.simplex), _plus(a.along, b.along))

    def scaled(self, factor: Any, value: Any) -> Any:
        """A multiple of a matrix."""
        if isinstance(value, Constant):
            return Constant([[factor * x for x in row] for row in value.rows])
        v = self._value(value)
        parts = ({key: factor * x for key, x in part.items()} for part in (v.simplex, v.along))
        return Value(v.left, v.right, *parts)

    def transposed(self, value: Any) -> Any:
        """The transpose."""
        if isinstance(value, Constant):
            return Constant([list(column) for column in zip(*value.rows, strict=True)])
        v = self._value(value)
        return Value(v.right, v.left, v.simplex, v.along)

    def product(self, left: Any, right: Any) -> Value:
        """A product; Y Yᵀ = n I, eᵀ e = K and √ω √ω = ω."""
        if isinstance(left, Constant) and isinstance(right, Constant):
            raise NotEntailed("a product of constant matrices that depend on a minimiser's numbers")
        a = self._beside(left, right, first=True) if isinstance(left, Constant) else left
        b = self._beside(right, left, first=False) if isinstance(right, Constant) else right
        if a.right != b.left:
            raise NotEntailed("a product across different spaces")
        through = self.number(self.n if a.right == SAMPLES else 1)
        ends = (a.left, b.right).count(ONE)
        ones = self.number(self.K if ends == (0 if a.right == ONE else 2) else 1)
        simplex: dict[int, Any] = {}
        for i, x in a.simplex.items():
            for j, y in b.simplex.items():
                z = x * y * through * (self.at.omega if i and j else self.number(1))
                simplex = _plus(simplex, {(i + j) % 2: z})
        along: dict[int, Any] = {}
        for i, x in a.along.items():
            for j, y in b.along.items():
                if i and j:
                    raise NotEntailed("a square of the free bias")
                along = _plus(along, {i + j: x * y * through * ones})
        return Value(a.left, b.right, simplex, along)

    def _power(self, node: Expression, args: list[Any]) -> Any:
        if not isinstance(node.data, Fraction) or node.data.denominator != 1:
            raise NotEntailed("a root of something that is not constant")
        if node.data < 0 and self.is_zero(args[0]):
            raise NotEntailed("a division by zero")
        return args[0] ** node.data.numerator

    def _class_means(self, node: Expression, args: list[Any]) -> Value:
        v = self._value(args[0])
        if v.right != SAMPLES or node.data != self.model.class_sizes:
            raise NotEntailed("class means of something other than features of the model's classes")
        return Value(v.left, CLASS, v.simplex, v.along)

    def _repeat_columns(self, node: Expression, args: list[Any]) -> Value:
        v = self._value(args[0])
        if v.right != CLASS or node.data != self.model.class_sizes:
            raise NotEntailed("columns are repeated other than by the model's class sizes")
        return Value(v.left, SAMPLES, v.simplex, v.along)

    def _trace(self, value: Any) -> Any:
        v = self._value(value)
        if v.left != v.right:
            raise NotEntailed("the trace of a matrix between different spaces")
        total = self._even(v.simplex) * self.number(self.K - 1) + self._even(v.along)
        return total * self.number(self.n if v.left == SAMPLES else 1)

    def _entry(self, node: Expression, args: list[Any]) -> Any:
        i, j = cast(Any, node.data)
        return self.table(self._value(args[0]))[i][j]

    # normal forms

    def _even(self, part: Part) -> Any:
        """A coefficient that is a number."""
        if any(key and not self.is_zero(x) for key, x in part.items()):
            raise NotEntailed("a number with a root or a bias that is not determined")
        return part.get(0, self.number(0)) + self.number(0)

    def vanishes(self, value: Value) -> bool:
        """Whether a matrix is zero at every minimiser."""
        return all(self.is_zero(x) for part in (value.simplex, value.along) for x in part.values())

    def table(self, value: Value) -> list[list[Any]]:
        """The entries of a matrix between classes, samples and one dimension."""
        a, e = self._even(value.simplex), self._even(value.along)
        rows, columns = (self._indices(space) for space in (value.left, value.right))
        ends = ONE in (value.left, value.right)
        share = e if ends else (e - a) * self.number(Fraction(1, self.K))
        return [[share + a if i == j and not ends else share for j in columns] for i in rows]

    def _indices(self, space: str) -> list[int]:
        if space == INNER:
            raise NotEntailed("an entry of a matrix that is not determined")
        count = {CLASS: 1, SAMPLES: self.n}.get(space)
        return [0] if count is None else [k for k in range(self.K) for _ in range(count)]

    def same(self, left: list[list[Any]], right: list[list[Any]]) -> bool:
        """Whether two tables are equal."""
        pairs = [pair for rows in zip(left, right, strict=True) for pair in zip(*rows, strict=True)]
        return all(self.is_zero(x - y) for x, y in pairs)

    # constants

    def _constant(self, node: Expression) -> Constant:
        return Constant([[self.number(0) + x for x in row] for row in self.field.evaluate(node)])

    def _value(self, value: Any) -> Value:
        if not isinstance(value, Value):
            raise NotEntailed("a constant matrix whose spaces are not known")
        return value

    def _beside(self, constant: Constant, other: Any, first: bool) -> Value:
        """A constant factor of a product, on the spaces that fit."""
        v = self._value(other)
        near = v.left if first else v.right
        rows, columns = constant.shape
        far = rows if first else columns
        if far == self._size(near):
            return self._flat(constant, near)
        space = {1: ONE, self.model.N: SAMPLES, self.K: CLASS}.get(far)
        if space is None or near == INNER:
            raise NotEntailed("a constant matrix on other spaces than those of the classes")
        return self._spread(constant, *((space, near) if first else (near, space)))

    def _like(self, constant: Constant, other: Value) -> Value:
        if other.left == other.right:
            return self._flat(constant, other.left)
        return self._spread(constant, other.left, other.right)

    def _size(self, space: str) -> int:
        sizes = {CLASS: self.K, SAMPLES: self.model.N, INNER: self.model.widths[0], ONE: 1}
        return sizes[space]

    def _flat(self, constant: Constant, space: str) -> Value:
        """A square constant matrix as a S + e E, which only a flat one is."""
        if space == ONE:
            return self._spread(constant, ONE, ONE)
        if space != CLASS:
            raise NotEntailed("a constant matrix that is not on class space")
        rows = constant.rows
        on, off = rows[0][0], rows[0][1]
        if not self.same(rows, [[on if i == j else off for j in range(self.K)] for i in range(self.K)]):
            raise NotEntailed("a constant matrix that is not the same for all classes")
        return Value(CLASS, CLASS, {0: on - off}, {0: on + off * self.number(self.K - 1)})

    def _spread(self, constant: Constant, left: str, right: str) -> Value:
        """Constant matrices between different spaces: all entries equal, or the labels."""
        rows = constant.rows
        for value in (
            Value(left, right, {}, {0: rows[0][0] * self.number(1 if ONE in (left, right) else self.K)}),
            Value(left, right, {0: self.number(1)}, {0: self.number(1)}),
        ):
            if (value.simplex == {} or ONE not in (left, right)) and self.same(self.table(value), rows):
                return value
        raise NotEntailed("a constant matrix that is neither flat nor the labels")


def _plus(a: Part, b: Part) -> dict[int, Any]:
    total = dict(a)
    for key, y in b.items():
        total[key] = total[key] + y if key in total else y
    return total
