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

Lanes = NDArray[np.float64]
"""An array (entries, 8)."""
intrinsic: Any = extending.intrinsic
VECTOR = ir.VectorType(ir.DoubleType(), LANES)

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


@intrinsic
def _along(context, C, c, c_step, A, a, a_step, B, b, b_step, count):  # type: ignore[no-untyped-def]
    """Adds A[a + i·a_step] B[b + i·b_step] to C[c + i·c_step] for i < count, one after the other."""
    integers = [types.intp] * 2
    signature = types.void(C, *integers, A, *integers, B, *integers, types.intp)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        count = arguments[9]
        integer = count.type
        fused = _fused(builder)
        with cgutils.for_range(builder, count) as loop:
            places = []
            for first in (0, 3, 6):
                array, start, step = arguments[first : first + 3]
                pointer = context.make_array(signature.args[first])(context, builder, array).data
                index = builder.add(start, builder.mul(loop.index, step))
                entry = builder.gep(pointer, [builder.mul(index, integer(LANES))])
                places.append(builder.bitcast(entry, VECTOR.as_pointer()))
            C, A, B = (builder.load(place, align=8) for place in places)
            builder.store(builder.call(fused, [A, B, C]), places[0], align=8)
        return context.get_dummy_value()

    return signature, generate


_block, _row, _entry = _tile(ROWS, COLUMNS), _tile(1, COLUMNS), _tile(1, 1)


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
    C[c, :] = 0.0
    _entry(A, B, C, a, 1, 1, b, 1, 1, c, 1, size)


@compiled
def add_scaled(C: Lanes, c: int, factor: Lanes, f: int, A: Lanes, a: int, size: int) -> None:
    """C[c + k] += factor[f] A[a + k] in all lanes, with one factor a lane."""
    _along(C, c, 1, factor, f, 0, A, a, 1, size)


@compiled
def add_entrywise(C: Lanes, c: int, A: Lanes, a: int, B: Lanes, b: int, size: int) -> None:
    """C[c + k] += A[a + k] B[b + k] in all lanes."""
    _along(C, c, 1, A, a, 1, B, b, 1, size)
