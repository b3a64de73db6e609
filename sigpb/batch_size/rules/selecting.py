"""Ops that take some elements, or put some in."""

from __future__ import annotations

from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.sizes import (
    OTHERWISE,
    Batch,
    Dim,
    Dims,
    has_batch,
    is_less,
    repeat,
    same,
    text,
)
from sigpb.batch_size.rules.values import Tensor


@rule("Slice", checks=True)
def slice_(op: Operation) -> Tensor:
    """Takes a block of given sizes."""
    dims = op.dims(0)
    begin, sizes = (op.value_or_unknown(number, len(dims)) for number in (1, 2))
    _check_known(op, 1, 2)
    op.require(None if None in (op.operands[1].value, op.operands[2].value) else True)
    result: list[Dim] = []
    rewritten = list(sizes)
    for axis, (dim, start, size) in enumerate(zip(dims, begin, sizes, strict=True)):
        if not isinstance(dim, Batch):
            _check_bounds(op, start, size)
            if isinstance(start, int) and isinstance(size, int):
                op.require(not is_less(dim, start + max(size, 0)))
            rest = dim - start if isinstance(dim, int) and isinstance(start, int) else None
            result.append(rest if size == -1 else size)
            continue
        _check_all(op, start == 0 and size in (-1, dim), start == 0 and op.is_size(size, dim))
        if op.is_size(size, dim):
            rewritten[axis] = -1
        result.append(dim)
    if rewritten != list(sizes):
        op.replaced[2] = tuple(rewritten)
    value = op.operands[0].value
    if (
        value is not None
        and len(dims) == 1
        and isinstance(begin[0], int)
        and isinstance(sizes[0], int)
    ):
        end = len(value) if sizes[0] == -1 else begin[0] + sizes[0]
        return Tensor(tuple(result), value[begin[0] : end])
    return Tensor(tuple(result))


def _check_all(op: Operation, is_all: bool, was_all: bool) -> None:
    """Refuses to take a part of the batch.

    Args:
        op: The node.
        is_all: Whether it takes the whole batch, however large that is.
        was_all: Whether it takes as many examples as there were. That may have been meant as the
            first ones, which is all there is to say of a single one.
    """
    if op.size is None or is_all or (was_all and op.size != 1):
        return
    if was_all:
        raise Refusal("it takes the first example, and sigpb cannot tell whether it means all")
    raise Refusal("it takes a part of the batch")


def _check_known(op: Operation, *numbers: int) -> None:
    """Lets bounds depend on the batch as a whole, if it is known in which way."""
    op.understand(*(n for n in numbers if op.operands[n].value is not None))


def _check_bounds(op: Operation, *bounds: Dim) -> None:
    """Refuses bounds that depend on the batch, in a dimension that does not."""
    op.refuse_to_open(has_batch(bounds), "what it takes depends on how many examples there are")


@rule("StridedSlice", checks=True)
def strided_slice(op: Operation) -> Tensor:
    """Takes what a Python slice takes."""
    dims = op.dims(0)
    _check_known(op, 1, 2, 3)
    (entries,) = op.dims(1)
    if not isinstance(entries, int):
        raise Refusal("it is not known how many dimensions it slices")
    begin, end, strides = (op.value_or_unknown(number, entries) for number in (1, 2, 3))
    result: list[Dim] = []
    axis = 0
    end_mask = op.integer("end_mask")
    value = op.operands[0].value if len(dims) == 1 else None
    for entry in range(entries):
        bit = 1 << entry
        if op.integer("ellipsis_mask") & bit:
            later = sum(
                not op.integer("new_axis_mask") & (1 << other)
                for other in range(entry + 1, entries)
            )
            result += dims[axis : len(dims) - later]
            axis = len(dims) - later
            continue
        if op.integer("new_axis_mask") & bit:
            result.append(1)
            continue
        start = 0 if op.integer("begin_mask") & bit else begin[entry]
        stop = None if op.integer("end_mask") & bit else end[entry]
        open_end = bool(op.integer("end_mask") & bit)
        step = strides[entry]
        if op.integer("begin_mask") & bit and step != 1:
            start = None
        if not isinstance(dims[axis], Batch):
            _check_bounds(op, start, stop, step)
        if op.integer("shrink_axis_mask") & bit:
            op.refuse_to_open(has_batch([dims[axis]]), "it takes one example out of the batch")
            # An element must not be beyond the end; a range may.
            op.require(_is_within(begin[entry], dims[axis]))
            if value is not None:
                value = _item(value, start)
        else:
            if isinstance(dims[axis], Batch):
                begins, was_all = (start, step) == (0, 1), op.is_size(stop, dims[axis])
                is_all = begins and (open_end or same(dims[axis], stop))
                _check_all(op, is_all, begins and was_all)
                end_mask |= bit if was_all and not is_all else 0
            result.append(_sliced(dims[axis], start, stop, step, open_end))
            if value is not None:
                value = _items(value, start, stop, step, open_end)
        axis += 1
    result += dims[axis:]
    if end_mask != op.integer("end_mask"):
        op.attributes["end_mask"] = end_mask
    return Tensor(tuple(result), value)


def _is_within(place: Dim, dim: Dim) -> bool:
    return not isinstance(place, int) or not isinstance(dim, int) or -dim <= place < dim


def _item(value: Dims, place: Dim) -> Dims | None:
    if isinstance(place, int) and -len(value) <= place < len(value):
        return (value[place],)
    return (OTHERWISE,) if has_batch(value) else None


def _items(value: Dims, start: Dim, stop: Dim, step: Dim, open_end: bool) -> Dims | None:
    if isinstance(start, int) and isinstance(step, int):
        if open_end:
            return value[start::step]
        return value[start:stop:step] if isinstance(stop, int) else None
    if open_end and start is None and isinstance(step, int) and step < 0:
        return value[::step]
    return None


def _sliced(dim: Dim, start: Dim, stop: Dim, step: Dim, open_end: bool) -> Dim:
    if isinstance(dim, Batch):
        return dim
    if not isinstance(step, int) or not isinstance(dim, int) or isinstance(start, Batch):
        return None
    if open_end:
        return len(range(dim)[start::step])
    return len(range(dim)[start:stop:step]) if isinstance(stop, int) else None


@rule("Pad", "PadV2", checks=True)
@rule("MirrorPad")
def pad(op: Operation) -> Tensor:
    """Puts elements around."""
    dims = op.dims(0)
    amounts = op.value(1)
    result: list[Dim] = []
    for dim, before, after in zip(dims, amounts[::2], amounts[1::2], strict=True):
        pads = isinstance(dim, Batch) and (before, after) != (0, 0)
        op.refuse_to_open(pads, "it puts rows around the batch")
        if isinstance(dim, int) and isinstance(before, int) and isinstance(after, int):
            result.append(before + dim + after)
        else:
            result.append(dim if isinstance(dim, Batch) else None)
    return Tensor(tuple(result))


@rule("Tile", checks=True)
def tile(op: Operation) -> Tensor:
    """Repeats the tensor along its dimensions."""
    dims = op.dims(0)
    times = op.operands[1].value
    if times is None:
        raise Refusal("it is not known how often it repeats its operand")
    op.understand(1)
    repeats = [count for dim, count in zip(dims, times, strict=True) if isinstance(dim, Batch)]
    op.refuse_to_open(repeats not in ([], [1]), "it repeats the batch after its last example")
    return Tensor(tuple(repeat(*pair) for pair in zip(dims, times, strict=True)))


@rule("GatherV2", "Gather", checks=True)
@rule("ResourceGather")
def gather(op: Operation) -> Tensor:
    """Looks entries up by their number."""
    params, indices = op.operands[0].shape, op.dims(1)
    batch_dims = op.integer("batch_dims")
    op.require(None if batch_dims else True)  # Indices are looked at when the graph runs.
    if op.node.op == "ResourceGather":
        return Tensor(_resource_gather(op, indices, batch_dims))
    params = op.dims(0)
    axis = op.axis(2, len(params)) if op.node.op == "GatherV2" else 0
    batch_dims = batch_dims + len(indices) if batch_dims < 0 else batch_dims
    shared = broadcast_equal(op, params[:batch_dims], indices[:batch_dims])
    _check_places(op, (params[axis],))
    shape = (*shared, *params[batch_dims:axis], *indices[batch_dims:], *params[axis + 1 :])
    value = op.operands[0].value
    if value is not None and len(params) == 1 and len(indices) <= 1:
        return Tensor(shape, _looked_up(value, op.operands[1].value))
    return Tensor(shape)


def _check_places(op: Operation, dims: Dims) -> None:
    """Refuses to look up along the batch, unless by places that were found there."""
    if not has_batch(dims) or op.size is None:
        return
    if op.operands[1].counted_in != dims:
        raise Refusal("it looks examples of the batch up by their numbers")
    op.understand(1)


def _looked_up(value: Dims, indices: Dims | None) -> Dims | None:
    numbers = [i for i in indices or () if isinstance(i, int) and i < len(value)]
    if indices is None or len(numbers) != len(indices):
        return None
    return tuple(value[number] for number in numbers)


def broadcast_equal(op: Operation, left: Dims, right: Dims) -> Dims:
    """Returns the leading dimensions that two operands share."""
    for a, b in zip(left, right, strict=True):
        mixes = a != b and has_batch([a, b])
        op.refuse_to_open(mixes, f"its operands begin with {text(left)} and {text(right)}")
    return tuple(a if isinstance(a, Batch) else b for a, b in zip(left, right, strict=True))


def _resource_gather(op: Operation, indices: Dims, batch_dims: int) -> Dims | None:
    table = op.operands[0].inner
    if batch_dims:
        raise Refusal("it looks up in a table for each example")
    if table:
        return (*indices, *table[1:])
    if op.stated is None:
        raise Refusal("the shape of what it looks up in is not known")
    return (*indices, *op.stated[len(indices) :])


@rule("GatherNd")
def gather_nd(op: Operation) -> Tensor:
    """Looks entries up by their places."""
    params, indices = op.dims(0), op.dims(1)
    depth = indices[-1]
    if not isinstance(depth, int):
        raise Refusal("it is not known in how many dimensions it looks up")
    looked_up = params[:depth]
    _check_places(op, looked_up)
    return Tensor((*indices[:-1], *params[depth:]))


@rule("OneHot", checks=True)
def one_hot(op: Operation) -> Tensor:
    """Puts in a dimension."""
    dims = op.dims(0)
    axis = op.integer("axis", -1)
    axis = axis + len(dims) + 1 if axis < 0 else axis
    depth = op.operands[1].value
    return Tensor((*dims[:axis], depth[0] if depth else None, *dims[axis:]))


@rule("Where", checks=True)
def where(op: Operation) -> Tensor:
    """The places of what is true: how many there are is not known."""
    dims = op.dims(0)
    batch = next((axis for axis, dim in enumerate(dims) if isinstance(dim, Batch)), 0)
    leading = (*dims[:batch], *(dim.outer for dim in dims if isinstance(dim, Batch)))
    mixes = any(size != 1 for size in leading)
    op.refuse_to_open(mixes, "it finds elements of one example among those of others")
    return Tensor((op.own_size(), len(dims)), whole=True, counted_in=dims)
