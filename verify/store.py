"""Results that survive a crash: one SQLite file, and certificates as files named by their content.

A row holds JSON only, under a key made from everything that the result depends on: the claim, the engine, its settings,
the seed, the project's own source and the versions of its dependencies. Each row is sealed with a secret that never
leaves this machine's account, so that a folder ``.collapse/`` that came with somebody's files cannot forge a verdict:
rows without the right seal are as good as absent, and computed again.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import platform
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from verify.errors import FULL, BadInput

APPLICATION = 0x636F6C6C
VERSION = 1
BUSY_SECONDS = 60
PACKAGES = ("theory", "proofs", "verify")
DEPENDENCIES = (
    *("clarabel", "cvxpy", "hypothesis", "mpmath", "numba", "numpy", "python-flint", "scikit-learn"),
    *("scipy", "scs", "sympy", "torch"),
)

SCHEMA = (
    "CREATE TABLE results (key TEXT PRIMARY KEY, statement TEXT, state TEXT, body TEXT, seal TEXT)",
    "CREATE INDEX by_statement ON results (statement, state)",
)
"""All that a store holds: with a trigger or a view in it, rows could vanish."""

IDENTITY = (f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {VERSION}")
SHAPE = (APPLICATION, VERSION, SCHEMA)

FULL_CODES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
"""The same as ``FULL``, from SQLite."""

SECRET = 32
"""Bytes of the secret, twice as many digits in its file."""

Certificate = Mapping[str, Any]


def home() -> Path:
    """The folder of results: ``$COLLAPSE_HOME``, else ``.collapse`` in the working folder."""
    return Path(os.environ.get("COLLAPSE_HOME") or ".collapse")


class Store:
    """The results in a folder, which is made where it does not exist. Several processes may share one.

    Raises:
        BadInput: when the folder or its file cannot be used; nothing in it is touched then.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home()
        self.file = self.folder / "results.sqlite"
        self._secret, self.note = _secret()
        with self._sentences():
            (self.folder / "certificates").mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.file, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._prepare()
            self.note = self.note or self._foreign()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, key: str) -> dict[str, Any] | None:
        """The result under a key, with its certificates; None when it is absent, altered or incomplete."""
        with self._sentences():
            row = self._connection.execute("SELECT * FROM results WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._unsealed(row)

    def of_statement(self, statement: str) -> list[dict[str, Any]]:
        """All results about a statement that this version of the project and its dependencies computed."""
        query = "SELECT * FROM results WHERE statement = ? AND state = ? ORDER BY rowid"
        with self._sentences():
            rows = self._connection.execute(query, (statement, state())).fetchall()
        return [body for row in rows if (body := self._unsealed(row)) is not None]

    def put(self, key: str, statement: str, body: Mapping[str, Any], certificates: Sequence[Certificate] = ()) -> None:
        """Keep a result: its certificates first, then its row, so that a row never lacks a certificate."""
        names = [self._keep(certificate) for certificate in certificates]
        text = canonical({**body, "certificates": names})
        row = (key, statement, state(), text)
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", (*row, self._seal(row)))

    def path(self, certificate: Certificate) -> Path:
        """Where a certificate is kept."""
        return self.folder / "certificates" / f"{_digest(canonical(certificate))}.json"

    def _prepare(self) -> None:
        """Make the tables, or see that they are sound; in one transaction, since another run may do the same now."""
        with self._transaction():  # also where the tables exist: what cannot be written is found out now
            commands = self._connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY rowid")
            tables = tuple(command for (command,) in commands)
            if tables and (self._pragma("application_id"), self._pragma("user_version"), tables) != SHAPE:
                raise BadInput(f"{self.file} is not a store of this version; name another folder in COLLAPSE_HOME")
            if (problem := self._pragma("quick_check(1)")) != "ok":
                raise sqlite3.DatabaseError(problem.splitlines()[-1])
            for command in () if tables else (*SCHEMA, *IDENTITY):
                self._connection.execute(command)
        with self._sentences():
            self._write_ahead()
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def _foreign(self) -> str:
        """A sentence where the latest row was sealed by somebody else, or this account's seal was lost."""
        with self._sentences():
            row = self._connection.execute("SELECT * FROM results ORDER BY rowid DESC LIMIT 1").fetchone()
        if row is None or self._is_sealed(row):
            return ""
        return f"{self.file} has results under another seal than {_seal_file()}, which count for nothing here"

    def _write_ahead(self) -> None:
        """Turn on the write-ahead log, for which SQLite does not wait while another run opens the same new file."""
        deadline = time.monotonic() + BUSY_SECONDS
        while self._pragma("journal_mode") != "wal":
            try:
                self._pragma("journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _pragma(self, command: str) -> Any:
        return self._connection.execute(f"PRAGMA {command}").fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._sentences():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            is_full, reason = _is_full(error), error.strerror if isinstance(error, OSError) else str(error)
            advice = "make room for it; what is finished is kept" if is_full else "repair it or move it away"
            if not is_full and not os.access(self.folder, os.W_OK):
                advice = "its folder must be writable"
            problem = f"the store {self.file} cannot be {'written' if is_full else 'used'} ({reason})"
            raise BadInput(f"{problem}; {advice}, or name another folder in COLLAPSE_HOME") from error

    def _keep(self, certificate: Certificate) -> str:
        path, text = self.path(certificate), canonical(certificate)
        if _read(path) != text:
            with self._sentences():
                _write(path, text)
        return path.stem

    def _seal(self, row: Sequence[Any]) -> str:
        return hmac.new(self._secret, canonical(list(row)).encode(), hashlib.sha256).hexdigest()

    def _is_sealed(self, row: Sequence[Any]) -> bool:
        *columns, seal = row
        return all(isinstance(value, str) for value in row) and hmac.compare_digest(
            seal.encode(), self._seal(columns).encode()
        )

    def _unsealed(self, row: Sequence[Any]) -> dict[str, Any] | None:
        if not self._is_sealed(row):
            return None
        body: dict[str, Any] = json.loads(row[-2])
        texts = [_read(self.folder / "certificates" / f"{name}.json") for name in body["certificates"]]
        if [_digest(content) for content in texts] != body["certificates"]:
            return None
        return {**body, "certificates": [json.loads(content) for content in texts]}


def canonical(data: Any) -> str:
    """The canonical text of plain data.

    Raises:
        TypeError, ValueError: for what JSON cannot hold, infinities and ``nan`` included.

    >>> canonical({"b": 1, "a": [2]})
    '{"a":[2],"b":1}'
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def result_key(parts: Mapping[str, Any]) -> str:
    """The key of a result that depends on these parts, on the project's source and on its dependencies."""
    return _digest(canonical({**parts, "state": state()}))


@cache
def state() -> str:
    """A digest of the project's own source files, and of Python's and its dependencies' versions."""
    root = Path(__file__).resolve().parents[1]
    files = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    source = [[path.relative_to(root).as_posix(), _digest(path.read_text(encoding="utf-8"))] for path in files]
    return _digest(canonical([source, versions()]))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on, empty for one that is not installed.

    >>> list(versions())[:2]
    ['Python', 'clarabel']
    """
    return {"Python": platform.python_version(), **{name: _version(name) for name in DEPENDENCIES}}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    descriptor, temporary = mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_full(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL
    return getattr(error, "sqlite_errorcode", None) in FULL_CODES


def _secret() -> tuple[bytes, str]:
    """The secret that seals rows, made where there is none yet; and a sentence when it cannot be kept."""
    try:
        path = _seal_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            if len(_read(path)) != 2 * SECRET:  # none yet, or cut by a crash: anybody could guess what is left
                _write(path, secrets.token_hex(SECRET))
            return path.read_bytes(), ""
    except (OSError, RuntimeError) as error:
        note = f"results cannot be used again by a later run: no place to keep a seal ({error})"
        return secrets.token_bytes(SECRET), note


def _seal_file() -> Path:
    """In ``$XDG_STATE_HOME`` where that is the same folder for every run, as an absolute path is, else in the home."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (given if given.is_absolute() else Path("~/.local/state").expanduser()) / "collapse" / "seal"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time, where the file system has locks: two that make a seal at once make the same."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
