"""What programs measure is numerical at most, whatever it is; a failure is a candidate, with the numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from theory import Experiment, UnconstrainedFeatures, at_most, clause, equal, less
from theory.claims import digest
from theory.ops import FormulaError, ones, variable
from theory.statement import Instance
from verify.cli import main
from verify.empirical import program, programs
from verify.engines import ENGINES, Settings, load
from verify.recheck import differs
from verify.runner import examine
from verify.verdict import Unable

F = Fraction
MODEL = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/100")
NC1, OBJECTIVE, START = (variable(name) for name in ("dang2023_nc1", "objective", "start"))


@program("numbers")
def numbers(*, seed: int, one: int = 1) -> dict[str, float]:
    """A program whose numbers are known."""
    return {"one": float(one), "seed": float(seed), "nan": float("nan"), "endless": float("-inf")}


def of_numbers(left: Any, right: Any, relation: Callable[..., Any] = at_most) -> Experiment:
    return Experiment("numbers", {}, (clause("said", relation(left, right)),))


def test_gradient_descent_ends_in_collapse() -> None:
    claim = Experiment(
        "gradient descent",
        {"model": MODEL, "steps": 4000, "rate": F(1, 2)},
        (clause("NC1", at_most(NC1, F(1, 10**6))), clause("descent", less(OBJECTIVE, START))),
    )
    found = examine(claim)
    assert {name: (v.conclusion, v.assurance) for name, v in found.clauses.items()} == {
        "NC1": ("holds", "numerical"), "descent": ("holds", "numerical")
    }  # fmt: skip
    early = Experiment("gradient descent", {"model": MODEL, "steps": 0}, claim.clauses)
    verdicts = examine(early).clauses
    assert {v.conclusion for v in verdicts.values()} == {"undecided"}
    assert "dang2023_nc1 = " in verdicts["NC1"].detail


ONE, SEED = variable("one"), variable("seed")
CASES: dict[str, tuple[Experiment, str]] = {
    "true": (of_numbers(ONE, 1), "holds"),
    "a border that is not strict": (of_numbers(ONE, 1, less), "undecided"),
    "false": (of_numbers(ONE, F(1, 2)), "undecided"),
    "of one seed only": (of_numbers(SEED, 0), "undecided"),
    "no number": (of_numbers(variable("nan"), 1), "undecided"),
    "the other way round": (of_numbers(1, variable("nan")), "undecided"),
    "an infinite number": (of_numbers(variable("endless"), 1), "undecided"),
    "what is not measured": (of_numbers(variable("two"), 1), "undecided"),
    "no such program": (Experiment("os.system", {}, (clause("a", at_most(ONE, 1)),)), "undecided"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_measured_failure_refutes_nothing(name: str) -> None:
    claim, expected = CASES[name]
    verdict = examine(claim).verdict
    assert (verdict.conclusion, verdict.assurance) == (expected, "numerical" if expected == "holds" else "none")


def test_other_engines_and_certificates_know_nothing_of_it() -> None:
    claim = of_numbers(ONE, 1)
    for engine in set(ENGINES) - {"descent"}:
        with pytest.raises(Unable):
            load(engine).examine(Instance(claim), Settings())
    assert differs({"kind": "counterexample"}, claim)


def test_what_is_said_of_a_program_or_number_that_is_not_there() -> None:
    said = [load("descent").examine(Instance(CASES[name][0]), Settings()).findings[0].detail for name in (
        "what is not measured", "no such program"
    )]  # fmt: skip
    assert said[0] == "numbers does not measure two; it measures one, seed, nan, endless"
    assert said[1].startswith("no program is called 'os.system'; there are deep linear training, deep relu training")


MISUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no clause": (lambda: Experiment("numbers", {}, ()), FormulaError, "needs a clause"),
    "an equation": (lambda: of_numbers(ONE, 1, equal), FormulaError, "compare by at_most or less"),
    "nothing measured": (lambda: of_numbers(1, 2), FormulaError, "mentions no measured number"),
    "a matrix": (lambda: of_numbers(variable("X", (1, 1)), ones(1, 1)), FormulaError, "uses X"),
    "a float": (lambda: Experiment("numbers", {"rate": 0.5}, of_numbers(ONE, 1).clauses), TypeError, "got 0.5"),
}


@pytest.mark.parametrize("name", MISUSED)
def test_a_misused_experiment_gets_a_sentence(name: str) -> None:
    make, kind, expected = MISUSED[name]
    with pytest.raises(kind) as error:
        make()
    assert expected in str(error.value)


def test_it_is_data() -> None:
    claims = [claim for claim, _ in CASES.values()]
    claims += [Experiment("numbers", {"one": one}, claims[0].clauses) for one in (1, 2, F(1, 2), "1")]
    assert len({digest(claim) for claim in claims}) == len(claims)
    assert json.loads(json.dumps(claims[-2].to_json()))["parameters"] == {"one": {"rational": "1/2"}}


def test_two_programs_of_one_name() -> None:
    assert "gradient descent" in programs()
    program("numbers")(numbers)
    with pytest.raises(ValueError, match="two programs are called 'numbers'"):
        program("numbers")(lambda *, seed: {})


FILE = """
from hypothesis import strategies as st
from theory import Experiment, at_most, clause, conjecture
from theory.ops import variable
from verify.empirical import program

@program("my program")
def my_program(*, seed, n):
    return {"twice": 2.0 * n}

@conjecture(n=st.integers(1, 3))
def at_most_four(n):
    return Experiment("my program", {"n": n}, (clause("bound", at_most(variable("twice"), BOUND)),))
"""


@pytest.mark.parametrize(("bound", "status", "said"), [("6", 0, "not refuted"), ("4", 0, "candidate: twice = 6")])
def test_a_program_of_ones_own(
    bound: str, status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"mine_{bound}.py"
    path.write_text(FILE.replace("BOUND", bound).replace("my program", f"mine {bound}"), encoding="utf-8")
    assert main(["check", str(path), "--budget", "3"]) == status
    assert said in capsys.readouterr().out
