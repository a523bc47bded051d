"""Mutation testing of the checker: a small change of its code should make a good certificate fail or a bad one pass.

``make mutants`` changes one comparison, operator, constant, condition or statement at a time and runs the corpus of
``tests/test_certificates.py`` and the cases of ``tests/test_checker_cases.py`` against the changed checker. It lists
the mutants that nothing noticed and that ``tests/survivors.py`` does not explain.
"""

from __future__ import annotations

import ast
import copy
import gc
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from certificates import good
from survivors import EXPLAINED, Key
from test_certificates import FALSE, TAMPERED, mutants
from test_checker_cases import CASES, outcome

SOURCE = Path(__file__).parent.parent / "verify" / "checker.py"
EVERY = 23
"""Of the fuzz cases every so manieth is run."""

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Pow: ast.Mult}
PLAIN = ast.Name | ast.Attribute | ast.Call | ast.Subscript
"""Conditions without a comparison or operator of their own."""
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}


# ------------------------------------------------------------ what is changed


@dataclass
class Place:
    """A place in a tree that can be changed: a node and, of several comparisons in a chain, which one."""

    node: Any
    change: str
    which: int = 0
    function: int | None = None
    """The first line of the function around it, if there is one."""


def places(tree: ast.AST) -> list[Place]:
    """Every place that can be changed, in the order of the text; a change made twice in one line gets a number."""
    found = [
        Place(node, change, which, function)
        for node, function in walk(tree)
        for which, change in enumerate(changes(node))
    ]
    found.sort(key=lambda p: (p.node.lineno, p.node.col_offset, p.node.end_lineno, p.node.end_col_offset, p.which))
    seen: Counter[tuple[int, str]] = Counter()
    for place in found:
        seen[place.node.lineno, place.change] += 1
        if (number := seen[place.node.lineno, place.change]) > 1:
            place.change += f" ({number})"
    return found


def walk(node: ast.AST, function: int | None = None) -> Iterator[tuple[ast.AST, int | None]]:
    """Every node with the first line of the function that it is in, but for the counts of work in ``spend(…)``."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Expr) and ast.unparse(inner).startswith("spend("):
            continue
        yield inner, function
        yield from walk(inner, inner.lineno if isinstance(inner, ast.FunctionDef) else function)


def changes(node: ast.AST) -> list[str]:
    """What can be changed at a node, described."""
    if isinstance(node, ast.Compare):
        return [f"{type(op).__name__} → {COMPARISONS[type(op)].__name__}" for op in node.ops]
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        return [f"{type(node.op).__name__} → {OPERATORS[type(node.op)].__name__}"]
    if isinstance(node, ast.BoolOp):
        return ["and → or" if isinstance(node.op, ast.And) else "or → and"]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return [f"{node.value} → {node.value + 1}"]
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        return [f"{node.value} → {not node.value}"]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        return ["not dropped" if isinstance(node.op, ast.Not) else "minus dropped"]
    if isinstance(node, ast.Raise):
        return ["raise dropped"]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ["call dropped"]
    if isinstance(node, ast.If | ast.IfExp | ast.While) and isinstance(node.test, PLAIN):
        return ["condition negated"]
    if isinstance(node, ast.Name) and node.id in OPPOSITES:
        return [f"{node.id} → {OPPOSITES[node.id]}"]
    return []


@cache
def source() -> str:
    """The checker's text, the same for a whole run."""
    return SOURCE.read_text(encoding="utf-8")


def changed(number: int) -> tuple[ast.AST, int | None]:
    """The checker's code with one place changed, and the first line of the function that was changed."""
    tree = ast.parse(source())
    place = places(tree)[number]
    node = place.node
    if isinstance(node, ast.Compare):
        node.ops[place.which] = COMPARISONS[type(node.ops[place.which])]()
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.Constant):
        node.value = not node.value if type(node.value) is bool else node.value + 1
    elif isinstance(node, ast.UnaryOp):
        node.op, node.operand = ast.Not(), ast.UnaryOp(node.op, node.operand)
        if isinstance(node.operand.op, ast.USub):
            node.op, node.operand = ast.UAdd(), node.operand.operand
    elif isinstance(node, ast.Raise | ast.Expr):
        tree = _Without(node).visit(tree)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    else:
        node.id = OPPOSITES[node.id]
    return ast.fix_missing_locations(tree), place.function


class _Without(ast.NodeTransformer):
    """Puts ``pass`` in place of one statement."""

    def __init__(self, node: ast.stmt) -> None:
        self.node = node

    def visit(self, node: ast.AST) -> Any:
        return ast.Pass() if node is self.node else self.generic_visit(node)


# ------------------------------------------------------------ what should notice it


@dataclass
class Case:
    """Something that holds for the checker as it is, with the functions that it enters and the time it takes."""

    holds: Callable[[Any], bool]
    enters: frozenset[int]
    seconds: float


@cache
def cases() -> list[Case]:
    """What is run against every mutant, the quickest first."""
    from verify import checker

    certificates = [*(c for kind in good().values() for c in kind), *FALSE.values()]
    for kind, tampered in TAMPERED.items():
        for change in tampered.values():
            for certificate in good()[kind]:
                twin = copy.deepcopy(certificate)
                change(twin)
                certificates.append(json.loads(json.dumps(twin)))
    for kind, fine in good().items():
        for certificate in fine:
            certificates += islice(mutants(certificate), 0, None, EVERY * 5 if kind == "counterexample" else EVERY)
    found = [measured(checker, lambda module, case=case: outcome(module, case.run) == case.expected) for case in CASES]
    for certificate in certificates:
        accepted = accepts(checker, certificate)
        found.append(measured(checker, lambda module, c=certificate, a=accepted: accepts(module, c) == a))
    assert all(case.holds(checker) for case in found)
    return sorted(found, key=lambda case: case.seconds)


def measured(module: ModuleType, holds: Callable[[Any], bool]) -> Case:
    """A case with what it enters and takes."""
    entered: set[int] = set()

    def note(frame: Any, *_: Any) -> None:
        if frame.f_code.co_filename == module.__file__:
            entered.add(frame.f_code.co_firstlineno)

    start = time.process_time()
    sys.setprofile(note)
    holds(module)
    sys.setprofile(None)
    return Case(holds, frozenset(entered), time.process_time() - start)


def accepts(module: Any, certificate: Any) -> bool:
    try:
        module.check(certificate)
    except module.Rejected:
        return False
    return True


class TooLong(BaseException):
    """A case takes much longer than with the checker as it is, which is noticed."""


def survives(number: int) -> bool:
    """Whether no case notices a change; those that do not enter the changed function cannot."""
    tree, function = changed(number)

    def stop(*_: Any) -> None:
        raise TooLong

    signal.signal(signal.SIGVTALRM, stop)
    try:
        module: Any = ModuleType("checker")
        exec(compile(tree, "checker", "exec"), module.__dict__)
        for case in cases():
            if function is None or function in case.enters:
                signal.setitimer(signal.ITIMER_VIRTUAL, 2 + 20 * case.seconds, 1)
                if not case.holds(module):
                    return False
    except BaseException:
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return True


def main(lines: list[int]) -> int:
    """Print the mutants that survive unexplained, in a range of lines if one is given; 1 when there are any."""
    first, last = (*lines, 1, 10**6)[:2] if len(lines) != 1 else (lines[0], lines[0])
    everywhere = [
        (number, place.node.lineno, (source().splitlines()[place.node.lineno - 1].strip(), place.change))
        for number, place in enumerate(places(ast.parse(source())))
    ]
    tried = [found for found in everywhere if first <= found[1] <= last]
    cases()  # before the workers start, which share it
    gc.callbacks.clear()  # one of a library would swallow TooLong
    alive: list[Key] = []
    unexplained = 0
    with ProcessPoolExecutor(int(os.environ.get("WORKERS", "2"))) as pool:
        for (_, line, key), lives in zip(tried, pool.map(survives, [number for number, _, _ in tried]), strict=True):
            if lives:
                alive.append(key)
            if lives and key not in EXPLAINED:
                unexplained += 1
                print(f"line {line}: {key[1]}: {key[0]}", flush=True)
    for text, change in EXPLAINED.keys() - {key for _, _, key in everywhere}:
        print(f"explained, but no longer there: {change}: {text}")
    for text, change in (EXPLAINED.keys() & {key for _, _, key in tried}) - set(alive):
        print(f"explained, but noticed: {change}: {text}")
    print(
        f"{len(tried)} mutants: {len(tried) - len(alive)} noticed, {len(alive) - unexplained} explained, "
        f"{unexplained} unexplained"
    )
    return int(bool(unexplained))


if __name__ == "__main__":
    sys.exit(main([int(x) for x in sys.argv[1:]]))
