"""The kind of theorem about the vertices and edges of complete graphs: relations that hold for every r and every L."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from proofs.entailment import NotEntailed
from proofs.graphs import GRAPHS, ForEvery, GraphProof, Graphs
from proofs.kernel.facts import Fact
from proofs.kernel.scalars import Rejected
from theory.claims import Identity, Relation
from theory.families import Sizes
from theory.ops import FormulaError, ShapeError


@dataclass(frozen=True, eq=False)
class ForEveryGraph:
    """Relations between matrices on the vertices and edges of K_r, for all r and L of their ranges.

    It entails a clause whose relations are, formula by formula, some of these at one choice of r, L and constants.
    """

    relations: tuple[Fact, ...]

    cites: ClassVar[tuple[str, ...]] = ()

    @property
    def says(self) -> str:
        """The relations in words, each with its range."""
        lines = [f"- {fact.body.plain} {fact.body.where}" for fact in self.relations]
        return "\n".join(["With the vertex-edge incidence matrix T of the complete graph on r vertices:", "", *lines])

    @property
    def premises(self) -> dict[Graphs, tuple[Fact, ...]]:
        """The steps by setting."""
        return {GRAPHS: self.relations}

    def check(self, proofs: Mapping[Any, GraphProof]) -> None:
        """That the relations are steps of the proof.

        Raises:
            Rejected: when one is not, or there is none.
        """
        if type(self.relations) is not tuple or not self.relations:
            raise Rejected("the theorem needs a step that says: a relation for every r")
        for fact in self.relations:
            proofs[GRAPHS].rule_of(fact)

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """For each clause the empty text where its relations are instances of the theorem's, else why it does not.

        ``parameters`` propose r as "r", L as "depth", and constants of the layers by name; whether the formulas of the
        claim are those of the theorem at these is looked at.

        Raises:
            NotEntailed: for a claim of another kind, or without a proposal of r.
        """
        if type(claim) is not Identity:
            raise NotEntailed("the theorem is about relations of constants")
        known = self._instances(_sizes(parameters))
        return {
            c.name: "" if all(r in known for r in c.relations) else "a relation is not an instance of the theorem's"
            for c in claim.clauses
        }

    def _instances(self, sizes: Sizes) -> list[Relation]:
        found = []
        for fact in self.relations:
            body: ForEvery = fact.body
            if body.where.holds(sizes.r, sizes.depth):
                try:
                    found.append(body.at(sizes))
                except (FormulaError, ShapeError, LookupError):
                    continue
        return found


def _sizes(parameters: Mapping[str, Any]) -> Sizes:
    """The proposed r, L and constants: exact, and constants positive, or none of them is taken."""
    r, depth = parameters.get("r"), parameters.get("depth", 3)
    if type(r) is not int or type(depth) is not int:
        raise NotEntailed("no numbers of vertices and layers are proposed")
    constants = {}
    for name, value in parameters.items():
        row = value if isinstance(value, tuple) else (value,)
        if row and all(type(x) is Fraction and x > 0 for x in row):
            constants[name] = row
    return Sizes(r, depth, constants)
