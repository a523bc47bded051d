"""One result of a sweep: what is asked for at one point, as plain data that a worker can compute and compute again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.errors import BadInput
from verify.sweep.compute import typed
from verify.sweep.fitting import require_layer

if TYPE_CHECKING:
    from theory.model import UnconstrainedFeatures

Cells = dict[str, str]
Values = Mapping[str, Any]
"""By the path of the key."""

SECONDS = 120
"""Longest time for one of the tables at one point, and what the refuter may take beyond its budget."""

USUAL: dict[str, Any] = {
    "depth": 1,
    "loss": "mse",
    "activation": "linear",
    "bias": "none",
    "features": "free",
    "convention": "1/(2N)",
    **dict.fromkeys(("widths", "decay", "weight_decays", "feature_decay", "alpha", "gamma", "bias_decay")),
}
"""What holds where a key of the table ``model`` is left out."""

YES, NO = "yes", "no"


SEARCHES = ("verdict", "refuter")
"""Tables whose results depend on the seed."""


@dataclass(frozen=True)
class Task:
    """A table of the file at a point, and certificates that spare the work where the checker accepts them."""

    values: Values
    table: str
    options: Mapping[str, Any]
    seed: int
    index: int = 0
    certificates: tuple[Mapping[str, Any], ...] = ()

    @property
    def parts(self) -> dict[str, Any]:
        """All that its result depends on, beside the project's source and its dependencies, and nothing more."""
        read = {path: value for path, value in self.values.items() if self.table == "verdict" or _of_model(path)}
        seed = self.seed if self.table in SEARCHES else None
        return {"sweep": read, "table": self.table, "options": self.options, "seed": seed}


@dataclass
class Row:
    """What was found at a point, by one of the tables.

    ``problems`` say why something is missing; with ``failed`` another run would try again.
    """

    cells: Cells = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    failed: bool = False
    certificates: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def compute(task: Task) -> Row | None:
    """In a worker: what a table finds at a point, or None where its stored certificates are accepted.

    >>> values = {"model.classes": 2, "model.decay": "1/50"}
    >>> compute(Task(values, "optimum", {"digits": 6}, seed=0)).cells["optimum.lower"]
    '0.0392'
    """
    from verify.recheck import recheck
    from verify.work import OutOfTime, rejection, sentence, time_limit

    if task.certificates and not rejection(task.certificates, recheck):
        return None
    row, start = Row(), time.perf_counter()
    try:
        with time_limit(budget(task.options)):
            found = PARTS[task.table](row, task, task.options)
        row.cells = {f"{task.table}.{column}": text for column, text in found.items()}
    except BadInput as error:
        row.problems.append(f"{task.table}: {as_key(str(error))}")
    except (Exception, SystemExit, OutOfTime) as error:
        row.problems.append(f"{task.table}: {sentence(error)}")
        row.failed = True
    if reason := rejection(row.certificates, recheck):
        row = Row(problems=[*row.problems, f"the checker rejects a certificate: {reason}"], failed=True)
    row.seconds = time.perf_counter() - start
    return row


def budget(options: Mapping[str, Any]) -> float:
    """Seconds that a table may take at one point.

    >>> budget({"seconds": 10})
    130.0
    """
    return SECONDS + float(options.get("seconds", 0))


def _of_model(path: str) -> bool:
    return path.startswith("model.")


def model_at(values: Values) -> UnconstrainedFeatures:
    """The model at a point, in the convention 1/(2N).

    Raises:
        BadInput: for values that do not fit together.
    """
    from verify.calculator import model_from

    given = {path.removeprefix("model."): value for path, value in values.items() if _of_model(path)}
    if "classes" in given:
        given["sizes"] = f"{given.pop('classes')}*{given.pop('samples', 1)}"
    if "widths" in given:
        given["widths"] = str(given["widths"])
    return model_from(**{**USUAL, **given})


def _scale(task: Task, model: UnconstrainedFeatures) -> Fraction:
    """What an objective in 1/(2N) is multiplied by to be in the convention of the file."""
    from theory.closed_form.optimum import convention_factor

    return 1 / convention_factor(task.values.get("model.convention", "1/(2N)"), model.class_sizes)


def _optimum(row: Row, task: Task, options: Mapping[str, Any]) -> Cells:
    """The closed form, or bounds."""
    from theory.closed_form.optimum import has_closed_form, is_active
    from theory.closed_form.optimum import optimum as closed_form

    model = model_at(task.values)
    if not has_closed_form(model):
        return _bounds(model, options["digits"], _scale(task, model))
    best = closed_form(model, options["digits"] + 2)
    value, active = best.objective * _scale(task, model), sum(map(is_active, best.gains().by_class()))
    return {
        **_enclosed(value.low, value.high, options["digits"]),
        "trivial": YES if best.trivial else NO,
        "active": str(active),
        "by": "closed form",
    }


def _bounds(model: UnconstrainedFeatures, digits: int, scale: Fraction) -> Cells:
    """Bounds for ReLU layers and for other losses; a closed form where both meet."""
    from theory.closed_form.relu import enclosed
    from verify.enclosures import enclose

    if model.is_quadratic:
        try:
            known = enclosed(model, digits + 2)
        except ValueError as error:
            raise BadInput(str(error)) from None
        low, high, exact, trivial = known.lower.low, known.upper.high, known.is_exact, None
    else:
        found = enclose(model)
        low, high, exact, trivial = found.lower, found.upper, found.closed_form is not None, found.trivial
    told = "" if trivial is None else YES if trivial else NO
    by = "closed form" if exact else "bounds"
    return {**_enclosed(low * scale, high * scale, digits), "trivial": told, "active": "", "by": by}


def _enclosed(low: Fraction, high: Fraction, digits: int) -> Cells:
    return {"lower": rounded(low, digits, ROUND_FLOOR), "upper": rounded(high, digits, ROUND_CEILING)}


def rounded(value: Fraction, digits: int, towards: str) -> str:
    """A decimal of so many significant digits on one side of a rational.

    >>> rounded(Fraction(2, 3), 3, ROUND_FLOOR), rounded(Fraction(2, 3), 3, ROUND_CEILING)
    ('0.666', '0.667')
    """
    context = Context(prec=digits, rounding=towards, Emin=-(10**9), Emax=10**9)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)))


def _verdict(row: Row, task: Task, options: Mapping[str, Any]) -> Cells:
    """The verdict of engines on a statement at the point's model and parameters."""
    from theory.statement import find
    from verify.engines import Settings
    from verify.results import Examination, Examined
    from verify.verdict import UNDECIDED
    from verify.work import Item, Registry, encode, work
    from verify.work import Task as Piece

    (statement,) = find(options["statement"])
    parameters = dict(_parameters(task.values, statement.witness))
    if unmet := statement.unmet(parameters):
        return {"conclusion": "not applicable", "assurance": "", "detail": f"hypothesis not met: {unmet[0]}"}
    names = statement.claim(parameters).clause_names
    items = [Item(statement.id, name, encode(parameters), Settings("cpu", task.seed)) for name in options["engines"]]
    outcomes = tuple(o for item in items if (o := work(Registry(), Piece(item))) is not None)
    found = Examination((Examined(parameters, names, outcomes),), statement)
    row.certificates += found.certificates
    for failure in (o for o in outcomes if o.failed):
        row.problems.append(f"verdict: {failure.engine}: {failure.failed}")
        row.failed = True
    if options["clause"] and options["clause"] not in found.clauses:
        return {"conclusion": UNDECIDED, "assurance": "none", "detail": f"no clause {options['clause']} at this point"}
    verdict = found.clauses[options["clause"]] if options["clause"] else found.verdict
    return {"conclusion": verdict.conclusion, "assurance": verdict.assurance, "detail": verdict.detail}


def _parameters(values: Values, witness: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A statement's parameters, of the types that its witness has."""
    for name, example in witness.items():
        yield name, model_at(values) if name == "model" else typed(values[f"parameters.{name}"], example)


def _refuter(row: Row, task: Task, options: Mapping[str, Any]) -> Cells:
    """Whether a search of so many seconds finds weights strictly below the best collapsed point."""
    from theory.claims import NotGlobalMinimum
    from theory.statement import Instance
    from verify.attacks import RivalSearch
    from verify.sweep.collapsed import collapse_value

    model = model_at(task.values)
    value, shown = collapse_value(model)
    claim = NotGlobalMinimum(model, value)
    found = RivalSearch(claim, {}).run(Instance(claim), task.seed, options["seconds"])
    shown = shown * _scale(task, model)
    cells = {"collapse": rounded(shown.low, 20, ROUND_FLOOR)}
    if found is None:
        return {**cells, "conclusion": "not beaten", "detail": f"in {options['seconds']:g} seconds"}
    row.certificates += found.certificates
    return {**cells, "conclusion": "beaten", "detail": f"{found.detail} (by {found.start})"}


def _spectrum(row: Row, task: Task, options: Mapping[str, Any]) -> Cells:
    """Predicted eigenvalues of the Hessian at collapse."""
    from verify.curvature.points import formulas_of_collapse
    from verify.curvature.predictions import as_interval, prediction

    model = model_at(task.values)
    require_layer(model, options)
    layer = None if options["full"] else options["layer"]
    found, why = prediction(model, formulas_of_collapse(model), layer, options["regularised"])
    scale = _scale(task, model)
    parts = sorted(((as_interval(e.value) * scale, e) for e in found), key=lambda pair: -pair[0].middle)
    texts = [f"{e.part} {value.decimal(options['digits'])} ×{e.multiplicity}" for value, e in parts]
    return {"predicted": "; ".join(texts), "detail": why}


PARTS: dict[str, Callable[[Row, Task, Mapping[str, Any]], Cells]] = {
    "optimum": _optimum,
    "verdict": _verdict,
    "refuter": _refuter,
    "spectrum": _spectrum,
}


def as_key(message: str) -> str:
    """An option of the command line, as a key of the sweep file."""
    return re.sub(r"--([a-z]+(-[a-z]+)*)", lambda found: f"model.{found[1].replace('-', '_')}", message)
