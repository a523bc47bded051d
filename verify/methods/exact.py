"""Exact two-sided bounds on a minimum, from certificates written as plain JSON with rationals as text.

A certificate is what a search proposes; here it is read back and evaluated in rational arithmetic, with no solver and
no floating point. The checker reads those of kind ``dual``; two others are known here as well, for the model with
factors W_1 … W_M, H and Λ = λ_H λ_1 ⋯ λ_M:

* ``sos`` for a model. With m = M + 1 each mode μ contributes at least μ/(2N) · min_y φ(y), φ(y) = (1 − yᵐ)² + κ y²,
  κᵐ = (mN)ᵐ Λ/μᴹ; a Gram matrix G ⪰ 0 with φ(y) − v = zᵀ G z, z = (1, y, y², …), shows min φ ≥ v.
* ``sos`` for a rational function of one scalar: the same for numerator − v · denominator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from theory.arithmetic.interpreters import Arithmetic, Balls, Undecidable, precision
from theory.arithmetic.rationals import rational
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, from_json
from verify import checker

Matrix = Sequence[Sequence[Fraction]]
Certificate = Mapping[str, Any]

BALL_BITS = 300
"""Precision of the balls that enclose irrational coefficients: 1e-90 is far below any gap that is asked for."""

ROOT_BITS = 512
"""Precision of the roots from which a sum of squares is built; they come in pairs about √slack apart."""

GRAM_BITS = 256
"""Gram matrices are rounded to multiples of 2^−256, far finer than the margin that absorbs the rounding."""


class Rejected(ValueError):
    """A certificate does not show what it claims; the message says where it fails."""


def is_positive_semidefinite(matrix: Matrix) -> bool:
    """Whether a symmetric rational matrix is positive semidefinite, by LDLᵀ over Q.

    A pivot may be zero only if the rest of its column is: then the row and column are zero and are skipped.

    Raises:
        ValueError: when the matrix is not square and symmetric.

    >>> is_positive_semidefinite([[Fraction(1), Fraction(2)], [Fraction(2), Fraction(4)]])
    True
    >>> is_positive_semidefinite([[Fraction(0), Fraction(1)], [Fraction(1), Fraction(4)]])
    False
    """
    size = len(matrix)
    if any(len(row) != size for row in matrix):
        raise ValueError("a positive semidefinite matrix must be square")
    if any(matrix[i][j] != matrix[j][i] for i in range(size) for j in range(i)):
        raise ValueError("a positive semidefinite matrix must be symmetric")
    rows = [[_flint(x) for x in row] for row in matrix]
    for k in range(size):
        pivot = rows[k][k]
        if pivot < 0 or (pivot == 0 and any(rows[i][k] != 0 for i in range(k + 1, size))):
            return False
        for i in range(k + 1, size):
            if rows[i][k] != 0:
                factor = rows[i][k] / pivot
                for j in range(k + 1, i + 1):
                    rows[i][j] -= factor * rows[j][k]
    return True


def gram_polynomial(gram: Matrix) -> list[Fraction]:
    """Coefficients of zᵀ G z, z = (1, y, y², …), from the constant term up.

    >>> [int(c) for c in gram_polynomial([[Fraction(1), Fraction(-1)], [Fraction(-1), Fraction(1)]])]
    [1, -2, 1]
    """
    size = len(gram)
    coefficients = [Fraction(0)] * (2 * size - 1)
    for i, row in enumerate(gram):
        for j, entry in enumerate(row):
            coefficients[i + j] += entry
    return coefficients


def is_sum_of_squares(coefficients: Sequence[Fraction], gram: Matrix) -> bool:
    """Whether the Gram matrix shows that a polynomial (constant term first) is a sum of squares."""
    return _trimmed(gram_polynomial(gram)) == _trimmed(coefficients) and is_positive_semidefinite(gram)


def sum_of_squares(coefficients: Sequence[Fraction], margin: Fraction) -> list[list[Fraction]] | None:
    """An exact Gram matrix of a positive polynomial, or None where none is found with this margin.

    p − margin·Σ y²ʲ has no real root if the margin is small enough, so it is lead · |∏ (y − zₖ)|² = lead · (a² + b²)
    over its roots zₖ in the upper half-plane. The Gram matrix lead · (aaᵀ + bbᵀ) + margin · I, rounded, misses p by far
    less than the margin; the misfit is spread over its antidiagonals, and the result is checked exactly.

    >>> gram = sum_of_squares([Fraction(2), Fraction(-2), Fraction(1)], Fraction(1, 100))
    >>> gram is not None and is_sum_of_squares([Fraction(2), Fraction(-2), Fraction(1)], gram)
    True
    """
    target = _trimmed(coefficients)
    if len(target) % 2 == 0 or target[-1] <= margin:
        return None
    size = len(target) // 2 + 1
    factor = _spectral_factor([c - margin if k % 2 == 0 else c for k, c in enumerate(target)])
    if factor is None:
        return None
    lead = target[-1] - margin
    gram = [[_rounded(lead * sum(f[i] * f[j] for f in factor)) for j in range(size)] for i in range(size)]
    for i in range(size):
        gram[i][i] += margin
    for k, (wanted, got) in enumerate(zip(target, gram_polynomial(gram), strict=True)):
        places = [i for i in range(size) if 0 <= k - i < size]
        for i in places:
            gram[i][k - i] += (wanted - got) / len(places)
    return gram if is_sum_of_squares(target, gram) else None


def mode_polynomial(M: int, radical: Fraction) -> list[Fraction]:
    """Coefficients of φ(y) = (1 − yᵐ)² + κ y², m = M + 1, for a rational κ.

    >>> [int(c) for c in mode_polynomial(1, Fraction(1))]
    [1, 0, -1, 0, 1]
    """
    m = M + 1
    coefficients = [Fraction(0)] * (2 * m + 1)
    for k, c in ((0, Fraction(1)), (m, Fraction(-2)), (2 * m, Fraction(1)), (2, radical)):
        coefficients[k] += c
    return coefficients


def mode_radicand(model: UnconstrainedFeatures, mode: Fraction) -> Fraction:
    """κᵐ = (mN)ᵐ Λ/μᴹ of a mode μ."""
    m = model.M + 1
    return Fraction(m * model.N) ** m * model.Lambda / mode**model.M


def modes(model: UnconstrainedFeatures) -> tuple[Counter[Fraction], Counter[Fraction]]:
    """Squared singular values of the (centred) labels with multiplicities: those that can be active, and the others.

    Without bias they are the class sizes; with a bias and equal sizes n they are K − 1 times n. The trace inequality
    pairs sorted singular values, so at rank R it is the R largest modes that can be active, ties in any order.

    Raises:
        Rejected: for unequal sizes with a bias, where the modes are not rational.
    """
    if not model.has_modes:
        raise Rejected(f"only linear layers with squared error split into modes, got {model}")
    if model.has_bias and not model.balanced:
        raise Rejected("the modes of unequal classes with a bias are not rational")
    sizes = sorted(map(Fraction, model.class_sizes), reverse=True)[: model.K - model.has_bias]
    return Counter(sizes[: model.R]), Counter(sizes[model.R :])


def enclosure(certificate: Certificate) -> tuple[Fraction, Fraction]:
    """The two-sided bound that a certificate shows, evaluated from its text alone.

    Raises:
        Rejected: when a matrix is not positive semidefinite, an identity fails, or a shape does not fit.
    """
    try:
        if certificate["kind"] == "dual":
            return _checked(certificate)
        if certificate["kind"] == "sos" and "model" in certificate:
            return _modes_enclosure(certificate)
        if certificate["kind"] == "sos":
            return _scalar_enclosure(certificate)
    except (KeyError, IndexError) as error:
        raise Rejected(f"the certificate lacks {error}") from error
    raise Rejected(f"unknown kind of certificate {certificate['kind']!r}")


def _checked(certificate: Certificate) -> tuple[Fraction, Fraction]:
    """The bounds that are stated, where the checker accepts them."""
    try:
        checker.check(certificate)
    except checker.Rejected as error:
        raise Rejected(str(error)) from None
    return Fraction(certificate["lower"]), Fraction(certificate["upper"])


def _modes_enclosure(certificate: Certificate) -> tuple[Fraction, Fraction]:
    model = UnconstrainedFeatures.from_json(certificate["model"])
    active, idle = modes(model)
    evidence = {rational(entry["mode"]): entry for entry in certificate["modes"]}
    rest = sum((mode * count for mode, count in idle.items()), Fraction(0)) / (2 * model.N)
    lower = upper = rest
    for mode, count in active.items():
        if mode not in evidence:
            raise Rejected(f"the mode {mode} is missing")
        lower += count * mode / (2 * model.N) * _mode_bound(model, mode, evidence[mode])
        upper += count * _mode_cost(model, mode, [rational(text) for text in evidence[mode]["factors"]])
    return lower, upper


def _mode_bound(model: UnconstrainedFeatures, mode: Fraction, entry: Certificate) -> Fraction:
    """A checked lower bound v ≤ min φ; φ grows with κ, so a rational κ rounded down suffices."""
    radical, bound = rational(entry["radical"]), rational(entry["bound"])
    if radical < 0 or radical ** (model.M + 1) > mode_radicand(model, mode):
        raise Rejected(f"the radical of the mode {mode} is not rounded down")
    _require_sum_of_squares(_minus(mode_polynomial(model.M, radical), [bound]), entry["gram"], f"the mode {mode}")
    return bound


def _mode_cost(model: UnconstrainedFeatures, mode: Fraction, factors: Sequence[Fraction]) -> Fraction:
    """What a mode μ costs if W_1 … W_M have the singular values w_1 … w_M along it, and the features √μ h."""
    if len(factors) != model.M + 1:
        raise Rejected(f"the mode {mode} has {len(factors)} factors instead of {model.M + 1}")
    *weights, h = factors
    decays = sum((decay / 2 * w * w for decay, w in zip(model.weight_decays, weights, strict=True)), Fraction(0))
    misfit = 1 - prod(factors, start=Fraction(1))
    return mode * misfit * misfit / (2 * model.N) + decays + model.feature_decay / 2 * mode * h * h


def _scalar_enclosure(certificate: Certificate) -> tuple[Fraction, Fraction]:
    data = certificate["minimisation"]
    (objective,) = from_json(data["objective"])
    (name,) = data["variables"]
    function = RationalFunctions().function(objective, name)
    point, scale, bound = (rational(certificate[key]) for key in ("point", "scale", "bound"))
    half_line = name in data["nonnegative"]
    if half_line and point < 0:
        raise Rejected("the point is negative")
    polynomial = scaled(function.above(bound, half_line), scale, half_line)
    _require_sum_of_squares(polynomial, certificate["gram"], "the formula")
    return bound, value_above(objective, name, point)


def value_above(objective: Expression, name: str, point: Fraction) -> Fraction:
    """A rational upper bound, tight to about 1e-90, of a formula of one scalar at a rational point."""
    with precision(BALL_BITS):
        return _end(Balls().evaluate(objective, {name: Balls().number(point)}), upper=True)


def scaled(coefficients: Sequence[Fraction], scale: Fraction, half_line: bool) -> list[Fraction]:
    """Coefficients of u ↦ p(s·u²) on the half-line, where it is to be shown for x ≥ 0 only, else of u ↦ p(s·u)."""
    if scale <= 0:
        raise Rejected(f"the scale must be positive, got {scale}")
    result: list[Fraction] = []
    for k, c in enumerate(coefficients):
        result += [c * scale**k, Fraction(0)] if half_line else [c * scale**k]
    return _trimmed(result)


@dataclass(frozen=True)
class RationalFunction:
    """A quotient of polynomials in one variable; coefficients, constant first, are rationals or balls."""

    numerator: tuple[Any, ...]
    denominator: tuple[Any, ...]

    def __add__(self, other: Any) -> RationalFunction:
        right = _function(other)
        if self.denominator == right.denominator:
            return RationalFunction(_plus(self.numerator, right.numerator), self.denominator)
        crossed = _plus(_times(self.numerator, right.denominator), _times(right.numerator, self.denominator))
        return RationalFunction(crossed, _times(self.denominator, right.denominator))

    __radd__ = __add__

    def __mul__(self, other: Any) -> RationalFunction:
        right = _function(other)
        return RationalFunction(_times(self.numerator, right.numerator), _times(self.denominator, right.denominator))

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> RationalFunction:
        base = self if exponent >= 0 else self._inverse()
        result = _function(1)
        for _ in range(abs(exponent)):
            result = result * base
        return result

    def _inverse(self) -> RationalFunction:
        if len(self.numerator) == len(self.denominator) == 1:
            return RationalFunction((self.denominator[0] / self.numerator[0],), (_flint(Fraction(1)),))
        return RationalFunction(self.denominator, self.numerator)

    def above(self, bound: Fraction, half_line: bool) -> list[Fraction]:
        """Coefficients of a rational polynomial below numerator − bound · denominator, whose sign decides.

        Raises:
            Rejected: when the denominator is not seen to be positive, or an irrational coefficient meets x < 0.
        """
        ends = _ends(self.denominator)
        odd = ends[1::2]
        if min(ends) < 0 or not any(ends) or (not half_line and any(odd)):
            raise Rejected("the denominator is not seen to be positive: a coefficient is negative")
        with precision(BALL_BITS):
            difference = _plus(self.numerator, _times((-_flint(bound),), self.denominator))
        if not half_line and not all(_is_exact(c) for c in difference):
            raise Rejected("a coefficient is irrational and the variable can be negative")
        return _trimmed(_ends(difference))

    def middle(self) -> tuple[list[Fraction], list[Fraction]]:
        """Numerator and denominator with each ball replaced by a rational inside it: for a search, not for a check."""
        return _ends(self.numerator), _ends(self.denominator)


class RationalFunctions(Arithmetic):
    """Reads a formula of one scalar variable as a rational function; irrational constants become balls.

    >>> from theory.ops import sqrt, variable
    >>> x = variable("x")
    >>> RationalFunctions().function(1 / (1 + x**2) + 3 * x, "x").middle()[1] == [1, 0, 1]
    True
    """

    def function(self, formula: Expression, name: str) -> RationalFunction:
        """The formula as a function of the variable called ``name``.

        Raises:
            Undecidable: when it is not a rational function, for example for a root of the variable.
        """
        from flint import fmpq

        with precision(BALL_BITS):
            return _function(self.evaluate(formula, {name: RationalFunction((fmpq(0), fmpq(1)), (fmpq(1),))}))

    def number(self, value: Fraction) -> RationalFunction:
        return RationalFunction((_flint(value),), (_flint(Fraction(1)),))

    def power(self, node: Expression, base: Any, exponent: Fraction) -> Any:
        if exponent.denominator == 1:
            if type(base) is int and exponent < 0:
                raise Undecidable("division by zero")
            return base ** int(exponent)
        return self._constant(node)

    def root(self, node: Expression, coefficients: Sequence[Any]) -> RationalFunction:
        return self._constant(node)

    def _constant(self, node: Expression) -> RationalFunction:
        if node.variables:
            raise Undecidable(f"{node.op} of a variable is not a rational function")
        return RationalFunction((Balls().evaluate(node),), (_flint(Fraction(1)),))


def _function(value: Any) -> RationalFunction:
    return value if isinstance(value, RationalFunction) else RationalFunctions().number(Fraction(value))


def _plus(left: Sequence[Any], right: Sequence[Any]) -> tuple[Any, ...]:
    long, short = (left, right) if len(left) >= len(right) else (right, left)
    return tuple(c + short[k] if k < len(short) else c for k, c in enumerate(long))


def _times(left: Sequence[Any], right: Sequence[Any]) -> tuple[Any, ...]:
    product: list[Any] = [_flint(Fraction(0))] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            if not _vanishes(a) and not _vanishes(b):
                product[i + j] = product[i + j] + a * b
    return tuple(product)


def _vanishes(value: Any) -> bool:
    """Whether a coefficient is exactly zero; a ball around zero is not."""
    return _is_exact(value) and bool(value == 0)


def _minus(left: Sequence[Fraction], right: Sequence[Fraction]) -> list[Fraction]:
    return [c - (right[k] if k < len(right) else 0) for k, c in enumerate(left)]


def _trimmed(coefficients: Sequence[Fraction]) -> list[Fraction]:
    """Without zeros at the end, but at least one coefficient."""
    end = max((k + 1 for k, c in enumerate(coefficients) if c), default=1)
    return list(coefficients[:end])


def _spectral_factor(coefficients: Sequence[Fraction]) -> tuple[list[Fraction], list[Fraction]] | None:
    """Real and imaginary part of ∏ (y − zₖ) over the roots zₖ in the upper half-plane; None if a root is real."""
    from flint import acb_poly, fmpq_poly

    with precision(ROOT_BITS):
        polynomial: Any = fmpq_poly([_flint(c) for c in coefficients])
        roots = polynomial.complex_roots()
        if any(root.imag.contains(0) for root, _ in roots):
            return None
        factor = acb_poly.from_roots([root for root, count in roots if root.imag > 0 for _ in range(count)])
        parts = factor.coeffs()
        return [_rounded(_end(c.real.mid())) for c in parts], [_rounded(_end(c.imag.mid())) for c in parts]


def _rounded(value: Fraction) -> Fraction:
    return Fraction(round(value * (1 << GRAM_BITS)), 1 << GRAM_BITS)


def _require_sum_of_squares(coefficients: Sequence[Fraction], gram: Sequence[Sequence[str]], what: str) -> None:
    matrix = _matrix(gram)
    _require_shape(matrix, len(matrix), len(matrix))
    if _trimmed(gram_polynomial(matrix)) != _trimmed(coefficients):
        raise Rejected(f"{what}: the Gram matrix is not that of the polynomial")
    if not is_positive_semidefinite(matrix):
        raise Rejected(f"{what}: the Gram matrix is not positive semidefinite")


def _require_shape(matrix: Matrix, rows: int, columns: int) -> None:
    if len(matrix) != rows or any(len(row) != columns for row in matrix):
        raise Rejected(f"expected a matrix of shape {rows} × {columns}")


def _matrix(rows: Sequence[Sequence[str]]) -> list[list[Fraction]]:
    return [[rational(text) for text in row] for row in rows]


def _is_exact(value: Any) -> bool:
    return not hasattr(value, "is_exact") or bool(value.is_exact())


def _ends(coefficients: Sequence[Any]) -> list[Fraction]:
    """Lower ends of coefficients; at a lower working precision they would be rounded down further."""
    with precision(BALL_BITS):
        return [_end(c) for c in coefficients]


def _end(value: Any, upper: bool = False) -> Fraction:
    """The lower (or upper) end of a ball; a rational is its own end."""
    exact = value if not hasattr(value, "is_exact") else (value.upper() if upper else value.lower()).fmpq()
    return Fraction(int(exact.numerator), int(exact.denominator))


def _flint(value: Fraction) -> Any:
    from flint import fmpq

    return fmpq(value.numerator, value.denominator)
