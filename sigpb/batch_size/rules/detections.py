"""Ops that choose boxes, join rows by segments, or count, for each example."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.batch_size.rules.agreement import agreed
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.values import Batch, Dim, Dims, Tensor, text


@rule("CombinedNonMaxSuppression")
def combined_suppression(op: Operation) -> Sequence[Tensor]:
    """Chooses boxes of each image (tensorflow/core/ops/image_ops.cc)."""
    boxes, scores = op.dims(0), op.dims(1)
    if any(operand.follows_batch for operand in op.operands[2:]):
        raise Refusal("its limits depend on the batch")
    batch, _ = agreed(op, [[(0, axis, boxes[axis]), (1, axis, scores[axis])] for axis in (0, 1)])
    if len(boxes) != 4 or len(scores) != 3 or _has_batch((*boxes[1:], *scores[1:])):
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
    if any(operand.follows_batch for operand in op.operands[1:]) or _has_batch(dims[:rank]):
        raise Refusal("the segments that it joins may be of several examples")
    return Tensor((count, *dims[rank:]))


@rule("DenseBincount")
def bincount(op: Operation) -> Tensor:
    """Counts the numbers in each row (tensorflow/core/ops/math_ops.cc)."""
    dims, weights = op.dims(0), op.dims(2)
    (size,) = op.constant(1)
    if len(dims) != 2 or _has_batch(dims[1:]):
        raise Refusal(f"it counts the numbers of several examples, of shape {text(dims)}")
    if weights != (0,):
        dims = agreed(op, [[(0, axis, dims[axis]), (2, axis, weights[axis])] for axis in (0, 1)])
    return Tensor((dims[0], size))


def _has_batch(dims: Dims) -> bool:
    return any(isinstance(dim, Batch) for dim in dims)
