"""Sizes of operands that have to be the same, or that are broadcast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sigpb.batch_size.rules.operation import Demand, Operation, Refusal, Wanted
from sigpb.batch_size.rules.sizes import Dim, Dims, batch_of, can_be_equal, same, text

Part = tuple[int, int, Dim]
"""The number of an operand, one of its dimensions, and the size of that."""


def agreed(op: Operation, dimensions: Iterable[Sequence[Part]], *, repeats: bool = False) -> Dims:
    """Returns the sizes that parts of operands share.

    Args:
        op: The node.
        dimensions: For each dimension, the parts that share a size.
        repeats: Whether a size of one fits any other.

    Raises:
        Demand: Some have the old batch size where others follow the batch.
        Refusal: They do not fit for every batch size.
    """
    result: list[Dim] = []
    wanted: list[Wanted] = []
    for parts in dimensions:
        op.require(can_be_equal(dim for _, _, dim in parts if not (repeats and dim == 1)))
        batch = batch_of(dim for _, _, dim in parts)
        if batch is None:
            result.append(_known([dim for _, _, dim in parts]))
            continue
        result.append(batch)
        if len(parts) == 1:
            continue
        for number, axis, dim in parts:
            if same(dim, batch) or (repeats and dim == 1):
                continue
            if op.is_size(dim, batch):
                wanted.append(Wanted(number, axis, batch))
            elif dim is not None or op.size is not None:
                raise Refusal(
                    f"its operand {op.spelling(number)!r} is of size {text((dim,))[1:-1]} in "
                    f"dimension {axis}, where another is of size {text((batch,))[1:-1]}"
                )
    if wanted:
        raise Demand(*wanted)
    return tuple(result)


def _known(dims: Sequence[Dim]) -> Dim:
    """Returns a size without the batch: the largest that is known, unless it may be another's."""
    if all(dim == 1 for dim in dims):
        return 1
    return next((dim for dim in dims if dim not in (None, 1)), None)


def broadcast(op: Operation, shapes: Sequence[tuple[int, Dims]]) -> Dims:
    """Returns the shape that operands are broadcast to; raises what `agreed` raises.

    Args:
        op: The node.
        shapes: Numbers of operands, and the shapes or leading parts of shapes that are broadcast.
    """
    rank = max((len(shape) for _, shape in shapes), default=0)
    dimensions = [
        [
            (number, len(shape) + place, shape[place])
            for number, shape in shapes
            if len(shape) >= -place
        ]
        for place in range(-rank, 0)
    ]
    return agreed(op, dimensions, repeats=True)


def equal_shapes(op: Operation, numbers: Sequence[int], joined: int | None = None) -> list[Dim]:
    """Returns the shape that operands share; raises what `agreed` raises.

    Args:
        op: The node.
        numbers: The operands.
        joined: A dimension that need not be the same, of which the result says nothing.
    """
    shapes = [(number, op.dims(number)) for number in numbers]
    is_one_rank = len({len(dims) for _, dims in shapes}) == 1
    op.require(is_one_rank)
    if not is_one_rank:
        raise Refusal(f"its operands have the shapes {', '.join(text(dims) for _, dims in shapes)}")
    rank = len(shapes[0][1])
    return list(
        agreed(
            op,
            (
                [(number, axis, dims[axis]) for number, dims in shapes] if axis != joined else []
                for axis in range(rank)
            ),
        )
    )
