"""The rules. A proof is a list of steps; each is accepted by one rule, or shown as an open gap.

Every formula that a rule accepts is also evaluated in balls on ``INSTANCES`` random instances of the setting; one
failure rejects the proof. What follows from a gap is not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from types import MappingProxyType
from typing import Any

import sympy as sp

from proofs.kernel import words
from proofs.kernel.facts import (
    LEFT,
    NONNEGATIVE,
    POSITIVE,
    RIGHT,
    SCALE,
    TIMES,
    TRACE,
    TRANSPOSE,
    ZERO,
    Combination,
    Fact,
    Part,
    coefficients,
    combination,
)
from proofs.kernel.grammar import mentions, read, read_matrix, read_range, read_scalar
from proofs.kernel.instances import Instance, vanishes
from proofs.kernel.ledger import Ledger, Step
from proofs.kernel.scalars import Rejected, bases, divisions, is_nonnegative, is_positive, is_zero
from proofs.kernel.setting import (
    COUNT,
    INSTANCES,
    LAYER,
    Range,
    Setting,
    at_least_zero,
    covers,
    ends,
    is_integral,
    lies_within,
)
from proofs.kernel.words import Letter, Matrix, Trace

__all__ = ["COUNT", "INSTANCES", "LAYER", "Proof", "Step"]

LEAST = 10
"""So many of them, at least, must meet the assumptions of a formula that is confined to a case."""


class Proof(Ledger):
    """Steps about one setting, each checked as it is added.

    Raises:
        Rejected: by every rule, saying why it does not accept the step.
    """

    def __init__(self, id: str, setting: Setting) -> None:
        if type(setting) is not Setting:
            raise Rejected("a proof is about a setting")
        super().__init__(id)
        self._setting = setting
        self._hypotheses: set[Fact] = set()
        self._open: frozenset[Fact] = frozenset()

    @property
    def setting(self) -> Setting:
        """What its letters mean."""
        return self._setting

    # ------------------------------------------------------------ what every rule does

    def _accept(
        self,
        rule: str,
        fact: Fact,
        uses: Iterable[Fact] = (),
        axiom: str = "",
        note: str = "",
        own_layers: bool = False,
        assumptions: frozenset[Fact] | None = None,
        defined: bool = False,
    ) -> Fact:
        """Take a formula as a step: what is the same for all rules.

        It holds for the layers for which the facts that it uses do, unless the rule says itself for which
        (``own_layers``), and in their cases, unless the rule says which remain (``assumptions``). It must be defined
        there, unless the rule knows that it is.
        """
        used = tuple(dict.fromkeys(uses))
        for other in used:
            self._require_step(other, fact.name)
        layers = read_range(self.setting, fact.layers) if own_layers else self._common_layers(fact.name, used)
        body = read(self.setting, fact.body, layers)
        sign = _sign(fact.sign, fact.name)
        if (isinstance(body, Matrix) and sign != ZERO) or (isinstance(body, Trace) and sign == POSITIVE):
            raise Rejected(f"{fact.name} is an inequality, but not between numbers")
        if assumptions is None:
            assumptions = fact.assumptions.union(*(f.assumptions for f in used))
        if not defined:
            self._require_defined([body], used, fact.name, layers)
        extra = MappingProxyType(dict(fact.extra))
        whole = Fact(fact.name, body, sign, assumptions, layers, extra)
        self._evaluate(whole)
        return self._enter(Step(rule, whole, used, axiom, note))

    def _require_step(self, fact: Any, name: str) -> None:
        """A fact must be a step of this proof, and not rest on the hypothesis of an induction that is over."""
        super()._require_step(fact, name)
        if (fact.assumptions & self._hypotheses) - self._open:
            raise Rejected(f"{name} uses {fact.name}, which rests on the hypothesis of an induction that is over")

    def _common_layers(self, name: str, used: Iterable[Fact]) -> Range | None:
        ranges = list(dict.fromkeys(f.layers for f in used if f.layers is not None))
        if len(ranges) > 1:
            raise Rejected(f"{name} combines equations for different layers; specialise them first")
        return ranges[0] if ranges else None

    def _evaluate(self, fact: Fact) -> None:
        met = 0
        for instance in self.setting.instances:
            try:
                if _index_fits(fact, instance, self.setting) and all(_holds(a, instance) for a in fact.assumptions):
                    met += 1
                    if not _holds(fact, instance):
                        raise Rejected(f"{fact.name} fails on a random instance")
            except (KeyError, ZeroDivisionError) as error:
                raise Rejected(f"{fact.name} could not be evaluated on a random instance: {error!r}") from error
        if met < LEAST:
            raise Rejected(f"only {met} random instances meet the assumptions of {fact.name}")

    def _positive(self, value: Any, facts: Iterable[Fact] = ()) -> bool:
        return is_positive(value, [f.body for f in facts if f.sign == POSITIVE])

    def _require_defined(
        self, formulas: Iterable[Any], facts: Iterable[Fact], name: str, layers: Range | None = None
    ) -> None:
        """What is divided by must be positive, and so must the parts of each base of a root or symbolic power.

        What occurs in a fact that is used is defined where that fact holds.
        """
        known = list(facts)
        done = {node for f in known for c in coefficients(f.body) for node in divisions(c)}
        for node in {n for formula in formulas for c in coefficients(formula) for n in divisions(c)} - done:
            for base in bases(node):
                fine = base.is_Symbol and base.is_nonnegative and self._stays_nonnegative(node.exp, layers)
                if not fine and not self._positive(base, known):
                    raise Rejected(
                        f"{name} divides by {base}, or takes a power of it, which is not shown to be positive"
                    )

    def _stays_nonnegative(self, exponent: Any, layers: Range | None) -> bool:
        return all(at_least_zero(value) for value in ends(exponent, layers, self.setting.index))

    # ------------------------------------------------------------ combinations

    def _opened(self, given: Combination | Fact | None, name: str) -> tuple[Part, ...]:
        """The parts of a combination, read once: each fact is a step of this proof and an equation."""
        parts = () if given is None else tuple(combination(given).parts)
        for part in parts:
            if type(part) is not Part or type(part.operations) is not tuple:
                raise Rejected(f"{name}: {part!r} is not a part of a combination")
            self._require_step(part.fact, name)
            if part.fact.sign != ZERO:
                raise Rejected(f"{part.fact.name} is an inequality; only equations can be combined")
        return parts

    def _combined(
        self, parts: tuple[Part, ...], name: str, known: tuple[Fact, ...] = (), layers: Range | None = None
    ) -> Any:
        """A combination worked out from the steps in it. Its factors must be defined: an undefined one may cancel."""
        total, factors = None, list[Any]()
        for part in parts:
            body = part.fact.body
            for operation, value in part.operations:
                body, factor = self._operated(body, operation, value, name, layers)
                factors += coefficients(factor) if factor is not None else []
            total = body if total is None else _sum(total, body, name)
        self._require_defined(factors, [*known, *(part.fact for part in parts)], name, layers)
        return total

    def _operated(self, body: Any, operation: str, value: Any, name: str, layers: Range | None) -> tuple[Any, Any]:
        """A formula after one operation, and the factor that it was multiplied by."""
        scalar = not isinstance(body, Matrix | Trace)
        if operation == SCALE:
            factor = read_scalar(self.setting, value, layers)
            return factor * body, factor
        if operation == TIMES and scalar:
            factor = read(self.setting, value, layers)
            return body * factor, factor
        if isinstance(body, Matrix):
            if operation in (LEFT, RIGHT):
                factor = read_matrix(self.setting, value, layers)
                return (factor @ body if operation == LEFT else body @ factor), factor
            if operation == TRANSPOSE:
                return body.T, None
            if operation == TRACE:
                return words.trace(body), None
        raise Rejected(f"{name}: {operation} is not defined for this equation; write the scalar on the left")

    # ------------------------------------------------------------ rules

    def hypothesis(self, name: str, known: Sequence[Fact] = (), note: str = "") -> Fact:
        """An assumption of the theorem, as the setting names it; it must be used."""
        if name not in self.setting.hypotheses:
            raise Rejected(f"the setting does not admit the hypothesis {name!r}")
        return self._accept("hypothesis", Fact(name, self.setting.hypotheses[name]), known, note=note)

    def meaning(self, name: str, note: str = "") -> Fact:
        """What a letter of the setting stands for, as the setting says."""
        if name not in self.setting.meanings:
            raise Rejected(f"the setting does not say what {name!r} is")
        body, layers = self.setting.meanings[name]
        return self._accept("meaning", Fact(name, body, layers=layers), note=note, own_layers=True)

    def case(self, name: str, body: Any, sign: str, note: str = "") -> Fact:
        """An assumption of a case; everything that uses it is confined to the case until ``cases`` joins them."""
        fact = Fact(name, read_scalar(self.setting, body, None), _sign(sign, name))
        return self._accept("case", replace(fact, assumptions=frozenset([fact])), note=note)

    def definition(self, name: str, symbol: sp.Expr, value: Any, given: Sequence[Fact] = (), note: str = "") -> Fact:
        """A scalar symbol that the setting leaves open, for an expression in the others that has the symbol's sign."""
        symbol, expression = (read_scalar(self.setting, x, None) for x in (symbol, value))
        sure = tuple(given)
        if symbol not in self.setting.definable:
            raise Rejected(f"{symbol} is not new: it already has a meaning, so it cannot be defined")
        if any(mentions(step.fact.body, symbol) for step in self._steps) or symbol in expression.free_symbols:
            raise Rejected(f"{symbol} is not new, so it cannot be defined")
        if expression.free_symbols & self.setting.free:
            raise Rejected(f"{name}: {symbol} would depend on a symbol that stands for any number")
        known = [f.body for f in sure if f.sign == POSITIVE]
        if (symbol.is_nonnegative and not is_nonnegative(expression, known)) or symbol.is_positive or symbol.is_integer:
            raise Rejected(f"{name}: {expression} is not shown to have the sign of {symbol}")
        return self._accept("definition", Fact(name, symbol - expression), sure, note=note)

    def gradient(self, name: str, product: Matrix, letter: Matrix, layers: Any = None, note: str = "") -> Fact:
        """At a critical point the gradient by a factor is zero, the outputs written as a product with that factor.

        The setting makes the objective of the product, and rejects one that is not the whole network.
        """
        span = read_range(self.setting, layers)
        outputs, factor = (read_matrix(self.setting, x, span) for x in (product, letter))
        objective = self.setting.objective(outputs, factor)
        fact = Fact(name, words.gradient(objective, factor), layers=span)
        return self._accept("gradient", fact, axiom="critical", note=note, own_layers=True)

    def stationary(self, name: str, variable: sp.Symbol, inside: Fact, note: str = "") -> Fact:
        """At the setting's minimum over x ≥ 0, where x > 0, the derivative of the setting's function is zero."""
        variable = read_scalar(self.setting, variable, None)
        if variable not in self.setting.stationary:
            raise Rejected(f"{name}: the setting does not say that {variable} is the minimum of a function")
        if inside.sign != POSITIVE or not is_zero(inside.body - variable):
            raise Rejected(f"{name}: {variable} is not confined to the inside of its domain")
        body = sp.diff(self.setting.stationary[variable], variable)
        return self._accept("derivative", Fact(name, body), [inside], axiom="critical", note=note)

    def objective(self, name: str) -> Fact:
        """What the objective is, as the setting says."""
        return self._accept("objective", Fact(name, self.setting.total))

    def algebra(
        self, name: str, goal: Any, given: Combination | Fact | None = None, note: str = "", known: Sequence[Fact] = ()
    ) -> Fact:
        """An identity modulo earlier equations: goal = Σ multiplier · equation, compared in normal form.

        For matrices (non-commuting letters), traces (up to cyclic turns) and scalars (rational functions) alike.
        """
        parts, sure = self._opened(given, name), tuple(known)
        used = (*(part.fact for part in parts), *sure)
        layers = self._common_layers(name, used)
        residual = body = read(self.setting, goal, layers)
        if parts:
            residual = _difference(body, self._combined(parts, name, sure, layers), name)
        if not _vanishes(residual):
            raise Rejected(f"{name} is not the combination of equations that is given for it")
        return self._accept("algebra", Fact(name, body), used, note=note)

    def at(self, name: str, fact: Fact, index: Any, layers: tuple[Any, Any] | None = None, note: str = "") -> Fact:
        """A fact for all layers m at one layer, or with m replaced by m ± 1 within its range.

        A hypothesis of an induction is about one m alone, and so is what was derived from it.
        """
        self._require_step(fact, name)
        if fact.layers is None:
            raise Rejected(f"{fact.name} is not about all layers")
        if fact.assumptions & self._hypotheses:
            raise Rejected(f"{name}: {fact.name} is about one layer, as it rests on the hypothesis of an induction")
        m, span = self.setting.index, read_range(self.setting, layers)
        place = read_scalar(self.setting, index, span)
        if not is_integral(place, m):
            raise Rejected(f"{name}: {index} is not a whole number of layers")
        if not lies_within(place, span, fact.layers, m):
            raise Rejected(f"{name}: the layer is outside the range of {fact.name}")
        moved = Fact(name, self._shifted(fact.body, place), fact.sign, layers=span)
        return self._accept("layer", moved, [fact], note=note, own_layers=True, defined=True)

    def _shifted(self, body: Any, index: Any) -> Any:
        """A formula with another index in place of m; base cases such as W_0 = H are applied."""
        m, rewrites = self.setting.index, self.setting.rewrites

        def scalar(c: Any) -> Any:
            return sp.sympify(c).xreplace({m: index}).xreplace(rewrites)

        def change(found: Letter) -> Matrix:
            moved = replace(
                found,
                rows=scalar(found.rows),
                columns=scalar(found.columns),
                index=None if found.index is None else scalar(found.index),
                power=sp.expand(scalar(found.power)),
            )
            base = self.setting.base_cases.get((found.name, moved.index)) if found.index is not None else None
            if base is not None:
                return base.T if found.turned else base
            return words.of(moved) if moved.power != 0 else words.identity(moved.rows)

        if isinstance(body, Matrix):
            return replace(body, rows=scalar(body.rows), columns=scalar(body.columns)).substitute(change, scalar)
        if isinstance(body, Trace):
            total = Trace({}, scalar(body.constant))
            for word, c in body.terms.items():
                product = reduce(lambda left, right: left @ right, map(change, word))
                total = total + scalar(c) * words.trace(product)
            return total
        return scalar(body)

    def induction(
        self,
        names: Sequence[str],
        claims: Sequence[Any],
        layers: tuple[Any, Any],
        base: Sequence[Combination | Fact | None],
        step: Callable[..., Sequence[Combination]],
        note: str = "",
    ) -> tuple[Fact, ...]:
        """Downwards over layers: the claims at the last layer, and at m − 1 whenever they hold at m.

        ``step`` gets the hypotheses and returns combinations that equal the claims at m − 1; equations that it uses
        must hold for every m from first + 1 to last. What it derives from the hypotheses ends with the induction.
        """
        span = read_range(self.setting, layers)
        if span is None or self._open:
            raise Rejected(f"{names[0]}: an induction needs a range of layers, and no other induction around it")
        m, (first, last) = self.setting.index, span
        inner = (first + 1, last)
        bodies = [read(self.setting, claim, span) for claim in claims]
        uses: list[Fact] = []
        for name, claim, given in zip(names, bodies, base, strict=True):
            uses += self._follows(name, "for the last layer", self._shifted(claim, last), given, None)
        self._unfinished += 1  # what follows from the hypotheses counts only if the induction is accepted
        with self._assuming(names, bodies, inner) as assumed:
            results = step(*assumed)
            for name, claim, found in zip(names, bodies, results, strict=True):
                below = self._shifted(claim, m - 1)
                uses += self._follows(name, "for layer m − 1, from that for layer m,", below, found, inner)
            remaining = frozenset[Fact]().union(*(f.assumptions for f in uses)) - self._open
            accepted = tuple(
                self._accept(
                    "induction",
                    Fact(name, claim, layers=span),
                    uses,
                    note=note,
                    own_layers=True,
                    assumptions=remaining,
                )
                for name, claim in zip(names, bodies, strict=True)
            )
        self._unfinished -= 1
        return accepted

    def _follows(self, name: str, where: str, claim: Any, given: Any, inner: Range | None) -> tuple[Fact, ...]:
        """Check that a claim is a combination of facts that hold for every layer of an inner range; return these."""
        parts = self._opened(given, name)
        for fact in (part.fact for part in parts):
            if fact.layers is not None and (inner is None or not covers(fact.layers, inner)):
                raise Rejected(f"{name}: {fact.name} does not hold for every layer of the induction")
        residual = claim
        if parts:
            residual = _difference(claim, self._combined(parts, name, (), inner), name)
        if not _vanishes(residual):
            raise Rejected(f"{name}: the claim {where} does not follow from what is given")
        return tuple(part.fact for part in parts)

    @contextmanager
    def _assuming(self, names: Sequence[str], bodies: Sequence[Any], inner: Range) -> Iterator[list[Fact]]:
        """The hypotheses of an induction, each an assumption of whatever uses it, until the induction is over."""
        own = [Fact(f"{name} at m", body, layers=inner) for name, body in zip(names, bodies, strict=True)]
        self._open = frozenset(own)
        self._hypotheses |= self._open
        try:
            yield [
                self._accept("induction hypothesis", replace(fact, assumptions=frozenset([fact])), own_layers=True)
                for fact in own
            ]
        finally:
            self._open = frozenset()

    def divided(
        self, name: str, fact: Fact, factor: Any, goal: Any, known: Sequence[Fact] = (), note: str = ""
    ) -> Fact:
        """An equation divided by a factor that is positive."""
        self._require_equations(name, fact)
        sure = tuple(known)
        layers = self._common_layers(name, [fact, *sure])
        positive, body = read_scalar(self.setting, factor, layers), read(self.setting, goal, layers)
        self._require_defined([positive], [fact, *sure], name, layers)
        if not self._positive(positive, sure):
            raise Rejected(f"{name}: {factor} is not shown to be positive")
        if not _vanishes(_difference(fact.body, positive * body, name)):
            raise Rejected(f"{name}: {fact.name} is not {factor} times the goal")
        return self._accept("division", Fact(name, body), [fact, *sure], note=note)

    def definite(self, name: str, fact: Fact, factor: Matrix, shift: Any, unknown: Matrix, note: str = "") -> Fact:
        """(XᵀX + r) Y = 0 with r > 0 gives Y = 0."""
        self._require_equations(name, fact)
        X, Y = (read_matrix(self.setting, x, fact.layers) for x in (factor, unknown))
        r = read_scalar(self.setting, shift, fact.layers)
        self._require_defined([r], [fact], name, fact.layers)
        if not self._positive(r):
            raise Rejected(f"{name}: {shift} is not shown to be positive")
        whole = (X.T @ X + r * words.identity(X.columns)) @ Y
        if not _vanishes(_difference(fact.body, whole, name)):
            raise Rejected(f"{name}: {fact.name} does not have the form (XᵀX + r) Y = 0")
        return self._accept("definite", Fact(name, Y), [fact], axiom="definite", note=note)

    def inverse(self, name: str, letter: Matrix, note: str = "") -> Fact:
        """The setting's inverse J of X Xᵀ + r, which exists where r > 0."""
        J = words.only(read_matrix(self.setting, letter, None))
        if J not in self.setting.inverses:
            raise Rejected(f"{name}: the setting does not say what {J.name} is the inverse of")
        factor, shift = self.setting.inverses[J]
        if not self._positive(shift):
            raise Rejected(f"{name}: {shift} is not shown to be positive")
        unit = words.identity(factor.rows)
        body = (factor @ factor.T + shift * unit) @ words.of(J) - unit
        return self._accept("inverse", Fact(name, body), axiom="definite", note=note)

    def vanishing(self, name: str, fact: Fact, unknown: Matrix, note: str = "") -> Fact:
        """X Xᵀ = 0 gives X = 0."""
        self._require_equations(name, fact)
        X = read_matrix(self.setting, unknown, fact.layers)
        if not _vanishes(_difference(fact.body, X @ X.T, name)):
            raise Rejected(f"{name}: {fact.name} does not have the form X Xᵀ = 0")
        return self._accept("definite", Fact(name, X), [fact], note=note)

    def layer_sum(self, name: str, total: sp.Expr, fact: Fact, note: str = "") -> Fact:
        """A sum over all layers m = 0 … M of a term that is the same in every layer: M + 1 times it."""
        self._require_equations(name, fact)
        total = read_scalar(self.setting, total, None)
        if total not in self.setting.sums:
            raise Rejected(f"{name}: the setting does not say that {total} is a sum over layers")
        if (
            fact.layers is None
            or not covers(fact.layers, (sp.Integer(0), COUNT))
            or fact.assumptions & self._hypotheses
        ):
            raise Rejected(f"{name}: {fact.name} does not hold for all layers")
        same = _without_zeros(_difference(fact.body, self.setting.sums[total], name))
        if mentions(same, self.setting.index):
            raise Rejected(f"{name}: the term is not shown to be the same in every layer")
        body = Trace({}, total) + (COUNT + 1) * same
        return self._accept("sum over layers", Fact(name, body), [fact], note=note, own_layers=True)

    def commutant(
        self, name: str, commuting: Fact, base: Matrix, exponent: Any, semidefinite: Fact, other: Matrix, note: str = ""
    ) -> Fact:
        """If X ⪰ 0 and Xʲ S = S Xʲ with j ≥ 1, then X S = S X: X and Xʲ have the same eigenspaces."""
        self._require_equations(name, commuting, semidefinite)
        X, S = (read_matrix(self.setting, x, None) for x in (base, other))
        j = read_scalar(self.setting, exponent, None)
        raised = words.power(X, j)
        if not _vanishes(_difference(commuting.body, raised @ S - S @ raised, name)):
            raise Rejected(f"{name}: {commuting.name} does not say that the power commutes")
        self._require_semidefinite(semidefinite, words.only(X))
        if not is_integral(j, self.setting.index) or not at_least_zero(j - 1):
            raise Rejected(f"{name}: the exponent {exponent} is not shown to be at least 1")
        body = X @ S - S @ X
        return self._accept("commutant", Fact(name, body), [commuting, semidefinite], axiom="commutant", note=note)

    def eigenvalue(self, name: str, equation: Fact, commuting: Sequence[Fact], note: str = "") -> Fact:
        """A matrix equation in commuting symmetric letters holds for their eigenvalues at each common eigenvector."""
        commuting = tuple(commuting)
        self._require_equations(name, equation, *commuting)
        self._require_commuting(commuting)
        spaces = {(letter.rows, letter.columns) for letter in self.setting.eigenvalues}
        if not isinstance(equation.body, Matrix) or equation.layers is not None:
            raise Rejected(f"{name}: {equation.name} is not an equation between matrices")
        if spaces != {(equation.body.rows, equation.body.columns)}:
            raise Rejected(f"{name}: {equation.name} is about another space than the common eigenvectors")
        body = sp.Add(*(c * self._at_eigenvector(word) for word, c in equation.body.terms.items()))
        return self._accept("eigenvectors", Fact(name, body), [equation, *commuting], axiom="spectral", note=note)

    def eigenvalue_sum(
        self, name: str, equation: Fact, commuting: Sequence[Fact], total: sp.Expr, note: str = ""
    ) -> Fact:
        """total = Σ over common eigenvectors of a summand, from a trace equation total·1 − tr(…) = 0."""
        commuting = tuple(commuting)
        self._require_equations(name, equation, *commuting)
        self._require_commuting(commuting)
        sum_of_all, body = read_scalar(self.setting, total, None), equation.body
        if not isinstance(body, Trace) or equation.layers is not None or not is_zero(body.constant - sum_of_all):
            raise Rejected(f"{name}: {equation.name} is not an equation for {total}")
        summand = -sp.Add(*(c * self._at_eigenvector(word) for word, c in body.terms.items()))
        fact = Fact(name, body, extra={"total": sum_of_all, "summand": summand})
        return self._accept("eigenvectors", fact, [equation, *commuting], axiom="spectral", note=note)

    def eigenvectors(self, names: tuple[str, str, str], equation: Fact, letter: Matrix) -> tuple[Fact, Fact, Fact]:
        """A positive semidefinite letter is U Δ² Uᵀ, with the setting's letters for it that were not used before:
        orthonormal columns U, an invertible diagonal Δ."""
        self._require_equations(names[0], equation)
        X = words.only(read_matrix(self.setting, letter, None))
        self._require_semidefinite(equation, X)
        if X not in self.setting.spectra:
            raise Rejected(f"{names[0]}: the setting has no letters for the eigenvectors of {X.name}")
        frame, roots, inverse = self.setting.spectra[X]
        old = {found.name for step in self._steps for found in _letters(step.fact.body)}
        if any(words.only(x).name in old for x in (frame, roots, inverse)):
            raise Rejected(f"{names[0]}: the letters for eigenvectors and roots of eigenvalues must be new")
        unit = words.identity(frame.columns)
        bodies = (words.of(X) - frame @ roots @ roots @ frame.T, frame.T @ frame - unit, roots @ inverse - unit)
        facts = [Fact(name, body) for name, body in zip(names, bodies, strict=True)]
        first, second, third = (self._accept("eigenvectors", fact, [equation], axiom="spectral") for fact in facts)
        return first, second, third

    def semidefinite(self, name: str, equation: Fact, letter: Matrix, note: str = "") -> Fact:
        """An eigenvalue of λ X Xᵀ with λ > 0 is not negative; the setting has the symbol for it."""
        self._require_equations(name, equation)
        X = words.only(read_matrix(self.setting, letter, None))
        self._require_semidefinite(equation, X)
        if X not in self.setting.eigenvalues:
            raise Rejected(f"{name}: the setting has no symbol for the eigenvalues of {X.name}")
        return self._accept("semidefinite", Fact(name, self.setting.eigenvalues[X], NONNEGATIVE), [equation], note=note)

    def raised(
        self,
        name: str,
        equation: Fact,
        left: Any,
        right: Any,
        exponent: Any,
        known: Sequence[Fact] = (),
        note: str = "",
    ) -> Fact:
        """left = right > 0 gives left^e = right^e."""
        self._require_equations(name, equation)
        sure = tuple(known)
        layers = self._common_layers(name, [equation, *sure])
        a, b, e = (read_scalar(self.setting, x, layers) for x in (left, right, exponent))
        equal = not isinstance(equation.body, Matrix | Trace) and is_zero(equation.body - (a - b))
        if not (equal and self._positive(a, sure) and self._positive(b, sure)):
            raise Rejected(f"{name}: {equation.name} is not left = right between positive numbers")
        self._require_defined([a, b, e], [equation, *sure], name, layers)
        return self._accept("power", Fact(name, a**e - b**e), [equation, *sure], note=note)

    def positive(
        self,
        name: str,
        goal: Any,
        sign: str,
        terms: Sequence[tuple[Any, Sequence[Fact], Any]],
        times: Any = 1,
        known: Sequence[Fact] = (),
        given: Combination | Fact | None = None,
        note: str = "",
    ) -> Fact:
        """Krivine's certificate: e · goal = Σ c · ∏ facts · square² (modulo equations) with e > 0 and every c > 0.

        Everything in it must be defined, so that squares are those of real numbers.
        """
        if _sign(sign, name) == ZERO:
            raise Rejected(f"{name}: a certificate shows > 0 or ≥ 0")
        products = [(c, tuple(facts), root) for c, facts, root in terms]
        parts, sure = self._opened(given, name), tuple(known)
        used = (*(f for _, facts, _ in products for f in facts), *sure, *(part.fact for part in parts))
        layers = self._common_layers(name, used)
        body, e = (read_scalar(self.setting, x, layers) for x in (goal, times))
        if not self._positive(e, sure):
            raise Rejected(f"{name}: {times} is not shown to be positive")
        total, strict, formulas = sp.Integer(0), False, [body, e]
        for coefficient, facts, root in products:
            c, square = (read_scalar(self.setting, x, layers) for x in (coefficient, root))
            formulas += [c, square]
            if not self._positive(c, sure):
                raise Rejected(f"{name}: the coefficient {coefficient} is not shown to be positive")
            if any(f.sign not in (POSITIVE, NONNEGATIVE) or isinstance(f.body, Trace) for f in facts):
                raise Rejected(f"{name}: a product may only hold numbers that are not negative")
            total += c * sp.Mul(*(f.body for f in facts)) * square**2
            strict = strict or (all(f.sign == POSITIVE for f in facts) and self._positive(square, sure))
        if sign == POSITIVE and not strict:
            raise Rejected(f"{name}: no term of the certificate is strictly positive")
        equations = self._combined(parts, name, sure, layers) if parts else sp.Integer(0)
        self._require_defined(formulas, used, name, layers)
        if isinstance(equations, Matrix | Trace) or not is_zero(e * body - total - equations):
            raise Rejected(f"{name}: the certificate is not an identity")
        return self._accept("positivity", Fact(name, body, sign), used, note=note)

    def decreasing(
        self,
        name: str,
        function: sp.Expr,
        variable: sp.Symbol,
        later: sp.Symbol,
        interval: Sequence[Fact],
        slope: Fact,
        weight: Any,
        note: str = "",
    ) -> Fact:
        """−weight · φ′ > 0 on an interval makes φ strictly decreasing there: φ(t) > φ(t′) for t < t′ in it.

        ``interval`` holds the cases, linear in t, that describe it; ``slope`` must not assume more than these. t and t′
        are symbols of which the setting says nothing, so that what is shown for t is shown for the whole interval.
        """
        variable, later = (read_scalar(self.setting, x, None) for x in (variable, later))
        interval = tuple(interval)
        if variable == later or not {variable, later} <= self.setting.free:
            raise Rejected(f"{name}: {variable} and {later} do not stand for any numbers")
        phi, factor = (read_scalar(self.setting, x, None) for x in (function, weight))
        for a in interval:
            if self.rule_of(a) != "case" or not _is_linear(a.body, variable) or mentions(a.body, later):
                raise Rejected(f"{name}: {a.name} does not describe an interval")
        if mentions(phi, later) or mentions(factor, later):
            raise Rejected(f"{name}: the function of {variable} holds {later}")
        cases = frozenset[Fact]().union(*(a.assumptions for a in interval))
        self._require_step(slope, name)
        if not slope.assumptions <= cases:
            raise Rejected(f"{name}: {slope.name} holds only in a part of the interval")
        self._require_defined([phi, factor], interval, name)
        if not self._positive(factor, interval):
            raise Rejected(f"{name}: {weight} is not shown to be positive")
        if slope.sign != POSITIVE or not is_zero(slope.body + factor * sp.diff(phi, variable)):
            raise Rejected(f"{name}: {slope.name} is not minus a positive multiple of the derivative")
        moved = [Fact(f"{a.name}, later", a.body.xreplace({variable: later}), a.sign) for a in interval]
        order = Fact(f"{variable} < {later}", later - variable, POSITIVE)
        fact = Fact(
            name,
            phi - phi.xreplace({variable: later}),
            POSITIVE,
            assumptions=frozenset([*moved, order]),
            extra={"function": phi, "variable": variable, "interval": tuple(interval)},
        )
        return self._accept("monotone", fact, [slope, *interval], axiom="mean value", note=note, defined=True)

    def cases(self, name: str, facts: Sequence[Fact], bound: Fact | None = None, note: str = "") -> Fact:
        """The same formula in all of the cases x < a, x = a, x > a holds in general.

        One of the first and the last may be missing where ``bound`` says that x ≥ a or x ≤ a, in no case but those
        that remain.
        """
        facts = tuple(facts)
        if not facts:
            raise Rejected(f"{name}: there is no case")
        for fact in (*facts, *([bound] if bound is not None else [])):
            self._require_step(fact, name)
        first = facts[0]
        if any(f.sign != first.sign or not _vanishes(_difference(f.body, first.body, name)) for f in facts):
            raise Rejected(f"{name}: the cases do not have the same conclusion")
        common = frozenset.intersection(*(f.assumptions for f in facts))
        own = [f.assumptions - common for f in facts]
        split = {a for step in self._steps if step.rule == "case" for a in step.fact.assumptions}
        if any(len(o) != 1 or not o <= split for o in own) or not _exhaustive([next(iter(o)) for o in own], bound):
            raise Rejected(f"{name}: the cases are not exhaustive")
        if bound is not None and (bound.layers is not None or not bound.assumptions <= common):
            raise Rejected(f"{name}: {bound.name} holds only in a case, so the cases are not exhaustive")
        uses = [*facts, *([bound] if bound is not None else [])]
        fact = Fact(name, first.body, first.sign)
        return self._accept("cases", fact, uses, note=note, assumptions=common, defined=True)

    def gap(self, name: str, body: Any, sign: str = ZERO, layers: Any = None, note: str = "") -> Fact:
        """A formula that no rule accepts so far: it may be used, but what uses it is not proved."""
        return self._accept("gap", Fact(name, body, sign, layers=layers), note=note, own_layers=True)

    # ------------------------------------------------------------ premises of rules

    def _require_equations(self, name: str, *facts: Fact) -> None:
        for fact in facts:
            self._require_step(fact, name)
            if fact.sign != ZERO:
                raise Rejected(f"{name}: {fact.name} is an inequality, where an equation is needed")

    def _require_semidefinite(self, equation: Fact, letter: Letter) -> None:
        """The equation must read letter − c X Xᵀ = 0 with c > 0."""
        rest = []
        if isinstance(equation.body, Matrix) and equation.layers is None:
            difference = _difference(equation.body, words.of(letter), equation.name)
            rest = [(w, c) for w, c in difference.terms.items() if not is_zero(c)]
        word, c = rest[0] if len(rest) == 1 else ((), sp.Integer(0))
        half = len(word) // 2
        palindrome = len(word) > 0 and len(word) % 2 == 0 and tuple(x.T for x in reversed(word[:half])) == word[half:]
        if not palindrome or not self._positive(-c):
            raise Rejected(f"{equation.name} does not say that the letter is a positive multiple of X Xᵀ")

    def _require_commuting(self, facts: Sequence[Fact]) -> None:
        """All letters that the setting has eigenvalues for must be shown to commute, two by two."""
        letters = list(self.setting.eigenvalues)
        for i, a in enumerate(letters):
            for b in letters[i + 1 :]:
                A, B = words.of(a), words.of(b)
                commutator = A @ B - B @ A
                if not any(
                    isinstance(f.body, Matrix)
                    and f.layers is None
                    and (f.body.rows, f.body.columns) == (a.rows, a.columns)
                    and ((f.body - commutator).is_zero or (f.body + commutator).is_zero)
                    for f in facts
                ):
                    raise Rejected(f"{a.name} and {b.name} are not shown to commute")

    def _at_eigenvector(self, word: words.Word) -> sp.Expr:
        """The eigenvalue of a word in commuting symmetric letters; the identity of their space has the eigenvalue 1."""
        result, values = sp.Integer(1), self.setting.eigenvalues
        spaces = {space for letter in values for space in (letter.rows, letter.columns)}
        for letter in word:
            plain = replace(letter, power=1)
            if letter.name == "I" and spaces == {letter.rows}:
                continue
            if plain not in values or len(spaces) != 1:
                raise Rejected(f"{letter.name} is not among the letters with common eigenvectors")
            result *= values[plain] ** letter.power
        return result


def _letters(body: Any) -> set[Letter]:
    return (
        {replace(x, turned=False, power=1) for w in body.terms for x in w}
        if isinstance(body, Matrix | Trace)
        else set()
    )


def _sign(sign: Any, name: str) -> str:
    """One of the three signs."""
    for known in (ZERO, POSITIVE, NONNEGATIVE):
        if type(sign) is str and sign == known:
            return known
    raise Rejected(f"{name} has the sign {sign!r}, which is none")


def _same_kind(left: Any, right: Any, name: str) -> None:
    if (isinstance(left, Matrix | Trace) or isinstance(right, Matrix | Trace)) and type(left) is not type(right):
        raise Rejected(f"{name}: a matrix, a trace and a number cannot be added or compared")


def _sum(left: Any, right: Any, name: str) -> Any:
    _same_kind(left, right, name)
    return left + right


def _difference(left: Any, right: Any, name: str) -> Any:
    _same_kind(left, right, name)
    return left - right


def _vanishes(body: Any) -> bool:
    return body.is_zero if isinstance(body, Matrix | Trace) else is_zero(body)


def _without_zeros(body: Trace) -> Trace:
    """A trace without the terms that cancel."""
    constant = sp.Integer(0) if is_zero(body.constant) else body.constant
    return Trace({w: c for w, c in body.terms.items() if not is_zero(c)}, constant)


def _is_linear(body: Any, variable: sp.Symbol) -> bool:
    """Whether a scalar is a + b t with b ≠ 0, so that its sign condition describes a half-line of t."""
    slope = sp.diff(body, variable)
    return not mentions(slope, variable) and not is_zero(slope)


def _holds(fact: Fact, instance: Instance) -> bool:
    if isinstance(fact.body, Matrix):
        value = instance.matrix(fact.body)
        return all(vanishes(value[i, j]) for i in range(value.nrows()) for j in range(value.ncols()))
    ball = instance.trace(fact.body) if isinstance(fact.body, Trace) else instance.scalar(fact.body)
    if fact.sign == ZERO:
        return vanishes(ball)
    return bool(ball > 0) if fact.sign == POSITIVE else bool(ball > 0) or vanishes(ball)


def _index_fits(fact: Fact, instance: Instance, setting: Setting) -> bool:
    if fact.layers is None:
        return True
    m = instance.integer(setting.index)
    return instance.integer(fact.layers[0]) <= m <= instance.integer(fact.layers[1])


def _exhaustive(cases: Sequence[Fact], bound: Fact | None) -> bool:
    """x > 0, x = 0, −x > 0 in any order; the last may be missing where x ≥ 0 is known."""
    zero = [c for c in cases if c.sign == ZERO]
    if len(zero) != 1:
        return False
    x, signs = zero[0].body, set()
    for case in cases:
        if case.sign == POSITIVE:
            signs.add(1 if is_zero(case.body - x) else -1 if is_zero(case.body + x) else 0)
    if signs == {1, -1} and len(cases) == 3:
        return True
    if len(cases) == 2 and len(signs) == 1 and 0 not in signs and bound is not None:
        (sign,) = signs
        scalar = not isinstance(bound.body, Matrix | Trace)
        return scalar and bound.sign == NONNEGATIVE and is_zero(bound.body - sign * x)
    return False
