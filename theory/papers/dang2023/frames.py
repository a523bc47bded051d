"""The closed form as frames: which classes are on, the factors that attain the minimum, and the geometry NC1 to NC3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce

from theory.claims import Clause, GlobalMinimum, Point, Relation, clause, equal
from theory.frames import (
    aligned_factors,
    coordinate_frame,
    grams,
    multiple_of_projection,
    place,
    simplex_etf,
    zero_sum_frame,
)
from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, compare, constant, diagonal, ones, repeat_columns, sqrt, zeros
from theory.papers.dang2023.letters import LETTERS, Letters


@dataclass(frozen=True)
class Mode:
    """The constants of one class, or of one direction of equal classes, at the optimum."""

    n: int
    x: Expression
    s: Expression
    side: int  # sign of b/n − T_M: −1 active, 0 zero and active tie, 1 zero
    p: Expression  # c s^{2M}
    r: Expression  # N λ_H

    @property
    def ties(self) -> bool:
        """Whether zero and the active solution have equal value."""
        return self.side == 0

    @property
    def off(self) -> Mode:
        """The same class at zero."""
        return replace(self, side=1, x=constant(0), s=constant(0), p=constant(0))


def mode(m: Model, n: int, letters: Letters) -> Mode:
    """The constants of a class of size n, active where b/n ≤ T_M (for M = 1 the tie is the zero solution itself)."""
    beta = letters.b(m) / n
    side = compare(beta, letters.T(m.M))
    r, zero = constant(m.N * m.feature_decay), constant(0)
    if side > 0 or (m.M == 1 and side == 0):
        return Mode(n, zero, zero, 1, zero, r)
    x = letters.x(m.M, beta)
    s = letters.s(m, n, x)
    return Mode(n, x, s, side, letters.c(m) * s ** (2 * m.M), r)


def share(m: Model, mode: Mode, letters: Letters) -> Expression:
    """The part of the value that one mode contributes: n/(2N) · g(x)."""
    g = letters.g(m.M, letters.b(m) / mode.n, mode.x) if mode.side <= 0 else constant(1)
    return Fraction(mode.n, 2 * m.N) * g


def total(terms: Iterable[Expression]) -> Expression:
    """The sum of scalars."""
    return reduce(lambda a, b: a + b, terms, constant(0))


@dataclass(frozen=True)
class Block:
    """A set of classes whose diagonal block of every Gram matrix is a constant times a projection of some rank.

    ``ranks`` are the possible ranks; a block of full rank only is a multiple of the identity.
    """

    classes: tuple[int, ...]
    mode: Mode
    ranks: tuple[int, ...]

    @property
    def determined(self) -> bool:
        return self.ranks in ((0,), (len(self.classes),))


def blocks(m: Model, letters: Letters) -> list[Block]:
    """Classes by size, largest first: fully on, off, or (ties at the cut R or at the threshold) on along a subspace."""
    left, result = m.R, []
    for n in sorted(set(m.class_sizes), reverse=True):
        classes = tuple(k for k, size in enumerate(m.class_sizes) if size == n)
        found = mode(m, n, letters)
        most = min(left, len(classes)) if found.side <= 0 else 0
        ranks = tuple(range(most + 1)) if found.ties else (most,)
        result.append(Block(classes, found if most else found.off, ranks))
        left -= most
    return result


def block_point(m: Model, chosen: Sequence[tuple[Block, Expression]], letters: Letters) -> Point:
    """Balanced factors for frames U (|classes| × r, orthonormal columns) in some blocks; zero elsewhere."""
    if not chosen:
        return zero_point(m)
    modes = [block.mode for block, U in chosen for _ in range(U.shape[1])]
    return frame_point(m, place(m.K, [(block.classes, U) for block, U in chosen]), modes, letters)


def frame_point(m: Model, frame: Expression, modes: Sequence[Mode], letters: Letters) -> Point:
    """Factors along a frame: W_1 has singular values s, the mean features have lengths √p / (p + r)."""
    lengths = [sqrt(letters.c(m)) * found.s**m.M / (found.p + found.r) for found in modes]
    return {**aligned_factors(m, frame, [found.s for found in modes], lengths), **bias_part(m, letters)}


def zero_point(m: Model) -> Point:
    """The trivial solution: all factors zero, the bias at its optimum."""
    return {**{name: zeros(*v.shape) for name, v in m.variables.items()}, **bias_part(m, LETTERS)}


def bias_part(m: Model, letters: Letters) -> Point:
    """The bias b = n/N, where the model has one."""
    if not m.has_bias:
        return {}
    return {"b": column([letters.bias(m, k) for k in range(m.K)])}


def column(entries: Sequence[Expression]) -> Expression:
    """A column vector."""
    return diagonal(entries) @ ones(len(entries), 1)


def bias_clause(m: Model, letters: Letters) -> Clause:
    """The bias vector is b = n/N."""
    return clause("bias", equal(m.bias_vector, bias_part(m, letters)["b"]))


def nc1(m: Model) -> Clause:
    """NC1: every feature equals its class mean."""
    return clause("NC1", equal(m.features, repeat_columns(m.mean_features, m.class_sizes)))


def constants(found: Mode, letters: Letters) -> dict[str, Expression]:
    """The published eigenvalue of each Gram matrix of NC2."""
    if found.side > 0:
        return dict.fromkeys(("NC2 weights", "NC2 features", "NC2 logits"), constant(0))
    return {
        "NC2 weights": letters.weights_gram(found.p, found.r),
        "NC2 features": letters.features_gram(found.p, found.r),
        "NC2 logits": letters.logits(found.p, found.r),
    }


def nc2_blocks(m: Model, parts: Sequence[Block], letters: Letters) -> list[Clause]:
    """NC2: each Gram matrix is diagonal outside the undetermined blocks, and a constant times a projection inside."""
    values: dict[int, dict[str, Expression]] = {}
    for part in parts:
        for k in part.classes:
            values[k] = constants(part.mode, letters)
    fixed = tuple(sorted(k for part in parts if part.determined for k in part.classes))
    everything = tuple(range(m.K))
    clauses = []
    for name, gram in grams(m).items():
        target = diagonal([values[k][name] for k in everything])
        relations = [
            equal(gram[rows, columns], target[rows, columns])
            for rows, columns in ((fixed, everything), (everything, fixed))
            if fixed
        ]
        for part in parts:
            if not part.determined:
                relations += projection_relations(m, name, part, letters)
                others = tuple(k for k in everything if k not in part.classes)
                if others:
                    relations.append(equal(gram[part.classes, others], zeros(len(part.classes), len(others))))
        clauses.append(Clause(name, tuple(relations)))
    return clauses


def projection_relations(m: Model, name: str, part: Block, letters: Letters) -> list[Relation]:
    """G² = κ G, G = Gᵀ, tr G = κ rank (where the rank is fixed), and the same projection as in the weights' block."""
    all_grams, kappas = grams(m), constants(part.mode, letters)
    G, kappa = all_grams[name][part.classes, part.classes], kappas[name]
    relations = multiple_of_projection(G, kappa, part.ranks[0] if len(part.ranks) == 1 else None)
    if name != "NC2 weights":
        weights = all_grams["NC2 weights"][part.classes, part.classes]
        relations.append(equal(kappas["NC2 weights"] * G, kappa * weights))
    return relations


def nc3(m: Model, modes: Sequence[Mode], letters: Letters) -> Clause:
    """NC3: row k of P is (c s_k^{2M} + N λ_H) times the mean feature of class k."""
    lengths = diagonal([letters.alignment(found.p, found.r) for found in modes])
    return clause("NC3", equal(m.product, lengths @ m.mean_features.T))


def modes_by_class(m: Model, parts: Sequence[Block]) -> list[Mode]:
    """The mode of each class in order."""
    return [next(part.mode for part in parts if k in part.classes) for k in range(m.K)]


def block_minimisers(m: Model, parts: Sequence[Block], letters: Letters) -> tuple[Point, ...]:
    """One representative for every combination of ranks; the engines turn it within blocks of equal classes."""
    points: list[list[tuple[Block, Expression]]] = [[]]
    for part in parts:
        frames = [coordinate_frame(len(part.classes), r) if r else None for r in part.ranks]
        points = [[*chosen, (part, U)] if U is not None else chosen for chosen in points for U in frames]
    return tuple(block_point(m, chosen, letters) for chosen in points)


def general_orthogonal_frame(
    m: Model, letters: Letters, *extra: Clause, parts: Sequence[Block] | None = None
) -> GlobalMinimum:
    """The bias-free optimum for any class sizes: value, NC1, NC2, NC3 and uniqueness."""
    found = blocks(m, letters) if parts is None else parts
    value = total(share(m, on, letters) for part in found for on in spread(part))
    return GlobalMinimum(
        m,
        value,
        minimisers=block_minimisers(m, found, letters),
        clauses=(nc1(m), *nc2_blocks(m, found, letters), nc3(m, modes_by_class(m, found), letters), *extra),
        unique=all(part.determined for part in found),
    )


Partition = Callable[[Model, Letters], Sequence[Block]]
"""How classes are put into blocks."""


def ties_broken(m: Model, letters: Letters) -> list[Block]:
    """The wrong rule for ties: each class a block of its own, the first ones on."""
    return [
        Block((k,), on, (int(on.side <= 0),))
        for part in blocks(m, letters)
        for k, on in zip(part.classes, spread(part), strict=True)
    ]


def spread(part: Block) -> list[Mode]:
    """The block's modes one by one: as many on as its largest rank, the rest off."""
    on = max(part.ranks)
    return [part.mode if i < on else part.mode.off for i in range(len(part.classes))]


def simplex_frame(m: Model, letters: Letters) -> GlobalMinimum:
    """The balanced optimum with last-layer bias: K − 1 equal modes on the vectors of zero sum."""
    n = m.class_sizes[0]
    found = mode(m, n, letters)
    most = min(m.R, m.K - 1) if found.side <= 0 else 0
    ranks = range(most + 1) if found.ties else range(most, most + 1)
    full = found.side < 0 and most == m.K - 1
    S = simplex_etf(m.K)
    clauses = [nc1(m)]
    part = Block(tuple(range(m.K)), found, tuple(ranks))
    for name, gram in grams(m).items():
        if full:
            clauses.append(clause(name, equal(gram, constants(found, letters)[name] * S)))
        elif most == 0:
            clauses.append(clause(name, equal(gram, zeros(m.K, m.K))))
        else:
            zero_sum = equal(gram @ ones(m.K, 1), zeros(m.K, 1))
            clauses.append(clause(name, *projection_relations(m, name, part, letters), zero_sum))
    clauses.append(nc3(m, [found] * m.K, letters))
    clauses.append(bias_clause(m, letters))
    points = [frame_point(m, zero_sum_frame(m.K, r), [found] * r, letters) if r else zero_point(m) for r in ranks]
    value = most * share(m, found, letters) + (m.K - 1 - most) * share(m, found.off, letters)
    return GlobalMinimum(m, value, tuple(points), tuple(clauses), unique=full or most == 0)
