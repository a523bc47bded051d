"""Which formulas there are. Whatever a proof is given is read into fresh parts of exactly known kinds.

No object of a script's own making gets further, so that none can answer for itself. Letters, constants and spaces must
be those of the setting, at indices for which they exist whatever M and m are, and powers of letters at least 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction

from proofs.kernel.scalars import Rejected
from proofs.kernel.setting import Indexed, Range, Setting, at_least_zero, ends, is_integral, least_count, lies_within
from proofs.kernel.words import Letter, Matrix, Trace, Word, identity, of, only, trace

RATIONALS = (sp.Integer, sp.Rational, type(sp.S.Half), type(sp.S.One), type(sp.S.Zero), type(sp.S.NegativeOne))
COMPOUND = (sp.Add, sp.Mul, sp.Pow)


def read(setting: Setting, body: Any, layers: Range | None = None) -> Any:
    """A fresh copy of a matrix, trace or scalar formula; m may occur where ``layers`` says which m is meant.

    Raises:
        Rejected: for anything that is not a formula of the setting.
    """
    if type(body) is Matrix:
        return read_matrix(setting, body, layers)
    if type(body) is Trace:
        return _trace(setting, body, layers)
    return read_scalar(setting, body, layers)


def read_range(setting: Setting, layers: Any) -> Range | None:
    """A range of m: two ends that are sums of whole multiples of M and 1.

    Raises:
        Rejected: for anything else.
    """
    if layers is None:
        return None
    if type(layers) is not tuple or len(layers) != 2:
        raise Rejected(f"{layers!r} is not a first and a last layer")
    first, last = (sp.expand(read_scalar(setting, end, None)) for end in layers)
    if not all(is_integral(end, setting.index) for end in (first, last)):
        raise Rejected(f"from {first} to {last} is not a range of layers")
    least_count((first, last))
    return first, last


def read_scalar(setting: Setting, value: Any, layers: Range | None) -> sp.Expr:
    """A scalar made of rationals, the setting's symbols and constants, sums, products and powers.

    Raises:
        Rejected: for floats, infinities, other functions, and symbols that the setting does not have.
    """
    if type(value) is int:
        return sp.Integer(value)
    _check_scalar(setting, value, layers)
    found: sp.Expr = value
    return found


def _check_scalar(setting: Setting, node: Any, layers: Range | None) -> None:
    kind = type(node)
    if kind in RATIONALS:
        return
    if kind is sp.Symbol:
        if node not in setting.symbols:
            raise Rejected(f"the setting has no symbol {node}")
        if node == setting.index and layers is None:
            raise Rejected(f"{node} occurs where no range of layers is said")
    elif kind in COMPOUND:
        for arg in node.args:
            _check_scalar(setting, arg, layers)
    elif type(kind) is UndefinedFunction:
        allowed = next((known for function, known in setting.constants.items() if function == kind), None)
        if allowed is None or len(node.args) != 1:
            raise Rejected(f"the setting has no constant {node}")
        _check_index(setting, node, node.args[0], layers, allowed)
    else:
        raise Rejected(f"{node!r} is not made of rationals, symbols, sums, products and powers")


def _check_index(setting: Setting, whole: Any, index: Any, layers: Range | None, allowed: Range) -> None:
    _check_scalar(setting, index, layers)
    if not is_integral(index, setting.index):
        raise Rejected(f"{index} is not a whole number of layers")
    if not lies_within(index, layers, allowed, setting.index):
        raise Rejected(f"{whole} does not exist for every layer that is meant")


def _space(setting: Setting, space: Any, layers: Range | None) -> Any:
    if type(space) is sp.Symbol and space in setting.spaces:
        return space
    kind = type(space)
    for function, allowed in setting.widths.items():
        if type(kind) is UndefinedFunction and kind == function and len(space.args) == 1:
            _check_index(setting, space, space.args[0], layers, allowed)
            return space
    raise Rejected(f"the setting has no space {space!r}")


def _letter(setting: Setting, found: Any, layers: Range | None) -> Letter:
    """The setting's own letter in place of one that says that it is this one."""
    if type(found) is not Letter or type(found.name) is not str or type(found.turned) is not bool:
        raise Rejected(f"{found!r} is not a letter")
    meant = setting.letters.get(found.name)
    if meant is None:
        raise Rejected(f"the setting has no letter {found.name}")
    if isinstance(meant, Indexed):
        _check_index(setting, found.name, found.index, layers, (meant.first, meant.last))
        plain = only(meant.make(found.index))
    else:
        plain = only(meant)
    exponent = sp.expand(read_scalar(setting, found.power, layers))
    own = plain.T if found.turned and not plain.symmetric else plain
    if replace(found, power=1) != own:
        raise Rejected(f"{found.name} is not the setting's letter of this name and index")
    if exponent != 1 and not own.symmetric:
        raise Rejected(f"{found.name} is not symmetric, so it has no powers")
    least = least_count(layers)
    whole = is_integral(exponent, setting.index)
    if not whole or not all(at_least_zero(value, least) for value in ends(exponent, layers, setting.index)):
        raise Rejected(f"the exponent {exponent} of {found.name} is not shown to be at least 0")
    return replace(own, power=exponent)


def _product(setting: Setting, word: Any, rows: Any, layers: Range | None) -> Matrix:
    if type(word) is not tuple:
        raise Rejected(f"{word!r} is not a word")
    result = identity(rows)
    for found in word:
        letter = _letter(setting, found, layers)
        result = result @ (of(letter) if letter.power != 0 else identity(letter.rows))
    return result


def read_matrix(setting: Setting, body: Any, layers: Range | None) -> Matrix:
    """A polynomial in the setting's letters, whose spaces fit.

    Raises:
        Rejected: for anything else.
    """
    if type(body) is not Matrix:
        raise Rejected(f"{body!r} is not a matrix formula")
    rows, columns = _space(setting, body.rows, layers), _space(setting, body.columns, layers)
    total = Matrix(rows, columns, {})
    for word, c in body.terms.items():
        total = total + read_scalar(setting, c, layers) * _product(setting, word, rows, layers)
    return total


def _trace(setting: Setting, body: Trace, layers: Range | None) -> Trace:
    total = Trace({}, read_scalar(setting, body.constant, layers))
    for word, c in body.terms.items():
        total = total + read_scalar(setting, c, layers) * trace(_closed(setting, word, layers))
    return total


def _closed(setting: Setting, word: Word, layers: Range | None) -> Matrix:
    if type(word) is not tuple or not word or type(word[0]) is not Letter:
        raise Rejected(f"{word!r} is not a word")
    space = _space(setting, word[0].rows, layers)
    if word == (Letter("I", space, space, symmetric=True),):
        return identity(space)
    return _product(setting, word, space, layers)


def mentions(body: Any, symbol: sp.Symbol) -> bool:
    """Whether a formula that was read holds a symbol anywhere: in coefficients, indices, exponents or spaces."""
    if isinstance(body, Matrix | Trace):
        parts = [c for c in body.terms.values() if c != 0]
        parts += [x for w, c in body.terms.items() if c != 0 for f in w for x in (f.index, f.power, f.rows, f.columns)]
        parts += [body.constant] if isinstance(body, Trace) else [body.rows, body.columns]
    else:
        parts = [body]
    return any(part is not None and symbol in sp.sympify(part).free_symbols for part in parts)
