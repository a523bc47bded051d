"""Deriving the optimum from the stationarity of the reduced problem, without ever looking at a published formula.

The reductions used (statements of their own: ``dang2023-schatten``, ``dang2023-bias-vector``, and von Neumann's trace
inequality) split the objective over modes: directions of the centred labels, with weight μ (n_k without bias; n, K − 1
times, with a last-layer bias and balanced classes). With z the mode's logit and y = z^{1/(M+1)},

    f(y) = μ/(2N) (1 − y^{M+1})² + (M+1)/2 · ρ y²,   ρ^{M+1} = Λ μ.

SymPy differentiates f, eliminates ρ and y, and leaves a polynomial in z over the rationals of the instance, whose roots
are isolated exactly. At most R modes can be active.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from theory.arithmetic.interpreters import precision
from theory.model import UnconstrainedFeatures
from theory.reductions import mode_weights
from verify.verdict import Unable

PRECISIONS = (128, 512, 2048, 8192)
"""Bits tried in turn to separate values of different candidates; equality is decided by algebra, not by these."""

REDUCTIONS = ("dang2023-schatten", "von Neumann's trace inequality")


@dataclass(frozen=True)
class Stationarity:
    """What SymPy derives for one depth: polynomials in z with coefficients in the symbols μ, N, Λ."""

    equation: Any
    value: Any
    symbols: tuple[Any, ...]


@cache
def stationarity(depth: int) -> Stationarity:
    """The equation of non-zero stationary points and the value there, as SymPy expressions in z, μ, N, Λ.

    >>> from sympy import factor
    >>> factor(stationarity(1).value)
    -mu*(z - 1)*(z + 1)/(2*N)
    """
    import sympy as sp

    y, z, mu, N, Lambda, rho = sp.symbols("y z mu N Lambda rho", positive=True)
    L = depth + 1
    f = mu * (1 - y**L) ** 2 / (2 * N) + sp.Rational(L, 2) * rho * y**2
    slope = sp.cancel(sp.diff(f, y) / y)
    (rho_at,) = sp.solve(slope, rho)
    eliminated = sp.numer(sp.together(rho_at**L - Lambda * mu))
    equation = _in_powers(sp.Poly(sp.expand(eliminated), y), L, z)
    value = _in_powers(sp.Poly(sp.expand(f.subs(rho, rho_at)), y), L, z)
    return Stationarity(sp.factor(equation), sp.factor(value), (z, mu, N, Lambda))


def _in_powers(polynomial: Any, step: int, z: Any) -> Any:
    """Rewrite a polynomial in y^step as one in z = y^step."""
    terms = polynomial.terms()
    if any(power % step for (power,), _ in terms):
        raise ArithmeticError(f"not a polynomial in y^{step}")
    return sum(coefficient * z ** (power // step) for (power,), coefficient in terms)


@dataclass(frozen=True)
class DerivedMode:
    """The derived optimum of one mode of weight μ: a polynomial with its isolated root, or zero, or both in a tie."""

    mu: int
    equation: Any  # fmpq_poly of which z is a root
    root: Any  # a ball that isolates z, or None when zero is the only minimiser
    tie: bool  # zero and the root have equal value
    value: Any  # fmpq_poly V with V(z) the mode's share of the objective
    zero_value: Fraction

    def isolates(self, ball: Any) -> bool:
        """Whether a ball around an exact root of the equation can only mean this mode's root."""
        others = [x for x in _real_roots(self.equation) if not x.overlaps(self.root)]
        return bool(self.root is not None and ball.overlaps(self.root) and not any(ball.overlaps(x) for x in others))

    def share(self, z: Any) -> Any:
        """The mode's share of the objective at logit z (in any arithmetic with + and *)."""
        return evaluate_polynomial(self.value, z)


@dataclass(frozen=True)
class Derived:
    """The derived optimum of a model: a mode for each weight with its multiplicity, largest weight first."""

    modes: tuple[tuple[DerivedMode, int], ...]
    rank: int

    def ranks(self) -> list[tuple[DerivedMode, int, tuple[int, ...]]]:
        """Each mode with its multiplicity and the ranks that it can have at a minimiser."""
        left, result = self.rank, []
        for mode, multiplicity in self.modes:
            most = min(left, multiplicity) if mode.root is not None else 0
            result.append((mode, multiplicity, tuple(range(most + 1)) if mode.tie else (most,)))
            left -= most
        return result

    @property
    def unique(self) -> bool:
        """Whether the logits of all minimisers agree."""
        return all(ranks in ((0,), (multiplicity,)) for _, multiplicity, ranks in self.ranks())

    def value_ball(self) -> Any:
        """A ball for the minimum, at the current precision."""
        from flint import arb, fmpq

        total = arb(0)
        for mode, multiplicity, ranks in self.ranks():
            on = max(ranks)
            off = arb(fmpq(mode.zero_value.numerator, mode.zero_value.denominator)) * (multiplicity - on)
            total = total + off + (on * _at(mode.value, _refined(mode.equation, mode.root)) if on else 0)
        return total


def derive(model: UnconstrainedFeatures) -> Derived:
    """Derive the optimum of a linear model with squared error.

    Raises:
        Unable: for layers that are not linear, and imbalanced classes with a bias, whose modes are not rational.
    """
    try:
        sizes = mode_weights(model)
    except ValueError as error:
        raise Unable(str(error)) from error
    modes = [(_mode(model.M, mu, model.N, model.Lambda), sizes.count(mu)) for mu in dict.fromkeys(sizes)]
    return Derived(tuple(modes), min(model.R, len(sizes)))


@cache
def _mode(depth: int, mu: int, N: int, Lambda: Fraction) -> DerivedMode:
    equation, value = _polynomials(depth, mu, N, Lambda)
    zero_value = value(_fmpq(Fraction(0)))
    if zero_value != _fmpq(Fraction(mu, 2 * N)):
        raise ArithmeticError("the derived share at z = 0 is not that of the zero solution")
    best, tie = None, False
    for root in _roots_in_unit_interval(equation):
        sign = _sign(value - zero_value, equation, root)
        if sign < 0 and (best is None or tie or _less(value, equation, root, best)):
            best, tie = root, False
        elif sign == 0 and best is None:
            best, tie = root, True
    return DerivedMode(mu, equation, best, tie, value, Fraction(mu, 2 * N))


def _polynomials(depth: int, mu: int, N: int, Lambda: Fraction) -> tuple[Any, Any]:
    import sympy as sp
    from flint import fmpq_poly

    derived = stationarity(depth)
    z, *letters = derived.symbols
    numbers = dict(zip(letters, (mu, N, sp.Rational(Lambda.numerator, Lambda.denominator)), strict=True))
    result = []
    for expression in (derived.equation, derived.value):
        coefficients = sp.Poly(expression.subs(numbers), z).all_coeffs()[::-1]
        result.append(fmpq_poly([_fmpq(Fraction(int(c.p), int(c.q))) for c in coefficients]))
    return result[0], result[1]


def _roots_in_unit_interval(equation: Any) -> list[Any]:
    """Isolating balls for the roots in (0, 1), in increasing order."""
    return [x for x in _real_roots(equation) if 0 < x < 1]


def _real_roots(equation: Any) -> list[Any]:
    """Isolating balls for the real roots, in increasing order."""
    from flint import fmpz_poly

    integers = equation * int(equation.denom())
    roots: Any = fmpz_poly([int(c.p) for c in integers.coeffs()]).complex_roots()
    return sorted((root.real for root, _ in roots if root.imag == 0), key=lambda x: x.mid())


def _sign(polynomial: Any, equation: Any, root: Any) -> int:
    """The sign of a polynomial at an isolated root of ``equation``: 0 exactly when they share that root."""
    common = polynomial.gcd(equation)
    if common.degree() > 0 and any(shared.overlaps(root) for shared in _roots_in_unit_interval(common)):
        return 0
    for bits in PRECISIONS:
        with precision(bits):
            value = _at(polynomial, _refined(equation, root))
            if not value.contains(0):
                return 1 if value > 0 else -1
    raise Unable("a sign at a root could not be decided")


def _less(value: Any, equation: Any, left: Any, right: Any) -> bool:
    """Whether the value at one root is strictly below that at another of the same equation."""
    for bits in PRECISIONS:
        with precision(bits):
            a, b = _at(value, _refined(equation, left)), _at(value, _refined(equation, right))
            if not a.overlaps(b):
                return bool(a < b)
    raise Unable("the values at two stationary points could not be separated")


def _refined(equation: Any, root: Any) -> Any:
    """The isolated root again, at the current precision."""
    return next(x for x in _roots_in_unit_interval(equation) if x.overlaps(root))


def _fmpq(value: Fraction) -> Any:
    from flint import fmpq

    return fmpq(value.numerator, value.denominator)


def evaluate_polynomial(polynomial: Any, x: Any) -> Any:
    """Σ cᵢ xⁱ by Horner's rule, for a rational polynomial and x in any arithmetic that takes Fractions."""
    total: Any = 0
    for c in reversed(polynomial.coeffs()):
        total = total * x + Fraction(int(c.p), int(c.q))
    return total


def _at(polynomial: Any, ball: Any) -> Any:
    from flint import arb

    total = arb(0)
    for c in reversed(polynomial.coeffs()):
        total = total * ball + arb(c)
    return total
