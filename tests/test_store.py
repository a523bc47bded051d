"""The store keeps what was finished, refuses what it cannot use, and believes nothing that was altered."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fakes
import pytest

from verify import runner, store
from verify.errors import BadInput
from verify.store import Store

REGISTRY = fakes.registry()
STRICT = replace(REGISTRY, check=fakes.strict)
BODY = {"outcome": "holds"}
CERTIFICATE = {"kind": "fake", "value": "1/3"}


def test_results_survive(tmp_path: Path) -> None:
    with Store() as first:
        assert first.get("key") is None
        first.put("key", "some-statement", BODY, [CERTIFICATE])
        path = first.path(CERTIFICATE)
    with Store() as second:
        assert second.get("key") == {**BODY, "certificates": [CERTIFICATE]}
        assert second.of_statement("some-statement") == [second.get("key")]
        assert second.of_statement("another") == []
    assert json.loads(path.read_text()) == CERTIFICATE
    assert not list(path.parent.glob(".*")), "temporary files are left"


def test_a_key_depends_on_each_part_and_on_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {store.result_key({"claim": claim, "seed": seed}) for claim in "ab" for seed in (0, 1)}
    monkeypatch.setattr(store, "state", lambda: "another source")
    assert len(keys | {store.result_key({"claim": "a", "seed": 0})}) == 5


def test_results_of_another_source_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with Store() as kept:
        kept.put("key", "some-statement", BODY)
        monkeypatch.setattr(store, "state", lambda: "another source")
        assert kept.of_statement("some-statement") == []


def test_only_json_is_kept() -> None:
    with Store() as kept:
        for value in (float("nan"), {1, 2}, object()):
            with pytest.raises((TypeError, ValueError)):
                kept.put("key", "some-statement", {"value": value})
        assert kept.get("key") is None


def alter(statement: str) -> None:
    connection = sqlite3.connect(store.home() / "results.sqlite")
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "forgery",
    [
        """UPDATE results SET body = replace(body, 'holds', 'refuted')""",
        """UPDATE results SET key = 'other'""",
        """UPDATE results SET seal = 'x'""",
        """UPDATE results SET seal = NULL""",
        """UPDATE results SET body = 'no json'""",
        """UPDATE results SET body = x'ff00'""",
    ],
)
def test_an_altered_row_is_as_good_as_absent(forgery: str) -> None:
    with Store() as kept:
        kept.put("key", "some-statement", BODY)
    alter(forgery)
    with Store() as kept:
        assert kept.get("key") is None
        assert kept.get("other") is None
        assert kept.of_statement("some-statement") == []


def test_a_folder_from_somebody_else_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store() as kept:
        kept.put("key", "some-statement", BODY)
    with Store() as kept:
        assert kept.note == ""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another account"))
    with Store() as kept:
        assert kept.get("key") is None
        assert "has results under another seal than" in kept.note
        assert str(tmp_path / "another account" / "collapse" / "seal") in kept.note


@pytest.mark.parametrize("given", [None, "", "state"])
def test_the_seal_is_the_same_in_every_folder(
    given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a place for it, or with one that is not absolute, it is in the home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME") if given is None else monkeypatch.setenv("XDG_STATE_HOME", given)
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        with Store() as kept:
            assert (kept.get("key") is None) == (place == "here")
            kept.put("key", "some-statement", BODY)
    assert (tmp_path / ".local" / "state" / "collapse" / "seal").exists()


@pytest.mark.parametrize(
    "change", [lambda p: p.unlink(), lambda p: p.write_text("{}"), lambda p: p.write_bytes(b"\xff")]
)
def test_a_result_without_its_certificate_is_as_good_as_absent(change: object) -> None:
    with Store() as kept:
        kept.put("key", "some-statement", BODY, [CERTIFICATE])
        change(kept.path(CERTIFICATE))  # type: ignore[operator]
        assert kept.get("key") is None
        kept.put("key", "some-statement", BODY, [CERTIFICATE])
        assert kept.get("key") is not None


def test_a_stored_certificate_that_the_checker_rejects_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, log = fakes.statements()["fake-square"], tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(log))
    with Store() as kept:
        runner.run([statement], engines=["sealing"], store=kept, registry=REGISTRY)
        count = len(log.read_text().splitlines())
        assert runner.stored(statement, kept, REGISTRY).verdict.conclusion == "holds"
        path = next((kept.folder / "certificates").iterdir())
        path.write_text(path.read_text().replace("fake", "fame"))
        (found,) = runner.run([statement], engines=["sealing"], store=kept, registry=REGISTRY)
        assert found.verdict.conclusion == "holds"
        assert len(log.read_text().splitlines()) == count + 1
        assert runner.stored(statement, kept, STRICT).instances == ()
        (found,) = runner.run([statement], engines=["sealing"], store=kept, registry=STRICT)
        assert len(log.read_text().splitlines()) == 2 * count + 1
    assert found.status == 3
    assert found.skipped[0].why == "the checker rejects a certificate: the bound is below the value"


@pytest.mark.parametrize("content", [b"this is not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_corrupt_file_is_refused_and_kept(content: bytes) -> None:
    store.home().mkdir()
    file = store.home() / "results.sqlite"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=r"results\.sqlite cannot be used .* name another folder in COLLAPSE_HOME"):
        Store()
    assert file.read_bytes() == content


def test_a_damaged_page_is_found() -> None:
    with Store() as kept:
        for number in range(200):
            kept.put(f"key {number}", "some-statement", {"text": "x" * 500})
    file = store.home() / "results.sqlite"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    file.write_bytes(data)
    with pytest.raises(BadInput, match="cannot be used"):
        Store()
    assert file.read_bytes() == bytes(data)


def test_a_file_of_another_program_is_refused() -> None:
    store.home().mkdir()
    alter("CREATE TABLE mine (x)")
    with pytest.raises(BadInput, match="not a store of this version"):
        Store()
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        alter("CREATE TABLE mine (x)")


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COLLAPSE_HOME", str(tmp_path / "file" / "store"))
    with pytest.raises(BadInput, match="Not a directory"):
        Store()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_store_that_cannot_be_written(public_folder: Path) -> None:
    with Store(public_folder) as kept:
        kept.put("key", "some-statement", BODY)
    before = kept.file.read_bytes()
    root = os.geteuid() == 0
    for path in (kept.file, public_folder / "certificates", public_folder):
        path.chmod(0o555)
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(BadInput, match=r"cannot be used \(.*\); repair it or move it away"):
            Store(public_folder)
    finally:
        if root:
            os.seteuid(0)
        public_folder.chmod(0o755)
    assert kept.file.read_bytes() == before


def test_no_place_for_a_seal_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with Store() as kept:
        assert "no place to keep a seal" in kept.note
        kept.put("key", "some-statement", BODY)
        assert kept.get("key") is not None
    with Store() as kept:
        assert kept.get("key") is None
