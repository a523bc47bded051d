"""What a run found, for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from theory.model import UnconstrainedFeatures, run_lengths
from theory.parameters import written
from theory.statement import Statement
from verify.checker import check
from verify.results import AS_EXPECTED, Examination, Examined
from verify.verdict import REFUTED, Verdict
from verify.witness import COUNTEREXAMPLES
from verify.work import decode, shown

TEXT_WIDTH = 116
"""Columns of a statement's text, as it is in the source; what is said about the statement has no longer lines."""

DECIMALS = 12
"""Decimals of objectives that stand below each other."""

PLAIN_WIDTH = 1000
"""Columns where the output is not a terminal: one line for one row, so that it can be searched."""


def console(stderr: bool = False) -> Console:
    """A console for tables, wide enough where its output is a file or a pipe."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


def put(screen: Console, *parts: RenderableType) -> None:
    """Print parts one below the other; into a file or a pipe without trailing blanks."""
    if screen.is_terminal:
        screen.print(*parts, sep="\n")
        return
    with screen.capture() as captured:
        screen.print(*parts, sep="\n")
    screen.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


REFUTED_AS_RECONSTRUCTED = f"{REFUTED} as reconstructed"
"""What a refutation is called where the printed text was not seen."""


def is_refuted_reconstruction(examination: Examination) -> bool:
    """Whether what is refuted is a text that was reconstructed."""
    source = examination.statement.source if examination.statement else None
    return examination.verdict.conclusion == REFUTED and source is not None and source.provenance == "R"


def in_words(examination: Examination) -> str:
    """The verdict as a sentence; a refuted reconstruction says that the printed text, or which part, was not seen."""
    verdict, source = examination.verdict, examination.statement.source if examination.statement else None
    if is_refuted_reconstruction(examination):
        return f"{REFUTED_AS_RECONSTRUCTED}; the printed text was not seen ({verdict.assurance})"
    if verdict.conclusion == REFUTED and source and source.reconstructed:
        return f"{REFUTED}, with a part reconstructed: {source.reconstructed} ({verdict.assurance})"
    return str(verdict)


KeptAt = Callable[[Mapping[str, Any]], Path]
"""Where a certificate is kept."""


def print_report(
    results: Sequence[Examination],
    screen: Console,
    verbose: bool = False,
    path: KeptAt | None = None,
    omitted: Mapping[str, str] | None = None,
) -> None:
    """Print a line a statement, what refutes, the configurations, what was skipped or omitted and why, the counts."""
    parts: list[RenderableType] = [statements_table(results)]
    parts += [details(result) for result in results if verbose or result.status != AS_EXPECTED]
    found = (refuted_table(results, path), configurations_table(results), skipped_table(results))
    tables = (*found, omitted_table(omitted or {}))
    parts += [table for table in tables if table.row_count]
    parts += axioms_used(results)
    met = sum(result.as_expected for result in results)
    parts.append(Text(f"{met} of {len(results)} statements as expected", "bold" if met == len(results) else "bold red"))
    put(screen, *(line for part in parts for line in (part, "")))


def axioms_used(results: Iterable[Examination]) -> list[RenderableType]:
    """The classical facts that the proved statements rest on, by name."""
    proved = [r.statement for r in results if r.statement and r.verdict.assurance == "proved"]
    if not proved:
        return []
    import proofs

    names = dict.fromkeys(name for s in proved if (theorem := proofs.find(s.id)) for name in theorem.axioms)
    using = f", using the axioms: {', '.join(names)}" if names else ", using no axiom"
    return [Text(f"Proved by steps that the kernel accepted{using}.")]


def statements_table(results: Iterable[Examination]) -> Table:
    """One line a statement: whether it is as expected, its id, the verdict in words, the seconds spent."""
    table = _table("", "statement", "verdict", "seconds>")
    for result in results:
        mark = Text("✓", "green") if result.as_expected else Text("✗", "bold red")
        table.add_row(mark, Text(id_of(result)), Text(in_words(result)), f"{result.seconds:.1f}")
    return table


def details(result: Examination) -> Table:
    """What was found about each clause, and what by each engine."""
    table = _table("", "", "")
    table.title, table.title_justify, table.show_header = Text(id_of(result), "bold"), "left", False
    for name, verdict in result.clauses.items():
        table.add_row("clause", name, Text(_full(verdict)))
    for summary in result.engines:
        table.add_row("engine", summary.engine, Text(f"{_short(summary.verdict)}: {summary.detail}"))
    return table


def refuted_table(results: Iterable[Examination], path: KeptAt | None) -> Table:
    """Of each refuted statement why and where it fails, and a certificate with the command that checks it again."""
    table = _table("", "")
    table.title, table.title_justify, table.show_header = Text("Refuted", "bold"), "left", False
    for result in results:
        if result.verdict.conclusion != REFUTED:
            continue
        reason = result.statement.expected.reason if result.statement else ""
        certificate = next((c for c in result.certificates if c["kind"] in COUNTEREXAMPLES), None)
        shown = "none was written" if certificate is None else seen_in(certificate)
        table.add_row(id_of(result), Text(reason or result.verdict.detail))
        table.add_row("certificate", Text(shown))
        if certificate is not None and path is not None:
            table.add_row("again with", Text(f"collapse recheck {path(certificate)}"))
    return table


def seen_in(certificate: Mapping[str, Any]) -> str:
    """What the checker sees in a certificate; of a relation of numbers also the parameters that these come from."""
    seen = check({**certificate})
    if certificate["kind"] != "failed relation" or "origin" not in certificate:
        return seen
    return f"{seen}, at {shown(decode(certificate['origin']['parameters']))}"


def configurations_table(results: Iterable[Examination]) -> Table:
    """The closed form beside the best that descent found, on the instances that the papers themselves report on."""
    shape = ("class sizes", "M>", "decay", "bias")
    table = _table(*shape, "closed form>", "best found>", "difference>", "verdict", "statement")
    table.title, table.title_justify = Text("The papers' own configurations", "bold"), "left"
    for row in configurations(results):
        table.add_row(*row)
    return table


def configurations(results: Iterable[Examination]) -> list[tuple[str, ...]]:
    """Of each configuration sizes, M, decays, bias, closed form, best found, difference, verdict and statement."""
    return [
        (*_shape(instance.model), *_side_by_side(claimed, best), _short(instance.verdict), id_of(result))
        for result in results
        for instance in result.instances
        if instance.configuration and instance.model is not None
        for claimed, best in _compared(instance)
    ]


def skipped_table(results: Iterable[Examination]) -> Table:
    """Everything that was not examined, and why; what failed is marked."""
    table = _table("", "not examined", "why")
    for result in results:
        for skip in (*result.skipped, *result.uncertified):
            table.add_row(Text("✗", "bold red") if skip.failed else "", Text(skip.what), Text(skip.why))
    return table


def list_table(statements: Iterable[Statement]) -> Table:
    """One line a statement: its id, what is expected, how its text is known, its title."""
    table = _table("statement", "expected", "text", "title")
    for s in statements:
        table.add_row(s.id, expectation(s), s.source.letters if s.source else "", Text(s.title))
    return table


def omitted_table(omitted: Mapping[str, str]) -> Table:
    """One line for everything that the papers say and no statement does, and why."""
    table = _table("not stated", "why")
    for id, reason in omitted.items():
        table.add_row(id, Text(reason))
    return table


def description(statement: Statement) -> Table:
    """A statement in full: text, source and provenance, hypotheses, expected verdict, witness, wrong versions."""
    table = _table("", "")
    table.title, table.title_justify, table.show_header = Text(statement.id, "bold"), "left", False
    table.columns[1].max_width = TEXT_WIDTH
    rows = [("text", statement.text)]
    if statement.source:
        rows.append(("source", str(statement.source)))
        rows.append(("provenance", statement.source.known))
    rows += [("hypothesis", name) for name in statement.assumed]
    rows += [("instances", name) for name in statement.limits]
    rows.append(("expected", ": ".join(filter(None, (expectation(statement), statement.expected.reason)))))
    rows += [("witness", f"{name} = {written(value)}") for name, value in statement.witness.items()]
    rows += [("wrong version", f"{name}, which must be refuted") for name in statement.wrong]
    for label, text in rows:
        table.add_row(label, Text(text))
    return table


def proof(statement: Statement) -> list[Text]:
    """The statement's proof step by step, where it has one."""
    import proofs
    from proofs.kernel.render import outline

    theorem = proofs.find(statement.id)
    if theorem is None:
        return [Text("no proof so far")]
    title = "proof" if not theorem.gaps else f"proof with {len(theorem.gaps)} open gaps"
    return [Text(outline(title, theorem.sections, theorem.conclusion, theorem.axioms))]


def evidence(result: Examination) -> Table | Text:
    """What the store holds about a statement so far."""
    if not result.instances:
        return Text("no evidence in the store so far")
    table = details(result)
    table.title = Text(f"evidence so far: {in_words(result)}", "bold")
    return table


def verify_json(
    results: Iterable[Examination], path: KeptAt | None = None, omitted: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What ``collapse verify --json`` writes; ``path`` says where a certificate is kept."""
    results = list(results)
    return {
        "statements": [_statement_json(result, path) for result in results],
        "skipped": [
            {"what": skip.what, "why": skip.why}
            for result in results
            for skip in (*result.skipped, *result.uncertified)
        ],
        "omitted": dict(omitted or {}),
    }


def list_json(statements: Iterable[Statement], omitted: Mapping[str, str]) -> dict[str, Any]:
    """What ``collapse list --json`` writes."""
    return {
        "statements": [{"id": s.id, "title": s.title, **_origin(s)} for s in statements],
        "omitted": dict(omitted),
    }


def show_json(statements: Iterable[Statement]) -> dict[str, Any]:
    """What ``collapse show --json`` writes."""
    return {
        "statements": [
            {
                "id": s.id,
                "title": s.title,
                "text": s.text,
                **_origin(s),
                "hypotheses": s.assumed,
                "instances": s.limits,
                "wrong_versions": list(s.wrong),
            }
            for s in statements
        ]
    }


def _statement_json(result: Examination, path: KeptAt | None) -> dict[str, Any]:
    verdict, statement = result.verdict, result.statement
    return {
        "id": id_of(result),
        **(_origin(statement) if statement else {}),
        "conclusion": verdict.conclusion,
        "assurance": verdict.assurance,
        "scope": verdict.scope,
        "instances": verdict.instances,
        "as_expected": result.as_expected,
        "seconds": round(result.seconds, 3),
        "clauses": [
            {"name": name, "conclusion": v.conclusion, "assurance": v.assurance} for name, v in result.clauses.items()
        ],
        "engines": [
            {
                "engine": summary.engine,
                "conclusion": summary.verdict.conclusion,
                "assurance": summary.verdict.assurance,
                "seconds": round(summary.seconds, 3),
                "detail": summary.detail,
            }
            for summary in result.engines
        ],
        "refuter": _refuter_json(result),
        "certificates": [] if path is None else sorted({str(path(c)) for c in result.certificates}),
    }


def _refuter_json(result: Examination) -> dict[str, Any] | None:
    """What the refuter attacked: instances, of how many drawn, the largest; null where it did not run."""
    evidence = result.refuter.evidence if result.refuter else None
    if evidence is None:
        return None
    return {**evidence.numbers, "refuted": any(f.conclusion == REFUTED for f in evidence.findings)}


def _origin(statement: Statement) -> dict[str, Any]:
    return {
        "source": str(statement.source) if statement.source else "",
        "provenance": statement.source.provenance if statement.source else "",
        "expected": {"conclusion": statement.expected.conclusion, "at_least": statement.expected.at_least},
    }


def expectation(statement: Statement) -> str:
    """The conclusion that is expected, and the least assurance where one is asked for."""
    expected = statement.expected
    return (
        f"{expected.conclusion}, at least {expected.at_least}" if expected.at_least != "none" else expected.conclusion
    )


def _table(*columns: str) -> Table:
    """A table without rules; a column whose name ends in ``>`` is set flush right."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return table


def id_of(result: Examination) -> str:
    """The statement's id, or ``claim`` for a claim without a statement."""
    return result.statement.id if result.statement else "claim"


def _short(verdict: Verdict) -> str:
    return verdict.conclusion if verdict.assurance == "none" else f"{verdict.conclusion} ({verdict.assurance})"


def _full(verdict: Verdict) -> str:
    return f"{verdict}: {verdict.detail}" if verdict.conclusion == REFUTED else str(verdict)


def _compared(instance: Examined) -> list[tuple[Any, Any]]:
    numbers = [e.numbers for e in instance.evidence if {"claimed", "best"} <= set(e.numbers)]
    return [(n["claimed"], n["best"]) for n in numbers]


def _shape(model: UnconstrainedFeatures) -> tuple[str, ...]:
    decays = dict.fromkeys([*model.weight_decays, model.feature_decay])
    shown = ", ".join(map(str, decays))
    return run_lengths(model.class_sizes), str(model.M), shown, "yes" if model.has_bias else "no"


def _side_by_side(claimed: Any, best: Any) -> tuple[str, str, str]:
    left, right = _decimal(claimed), _decimal(best)
    if left is None or right is None:
        return str(claimed), str(best), ""
    difference = f"{right - left:+.1e}".replace("-", "−") if left != right else "0"
    return f"{left:.{DECIMALS}f}", f"{right:.{DECIMALS}f}", difference


def _decimal(number: Any) -> Decimal | None:
    """The number exactly as reported: as text an engine gives more digits than a float holds."""
    try:
        return Decimal(str(number))
    except InvalidOperation:
        return None
