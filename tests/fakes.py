"""Small statements and engines, importable by worker processes. Engines log each instance that they really examine."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from hypothesis import strategies as st

from theory.claims import GlobalMinimum, Inequality
from theory.model import UnconstrainedFeatures
from theory.ops import constant, sum_squares, trace
from theory.statement import Expected, Instance, Source, Statement
from verify.checker import Rejected
from verify.engines import REFUTER, Settings
from verify.pool import Spread
from verify.results import Outcome
from verify.verdict import Evidence, Unable, holds, refuted, undecided
from verify.work import OutOfTime, Registry, time_limit

FEW = 3
MODEL = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, decays="1/100", bias="last-layer")
SOURCE = Source("Nobody 2020", "v1", "Theorem 1", "P")
PARTLY = Source("Nobody 2020", "v1", "Theorem 3", "P", (("R", "the shift"),))


def square(size: int, shift: Fraction) -> Inequality:
    """A shifted sum of squares is not negative."""
    return Inequality(lambda X: constant(0) * trace(X), lambda X: sum_squares(X) + shift, X=(size, size))


def _minimum(model: UnconstrainedFeatures) -> GlobalMinimum:
    """The objective's minimum is one half."""
    return GlobalMinimum(model, constant(Fraction(1, 2)))


def _broken(size: int) -> Inequality:
    """A statement whose claim cannot be built."""
    raise ZeroDivisionError("no claim at this size")


def statements() -> dict[str, Statement]:
    """The registry of the tests."""
    shifts = {"size": st.integers(1, 3), "shift": st.sampled_from([Fraction(0), Fraction(1, 3)])}
    witness = {"size": 2, "shift": Fraction(1, 2)}
    known = [
        Statement("fake-square", square, shifts, source=SOURCE, witness=witness, wrong={"negative": {"shift": -1}}),
        Statement(
            "fake-other", square, shifts, source=SOURCE, witness=witness, expected=Expected("holds", "numerical")
        ),
        Statement("fake-model", _minimum, {"model": st.just(MODEL)}, source=SOURCE, configurations=({"model": MODEL},)),
        Statement("fake-false", square, shifts, witness=witness, source=Source("Nobody 2020", "v1", "Theorem 2", "R")),
        Statement("fake-partly", square, shifts, witness=witness, source=PARTLY),
        Statement("fake-broken", _broken, {"size": st.integers(1, 2)}, source=SOURCE, witness={"size": 1}),
    ]
    return {statement.id: statement for statement in known}


def _log(name: str, what: object) -> None:
    log = os.environ.get("FAKE_LOG")
    if log:
        with Path(log).open("a") as file:
            file.write(f"{name} {os.getpid()} {what}\n")


@dataclass(frozen=True)
class Fake:
    """An engine made of one function, which logs its work."""

    name: str
    found: Callable[[Instance, Settings, tuple[str, ...]], Evidence]

    def examine(self, instance: Instance, settings: Settings) -> Evidence:
        _log(self.name, instance.parameters)
        return self.found(instance, settings, instance.claim.clause_names)


def _certified(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    return Evidence("certified", tuple(holds(name, "certified") for name in names))


def _numerical(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    numbers = {"claimed": "0.5", "best": 0.5 + 1e-12, "gap": float("inf"), "exact": Fraction(1, 3)}
    return Evidence("numerical", tuple(holds(name, "numerical") for name in names), numbers=numbers)


def _sealing(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    certificate = {"kind": "fake", "parameters": repr(sorted(instance.parameters.items()))}
    return Evidence("sealing", tuple(holds(name, "certified") for name in names), certificates=(certificate,))


def _against(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    return Evidence("against", (refuted(names[0], "at X = 0"),))


def _hesitant(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    return Evidence("hesitant", tuple(undecided(name, "a candidate at X = 1") for name in names))


def _unable(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    raise Unable("not my kind of claim")


def _raising(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    raise RuntimeError("no convergence\nin 7 steps")


def _leaving(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    sys.exit(5)


def _slow(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0.3")))
    return _certified(instance, settings, names)


def _deadly(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    if instance.parameters.get("size") == 2:
        os._exit(9)
    return _certified(instance, settings, names)


def _frail(instance: Instance, settings: Settings, names: tuple[str, ...]) -> Evidence:
    """Dies once, then works."""
    mark = Path(os.environ["FAKE_LOG"] + ".died")
    if not mark.exists():
        mark.touch()
        os._exit(9)
    return _certified(instance, settings, names)


ALL = {
    name: Fake(name, found)
    for name, found in {
        "certified": _certified,
        "numerical": _numerical,
        "sealing": _sealing,
        "against": _against,
        "hesitant": _hesitant,
        "unable": _unable,
        "raising": _raising,
        "leaving": _leaving,
        "slow": _slow,
        "deadly": _deadly,
        "frail": _frail,
    }.items()
}


def load(name: str) -> Fake:
    """Find a fake engine."""
    return ALL[name]


def drawn(name: str, effort: str) -> int:
    """As many drawn instances for each, but for one engine that runs on fewer."""
    return 1 if name == "numerical" else FEW


def check(certificate: dict[str, str]) -> str:
    """Accept the fake engine's certificates."""
    if certificate["kind"] != "fake":
        raise Rejected("not a fake")
    return "a fake"


def strict(certificate: dict[str, str]) -> str:
    """Reject everything."""
    raise Rejected("the bound is below the value")


ELSEWHERE = '{"shift":{"rational":"7"},"size":1}'


def refute(statement: Statement, settings: Settings, wrong: str | None) -> Outcome:
    """One statement is refuted, at an instance that no engine examines; the others survive."""
    _log(REFUTER, statement.id)
    numbers = {"attacked": 1, "drawn": 9, "largest": "size = 3", "by": ["a guess"]}
    if statement.id != "fake-false":
        return Outcome(REFUTER, Evidence(REFUTER, (), 0.5, numbers))
    finding, certificate = refuted("inequality", "at X = 0"), {"kind": "fake", "at": ELSEWHERE}
    return Outcome(REFUTER, Evidence(REFUTER, (finding,), 0.5, {**numbers, "instance": ELSEWHERE}, (), (certificate,)))


def registry() -> Registry:
    """All fakes."""
    return Registry(statements, tuple(ALL), load, drawn, check, refute)


@contextmanager
def in_this_process(*_: object) -> Iterator[Spread]:
    """In place of workers, which take seconds to start."""
    yield lambda function, tasks, **_: ((task, function(task)) for task in tasks if task is not None)


def noted(task: tuple[str, int]) -> int:
    """The square of a number, after a line in a log; −1 kills its process."""
    log, number = task
    with Path(log).open("a") as file:
        file.write(f"{number} {os.getpid()}\n")
    if number == -1:
        os._exit(9)
    if number < 0:
        raise ValueError("not a task")
    time.sleep(0.05)
    return number * number


def too_long(seconds: float) -> str:
    """What becomes of work that would never end, in a thread that gets no signals."""
    try:
        with time_limit(seconds):
            while True:
                time.sleep(0.01)
    except OutOfTime as error:
        return str(error)


def main() -> None:
    """What a subprocess runs: two statements with a slow engine on the store in the environment."""
    from verify import runner, store

    store.state = lambda: "fixed"  # others may edit the source while this runs
    chosen = [statements()["fake-square"], statements()["fake-other"]]
    with store.Store() as kept:
        results = runner.run(chosen, engines=["slow", "sealing"], jobs=2, store=kept, registry=registry())
    print(*[f"{r.statement.id}: {r.verdict}" for r in results if r.statement], sep="\n")


def command(*arguments: str) -> None:
    """The command ``collapse`` on the fakes."""
    import theory.statement
    from verify import cli, runner

    theory.statement.statements = statements
    runner.Registry = partial(Registry, statements, tuple(ALL), load, drawn, check, refute)  # type: ignore[misc,assignment]
    sys.argv = ["collapse", *arguments]
    sys.exit(cli.main())
