"""Ops on strings, sparse tensors, segments and boxes, and others that look something up."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.batch_size.rules.agreement import agreed, broadcast
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.sizes import OTHERWISE, Batch, Dim, Dims, has_batch, text
from sigpb.batch_size.rules.values import UNKNOWN, Tensor, vector


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
    op.refuse_to_open(True, reason)


def _stated_shape(op: Operation, number: int) -> tuple[int | Batch | None, ...]:
    shape = op.value(number)
    if not has_batch(shape):
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
    elif batches and not has_batch(target):
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
    return Tensor((), None, Tensor(op.stated_shape("shape")))


@rule("ReadVariableOp")
def read_variable(op: Operation) -> Tensor:
    """The tensor in a variable."""
    return Tensor(op.operands[0].inner if op.operands[0].element else op.stated)


@rule("CombinedNonMaxSuppression")
def combined_suppression(op: Operation) -> Sequence[Tensor]:
    """Chooses boxes of each image (tensorflow/core/ops/image_ops.cc)."""
    boxes, scores = op.dims(0), op.dims(1)
    if any(operand.follows_batch for operand in op.operands[2:]):
        raise Refusal("its limits depend on the batch")
    batch, _ = agreed(op, [[(0, axis, boxes[axis]), (1, axis, scores[axis])] for axis in (0, 1)])
    if len(boxes) != 4 or len(scores) != 3 or has_batch((*boxes[1:], *scores[1:])):
        raise Refusal(f"it takes boxes {text(boxes)} and scores {text(scores)}")
    chosen: Dim = None
    if not op.flag("pad_per_class"):
        total = op.operands[3].value
        chosen = total[0] if total else None
    shapes: list[Dims] = [(batch, chosen, 4), (batch, chosen), (batch, chosen), (batch,)]
    return [Tensor(shape) for shape in shapes]


@rule("SegmentMax", "SegmentMean", "SegmentMin", "SegmentProd", "SegmentSum")
def segments(op: Operation) -> Tensor:
    """Joins rows: those for which consecutive numbers are the same."""
    return _joined(op, 1, None)


@rule("UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd", "UnsortedSegmentSum")
def unsorted_segments(op: Operation) -> Tensor:
    """Joins entries that have the same number."""
    count = op.operands[2].value
    return _joined(op, len(op.dims(1)), count[0] if count else None)


def _joined(op: Operation, rank: int, count: Dim) -> Tensor:
    """Returns the result; the numbers count entries of the first `rank` dimensions."""
    dims = op.dims(0)
    if any(operand.follows_batch for operand in op.operands[1:]) or has_batch(dims[:rank]):
        raise Refusal("the segments that it joins may be of several examples")
    return Tensor((count, *dims[rank:]))


@rule("DenseBincount")
def bincount(op: Operation) -> Tensor:
    """Counts the numbers in each row (tensorflow/core/ops/math_ops.cc)."""
    dims, weights = op.dims(0), op.dims(2)
    (size,) = op.constant(1)
    if len(dims) != 2 or has_batch(dims[1:]):
        raise Refusal(f"it counts the numbers of several examples, of shape {text(dims)}")
    if weights != (0,):
        dims = agreed(op, [[(0, axis, dims[axis]), (2, axis, weights[axis])] for axis in (0, 1)])
    return Tensor((dims[0], size))
