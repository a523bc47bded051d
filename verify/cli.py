"""The command ``collapse``. What is heavy is imported when a command needs it, so that ``--help`` answers at once."""

from __future__ import annotations

import json as json_format
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any

import typer

from theory.errors import StatementError
from verify import calculator
from verify.compiled import prepare
from verify.curvature import command as curvature
from verify.empirical.networks import command as networks
from verify.empirical.rfm import command as deep_rfm
from verify.engines import DEVICES, ENGINES, REFUTER, Settings
from verify.errors import FULL, BadInput
from verify.files import written
from verify.processors import one_thread
from verify.sweep import command as sweeps

if TYPE_CHECKING:
    from theory.statement import Statement
    from verify.runner import Progress

INTERRUPTED, PIPE_CLOSED = 130, 141
LARGEST_SEED = 2**63 - 1
"""That of the generators that search."""
RESUMED = {"verify", "check", "rfm", "train", "sweep"}
"""Commands that keep what is finished, and go on from there."""

ONCE = ("--plot", "--curves", "--csv")
"""Options that name a file to write, of which the last one would win."""

Patterns = Annotated[list[str] | None, typer.Argument(metavar="[PATTERN]...", help="Ids, with * and ?; default all.")]

app = typer.Typer(
    name="collapse",
    help="Is this theorem on neural collapse right, and what is the optimum in my setting?",
    epilog="Exit status: 0 all as expected, 1 something is not, 2 unusable input, 3 something could not be examined.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write JSON to a file; - is standard output.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status.

    >>> main(["show", "--nonsense"])
    2
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:  # a batch system ends a run by SIGTERM, a user by Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with one_thread():
            status = _invoke(given or ["--help"])
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        kept = "; what is finished is kept" if given and given[0] in RESUMED else ""
        print(f"collapse: interrupted{kept}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in FULL:
            raise
        _silence()
        print(f"collapse: {error.filename or 'the output'} cannot be written ({error.strerror})", file=sys.stderr)
        return 2


def _silence() -> None:
    """Let nothing more be written to standard output, not even what waits for Python's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _invoke(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        _require_once(arguments)
        with command.make_context("collapse", arguments) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
    except (BadInput, StatementError) as error:
        message = str(error)
    else:
        return 0
    print(f"collapse: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _require_once(arguments: Sequence[str]) -> None:
    """Reject a file to write that is named twice.

    Raises:
        BadInput: naming the option.
    """
    given = [argument.partition("=")[0] for argument in arguments]
    for option in ONCE:
        if given.count(option) > 1:
            raise BadInput(f"{option} names one file, and is given {given.count(option)} times")


@app.command()
def verify(
    patterns: Patterns = None,
    full: Annotated[bool, typer.Option("--full/--quick", help="More instances, more starts.")] = False,
    engine: Annotated[
        list[str] | None, typer.Option(help=f"Only this one; repeatable: {', '.join((*ENGINES, REFUTER))}.")
    ] = None,
    device: Annotated[str, typer.Option(help=f"{', '.join(DEVICES)}.")] = "auto",
    jobs: sweeps.Jobs = None,
    scheduler: sweeps.Scheduler = None,
    json: Json = None,
    report: Annotated[
        str | None, typer.Option("--report", metavar="DIR", help="Write a web page with all that was found.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=LARGEST_SEED, help="Makes drawn instances and random starts reproducible."),
    ] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore stored results.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show clauses and engines.")] = False,
) -> None:
    """Check the papers' statements by independent means."""
    from theory.statement import omitted
    from verify import runner
    from verify.cluster import workers
    from verify.report import console, print_report, verify_json
    from verify.results import exit_status
    from verify.store import Store

    statements = _statements(patterns or ["*"])
    settings = Settings(device, seed, "full" if full else "quick")
    engines = runner.chosen(engine or None, runner.Registry())
    if scheduler is None:
        _require_device(device)
    calculator.require_writable(json)
    left_out = omitted(*patterns or [])
    write_page = _page_writer(report, tuple(patterns or ()))
    if {"descent", REFUTER} & set(engines) and scheduler is None:
        prepare(_say)
    with workers(jobs, scheduler, _say) as spread, Store() as store:
        if store.note:
            _say(store.note)
        with _shown_progress() as progress:
            results = runner.run(
                statements, settings, engines, store=store, fresh=fresh, progress=progress, spread=spread
            )
        print_report(results, console(stderr=json == "-"), verbose, store.path, left_out)
        _write_json(json, verify_json(results, store.path, left_out))
        write_page(results, settings, engines if engine else (), left_out, store.path)
    raise typer.Exit(exit_status(results))


@app.command("list")
def list_(patterns: Patterns = None, json: Json = None) -> None:
    """List statements, and what the papers say that none of them does."""
    from theory.statement import omitted
    from verify import report

    known, left_out = _statements(patterns or ["*"]), omitted(*patterns or [])
    calculator.require_writable(json)
    if json != "-":
        report.put(report.console(), report.list_table(known))
        report.put(report.console(), *(("", report.omitted_table(left_out)) if left_out else ()))
    _write_json(json, report.list_json(known, left_out))


@app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="A statement's id; * and ? match several.")],
    json: Json = None,
) -> None:
    """Show a statement, what is expected, and the evidence so far."""
    from verify import report
    from verify.runner import stored
    from verify.store import Store, home

    found = _statements([id])
    calculator.require_writable(json)
    for statement in found if json != "-" else []:
        report.put(report.console(), report.description(statement), *report.proof(statement))
        if home().exists():
            with Store() as store:
                report.put(report.console(), report.evidence(stored(statement, store)))
    _write_json(json, report.show_json(found))


@app.command()
def check(
    place: Annotated[str, typer.Argument(metavar="FILE[::NAME]", help="A Python file with conjectures; it is run.")],
    budget: Annotated[float, typer.Option(min=0.1, max=1_000_000, help="Seconds for each conjecture.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Makes the search reproducible.")] = 0,
    device: Annotated[str, typer.Option(help=f"{', '.join(DEVICES)}.")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier check found.")] = False,
    json: Json = None,
) -> None:
    """Try hard to refute conjectures, by exact counterexamples."""
    from verify import checks
    from verify.conjectures import read
    from verify.store import Store

    calculator.require_writable(json)
    Settings(device)
    _require_device(device)
    results = []
    with redirect_stdout(sys.stderr):  # what the file prints is not part of the answer
        conjectures = read(place)
        prepare(_say)
    with Store() as store, _shown_check() as progress:
        if store.note:
            _say(store.note)
        for conjecture in conjectures:
            with redirect_stdout(sys.stderr):
                found = checks.resumed(conjecture, place, store, budget, seed, fresh, progress, device)
            results.append(found)
            for line in found.lines if json != "-" else ():
                print(line, flush=True)
    _write_json(json, {"conjectures": [found.to_json() for found in results]})
    raise typer.Exit(checks.exit_status(results))


@app.command()
def recheck(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Certificates, or folders of them.")],
    conjecture: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where the conjectures stand that certificates name; it is run.")
    ] = None,
    json: Json = None,
) -> None:
    """Check certificates again with the independent checker.

    It runs in an interpreter of its own.
    """
    from verify.checker import shown
    from verify.conjectures import read
    from verify.recheck import files, in_separate_interpreter, with_statement

    calculator.require_writable(json)
    own = [] if conjecture is None else read(conjecture)
    found = [with_statement(one, own, conjecture or "") for one in in_separate_interpreter(files(paths))]
    for one in found if json != "-" else []:
        print(f"{shown(one.path)}: {'accepted' if one.accepted else 'rejected'}: {one.text}")
    rows = [
        {
            "path": one.path,
            "accepted": one.accepted,
            "claim": one.text if one.accepted else "",
            "reason": "" if one.accepted else one.text,
        }
        for one in found
    ]
    _write_json(json, {"certificates": rows})
    raise typer.Exit(0 if all(one.accepted for one in found) else 1)


app.command()(calculator.optimum)
app.command()(calculator.measure)
app.command()(curvature.spectrum)
app.command()(deep_rfm.rfm)
app.command()(networks.train)
app.command()(sweeps.sweep)


def _statements(patterns: Sequence[str]) -> list[Statement]:
    from theory.statement import find

    return list({statement.id: statement for pattern in patterns for statement in find(pattern)}.values())


def _require_device(device: str) -> None:
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise BadInput("--device cuda: torch finds no CUDA device on this machine")


@contextmanager
def _shown_progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; elsewhere a line for each finished statement."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from verify.report import console

    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _progress_lines
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("planning", total=None)
        yield lambda event: bar.update(task, description=event.statement, completed=event.done, total=event.total)


@contextmanager
def _shown_check() -> Iterator[Callable[[Any], None]]:
    """A line that is rewritten on a terminal; elsewhere nothing until a conjecture is finished."""
    if not sys.stderr.isatty():
        yield lambda event: None
        return
    try:
        yield lambda event: print(
            f"\r{event.conjecture}: round {event.round}, instance {event.instance} of {event.instances}, "
            f"{event.seconds:.0f} s".ljust(79),
            end="",
            file=sys.stderr,
            flush=True,
        )
    finally:
        print("\r" + " " * 79 + "\r", end="", file=sys.stderr, flush=True)


def _say(sentence: str) -> None:
    print(f"collapse: {sentence}", file=sys.stderr, flush=True)


def _progress_lines(event: Progress) -> None:
    if event.finished:
        print(f"{event.done} of {event.total}: {event.statement} examined", file=sys.stderr, flush=True)


def _page_writer(given: str | None, patterns: tuple[str, ...]) -> Callable[..., None]:
    """What writes the page at the end; found out before the work is whether it can."""
    if given is None:
        return lambda *found: None
    from verify.html.page import require_folder, write
    from verify.html.statement import Run

    folder = require_folder(given)
    return lambda results, settings, engines, left_out, kept: write(
        folder, results, Run(settings, engines, left_out, patterns), kept
    )


def _write_json(path: str | None, data: Any) -> None:
    if path is None:
        return
    with written(path, "--json") as file:
        file.write(json_format.dumps(data, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
