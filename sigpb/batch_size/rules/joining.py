"""Ops that join tensors, or take them apart."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.batch_size.rules.agreement import equal_shapes
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.values import Batch, Dim, Dims, Tensor, add, can_be_equal, divide


@rule("ConcatV2", "Concat", checks=True)
def concat(op: Operation) -> Tensor:
    """Joins along a dimension that exists."""
    count = len(op.operands) - 1
    parts = range(count) if op.node.op == "ConcatV2" else range(1, count + 1)
    rank = max(len(op.operands[number].shape or ()) for number in parts)
    axis = op.axis(count if op.node.op == "ConcatV2" else 0, rank)
    shape = equal_shapes(op, parts, axis)
    sizes = [op.dims(number)[axis] for number in parts]
    if len(sizes) > 1 and op.size is not None and any(isinstance(size, Batch) for size in sizes):
        raise Refusal("it puts something before or after the examples of the batch")
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
