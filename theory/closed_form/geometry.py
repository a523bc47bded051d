"""Matrices Σ φ(mode) (D^i u)(D^j u)ᵀ over the modes of a model, by groups of classes that they do not tell apart.

D = diag(μ/n_k) turns the vector u of a mode into the class means of its features' direction: it is 1 except for the
modes between different sizes. So the product W_M ⋯ W_1 has the Gram matrix Σ Nλ_H z/(1−z) uuᵀ, the class means
Σ z(1−z)/(Nλ_H) (Du)(Du)ᵀ, and the logits are Σ z u(Du)ᵀ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from theory.arithmetic.intervals import Interval
from theory.closed_form.modes import Mode
from theory.model import UnconstrainedFeatures

if TYPE_CHECKING:
    import numpy as np

Number = Interval | float
"""Exact or enclosed; a float only where modes mix classes of different sizes."""

TABLE_LIMIT = 64
"""More groups than this get no table of off-diagonal entries unless dense rows are asked for."""


@dataclass(frozen=True)
class GroupedMatrix:
    """A K × K matrix by groups of classes that it does not tell apart.

    ``groups`` hold class indices from 0; ``diagonal`` has one entry a group; ``off_diagonal[g][h]`` is the entry
    between different classes, row in group g and column in group h (``None`` where a group has one class only). The
    table is ``()`` when all of it is zero and ``None`` when it was not computed.
    """

    groups: tuple[tuple[int, ...], ...]
    diagonal: tuple[Number, ...]
    off_diagonal: tuple[tuple[Number | None, ...], ...] | None = ()

    def rows(self) -> list[list[Number]]:
        """Dense rows (K × K).

        Raises:
            ValueError: when the off-diagonal entries were not computed.

        >>> GroupedMatrix(((0, 2), (1,)), (Interval.exact(1), Interval.exact(0))).rows()[0][2].low
        Fraction(0, 1)
        """
        if self.off_diagonal is None:
            raise ValueError("the off-diagonal entries were not computed; ask for the dense matrix")
        place = {k: g for g, classes in enumerate(self.groups) for k in classes}
        zero = Interval.exact(0)

        def entry(j: int, k: int) -> Number:
            if j == k:
                return self.diagonal[place[j]]
            value = self.off_diagonal[place[j]][place[k]] if self.off_diagonal else zero
            return zero if value is None else value

        return [[entry(j, k) for k in range(len(place))] for j in range(len(place))]

    def array(self) -> np.ndarray:
        """Dense rows in floats (K × K)."""
        import numpy as np

        size = sum(map(len, self.groups))
        if self.off_diagonal == ():
            dense = np.zeros((size, size))
            for classes, value in zip(self.groups, self.diagonal, strict=True):
                dense[list(classes), list(classes)] = float(value)
            return dense
        return np.array([[float(entry) for entry in row] for row in self.rows()])

    def by_class(self) -> list[Number]:
        """The diagonal, one entry a class."""
        entries = {k: v for classes, v in zip(self.groups, self.diagonal, strict=True) for k in classes}
        return [entries[k] for k in range(len(entries))]

    def to_json(self, digits: int = 30, dense: bool = False) -> dict[str, Any]:
        """Plain data: strings for exact or enclosed numbers, JSON numbers for floats.

        ``off_diagonal`` is a table, or ``"0"`` when all of it is zero, or ``null`` when it was left out.
        """
        table: Any = "0"
        if self.off_diagonal is None:
            table = None
        elif self.off_diagonal:
            table = [[None if v is None else number(v, digits) for v in row] for row in self.off_diagonal]
        shown: dict[str, Any] = {
            "groups": [list(classes) for classes in self.groups],
            "diagonal": [number(value, digits) for value in self.diagonal],
            "off_diagonal": table,
        }
        if dense:
            shown["dense"] = [[number(value, digits) for value in row] for row in self.rows()]
        return shown


def number(value: Number, digits: int = 30) -> str | float:
    """A string for an exact or enclosed number, the float itself otherwise."""
    return value.decimal(digits) if isinstance(value, Interval) else value


@dataclass(frozen=True)
class _Group:
    """Equal classes; on them the contrasts act as ``share``·(I − 11ᵀ/r) times their φ, or as I for class modes."""

    classes: tuple[int, ...]
    size: int
    mode: Mode | None
    ones: Fraction = Fraction(0)


def assemble(
    model: UnconstrainedFeatures,
    modes: Sequence[Mode],
    phi: Callable[[Mode], Interval],
    means: tuple[int, int] = (0, 0),
    shift: bool = False,
    dense: bool = False,
) -> GroupedMatrix:
    """The matrix Σ φ (D^i u)(D^j u)ᵀ over used modes, (i, j) = ``means``, plus n_j/N in row j with ``shift``."""
    groups = _groups(model, modes)
    between = [mode for mode in modes if mode.kind == "between" and mode.rank]
    inner = [_inner(group, phi) for group in groups]
    zero = Interval.exact(0)
    offsets = [Fraction(group.size, model.N) if shift else Fraction(0) for group in groups]
    keep = len(groups) <= TABLE_LIMIT or dense
    if between:
        return _with_between(model, groups, inner, between, phi, means, offsets, keep)
    diagonal = tuple(entry + offset for (entry, _), offset in zip(inner, offsets, strict=True))
    indices = [group.classes for group in groups]
    if not shift and all(other == zero for _, other in inner):
        return GroupedMatrix(tuple(indices), diagonal)
    if not keep:
        return GroupedMatrix(tuple(indices), diagonal, None)
    table = tuple(
        tuple(
            None if g == h and len(indices[g]) == 1 else (inner[g][1] if g == h else zero) + offsets[g]
            for h in range(len(groups))
        )
        for g in range(len(groups))
    )
    return GroupedMatrix(tuple(indices), diagonal, table)


def _groups(model: UnconstrainedFeatures, modes: Sequence[Mode]) -> list[_Group]:
    """Equal classes, split where only some of them are used: those listed first."""
    groups: list[_Group] = []
    covered: set[int] = set()
    for mode in modes:
        if not mode.classes:
            continue
        covered.update(mode.classes)
        used = mode.rank + (mode.kind == "contrast" and mode.rank > 0)
        size = model.class_sizes[mode.classes[0]]
        ones = Fraction(1, used) if mode.kind == "contrast" and used else Fraction(0)
        if used:
            groups.append(_Group(mode.classes[:used], size, mode, ones))
        if used < len(mode.classes):
            groups.append(_Group(mode.classes[used:], size, None))
    single = [_Group((k,), n, None) for k, n in enumerate(model.class_sizes) if k not in covered]
    return sorted(groups + single, key=lambda group: group.classes[0])


def _inner(group: _Group, phi: Callable[[Mode], Interval]) -> tuple[Interval, Interval]:
    """Diagonal and off-diagonal entry of φ·(I − ones·11ᵀ) on the group."""
    if group.mode is None:
        return Interval.exact(0), Interval.exact(0)
    value = phi(group.mode)
    return value * (1 - group.ones), value * -group.ones


def _with_between(
    model: UnconstrainedFeatures,
    groups: list[_Group],
    inner: list[tuple[Interval, Interval]],
    between: list[Mode],
    phi: Callable[[Mode], Interval],
    means: tuple[int, int],
    offsets: list[Fraction],
    keep: bool,
) -> GroupedMatrix:
    """The same in floats, with the modes that mix classes of different sizes."""
    import numpy as np

    vectors, scaled = between_vectors(model, [group.size for group in groups], between)
    left, right = (scaled if side else vectors for side in means)
    weights = np.array([float(phi(mode)) for mode in between])
    shifts = np.array([float(offset) for offset in offsets])
    own = np.array([[float(entry), float(other)] for entry, other in inner])
    diagonal = (left * right) @ weights + own[:, 0] + shifts
    indices = tuple(group.classes for group in groups)
    if not keep:
        return GroupedMatrix(indices, tuple(diagonal.tolist()), None)
    table = (left * weights) @ right.T + shifts[:, None] + np.diag(own[:, 1])
    rows: list[tuple[Number | None, ...]] = [tuple(row) for row in table.tolist()]
    for g, classes in enumerate(indices):
        if len(classes) == 1:
            rows[g] = (*rows[g][:g], None, *rows[g][g + 1 :])
    return GroupedMatrix(indices, tuple(diagonal.tolist()), tuple(rows))


def between_vectors(
    model: UnconstrainedFeatures, sizes: Sequence[int], modes: Sequence[Mode]
) -> tuple[np.ndarray, np.ndarray]:
    """Entries u_k = c n_k/(n_k − μ) of unit eigenvectors and (μ/n_k) u_k, one row a size, one column a mode."""
    import numpy as np

    middles = [mode.mu.middle for mode in modes]
    high = np.array([float(mu) for mu in middles])
    low = np.array([float(mu - Fraction(float(mu))) for mu in middles])

    def raw(values: np.ndarray) -> np.ndarray:
        return values[:, None] / ((values[:, None] - high) - low)

    different, counts = np.unique(np.array(model.class_sizes, dtype=float), return_counts=True)
    norms = np.sqrt(counts @ raw(different) ** 2)
    chosen = np.array(sizes, dtype=float)
    vectors = raw(chosen) / norms
    return vectors, vectors * (high / chosen[:, None])
