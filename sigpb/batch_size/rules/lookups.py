"""Ops on strings and sparse tensors, and others that give one answer for each element."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.batch_size.rules.agreement import broadcast
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.values import (
    OTHERWISE,
    UNKNOWN,
    Batch,
    Tensor,
    from_proto,
    text,
    vector,
)


@rule("LookupTableFind", "LookupTableFindV2", checks=True)
def look_up(op: Operation) -> Tensor:
    """One value for each key."""
    return Tensor(op.dims(1))


@rule("StringJoin")
def string_join(op: Operation) -> Tensor:
    """Joins strings at the same place, or one with all."""
    numbers = range(len(op.operands))
    shapes = [(number, op.dims(number)) for number in numbers if op.dims(number)]
    return Tensor(broadcast(op, shapes) if shapes else ())


@rule("DecodeRaw", checks=True)
@rule("DecodePaddedRaw")
def decode_raw(op: Operation) -> Tensor:
    """Each string becomes a row of numbers."""
    return Tensor((*op.dims(0), None))


@rule("DecodeJpeg", "DecodePng", "DecodeImage", "DecodeBmp", "DecodeGif", "DecodeWebP")
def decode_image(op: Operation) -> Tensor:
    """Takes one string only."""
    raise Refusal("it decodes one image only")


@rule("Unique", "UniqueV2")
def unique(op: Operation) -> Sequence[Tensor]:
    """How many different elements there are is not known."""
    _only_follow(op, "it looks for what is the same in different examples")
    count = Tensor((op.own_size(),))
    return [count, Tensor(op.dims(0)[:1]), count]


@rule("SparseToDense")
def sparse_to_dense(op: Operation) -> Tensor:
    """A tensor of the shape that an operand states."""
    _only_follow(op)
    return Tensor(_stated_shape(op, 1))


@rule("SparseTensorDenseMatMul")
def sparse_product(op: Operation) -> Tensor:
    """Rows of the sparse matrix, columns of the other."""
    _only_follow(op)
    return Tensor((_stated_shape(op, 2)[0], op.dims(3)[-1]))


def _only_follow(
    op: Operation,
    reason: str = "sigpb opens no batches of sparse tensors, whose indices number them",
) -> None:
    """Refuses to open a batch."""
    if op.size is not None:
        raise Refusal(reason)


def _stated_shape(op: Operation, number: int) -> tuple[int | Batch | None, ...]:
    shape = op.value(number)
    if not any(isinstance(dim, Batch) for dim in shape):
        raise Refusal(f"it makes a tensor of shape {text(shape)}, without the batch")
    return shape


@rule("SparseReshape")
def sparse_reshape(op: Operation) -> Sequence[Tensor]:
    """Other indices for the same elements."""
    _only_follow(op)
    target = op.value(2)
    before = op.value(1)
    batches = [dim for dim in before if isinstance(dim, Batch)]
    if len(batches) == 1 and target[:1] == (-1,) and before[:1] == (Batch(),):
        target = (Batch(), *target[1:])
    elif any(isinstance(dim, int) and dim == -1 for dim in target):
        target = tuple(OTHERWISE if dim == -1 else dim for dim in target)
    elif batches and not any(isinstance(dim, Batch) for dim in target):
        raise Refusal(f"it makes shape {text(target)} of shape {text(before)}")
    return [Tensor((*op.dims(0)[:1], len(target))), vector(target)]


@rule("SparseFillEmptyRows")
def sparse_fill_empty_rows(op: Operation) -> Sequence[Tensor]:
    """Elements for the rows that have none."""
    _only_follow(op)
    rows = op.value(2)[0]
    rank = len(op.value(2))
    count, entries = op.own_size(), op.dims(0)[0]
    return [Tensor((count, rank)), Tensor((count,)), Tensor((rows,)), Tensor((entries,))]


@rule("StringSplit")
def string_split(op: Operation) -> Sequence[Tensor]:
    """The words of each string, as a sparse tensor."""
    count = op.own_size()
    indices = Tensor((count, 2), whole=True)
    return [indices, Tensor((count,)), vector((*op.dims(0), OTHERWISE))]


@rule("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN")
def sparse_segments(op: Operation) -> Tensor:
    """Rows are looked up, and those of a segment are joined; there are as many as segments."""
    _only_follow(op)
    return Tensor((op.own_size(), *op.dims(0)[1:]))


@rule("OptionalFromValue")
def optional(op: Operation) -> Tensor:
    """Something that may hold a tensor."""
    if len(op.operands) != 1:
        raise Refusal("sigpb does not follow the batch through several tensors in one")
    return Tensor((), None, op.operands[0])


@rule("OptionalGetValue")
def optional_value(op: Operation) -> Tensor:
    """The tensor that it holds."""
    return op.operands[0].element or UNKNOWN


@rule("VarHandleOp")
def variable(op: Operation) -> Tensor:
    """A variable holds a tensor."""
    held = from_proto(op.node.attr["shape"].shape) if "shape" in op.node.attr else None
    return Tensor((), None, Tensor(held))


@rule("ReadVariableOp")
def read_variable(op: Operation) -> Tensor:
    """The tensor in a variable."""
    return Tensor(op.operands[0].inner if op.operands[0].element else op.stated)
