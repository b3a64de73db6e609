"""Ops that join tensors, take them apart, or rearrange the elements of each example."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sigpb.batch_size.rules.agreement import agreed, equal_shapes
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.reductions import along, check_mixing
from sigpb.batch_size.rules.sizes import (
    Batch,
    Dim,
    Dims,
    add,
    can_be_equal,
    divide,
    has_batch,
    multiply,
    repeat,
)
from sigpb.batch_size.rules.values import Tensor


@rule("SpaceToDepth", "DepthToSpace", "ExtractImagePatches")
def blocks(op: Operation) -> Tensor:
    """Keeps the batch; the other sizes are those that the node states."""
    batch, *others = op.dims(0)
    along(op, range(1, 1 + len(others)))
    return Tensor((batch, *[None] * len(others)))


@rule("SpaceToBatchND")
def space_to_batch(op: Operation) -> Tensor:
    """Moves blocks of each example into the batch."""
    batch, *dims = op.dims(0)
    sizes, pads = op.constant(1), op.constant(2)
    along(op, range(1, 1 + len(sizes)))
    spaces = [
        divide(add([dim, before, after]), size)
        for dim, before, after, size in zip(dims, pads[::2], pads[1::2], sizes, strict=False)
    ]
    return Tensor((repeat(batch, math.prod(sizes)), *spaces, *dims[len(sizes) :]))


@rule("BatchToSpaceND")
def batch_to_space(op: Operation) -> Tensor:
    """Moves parts of the batch back into blocks."""
    batch, *dims = op.dims(0)
    sizes, crops = op.constant(1), op.constant(2)
    along(op, range(1, 1 + len(sizes)))
    spaces = [
        _cropped(multiply([dim, size]), before, after)
        for dim, before, after, size in zip(dims, crops[::2], crops[1::2], sizes, strict=False)
    ]
    parts = math.prod(sizes)
    if isinstance(batch, Batch):
        if batch.outer % parts:
            raise Refusal(f"it takes {parts} parts of the batch, which are not apart in it")
        batch = Batch(batch.factor // parts, batch.of, batch.outer // parts)
    else:
        batch = divide(batch, parts)
    return Tensor((batch, *spaces, *dims[len(sizes) :]))


def _cropped(dim: Dim, before: Dim, after: Dim) -> Dim:
    crop = multiply([-1, add([before, after])])
    return add([dim, crop])


@rule("AdjustContrastv2", "AdjustHue", "AdjustSaturation", "RGBToHSV", "HSVToRGB")
def colours(op: Operation) -> Tensor:
    """Keeps the shape; the contrast is that of the last three dimensions."""
    result = along(op, [-3, -2, -1] if op.node.op == "AdjustContrastv2" else [-1])
    if any(operand.follows_batch for operand in op.operands[1:]):
        raise Refusal("it changes all colours by what it takes from the batch")
    return result


@rule("MatrixInverse", "Cholesky", "MatrixBandPart", "FFT", "IFFT")
def same_shape(op: Operation) -> Tensor:
    """Treats each vector or matrix alike."""
    return along(op, [-1] if op.node.op in ("FFT", "IFFT") else [-2, -1])


@rule("RFFT", "IRFFT")
def real_fft(op: Operation) -> Tensor:
    """Transforms the last dimension."""
    (length,) = op.constant(1)
    along(op, [-1])
    return Tensor((*op.dims(0)[:-1], length // 2 + 1 if op.node.op == "RFFT" else length))


@rule("MatrixDiag", "MatrixDiagV2", "MatrixDiagV3")
def diagonal_matrices(op: Operation) -> Tensor:
    """Makes a matrix of each vector."""
    dims = op.dims(0)
    if op.node.op == "MatrixDiag":
        return Tensor((*dims, dims[-1]))
    if op.constant(1) not in ((0,), (0, 0)):
        raise Refusal("it makes matrices with several diagonals")
    return Tensor((*dims[:-1], *[dims[-1] if op.value(n) == (-1,) else None for n in (2, 3)]))


@rule("MatrixDiagPart")
def diagonals(op: Operation) -> Tensor:
    """Takes the diagonal of each matrix."""
    *stack, rows, columns = op.dims(0)
    along(op, [-2, -1])
    square = isinstance(rows, int) and rows == columns
    return Tensor((*stack, rows if square else None))


@rule("Roll")
def roll(op: Operation) -> Tensor:
    """Moves elements along some dimensions."""
    return along(op, op.constant(2))


@rule("LowerBound", "UpperBound")
def bounds(op: Operation) -> Tensor:
    """Looks each value up in the row of the same number."""
    rows, values = op.dims(0), op.dims(1)
    check_mixing(op, rows, [1])
    check_mixing(op, values, [1], 1)
    agreed(op, [[(0, 0, rows[0]), (1, 0, values[0])]])
    return Tensor(values)


@rule("ReverseSequence")
def reverse_sequence(op: Operation) -> Tensor:
    """Turns a part of each example round."""
    dims = op.dims(0)
    check_mixing(op, dims, [op.integer("seq_dim")])
    agreed(
        op, [[(0, op.integer("batch_dim"), dims[op.integer("batch_dim")]), (1, 0, op.dims(1)[0])]]
    )
    return Tensor(dims)


@rule("ConcatV2", "Concat", checks=True)
def concat(op: Operation) -> Tensor:
    """Joins along a dimension that exists."""
    count = len(op.operands) - 1
    parts = range(count) if op.node.op == "ConcatV2" else range(1, count + 1)
    rank = max(len(op.operands[number].shape or ()) for number in parts)
    axis = op.axis(count if op.node.op == "ConcatV2" else 0, rank)
    shape = equal_shapes(op, parts, axis)
    sizes = [op.dims(number)[axis] for number in parts]
    mixes = len(sizes) > 1 and has_batch(sizes)
    op.refuse_to_open(mixes, "it puts something before or after the examples of the batch")
    shape[axis] = add(sizes)
    values = [op.operands[number].value for number in parts]
    known = [value for value in values if value is not None]
    if rank == 1 and len(known) == len(values):
        return Tensor(tuple(shape), tuple(number for value in known for number in value))
    return Tensor(tuple(shape))


@rule("Pack", checks=True)
def pack(op: Operation) -> Tensor:
    """Joins along a new dimension."""
    count = len(op.operands)
    shape = equal_shapes(op, range(count))
    axis = op.integer("axis")
    axis = axis + len(shape) + 1 if axis < 0 else axis
    if not shape:
        value = tuple(each.value[0] if each.value else None for each in op.operands)
        return Tensor((count,), value)
    return Tensor((*shape[:axis], count, *shape[axis:]))


@rule("Unpack", checks=True)
def unpack(op: Operation) -> Sequence[Tensor]:
    """Takes one dimension apart."""
    dims = op.dims(0)
    op.require(can_be_equal([dims[op.integer("axis")], op.integer("num")]))
    axis = op.integer("axis") % len(dims)
    if isinstance(dims[axis], Batch):
        raise Refusal("it takes the batch apart into its examples")
    value = op.operands[0].value
    if value is not None and len(dims) == 1:
        return [Tensor((), (number,)) for number in value]
    return [Tensor((*dims[:axis], *dims[axis + 1 :]))] * op.integer("num")


@rule("Split", checks=True)
def split(op: Operation) -> Sequence[Tensor]:
    """Cuts one dimension into equal parts."""
    dims, count = op.dims(1), op.integer("num_split")
    axis = op.axis(0, len(dims))
    dim = dims[axis]
    op.require(not isinstance(dim, int) or dim % count == 0)
    return _parts(op, dims, axis, [None] * count)


@rule("SplitV")
def split_v(op: Operation) -> Sequence[Tensor]:
    """Cuts one dimension into parts of given sizes."""
    dims = op.dims(0)
    sizes = op.value_or_unknown(1, op.integer("num_split"))
    return _parts(op, dims, op.axis(2, len(dims)), [None if size == -1 else size for size in sizes])


def _parts(op: Operation, dims: Dims, axis: int, sizes: Sequence[Dim]) -> Sequence[Tensor]:
    if isinstance(dims[axis], Batch) and len(sizes) > 1:
        raise Refusal("it cuts the batch into parts")
    if op.node.op == "Split" or len(sizes) == 1:
        sizes = [divide(dims[axis], len(sizes))] * len(sizes)
    return [Tensor((*dims[:axis], size, *dims[axis + 1 :])) for size in sizes]
