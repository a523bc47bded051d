"""One statement with everything that was found about it, as a section that opens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from theory.parameters import written
from theory.statement import Source, Statement
from verify.engines import REFUTER, Settings
from verify.html.claims import formulas
from verify.html.elements import Child, Html, element, prose
from verify.report import REFUTED_AS_RECONSTRUCTED, expectation, id_of, in_words, is_refuted_reconstruction, seen_in
from verify.results import EngineSummary, Examination
from verify.verdict import HOLDS, REFUTED, Verdict
from verify.witness import COUNTEREXAMPLES
from verify.work import decode, sentence, shown


@dataclass(frozen=True)
class Run:
    """What was asked for: how engines ran, which ones where not all, what was left out, and by which patterns.

    ``patterns`` is None where statements were not chosen by patterns, and empty for all of them.
    """

    settings: Settings = field(default_factory=Settings)
    engines: tuple[str, ...] = ()
    omitted: Mapping[str, str] | None = None
    patterns: tuple[str, ...] | None = None

    def command(self, *patterns: str) -> str:
        """The command that examines statements again in the same way.

        >>> Run(Settings(seed=3), ("symbolic",)).command("dang2023-value")
        'collapse verify dang2023-value --engine symbolic --seed 3 --fresh'
        """
        settings, usual = self.settings, Settings()
        parts = ["collapse verify", *(f"'{p}'" if set(p) & set("*?[") else p for p in patterns)]
        parts += ["--full"] if settings.effort == "full" else []
        parts += [f"--engine {name}" for name in self.engines]
        parts += [f"--device {settings.device}"] if settings.device != usual.device else []
        parts += [f"--seed {settings.seed}"] if settings.seed != usual.seed else []
        return " ".join([*parts, "--fresh"])


@dataclass(frozen=True)
class Files:
    """Where files beside the page are, seen from it: a certificate's, and the proof of a statement, if it has one."""

    certificate: Callable[[Mapping[str, Any]], str]
    proof: Callable[[Any], str]


def section(result: Examination, run: Run, files: Files) -> Html:
    """The statement, its verdict and the evidence; closed until somebody opens it."""
    id, statement = id_of(result), result.statement
    said = [] if statement is None else [_stated(statement, result), _claim(statement)]
    found = [_clauses(result), _engines(result), _refuter(result), _refutation(result, files)]
    kept = [_proof(result, files), _certificates(result, files), _missing(result), _again(run, id)]
    return element("details", _summary(result), *said, *found, *kept, id=id, class_="statement")


def mark(result: Examination) -> Html:
    """A tick where the verdict is the expected one."""
    text, title = ("✓", "as expected") if result.as_expected else ("✗", "not as expected")
    return element("span", text, class_=f"mark {'good' if result.as_expected else 'bad'}", title=title)


def pill(verdict: Verdict, words: str = "") -> Html:
    """The conclusion, in other words where some are given, and in its colour; what only floating point saw has none."""
    if is_numerical(verdict):
        return element("span", words or "no counterexample", class_="pill")
    return element("span", words or verdict.conclusion, class_=f"pill {verdict.conclusion}")


def concluded(result: Examination) -> Html:
    """The conclusion about a statement; a refuted reconstruction is called one."""
    return pill(result.verdict, REFUTED_AS_RECONSTRUCTED if is_refuted_reconstruction(result) else "")


def is_numerical(verdict: Verdict) -> bool:
    """Whether floating point alone saw no counterexample."""
    return verdict.conclusion == HOLDS and verdict.assurance == "numerical"


def scope(verdict: Verdict) -> str:
    """All parameters, or the number of instances."""
    if verdict.scope == "domain":
        return "all parameters"
    return f"{verdict.instances:,} instance{'' if verdict.instances == 1 else 's'}"


def provenance(source: Source) -> Html:
    """The mark that says how the text is known."""
    return element("abbr", f"[{source.letters}]", title=source.known)


def table(headings: Iterable[str], rows: Iterable[Iterable[Child]], **attributes: str) -> Html:
    """A table; on a narrow screen each cell carries the heading of its column."""
    names = list(headings)
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in names)))
    body = [
        element("tr", *(element("td", cell, data_label=name) for name, cell in zip(names, row, strict=True)))
        for row in rows
    ]
    return element("table", head, element("tbody", *body), **attributes)


def _summary(result: Examination) -> Html:
    title = None if result.statement is None else element("span", prose(result.statement.title), class_="title")
    return element("summary", mark(result), " ", element("code", id_of(result)), " ", concluded(result), title)


def _part(heading: str, *children: Child) -> Html:
    return element("section", element("h4", heading), *children)


def _list(items: Iterable[Child], **attributes: str) -> Html:
    return element("ul", *(element("li", item) for item in items), **attributes)


def _stated(statement: Statement, result: Examination) -> Html:
    source, expected = statement.source, statement.expected
    lines: list[Child] = [element("p", element("strong", in_words(result)), class_="verdict")]
    lines.append(element("p", "Expected: ", prose("; ".join(filter(None, (expectation(statement), expected.reason))))))
    lines += [element("p", prose(paragraph), class_="text") for paragraph in paragraphs(statement.text)]
    if source:
        known = (f"{source.paper} ({source.version}), {source.locator} ", provenance(source))
        lines.append(element("p", "Source: ", *known, f": {source.known}"))
    for name, said in (("Hypotheses: ", statement.assumed), ("Instances: ", statement.limits)):
        lines += [element("p", name, prose("; ".join(said)))] if said else []
    if statement.wrong:
        wrong = "; ".join(statement.wrong)
        lines.append(element("p", "Deliberately wrong versions, which the tests want refuted: ", prose(wrong)))
    return element("div", *lines)


def paragraphs(text: str) -> list[str]:
    """What a docstring says below its first line; lines that are set in stay lines."""
    found = [part for part in text.partition("\n")[2].split("\n\n") if part.strip()]
    return [part.strip("\n") if part.startswith(" ") else " ".join(part.split()) for part in found]


def _claim(statement: Statement) -> Html | None:
    """The claim at the statement's witness, with its formulas."""
    if not statement.witness:
        return None
    given = ", ".join(f"{name} = {written(value)}" for name, value in statement.witness.items())
    try:
        shown = formulas(statement.claim(statement.witness))
    except Exception as error:  # what building a claim raises is a finding, which the evidence shows too
        shown = element("p", f"It could not be built: {sentence(error)}")
    return _part("What it claims at its witness", element("p", given, class_="given"), shown)


def _clauses(result: Examination) -> Html:
    rows = [
        (name, pill(verdict), verdict.assurance, scope(verdict), verdict.detail)
        for name, verdict in result.clauses.items()
    ]
    return _part("Clauses", table(("clause", "conclusion", "assurance", "scope", "detail"), rows))


def _engines(result: Examination) -> Html | None:
    rows = [
        (found.engine, _by_engine(found), found.verdict.assurance, f"{found.seconds:.1f}", found.detail)
        for found in result.engines
        if found.engine != REFUTER
    ]
    return _part("Engines", table(("engine", "conclusion", "assurance", "seconds", "evidence"), rows)) if rows else None


def _by_engine(found: EngineSummary) -> Html:
    """What the engine found; that a clause holds does not say so of the statement."""
    words = f"no counterexample in {scope(found.verdict)}" if is_numerical(found.verdict) else found.verdict.conclusion
    some = found.verdict.conclusion == HOLDS and found.only
    return pill(found.verdict, f"{words}, on: {', '.join(found.only)}" if some else words)


def _refuter(result: Examination) -> Html | None:
    """What was attacked and what came of it; a survivor is not thereby true, and may have been refuted otherwise."""
    if result.refuter is None:
        return None
    if result.refuter.evidence is None:
        return _part("Refuter", element("p", result.refuter.unable or result.refuter.failed))
    (found,) = (summary for summary in result.engines if summary.engine == REFUTER)
    survived = "found nothing by itself" if result.verdict.conclusion == REFUTED else "survived"
    word = "refuted" if found.verdict.conclusion == REFUTED else f"{survived}, which does not make it true"
    return _part("Refuter", element("p", element("strong", word), f": {found.detail} ({found.seconds:.1f} s)"))


def _refutation(result: Examination, files: Files) -> Html | None:
    if result.verdict.conclusion != REFUTED:
        return None
    shown: list[Child] = [element("p", result.verdict.detail)]
    certificate = next((c for c in result.certificates if c["kind"] in COUNTEREXAMPLES), None)
    if certificate is None:
        return _part("Why it fails", *shown, element("p", "No certificate was written."))
    path = files.certificate(certificate)
    shown.append(element("p", element("a", "The certificate", href=path), f": {seen_in(certificate)}"))
    again = element("p", "In this page's folder it is checked again by")
    return _part("Why it fails", *shown, again, element("pre", f"collapse recheck {path}"))


def _proof(result: Examination, files: Files) -> Html | None:
    """The outline of a theorem, with a link to its steps."""
    import proofs

    theorem = None if result.statement is None else proofs.find(result.statement.id)
    if theorem is None:
        return None
    parts = [f"{heading}: {_number(len(proof.steps), 'step')}" for heading, proof, _ in theorem.sections]
    link = element("p", element("a", "All steps", href=files.proof(theorem)), ", each accepted by the kernel.")
    gaps = element("p", f"{_number(len(theorem.gaps), 'gap')} left: it entails nothing.") if theorem.gaps else None
    axioms = element("p", "Axioms: ", ", ".join(theorem.axioms)) if theorem.axioms else None
    return _part("Proof", gaps, _list(parts), element("p", theorem.conclusion), axioms, link)


def _certificates(result: Examination, files: Files) -> Html | None:
    found = {files.certificate(certificate): certificate for certificate in result.certificates}
    if not found:
        return None
    links = [
        [element("a", str(certificate["kind"]), href=path, download=True), f" {_origin(certificate)}"]
        for path, certificate in found.items()
    ]
    return _part("Certificates", element("details", element("summary", _number(len(found), "file")), _list(links)))


def _origin(certificate: Mapping[str, Any]) -> str:
    return shown(decode(certificate["origin"]["parameters"])) if "origin" in certificate else ""


def _missing(result: Examination) -> Html | None:
    skips = (*result.skipped, *result.uncertified)
    rows = [(element("span", "✗", class_="mark bad") if s.failed else "", s.what, s.why) for s in skips]
    return _part("Not examined", table(("", "what", "why"), rows)) if rows else None


def _again(run: Run, id: str) -> Html:
    return _part("To reproduce", element("pre", run.command(id)))


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
