"""The values of a request, as a signature that has other types takes them."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from sigpb import protos
from sigpb.steps.conversion import dtype_steps
from sigpb.steps.reshape import arranged
from sigpb.steps.step import Stored, undone
from sigpb.tf.tensor_elements import elements, set_elements, sizes
from sigpb.tf.tensor_types import Shape, TensorType, dtype_name, shape_proto, shape_text

Sizes = tuple[int, ...]

MOST_BYTES = 1 << 26
"""What the values of one request may come to when rows are repeated; a number counts as 8 bytes."""


class Adapted(NamedTuple):
    """What became of a value.

    Attributes:
        notes: What of it is not as it was.
        rows: If there are other rows for the model, their number before and after.
    """

    notes: tuple[str, ...]
    rows: tuple[int, int] | None


def adapt(tensor: protos.TensorProto, before: TensorType, after: TensorType) -> Adapted:
    """Turns a value into what to send instead, once an input has another type.

    The patched model makes the old value of it, if the new type has such a value and room for it.
    Otherwise the nearest values are taken, and rows are repeated or left out.

    Args:
        tensor: The value that was sent.
        before: The type that the input had.
        after: The type that it has.

    Raises:
        ValueError: The value cannot be read, or has nothing to repeat, or would be too large.
    """
    if before == after:
        return Adapted((), None)
    now = sizes(tensor)
    sizes_after = arranged(now, before.shape, after.shape)
    fitting = _fitting(sizes_after, after.shape)
    resized = fitting != sizes_after
    recast = before.dtype != after.dtype != tensor.dtype
    notes = []
    values = elements(tensor) if resized or recast else []
    if resized:
        values = _resized(values, sizes_after, fitting)
        notes.append(f"{shape_text(sizes_after)} is repeated or cropped to {shape_text(fitting)}")
    if recast:
        steps = dtype_steps(after.dtype, tensor.dtype)
        (values, _), exact = undone(steps, after, Stored(values, fitting))
        tensor.dtype = after.dtype
        if not exact:
            notes.append(f"{dtype_name(after.dtype)} has not all of the values; the nearest go in")
    tensor.tensor_shape.CopyFrom(shape_proto(fitting))
    if resized or recast:
        set_elements(tensor, values)
    before_and_after = _rows(now, sizes_after, fitting, before.shape)
    return Adapted(tuple(notes), before_and_after if resized else None)


def check_size(size: int, *, grown: bool) -> None:
    """Makes sure that what is repeated fits a request, so that no patch takes all memory.

    Raises:
        ValueError: It does not.
    """
    if grown and size > MOST_BYTES:
        raise ValueError(
            f"repeated so often, its values would take {size:,} bytes; the limit is {MOST_BYTES:,}"
        )


def _fitting(arranged: Sizes, after: Shape) -> Sizes:
    """Returns the sizes nearest to those given that a shape allows."""
    if after is None:
        return arranged
    if not after:
        return ()
    return tuple(now if size is None else size for now, size in zip(arranged, after, strict=True))


def _rows(now: Sizes, arranged: Sizes, fitting: Sizes, before: Shape) -> tuple[int, int] | None:
    """Returns how many rows the model got and how many it gets, if these differ."""
    if not now or before is None or before[0] is not None:
        return None
    rows = fitting[0] if arranged == now else prod(fitting) // (prod(now[1:]) or 1)
    return (now[0], rows) if now[0] != rows else None


def _resized(values: list[Any], now: Sizes, wanted: Sizes) -> list[Any]:
    """Repeats or leaves out what each dimension has too few or too many of.

    Args:
        values: The elements, of which the last one may stand for more.
        now: Their sizes.
        wanted: The sizes they are to have; a scalar takes the first one.
    """
    if not prod(wanted):
        return []
    if not prod(now):
        raise ValueError(f"{shape_text(now)} has nothing that could be repeated")
    if len(values) == 1:
        return values
    stored = sum(len(value) if isinstance(value, bytes) else 8 for value in values)
    count = max(prod(now), prod(wanted))
    check_size(stored * count // len(values), grown=count > len(values))
    values = values + values[-1:] * (prod(now) - len(values))
    if not wanted:
        return values[:1]
    for axis, (size, new) in enumerate(zip(now, wanted, strict=True)):
        if size != new:
            block = prod(now[axis + 1 :])
            whole = range(0, len(values), size * block)
            starts = [start + i % size * block for start in whole for i in range(new)]
            values = [value for start in starts for value in values[start : start + block]]
            now = (*now[:axis], new, *now[axis + 1 :])
    return values
