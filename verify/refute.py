"""The refuter: tries hard to refute a conjecture, smallest instances first, and says what it examined.

Instances are drawn by Hypothesis, ordered by size, and attacked in rounds of growing effort, so that the first witness
is a small one. An attack proposes points by descent; what refutes is a certificate that the checker accepts. ``check``
is behind ``collapse check``; ``examined`` does the same to each statement of ``collapse verify``, with a small budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from theory.claims import (
    Claim,
    Constants,
    CriticalPoints,
    Experiment,
    GlobalMinimum,
    Inequality,
    NotGlobalMinimum,
    Spectrum,
    digest,
)
from theory.model import UnconstrainedFeatures
from theory.statement import Instance, Statement
from verify.attacks import FIRST_BATCH, Attack, Found, attack_on, preload
from verify.engines import REFUTER, Settings
from verify.interrupt import at_most
from verify.recheck import recheck
from verify.results import Outcome
from verify.verdict import Evidence, Finding, Unable, refuted
from verify.work import encode, rejection, sentence, shown, with_origin

ATTACKED = GlobalMinimum | NotGlobalMinimum | CriticalPoints | Inequality | Constants | Experiment
"""Kinds of claim that something can be tried against."""

DRAWING = 0.2
"""Share of the time after which no more instances are drawn."""

BUILDING = 0.4
"""Share of the time after which no more claims are built: what is there is attacked in the rest."""

EXHAUSTED = Constants | NotGlobalMinimum
"""Kinds of claim that two rounds exhaust: no start of a search is tried."""

POOL = 400
"""Instances drawn at most; small families are drawn whole."""

MOST_ENTRIES = 100_000
"""Claims about more entries are not attacked: one evaluation would take longer than the first round."""

MOST_TOLD = 4
"""Different problems that are listed."""

BUDGET = 60.0
"""Seconds for one conjecture unless more or less is asked for."""


@dataclass(frozen=True)
class Reach:
    """How far an attack goes: seconds, instances drawn at most, and starts of each kind in a first batch of descent.

    ``of_processor``: seconds of work, however busy the machine is, in place of seconds that somebody waits.
    """

    seconds: float
    instances: int = POOL
    starts: int = FIRST_BATCH
    of_processor: bool = False

    @property
    def now(self) -> Callable[[], float]:
        """The clock that the seconds are of."""
        return time.process_time if self.of_processor else time.monotonic


REACH = {"quick": Reach(1.0, 60, 8, of_processor=True), "full": Reach(60.0, of_processor=True)}
"""For a statement that is verified, which engines examine as well."""

FIRST_EFFORT, GROWTH = 0.4, 3.0
"""Seconds that each instance gets in the first round, and the factor from round to round."""


MOST_EFFORT = 1e9
"""What is remembered of an effort: rounds that take no time let it grow beyond any number."""

LAST_ROUND = 2
"""Where nothing varies or can be refuted there is no search: the second round, of all engines, is the last."""


@dataclass(frozen=True)
class Progress:
    """What the refuter is doing: a conjecture, the round, how many instances of how many, seconds spent."""

    conjecture: str
    round: int
    instance: int
    instances: int
    seconds: float


@dataclass
class Memory:
    """What an interrupted check leaves for the next one: what was attacked how hard, and the best witness so far."""

    attacked: dict[str, float] = field(default_factory=dict)
    witness: tuple[str, Mapping[str, Any]] | None = None
    runs: int = 0
    """How many checks there were: each goes on with random starts of its own."""


@dataclass(frozen=True)
class Witness:
    """A refuted instance: its parameters, the certificates, which start led there, and lines for a reader."""

    parameters: Mapping[str, Any]
    claim: Claim
    found: Found


@dataclass(frozen=True)
class Checked:
    """What became of one conjecture."""

    name: str
    conclusion: str
    assurance: str
    reason: str
    instances: int
    drawn: int
    seconds: float
    seed: int
    witness: Witness | None = None
    largest: str = ""
    engines: tuple[str, ...] = ()
    candidate: tuple[Mapping[str, Any], Finding] | None = None
    """Parameters and clause of a violation that only floats see."""
    rejected: str = ""
    """Why the checker rejected a certificate: always an error of this software."""

    @property
    def examined(self) -> bool:
        """Whether anything was attacked, or refuted."""
        return self.witness is not None or self.instances > 0


@dataclass(frozen=True)
class _Target:
    parameters: Mapping[str, Any]
    text: str
    claim: Claim
    size: tuple[int, ...]
    digest: str
    """Of the claim: what was found about another claim of the same name and parameters counts for nothing."""


class Timeout(BaseException):
    """The budget is spent; not an Exception, so that nothing swallows it."""


def check(
    conjecture: Statement,
    budget: float = BUDGET,
    seed: int = 0,
    progress: Callable[[Progress], None] = lambda event: None,
    memory: Memory | None = None,
    keep: Callable[[Memory], None] = lambda memory: None,
    device: str = "auto",
) -> Checked:
    """Try to refute a conjecture within a budget of seconds.

    Args:
        memory: what an earlier, interrupted check has left; ``keep`` is called with it whenever there is more.
        device: where descent runs, ``auto`` being the processor; what refutes is exact on either.

    >>> from hypothesis import strategies as st
    >>> from theory import Inequality, conjecture
    >>> from theory.ops import frobenius_norm, operator_norm
    >>> @conjecture(n=st.integers(1, 2))
    ... def too_good(n):
    ...     return Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(n, n))
    >>> check(too_good, budget=20).conclusion
    'refuted'
    """
    return _Check(conjecture, Reach(budget), seed, progress, memory or Memory(), keep, device=device).run()


def examined(statement: Statement, settings: Settings, wrong: str | None = None) -> Outcome:
    """What the refuter makes of a statement within the budget of ``collapse verify``.

    A witness is a finding with its certificates, a violation that only floats see a candidate, and of a survivor there
    is no finding: only how many instances were attacked, and which was the largest.

    >>> from theory.statement import find
    >>> examined(find("sukenik2024-srg-three-layers")[0], Settings(), "SRG wins at L = 3").evidence.numbers["instance"]
    '{"r":4}'
    """
    if statement.witness and isinstance(statement.claim(statement.witness, wrong), Experiment):
        return Outcome(REFUTER, unable="what a program measures refutes nothing")
    found = _Check(statement, REACH[settings.effort], settings.seed, wrong=wrong, device=settings.device).run()
    if found.rejected:
        return Outcome(REFUTER, failed=f"the checker rejects a certificate: {found.rejected}")
    if not found.examined and found.candidate is None:
        return Outcome(REFUTER, unable=found.reason)
    numbers = {"attacked": found.instances, "drawn": found.drawn, "largest": found.largest, "by": list(found.engines)}
    at, finding = found.candidate or (None, None)
    certificates: tuple[Mapping[str, Any], ...] = ()
    if found.witness is not None:
        shot, at = found.witness.found, found.witness.parameters
        finding, certificates = refuted(shot.clause, f"{shot.detail} (by {shot.start})"), shot.certificates
    if at is not None:
        numbers["instance"] = encode(at)
    findings = () if finding is None else (finding,)
    return Outcome(REFUTER, Evidence(REFUTER, findings, found.seconds, numbers, (), certificates))


class _Check:
    """One conjecture under attack."""

    def __init__(
        self,
        conjecture: Statement,
        reach: Reach,
        seed: int,
        progress: Callable[[Progress], None] = lambda event: None,
        memory: Memory | None = None,
        keep: Callable[[Memory], None] = lambda memory: None,
        wrong: str | None = None,
        device: str = "auto",
    ) -> None:
        self.conjecture, self.reach, self.seed, self.wrong = conjecture, reach, seed, wrong
        self.device = "cpu" if device == "auto" else device  # with few starts, the processor is the faster one
        self.progress, self.memory, self.keep = progress, memory or Memory(), keep
        preload()  # an interrupted import leaves a library unusable
        self.now, self.start = reach.now, reach.now()
        self.end = self.start + reach.seconds
        self.attacked: dict[str, _Target] = {}
        self.used: dict[str, None] = {}
        self.drawn = 0
        self.problems: dict[str, int] = {}
        self.witness: Witness | None = None
        self.candidate: tuple[Mapping[str, Any], Finding] | None = None
        self.rejected = ""

    def run(self) -> Checked:
        """Draw and attack until there is a witness, or the budget is spent."""
        try:
            with at_most(self.end - self.reach.now(), Timeout, self.reach.of_processor):
                targets = self._targets()
                if targets:
                    self._attack(targets)
        except Timeout:
            pass
        self.memory.runs += 1
        if self.witness is None:
            self.keep(self.memory)
        return self._checked()

    def _targets(self) -> list[_Target]:
        """The drawn instances with their claims, smallest first."""
        try:
            enough = self.start + DRAWING * self.reach.seconds
            drawn = _pool(self.conjecture, self.seed, self.reach.instances, lambda: self.now() > enough)
        except Exception as error:
            self._in_time()
            self.problems[f"its strategies could not be drawn from ({sentence(error)})"] = 1
            return []
        self.drawn = len(drawn)
        found: list[_Target] = []
        unmet: dict[str, int] = {}
        for parameters in drawn:
            if found and self.now() > self.start + BUILDING * self.reach.seconds:
                break
            try:
                if names := self.conjecture.unmet(parameters):
                    unmet[names[0]] = unmet.get(names[0], 0) + 1
                    continue
                claim = self.conjecture.claim(parameters, self.wrong)
                if not isinstance(claim, Claim):
                    raise TypeError(f"it returns a {type(claim).__name__}, not a claim such as Inequality(…)")
                if not isinstance(claim, ATTACKED):
                    raise Unable(f"no attack is known on claims of the kind {claim.kind}")
                if (entries := entries_of(claim)) > MOST_ENTRIES:
                    what = "matrix has" if isinstance(claim, Spectrum) else "variables have"
                    raise ValueError(f"its {what} {entries:,} entries, more than {MOST_ENTRIES:,}")
                size = size_of(claim, parameters)
                found.append(_Target(parameters, encode(parameters), claim, size, digest(claim)))
            except (Timeout, KeyboardInterrupt):
                raise
            except Unable as reason:
                self._note(str(reason))
            except BaseException as error:  # SystemExit and a test's skip too
                self._in_time()
                self._note(f"its claim could not be examined: {sentence(error)}")
        if not drawn:
            self._note("its strategies draw nothing")
        elif not found and unmet:
            name = max(unmet, key=lambda n: unmet[n])
            self._note(f"vacuous: none of {len(drawn)} drawn instances meets the hypothesis {name!r}")
        return sorted(found, key=lambda target: (target.size, target.text))

    def _in_time(self) -> None:
        """What fails once the time is up was interrupted, whatever a library has made of that."""
        if self.now() >= self.end:
            raise Timeout

    def _note(self, problem: str) -> None:
        self.problems[problem] = self.problems.get(problem, 0) + 1

    def _attack(self, targets: Sequence[_Target]) -> None:
        """Rounds over all targets with growing effort, until a witness is found; then smaller ones once more."""
        known: dict[tuple[int, int], Any] = {}
        attacks = [attack_on(target.claim, known, self.reach.starts, self.device) for target in targets]
        if self.memory.witness is not None:
            self._recall(targets)
        effort, number = FIRST_EFFORT, 0
        while self.witness is None and not (number > 1 and all(isinstance(t.claim, EXHAUSTED) for t in targets)):
            number += 1
            for i, (target, attack) in enumerate(zip(targets, attacks, strict=True)):
                if self.memory.attacked.get(target.digest, 0.0) >= effort:
                    self.attacked[target.text] = target
                    continue
                self.progress(Progress(self.conjecture.id, number, i + 1, len(targets), self._seconds()))
                if self._found(target, attack, effort, number):
                    break
            effort *= GROWTH
            if number == LAST_ROUND and all(isinstance(target.claim, Constants | Experiment) for target in targets):
                return

    def _found(self, target: _Target, attack: Attack, effort: float, number: int) -> bool:
        """Attack one instance; whether it is refuted by certificates that the checker accepts."""
        if self.now() >= self.end:
            raise Timeout
        instance = Instance(target.claim, target.parameters, self.conjecture, self.wrong)
        seed = self.seed + 1_000 * number + 1_000_000 * self.memory.runs
        found = attack.run(instance, seed, min(effort, self.end - self.now()))
        if self.now() >= self.end:
            attack.problems.clear()  # what was interrupted did not fail
            attack.candidates.clear()
        self.used |= dict.fromkeys(attack.used)
        for problem in attack.problems:
            if number == 1 or problem not in self.problems:  # once for each instance, not for each round
                self._note(problem)
        attack.problems.clear()
        if attack.candidates:
            self.candidate = self.candidate or (target.parameters, attack.candidates[0])
            attack.candidates.clear()
        if found is not None:
            found = replace(found, certificates=tuple(with_origin(c, instance) for c in found.certificates))
            if reason := rejection(found.certificates, recheck):
                self._note(f"the checker rejects a certificate: {reason}")
                self.rejected, found = reason, None
        if attack.decided or found is not None:
            self.attacked[target.text] = target
            self.memory.attacked[target.digest] = min(effort, MOST_EFFORT)
        if found is not None:
            self.witness = Witness(target.parameters, target.claim, found)
            self.memory.witness = (target.digest, found.to_json())
        self.keep(self.memory)
        return found is not None

    def _recall(self, targets: Sequence[_Target]) -> None:
        """The witness of an earlier check, if its certificates are still accepted and its claim is still made."""
        assert self.memory.witness is not None
        name, data = self.memory.witness
        found = Found.from_json(data)
        if rejection(found.certificates, recheck):
            return
        for target in targets:
            if target.digest == name:
                self.witness = Witness(target.parameters, target.claim, found)
                self.attacked[target.text] = target

    def _seconds(self) -> float:
        return self.now() - self.start

    def _checked(self) -> Checked:
        told = [f"{what} ({n} times)" if n > 1 else what for what, n in self.problems.items()]
        more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
        reason = "; ".join([*told[:MOST_TOLD], *more])
        largest = max(self.attacked.values(), key=lambda t: (t.size, t.text)).parameters if self.attacked else None
        refuted = self.witness is not None
        survived = not refuted and bool(self.attacked)
        return Checked(
            name=self.conjecture.id,
            conclusion="refuted" if refuted else "undecided",
            assurance="certified" if refuted else "none",
            reason=_why(self.witness) if self.witness else reason or _outcome(survived),
            instances=len(self.attacked),
            drawn=self.drawn,
            seconds=self._seconds(),
            seed=self.seed,
            witness=self.witness,
            largest=shown(largest) if largest else "",
            engines=tuple(self.used),
            candidate=self.candidate,
            rejected=self.rejected,
        )


def _why(witness: Witness) -> str:
    if witness.found.certificates:
        return "the checker accepts its certificates"
    return "decided in exact arithmetic; this kind of failure has no certificate"


def _outcome(survived: bool) -> str:
    return "no counterexample was found" if survived else "nothing was examined in the time given"


def _pool(
    conjecture: Statement, seed: int, most: int = POOL, late: Callable[[], bool] = lambda: False
) -> list[dict[str, Any]]:
    """The witness and configurations, then different drawn parameters, whether or not they meet the hypotheses."""
    fixed = [dict(p) for p in (conjecture.witness, *conjecture.configurations) if p]
    found = {repr(sorted(p.items())): p for p in fixed}
    unchanged = 0
    for parameters in conjecture.examples(most, seed):
        before = len(found)
        found.setdefault(repr(sorted(parameters.items())), parameters)
        unchanged = unchanged + 1 if len(found) == before else 0
        if len(found) >= most or unchanged > most // 2 or late():
            break
    return list(found.values())


def size_of(claim: Claim, parameters: Mapping[str, Any]) -> tuple[int, ...]:
    """What instances are ordered by: classes, depth, samples and widths of a model, else entries of all variables."""
    problem = None if isinstance(claim, Inequality | Constants | Experiment) else claim.problem
    if isinstance(problem, UnconstrainedFeatures):
        digits = len(str(problem.feature_decay)) + sum(len(str(x)) for x in problem.weight_decays)
        return (problem.K, problem.M, problem.N, sum(problem.widths), digits)
    return (entries_of(claim), len(encode(parameters)))


def entries_of(claim: Claim) -> int:
    """How many entries all variables of a claim have together."""
    if isinstance(claim, Constants | Experiment):
        return claim.matrix.shape[0] ** 2 if isinstance(claim, Spectrum) else 0
    variables = claim.variables if isinstance(claim, Inequality) else claim.problem.variables
    return sum(v.shape[0] * v.shape[1] if v.shape else 1 for v in variables.values())
