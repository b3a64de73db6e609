"""Ops that compute shapes, or make tensors of a computed shape."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb import protos
from sigpb.batch_size.rules.agreement import broadcast
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.sizes import (
    OTHERWISE,
    Batch,
    Dim,
    Dims,
    has_batch,
    multiply,
    same,
    text,
)
from sigpb.batch_size.rules.values import Tensor, scalar, vector
from sigpb.tf.tensor_types import shape_of

# A vector that is longer is not a shape.
_LONGEST = 16


@rule("Shape", checks=True, any_rank=True)
def shape(op: Operation) -> Tensor:
    """The sizes of a tensor."""
    return vector(op.dims(0))


@rule("ShapeN", checks=True, any_rank=True)
def shape_n(op: Operation) -> Sequence[Tensor]:
    """The sizes of several tensors."""
    op.understand_all()
    return [vector(op.dims(number)) for number in range(len(op.operands))]


@rule("Size", checks=True, any_rank=True)
def size(op: Operation) -> Tensor:
    """The number of elements."""
    return scalar(multiply(op.dims(0)))


@rule("Rank", checks=True, any_rank=True)
def rank(op: Operation) -> Tensor:
    """The number of dimensions, which does not depend on the batch."""
    return scalar(len(op.dims(0)))


@rule("Fill", checks=True)
def fill(op: Operation) -> Tensor:
    """Repeats one element."""
    op.understand(0)
    dims = op.value(0)
    element = op.operands[1].value
    if element is not None and len(dims) <= 1:
        count = dims[0] if dims else 1
        if isinstance(count, int) and count <= _LONGEST:
            return Tensor(dims, element * count)
    return Tensor(dims)


@rule("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt", "Empty")
@rule("StatelessRandomUniformV2", "StatelessRandomNormalV2", "StatelessTruncatedNormalV2")
def filled(op: Operation) -> Tensor:
    """A tensor of the shape that the first operand states."""
    op.understand(0)
    return Tensor(op.value(0))


@rule("BroadcastTo")
def broadcast_to(op: Operation) -> Tensor:
    """Repeats a tensor up to a shape."""
    op.understand(1)
    dims, target = op.dims(0), list(op.value(1))
    offset = len(target) - len(dims)
    for axis, dim in enumerate(dims, offset):
        if dim != 1 and isinstance(target[axis], Batch) and dim != target[axis]:
            raise Refusal(f"it repeats shape {text(dims)} up to {text(tuple(target))}")
        if not isinstance(dim, Batch) or same(target[axis], dim):
            continue
        if not op.is_size(target[axis], dim) or None in target:
            raise Refusal(f"it repeats shape {text(dims)} up to {text(tuple(target))}")
        target[axis] = dim
        op.replaced[1] = tuple(target)
    return Tensor(tuple(target))


@rule("BroadcastArgs", "BroadcastGradientArgs")
def broadcast_args(op: Operation) -> Tensor:
    """The shape that shapes are broadcast to."""
    if op.node.op == "BroadcastGradientArgs":
        raise Refusal("sigpb does not follow the batch through gradients")
    return vector(broadcast(op, [(0, op.value(0)), (1, op.value(1))]))


@rule("Range", checks=True)
def range_(op: Operation) -> Tensor:
    """Numbers from a start to a limit."""
    parts = [op.operands[number].value for number in range(3)]
    start, limit, step = ((part or (None,))[0] for part in parts)
    count = _count(start, limit, step)
    if isinstance(count, int) and count <= _LONGEST:
        assert isinstance(start, int), "the count is known"
        assert isinstance(step, int), "the count is known"
        return vector(start + step * place for place in range(count))
    return Tensor((count,))


def _count(start: Dim, limit: Dim, step: Dim) -> Dim:
    if isinstance(start, int) and isinstance(limit, int) and isinstance(step, int) and step:
        return len(range(start, limit, step))
    if start == 0 and step == 1:
        return limit
    return OTHERWISE if has_batch([start, limit, step]) else None


@rule("LinSpace")
def linspace(op: Operation) -> Tensor:
    """Numbers at equal distances."""
    return Tensor(op.value(2))


@rule("Assert", checks=True)
@rule("PrintV2", "NoOp")
def nothing(op: Operation) -> Sequence[Tensor]:
    """There is no result."""
    op.understand_all()
    return ()


@rule("ScalarSummary", "HistogramSummary", "MergeSummary", "StringFormat", "TensorSummaryV2")
def summary(op: Operation) -> Tensor:
    """One string, of all that it takes."""
    return Tensor((), whole=True)


@rule("ParseExample", "ParseExampleV2")
def parse_example(op: Operation) -> Sequence[Tensor]:
    """Features of each example; of sparse ones, it is not known how many there are."""
    dims = op.dims(0)
    sparse = op.integer("Nsparse" if op.node.op == "ParseExample" else "num_sparse")
    if "ragged_value_types" in op.node.attr and op.node.attr["ragged_value_types"].list.type:
        raise Refusal("sigpb does not follow the batch through ragged features")
    shapes = op.node.attr["dense_shapes"].list.shape if "dense_shapes" in op.node.attr else []
    return [*_sparse(op, sparse), *(_dense(dims, proto) for proto in shapes)]


def _sparse(op: Operation, count: int) -> list[Tensor]:
    """Returns indices, values and shapes of sparse features, of which there are any number."""
    dims = op.dims(0)
    counts = [op.own_size(number) for number in range(count)]
    shape = (*dims, OTHERWISE)
    indices = [Tensor((number, len(shape)), whole=True) for number in counts]
    return [*indices, *(Tensor((number,)) for number in counts), *[vector(shape)] * count]


def _dense(dims: Dims, proto: protos.TensorShapeProto) -> Tensor:
    shape = shape_of(proto)
    return Tensor(None if shape is None else (*dims, *shape))
