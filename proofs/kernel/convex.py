"""Rules for lower bounds between traces that carry their equality cases: sums of squares and of classical inequalities.

A step "body ≥ 0" of these rules knows what vanishes wherever body = 0: pairs of a coefficient and a matrix, which is
zero there if the coefficient is positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from proofs.kernel import words
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, Combination, Fact
from proofs.kernel.grammar import read, read_matrix, read_scalar
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected, is_nonnegative, is_zero
from proofs.kernel.setting import Bound
from proofs.kernel.words import Matrix, Trace

TIGHT = "tight"
"""Where a step keeps its equality case."""


class ConvexProof(Proof):
    """A proof that may also cite the inequalities of its setting, and add them to squares.

    Raises:
        Rejected: by every rule, saying why it does not accept the step.
    """

    def inequality(self, name: str, note: str = "") -> Fact:
        """A classical inequality for the letters of the setting, with its equality case."""
        found = self._bound(name)
        tight = tuple((sp.Integer(1), X) for X in found.equality)
        fact = Fact(name, found.body, NONNEGATIVE, extra={TIGHT: tight})
        return self._accept("inequality", fact, axiom=found.axiom, note=note)

    def equality(self, name: str, bound: str, *case: Fact, note: str = "") -> Fact:
        """A classical inequality of the setting is an equality in its equality case."""
        found = self._bound(bound)
        self._require_equations(name, *case)
        if not all(any(_same(fact.body, X) for fact in case) for X in found.equality):
            raise Rejected(f"{name}: what is given is not the equality case of {bound}")
        return self._accept("equality", Fact(name, found.body), case, axiom=found.axiom, note=note)

    def _bound(self, name: str) -> Bound:
        if name not in self.setting.bounds:
            raise Rejected(f"the setting has no inequality {name!r}")
        return self.setting.bounds[name]

    def at_least(
        self,
        name: str,
        goal: Trace,
        squares: Sequence[tuple[Any, Matrix]],
        above: Sequence[Fact] = (),
        given: Combination | Fact | None = None,
        known: Sequence[Fact] = (),
        note: str = "",
    ) -> Fact:
        """goal = Σ c ‖X‖² + Σ bounds (modulo equations) with every c ≥ 0 is at least 0."""
        parts, sure = self._opened(given, name), tuple(known)
        used = (*above, *sure, *(part.fact for part in parts))
        if any(f.layers is not None for f in used):
            raise Rejected(f"{name}: bounds are about no particular layer")
        body, positive = read(self.setting, goal, None), [f.body for f in sure if f.sign == POSITIVE]
        total, tight = Trace({}), list[tuple[Any, Matrix]]()
        for coefficient, root in squares:
            c, X = read_scalar(self.setting, coefficient, None), read_matrix(self.setting, root, None)
            if not is_nonnegative(c, positive):
                raise Rejected(f"{name}: the coefficient {c} is not shown to be at least zero")
            total = total + c * words.squares(X)
            tight.append((c, X))
        for fact in above:
            self._require_step(fact, name)
            if fact.sign != NONNEGATIVE or not isinstance(fact.body, Trace):
                raise Rejected(f"{name}: {fact.name} is not a bound between traces")
            total = total + fact.body
            tight += fact.extra.get(TIGHT, ())
        equations = self._combined(parts, name, sure) if parts else Trace({})
        self._require_defined([c for c, _ in tight], used, name)
        if not isinstance(body, Trace) or not _same(body - total, equations):
            raise Rejected(f"{name} is not the sum of squares and bounds that is given for it")
        return self._accept("squares", Fact(name, body, NONNEGATIVE, extra={TIGHT: tuple(tight)}), used, note=note)

    def tight(
        self, name: str, bound: Fact, equation: Fact, goal: Matrix, known: Sequence[Fact] = (), note: str = ""
    ) -> Fact:
        """Where a bound is an equality, each square in it with a positive coefficient vanishes."""
        self._require_step(bound, name)
        self._require_equations(name, equation)
        sure, X = tuple(known), read_matrix(self.setting, goal, None)
        if bound.sign != NONNEGATIVE or not _same(equation.body, bound.body):
            raise Rejected(f"{name}: {equation.name} does not say that {bound.name} is an equality")
        found = [c for c, root in bound.extra.get(TIGHT, ()) if _same(root, X)]
        if not any(self._positive(c, sure) for c in found):
            raise Rejected(f"{name}: no term of {bound.name} with a positive coefficient vanishes only there")
        return self._accept("equality", Fact(name, X), [bound, equation, *sure], note=note)


def _same(left: Any, right: Any) -> bool:
    """Whether two formulas of one kind are equal."""
    if type(left) is not type(right) and (isinstance(left, Matrix | Trace) or isinstance(right, Matrix | Trace)):
        return False
    if isinstance(left, Matrix) and (left.rows, left.columns) != (right.rows, right.columns):
        return False
    difference = left - right
    return difference.is_zero if isinstance(difference, Matrix | Trace) else is_zero(difference)


__all__ = ["TIGHT", "ConvexProof"]
