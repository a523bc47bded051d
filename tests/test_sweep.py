"""Sweeps: what a file says, what is computed at each point, what is kept, and one sentence for each mistake."""

from __future__ import annotations

import csv
import errno
import io
import itertools
import os
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fakes
import pytest

from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from theory.statement import statements
from verify import cluster
from verify.cli import main
from verify.errors import BadInput
from verify.pool import Lost
from verify.store import Store, result_key
from verify.sweep import rows
from verify.sweep.command import left
from verify.sweep.compute import DEFAULTS, parameters, plain, typed
from verify.sweep.design import MAX_POINTS, TABLES, Design, read, shuffled
from verify.sweep.rows import PARTS, Row, Task, compute, model_at
from verify.sweep.run import COLUMNS, Progress, keep, run, stored, tasks, write_table
from verify.sweep.values import MODEL, Rationals

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "sweep.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs" / "sweeps" / "phases.toml"
MODEL_TEXT = '[model]\nclasses = 3\ndecay = "1/50"\n'
PLAIN = MODEL_TEXT + "[optimum]\n"


@pytest.fixture
def sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[dict[str, str]], str]]:
    """The command on the text of a file, in this process: its status, the table and what it says."""
    monkeypatch.setattr(cluster, "workers", fakes.in_this_process)

    def swept(text: str, *options: str) -> tuple[int, list[dict[str, str]], str]:
        file = tmp_path / "sweep.toml"
        file.write_text(text, encoding="utf-8")
        status = main(["sweep", str(file), *options])
        out, err = capsys.readouterr()
        return status, list(csv.DictReader(io.StringIO(out))), err

    return swept


# --------------------------------------------------------------------------------------------------------------- design


def test_a_grid_has_every_combination_the_first_key_slowest(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        '[model]\nclasses = [2, 5]\ndepth = {from = 1, to = 5, step = 2}\ndecay = "1/9"\n[optimum]\n'
    )
    design = read(tmp_path / "a.toml")
    assert [(p["model.classes"], p["model.depth"]) for p in design] == [(K, M) for K in (2, 5) for M in (1, 3, 5)]
    assert design.varying == ["model.classes", "model.depth"]


def test_a_random_design_has_different_points_of_the_grid() -> None:
    axes = {"model.depth": range(1, 11), "model.decay": Rationals("1/1000", "1", 1000, log=True)}
    chosen = Design(axes, {}, seed=3, points=500)
    found = [tuple(point.values()) for point in chosen]
    assert len(set(found)) == 500
    assert found == [tuple(point.values()) for point in chosen]
    assert found != [tuple(point.values()) for point in Design(axes, {}, seed=4, points=500)]
    assert len({depth for depth, _ in found}) == 10


@pytest.mark.parametrize("size", [1, 2, 3, 16, 17, 1000])
def test_a_shuffle_leaves_nothing_out(size: int) -> None:
    assert sorted(shuffled(i, size, seed=7) for i in range(size)) == list(range(size))


def test_numbers_of_a_range_are_exact_and_increase() -> None:
    log, even = Rationals("1e-300", "3/7", 50, log=True), Rationals("1/3", "1/2", 4, log=False)
    assert (log[0], log[-1 + 50]) == ("1e-300", "3/7")
    numbers = [Fraction(x) for x in log]
    assert all(a < b for a, b in itertools.pairwise(numbers))
    assert [Fraction(x) for x in even] == [Fraction(1, 3) + Fraction(i, 18) for i in range(4)]


def test_the_largest_design_takes_no_memory(tmp_path: Path) -> None:
    """Ten million points as a list of their numbers alone would be 80 MB."""
    (tmp_path / "a.toml").write_text(
        "[model]\nclasses = {from = 2, to = 11}\ndepth = {from = 1, to = 10}\n"
        'decay = {from = "1/1000", to = "1", count = 100000, scale = "linear"}\n[optimum]\n'
    )
    tracemalloc.start()
    design = read(tmp_path / "a.toml")
    first, last = next(tasks(design)), design[MAX_POINTS - 1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(design), first.values["model.decay"], last["model.decay"]) == (MAX_POINTS, "1/1000", "1")
    assert peak < 10**6


def test_tasks_are_taken_only_when_they_are_needed(tmp_path: Path) -> None:
    taken: list[int] = []

    def few(function: Callable[[Any], Any], given: Iterable[Any], /, **_: object) -> Iterator[tuple[Any, Any]]:
        for task in given:
            taken.append(task.index)
            if len(taken) == 3:
                return
            yield task, Row()

    with Store() as store:
        run(Design({"model.depth": range(1, 100)}, {"optimum": {}}), store, few)
    assert taken == [0, 1, 2]


def test_stored_rows_do_not_count_towards_the_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand seconds to look up what is stored, then one for each of three rows: two are left after the first."""
    clock, design = [0.0], Design({"model.depth": range(1, 14)}, {"optimum": {}})
    monkeypatch.setattr("verify.sweep.run.time", SimpleNamespace(monotonic=lambda: clock[0]))

    def spread(function: Callable[[Any], Any], given: Iterable[Any], /, **_: object) -> Iterator[tuple[Any, Any]]:
        for task in given:
            clock[0] += 100 if task is None else 1
            if task is not None:
                yield task, Row()

    events: list[Progress] = []
    with Store(tmp_path) as store:
        for task in itertools.islice(tasks(design), 10):
            keep(store, task, Row())
        run(design, store, spread, progress=events.append)
    assert [left(event) for event in events[9:11]] == ["", "about 2 s left"]
    assert left(events[-1]) == "3 computed now"


def test_a_row_that_cannot_be_read_again_is_a_problem_in_the_table(tmp_path: Path) -> None:
    """As where another run keeps the same rows and neither finds a place for its seal."""
    design = Design({"model.classes": (2, 3), "model.decay": ("1/50",)}, {"optimum": {"digits": 6}})
    table = io.StringIO()
    with Store(tmp_path) as store:
        keep(store, next(tasks(design)), compute(next(tasks(design))) or Row())
        summary = write_table(design, store, table)
    assert (summary.points, summary.problems) == (2, 1)
    assert summary.first.startswith("point 1: the store has lost this result")
    assert [line.split(",")[0] for line in table.getvalue().splitlines()] == ["point", "0", "1"]


def test_an_accident_does_not_replace_a_finished_row(tmp_path: Path) -> None:
    design = Design({"model.classes": (2,), "model.decay": ("1/50",)}, {"optimum": {"digits": 6}})

    def lost(function: Callable[[Any], Any], given: Iterable[Any], /, **_: object) -> Iterator[tuple[Any, Any]]:
        return ((task, Lost("its worker died")) for task in given)

    with Store(tmp_path) as store:
        run(design, store, lost)
        assert (stored(store, next(tasks(design))) or {})["failed"]
        keep(store, next(tasks(design)), Row({"optimum.lower": "1"}))
        run(design, store, lost, fresh=True)
        assert (stored(store, next(tasks(design))) or {})["cells"] == {"optimum.lower": "1"}


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_table_is_written_whole_or_not_at_all(sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "there" / "a.csv"
    file.parent.mkdir()
    file.write_text("what was there")
    file.chmod(0o640)
    with monkeypatch.context() as patched:
        patched.setattr("verify.files.os", SimpleNamespace(replace=full, getpid=os.getpid))
        status, _, err = sweep(PLAIN, "--csv", str(file))
    assert status == 2
    assert err.endswith(
        f"{file}: cannot be written (No space left on device); all results are kept, so run this again\n"
    )
    assert (file.read_text(), list(file.parent.iterdir())) == ("what was there", [file])
    assert "1 of 1 results, 0 computed now" in sweep(PLAIN, "--csv", str(file))[2]
    assert (file.read_text().splitlines()[0][:5], file.stat().st_mode & 0o777) == ("point", 0o640)
    assert list(file.parent.iterdir()) == [file]


def test_an_interrupted_sweep_leaves_no_table(sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(PARTS, "optimum", interrupted)
    (tmp_path / "there").mkdir()
    assert sweep(PLAIN, "--csv", str(tmp_path / "there" / "a.csv"))[0] == 130
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.parametrize("place", ["none/a.csv", "file/a.csv", "folder"])
def test_a_place_that_cannot_be_written_is_found_before_the_work(
    place: str, sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.setitem(PARTS, "optimum", lambda *_: pytest.fail("computed"))
    status, _, err = sweep(PLAIN, "--csv", str(tmp_path / place))
    assert (status, len(err.splitlines())) == (2, 1)
    assert f"--csv {tmp_path / place}: cannot be written (" in err
    (tmp_path / "a.svg").mkdir()
    status, _, err = sweep(PLAIN.replace("3", "[3, 4]"), "--plot", str(tmp_path / "a.svg"))
    assert (status, err) == (2, f"collapse: --plot {tmp_path / 'a.svg'}: cannot be written (Is a directory)\n")


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="needs /dev/stdout")
def test_what_stands_for_the_output_is_the_output(tmp_path: Path) -> None:
    """As a pipe, and as a file of which more was written before."""
    line = [sys.executable, "-c", "from verify.files import *; require_writable('/dev/stdout', '--csv')\n"]
    line[2] += "with written('/dev/stdout', '--csv') as file: file.write('a,b')"
    assert subprocess.run(line, capture_output=True, check=True).stdout == b"a,b"
    with (tmp_path / "out").open("wb") as file:
        subprocess.run(line, stdout=file, check=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out", "a,b")]


def test_a_device_and_a_link_stay_what_they_are(sweep: Any, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target.csv")
    for place in ("/dev/null", str(tmp_path / "link")):
        assert sweep(PLAIN, "--csv", place)[0] == 0
    assert not Path("/dev/null").is_file()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target.csv").read_text().startswith("point,")


def test_neither_a_device_nor_the_file_itself_is_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput, match="is longer than"):
        read(Path("/dev/zero"))
    (tmp_path / "a.toml").write_text(PLAIN)
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "a.toml", "--csv", "./a.toml"]) == 2
    assert "this is the sweep file itself" in capsys.readouterr().err
    assert (tmp_path / "a.toml").read_text() == PLAIN


# ------------------------------------------------------------------------------------------------------------- mistakes

MISTAKES = {
    "an unknown key": ('[model]\nclases = 3\ndecay = "1/9"\n[optimum]', "model.clases is not a key"),
    "an unknown table": (PLAIN + "[optimums]", "optimums is not a table"),
    "a key outside": ("depth = 3\n" + PLAIN, "depth is not a table"),
    "not a table": ("optimum = 1\n" + MODEL_TEXT, "optimum must be a table, [optimum], got the integer 1"),
    "an unknown key of the design": (PLAIN + "[design]\nsize = 1", "design.size is not a key"),
    "an unknown key of what is computed": (PLAIN + "digit = 1", "optimum.digit is not a key"),
    "an empty list": ("[model]\nclasses = 3\ndecay = []\n[optimum]", "model.decay is empty"),
    "an empty range": ('[model]\nclasses = {from = 3, to = 2}\ndecay = "1/9"\n[optimum]', "model.classes is empty"),
    "a float": (
        '[model]\nclasses = 3\ndecay = ["1/9", "5e-4", 0.01]\n[optimum]',
        'model.decay[2] must be text such as "1/2000" or "5e-4", got the float 0.01',
    ),
    "a float in a range": (
        '[model]\nclasses = 3\ndecay = {from = 0.1, to = "1", count = 3}\n[optimum]',
        'model.decay.from must be text such as "1/2000" or "5e-4", got the float 0.1',
    ),
    "a range of sizes": (
        '[model]\nsizes = {from = "1", to = "2", count = 3}\ndecay = "1/9"\n[optimum]',
        "model.sizes must be a value or a list",
    ),
    "not a rational": ('[model]\nclasses = 3\ndecay = ["x"]\n[optimum]', "model.decay[0] must be a rational such as"),
    "a decay of zero": ('[model]\nclasses = 3\ndecay = "0"\n[optimum]', "model.decay must be positive"),
    "infinitely many": ("[model]\nclasses = 3\ndecay = inf\n[optimum]", "got the float inf"),
    "a wrong type": ('[model]\nclasses = "3"\ndecay = "1/9"\n[optimum]', "model.classes must be an integer from 1 to"),
    "true for a number": ('[model]\nclasses = true\ndecay = "1/9"\n[optimum]', "got true"),
    "a list of lists": ('[model]\nclasses = [[3]]\ndecay = "1/9"\n[optimum]', "model.classes[0] must be an integer"),
    "a date": ("[model]\nclasses = 3\ndecay = 2020-01-01\n[optimum]", "got a date"),
    "wrong sizes": ('[model]\nsizes = "3,x"\ndecay = "1/9"\n[optimum]', "model.sizes must be positive integers"),
    "sizes as numbers": ('[model]\nsizes = [3, 2]\ndecay = "1/9"\n[optimum]', "model.sizes[0] must be text such as"),
    "an unknown loss": (
        '[model]\nclasses = 3\ndecay = "1/9"\nloss = ["mse", "l1"]\n[optimum]',
        "model.loss[1] must be one of mse, ce",
    ),
    "no classes": ('[model]\ndecay = "1/9"\n[optimum]', "model.classes or model.sizes must be given"),
    "no decay": ("[model]\nclasses = 3\n[optimum]", "model.decay must be given"),
    "two decays": (
        '[model]\nclasses = 3\ndecay = "1/9"\nfeature_decay = "1"\nweight_decays = "1"\n[optimum]',
        "model.decay must be given, or model.weight_decays together with",
    ),
    "no model": ("[optimum]", "model is missing"),
    "nothing to compute": (MODEL_TEXT, "nothing is asked for"),
    "too many points": (
        '[model]\nclasses = {from = 2, to = 1000}\ndecay = {from = "1", to = "2", count = 100000}\n[optimum]',
        "design has 99900000 points, more than 10000000: 999 of model.classes × 100000 of model.decay",
    ),
    "too many random points": (
        PLAIN + '[design]\nkind = "random"\npoints = 100000000',
        "design.points must be an integer from 1 to 10000000",
    ),
    "more random points than there are": (
        PLAIN + '[design]\nkind = "random"\npoints = 2',
        "design.points must be at most 1",
    ),
    "points of a grid": (PLAIN + "[design]\npoints = 2", 'design.points belongs to design.kind = "random"'),
    "no points": (PLAIN + '[design]\nkind = "random"', "design.points is missing"),
    "a range without an end": (
        '[model]\nclasses = {from = 3}\ndecay = "1/9"\n[optimum]',
        "model.classes.to is missing",
    ),
    "a range of names": (
        PLAIN.replace("[optimum]", 'loss = {from = "ce", to = "mse", count = 2}\n[optimum]'),
        "model.loss must be a value or a list",
    ),
    "an unknown key of a range": (
        '[model]\nclasses = {from = 3, to = 4, by = 1}\ndecay = "1/9"\n[optimum]',
        "model.classes.by is not a key of a range",
    ),
    "no count": ('[model]\nclasses = 3\ndecay = {from = "1", to = "2"}\n[optimum]', "model.decay.count is missing"),
    "a count for integers": (
        '[model]\nclasses = {from = 3, to = 4, count = 2}\ndecay = "1/9"\n[optimum]',
        "model.classes.count does not belong there",
    ),
    "logarithms of zero": (
        PLAIN.replace("[optimum]", 'alpha = {from = "0", to = "1/2", count = 2, scale = "log"}\n[optimum]'),
        'model.alpha.scale is "log"',
    ),
    "numbers that are the same": (
        '[model]\nclasses = 3\ndecay = {from = "1", to = "2", count = 1000000, scale = "log"}\n[optimum]',
        "model.decay.count is too large",
    ),
    "a fraction of an integer": (
        '[model]\nclasses = 3\ndepth = 1.5\ndecay = "1/9"\n[optimum]',
        "model.depth must be an integer",
    ),
    "the same value again": (
        '[model]\nclasses = 3\ndecay = ["1/20", "1/9", "0.05"]\n[optimum]',
        "model.decay[2] is the same as model.decay[0]",
    ),
    "the same sizes again": (
        '[model]\nsizes = ["2*3", "3,3"]\ndecay = "1/9"\n[optimum]',
        "model.sizes[1] is the same as model.sizes[0]",
    ),
    "the same engine again": (
        MODEL_TEXT + '[verdict]\nstatement = "dang2023-value"\nengines = ["symbolic", "symbolic"]',
        "verdict.engines[1] is the same as verdict.engines[0]",
    ),
    "the same parameter again": (
        '[parameters]\ndepth = 3\nratio = ["1/2", "0.5"]\n[verdict]\nstatement = "dang2023-scalar"',
        "parameters.ratio[1] is the same as parameters.ratio[0]",
    ),
    "decays that fit no depth": (
        '[model]\nclasses = 3\ndepth = [2, 3]\nweight_decays = "1,1,1,1"\nfeature_decay = "1"\n[optimum]',
        "no point of the design can be computed: model.weight_decays needs one number, or one for each of 2",
    ),
    "widths that fit no depth": (
        PLAIN.replace("[optimum]", 'depth = {from = 1, to = 2}\nwidths = ["3", "3,3", "3,3,3"]\n[optimum]'),
        "model.widths[2] fits no other value: model.widths needs one number, or one for each of 1 layers",
    ),
    "a loss that fits nothing": (
        PLAIN.replace("[optimum]", 'loss = ["mse", "focal"]\ngamma = "0"\n[optimum]'),
        "model.loss[0] fits no other value: model.gamma belongs to model.loss focal; got model.loss mse",
    ),
    "a depth without its partner": (
        PLAIN.replace("[optimum]", 'depth = [2, 3]\nwidths = ["3,3", "4,4"]\n[optimum]'),
        "model.depth[1] fits no other value: model.widths needs",
    ),
    "an impossible share": (
        PLAIN.replace("[optimum]", 'loss = "label-smoothing"\nalpha = ["0", "1"]\n[optimum]'),
        "model.alpha[1] fits no other value: model.alpha must lie in",
    ),
    "a layer that no model has": (
        MODEL_TEXT + "depth = [1, 2]\n[spectrum]\nlayer = 3",
        "no point of the design can be computed: spectrum.layer must be one of 1 to 1, got 3",
    ),
    "a width below K": (
        MODEL_TEXT + "widths = [2, 3]\ndepth = 4\n[refuter]",
        "model.widths[0] fits no other value: collapse is known for squared error without a bias and with widths of at",
    ),
    "an unknown statement": (MODEL_TEXT + '[verdict]\nstatement = "dang2023-valeu"', "nearest: dang2023-value"),
    "no statement": (MODEL_TEXT + "[verdict]", "verdict.statement"),
    "several statements": (MODEL_TEXT + '[verdict]\nstatement = "dang2023-*"', "must be one statement, got"),
    "an unknown clause": (
        MODEL_TEXT + '[verdict]\nstatement = "dang2023-value"\nclause = "NC9"',
        'verdict.clause: dang2023-value has no clause "NC9"; it has value',
    ),
    "an unknown engine": (
        MODEL_TEXT + '[verdict]\nstatement = "dang2023-value"\nengines = ["symbolic", "oracle"]',
        "verdict.engines[1] must be one of symbolic",
    ),
    "no parameters": ('[verdict]\nstatement = "dang2023-scalar"', "parameters.depth is missing"),
    "a float parameter": (
        '[parameters]\ndepth = 3\nratio = 0.5\n[verdict]\nstatement = "dang2023-scalar"',
        'parameters.ratio must be text such as "1/2000" or "5e-4", got the float 0.5',
    ),
    "an unknown parameter": (
        '[parameters]\ndepth = 3\nratio = "1"\nx = 1\n[verdict]\nstatement = "dang2023-scalar"',
        "parameters.x is not a key; there are depth, ratio",
    ),
    "parameters of nothing": (PLAIN + "[parameters]\nx = 1", "parameters belongs to verdict"),
    "a model for nothing": (
        MODEL_TEXT + '[parameters]\ndepth = 3\nratio = "1"\n[verdict]\nstatement = "dang2023-scalar"',
        "model does not belong there",
    ),
    "no time": (MODEL_TEXT + "[refuter]\nseconds = 0", "refuter.seconds must be a number of seconds"),
    "a layer and all": (MODEL_TEXT + "[spectrum]\nlayer = 1\nfull = true", "give one of them"),
    "not TOML": ("[model\n", "is not valid TOML"),
    "a number of many digits": ("[model]\nclasses = " + "9" * 5000, "is not valid TOML"),
    "lists in lists": ("a = " + "[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_that_names_the_key(text: str, sentence: str, sweep: Any) -> None:
    status, table, err = sweep(text)
    assert (status, table, len(err.splitlines())) == (2, [], 1)
    assert sentence in err


def test_what_fits_somewhere_is_not_refused(tmp_path: Path) -> None:
    """Each width fits one depth, a table of two can do without the other, and too many combinations are not tried."""
    texts = (
        PLAIN.replace("[optimum]", 'depth = [1, 2, 3]\nwidths = ["3", "3,3", "4,4,4"]\n[optimum]'),
        MODEL_TEXT + "widths = [2, 3]\n[optimum]\n[refuter]",
        MODEL_TEXT + "depth = {from = 1, to = 199}\nwidths = {from = 1, to = 200}\n[spectrum]\nlayer = 200",
    )
    for text in texts:
        (tmp_path / "a.toml").write_text(text)
        assert len(read(tmp_path / "a.toml")) > 1


def test_what_cannot_be_read_or_written(tmp_path: Path, sweep: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name, sentence in (("none.toml", "No such file"), (".", "Is a directory"), ("bytes.toml", "is not valid TOML")):
        assert main(["sweep", str(tmp_path / name)]) == 2
        assert sentence in capsys.readouterr().err
    assert "cannot be written" in sweep(PLAIN, "--csv", "/nonexistent/a.csv")[2]
    assert "ends in .svg or .png" in sweep(PLAIN, "--plot", "a.pdf")[2]
    twice = sweep(PLAIN, "--plot", "a.svg", "--plot=b.svg")
    assert (twice[0], "--plot names one file, and is given 2 times" in twice[2]) == (2, True)
    assert "have several values, got none" in sweep(PLAIN, "--plot", str(tmp_path / "a.svg"))[2]


# ----------------------------------------------------------------------------------------------------------------- rows


def test_the_optimum_is_enclosed(sweep: Any) -> None:
    status, table, _ = sweep(
        '[model]\nsizes = "5,3,1"\ndepth = [1, 2]\ndecay = ["1/50", "1"]\n[optimum]\ndigits = 12\n'
    )
    assert status == 0
    for row in table:
        model = UnconstrainedFeatures(class_sizes=(5, 3, 1), depth=int(row["model.depth"]), decays=row["model.decay"])
        low, high, best = Fraction(row["optimum.lower"]), Fraction(row["optimum.upper"]), optimum(model)
        assert low <= best.objective.low <= best.objective.high <= high <= low * (1 + Fraction(1, 10**10))
        assert row["optimum.trivial"] == ("yes" if best.trivial else "no")
    assert [row["optimum.active"] for row in table][1::2] == ["0", "0"]


def test_the_convention_of_the_file_is_that_of_the_objective() -> None:
    plain = {"model.classes": 4, "model.samples": 2, "model.decay": "1/100"}
    mean = {**plain, "model.decay": "1/400", "model.convention": "1/(2NK)"}
    found = [compute(Task(values, "optimum", {"digits": 12}, 0)) for values in (plain, mean)]
    values = [Fraction(row.cells["optimum.lower"]) for row in found if row is not None]
    assert model_at(plain) == model_at(mean)
    assert abs(values[0] - 4 * values[1]) < Fraction(1, 10**10)


def test_widths_are_one_number_or_one_a_layer(tmp_path: Path) -> None:
    for widths, expected in (("{from = 3, to = 4}", [(3, 3), (4, 4)]), ('["4,3", "5"]', [(4, 3), (5, 5)])):
        (tmp_path / "a.toml").write_text(f"{MODEL_TEXT}depth = 2\nwidths = {widths}\n[optimum]\n")
        assert [model_at(values).widths for values in read(tmp_path / "a.toml")] == expected


def test_a_verdict_at_a_point_and_where_a_hypothesis_is_not_met(sweep: Any) -> None:
    text = MODEL_TEXT.replace('"1/50"', '["1/50", "1"]') + "depth = 2\n[verdict]\n"
    status, table, _ = sweep(text + 'statement = "dang2023-mse-balanced"\nclause = "value"\nengines = ["precision"]')
    assert status == 0
    assert [row["verdict.conclusion"] for row in table] == ["holds", "not applicable"]
    assert table[0]["verdict.assurance"] == "certified"
    assert table[1]["verdict.detail"].startswith("hypothesis not met: ")
    for name in table[0]["certificates"].split():
        with Store() as store:
            assert (store.folder / "certificates" / name).exists()


def test_parameters_have_the_types_that_the_statement_takes(sweep: Any) -> None:
    text = (
        '[parameters]\ndepth = [2, 3]\nratio = "1/2"\n[verdict]\nstatement = "dang2023-scalar"\nengines = ["symbolic"]'
    )
    status, table, _ = sweep(text)
    assert (status, [row["verdict.conclusion"] for row in table]) == (0, ["holds", "holds"])
    values = {"parameters.sizes": [3, 1, 1], "parameters.L": 2, "parameters.decay": "1/10"}
    witness = {"sizes": (2, 1), "L": 1, "decay": Fraction(1)}
    assert dict(rows._parameters(values, witness)) == {"sizes": (3, 1, 1), "L": 2, "decay": Fraction(1, 10)}


def test_each_statement_can_be_given_its_parameters() -> None:
    """As they stand in a file, its witness's parameters come back as they are."""
    for statement in statements().values():
        given = {name: plain(value) for name, value in statement.witness.items() if name != "model"}
        for name, reader in parameters(statement, given).items():
            value = reader(given[name], f"parameters.{name}")
            assert typed(value, statement.witness[name]) == statement.witness[name], (statement.id, name)


def test_collapse_is_beaten_where_it_is_known_to_be(sweep: Any) -> None:
    """Four ReLU layers beat it for three classes; with two classes it is optimal by a theorem."""
    text = '[model]\nclasses = [2, 3]\ndepth = 4\ndecay = "1/50"\nactivation = "relu"\n[refuter]\nseconds = 0.1'
    status, table, _ = sweep(text)
    assert status == 0
    assert [row["refuter.conclusion"] for row in table] == ["not beaten", "beaten"]
    assert [bool(row["certificates"]) for row in table] == [False, True]
    assert main(["recheck", str(Store().folder / "certificates")]) == 0


def test_what_is_not_collapse_refutes_nothing() -> None:
    """At a decay at which nothing but zero is a minimum, nothing lies below the best collapsed point."""
    values = {"model.classes": 3, "model.depth": 2, "model.decay": "1", "model.loss": "ce"}
    row = compute(Task(values, "refuter", {"seconds": 0.1}, 0))
    assert row is not None
    assert row.cells["refuter.conclusion"] == "not beaten"
    assert row.cells["refuter.collapse"].startswith("1.09861228866810969")  # log 3


def test_a_spectrum_is_predicted_where_formulas_are_known(sweep: Any) -> None:
    text = (
        MODEL_TEXT.replace("classes = 3", 'sizes = ["2,2", "2,1"]\nwidths = 3')
        + "[spectrum]\ndigits = 6\nregularised = true"
    )
    status, table, _ = sweep(text)
    assert status == 0
    assert table[0]["spectrum.predicted"] == "outliers 0.480000 ×4; bulk 0.0200000 ×2" or re.fullmatch(
        r"outliers [\d.]+ ×4; bulk 0\.02 ×2", table[0]["spectrum.predicted"]
    )
    assert (table[1]["spectrum.predicted"], table[1]["spectrum.detail"]) == (
        "",
        "Nothing is predicted for classes of different sizes.",
    )


def test_values_that_do_not_fit_together_are_a_problem_of_their_row(sweep: Any) -> None:
    status, table, err = sweep(PLAIN.replace("[optimum]", 'widths = ["3,3", "4"]\ndepth = [1, 2]\n[optimum]'))
    problem = "optimum: model.widths needs one number, or one for each of 1 layers, got (3, 3)"
    assert (status, [row["problem"] for row in table]) == (3, [problem, "", "", ""])
    assert f"1 of 4 points have a problem; the first is point 0: {problem}" in err


def test_what_takes_too_long_is_tried_again(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(row: Row, task: Task, options: Any) -> dict[str, str]:
        time.sleep(30)
        return {}

    with monkeypatch.context() as patched:
        patched.setitem(PARTS, "optimum", forever)
        patched.setattr(rows, "SECONDS", 0.1)
        status, table, _ = sweep(PLAIN)
    assert (status, table[0]["problem"]) == (3, "optimum: stopped after 0.1 seconds")
    status, table, err = sweep(PLAIN)
    assert (status, table[0]["problem"]) == (0, "")
    assert "1 of 1 results, 1 computed now" in err


def test_finished_rows_are_not_computed_again(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = MODEL_TEXT.replace("classes = 3", "classes = [3, 4, 5]") + "[optimum]\n"
    first = sweep(text)
    monkeypatch.setitem(PARTS, "optimum", lambda *_: pytest.fail("computed again"))
    again = sweep(text)
    assert again[1] == first[1]
    assert "3 of 3 results, 0 computed now" in again[2]
    more = sweep(text.replace("[3, 4, 5]", "[3, 5]"))
    assert [row["model.classes"] for row in more[1]] == ["3", "5"]
    assert "2 of 2 results, 0 computed now" in more[2]


def test_another_table_or_option_costs_nothing_in_the_others(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sweep(PLAIN)
    with monkeypatch.context() as patched:
        patched.setitem(PARTS, "optimum", lambda *_: pytest.fail("computed again"))
        more = sweep(PLAIN + "[design]\nseed = 1\n[spectrum]\ndigits = 5")
    assert "2 of 2 results, 1 computed now" in more[2]
    assert more[1][0]["optimum.lower"] == first[1][0]["optimum.lower"]
    assert more[1][0]["spectrum.predicted"]
    assert "2 of 2 results, 1 computed now" in sweep(PLAIN + "digits = 9\n[spectrum]\ndigits = 5")[2]


def test_a_key_has_all_that_its_result_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"model.classes": 3, "model.decay": "1/50", "parameters.x": 1}

    def keys(values: dict[str, Any], seed: int, seconds: float, digits: int) -> dict[str, str]:
        found = {"verdict": {}, "refuter": {"seconds": seconds}, "optimum": {"digits": digits}}
        return {name: result_key(Task(values, name, options, seed).parts) for name, options in found.items()}

    first = keys(values, 0, 10, 20)

    def changed(*arguments: Any) -> set[str]:
        return {name for name, key in keys(*arguments).items() if key != first[name]}

    assert len(set(first.values())) == 3
    assert changed(values, 0, 10, 20) == set()
    assert changed(values | {"model.decay": "1/51"}, 0, 10, 20) == {"verdict", "refuter", "optimum"}
    assert changed(values | {"parameters.x": 2}, 0, 10, 20) == {"verdict"}
    assert changed(values, 1, 10, 20) == {"verdict", "refuter"}
    assert changed(values, 0, 11, 20) == {"refuter"}
    assert changed(values, 0, 10, 21) == {"optimum"}
    monkeypatch.setattr("verify.store.state", lambda: "another source")
    assert changed(values, 0, 10, 20) == {"verdict", "refuter", "optimum"}


def test_a_lost_point_and_a_certificate_that_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    design = Design({"model.classes": (2, 3), "model.decay": ("1/50",)}, {"optimum": {"digits": 5}})
    first, second = tasks(design)
    with Store() as store:
        keep(store, first, Row({"optimum.by": "forged"}, certificates=[{"kind": "nonsense"}]))
        asked: list[Task] = []

        def spread(function: Any, given: Iterable[Any], /, **_: object) -> Iterator[tuple[Any, Any]]:
            for task in given:
                asked.append(task)
                yield task, function(task) if task.index == 0 else Lost("it died")

        run(design, store, spread)
        found = [stored(store, task) for task in (first, second)]
    assert asked[0].certificates == ({"kind": "nonsense"},)
    assert found[0] is not None
    assert found[1] is not None
    assert found[0]["cells"]["optimum.by"] == "closed form"
    assert (found[1]["problems"], found[1]["failed"]) == (["optimum: it died"], True)


# ----------------------------------------------------------------------------------------------------- page and picture


def test_the_example_is_that_of_the_page() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == PAGE.split("```toml\n")[1].split("```")[0]


def test_other_examples_of_the_page_can_be_read(tmp_path: Path) -> None:
    for i, block in enumerate(re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)):
        (tmp_path / f"{i}.toml").write_text(block, encoding="utf-8")
        assert len(read(tmp_path / f"{i}.toml")) > 0


def test_the_page_names_every_key_and_column(capsys: pytest.CaptureFixture[str]) -> None:
    for table, columns in COLUMNS.items():
        for column, what in columns.items():
            assert f"| `{table}.{column}` | {what} |" in PAGE
    assert main(["sweep", "--help"]) == 0
    help_text = capsys.readouterr().out
    for key in (*MODEL, *(key for keys in DEFAULTS.values() for key in keys)):
        assert f"`{key}`" in PAGE or f"`{key} = true`" in PAGE, key
        assert key in help_text, key
    for table in TABLES:
        assert f"| `{table}` |" in PAGE
        assert f"[{table}]" in help_text


@pytest.mark.parametrize(
    ("text", "labels", "panels"),
    [
        (
            '[model]\nsizes = "20,5"\ndepth = [1, 2]\ndecay = ["1/90", "1/9", "1"]\n[optimum]',
            {"2 not zero", "all zero"},
            1,
        ),
        (
            '[design]\nkind = "random"\npoints = 9\n[model]\nsizes = "20,5"\nbias = ["none", "last-layer"]\n'
            'depth = [1, 2]\ndecay = ["1/90", "1/9", "1"]\n[optimum]',
            {"2 not zero", "all zero"},
            2,
        ),
    ],
)
def test_phases_are_drawn(text: str, labels: set[str], panels: int, sweep: Any, tmp_path: Path) -> None:
    from verify.pictures import sweep_phases
    from verify.sweep.run import rows as found

    file = tmp_path / "phases.svg"
    assert sweep(text, "--plot", str(file))[0] == 0
    assert file.read_text(encoding="utf-8").startswith("<?xml")
    design = read(tmp_path / "sweep.toml")
    with Store() as store:
        figure = sweep_phases(design, found(design, store))
    assert len(figure.axes) == panels
    assert figure.axes[0].get_ylabel() == "decay λ"
    if design.points is None:  # a dot at each point, and nothing beyond the smallest and the largest decay
        (dots,) = (line for line in figure.axes[0].lines if line.get_marker() == ".")
        assert len(dots.get_xdata()) == len(design)
        assert figure.axes[0].get_ylim() == pytest.approx((1 / 90, 1))  # floats of the same rationals
        assert figure.axes[0].get_xlim() == (0.5, 2.5)
    assert labels <= {label.get_text() for label in figure.legends[0].get_texts()}
