"""One item of work: one engine on one instance, as plain data that a worker process can take and do again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from theory.parameters import decoded, encoded, written
from theory.statement import Instance, Statement
from theory.statement import statements as registered_statements
from verify import engines as engine_table
from verify.checker import Rejected
from verify.engines import ENGINES, REFUTER, Engine, Settings
from verify.interrupt import at_most
from verify.recheck import recheck
from verify.results import Outcome
from verify.store import canonical
from verify.verdict import Evidence, Unable

SECONDS = {"quick": 120, "full": 3600}
"""Longest time that an engine may take for one instance."""


def _refute(statement: Statement, settings: Settings, wrong: str | None) -> Outcome:
    from verify.refute import examined

    return examined(statement, settings, wrong)


@dataclass(frozen=True)
class Registry:
    """Where statements and engines are found by name: functions of importable modules, which workers find too."""

    statements: Callable[[], Mapping[str, Statement]] = registered_statements
    engines: tuple[str, ...] = ENGINES
    load: Callable[[str], Engine] = engine_table.load
    drawn: Callable[[str, str], int] = engine_table.drawn
    check: Callable[[Any], str] = recheck
    refute: Callable[[Statement, Settings, str | None], Outcome] = _refute


@dataclass(frozen=True)
class Item:
    """One engine on one instance, as plain data; the parameters are the text that ``encode`` makes.

    The refuter examines a statement as a whole, without parameters.
    """

    statement: str
    engine: str
    parameters: str
    settings: Settings
    wrong: str | None = None


@dataclass(frozen=True)
class Task:
    """An item for a worker, with certificates that spare it the work where the checker accepts them."""

    item: Item
    certificates: tuple[Mapping[str, Any], ...] = ()


def work(registry: Registry, task: Task) -> Outcome | None:
    """In a worker: the outcome of an item, or None where its stored certificates are accepted."""
    if task.certificates and not rejection(task.certificates, registry.check):
        return None
    item = task.item
    try:
        with time_limit(SECONDS[item.settings.effort]):
            statement = registry.statements()[item.statement]
            if item.engine == REFUTER:
                return registry.refute(statement, item.settings, item.wrong)
            instance = Instance.of(statement, decode(item.parameters), item.wrong)
            return outcome_of(item.engine, instance, item.settings, registry)
    except (Exception, SystemExit, OutOfTime) as error:
        return Outcome(item.engine, failed=sentence(error))


def outcome_of(name: str, instance: Instance, settings: Settings, registry: Registry) -> Outcome:
    """Let one engine examine one instance; whatever it raises becomes part of the outcome."""
    start = time.perf_counter()
    try:
        engine = registry.load(name)
        evidence = engine.examine(instance, settings)
        evidence = replace(evidence, certificates=tuple(with_origin(c, instance) for c in evidence.certificates))
        if reason := rejection(evidence.certificates, registry.check):
            return Outcome(name, failed=f"the checker rejects a certificate: {reason}")
        seconds = evidence.seconds or time.perf_counter() - start
        plain = _plain({**evidence.to_json(), "engine": name, "seconds": seconds})
        return Outcome(name, Evidence.from_json(plain))
    except Unable as error:
        return Outcome(name, unable=str(error) or "no reason given")
    except Exception as error:
        return Outcome(name, failed=sentence(error))


def with_origin(certificate: Mapping[str, Any], instance: Instance) -> Mapping[str, Any]:
    """The certificate with a note of the statement and parameters that it belongs to, for ``collapse recheck``."""
    if instance.statement is None or instance.wrong is not None:
        return certificate
    origin = {"statement": instance.statement.id, "parameters": encode(instance.parameters)}
    return {**certificate, "origin": origin}


class OutOfTime(BaseException):
    """An engine took too long; not an Exception, so that no engine swallows it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer, and say so."""
    try:
        with at_most(seconds, OutOfTime):
            yield
    except OutOfTime:
        raise OutOfTime(f"stopped after {seconds} seconds") from None


def sentence(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return first if isinstance(error, OutOfTime) else f"{type(error).__name__}: {first}"


def _plain(value: Any) -> Any:
    """What an engine reported, as JSON can hold it: exact numbers and infinities become text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(float(value))
    if value is None or isinstance(value, bool | int | str):
        return value
    return _plain(value.item()) if hasattr(value, "item") else str(value)


def rejection(certificates: Iterable[Mapping[str, Any]], check: Callable[[Any], str]) -> str:
    """Why the checker rejects one of the certificates; empty when it accepts all."""
    try:
        for certificate in certificates:
            check(certificate)
    except Rejected as error:
        return str(error)
    except Exception as error:
        return f"the checker failed on it: {sentence(error)}"
    return ""


def encode(parameters: Mapping[str, Any]) -> str:
    """Write the parameters of an instance as canonical text.

    Raises:
        TypeError: for a value that is not a model, a rational, an integer, text, or a tuple of these.

    >>> from fractions import Fraction
    >>> encode({"sizes": (2, 1), "decay": Fraction(1, 3)})
    '{"decay":{"rational":"1/3"},"sizes":{"tuple":[2,1]}}'
    """
    return canonical({name: encoded(value) for name, value in parameters.items()})


def decode(text: str) -> dict[str, Any]:
    """Read what ``encode`` wrote.

    >>> decode('{"decay":{"rational":"1/3"},"sizes":{"tuple":[2,1]}}')
    {'decay': Fraction(1, 3), 'sizes': (2, 1)}
    """
    return {name: decoded(value) for name, value in json.loads(text).items()}


def shown(parameters: Mapping[str, Any]) -> str:
    """Parameters on one line, by name: Hypothesis draws them in any order."""
    return ", ".join(f"{name} = {written(value)}" for name, value in sorted(parameters.items())) or "no parameters"
