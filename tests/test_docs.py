"""What the pages say: their commands and code run as printed, and what they print is what is found."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import fakes
import pytest

import theory.statement
from proofs.kernel.render import wrapped
from theory.statement import statements
from verify import cluster
from verify.cli import main

ROOT = Path(__file__).parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if not {"generated", "build"} & set(path.parts)
}
BLOCK = re.compile(r"^```(python|console|text|toml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

NOT_RUN = {
    "make verify": "verifies everything, for minutes; tests/test_runner.py runs parts",
    "make test": "is what runs this",
    "make env": "makes the environment that this runs in",
    "source .venv/bin/activate": "a shell of its own would forget it",
    "collapse check mine.py --budget 30": "tests/test_check.py runs it, conjecture by conjecture",
    "collapse check mine.py --budget 4": "the test below runs it, conjecture by conjecture",
    "collapse train --sizes 100,80,60,40 --linear-layers 6 --decay 1/200 --plot training-grams.svg "
    "--curves training-course.svg": "takes half a minute; tests/test_networks.py trains smaller ones",
    "collapse train --sizes '10*30' --linear-layers 4 --activation relu --decay 1/250 --widths 256,256,30 --rate 0.002 "
    "--adam 600 --plot training-relu.svg": "takes a minute",
    "collapse train --sizes '4*10' --widths 64,64,8 --extractor-activation smooth-leaky --linear-layers 2 "
    "--penalty weights --decay 1/50 --steps 3000 --adam 100": "takes a quarter of a minute; there are smaller ones",
    "collapse verify 'dang2023-*' --engine descent --device cuda --full --jobs 1": "needs a GPU, and an hour",
    "collapse train --sizes 100,80,60,40 --extractor resnet --widths 12,24,32 --linear-layers 3 --decay 1/200 "
    "--rate 0.003": "takes three minutes; tests/test_networks.py trains a smaller one",
    "collapse check mine.py --device cuda --budget 600": "needs a GPU",
    "collapse train --device cuda --sizes 100,80,60,40 --extractor resnet --decay 1/200": "needs a GPU",
    "collapse rfm --device cuda --data mine.npz --samples 60000 --depth 2": "needs a GPU, and the file",
    "pip install 'neural-collapse-theorems[cluster]' --constraint constraints.txt": "installs",
    "dask scheduler --scheduler-file scheduler.json": "runs until it is ended; tests/test_cluster.py starts one",
    "dask worker --scheduler-file scheduler.json --nthreads 1 --nworkers 8": "the same",
    "collapse sweep phases.toml --scheduler scheduler.json": "needs that scheduler",
    "collapse verify --full --scheduler tcp://10.0.0.5:8786": "the same",
}
"""Commands of the pages that are not run here, with the reason."""


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the text of each block, in order."""
    return BLOCK.findall(PAGES[page])


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command with the output printed below it; without a prompt every line is a command."""
    prompted = block.startswith("$ ")
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ ") or not prompted:
            found.append((shlex.join(shlex.split(line.removeprefix("$ "), comments=True)), []))
        else:
            found[-1][1].append(line)
    yield from found


def assert_printed(printed: str, expected: list[str]) -> None:
    """Each expected line is printed, in order; … stands for anything."""
    lines = iter(line.rstrip() for line in printed.splitlines())
    for line in filter(lambda line: line.strip(" …"), expected):
        pattern = re.compile(".*".join(map(re.escape, line.rstrip().split("…"))))
        assert any(pattern.fullmatch(found) for found in lines), f"not printed, or not in this order: {line}"


class Folder:
    """A working folder in which the blocks of one page run one after another."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.capsys, self.printed, self.conjectures = path, capsys, "", "mine.py"
        (path / "verify").symlink_to(ROOT / "verify")

    def run(self, language: str, block: str) -> None:
        """Keep conjectures as a file, execute other code, run commands, and compare what is printed."""
        if language == "python" and "@conjecture" in block:
            (self.path / self.conjectures).write_text(block, encoding="utf-8")
        elif language == "python":
            exec(compile(block, "a block", "exec"), {"__name__": "__main__"})
            self.printed = self.capsys.readouterr().out
        elif language == "toml":
            name = re.search(r"^\$ collapse sweep (\S+)", PAGES["docs/sweep.md"], re.MULTILINE)
            assert name is not None
            if not (self.path / name[1]).exists():
                (self.path / name[1]).write_text(block, encoding="utf-8")
        elif language == "text" and self.printed:
            assert_printed(self.printed, block.splitlines())
        elif language == "console":
            for command, expected in commands(block):
                if command not in NOT_RUN:
                    self.command(command, expected)

    def command(self, command: str, expected: list[str]) -> None:
        """Run one command; ``collapse`` in this process."""
        name, *arguments = shlex.split(command)
        if name == "collapse":
            status = main(arguments)
            out, err = self.capsys.readouterr()
        else:
            line = command.replace("python", sys.executable, 1).replace("'", "")  # so that * is the shell's
            done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
            status, out, err = done.returncode, done.stdout, done.stderr
        assert status in (0, 1) or (status == 2 and expected), err
        assert "Traceback" not in err
        assert_printed(out or err, expected)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Folder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLLAPSE_HOME")
    monkeypatch.setattr(theory.statement, "_registry", dict(statements()))  # a page may add to it
    monkeypatch.setattr(cluster, "workers", fakes.in_this_process)
    return Folder(tmp_path, capsys)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_what_a_page_prints_is_what_is_found(page: str, folder: Folder) -> None:
    if checked := re.search(r"^\$ collapse check (\w+\.py)", PAGES[page], re.MULTILINE):
        folder.conjectures = checked[1]
    for language, block in blocks(page):
        folder.run(language, block)


def test_what_is_not_run_stands_on_a_page() -> None:
    printed = {c for page in PAGES for language, b in blocks(page) if language == "console" for c, _ in commands(b)}
    assert set(NOT_RUN) <= printed


def test_the_table_of_the_readme_counts_every_statement() -> None:
    """It is made from a run, which takes minutes; here it is held against the registry and what that expects."""
    table = PAGES["README.md"].split("docs/coverage.py -->")[1].split("<!-- end")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.strip().splitlines()]
    heading, _, *papers, total = rows
    expected: dict[str, Counter[str]] = {}
    for statement in statements().values():
        assert statement.source is not None
        e = statement.expected
        kind = e.at_least if e.conclusion == "holds" else e.conclusion
        expected.setdefault(statement.source.paper, Counter())[kind] += 1
    assert [row[0] for row in papers] == list(expected)
    for name, *cells in (*papers, total):
        found = dict(zip(heading[1:], (int(cell.replace("–", "0")) for cell in cells), strict=True))
        wanted = expected.get(name, sum(expected.values(), Counter()))
        assert found.pop("statements") == sum(found.values()) == wanted.total(), name
        assert (found["refuted"], found["undecided"]) == (wanted["refuted"], wanted["undecided"]), name
        assert found["proved"] >= wanted["proved"], name
        assert found["numerical"] <= wanted["numerical"], name


WRITTEN = {**PAGES, "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")}


@pytest.mark.parametrize("page", WRITTEN)
def test_what_a_page_links_to_exists(page: str) -> None:
    assert not missing(page, WRITTEN[page])


def test_a_link_to_nothing_is_noticed() -> None:
    assert missing("README.md", "[a](docs/none.md), [b](docs/tutorial.md)\n![c\nd](e.svg)") == ["docs/none.md", "e.svg"]
    assert missing("docs/tutorial.md", "[a](optimum.md#no-such-heading)") == ["optimum.md#no-such-heading"]


def missing(page: str, text: str) -> list[str]:
    """Relative links of a page to files, or to headings of pages, that do not exist."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:", link)]
    return [link for link in links if not leads_somewhere(ROOT / page, link)]


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, heading = link.partition("#")
    path = page.parent / name if name else page
    if not path.exists() or not heading:
        return path.exists()
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return heading in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


MADE = re.compile(r"<!-- [^:>]+: made by [^>]+ -->(.*?)(?:<!-- end -->|\Z)", re.DOTALL)


def test_no_part_that_a_program_makes_is_empty() -> None:
    made = {page: MADE.findall(text) for page, text in PAGES.items()}
    assert sum(map(len, made.values())) == sum(text.count(": made by ") for text in PAGES.values()) > 5
    assert not [page for page, parts in made.items() if not all(map(str.strip, parts))]
    assert MADE.findall("<!-- a: made by b -->\n\n<!-- end -->") == ["\n\n"]


def test_a_table_that_is_shown_as_text_ends_the_build(tmp_path: Path) -> None:
    guard = runpy.run_path(str(ROOT / "docs" / "tables.py"))
    for name, text in {
        "good": "<table></table><pre>|---|</pre>",
        "dashes": "<p>| a |\n|---|</p>",
        "typeset": "<p>| a | b |\n|—|—|</p>",
    }.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    with pytest.raises(ValueError, match=r"on dashes\.html, typeset\.html$"):
        guard["check"](app, None)


PROOFS = sorted((ROOT / "proofs").rglob("*.md"))


@pytest.mark.parametrize("path", PROOFS, ids=lambda path: path.stem)
def test_no_line_of_a_proof_breaks_a_formula_or_begins_a_block_by_chance(path: Path) -> None:
    for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
        assert not broken(paragraph), f"{path.name}: {broken(paragraph)}"


def broken(paragraph: str) -> list[str]:
    """Lines with half a formula, and lines inside a paragraph that Markdown takes for a list, quotation or heading."""
    if paragraph.lstrip("\n").startswith("$$"):
        return []
    first, *later = paragraph.strip("\n").splitlines() or [""]
    halves = [line for line in (first, *later) if line.count("$") % 2]
    is_list = first.startswith("- ")
    blocks = [line for line in later if re.match(r"\s*(>|[-+*] |#+ |\d+[.)] |=+$|-+$)", line)]
    return halves + [line for line in blocks if not (is_list and line.startswith("- "))]


@pytest.mark.parametrize("text", ["at $t\n> 0$; so", "of (1\n+ 2) words", "in\n1) all", "as\n> so"])
def test_a_broken_line_is_noticed(text: str) -> None:
    assert broken(text)
    assert not broken(wrapped(text))


CLAIMS = PAGES["docs/claims.md"]


def test_the_picture_is_the_one_that_its_command_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the last digits of coordinates, which depend on the machine."""
    monkeypatch.setattr(sys, "argv", ["picture.py", str(tmp_path / "drawn.svg")])
    runpy.run_path(str(ROOT / "docs" / "picture.py"), run_name="__main__")
    kept, drawn = (
        re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.1f}", path.read_text(encoding="utf-8"))
        for path in (ROOT / "docs" / "minority-collapse.svg", tmp_path / "drawn.svg")
    )
    assert kept == drawn


def test_the_citation_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_paper_is_cited() -> None:
    """With the year and the title by which its statements name it."""
    _, *cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8").split("  - type: article\n")
    sources = {(s.source.paper, s.source.version) for s in statements().values() if s.source}
    papers = {(paper, number) for paper, version in sources for number in re.findall(r"arXiv (\S+)", version)}
    assert {number for _, number in papers} == set(re.findall(r'"arXiv:(\S+)"', "".join(cited)))
    for paper, number in papers:
        (reference,) = (part for part in cited if f'"arXiv:{number}"' in part)
        ((authors, year, title),) = re.findall(r"^(.*) (\d{4}), (.*)$", paper)
        assert f'title: "{title}' in reference
        assert f"year: {year}" in reference
        assert f"family-names: {re.split(' et al| & ', authors)[0]}\n" in reference


def block(language: str) -> str:
    return CLAIMS.split(f"```{language}\n")[1].split("```")[0]


def sections() -> dict[str, list[str]]:
    """What the page prints about each conjecture."""
    command, *lines = block("console").splitlines()
    assert command.startswith("$ collapse check mine.py")
    found: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith(" "):
            found[line.split(":")[0]] = []
        found[list(found)[-1]].append(line)
    return found


@pytest.mark.parametrize("name", sections())
def test_an_example_is_found_to_be_what_the_page_says(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, expected = tmp_path / "mine.py", sections()[name]
    path.write_text(block("python"), encoding="utf-8")
    refuted = "refuted (certified)" in expected[0]
    status = main(["check", f"{path}::{name}", "--budget", "60" if refuted else "6"])
    assert status == (1 if refuted else 0 if "not refuted" in expected[0] else 3)
    out = [line.replace(" (3 times)", "") for line in capsys.readouterr().out.splitlines()]
    for line in expected:
        assert any(found.startswith(line) for found in out), line


def test_every_example_is_on_the_page() -> None:
    assert list(sections()) == re.findall(r"^def (\w+)", block("python"), re.MULTILINE)
