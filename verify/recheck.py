"""Re-checking certificates from their JSON alone, before they are believed or reported.

``verify.checker`` does it, in this process for the store, and in an interpreter of its own for ``collapse recheck``,
which also rebuilds the claim of the statement that a certificate names, and requires that it is the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from theory.arithmetic.interpreters import Balls, precision
from theory.claims import (
    Claim,
    Constants,
    Convergence,
    CriticalPoints,
    Experiment,
    GlobalMinimum,
    Identity,
    Inequality,
    Minimisation,
    NotGlobalMinimum,
    Relation,
    Spectrum,
)
from theory.frames import deep_neural_collapse
from theory.model import UnconstrainedFeatures
from theory.ops import to_json
from theory.statement import Statement
from theory.strategies import threshold
from verify import checker
from verify.errors import BadInput
from verify.methods import spectra
from verify.methods.enclosed import as_ball, certified_minimisers, clause_finding
from verify.methods.exact_points import objective_at
from verify.witness import in_clause, stated

TOGETHER = 100
"""Files that one interpreter checks."""

BITS = 512
"""Precision at which a statement's numbers are compared with a certificate's intervals."""


def recheck(certificate: Any) -> str:
    """Accept a certificate and return what it shows.

    Raises:
        checker.Rejected: saying why.
    """
    return checker.check(checker.load(json.dumps(certificate)))


def files(paths: Sequence[str]) -> list[Path]:
    """The named files, and the certificates (``*.json``) in named folders.

    Raises:
        BadInput: when something does not exist, or a folder holds no certificate.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside or not path.exists():
            raise BadInput(f"{path} {'holds no certificate' if path.is_dir() else 'does not exist'}")
        found += inside
    return found


@dataclass(frozen=True)
class Rechecked:
    """What the checker said about one file."""

    path: str
    accepted: bool
    text: str


def in_separate_interpreter(paths: Sequence[Path]) -> Iterator[Rechecked]:
    """Run the checker on files in an interpreter without this project, and without site packages."""
    script = Path(checker.__file__)
    for start in range(0, len(paths), TOGETHER):
        some = [str(path) for path in paths[start : start + TOGETHER]]
        command = [sys.executable, "-I", "-S", str(script), *some]
        found = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
        lines = found.stdout.split("\n")[:-1]
        if len(lines) != len(some) or found.returncode not in (0, 1):
            yield from (
                Rechecked(path, False, "the checker did not end well on this file or one beside it") for path in some
            )
            continue
        for path, line in zip(some, lines, strict=True):
            accepted = line.startswith(f"{checker.shown(path)}: accepted: ")
            yield Rechecked(path, accepted, line.removeprefix(f"{checker.shown(path)}: ").split(": ", 1)[-1])


def with_statement(found: Rechecked, conjectures: Sequence[Statement] = (), place: str = "") -> Rechecked:
    """What the checker accepted, held against the claim of the statement that the file names as its origin.

    A name is looked up among the given conjectures first, then among the papers' statements; ``place`` is where the
    conjectures stand.

    Raises:
        checker.Rejected, OSError: when the file has changed since.
    """
    if not found.accepted or "origin" not in (certificate := checker.read(found.path)):
        return found
    from theory.statement import StatementError, statements
    from verify.work import decode

    known = {**statements(), **{conjecture.id: conjecture for conjecture in conjectures}}
    name, parameters = certificate["origin"]["statement"], certificate["origin"]["parameters"]
    if name not in known:
        why = f", nor a conjecture of {place}" if place else "; conjectures of your own need --conjecture FILE"
        return replace(found, accepted=False, text=f"the checker accepts it, but {name} is no statement{why}")
    try:
        difference = differs(certificate, known[name].claim(decode(parameters)))
    except (StatementError, ValueError, TypeError, KeyError, AttributeError) as error:
        difference = f"its claim cannot be rebuilt ({type(error).__name__}: {error})"
    if difference:
        return replace(found, accepted=False, text=f"the checker accepts it, but it is not of {name}: {difference}")
    return replace(found, text=f"{found.text}; rebuilt from {name}: the same")


def differs(certificate: Mapping[str, Any], claim: Claim) -> str:
    """Why an accepted certificate does not belong to a claim; empty when it does.

    Problem and sides must be the same data. A claimed value must lie in the interval that is certified, and no clause
    may fail at the minimisers that are certified.

    >>> from theory.ops import constant
    >>> from verify.certificate import two_sided_bound
    >>> model = UnconstrainedFeatures(class_sizes=(1,), decays=1)
    >>> differs(two_sided_bound(model), GlobalMinimum(model, constant(Fraction(1, 2))))
    ''
    >>> differs(two_sided_bound(model), GlobalMinimum(model, constant(Fraction(1, 3))))
    'the claimed value is outside the certified interval'
    """
    if isinstance(claim, Inequality):
        return "" if certificate.get("claim") == claim.stated() else "the inequality is another one"
    if isinstance(claim, Spectrum) and certificate["kind"] == "spectrum":
        return spectra.against(claim, certificate)
    if isinstance(claim, Identity | Convergence) and certificate["kind"] == "failed relation":
        own = (in_clause(c.name, relation) for c in claim.clauses for relation in c.relations)
        return "" if certificate["claim"] in own else "the relation is another one"
    if isinstance(claim, Constants | Experiment):
        return f"no certificate of this kind shows a claim of the kind {claim.kind}"
    if isinstance(claim, GlobalMinimum | NotGlobalMinimum) and certificate["kind"] == "exact fit":
        return _another_fit(certificate, claim)
    shown, problem = certificate.get("claim", certificate), claim.problem
    if not isinstance(problem, UnconstrainedFeatures | Minimisation):
        return "no certificate is known for its problem"
    kind = "model" if isinstance(problem, UnconstrainedFeatures) else "minimisation"
    if shown.get(kind) != problem.to_json():
        return "the problem is another one"
    if isinstance(claim, NotGlobalMinimum) and (certificate["kind"] != "counterexample" or "everywhere" in shown):
        return "only a lower point shows that a value is beaten"
    if isinstance(claim, CriticalPoints):
        return "" if certificate["kind"] in ("geometry", "identity") else "the claim is not about a minimum"
    if isinstance(claim, NotGlobalMinimum) or certificate["kind"] == "counterexample":
        if shown["value"] != to_json(claim.value):
            return "the claimed value is another one"
        relations = _relations(claim) if isinstance(claim, GlobalMinimum) else []
        known = "everywhere" not in shown or shown["everywhere"] in map(stated, relations)
        return "" if known else "the relation is another one"
    with precision(BITS):
        return _value_outside(certificate, claim) or _clause_fails(certificate, claim)


def _relations(claim: GlobalMinimum) -> list[Relation]:
    return [relation for c in claim.clauses for relation in c.relations]


def _another_fit(certificate: Mapping[str, Any], claim: GlobalMinimum | NotGlobalMinimum) -> str:
    """Why an exact fit does not show that the value is beaten: it speaks of collapse where that is not zero."""
    model = claim.problem
    if not isinstance(model, UnconstrainedFeatures) or not model.balanced or model.has_bias:
        return "the problem is another one"
    if certificate["model"] != model.with_(class_sizes=(1,) * model.K, decays=1).to_json():
        return "the problem is another one"
    if min(model.widths) < model.K or to_json(claim.value) != to_json(deep_neural_collapse(model)):
        return "the value is not that of deep neural collapse"
    return "" if _collapse_is_active(model) else "deep neural collapse is zero here, where a fit may be worse"


def _collapse_is_active(model: UnconstrainedFeatures) -> bool:
    """Whether collapse of equal classes is not zero, or ties with zero."""
    return model.N * model.K**model.M * model.Lambda <= threshold(model.M)


def _value_outside(certificate: Mapping[str, Any], claim: GlobalMinimum) -> str:
    balls = Balls()
    names = ("low", "high") if certificate["kind"] == "two-sided bound" else ("lower", "upper")
    low, high = (balls.number(Fraction(certificate[name])) if name in certificate else None for name in names)
    value = as_ball(balls.evaluate(claim.value))
    if (low is not None and value < low) or (high is not None and value > high):
        return "the claimed value is outside the certified interval"
    if high is None or not isinstance(claim.problem, UnconstrainedFeatures):
        return ""
    reached = [objective_at(claim.problem, balls, balls.point(point)) for point in claim.minimisers]
    return "a claimed minimiser does not attain the certified value" if any(x > high for x in reached) else ""


def _clause_fails(certificate: Mapping[str, Any], claim: GlobalMinimum) -> str:
    """A clause that fails at the minimisers that a geometry certificate encloses, turned about at random."""
    if certificate["kind"] != "geometry" or not isinstance(claim.problem, UnconstrainedFeatures):
        return ""
    balls = Balls()
    points = certified_minimisers(claim.problem, certificate, balls, seed=0)
    findings = [clause_finding(clause, points, balls) for clause in claim.clauses]
    return next((f"{f.clause} fails at a certified minimiser" for f in findings if f.conclusion == "refuted"), "")
