"""The examples of docs/claims.md run as they stand, and what the page says of each is what is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.cli import main

PAGE = (Path(__file__).parent.parent / "docs" / "claims.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_examples_are_found_to_be_what_the_page_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(block("python"), encoding="utf-8")
    command, *expected = block("console").splitlines()
    assert command == "$ collapse check mine.py --budget 4"
    assert main(["check", str(path), "--budget", "4"]) == 1
    out = [line.removesuffix(" (3 times)") for line in capsys.readouterr().out.splitlines()]
    place = -1
    for line in expected:
        assert any(found.startswith(line) for found in out[place + 1 :]), line
        place = next(i for i, found in enumerate(out) if i > place and found.startswith(line))
