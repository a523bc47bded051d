"""Minimising many restarts as one batch: L-BFGS, then a truncated Newton finish. Points have shape (B, n), float64.

Every restart keeps its own history, step length and acceptance; nothing is shared but the arithmetic. Both optimisers
are plain descent methods: what they return is a candidate, whose quality the caller reads from ``Endpoints``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch

if TYPE_CHECKING:
    from verify.compiled.tape import Program

Tensor = torch.Tensor
Product = Callable[[Tensor], Tensor]
"""A linear map of directions (B, n), such as the product with a Hessian."""

HISTORY = 8
"""Pairs kept by L-BFGS: the usual 5 to 10; the cost of an iteration is proportional to it on wide models."""

ARMIJO = 1e-4
"""Least decrease, as a fraction of what the slope promises: the usual constant."""

ROUNDING = 8 * torch.finfo(torch.float64).eps
"""Relative error of a computed objective (a sum of squares, added in pairs): decreases below it are not seen."""

CURVATURE = 1e-10
"""Least cosine between a step and its change of gradient for a pair to enter the history, so that the estimate of the
Hessian stays positive definite."""

DAMPING = 1e-9
"""Added to the Hessian, relative to its largest seen curvature. Far below the smallest decay over the largest
curvature, so convergence stays fast; far above the 1e-16 of noise, so that rotations (the null space) don't move."""

NEAR = 1e-2
"""Restarts within this relative distance of the lowest value get the Newton finish: those that L-BFGS has brought to
the right basin are closer by far, and other basins don't matter."""

SMALL_VALUE = 1e-6
"""Values are compared relative to their size, or to this where it is smaller: a minimum may be 0."""

DENSE = 200
"""Up to this many unknowns a Hessian is formed and solved densely: faster than conjugate gradients on its square."""

FEW = 80
"""Up to this many unknowns the last Newton step is taken anew without damping, from the whole Hessian."""

CURVED = 1e-10
"""Curvatures above this share of the largest count, those of x⁴ from 1e-5 on among them. Less is symmetry."""

MEMORY = 1 << 26
"""Entries of float64 that one batch may hold (512 MB): more restarts are split into chunks."""

MATRICES = 8
"""Of the size of a restart's Hessian that Newton's last step holds, its eigenvectors and their workspace among them."""


class Objective(Protocol):
    """A function of batched flat points with its derivatives."""

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Values (B) and gradients (B, n) at points (B, n)."""
        ...

    def hessian(self, x: Tensor) -> Product:
        """The product with the Hessian at points (B, n), as a function of directions (B, n)."""
        ...


@runtime_checkable
class Compiled(Objective, Protocol):
    """An objective with compiled loops."""

    @property
    def is_compiled(self) -> bool:
        """Whether they pay: on a CPU, for small points."""
        ...

    def lbfgs(self, start: Tensor, iterations: int, tolerance: float, history: int) -> Tensor:
        """``lbfgs`` from each start (B, n)."""
        ...


@dataclass(frozen=True)
class Layout:
    """How named scalars and matrices lie in a flat vector.

    >>> layout = Layout({"X": (2, 3), "t": ()})
    >>> layout.size, layout.split(torch.zeros(5, 7))["X"].shape
    (7, torch.Size([5, 2, 3]))
    """

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(map(prod, self.shapes.values()))

    def split(self, x: Tensor) -> dict[str, Tensor]:
        """The named parts of vectors (B, n), as views."""
        parts = torch.split(x, [prod(shape) for shape in self.shapes.values()], dim=1)
        return {name: part.reshape(-1, *shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Vectors (B, n) of parts in order."""
        return torch.cat([part.reshape(len(part), prod(part.shape[1:])) for part in parts], dim=1)


class Formula:
    """An ``Objective`` from a differentiable function of points, by automatic differentiation.

    Args:
        function: values (B) of points (B, n).
        program: the same as a tape, in which L-BFGS then runs.

    >>> square = Formula(lambda x: (x * x).sum(1))
    >>> square.value_and_gradient(torch.ones(1, 2))[1]
    tensor([[2., 2.]])
    """

    def __init__(self, function: Callable[[Tensor], Tensor], program: Program | None = None) -> None:
        self.function, self.program = function, program

    @property
    def is_compiled(self) -> bool:
        """Whether there is a tape."""
        return self.program is not None

    def lbfgs(self, start: Tensor, iterations: int, tolerance: float, history: int) -> Tensor:
        """``lbfgs`` on the tape."""
        from verify.compiled import lbfgs

        assert self.program is not None
        return lbfgs(self.program, start, iterations, tolerance, history)

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Values (B) and gradients (B, n); a gradient that does not exist is 0."""
        x = x.detach().requires_grad_()
        value = self.function(x)
        (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), torch.nan_to_num(gradient, 0.0, 0.0, 0.0)

    def hessian(self, x: Tensor) -> Product:
        """The Hessian product by differentiating the gradient."""
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.function(x).sum(), x, create_graph=True)

        def product(v: Tensor) -> Tensor:
            if not gradient.requires_grad:
                return torch.zeros_like(v)
            (result,) = torch.autograd.grad(gradient, x, v, retain_graph=True, allow_unused=True)
            return torch.zeros_like(v) if result is None else torch.nan_to_num(result, 0.0, 0.0, 0.0)

        return product


@dataclass(frozen=True)
class Endpoints:
    """Where restarts ended: points (B, n), values (B), gradient norms (B), and estimated distances to go (B).

    The estimate is the last Newton step's length times the factor by which it shrank the gradient; a flat minimum
    leaves it large.
    """

    points: Tensor
    values: Tensor
    gradients: Tensor
    distances: Tensor

    def columns(self) -> tuple[Tensor, ...]:
        """All four, in order."""
        return self.points, self.values, self.gradients, self.distances


class _History:
    """The last pairs (s, y) of every restart, and the products that the inverse Hessian's compact form needs.

    With S, Y the pairs as columns in order of time, R the upper triangle of SᵀY and D its diagonal (Byrd, Nocedal and
    Schnabel 1994):  B⁻¹ = γI + [S, γY] [[R⁻ᵀ(D + γYᵀY)R⁻¹, −R⁻ᵀ], [−R⁻¹, 0]] [S, γY]ᵀ. All restarts write at the
    same place of the ring; one without a new pair writes zeros, which drop out.
    """

    def __init__(self, x: Tensor, pairs: int) -> None:
        batch, size = x.shape
        self.pairs, self.last = pairs, 0
        self.Z = x.new_zeros(batch, 2 * pairs, size)  # S above Y, each a ring
        self.SY = x.new_zeros(batch, pairs, pairs)
        self.YY = x.new_zeros(batch, pairs, pairs)
        self.scale = x.new_zeros(batch)

    def add(self, s: Tensor, y: Tensor, chosen: Tensor) -> None:
        """Store a pair for the chosen restarts."""
        m, last = self.pairs, (self.last + 1) % self.pairs
        mask = chosen.to(s.dtype)[:, None]
        self.last = last
        self.Z[:, last], self.Z[:, last + m] = s * mask, y * mask
        recent = self.Z[:, [last, last + m]]
        products = self.Z @ recent.mT
        self.SY[:, last] = products[:, m:, 0]
        self.SY[:, :, last] = products[:, :m, 1]
        self.YY[:, last] = self.YY[:, :, last] = products[:, m:, 1]
        step = self.SY[:, last, last] / self.YY[:, last, last].clamp(min=1e-300)
        self.scale = torch.where(chosen, step, self.scale)

    def clear(self, chosen: Tensor) -> None:
        """Forget the pairs of the chosen restarts."""
        keep = (~chosen).to(self.Z.dtype)
        self.Z *= keep[:, None, None]
        self.SY *= keep[:, None, None]
        self.YY *= keep[:, None, None]
        self.scale = self.scale * keep

    def direction(self, gradient: Tensor) -> Tensor:
        """−B⁻¹g for every restart, (B, n)."""
        m, shift = self.pairs, self.last + 1
        first = 1 / gradient.norm(dim=1).clamp(min=1.0)
        scale = torch.where(self.scale > 0, self.scale, first)[:, None]
        SY, YY = (torch.roll(matrix, (-shift, -shift), (1, 2)) for matrix in (self.SY, self.YY))
        diagonal = SY.diagonal(dim1=1, dim2=2)
        R = torch.triu(SY) + torch.diag_embed((diagonal == 0).to(SY.dtype))
        Zg = torch.roll((self.Z @ gradient[:, :, None]).reshape(-1, 2, m), -shift, 2)
        u = torch.linalg.solve_triangular(R, Zg[:, 0, :, None], upper=True)[:, :, 0]
        inner = diagonal * u + scale * ((YY @ u[:, :, None])[:, :, 0] - Zg[:, 1])
        w = torch.linalg.solve_triangular(R.mT, inner[:, :, None], upper=False)[:, :, 0]
        weights = torch.roll(torch.stack([w, -scale * u], dim=1), shift, 2).reshape(-1, 1, 2 * m)
        return -(scale * gradient + (weights @ self.Z)[:, 0])


def lbfgs(
    objective: Objective,
    start: Tensor,
    iterations: int,
    tolerance: float = 1e-9,
    history: int = HISTORY,
) -> Tensor:
    """Run L-BFGS with Armijo backtracking on every restart; one evaluation of the whole batch an iteration.

    A restart stops when its gradient norm is at most ``tolerance`` or no step along −g lowers its value. An objective
    that has these loops in compiled form (``lbfgs``) runs them itself.

    Returns:
        The points reached, (B, n).
    """
    if isinstance(objective, Compiled) and objective.is_compiled:
        return objective.lbfgs(start, iterations, tolerance, history)
    x = start.clone()
    value, gradient = objective.value_and_gradient(x)
    pairs = _History(x, history)
    direction = pairs.direction(gradient)
    length = torch.ones_like(value)
    stuck = ~torch.isfinite(value)
    for iteration in range(iterations):
        active = ~stuck & (gradient.norm(dim=1) > tolerance)
        if iteration % 8 == 0 and not bool(active.any()):
            break
        slope = (direction * gradient).sum(1)
        step = (length * active)[:, None] * direction
        trial = x + step
        trial_value, trial_gradient = objective.value_and_gradient(trial)
        bound = value + ARMIJO * length * slope + ROUNDING * value.abs()
        accepted = active & (trial_value <= bound)
        change = trial_gradient - gradient
        curved = (step * change).sum(1) > CURVATURE * step.norm(dim=1) * change.norm(dim=1)
        pairs.add(step, change, accepted & curved)
        shorter = _interpolate(value, slope, length, trial_value)
        x = torch.where(accepted[:, None], trial, x)
        value = torch.where(accepted, trial_value, value)
        gradient = torch.where(accepted[:, None], trial_gradient, gradient)
        length = torch.where(accepted, torch.ones_like(length), shorter)
        if iteration % 8 == 7:
            lost = active & (length < 1e-12)
            if bool(lost.any()):
                stuck |= lost & (pairs.scale == 0)
                pairs.clear(lost)
                length = torch.where(lost, torch.ones_like(length), length)
                accepted = accepted | lost
        direction = torch.where(accepted[:, None], pairs.direction(gradient), direction)
    return x


def _interpolate(value: Tensor, slope: Tensor, length: Tensor, trial: Tensor) -> Tensor:
    """The minimiser of the parabola through value, slope and trial, kept within a tenth and a half of the step."""
    excess = trial - value - length * slope
    factor = torch.nan_to_num(-slope * length / (2 * excess), nan=0.1, posinf=0.5, neginf=0.1)
    return length * factor.clamp(0.1, 0.5)


def conjugate_gradients(operator: Product, right: Tensor, iterations: int, tolerance: Tensor) -> tuple[Tensor, Tensor]:
    """Solve A x = b for every restart until ‖A x − b‖ ≤ tolerance · ‖b‖, or a direction of negative curvature is met.

    Returns:
        x (B, n), a descent direction of ½ xᵀAx − bᵀx (b itself where its own curvature is negative), and the largest
        curvature dᵀAd/dᵀd seen, (B).
    """
    solution, residual = torch.zeros_like(right), right.clone()
    direction = residual.clone()
    squared = (residual * residual).sum(1)
    goal = squared * tolerance**2
    active = squared > goal
    largest = torch.zeros_like(squared)
    for iteration in range(iterations):
        if iteration % 4 == 0 and not bool(active.any()):
            break
        image = operator(direction)
        curvature = (direction * image).sum(1)
        length = (direction * direction).sum(1)
        largest = torch.maximum(largest, torch.where(active, curvature / length.clamp(min=1e-300), largest))
        negative = curvature <= 0
        if iteration == 0:
            solution = torch.where((active & negative)[:, None], right, solution)
        active = active & ~negative
        alpha = torch.where(active, squared / torch.where(negative, torch.ones_like(curvature), curvature), 0 * squared)
        solution = solution + alpha[:, None] * direction
        residual = residual - alpha[:, None] * image
        renewed = (residual * residual).sum(1)
        beta = torch.where(active, renewed / squared.clamp(min=1e-300), 0 * squared)
        direction = torch.where(active[:, None], residual + beta[:, None] * direction, direction)
        squared = torch.where(active, renewed, squared)
        active = active & (squared > goal)
    return solution, largest


def newton(
    objective: Objective, start: Tensor, iterations: int = 20, inner: int = 200, tolerance: float = 1e-15
) -> Endpoints:
    """Truncated Newton steps with backtracking until the gradient stops falling; for points near a minimum.

    At least two steps are tried: the second is damped relative to the curvature that the first saw, so that the
    distance is estimated rightly where the curvature is small.

    Directions come from conjugate gradients on the damped Hessian, so a null space (rotations) does no harm.
    """
    x = start.clone()
    value, gradient = objective.value_and_gradient(x)
    active = torch.isfinite(value)
    length = torch.full_like(value, torch.inf)
    damping = torch.full_like(value, DAMPING)
    for iteration in range(iterations):
        norm = gradient.norm(dim=1)
        length = torch.where(norm == 0, torch.zeros_like(length), length)
        active = active & (norm > (tolerance if iteration >= 2 else 0.0))
        if not bool(active.any()):
            break
        operator = _damped(objective.hessian(x), damping)
        forcing = (0.1 * norm).clamp(1e-8, 0.1)
        direction, curvature = conjugate_gradients(operator, -gradient * active[:, None], inner, forcing)
        damping = torch.where(curvature > 0, DAMPING * curvature, damping)
        x, value, gradient, moved = _search(objective, x, value, gradient, direction, active)
        contraction = (gradient.norm(dim=1) / norm.clamp(min=1e-300)).clamp(max=1.0)
        length = torch.where(active, direction.norm(dim=1) * contraction, length)
        active = active & moved
    return Endpoints(x, value, gradient.norm(dim=1), torch.maximum(length, _undamped_step(objective, x, gradient)))


def _undamped_step(objective: Objective, x: Tensor, gradient: Tensor) -> Tensor:
    """The length (B) of a Newton step without damping, across directions of no curvature; 0 for many unknowns.

    Where a minimum is flat to second order, damping hides how far it is.
    """
    lengths = torch.zeros_like(x[:, 0])
    if x.shape[1] > FEW or not len(x):
        return lengths
    hessians = dense_hessian(objective, x)
    known = torch.isfinite(hessians).all(2).all(1) & torch.isfinite(gradient).all(1)
    curvatures, directions = torch.linalg.eigh(hessians[known])
    slopes = (directions.mT @ gradient[known, :, None])[:, :, 0]
    curved = curvatures.abs() > CURVED * curvatures.abs().amax(1, keepdim=True)
    lengths[known] = (slopes / torch.where(curved, curvatures, torch.inf)).norm(dim=1)
    return lengths


def _damped(hessian: Product, damping: Tensor) -> Product:
    return lambda v: hessian(v) + damping[:, None] * v


def _search(
    objective: Objective, x: Tensor, value: Tensor, gradient: Tensor, direction: Tensor, active: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Backtrack from the full step: accept a sufficient decrease, or, where rounding hides it, a smaller gradient."""
    slope, norm = (direction * gradient).sum(1), gradient.norm(dim=1)
    slack = ROUNDING * value.abs()
    length = torch.ones_like(value)
    pending, moved = active.clone(), torch.zeros_like(active)
    for _ in range(8):
        trial = x + (length * pending)[:, None] * direction
        trial_value, trial_gradient = objective.value_and_gradient(trial)
        lower = trial_value <= value + ARMIJO * length * slope
        flatter = (trial_value <= value + slack) & (trial_gradient.norm(dim=1) < norm)
        accepted = pending & (lower | flatter) & torch.isfinite(trial_value)
        x = torch.where(accepted[:, None], trial, x)
        value = torch.where(accepted, trial_value, value)
        gradient = torch.where(accepted[:, None], trial_gradient, gradient)
        moved, pending = moved | accepted, pending & ~accepted
        if not bool(pending.any()):
            break
        length = length * 0.25
    return x, value, gradient, moved


def minimise(
    objective: Objective,
    starts: Tensor,
    iterations: int = 300,
    tolerance: float = 1e-6,
    near: float = NEAR,
) -> Endpoints:
    """L-BFGS for all restarts, in chunks that fit the memory, then Newton for those near the lowest value.

    Restarts that ended elsewhere keep the point they had, with an infinite gradient norm and step.
    """
    chunk = max(1, MEMORY // (starts.shape[1] * (2 * HISTORY + 20)))
    parts = [lbfgs(objective, part, iterations, tolerance) for part in torch.split(starts, chunk)]
    values = torch.cat([objective.value_and_gradient(part)[0] for part in parts])
    values = torch.nan_to_num(values, nan=torch.inf)
    best = values.min()
    chosen = values <= best + near * best.abs().clamp(min=SMALL_VALUE)
    points = torch.cat(parts)
    gradients, distances = torch.full_like(values, torch.inf), torch.full_like(values, torch.inf)
    indices = chosen.nonzero()[:, 0]
    entries = MATRICES * starts.shape[1] ** 2 if starts.shape[1] <= FEW else 0
    for some in torch.split(indices, min(chunk, max(1, MEMORY // max(1, entries)))):
        end = newton(objective, points[some])
        points[some], values[some], gradients[some], distances[some] = (
            end.points,
            end.values,
            end.gradients,
            end.distances,
        )
    return Endpoints(points, values, gradients, distances)


def critical_points(
    objective: Objective, start: Tensor, iterations: int = 60, inner: int = 100, tolerance: float = 1e-14
) -> Endpoints:
    """Critical points of any index near the starts, by Levenberg–Marquardt steps on ‖∇f‖²: saddles as well as minima.

    A step solves (H² + μ) p = −H g; μ falls after a success and grows after a failure.
    """
    x = start.clone()
    value, gradient = objective.value_and_gradient(x)
    norm = gradient.norm(dim=1)
    mu = torch.full_like(value, 1e-2)
    length = torch.full_like(value, torch.inf)
    for _ in range(iterations):
        active = (norm > tolerance) & (mu < 1e6)
        if not bool(active.any()):
            break
        step = _levenberg_marquardt_step(objective, x, gradient, mu, inner)
        trial = x + step * active[:, None]
        trial_value, trial_gradient = objective.value_and_gradient(trial)
        accepted = active & (trial_gradient.norm(dim=1) < norm)
        x = torch.where(accepted[:, None], trial, x)
        value = torch.where(accepted, trial_value, value)
        gradient = torch.where(accepted[:, None], trial_gradient, gradient)
        length = torch.where(accepted, step.norm(dim=1), length)
        norm = gradient.norm(dim=1)
        mu = torch.where(accepted, (mu * 0.1).clamp(min=1e-14), mu * 10)
    return Endpoints(x, value, norm, length)


def _levenberg_marquardt_step(objective: Objective, x: Tensor, gradient: Tensor, mu: Tensor, inner: int) -> Tensor:
    if x.shape[1] <= DENSE:
        H = dense_hessian(objective, x)
        system = H @ H + mu[:, None, None] * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        return torch.linalg.solve_ex(system, -(H @ gradient[:, :, None]))[0][:, :, 0]
    hessian = objective.hessian(x)

    def operator(v: Tensor) -> Tensor:
        return hessian(hessian(v)) + mu[:, None] * v

    return conjugate_gradients(operator, -hessian(gradient), inner, torch.full_like(mu, 1e-4))[0]


def dense_hessian(objective: Objective, x: Tensor) -> Tensor:
    """The Hessians (B, n, n) at points (B, n), by one product with all basis vectors."""
    batch, size = x.shape
    basis = torch.eye(size, dtype=x.dtype, device=x.device).repeat(batch, 1)
    return objective.hessian(x.repeat_interleave(size, dim=0))(basis).reshape(batch, size, size)
