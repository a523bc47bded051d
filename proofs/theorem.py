"""Theorems: accepted proofs, the kind of conclusion that they support, and what it entails about a claim.

``proofs/<id>.py`` (hyphens as underscores) has a function ``theorem()`` for the statement with that id. Neither it nor
the lemmas are trusted: a ``Theorem`` checks itself, and their source is looked through before it runs.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from proofs.contrast_kinds import ContrastiveLoss
from proofs.covariance_kinds import PartsWithSoftmax
from proofs.curvature_kinds import CurvatureAtCollapse, PartsOfHessian
from proofs.entailment import NotEntailed
from proofs.full_curvature_kinds import FullCurvature
from proofs.graph_kinds import ForEveryGraph, GraphLosses
from proofs.graphs import GraphProof
from proofs.kernel.axioms import AXIOMS
from proofs.kernel.convex import ConvexProof
from proofs.kernel.facts import Fact
from proofs.kernel.ledger import Step
from proofs.kernel.monotone import MonotoneProof
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected
from proofs.kinds import KINDS, Kind
from proofs.pairs_kinds import PairsBeatCollapse
from proofs.relu_kinds import CollapseWithReLUs
from proofs.softmax_curvature_kinds import SoftmaxCurvature
from proofs.threshold_kinds import ZeroThreshold
from proofs.variation_kinds import SecondVariation

BY_PARAMETERS = (
    ForEveryGraph
    | GraphLosses
    | PairsBeatCollapse
    | ContrastiveLoss
    | CurvatureAtCollapse
    | PartsOfHessian
    | SoftmaxCurvature
    | FullCurvature
    | ZeroThreshold
    | CollapseWithReLUs
    | SecondVariation
    | PartsWithSoftmax
)
"""Kinds that take what they are applied to from the parameters of a claim."""

PROOFS = (Proof, ConvexProof, MonotoneProof, GraphProof)


class Section(NamedTuple):
    """A proof with its heading, and what it concludes beyond what the theorem's kind needs."""

    heading: str
    proof: Proof | GraphProof
    conclusions: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Theorem:
    """A statement's proof: its sections, and the kind of theorem that they support.

    Raises:
        Rejected: for a section without steps, a step that leads to no conclusion, or a kind whose premises are not
            steps of the sections, or say something else.
    """

    id: str
    sections: tuple[Section, ...]
    kind: Kind

    def __post_init__(self) -> None:
        if type(self.kind) not in KINDS:
            raise Rejected(f"{self.id}: {self.kind!r} is not one of the kinds of theorem")
        if type(self.sections) is not tuple:
            raise Rejected(f"{self.id}: the sections of a theorem are a tuple")
        _check(self.sections, self.kind)

    @property
    def conclusion(self) -> str:
        """What follows, in words."""
        return self.kind.says

    @property
    def axioms(self) -> dict[str, str]:
        """The classical facts that the proof rests on, with their text."""
        names = dict.fromkeys([*(name for s in self.sections for name in s.proof.axioms), *self.kind.cites])
        return {name: AXIOMS[name] for name in names}

    @property
    def gaps(self) -> list[Step]:
        """Steps that no rule accepts so far; a theorem with a gap entails nothing."""
        return [step for section in self.sections for step in section.proof.gaps]

    def entails(
        self, claim: Any, field: Any, roots: Mapping[int, Any], parameters: Mapping[str, Any] = MappingProxyType({})
    ) -> dict[str, str]:
        """For a claim: clause by clause the empty text where the theorem entails it, else why it does not.

        ``field`` is one of exact numbers to decide in; ``roots`` and ``parameters`` propose what the theorem is to be
        applied to, and decide nothing.

        Raises:
            NotEntailed: where the theorem is about something else, or has a gap.
        """
        if self.gaps:
            raise NotEntailed("the proof has a gap")
        if isinstance(self.kind, BY_PARAMETERS):
            return self.kind.entails(claim, parameters)
        return self.kind.entails(claim, field, roots)


@cache
def _check(sections: tuple[Section, ...], kind: Kind) -> None:
    """Sections about settings of their own, which hold the premises of a kind and no step that leads nowhere."""
    if not sections or any(
        type(s) is not Section or type(s.proof) not in PROOFS or not s.proof.steps for s in sections
    ):
        raise Rejected("a theorem has sections, and each section has steps that the kernel accepted")
    proofs: dict[Any, Any] = {section.proof.setting: section.proof for section in sections}
    needed: Mapping[Any, tuple[Fact, ...]] = kind.premises
    if len(proofs) != len(sections) or not set(needed) <= set(proofs):
        raise Rejected("a theorem needs one section about each setting that it speaks of")
    for section in sections:
        section.proof.require_all_used([*section.conclusions, *needed.get(section.proof.setting, ())])
    kind.check(proofs)


# ------------------------------------------------------------------------------------------- scripts and lemmas as text


FOLDER = Path(__file__).parent
TRUSTED = (
    "__init__.py", "__main__.py", "collapsed.py", "collapsed_relu.py", "collapsed_softmax.py", "contrast_kinds.py",
    "covariance_kinds.py", "curvature_kinds.py", "directions.py", "entailment.py", "formulas.py",
    "full_curvature_kinds.py", "graph_kinds.py", "graphs.py", "kinds.py", "matching.py", "orthogonal_kinds.py",
    "pairs_kinds.py", "reading.py", "relu_kinds.py", "scalar_kinds.py", "simplex.py", "softmax_curvature_kinds.py",
    "softmax_kinds.py", "theorem.py", "threshold_kinds.py", "variation_kinds.py", "lemmas/collapse_setting.py",
    "lemmas/contrast_setting.py", "lemmas/covariance_setting.py", "lemmas/orthogonal_setting.py",
    "lemmas/pairs_setting.py", "lemmas/relu_collapse_setting.py", "lemmas/setting.py",
    "lemmas/softmax_collapse_setting.py", "lemmas/softmax_setting.py", "lemmas/variation_setting.py",
)  # fmt: skip
"""What decides, beside the kernel."""

PACKAGES = ("proofs", "theory", "sympy", "collections", "dataclasses", "fractions", "functools", "itertools", "typing")
"""What scripts and lemmas may import from."""

FORBIDDEN = (
    "compile", "delattr", "eval", "exec", "getattr", "globals", "lambdify", "locals", "object", "open", "parse_expr",
    "setattr", "sympify", "type", "vars",
)  # fmt: skip
"""Names by which a script could change what decides."""

SYMPY = ("Expr", "Integer", "Rational", "cancel", "sqrt", "symbols")
"""What scripts and lemmas may use of SymPy, as ``sp.…``: many of its other functions run text as code."""


def require_plain(source: str, name: str) -> None:
    """Scripts and lemmas may only call rules: they reach into nothing, change nothing, and make no operators.

    This keeps a script from changing what decides by an oversight or a trick. It is no sandbox for hostile code.

    Raises:
        Rejected: naming the place.
    """
    for node in ast.walk(ast.parse(source)):
        reason = _reaches(node)
        if reason:
            raise Rejected(f"{name}:{getattr(node, 'lineno', 0)} {reason}, which a proof has no need of")


def _reaches(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sp":
        return "" if node.attr in SYMPY else f"uses {node.attr} of SymPy"
    if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or node.attr in FORBIDDEN):
        return f"uses {node.attr}"
    if isinstance(node, ast.Name) and node.id in FORBIDDEN:
        return f"uses {node.id}"
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return "changes a part of something" if isinstance(node, ast.Attribute) or not _own(node) else ""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("__"):
        return f"defines {node.name}"
    if isinstance(node, ast.ClassDef) and (node.bases or node.keywords):
        return f"defines the subclass {node.name}"
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _imports(node)
    return ""


def _own(node: ast.Attribute | ast.Subscript) -> bool:
    """Whether it is an entry of a local name that is changed, such as ``found["size"] = …``."""
    return isinstance(node.value, ast.Name) and node.value.id.islower()


def _imports(node: ast.Import | ast.ImportFrom) -> str:
    modules: Sequence[str] = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
    if any(module.split(".")[0] not in (*PACKAGES, "__future__") for module in modules):
        return f"imports {modules[0]}"
    if any(module.split(".")[0] == "sympy" for module in modules):
        plain = isinstance(node, ast.Import) and [(a.name, a.asname) for a in node.names] == [("sympy", "sp")]
        return "" if plain else "imports sympy otherwise than as sp"
    private = [a.name for a in node.names if a.name.startswith("_")]
    return f"imports {private[0]}" if private else ""


@cache
def _require_plain_lemmas() -> None:
    for path in sorted(FOLDER.glob("lemmas/*.py")):
        if path.relative_to(FOLDER).as_posix() not in TRUSTED:
            require_plain(path.read_text(encoding="utf-8"), path.name)


@cache
def find(id: str) -> Theorem | None:
    """The theorem for a statement, or None where it has no script.

    Raises:
        Rejected: when the kernel does not accept a step of the script, or the script is no plain proof.
    """
    name = f"proofs.{id.replace('-', '_')}"
    path = FOLDER / f"{id.replace('-', '_')}.py"
    if not id.replace("-", "_").isidentifier() or path.name in TRUSTED or not path.exists() or find_spec(name) is None:
        return None
    _require_plain_lemmas()
    require_plain(path.read_text(encoding="utf-8"), path.name)
    script = import_module(name).__dict__.get("theorem")
    if script is None:
        return None
    found = script()
    if type(found) is not Theorem or found.id != id:
        raise Rejected(f"{path.name} does not give the theorem for {id}")
    return found
