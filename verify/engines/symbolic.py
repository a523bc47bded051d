"""The symbolic engine: derives the optimum by algebra and compares it with what is claimed, exactly.

Minima of the model: SymPy differentiates the reduced problem and eliminates (``verify.methods.derivation``); the
claimed minimisers are then shown to be that optimum, and the clauses decided at them, in the algebraic normal form.
Statements about critical points: an identity in non-commuting letters (``verify.methods.free_algebra``). Scalar
problems: the stationarity polynomial that SymPy derives from the formula. The published formula is compared with what
was derived; it never enters a derivation. Where the statement has a theorem (``proofs``), the clauses that it entails
are proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

import proofs
from proofs.entailment import NotEntailed
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Balls, Rationals, Symbols, Undecidable, positive_roots, precision
from theory.claims import (
    Clause,
    Convergence,
    CriticalPoints,
    Experiment,
    GlobalMinimum,
    Identity,
    Inequality,
    Minimisation,
    NotGlobalMinimum,
    Point,
    Relation,
    Spectrum,
)
from theory.frames import aligned_factors
from theory.model import UnconstrainedFeatures
from theory.ops import (
    Expression,
    diagonal,
    helmert,
    identity,
    log,
    ones,
    smallest_positive_root,
    sqrt,
    sum_squares,
    variable,
    walk,
    zeros,
)
from theory.reductions import class_mean_objective
from theory.statement import Instance
from verify.methods import free_algebra, optimality, spectra
from verify.methods.derivation import REDUCTIONS, Derived, derive
from verify.methods.exact_points import (
    covers,
    evaluate_points,
    find_logits,
    holds_exactly,
    objective_at,
    rank_pattern,
    rotate,
)
from verify.verdict import HOLDS, REFUTED, UNDECIDED, Evidence, Finding, Unable, holds, refuted, undecided
from verify.witness import contrary_minimiser, failed_clauses

if TYPE_CHECKING:
    from verify.engines import Settings

INSTANCES = {"quick": 10, "full": 300}

PRECISIONS = (256, 1024)
"""Bits at which a claimed constant is separated from a derived one when they are not equal."""


def examine(instance: Instance, settings: Settings) -> Evidence:
    """Examine one claim by algebra.

    Raises:
        Unable: for a claim whose optimum it cannot derive.
    """
    start, claim = perf_counter(), instance.claim
    uses: tuple[str, ...] = ()
    certificates: tuple[Mapping[str, Any], ...] = ()
    context = Context()
    if isinstance(claim, CriticalPoints):
        findings = _critical_points(claim)
    elif isinstance(claim, Inequality):
        findings = _tight(claim)
    elif isinstance(claim, Identity | Convergence):
        findings = [_of_constants(c) for c in claim.clauses]
        certificates = failed_clauses(claim.clauses, findings)
    elif isinstance(claim, Spectrum):
        findings, certificates = spectra.exactly(claim)
    elif isinstance(claim, NotGlobalMinimum):
        findings = []
    elif isinstance(claim, Experiment):
        raise Unable("what a program measures is numerical")
    elif isinstance(claim.problem, UnconstrainedFeatures) and not claim.problem.has_modes:
        findings = _at_claimed_minimisers(claim, claim.problem, settings.seed)
        uses = optimality.USES if any(f.clause == "value" for f in findings) else ()
    elif isinstance(claim.problem, UnconstrainedFeatures):
        findings, uses = _model_minimum(claim, claim.problem, settings.seed, context), REDUCTIONS
    elif isinstance(claim.problem, Minimisation):
        findings = _scalar_minimum(claim, claim.problem, context)
    else:
        raise Unable(f"no derivation for {claim.kind}")
    if isinstance(claim, GlobalMinimum):
        certificates = contrary_minimiser(claim, findings)
    findings, axioms = _with_proof(instance, findings, context)
    if not findings:
        raise Unable("a point that is lower is for a search, or for a proof")
    if all(f.assurance == "proved" for f in findings):
        uses = ()
    seconds = perf_counter() - start
    return Evidence("symbolic", tuple(findings), seconds, uses=(*uses, *axioms), certificates=certificates)


@dataclass
class Context:
    """Exact numbers that an examination worked in, for a proof to speak about: a field, and the confidence of modes."""

    field: AlgebraicNumbers | None = None
    logits: Mapping[int, Any] | None = None


def _with_proof(instance: Instance, findings: list[Finding], context: Context) -> tuple[list[Finding], tuple[str, ...]]:
    """Raise what the statement's theorem entails to ``proved``, and name the axioms that it cites.

    The theorem speaks of every minimiser, and of the instance's claim alone: a wrong version is not entailed. That the
    claimed minimisers attain a proved value is exact arithmetic.
    """
    theorem = proofs.find(instance.statement.id) if instance.statement else None
    if theorem is None or theorem.gaps:
        return findings, ()
    try:
        answers = dict(theorem.entails(instance.claim, context.field, context.logits or {}, instance.parameters))
    except (NotEntailed, Undecidable):
        return findings, ()
    known = {f.clause: f for f in findings}
    if answers.get("value") == "":
        answers.setdefault("attained", "" if known.get("attained", findings[0]).conclusion == HOLDS else "not shown")
    if answers.get("inequality") == "" and "tight" in known and known["tight"].conclusion == HOLDS:
        answers["tight"] = ""
    proved = [name for name in instance.claim.clause_names if answers.get(name) == ""]
    kept = [f for f in findings if f.clause not in proved or f.conclusion == REFUTED]
    return [*kept, *(holds(name, "proved", f"by {theorem.id}") for name in proved)], tuple(
        theorem.axioms
    ) if proved else ()


# ------------------------------------------------------------------------------------------------- minima of a model


def _model_minimum(claim: GlobalMinimum, model: UnconstrainedFeatures, seed: int, context: Context) -> list[Finding]:
    derived = derive(model)
    try:
        field = AlgebraicNumbers(_formulas(claim, model))
        points = evaluate_points(field, claim.minimisers)
        logits = find_logits(model, derived, field, points)
    except Undecidable as reason:
        return _numbers_only(claim, model, derived, str(reason))
    if logits is None:
        return _numbers_only(claim, model, derived, "no claimed minimiser has the derived logits")
    context.field, context.logits = field, logits.by_weight
    minimum = logits.minimum(derived)
    findings = [_equals("value", field, field.evaluate(claim.value), minimum)]
    genuine: list[dict[str, Any]] = []
    if claim.minimisers:
        attained = [_equals("attained", field, objective_at(model, field, values), minimum) for values in points]
        worst = next((f for f in attained if f.conclusion != "holds"), attained[0])
        if worst.conclusion == "holds" and findings[0].conclusion == "refuted":
            worst = refuted("attained", "the objective there is the derived minimum, not the claimed value")
        findings.append(worst)
        genuine = [values for values, f in zip(points, attained, strict=True) if f.conclusion == "holds"]
    try:
        turned = [rotate(model, field, values, seed + i) for i, values in enumerate(genuine)]
        shown = covers(derived, [rank_pattern(model, derived, field, values) for values in turned])
    except Undecidable as reason:
        return findings + [undecided(c.name, str(reason)) for c in claim.clauses] + _uniqueness(claim, derived)
    decided = [_clause(field, c, turned) for c in claim.clauses]
    if not shown:
        missing = "the claim names no minimiser of some rank that a minimiser can have"
        decided = [f if f.conclusion == "refuted" else undecided(f.clause, missing) for f in decided]
    return findings + decided + _uniqueness(claim, derived)


def _formulas(claim: GlobalMinimum, model: UnconstrainedFeatures) -> list[Expression]:
    sides = [side for c in claim.clauses for r in c.relations for side in (r.left, r.right)]
    points = [value for point in claim.minimisers for value in point.values()]
    return [claim.value, *points, *sides, class_mean_objective(model)]


def _numbers_only(claim: GlobalMinimum, model: UnconstrainedFeatures, derived: Derived, reason: str) -> list[Finding]:
    """What balls can still refute when the claimed minimisers are not those derived."""
    findings = [_separated("value", claim.value, derived, reason)]
    if claim.minimisers:
        balls = Balls()
        with precision(PRECISIONS[-1]):
            try:
                above = [
                    balls.evaluate(model.objective, balls.point(p)) > derived.value_ball() for p in claim.minimisers
                ]
            except Undecidable:
                above = []
        if any(above):
            findings.append(refuted("attained", "a claimed minimiser lies strictly above the derived minimum"))
        else:
            findings.append(undecided("attained", reason))
    findings += [undecided(c.name, reason) for c in claim.clauses]
    return findings + _uniqueness(claim, derived)


def _separated(name: str, value: Expression, derived: Derived, reason: str) -> Finding:
    for bits in PRECISIONS:
        with precision(bits):
            claimed, minimum = Balls().evaluate(value), derived.value_ball()
            if isinstance(claimed, int):
                claimed = Balls().number(Fraction(claimed))
            if not claimed.overlaps(minimum):
                return refuted(name, f"claimed {claimed.str(15)}, derived {minimum.str(15)}")
    return undecided(name, reason)


def _equals(name: str, field: AlgebraicNumbers, claimed: Any, derived: Any) -> Finding:
    try:
        if field.is_zero(claimed - derived):
            return holds(name, "certified", "equal to the derived value as an algebraic number")
    except Undecidable as reason:
        return undecided(name, str(reason))
    with precision(PRECISIONS[0]):
        shown = [field.enclose(x, PRECISIONS[0]).str(15, radius=False) for x in (claimed, derived)]
    return refuted(name, f"claimed {shown[0]}, derived {shown[1]}")


def _clause(field: AlgebraicNumbers, c: Clause, minimisers: list[dict[str, Any]]) -> Finding:
    if not minimisers:
        return undecided(c.name, "no exact minimiser to decide it at")
    try:
        for values in minimisers:
            for relation in c.relations:
                if not holds_exactly(field, relation, values):
                    return refuted(c.name, f"at an exact minimiser {_failing(field, relation, values)} fails")
    except Undecidable as reason:
        return undecided(c.name, str(reason))
    return holds(c.name, "certified", f"exact at {len(minimisers)} minimisers in random rational rotations")


def _failing(field: AlgebraicNumbers, relation: Relation, values: Mapping[str, Any]) -> str:
    """A relation with the values of its sides, or its sign alone where they are matrices."""
    if relation.left.shape:
        return f"“{relation.sign}” between matrices"
    sides = (field.evaluate(side, values) for side in (relation.left, relation.right))
    with precision(PRECISIONS[0]):
        left, right = (
            "0" if field.is_zero(x) else field.enclose(x, PRECISIONS[0]).str(12, radius=False) for x in sides
        )
    return f"{left} {relation.sign} {right}"


def _of_constants(c: Clause) -> Finding:
    """A clause about constants: equalities by the normal form, strict signs by balls."""
    try:
        field = AlgebraicNumbers([side for r in c.relations for side in (r.left, r.right)])
        for relation in c.relations:
            if not holds_exactly(field, relation, {}):
                return refuted(c.name, f"one of its relations “{relation.sign}” fails, exactly")
    except Undecidable as reason:
        return undecided(c.name, str(reason))
    return holds(c.name, "certified", f"{len(c.relations)} relations of algebraic numbers")


def _at_claimed_minimisers(claim: GlobalMinimum, model: UnconstrainedFeatures, seed: int) -> list[Finding]:
    """No optimum is derived, but value and clauses must be right at the claimed minimisers.

    With one layer and a convex loss these are shown to be the only ones, up to symmetry, or not to be any.
    """
    if not claim.minimisers:
        raise Unable("no derivation for this model, and no claimed minimiser to evaluate")
    try:
        field = AlgebraicNumbers([*_formulas(claim, model), model.objective])
        points = evaluate_points(field, claim.minimisers)
        value = field.evaluate(claim.value)
        others = [y for values in points if not field.is_zero((y := objective_at(model, field, values)) - value)]
    except Undecidable as reason:
        return [undecided("attained", str(reason))]
    if others:
        reached, claimed = (field.enclose(x, PRECISIONS[0]).str(15, radius=False) for x in (others[0], value))
        failing = [f for c in claim.clauses if (f := _clause(field, c, points)).conclusion == REFUTED]
        return [refuted("attained", f"the objective is {reached} at a claimed minimiser, not {claimed}"), *failing]
    if optimality.covers(model):
        try:
            return _at_all_minimisers(claim, model, field, points, seed)
        except Undecidable:
            pass
    failing = [f for c in claim.clauses if (f := _clause(field, c, points)).conclusion == REFUTED]
    return [holds("attained", "certified", "the claimed minimisers have exactly this value"), *failing]


def _at_all_minimisers(
    claim: GlobalMinimum,
    model: UnconstrainedFeatures,
    field: AlgebraicNumbers,
    points: list[dict[str, Any]],
    seed: int,
) -> list[Finding]:
    """All clauses where the claimed points of the claimed value satisfy the conditions of optimality.

    Raises:
        Undecidable: where they are not shown to be minimisers.
    """
    if not all(optimality.is_minimiser(model, field, values) for values in points):
        return [refuted("attained", "a claimed minimiser is not stationary, exactly")]
    shown = "the claimed minimisers have exactly this value, and their gradient is a feasible dual"
    orbit = [optimality.orbit(model, field, values, seed + i) for i, values in enumerate(points)]
    findings = [holds("value", "certified", shown), holds("attained", "certified", shown)]
    findings += [_clause(field, c, [*points, *orbit]) for c in claim.clauses]
    if claim.unique is True:
        findings.append(holds("uniqueness", "certified", "equality in the dual has no other solution up to symmetry"))
    elif claim.unique is False:
        findings.append(refuted("uniqueness", "equality in the dual has no other solution up to symmetry"))
    return findings


def _uniqueness(claim: GlobalMinimum, derived: Derived) -> list[Finding]:
    if claim.unique is None:
        return []
    if claim.unique == derived.unique:
        return [holds("uniqueness", "certified", "from the derived roots, their multiplicities and ties")]
    found = "is" if derived.unique else "is not"
    return [refuted("uniqueness", f"the derived optimum {found} unique")]


# ------------------------------------------------------------------------------------------------ the derived optimum


def derived_point(model: UnconstrainedFeatures, derived: Derived) -> Point:
    """A minimiser from the derivation alone: factors with λ_m s_m² = μ z(1 − z)/N on the active modes."""
    frame, modes = _derived_frame(model, derived)
    if not modes:
        return {name: zeros(*v.shape) for name, v in model.variables.items()} | _bias(model)
    deficits = [smallest_positive_root(_reflected(mode.equation)) for mode in modes]  # w = 1 − z
    energies = [Fraction(mode.mu, model.N) * w * (1 - w) for mode, w in zip(modes, deficits, strict=True)]
    weights = [sqrt(e / model.weight_decays[0]) for e in energies]
    features = [sqrt(e / (model.feature_decay * mode.mu)) for e, mode in zip(energies, modes, strict=True)]
    return aligned_factors(model, frame, weights, features) | _bias(model)


def _derived_frame(model: UnconstrainedFeatures, derived: Derived) -> tuple[Expression, list[Any]]:
    if model.has_bias:
        mode, _, ranks = derived.ranks()[0] if derived.modes else (None, 0, (0,))
        return helmert(model.K, max(ranks)), [mode] * max(ranks)
    chosen, modes = [], []
    for mode, _, ranks in derived.ranks():
        classes = [k for k, n in enumerate(model.class_sizes) if n == mode.mu][: max(ranks)]
        chosen += classes
        modes += [mode] * len(classes)
    return identity(model.K)[range(model.K), chosen], modes


def _reflected(equation: Any) -> list[Fraction]:
    """Coefficients of equation(1 − w), scaled to leading coefficient 1."""
    from flint import fmpq_poly

    coefficients = equation(fmpq_poly([1, -1])).coeffs()
    values = [Fraction(int(c.p), int(c.q)) for c in coefficients]
    return [c / values[-1] for c in values]


def _bias(model: UnconstrainedFeatures) -> dict[str, Expression]:
    if not model.has_bias:
        return {}
    return {"b": diagonal([Fraction(n, model.N) for n in model.class_sizes]) @ ones(model.K, 1)}


# --------------------------------------------------------------------------------------------------- critical points


def _critical_points(claim: CriticalPoints) -> list[Finding]:
    model = claim.problem
    if not isinstance(model, UnconstrainedFeatures) or not (model.has_modes or _is_plain(model)):
        raise Unable("critical points are examined for linear layers only, with free features and a free bias, if any")
    leaves = {name: free_algebra.variable(name, _pair(v)) for name, v in model.variables.items()}
    P = free_algebra.read(model.product, leaves)
    one = free_algebra.constant([[1]] * model.N)
    gradients = _gradients(model)
    extra = {"P": P, "Pᵀ": P.T, "PPᵀ": P @ P.T, "1": one}
    shapes = {_pair(relation.left) for c in claim.clauses for relation in c.relations if relation.left.shape}
    products = free_algebra.candidates(gradients, model.variables, extra, shapes)
    findings = [_vanishes(c, model, leaves, gradients, products) for c in claim.clauses]
    decided = [f for c, f in zip(claim.clauses, findings, strict=True) if _is_equation(c) or f.conclusion != UNDECIDED]
    if not decided:
        raise Unable("only equations of matrices follow from an identity, and zero meets the clauses")
    return decided


def _is_equation(c: Clause) -> bool:
    return all(relation.sign == "=" and relation.left.shape for relation in c.relations)


def _is_plain(model: UnconstrainedFeatures) -> bool:
    """Whether the objective is any loss of the outputs of linear layers without a bias, and decays."""
    return model.is_linear and not model.has_bias and model.sign == "free"


def _gradients(model: UnconstrainedFeatures) -> dict[str, Any]:
    """The gradient by all factors; for another loss than squared error with a letter G, that of the fit by the outputs.

    The gradient of the fit is that of ⟨G, Z⟩ = (‖G + Z‖² − ‖G − Z‖²)/4 by the factors of Z = W_M ⋯ W_1 H.
    """
    if model.has_modes:
        return free_algebra.gradient(model.objective, model.variables)
    outputs = model.outputs(model.features)
    letters = {**model.variables, "G": variable("G", outputs.shape)}
    along = Fraction(1, 4) * (sum_squares(letters["G"] + outputs) - sum_squares(letters["G"] - outputs))
    decays = model.weight_regulariser + model.feature_decay / 2 * sum_squares(model.features)
    found = free_algebra.gradient(along + decays, letters)
    return {name: found[name] for name in model.variables}


def _pair(v: Expression) -> tuple[int, int]:
    return v.shape[0], v.shape[1]


def _vanishes(
    c: Clause,
    model: UnconstrainedFeatures,
    leaves: Mapping[str, Any],
    gradients: Mapping[str, Any],
    products: Mapping[str, Any],
) -> Finding:
    identities = []
    for relation in c.relations:
        if relation.sign != "=" or not relation.left.shape:
            failing = _fails_somewhere(c, model, gradients)
            unknown = undecided(c.name, "only equations of matrices follow from an identity")
            return failing if failing.conclusion == REFUTED else unknown
        try:
            residual = free_algebra.read(relation.left - relation.right, leaves)
        except Undecidable as reason:
            return undecided(c.name, str(reason))
        found = free_algebra.multipliers(residual, products)
        if found is None:
            return _fails_somewhere(c, model, gradients)
        identities.append(" + ".join(map(str, found)))
    return holds(c.name, "certified", "the difference of its sides is " + "; ".join(identities))


def _fails_somewhere(c: Clause, model: UnconstrainedFeatures, gradients: Mapping[str, Any]) -> Finding:
    """Without an identity: does the clause fail at zero or at the derived optimum, which are critical points?"""
    try:
        if _fails_at_zero(c, model, gradients):
            return refuted(c.name, "fails at the zero solution, a critical point")
        if not model.has_modes:
            return undecided(c.name, "no identity with the gradient was found")
        derived = derive(model)
        point = derived_point(model, derived)
        field = AlgebraicNumbers([*point.values(), *(s for r in c.relations for s in (r.left, r.right))])
        values = field.point(point)
        if not all(holds_exactly(field, relation, values) for relation in c.relations):
            return refuted(c.name, "fails at the derived global minimiser, a critical point")
    except (Undecidable, Unable) as reason:
        return undecided(c.name, str(reason))
    return undecided(c.name, "no identity with the gradient was found")


def _fails_at_zero(c: Clause, model: UnconstrainedFeatures, gradients: Mapping[str, Any]) -> bool:
    """Whether zero (with b = n/N) is a critical point, by the exact gradient, at which the clause fails.

    Where the gradient by the outputs is only a letter, every term of the factors' gradients but one has a factor more.
    """
    rationals = Rationals()
    point = {name: zeros(*v.shape) for name, v in model.variables.items()} | _bias(model)
    values = rationals.point(point) | {"G": [[rationals.number(Fraction(1))] * model.N for _ in range(model.K)]}
    if any(x for g in gradients.values() for row in free_algebra.evaluate(g, values) for x in row):
        return False
    field = AlgebraicNumbers([s for r in c.relations for s in (r.left, r.right)])
    exact = field.point(point)
    return not all(holds_exactly(field, relation, exact) for relation in c.relations)


# ------------------------------------------------------------------------------------------------------ inequalities


def _tight(claim: Inequality) -> list[Finding]:
    if not claim.tight:
        raise Unable("no claim of equality to decide exactly")
    findings = []
    for point in claim.tight:
        bounds = [side for r in claim.where for side in (r.left, r.right)]
        logarithms = _logarithms(claim.left, claim.right)
        field = AlgebraicNumbers([claim.left, claim.right, *bounds, *point.values(), *logarithms])
        try:
            values = field.point(point)
            if not all(holds_exactly(field, relation, values) for relation in claim.where):
                return [refuted("tight", "a point of claimed equality does not meet the constraints")]
            findings.append(
                _equals("tight", field, field.evaluate(claim.left, values), field.evaluate(claim.right, values))
            )
        except Undecidable as reason:
            findings.append(undecided("tight", str(reason)))
    return [next((f for f in findings if f.conclusion != "holds"), findings[0])]


SMALL_PRIMES = (2, 3, 5, 7)
"""Logarithms of these are numbers of the field in which formulas with logarithms are evaluated."""


def _logarithms(*formulas: Expression) -> list[Expression]:
    """Logarithms that the value of a formula may have where none stands in it: those of small primes."""
    present = any(node.op in ("exp", "log", "log_sum_exp") for node in walk(*formulas))
    return [log(prime) for prime in SMALL_PRIMES] if present else []


# --------------------------------------------------------------------------------------------------- scalar problems


class _Parametric(Symbols):
    """SymPy with every irrational constant as a symbol of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.constants: dict[Any, Expression] = {}

    def evaluate(self, root: Expression, values: Mapping[str, Any] | None = None) -> Any:
        import sympy as sp

        for node in walk(root):
            if not node.variables and not node.shape and node.op != "rational" and node not in self._constants:
                symbol = sp.Symbol(f"c{len(self.constants)}", positive=True)
                self._constants[node] = symbol
                self.constants[symbol] = node
        return super().evaluate(root, values)


def _of_several_variables(claim: GlobalMinimum, problem: Minimisation) -> list[Finding]:
    """No optimum is derived, but value and clauses must be right at the claimed minimisers."""
    if not claim.minimisers:
        raise Unable("only problems in one non-negative variable are derived, and no claimed minimiser is there")
    sides = [side for c in claim.clauses for r in c.relations for side in (r.left, r.right)]
    points = [value for point in claim.minimisers for value in point.values()]
    try:
        field = AlgebraicNumbers([claim.value, problem.objective, *sides, *points, *_logarithms(problem.objective)])
        values = evaluate_points(field, claim.minimisers)
        claimed = field.evaluate(claim.value)
        reached = [_equals("attained", field, field.evaluate(problem.objective, at), claimed) for at in values]
    except Undecidable as reason:
        raise Unable(f"the objective at a claimed minimiser has no normal form: {reason}") from None
    doubtful = next((f for f in reached if f.conclusion == UNDECIDED), None)
    if doubtful is not None:
        raise Unable(doubtful.detail)
    failing = [f for c in claim.clauses if (f := _clause(field, c, values)).conclusion == REFUTED]
    return [next((f for f in reached if f.conclusion != HOLDS), reached[0]), *failing]


def _scalar_minimum(claim: GlobalMinimum, problem: Minimisation, context: Context) -> list[Finding]:
    """min over x ≥ 0 of a rational function: stationary points, the boundary and the claim, compared exactly."""
    import sympy as sp

    if len(problem.variables) != 1 or problem.nonnegative != frozenset(problem.variables):
        return _of_several_variables(claim, problem)
    (name,) = problem.variables
    x = sp.Symbol("x", positive=True)
    arithmetic = _Parametric()
    g = arithmetic.evaluate(problem.objective, {name: x})
    try:
        slope = sp.Poly(sp.numer(sp.together(sp.diff(g, x))), x)
        ends = [sp.Poly(part, x) for part in sp.fraction(sp.together(g))]
    except sp.PolynomialError as error:
        raise Unable("the objective is not a rational function of its variable") from error
    if slope.is_zero or not claim.minimisers:
        raise Unable("a constant objective, or a claim that names no minimiser, has nothing to derive")
    formulas = [claim.value, problem.objective, *(p[name] for p in claim.minimisers), *arithmetic.constants.values()]
    sides = [s for c in claim.clauses for r in c.relations for s in (r.left, r.right)]
    field = context.field = AlgebraicNumbers([*formulas, *sides])
    coefficients = [_element(field, c, arithmetic.constants) for c in slope.all_coeffs()]
    points = [{name: field.evaluate(p[name])} for p in claim.minimisers]
    numerator, denominator = ([_element(field, c, arithmetic.constants) for c in end.all_coeffs()] for end in ends)
    if any(_positive_roots(field, denominator)) or _is_zero_at_origin(field, denominator):
        raise Unable("the objective has a pole in x ≥ 0")
    genuine = _scalar_minimisers(field, problem, name, coefficients, points)
    if isinstance(genuine, Finding):
        return [genuine] + [
            undecided(c, "the claimed minimisers are not those derived") for c in claim.clause_names if c != "attained"
        ]
    minimum, count = genuine
    if not _attained_before_infinity(field, numerator, denominator, minimum):
        raise Unable("the objective is not shown to exceed its stationary values as x → ∞")
    findings = [_equals("value", field, field.evaluate(claim.value), minimum)]
    findings.append(holds("attained", "certified", "the claimed minimisers are those derived"))
    findings += [_clause(field, c, points) for c in claim.clauses]
    if claim.unique is not None:
        same = claim.unique == (count == 1)
        findings.append(
            holds("uniqueness", "certified", f"{count} minimisers derived")
            if same
            else refuted("uniqueness", f"{count} minimisers derived")
        )
    return findings


def _element(field: AlgebraicNumbers, coefficient: Any, constants: Mapping[Any, Expression]) -> Any:
    """A coefficient, polynomial in the symbols of constants, as an element of the field."""
    import sympy as sp

    symbols = sorted(coefficient.free_symbols, key=str)
    if not symbols:
        return field.number(Fraction(int(coefficient.p), int(coefficient.q)))
    values = [field.evaluate(constants[s]) for s in symbols]
    terms = []
    for powers, c in sp.Poly(coefficient, *symbols).terms():
        factors = [value**k for value, k in zip(values, powers, strict=True) if k]
        terms.append(prod(factors, start=field.number(Fraction(int(c.p), int(c.q)))))
    return reduce(lambda a, b: a + b, terms)


def _scalar_minimisers(
    field: AlgebraicNumbers, problem: Minimisation, name: str, coefficients: list[Any], points: list[dict[str, Any]]
) -> tuple[Any, int] | Finding:
    """The derived minimum and the number of its minimisers, shown to be the claimed points; else a finding."""

    def g(value: Any) -> Any:
        return field.evaluate(problem.objective, {name: value})

    claimed: list[Any] = []
    for point in points:
        if not any(_equal_elements(field, point[name], x) for x in claimed):
            claimed.append(point[name])
    for x in claimed:
        if not _is_number_zero(x) and not field.is_zero(_horner(coefficients, x)):
            return _not_minimal(field, g, x, coefficients)
    minimum = g(claimed[0])
    if any(not field.is_zero(g(x) - minimum) for x in claimed[1:]):
        return refuted("attained", "the claimed minimisers have different values")
    count = len(claimed)
    if not any(_is_number_zero(x) for x in claimed) and field.is_zero(g(field.number(Fraction(0))) - minimum):
        count, claimed = count + 1, [*claimed, 0]
    others = [y for y in _candidates(field, coefficients) if not any(_same(field, x, y) for x in claimed)]
    for y in others:
        with precision(PRECISIONS[-1]):
            value = Balls().evaluate(problem.objective, {name: y})
            bound = field.enclose(minimum, PRECISIONS[-1])
            if value < bound:
                return refuted("attained", f"the value at x = {y.str(10, radius=False)} is strictly lower")
            if not value > bound:
                return undecided("attained", "two stationary values could not be separated")
    return minimum, count


def _not_minimal(field: AlgebraicNumbers, g: Any, x: Any, coefficients: list[Any]) -> Finding:
    shown = field.enclose(x, PRECISIONS[0]).str(12, radius=False)
    return refuted("attained", f"the derivative at the claimed minimiser x = {shown} is not zero")


def _candidates(field: AlgebraicNumbers, coefficients: list[Any]) -> Iterable[Any]:
    """Balls for the positive stationary points, and the boundary x = 0."""
    from flint import arb

    with precision(PRECISIONS[-1]):
        return [arb(0), *_positive_roots(field, coefficients)]


def _positive_roots(field: AlgebraicNumbers, coefficients: list[Any]) -> list[Any]:
    """Balls for the positive roots of a polynomial given by exact coefficients, highest first."""
    bits = PRECISIONS[-1]
    with precision(bits):
        balls = [field.enclose(c, bits) for c in reversed(coefficients)]
        while balls and balls[0] == 0:
            balls = balls[1:]
        return positive_roots(balls) if len(balls) > 1 else []


def _is_zero_at_origin(field: AlgebraicNumbers, coefficients: list[Any]) -> bool:
    return field.is_zero(coefficients[-1])


def _attained_before_infinity(field: AlgebraicNumbers, top: list[Any], bottom: list[Any], minimum: Any) -> bool:
    """Whether lim g > minimum as x → ∞, from the leading terms of g = top/bottom (highest coefficient first)."""
    bits = PRECISIONS[-1]
    with precision(bits):
        lead = field.enclose(top[0], bits) / field.enclose(bottom[0], bits)
        if len(top) > len(bottom):
            return bool(lead > 0)
        limit = lead if len(top) == len(bottom) else lead * 0
        return bool(limit > field.enclose(minimum, bits))


def _equal_elements(field: AlgebraicNumbers, x: Any, y: Any) -> bool:
    return field.is_zero(field.number(Fraction(0)) + x - y)


def _same(field: AlgebraicNumbers, x: Any, ball: Any) -> bool:
    return bool(field.enclose(x, PRECISIONS[-1]).overlaps(ball))


def _horner(coefficients: list[Any], x: Any) -> Any:
    total: Any = 0
    for c in coefficients:
        total = total * x + c
    return total


def _is_number_zero(x: Any) -> bool:
    return type(x) is int and x == 0
