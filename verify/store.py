"""Results that survive a crash: one SQLite file, and certificates as files named by their content.

A row holds JSON only, under a key made from everything that the result depends on: the claim, the engine, its settings,
the seed, the project's own source and the versions of its dependencies. Each row is sealed with a secret that never
leaves this machine's account, so that a folder ``.collapse/`` that came with somebody's files cannot forge a verdict:
rows without the right seal are as good as absent, and computed again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from verify.errors import BadInput

APPLICATION = 0x636F6C6C
VERSION = 1
BUSY_SECONDS = 60
PACKAGES = ("theory", "proofs", "verify")
DEPENDENCIES = (
    *("clarabel", "cvxpy", "hypothesis", "mpmath", "numpy", "python-flint", "scikit-learn"),
    *("scipy", "scs", "sympy", "torch"),
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, statement TEXT, state TEXT, body TEXT, seal TEXT);
CREATE INDEX IF NOT EXISTS by_statement ON results (statement, state);
"""

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
            row = self._connection.execute("SELECT body, seal FROM results WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._unsealed(key, *row)

    def of_statement(self, statement: str) -> list[dict[str, Any]]:
        """All results about a statement that this version of the project and its dependencies computed."""
        query = "SELECT key, body, seal FROM results WHERE statement = ? AND state = ? ORDER BY rowid"
        with self._sentences():
            rows = self._connection.execute(query, (statement, state())).fetchall()
        return [body for row in rows if (body := self._unsealed(*row)) is not None]

    def put(self, key: str, statement: str, body: Mapping[str, Any], certificates: Sequence[Certificate] = ()) -> None:
        """Keep a result: its certificates first, then its row, so that a row never lacks a certificate."""
        names = [self._keep(certificate) for certificate in certificates]
        text = canonical({**body, "certificates": names})
        row = (key, statement, state(), text, self._seal(key, text))
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", row)

    def path(self, certificate: Certificate) -> Path:
        """Where a certificate is kept."""
        return self.folder / "certificates" / f"{_digest(canonical(certificate))}.json"

    def _prepare(self) -> None:
        with self._sentences():
            application, version, tables, mode = (
                self._connection.execute(query).fetchone()[0]
                for query in (
                    "PRAGMA application_id",
                    "PRAGMA user_version",
                    "SELECT count(*) FROM sqlite_master",
                    "PRAGMA journal_mode",
                )
            )
            if tables and (application, version) != (APPLICATION, VERSION):
                raise BadInput(f"{self.file} is not a store of this version; name another folder in COLLAPSE_HOME")
            if (problem := self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(problem.splitlines()[0])
            if mode != "wal":
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():  # also where the tables exist: what cannot be written is found out now
            if not tables:
                for command in SCHEMA.strip().splitlines():
                    self._connection.execute(command)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

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
            reason = error.strerror if isinstance(error, OSError) else str(error)
            advice = "repair it or move it away, or name another folder in COLLAPSE_HOME"
            raise BadInput(f"the store {self.file} cannot be used ({reason}); {advice}") from error

    def _keep(self, certificate: Certificate) -> str:
        path, text = self.path(certificate), canonical(certificate)
        if _read(path) != text:
            with self._sentences():
                _write(path, text)
        return path.stem

    def _seal(self, key: str, text: str) -> str:
        return hmac.new(self._secret, f"{key}\n{text}".encode(), hashlib.sha256).hexdigest()

    def _unsealed(self, key: str, text: Any, seal: Any) -> dict[str, Any] | None:
        if not isinstance(text, str) or not hmac.compare_digest(str(seal).encode(), self._seal(key, text).encode()):
            return None
        body: dict[str, Any] = json.loads(text)
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
    return _digest(canonical([source, platform.python_version(), [_version(name) for name in DEPENDENCIES]]))


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


def _secret() -> tuple[bytes, str]:
    """The secret that seals rows, made where there is none yet; and a sentence when it cannot be kept."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "collapse"
    path = folder / "seal"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            descriptor, temporary = mkstemp(dir=folder)
            os.write(descriptor, secrets.token_hex(32).encode())
            os.close(descriptor)
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                os.unlink(temporary)
        return path.read_bytes(), ""
    except (OSError, RuntimeError) as error:
        return secrets.token_bytes(
            32
        ), f"results cannot be used again by a later run: no place to keep a seal ({error})"
