"""The page as a whole, and the files beside it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from theory.statement import PROVENANCE
from verify.errors import BadInput
from verify.html.elements import Child, Html, element, markup, prose
from verify.html.notation import LETTERS
from verify.html.statement import Files, Run, concluded, mark, provenance, scope, section, table
from verify.report import REFUTED_AS_RECONSTRUCTED, configurations, expectation, id_of, is_refuted_reconstruction
from verify.results import Examination
from verify.store import canonical, versions
from verify.verdict import ASSURANCES, HOLDS, REFUTED, UNDECIDED

HERE = Path(__file__).parent
STYLE, SCRIPT = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))

CHECK, ALONE = "collapse recheck certificates", "python -I -S verify/checker.py FILE …"
BESIDE = (
    "The value of the theorem beside the lowest that descent found in floating point; where that is lower by less than "
    "1e-15 of it, this is rounding."
)


def require_folder(given: str) -> Path:
    """The folder that a report goes into, made where it does not exist.

    Raises:
        BadInput: where it is a file, or cannot be written.
    """
    folder = Path(given)
    try:
        for part in (folder, folder / "certificates", folder / "proofs"):
            part.mkdir(parents=True, exist_ok=True)
        for probe in (folder / "index.html", folder / "certificates" / ".probe", folder / "proofs" / ".probe"):
            with probe.open("a", encoding="utf-8"):
                pass
            if not probe.stat().st_size:
                probe.unlink()
    except OSError as error:
        raise BadInput(f"--report {given}: no report can be written there ({error.strerror})") from error
    return folder


def write(folder: Path, results: Sequence[Examination], run: Run, kept: Callable[[Mapping[str, Any]], Path]) -> None:
    """Write ``index.html``, and beside it ``certificates/`` and ``proofs/``, which it links to.

    Certificates stand beside the page, not in it: so it stays small enough for a phone, and the checker reads them as
    they are. ``kept`` says what a certificate's file is called.
    """

    def certificate(found: Mapping[str, Any]) -> str:
        path = f"certificates/{kept(found).name}"
        (folder / path).write_text(canonical(found), encoding="utf-8")
        return path

    def proof(theorem: Any) -> str:
        path = f"proofs/{theorem.id}.html"
        (folder / path).write_text(steps(theorem), encoding="utf-8")
        return path

    text = page(results, run, Files(certificate, proof))
    (folder / "index.html").write_text(text, encoding="utf-8")


def page(results: Sequence[Examination], run: Run, files: Files) -> str:
    """The whole page: what was found in a line, the table by paper, every statement, and what was left out."""
    sections = [section(result, run, files) for result in results]
    parts = [
        _header(results, run),
        _verdicts(results),
        element("h2", "Statements"),
        element("div", *sections, id="statements"),
        _configurations(results),
        _omitted(run.omitted or {}),
        _reading(),
    ]
    return document("What collapse verify found", *parts)


def steps(theorem: Any) -> str:
    """A page with every step of a theorem's proof, as plain text."""
    from proofs.kernel.render import outline

    text = outline(f"Proof of {theorem.id}", theorem.sections, theorem.conclusion, theorem.axioms)
    back = element("p", element("a", "← the report", href=f"../index.html#{theorem.id}"))
    return document(f"Proof of {theorem.id}", back, element("pre", text, class_="steps"))


def document(title: str, *parts: Child) -> str:
    """A page that loads nothing, and on which no script runs but its own."""
    policy = f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; base-uri 'none'"
    head = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(STYLE)),
    ]
    theme = element("button", "dark / light", id="theme", type="button", hidden=True)
    body = element("body", theme, element("main", *parts), element("script", Html(SCRIPT)))
    return f"<!doctype html>\n{element('html', element('head', *head), body, lang='en')}\n"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _header(results: Sequence[Examination], run: Run) -> Html:
    met = sum(result.as_expected for result in results)
    state = "good" if met == len(results) else "bad"
    line = element("p", element("strong", f"{met} of {len(results)} statements as expected", class_=state))
    settings = run.settings
    engines = ", ".join(run.engines) if run.engines else "all engines"
    how = f"{settings.effort} run, seed {settings.seed}, {engines}; {_version()}"
    used = ", ".join(f"{name} {version}" for name, version in versions().items() if version)
    seconds = sum(result.seconds for result in results)
    patterns = map(id_of, results) if run.patterns is None else run.patterns
    again = element("pre", run.command(*patterns))
    command = element("details", element("summary", "The command that does all this again"), again)
    return element(
        "header",
        element("h1", "What collapse verify found"),
        line,
        element("p", _counts(results), f". {seconds:,.0f} seconds of work."),
        element("p", how, f"; {used}", class_="note"),
        command,
    )


def _counts(results: Sequence[Examination]) -> str:
    """How many verdicts there are of each conclusion and assurance, the strongest first."""
    found = Counter((_conclusion(r), r.verdict.assurance) for r in results)
    parts = []
    for name in (HOLDS, REFUTED, REFUTED_AS_RECONSTRUCTED, UNDECIDED):
        counts = [f"{n} {a}" for a in reversed(ASSURANCES[1:]) if (n := found[name, a])]
        undecided = found[name, ASSURANCES[0]]
        parts += [f"{name}: {', '.join(counts)}"] if counts else [f"{name}: {undecided}"] if undecided else []
    return "; ".join(parts)


def _conclusion(result: Examination) -> str:
    return REFUTED_AS_RECONSTRUCTED if is_refuted_reconstruction(result) else result.verdict.conclusion


def _version() -> str:
    try:
        return f"collapse {metadata.version('neural-collapse-theorems')}"
    except metadata.PackageNotFoundError:
        return "collapse, not installed"


def _verdicts(results: Sequence[Examination]) -> Html:
    papers: dict[str, list[Examination]] = {}
    for result in results:
        source = result.statement.source if result.statement else None
        papers.setdefault(f"{source.paper} ({source.version})" if source else "Own", []).append(result)
    find = element("input", type="search", id="filter", placeholder="filter: id, title, verdict …", aria_label="Filter")
    buttons = [element("button", f"{what} all", id=f"{what}-all", type="button") for what in ("open", "close")]
    shown = element("span", id="count", role="status")
    tools = element("div", find, *buttons, shown, class_="tools", hidden=True)
    groups = [
        element("section", element("h3", paper), _of_paper(found), class_="paper") for paper, found in papers.items()
    ]
    marks = "; ".join(f"[{letter}]: {meaning}" for letter, meaning in PROVENANCE.items())
    known = element("p", f"How a text is known: {marks}.", class_="note")
    return markup([element("h2", "Verdicts"), known, tools, *groups])


def _of_paper(results: Sequence[Examination]) -> Html:
    headings = ("", "statement", "expected", "conclusion", "assurance", "scope", "seconds")
    return table(headings, map(_row, results), class_="verdicts")


def _row(result: Examination) -> tuple[Child, ...]:
    id, statement, verdict = id_of(result), result.statement, result.verdict
    title = element("div", prose(statement.title), class_="title") if statement else None
    link = element("a", element("code", id), href=f"#{id}")
    known = [" ", provenance(statement.source)] if statement and statement.source else None
    expected = expectation(statement) if statement else ""
    axes = (concluded(result), verdict.assurance, scope(verdict))
    return mark(result), [link, known, title], expected, *axes, f"{result.seconds:.1f}"


def _configurations(results: Sequence[Examination]) -> Html | None:
    rows = configurations(results)
    headings = ("class sizes", "M", "decay", "bias", "closed form", "best found", "difference", "verdict", "statement")
    note = element("p", BESIDE, class_="note")
    return markup([element("h2", "The papers' own configurations"), note, table(headings, rows)]) if rows else None


def _omitted(omitted: Mapping[str, str]) -> Html | None:
    rows = [(element("code", id), prose(why)) for id, why in omitted.items()]
    return (
        markup([element("h2", "Not stated"), table(("what the papers say", "why no statement does"), rows)])
        if rows
        else None
    )


def _reading() -> Html:
    """What verdicts and letters mean."""
    axes = (
        "A verdict has three axes that are never merged: conclusion, assurance, scope. proved: by a proof whose every "
        "step the kernel accepted; certified: decided by exact or ball arithmetic; numerical: floating point within "
        "stated tolerances. A statement is as good as its weakest clause."
    )
    letters = [[element("dt", letter), element("dd", meaning)] for letter, meaning in LETTERS]
    return markup(
        [
            element("h2", "How to read this"),
            element("p", axes),
            element(
                "p",
                "All certificates are checked again by ",
                element("code", CHECK),
                ", which holds them against the statements that they name, or with Python alone, from a clone: ",
                element("code", ALONE),
            ),
            element("h3", "Letters in formulas"),
            element("dl", *letters, class_="letters"),
        ]
    )
