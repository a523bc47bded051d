"""What was found: findings of one engine on one instance, and verdicts that merge them without losing an axis.

A verdict has three axes that are never merged: conclusion (holds, refuted, undecided), assurance (proved, certified,
numerical, none) and scope (the whole domain, or a number of instances).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

HOLDS, REFUTED, UNDECIDED = "holds", "refuted", "undecided"
CONCLUSIONS = (HOLDS, REFUTED, UNDECIDED)
ASSURANCES = ("none", "numerical", "certified", "proved")
"""From the weakest to the strongest."""


class Unable(Exception):
    """An engine cannot examine a claim; the message says why. Never counted as a pass."""


class Conflict(Exception):
    """Two checked results contradict each other: always an error of this software."""


@dataclass(frozen=True)
class Finding:
    """What one engine concluded about one clause of one instance."""

    clause: str
    conclusion: str
    assurance: str
    detail: str = ""
    tolerance: float = 0.0
    """How far off the clause could be and still get this finding; 0 for an exact one."""

    @property
    def is_candidate(self) -> bool:
        """Whether an engine saw a violation that it could not make exact."""
        return self.conclusion == UNDECIDED and self.detail.startswith("candidate")

    def __post_init__(self) -> None:
        if self.conclusion not in CONCLUSIONS or self.assurance not in ASSURANCES:
            raise ValueError(f"unknown conclusion or assurance: {self.conclusion}, {self.assurance}")
        if self.conclusion == REFUTED and ASSURANCES.index(self.assurance) < ASSURANCES.index("certified"):
            raise ValueError("a violation that is not exact is undecided, with a candidate in its detail")
        if (self.conclusion == UNDECIDED) != (self.assurance == "none"):
            raise ValueError("undecided goes with the assurance none, and only undecided does")


def holds(clause: str, assurance: str, detail: str = "", tolerance: float = 0.0) -> Finding:
    """The clause holds on this instance, up to a tolerance where it is not exact."""
    return Finding(clause, HOLDS, assurance, detail, tolerance)


def refuted(clause: str, detail: str) -> Finding:
    """The clause fails on this instance, by exact evidence."""
    return Finding(clause, REFUTED, "certified", detail)


def undecided(clause: str, detail: str) -> Finding:
    """Nothing was decided; the detail says why, or names a candidate violation."""
    return Finding(clause, UNDECIDED, "none", detail)


@dataclass(frozen=True)
class Evidence:
    """What one engine found on one instance.

    ``numbers`` are printed side by side in reports (keys such as ``claimed``, ``best``, ``lower``, ``upper``);
    ``uses`` names the statements whose reductions the engine relied on; ``certificates`` are plain JSON objects.
    """

    engine: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0
    numbers: Mapping[str, Any] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    certificates: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data from which ``from_json`` rebuilds the evidence."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """Rebuild evidence from ``to_json``."""
        fields = dict(data)
        fields["findings"] = tuple(Finding(**finding) for finding in fields["findings"])
        fields["uses"], fields["certificates"] = tuple(fields["uses"]), tuple(fields["certificates"])
        return cls(**fields)


@dataclass(frozen=True)
class Verdict:
    """Conclusion × assurance × scope, for a clause or a statement. It has no truth value of its own."""

    conclusion: str
    assurance: str
    instances: int
    scope: str = "instances"
    detail: str = ""

    def __bool__(self) -> bool:
        raise TypeError("a verdict is not true or false; read its conclusion, assurance and scope")

    def __str__(self) -> str:
        if self.conclusion == UNDECIDED:
            return f"undecided: {self.detail}" if self.detail else "undecided"
        count = f"{self.instances:,} instance{'' if self.instances == 1 else 's'}"
        domain = self.scope == "domain"
        if self.conclusion == HOLDS and self.assurance == "numerical":
            return f"no counterexample {'for any parameters' if domain else f'in {count}'} (numerical)"
        return f"{self.conclusion} {'for all parameters' if domain else f'on {count}'} ({self.assurance})"

    def meets(self, conclusion: str, at_least: str) -> bool:
        """Whether the verdict has this conclusion with at least this assurance."""
        return self.conclusion == conclusion and ASSURANCES.index(self.assurance) >= ASSURANCES.index(at_least)

    def require(self, conclusion: str, at_least: str) -> Verdict:
        """Return the verdict if it has this conclusion and at least this assurance, else raise with the reason.

        Raises:
            AssertionError: saying what was found instead.
        """
        if not self.meets(conclusion, at_least):
            raise AssertionError(f"required {conclusion} ({at_least}), found {self}")
        return self


def clause_verdict(clause: str, examined: Sequence[Iterable[Evidence]]) -> Verdict:
    """Merge what all engines found about one clause; ``examined`` holds the evidence of each instance.

    One refutation refutes. Otherwise the clause holds if on every instance at least one engine says so and none saw a
    candidate against it, with the assurance of its weakest instance. What is proved on every instance is proved for the
    domain: the theorem that says so has no gap and holds for all parameters, and each claim was matched with it.

    Raises:
        Conflict: when a clause is both exactly certified and refuted on the same instance. (What was certified within a
            tolerance gives way to a refutation.)
    """
    strengths: list[int] = []
    open_detail, refutation = "", None
    for evidence in examined:
        findings = [f for e in evidence for f in e.findings if f.clause == clause]
        against = [f for f in findings if f.conclusion == REFUTED]
        favour = [f for f in findings if f.conclusion == HOLDS]
        best = max((ASSURANCES.index(f.assurance) for f in favour), default=0)
        exact = [f for f in favour if f.assurance in ("certified", "proved") and not f.tolerance]
        candidate = next((f for f in findings if f.is_candidate), None)
        if against and exact:
            raise Conflict(f"{clause}: certified and refuted on the same instance ({against[0].detail})")
        if against:
            refutation = refutation or against[0]
        elif candidate is not None:
            open_detail, best = open_detail or candidate.detail, 0
        elif not best:
            open_detail = open_detail or next((f.detail for f in findings), "no engine examined it")
        strengths.append(best)
    if refutation:
        return Verdict(REFUTED, refutation.assurance, 1, detail=refutation.detail)
    if not strengths or open_detail:
        return Verdict(UNDECIDED, "none", len(strengths), detail=open_detail or "nothing was examined")
    weakest = ASSURANCES[min(strengths)]
    return Verdict(HOLDS, weakest, len(strengths), "domain" if weakest == "proved" else "instances")


def statement_verdict(clauses: Mapping[str, Verdict]) -> Verdict:
    """The verdict of the weakest clause; refuted if any clause is."""
    if not clauses:
        return Verdict(UNDECIDED, "none", 0, detail="no clause was examined")

    def weakness(item: tuple[str, Verdict]) -> tuple[int, int]:
        order = {REFUTED: 0, UNDECIDED: 1, HOLDS: 2}
        return order[item[1].conclusion], ASSURANCES.index(item[1].assurance)

    name, worst = min(clauses.items(), key=weakness)
    detail = "" if worst.conclusion == HOLDS else f"{name}: {worst.detail}"
    return Verdict(worst.conclusion, worst.assurance, worst.instances, worst.scope, detail)
