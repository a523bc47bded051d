"""The examples of docs/claims.md run as they stand, and what the page says of each is what is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify.cli import main

PAGE = (Path(__file__).parent.parent / "docs" / "claims.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def sections() -> dict[str, list[str]]:
    """What the page prints about each conjecture."""
    command, *lines = block("console").splitlines()
    assert command.startswith("$ collapse check mine.py")
    found: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith(" "):
            found[line.split(":")[0]] = []
        found[list(found)[-1]].append(line)
    return found


@pytest.mark.parametrize("name", sections())
def test_an_example_is_found_to_be_what_the_page_says(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, expected = tmp_path / "mine.py", sections()[name]
    path.write_text(block("python"), encoding="utf-8")
    refuted = "refuted (certified)" in expected[0]
    status = main(["check", f"{path}::{name}", "--budget", "60" if refuted else "6"])
    assert status == (1 if refuted else 0 if "not refuted" in expected[0] else 3)
    out = [line.replace(" (3 times)", "") for line in capsys.readouterr().out.splitlines()]
    for line in expected:
        assert any(found.startswith(line) for found in out), line


def test_every_example_is_on_the_page() -> None:
    assert list(sections()) == re.findall(r"^def (\w+)", block("python"), re.MULTILINE)
