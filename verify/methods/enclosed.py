"""Claims at points that are known in balls: the points themselves, mode by mode, and both sides of clauses there.

A ball that excludes zero decides; sides that agree to sixty digits are numerical agreement, and nothing else is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from theory.arithmetic.interpreters import Balls, Matrix, Undecidable
from theory.claims import Clause, Relation
from theory.model import UnconstrainedFeatures
from theory.ops import helmert
from verify.methods.exact_points import rotate
from verify.verdict import Finding, holds, refuted, undecided

SMALL = Fraction(1, 10**60)
"""Sixty digits: a ball within this distance of 0, relative to the numbers compared, counts as numerical agreement."""


def as_ball(value: Any) -> Any:
    """A number as a ball; matrices in balls hold a plain 0 where an entry is structurally zero."""
    return Balls().number(Fraction(value)) if isinstance(value, int) else value


def agree(left: Any, right: Any) -> bool | None:
    """True when two numbers agree to 60 digits, False when they certainly differ, None when neither is known."""
    difference = as_ball(left) - as_ball(right)
    if not difference.contains(0):
        return False
    scale = max(abs(as_ball(left)).upper(), abs(as_ball(right)).upper(), as_ball(1))
    return True if abs(difference).upper() <= scale * Balls().number(SMALL) else None


def clause_finding(c: Clause, points: Sequence[Mapping[str, Any]], balls: Balls, where: str = "a minimiser") -> Finding:
    """Both sides of every relation at every point; ``where`` says what the points are."""
    if not points:
        return undecided(c.name, "no minimiser to evaluate it at")
    agrees = f"to 60 digits at {len(points)} minimisers in random rotations"
    return _finding(c, points, balls, f" fails at {where}", agrees)


def constants_finding(c: Clause, balls: Balls) -> Finding:
    """Both sides of every relation of a clause about constants."""
    return _finding(c, [{}], balls, " fails", "to 60 digits")


def constants_agree(relation: Relation, balls: Balls) -> bool:
    """Whether a relation of constants is seen to hold, for an equation to 60 digits."""
    try:
        return all(_related(x, relation.sign, y) for x, y in _sides(relation, {}, balls))
    except Undecidable:
        return False


def _finding(c: Clause, points: Sequence[Mapping[str, Any]], balls: Balls, fails: str, agrees: str) -> Finding:
    doubt = ""
    for values in points:
        for relation in c.relations:
            try:
                sides = list(_sides(relation, values, balls))
            except Undecidable as reason:
                doubt = doubt or str(reason)
                continue
            for x, y in sides:
                known = _related(x, relation.sign, y)
                if known is False:
                    return refuted(c.name, f"{_told(x, relation.sign, y)}{fails}")
                if known is None:
                    doubt = doubt or "the balls do not separate the sides, nor agree to 60 digits"
    if doubt:
        return undecided(c.name, doubt)
    return holds(c.name, "numerical", agrees)


def _told(x: Any, sign: str, y: Any) -> str:
    """A relation in as many digits as tell its sides apart."""
    for digits in (12, 30, 60):
        left, right = (as_ball(side).str(digits, radius=False) for side in (x, y))
        if left != right:
            break
    return f"{left} {sign} {right}"


def _sides(relation: Relation, values: Mapping[str, Any], balls: Balls) -> Iterable[tuple[Any, Any]]:
    left, right = balls.evaluate(relation.left, values), balls.evaluate(relation.right, values)
    return pairs(left, right) if relation.left.shape else [(left, right)]


def pairs(left: Matrix, right: Matrix) -> Iterable[tuple[Any, Any]]:
    """The entries of two matrices of one shape, side by side."""
    for a, b in zip(left, right, strict=True):
        yield from zip(a, b, strict=True)


def _related(x: Any, sign: str, y: Any) -> bool | None:
    if x is y:
        return sign != "<"
    if sign == "=":
        return agree(x, y)
    difference = as_ball(x) - as_ball(y)
    if difference < 0:
        return True
    if difference > 0:
        return False
    return agree(x, y) if sign == "≤" else None


def mode_frames(model: UnconstrainedFeatures, balls: Balls) -> list[tuple[int, list[Any]]]:
    """The weight μ and the unit vector of each mode: a class, or (with a bias) a direction orthogonal to 1."""
    if not model.has_bias:
        one = balls.number(Fraction(1))
        return [(n, [one if i == k else 0 for i in range(model.K)]) for k, n in enumerate(model.class_sizes)]
    if model.K == 1:
        return []
    U = balls.evaluate(helmert(model.K))
    return [(model.class_sizes[0], [row[j] for row in U]) for j in range(model.K - 1)]


def assemble(model: UnconstrainedFeatures, balls: Balls, chosen: Sequence[Any]) -> dict[str, Any]:
    """Balanced factors with λ_m s_m² = μ z(1 − z)/N on the chosen modes (μ, unit vector, z); all else is zero."""
    values: dict[str, Any] = {
        name: [[0] * v.shape[1] for _ in range(v.shape[0])] for name, v in model.variables.items()
    }
    for j, (mu, frame, z) in enumerate(chosen):
        energy = mu * z * (1 - z) / model.N
        for m, decay in enumerate(model.weight_decays, start=1):
            s = (energy / balls.number(decay)).sqrt()
            for i in range(model.K) if m == model.M else (j,):
                values[f"W_{m}"][i][j] = frame[i] * s if m == model.M else s
        length = (energy / (balls.number(model.feature_decay) * mu)).sqrt()
        entries = [0 if isinstance(u, int) else length * u for u in frame]
        values["H"][j] = [entries[k] for k, n in enumerate(model.class_sizes) for _ in range(n)]
    if model.has_bias:
        values["b"] = [[balls.number(Fraction(n, model.N))] for n in model.class_sizes]
    return values


def certified_minimisers(
    model: UnconstrainedFeatures, certificate: Mapping[str, Any], balls: Balls, seed: int
) -> list[dict[str, Any]]:
    """Minimisers in the enclosures of a geometry certificate, at random in their orbits; at a tie, one of each kind."""
    chosen = _chosen(model, certificate["modes"], balls)
    return [rotate(model, balls, assemble(model, balls, modes), seed + i) for i, modes in enumerate(chosen)]


def _chosen(
    model: UnconstrainedFeatures, modes: Sequence[Mapping[str, Any]], balls: Balls
) -> list[list[tuple[int, list[Any], Any]]]:
    """The active modes, with singular values in balls; where zero and non-zero tie, once without and once with them."""
    by_weight = {mode["weight"]: mode for mode in modes}
    heaviest = sorted(mode_frames(model, balls), key=lambda mode: -mode[0])[: model.R]
    found: list[list[tuple[int, list[Any], Any]]] = [[], []]
    for mu, frame in heaviest:
        mode = by_weight[mu]
        if "singular" in mode:
            low, high = (balls.number(Fraction(end)) for end in mode["singular"])
            for chosen in found:
                chosen.append((mu, frame, low.union(high)))
        elif "beta" not in mode:  # at its threshold
            found[1].append((mu, frame, balls.number(Fraction(model.M - 1, model.M))))
    return found if len(found[0]) < len(found[1]) else found[:1]
