"""The rules. A proof is a list of steps; each is accepted by one rule, or shown as an open gap.

Every formula that a rule accepts is also evaluated in balls on ``INSTANCES`` random instances of the setting; one
failure rejects the proof. What follows from a gap is not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from random import Random
from types import MappingProxyType
from typing import Any

import sympy as sp

from proofs.kernel import words
from proofs.kernel.axioms import AXIOMS
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO, Combination, Fact, coefficients, combination
from proofs.kernel.instances import Instance, vanishes
from proofs.kernel.scalars import Rejected, divisions, is_positive, is_zero
from proofs.kernel.words import Letter, Matrix, Trace

COUNT = sp.Symbol("M", positive=True, integer=True)
"""M ≥ 1, the number of weight matrices."""

LAYER = sp.Symbol("m", integer=True)
"""The layer of an indexed letter, W_m."""

INSTANCES = 100
"""On so many random instances every formula is evaluated."""

LEAST = 10
"""So many of them, at least, must meet the assumptions of a formula that is confined to a case."""


@dataclass(frozen=True)
class Setting:
    """What the letters stand for: base cases of indexed ones, scalars known to be positive, and random instances."""

    name: str
    draw: Callable[[Random], Instance]
    base_cases: Mapping[tuple[str, Any], Matrix] = field(default_factory=dict)
    rewrites: Mapping[sp.Expr, sp.Expr] = field(default_factory=dict)
    index: sp.Symbol = LAYER
    objective: Callable[[Matrix, Matrix], Trace] = lambda product, factor: Trace({})
    """The terms of the objective that hold a factor, for the outputs written as a product; rejects any other
    product."""
    total: Trace = field(default_factory=lambda: Trace({}))
    """The whole objective: an equation for its value."""
    meanings: Mapping[str, tuple[Any, tuple[Any, Any] | None]] = field(default_factory=dict)
    """Equations that say what letters stand for, by name, with the range of m for which they are meant."""
    sums: Mapping[sp.Expr, Trace] = field(default_factory=dict)
    """Symbols for sums over all layers m = 0 … M, and the term of each layer."""

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """The random instances, the same for every run."""
        rng = Random(2023)
        return tuple(self.draw(rng) for _ in range(INSTANCES))


@dataclass(frozen=True)
class Step:
    """One accepted formula: the rule, what it used, the axiom that it cites, and a word to the reader."""

    rule: str
    fact: Fact
    uses: tuple[Fact, ...]
    axiom: str = ""
    note: str = ""


class Proof:
    """Steps about one setting, each checked as it is added.

    Raises:
        Rejected: by every rule, saying why it does not accept the step.
    """

    def __init__(self, id: str, setting: Setting) -> None:
        self.id, self.setting = id, setting
        self.steps: list[Step] = []
        self._accepted: set[int] = set()
        self._unfinished = 0

    # ------------------------------------------------------------ what every rule does

    def _accept(self, rule: str, fact: Fact, uses: Iterable[Fact] = (), axiom: str = "", note: str = "") -> Fact:
        used = tuple(dict.fromkeys(uses))
        for other in used:
            if id(other) not in self._accepted:
                raise Rejected(f"{fact.name} uses {other.name}, which is not a step of this proof")
        if any(step.fact.name == fact.name for step in self.steps):
            raise Rejected(f"two steps are called {fact.name}")
        if axiom and axiom not in AXIOMS:
            raise Rejected(f"{axiom!r} is not one of the axioms")
        assumptions = fact.assumptions.union(*(f.assumptions for f in used))
        whole = replace(fact, assumptions=assumptions, extra=MappingProxyType(dict(fact.extra)))
        self._evaluate(whole)
        self.steps.append(Step(rule, whole, used, axiom, note))
        self._accepted.add(id(whole))
        return whole

    def _evaluate(self, fact: Fact) -> None:
        met = 0
        for instance in self.setting.instances:
            try:
                if all(_holds(a, instance) for a in fact.assumptions) and _index_fits(fact, instance, self.setting):
                    met += 1
                    if not _holds(fact, instance):
                        raise Rejected(f"{fact.name} fails on a random instance")
            except (KeyError, ZeroDivisionError) as error:
                raise Rejected(f"{fact.name} could not be evaluated on a random instance: {error!r}") from error
        if met < LEAST:
            raise Rejected(f"only {met} random instances meet the assumptions of {fact.name}")

    def _positive(self, value: Any, facts: Iterable[Fact] = ()) -> bool:
        return is_positive(value, [f.body for f in facts if f.sign == POSITIVE])

    def _require_defined(self, body: Any, facts: Iterable[Fact], name: str) -> None:
        """Every denominator and every base of a power with a symbolic exponent must be positive."""
        known = list(facts)
        for coefficient in coefficients(body):
            for node in divisions(coefficient):
                base = node.base
                fine = base.is_Symbol and base.is_nonnegative and _at_least_zero(node.exp)
                if not fine and not self._positive(base, known):
                    raise Rejected(
                        f"{name} divides by {base}, or takes a power of it, which is not shown to be positive"
                    )

    def _require_factors(self, given: Combination, facts: Iterable[Fact], name: str) -> None:
        """The equations of a combination must be multiplied by numbers that are defined."""
        known = [*facts, *given.uses]
        for scalar in (*given.factors, *coefficients(given.body)):
            self._require_defined(scalar, known, name)

    # ------------------------------------------------------------ rules

    def hypothesis(self, name: str, body: Any, sign: str = ZERO, known: Sequence[Fact] = (), note: str = "") -> Fact:
        """An assumption of the theorem; it must be used."""
        self._require_defined(body, known, name)
        return self._accept("hypothesis", Fact(name, body, sign), known, note=note)

    def meaning(self, name: str, note: str = "") -> Fact:
        """What a letter of the setting stands for, as the setting says."""
        if name not in self.setting.meanings:
            raise Rejected(f"the setting does not say what {name!r} is")
        body, layers = self.setting.meanings[name]
        return self._accept("meaning", Fact(name, body, layers=layers), note=note)

    def case(self, name: str, body: Any, sign: str, note: str = "") -> Fact:
        """An assumption of a case; everything that uses it is confined to the case until ``cases`` joins them."""
        fact = Fact(name, body, sign)
        return self._accept("case", replace(fact, assumptions=frozenset([fact])), note=note)

    def definition(self, name: str, symbol: sp.Expr, value: Any, given: Sequence[Fact] = (), note: str = "") -> Fact:
        """A new scalar symbol for an expression in old ones."""
        if any(symbol in _symbols(step.fact.body) for step in self.steps) or symbol in sp.sympify(value).free_symbols:
            raise Rejected(f"{symbol} is not new, so it cannot be defined")
        self._require_defined(value, given, name)
        return self._accept("definition", Fact(name, symbol - value), given, note=note)

    def gradient(self, name: str, product: Matrix, letter: Matrix, layers: Any = None, note: str = "") -> Fact:
        """At a critical point the gradient by a factor is zero, the outputs written as a product with that factor.

        The setting makes the objective of the product, and rejects one that is not the whole network.
        """
        objective = self.setting.objective(product, letter)
        fact = Fact(name, words.gradient(objective, letter), layers=layers)
        return self._accept("gradient", fact, axiom="critical", note=note)

    def stationary(self, name: str, function: sp.Expr, variable: sp.Symbol, inside: Fact, note: str = "") -> Fact:
        """At a minimum over x ≥ 0 with x > 0 the derivative of a function is zero."""
        if inside.sign != POSITIVE or not is_zero(inside.body - variable):
            raise Rejected(f"{name}: {variable} is not confined to the inside of its domain")
        return self._accept(
            "derivative", Fact(name, sp.diff(function, variable)), [inside], axiom="critical", note=note
        )

    def objective(self, name: str) -> Fact:
        """What the objective is, as the setting says."""
        return self._accept("objective", Fact(name, self.setting.total))

    def algebra(
        self, name: str, goal: Any, given: Combination | Fact | None = None, note: str = "", known: Sequence[Fact] = ()
    ) -> Fact:
        """An identity modulo earlier equations: goal = Σ multiplier · equation, compared in normal form.

        For matrices (non-commuting letters), traces (up to cyclic turns) and scalars (rational functions) alike.
        """
        used = () if given is None else combination(given).uses
        self._require_defined(goal, known, name)
        residual = goal if given is None else goal - combination(given).body
        if given is not None:
            self._require_factors(combination(given), known, name)
        if not _vanishes(residual):
            raise Rejected(f"{name} is not the combination of equations that is given for it")
        ranges = [f.layers for f in used if f.layers is not None]
        if any(r != ranges[0] for r in ranges):
            raise Rejected(f"{name} combines equations for different layers; specialise them first")
        return self._accept(
            "algebra", Fact(name, goal, layers=ranges[0] if ranges else None), (*used, *known), note=note
        )

    def at(self, name: str, fact: Fact, index: Any, layers: tuple[Any, Any] | None = None, note: str = "") -> Fact:
        """An equation for all layers m at one layer, or with m replaced by m ± 1 within its range."""
        if fact.layers is None:
            raise Rejected(f"{fact.name} is not about all layers")
        if not _is_integral(index, self.setting.index):
            raise Rejected(f"{name}: {index} is not a whole number of layers")
        lowest, highest = (
            (index, index) if layers is None else (sp.sympify(index).subs(self.setting.index, end) for end in layers)
        )
        for value in (lowest - fact.layers[0], fact.layers[1] - highest):
            if not _at_least_zero(value):
                raise Rejected(f"{name}: the layer is outside the range of {fact.name}")
        body = self.shifted(fact.body, index)
        return self._accept("layer", Fact(name, body, fact.sign, layers=layers), [fact], note=note)

    def shifted(self, body: Any, index: Any) -> Any:
        """A formula with another index in place of m; base cases such as W_0 = H are applied."""
        m, rewrites = self.setting.index, self.setting.rewrites

        def scalar(c: Any) -> Any:
            return sp.sympify(c).subs(m, index).subs(rewrites)

        def change(found: Letter) -> Matrix:
            moved = replace(
                found,
                rows=scalar(found.rows),
                columns=scalar(found.columns),
                index=None if found.index is None else scalar(found.index),
                power=scalar(found.power),
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
        must hold for every m from first + 1 to last.
        """
        m, (first, last) = self.setting.index, layers
        uses: list[Fact] = []
        for name, claim, given in zip(names, claims, base, strict=True):
            found = combination(given) if given is not None else None
            uses += found.uses if found else ()
            at_last = self.shifted(claim, last)
            if found is not None:
                self._require_factors(found, (), name)
            if not _vanishes(at_last if found is None else at_last - found.body):
                raise Rejected(f"{name}: the claim for the last layer does not follow from what is given")
        self._unfinished += 1  # what follows from the hypotheses counts only if the induction is accepted
        assumed = [
            self._accept("induction hypothesis", Fact(f"{name} at m", claim, layers=(first + 1, last)))
            for name, claim in zip(names, claims, strict=True)
        ]
        for name, claim, found in zip(names, claims, map(combination, step(*assumed)), strict=True):
            self._require_factors(found, (), name)
            if not _vanishes(self.shifted(claim, m - 1) - found.body):
                raise Rejected(f"{name}: the claim for layer m − 1 does not follow from the claim for layer m")
            uses += found.uses
        for fact in uses:
            if (
                fact.layers is not None
                and not _covers(fact.layers, (first + 1, last))
                and fact.layers[0] != fact.layers[1]
            ):
                raise Rejected(f"{names[0]}: {fact.name} does not hold for every layer of the induction")
        facts = [Fact(name, claim, layers=layers) for name, claim in zip(names, claims, strict=True)]
        self._unfinished -= 1
        return tuple(self._accept("induction", fact, uses, note=note) for fact in facts)

    def divided(
        self, name: str, fact: Fact, factor: Any, goal: Any, known: Sequence[Fact] = (), note: str = ""
    ) -> Fact:
        """An equation divided by a factor that is positive."""
        if not self._positive(factor, known):
            raise Rejected(f"{name}: {factor} is not shown to be positive")
        if not _vanishes(fact.body - factor * goal):
            raise Rejected(f"{name}: {fact.name} is not {factor} times the goal")
        return self._accept("division", Fact(name, goal, layers=fact.layers), [fact, *known], note=note)

    def definite(self, name: str, fact: Fact, factor: Matrix, shift: Any, unknown: Matrix, note: str = "") -> Fact:
        """(XᵀX + r) Y = 0 with r > 0 gives Y = 0."""
        if not self._positive(shift):
            raise Rejected(f"{name}: {shift} is not shown to be positive")
        whole = (factor.T @ factor + shift * words.identity(factor.columns)) @ unknown
        if not (fact.body - whole).is_zero:
            raise Rejected(f"{name}: {fact.name} does not have the form (XᵀX + r) Y = 0")
        return self._accept("definite", Fact(name, unknown), [fact], axiom="definite", note=note)

    def inverse(self, name: str, letter: Matrix, factor: Matrix, shift: Any, note: str = "") -> Fact:
        """A new symmetric letter J with (X Xᵀ + r) J = I, for r > 0."""
        new = _only_letter(letter)
        if not self._positive(shift) or not new.symmetric or any(new in _letters(s.fact.body) for s in self.steps):
            raise Rejected(f"{name}: {shift} is not shown to be positive, or the letter is not new and symmetric")
        body = (factor @ factor.T + shift * words.identity(factor.rows)) @ letter - words.identity(factor.rows)
        return self._accept("inverse", Fact(name, body), axiom="definite", note=note)

    def vanishing(self, name: str, fact: Fact, unknown: Matrix, note: str = "") -> Fact:
        """X Xᵀ = 0 gives X = 0."""
        if not (fact.body - unknown @ unknown.T).is_zero:
            raise Rejected(f"{name}: {fact.name} does not have the form X Xᵀ = 0")
        return self._accept("definite", Fact(name, unknown, layers=fact.layers), [fact], note=note)

    def layer_sum(self, name: str, total: sp.Expr, fact: Fact, note: str = "") -> Fact:
        """A sum over all layers m = 0 … M of a term that is the same in every layer: M + 1 times it."""
        if total not in self.setting.sums:
            raise Rejected(f"{name}: the setting does not say that {total} is a sum over layers")
        term = self.setting.sums[total]
        same = fact.body - term
        if fact.layers is None or not _covers(fact.layers, (sp.Integer(0), COUNT)):
            raise Rejected(f"{name}: {fact.name} does not hold for all layers")
        if self.setting.index in {
            s for w, c in same.terms.items() if not is_zero(c) for s in _indices(w) | c.free_symbols
        }:
            raise Rejected(f"{name}: the term is not shown to be the same in every layer")
        return self._accept("sum over layers", Fact(name, Trace({}, total) + (COUNT + 1) * same), [fact], note=note)

    def commutant(
        self, name: str, commuting: Fact, base: Matrix, exponent: Any, semidefinite: Fact, other: Matrix, note: str = ""
    ) -> Fact:
        """If X ⪰ 0 and Xʲ S = S Xʲ with j ≥ 1, then X S = S X: X and Xʲ have the same eigenspaces."""
        raised = words.power(base, exponent)
        if not (commuting.body - (raised @ other - other @ raised)).is_zero:
            raise Rejected(f"{name}: {commuting.name} does not say that the power commutes")
        _require_semidefinite(semidefinite, base, self._positive)
        if not _at_least_zero(sp.sympify(exponent) - 1):
            raise Rejected(f"{name}: the exponent {exponent} is not shown to be at least 1")
        return self._accept(
            "commutant",
            Fact(name, base @ other - other @ base),
            [commuting, semidefinite],
            axiom="commutant",
            note=note,
        )

    def eigenvalue(
        self, name: str, equation: Fact, values: Mapping[Any, sp.Expr], commuting: Sequence[Fact], note: str = ""
    ) -> Fact:
        """A matrix equation in commuting symmetric letters holds for their eigenvalues at each common eigenvector."""
        _require_commuting(list(values), commuting)
        body = sp.Add(*(c * _at_eigenvector(word, values) for word, c in equation.body.terms.items()))
        return self._accept("eigenvectors", Fact(name, body), [equation, *commuting], axiom="spectral", note=note)

    def eigenvalue_sum(
        self,
        name: str,
        equation: Fact,
        values: Mapping[Any, sp.Expr],
        commuting: Sequence[Fact],
        total: sp.Expr,
        note: str = "",
    ) -> Fact:
        """total = Σ over common eigenvectors of a summand, from a trace equation total·1 − tr(…) = 0."""
        _require_commuting(list(values), commuting)
        body: Trace = equation.body
        if not is_zero(body.constant - total):
            raise Rejected(f"{name}: {equation.name} is not an equation for {total}")
        summand = -sp.Add(*(c * _at_eigenvector(word, values) for word, c in body.terms.items()))
        fact = Fact(name, body, extra={"total": total, "summand": summand})
        return self._accept("eigenvectors", fact, [equation, *commuting], axiom="spectral", note=note)

    def eigenvectors(
        self, names: tuple[str, str, str], equation: Fact, letter: Matrix, frame: Matrix, roots: Matrix, inverse: Matrix
    ) -> tuple[Fact, Fact, Fact]:
        """A positive semidefinite letter is U Δ² Uᵀ with new letters: orthonormal columns U, an invertible diagonal
        Δ."""
        _require_semidefinite(equation, letter, self._positive)
        old = {found.name for step in self.steps for found in _letters(step.fact.body)}
        new = [_only_letter(x) for x in (frame, roots, inverse)]
        if (
            len({x.name for x in new}) < 3
            or any(x.name in old for x in new)
            or not (new[1].symmetric and new[2].symmetric)
        ):
            raise Rejected(f"{names[0]}: the letters for eigenvectors and roots of eigenvalues must be new")
        unit = words.identity(frame.columns)
        bodies = (letter - frame @ roots @ roots @ frame.T, frame.T @ frame - unit, roots @ inverse - unit)
        facts = [Fact(name, body) for name, body in zip(names, bodies, strict=True)]
        first, second, third = (self._accept("eigenvectors", fact, [equation], axiom="spectral") for fact in facts)
        return first, second, third

    def semidefinite(self, name: str, equation: Fact, value: sp.Expr, letter: Matrix, note: str = "") -> Fact:
        """An eigenvalue of λ X Xᵀ with λ > 0 is not negative."""
        _require_semidefinite(equation, letter, self._positive)
        return self._accept("semidefinite", Fact(name, value, NONNEGATIVE), [equation], note=note)

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
        if not (
            is_zero(equation.body - (left - right)) and self._positive(left, known) and self._positive(right, known)
        ):
            raise Rejected(f"{name}: {equation.name} is not left = right between positive numbers")
        body = sp.sympify(left) ** exponent - sp.sympify(right) ** exponent
        return self._accept("power", Fact(name, body, layers=equation.layers), [equation, *known], note=note)

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
        """Krivine's certificate: e · goal = Σ c · ∏ facts · square² (modulo equations) with e > 0 and every c > 0."""
        if not self._positive(times, known):
            raise Rejected(f"{name}: {times} is not shown to be positive")
        total, strict = sp.Integer(0), False
        for coefficient, facts, root in terms:
            if not self._positive(coefficient, known):
                raise Rejected(f"{name}: the coefficient {coefficient} is not shown to be positive")
            if any(f.sign not in (POSITIVE, NONNEGATIVE) for f in facts):
                raise Rejected(f"{name}: a product may only hold facts that are not negative")
            total += coefficient * sp.Mul(*(f.body for f in facts)) * sp.sympify(root) ** 2
            strict = strict or (all(f.sign == POSITIVE for f in facts) and self._positive(root, known))
        if sign == POSITIVE and not strict:
            raise Rejected(f"{name}: no term of the certificate is strictly positive")
        equations = combination(given) if given is not None else Combination(sp.Integer(0), ())
        self._require_defined(goal, known, name)
        self._require_factors(equations, known, name)
        if not is_zero(times * goal - total - equations.body):
            raise Rejected(f"{name}: the certificate is not an identity")
        uses = [f for _, facts, _ in terms for f in facts]
        return self._accept("positivity", Fact(name, goal, sign), (*uses, *known, *equations.uses), note=note)

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

        ``interval`` holds the cases, linear in t, that describe it; ``slope`` must not assume more than these.
        """
        for a in interval:
            if self.rule_of(a) != "case" or sp.Poly(a.body, variable).degree() != 1:
                raise Rejected(f"{name}: {a.name} does not describe an interval")
        cases = frozenset[Fact]().union(*(a.assumptions for a in interval))
        if not slope.assumptions <= cases:
            raise Rejected(f"{name}: {slope.name} holds only in a part of the interval")
        if not self._positive(weight, interval):
            raise Rejected(f"{name}: {weight} is not shown to be positive")
        if slope.sign != POSITIVE or not is_zero(slope.body + weight * sp.diff(function, variable)):
            raise Rejected(f"{name}: {slope.name} is not minus a positive multiple of the derivative")
        moved = [Fact(f"{a.name}, later", a.body.subs(variable, later), a.sign) for a in interval]
        order = Fact(f"{variable} < {later}", later - variable, POSITIVE)
        fact = Fact(
            name,
            function - function.subs(variable, later),
            POSITIVE,
            assumptions=frozenset([*moved, order]),
            extra={"function": function, "variable": variable, "interval": tuple(interval)},
        )
        return self._accept("monotone", fact, [slope, *interval], axiom="mean value", note=note)

    def rule_of(self, fact: Fact) -> str:
        """The rule that accepted a step.

        Raises:
            Rejected: for a fact that is not a step of this proof.
        """
        for step in self.steps:
            if step.fact is fact:
                return step.rule
        raise Rejected(f"{fact.name} is not a step of this proof")

    def cases(self, name: str, facts: Sequence[Fact], note: str = "") -> Fact:
        """The same formula in all of the cases x < a, x = a, x > a (or x ≥ a split into two) holds in general."""
        first = facts[0]
        if any(f.sign != first.sign or not _vanishes(f.body - first.body) for f in facts):
            raise Rejected(f"{name}: the cases do not have the same conclusion")
        common = frozenset.intersection(*(f.assumptions for f in facts))
        own = [f.assumptions - common for f in facts]
        if any(len(o) != 1 for o in own) or not _exhaustive([next(iter(o)) for o in own], self._accepted_facts()):
            raise Rejected(f"{name}: the cases are not exhaustive")
        fact = Fact(name, first.body, first.sign, assumptions=common)
        self._evaluate(fact)
        self.steps.append(Step("cases", fact, tuple(facts), note=note))
        self._accepted.add(id(fact))
        return fact

    def _accepted_facts(self) -> list[Fact]:
        return [step.fact for step in self.steps]

    def gap(self, name: str, body: Any, sign: str = ZERO, note: str = "") -> Fact:
        """A formula that no rule accepts so far: it may be used, but what uses it is not proved."""
        return self._accept("gap", Fact(name, body, sign), note=note)

    # ------------------------------------------------------------ the outcome

    @property
    def gaps(self) -> list[Step]:
        """The open steps."""
        return [step for step in self.steps if step.rule == "gap"]

    @property
    def axioms(self) -> list[str]:
        """The classical facts that the proof cites, in order."""
        return list(dict.fromkeys(step.axiom for step in self.steps if step.axiom))

    def require_all_used(self, conclusions: Iterable[Fact]) -> None:
        """Every step must lead to a conclusion, hypotheses above all.

        Raises:
            Rejected: naming the first that does not.
        """
        if self._unfinished:
            raise Rejected("an induction was begun and not accepted")
        needed, stack = set(), list(conclusions)
        below = {id(step.fact): step.uses for step in self.steps}
        while stack:
            fact = stack.pop()
            if id(fact) not in self._accepted:
                raise Rejected(f"the conclusion {fact.name} is not a step of this proof")
            if id(fact) not in needed:
                needed.add(id(fact))
                stack.extend(below[id(fact)])
        for step in self.steps:
            if id(step.fact) not in needed:
                raise Rejected(f"the {step.rule} {step.fact.name} is never used")


def _letters(body: Any) -> set[Letter]:
    return (
        {replace(x, turned=False, power=1) for w in body.terms for x in w}
        if isinstance(body, Matrix | Trace)
        else set()
    )


def _indices(word: words.Word) -> set[sp.Symbol]:
    return {s for x in word if x.index is not None for s in sp.sympify(x.index).free_symbols}


def _vanishes(body: Any) -> bool:
    return body.is_zero if isinstance(body, Matrix | Trace) else is_zero(body)


def _symbols(body: Any) -> set[sp.Symbol]:
    return {s for c in coefficients(body) for s in sp.sympify(c).free_symbols}


def _covers(outer: tuple[Any, Any], inner: tuple[Any, Any]) -> bool:
    """Whether all layers of the inner range are in the outer one."""
    return _at_least_zero(inner[0] - outer[0]) and _at_least_zero(outer[1] - inner[1])


def _is_integral(index: Any, m: sp.Symbol) -> bool:
    """Whether an index is a sum of whole multiples of m, M and 1."""
    return all(
        c.is_Integer and unit in (1, m, COUNT)
        for c, unit in (term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(index)))
    )


def _at_least_zero(value: Any) -> bool:
    """Whether an index or exponent, linear in M ≥ 1, is ≥ 0 for all M ≥ 1."""
    expression = sp.expand(value)
    slope, rest = expression.coeff(COUNT, 1), expression.coeff(COUNT, 0)
    if not (slope.is_Rational and rest.is_Rational and sp.expand(expression - slope * COUNT - rest) == 0):
        return False
    return bool(slope >= 0 and slope + rest >= 0)


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


def _only_letter(matrix: Matrix) -> Letter:
    ((letter,),) = matrix.terms
    return letter


def _require_semidefinite(equation: Fact, letter: Matrix, positive: Callable[[Any], bool]) -> None:
    """The equation must read letter − c X Xᵀ = 0 with c > 0."""
    rest = [(w, c) for w, c in (equation.body - letter).terms.items() if not is_zero(c)]
    word, c = rest[0] if len(rest) == 1 else ((), sp.Integer(0))
    half = len(word) // 2
    palindrome = len(word) > 0 and len(word) % 2 == 0 and tuple(x.T for x in reversed(word[:half])) == word[half:]
    if not palindrome or not positive(-c):
        raise Rejected(f"{equation.name} does not say that the letter is a positive multiple of X Xᵀ")


def _require_commuting(letters: Sequence[Letter], facts: Sequence[Fact]) -> None:
    for i, a in enumerate(letters):
        for b in letters[i + 1 :]:
            if not (a.symmetric and b.symmetric):
                raise Rejected("only symmetric letters have common eigenvectors")
            A, B = words.of(a), words.of(b)
            commutator = A @ B - B @ A
            if not any(
                isinstance(f.body, Matrix) and ((f.body - commutator).is_zero or (f.body + commutator).is_zero)
                for f in facts
            ):
                raise Rejected(f"{a.name} and {b.name} are not shown to commute")


def _at_eigenvector(word: words.Word, values: Mapping[Letter, sp.Expr]) -> sp.Expr:
    """The eigenvalue of a word in commuting symmetric letters; the identity has the eigenvalue 1."""
    result = sp.Integer(1)
    for letter in word:
        if letter.name == "I":
            continue
        plain = replace(letter, power=1)
        if plain not in values:
            raise Rejected(f"{letter.name} is not among the letters with common eigenvectors")
        result *= values[plain] ** letter.power
    return result


def _exhaustive(cases: Sequence[Fact], accepted: Sequence[Fact]) -> bool:
    """x > 0, x = 0, −x > 0 in any order; the last may be missing where x ≥ 0 is a step of the proof."""
    zero = [c for c in cases if c.sign == ZERO]
    if len(zero) != 1:
        return False
    x, signs = zero[0].body, set()
    for case in cases:
        if case.sign == POSITIVE:
            signs.add(1 if is_zero(case.body - x) else -1 if is_zero(case.body + x) else 0)
    if signs == {1, -1} and len(cases) == 3:
        return True
    if len(cases) == 2 and len(signs) == 1 and 0 not in signs:
        (sign,) = signs
        return any(
            f.sign == NONNEGATIVE and not isinstance(f.body, Matrix | Trace) and is_zero(f.body - sign * x)
            for f in accepted
        )
    return False
