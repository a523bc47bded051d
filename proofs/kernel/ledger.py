"""What every proof is: a list of steps, each accepted by one rule, that lead to its conclusions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from proofs.kernel.axioms import AXIOMS
from proofs.kernel.facts import Fact
from proofs.kernel.scalars import Rejected


@dataclass(frozen=True)
class Step:
    """One accepted formula: the rule, what it used, the axiom that it cites, and a word to the reader."""

    rule: str
    fact: Fact
    uses: tuple[Fact, ...]
    axiom: str = ""
    note: str = ""


class Ledger:
    """The steps of a proof: what does not depend on what its formulas are about."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._steps: list[Step] = []
        self._by_fact: dict[int, Step] = {}
        self._unfinished = 0

    @property
    def id(self) -> str:
        """The name of the proof."""
        return self._id

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in their order."""
        return tuple(self._steps)

    def _enter(self, step: Step) -> Fact:
        """Add a step, which its rule has accepted."""
        if any(other.fact.name == step.fact.name for other in self._steps):
            raise Rejected(f"two steps are called {step.fact.name}")
        if step.axiom and step.axiom not in AXIOMS:
            raise Rejected(f"{step.axiom!r} is not one of the axioms")
        self._steps.append(step)
        self._by_fact[id(step.fact)] = step
        return step.fact

    def _require_step(self, fact: Any, name: str) -> None:
        if type(fact) is not Fact or id(fact) not in self._by_fact:
            raise Rejected(f"{name} uses {getattr(fact, 'name', fact)}, which is not a step of this proof")

    def rule_of(self, fact: Fact) -> str:
        """The rule that accepted a step.

        Raises:
            Rejected: for a fact that is not a step of this proof.
        """
        self._require_step(fact, self.id)
        return self._by_fact[id(fact)].rule

    def below(self, conclusions: Iterable[Fact]) -> list[Step]:
        """The steps that some facts rest on, these included, in order.

        Raises:
            Rejected: for a fact that is not a step of this proof.
        """
        stack, needed = list(conclusions), set[int]()
        for fact in stack:
            if type(fact) is not Fact or id(fact) not in self._by_fact:
                raise Rejected(f"the conclusion {getattr(fact, 'name', fact)} is not a step of this proof")
        while stack:
            fact = stack.pop()
            if id(fact) not in needed:
                needed.add(id(fact))
                stack.extend(self._by_fact[id(fact)].uses)
        return [step for step in self._steps if id(step.fact) in needed]

    @property
    def gaps(self) -> list[Step]:
        """The open steps."""
        return [step for step in self._steps if step.rule == "gap"]

    @property
    def axioms(self) -> list[str]:
        """The classical facts that the proof cites, in order."""
        return list(dict.fromkeys(step.axiom for step in self._steps if step.axiom))

    def require_all_used(self, conclusions: Iterable[Fact]) -> None:
        """Every step must lead to a conclusion, hypotheses above all.

        Raises:
            Rejected: naming the first that does not.
        """
        if self._unfinished:
            raise Rejected("an induction was begun and not accepted")
        found = list(conclusions)
        needed = {id(step.fact) for step in self.below(found)}
        for fact in found:
            self._require_step(fact, self.id)
        for step in self._steps:
            if id(step.fact) not in needed:
                raise Rejected(f"the {step.rule} {step.fact.name} is never used")
