"""``python -m proofs`` writes ``proofs/<id>.md`` for every theorem, and a page for each section that several share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from proofs.graphs import READING as GRAPHS_READING
from proofs.graphs import GraphProof
from proofs.kernel.ledger import Ledger
from proofs.kernel.proof import Proof
from proofs.kernel.render import DEEP, EVALUATED, markdown, section
from proofs.theorem import find
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
        steps = [section("Steps", proof)]
        yield _shared_page(heading), markdown(heading, steps, len(proof.gaps), "", {}, _reading(proof))
    for theorem in theorems:
        sections = [
            _linked(heading, proof) if heading in shared else section(heading, proof)
            for heading, proof, _ in theorem.sections
        ]
        reading = _reading(*(proof for _, proof, _ in theorem.sections))
        title = f"{theorem.id}: {statements()[theorem.id].title.rstrip('.')}"
        yield (
            FOLDER / f"{theorem.id}.md",
            markdown(title, sections, len(theorem.gaps), theorem.conclusion, theorem.axioms, reading),
        )


def _reading(*proofs: Ledger) -> str:
    """How to read the steps of some proofs: what their letters are called, and the rules of graphs."""
    letters = dict.fromkeys(proof.setting.reading or DEEP for proof in proofs if isinstance(proof, Proof))
    graphs = [GRAPHS_READING] if any(type(proof) is GraphProof for proof in proofs) else []
    return "\n\n".join([*([EVALUATED + "\n".join(letters)] if letters else []), *graphs])


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
