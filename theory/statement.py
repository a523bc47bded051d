"""Statements: families of claims with their hypotheses, source and expected verdict, and the registry of them.

A theorem is a conjecture with a proof attached: ``@theorem`` and ``@conjecture`` make the same ``Statement``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from typing import Any

from theory.claims import Claim
from theory.errors import StatementError as StatementError

Parameters = Mapping[str, Any]

PAPERS = tuple(
    f"theory.papers.{paper}"
    for paper in (
        "dang2023",
        "sukenik2023",
        "sukenik2024",
        "ufm",
        "zhu2021",
        "zhou2022mse",
        "tirer2022",
        "seli",
        "dang2024",
        "hongling",
        "losses",
        "softmaxcode",
        "regression",
        "resnet2025",
        "garrod2025",
        "garrod2024",
        "beaglehole2024",
        "jacot2024",
    )
)
"""Modules whose statements make up the registry."""

EXAMPLES_A_RUN = 6
"""Examples of one run of Hypothesis; see ``Statement.draw``."""

PROVENANCE = {
    "P": "the paper's own text was read",
    "Q": "restated by another paper or by the official code",
    "R": "reconstructed: the printed text was not seen",
    "X": "an extension, derived beyond the paper",
}


@dataclass(frozen=True)
class Source:
    """Where a statement stands: paper, version, place, and how its text is known (a key of ``PROVENANCE``).

    ``parts`` names what is known in another way than the rest, after its own key.

    >>> source = Source("Nobody 2020", "v1", "Theorem 1", "P", (("R", "the constant"),))
    >>> str(source)
    'Nobody 2020 (v1), Theorem 1 [P; R: the constant]'
    >>> source.letters
    'P, R'
    >>> source.known
    "the paper's own text was read; the constant: reconstructed, the printed text was not seen"
    >>> source.reconstructed
    'the constant'
    """

    paper: str
    version: str
    locator: str
    provenance: str
    parts: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.paper} ({self.version}), {self.locator} [{self.mark}]"

    @property
    def mark(self) -> str:
        """The keys of ``PROVENANCE``, with the parts that they are about."""
        return "; ".join([self.provenance, *(f"{key}: {part}" for key, part in self.parts)])

    @property
    def letters(self) -> str:
        """The keys alone."""
        return ", ".join([self.provenance, *(key for key, _ in self.parts)])

    @property
    def known(self) -> str:
        """How the text is known, in words."""
        parts = (f"{part}: {PROVENANCE[key].replace(':', ',')}" for key, part in self.parts)
        return "; ".join([PROVENANCE[self.provenance], *parts])

    @property
    def reconstructed(self) -> str:
        """What was reconstructed of a text that was read, empty for nothing."""
        return ", ".join(part for key, part in self.parts if key == "R")


@dataclass(frozen=True)
class Expected:
    """The verdict that a statement is expected to get: a conclusion and the least assurance; a reason where unusual."""

    conclusion: str = "holds"
    at_least: str = "certified"
    reason: str = ""


DRAWN = "drawn: "
"""Begins names of hypotheses that are not the theorem's, but keep instances to what a computer can do."""


@dataclass(frozen=True)
class Statement:
    """A family of claims: ``build(**parameters)`` makes the claim of one instance.

    ``strategies`` draw parameters, ``hypotheses`` are named predicates over them, ``witness`` is one non-trivial choice
    that meets them, ``configurations`` are instances that are always examined (a paper's own experiments), and
    ``wrong`` holds deliberately false versions by name, as keyword arguments that change what ``build`` asserts.
    """

    id: str
    build: Callable[..., Claim]
    strategies: Mapping[str, Any]
    hypotheses: Mapping[str, Callable[..., bool]] = field(default_factory=dict)
    source: Source | None = None
    expected: Expected = Expected()
    witness: Parameters = field(default_factory=dict)
    configurations: tuple[Parameters, ...] = ()
    wrong: Mapping[str, Parameters] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The first line of the statement's docstring."""
        return (inspect.getdoc(self.build) or self.id).splitlines()[0]

    @property
    def text(self) -> str:
        """The whole docstring."""
        return inspect.getdoc(self.build) or ""

    @property
    def assumed(self) -> list[str]:
        """The names of the hypotheses that are the theorem's own."""
        return [name for name in self.hypotheses if not name.startswith(DRAWN)]

    @property
    def limits(self) -> list[str]:
        """What instances are kept to besides."""
        return [name.removeprefix(DRAWN) for name in self.hypotheses if name.startswith(DRAWN)]

    def unmet(self, parameters: Parameters) -> list[str]:
        """Names of the hypotheses that the parameters do not meet."""
        return [name for name, holds in self.hypotheses.items() if not holds(**parameters)]

    def claim(self, parameters: Parameters, wrong: str | None = None) -> Claim:
        """The claim for one choice of parameters; ``wrong`` names a deliberately false version.

        Raises:
            StatementError: when a hypothesis is not met, or there is no such wrong version.
        """
        unmet = self.unmet(parameters)
        if unmet:
            raise StatementError(f"{self.id}: hypothesis not met: {unmet[0]}")
        if wrong is not None and wrong not in self.wrong:
            raise StatementError(f"{self.id} has no wrong version called {wrong!r}")
        return self.build(**parameters, **(self.wrong[wrong] if wrong else {}))

    def draw(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Up to ``count`` different choices of parameters that meet the hypotheses, reproducible from the seed.

        Hypothesis varies earlier examples within a run, so many short runs are more diverse than a long one.
        """
        found: dict[str, dict[str, Any]] = {}
        for parameters in _examples(self.strategies, count, seed):
            if len(found) == count:
                break
            if not self.unmet(parameters):
                found.setdefault(repr(sorted(parameters.items())), parameters)
        return list(found.values())

    def examples(self, count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
        """About ``count`` drawn choices of parameters, equal ones and those that meet no hypothesis included."""
        run = 0
        while EXAMPLES_A_RUN * run < count:
            yield from short_run(self.strategies, seed * 1_000_003 + run)
            run += 1

    def instances(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """The witness, the fixed configurations, then drawn parameters: ``count`` drawn ones at most."""
        fixed = [dict(self.witness)] if self.witness else []
        return [*fixed, *map(dict, self.configurations), *self.draw(count, seed)]


def _examples(strategies: Mapping[str, Any], runs: int, seed: int) -> Iterator[dict[str, Any]]:
    """The examples of short runs; the simplest one, with which every run begins, comes last."""
    last: list[dict[str, Any]] = []
    for run in range(runs):
        simplest, *others = short_run(strategies, seed * 1_000_003 + run)
        last = [simplest]
        yield from others
    yield from last


def short_run(strategies: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """A few examples of one run of Hypothesis."""
    import hypothesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    examples: list[dict[str, Any]] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=EXAMPLES_A_RUN,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.fixed_dictionaries(dict(strategies)))
    def collect(parameters: dict[str, Any]) -> None:
        examples.append(parameters)

    collect()
    return examples


_registry: dict[str, Statement] = {}


def theorem(id: str, **fields: Any) -> Callable[[Callable[..., Claim]], Statement]:
    """Register the decorated function as a published statement; keywords are strategies or fields of ``Statement``."""

    def register(build: Callable[..., Claim]) -> Statement:
        statement = _statement(id, build, fields)
        if id in _registry and _place(_registry[id].build) != _place(build):  # importing a module again is no conflict
            raise StatementError(f"two statements have the id {id}")
        _registry[id] = statement
        return statement

    return register


def _place(build: Callable[..., Claim]) -> tuple[str, str]:
    return build.__module__, build.__qualname__


def conjecture(**fields: Any) -> Callable[[Callable[..., Claim]], Statement]:
    """Make the decorated function a statement of one's own; its id is the function's name."""
    return lambda build: _statement(build.__name__, build, fields)


def _statement(id: str, build: Callable[..., Claim], fields: Mapping[str, Any]) -> Statement:
    own = {"hypotheses", "source", "expected", "witness", "configurations", "wrong"}
    known = {name: value for name, value in fields.items() if name in own}
    strategies = {name: value for name, value in fields.items() if name not in own}
    if not isinstance(known.get("hypotheses", {}), Mapping):
        raise StatementError(f"{id}: hypotheses are predicates by name, as in hypotheses={{'K ≥ 2': lambda K: K >= 2}}")
    accepted = inspect.signature(build).parameters
    any_name = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in accepted.values())
    for name in strategies:
        if name not in accepted and not any_name:
            raise StatementError(f"{id}: there is a strategy for {name}, which is not a parameter of the statement")
    return Statement(id=id, build=build, strategies=strategies, **known)


def statements() -> dict[str, Statement]:
    """All registered statements by id, in the order in which the papers list them."""
    for module in PAPERS:
        import_module(module)
    return dict(_registry)


def omitted(*patterns: str) -> dict[str, str]:
    """What the papers say and no statement does, with the reason, by id: ``OMITTED`` of each paper module."""
    from fnmatch import fnmatchcase

    reasons: dict[str, str] = {}
    for module in PAPERS:
        reasons |= getattr(import_module(module), "OMITTED", {})
    return {id: why for id, why in reasons.items() if any(fnmatchcase(id, p) for p in patterns or ("*",))}


def find(pattern: str) -> list[Statement]:
    """Statements whose id is, or matches, a pattern with ``*`` and ``?``.

    Raises:
        StatementError: when none does, naming ids that resemble it, or why it is omitted.
    """
    from fnmatch import fnmatchcase

    known = statements()
    found = [s for id, s in known.items() if fnmatchcase(id, pattern)]
    if not found:
        for id, why in omitted(pattern).items():
            raise StatementError(f"{id} is not stated: {why}")
        near = get_close_matches(pattern, known, n=3, cutoff=0.4)
        nearest = f"; nearest: {', '.join(near)}" if near else ""
        raise StatementError(f'no statement matches "{pattern}"{nearest}')
    return found


@dataclass(frozen=True)
class Instance:
    """One claim to examine, with the parameters and the statement that it came from where there is one."""

    claim: Claim
    parameters: Parameters = field(default_factory=dict)
    statement: Statement | None = None
    wrong: str | None = None

    @classmethod
    def of(cls, statement: Statement, parameters: Parameters, wrong: str | None = None) -> Instance:
        """The instance of a statement at some parameters."""
        return cls(statement.claim(parameters, wrong), dict(parameters), statement, wrong)

    @property
    def rebuild(self) -> Callable[..., Claim] | None:
        """Makes the claim at other parameters, or None for a claim without a statement."""
        return None if self.statement is None else partial(_rebuild, self.statement, self.wrong)


def _rebuild(statement: Statement, wrong: str | None, **parameters: Any) -> Claim:
    return statement.claim(parameters, wrong)
