"""The report as a page: formulas as MathML, everything else escaped, and seen in a real browser."""

from __future__ import annotations

import json
import operator
import platform
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

import browser
import fakes
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reader import read

import proofs
import theory.statement
from theory.arithmetic.floats import Floats
from theory.claims import Inequality
from theory.ops import (
    Expression,
    blocks,
    class_means,
    constant,
    diagonal,
    exp,
    frobenius_norm,
    identity,
    kron,
    largest_root,
    log,
    nuclear_norm,
    one_hot,
    ones,
    operator_norm,
    relu,
    repeat_columns,
    schatten,
    smallest_positive_root,
    sqrt,
    sum_squares,
    trace,
    variable,
    zeros,
)
from theory.statement import PROVENANCE, Source, Statement, statements
from verify import runner
from verify.cli import main
from verify.html.claims import formulas
from verify.html.elements import element, markup, prose
from verify.html.notation import LONGEST, Notation
from verify.html.page import page, write
from verify.html.statement import Files, Run
from verify.results import Examination, Examined, Outcome
from verify.verdict import Evidence, holds, refuted
from verify.work import Registry

X, Y, W, x, y = variable("X", (2, 2)), variable("Y", (2, 2)), variable("W_12", (2, 3)), variable("x"), variable("y_2")
HALF = Fraction(1, 2)
HOSTILE = "<script>alert(1)</script>\" onload='alert(2)' & </summary></details>"
NOWHERE = Files(lambda certificate: "certificates/none.json", lambda theorem: "proofs/none.html")


def written(formula: Expression) -> str:
    """A formula as one line of text: _ and ^ before an index and an exponent, √ and / for roots and fractions."""
    return flat(ElementTree.fromstring(element("math", Notation([formula]).write(formula))))


def flat(node: ElementTree.Element) -> str:
    parts = [flat(child) for child in node]
    tag = node.tag
    if tag in ("mi", "mn", "mo", "mtext"):
        return (node.text or "").replace("\u2061", "")
    joined = {
        "mfrac": "{{{0}/{1}}}",
        "msup": "{0}^{{{1}}}",
        "msub": "{0}_{{{1}}}",
        "msubsup": "{0}_{{{1}}}^{{{2}}}",
        "mroot": "{1}√{{{0}}}",
        "msqrt": "√{{{0}}}",
        "mover": "{0}{1}",
    }
    if tag in joined:
        return joined[tag].format(*parts)
    between = {"mtable": "; ", "mtr": ", "}
    return between.get(tag, "").join(parts)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (X + Y @ X, "X+YX"),
        (X - Y, "X−Y"),
        ((X + Y) @ X, "(X+Y)X"),
        (-(X + Y), "−(X+Y)"),
        (X - (X + Y), "X−(X+Y)"),
        (HALF * X, "{1/2}X"),
        (x / y - 1, "{x/y_{2}}−1"),
        (3 * x / (2 * y), "{3x/2y_{2}}"),
        (x * (y + 1), "x(y_{2}+1)"),
        (1 / (x + 1), "{1/x+1}"),
        ((x + 1) ** 2, "(x+1)^{2}"),
        (constant(HALF) ** Fraction(2, 3), "({1/2})^{2/3}"),
        ((x / y) ** 2, "({x/y_{2}})^{2}"),
        (x ** Fraction(-3, 2), "{1/x^{3/2}}"),
        (sqrt(2) * 3, "3√{2}"),
        (2 * constant(3) ** Fraction(2, 3), "2·3^{2/3}"),
        (x ** Fraction(1, 3), "3√{x}"),
        (constant(Fraction(-2, 3)), "−{2/3}"),
        (X.T @ X, "X^{⊤}X"),
        (W.T, "W_{12}^{⊤}"),
        ((X @ Y).T, "(XY)^{⊤}"),
        (X[0, 1], "X_{1;2}"),
        (W[(0, 1), (0, 1, 2)], "W_{12}"),
        (W[(1, 0), (0, 1, 2)], "W_{12}_{2,1;1:3}"),
        (identity(3) + zeros(3, 3), "I_{3}+0_{3×3}"),
        (ones(2, 1), "𝟏_{2×1}"),
        (diagonal((1, 2), 2, 3), "diag_{2×3}(1,2)"),
        (one_hot((2, 1)), "Y_{2,1}"),
        (class_means(W, (2, 1)), "W_{12}‾_{2,1}"),
        (repeat_columns(X, (2, 1)), "XY_{2,1}"),
        (kron(X, Y), "(X⊗Y)"),
        (kron(X + Y, X @ Y), "((X+Y)⊗(XY))"),
        ((X + Y)[0, 1], "(X+Y)_{1;2}"),
        ((X @ Y)[(0,), (0, 1)], "(XY)_{1;1,2}"),
        (exp(x) ** 2, "(e^{x})^{2}"),
        (sum_squares(X) ** 2, "(‖X‖_{F}^{2})^{2}"),
        (frobenius_norm(X), "‖X‖_{F}"),
        (blocks([[X, Y], [Y, X]]), "[X, Y; Y, X]"),
        (trace(X @ Y), "tr(XY)"),
        (sum_squares(X), "‖X‖_{F}^{2}"),
        (nuclear_norm(X), "‖X‖_{∗}"),
        (schatten(X, Fraction(2, 3)), "‖X‖_{S_{2/3}}^{2/3}"),
        (operator_norm(X), "‖X‖_{op}"),
        (relu(X), "σ(X)"),
        (exp(x), "e^{x}"),
        (exp(X), "exp(X)"),
        (log(x) / 2, "{1/2}log(x)"),
        (largest_root((-2, 0, 1)), "max{x∣−2+x^{2}=0}"),
        (smallest_positive_root((1, -3, 1)), "min{x>0∣1−3x+x^{2}=0}"),
    ],
    ids=str,
)
def test_a_formula_is_written_as_one_writes_it(formula: Expression, text: str) -> None:
    assert written(formula) == text


positive = st.recursive(
    st.one_of(st.just(x), st.just(variable("y")), st.fractions(Fraction(1, 9), 9, max_denominator=9).map(constant)),
    lambda inner: st.one_of(
        st.builds(operator.add, inner, inner),
        st.builds(operator.mul, inner, inner),
        st.builds(operator.truediv, inner, inner),
        st.builds(operator.pow, inner, st.sampled_from([Fraction(i, j) for i in (-3, -1, 1, 2) for j in (1, 2, 3)])),
    ),
    max_leaves=6,
)
signed = st.recursive(
    positive.map(lambda formula: (formula, formula)),
    lambda inner: st.one_of(
        st.builds(lambda a, b: (a[0] - b[0], a[1] + b[1]), inner, inner),
        st.builds(lambda a, b: (a[0] * b[0], a[1] * b[1]), inner, inner),
        st.builds(lambda a, b: (a[0] / b, a[1] / b), inner, positive),
        st.builds(lambda a, n: (a[0] ** n, a[1] ** n), inner, st.sampled_from([2, 3])),
    ),
    max_leaves=4,
)
"""Formulas of x and y, and the same with sums in place of differences, which bounds how much can cancel."""


@given(signed, st.floats(0.5, 3), st.floats(0.5, 3))
@settings(deadline=None, max_examples=150)
def test_a_formula_reads_as_what_it_is(pair: tuple[Expression, Expression], first: float, second: float) -> None:
    """Up to a billionth of what could cancel: some dozens of operations lose less."""
    formula, bound = pair
    at = {"x": torch.tensor(first, dtype=torch.float64), "y": torch.tensor(second, dtype=torch.float64)}
    size = float(Floats().evaluate(bound, at))
    assume(size < 1e12)
    shown = ElementTree.fromstring(element("math", Notation([]).write(formula)))
    assert abs(read(shown, {"x": first, "y": second}) - float(Floats().evaluate(formula, at))) <= 1e-9 * size


ARITY = {"mfrac": 2, "msup": 2, "msub": 2, "mroot": 2, "mover": 2, "msubsup": 3}


def test_every_formula_of_every_statement_is_written_in_full() -> None:
    for statement in statements().values():
        shown = ElementTree.fromstring(formulas(statement.claim(statement.witness)))
        for node in shown.iter():
            assert len(node) == ARITY.get(node.tag, len(node)), (statement.id, node.tag)
        names = [flat(line[0]) for line in _defined(shown)]
        assert len(set(names)) == len(names)
        parts = [flat(part) for part in shown.iter() if part.tag == "msub"]
        assert all(parts.count(name) > 1 for name in names), statement.id


def _defined(shown: ElementTree.Element) -> list[ElementTree.Element]:
    """The lines below ``where``."""
    labels = [label.text for label in shown.iter("dt")]
    return [
        line
        for label, row in zip(labels, shown.iter("dd"), strict=True)
        if label == "where"
        for line in row.iter("math")
    ]


def test_a_long_formula_is_written_once_and_in_parts() -> None:
    long = x
    for i in range(200):
        long = long * long + i
    notation = Notation([long, long + 1])
    assert notation.definitions
    longest = max(len(list(ElementTree.fromstring(f"<m>{value}</m>").iter())) for _, value in notation.definitions)
    assert longest < 6 * LONGEST
    assert len(notation.write(long + 1)) < 200


def test_names_of_parts_are_not_those_of_variables() -> None:
    f = variable("f_1")
    shared = (f + 1) * (f + 2) * (f + 3) * (f + 4)
    names = [flat(ElementTree.fromstring(name)) for name, _ in Notation([shared, exp(shared)]).definitions]
    assert names == ["f_{2}"]


# ------------------------------------------------------------------------------------------------------------ the page


class Seen(HTMLParser):
    """What a browser would make of the page: elements, attributes, and text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def examined(id: str, *engines: str) -> Examination:
    return runner.examine(fakes.statements()[id], engines, registry=fakes.registry())


def test_what_others_wrote_is_text_and_never_markup() -> None:
    claim = Inequality(lambda X: trace(X), lambda X: trace(X), X=(1, 1))

    def build() -> Inequality:
        return claim

    build.__doc__ = HOSTILE
    hostile = Statement(
        HOSTILE,
        build,
        {},
        {HOSTILE: lambda: True},
        Source(HOSTILE, HOSTILE, HOSTILE, "R"),
        theory.statement.Expected("refuted", "certified", HOSTILE),
        wrong={HOSTILE: {}},
    )
    seen = [replace(examined("fake-square", *engines), statement=hostile) for engines in (["against"], ["unable"])]
    shown = Seen(page(seen, Run(omitted={HOSTILE: HOSTILE}), NOWHERE))
    plain = Seen(page([examined("fake-square", "against")], Run(), NOWHERE))
    assert shown.tags.count("script") == plain.tags.count("script") == 1
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert shown.text.count("<script>alert(1)</script>") > 10


def test_the_page_says_what_was_found_and_where_it_is_from() -> None:
    results = [
        examined("fake-square", "sealing", "unable"),
        examined("fake-false", "against"),
        examined("fake-model", "numerical"),
        Examination((), fakes.statements()["fake-broken"]),
    ]
    text = " ".join(Seen(page(results, Run(engines=("sealing",)), NOWHERE)).text.split())
    for part in (
        "1 of 4 statements as expected",
        "holds on 4 instances (certified)",
        "refuted as reconstructed; the printed text was not seen (certified)",
        "reconstructed: the printed text was not seen",
        "A shifted sum of squares is not negative.",
        "unable × fake-square (4 instances)not my kind of claim",
        "collapse verify fake-square --engine sealing --fresh",
        "collapse verify fake-square fake-false fake-model fake-broken --engine sealing --fresh",
        f"Python {platform.python_version()}, ",
        f", numpy {metadata.version('numpy')}, ",
        "The papers' own configurations",
        "+1.0e−12",
        "It could not be built: ZeroDivisionError: no claim at this size",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("λ_H/λ_W and W_{l+1}ᵀ", "λ<sub>H</sub>/λ<sub>W</sub> and W<sub>l+1</sub>ᵀ"),
        ("Z_AA p_jk, NC2_W", "Z<sub>AA</sub> p<sub>jk</sub>, NC2<sub>W</sub>"),
        ("‖θ_{k_1}‖_*^{1/2}", "‖θ<sub>k<sub>1</sub></sub>‖<sub>*</sub><sup>1/2</sup>"),
        ("(1−z)^{M+1} z^M", "(1−z)<sup>M+1</sup> z<sup>M</sup>"),
        ("x_{<b>}^{&}", "x<sub>&lt;b&gt;</sub><sup>&amp;</sup>"),
        ("some_name, largest_root, _x, ^2, x_, {a}_b", "some_name, largest_root, _x, ^2, x_, {a}_b"),
        ("`a_1` but a_1", "<code>a_1</code> but a<sub>1</sub>"),
        ("x_{" * 9, "x_{" * 9),
    ],
)
def test_indices_and_exponents_are_set_lower_and_higher(text: str, written: str) -> None:
    assert markup(prose(text)) == written


def test_a_refuted_reconstruction_and_what_floats_saw_are_called_so() -> None:
    shown = page([examined("fake-false", "against"), examined("fake-model", "numerical")], Run(), NOWHERE)
    assert shown.count('<span class="pill refuted">refuted as reconstructed</span>') == 2
    assert "refuted as reconstructed: 1 certified" in shown
    assert re.search(r'<span class="pill">no counterexample in \d+ instances?</span>', shown)
    assert '<span class="pill holds">' not in shown


def test_the_command_of_the_page_has_the_patterns_that_were_given() -> None:
    results = [examined("fake-square", "sealing"), examined("fake-false", "against")]
    for patterns, command in ((("fake-*",), "collapse verify 'fake-*' --fresh"), ((), "collapse verify --fresh")):
        assert f"<pre>{command}</pre>" in page(results, Run(patterns=patterns), NOWHERE).replace("&#x27;", "'")


def test_the_letter_of_a_text_is_explained_where_it_stands() -> None:
    shown = page([examined("fake-false", "against")], Run(), NOWHERE)
    meaning = PROVENANCE["R"]
    assert f"[R]: {meaning}" in shown.split("<h2>Verdicts</h2>")[1].split("<table")[0]
    assert f'<abbr title="{meaning}">[R]</abbr>' in shown.split('<table class="verdicts">')[1].split("</table>")[0]


def test_an_engine_that_examined_some_clauses_says_which() -> None:
    """That a part of a refuted statement holds does not read as if the statement did."""
    names = ("value", "attained")
    found = Evidence("one", (holds("attained", "certified"),)), Evidence("all", (refuted("value", "by a point"),))
    outcomes = tuple(Outcome(evidence.engine, evidence) for evidence in found)
    shown = page([Examination((Examined({}, names, outcomes),), fakes.statements()["fake-other"])], Run(), NOWHERE)
    assert '<span class="pill holds">holds, on: attained</span>' in shown
    whole = Outcome("both", Evidence("both", tuple(holds(name, "certified") for name in names)))
    shown = page([Examination((Examined({}, names, (whole,)),), fakes.statements()["fake-other"])], Run(), NOWHERE)
    assert ", on: " not in shown


def test_code_in_texts_is_set_as_code() -> None:
    shown = page([Examination((), statements()["jacot2024-nc2-bound"])], Run(), NOWHERE)
    assert shown.count("<code>printed</code>") == 2
    assert "``" not in shown


def test_the_refuters_point_is_written_as_a_reader_writes_it() -> None:
    shown = page(
        [runner.examine(fakes.statements()["fake-false"], ["refuter"], registry=fakes.registry())], Run(), NOWHERE
    )
    assert "at shift = 7, size = 1" in shown


def test_a_proof_is_outlined_with_a_link_to_its_steps(tmp_path: Path) -> None:
    proved = runner.examine(statements()["sukenik2024-g"], engines=[], count=0)
    for folder in ("certificates", "proofs"):
        (tmp_path / folder).mkdir()
    write(tmp_path, [proved], Run(), lambda certificate: Path("none"))
    text, steps = ((tmp_path / name).read_text() for name in ("index.html", "proofs/sukenik2024-g.html"))
    theorem = proofs.find("sukenik2024-g")
    assert theorem is not None
    assert " ".join(theorem.conclusion.split()) in " ".join(Seen(text).text.split())
    assert 'href="proofs/sukenik2024-g.html"' in text
    for section in theorem.sections:
        assert all(step.fact.name in Seen(steps).text for step in section.proof.steps)


@pytest.fixture
def fake_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = partial(Registry, fakes.statements, tuple(fakes.ALL), fakes.load, fakes.drawn, fakes.check, fakes.refute)
    monkeypatch.setattr(runner, "Registry", registry)
    monkeypatch.setattr(theory.statement, "statements", fakes.statements)


@pytest.mark.usefixtures("fake_registry")
def test_the_command_writes_the_page_and_the_certificates(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "report"
    chosen = ["--engine", "sealing", "--engine", "refuter", "--jobs", "1"]
    assert main(["verify", "fake-square", "fake-false", *chosen, "--report", str(folder)]) == 1
    text = (folder / "index.html").read_text()
    kept = sorted(path.name for path in (folder / "certificates").iterdir())
    assert kept == sorted(
        {value.split("/")[1] for name, value in Seen(text).attributes if _is_certificate(name, value)}
    )
    assert {json.loads((folder / "certificates" / name).read_text())["kind"] for name in kept} == {"fake"}
    assert "survived, which does not make it true: attacked 1 of 9 instances drawn" in Seen(text).text
    assert "refuted: attacked 1 of 9" in Seen(text).text
    assert "http://" not in text
    assert "https://" not in text


def _is_certificate(name: str, value: str | None) -> bool:
    return name == "href" and (value or "").startswith("certificates/")


@pytest.mark.usefixtures("fake_registry")
@pytest.mark.parametrize("place", ["file", "file/below", "index"])
def test_a_folder_that_cannot_take_a_report_is_found_out_before_the_work(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "index" / "index.html").mkdir(parents=True)
    monkeypatch.setattr(runner, "run", lambda *_: pytest.fail("the work began"))
    assert main(["verify", "fake-square", "--report", str(tmp_path / place)]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"collapse: --report {tmp_path / place}: no report can be written there")
    assert (out, err.count("\n")) == ("", 1)


# ------------------------------------------------------------------------------------------------------- in a browser


needs_chromium = pytest.mark.skipif(browser.CHROMIUM is None, reason="there is no chromium to look at the page with")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    with browser.browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def every_statement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with the formulas of all statements; no engine ran, and proofs are left out, which take minutes."""
    folder = tmp_path_factory.mktemp("report")
    results = [Examination((), statement) for statement in statements().values()]
    refuted = runner.examine(statements()["losses-focal-scale"], ["symbolic"], count=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proofs, "find", lambda id: None)
        text = page([refuted, *results], Run(), NOWHERE)
    (folder / "index.html").write_text(text, encoding="utf-8")
    return folder / "index.html"


def test_formulas_have_a_font_for_mathematics_in_the_report_and_in_the_documentation() -> None:
    """Without one Chromium sets indices on the line, and the degrees of roots below the sign."""
    root = Path(__file__).parent.parent
    styles = [root / "verify" / "html" / "page.css", root / "docs" / "static" / "formulas.css"]
    fonts = [re.search(r"^math {.*font-family: ([^;]*);", path.read_text(), re.MULTILINE) for path in styles]
    report, documentation = (found and found[1] for found in fonts)
    assert report
    assert report == documentation


TOO_WIDE = "[...document.querySelectorAll('main *:not(.formula *)')]"
TOO_WIDE += ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200))"
EMPTY = "[...document.querySelectorAll('math')].filter(e => !(e.getBoundingClientRect().width > 4"
EMPTY += " && e.getBoundingClientRect().height > 4)).map(e => e.outerHTML)"


@needs_chromium
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_formulas_are_drawn_and_nothing_is_wider_than_the_window(
    width: int, scheme: str, chromium: browser.Browser, every_statement: Path
) -> None:
    chromium.open(every_statement, width, scheme)
    assert chromium.run(TOO_WIDE) == [], "wider than the window"
    chromium.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert chromium.run("document.querySelectorAll('math').length") > 1000
    assert chromium.run(EMPTY) == []
    assert chromium.run(TOO_WIDE) == [], "wider than the window"
    assert chromium.run("document.documentElement.scrollWidth") <= width == chromium.run("innerWidth")
    assert chromium.complaints == []
    assert chromium.requests == [every_statement.as_uri()]


def _shade(chromium: browser.Browser) -> int:
    """How bright the page is, from 0 to 255."""
    colour: str = chromium.run("getComputedStyle(document.body).backgroundColor")
    return int(colour.split("(")[1].split(",")[0])


@needs_chromium
def test_the_page_is_light_or_dark_as_the_reader_likes(chromium: browser.Browser, every_statement: Path) -> None:
    for scheme in ("light", "dark"):
        chromium.open(every_statement, 400, scheme)
        chromium.run("localStorage.clear()")
        chromium.open(every_statement, 400, scheme)
        assert (_shade(chromium) > 128) is (scheme == "light")
        chromium.run("document.getElementById('theme').click()")
        assert (_shade(chromium) > 128) is (scheme == "dark")
        chromium.open(every_statement, 400, scheme)
        assert (_shade(chromium) > 128) is (scheme == "dark")
        chromium.run("localStorage.clear()")


@needs_chromium
def test_the_filter_keeps_what_has_all_its_words(chromium: browser.Browser, every_statement: Path) -> None:
    chromium.open(every_statement, 1280)
    for words, expected in (("zhu2021- LANDSCAPE", 2), ("no such statement", 0), ("", len(statements()) + 1)):
        chromium.run(f"box.value = '{words}'; box.dispatchEvent(new Event('input'))")
        for kept in ("table.verdicts tbody tr", "details.statement"):
            assert chromium.run(f"document.querySelectorAll('{kept}:not([hidden])').length") == expected, kept
    chromium.run("document.querySelector('a[href=\"#zhu2021-ce-etf\"]').click()")
    chromium.run("new Promise(done => setTimeout(done, 50))")
    assert chromium.run("document.getElementById('zhu2021-ce-etf').open")


@needs_chromium
def test_no_script_but_the_pages_own_would_run(chromium: browser.Browser, every_statement: Path) -> None:
    """Even if escaping failed: the page's policy names its script by its digest."""
    text = every_statement.read_text().replace("<main>", "<main><script>window.intruder = 1</script>", 1)
    path = every_statement.with_name("hostile.html")
    path.write_text(text)
    chromium.open(path, 400)
    assert chromium.run("window.intruder") is None
    assert any("Content Security Policy" in complaint for complaint in chromium.complaints)
