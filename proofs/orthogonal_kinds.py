"""The kind of theorem about cross-entropy with features ≥ 0: orthogonal class means, for any class sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any, ClassVar, cast

from proofs.entailment import NotEntailed, sign
from proofs.kernel import selection
from proofs.kernel.facts import NONNEGATIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import Setting
from proofs.kernel.words import Trace
from proofs.lemmas import orthogonal_setting as s
from proofs.lemmas.orthogonal_setting import ORTHOGONAL, VERTICES
from proofs.softmax_kinds import same_value
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Undecidable
from theory.claims import GlobalMinimum, Relation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, compare, constant, exp, log, sqrt, walk


@dataclass(frozen=True, eq=False)
class OrthogonalMinimum:
    """The minimum with cross-entropy, one layer, features ≥ 0 and no bias, and where it is attained."""

    bound: Fact
    features: Fact
    weights: Fact
    outputs: Fact
    apart: Fact
    lengths: Fact
    attained: Fact

    cites: ClassVar[tuple[str, ...]] = ()
    says: ClassVar[str] = """\
For class k let ρ_k = N √(λ_W λ_H/(K (K−1) n_k)), p_k = min(ρ_k, 1/K) and M_k = log(1/p_k − (K−1)) ≥ 0, which is zero
where ρ_k ≥ 1/K. For widths d ≥ K the minimum over W and H ≥ 0 is Σ n_k/N (log(1 + (K−1) e^{−M_k}) + (K−1) p_k M_k),
and the minimisers are exactly the points with equal features in each class, orthogonal class means of squared lengths
N λ_W M_k/(K p_k n_k), and W = K/(N λ_W) S diag(p_k n_k) H̄ᵀ, S = I − 11ᵀ/K; so the outputs at class means are S
diag(M_k)."""

    @property
    def premises(self) -> dict[Setting, tuple[Fact, ...]]:
        """The steps by setting."""
        own = (self.bound, self.features, self.weights, self.outputs, self.apart, self.lengths)
        return {ORTHOGONAL: own, VERTICES: (self.attained,)}

    def check(self, proofs: Mapping[Any, Proof]) -> None:
        """That the steps say that the minimum is attained, and where.

        Raises:
            Rejected: when one does not.
        """
        excess, at = Trace({}, s.value - s.least), [(s.value - s.least, ZERO)]
        proof, W, H, Y = proofs[ORTHOGONAL], s.W, s.H, s.Y
        _require(selection.states(proof, self.bound, excess, NONNEGATIVE), "f is at least the minimum")
        _require(selection.states(proofs[VERTICES], self.attained, excess), "the minimum is attained")
        said = [
            (self.features, H - H @ Y.T @ s.inverse @ Y),
            (self.weights, W - s.K / (s.N * s.weight_decay) * (s.S @ s.P @ Y @ H.T)),
            (self.outputs, W @ H - s.S @ s.M @ Y),
            (self.apart, Y @ H.T @ H @ Y.T - s.C),
            (self.lengths, s.K * (s.P @ s.C) - s.N * s.weight_decay * (s.M @ s.D)),
        ]
        for fact, body in said:
            _require(selection.states(proof, fact, body, ZERO, at), f"where the minimum is attained ({fact.name})")

    def entails(self, claim: Any, field: Any, roots: Mapping[int, Any]) -> dict[str, str]:
        """Clauses that hold at every minimiser, decided with exact tables."""
        if type(claim) is not GlobalMinimum or type(claim.problem) is not UnconstrainedFeatures:
            raise NotEntailed("the theorem is about the minimum of the model")
        model = claim.problem
        usual = model.M == 1 and model.is_linear and model.loss == "ce" and not model.has_bias
        if not usual or model.sign != "nonnegative" or model.K < 2 or model.widths[0] < model.K:
            raise NotEntailed("the theorem is about cross-entropy, one layer, features ≥ 0, no bias and d ≥ K ≥ 2")
        sides = [side for clause in claim.clauses for r in clause.relations for side in (r.left, r.right)]
        margins, shares = [margin(model, n) for n in model.class_sizes], [share(model, n) for n in model.class_sizes]
        numbers = AlgebraicNumbers([*margins, *shares, *sides])
        found = {"value": same_value(claim.value, minimum(model, margins, shares))}
        if claim.unique is not None:
            found["uniqueness"] = "" if claim.unique is True else "it is unique"
        for clause in claim.clauses:
            try:
                tables = Tables(model, numbers, margins, shares)
                good = all(tables.holds(relation) for relation in clause.relations)
                found[clause.name] = "" if good else "a relation fails at some minimiser"
            except (NotEntailed, Undecidable) as reason:
                found[clause.name] = str(reason)
        return found


def confusion(model: UnconstrainedFeatures, n: int) -> Expression:
    """q = (K − 1) ρ of a class of size n."""
    return model.N * sqrt(Fraction(model.K - 1, model.K * n) * model.weight_decays[0] * model.feature_decay)


def is_active(model: UnconstrainedFeatures, n: int) -> bool:
    """Whether ρ < 1/K."""
    return compare(confusion(model, n), Fraction(model.K - 1, model.K)) < 0


def margin(model: UnconstrainedFeatures, n: int) -> Expression:
    """M of a class of size n: 1/p − (K − 1) = (K − 1)(1/q − 1)."""
    return log((model.K - 1) * (1 / confusion(model, n) - 1)) if is_active(model, n) else constant(0)


def share(model: UnconstrainedFeatures, n: int) -> Expression:
    """p of a class of size n."""
    return confusion(model, n) / (model.K - 1) if is_active(model, n) else constant(Fraction(1, model.K))


def minimum(model: UnconstrainedFeatures, margins: list[Expression], shares: list[Expression]) -> Expression:
    """The value of the theorem."""
    wrong = model.K - 1
    terms = [
        Fraction(n, model.N) * (log(1 + wrong * exp(-M)) + wrong * p * M)
        for n, M, p in zip(model.class_sizes, margins, shares, strict=True)
    ]
    return reduce(lambda a, b: a + b, terms)


# --------------------------------------------------------------------------------------------- formulas at a minimiser

CLASS, SAMPLES, INNER = "class", "samples", "features"

Table = list[list[Any]]


@dataclass(frozen=True)
class Value:
    """A matrix between classes, samples and features, by a K × K table B.

    It is B between classes; B Y or Yᵀ B beside samples; B T Vᵀ or V T B beside features, H = V T Y, Vᵀ V = I.
    """

    left: str
    right: str
    table: Table


class Tables:
    """Reads formulas at every minimiser: V is any matrix ≥ 0 with orthonormal columns, so it stays formal."""

    def __init__(
        self, model: UnconstrainedFeatures, field: AlgebraicNumbers, margins: list[Expression], shares: list[Expression]
    ) -> None:
        self.model, self.field, self.K = model, field, model.K
        factor = self.number(Fraction(model.N, model.K) * model.weight_decays[0])
        self.shares = [self.number(0) + field.evaluate(p) for p in shares]
        self.lengths = [
            (self.number(0) + factor * field.evaluate(M)) / p * self.number(Fraction(1, n))
            for M, p, n in zip(margins, self.shares, model.class_sizes, strict=True)
        ]
        self.active = [not field.is_zero(x) for x in self.lengths]
        self.sizes = [self.number(n) for n in model.class_sizes]
        self._operations: dict[str, Callable[[Expression, list[Any]], Any]] = {
            "variable": self._variable,
            "add": lambda node, args: self._add(*args) if node.shape else args[0] + args[1],
            "scale": lambda node, args: self._scaled(*args) if node.shape else args[0] * args[1],
            "matmul": lambda node, args: self._product(*args),
            "transpose": lambda node, args: self._transposed(args[0]),
            "class_means": self._class_means,
            "repeat_columns": self._repeat_columns,
            "trace": lambda node, args: self._trace(args[0]),
            "sum_squares": lambda node, args: self._trace(self._product(args[0], self._transposed(args[0]))),
            "entry": self._entry,
        }

    def number(self, value: Fraction | int) -> Any:
        """A rational as an element."""
        return self.field.number(Fraction(value))

    def evaluate(self, root: Expression) -> Any:
        """A matrix as a ``Value``, a scalar as an element.

        Raises:
            NotEntailed: for an operation that is not read.
        """
        done: dict[Expression, Any] = {}
        for node in walk(root):
            if not node.variables:
                done[node] = self._constant(node) if node.shape else self.field.evaluate(node)
            elif node.op in self._operations:
                done[node] = self._operations[node.op](node, [done[arg] for arg in node.args])
            else:
                raise NotEntailed(f"{node.op} is not read at the minimisers")
        return done[root]

    def holds(self, relation: Relation) -> bool:
        """Whether a relation holds at every minimiser.

        Raises:
            NotEntailed, Undecidable: where that is not decided.
        """
        left, right = self.evaluate(relation.left), self.evaluate(relation.right)
        if not relation.left.shape:
            found = sign(self.field, self.number(0) + left - right)
            return {"=": found == 0, "≤": found <= 0, "<": found < 0}[relation.sign]
        if relation.sign != "=":
            raise NotEntailed("an inequality between matrices")
        return self._vanishes(self._add(left, self._scaled(self.number(-1), right)))

    def _vanishes(self, value: Value) -> bool:
        rows, columns = (self._seen(space) for space in (value.left, value.right))
        return all(self.field.is_zero(value.table[i][j]) for i in rows for j in columns)

    def _seen(self, space: str) -> list[int]:
        """The indices that count: beside features only classes whose features are not zero."""
        return [i for i in range(self.K) if space != INNER or self.active[i]]

    def _constant(self, node: Expression) -> Any:
        if node.shape != (self.K, self.K):
            raise NotEntailed("a constant matrix that is not on class space")
        return Value(CLASS, CLASS, [[self.number(0) + x for x in row] for row in self.field.evaluate(node)])

    def _variable(self, node: Expression, _: list[Any]) -> Value:
        name = str(node.data)
        if self.model.variables.get(name) is not node:
            raise NotEntailed(f"{name} is not a variable of the model")
        if name == "H":
            return Value(INNER, SAMPLES, self._diagonal([self.number(1)] * self.K))
        factor = self.number(Fraction(self.K, self.model.N) / self.model.weight_decays[0])
        weights = [factor * p * n for p, n in zip(self.shares, self.sizes, strict=True)]
        shift = self.number(Fraction(1, self.K))
        table = [[(w - w * shift) if i == j else -w * shift for j, w in enumerate(weights)] for i in range(self.K)]
        return Value(CLASS, INNER, table)

    def _diagonal(self, entries: list[Any]) -> Table:
        return [[x if i == j else self.number(0) for j in range(self.K)] for i, x in enumerate(entries)]

    def _add(self, left: Value, right: Value) -> Value:
        if (left.left, left.right) != (right.left, right.right):
            raise NotEntailed("a sum across different spaces")
        rows = zip(left.table, right.table, strict=True)
        return Value(left.left, left.right, [[x + y for x, y in zip(a, b, strict=True)] for a, b in rows])

    def _scaled(self, factor: Any, value: Value) -> Value:
        return Value(value.left, value.right, [[factor * x for x in row] for row in value.table])

    def _transposed(self, value: Value) -> Value:
        return Value(value.right, value.left, [list(column) for column in zip(*value.table, strict=True)])

    def _product(self, left: Value, right: Value) -> Value:
        """A product; Y Yᵀ = diag(n), and T Vᵀ V T = diag of the squared lengths."""
        if left.right != right.left:
            raise NotEntailed("a product across different spaces")
        through = {CLASS: [self.number(1)] * self.K, SAMPLES: self.sizes, INNER: self.lengths}[left.right]
        indices = range(self.K)
        return Value(left.left, right.right, [
            [sum((left.table[i][m] * through[m] * right.table[m][j] for m in indices), self.number(0)) for j in indices]
            for i in indices
        ])  # fmt: skip

    def _class_means(self, node: Expression, args: list[Any]) -> Value:
        value = args[0]
        if value.right != SAMPLES or node.data != self.model.class_sizes:
            raise NotEntailed("class means of something other than features of the model's classes")
        return Value(value.left, CLASS, value.table)

    def _repeat_columns(self, node: Expression, args: list[Any]) -> Value:
        value = args[0]
        if value.right != CLASS or node.data != self.model.class_sizes:
            raise NotEntailed("columns are repeated other than by the model's class sizes")
        return Value(value.left, SAMPLES, value.table)

    def _trace(self, value: Value) -> Any:
        if value.left != value.right:
            raise NotEntailed("the trace of a matrix between different spaces")
        weights = {CLASS: [self.number(1)] * self.K, SAMPLES: self.sizes, INNER: self.lengths}[value.left]
        return sum((value.table[i][i] * x for i, x in enumerate(weights)), self.number(0))

    def _entry(self, node: Expression, args: list[Any]) -> Any:
        value, (i, j) = args[0], cast(Any, node.data)
        if (value.left, value.right) != (CLASS, CLASS):
            raise NotEntailed("an entry of a matrix that is not on class space")
        return value.table[i][j]


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(f"the theorem needs a step that says: {what}")
