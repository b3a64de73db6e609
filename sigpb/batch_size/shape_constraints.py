"""Which sizes of its operands an op accepts, where TensorFlow knows that before it runs.

Sessions refuse to load a graph in which known sizes contradict each other; all signatures fail
then (the shape functions in tensorflow/core/ops, tensorflow/core/framework/common_shape_fns.cc).
An op that is not here either accepts all sizes, or it is not known which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from sigpb.batch_size.rules.elementwise import BINARY, UNARY
from sigpb.batch_size.rules.operation import Operation, Refusal
from sigpb.batch_size.rules.values import Dim, Dims, known

Constraint: TypeAlias = "Callable[[Operation], bool]"
"""Tells whether operands fit each other as far as their sizes are known.

Raises Refusal, IndexError or ValueError where too little is known of them.
"""

ANY_RANK = frozenset({*UNARY, *BINARY, "IdentityN", "Rank", "Shape", "ShapeN", "Size"})
"""Ops that accept operands of any rank, if these fit each other."""

# Ops that accept any sizes, beside the unary ones.
_INDIFFERENT = (
    "All Any ArgMax ArgMin Assert Cumprod Cumsum DecodeRaw Enter EuclideanNorm Exit ExpandDims "
    "Fill IdentityN L2Loss LRN LogSoftmax LookupTableFind LookupTableFindV2 LoopCond Max Mean Min "
    "NextIteration OneHot Pad PadV2 Prod Range Rank ReduceJoin ResizeBicubic ResizeBilinear "
    "ResizeNearestNeighbor Reverse ReverseV2 Shape ShapeN Size Softmax Sum Switch Tile Transpose "
    "Where"
)


def constraint_of(op: str) -> Constraint | None:
    """Returns what an op asks of the sizes of its operands; None if that is not known."""
    return _CONSTRAINTS.get(op)


def _equal(dims: Iterable[Dim]) -> bool:
    return len({dim for dim in dims if isinstance(dim, int)}) <= 1


def _all_dims(op: Operation, numbers: Iterable[int] | None = None) -> list[Dims]:
    chosen = range(len(op.operands)) if numbers is None else numbers
    return [op.dims(number) for number in chosen]


def _can_broadcast(shapes: Sequence[Dims]) -> bool:
    rank = max(map(len, shapes), default=0)
    return all(
        _equal(shape[place] for shape in shapes if len(shape) >= -place and shape[place] != 1)
        for place in range(-rank, 0)
    )


def _broadcast(op: Operation) -> bool:
    return _can_broadcast(_all_dims(op))


def _same(shapes: Sequence[Dims], skip: int | None = None) -> bool:
    return len(set(map(len, shapes))) == 1 and all(
        axis == skip or _equal(dims) for axis, dims in enumerate(zip(*shapes, strict=True))
    )


def _same_shapes(op: Operation) -> bool:
    return _same(_all_dims(op))


def _select(op: Operation) -> bool:
    condition, *values = _all_dims(op)
    if len(condition) == 1 and len(values[0]) > 1:
        return _same(values) and _equal([condition[0], *(value[0] for value in values)])
    return _same(values if condition == () else [condition, *values])


def _mat_mul(op: Operation) -> bool:
    left, right = _all_dims(op)
    return len(left) == len(right) == 2 and _equal(
        [left[0 if op.flag("transpose_a") else 1], right[1 if op.flag("transpose_b") else 0]]
    )


def _batch_mat_mul(op: Operation) -> bool:
    left, right = _all_dims(op)
    stacks = [left[:-2], right[:-2]]
    fits = _same(stacks) if op.node.op == "BatchMatMul" else _can_broadcast(stacks)
    inner = left[-2 if op.flag("adj_x") else -1], right[-1 if op.flag("adj_y") else -2]
    return fits and _equal(inner)


def _einsum(op: Operation) -> bool:
    terms = op.word("equation").replace(" ", "").partition("->")[0].split(",")
    sizes: dict[str, list[Dim]] = {}
    for term, dims in zip(terms, _all_dims(op), strict=True):
        if "." in term:
            raise Refusal("its equation leaves dimensions out")
        for label, dim in zip(term, dims, strict=True):
            sizes.setdefault(label, []).append(dim)
    return all(map(_equal, sizes.values()))


def _channel_axis(op: Operation, rank: int) -> int:
    return 1 if op.word("data_format").startswith("NC") else rank - 1


def _bias_add(op: Operation) -> bool:
    dims, (channels,) = _all_dims(op)
    return _equal([dims[_channel_axis(op, len(dims))], channels])


def _batch_norm(op: Operation) -> bool:
    dims = op.dims(0)
    vectors = [shape[0] for operand in op.operands[1:] if (shape := operand.shape)]
    return len(dims) in (4, 5) and _equal([dims[_channel_axis(op, len(dims))], *_nonzero(vectors)])


def _nonzero(dims: Iterable[Dim]) -> list[Dim]:
    """Leaves out sizes of 0, as those of statistics that are computed."""
    return [dim for dim in dims if dim != 0]


def _convolution(op: Operation) -> bool:
    dims, window = _all_dims(op)
    if len(dims) != len(window):
        return False
    channels, taken = dims[_channel_axis(op, len(dims))], window[-2]
    if isinstance(channels, int) and isinstance(taken, int):
        groups, over = divmod(channels, taken)
        if over or (isinstance(window[-1], int) and window[-1] % (groups or 1)):
            return False
        if op.node.op == "DepthwiseConv2dNative" and groups != 1:
            return False
    return _has_room(op, dims, window[:-2])


def _pooling(op: Operation) -> bool:
    dims, window = op.dims(0), op.integers("ksize")
    axis = _channel_axis(op, len(dims))
    spatial = [size for place, size in enumerate(window) if place not in (0, axis)]
    return len(dims) == len(window) and _has_room(op, dims, spatial)


def _has_room(op: Operation, dims: Dims, window: Sequence[Dim]) -> bool:
    """Whether a window can be moved over the dimensions between batch and channels."""
    if op.word("padding") == "SAME":
        return True
    if op.word("padding") == "EXPLICIT":
        raise Refusal("what it puts around its operand is not counted here")
    axes = [axis for axis in range(1, len(dims)) if axis != _channel_axis(op, len(dims))]
    dilations = op.integers("dilations") or [1] * len(dims)
    for axis, size in zip(axes, window, strict=True):
        dim, dilation = dims[axis], dilations[axis]
        if isinstance(dim, int) and isinstance(size, int) and dim < (size - 1) * dilation + 1:
            return False
    return True


def _concat(op: Operation) -> bool:
    last = len(op.operands) - 1
    at, parts = (last, range(last)) if op.node.op == "ConcatV2" else (0, range(1, last + 1))
    shapes = _all_dims(op, parts)
    return _same(shapes, op.axis(at, len(shapes[0])))


def _reshape(op: Operation) -> bool:
    dims, target = known(op.dims(0)), op.value(1)
    rest = known([size for size in target if size != -1])
    if dims is None or rest is None:
        return True
    count, wanted = math.prod(dims), math.prod(rest)
    if -1 not in target:
        return count == wanted
    return wanted == 0 or count % wanted == 0


def _squeeze(op: Operation) -> bool:
    dims = op.dims(0)
    return all(dims[axis] in (1, None) for axis in op.integers("squeeze_dims"))


def _split(op: Operation) -> bool:
    dims = op.dims(1)
    dim = dims[op.axis(0, len(dims))]
    return not isinstance(dim, int) or dim % op.integer("num_split") == 0


def _unpack(op: Operation) -> bool:
    return op.dims(0)[op.integer("axis")] in (op.integer("num"), None)


def _top_k(op: Operation) -> bool:
    dim = op.dims(0)[-1]
    (count,) = op.constant(1) if op.node.op == "TopKV2" else (op.integer("k"),)
    return not isinstance(dim, int) or dim >= count


def _strided_slice(op: Operation) -> bool:
    """A number that counts an element must not be beyond the end; a range may."""
    dims, (entries,) = op.dims(0), op.dims(1)
    if not isinstance(entries, int):
        raise Refusal("it is not known how many dimensions it slices")
    begin = op.operands[1].value or (None,) * entries
    new, dots = op.integer("new_axis_mask"), op.integer("ellipsis_mask")
    axis = 0
    for entry in range(entries):
        bit = 1 << entry
        if dots & bit:
            later = sum(not new & (1 << other) for other in range(entry + 1, entries))
            axis = len(dims) - later
        elif not new & bit:
            if op.integer("shrink_axis_mask") & bit and not _is_within(begin[entry], dims[axis]):
                return False
            axis += 1
    return True


def _is_within(place: Dim, dim: Dim) -> bool:
    if not isinstance(place, int) or not isinstance(dim, int):
        return True
    return place in range(-dim, dim)


def _slice(op: Operation) -> bool:
    dims, begin, sizes = op.dims(0), op.value(1), op.value(2)
    known_ones = filter(None, map(known, zip(dims, begin, sizes, strict=True)))
    return all(start + max(size, 0) <= dim for dim, start, size in known_ones)


def _gather(op: Operation) -> bool:
    """Indices are looked at when the graph runs."""
    if op.integer("batch_dims"):
        raise Refusal("its operands share dimensions")
    return True


def _bitcast(op: Operation) -> bool:
    raise Refusal("the last size may become part of an element, or be made of one")


def _anything(op: Operation) -> bool:
    return True


_CONSTRAINTS: dict[str, Constraint] = {
    **dict.fromkeys((*UNARY, *_INDIFFERENT.split()), _anything),
    **dict.fromkeys(BINARY, _broadcast),
    **dict.fromkeys(("AccumulateNV2", "AddN", "Pack"), _same_shapes),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _batch_mat_mul),
    **dict.fromkeys(("BiasAdd", "BiasAddV1"), _bias_add),
    **dict.fromkeys(("Concat", "ConcatV2"), _concat),
    **dict.fromkeys(("Conv2D", "Conv3D", "DepthwiseConv2dNative"), _convolution),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _batch_norm),
    **dict.fromkeys(("Gather", "GatherV2"), _gather),
    **dict.fromkeys(("AvgPool", "AvgPool3D", "MaxPool", "MaxPool3D"), _pooling),
    **dict.fromkeys(("TopK", "TopKV2"), _top_k),
    "Bitcast": _bitcast,
    "Einsum": _einsum,
    "MatMul": _mat_mul,
    "Reshape": _reshape,
    "Select": _select,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "StridedSlice": _strided_slice,
    "Unpack": _unpack,
}
