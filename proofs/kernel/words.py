"""Matrix formulas as polynomials in non-commuting letters, with scalar coefficients and spaces that must fit.

A letter has a name, perhaps an index (W_m), a row and a column space; symmetric letters may have a symbolic power
(B^M). A word is a product of letters and transposes. Two polynomials with the same normal form agree at all matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import sympy as sp

from proofs.kernel.scalars import Rejected, is_zero

Space = str | sp.Expr
Scalar = Any


@dataclass(frozen=True)
class Letter:
    """One matrix symbol: ``rows`` × ``columns`` between named spaces."""

    name: str
    rows: Any
    columns: Any
    index: Any = None
    symmetric: bool = False
    turned: bool = False
    power: Any = 1

    @property
    def T(self) -> Letter:
        """The transposed letter."""
        return self if self.symmetric else replace(self, rows=self.columns, columns=self.rows, turned=not self.turned)


Word = tuple[Letter, ...]


@dataclass(frozen=True)
class Matrix:
    """A sum of words with scalar coefficients; the empty word is the identity. It cannot be changed once it is made."""

    rows: Any
    columns: Any
    terms: Mapping[Word, sp.Expr]

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", MappingProxyType(dict(self.terms)))

    def __add__(self, other: Matrix) -> Matrix:
        if (self.rows, self.columns) != (other.rows, other.columns):
            raise Rejected(f"cannot add {self.rows} × {self.columns} and {other.rows} × {other.columns}")
        terms = dict(self.terms)
        for word, c in other.terms.items():
            terms[word] = terms.get(word, sp.Integer(0)) + c
        return Matrix(self.rows, self.columns, terms)

    def __neg__(self) -> Matrix:
        return -1 * self

    def __sub__(self, other: Matrix) -> Matrix:
        return self + (-other)

    def __rmul__(self, factor: Scalar) -> Matrix:
        c = sp.sympify(factor)
        return Matrix(self.rows, self.columns, {word: c * x for word, x in self.terms.items()})

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Matrix):
            return NotImplemented
        if self.columns != other.rows:
            raise Rejected(f"cannot multiply {self.rows} × {self.columns} by {other.rows} × {other.columns}")
        terms: dict[Word, sp.Expr] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                word = _merged(left + right)
                terms[word] = terms.get(word, sp.Integer(0)) + a * b
        return Matrix(self.rows, other.columns, terms)

    @property
    def T(self) -> Matrix:
        """The transpose."""
        turned = {tuple(letter.T for letter in reversed(word)): c for word, c in self.terms.items()}
        return Matrix(self.columns, self.rows, turned)

    @property
    def is_zero(self) -> bool:
        """Whether every coefficient vanishes."""
        return all(is_zero(c) for c in self.terms.values())

    def substitute(self, change: Callable[[Letter], Matrix], scalars: Callable[[sp.Expr], sp.Expr]) -> Matrix:
        """Replace letters by polynomials and change the coefficients."""
        result: Matrix | None = None
        for word, c in self.terms.items():
            product: Matrix | None = None
            for letter in word:
                factor = change(letter)
                product = factor if product is None else product @ factor
            if product is None:
                product = identity(self.rows)
            term = scalars(c) * product
            result = term if result is None else result + term
        return result if result is not None else self


def _merged(word: Word) -> Word:
    """Neighbouring powers of one symmetric letter are one power; a power of exponent 0 is the identity."""
    letters: list[Letter] = []
    for letter in word:
        if letters and letter.symmetric and replace(letters[-1], power=1) == replace(letter, power=1):
            power = sp.expand(letters.pop().power + letter.power)
            if power != 0:
                letters.append(replace(letter, power=power))
        else:
            letters.append(letter)
    return tuple(letters)


def identity(space: Any) -> Matrix:
    """The identity matrix of a space."""
    return Matrix(space, space, {(): sp.Integer(1)})


def zero(rows: Any, columns: Any) -> Matrix:
    """The zero matrix."""
    return Matrix(rows, columns, {})


def of(letter: Letter) -> Matrix:
    """The polynomial of one letter."""
    return Matrix(letter.rows, letter.columns, {(letter,): sp.Integer(1)})


def letter(name: str, rows: Any, columns: Any | None = None, index: Any = None, symmetric: bool = False) -> Matrix:
    """A fresh letter as a polynomial; square if only one space is given."""
    return of(Letter(name, rows, rows if columns is None else columns, index, symmetric))


def only(matrix: Matrix) -> Letter:
    """The letter of a polynomial that is one letter and nothing else: no coefficient, no power, no second term.

    Raises:
        Rejected: for any other polynomial.
    """
    terms = list(matrix.terms.items())
    if len(terms) != 1 or len(terms[0][0]) != 1 or terms[0][1] != 1 or terms[0][0][0].power != 1:
        raise Rejected("a single letter is needed here, without a coefficient or a power")
    return terms[0][0][0]


def power(base: Matrix, exponent: Any) -> Matrix:
    """A power of one symmetric letter with a symbolic exponent."""
    found = only(base)
    if not found.symmetric:
        raise Rejected("only symmetric letters have powers here")
    return of(replace(found, power=sp.sympify(exponent)))


@dataclass(frozen=True)
class Trace:
    """A scalar made of traces: a sum of coefficients times tr(word), words up to cyclic turns and transposition."""

    terms: Mapping[Word, sp.Expr]
    constant: sp.Expr = field(default_factory=lambda: sp.Integer(0))

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", MappingProxyType(dict(self.terms)))

    def __add__(self, other: Trace) -> Trace:
        terms = dict(self.terms)
        for word, c in other.terms.items():
            terms[word] = terms.get(word, sp.Integer(0)) + c
        return Trace(terms, self.constant + other.constant)

    def __rmul__(self, factor: Scalar) -> Trace:
        c = sp.sympify(factor)
        return Trace({word: c * x for word, x in self.terms.items()}, c * self.constant)

    def __neg__(self) -> Trace:
        return -1 * self

    def __sub__(self, other: Trace) -> Trace:
        return self + (-other)

    @property
    def is_zero(self) -> bool:
        """Whether every coefficient vanishes."""
        return is_zero(self.constant) and all(is_zero(c) for c in self.terms.values())


def trace(matrix: Matrix) -> Trace:
    """tr of a square polynomial, in normal form."""
    if matrix.rows != matrix.columns:
        raise Rejected(f"the trace of a {matrix.rows} × {matrix.columns} matrix")
    terms: dict[Word, sp.Expr] = {}
    for word, c in matrix.terms.items():
        key = _cyclic(word) if word else (Letter("I", matrix.rows, matrix.rows, symmetric=True),)
        terms[key] = terms.get(key, sp.Integer(0)) + c
    return Trace(terms)


def squares(matrix: Matrix) -> Trace:
    """‖X‖² = tr(X Xᵀ)."""
    return trace(matrix @ matrix.T)


def _cyclic(word: Word) -> Word:
    """The least among the cyclic turns of a word and of its transpose, with powers of symmetric letters merged."""
    word = _merged(word)
    while len(word) > 1 and word[0].symmetric and replace(word[0], power=1) == replace(word[-1], power=1):
        word = _merged((*word[1:], word[0]))
    turned = tuple(letter.T for letter in reversed(word))
    turns = [w[i:] + w[:i] for w in (word, turned) for i in range(len(w))]
    return min(turns, key=lambda w: tuple(map(repr, w)))


def gradient(objective: Trace, variable: Matrix) -> Matrix:
    """The gradient of a sum of traces by one letter: tr(A X B) has the gradient Aᵀ Bᵀ, that is (B A)ᵀ.

    The words must be products in which the letter, or its transpose, occurs; each occurrence contributes.

    Raises:
        Rejected: where a power of the letter occurs, which has another gradient.
    """
    name = only(variable)
    result = zero(name.rows, name.columns)
    for word, c in objective.terms.items():
        for i, found in enumerate(word):
            if found in (name, name.T):
                rest = word[i + 1 :] + word[:i]
                around = Matrix(found.columns, found.rows, {_merged(rest): c})
                result = result + (around.T if found == name else around)
            elif (found.name, found.index) == (name.name, name.index):
                raise Rejected(f"{name.name} occurs with a power, so that its gradient is another")
    return result
