"""Whether a claim about constants is some of what a theorem says at a point: spectra, relations and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from proofs.entailment import NotEntailed
from proofs.formulas import is_defined, same, summed
from theory.claims import Clause, Identity, Relation, Spectrum
from theory.ops import Expression, constant, identity


class Known(NamedTuple):
    """A symmetric matrix with some different eigenvalues, each so often; all others are 0."""

    matrix: Expression
    eigenvalues: Sequence[tuple[Expression, int]]


class Collapsed(Protocol):
    """A point at which a theorem knows spectra, relations and numbers."""

    def spectra(self, layer: int) -> Iterator[Known]:
        """Matrices of a layer with their eigenvalues."""
        ...

    def relations(self, layer: int) -> Iterator[Relation]:
        """Equations of a layer."""
        ...

    def numbers(self, layer: int) -> Mapping[Expression, Expression]:
        """Numbers that are read off matrices of a layer."""
        ...


def answers(claim: Any, point: Collapsed, layers: Sequence[int]) -> dict[str, str]:
    """For each clause the empty text where the theorem entails it at some layers of a point, else why it does not.

    Raises:
        NotEntailed: for another kind of claim or another matrix.
    """
    if type(claim) is Spectrum:
        return spectrum(claim, (known for layer in layers for known in point.spectra(layer)))
    if type(claim) is not Identity:
        raise NotEntailed("the theorem is about spectra and relations of constants")
    known = [relation for layer in layers for relation in point.relations(layer)]
    numbers = {node: value for layer in layers for node, value in point.numbers(layer).items()}
    return {c.name: _clause(c, known, numbers) for c in claim.clauses}


def _clause(clause: Clause, known: list[Relation], numbers: Mapping[Expression, Expression]) -> str:
    try:
        good = all(_says(relation, known, numbers) for relation in clause.relations)
    except NotEntailed as reason:
        return str(reason)
    return "" if good else "a relation is not one of the theorem's"


def spectrum(claim: Spectrum, spectra: Iterable[Known]) -> dict[str, str]:
    """Whether a matrix is s S + r I for a matrix S of the theorem, with s times each of its values and r.

    Raises:
        NotEntailed: where it is not.
    """
    one = identity(claim.matrix.shape[0])
    parts = summed(claim.matrix)
    shift = parts.get(one, constant(0))
    for matrix, eigenvalues in spectra:
        first, factor = next(iter(summed(matrix).items()))
        if first not in parts or first is one:
            continue
        scale = parts[first] / factor
        if same(claim.matrix, scale * matrix + shift * one):
            rest = one.shape[0] - sum(times for _, times in eigenvalues)
            counts = [*((scale * value + shift, times) for value, times in eigenvalues), (shift, rest)]
            return _compared(claim, _merged(counts))
    raise NotEntailed("the matrix is none of the theorem's")


def _merged(counts: Iterable[tuple[Expression, int]]) -> list[tuple[Expression, int]]:
    """Different values alone, with the sum of their multiplicities."""
    found: list[tuple[Expression, int]] = []
    for value, times in counts:
        before = next((i for i, (x, _) in enumerate(found) if same(x, value)), None)
        if before is None:
            found.append((value, times))
        else:
            found[before] = (value, found[before][1] + times)
    return [(value, times) for value, times in found if times]


def _compared(claim: Spectrum, expected: list[tuple[Expression, int]]) -> dict[str, str]:
    """Whether the claimed eigenvalues are the expected ones, and each so often."""
    claimed = [[times for value, times in claim.eigenvalues if same(value, wanted)] for wanted, _ in expected]
    values = all(claimed) and sum(map(len, claimed)) == len(claim.eigenvalues)
    often = values and all(sum(found) == times for found, (_, times) in zip(claimed, expected, strict=True))
    return {
        "eigenvalues": "" if values else "a value is no eigenvalue, or one is missing",
        "multiplicities": "" if often else "an eigenvalue has another multiplicity",
    }


def _says(relation: Relation, known: list[Relation], numbers: Mapping[Expression, Expression]) -> bool:
    """Whether a relation is one of the theorem's, or an equation of numbers that it knows."""
    if relation.sign != "=":
        return False
    if not relation.left.shape:
        left, right = (_number(side, numbers) for side in (relation.left, relation.right))
        return is_defined(left) and is_defined(right) and same(left, right)
    return any(same(relation.left, r.left) and same(relation.right, r.right) for r in known)


def _number(formula: Expression, numbers: Mapping[Expression, Expression]) -> Expression:
    """A number with those that the theorem knows in their places.

    Raises:
        NotEntailed: where it is read off another matrix.
    """
    if formula in numbers or formula.op == "rational":
        return numbers.get(formula, formula)
    if formula.op not in ("add", "scale", "power"):
        raise NotEntailed("a number is none of the theorem's")
    first, *others = [_number(arg, numbers) for arg in formula.args]
    if formula.op == "power":
        return first**formula.data  # type: ignore[operator]
    return first + others[0] if formula.op == "add" else first * others[0]
