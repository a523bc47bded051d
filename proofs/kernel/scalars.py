"""Identities between scalars: rational functions over Q in symbols and in powers with symbolic exponents.

A scalar is a SymPy expression in positive symbols, indexed constants such as λ(m), and powers with exponents in Z[M,
m]. SymPy is used as syntax and for its exact domains (``QQ.frac_field``); what decides is the normal form there.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef


class Rejected(Exception):
    """The kernel does not accept a step; the message says why."""


def is_zero(value: Any) -> bool:
    """Whether a scalar vanishes identically, with x^a and x^b independent unless a − b is an integer.

    >>> x, M = sp.symbols("x M", positive=True)
    >>> is_zero(x ** (M + 1) - x * x**M), is_zero(x ** (2 * M) - x**M)
    (True, False)
    >>> is_zero(sp.sqrt(1 - x) ** 3 / sp.sqrt(1 - x) - (1 - x)), is_zero(x ** (M / 2) * x ** (M / 2) - x**M)
    (True, True)

    Raises:
        Rejected: for an expression that is no rational function of symbols and powers.
    """
    return _is_zero(sp.sympify(value))


@cache
def _is_zero(expression: sp.Expr) -> bool:
    flat, roots = _flatten(expression)
    generators = sorted(
        _generators(flat) | {g for root, _, whole in roots for g in (root, *_generators(whole))}, key=str
    )
    if not generators:
        return bool(sp.Rational(flat) == 0)
    field = sp.QQ.frac_field(*generators)
    try:
        numerator = field.from_sympy(flat).numer.as_expr()
    except (sp.CoercionFailed, ZeroDivisionError) as error:
        raise Rejected(f"{expression} is not a rational function of symbols and powers") from error
    for root, index, whole in reversed(roots):  # those that others are made of come last
        numerator = sp.rem(numerator, root**index - whole, root)
    return bool(sp.expand(numerator) == 0)


Root = tuple[sp.Symbol, int, sp.Expr]
"""A generator, and the power of it that is an expression in the others."""


def _flatten(expression: sp.Expr) -> tuple[sp.Expr, list[Root]]:
    """The expression with powers of symbolic or fractional exponent as products of generators."""
    names: dict[tuple[sp.Expr, sp.Expr], sp.Symbol] = {}
    roots: list[Root] = []

    def power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        """base^exponent as a product: an integer power, and a generator for each monomial of the exponent."""
        if base.is_Mul:
            return sp.Mul(*(power(factor, exponent) for factor in base.args))
        if base.is_Pow:
            return power(base.base, base.exp * exponent)
        if base == 1:
            return base
        if base.is_Add and not (lowest := sp.cancel(base)).is_Add:
            return power(lowest, exponent)
        return sp.Mul(*(_factor(base, *term.as_coeff_Mul()) for term in sp.Add.make_args(sp.expand(exponent))))

    def _factor(base: sp.Expr, coefficient: sp.Expr, monomial: sp.Expr) -> sp.Expr:
        if not coefficient.is_Rational:
            raise Rejected(f"{coefficient} is not a rational coefficient of an exponent")
        whole = visit(base) if monomial == 1 else names.setdefault((base, monomial), _name(base, monomial))
        if coefficient.q == 1:
            return whole**coefficient.p
        key = (base, monomial / coefficient.q)
        if key not in names:
            names[key] = _name(*key)
            roots.append((names[key], coefficient.q, whole))
        return names[key] ** coefficient.p

    def visit(node: sp.Expr) -> sp.Expr:
        if node.is_Rational or node.is_Symbol or isinstance(node, AppliedUndef):
            return node
        if node.is_Pow and not node.exp.is_Integer:
            return power(node.base, node.exp)
        if node.is_Pow:
            return visit(node.base) ** node.exp
        if node.is_Add or node.is_Mul:
            return node.func(*map(visit, node.args))
        raise Rejected(f"{node} is not made of sums, products and powers")

    return visit(expression), roots


def _name(base: sp.Expr, exponent: sp.Expr) -> sp.Symbol:
    return sp.Dummy(f"({base})^({exponent})", positive=True)


def _generators(expression: sp.Expr) -> set[sp.Expr]:
    """Symbols and indexed constants, without the indices of the latter."""
    if expression.is_Symbol or isinstance(expression, AppliedUndef):
        return {expression}
    return {found for arg in expression.args for found in _generators(arg)}


def is_positive(value: Any, known: Iterable[sp.Expr] = ()) -> bool:
    """Whether a scalar is positive for syntactic reasons: built from positive symbols, or one of ``known``.

    >>> z = sp.Symbol("z", positive=True)
    >>> is_positive(1 / (1 - z)), is_positive(1 / (1 - z), known=[1 - z])
    (False, True)
    """
    expression, facts = sp.sympify(value), tuple(known)
    if expression.is_Rational:
        return bool(expression > 0)
    if any(is_zero(expression - fact) for fact in facts):
        return True
    if expression.is_Symbol or isinstance(expression, AppliedUndef):
        return bool(expression.is_positive)
    if expression.is_Pow:
        return is_positive(expression.base, facts)
    if expression.is_Mul and all(is_positive(part, facts) for part in expression.args):
        return True
    if expression.is_Add and all(is_nonnegative(part, facts) for part in expression.args):
        return any(is_positive(part, facts) for part in expression.args)
    lowest = sp.cancel(expression) if expression.is_Add else expression
    return lowest != expression and not lowest.is_Add and is_positive(lowest, facts)


def is_nonnegative(value: Any, known: Iterable[sp.Expr] = ()) -> bool:
    """Whether a real scalar is not negative for syntactic reasons: sums and products of such, and even powers.

    >>> t, u = sp.symbols("t u", nonnegative=True)
    >>> is_nonnegative((t - u) ** 2 + t), is_nonnegative(t - u)
    (True, False)
    """
    expression, facts = sp.sympify(value), tuple(known)
    if expression.is_Rational:
        return bool(expression >= 0)
    if expression.is_Symbol or isinstance(expression, AppliedUndef):
        return bool(expression.is_nonnegative) or is_positive(expression, facts)
    if expression.is_Pow:
        even = expression.exp.is_Integer and expression.exp % 2 == 0
        return bool(even) or is_nonnegative(expression.base, facts)
    if (expression.is_Mul or expression.is_Add) and all(is_nonnegative(part, facts) for part in expression.args):
        return True
    return is_positive(expression, facts)


def divisions(value: Any) -> set[sp.Pow]:
    """The powers in an expression that are not defined for every base: negative, fractional or symbolic exponents."""
    nodes = sp.preorder_traversal(sp.sympify(value))
    return {node for node in nodes if node.is_Pow and not (node.exp.is_Integer and node.exp >= 0)}


def bases(node: sp.Pow) -> list[sp.Expr]:
    """What must be positive for a power to be defined, and for the normal form to be right about it.

    A power with a whole exponent needs its base alone. The normal form splits any other along products and powers,
    (a b)^e = a^e b^e, so each of the parts must be positive: that their product is does not suffice.

    >>> a, b, M = sp.symbols("a b M", real=True)
    >>> bases(1 / (a + b)), sorted(map(str, bases(sp.Pow(a * b, M / 2, evaluate=False))))
    ([a + b], ['a', 'b'])
    """
    return [node.base] if node.exp.is_Integer else _parts(node.base)


def _parts(base: sp.Expr) -> list[sp.Expr]:
    if base.is_Mul:
        return [part for factor in base.args for part in _parts(factor)]
    if base.is_Pow:
        return _parts(base.base)
    lowest = sp.cancel(base) if base.is_Add else base
    return _parts(lowest) if base.is_Add and not lowest.is_Add else [base]


def rational(value: Fraction | int) -> sp.Rational:
    """A SymPy rational."""
    fraction = Fraction(value)
    return sp.Rational(fraction.numerator, fraction.denominator)
