"""The global minimum of the deep linear model with squared error, for all K, M, widths, decays and targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.selection import Premises
from proofs.kinds import ModelMinimum
from proofs.lemmas import construction
from proofs.lemmas.best_mode import falling
from proofs.lemmas.bias import bias_section
from proofs.lemmas.critical_points import geometry_of, modes_of, value_of
from proofs.lemmas.layered import shares_at_small_N
from proofs.lemmas.published import published_constants
from proofs.lemmas.setting import CONSTRUCTION, CRITICAL_POINT
from proofs.theorem import Section, Theorem


@dataclass(frozen=True)
class Solved:
    """The two proofs, every critical point and the construction, the minimum, and the shares of modes as N → 0."""

    sections: tuple[Section, ...]
    minimum: ModelMinimum
    small: tuple[Fact, Fact]


@cache
def solve() -> Solved:
    """All minimisers of the deep linear model.

    Raises:
        Rejected: when a step is not accepted.
    """
    critical = Proof("every critical point", CRITICAL_POINT)
    modes = modes_of(critical)
    shares, on, off = value_of(critical, modes)
    geometry = geometry_of(critical, modes.spectrum)
    falls, slope = falling(critical)
    s = modes.spectrum
    premises = Premises(
        shares, on, off, s.not_negative, modes.root, modes.above_zero, modes.below_one, falls, slope, s.chain.weights
    )
    published = published_constants(critical, modes)
    small = shares_at_small_N(critical, modes, on, shares.extra["summand"])
    builder = Proof("the minimum is attained", CONSTRUCTION)
    objective, share = construction.attained(builder)
    sections = (
        Section("Every critical point", critical, (*published.values(), *small)),
        Section("The minimum is attained", builder),
    )
    minimum = ModelMinimum(premises, s.commute, modes.confidence, modes.energy, geometry, objective, share)
    return Solved(sections, minimum, small)


@cache
def solve_with_bias() -> Solved:
    """The same for the model with a last-layer bias."""
    solved, (section, centred) = solve(), bias_section()
    return replace(solved, sections=(section, *solved.sections), minimum=replace(solved.minimum, bias=centred))


def minimum_theorem(id: str, with_bias: bool = False) -> Theorem:
    """The theorem for a statement about all minimisers of the model."""
    solved = solve_with_bias() if with_bias else solve()
    return Theorem(id, solved.sections, solved.minimum)
