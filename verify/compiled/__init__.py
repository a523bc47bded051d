"""Compiled descent on small problems: eight restarts side by side, entry by entry, in the lanes of vector registers.

An array (entries, 8) holds one number of each of eight restarts in a row, so that a product of tiny matrices is a few
vector instructions for all of them, whatever its shape. ``lanes`` has the products, ``tape`` runs a formula and its
gradient, ``programs`` writes tapes of formulas and models, ``descent`` has the loops around them. All of it proposes
points; nothing here decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from verify.compiled.tape import Program


def lbfgs(program: Program, start: torch.Tensor, iterations: int, tolerance: float, history: int) -> torch.Tensor:
    """Where L-BFGS leads from each start (B, size), as ``verify.methods.minimise.lbfgs`` with the same constants."""
    from verify.compiled import descent
    from verify.methods.minimise import ARMIJO, CURVATURE, ROUNDING

    points = np.ascontiguousarray(start.detach().numpy())
    return torch.from_numpy(descent.lbfgs(program, points, iterations, tolerance, history, ARMIJO, ROUNDING, CURVATURE))


def steps(
    program: Program,
    start: torch.Tensor,
    velocity: torch.Tensor,
    rate: torch.Tensor | float,
    count: int,
    momentum: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and velocities (B, size) after so many steps of gradient descent of one length, or one for each entry."""
    from verify.compiled import descent

    points, speeds = (np.ascontiguousarray(part.detach().numpy()) for part in (start, velocity))
    rates = torch.as_tensor(rate, dtype=torch.float64).expand(1, points.shape[1])[0].contiguous().numpy()
    ends, speeds = descent.steps(program, points, speeds, rates, count, momentum)
    return torch.from_numpy(ends), torch.from_numpy(speeds)
