"""``python -m proofs`` writes ``proofs/<id>.md`` for every theorem, and a page for each section that several share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from proofs.graphs import READING as GRAPHS_READING
from proofs.graphs import GraphProof
from proofs.kernel.ledger import Ledger
from proofs.kernel.render import READING, markdown, section
from proofs.theorem import Theorem, find
from theory.statement import statements

FOLDER = Path(__file__).parent


def pages() -> Iterator[tuple[Path, str]]:
    """Every page with the file that it belongs in.

    Raises:
        Rejected: when the kernel does not accept a script.
    """
    theorems = [found for id in statements() if (found := find(id)) is not None]
    uses = Counter(heading for theorem in theorems for heading, *_ in theorem.sections)
    shared = {heading: proof for theorem in theorems for heading, proof, _ in theorem.sections if uses[heading] > 1}
    for heading, proof in shared.items():
        yield _shared_page(heading), markdown(heading, [section("Steps", proof)], len(proof.gaps), "", {})
    for theorem in theorems:
        sections = [
            _linked(heading, proof) if heading in shared else section(heading, proof)
            for heading, proof, _ in theorem.sections
        ]
        title = f"{theorem.id}: {statements()[theorem.id].title.rstrip('.')}"
        yield (
            FOLDER / f"{theorem.id}.md",
            markdown(title, sections, len(theorem.gaps), theorem.conclusion, theorem.axioms, _reading(theorem)),
        )


def _reading(theorem: Theorem) -> str:
    """How to read the steps of a theorem, by what its sections are about."""
    texts = (GRAPHS_READING if type(section.proof) is GraphProof else READING for section in theorem.sections)
    return "\n\n".join(dict.fromkeys(texts))


def _shared_page(heading: str) -> Path:
    return FOLDER / "lemmas" / f"{heading.lower().replace(' ', '-')}.md"


def _linked(heading: str, proof: Ledger) -> str:
    rules = ", ".join(sorted({step.rule for step in proof.steps}))
    where = _shared_page(heading).relative_to(FOLDER)
    return f"## {heading}\n\n[{heading}, all {len(proof.steps)} steps]({where}), accepted by the rules {rules}.\n"


def main() -> None:
    """Write all pages."""
    for path, text in pages():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
