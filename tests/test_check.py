"""``collapse check``: the false is refuted by a small exact witness, the true survives, bad files get a sentence."""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st

from theory import GlobalMinimum, Inequality, UnconstrainedFeatures, conjecture, deep_neural_collapse
from theory.arithmetic.floats import to_float
from theory.claims import clause, digest, equal
from theory.ops import constant, nuclear_norm, trace, zeros
from verify import checker, checks, refute
from verify.attacks import Found, RivalSearch, attack_on, simplified
from verify.cli import main
from verify.conjectures import read
from verify.errors import BadInput
from verify.methods.fits import fitted, trimmed
from verify.methods.kernels import LayeredModel
from verify.methods.rivals import starts
from verify.refute import Memory, check, size_of
from verify.store import Store
from verify.trace import lines, rank
from verify.witness import exact_fit, violation

F = Fraction

HEADER = """
from hypothesis import strategies as st
from theory import GlobalMinimum, Inequality, UnconstrainedFeatures, conjecture, deep_neural_collapse
from theory.ops import frobenius_norm, nuclear_norm, operator_norm, relu, trace
"""
NORMS = """
@conjecture(rows=st.integers(1, 4), columns=st.integers(1, 4))
def frobenius_is_at_most_operator(rows, columns):
    return Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(rows, columns))

@conjecture(n=st.integers(1, 2))
def operator_is_at_most_frobenius(n):
    return Inequality(lambda X: operator_norm(X), lambda X: frobenius_norm(X), X=(n, n))
"""
DEEP = """
@conjecture(classes=st.integers(2, 6), depth=st.integers(4, 5), decay=st.sampled_from(["1/500", "1/100"]))
def collapse_is_optimal(classes, depth, decay):
    model = UnconstrainedFeatures(class_sizes=(1,) * classes, depth=depth, decays=decay, activation="relu")
    return GlobalMinimum(model, deep_neural_collapse(model))
"""


def relu_model(classes: int, depth: int, decay: str, **fields: Any) -> UnconstrainedFeatures:
    return UnconstrainedFeatures(class_sizes=(1,) * classes, depth=depth, decays=decay, activation="relu", **fields)


def written(folder: Path, text: str, header: str = HEADER) -> str:
    path = folder / "mine.py"
    path.write_text(header + text, encoding="utf-8")
    return str(path)


# ------------------------------------------------------------ the command


def test_a_true_and_a_false_guess(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = written(tmp_path, NORMS)
    assert main(["check", place, "--budget", "4", "--json", str(tmp_path / "out.json")]) == 1
    out = capsys.readouterr().out
    assert "operator_is_at_most_frobenius: not refuted" in out
    assert "frobenius_is_at_most_operator: refuted (certified)" in out
    assert "collapse check" in out
    false, true = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["conjectures"]
    assert false["witness"]["points"] == [{"X": [["1", "0"], ["0", "1"]]}]
    assert (false["conclusion"], false["assurance"], true["conclusion"]) == ("refuted", "certified", "undecided")
    assert checker.check(json.loads(Path(false["certificate"]).read_text(encoding="utf-8")))
    assert true["instances"] == true["drawn"] == 2
    assert true["certificate"] is None


def test_low_rank_beats_collapse_at_three_classes_for_all_decays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the claim alone: the smallest number of classes for which it is false, and a fit that settles all decays."""
    place = written(tmp_path, DEEP)
    assert main(["check", place, "--budget", "60", "--json", str(tmp_path / "out.json")]) == 1
    (row,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["conjectures"]
    assert row["witness"]["parameters"]["classes"] == "3"
    assert row["witness"]["parameters"]["depth"] == "4"
    kinds = [json.loads(Path(file).read_text(encoding="utf-8"))["kind"] for file in row["certificates"]]
    assert kinds == ["counterexample", "exact fit"]
    out = capsys.readouterr().out
    assert "behind the ReLU" in out
    assert "of the decay" in out
    assert "collapse is beaten at every decay at which it is not zero (3 equal classes, 4 ReLU layers" in out
    assert main(["recheck", row["certificate"], "--conjecture", place]) == 0
    assert "rebuilt from collapse_is_optimal: the same" in capsys.readouterr().out
    assert main(["recheck", row["certificate"]]) == 1  # nothing is known of that name without the file


def test_the_example_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parent.parent / "docs" / "conjectures.md").read_text(encoding="utf-8")
    (block,) = (part for part in text.split("```python\n") if part.startswith('"""Two guesses'))
    place = written(tmp_path, block.split("```")[0], header="")
    assert main(["check", f"{place}::operator_norm_is_submultiplicative", "--budget", "3"]) == 0
    assert main(["check", f"{place}::frobenius_is_at_most_operator", "--budget", "30"]) == 1
    assert main(["check", f"{place}::collapse_is_optimal", "--budget", "60"]) == 1
    out = capsys.readouterr().out
    assert "at rows = 2, columns = 2" in out or "at columns = 2, rows = 2" in out
    assert "collapse is beaten at every decay at which it is not zero (3 equal classes, 4 ReLU layers" in out


BAD = {
    "no file": (None, "is not a file"),
    "a syntax error": ("def (", "line 5: SyntaxError"),
    "an import that fails": ("import nothing_of_this_name", "line 5: ModuleNotFoundError"),
    "an error while it runs": ("1 / 0", "line 5: ZeroDivisionError"),
    "an exit": ("raise SystemExit(0)", "line 5: SystemExit"),
    "no conjecture": ("x = 1", "holds no conjecture"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_used_gets_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, expected = BAD[name]
    place = str(tmp_path / "absent.py") if text is None else written(tmp_path, text)
    assert main(["check", place]) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert len(err.splitlines()) == 1


def test_names_and_endings_of_files(tmp_path: Path) -> None:
    place = written(tmp_path, NORMS)
    assert [s.id for s in read(place)] == ["frobenius_is_at_most_operator", "operator_is_at_most_frobenius"]
    assert [s.id for s in read(f"{place}::operator_is_at_most_frobenius")] == ["operator_is_at_most_frobenius"]
    with pytest.raises(BadInput, match="has no conjecture nope; it has frobenius"):
        read(f"{place}::nope")
    (tmp_path / "mine.txt").write_text(HEADER + NORMS, encoding="utf-8")
    with pytest.raises(BadInput, match=r"\.py"):
        read(str(tmp_path / "mine.txt"))


UNEXAMINED = {
    "a variable that is ignored": (
        "lambda X: trace(X), lambda X, Y: trace(X), X=(2, 2), Y=(2, 2)",
        "ignores the variable",
    ),
    "a branch on a value": (
        "lambda X: trace(X) if trace(X) else 0, lambda X: trace(X), X=(2, 2)",
        "could not be examined",
    ),
    "a float": ("lambda X: 0.1 * trace(X), lambda X: trace(X), X=(2, 2)", "exact numbers"),
    "a numpy call": ("lambda X: __import__('numpy').trace(X), lambda X: trace(X), X=(2, 2)", "could not be examined"),
    "shapes that do not fit": ("lambda X: trace(X @ X), lambda X: frobenius_norm(X), X=(2, 3)", "cannot multiply"),
}


@pytest.mark.parametrize("name", UNEXAMINED)
def test_a_formula_that_cannot_be_recorded_is_not_examined(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    formula, expected = UNEXAMINED[name]
    place = written(tmp_path, f"@conjecture(n=st.integers(1, 2))\ndef c(n):\n    return Inequality({formula})\n")
    assert main(["check", place, "--budget", "5"]) == 3
    out = capsys.readouterr().out
    assert "c: not examined" in out
    assert expected in out


def test_hypotheses_that_nothing_meets_are_vacuous(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '@conjecture(n=st.integers(1, 2), hypotheses={"n > 2": lambda n: n > 2})\ndef c(n):\n'
    place = written(tmp_path, text + "    return Inequality(lambda X: trace(X), lambda X: trace(X), X=(n, n))\n")
    assert main(["check", place, "--budget", "5"]) == 3
    assert "vacuous" in capsys.readouterr().out


def test_a_strategy_that_draws_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = "Inequality(lambda X: trace(X), lambda X: trace(X), X=(n, n))"
    text = f"@conjecture(n=st.nothing())\ndef c(n):\n    return {claim}\n"
    assert main(["check", written(tmp_path, text), "--budget", "5"]) == 3
    assert "not examined" in capsys.readouterr().out


# ------------------------------------------------------------ budgets and interruptions


@conjecture(classes=st.just(2), depth=st.integers(1, 4), decay=st.sampled_from(["1/500", "1/50", "1/5"]))
def two_classes(classes: int, depth: int, decay: str) -> GlobalMinimum:
    """Collapse is optimal for two classes: a theorem."""
    model = relu_model(classes, depth, decay)
    return GlobalMinimum(model, deep_neural_collapse(model))


@pytest.mark.parametrize("budget", [1.0, 6.0])
def test_a_budget_is_kept(budget: float) -> None:
    refute.preload()  # the budget is not of imports
    start, work = time.monotonic(), time.process_time()
    found = check(two_classes, budget=budget)
    assert time.process_time() - work < 1.1 * budget + 0.5
    assert time.monotonic() - start < 1.1 * budget + 5  # others may use the machine
    assert found.conclusion == "undecided"
    assert found.instances > 0
    assert "depth" in found.largest


def test_an_interrupted_check_goes_on(tmp_path: Path) -> None:
    place = written(tmp_path, NORMS + DEEP)
    (true,) = read(f"{place}::operator_is_at_most_frobenius")
    (deep,) = read(f"{place}::collapse_is_optimal")
    with Store(tmp_path / "store") as store:
        first = checks.resumed(true, place, store, budget=4)
        again = checks.resumed(true, place, store, budget=2)
        assert again.checked.instances == first.checked.instances == 2
        found = checks.resumed(deep, place, store, budget=60)
        start = time.monotonic()
        recalled = checks.resumed(deep, place, store, budget=60)
        assert time.monotonic() - start < 3
    assert recalled.checked.witness is not None
    assert found.checked.witness is not None
    assert recalled.checked.witness.found == found.checked.witness.found
    assert checks.exit_status([first]) == 0
    assert checks.exit_status([first, found]) == 1


def test_a_forged_witness_is_not_believed(tmp_path: Path) -> None:
    """What an earlier check left is checked again, and counts for the same claim only."""
    (true,) = read(f"{written(tmp_path, NORMS)}::operator_is_at_most_frobenius")
    (false,) = read(f"{written(tmp_path, NORMS)}::frobenius_is_at_most_operator")
    found = check(false, budget=30).witness
    assert found is not None
    for certificates in (({"kind": "proof"},), found.found.certificates):
        for claim in (true.claim({"n": 1}), true.claim({"n": 2})):
            memory = Memory({}, (digest(claim), Found(certificates, "nowhere", "inequality", "").to_json()))
            if certificates[0]["kind"] != "proof":
                memory.witness = (digest(found.claim), memory.witness[1] if memory.witness else {})
            assert check(true, budget=1, memory=memory).conclusion == "undecided"


def test_a_changed_helper_makes_another_claim(tmp_path: Path) -> None:
    """The file is the same, what it imports is not: what was found before counts for nothing."""
    text = """
from helper import FACTOR
@conjecture(n=st.just(1))
def c(n):
    return Inequality(lambda X: FACTOR * trace(X @ X.T), lambda X: 3 * trace(X @ X.T), X=(1, 1))
"""
    place, helper = written(tmp_path, text), tmp_path / "helper.py"
    with Store(tmp_path / "store") as store:
        for factor, conclusion in ((4, "refuted"), (2, "undecided"), (4, "refuted")):
            helper.write_text(f"FACTOR = {factor}\n", encoding="utf-8")
            sys.modules.pop("helper", None)
            (conjecture_,) = read(place)
            assert checks.resumed(conjecture_, place, store, budget=3).checked.conclusion == conclusion


MORE = {
    "not a claim": ("@conjecture(n=st.just(1))\ndef c(n):\n    return True\n", "returns a bool, not a claim"),
    "a comparison": (
        "@conjecture(n=st.just(1))\ndef c(n):\n"
        "    return Inequality(lambda X: trace(X) if trace(X) > 0 else 0, lambda X: trace(X), X=(2, 2))\n",
        "cannot be compared or branched on",
    ),
    "a name that cannot be printed": (
        "@conjecture(n=st.just(1))\ndef c(n):\n"
        '    return Inequality(lambda x: trace(x), lambda x: trace(x), **{"a\'b": (1, 1)})\n',
        "short identifier",
    ),
    "too many entries": (
        "@conjecture(n=st.just(3000))\ndef c(n):\n"
        "    return Inequality(lambda X: trace(X), lambda X: trace(X), X=(n, n))\n",
        "9,000,000 entries",
    ),
    "no value anywhere": (
        "from fractions import Fraction\n@conjecture(n=st.just(1))\ndef c(n):\n"
        "    return Inequality(lambda x: (-1 - x * x) ** Fraction(1, 2), lambda x: x * 0 - 1, x=())\n",
        "not examined",
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_what_cannot_be_examined_is_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, expected = MORE[name]
    assert main(["check", written(tmp_path, text), "--budget", "3"]) == 3
    out = capsys.readouterr().out
    assert "c: not examined" in out
    assert expected in out


def test_two_conjectures_of_one_name_are_refused(tmp_path: Path) -> None:
    text = "def f(n):\n    return 1\na = conjecture(n=st.just(1))(f)\nb = conjecture(n=st.just(2))(f)\n"
    with pytest.raises(BadInput, match="two conjectures called f"):
        read(written(tmp_path, text))


def test_what_a_file_prints_is_not_part_of_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", written(tmp_path, "print('hello')\n" + NORMS), "--budget", "2", "--json", "-"]) == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)["conjectures"]) == 2
    assert "hello" in err


@pytest.mark.parametrize("budget", ["0", "-1", "inf", "nan", "1e300", "x"])
def test_an_impossible_budget(budget: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", written(tmp_path, NORMS), "--budget", budget]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(("# -*- coding: latin-1 -*-\n# é" + HEADER + NORMS).encode("latin-1"))
    assert main(["check", f"{path}::frobenius_is_at_most_operator", "--budget", "20"]) == 1


# ------------------------------------------------------------ smallest first


def test_instances_are_ordered_by_size() -> None:
    def size(classes: int, depth: int, decay: str = "1/5") -> tuple[int, ...]:
        model = relu_model(classes, depth, decay)
        return size_of(GlobalMinimum(model, constant(1)), {})

    assert size(2, 9) < size(3, 1) < size(3, 2) < size(3, 2, "1/500")
    wide = Inequality(lambda X: trace(X), lambda X: trace(X) + 1, X=(3, 3))
    assert size_of(Inequality(lambda X: trace(X), lambda X: trace(X) + 1, X=(1, 1)), {}) < size_of(wide, {})


def test_a_violation_is_made_simple() -> None:
    claim = Inequality(lambda X, Y: nuclear_norm(X + Y), lambda X, Y: nuclear_norm(X), X=(2, 3), Y=(2, 3))
    point = {name: [[F(7, 3), F(-1, 9), F(5)], [F(2, 7), F(5, 4), F(1, 3)]] for name in "XY"}
    found = violation(claim, point)
    assert found is not None
    simple = simplified(claim, copy.deepcopy(found))
    assert checker.check(simple)
    assert {x for rows in simple["point"].values() for row in rows for x in row} <= {"0", "1", "-1"}


# ------------------------------------------------------------ ReLU models


@pytest.mark.parametrize("collapsed", [True, False])
def test_starts_are_points_of_the_model(collapsed: bool) -> None:
    model = relu_model(4, 4, "1/100", widths=(5, 3, 4, 6))
    kernel = LayeredModel(model, collapsed)
    generator = torch.Generator().manual_seed(0)
    known = {(4, 3): [torch.eye(4, dtype=torch.float64)] * 4, (5, 4): [torch.eye(5, dtype=torch.float64)] * 5}
    groups = list(starts(kernel, 3, generator, known))
    assert len({group.name for group in groups}) == len(groups) >= 4
    for group in groups:
        values, _ = kernel.value_and_gradient(group.points)
        assert torch.isfinite(values).all()


def test_two_classes_are_never_undercut() -> None:
    for depth in (2, 3, 4):
        model = relu_model(2, depth, "1/50", widths=4)
        claim = GlobalMinimum(model, deep_neural_collapse(model))
        attack = RivalSearch(claim, {})
        assert attack.run(refute.Instance(claim), seed=1, seconds=1.0) is None
        assert not attack.problems


def test_linear_models_are_left_to_the_engines() -> None:
    model = relu_model(3, 4, "1/100").with_(activation="linear")
    assert not isinstance(attack_on(GlobalMinimum(model, deep_neural_collapse(model)), {}), RivalSearch)


FALSE_MINIMA: dict[str, Callable[[UnconstrainedFeatures], GlobalMinimum]] = {
    "a value that is too low": lambda m: GlobalMinimum(m, constant(F(1, 10**9))),
    "a negative value": lambda m: GlobalMinimum(m, constant(-1)),
    "a value that is too high": lambda m: GlobalMinimum(m, constant(F(1, 3))),
    "a minimiser that is none": lambda m: GlobalMinimum(
        m, deep_neural_collapse(m), ({name: zeros(*v.shape) for name, v in m.variables.items()},)
    ),
}


@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("name", FALSE_MINIMA)
def test_false_minima_are_refuted(name: str, activation: str) -> None:
    @conjecture(n=st.just(2))
    def false(n: int) -> GlobalMinimum:
        model = relu_model(n, 3, "1/1000").with_(activation=activation)
        return FALSE_MINIMA[name](model)

    found = check(false, budget=20)
    assert (found.conclusion, found.assurance) == ("refuted", "certified")
    assert found.reason


def test_a_false_clause_is_at_least_a_candidate() -> None:
    @conjecture(n=st.just(2))
    def false(n: int) -> GlobalMinimum:
        model = relu_model(n, 3, "1/1000")
        W = model.variables["W_1"]
        return GlobalMinimum(model, deep_neural_collapse(model), clauses=(clause("zero", equal(trace(W @ W.T), 0)),))

    found = check(false, budget=6)
    assert found.conclusion == "undecided"
    assert "candidate" in found.reason


def three_classes() -> tuple[UnconstrainedFeatures, list[list[list[Fraction]]]]:
    """Three classes in two directions, e_1, e_2 and (e_1 + e_2)/√2 roughly, told apart by the last ReLU."""
    model = relu_model(3, 4, "1/100")
    means = [[F(1), F(0), F(5, 6)], [F(0), F(1), F(5, 6)]]
    keep = [[F(1), F(0)], [F(0), F(1)]]
    last = [[F(1), F(-1)], [F(-1), F(1)], [F(3, 4), F(3, 4)]]
    return model, [means, keep, keep, last]


def test_an_exact_fit_settles_all_decays() -> None:
    model, (means, *weights) = three_classes()
    certificate = exact_fit(model, means, weights)
    assert certificate is not None
    assert "at every decay at which it is not zero" in checker.check(certificate)
    assert exact_fit(model, means, [*weights[:-1], weights[-1][:2]]) is None  # rank 2: no fit
    collapse = [[F(int(i == k)) for k in range(3)] for i in range(3)]
    assert exact_fit(model, collapse, [collapse] * 3) is None  # the product of collapse itself


def test_a_fit_is_improved_from_a_solution() -> None:
    model, (means, *weights) = three_classes()
    factors = [
        torch.tensor([[float(x) for x in row] for row in part], dtype=torch.float64) for part in (means, *weights)
    ]
    better = fitted(model, [*factors, torch.eye(3, dtype=torch.float64)])
    assert better is not None
    assert exact_fit(model, *_rational(better)) is not None
    assert fitted(model.with_(class_sizes=(2, 1, 1)), factors) is None


def _rational(parts: list[torch.Tensor]) -> tuple[Any, Any]:
    means, *weights = [[[F(round(x * 2**16), 2**16) for x in row] for row in part.tolist()] for part in parts]
    return means, weights


def test_silent_neurons_are_left_out() -> None:
    model = relu_model(2, 3, "1/100", widths=5)
    kernel = LayeredModel(model, collapsed=True)
    eye = torch.zeros(1, 5, 5, dtype=torch.float64)
    eye[0, 0, 0] = eye[0, 1, 1] = 1.0
    point = kernel.layout.join([eye, eye, eye[:, :2], eye[:, :, :2]])
    assert [tuple(part.shape) for part in trimmed(kernel, point[0])] == [(5, 2), (2, 5), (2, 2), (2, 2)]


def test_a_trace_shows_ranks_and_shares(tmp_path: Path) -> None:
    (deep,) = read(written(tmp_path, DEEP))
    found = check(deep, budget=60)
    text = "\n".join(lines(found, "collapse check mine.py"))
    shares = [float(line.split("has ")[1].split(" %")[0]) for line in text.splitlines() if " has " in line]
    assert len(shares) >= 8
    assert all(5 < share < 50 for share in shares)
    assert "again with: collapse check mine.py" in text
    assert rank([[F(1), F(2)], [F(2), F(4)]]) == 1


def test_the_value_of_collapse() -> None:
    """Against brute force over the confidence z of each class."""
    for sizes, depth, decay in (((1,) * 4, 3, "13/200"), ((5, 2, 1), 2, "1/40"), ((3, 3), 1, "1/10"), ((2, 2), 4, "1")):
        model = UnconstrainedFeatures(class_sizes=sizes, depth=depth, decays=decay)
        lam, N, M = float(F(decay)), model.N, depth
        total = 0.0
        for n in sizes:
            best = min(_share(i / 20_000, M, lam, N, n) for i in range(20_001))
            total += n / (2 * N) * best
        assert float(to_float(deep_neural_collapse(model))) == pytest.approx(total, abs=1e-7)
    with pytest.raises(ValueError, match="widths of at least 3"):
        deep_neural_collapse(UnconstrainedFeatures(class_sizes=(1, 1, 1), decays=1, widths=2))


def _share(p: float, M: int, lam: float, N: int, n: int) -> float:
    """(1 − p)² + (M + 1) (N/n) λ (n p²)^{1/(M+1)}: fit and the cheapest regulariser of one class with output p."""
    return (1 - p) ** 2 + (M + 1) * N / n * lam * (n * p * p) ** (1 / (M + 1))


def test_pools_are_drawn_whole_and_reproducible() -> None:
    pools = [refute._pool(two_classes, seed) for seed in (0, 0, 1)]
    assert pools[0] == pools[1]
    assert len(pools[0]) == len(pools[2]) == 12
    assert len(list(islice(two_classes.examples(20), 100))) >= 20


# ------------------------------------------------------------ bounds on the minimum


def bounds_of(options: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["optimum", "--activation", "relu", "--json", "-", *options.split()]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_for_two_classes_the_bounds_meet(capsys: pytest.CaptureFixture[str]) -> None:
    found = bounds_of("--sizes 2*3 --depth 3 --decay 1/50", capsys)
    assert F(found["upper"]) - F(found["lower"]) <= F(1, 10**28)
    model = relu_model(2, 3, "1/50").with_(class_sizes=(3, 3))
    assert F(found["lower"]) <= F(float(to_float(deep_neural_collapse(model)))) + F(1, 10**14)


def test_bounds_hold_for_what_descent_finds(capsys: pytest.CaptureFixture[str]) -> None:
    """For three classes weights below collapse are found, and nothing is found below the lower bound."""
    found = bounds_of("--sizes 3*1 --depth 4 --decay 1/100 --search 3", capsys)
    lower, upper = F(found["lower"]), F(found["upper"])
    collapse = to_float(deep_neural_collapse(relu_model(3, 4, "1/100")))
    assert lower < upper < F(float(collapse)) - F(1, 2000)
    plain = bounds_of("--sizes 3*1 --depth 4 --decay 1/100 --search 0", capsys)
    assert F(plain["lower"]) == lower
    assert abs(F(plain["upper"]) - F(float(collapse))) < F(1, 10**12)


@pytest.mark.parametrize("options", ["--sizes 3,1", "--sizes 3*1 --bias last-layer"])
def test_settings_without_bounds_get_a_sentence(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimum", "--activation", "relu", "--decay", "1/9", "--depth", "2", *options.split()]) == 2
    assert (
        "bounds are known for ReLU layers, squared error, classes of equal size and no bias" in capsys.readouterr().err
    )
