"""What the proved minimum says about one claim: each clause at *every* minimiser, in the algebra of its frames.

At a minimiser W_m = Σ_μ σ_{m,μ} V_{m+1,μ} V_{m,μ}ᵀ and H̄ = Pᵀ (P Pᵀ + N λ_H)⁻¹ T̄, summed over the eigenvalues μ of
S = T Tᵀ whose modes are on. V_{m,μ} are any orthonormal columns; in class space they span a part of the eigenspace of
μ, of rank ρ_μ, and Π_μ = V Vᵀ is any projection of that rank below E_μ, the projection on the eigenspace. So a matrix
between two spaces has one coefficient for each μ, a matrix on class space one for each Π_μ and each E_μ, and matrices
are equal for all minimisers if their coefficients are. σ_{m,μ} enters through σ² = μ z (1 − z)/(N λ_m) and as a
formal letter when odd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, cast

from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Undecidable, precision
from theory.claims import GlobalMinimum, Relation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, walk

BITS = (128, 512, 2048)


class NotEntailed(Exception):
    """The theorem does not decide a clause; the message says why."""


@dataclass(frozen=True)
class Mode:
    """One eigenvalue of S: its classes (or all of them, centred), dimension, confidence z, and possible ranks."""

    weight: int
    dimension: int
    z: Any
    ranks: tuple[int, ...]


def modes(model: UnconstrainedFeatures, field: AlgebraicNumbers, roots: Mapping[int, Any]) -> list[Mode]:
    """The modes of a model as the theorem says: on beyond (M−1)/M, off, or a tie; ``roots`` are shown to be roots.

    Raises:
        NotEntailed: when no root is given for a mode that is on, or it is not the one beyond (M−1)/M.
    """
    if model.has_bias and not model.balanced:
        raise NotEntailed("imbalanced classes with a bias are outside the theorem")
    dimensions = {model.class_sizes[0]: model.K - 1} if model.has_bias else None
    sizes = sorted(set(model.class_sizes), reverse=True)
    left, found = model.R, []
    for n in sizes:
        dimension = dimensions[n] if dimensions else model.class_sizes.count(n)
        level = model.N ** (model.M + 1) * model.Lambda / Fraction(n) ** model.M
        start = Fraction((model.M - 1) ** (model.M - 1), model.M ** (2 * model.M))
        most = min(left, dimension) if level <= start and (level < start or model.M > 1) else 0
        tie = level == start and model.M > 1
        z = field.number(Fraction(model.M - 1, model.M)) if tie else None
        if most and not tie:
            z = _checked_root(model, field, roots.get(n), level)
        found.append(Mode(n, dimension, z, tuple(range(most + 1)) if tie else (most,)))
        left -= most
    return found


def _checked_root(model: UnconstrainedFeatures, field: AlgebraicNumbers, z: Any, level: Fraction) -> Any:
    """z with z^{M−1}(1 − z)^{M+1} = level and (M−1)/M < z < 1."""
    if z is None:
        raise NotEntailed("the root of a mode that is on was not found among the claim's numbers")
    one = field.number(Fraction(1))
    if not field.is_zero(z ** (model.M - 1) * (one - z) ** (model.M + 1) - field.number(level)):
        raise NotEntailed("a number of the claim is not a root of the equation of its mode")
    beyond = z - field.number(Fraction(model.M - 1, model.M))
    if not (sign(field, beyond) > 0 and sign(field, one - z) > 0):
        raise NotEntailed("a number of the claim is another root of the equation of its mode")
    return z


def require_linear(model: UnconstrainedFeatures) -> None:
    """The proofs are about linear models with squared error.

    Raises:
        NotEntailed: for any other model.
    """
    if not model.has_modes:
        raise NotEntailed("the theorem is about linear models with squared error")


def sign(field: AlgebraicNumbers, value: Any) -> int:
    """The sign of an element, exactly."""
    if field.is_zero(value):
        return 0
    for bits in BITS:
        with precision(bits):
            ball = field.enclose(value, bits)
            if not ball.contains(0):
                return 1 if ball > 0 else -1
    raise NotEntailed("a sign could not be decided")


def entailed(claim: GlobalMinimum, field: AlgebraicNumbers, roots: Mapping[int, Any]) -> dict[str, str]:
    """For each clause of a minimum the empty text where the theorem entails it, else why it does not.

    ``roots`` proposes the confidence of each mode that is on, as elements of ``field``; each is checked.
    """
    model = claim.problem
    if not isinstance(model, UnconstrainedFeatures):
        raise NotEntailed("the theorem is about the model")
    if not isinstance(field, AlgebraicNumbers):
        raise NotEntailed("there is no field of exact numbers to decide in")
    require_linear(model)
    found = modes(model, field, roots)
    answers = {"value": _value(claim, model, field, found)}
    if claim.unique is not None:
        unique = all(mode.ranks in ((0,), (mode.dimension,)) for mode in found)
        answers["uniqueness"] = (
            "" if unique == claim.unique else "the minimiser is unique exactly if the theorem says so"
        )
    patterns = list(_patterns(found))
    for clause in claim.clauses:
        try:
            good = all(_holds(r, Frames(model, field, pattern)) for pattern in patterns for r in clause.relations)
            answers[clause.name] = "" if good else "a relation fails at some minimiser"
        except (NotEntailed, Undecidable) as reason:
            answers[clause.name] = str(reason)
    return answers


def _value(claim: GlobalMinimum, model: UnconstrainedFeatures, field: AlgebraicNumbers, found: Sequence[Mode]) -> str:
    """min f = (tr S − Σ μ z (M z − (M − 1)))/(2N) over the modes that are on."""
    total = field.number(Fraction(0))
    for mode in found:
        on, M = max(mode.ranks), model.M
        total = total + field.number(Fraction(mode.weight * mode.dimension))
        if on:
            gain = mode.z * (field.number(Fraction(M)) * mode.z - field.number(Fraction(M - 1)))
            total = total - field.number(Fraction(mode.weight * on)) * gain
    difference = field.evaluate(claim.value) - total * field.number(Fraction(1, 2 * model.N))
    return "" if field.is_zero(difference) else "the value is not that of the theorem"


def _patterns(found: Sequence[Mode]) -> Iterator[list[tuple[Mode, int]]]:
    for ranks in product(*(mode.ranks for mode in found)):
        yield list(zip(found, ranks, strict=True))


# --------------------------------------------------------------------------------------------- the algebra of frames


Odd = frozenset[tuple[int, int]]
"""The letters σ_{m,μ} that occur an odd number of times."""


@dataclass(frozen=True)
class Value:
    """A matrix between spaces: a coefficient for each letter.

    ``left`` and ``right`` are layers 1 … M, or ``"class"``; or ``"samples"`` for class space times the labels.
    Letters are ("Π", μ) for V_{left,μ} V_{right,μ}ᵀ and, on class space alone, ("E", μ). Coefficients are sums of
    elements times odd letters. ``rows`` and ``columns`` restrict class space to some classes; ``ones`` marks the
    column 1.
    """

    left: Any
    right: Any
    terms: Mapping[tuple[str, int], Mapping[Odd, Any]]
    rows: tuple[int, ...] | None = None
    columns: tuple[int, ...] | None = None


class Frames:
    """Evaluates formulas at every minimiser of one rank pattern."""

    def __init__(
        self, model: UnconstrainedFeatures, field: AlgebraicNumbers, pattern: Sequence[tuple[Mode, int]]
    ) -> None:
        self.model, self.field = model, field
        self.modes = {mode.weight: (mode, rank) for mode, rank in pattern}
        self.classes = tuple(range(model.K))
        self._done: dict[int, Any] = {}
        self._kept: list[Expression] = []

    def number(self, value: Fraction | int) -> Any:
        """A rational as an element."""
        return self.field.number(Fraction(value))

    def evaluate(self, root: Expression) -> Any:
        """A matrix as a ``Value``, a scalar as an element, a constant column as a list.

        Raises:
            NotEntailed: for an operation outside the algebra.
        """
        for node in walk(root):
            if id(node) not in self._done:
                self._done[id(node)] = self._apply(node, [self._done[id(arg)] for arg in node.args])
                self._kept.append(node)
        return self._done[id(root)]

    def _apply(self, node: Expression, args: list[Any]) -> Any:
        if not node.variables:
            return Constant(node) if node.shape else self.field.evaluate(node)
        handler = self._operations().get(node.op)
        if handler is None:
            raise NotEntailed(f"{node.op} is outside the algebra of frames")
        return handler(node, args)

    def _operations(self) -> dict[str, Callable[[Expression, list[Any]], Any]]:
        """What is understood exactly; every other operation on variables is not."""
        return {
            "variable": self._variable,
            "add": self._add,
            "scale": self._scale,
            "power": self._power,
            "matmul": self._matmul,
            "transpose": self._transpose,
            "class_means": self._class_means,
            "repeat_columns": self._repeat_columns,
            "submatrix": self._submatrix,
            "entry": self._entry,
            "trace": self._trace,
        }

    # variables

    def _variable(self, node: Expression, _: list[Any]) -> Any:
        name = str(node.data)
        if self.model.variables.get(name) is not node:
            raise NotEntailed(f"{name} is not a variable of the model")
        if name == "b":
            return Column([self.number(Fraction(n, self.model.N)) for n in self.model.class_sizes])
        if name == "H":
            return self._features("samples")
        layer = int(name.removeprefix("W_"))
        left = "class" if layer == self.model.M else layer + 1
        terms = {("Π", mu): {frozenset([(layer, mu)]): self.number(1)} for mu, (_, rank) in self.modes.items() if rank}
        return self._space(Value(left, layer, terms))

    def _features(self, right: str) -> Value:
        """H̄ = Pᵀ J T̄: on each mode (1 − z)/(N λ_H) times the product of all σ."""
        terms = {}
        for mu, (mode, rank) in self.modes.items():
            if rank:
                odd = frozenset((layer, mu) for layer in range(1, self.model.M + 1))
                resolvent = (self.number(1) - mode.z) * self.number(1 / (self.model.N * self.model.feature_decay))
                terms["Π", mu] = {odd: resolvent}
        return self._space(Value(1, right, terms))

    def _space(self, value: Value) -> Value:
        return Value(
            value.left,
            value.right,
            value.terms,
            *(self.classes if s in ("class", "samples") else None for s in (value.left, value.right)),
        )

    def _class_means(self, node: Expression, args: list[Any]) -> Value:
        """Over the model's own classes, in which the columns are equal."""
        value = self._as_value(args[0])
        if value.right != "samples" or value.columns != self.classes or node.data != self.model.class_sizes:
            raise NotEntailed("class means of something other than features of the model's classes")
        return Value(value.left, "class", value.terms, value.rows, value.columns)

    def _repeat_columns(self, node: Expression, args: list[Any]) -> Value:
        value = self._as_value(args[0])
        if node.data != self.model.class_sizes:
            raise NotEntailed("columns are repeated other than by the model's class sizes")
        if value.right != "class" or value.columns != self.classes:
            raise NotEntailed("columns that are not the classes are repeated")
        return Value(value.left, "samples", value.terms, value.rows, value.columns)

    # algebra

    def _transpose(self, _: Expression, args: list[Any]) -> Any:
        v = self._as_value(args[0])
        return Value(v.right, v.left, v.terms, v.columns, v.rows)

    def _matmul(self, node: Expression, args: list[Any]) -> Any:
        left, right = args
        if isinstance(right, Constant) and right.is_ones:
            return self._row_sums(self._as_value(left), node)
        a, b = self._as_value(left), self._as_value(right)
        if a.right != b.left or a.columns != b.rows:
            raise NotEntailed("a product across different spaces or classes")
        if a.right in ("class", "samples") and not self._whole(a.columns):
            raise NotEntailed("a product over a part of the classes")
        if a.right == "samples":
            raise NotEntailed("a product over samples")
        terms: dict[tuple[str, int], dict[Odd, Any]] = {}
        for (s, mu), x in a.terms.items():
            for (t, nu), y in b.terms.items():
                if mu == nu and self._reaches(mu, a.columns):
                    key = ("E" if s == t == "E" else "Π", mu)
                    terms[key] = self._plus(terms.get(key, {}), self._times(x, y))
        return Value(a.left, b.right, terms, a.rows, b.columns)

    def _reaches(self, mu: int, chosen: tuple[int, ...] | None) -> bool:
        """Whether the eigenspace of μ lies on some classes at all."""
        return chosen is None or self.model.has_bias or any(self.model.class_sizes[k] == mu for k in chosen)

    def _row_sums(self, value: Value, node: Expression) -> Any:
        """X 1: with a bias every Π_μ and E_n kills the ones; E_0 keeps them. Features sum over the samples alike."""
        if not self.model.has_bias or value.right not in ("class", "samples") or not self._whole(value.columns):
            raise NotEntailed("row sums are known with a bias only")
        if any(mu == 0 and any(not self.field.is_zero(c) for c in x.values()) for (_, mu), x in value.terms.items()):
            raise NotEntailed("row sums along the ones")
        return Zero(node.shape)

    def _whole(self, chosen: tuple[int, ...] | None) -> bool:
        """Whether some classes, each once, are a union of eigenspaces: restricting to them commutes with products."""
        if chosen is None or self.model.has_bias:
            return chosen is None or chosen == self.classes
        if len(set(chosen)) != len(chosen):
            return False
        sizes = self.model.class_sizes
        return all((k in chosen) for i in chosen for k in self.classes if sizes[k] == sizes[i])

    def _add(self, node: Expression, args: list[Any]) -> Any:
        if not node.shape:
            return args[0] + args[1]
        a, b = map(self._as_value, args)
        if (a.left, a.right, a.rows, a.columns) != (b.left, b.right, b.rows, b.columns):
            raise NotEntailed("a sum across different spaces")
        terms = {key: dict(x) for key, x in a.terms.items()}
        for key, y in b.terms.items():
            terms[key] = self._plus(terms.get(key, {}), y)
        return Value(a.left, a.right, terms, a.rows, a.columns)

    def _scale(self, node: Expression, args: list[Any]) -> Any:
        factor, value = args
        if not node.shape:
            return factor * value
        if isinstance(value, Column):
            return Column([factor * x for x in value.entries])
        value = self._as_value(value)
        terms = {key: {odd: factor * c for odd, c in x.items()} for key, x in value.terms.items()}
        return Value(value.left, value.right, terms, value.rows, value.columns)

    def _power(self, node: Expression, args: list[Any]) -> Any:
        if not isinstance(node.data, Fraction) or node.data.denominator != 1:
            raise NotEntailed("a root of something that is not constant")
        if node.data < 0 and self.field.is_zero(self.number(0) + args[0]):
            raise NotEntailed("a division by zero")
        return args[0] ** node.data.numerator

    def _submatrix(self, node: Expression, args: list[Any]) -> Any:
        value, (rows, columns) = self._as_value(args[0]), cast(Any, node.data)
        if any(len(set(chosen)) != len(chosen) for chosen in (rows, columns)):
            raise NotEntailed("a part of a matrix with a row or column twice")
        if value.rows is None or value.columns is None or "samples" in (value.left, value.right):
            raise NotEntailed("a part of a matrix that is not on class space")
        return Value(
            "class", "class", value.terms, tuple(value.rows[i] for i in rows), tuple(value.columns[j] for j in columns)
        )

    def _entry(self, node: Expression, args: list[Any]) -> Any:
        value = self._as_value(args[0])
        i, j = cast(Any, node.data)
        if value.rows is None or value.columns is None or "samples" in (value.left, value.right):
            raise NotEntailed("an entry of a matrix that is not on class space")
        return self._entry_of(value, value.rows[i], value.columns[j])

    def _entry_of(self, value: Value, i: int, j: int) -> Any:
        total = self.number(0)
        for (kind, mu), x in self._normal(value).items():
            place = self._place(kind, mu, i, j)
            if place:
                total = total + self._even(x) * self.number(place)
        return total

    def _place(self, kind: str, mu: int, i: int, j: int) -> Fraction:
        """The entry (i, j) of E_μ; of Π_μ only where it is certainly zero."""
        sizes, K = self.model.class_sizes, self.model.K
        if self.model.has_bias:
            ones = Fraction(1, K)
            if kind == "Π":
                raise NotEntailed("an entry of a projection that is not determined")
            return ones if mu == 0 else Fraction(i == j) - ones
        if kind == "Π" and sizes[i] == sizes[j] == mu:
            raise NotEntailed("an entry of a projection that is not determined")
        return Fraction(i == j and sizes[i] == mu) if kind == "E" else Fraction(0)

    def _trace(self, _: Expression, args: list[Any]) -> Any:
        value = self._as_value(args[0])
        if (
            value.left != value.right
            or value.rows != value.columns
            or not (value.rows is None or self._whole(value.rows))
        ):
            raise NotEntailed("the trace of a matrix between different spaces")
        if value.left == "samples":
            raise NotEntailed("a trace over samples, which weighs each class by its size")
        total = self.number(0)
        for (kind, mu), x in self._restricted(value).items():
            size = self.modes[mu][1] if kind == "Π" else self._dimension(mu)
            total = total + self._even(x) * self.number(size)
        return total

    # normal forms

    def _dimension(self, mu: int) -> int:
        return self.modes[mu][0].dimension if mu else 1

    def _restricted(self, value: Value) -> dict[tuple[str, int], Mapping[Odd, Any]]:
        """The letters that are not zero on the chosen classes."""
        normal = self._normal(value)
        if self.model.has_bias or value.rows is None or value.columns is None:
            return normal
        sizes = self.model.class_sizes
        common = {sizes[k] for k in value.rows} & {sizes[k] for k in value.columns}
        return {key: x for key, x in normal.items() if key[1] in common}

    def _normal(self, value: Value) -> dict[tuple[str, int], Mapping[Odd, Any]]:
        """Π_μ is E_μ on class space where its rank is full, and nothing where it is 0."""
        terms: dict[tuple[str, int], Mapping[Odd, Any]] = {}
        for (kind, mu), x in value.terms.items():
            key = (kind, mu)
            if kind == "Π" and value.left == value.right == "class" and self.modes[mu][1] == self._dimension(mu):
                key = ("E", mu)
            terms[key] = self._plus(terms.get(key, {}), x)
        return terms

    def _even(self, coefficient: Mapping[Odd, Any]) -> Any:
        total = self.number(0)
        for odd, c in coefficient.items():
            if odd and not self.field.is_zero(c):
                raise NotEntailed("a number with a root that is not resolved")
            total = total if odd else total + c
        return total

    def _plus(self, x: Mapping[Odd, Any], y: Mapping[Odd, Any]) -> dict[Odd, Any]:
        total = dict(x)
        for odd, c in y.items():
            total[odd] = total[odd] + c if odd in total else c
        return total

    def _times(self, x: Mapping[Odd, Any], y: Mapping[Odd, Any]) -> dict[Odd, Any]:
        """σ² = μ z (1 − z)/(N λ_m)."""
        total: dict[Odd, Any] = {}
        for a, c in x.items():
            for b, e in y.items():
                value = c * e
                for layer, mu in a & b:
                    z = self.modes[mu][0].z
                    scale = Fraction(mu) / (self.model.N * self.model.weight_decays[layer - 1])
                    value = value * z * (self.number(1) - z) * self.number(scale)
                total = self._plus(total, {a ^ b: value})
        return total

    def _as_value(self, value: Any) -> Value:
        """A constant matrix on class space, as a combination of the E_μ."""
        if isinstance(value, Value):
            return value
        if not isinstance(value, Constant):
            raise NotEntailed("a column where a matrix is expected")
        if value.node.shape != (self.model.K, self.model.K):
            raise NotEntailed("a constant matrix that is not on class space")
        rows = value.entries(self.field)
        terms: dict[tuple[str, int], Mapping[Odd, Any]]
        if self.model.has_bias:
            off, on = rows[0][1] if self.model.K > 1 else self.number(0), rows[0][0]
            flat = all(self._same(rows[i][j], on if i == j else off) for i in self.classes for j in self.classes)
            K, n = self.number(self.model.K), self.model.class_sizes[0]
            terms = {("E", n): {frozenset(): on - off}, ("E", 0): {frozenset(): on - off + K * off}}
        else:
            sizes = self.model.class_sizes
            first = {n: sizes.index(n) for n in sizes}
            flat = all(
                self._same(rows[i][j], rows[first[sizes[i]]][first[sizes[i]]] if i == j else self.number(0))
                for i in self.classes
                for j in self.classes
            )
            terms = {("E", n): {frozenset(): self.number(0) + rows[k][k]} for n, k in first.items()}
        if not flat:
            raise NotEntailed("a constant matrix that is not a function of the class sizes")
        return Value("class", "class", terms, self.classes, self.classes)

    def _same(self, x: Any, y: Any) -> bool:
        return x is y or self.field.is_zero(self.number(0) + x - y)

    def is_zero(self, value: Value) -> bool:
        """Whether a matrix vanishes at every minimiser."""
        return all(self.field.is_zero(c) for x in self._restricted(value).values() for c in x.values())


@dataclass(frozen=True)
class Constant:
    """A matrix formula without variables."""

    node: Expression

    @property
    def is_ones(self) -> bool:
        return self.node.op == "ones" and self.node.shape[1] == 1

    def entries(self, field: AlgebraicNumbers) -> Any:
        return field.evaluate(self.node)


@dataclass(frozen=True)
class Column:
    """A column of known numbers."""

    entries: list[Any]


@dataclass(frozen=True)
class Zero:
    """A matrix that vanishes."""

    shape: tuple[int, ...]


def _holds(relation: Relation, frames: Frames) -> bool:
    left, right = frames.evaluate(relation.left), frames.evaluate(relation.right)
    if not relation.left.shape:
        found = sign(frames.field, frames.number(0) + left - right)
        return {"=": found == 0, "≤": found <= 0, "<": found < 0}[relation.sign]
    if relation.sign != "=":
        raise NotEntailed("an inequality between matrices")
    for a, b in ((left, right), (right, left)):
        if isinstance(b, Constant) and _vanishes(b, frames):
            return isinstance(a, Zero) or (isinstance(a, Value) and frames.is_zero(a)) or _vanishes(a, frames)
    if isinstance(left, Column) and isinstance(right, Constant):
        rows = right.entries(frames.field)
        return all(frames.field.is_zero(x - row[0]) for x, row in zip(left.entries, rows, strict=True))
    if isinstance(left, Value) and isinstance(right, Constant) and left.left == left.right == "class":
        return _equal_on_classes(left, right, frames)
    if isinstance(left, Value) and isinstance(right, Value):
        a, b = left, right
        if (a.left, a.right, a.rows, a.columns) != (b.left, b.right, b.rows, b.columns):
            raise NotEntailed("the sides of a relation are on different spaces")
        minus = {key: {odd: frames.number(-1) * c for odd, c in x.items()} for key, x in b.terms.items()}
        terms = {key: dict(x) for key, x in a.terms.items()}
        for key, y in minus.items():
            terms[key] = frames._plus(terms.get(key, {}), y)
        return frames.is_zero(Value(a.left, a.right, terms, a.rows, a.columns))
    raise NotEntailed("the sides of a relation are of different kinds")


def _vanishes(value: Any, frames: Frames) -> bool:
    return isinstance(value, Constant) and (
        value.node.op == "zeros"
        or all(frames._same(x, frames.number(0)) for row in value.entries(frames.field) for x in row)
    )


def _equal_on_classes(value: Value, constant: Constant, frames: Frames) -> bool:
    """Entry by entry where every entry is determined; in blocks where Π_μ is only known to vanish elsewhere."""
    rows = constant.entries(frames.field)
    return all(
        frames._same(frames._entry_of(value, i, j), rows[a][b])
        for a, i in enumerate(value.rows or ())
        for b, j in enumerate(value.columns or ())
    )
