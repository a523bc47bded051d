"""Problems made ready for descent: where to start, how to minimise, and how to make a point exact.

A model is searched with hand-written kernels, over all N columns where it is small and else over class means; any other
formula by automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import torch

from theory.arithmetic.floats import Floats
from theory.claims import Minimisation
from theory.model import UnconstrainedFeatures
from theory.ops import Expression
from verify.methods import rivals
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import Endpoints, Formula, Layout, Objective, dense_hessian, minimise, newton
from verify.methods.ranges import minimise_in_ranges, narrows
from verify.verdict import Unable
from verify.witness import lower_point, stands_above

if TYPE_CHECKING:
    from verify.compiled.tape import Program

Tensor = torch.Tensor
Values = dict[str, Tensor]

SMALL_COLUMNS, SMALL_WIDTH = 16, 8
"""Up to these sizes the search runs over all N columns, since class means cannot see NC1 fail."""

WIDE = 2000
"""Above this number of unknowns fewer restarts are made, each with more iterations."""

STARTS = {"quick": 16, "full": 64}
WIDE_STARTS = {"quick": 4, "full": 16}
FORMULA_STARTS = {"quick": 64, "full": 512}

UNITS = 8
"""Formulas are searched in units from 10^−8 to 10^8: the scalar problem's minimiser grows as a power of 1/decay."""

STEPS = (1e-4, 1e-3, 1e-2, 0.1, 0.1, 0.3, 0.3, 1.0)
"""Sizes of the steps from a point of claimed equality to starts of a search for a violation."""

GAINS = (1.0, 1.6, 0.6, 1.2, 2.0, 1.0, 1.6, 1.2)
"""Sizes of Gaussian starts, where the optimum has order one: large ones keep their modes, small ones lose some."""

EXACT_BITS = (24, 40)
"""Binary digits after the point to which a counterexample is rounded: few where they do, for a short certificate."""


class Search(Protocol):
    """A problem made ready for descent."""

    @property
    def device(self) -> torch.device:
        """Where the arithmetic runs."""
        ...

    @property
    def objective(self) -> Objective:
        """What is minimised, over flat vectors."""
        ...

    @property
    def columns(self) -> str:
        """Whether all N columns or class means are searched."""
        ...

    @property
    def uses(self) -> tuple[str, ...]:
        """Reductions that the search relies on."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Restarts by effort."""
        ...

    @property
    def iterations(self) -> int:
        """Iterations of L-BFGS."""
        ...

    def starts(self, count: int, generator: torch.Generator) -> Tensor:
        """Starting points (count, n)."""
        ...

    def minimise(self, starts: Tensor, iterations: int) -> Endpoints:
        """Where descent from the starts ends."""
        ...

    def values(self, x: Tensor) -> Values:
        """The problem's own variables at points (B, n)."""
        ...

    def reference(self) -> Values:
        """Variables of the size that they naturally have, for deviations of quantities that vanish."""
        ...

    def counterexample(self, x: Tensor, value: Expression) -> dict[str, Any] | None:
        """A certificate that the objective near the point x (n) is below the value, decided exactly; else None."""
        ...

    def is_above(self, x: Tensor, value: Expression) -> bool:
        """Whether the objective at the point x (n) is above the value, decided exactly, whatever floats say."""
        ...


class CriticalSearch(Search, Protocol):
    """The same, for critical points of any index."""

    def hessians(self, x: Tensor) -> Tensor:
        """The Hessians (B, m, m) in the problem's own variables at points (B, n)."""
        ...


class ModelSearch:
    """Descent on a model, over all N columns where it is small, else over class means."""

    def __init__(self, model: UnconstrainedFeatures, device: torch.device) -> None:
        self.model, self.device = model, device
        self.collapsed = model.N > SMALL_COLUMNS or max(model.widths) > SMALL_WIDTH
        self.objective = LayeredModel(model, self.collapsed, device)
        self.columns = "class means" if self.collapsed else "all N"
        self.uses: tuple[str, ...] = ("class-mean reduction",) if self.collapsed else ()
        self.wide = self.objective.layout.size > WIDE
        self.narrowed = self.wide and self.collapsed and narrows(model)
        self.uses += ("range reduction",) if self.narrowed else ()
        self.iterations = 1000 if self.wide else 300
        self.counts = WIDE_STARTS if self.wide else STARTS

    def starts(self, count: int, generator: torch.Generator) -> Tensor:
        """Half Gaussian, half chained (all Gaussian where layers are wide); a chained one at zero, a few of lower rank.

        Models that may hide minima of low rank get structured starts of ``verify.methods.rivals`` as well, collapse
        itself among them.
        """
        most = min(self.model.R, self.model.K - self.model.has_bias)
        chained = 0 if self.wide else count // 2
        gains = torch.tensor([GAINS[i % len(GAINS)] for i in range(count - chained)], dtype=torch.float64)
        starts = self.objective.gaussian_starts(gains, generator)
        if rivals.may_hide(self.model):
            starts = torch.cat([starts, *self._structured(max(2, count // 4), generator)])
        if not chained:
            return starts
        ranks = [0] + [i // 4 % (most + 1) if i % 4 == 3 else most for i in range(1, chained)]
        near_one = torch.tensor([1.0 - 0.1 * (i % 2) for i in range(chained)], dtype=torch.float64)
        return torch.cat([starts, self.objective.chained_starts(near_one, ranks, generator)])

    def _structured(self, count: int, generator: torch.Generator) -> list[Tensor]:
        groups = [rivals.collapse(self.objective, count, generator)]
        groups += rivals.starts(self.objective, count, generator, {})
        return [group.points.to(self.device) for group in groups]

    def minimise(self, starts: Tensor, iterations: int) -> Endpoints:
        """Where descent from the starts ends; wide linear layers are searched in the ranges of their products."""
        search = minimise_in_ranges if self.narrowed else minimise
        return search(self.objective, starts, iterations)

    def values(self, x: Tensor) -> Values:
        """All factors, with class means repeated over their class."""
        factors = self.objective.factors(x)
        if "M" in factors:
            sizes = torch.tensor(self.model.class_sizes, device=x.device)
            factors["H"] = torch.repeat_interleave(factors.pop("M"), sizes, dim=-1)
        return factors

    def reference(self) -> Values:
        """Two Gaussian points at gain 1."""
        generator = torch.Generator().manual_seed(0)
        return self.values(self.objective.gaussian_starts(torch.ones(2, dtype=torch.float64), generator))

    def hessians(self, x: Tensor) -> Tensor:
        """In the factors; over class means in H̄ diag(√n), which has the norm of H."""
        names = self.objective.layout.shapes
        units = {name: torch.full((1, *shape), self.objective.units.get(name, 1.0)) for name, shape in names.items()}
        lengths = self.objective.layout.join([unit.to(x) for unit in units.values()])
        return dense_hessian(self.objective, x) / (lengths[:, :, None] * lengths[:, None])

    def counterexample(self, x: Tensor, value: Expression) -> dict[str, Any] | None:
        """Factors as rationals at which the exact objective is below the value."""
        factors = {name: part[0].tolist() for name, part in self.objective.factors(x[None]).items()}
        rounded = ({name: _rounded(matrix, bits) for name, matrix in factors.items()} for bits in EXACT_BITS)
        certificates = (lower_point(self.model, point, value) for point in rounded)
        return next((certificate for certificate in certificates if certificate is not None), None)

    def is_above(self, x: Tensor, value: Expression) -> bool:
        """Decided at the floats themselves."""
        return stands_above(self.model, exact_point(self.objective.factors(x[None])), value)


class FormulaSearch:
    """Descent on a formula over named variables, by automatic differentiation; x = y² where x ≥ 0.

    The last coordinate of a point is the restart's unit of length: it scales all variables and doesn't move. Units lie
    between 10^−units and 10^units; matrices named in ``nonnegative`` are searched where no entry is negative.
    """

    columns = "all"
    uses: tuple[str, ...] = ()
    iterations = 300
    counts: Mapping[str, int] = FORMULA_STARTS

    def __init__(
        self, problem: Minimisation, device: torch.device, nonnegative: frozenset[str] = frozenset(), units: int = UNITS
    ) -> None:
        self.problem, self.device, self.units = problem, device, units
        self.nonnegative = problem.nonnegative | nonnegative
        self.layout = Layout({name: v.shape for name, v in problem.variables.items()})
        self.floats = Floats(device)
        evaluate = self.floats.evaluate
        self.objective = Formula(
            lambda x: evaluate(problem.objective, self.values(x)), self.program(value=problem.objective)
        )

    def program(self, **formulas: Expression) -> Program | None:
        """The tape of a formula, or of a quotient as ``of_formulas`` has it; None on a GPU and where there is none."""
        from verify.compiled.programs import NoTape, of_formulas

        if self.device.type != "cpu":
            return None
        try:
            return of_formulas(formulas, self.layout.shapes, self.nonnegative, self.floats)
        except NoTape:
            return None

    def starts(self, count: int, generator: torch.Generator) -> Tensor:
        """Zero, and Gaussian points in units of many sizes."""
        entries = torch.randn(count, self.layout.size, generator=generator, dtype=torch.float64)
        exponents = self.units * (2 * torch.rand(count, 1, generator=generator, dtype=torch.float64) - 1)
        starts = torch.cat([entries, 10**exponents], dim=1)
        starts[0] = torch.tensor([0.0] * self.layout.size + [1.0])
        return starts.to(self.device)

    def near(self, point: Values, generator: torch.Generator) -> Tensor:
        """A point (without a batch) moved by Gaussian steps of each of the sizes ``STEPS``, in units of 1."""
        parts = {name: v.sqrt() if name in self.nonnegative else v for name, v in point.items()}
        centre = torch.cat([parts[name].reshape(-1) for name in self.layout.shapes]).to("cpu")
        sizes = torch.tensor(STEPS, dtype=torch.float64)[:, None]
        moved = centre + sizes * torch.randn(len(STEPS), len(centre), generator=generator, dtype=torch.float64)
        return torch.cat([moved, torch.ones(len(STEPS), 1, dtype=torch.float64)], dim=1).to(self.device)

    def minimise(self, starts: Tensor, iterations: int) -> Endpoints:
        """Where descent from the starts ends; distances are then estimated anew in units of 1 or the point's own size.

        In a restart's own tiny unit everything nearby looks flat, and so settled.
        """
        ends = minimise(self.objective, starts, iterations)
        near = ends.distances.isfinite().nonzero()[:, 0]
        points = ends.points.clone()
        points[near] = self._rescaled(points[near])
        again = newton(self.objective, points[near])
        for whole, part in zip(ends.columns(), again.columns(), strict=True):
            whole[near] = part
        return ends

    def hessians(self, x: Tensor) -> Tensor:
        """In the variables, without the unit of length."""
        return dense_hessian(self.objective, x)[:, :-1, :-1] / x[:, -1:, None] ** 2

    def _rescaled(self, x: Tensor) -> Tensor:
        """The same points in units of 1, or of their largest entry where that is larger."""
        entries = self.layout.join(list(self.values(x).values()))
        unit = entries.abs().amax(1, keepdim=True).clamp(min=1.0)
        roots = {
            name: entries.new_full(v.shape, float(name in self.nonnegative))
            for name, v in self.problem.variables.items()
        }
        squared = self.layout.join([part[None] for part in roots.values()]) > 0
        scaled = entries / unit
        return torch.cat([torch.where(squared, scaled.clamp(min=0.0).sqrt(), scaled), unit], dim=1)

    def values(self, x: Tensor) -> Values:
        """The variables at points."""
        parts, unit = self.layout.split(x[:, :-1]), x[:, -1].detach()
        shaped = {name: unit.reshape(-1, *[1] * (part.dim() - 1)) for name, part in parts.items()}
        return {name: shaped[name] * (p * p if name in self.nonnegative else p) for name, p in parts.items()}

    def reference(self) -> Values:
        """Scalars one, entries of matrices Gaussian: where columns are centred, equal entries would vanish."""
        generator = torch.Generator().manual_seed(0)
        parts = [
            torch.randn(1, *v.shape, generator=generator, dtype=torch.float64)
            if v.shape
            else torch.ones(1, dtype=torch.float64)
            for v in self.problem.variables.values()
        ]
        x = torch.cat([self.layout.join(parts), torch.ones(1, 1, dtype=torch.float64)], dim=1)
        return self.values(x.to(self.device))

    def counterexample(self, x: Tensor, value: Expression) -> dict[str, Any] | None:
        """Values of the variables at which a ball of the objective lies below the value."""
        return lower_point(self.problem, exact_point(self.values(x[None])), value)

    def is_above(self, x: Tensor, value: Expression) -> bool:
        """Decided at the floats themselves."""
        return stands_above(self.problem, exact_point(self.values(x[None])), value)


def search_for(problem: Any, device: torch.device) -> Search:
    if isinstance(problem, UnconstrainedFeatures):
        return ModelSearch(problem, device)
    if isinstance(problem, Minimisation):
        return FormulaSearch(problem, device)
    raise Unable(f"descent does not minimise a {type(problem).__name__}")


def critical_search(problem: Any, device: torch.device) -> CriticalSearch:
    """A search for points of any index, of a model or a formula, whose variables then have a size near 1.

    Raises:
        Unable: where variables may not be negative, so that a minimum need not be critical.
    """
    if isinstance(problem, UnconstrainedFeatures):
        return ModelSearch(problem, device)
    if not isinstance(problem, Minimisation) or problem.nonnegative:
        raise Unable("descent looks for critical points of models and of formulas without signs")
    search = FormulaSearch(problem, device, units=0)
    search.counts = STARTS
    return search


def _rounded(matrix: Iterable[Iterable[float]], bits: int) -> list[list[Fraction]]:
    return [[Fraction(round(x * 2**bits), 2**bits) for x in row] for row in matrix]


def exact_point(values: Values) -> dict[str, Any]:
    """The floats of one point (batch of 1) as the rationals that they are."""
    point: dict[str, Any] = {}
    for name, value in values.items():
        plain = value[0].detach().cpu().tolist()
        point[name] = [[Fraction(x) for x in row] for row in plain] if isinstance(plain, list) else Fraction(plain)
    return point
