"""Conjectures from a file: a Python module is run, like a test file, and its conjectures are taken in order."""

from __future__ import annotations

import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from theory.statement import Statement
from verify.errors import BadInput


def read(place: str) -> list[Statement]:
    """The conjectures of ``FILE.py``, or the one called NAME of ``FILE.py::NAME``.

    Running the file runs its code: do so only with files that you trust.

    Raises:
        BadInput: when the file is missing, does not run, or holds no such conjecture; the message names the line.
    """
    name, _, wanted = place.partition("::")
    found = _statements(Path(name))
    if not found:
        raise BadInput(f"{name} holds no conjecture: decorate a function with @conjecture(…) from theory")
    if not wanted:
        return found
    chosen = [statement for statement in found if statement.id == wanted]
    if not chosen:
        raise BadInput(f"{name} has no conjecture {wanted}; it has {', '.join(s.id for s in found)}")
    return chosen


def _statements(path: Path) -> list[Statement]:
    if not path.is_file():
        raise BadInput(f"{path} is not a file")
    spec = spec_from_file_location(f"conjectures_of_{path.stem}".replace("-", "_"), path)
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise BadInput(f"{path} is not a Python file: conjectures are written in a file ending in .py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BadInput(f"{path}{_line(error, path)}: {type(error).__name__}: {_first(error)}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    found = list({id(value): value for value in vars(module).values() if isinstance(value, Statement)}.values())
    names = [statement.id for statement in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(f"{path} has two conjectures called {twice[0]}")
    return found


def _line(error: BaseException, path: Path) -> str:
    """The last line of the file itself that an error came through."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f", line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return f", line {frames[-1].lineno}" if frames else ""


def _first(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return (text.splitlines() or ["no reason given"])[0]
