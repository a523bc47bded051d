"""Pages that are made anew for each build: statements by paper, proofs, the reference, notebooks.

No list is kept by hand.
"""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

DOCS = Path(__file__).parent
ROOT = DOCS.parent
MADE = DOCS / "generated"

REFERENCE = {
    "theory": "What is claimed: models, claims, statements, closed forms.",
    "theory.ops": "The vocabulary of formulas.",
    "theory.frames": "Frames that classes collapse to.",
    "theory.metrics": "Metrics of neural collapse, each by the paper whose definition it is.",
    "verify": "How claims are checked.",
    "verify.verdict": "Verdicts, and the findings that they are made of.",
}
"""Modules whose public names are documented."""

EXPECTED = """\
This page says which verdict is *expected* of each statement; the one that a run gave is counted, paper by paper, in the
README's table: [what was verified](verified.md)."""


def connect(app: Any) -> None:
    """Hook the pages, the formulas and the docstrings into a build."""
    app.connect("builder-inited", lambda app: write())
    app.connect("autodoc-process-docstring", _plain)
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))


def write() -> None:
    """Write all generated pages."""
    shutil.rmtree(MADE, ignore_errors=True)
    for path, text in (*statements(), *verified(), *reference(), *proofs(), *notebooks()):
        (MADE / path).parent.mkdir(parents=True, exist_ok=True)
        (MADE / path).write_text(text, encoding="utf-8")


def statements() -> Iterator[tuple[str, str]]:
    """A page with the table of all statements, and a page a paper with everything that they say."""
    from theory.statement import PROVENANCE, omitted
    from theory.statement import statements as known

    papers: dict[str, list[Any]] = {}
    for statement in known().values():
        papers.setdefault(statement.source.paper, []).append(statement)
    names = {paper: found[0].id.split("-")[0] for paper, found in papers.items()}
    lines = ["# Statements, and what is expected of them", "", EXPECTED, ""]
    lines += [f"{len(known())} statements of {len(papers)} papers. How a text is known:", ""]
    lines += [f"- [{letter}]: {meaning}" for letter, meaning in PROVENANCE.items()]
    for paper, found in papers.items():
        lines += ["", f"## [{plain(paper)}](statements/{names[paper]}.md)", "", *coverage(found, names[paper])]
        yield f"statements/{names[paper]}.md", "\n".join([f"# {plain(paper)}", "", *map(full, found)])
    rows = [f"| `{id}` | {plain(why)} |" for id, why in omitted().items()]
    lines += [
        "",
        "## Not stated",
        "",
        "What the papers say and no statement does.",
        "",
        "| what | why |",
        "|---|---|",
        *rows,
    ]
    yield "statements.md", "\n".join([*lines, "", toctree(f"statements/{name}" for name in names.values())])


def verified() -> Iterator[tuple[str, str]]:
    """The README's table of verdicts, which a run made, as a page."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^#(# What was verified\n.*?)^## ", readme, re.DOTALL | re.MULTILINE)
    yield "verified.md", table.replace("](docs/", "](../")


def coverage(found: Iterable[Any], page: str) -> list[str]:
    """One row a statement: id, title, where it stands and how its text is known, what is expected."""
    from verify.report import expectation

    rows = [
        f"| [{s.id}](statements/{page}.md#{s.id}) | {plain(s.title)} | {plain(s.source.locator)} "
        rf"\[{s.source.letters}\] | {expectation(s)} |"
        for s in found
    ]
    return ["| statement | title | place | expected |", "|---|---|---|---|", *rows]


def full(statement: Any) -> str:
    """A statement with its text, hypotheses, source and formulas, and the way to its proof."""
    from theory.parameters import written
    from verify.html.claims import formulas
    from verify.html.statement import paragraphs
    from verify.report import expectation

    source, expected = statement.source, statement.expected
    known = rf"{plain(source.version)}, {plain(source.locator)} \[{source.letters}\]: {plain(source.known)}"
    given = ", ".join(f"{name} = {written(value)}" for name, value in statement.witness.items())
    proof = ROOT / "proofs" / f"{statement.id}.md"
    parts = [
        f"({statement.id})=\n## {statement.id}",
        f"**{plain(statement.title)}**",
        *map(plain, paragraphs(statement.text)),
        f"Source: {known}.",
        f"Hypotheses: {plain('; '.join(statement.assumed))}." if statement.assumed else "",
        f"Instances: {plain('; '.join(statement.limits))}." if statement.limits else "",
        f"Expected: {plain('; '.join(filter(None, (expectation(statement), expected.reason))))}.",
        f"[The proof](../proofs/{statement.id}.md), step by step." if proof.exists() else "",
        f"At the witness {plain(given)}:",
        f"```{{raw}} html\n{formulas(statement.claim(statement.witness))}\n```",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def reference() -> Iterator[tuple[str, str]]:
    """A page a module with its public names, from their docstrings."""
    for module, says in REFERENCE.items():
        found = [directive(module, name) for name in public(import_module(module))]
        yield f"reference/{module}.md", "\n\n".join([f"# {module}", says, *found]) + "\n"
    lines = ["# Reference", "", "Generated from docstrings; each example in them is run by the tests.", ""]
    yield "reference.md", "\n".join([*lines, toctree(f"reference/{module}" for module in REFERENCE)])


def public(module: Any) -> list[str]:
    """The names that a module exports; of one without ``__all__`` the functions and classes that it defines."""
    if hasattr(module, "__all__"):
        return [name for name in module.__all__ if callable(getattr(module, name))]
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    made = (inspect.isfunction, inspect.isclass)
    return [n for n, v in own.items() if any(is_(v) for is_ in made) and v.__module__ == module.__name__]


def directive(module: str, name: str) -> str:
    """What documents one name."""
    kind = "class" if inspect.isclass(getattr(import_module(module), name)) else "function"
    members = "\n:members:" if kind == "class" else ""
    return f"```{{eval-rst}}\n.. auto{kind}:: {module}.{name}{members.replace(chr(10), chr(10) + '   ')}\n```"


def proofs() -> Iterator[tuple[str, str]]:
    """The proofs as ``make proofs`` wrote them."""
    folder = ROOT / "proofs"
    pages = sorted(path.relative_to(folder) for path in folder.rglob("*.md"))
    for path in pages:
        yield f"proofs/{path}", (folder / path).read_text(encoding="utf-8")
    theorems, lemmas = ([p for p in pages if (p.parent.name == "lemmas") is shared] for shared in (False, True))
    lines = ["# Proofs", "", "Written by `make proofs` from the scripts whose every step the kernel accepted.", ""]
    for caption, found in (("Theorems", theorems), ("Parts that several theorems share", lemmas)):
        lines += [toctree((f"proofs/{path.with_suffix('')}" for path in found), caption), ""]
    yield "proofs.md", "\n".join(lines)


def notebooks() -> Iterator[tuple[str, str]]:
    """Notebooks as they were committed, with the output that they have."""
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in found:
        yield f"notebooks/{path.name}", path.read_text(encoding="utf-8")
    text = "# Notebooks\n\n" + (toctree(f"notebooks/{path.stem}" for path in found) if found else "None so far.\n")
    yield "notebooks.md", text


def toctree(pages: Iterable[str], caption: str = "") -> str:
    """A table of contents."""
    heading = [f":caption: {caption}"] if caption else []
    return "\n".join(["```{toctree}", ":maxdepth: 1", *heading, "", *pages, "```", ""])


def plain(text: str) -> str:
    """Text that Markdown leaves as it is, in one line, but for ``code``, indices and exponents.

    >>> plain("x_k < 1")
    'x<sub>k</sub> \\\\< 1'
    """
    parts = re.split(r"(``[^`|]+``)", " ".join(text.split()))
    return "".join(p if i % 2 else _typeset(p) for i, p in enumerate(parts))


def _typeset(text: str) -> str:
    from verify.html.elements import scripts

    return "".join(
        f"<{tag}>{_typeset(part)}</{tag}>" if tag else re.sub(r"([\\`*_{}\[\]<>$|#~^])", r"\\\1", part)
        for tag, part in scripts(text)
    )


def _plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: outside of ``code`` and examples no character means anything to reStructuredText."""
    code = False
    for i, line in enumerate(lines):
        code = line.lstrip().startswith(">>>") or (code and bool(line.strip()))
        if not code:
            parts = re.split(r"(``.+?``)", line)
            lines[i] = "".join(p if p.startswith("``") else re.sub(r"([\\`*|]|_(?=\W|$))", r"\\\1", p) for p in parts)


def formula(latex: str, display: str = "inline") -> str:
    """LaTeX as MathML; bold and double-struck are characters of their own, for browsers ignore such variants.

    The converter does so itself for letters in braces.

    Raises:
        ValueError: for a variant that is left.
    """
    braced = re.sub(r"(\\math[a-z]+)(?:\s+([A-Za-z])|\s*(\d))", r"\1{\2\3}", latex)
    shown = re.sub(r'<mn mathvariant="(bold|double-struck)">(\d+)</mn>', _digits, convert(braced, display=display))
    if found := re.search(r'mathvariant="(?!normal")[^"]*"', shown):
        raise ValueError(f"{latex}: browsers ignore {found[0]}")
    return shown


def _digits(found: re.Match[str]) -> str:
    zero = ord({"bold": "𝟎", "double-struck": "𝟘"}[found[1]])
    return f"<mn>{''.join(chr(zero + int(digit)) for digit in found[2])}</mn>"


def _inline(translator: Any, node: Any) -> None:
    from docutils import nodes

    translator.body.append(formula(node.astext()))
    raise nodes.SkipNode


def _display(translator: Any, node: Any) -> None:
    from docutils import nodes

    translator.body.append(f'<div class="display">{formula(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode
