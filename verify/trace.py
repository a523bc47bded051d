"""A counterexample for a reader: the point, both sides, and for a network what each of its layers does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from theory.arithmetic.interpreters import Balls, precision
from theory.claims import GlobalMinimum, Inequality
from theory.model import UnconstrainedFeatures
from theory.reductions import class_mean_objective
from verify import checker
from verify.methods.equations import rationally
from verify.refute import Checked, Witness
from verify.work import shown

DIGITS = 12
"""Digits of numbers that are compared."""

MOST = 12
"""Rows and columns of a matrix that are printed."""

Rows = list[list[Fraction]]


def lines(checked: Checked, command: str) -> Iterator[str]:
    """What was found about one conjecture, line by line; ``command`` runs the same check again."""
    yield f"{checked.name}: {_verdict(checked)}"
    witness = checked.witness
    if witness is None:
        if checked.instances:
            engines = ", ".join(checked.engines) or "an earlier check alone"
            yield f"  examined: {checked.instances} of {checked.drawn} drawn instances, the largest {checked.largest}"
            yield f"  by: {engines}; seed {checked.seed}; {checked.seconds:.1f} s"
        return
    yield f"  at {shown(witness.parameters)}"
    yield f"  {witness.found.clause}: {witness.found.detail}"
    for certificate in witness.found.certificates:
        yield from (f"  {line}" for line in _certificate(certificate, witness))
    yield f"  found from: {witness.found.start}; seed {checked.seed}; {checked.seconds:.1f} s; again with: {command}"


def _verdict(checked: Checked) -> str:
    if checked.conclusion == "refuted":
        bare = checked.witness is not None and not checked.witness.found.certificates
        return f"refuted ({checked.assurance})" + f": {checked.reason}" * bare
    if checked.instances:
        extra = "" if checked.reason == "no counterexample was found" else f" ({checked.reason})"
        return f"not refuted{extra}"
    seen = "candidate: " in checked.reason  # something was examined, and could not be made exact
    return f"{'undecided' if seen else 'not examined'}: {checked.reason}"


def _certificate(certificate: Mapping[str, Any], witness: Witness) -> Iterator[str]:
    claim, kind = witness.claim, certificate["kind"]
    if kind == "inequality witness" and isinstance(claim, Inequality):
        yield from _inequality(claim, certificate)
    elif kind == "counterexample" and isinstance(claim, GlobalMinimum):
        yield from _minimum(claim, certificate)
    elif kind == "exact fit":
        yield checker.check(certificate)
        yield from _layers(UnconstrainedFeatures.from_json(certificate["model"]), certificate["point"])


def _inequality(claim: Inequality, certificate: Mapping[str, Any]) -> Iterator[str]:
    for name, value in elements(claim, certificate["point"]).items():
        yield from _matrix(name, value) if isinstance(value, list) else (f"{name} = {value}",)
    point = {name: _balls(value) for name, value in certificate["point"].items()}
    with precision(128):
        left, right = (_ball(Balls().evaluate(side, point)) for side in (claim.left, claim.right))
        yield f"left {_decimal(left)}, right {_decimal(right)}, difference {_decimal(left - right)}"


def shown_point(witness: Witness, certificate: Mapping[str, Any]) -> Mapping[str, Any]:
    """A certificate's point in the variables of the claim."""
    point: Mapping[str, Any] = certificate["point"]
    return elements(witness.claim, point) if isinstance(witness.claim, Inequality) else point


def elements(claim: Inequality, point: Mapping[str, Any]) -> dict[str, Any]:
    """The variables as the claim's author wrote them, at a certificate's point: elements of their spaces, as text.

    >>> from theory import psd
    >>> from theory.ops import trace
    >>> elements(Inequality(lambda A: trace(A), lambda A: 1, A=psd(2)), {"A": [["1", "0"], ["1", "1"]]})
    {'A': [['1', '1'], ['1', '2']]}
    """
    exact = {
        name: [[Fraction(x) for x in row] for row in v] if isinstance(v, list) else Fraction(v)
        for name, v in point.items()
    }
    values = {name: rationally(formula, exact) for name, formula in claim.elements.items()}
    return {n: [[str(x) for x in row] for row in v] if isinstance(v, list) else str(v) for n, v in values.items()}


def _minimum(claim: GlobalMinimum, certificate: Mapping[str, Any]) -> Iterator[str]:
    problem, point = claim.problem, {name: _balls(value) for name, value in certificate["point"].items()}
    means = isinstance(problem, UnconstrainedFeatures) and "M" in point
    objective = class_mean_objective(problem) if means else problem.objective  # type: ignore[arg-type]
    with precision(256):
        reached, claimed = _ball(Balls().evaluate(objective, point)), _ball(Balls().evaluate(claim.value))
        difference = _decimal(claimed - reached)
        yield f"objective {_decimal(reached)}, claimed minimum {_decimal(claimed)}, lower by {difference}"
    if isinstance(problem, UnconstrainedFeatures) and means:
        yield from _layers(problem, certificate["point"])


def _layers(model: UnconstrainedFeatures, point: Mapping[str, Any]) -> Iterator[str]:
    """Each layer's class means before its ReLU, with ranks before and after it, and the factor's share of the decay."""
    factors = {name: [[Fraction(x) for x in row] for row in value] for name, value in point.items() if name != "b"}
    decays = {"M": model.feature_decay * Fraction(model.N, model.K)}
    decays |= {f"W_{m}": decay for m, decay in enumerate(model.weight_decays, start=1)}
    parts = {n: decays[n] * sum((x * x for row in rows for x in row), Fraction(0)) for n, rows in factors.items()}
    total = sum(parts.values()) or Fraction(1)
    lower = factors["M"]
    yield f"features: rank {rank(lower)}, {_percent(parts['M'] / total)} of the decay"
    for m in range(1, model.M + 1):
        lower = _product(factors[f"W_{m}"], lower)
        hidden = m < model.M and not model.is_linear
        after = [[max(x, Fraction(0)) for x in row] for row in lower] if hidden else lower
        ranks = f"rank {rank(lower)}" + (f", {rank(after)} behind the ReLU" if hidden else "")
        name = f"layer {m}" if m < model.M else "outputs"
        yield f"{name}: {ranks}; W_{m} has {_percent(parts[f'W_{m}'] / total)} of the decay"
        yield from (f"  {line}" for line in _rows([row for row in lower if any(row)]))
        lower = after


def rank(matrix: Sequence[Sequence[Fraction]]) -> int:
    """The exact rank of a rational matrix."""
    from flint import fmpq, fmpq_mat

    return int(fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in matrix]).rank())


def _product(left: Rows, right: Rows) -> Rows:
    columns = list(zip(*right, strict=True))
    return [[sum((x * y for x, y in zip(row, c, strict=True)), Fraction(0)) for c in columns] for row in left]


def _matrix(name: str, value: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"{name} ="
    yield from (f"  {'  '.join(row[:MOST])}" for row in value[:MOST])


def _rows(matrix: Rows) -> Iterator[str]:
    for row in matrix[:MOST]:
        yield " ".join(f"{float(x):7.3f}" for x in row[:MOST]) + (" …" if len(row) > MOST else "")
    if len(matrix) > MOST:
        yield f"… {len(matrix) - MOST} more rows"


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.1f} %"


def _balls(value: Any) -> Any:
    balls = Balls()
    if isinstance(value, list):
        return [[balls.number(Fraction(x)) for x in row] for row in value]
    return balls.number(Fraction(value))


def _ball(value: Any) -> Any:
    return Balls().number(Fraction(value)) if isinstance(value, int) else value


def _decimal(ball: Any) -> str:
    return str(ball.str(DIGITS, radius=False))
