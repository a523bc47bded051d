"""Points that meet constraints: reached by descent in floats, then made exact in rationals.

Descent minimises an augmented Lagrangian on many restarts at once, and Newton steps on the constraints end it. What is
reached is rounded to few binary digits, and repaired so that the equations among them hold (``equations``). What cannot
be repaired stays a candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch

from theory.arithmetic.floats import Floats
from theory.inequality import Inequality
from theory.relations import Relation
from verify.methods.equations import Equations
from verify.methods.minimise import Formula, lbfgs

Tensor = torch.Tensor
Values = dict[str, Tensor]

PENALTIES = (10.0, 100.0, 1e3, 1e4)
"""Weights of squared violations, one after another; multipliers make larger, ill-conditioned ones needless."""

NEWTON = 12
"""Newton steps on the constraints: from where descent ends five are enough."""

MET = 1e-9
"""Largest violation, relative to the sides, at which a constraint counts as met in floats: Newton steps reach 1e-15."""

NEARLY = 1e-2
"""Where no start comes so near to all constraints, no multiplier brings it nearer."""

MARGINS = (0.0, 1e-6, 1e-3)
"""How far inside inequalities points are pushed before they are rounded, so that rounding does not leave them."""

BITS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 40)
"""Binary digits after the point to which coordinates are rounded, fewest first."""


class Residuals:
    """How far constraints are from being met at batched points: (B, m), signed for equations, else negative inside."""

    def __init__(self, constraints: Sequence[Relation], device: str | torch.device = "cpu") -> None:
        self.constraints, self.floats = constraints, Floats(device)

    def signed(self, values: Values) -> tuple[Tensor, Tensor]:
        """left − right for all entries of all constraints, relative to 1 + |right|; and which of them are equations."""
        count = len(next(iter(values.values())))
        parts, kinds = [], []
        for relation in self.constraints:
            left, right = (self.floats.evaluate(side, values) for side in (relation.left, relation.right))
            difference = ((left - right) / (1 + right.detach().abs())).expand(count, *relation.left.shape)
            parts.append(difference.reshape(count, -1))
            kinds.append(torch.full((parts[-1].shape[1],), relation.sign == "=", device=difference.device))
        return torch.cat(parts, 1), torch.cat(kinds)

    def violations(self, values: Values, margin: float = 0.0) -> Tensor:
        """The same, 0 where an inequality holds with a margin."""
        signed, equations = self.signed(values)
        return torch.where(equations, signed, (signed + margin).clamp(min=0.0))

    def largest(self, values: Values) -> Tensor:
        """The largest violation of each point, (B)."""
        found = self.violations(values).abs()
        return torch.nan_to_num(found, nan=torch.inf).amax(1) if found.shape[1] else found.new_zeros(len(found))


def descend(
    residuals: Residuals,
    values: Callable[[Tensor], Values],
    slack: Callable[[Tensor], Tensor],
    starts: Tensor,
    iterations: int,
) -> Tensor:
    """Points of small slack that meet the constraints, by an augmented Lagrangian from each start.

    Args:
        values: the variables at points (B, n); slack: what is minimised at these, (B).
    """
    points = lbfgs(Formula(lambda x: (residuals.violations(values(x)) ** 2).sum(1)), starts, iterations)
    if not bool((residuals.largest(values(points)) <= NEARLY).any()):
        return points
    multipliers = torch.zeros_like(residuals.signed(values(points))[0].detach())
    size = points.shape[1]
    for weight in PENALTIES:

        def lagrangian(x: Tensor, weight: float = weight) -> Tensor:
            signed, equations = residuals.signed(values(x[:, :size]))
            shifted = signed + x[:, size:].detach() / weight
            shifted = torch.where(equations, shifted, shifted.clamp(min=0.0))
            return slack(x[:, :size]) + weight / 2 * (shifted**2).sum(1)

        points = lbfgs(Formula(lagrangian), torch.cat([points, multipliers], 1), iterations)[:, :size]
        signed, equations = residuals.signed(values(points))
        multipliers = multipliers + weight * signed.detach()
        multipliers = torch.where(equations, multipliers, multipliers.clamp(min=0.0))
    return pushed(residuals, values, points)


def pushed(residuals: Residuals, values: Callable[[Tensor], Values], points: Tensor, margin: float = 0.0) -> Tensor:
    """Points after Newton steps on the violations, each the shortest one that would mend them."""
    for _ in range(NEWTON):
        x = points.detach().requires_grad_()
        found = residuals.violations(values(x), margin)
        rows = [torch.autograd.grad(c.sum(), x, retain_graph=True, allow_unused=True)[0] for c in found.unbind(1)]
        jacobian = torch.stack([torch.zeros_like(x) if row is None else row for row in rows], 1)
        found = found.detach()
        good = torch.isfinite(jacobian).all((1, 2)) & torch.isfinite(found).all(1)
        steps = torch.zeros_like(points)
        steps[good] = (torch.linalg.pinv(jacobian[good], rtol=1e-10) @ found[good][:, :, None])[:, :, 0]
        after = residuals.violations(values(points - steps), margin).abs().amax(1)
        better = after < found.abs().amax(1)
        if not bool(better.any()):
            break
        points = torch.where(better[:, None], points - steps, points)
    return points


def exact_points(claim: Inequality, values: Mapping[str, Tensor]) -> Iterator[dict[str, Any]]:
    """Rational points near a point in floats (a batch of 1) at which all equations hold, fewest digits first."""
    equations = Equations(claim)
    flat = [e for part in values.values() for e in part[0].detach().cpu().reshape(-1).tolist()]
    for bits in BITS:
        for x in equations.repaired([Fraction(round(e * 2**bits), 2**bits) for e in flat]):
            yield equations.point(x)
