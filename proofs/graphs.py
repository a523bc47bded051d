"""The rules of proofs about matrices between the vertices and edges of K_r, for every r ≥ 4 and every depth L ≥ 3.

Formulas are families (``theory.families``), which the rules compare as ``proofs.reading`` reads them. What depends on L
is proved by induction. Every step is also evaluated in balls as dense matrices, for r = 4 … 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

import sympy as sp

from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.instances import BITS, vanishes
from proofs.kernel.ledger import Ledger, Step
from proofs.kernel.scalars import Rejected
from proofs.reading import EVERYWHERE, ForEvery, Reading, Where, definitions, matrix, same
from theory.arithmetic.interpreters import Balls, precision
from theory.claims import Relation
from theory.families import Family, Sizes, family, put
from theory.families import depth as L
from theory.families import step as n
from theory.ops import FormulaError, ShapeError

EVALUATED = ((4, 3), (4, 6), (5, 4), (6, 3), (7, 5), (8, 4))
"""Numbers of vertices and layers at which every step is evaluated, as dense matrices."""

READING = """\
Each step names the rule that accepted it and the steps that it used; each formula was also evaluated in balls as
dense matrices, for r = 4 … 8. $T$ is the vertex-edge incidence matrix of the complete graph on r vertices, $A$ says
which edges share one vertex, $K = r(r-1)/2$, $J$ has all entries 1, and σ is the ReLU. $[X \\mapsto f(X)]^n(Y)$ is f
applied n times to Y."""


class Graphs:
    """What proofs of this kind are about; there is one such setting, ``GRAPHS``."""

    name = "vertices and edges of the complete graph on r vertices"


GRAPHS = Graphs()


class GraphProof(Ledger):
    """Steps about families, each checked as it is added.

    Raises:
        Rejected: by every rule, saying why it does not accept the step.
    """

    @property
    def setting(self) -> Graphs:
        """What the letters mean."""
        return GRAPHS

    def equation(
        self, name: str, left: Family, right: Any, known: Sequence[Fact] = (), where: Where = EVERYWHERE
    ) -> Fact:
        """``left = right``: the coefficients of both sides are the same functions."""
        claimed = ForEvery(left, "=", family(right), where)
        reading = self._reading(name, known, where)
        if not same(reading.value(claimed.left), reading.value(claimed.right)):
            raise Rejected(f"{name}: the sides are not equal in the configuration")
        return self._accept("configuration", name, claimed, known)

    def less(
        self,
        name: str,
        left: Any,
        right: Any,
        difference: Family | None = None,
        known: Sequence[Fact] = (),
        where: Where = EVERYWHERE,
    ) -> Fact:
        """``left < right``: their difference is one that is positive term by term, in r and L above their least."""
        claimed = ForEvery(family(left), "<", family(right), where)
        shown = claimed.right - claimed.left if difference is None else difference
        reading = self._reading(name, known, where)
        if not same(reading.value(claimed.right) - reading.value(claimed.left), reading.value(shown)):
            raise Rejected(f"{name}: that is not the difference of the sides")
        if not self._is_positive(reading, shown):
            raise Rejected(f"{name}: the difference is not seen to be positive {where}")
        return self._accept("positive difference", name, claimed, known)

    def _is_positive(self, reading: Reading, node: Family) -> bool:
        """Whether a difference is positive: as a whole, or a sum of something positive and something not negative."""
        try:
            if reading.sign(reading.value(node)) > 0:
                return True
        except Rejected:
            pass
        if node.op != "add":
            return False
        left, right = node.args
        return (self._is_positive(reading, left) and reading.not_negative(reading.value(right))) or (
            self._is_positive(reading, right) and reading.not_negative(reading.value(left))
        )

    def induction(self, name: str, repeated: Family, state: Family, known: Sequence[Fact] = ()) -> Fact:
        """A chain, by what its formula has made after n steps: true of the start, and passed on by each step."""
        start, formula, count = self._chain(name, repeated)
        if any(part.op in ("chain", "hole") for part in state.nodes()):
            raise Rejected(f"{name}: what has been made after n steps is said by a chain again")
        reading = self._reading(name, known, EVERYWHERE)
        if not same(reading.value(start), reading.value(put(state, family(0), n))):
            raise Rejected(f"{name}: the chain does not start so")
        before = reading.value(state)
        after = Reading(EVERYWHERE, reading.known, before).value(formula)
        if not same(after, reading.value(put(state, n + 1, n))):
            raise Rejected(f"{name}: a step of the chain does not lead from one to the next")
        return self._accept("induction", name, ForEvery(repeated, "=", put(state, count, n)), known)

    def alike(self, name: str, first: Family, second: Family, known: Sequence[Fact] = ()) -> Fact:
        """Two chains of numbers that start alike and have steps that are the same function."""
        (start, formula, count), (other, written, times) = self._chain(name, first), self._chain(name, second)
        reading = self._reading(name, known, EVERYWHERE)
        inside = Reading(EVERYWHERE, reading.known, sp.Dummy("X", real=True))
        if first.space is not None or not same(reading.value(count), reading.value(times)):
            raise Rejected(f"{name}: not two chains of numbers of the same length")
        if not same(reading.value(start), reading.value(other)):
            raise Rejected(f"{name}: the chains do not start alike")
        if not same(inside.value(formula), inside.value(written)):
            raise Rejected(f"{name}: the steps of the chains are not the same function")
        return self._accept("induction", name, ForEvery(first, "=", second), known)

    def nuclear(self, name: str, X: Family, R: Family) -> Fact:
        """‖X‖_* = ‖R‖² where (R Rᵀ)² = X Xᵀ: then R Rᵀ is the positive semidefinite root of X Xᵀ, of trace ‖X‖_*."""
        reading = self._reading(name, (), EVERYWHERE)
        given, root = matrix(reading.value(X)), matrix(reading.value(R))
        S = root @ root.T
        if given.rows != root.rows or not same(S @ S, given @ given.T):
            raise Rejected(f"{name}: the square of R Rᵀ is not X Xᵀ")
        claimed = ForEvery(Family("nuclear_norm", (X,)), "=", Family("sum_squares", (R,)))
        return self._accept("square root", name, claimed, axiom="square root")

    def deeper(self, name: str, least: Fact, left: Family, right: Family, factors: tuple[Any, Any]) -> Fact:
        """``left < right`` for all depths from one on: true there, and a layer multiplies the sides by u ≤ v."""
        self._require_step(least, name)
        given: ForEvery = least.body
        where, (u, v) = given.where, map(family, factors)
        reading = self._reading(name, (), where)
        start = [put(side, family(where.depth), L) for side in (left, right)]
        if given.sign != "<" or not all(
            map(same, map(reading.value, (given.left, given.right)), map(reading.value, start))
        ):
            raise Rejected(f"{name}: {least.name} does not say it for L = {where.depth}")
        for side, factor in ((left, u), (right, v)):
            if not same(reading.value(put(side, L + 1, L)), reading.value(factor * side)):
                raise Rejected(f"{name}: a layer does not multiply the side by {factor}")
        slower, faster = reading.value(u), reading.value(v)
        if (
            reading.sign(slower) <= 0
            or reading.sign(reading.value(right)) <= 0
            or not reading.not_negative(faster - slower)
        ):
            raise Rejected(f"{name}: a layer does not multiply the right side by as much")
        return self._accept("induction", name, ForEvery(left, "<", right, where), [least])

    # ------------------------------------------------------------ what every rule does

    def _reading(self, name: str, known: Sequence[Fact], where: Where) -> Reading:
        values: dict[Family, Family] = {}
        if type(known) not in (tuple, list):
            raise Rejected(f"{name}: the facts that are used are given as a tuple or a list")
        for fact in known:
            self._require_step(fact, name)
            named = fact.body.left.op in ("chain", "nuclear_norm")
            if named and fact.body.sign == "=" and fact.body.where.covers(where):
                values[fact.body.left] = fact.body.right
        return Reading(where, values)

    def _chain(self, name: str, node: Family) -> tuple[Family, Family, Family]:
        """The parts of a chain, closed apart from the hole and the number of steps in its formula."""
        if node.op != "chain":
            raise Rejected(f"{name}: {node} is not a chain")
        start, formula, count = node.args
        if any(part.op == "chain" for part in formula.nodes()):
            raise Rejected(f"{name}: a chain in the formula of another")
        _require_closed(name, start, count)
        reading = self._reading(name, (), EVERYWHERE)
        reading.index(reading.value(count))
        return start, formula, count

    def _accept(self, rule: str, name: str, claimed: ForEvery, known: Sequence[Fact] = (), axiom: str = "") -> Fact:
        """Take a relation as a step: what is the same for all rules."""
        used = tuple(dict.fromkeys(known))
        for fact in used:
            self._require_step(fact, name)
        if claimed.left.space != claimed.right.space:
            raise Rejected(f"{name}: the sides have different shapes")
        _require_closed(name, claimed.left, claimed.right)
        definitions([*(step.fact.body for step in self.steps), claimed])
        _evaluate(name, claimed)
        fact = Fact(name, claimed, ZERO if claimed.sign == "=" else POSITIVE)
        return self._enter(Step(rule, fact, used, axiom))


def _require_closed(name: str, *formulas: Family) -> None:
    """No hole, and no number of steps, outside the formula of a chain."""
    for node in formulas:
        if node.op in ("hole", "n"):
            raise Rejected(f"{name}: {node} stands outside the formula of a chain")
        _require_closed(name, *(node.args[0::2] if node.op == "chain" else node.args))


# --------------------------------------------------------------------------------------------------------- evaluation


@cache
def _sizes() -> tuple[Sizes, ...]:
    """The sizes at which steps are evaluated, with random constants of the layers, the same for every run."""
    rng = Random(2024)

    class Drawn(dict[str, tuple[Fraction, ...]]):
        def __missing__(self, name: str) -> tuple[Fraction, ...]:
            self[name] = tuple(Fraction(rng.randint(1, 9), rng.randint(2, 7)) for _ in range(12))
            return self[name]

    return tuple(Sizes(r, depth, Drawn()) for r, depth in EVALUATED)


def _evaluate(name: str, claimed: ForEvery) -> None:
    """A relation as dense matrices in balls, at every size of its range that is evaluated.

    Raises:
        Rejected: where it fails at one, or there is none.
    """
    chosen = [sizes for sizes in _sizes() if claimed.where.holds(sizes.r, sizes.depth)]
    if not chosen:
        raise Rejected(f"{name} is claimed for no size at which it can be evaluated")
    for sizes in chosen:
        try:
            relation = claimed.at(sizes)
        except (FormulaError, ShapeError, IndexError, ZeroDivisionError) as error:
            raise Rejected(f"{name} could not be evaluated for r = {sizes.r}, L = {sizes.depth}: {error}") from error
        if not _holds(relation):
            raise Rejected(f"{name} fails for r = {sizes.r}, L = {sizes.depth}")


def _holds(relation: Relation) -> bool:
    from flint import arb

    with precision(BITS):
        balls = Balls()
        left, right = balls.evaluate(relation.left), balls.evaluate(relation.right)
        if not relation.left.shape:
            gap = arb(0) + right - left
            return bool(gap > 0) if relation.sign == "<" else vanishes(gap)
        rows = zip(left, right, strict=True)
        return all(vanishes(arb(0) + x - y) for a, b in rows for x, y in zip(a, b, strict=True))
