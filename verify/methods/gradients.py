"""Derivatives of formulas as formulas, by going backwards through the tree: every arithmetic can then evaluate them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial, reduce
from typing import Any

from theory.arithmetic.interpreters import Undecidable
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    identity,
    ones,
    trace,
    variable,
    walk,
    zeros,
)

DIRECTION = "direction_of_{}"
"""Name of the variable that holds a direction, by that of the variable that moves."""


def gradient(formula: Expression, variables: Mapping[str, Expression]) -> dict[str, Expression]:
    """The partial derivatives of a scalar formula, of the variables' shapes.

    Raises:
        Undecidable: for an operation that has no derivative here, such as a norm or a ReLU.

    >>> from theory.ops import sum_squares
    >>> X = variable("X", (2, 3))
    >>> gradient(sum_squares(X), {"X": X})["X"] is 2 * X
    True
    """
    adjoints: dict[int, Expression] = {id(formula): constant(1)}
    found: dict[str, Expression] = {}
    for node in reversed(list(walk(formula))):
        if not node.variables or id(node) not in adjoints:
            continue
        above = adjoints[id(node)]
        if node.op == "variable":
            found[str(node.data)] = above
        for arg, part in _parts(node, above):
            adjoints[id(arg)] = adjoints[id(arg)] + part if id(arg) in adjoints else part
    missing = {name: zeros(*v.shape) if v.shape else constant(0) for name, v in variables.items()}
    return {name: found.get(name, missing[name]) for name in variables}


def curvature(formula: Expression, variables: Mapping[str, Expression]) -> dict[str, Expression]:
    """The Hessian of a scalar formula times a direction, which has the variables ``DIRECTION``.

    >>> x = variable("x")
    >>> curvature(x**2, {"x": x})["x"] is 2 * variable("direction_of_x")
    True
    """
    slopes = gradient(formula, variables)
    directions = {name: variable(DIRECTION.format(name), v.shape) for name, v in variables.items()}
    along = reduce(lambda a, b: a + b, (_inner(slopes[name], directions[name]) for name in variables))
    return gradient(along, variables)


def _inner(left: Expression, right: Expression) -> Expression:
    return trace(left @ right.T) if left.shape else left * right


def _parts(node: Expression, above: Expression) -> Iterable[tuple[Expression, Expression]]:
    """What each argument that depends on variables receives from above."""
    rule = _RULES.get(node.op)
    if (rule is None and node.args) or (node.op == "log" and node.shape):
        raise Undecidable(f"no derivative of {node.op} is known")
    parts = rule(node, above) if rule else ()
    return [(arg, part()) for arg, part in zip(node.args, parts, strict=True) if arg.variables]


def _placed(node: Expression, above: Expression) -> Expression:
    """A submatrix put back where it was taken from."""
    places: Any = node.data
    rows, columns = places
    m, n = node.args[0].shape
    return identity(m)[range(m), rows] @ above @ identity(n)[columns, range(n)]


def _entry(node: Expression, above: Expression) -> Expression:
    place: Any = node.data
    i, j = place
    m, n = node.args[0].shape
    return above * (identity(m)[range(m), (i,)] @ identity(n)[(j,), range(n)])


def _entrywise(left: Expression, right: Expression) -> Expression:
    """The product of two matrices entry by entry, a column at a time."""
    m, n = left.shape
    columns = (
        diagonal([left[i, j] for i in range(m)]) @ right[range(m), (j,)] @ identity(n)[(j,), range(n)] for j in range(n)
    )
    return reduce(lambda a, b: a + b, columns)


def _softmax(matrix: Expression, lse: Expression) -> Expression:
    return exp(matrix - ones(matrix.shape[0], 1) @ lse)


_RULES: dict[str, Any] = {
    "add": lambda node, above: (lambda: above, lambda: above),
    "scale": lambda node, above: (lambda: _inner(above, node.args[1]), lambda: node.args[0] * above),
    "power": lambda node, above: (lambda: node.data * above * node.args[0] ** (node.data - 1),),
    "matmul": lambda node, above: (lambda: above @ node.args[1].T, lambda: node.args[0].T @ above),
    "transpose": lambda node, above: (lambda: above.T,),
    "trace": lambda node, above: (lambda: above * identity(node.args[0].shape[0]),),
    "sum_squares": lambda node, above: (lambda: 2 * above * node.args[0],),
    "entry": lambda node, above: (lambda: _entry(node, above),),
    "submatrix": lambda node, above: (lambda: _placed(node, above),),
    "diagonal": lambda node, above: [partial(above.__getitem__, (i, i)) for i in range(len(node.args))],
    "log_sum_exp": lambda node, above: (
        lambda: _softmax(node.args[0], node) @ diagonal([above[0, i] for i in range(node.shape[1])]),
    ),
    "exp": lambda node, above: (lambda: _entrywise(above, node) if node.shape else above * node,),
    "log": lambda node, above: (lambda: above / node.args[0],),
}
"""For each operation, what its arguments receive."""
