"""Claims about all eigenvalues of a matrix: every false one is refuted exactly, every true one certified."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import Inequality, Spectrum, conjecture
from theory.arithmetic.interpreters import Balls, Undecidable, precision
from theory.claims import digest
from theory.constants import _symmetric_as_written
from theory.ops import (
    Expression,
    FormulaError,
    ShapeError,
    blocks,
    constant,
    diagonal,
    helmert,
    identity,
    kron,
    ones,
    sqrt,
    trace,
    variable,
    zeros,
)
from theory.statement import Instance, statements
from verify import checker
from verify.certificate import spectrum
from verify.cli import main
from verify.engines import ENGINES, Settings, load
from verify.methods import spectra
from verify.methods.inertia import above
from verify.recheck import differs
from verify.refute import check
from verify.runner import examine
from verify.verdict import Evidence, Unable

F = Fraction


def etf(K: int) -> Expression:
    """I − 11ᵀ/K, the Gram matrix of a simplex ETF."""
    return identity(K) - F(1, K) * ones(K, K)


def matrix(*rows: tuple[Any, ...]) -> Expression:
    """A constant matrix by its entries."""
    n, m = len(rows), len(rows[0])
    total = zeros(n, m)
    for i, row in enumerate(rows):
        for j, x in enumerate(row):
            total = total + constant(x) * (identity(n)[range(n), (i,)] @ identity(m)[(j,), range(m)])
    return total


GOLDEN = matrix((1, 1), (1, 0))
RADICAL = matrix((0, sqrt(2), 0), (sqrt(2), 0, 1), (0, 1, 0))

TRUE: dict[str, Callable[[], Spectrum]] = {
    "a simplex ETF": lambda: Spectrum(etf(4), [(1, 3), (0, 1)]),
    "a simplex ETF by its columns": lambda: Spectrum(helmert(4) @ helmert(4).T, [(0, 1), (1, 3)]),
    "a function of nothing": lambda: Spectrum(lambda: 2 * identity(2), [(2, 2)]),  # type: ignore[arg-type]
    "the golden ratio": lambda: Spectrum(GOLDEN, [((1 + sqrt(5)) / 2, 1), ((1 - sqrt(5)) / 2, 1)]),
    "irrational entries": lambda: Spectrum(RADICAL, [(sqrt(3), 1), (0, 1), (-sqrt(3), 1)]),
    "one number": lambda: Spectrum(matrix((F(5, 2),)), [(F(5, 2), 1)]),
    "singular values of a product": lambda: Spectrum(ones(2, 3) @ ones(3, 2), [(6, 1), (0, 1)]),
    "irrational and equal": lambda: Spectrum(sqrt(2) * identity(3), [(sqrt(2), 3)]),
}
FALSE: dict[str, tuple[Callable[[], Spectrum], tuple[str, ...]]] = {
    "multiplicities exchanged": (lambda: Spectrum(etf(4), [(1, 1), (0, 3)]), ("multiplicities",)),
    "a multiplicity split": (lambda: Spectrum(etf(4), [(1, 1), (1, 2), (0, 1)]), ("multiplicities",)),
    "a value off by little": (
        lambda: Spectrum(etf(4), [(1 + F(1, 10**40), 3), (0, 1)]), ("eigenvalues", "multiplicities")
    ),
    "a value left out": (lambda: Spectrum(diagonal([1, 2, 3]), [(1, 2), (2, 1)]), ("eigenvalues", "multiplicities")),
    "the conjugate twice": (
        lambda: Spectrum(GOLDEN, [((1 + sqrt(5)) / 2, 2)]), ("eigenvalues", "multiplicities")
    ),
    "the wrong sign": (lambda: Spectrum(RADICAL, [(sqrt(3), 2), (0, 1)]), ("eigenvalues", "multiplicities")),
    "a value that is listed twice in two forms": (
        lambda: Spectrum(2 * identity(2), [(2, 1), (sqrt(4), 1)]), ("multiplicities",)
    ),
    "an irrational that is near": (
        lambda: Spectrum(sqrt(2) * identity(2), [(F(141421356, 10**8), 2)]), ("eigenvalues", "multiplicities")
    ),
    "one value of a double one is another": (
        lambda: Spectrum(diagonal([1, 1, 2]), [(1, 1), (2, 2)]), ("multiplicities",)
    ),
}  # fmt: skip


def by(engine: str, claim: Spectrum) -> Evidence:
    return load(engine).examine(Instance(claim), Settings(device="cpu"))


@pytest.mark.parametrize("name", TRUE)
def test_a_true_spectrum_is_certified(name: str) -> None:
    claim = TRUE[name]()
    exact = by("symbolic", claim)
    assert [(f.clause, f.conclusion, f.assurance) for f in exact.findings] == [
        (clause, "holds", "certified") for clause in claim.clause_names
    ]
    for certificate in exact.certificates:
        assert checker.check(certificate)
        assert differs(certificate, claim) == ""
    assert {f.conclusion for f in by("precision", claim).findings} == {"holds"}
    found = examine(claim)
    assert (found.verdict.conclusion, found.verdict.assurance) == ("holds", "certified")


@pytest.mark.parametrize("name", FALSE)
def test_a_false_spectrum_is_refuted_by_its_clause(name: str) -> None:
    make, failing = FALSE[name]
    claim = make()
    exact = by("symbolic", claim)
    assert not exact.certificates
    assert {f.clause for f in exact.findings if f.conclusion == "refuted"} == set(failing)
    assert {f.clause for f in exact.findings if f.conclusion == "holds"} == set(claim.clause_names) - set(failing)
    assert not [f for f in by("precision", claim).findings if f.conclusion == "refuted" and f.clause not in failing]
    assert examine(claim).verdict.conclusion == "refuted"


def test_a_value_that_is_no_number_decides_nothing() -> None:
    claim = Spectrum(identity(2), [(sqrt(constant(-1)), 2)])
    for engine in ("symbolic", "precision"):
        assert {f.conclusion for f in by(engine, claim).findings} == {"undecided"}


def test_balls_refute_too() -> None:
    for name in ("multiplicities exchanged", "a value left out", "an irrational that is near", "a value off by little"):
        assert [f for f in by("precision", FALSE[name][0]()).findings if f.conclusion == "refuted"], name


def test_a_rational_spectrum_has_a_certificate_of_its_own() -> None:
    claim, other = Spectrum(etf(3), [(1, 2), (0, 1)]), Spectrum(etf(3), [(1, 1), (0, 2)])
    (certificate,) = by("symbolic", claim).certificates
    assert differs(certificate, other) == "1 has the multiplicity 2, not 1"
    assert differs(certificate, Spectrum(etf(3), [(2, 2), (0, 1)])) == "2 is no eigenvalue"
    assert differs(certificate, Spectrum(2 * etf(3), [(2, 2), (0, 1)])) == "the matrix is another one"
    assert differs(certificate, Spectrum(sqrt(2) * identity(3), [(sqrt(2), 3)])) == "the matrix is another one"
    assert differs(certificate, Inequality(lambda X: trace(X), lambda X: trace(X) + 1, X=(1, 1)))
    one = F(1)
    for wrong in (spectrum([[one]], [([-one, one], 1)]), {**certificate, "matrix": [["1"]]}):
        assert differs(wrong, claim)


def test_engines_that_know_nothing_of_it_say_so() -> None:
    for engine in set(ENGINES) - {"symbolic", "precision"}:
        with pytest.raises(Unable):
            by(engine, TRUE["a simplex ETF"]())


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=4), st.lists(st.integers(-2, 2), min_size=4, max_size=4))
@settings(max_examples=30, deadline=None)
def test_a_turned_diagonal_keeps_its_spectrum(entries: list[int], normal: list[int]) -> None:
    """Under a rational reflection; and a value moved to another that is listed is refuted."""
    n, v = len(entries), normal[: len(entries)]
    size = sum(x * x for x in v) or 1
    reflection = [[F(int(i == j)) - F(2 * v[i] * v[j], size) for j in range(n)] for i in range(n)]
    Q = matrix(*map(tuple, reflection))
    stated = [(value, entries.count(value)) for value in sorted(set(entries))]
    turned = Q @ diagonal(entries) @ Q.T
    assert {f.conclusion for f in by("symbolic", Spectrum(turned, stated)).findings} == {"holds"}
    assert "refuted" not in {f.conclusion for f in by("precision", Spectrum(turned, stated)).findings}
    moved = [(value + 5, times) if i == 0 else (value, times) for i, (value, times) in enumerate(stated)]
    assert {f.conclusion for f in by("symbolic", Spectrum(turned, moved)).findings} == {"refuted"}
    assert "holds" not in {f.conclusion for f in by("precision", Spectrum(turned, moved)).findings}


X = variable("X", (2, 2))
MISUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a matrix that is not symmetric": (
        lambda: Spectrum(matrix((1, 2), (3, 4)), [(1, 2)]), "not symmetric: its entries (1, 0) and (0, 1) differ"
    ),
    "one that is nearly so": (lambda: Spectrum(matrix((0, 1), (1 + F(1, 10**40), 0)), [(1, 2)]), "not symmetric"),
    "one that is irrational": (lambda: Spectrum(matrix((0, sqrt(2)), (F(7, 5), 0)), [(1, 2)]), "not symmetric"),
    "a matrix that is not square": (lambda: Spectrum(ones(2, 3), [(1, 2)]), "a square matrix, got the shape (2, 3)"),
    "a number": (lambda: Spectrum(constant(1), [(1, 1)]), "a square matrix, got the shape ()"),
    "no rows": (lambda: Spectrum(zeros(0, 0), []), "a square matrix, got the shape (0, 0)"),
    "multiplicities that do not add up": (lambda: Spectrum(etf(4), [(1, 3)]), "add up to 3, but the matrix has 4"),
    "too many": (lambda: Spectrum(etf(4), [(1, 3), (0, 2)]), "add up to 5, but the matrix has 4"),
    "a multiplicity of zero": (lambda: Spectrum(etf(2), [(1, 2), (0, 0)]), "a positive integer, got 0"),
    "a negative one": (lambda: Spectrum(etf(2), [(1, 3), (0, -1)]), "a positive integer, got -1"),
    "a truth value": (lambda: Spectrum(etf(1), [(0, True)]), "a positive integer, got True"),
    "a matrix as eigenvalue": (lambda: Spectrum(etf(2), [(ones(1, 1), 2)]), "an eigenvalue is a scalar"),
    "a float": (lambda: Spectrum(etf(2), [(0.5, 2)]), "exact numbers"),
    "a variable": (lambda: Spectrum(X + X.T, [(0, 2)]), "nothing varies in a claim about constants, but X does"),
    "a variable as eigenvalue": (lambda: Spectrum(etf(2), [(trace(X), 2)]), "but X does"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISUSED)
def test_a_misused_spectrum_gets_a_sentence(name: str) -> None:
    make, expected = MISUSED[name]
    with pytest.raises((FormulaError, ShapeError)) as error:
        make()
    assert expected in str(error.value)


FILE = """
from hypothesis import strategies as st
from theory import Spectrum, conjecture
from theory.ops import constant, identity, ones

@conjecture(n=st.integers(2, 3))
def frame(n):
    return Spectrum(MATRIX, VALUES)
"""


@pytest.mark.parametrize(
    ("matrix_", "values", "status", "said"),
    [
        ("identity(n) + ones(n, 1) @ identity(n)[(0,), range(n)]", "[(1, n)]", 3, "the matrix is not symmetric"),
        ("identity(n)", "[(1, n - 1)]", 3, "the multiplicities add up to"),
        ("identity(n)", "[(1, n)]", 0, "not refuted"),
        ("identity(n)", "[(2, n)]", 1, "is no eigenvalue"),
    ],
)
def test_the_command(
    matrix_: str, values: str, status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE.replace("MATRIX", matrix_).replace("VALUES", values), encoding="utf-8")
    assert main(["check", str(path), "--budget", "20"]) == status
    assert said in capsys.readouterr().out


def test_it_is_data() -> None:
    claims = [make() for make in TRUE.values()] + [make() for make, _ in FALSE.values()]
    assert len({digest(claim) for claim in claims}) == len(claims)
    assert json.loads(json.dumps(claims[0].to_json()))["kind"] == "spectrum"


def test_a_guess_about_a_spectrum_is_refuted_at_the_smallest_size() -> None:
    @conjecture(K=st.integers(2, 5))
    def frame(K: int) -> Spectrum:
        return Spectrum(etf(K), [(1, K - 1), (F(2 - K, 10), 1)])

    @conjecture(K=st.integers(2, 4))
    def right(K: int) -> Spectrum:
        return Spectrum(etf(K), [(1, K - 1), (0, 1)])

    found = check(frame, budget=20)
    assert found.conclusion == "refuted"
    assert found.witness is not None
    assert found.witness.parameters == {"K": 3}
    survives = check(right, budget=60)
    assert (survives.conclusion, survives.instances) == ("undecided", 3)
    assert survives.seconds < 30  # nothing varies: there is an end before that of the budget


def test_a_large_matrix_in_small_blocks() -> None:
    """600 rows that fall into blocks, shuffled, with an irrational entry: eigenvalues 1 ± √2, 3."""
    block = blocks([[identity(200), sqrt(2) * identity(200)], [sqrt(2) * identity(200), identity(200)]])
    order = [(7 * i) % 600 for i in range(600)]
    shuffled = blocks([[block, zeros(400, 200)], [zeros(200, 400), 3 * identity(200)]])[order, order]
    right = Spectrum(shuffled, [(1 + sqrt(2), 200), (1 - sqrt(2), 200), (3, 200)])
    wrong = Spectrum(shuffled, [(1 + sqrt(2), 201), (1 - sqrt(2), 199), (3, 200)])
    assert [f.conclusion for f in spectra.exactly(right)[0]] == ["holds", "holds"]
    assert [f.conclusion for f in spectra.exactly(wrong)[0]] == ["holds", "refuted"]
    with precision(400):
        assert [f.conclusion for f in spectra.in_balls(right)] == ["holds", "holds"]
        assert [f.conclusion for f in spectra.in_balls(wrong)][1] == "refuted"


def test_blocks_that_print_alike_are_told_apart() -> None:
    tiny = F(1, 10**40)
    near = diagonal([1, 1 + tiny, 1 + tiny])
    with precision(256):
        assert [f.conclusion for f in spectra.in_balls(Spectrum(near, [(1, 1), (1 + tiny, 2)]))] == ["holds", "holds"]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=7), st.lists(st.integers(-2, 2), min_size=7, max_size=7))
@settings(max_examples=30, deadline=None)
def test_inertia_counts_the_eigenvalues_of_a_turned_diagonal(entries: list[int], normal: list[int]) -> None:
    n, v = len(entries), normal[: len(entries)]
    size = sum(x * x for x in v) or 1
    Q = [[F(int(i == j)) - F(2 * v[i] * v[j], size) for j in range(n)] for i in range(n)]
    with precision(256):
        turned = [
            [Balls().number(sum((a * e * b for a, e, b in zip(p, entries, q, strict=True)), start=F(0))) for q in Q]
            for p in Q
        ]
        for x in (F(-7, 2), F(-1, 10**40), F(1, 10**40), F(5, 2)):
            assert above(turned, Balls().number(x)) == sum(e > x for e in entries)


def test_inertia_does_not_guess() -> None:
    """At an eigenvalue, and where balls reach over it."""
    with precision(256):
        for rows, x in (([[0, 1], [1, 0]], 1), ([[arb(1, 1e-3)]], 1), ([[arb(0, 1e-3), 1], [1, 0]], 1)):
            with pytest.raises(Undecidable, match="pivot"):
                above(rows, x)
        assert [above([[arb(0, 1e-3), 1], [1, arb(0, 1e-3)]], x) for x in (-2, 0, 2)] == [2, 1, 0]


MULTIPLE: dict[str, dict[str, Any]] = {
    "garrod2024-gn-ranks": {},
    "garrod2024-layer-hessian": {"turn": True, "unequal": True, "K": 3, "n": 1, "L": 3, "spare": 1, "layer": 2},
    "garrod2024-ce-layer-spectrum": {"K": 4, "turn": True},
}
"""Spectra with high multiplicities, of which a ball arithmetic's eigenvalue solver separates nothing."""


@pytest.mark.parametrize("id", MULTIPLE)
def test_high_multiplicities_are_counted_and_near_ones_refuted(id: str) -> None:
    """A multiplicity that is off by one, and a value that is off by 1e-6: by balls alone, without an exact rank."""
    statement = statements()[id]
    claim = statement.claim({**statement.witness, **MULTIPLE[id]})
    assert isinstance(claim, Spectrum)
    assert max(times for _, times in claim.eigenvalues) > 1
    found = by("precision", claim).findings
    assert [(f.conclusion, f.assurance) for f in found] == [("holds", "numerical")] * 2
    assert all("within 1e-60" in f.detail for f in found)
    (first, m), (second, k), *others = claim.eigenvalues
    moved = by("precision", Spectrum(claim.matrix, [(first + F(1, 10**6), m), (second, k), *others]))
    assert [f.conclusion for f in moved.findings] == ["refuted"] * 2
    more, fewer = (m + 1, k - 1) if k > 1 else (m - 1, k + 1)
    changed = by("precision", Spectrum(claim.matrix, [(first, more), (second, fewer), *others]))
    assert [f.conclusion for f in changed.findings] == ["undecided", "refuted"]


A = matrix((1, 2), (3, 4))
SYMMETRIC = {
    "A Xᵀ": (A @ A.T, True),
    "A S Xᵀ": (A @ etf(2) @ A.T, True),
    "A A": (A @ A, False),
    "A Y Xᵀ": (A @ A @ A.T, False),
    "a sum": (A @ A.T + 2 * identity(2), True),
    "a sum with A": (A @ A.T + A, False),
    "⊗": (kron(etf(2), A.T @ A), True),
    "⊗ with A": (kron(etf(2), A), False),
    "blocks": (blocks([[etf(2), A], [A.T, identity(2)]]), True),
    "blocks of A and A": (blocks([[etf(2), A], [A, identity(2)]]), False),
    "blocks with A on the diagonal": (blocks([[A, A], [A.T, identity(2)]]), False),
    "blocks of two widths": (blocks([[identity(2), zeros(2, 1)], [zeros(2, 1).T, identity(1)]]), True),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_formula_shows_its_symmetry(name: str) -> None:
    formula, symmetric = SYMMETRIC[name]
    assert _symmetric_as_written(formula) is symmetric
    if not symmetric:
        with pytest.raises(FormulaError, match="the matrix is not symmetric"):
            Spectrum(formula, [(0, formula.shape[0])])
