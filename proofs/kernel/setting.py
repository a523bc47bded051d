"""What the letters of a proof stand for. A setting is trusted: proofs can neither make one nor add to it.

It lists every symbol, constant and letter that formulas may hold, with the indices for which it exists, the formulas
that say what they are, and random instances in balls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from random import Random
from types import MappingProxyType
from typing import Any

import sympy as sp

from proofs.kernel.instances import Instance
from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Letter, Matrix, Trace

COUNT = sp.Symbol("M", positive=True, integer=True)
"""M ≥ 1, the number of weight matrices."""

LAYER = sp.Symbol("m", integer=True)
"""The layer of an indexed letter, W_m."""

INSTANCES = 100
"""On so many random instances every formula is evaluated."""

Range = tuple[Any, Any]
"""First and last value of an index, linear in M."""


def no_objective(product: Matrix, factor: Matrix) -> Trace:
    """For settings whose matrices are not known to be critical.

    Raises:
        Rejected: always.
    """
    raise Rejected("these matrices are not known to be a critical point")


@dataclass(frozen=True)
class Indexed:
    """A letter for each index from ``first`` to ``last``; ``make`` gives the one at an index."""

    make: Callable[[Any], Matrix]
    first: Any
    last: Any


@dataclass(frozen=True)
class Bound:
    """An instance of a classical inequality: ``body`` ≥ 0, and ``body`` = 0 exactly where all of ``equality`` is."""

    axiom: str
    body: Trace
    equality: tuple[Matrix, ...]


@dataclass(frozen=True, eq=False)
class Setting:
    """What the letters stand for: which there are, what is known of them, and random instances."""

    name: str
    draw: Callable[[Random], Instance]
    letters: Mapping[str, Matrix | Indexed] = field(default_factory=dict)
    """Every letter that a formula may hold, by name."""
    constants: Mapping[Any, Range] = field(default_factory=dict)
    """Indexed constants such as λ(m), with the indices for which they exist."""
    spaces: frozenset[sp.Symbol] = frozenset()
    """The spaces without an index."""
    widths: Mapping[Any, Range] = field(default_factory=dict)
    """The spaces with an index, such as d(m)."""
    base_cases: Mapping[tuple[str, Any], Matrix] = field(default_factory=dict)
    rewrites: Mapping[sp.Expr, sp.Expr] = field(default_factory=dict)
    index: sp.Symbol = LAYER
    objective: Callable[[Matrix, Matrix], Trace] = no_objective
    """The terms of the objective that hold a factor, for the outputs written as a product; rejects any other
    product."""
    total: Trace = field(default_factory=lambda: Trace({}))
    """The whole objective: an equation for its value."""
    meanings: Mapping[str, tuple[Any, Range | None]] = field(default_factory=dict)
    """Equations that say what letters stand for, by name, with the range of m for which they are meant."""
    hypotheses: Mapping[str, Any] = field(default_factory=dict)
    """Equations that a theorem may assume, by name; there are no others."""
    sums: Mapping[sp.Expr, Trace] = field(default_factory=dict)
    """Symbols for sums over all layers m = 0 … M, and the term of each layer."""
    eigenvalues: Mapping[Letter, sp.Symbol] = field(default_factory=dict)
    """Symmetric letters on one space, and the symbols for their eigenvalues at a common eigenvector."""
    spectra: Mapping[Letter, tuple[Matrix, Matrix, Matrix]] = field(default_factory=dict)
    """For a semidefinite letter those for its eigenvectors U, the roots Δ of its positive eigenvalues, and Δ⁻¹."""
    inverses: Mapping[Letter, tuple[Matrix, Any]] = field(default_factory=dict)
    """For a letter J the factor X and the shift r of which it is the inverse, J = (X Xᵀ + r)⁻¹."""
    stationary: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    """Symbols for a minimum over x ≥ 0, and the function that has it there."""
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    """Instances of classical inequalities between the letters, by name."""
    logarithms: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    """Symbols for the logarithms of positive numbers."""
    definable: frozenset[sp.Symbol] = frozenset()
    """Symbols without a meaning, which a proof may define."""
    free: frozenset[sp.Symbol] = frozenset()
    """Symbols that stand for any number with their sign: nothing else is known of them."""
    reading: str = ""
    """What the letters are called, for the reader of a page."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, Mapping):
                object.__setattr__(self, entry.name, MappingProxyType(dict(value)))

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """The random instances, the same for every run."""
        rng = Random(2023)
        return tuple(self.draw(rng) for _ in range(INSTANCES))

    @cached_property
    def symbols(self) -> frozenset[Any]:
        """The symbols that formulas may hold: those with a value at every instance."""
        return frozenset.intersection(*(frozenset(instance.scalars) for instance in self.instances))


# ------------------------------------------------------------------------------------------- indices, linear in M and m


def is_integral(index: Any, m: sp.Symbol) -> bool:
    """Whether an index is a sum of whole multiples of m, M and 1."""
    return all(
        c.is_Integer and unit in (1, m, COUNT)
        for c, unit in (term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(index)))
    )


def at_least_zero(value: Any, least: int = 1) -> bool:
    """Whether an index or exponent, linear in M, is ≥ 0 for all M ≥ ``least``."""
    expression = sp.expand(value)
    slope, rest = expression.coeff(COUNT, 1), expression.coeff(COUNT, 0)
    if not (slope.is_Rational and rest.is_Rational and sp.expand(expression - slope * COUNT - rest) == 0):
        return False
    return bool(slope >= 0 and slope * least + rest >= 0)


def least_count(layers: Range | None) -> int:
    """The least M for which a range of m holds any m at all.

    Raises:
        Rejected: for a range that does not stay as large as it is, or that is empty for every M.
    """
    if layers is None:
        return 1
    gap = sp.expand(layers[1] - layers[0])
    slope, rest = gap.coeff(COUNT, 1), gap.coeff(COUNT, 0)
    if slope < 0 or (slope == 0 and rest < 0):
        raise Rejected(f"there is no layer from {layers[0]} to {layers[1]}")
    return 1 if slope == 0 else max(1, int(sp.ceiling(-rest / slope)))


def ends(index: Any, layers: Range | None, m: sp.Symbol) -> tuple[Any, ...]:
    """An index that is linear in m, at both ends of the range of m: between these lie all its values."""
    expression = sp.sympify(index)
    return (expression,) if layers is None else tuple(expression.xreplace({m: end}) for end in layers)


def lies_within(index: Any, layers: Range | None, allowed: Range, m: sp.Symbol) -> bool:
    """Whether an index stays in the allowed range for every m of a range, whatever M is."""
    least = least_count(layers)
    return all(
        at_least_zero(value - allowed[0], least) and at_least_zero(allowed[1] - value, least)
        for value in ends(index, layers, m)
    )


def covers(outer: Range, inner: Range) -> bool:
    """Whether all layers of the inner range are in the outer one."""
    return at_least_zero(inner[0] - outer[0]) and at_least_zero(outer[1] - inner[1])
