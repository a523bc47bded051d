"""Products of matrices in lanes: arrays (entries, 8) that hold eight matrices, one a lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numpy.typing import NDArray

from verify.compiled import kept_in

LANES = 8
"""Restarts side by side: the doubles in a register of AVX-512; on other processors the compiler splits the vectors."""
ROWS, COLUMNS = 2, 4
"""Entries of a product that are summed at a time: by measurement, near what large matrices reach."""

SUMS = 4
"""Partial sums of a product of vectors: a fused product takes four cycles, in which others can begin."""

Lanes = NDArray[np.float64]
"""An array (entries, 8)."""
intrinsic: Any = extending.intrinsic
VECTOR = ir.VectorType(ir.DoubleType(), LANES)
ZERO = ir.Constant(VECTOR, [0.0] * LANES)

STRICT = {"contract", "nsz"}
"""Floating-point freedoms of compiled code: fused products, but no reordering, and nan and inf stay what they are."""


def compiled(function: Callable[..., Any]) -> Any:
    """The function in machine code, which is kept for the next process where some folder can be written."""
    for cache in (True, False):
        try:
            return numba.njit(cache=cache, error_model="numpy", fastmath=STRICT)(function)
        except RuntimeError:
            if not cache:
                raise
    return None


_options: Any = numba.config
_options.CACHE_DIR = str(kept_in())


def _tile(rows: int, columns: int) -> Any:
    """Adds Σ_k A[a + i·i_step + k·k_step] B[b + k·l_step + j·j_step] to C[c + i·c_step + j], i < rows, j < columns."""

    @intrinsic
    def tile(context, A, B, C, a, i_step, k_step, b, l_step, j_step, c, c_step, depth):  # type: ignore[no-untyped-def]
        signature = types.void(A, B, C, *[types.intp] * 9)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            A, B, C = (
                context.make_array(kind)(context, builder, value).data
                for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
            )
            _emit(builder, A, B, C, arguments[3:], rows, columns)
            return context.get_dummy_value()

        return signature, generate

    return tile


def _fused(builder: Any) -> Any:
    """The instruction x y + z."""
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    return cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f64")


def _emit(builder: Any, A: Any, B: Any, C: Any, numbers: Any, rows: int, columns: int) -> None:
    """The instructions of a tile: sums in registers, a loop over k, and stores at the end."""
    a, i_step, k_step, b, l_step, j_step, c, c_step, depth = numbers
    integer = a.type
    fused = _fused(builder)

    def at(pointer: Any, start: Any, step: Any, times: int) -> Any:
        index = builder.add(start, builder.mul(step, integer(times)))
        entry = builder.gep(pointer, [builder.mul(index, integer(LANES))])
        return builder.bitcast(entry, VECTOR.as_pointer())

    places = {
        (i, j): at(C, builder.add(c, builder.mul(c_step, integer(i))), integer(1), j)
        for i in range(rows)
        for j in range(columns)
    }
    before = {ij: builder.load(place, align=8) for ij, place in places.items()}
    entry, loop, after = builder.block, *(builder.append_basic_block(name) for name in ("summands", "summed"))
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(integer)
    sums = {ij: builder.phi(VECTOR) for ij in places}
    along, down = builder.add(a, builder.mul(k, k_step)), builder.add(b, builder.mul(k, l_step))
    left = [builder.load(at(A, along, i_step, i), align=8) for i in range(rows)]
    right = [builder.load(at(B, down, j_step, j), align=8) for j in range(columns)]
    totals = {(i, j): builder.call(fused, [left[i], right[j], total]) for (i, j), total in sums.items()}
    following = builder.add(k, integer(1))
    for phi, first, then in ((k, integer(0), following), *((sums[x], before[x], totals[x]) for x in places)):
        phi.add_incoming(first, entry)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)
    builder.position_at_end(after)
    for ij, place in places.items():
        builder.store(totals[ij], place, align=8)


def _along(instruction: Callable[[Any, Any, Any, Any], Any]) -> Any:
    """Makes C[c + i·c_step] what an instruction gives for it, A[a + i·a_step] and B[b + i·b_step], for i < count."""

    @intrinsic
    def along(context, C, c, c_step, A, a, a_step, B, b, b_step, count):  # type: ignore[no-untyped-def]
        integers = [types.intp] * 2
        signature = types.void(C, *integers, A, *integers, B, *integers, types.intp)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            with cgutils.for_range(builder, arguments[9]) as loop:
                places = [_place(context, builder, signature, arguments, first, loop.index) for first in (0, 3, 6)]
                C, A, B = (builder.load(place, align=8) for place in places)
                builder.store(instruction(builder, C, A, B), places[0], align=8)
            return context.get_dummy_value()

        return signature, generate

    return along


def _place(context: Any, builder: Any, signature: Any, arguments: Any, first: int, index: Any) -> Any:
    """The address of entry start + index·step of an array, which are arguments from the first on."""
    array, start, step = arguments[first : first + 3]
    pointer = context.make_array(signature.args[first])(context, builder, array).data
    entry = builder.add(start, builder.mul(index, step))
    return builder.bitcast(builder.gep(pointer, [builder.mul(entry, index.type(LANES))]), VECTOR.as_pointer())


@intrinsic
def _dot(context, A, a, a_step, B, b, b_step, C, c, c_step, rounds):  # type: ignore[no-untyped-def]
    """C[c] = Σ_k A[a + k·a_step] B[b + k·b_step] for k < SUMS·rounds, in sums that don't wait for each other."""
    integers = [types.intp] * 2
    signature = types.void(A, *integers, B, *integers, C, *integers, types.intp)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        integer, fused = arguments[9].type, _fused(builder)
        sums = [cgutils.alloca_once_value(builder, ZERO) for _ in range(SUMS)]
        with cgutils.for_range(builder, arguments[9]) as loop:
            for i, total in enumerate(sums):
                index = builder.add(builder.mul(loop.index, integer(SUMS)), integer(i))
                A, B = (
                    builder.load(_place(context, builder, signature, arguments, first, index), align=8)
                    for first in (0, 3)
                )
                builder.store(builder.call(fused, [A, B, builder.load(total)]), total)
        first, *others = (builder.load(total) for total in sums)
        for other in others:
            first = builder.fadd(first, other)
        builder.store(first, _place(context, builder, signature, arguments, 6, integer(0)), align=8)
        return context.get_dummy_value()

    return signature, generate


_add = _along(lambda builder, C, A, B: builder.call(_fused(builder), [A, B, C]))
_put = _along(lambda builder, C, A, B: builder.fmul(A, B))
_sum = _along(lambda builder, C, A, B: builder.fadd(A, B))
_difference = _along(lambda builder, C, A, B: builder.fsub(A, B))
_positive = _along(lambda builder, C, A, B: builder.select(builder.fcmp_ordered("<", A, ZERO), ZERO, A))
_gated = _along(lambda builder, C, A, B: builder.select(builder.fcmp_ordered(">", B, ZERO), builder.fadd(C, A), C))
_block, _row, _entry = _tile(ROWS, COLUMNS), _tile(1, COLUMNS), _tile(1, 1)


@compiled
def zeros(size: int) -> Lanes:
    """Zeros (size, 8), each row in one cache line, which a vector register fills at once.

    >>> zeros(3).shape, zeros(3).ctypes.data % 64
    ((3, 8), 0)
    """
    room = np.zeros((size + 1) * LANES)
    first = -(room.ctypes.data // room.itemsize) % LANES
    return room[first : first + size * LANES].reshape(size, LANES)


@compiled
def add_product(
    A: Lanes,
    a: int,
    i_step: int,
    k_step: int,
    B: Lanes,
    b: int,
    l_step: int,
    j_step: int,
    C: Lanes,
    c: int,
    rows: int,
    depth: int,
    columns: int,
) -> None:
    """C += A B in all lanes: C, by rows from entry c on, of any strided A (rows, depth) and B (depth, columns).

    Steps are those in A from row to row and column to column, then in B likewise; depth is at least 1.

    >>> A, B, C = np.full((2, 8), 3.0), np.full((2, 8), 5.0), np.ones((1, 8))
    >>> add_product(A, 0, 2, 1, B, 0, 1, 1, C, 0, 1, 2, 1)
    >>> float(C[0, 7])
    31.0
    """
    for i in range(0, rows, ROWS):
        whole = i + ROWS <= rows
        for j in range(0, columns, COLUMNS):
            x, y, z = a + i * i_step, b + j * j_step, c + i * columns + j
            if whole and j + COLUMNS <= columns:
                _block(A, B, C, x, i_step, k_step, y, l_step, j_step, z, columns, depth)
            else:
                for p in range(min(ROWS, rows - i)):
                    u, w = x + p * i_step, z + p * columns
                    if j + COLUMNS <= columns:
                        _row(A, B, C, u, i_step, k_step, y, l_step, j_step, w, columns, depth)
                    else:
                        for q in range(columns - j):
                            _entry(A, B, C, u, i_step, k_step, y + q * j_step, l_step, j_step, w + q, columns, depth)


@compiled
def dot(A: Lanes, a: int, B: Lanes, b: int, C: Lanes, c: int, size: int) -> None:
    """C[c] = Σ_k A[a + k] B[b + k] in all lanes."""
    rounds = size // SUMS
    _dot(A, a, 1, B, b, 1, C, c, 1, rounds)
    if size > SUMS * rounds:
        _entry(A, B, C, a + SUMS * rounds, 1, 1, b + SUMS * rounds, 1, 1, c, 1, size - SUMS * rounds)


@compiled
def put_scaled(C: Lanes, c: int, factor: Lanes, f: int, A: Lanes, a: int, size: int) -> None:
    """C[c + k] = factor[f] A[a + k] in all lanes, with one factor a lane."""
    _put(C, c, 1, factor, f, 0, A, a, 1, size)


@compiled
def put_entrywise(C: Lanes, c: int, A: Lanes, a: int, B: Lanes, b: int, size: int) -> None:
    """C[c + k] = A[a + k] B[b + k] in all lanes."""
    _put(C, c, 1, A, a, 1, B, b, 1, size)


@compiled
def put_sum(C: Lanes, c: int, A: Lanes, a: int, B: Lanes, b: int, size: int) -> None:
    """C[c + k] = A[a + k] + B[b + k] in all lanes."""
    _sum(C, c, 1, A, a, 1, B, b, 1, size)


@compiled
def put_difference(C: Lanes, c: int, A: Lanes, a: int, B: Lanes, b: int, size: int) -> None:
    """C[c + k] = A[a + k] − B[b + k] in all lanes."""
    _difference(C, c, 1, A, a, 1, B, b, 1, size)


@compiled
def put_relu(C: Lanes, c: int, A: Lanes, a: int, size: int) -> None:
    """C[c + k] = max(A[a + k], 0) in all lanes; nan stays nan."""
    _positive(C, c, 1, A, a, 1, A, a, 1, size)


@compiled
def add_gated(C: Lanes, c: int, A: Lanes, a: int, B: Lanes, b: int, size: int) -> None:
    """C[c + k] += A[a + k] where B[b + k] > 0, in all lanes."""
    _gated(C, c, 1, A, a, 1, B, b, 1, size)


@compiled
def add_scaled(C: Lanes, c: int, factor: Lanes, f: int, A: Lanes, a: int, size: int) -> None:
    """C[c + k] += factor[f] A[a + k] in all lanes, with one factor a lane."""
    _add(C, c, 1, factor, f, 0, A, a, 1, size)


@compiled
def add_entrywise(C: Lanes, c: int, A: Lanes, a: int, B: Lanes, b: int, size: int) -> None:
    """C[c + k] += A[a + k] B[b + k] in all lanes."""
    _add(C, c, 1, A, a, 1, B, b, 1, size)
