"""Which engine examines what: in this process, or spread over a pool of workers with a store that survives crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from theory.claims import Claim, digest
from theory.model import UnconstrainedFeatures
from theory.statement import Instance, Statement
from verify.engines import REFUTER, Settings
from verify.errors import BadInput
from verify.pool import Lost, Spread, completed, hard_limit
from verify.results import Examination, Examined, Outcome
from verify.store import Store, result_key
from verify.work import SECONDS, Item, Registry, Task, decode, encode, outcome_of, rejection, sentence, work


@dataclass(frozen=True)
class Progress:
    """How far a run has come; ``finished`` when this was the statement's last item."""

    done: int
    total: int
    statement: str
    finished: bool


def examine(
    subject: Statement | Claim,
    engines: Sequence[str] | None = None,
    settings: Settings | None = None,
    count: int | None = None,
    wrong: str | None = None,
    registry: Registry | None = None,
) -> Examination:
    """Examine a statement, or a single claim, in this process and without a store.

    Args:
        subject: a statement, examined at its witness, its configurations and drawn instances; or one claim.
        engines: names of engines, the refuter of whole statements among them; default all.
        count: how many drawn instances at most; default as many as each engine runs on.
        wrong: the name of a deliberately false version of the statement.

    Raises:
        BadInput: for an unknown engine.
        StatementError: for an unknown wrong version.

    >>> from theory.claims import Inequality
    >>> from theory.ops import trace
    >>> claim = Inequality(lambda X: trace(X), lambda X: trace(X) + 1, X=(2, 2))
    >>> examine(claim, engines=[]).verdict.conclusion
    'undecided'
    """
    settings, registry = settings or Settings(), registry or Registry()
    names, attacked = _split(chosen(engines, registry))
    if not isinstance(subject, Statement):
        return Examination((_in_process(Instance(subject), names, settings, registry),))
    plan = _plan(subject, names, settings, registry, count)
    examined = []
    for position, parameters in enumerate(plan.parameters):
        instance = Instance.of(subject, parameters, wrong)
        able = [name for name in names if position < plan.reach[name]]
        found = _in_process(instance, able, settings, registry)
        examined.append(replace(found, configuration=plan.is_configuration(position)))
    return _with_refuter(examined, subject, registry.refute(subject, settings, wrong) if attacked else None)


def run(
    statements: Iterable[Statement],
    settings: Settings | None = None,
    engines: Sequence[str] | None = None,
    jobs: int = 1,
    store: Store | None = None,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda event: None,
    registry: Registry | None = None,
    spread: Spread | None = None,
) -> list[Examination]:
    """Examine statements in worker processes, keeping each finished item in the store.

    What the store holds already is not computed again, unless ``fresh``; its certificates are checked again first.
    ``spread`` is a cluster (``verify.cluster``) in place of a pool of so many ``jobs``.

    Raises:
        BadInput: for an unknown engine, or a store that cannot be used.
    """
    settings, registry = settings or Settings(), registry or Registry()
    names, attacked = _split(chosen(engines, registry))
    unique = {statement.id: statement for statement in statements}
    boards: dict[str, _Board] = {}
    sizes = {id: _at_most(s, names, settings, registry) + attacked for id, s in unique.items()}
    kept: dict[Item, Outcome] = {}
    done = 0

    def record(board: _Board, item: Item, outcome: Outcome) -> None:
        nonlocal done
        done += 1
        board.outcomes[item] = outcome
        progress(Progress(done, sum(sizes.values()), item.statement, finished=board.complete))

    def tasks() -> Iterator[Task | None]:
        for id, statement in unique.items():  # instances are drawn while workers examine those of earlier statements
            board = boards[id] = _Board(_plan_or_problem(statement, names, settings, registry), settings, attacked)
            sizes[id] = board.size
            yield None
            for item in board.items():
                kept_outcome = None if fresh or store is None else _stored(store, item, board)
                if kept_outcome is None:
                    yield Task(item)
                elif kept_outcome.evidence is not None and kept_outcome.evidence.certificates:
                    kept[item] = kept_outcome
                    yield Task(item, kept_outcome.evidence.certificates)
                else:
                    record(board, item, kept_outcome)
                    yield None

    spread, limit = spread or partial(completed, jobs=jobs), hard_limit(SECONDS[settings.effort])
    for task, result in spread(partial(work, registry), tasks(), limit=limit):
        board = boards[task.item.statement]
        if result is None:
            record(board, task.item, kept[task.item])
            continue
        outcome = Outcome(task.item.engine, failed=result.reason) if isinstance(result, Lost) else result
        if store is not None and not outcome.failed:
            _keep(store, task.item, board, outcome)
        record(board, task.item, outcome)
    return [board.examination() for board in boards.values()]


def stored(statement: Statement, store: Store, registry: Registry | None = None) -> Examination:
    """What the store holds about a statement, its certificates checked again."""
    check = (registry or Registry()).check
    found: dict[str, list[Outcome]] = {}
    refuter = None
    for body in store.of_statement(statement.id):
        outcome = _outcome(body)
        if body["item"]["wrong"] is None and not (outcome.evidence and rejection(outcome.evidence.certificates, check)):
            if outcome.engine == REFUTER:
                refuter = outcome
            else:
                found.setdefault(body["item"]["parameters"], []).append(outcome)
    examined = []
    for text, outcomes in found.items():
        claim = statement.claim(decode(text))
        examined.append(
            Examined(decode(text), claim.clause_names, tuple(outcomes), model=_model(claim), kind=claim.kind)
        )
    return _with_refuter(examined, statement, refuter)


def chosen(engines: Sequence[str] | None, registry: Registry) -> tuple[str, ...]:
    """The engines to use, in the table's order, and the refuter after them.

    Raises:
        BadInput: naming the engines that there are.
    """
    known = (*registry.engines, REFUTER)
    for name in engines or ():
        if name not in known:
            raise BadInput(f"no engine is called {name!r}; there are {', '.join(known)}")
    return known if engines is None else tuple(name for name in known if name in engines)


def _split(names: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The engines, which examine instances, and whether the refuter attacks the statement."""
    return tuple(name for name in names if name != REFUTER), REFUTER in names


def _with_refuter(examined: Sequence[Examined], statement: Statement, outcome: Outcome | None) -> Examination:
    """What the refuter found beside what engines did: at an instance of theirs, so that conflicts show, or another."""
    text = None if outcome is None or outcome.evidence is None else outcome.evidence.numbers.get("instance")
    instances = list(examined)
    if outcome is not None and text is not None:
        known = next((i for i, e in enumerate(instances) if encode(e.parameters) == text), None)
        if known is None:
            claim = statement.claim(decode(text))
            names, kind = claim.clause_names, claim.kind
            instances.append(Examined(decode(text), names, (outcome,), model=_model(claim), kind=kind))
        else:
            instances[known] = replace(instances[known], outcomes=(*instances[known].outcomes, outcome))
    return Examination(tuple(instances), statement, outcome)


@dataclass(frozen=True)
class _Plan:
    """The instances of a statement, as many of the first ones as each engine reaches."""

    statement: Statement
    parameters: tuple[dict[str, Any], ...]
    reach: Mapping[str, int]
    problem: str = ""

    def is_configuration(self, position: int) -> bool:
        """Whether the instance is one of the statement's own configurations."""
        return self.parameters[position] in map(dict, self.statement.configurations)


def _plan(
    statement: Statement, names: Sequence[str], settings: Settings, registry: Registry, count: int | None = None
) -> _Plan:
    """Draw the instances; all engines count, not only the named ones, so that the choice of engines changes nothing."""
    drawn = {name: registry.drawn(name, settings.effort) for name in registry.engines}
    most = max(drawn.values(), default=0) if count is None else count
    fixed = {encode(dict(p)): dict(p) for p in (statement.witness, *statement.configurations) if p}
    others = {encode(p): p for p in statement.draw(most, settings.seed)} if most else {}
    reach = {name: len(fixed) + (drawn[name] if count is None else count) for name in names}
    return _Plan(statement, tuple({**fixed, **others}.values()), reach)


def _at_most(statement: Statement, names: Sequence[str], settings: Settings, registry: Registry) -> int:
    """How many items of engines there are, unless fewer different instances can be drawn."""
    fixed = len({encode(dict(p)) for p in (statement.witness, *statement.configurations) if p})
    return sum(fixed + registry.drawn(name, settings.effort) for name in names)


def _plan_or_problem(statement: Statement, names: Sequence[str], settings: Settings, registry: Registry) -> _Plan:
    try:
        return _plan(statement, names, settings, registry)
    except Exception as error:
        return _Plan(statement, (), dict.fromkeys(names, 0), sentence(error))


class _Board:
    """Where the outcomes of one statement are collected."""

    def __init__(self, plan: _Plan, settings: Settings, attacked: bool) -> None:
        self.plan, self.settings = plan, settings
        self.outcomes: dict[Item, Outcome] = {}
        self.refuter = Item(plan.statement.id, REFUTER, "", settings) if attacked and not plan.problem else None
        self.size = sum(min(reach, len(plan.parameters)) for reach in plan.reach.values()) + bool(self.refuter)
        self._texts = [encode(parameters) for parameters in plan.parameters]
        self._claims: dict[str, Claim | str] = {}

    @property
    def complete(self) -> bool:
        """Whether every item has an outcome."""
        return len(self.outcomes) == self.size

    def items(self) -> Iterator[Item]:
        """The items, instance by instance; the refuter last."""
        for position, text in enumerate(self._texts):
            for engine, reach in self.plan.reach.items():
                if position < reach:
                    yield self._item(engine, text)
        if self.refuter is not None:
            yield self.refuter

    def claim(self, text: str) -> Claim | str:
        """The claim at some parameters, or the sentence of the error that building it raised."""
        if text not in self._claims:
            try:
                self._claims[text] = self.plan.statement.claim(decode(text))
            except Exception as error:
                self._claims[text] = sentence(error)
        return self._claims[text]

    def examination(self) -> Examination:
        """All outcomes together."""
        if self.plan.problem:
            broken = Examined({}, ("claim",), (Outcome("statement", failed=self.plan.problem),))
            return Examination((broken,), self.plan.statement)
        found = [self._examined(position) for position in range(len(self._texts))]
        return _with_refuter(found, self.plan.statement, self.outcomes.get(self.refuter) if self.refuter else None)

    def _examined(self, position: int) -> Examined:
        text, claim = self._texts[position], self.claim(self._texts[position])
        outcomes = [self.outcomes[i] for e in self.plan.reach if (i := self._item(e, text)) in self.outcomes]
        clauses = ("claim",) if isinstance(claim, str) else claim.clause_names
        configuration = self.plan.is_configuration(position)
        return Examined(
            self.plan.parameters[position],
            clauses,
            tuple(outcomes),
            configuration,
            _model(claim),
            getattr(claim, "kind", ""),
        )

    def _item(self, engine: str, text: str) -> Item:
        return Item(self.plan.statement.id, engine, text, self.settings)


def _in_process(instance: Instance, names: Sequence[str], settings: Settings, registry: Registry) -> Examined:
    outcomes = tuple(outcome_of(name, instance, settings, registry) for name in names)
    claim = instance.claim
    return Examined(instance.parameters, claim.clause_names, outcomes, model=_model(claim), kind=claim.kind)


def _model(claim: Claim | str) -> UnconstrainedFeatures | None:
    problem = getattr(claim, "problem", None)
    return problem if isinstance(problem, UnconstrainedFeatures) else None


def _key(item: Item, board: _Board) -> str | None:
    if item.engine == REFUTER:
        return result_key(asdict(item))
    claim = board.claim(item.parameters)
    return None if isinstance(claim, str) else result_key({"claim": digest(claim), **asdict(item)})


def _stored(store: Store, item: Item, board: _Board) -> Outcome | None:
    key = _key(item, board)
    body = None if key is None else store.get(key)
    return None if body is None else _outcome(body)


def _keep(store: Store, item: Item, board: _Board, outcome: Outcome) -> None:
    key, body = _key(item, board), outcome.to_json()
    certificates: Sequence[Mapping[str, Any]] = ()
    if body["evidence"] is not None:
        certificates = body["evidence"].pop("certificates")
    if key is not None:
        store.put(key, item.statement, {"item": asdict(item), "outcome": body}, certificates)


def _outcome(body: Mapping[str, Any]) -> Outcome:
    data = dict(body["outcome"])
    if data["evidence"] is not None:
        data["evidence"] = {**data["evidence"], "certificates": body["certificates"]}
    return Outcome.from_json(data)
