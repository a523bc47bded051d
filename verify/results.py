"""What an examination found, from one engine on one instance up to the verdict on a statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from theory.model import UnconstrainedFeatures
from theory.statement import Statement
from verify.engines import REFUTER
from verify.verdict import (
    HOLDS,
    REFUTED,
    UNDECIDED,
    Conflict,
    Evidence,
    Verdict,
    clause_verdict,
    statement_verdict,
    undecided,
)

AS_EXPECTED, NOT_AS_EXPECTED, UNUSABLE, NOT_EXAMINED = 0, 1, 2, 3
"""Exit statuses of ``collapse verify``."""

WITHOUT_CERTIFICATE = {
    "critical points": "what holds at every critical point is for a proof; one point would not show it",
    "inequality": "an inequality that holds everywhere is for a proof; a point could only refute it",
    "identity": "its sides are constants, which anyone can evaluate anew",
    "convergence": "its terms are constants, which anyone can evaluate anew; its limit is for a proof",
    "experiment": "what a program measured is numerical",
    "spectrum": "its matrix is not rational, or too large for the checker",
}
"""Kinds of claim of which an instance that holds has no certificate, with the reason."""


@dataclass(frozen=True)
class Outcome:
    """What became of one engine on one instance: evidence, or why it was unable, or how it failed."""

    engine: str
    evidence: Evidence | None = None
    unable: str = ""
    failed: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data from which ``from_json`` rebuilds the outcome."""
        evidence = None if self.evidence is None else self.evidence.to_json()
        return {"engine": self.engine, "evidence": evidence, "unable": self.unable, "failed": self.failed}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Rebuild an outcome from ``to_json``."""
        evidence = data["evidence"]
        return cls(**{**data, "evidence": None if evidence is None else Evidence.from_json(evidence)})


@dataclass(frozen=True)
class Examined:
    """One instance with what every engine made of it; ``clauses`` are those that its claim makes."""

    parameters: Mapping[str, Any]
    clauses: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    configuration: bool = False
    model: UnconstrainedFeatures | None = None
    kind: str = ""

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence of all engines; a failed engine leaves every clause undecided."""
        return tuple(_evidence(outcome, self.clauses) for outcome in self.outcomes if not outcome.unable)

    @property
    def complete(self) -> bool:
        """Whether every clause of the claim was found to hold by some engine."""
        return set(self.clauses) <= {f.clause for e in self.evidence for f in e.findings if f.conclusion == HOLDS}

    @property
    def verdict(self) -> Verdict:
        """The verdict on this instance alone."""
        return Examination((self,)).verdict


def _evidence(outcome: Outcome, clauses: Sequence[str]) -> Evidence:
    if outcome.evidence is not None:
        return outcome.evidence
    return Evidence(outcome.engine, tuple(undecided(clause, outcome.failed) for clause in clauses))


@dataclass(frozen=True)
class EngineSummary:
    """What one engine found on all instances together."""

    engine: str
    verdict: Verdict
    seconds: float
    detail: str
    only: tuple[str, ...] = ()
    """The clauses that it examined, where these are not all."""


@dataclass(frozen=True)
class Skip:
    """Something that was not examined, and why; ``failed`` when an engine ought to have been able to."""

    what: str
    why: str
    failed: bool = False


@dataclass(frozen=True)
class Examination:
    """What was found about a statement, or about a single claim where ``statement`` is None.

    It has no truth value: read ``verdict``, ``clauses`` and ``conflict``, or call ``require``.
    """

    instances: tuple[Examined, ...]
    statement: Statement | None = None
    refuter: Outcome | None = None
    """What became of the attack on the statement as a whole; what it found is among the instances too."""

    def __bool__(self) -> bool:
        raise TypeError("an examination is not true or false; read its verdict, or call require(…)")

    @cached_property
    def _merged(self) -> tuple[dict[str, Verdict], str]:
        names = dict.fromkeys(name for instance in self.instances for name in instance.clauses)
        return _merge(names, [instance.evidence for instance in self.instances])

    @property
    def clauses(self) -> dict[str, Verdict]:
        """The verdict on each clause, over the instances on which some engine examined that clause."""
        return self._merged[0]

    @property
    def conflict(self) -> str:
        """Two checked results that contradict each other, in a sentence; empty when there are none."""
        return self._merged[1]

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict of the weakest clause, on those instances of which every clause was examined."""
        return _weakest(*self._merged, sum(instance.complete for instance in self.instances))

    def require(self, conclusion: str, at_least: str) -> Verdict:
        """Return the verdict if it has this conclusion and at least this assurance, else raise with the reason.

        Raises:
            AssertionError: saying what was found instead.
            Conflict: when two checked results contradict each other.
        """
        if self.conflict:
            raise Conflict(self.conflict)
        return self.verdict.require(conclusion, at_least)

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the statement expects."""
        expected = self.statement.expected if self.statement else None
        return expected is not None and not self.conflict and self.verdict.meets(expected.conclusion, expected.at_least)

    @property
    def status(self) -> int:
        """0 as expected, 1 not as expected or a conflict, 3 when something could not be examined.

        What an engine failed on, and a clause that no engine examined, could not be examined. A verdict that
        contradicts the expected one is status 1 all the same.
        """
        decided = self.verdict.conclusion in (HOLDS, REFUTED)
        contrary = (
            decided and self.statement is not None and self.verdict.conclusion != self.statement.expected.conclusion
        )
        if self.conflict or contrary:
            return NOT_AS_EXPECTED
        failed = any(outcome.failed for outcome in self._outcomes)
        if (
            failed
            or not self.clauses
            or any(v.conclusion == UNDECIDED and not v.instances for v in self.clauses.values())
        ):
            return NOT_EXAMINED
        return AS_EXPECTED if self.as_expected else NOT_AS_EXPECTED

    @property
    def seconds(self) -> float:
        """Time spent by all engines and the refuter."""
        return sum(outcome.evidence.seconds for outcome in self._outcomes if outcome.evidence)

    @property
    def _outcomes(self) -> list[Outcome]:
        """All outcomes, instance by instance; the refuter's last, and once."""
        found = [outcome for instance in self.instances for outcome in instance.outcomes if outcome is not self.refuter]
        return found if self.refuter is None else [*found, self.refuter]

    @cached_property
    def engines(self) -> tuple[EngineSummary, ...]:
        """What each engine found, without those that were unable on every instance; then the refuter."""
        names = dict.fromkeys(evidence.engine for instance in self.instances for evidence in instance.evidence)
        found = [self._summary(name) for name in names if name != REFUTER]
        if self.refuter is not None and self.refuter.evidence is not None:
            found.append(_of_refuter(self.refuter.evidence))
        return tuple(found)

    def _summary(self, name: str) -> EngineSummary:
        planned = [instance for instance in self.instances if any(o.engine != REFUTER for o in instance.outcomes)]
        groups = [[e for e in instance.evidence if e.engine == name] for instance in planned]
        evidence = [e for group in groups for e in group]
        clauses, conflict = _merge((), groups)
        verdict = _weakest(clauses, conflict, sum(map(bool, groups)))
        uses = sorted({used for e in evidence for used in e.uses})
        every = set(clauses) == set(self.clauses)
        what = "all clauses" if every else ", ".join(clauses)
        parts = [f"{what} on {sum(map(bool, groups))} of {len(groups)} instances", verdict.detail]
        parts.append(_tightest((e, i.parameters) for i, group in zip(planned, groups, strict=True) for e in group))
        parts.append(f"using {', '.join(uses)}" if uses else "")
        seconds, detail = sum(e.seconds for e in evidence), "; ".join(filter(None, parts))
        return EngineSummary(name, verdict, seconds, detail, () if every else tuple(clauses))

    @property
    def certificates(self) -> list[Mapping[str, Any]]:
        """All certificates, in the order of the instances."""
        return [c for instance in self.instances for e in instance.evidence for c in e.certificates]

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """What was not examined: engine by engine and reason by reason, with the number of instances."""
        counts: dict[tuple[str, str, bool], int] = {}
        for outcome in self._outcomes:
            if reason := outcome.unable or outcome.failed:
                key = outcome.engine, reason, bool(outcome.failed)
                counts[key] = counts.get(key, 0) + 1
        name = self.statement.id if self.statement else "claim"
        skips = [
            Skip(f"{engine} × {name} ({'the whole statement' if engine == REFUTER else _number(n)})", why, bad)
            for (engine, why, bad), n in counts.items()
        ]
        if self.conflict:
            skips.append(Skip(f"conflict in {name}", self.conflict, failed=True))
        return tuple(skips)

    @property
    def uncertified(self) -> tuple[Skip, ...]:
        """The instances that were examined and have no certificate, with the reason."""
        kinds = [
            instance.kind
            for instance in self.instances
            if instance.evidence and not any(evidence.certificates for evidence in instance.evidence)
        ]
        name, other = self.statement.id if self.statement else "claim", "no engine that was run wrote one"
        return tuple(
            Skip(f"certificate × {name} ({_number(kinds.count(kind))})", WITHOUT_CERTIFICATE.get(kind, other))
            for kind in dict.fromkeys(kinds)
        )


def _tightest(found: Iterable[tuple[Evidence, Mapping[str, Any]]]) -> str:
    """How tight an inequality is: the largest left/right that was found, and at which instance."""
    from verify.work import shown

    ratios = [(float(e.numbers["largest ratio"]), at) for e, at in found if "largest ratio" in e.numbers]
    if not ratios:
        return ""
    ratio, at = max(ratios, key=lambda one: one[0])
    return f"largest ratio of the sides {ratio:.6g}, at {shown(at)}"


def _of_refuter(evidence: Evidence) -> EngineSummary:
    """What was attacked, and what came of it; a survivor is not thereby true."""
    from verify.work import decode, shown

    numbers, findings = evidence.numbers, evidence.findings
    what = f"attacked {numbers['attacked']} of {_number(numbers['drawn'])} drawn, the largest {numbers['largest']}"
    by = f"by {', '.join(numbers['by'])}" if numbers["by"] else ""
    result = f"{findings[0].clause}: {findings[0].detail}" if findings else "no counterexample was found"
    at = f"at {shown(decode(numbers['instance']))}" if "instance" in numbers else ""
    conclusion, assurance = (findings[0].conclusion, findings[0].assurance) if findings else (UNDECIDED, "none")
    verdict = Verdict(conclusion, assurance, numbers["attacked"], detail=result)
    return EngineSummary(evidence.engine, verdict, evidence.seconds, "; ".join(filter(None, (what, by, result, at))))


def _merge(names: Iterable[str], groups: Sequence[Iterable[Evidence]]) -> tuple[dict[str, Verdict], str]:
    """The verdict on each named clause, and on any other that was reported on; and the first conflict."""
    found = (finding.clause for group in groups for e in group for finding in e.findings)
    clauses: dict[str, Verdict] = {}
    conflict = ""
    for name in dict.fromkeys([*names, *found]):
        try:
            clauses[name] = clause_verdict(name, _about(name, groups))
        except Conflict as error:
            conflict = conflict or str(error)
            clauses[name] = Verdict(UNDECIDED, "none", 0, detail="conflict")
    return clauses, conflict


def _weakest(clauses: Mapping[str, Verdict], conflict: str, complete: int) -> Verdict:
    """A conflict leaves everything undecided, and so does it when no instance was examined in all its clauses."""
    if conflict:
        return Verdict(UNDECIDED, "none", 0, detail=f"conflict: {conflict}")
    weakest = statement_verdict(clauses)
    if weakest.conclusion != HOLDS:
        return weakest
    if not complete:
        return Verdict(UNDECIDED, "none", 0, detail="no instance was examined in all its clauses")
    return replace(weakest, instances=complete)


def _about(clause: str, groups: Iterable[Iterable[Evidence]]) -> list[list[Evidence]]:
    """The evidence of those instances on which some engine reports on the clause."""
    kept = ([e for e in group if any(f.clause == clause for f in e.findings)] for group in groups)
    return [group for group in kept if group]


def _number(instances: int) -> str:
    return f"{instances} instance" if instances == 1 else f"{instances} instances"


def exit_status(results: Iterable[Examination]) -> int:
    """1 when anything is not as expected, else 3 when anything could not be examined, else 0."""
    statuses = {result.status for result in results}
    return next((status for status in (NOT_AS_EXPECTED, NOT_EXAMINED) if status in statuses), AS_EXPECTED)
