"""The loss of a fit as a function of its load c = C Λ̄, for symbolic depth M: it grows with c while it is not zero.

At a root y of (1 − y^{M+1}) y^{M−1} = c, with p = y^{M+1}, the loss is (1 − p)(1 + M p)/2 and c^{M+1} = p^{M−1} (1 −
p)^{M+1}. Both fall strictly in p beyond (M−1)/M.
"""

from __future__ import annotations

from proofs.graph_kinds import ScaledLosses
from proofs.kernel.facts import POSITIVE
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.lemmas.best_mode import falling
from proofs.lemmas.setting import SCALED, later, load, t, y
from proofs.theorem import Section


def scales() -> tuple[Section, ScaledLosses]:
    """The value and the load at a root, and that both fall in p.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof, p = Proof("scales", SCALED), y ** (M + 1)
    root = proof.hypothesis("root")
    below = proof.case("p < 1", 1 - p, POSITIVE)
    value = proof.algebra(
        "loss at a root",
        (1 - p) ** 2 / 2 + (M + 1) / 2 * load * y**2 - (1 - p) * (1 + M * p) / 2,
        -(M + 1) / 2 * y**2 * root,
    )
    level = proof.raised("load at a root", root, (1 - p) * y ** (M - 1), load, M + 1, known=[below])
    falls, slope = falling(proof)
    loss = (1 - t) * (1 + M * t) / 2
    loses = proof.decreasing("the loss falls", loss, t, later, falls.extra["interval"], slope, 2)
    return Section("The loss as a function of the load", proof), ScaledLosses(value, level, falls, loses)
