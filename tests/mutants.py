"""Mutation testing of the checker: a small change of its code should make a good certificate fail or a bad one pass.

``make mutants`` changes one comparison, operator, constant, condition or statement at a time, runs the corpus of
``tests/test_certificates.py`` against the changed checker, and lists the mutants that nothing noticed.
"""

from __future__ import annotations

import ast
import copy
import json
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from certificates import good
from test_certificates import TAMPERED, mutants

SOURCE = Path(__file__).parent.parent / "verify" / "checker.py"
SECONDS, EVERY = 20, 23
"""A mutant that takes longer is noticed; of the fuzz cases every so manieth is run."""

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Pow: ast.Mult}


def places(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every place that can be changed, by its number in the walk, with a description."""
    for i, node in enumerate(ast.walk(tree)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
            yield i, f"line {line}: {type(node.ops[0]).__name__} → {COMPARISONS[type(node.ops[0])].__name__}"
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            yield i, f"line {line}: {type(node.op).__name__} → {OPERATORS[type(node.op)].__name__}"
        elif isinstance(node, ast.BoolOp):
            yield i, f"line {line}: and ↔ or"
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield i, f"line {line}: {node.value} → {node.value + 1}"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield i, f"line {line}: not dropped"
        elif isinstance(node, ast.Raise):
            yield i, f"line {line}: raise dropped"
        elif isinstance(node, ast.Name) and node.id in ("min", "max"):
            yield i, f"line {line}: min ↔ max"


def changed(place: int) -> ast.AST:
    """The checker's code with one place changed."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    node: Any = next(islice(ast.walk(tree), place, None))
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.Constant):
        node.value += 1
    elif isinstance(node, ast.UnaryOp):
        node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Raise):
        node.exc, node.cause = None, None
        return ast.fix_missing_locations(_Without(node).visit(tree))
    else:
        node.id = "max" if node.id == "min" else "min"
    return ast.fix_missing_locations(tree)


class _Without(ast.NodeTransformer):
    """Puts ``pass`` in place of one statement."""

    def __init__(self, node: ast.stmt) -> None:
        self.node = node

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.Pass() if node is self.node else node


@cache
def cases() -> tuple[list[Any], list[Any]]:
    """Certificates that the checker accepts and that it rejects, as it is now."""
    from verify import checker

    accepted = [c for certificates in good().values() for c in certificates]
    twins = []
    for kind, changes in TAMPERED.items():
        for change in changes.values():
            for certificate in good()[kind]:
                twin = copy.deepcopy(certificate)
                change(twin)
                twins.append(json.loads(json.dumps(twin)))
    for kind, certificates in good().items():
        for certificate in certificates:
            every = EVERY * 5 if kind == "counterexample" else EVERY
            twins += [t for t in islice(mutants(certificate), 0, None, every) if not _accepts(checker, t)]
    return accepted, twins


def _accepts(module: ModuleType, certificate: Any) -> bool:
    try:
        module.check(certificate)
    except module.Rejected:
        return False
    return True


def survives(place: int) -> bool:
    """Whether the corpus does not notice a change."""
    accepted, rejected = cases()
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    signal.alarm(SECONDS)
    try:
        module = ModuleType("checker")
        exec(compile(changed(place), "checker", "exec"), module.__dict__)
        return all(_accepts(module, c) for c in accepted) and not any(_accepts(module, c) for c in rejected)
    except BaseException:
        return False
    finally:
        signal.alarm(0)


def main(lines: list[int]) -> int:
    """Print the mutants that survive, in a range of lines if one is given; 1 when there are any."""
    first, last = (*lines, 1, 10**6)[:2] if len(lines) != 1 else (lines[0], lines[0])
    found = [(i, text) for i, text in places(ast.parse(SOURCE.read_text(encoding="utf-8")))]
    found = [(i, text) for i, text in found if first <= int(text.split()[1].rstrip(":")) <= last]
    with ProcessPoolExecutor(2) as pool:
        alive = [
            text for (_, text), lives in zip(found, pool.map(survives, [i for i, _ in found]), strict=True) if lives
        ]
    print(*alive, sep="\n")
    print(f"{len(found) - len(alive)} of {len(found)} mutants noticed, {len(alive)} survive")
    return int(bool(alive))


if __name__ == "__main__":
    sys.exit(main([int(x) for x in sys.argv[1:]]))
