"""Matrix products, convolutions, pooling and the like: rows in, rows out."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb import protos
from sigpb.batch_size.rules.agreement import agreed, broadcast
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.reductions import along, check_mixing
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, can_be_equal, has_batch, text
from sigpb.batch_size.rules.values import UNKNOWN, Tensor


@rule("MatMul", checks=True)
@rule("SparseMatMul")
def mat_mul(op: Operation) -> Tensor:
    """Multiplies two matrices."""
    shapes = [operand.shape for operand in op.operands]
    op.require(None if None in shapes else all(len(dims or ()) == 2 for dims in shapes))
    rows, inner = _matrix(op, 0, "transpose_a")
    other, columns = _matrix(op, 1, "transpose_b")
    contract(op, inner, other)
    return Tensor((rows, columns))


@rule("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", checks=True)
def batch_mat_mul(op: Operation) -> Tensor:
    """Multiplies stacks of matrices, which are broadcast."""
    left, right = op.dims(0), op.dims(1)
    rows, inner = _matrix(op, 0, "adj_x")
    other, columns = _matrix(op, 1, "adj_y")
    contract(op, inner, other)
    if op.node.op == "BatchMatMul":
        op.require(
            len(left) == len(right)
            and all(map(can_be_equal, zip(left[:-2], right[:-2], strict=True)))
        )
        if len(left) != len(right):
            raise Refusal(f"its operands have the shapes {text(left)} and {text(right)}")
    stack = broadcast(op, [(0, left[:-2]), (1, right[:-2])])
    return Tensor((*stack, rows, columns))


def _matrix(op: Operation, number: int, transpose: str) -> tuple[Dim, Dim]:
    dims = op.operands[number].shape
    if dims is None and number == 1 and op.node.op == "MatMul":
        return None, None
    op.require(len(op.dims(number)) > 1)
    rows, columns = op.dims(number)[-2:]
    return (columns, rows) if op.flag(transpose) else (rows, columns)


def contract(op: Operation, left: Dim, right: Dim) -> None:
    """Refuses to sum over the batch, and notes whether the sizes are those that are summed over."""
    op.require(can_be_equal([left, right]))
    op.refuse_to_open(
        has_batch([left, right]),
        f"it sums over the batch: over a dimension of size {text((left,))} of one operand and "
        f"{text((right,))} of the other",
    )


@rule("Einsum", checks=True)
def einsum(op: Operation) -> Tensor:
    """Multiplies and sums as an equation says."""
    terms, _, result = op.word("equation").replace(" ", "").partition("->")
    if "." in terms or len(terms.split(",")) != len(op.operands):
        op.require(None)
    labels = [_labels(op, n, term) for n, term in enumerate(terms.split(","))]
    sizes: dict[str, list[tuple[int, int, Dim]]] = {}
    for number, named in enumerate(labels):
        for axis, (label, dim) in enumerate(zip(named, op.dims(number), strict=True)):
            sizes.setdefault(label, []).append((number, axis, dim))
    found = {
        label: agreed(op, [uses], repeats=label.startswith("."))[0] for label, uses in sizes.items()
    }
    ellipsis = [label for label in found if label.startswith(".")]
    expanded = _expand(result, sorted(ellipsis, key=lambda label: -int(label[1:])))
    for label, dim in found.items():
        sums = label not in expanded and isinstance(dim, Batch)
        op.refuse_to_open(sums, f"it sums over a dimension of size {text((dim,))}")
    return Tensor(tuple(found[label] for label in expanded))


def _labels(op: Operation, number: int, term: str) -> list[str]:
    """Returns a label for each dimension; those under the dots are counted from their end."""
    dots = len(op.dims(number)) - len(term.replace("...", ""))
    return _expand(term, [f".{place}" for place in range(dots, 0, -1)])


def _expand(term: str, ellipsis: Sequence[str]) -> list[str]:
    before, dots, after = term.partition("...")
    return [*before, *(ellipsis if dots else ()), *after]


@rule("Conv2D", "Conv3D", "DepthwiseConv2dNative", checks=True)
@rule("Conv")
def convolution(op: Operation) -> Tensor:
    """Keeps the batch; the other sizes are those that the node states, if it does."""
    _no_batch_in(op, 1)
    _batch_first(op)
    op.require(None if op.operands[1].shape is None else _fits_filter(op, op.dims(0), op.dims(1)))
    channels = None if op.operands[1].shape is None else op.dims(1)[-1]
    if op.node.op == "DepthwiseConv2dNative" and op.operands[1].shape is not None:
        depth, times = op.dims(1)[-2:]
        channels = depth * times if isinstance(depth, int) and isinstance(times, int) else None
    return Tensor(_spatial(op, channels, _filter_sizes(op)))


def _fits_filter(op: Operation, dims: Dims, window: Dims) -> bool:
    """Whether a filter takes as many channels as there are, or those of one of several groups."""
    if len(dims) != len(window):
        return False
    channels, taken, made = dims[op.channel_axis(len(dims))], *window[-2:]
    if not isinstance(channels, int) or not isinstance(taken, int):
        return True
    groups, over = divmod(channels, taken)
    if over or (op.node.op == "DepthwiseConv2dNative" and groups != 1):
        return False
    return not isinstance(made, int) or made % (groups or 1) == 0


@rule("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D", checks=True)
def pooling(op: Operation) -> Tensor:
    """Keeps batch and channels."""
    _batch_first(op)
    op.require(len(op.integers("ksize")) == len(op.dims(0)))
    result = _pooled(op)
    if op.integers("ksize")[0] != 1 or op.integers("strides")[0] != 1:
        raise Refusal("it moves a window over the first dimension")
    return result


def _pooled(op: Operation) -> Tensor:
    dims, places = op.dims(0), _places(op)
    window = enumerate(zip(op.integers("ksize"), dims, strict=True))
    sizes = [size for axis, (size, _) in window if axis in places]
    return Tensor(_spatial(op, dims[op.channel_axis(len(dims))], sizes))


@rule("MaxPoolV2")
def pooling_computed(op: Operation) -> Tensor:
    """Keeps batch and channels; the window is an operand."""
    dims = op.dims(0)
    _batch_first(op)
    if op.constant(1)[0] != 1 or op.constant(2)[0] != 1:
        raise Refusal("it moves a window over the first dimension")
    return Tensor((dims[0], *[None] * (len(dims) - 1)))


@rule("MaxPoolWithArgmax")
def max_pool_with_argmax(op: Operation) -> Sequence[Tensor]:
    """Keeps the batch; refuses places that are counted over the whole batch."""
    if op.flag("include_batch_in_index"):
        raise Refusal("it counts places over the whole batch")
    _batch_first(op)
    return [_pooled(op)] * 2


def _no_batch_in(op: Operation, number: int) -> None:
    if op.operands[number].follows_batch:
        raise Refusal(f"its operand {op.spelling(number)!r} depends on the batch")


def _batch_first(op: Operation, number: int = 0) -> None:
    dims = op.dims(number)
    op.refuse_to_open(
        has_batch(dims[1:]), f"it takes only the first dimension of {text(dims)} for the batch"
    )


def _filter_sizes(op: Operation) -> list[int]:
    """Returns how many places of each dimension between batch and channels a filter spans.

    A size that is not known is 0.
    """
    rank = len(op.dims(0))
    dilations = op.integers("dilations") or [1] * rank
    spatial = (op.operands[1].shape or (None,) * rank)[:-2]
    return [
        (size - 1) * dilations[axis] + 1 if isinstance(size, int) and size else 0
        for axis, size in zip(_places(op), spatial, strict=True)
    ]


def _places(op: Operation) -> list[int]:
    """Returns the dimensions between batch and channels."""
    rank = len(op.dims(0))
    return [axis for axis in range(1, rank) if axis != op.channel_axis(rank)]


def _spatial(op: Operation, channels: Dim, window: Sequence[int]) -> Dims:
    """Returns the shape after a window was moved over the dimensions between batch and channels.

    Args:
        op: The node.
        channels: How many channels there are then.
        window: The size of the window in each of the dimensions; 0 for an unknown one.
    """
    result = list(op.dims(0))
    strides = op.integers("strides") or [1] * len(result)
    result[op.channel_axis(len(result))] = channels
    for axis, size in zip(_places(op), window, strict=True):
        result[axis] = _positions(op, result[axis], size, strides[axis], axis)
    return tuple(result)


def _positions(op: Operation, dim: Dim, size: int, stride: int, axis: int) -> Dim:
    padding = op.word("padding")
    if padding == "EXPLICIT":
        op.require(None)
    if not isinstance(dim, int) or not stride:
        return None
    if padding == "SAME":
        return -(-dim // stride)
    if not size:
        return None
    if padding == "EXPLICIT":
        dim += sum(op.integers("explicit_paddings")[2 * axis : 2 * axis + 2])
    op.require(dim >= size)
    return (dim - size) // stride + 1


@rule("Conv2DBackpropInput", "Conv3DBackpropInputV2", "DepthwiseConv2dNativeBackpropInput")
def transposed_convolution(op: Operation) -> Tensor:
    """Its first operand is the shape of the result."""
    _no_batch_in(op, 1)
    _batch_first(op, 2)
    op.understand(0)
    batch = op.dims(2)[0]
    sizes = op.value(0)
    spatial_only = len(sizes) == 2  # height and width
    if has_batch(sizes if spatial_only else sizes[1:]):
        raise Refusal(f"it makes a tensor of shape {text(sizes)}")
    if spatial_only:
        return Tensor((batch, None, None, None))
    if isinstance(batch, Batch) and sizes[0] != batch:
        if not op.is_size(sizes[0], batch) or None in sizes:
            raise Refusal(f"it makes a tensor of shape {text(sizes)}")
        op.replaced[0] = (batch, *sizes[1:])
    return Tensor((batch, *sizes[1:]))


@rule("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", checks=True)
@rule("_FusedBatchNormEx")
def batch_norm(op: Operation) -> Sequence[Tensor]:
    """Keeps the shape; the statistics are of the channels."""
    dims = op.dims(0)
    axis = op.channel_axis(len(dims))
    # Statistics that are computed are of size 0.
    sizes = [shape[0] for operand in op.operands[1:] if (shape := operand.shape) and shape[0] != 0]
    op.require(len(dims) in (4, 5) and can_be_equal([dims[axis], *sizes]))
    shapes = [(number, op.operands[number].shape) for number in (1, 2)]
    vectors = [(number, 0, shape[0]) for number, shape in shapes if shape]
    (channels,) = agreed(op, [[(0, axis, dims[axis]), *vectors]])
    others = [dim for place, dim in enumerate(dims) if place != axis]
    mixes = has_batch(others) and is_training(op.node)
    op.refuse_to_open(mixes, "it computes statistics of the whole batch")
    return [Tensor(dims), *[Tensor((channels,))] * 4, UNKNOWN]


def is_training(batch_norm: protos.NodeDef) -> bool:
    """Whether a batch norm computes statistics of its operand, which is the default."""
    return "is_training" not in batch_norm.attr or batch_norm.attr["is_training"].b


@rule("LRN", checks=True)
def local_response(op: Operation) -> Tensor:
    """Works along the channels, which are last."""
    return along(op, [-1])


@rule("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", checks=True)
@rule("ResizeArea", "ScaleAndTranslate")
def resize(op: Operation) -> Tensor:
    """Keeps batch and channels."""
    batch, _, _, channels = op.dims(0)
    for number in range(1, len(op.operands)):
        _no_batch_in(op, number)
    _batch_first(op)
    sizes = op.operands[1].value or (None, None)
    return Tensor((batch, *sizes, channels))


@rule("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits")
def cross_entropy(op: Operation) -> Sequence[Tensor]:
    """A loss for each row, and the gradient of it."""
    rows = op.dims(0)
    check_mixing(op, rows, [1])
    if op.node.op == "SoftmaxCrossEntropyWithLogits":
        rows = broadcast(op, [(0, rows), (1, op.dims(1))])
    else:
        agreed(op, [[(0, 0, rows[0]), (1, 0, op.dims(1)[0])]])
    return [Tensor(rows[:1]), Tensor(rows)]
