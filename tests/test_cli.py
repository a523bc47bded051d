"""The command: exit status, one sentence for bad input, JSON, and an answer at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import fakes
import pytest

import theory.statement
from verify import runner, store
from verify.cli import main
from verify.work import Registry

COMMAND = [sys.executable, "-m", "verify.cli"]


@pytest.fixture
def fake_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = partial(Registry, fakes.statements, tuple(fakes.ALL), fakes.load, fakes.drawn, fakes.check)
    monkeypatch.setattr(runner, "Registry", registry)
    monkeypatch.setattr(theory.statement, "statements", fakes.statements)
    monkeypatch.setattr(theory.statement, "omitted", lambda *patterns: {"fake-cube": "nobody wrote down its sides"})


@pytest.mark.usefixtures("fake_registry")
@pytest.mark.parametrize(
    ("engines", "status"),
    [
        (["certified"], 0),
        (["against"], 1),
        (["certified", "against"], 1),
        (["certified", "raising"], 3),
        (["unable"], 3),
    ],
)
def test_exit_status_of_verify(engines: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    options = [part for engine in engines for part in ("--engine", engine)]
    assert main(["verify", "fake-sq*", "fake-square", "--jobs", "1", "--json", "-", *options]) == status
    out, err = capsys.readouterr()
    (statement,) = json.loads(out)["statements"]
    assert statement["id"] == "fake-square"
    assert statement["as_expected"] is (status == 0 or "raising" in engines)
    assert "statements as expected" in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("fake_registry")
def test_json_to_a_file_and_the_report_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    assert main(["verify", "fake-square", "--engine", "sealing", "--json", str(file), "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    (statement,) = json.loads(file.read_text())["statements"]
    assert statement["certificates"]
    assert all(Path(path).exists() for path in statement["certificates"])
    assert "✓  fake-square" in out
    assert err == "4 of 4: fake-square examined\n"
    assert main(["show", "fake-square", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["statements"][0]["id"] == "fake-square"
    assert main(["show", "fake-square"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "evidence so far: holds on 4 instances (certified)",
        "sealing",
        "witness",
        "wrong version",
        "Nobody 2020",
    ):
        assert part in shown


@pytest.mark.usefixtures("fake_registry")
def test_show_leaves_no_store_behind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "fake-square"]) == 0
    assert "A shifted sum of squares is not negative." in capsys.readouterr().out
    assert not store.home().exists()


@pytest.mark.usefixtures("fake_registry")
def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    stated, _, omitted = capsys.readouterr().out.partition("\n\n")
    assert len(stated.splitlines()) == 1 + len(fakes.statements())
    assert omitted.splitlines()[1].split(maxsplit=1) == ["fake-cube", "nobody wrote down its sides"]
    assert main(["list", "--json", "-"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert list(written["omitted"]) == ["fake-cube"]
    listed = written["statements"]
    assert [entry["id"] for entry in listed] == list(fakes.statements())
    assert set(listed[0]) == {"id", "title", "source", "provenance", "expected"}


def test_the_summary_of_a_command_fits_into_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    summaries = [line for line in capsys.readouterr().out.split("Commands:")[1].split("\n\n")[0].splitlines() if line]
    assert len(summaries) > 10
    assert all(line.endswith(".") and not line.endswith("...") for line in summaries)


def test_list_takes_patterns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "zhu2021-*", "losses-f*", "zhu2021-ce-etf", "--json", "-"]) == 0
    written = json.loads(capsys.readouterr().out)
    ids = [entry["id"] for entry in written["statements"]]
    assert {"zhu2021-ce-etf", "losses-focal-scale"} <= set(ids)
    assert all(id.startswith(("zhu2021-", "losses-f")) for id in [*ids, *written["omitted"]])
    assert len(ids) == len(set(ids))
    assert "losses-fl-local" in written["omitted"]
    assert main(["list", "no-such-*"]) == 2
    assert capsys.readouterr().err.startswith('collapse: no statement matches "no-such-*"')


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["verify", "dang2023-valeu"], 'no statement matches "dang2023-valeu"; nearest: dang2023-value'),
        (["show", "dang2023-scalr"], "nearest: dang2023-scalar"),
        (["verify", "--engine", "oracle"], "no engine is called 'oracle'; there are symbolic"),
        (["verify", "--device", "tpu"], "device must be one of auto, cpu, cuda"),
        (["verify", "--jobs", "0"], "--jobs"),
        (["verify", "--seed", "-1"], "--seed"),
        (["verify", "--json", "/nonexistent/file"], "cannot be written (No such file or directory)"),
        (["verify", "--nonsense"], "No such option: --nonsense"),
        (["nonsense"], "No such command 'nonsense'"),
        (["show"], "Missing argument 'ID'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("collapse: ")
    assert len(err.splitlines()) == 1
    assert sentence in err
    assert not store.home().exists()


def test_cuda_without_a_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["verify", "--device", "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_registry")
def test_a_corrupt_store_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    store.home().mkdir()
    (store.home() / "results.sqlite").write_bytes(b"garbage" * 1000)
    for arguments in (["verify", "fake-square"], ["show", "fake-square"]):
        assert main(arguments) == 2
        assert "results.sqlite cannot be used (file is not a database)" in capsys.readouterr().err


def test_interruption(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(theory.statement, "statements", interrupted)
    for command, kept in (("list", ""), ("verify", "; what is finished is kept")):
        assert main([command]) == 130
        assert capsys.readouterr().err == f"collapse: interrupted{kept}\n"


def test_help_is_plain_and_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    plain = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == plain
    for name in ("verify", "list", "show", "optimum", "measure"):
        assert name in plain
        assert main([name, "--help"]) == 0


def test_help_imports_nothing_heavy() -> None:
    script = "import sys; from verify.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"torch", "cvxpy", "sympy", "scipy", "numpy", "flint", "hypothesis", "rich", "mpmath"}
    heavy |= {"theory.claims", "theory.statement", "verify.store", "sqlite3", "multiprocessing", "asyncio"}
    assert heavy.isdisjoint(done.stderr.split())


def test_a_closed_pipe_is_quiet() -> None:
    running = subprocess.Popen([*COMMAND, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    errors = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 141
    assert errors == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_what_is_kept(tmp_path: Path, number: int) -> None:
    log = tmp_path / "log"
    script = "import fakes; fakes.command('verify', 'fake-square', '--engine', 'slow', '--jobs', '1')"
    environment = {**os.environ, "FAKE_LOG": str(log), "FAKE_SECONDS": "30"}
    running = subprocess.Popen(
        [sys.executable, "-c", script], cwd=Path(__file__).parent, env=environment, stderr=subprocess.PIPE, text=True
    )
    for _ in range(600):
        if log.exists():
            break
        time.sleep(0.05)
    running.send_signal(number)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 130
    assert errors == "collapse: interrupted; what is finished is kept\n"
