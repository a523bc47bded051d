"""Rules for inequalities between numbers that logarithms and powers keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from proofs.kernel.facts import NONNEGATIVE, POSITIVE, Fact
from proofs.kernel.grammar import read_scalar
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected, is_zero
from proofs.kernel.words import Trace


class MonotoneProof(Proof):
    """A proof that may also use that logarithms and powers are monotone.

    Raises:
        Rejected: by every rule, saying why it does not accept the step.
    """

    def logarithms(
        self, name: str, order: Fact, larger: sp.Symbol, smaller: sp.Symbol, known: Sequence[Fact] = (), note: str = ""
    ) -> Fact:
        """x > y > 0 gives log x > log y, for two logarithms of the setting."""
        sure = tuple(known)
        x, y = (self._argument(name, symbol) for symbol in (larger, smaller))
        self._require_order(name, order, POSITIVE, x - y)
        if not self._positive(y, sure):
            raise Rejected(f"{name}: {y} is not shown to be positive")
        fact = Fact(name, larger - smaller, POSITIVE)
        return self._accept("monotone", fact, [order, *sure], axiom="logarithm", note=note)

    def _argument(self, name: str, symbol: Any) -> Any:
        found = read_scalar(self.setting, symbol, None)
        if found not in self.setting.logarithms:
            raise Rejected(f"{name}: the setting does not say that {symbol} is a logarithm")
        return self.setting.logarithms[found]

    def roots(self, name: str, order: Fact, larger: Any, smaller: Any, exponent: Any, note: str = "") -> Fact:
        """x^e > y^e gives x > y, for x, y ≥ 0 and e > 0."""
        x, y, e = (read_scalar(self.setting, value, None) for value in (larger, smaller, exponent))
        self._require_order(name, order, POSITIVE, x**e - y**e)
        if not self._positive(e):
            raise Rejected(f"{name}: the exponent {e} is not shown to be positive")
        for base in (x, y):
            if not (base.is_Symbol and base.is_nonnegative):
                raise Rejected(f"{name}: {base} is not a symbol for a number that is at least zero")
        return self._accept("monotone", Fact(name, x - y, POSITIVE), [order], axiom="powers", note=note)

    def powers(self, name: str, base: Any, above_one: Fact, exponents: tuple[Any, Any], more: Fact) -> Fact:
        """x ≥ 1 and e ≥ e′ ≥ 0 give x^e ≥ x^{e′}."""
        x, e, less = (read_scalar(self.setting, value, None) for value in (base, *exponents))
        self._require_order(name, above_one, NONNEGATIVE, x - 1)
        self._require_order(name, more, NONNEGATIVE, e - less)
        if not (x.is_Symbol and x.is_nonnegative and all(self._stays_nonnegative(k, None) for k in (e, less))):
            raise Rejected(f"{name}: powers of a symbol that is at least zero are needed, with exponents that are too")
        fact = Fact(name, x**e - x**less, NONNEGATIVE)
        return self._accept("monotone", fact, [above_one, more], axiom="powers", defined=True)

    def _require_order(self, name: str, fact: Fact, sign: str, body: Any) -> None:
        self._require_step(fact, name)
        scalar = not isinstance(fact.body, Trace) and fact.layers is None
        if not (scalar and fact.sign in (sign, POSITIVE) and is_zero(fact.body - body)):
            raise Rejected(f"{name}: {fact.name} does not say that {body} {sign}")
