"""Compiled descent on small problems: eight restarts side by side, entry by entry, in the lanes of vector registers.

An array (entries, 8) holds one number of each of eight restarts in a row, so that a product of tiny matrices is a few
vector instructions for all of them, whatever its shape. ``lanes`` has the products, ``tape`` runs a formula and its
gradient, ``programs`` writes tapes of formulas and models, ``descent`` has the loops around them. All of it proposes
points; nothing here decides.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from verify.interrupt import held

if TYPE_CHECKING:
    import torch

    from verify.compiled.tape import Program

MACHINE_CODE = ("lanes.py", "tape.py", "descent.py")
"""Modules with functions that become machine code."""


def kept_in() -> Path:
    """Where machine code is kept, by the text of all modules: numba itself asks only after the file of one function."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    here = Path(__file__).parent
    text = b"".join((here / name).read_bytes() for name in MACHINE_CODE)
    return here / "__pycache__" / hashlib.sha256(text).hexdigest()[:16]


def prepare(say: Callable[[str], None] = print) -> None:
    """Make machine code where no earlier process has kept it, before anything is timed: some 20 seconds, once.

    >>> prepare()
    """
    if any(kept_in().rglob("descent.steps*.nbi")):
        return
    say("making machine code for descent, once; some 20 seconds")
    load()


def load() -> None:
    """Load the machine code, or make it: within a second, or 20, in which signals wait.

    >>> load()
    """
    import numpy as np

    from theory.model import UnconstrainedFeatures
    from verify.compiled import descent
    from verify.compiled.programs import of_model
    from verify.methods.kernels import LayeredModel
    from verify.methods.minimise import ARMIJO, CURVATURE, ROUNDING

    kernel = LayeredModel(UnconstrainedFeatures(class_sizes=(1, 1), decays=1), collapsed=False)
    program, points = of_model(kernel), np.ones((1, kernel.layout.size))
    with held():
        descent.lbfgs(program, points, 1, 0.0, 1, ARMIJO, ROUNDING, CURVATURE)
        descent.steps(program, points, points, points[0], 1, 0.0)


@cache
def _ready() -> None:
    """Once in a process, before its first descent."""
    prepare(partial(print, file=sys.stderr))


def lbfgs(program: Program, start: torch.Tensor, iterations: int, tolerance: float, history: int) -> torch.Tensor:
    """Where L-BFGS leads from each start (B, size), as ``verify.methods.minimise.lbfgs`` with the same constants."""
    import numpy as np
    import torch

    from verify.compiled import descent
    from verify.methods.minimise import ARMIJO, CURVATURE, ROUNDING

    _ready()
    points = np.ascontiguousarray(start.detach().numpy())
    with _own_errors():
        ends = descent.lbfgs(program, points, iterations, tolerance, history, ARMIJO, ROUNDING, CURVATURE)
    return torch.from_numpy(ends)


@contextmanager
def _own_errors() -> Iterator[None]:
    """What interrupts compiled code is raised as what it is: numba, which notices when it returns, wraps it."""
    try:
        yield
    except SystemError as wrapped:
        cause: BaseException = wrapped
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise cause from None


def steps(
    program: Program,
    start: torch.Tensor,
    velocity: torch.Tensor,
    rate: torch.Tensor | float,
    count: int,
    momentum: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and velocities (B, size) after so many steps of gradient descent of one length, or one for each entry."""
    import numpy as np
    import torch

    from verify.compiled import descent

    _ready()
    points, speeds = (np.ascontiguousarray(part.detach().numpy()) for part in (start, velocity))
    rates = torch.as_tensor(rate, dtype=torch.float64).expand(1, points.shape[1])[0].contiguous().numpy()
    with _own_errors():
        ends, speeds = descent.steps(program, points, speeds, rates, count, momentum)
    return torch.from_numpy(ends), torch.from_numpy(speeds)
