"""Matrix formulas as polynomials in non-commuting letters: identities that hold for matrices of these shapes.

A word is a tuple of letters, each a variable, its transpose, or a constant matrix; neighbouring constants are
multiplied out. Two formulas with the same normal form are equal for all values of their variables. ``multipliers``
looks for an identity ``residual = Σ cᵢ Lᵢ (∂F/∂Vᵢ) Rᵢ``, which shows that the residual vanishes wherever the gradient
of F does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import pairwise, product

from theory.arithmetic.interpreters import Matrix, Rationals, Undecidable, multiply
from theory.ops import Expression

Rows = tuple[tuple[Fraction, ...], ...]
Letter = tuple[str, bool] | Rows
Word = tuple[Letter, ...]


@dataclass(frozen=True)
class Polynomial:
    """A sum of words with rational coefficients, all of one shape."""

    shape: tuple[int, int]
    terms: Mapping[Word, Fraction]

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for word, c in other.terms.items():
            terms[word] = terms.get(word, Fraction(0)) + c
        return Polynomial(self.shape, {word: c for word, c in terms.items() if c})

    def __rmul__(self, factor: Fraction) -> Polynomial:
        return Polynomial(self.shape, {word: factor * c for word, c in self.terms.items() if factor})

    def __matmul__(self, other: Polynomial) -> Polynomial:
        shape = (self.shape[0], other.shape[1])
        terms: dict[Word, Fraction] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                for word, c in _normal(shape, left + right, a * b).terms.items():
                    terms[word] = terms.get(word, Fraction(0)) + c
        return Polynomial(shape, {word: c for word, c in terms.items() if c})

    @property
    def T(self) -> Polynomial:
        """The transpose."""
        turned = {tuple(_transposed(letter) for letter in reversed(word)): c for word, c in self.terms.items()}
        return Polynomial(self.shape[::-1], turned)


def variable(name: str, shape: tuple[int, int]) -> Polynomial:
    """The polynomial of one variable."""
    return Polynomial(shape, {((name, False),): Fraction(1)})


def constant(rows: Matrix) -> Polynomial:
    """A constant matrix."""
    entries = tuple(tuple(Fraction(str(x)) for x in row) for row in rows)
    return _normal((len(entries), len(entries[0])), (entries,), Fraction(1))


def _transposed(letter: Letter) -> Letter:
    if isinstance(letter[0], str):
        return letter[0], not letter[1]
    return tuple(zip(*letter, strict=True))


def _normal(shape: tuple[int, int], word: Word, coefficient: Fraction) -> Polynomial:
    """Multiply neighbouring constants, drop identities, and take common factors out of constants."""
    letters: list[Letter] = []
    for letter in word:
        if not isinstance(letter[0], str) and letters and not isinstance(letters[-1][0], str):
            letter = tuple(tuple(row) for row in multiply(_rows(letters.pop()), _rows(letter)))
        letters.append(letter)
    kept: list[Letter] = []
    for letter in letters:
        if isinstance(letter[0], str):
            kept.append(letter)
            continue
        factor, unit = _unit(tuple(tuple(row) for row in _rows(letter)))
        coefficient *= factor
        if not factor:
            return Polynomial(shape, {})
        if not _is_identity(unit) or len(letters) == 1:
            kept.append(unit)
    return Polynomial(shape, {tuple(kept): coefficient})


def _rows(letter: Letter) -> Matrix:
    """A constant letter as a matrix."""
    return [list(row) for row in letter if not isinstance(row, str | bool)]


def _unit(rows: Rows) -> tuple[Fraction, Rows]:
    first = next((x for row in rows for x in row if x), Fraction(0))
    return Fraction(first), rows if not first else tuple(tuple(Fraction(x) / first for x in row) for row in rows)


def _is_identity(rows: Rows) -> bool:
    return len(rows) == len(rows[0]) and all(x == (i == j) for i, row in enumerate(rows) for j, x in enumerate(row))


def read(node: Expression, leaves: Mapping[str, Polynomial]) -> Polynomial:
    """A matrix formula as a polynomial.

    Raises:
        Undecidable: for an operation that is not a sum or product of matrices.
    """
    if node.op == "variable":
        return leaves[str(node.data)]
    if not node.variables:
        return constant(Rationals().evaluate(node))
    args = node.args
    if node.op == "add":
        return read(args[0], leaves) + read(args[1], leaves)
    if node.op == "scale" and args[0].op == "rational" and isinstance(args[0].data, Fraction):
        return args[0].data * read(args[1], leaves)
    if node.op == "matmul":
        return read(args[0], leaves) @ read(args[1], leaves)
    if node.op == "transpose":
        return read(args[0], leaves).T
    raise Undecidable(f"{node.op} is not a sum or product of matrices")


def gradient(objective: Expression, variables: Mapping[str, Expression]) -> dict[str, Polynomial]:
    """The gradient of a sum of c · ‖X‖² with X a polynomial in the variables."""
    leaves = {name: variable(name, (v.shape[0], v.shape[1])) for name, v in variables.items()}
    result = {name: Polynomial(p.shape, {}) for name, p in leaves.items()}
    for factor, inner in _squares(objective, Fraction(1)):
        value = read(inner, leaves)
        for name, polynomial in _pullback(value, value, leaves).items():
            result[name] = result[name] + 2 * factor * polynomial
    return result


def _squares(node: Expression, factor: Fraction) -> Iterable[tuple[Fraction, Expression]]:
    if node.op == "sum_squares":
        yield factor, node.args[0]
    elif node.op == "add":
        for arg in node.args:
            yield from _squares(arg, factor)
    elif node.op == "scale" and isinstance(node.args[0].data, Fraction):
        yield from _squares(node.args[1], factor * node.args[0].data)
    else:
        raise Undecidable(f"{node.op} is not a sum of squares")


def _pullback(value: Polynomial, cotangent: Polynomial, leaves: Mapping[str, Polynomial]) -> dict[str, Polynomial]:
    """For ⟨cotangent, d value⟩: the coefficient of each variable's differential."""
    result: dict[str, Polynomial] = {}
    for word, c in value.terms.items():
        for i, letter in enumerate(word):
            if not isinstance(letter[0], str):
                continue
            name, turned = letter
            before = _product(word[:i], leaves).T if i else None
            after = _product(word[i + 1 :], leaves).T if i + 1 < len(word) else None
            term = cotangent if before is None else before @ cotangent
            term = term if after is None else term @ after
            term = c * (term.T if turned else term)
            result[str(name)] = result[str(name)] + term if name in result else term
    return result


def _product(word: Word, leaves: Mapping[str, Polynomial]) -> Polynomial:
    total: Polynomial | None = None
    for letter in word:
        if isinstance(letter[0], str):
            factor = leaves[letter[0]].T if letter[1] else leaves[letter[0]]
        else:
            factor = constant(_rows(letter))
        total = factor if total is None else total @ factor
    if total is None:
        raise ValueError("an empty word has no shape")
    return total


def evaluate(polynomial: Polynomial, values: Mapping[str, Matrix]) -> Matrix:
    """The value of a polynomial at rational matrices."""
    total: Matrix = [[Fraction(0)] * polynomial.shape[1] for _ in range(polynomial.shape[0])]
    for word, c in polynomial.terms.items():
        value: Matrix | None = None
        for letter in word:
            factor = _value(letter, values)
            value = factor if value is None else multiply(value, factor)
        if value is None:  # the empty word is the identity
            value = [[Fraction(i == j) for j in range(polynomial.shape[1])] for i in range(polynomial.shape[0])]
        total = [
            [x + c * Fraction(str(y)) for x, y in zip(a, b, strict=True)] for a, b in zip(total, value, strict=True)
        ]
    return total


def _value(letter: Letter, values: Mapping[str, Matrix]) -> Matrix:
    if not isinstance(letter[0], str):
        return _rows(letter)
    matrix = [[Fraction(str(x)) for x in row] for row in values[letter[0]]]
    return [list(column) for column in zip(*matrix, strict=True)] if letter[1] else matrix


@dataclass(frozen=True)
class Multiplier:
    """One term c · L (∂F/∂V) R of an identity."""

    coefficient: Fraction
    name: str

    def __str__(self) -> str:
        return f"{self.coefficient} · {self.name}"


def multipliers(residual: Polynomial, candidates: Mapping[str, Polynomial]) -> tuple[Multiplier, ...] | None:
    """Coefficients with ``residual = Σ cᵢ candidateᵢ`` as polynomials, or None when there are none.

    The linear system is solved over the rationals and the identity is then checked word by word.
    """
    names = _connected(residual, candidates)
    words = sorted({w for n in names for w in candidates[n].terms} | set(residual.terms), key=repr)
    solution = _solve(
        [[candidates[n].terms.get(w, Fraction(0)) for n in names] for w in words],
        [residual.terms.get(w, Fraction(0)) for w in words],
    )
    if solution is None:
        return None
    total = Polynomial(residual.shape, {})
    for name, c in zip(names, solution, strict=True):
        total = total + c * candidates[name]
    if total.terms != dict(residual.terms):
        return None
    return tuple(Multiplier(c, name) for name, c in zip(names, solution, strict=True) if c)


def _connected(residual: Polynomial, candidates: Mapping[str, Polynomial]) -> list[str]:
    """The candidates that share a word with the residual, or with one that does, and so on: no others can help."""
    fitting = {name: p for name, p in candidates.items() if p.shape == residual.shape and p.terms}
    reached, names = set(residual.terms), set()
    while True:
        new = {name for name, p in fitting.items() if name not in names and not reached.isdisjoint(p.terms)}
        if not new:
            return [name for name in fitting if name in names]
        names |= new
        reached.update(word for name in new for word in fitting[name].terms)


def _solve(rows: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    from flint import fmpq, fmpq_mat

    if not rows or not rows[0]:
        return [] if not any(right) else None
    augmented = [[*row, b] for row, b in zip(rows, right, strict=True)]
    matrix = fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in augmented])
    reduced, rank = matrix.rref()
    width = len(rows[0])
    solution = [Fraction(0)] * width
    for i in range(rank):
        pivot = next(j for j in range(width + 1) if reduced[i, j])
        if pivot == width:
            return None
        value = reduced[i, width]
        solution[pivot] = Fraction(int(value.p), int(value.q))
    return solution


def candidates(
    gradients: Mapping[str, Polynomial],
    variables: Mapping[str, Expression],
    extra: Mapping[str, Polynomial],
    shapes: Collection[tuple[int, int]],
) -> dict[str, Polynomial]:
    """Products of given shapes: a gradient (or its transpose) with one letter, or with ``extra`` on both sides."""
    letters = {name: variable(name, (v.shape[0], v.shape[1])) for name, v in variables.items()}
    letters |= {f"{name}ᵀ": p.T for name, p in letters.items()} | dict(extra)
    found: dict[str, Polynomial] = {}

    def consider(name: str, *factors: Polynomial) -> None:
        inner = all(a.shape[1] == b.shape[0] for a, b in pairwise(factors))
        if inner and (factors[0].shape[0], factors[-1].shape[1]) in shapes:
            found[name] = reduce(lambda a, b: a @ b, factors)

    for name, g in gradients.items():
        for label, D in ((f"∂{name}", g), (f"∂{name}ᵀ", g.T)):
            consider(label, D)
            for letter, X in letters.items():
                consider(f"{letter} {label}", X, D)
                consider(f"{label} {letter}", D, X)
            for left, right in product(extra, extra):
                consider(f"{left} {label} {right}", extra[left], D, extra[right])
    return found
