"""Attacks on one claim: what proposes points, and how a proposal becomes exact evidence.

Deep models that do not split into scalar problems are attacked by descent from structured starts
(``verify.methods.rivals``); every other claim by the engines that can refute it, lightest first. Whatever is found is
returned with certificates that anyone can check.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from theory.claims import Claim, CriticalPoints, GlobalMinimum, Identity, Inequality, NotGlobalMinimum
from theory.model import UnconstrainedFeatures
from theory.statement import Instance
from verify.engines import Settings, load
from verify.verdict import HOLDS, REFUTED, Finding, Unable, undecided
from verify.witness import exact_fit, lower_point, violation
from verify.work import sentence

if TYPE_CHECKING:
    import torch

LIGHT, HEAVY = ("sampling", "descent", "precision"), ("symbolic", "convex")
"""Engines by the round in which they join: the first, and later ones."""

LIGHT_FOR: Mapping[type, Sequence[str]] = {
    Identity: ("precision",),
    CriticalPoints: ("symbolic", "precision", "descent"),
}
"""Where others come first: constants have no points to draw, and these two are exact at critical points."""

FULL_EFFORT = 10.0
"""From so many seconds an instance on, engines run with more starts and draws."""

LEAST_GAP = 1e-8
"""A value this far below the claim, relative to it, is worth making exact: descent is accurate to about 1e-15."""

HOPE = 2e-3
"""Points that are not at the claimed value, and at most so far above it (relative), are followed further down."""

CLEAR = 1e-3
"""Points this far below (relative) are made exact as they are, where better ones give no exact fit."""

FIRST_BATCH, LARGEST_BATCH = 32, 800
"""Starts of each kind in the first batch of an attack, and at most."""

CONTINUATION = (0.3, 1.0)
"""Decays, as fractions of the instance's, along which a descent is led: low ones keep modes that high ones lose."""

ITERATIONS, POLISH = 300, 1500
"""Steps of L-BFGS at each decay, and for the best few points at the end."""

BITS = (3, 4, 5, 6, 8, 10, 12, 16, 24, 40)
"""Binary digits to which witnesses are rounded, fewest first."""


@dataclass(frozen=True)
class Found:
    """A refutation: certificates, which start led to it, and the clause that fails."""

    certificates: tuple[Mapping[str, Any], ...]
    start: str
    clause: str
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Plain data from which ``from_json`` rebuilds it."""
        return {**vars(self), "certificates": list(self.certificates)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Found:
        """Rebuild it from ``to_json``."""
        return cls(**{**data, "certificates": tuple(data["certificates"])})


class Attack(Protocol):
    """What can be tried against one claim, again and again with more effort."""

    used: list[str]
    problems: list[str]
    candidates: list[Finding]
    """Violations that floats see and that could not be made exact."""
    decided: bool

    def run(self, instance: Instance, seed: int, seconds: float) -> Found | None:
        """Try for about so many seconds."""
        ...


def preload() -> None:
    """Import all engines and what they need, machine code and the first draw, which collects what is no more used."""
    from theory.statement import short_run
    from verify import compiled

    for name in (*LIGHT, *HEAVY):
        load(name)
    compiled.load()
    short_run({}, seed=0)


def attack_on(
    claim: Claim, known: MutableMapping[tuple[int, int], Any], first: int = FIRST_BATCH, device: str = "cpu"
) -> Attack:
    """The attack that fits a claim; ``known`` collects solutions of models by classes and depth."""
    from verify.methods.rivals import may_hide

    model = claim.problem if isinstance(claim, GlobalMinimum) else None
    if isinstance(claim, GlobalMinimum) and isinstance(model, UnconstrainedFeatures) and may_hide(model):
        return RivalSearch(claim, known, first, device)
    return (BoundByNorms if isinstance(claim, NotGlobalMinimum) else Engines)(claim, device)


class Engines:
    """The engines, lightest first; they decide with their own certificates."""

    def __init__(self, claim: Claim, device: str = "cpu") -> None:
        self.claim, self.device = claim, device
        self.used: list[str] = []
        self.problems: list[str] = []
        self.candidates: list[Finding] = []
        self.decided = False
        self._light = LIGHT_FOR.get(type(claim), LIGHT)
        self._rounds = 0
        self._broken: set[str] = set()

    def run(self, instance: Instance, seed: int, seconds: float) -> Found | None:
        """One pass of the light engines, from the second pass on of all."""
        self._rounds += 1
        settings = Settings(device=self.device, seed=seed, effort="full" if seconds >= FULL_EFFORT else "quick")
        for name in self._light if self._rounds == 1 else dict.fromkeys((*self._light, *LIGHT, *HEAVY)):
            found = self.by(name, instance, settings)
            if found is not None:
                return found
        return None

    def by(self, name: str, instance: Instance, settings: Settings) -> Found | None:
        """What one engine finds to be refuted, if anything."""
        if name in self._broken:
            return None
        try:
            evidence = load(name).examine(instance, settings)
        except Unable:
            return None
        except Exception as error:
            self._broken.add(name)
            self.problems.append(f"{name} failed: {sentence(error)}")
            return None
        if name not in self.used:
            self.used.append(name)
        for finding in evidence.findings:
            if finding.conclusion == REFUTED:
                certificates = tuple(self._smaller(dict(c)) for c in evidence.certificates)
                return Found(certificates, f"the {name} engine", finding.clause, finding.detail)
            self.decided = self.decided or finding.conclusion == HOLDS
            if finding.is_candidate:
                self.candidates.append(finding)
            if finding.is_candidate or not self.decided:
                self.problems.append(f"{finding.clause}: {finding.detail}")
        return None

    def _smaller(self, certificate: dict[str, Any]) -> dict[str, Any]:
        """A violated inequality at a point with simpler entries, where there is one."""
        if isinstance(self.claim, Inequality) and certificate["kind"] == "inequality witness":
            return simplified(self.claim, certificate)
        return certificate


class BoundByNorms(Engines):
    """A value that is said to be beaten: only a lower bound on the minimum refutes it, and no search does."""

    def run(self, instance: Instance, seed: int, seconds: float) -> Found | None:
        """The bound, once: it has no starts."""
        found = None if self.decided else self.by("precision", instance, Settings(device="cpu", seed=seed))
        self.decided, self.used[:] = not self.problems, ["the bound by norms"]
        return found


def simplified(claim: Inequality, certificate: dict[str, Any]) -> dict[str, Any]:
    """The same violation at a simpler point: entries rounded as far as possible, then one by one to 0, 1 or −1.

    >>> from theory.ops import frobenius_norm, operator_norm
    >>> claim = Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(2, 2))
    >>> found = violation(claim, {"X": [[Fraction(7, 3), Fraction(1, 9)], [Fraction(0), Fraction(5, 4)]]})
    >>> simplified(claim, found)["point"]
    {'X': [['1', '0'], ['0', '1']]}
    """
    exact = {name: _fractions(value) for name, value in certificate["point"].items()}
    best, point = certificate, exact
    largest = max((abs(x) for value in exact.values() for _, x in _entries(value)), default=Fraction(1)) or Fraction(1)
    for scale in (1 / largest, Fraction(1)):
        for bits in (0, 1, 2, *BITS):
            moved = {name: _mapped(value, lambda x: _rounded(scale * x, bits)) for name, value in exact.items()}  # noqa: B023
            if (found := violation(claim, moved)) is not None:
                return _one_by_one(claim, found, moved)
    return _one_by_one(claim, best, point)


def _one_by_one(claim: Inequality, best: dict[str, Any], point: dict[str, Any]) -> dict[str, Any]:
    for name in point:
        for place, x in list(_entries(point[name])):
            for simpler in (Fraction(0), Fraction(1), Fraction(-1)):
                if x == simpler:
                    break
                moved = {**point, name: _replaced(point[name], place, simpler)}
                found = violation(claim, moved)
                if found is not None:
                    best, point = found, moved
                    break
    return best


def _fractions(value: Any) -> Any:
    return [[Fraction(x) for x in row] for row in value] if isinstance(value, list) else Fraction(value)


def _entries(value: Any) -> Iterator[tuple[tuple[int, int] | None, Fraction]]:
    if not isinstance(value, list):
        yield None, value
        return
    for i, row in enumerate(value):
        for j, x in enumerate(row):
            yield (i, j), x


def _mapped(value: Any, change: Any) -> Any:
    return [[change(x) for x in row] for row in value] if isinstance(value, list) else change(value)


def _replaced(value: Any, place: tuple[int, int] | None, x: Fraction) -> Any:
    if place is None:
        return x
    rows = [list(row) for row in value]
    rows[place[0]][place[1]] = x
    return rows


def _rounded(x: Fraction | float, bits: int) -> Fraction:
    return Fraction(round(x * 2**bits), 2**bits)


# --------------------------------------------------------------------------------------------------------- deep models


class RivalSearch:
    """Descent on a deep model from many kinds of starts, for a value below the claimed one.

    ``first`` is the number of starts of each kind in the first batch.
    """

    def __init__(
        self,
        claim: GlobalMinimum | NotGlobalMinimum,
        known: MutableMapping[tuple[int, int], Any],
        first: int = FIRST_BATCH,
        device: str = "cpu",
    ) -> None:
        self.claim, self.known, self.device = claim, known, device
        self.used: list[str] = ["descent from structured starts"]
        self.problems: list[str] = []
        self.decided = True
        self.candidates: list[Finding] = []
        self._engines = Engines(claim, device)
        self._tried = False
        self._batch = first

    def run(self, instance: Instance, seed: int, seconds: float) -> Found | None:
        """Batches of starts of every kind, each twice as large as the last, until the time is up."""
        if not self._tried and isinstance(self.claim, GlobalMinimum):
            found = self._engines.by("precision", instance, Settings(device="cpu", seed=seed))
            if found is not None:
                return found
        found = self._by_descent(seed, seconds)
        return self._by_engines(instance, seed) if found is None and not self._tried else found

    def _by_descent(self, seed: int, seconds: float) -> Found | None:
        import torch

        from theory.arithmetic.floats import to_float
        from verify.methods.kernels import LayeredModel
        from verify.methods.rivals import starts

        model = self.claim.problem
        assert isinstance(model, UnconstrainedFeatures)
        generator, end = torch.Generator().manual_seed(seed), time.monotonic() + seconds
        kernel, claimed = LayeredModel(model, collapsed=True, device=self.device), float(to_float(self.claim.value))
        drawn = LayeredModel(model, collapsed=True)  # on the processor, so that starts are the same on any device
        while True:
            groups = list(starts(drawn, self._batch, generator, self.known))
            names = [group.name for group in groups for _ in group.points]
            points = torch.cat([group.points for group in groups]).to(self.device)
            found = self._below(kernel, points, names, claimed)
            if found is not None:
                return found
            if time.monotonic() >= end:
                return None
            self._batch = min(2 * self._batch, LARGEST_BATCH)

    def _by_engines(self, instance: Instance, seed: int) -> Found | None:
        """One pass of the light engines over clauses, of which descent for a lower value says nothing."""
        self._tried = True
        if self.claim.clause_names in (("value",), ("beaten",)):
            return None
        found = self._engines.run(instance, seed, 0.0)
        self.problems += self._engines.problems
        self.candidates += self._engines.candidates
        self.used += [name for name in self._engines.used if name not in self.used]
        return found

    def _below(self, kernel: Any, points: torch.Tensor, names: Sequence[str], claimed: float) -> Found | None:
        """Descend from all starts at once, and make the lowest point exact where it is below the claim."""
        from verify.methods.minimise import lbfgs

        for fraction in CONTINUATION:
            points = lbfgs(kernel.with_decays(fraction), points, ITERATIONS)
        values = kernel.value_and_gradient(points)[0].nan_to_num(nan=float("inf"))
        other = (values - claimed).abs() > LEAST_GAP * claimed
        hopeful = (other & (values < claimed * (1 + HOPE))).nonzero()[:, 0]
        if not len(hopeful):
            return None
        chosen = hopeful[values[hopeful].argsort()[:3]]
        deep = kernel.model.loss != "mse" and float(values[chosen[0]]) < claimed * (1 - CLEAR)
        lowest = points[chosen] if deep else lbfgs(kernel, points[chosen], POLISH)
        values = kernel.value_and_gradient(lowest)[0]
        best = int(values.argmin())
        if not float(values[best]) < claimed * (1 - LEAST_GAP):
            return None
        return self._exact(kernel.model, lowest[best].cpu(), names[int(chosen[best])], float(values[best]), claimed)

    def _exact(
        self, model: UnconstrainedFeatures, point: torch.Tensor, name: str, reached: float, claimed: float
    ) -> Found | None:
        """Rational factors of few digits that are still below, and a fit that settles all decays where there is one."""
        from verify.methods.fits import fitted, trimmed
        from verify.methods.kernels import LayeredModel

        kernel = LayeredModel(model, collapsed=True)
        factors = {key: part[0] for key, part in kernel.factors(point[None]).items()}
        rounded = (lower_point(model, _at_bits(factors, bits), self.claim.value) for bits in BITS)
        certificate = next((found for found in rounded if found is not None), None)
        if certificate is None:
            detail = f"candidate: {claimed - reached:.1e} below the claim, which could not be made exact"
            self.candidates.append(undecided(self.claim.clause_names[0], detail))
            self.problems.append(detail)
            return None
        self.known[model.K, model.M] = trimmed(kernel, point)
        everywhere = _fit_for_all_decays(model, fitted(model, self.known[model.K, model.M]))
        certificates = (certificate,) if everywhere is None else (certificate, everywhere)
        below = f"descent reaches {reached:.12g}, {claimed - reached:.3g} below the claim"
        detail = f"{below}; what follows are weights of few digits"
        return Found(certificates, name, "value", detail)


def lowest_point(model: UnconstrainedFeatures, seconds: float, seed: int = 0) -> tuple[dict[str, Any], float]:
    """The lowest point, as class means, that descent from every kind of start finds in a time, and its objective."""
    import torch

    from verify.methods.kernels import LayeredModel
    from verify.methods.minimise import lbfgs, minimise
    from verify.methods.rivals import starts
    from verify.methods.searches import exact_point

    kernel, generator = LayeredModel(model, collapsed=True), torch.Generator().manual_seed(seed)
    end, batch, best, point = time.monotonic() + seconds, FIRST_BATCH, float("inf"), None
    while point is None or time.monotonic() < end:
        points = torch.cat([group.points for group in starts(kernel, batch, generator, {})])
        for fraction in CONTINUATION:
            points = lbfgs(kernel.with_decays(fraction), points, ITERATIONS)
        values = kernel.value_and_gradient(points)[0].nan_to_num(nan=float("inf"))
        ends = minimise(kernel, points[values.argsort()[:3]], POLISH)
        i = int(ends.values.argmin())
        if point is None or float(ends.values[i]) < best:
            best, point = float(ends.values[i]), ends.points[i : i + 1]
        batch = min(2 * batch, LARGEST_BATCH)
    return exact_point(kernel.factors(point)), best


def _at_bits(factors: Mapping[str, torch.Tensor], bits: int) -> dict[str, Any]:
    return {name: [[_rounded(x, bits) for x in row] for row in part.tolist()] for name, part in factors.items()}


def _fit_for_all_decays(model: UnconstrainedFeatures, factors: Sequence[torch.Tensor] | None) -> dict[str, Any] | None:
    """The last factor is solved for exactly, at few digits of the others."""
    if factors is None:
        return None
    for bits in BITS:
        X, *weights = ([[_rounded(x, bits) for x in row] for row in part.tolist()] for part in factors)
        certificate = exact_fit(model, X, weights)
        if certificate is not None:
            return certificate
    return None
