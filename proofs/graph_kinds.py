"""The kinds of theorem about the vertices and edges of complete graphs, for every r and L: relations, and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from proofs.entailment import NotEntailed
from proofs.graphs import GRAPHS, GraphProof, Graphs
from proofs.kernel import selection
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import COUNT as M
from proofs.lemmas import setting as s
from proofs.reading import ForEvery, Reading, definitions
from proofs.scalar_kinds import PROFILE, require
from theory.claims import Identity, Relation
from theory.families import Sizes, named
from theory.notation import PLAIN, text
from theory.ops import Expression, FormulaError, ShapeError, constant, largest_root


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
        known = definitions(fact.body for fact in self.relations)
        names = [f"- {text(named(name, formula), PLAIN)} = {formula}" for name, formula in known.items()]
        lines = [f"- {fact.body.plain} {fact.body.scope}" for fact in self.relations]
        return "\n".join([*(["Let", "", *names, ""] if names else []), "Then", "", *lines])

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
        return _literally(claim, self._instances(_sizes(parameters)))

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


@dataclass(frozen=True, eq=False)
class ScaledLosses:
    """At the best scale of a fit the loss grows strictly with the load c = C Λ̄, up to the threshold of zero."""

    value: Fact
    level: Fact
    falls: Fact
    loses: Fact

    def check(self, proof: Proof) -> None:
        """That the steps say it.

        Raises:
            Rejected: when one does not.
        """
        y, c, t, p = s.y, s.load, s.t, s.y ** (M + 1)
        loss = (1 - t) * (1 + M * t) / 2
        fit = (1 - p) ** 2 / 2 + (M + 1) / 2 * c * y**2
        inside = [(t, POSITIVE), (1 - t, POSITIVE), (M * t - (M - 1), NONNEGATIVE)]
        found = selection.states(proof, self.value, fit - loss.xreplace({t: p}))
        require(found, "the loss at a root is (1 − p)(1 + M p)/2")
        power = PROFILE.xreplace({t: p}) - c ** (M + 1)
        require(selection.states(proof, self.level, power, cases=[(1 - p, POSITIVE)]), "c^{M+1} at a root")
        for fact, function in ((self.falls, PROFILE), (self.loses, loss)):
            require(selection.falls(proof, fact, t, function, inside), "what falls in p beyond (M − 1)/M")


ORDER = """\
Let c be at most the threshold, c^{L+1} ≤ (L−1)^{L−1}/L^{2L}. The largest root of (1 − y^{L+1}) y^{L−1} = c has p =
y^{L+1} in [(L−1)/L, 1): p^{L−1} (1 − p)^{L+1} is at least c^{L+1} at (L−1)/L, 0 at 1, and falls between them. So p
falls as c grows, and the loss there, (1 − p)(1 + L p)/2, grows strictly: at c times the (L+1)-th root of the left side
over the right it is smaller than at c."""


@dataclass(frozen=True, eq=False)
class GraphLosses:
    """One fit beats another in the loss at their best scales, for every r and L at which its constant C is smaller."""

    condition: Fact
    scales: ScaledLosses

    cites: ClassVar[tuple[str, ...]] = ("intermediate value",)

    @property
    def says(self) -> str:
        """The condition, and what follows for the losses."""
        body: ForEvery = self.condition.body
        names = [f"{text(named(name, formula), PLAIN)} = {formula}" for name, formula in definitions([body]).items()]
        return f"{body.plain} {body.scope}{''.join(f', with {x}' for x in names)}.\n\n{ORDER}"

    @property
    def premises(self) -> dict[Any, tuple[Fact, ...]]:
        """The steps by setting."""
        return {GRAPHS: (self.condition,), s.SCALED: tuple(vars(self.scales).values())}

    def check(self, proofs: Mapping[Any, Any]) -> None:
        """That the condition is an inequality of positive numbers, and the scaled losses are ordered by their loads.

        Raises:
            Rejected: when a step does not say it.
        """
        require(type(self.scales) is ScaledLosses, "the order of losses")
        proofs[GRAPHS].rule_of(self.condition)
        body: ForEvery = self.condition.body
        require(body.sign == "<" and body.where.depth >= 2, "one constant is smaller than another")
        reading = Reading(body.where, {})
        require(reading.sign(reading.value(body.left)) > 0, "the constants are positive")
        self.scales.check(proofs[s.SCALED])

    def entails(self, claim: Any, parameters: Mapping[str, Any]) -> dict[str, str]:
        """For each clause the empty text where it is the condition, or the order of the losses, at the proposed sizes.

        ``parameters`` propose r as "r", L as "depth", and c^{L+1} over its threshold as "ratio".

        Raises:
            NotEntailed: for a claim of another kind, or without such proposals.
        """
        if type(claim) is not Identity:
            raise NotEntailed("the theorem is about relations of constants")
        sizes, ratio = _sizes(parameters), parameters.get("ratio")
        if type(ratio) is not Fraction or not 0 < ratio <= 1:
            raise NotEntailed("no load up to the threshold is proposed")
        body: ForEvery = self.condition.body
        known = [body.at(sizes), self._order(sizes, ratio)] if body.where.holds(sizes.r, sizes.depth) else []
        return _literally(claim, known)

    def _order(self, sizes: Sizes, ratio: Fraction) -> Relation:
        """The loss at the smaller load is below that at c, as the relation of one size."""
        L, body = sizes.depth, self.condition.body
        c = constant(ratio * Fraction((L - 1) ** (L - 1), L ** (2 * L))) ** Fraction(1, L + 1)
        smaller = c * (body.left.at(sizes) / body.right.at(sizes)) ** Fraction(1, L + 1)
        return Relation(_best_loss(L, smaller), "<", _best_loss(L, c))


def _best_loss(L: int, c: Expression) -> Expression:
    """(1−p)²/2 + (L+1)/2 c y² at the largest root y of (1 − y^{L+1}) y^{L−1} = c, with p = y^{L+1}."""
    coefficients = [c, *[constant(0)] * (L - 2), constant(-1), *[constant(0)] * L, constant(1)]
    y, half = largest_root(coefficients), Fraction(1, 2)
    return half * (1 - y ** (L + 1)) ** 2 + half * (L + 1) * c * y**2


def _literally(claim: Identity, known: Sequence[Relation]) -> dict[str, str]:
    other = "a relation is not an instance of the theorem's"
    return {c.name: "" if all(r in known for r in c.relations) else other for c in claim.clauses}


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
