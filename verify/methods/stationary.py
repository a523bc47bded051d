"""Critical points that exist: boxes around floats in which Krawczyk's test finds a zero of the gradient.

The problems are those in which two matrices occur only as their product and in their squared norms, so that W → W Q,
H → Qᵀ H changes nothing. A point of rank r is turned until W = [L 0] and H = [M; 0], where L has r columns, and zeros
behind the pivot of column i in its row p_i; the other entries of L and M and the other variables are the unknowns. A
zero of their part of the gradient is a critical point of the whole: the gradient vanishes along rotations anyway, which
reach the fixed entries of L where the pivots are not zero, and its entries at the other columns and rows are products
with zero rows and columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice, product, zip_longest
from typing import Any

import torch

from theory.arithmetic.interpreters import Balls, Matrix, Undecidable
from theory.claims import Minimisation
from theory.model import Problem, UnconstrainedFeatures
from theory.ops import Expression, walk
from verify.methods.enclosed import as_ball
from verify.methods.gradients import DIRECTION, curvature, gradient
from verify.methods.minimise import critical_points, minimise
from verify.methods.searches import critical_search

Place = tuple[str, int, int]
"""An entry of a variable: its name, row and column."""

RADIUS = Fraction(1, 10**75)
"""Half the width of the boxes: below the sixty digits to which equal sides agree, above the rounding of 320 bits."""

POLISH = 12
"""Steps with the inverse of a float Hessian, each of which gains some ten digits."""

RANK = 1e-6
"""Singular values below this count as zero; where one is not, the test fails."""

NEAR = 1e-9
"""Gradient norm of the floats around which boxes are tried."""

MOST = 6
"""Points that are tried, of different rank or value."""

STARTS = 24
"""Starts of descent, and of Newton steps on the gradient."""


def factors(problem: Problem) -> tuple[str, str] | None:
    """The names of W and H, where these occur only in W H, ‖W‖² and ‖H‖² and have any sign; else None.

    None, too, for models with more layers, whose critical points have further symmetries.

    >>> factors(UnconstrainedFeatures(class_sizes=(1, 1), decays=1))
    ('W_1', 'H')
    >>> factors(UnconstrainedFeatures(class_sizes=(1, 1), decays=1, sign="nonnegative")) is None
    True
    """
    if not isinstance(problem, UnconstrainedFeatures | Minimisation) or problem.nonnegative:
        return None
    if isinstance(problem, UnconstrainedFeatures) and problem.M > 1:
        return None
    nodes = list(walk(problem.objective))
    products = {
        tuple(arg.data for arg in node.args)
        for node in nodes
        if node.op == "matmul" and all(arg.op == "variable" for arg in node.args)
    }
    if len(products) != 1:
        return None
    pair: Any = next(iter(products))
    for node in nodes:
        inside = [arg.data for arg in node.args if arg.op == "variable" and arg.data in pair]
        if inside and not (node.op == "sum_squares" or (node.op == "matmul" and tuple(inside) == pair)):
            return None
    return pair


@dataclass(frozen=True)
class Stationary:
    """A problem with its derivatives, evaluated in balls."""

    problem: Problem

    @property
    def variables(self) -> Mapping[str, Expression]:
        """The variables by name."""
        return self.problem.variables

    @cached_property
    def _gradient(self) -> dict[str, Expression]:
        return gradient(self.problem.objective, self.variables)

    @cached_property
    def _curvature(self) -> dict[str, Expression]:
        return curvature(self.problem.objective, self.variables)

    @cached_property
    def places(self) -> list[Place]:
        """All entries of all variables."""
        return [(name, i, j) for name, v in self.variables.items() for i, j in product(*map(range, v.shape))]

    def slope(self, values: Mapping[str, Matrix], places: Sequence[Place]) -> list[Any]:
        """Entries of the gradient."""
        found = dict(zip(self._gradient, Balls().evaluate_all(list(self._gradient.values()), values), strict=True))
        return [as_ball(found[name][i][j]) for name, i, j in places]

    @cached_property
    def _still(self) -> list[Expression]:
        """The parts of the Hessian that no direction is in."""
        moving = {DIRECTION.format(name) for name in self.variables}
        return [node for node in walk(*self._curvature.values()) if not node.variables & moving]

    def hessian(self, values: Mapping[str, Matrix], places: Sequence[Place]) -> list[list[Any]]:
        """Entries of the Hessian, column by column."""
        balls, one = Balls(), as_ball(1)
        still: dict[Expression, Any] = {}
        balls.evaluate_all(self._still, values, still)
        columns = []
        for name, i, j in places:
            along: dict[str, Any] = {DIRECTION.format(n): _nothing(v) for n, v in self.variables.items()}
            along[DIRECTION.format(name)][i][j] = one
            entries = balls.evaluate_all(list(self._curvature.values()), {**values, **along}, dict(still))
            found = dict(zip(self._curvature, entries, strict=True))
            columns.append([as_ball(found[n][k][m]) for n, k, m in places])
        return columns

    def enclosed(self, point: Mapping[str, torch.Tensor]) -> dict[str, Matrix] | None:
        """A box that holds a critical point near one in floats (one point, no batch), or None where none is shown.

        Raises:
            Undecidable: for a problem that is not one of two factors, or has no derivative.
        """
        names = factors(self.problem)
        if names is None:
            raise Undecidable("not a problem of two factors")
        turned, fixed, pivots = _turned(point, *names)
        if self._is_shifted:
            turned["b"] = turned["b"] - turned["b"][-1]
            fixed.add(("b", len(turned["b"]) - 1, 0))
        free = [place for place in self.places if place not in fixed]
        values = {name: [[as_ball(0)] * v.shape[1] for _ in range(v.shape[0])] for name, v in self.variables.items()}
        for name, i, j in free:
            values[name][i][j] = _exact(float(turned[name][i, j]))
        box = self._krawczyk(values, free)
        if box is None or any(box[names[0]][i][j].contains(0) for i, j in pivots):
            return None
        return box

    @property
    def _is_shifted(self) -> bool:
        """Whether b + t 1 is as good as b: the derivative by the last bias is then minus the sum of the others."""
        model = self.problem
        return (
            isinstance(model, UnconstrainedFeatures) and model.has_bias and model.loss != "mse" and not model.bias_decay
        )

    def _krawczyk(self, values: dict[str, Matrix], free: Sequence[Place]) -> dict[str, Matrix] | None:
        """The box y − C f(y) + (I − C J(Y)) (Y − y) where it lies inside of Y = y ± ``RADIUS``."""
        from flint import arb, arb_mat

        if not free:
            return values if all(x == 0 for x in self.slope(values, self.places)) else None
        hessian = torch.tensor(
            [[float(x.mid()) for x in row] for row in self.hessian(values, free)], dtype=torch.float64
        )
        inverse, failed = torch.linalg.inv_ex(hessian)
        if bool(failed) or not bool(torch.isfinite(inverse).all()):
            return None
        C = arb_mat([[_exact(x) for x in row] for row in inverse.tolist()])
        step = C * arb_mat([[x] for x in self.slope(values, free)])
        for _ in range(POLISH):
            if all(abs(x) < Balls().number(RADIUS / 10**6) for x in step.entries()):
                break
            for (name, i, j), x in zip(free, step.entries(), strict=True):
                values[name][i][j] = (values[name][i][j] - x).mid()
            step = C * arb_mat([[x] for x in self.slope(values, free)])
        radius = arb(0, as_ball(1) * Balls().number(RADIUS))
        box = _changed(values, free, [values[n][i][j] + radius for n, i, j in free])
        J = arb_mat(self.hessian(box, free)).transpose()
        one = arb_mat([[int(i == j) for j in range(len(free))] for i in range(len(free))])
        spread = (one - C * J) * arb_mat([[radius] for _ in free])
        moved = [s - x for s, x in zip(spread.entries(), step.entries(), strict=True)]
        if not all(abs(x) < Balls().number(RADIUS) for x in moved):
            return None
        return _changed(values, free, [values[n][i][j] + x for (n, i, j), x in zip(free, moved, strict=True)])


def exceeds(hessian: Sequence[Sequence[Any]], bound: Any) -> bool:
    """Whether balls show that every eigenvalue of a symmetric matrix is larger than a number, by elimination.

    >>> two, one = as_ball(2), as_ball(1)
    >>> exceeds([[two, one], [one, two]], as_ball(0)), exceeds([[two, one], [one, two]], one)
    (True, False)
    """
    rows = [[x - bound if i == j else x for j, x in enumerate(row)] for i, row in enumerate(hessian)]
    for k, pivot in enumerate(rows):
        if not pivot[k] > 0:
            return False
        for i in range(k + 1, len(rows)):
            ratio = rows[i][k] / pivot[k]
            rows[i] = [x - ratio * y if j > k else x for j, (x, y) in enumerate(zip(rows[i], pivot, strict=True))]
    return True


def undercuts(hessian: Sequence[Sequence[Any]], bound: Any) -> bool:
    """Whether balls show an eigenvalue below a number: vᵀ A v < bound · vᵀ v for the least eigenvector in floats."""
    middle = torch.tensor([[float(x.mid()) for x in row] for row in hessian], dtype=torch.float64)
    v = [_exact(x) for x in torch.linalg.eigh(middle)[1][:, 0].tolist()]
    total = sum((x * a * y for x, row in zip(v, hessian, strict=True) for a, y in zip(row, v, strict=True)), as_ball(0))
    return bool(total < bound * sum((x * x for x in v), as_ball(0)))


def rank(W: torch.Tensor) -> int:
    """The number of singular values that are not zero up to ``RANK``."""
    return int((torch.linalg.svdvals(W) > RANK).sum())


def _turned(
    point: Mapping[str, torch.Tensor], first: str, second: str
) -> tuple[dict[str, torch.Tensor], set[Place], list[tuple[int, int]]]:
    """The point with W = [L 0] and H = [M; 0]; the entries that are then zero; the places of L's pivots."""
    W, H = point[first], point[second]
    r = rank(W)
    pivots, left = [], W.clone()
    for _ in range(r):  # the longest row of what is left
        i = int(left.norm(dim=1).argmax())
        unit = left[i] / left[i].norm()
        left = left - (left @ unit)[:, None] * unit
        pivots.append(i)
    Q = torch.linalg.qr(torch.cat([W[pivots].T, torch.eye(W.shape[1], dtype=W.dtype)], dim=1))[0]
    fixed = {(first, i, j) for i in range(len(W)) for j in range(r, W.shape[1])}
    fixed |= {(first, pivots[i], j) for i in range(r) for j in range(i + 1, r)}
    fixed |= {(second, i, j) for i in range(r, len(H)) for j in range(H.shape[1])}
    return {**point, first: W @ Q, second: Q.T @ H}, fixed, [(p, i) for i, p in enumerate(pivots)]


def _changed(values: Mapping[str, Matrix], places: Sequence[Place], entries: Sequence[Any]) -> dict[str, Matrix]:
    found = {name: [list(row) for row in matrix] for name, matrix in values.items()}
    for (name, i, j), x in zip(places, entries, strict=True):
        found[name][i][j] = x
    return found


def _nothing(v: Expression) -> Matrix:
    return [[0] * v.shape[1] for _ in range(v.shape[0])]


def _exact(x: float) -> Any:
    return Balls().number(Fraction(x))


@dataclass(frozen=True)
class Known:
    """A critical point that is shown to exist: a box around it, and its rank."""

    rank: int
    box: dict[str, Matrix]


def known(problem: Problem, seed: int, most: int = MOST) -> list[Known]:
    """Critical points from Newton steps on the gradient that are then shown to exist, of every rank that is found.

    Points that are not isolated up to the symmetries of the two factors are left out.

    Raises:
        Undecidable: for a problem that is not one of two factors, or has no derivative.
        Unable: for one that the search does not know.

    >>> from theory.arithmetic.interpreters import precision
    >>> with precision(320):
    ...     [point.rank for point in known(UnconstrainedFeatures(class_sizes=(2, 1), decays="1/9"), seed=0)]
    [0, 1, 1, 2]
    """
    names = factors(problem)
    if names is None:
        raise Undecidable("not a problem of two factors")
    search, stationary = critical_search(problem, torch.device("cpu")), Stationary(problem)
    starts = search.starts(STARTS, torch.Generator().manual_seed(seed))
    ends = [minimise(search.objective, starts, near=torch.inf), critical_points(search.objective, starts)]
    points, levels, gradients, _ = (torch.cat(pair) for pair in zip(*(end.columns() for end in ends), strict=True))
    near = gradients <= NEAR
    values = search.values(points[near])
    ranks = [rank(W) for W in values[names[0]]]
    chosen = {(r, round(float(level), 6)): i for i, (r, level) in enumerate(zip(ranks, levels[near], strict=True))}
    found = []
    for r, level in _spread(sorted(chosen), most):
        box = stationary.enclosed({name: value[chosen[r, level]] for name, value in values.items()})
        if box is not None:
            found.append(Known(r, box))
    return found


def _spread(keys: Sequence[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """At most so many of (rank, value) in order, of each rank in turn."""
    ranked = [[key for key in keys if key[0] == r] for r in sorted({r for r, _ in keys})]
    rounds = (key for turn in zip_longest(*ranked) for key in turn if key is not None)
    return sorted(islice(rounds, most))
