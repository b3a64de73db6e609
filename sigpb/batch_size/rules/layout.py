"""Where the batch is in a tensor whose elements stay in order while its shape changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, at


@dataclass(frozen=True)
class Layout:
    """The elements of a tensor as a block of three dimensions, the second of them the batch.

    Attributes:
        before: How many elements the first has; None if it is not known.
        of: The number that the second has; see `Batch`.
        after: How many elements the third has; None if it is not known.
    """

    before: int | None
    of: str
    after: int | None

    def batch_at(self, leading: int | None, factor: int) -> Batch | None:
        """Returns the batch as a dimension of another shape with the same elements.

        Args:
            leading: How many elements the dimensions before it have, counted as `before` is.
            factor: The dimension's size as a multiple of the batch size.

        Returns:
            None if that is not a part of the block in which its dimensions are whole.
        """
        if self.before is None or not leading or self.before % leading:
            return None
        outer = self.before // leading
        if factor % outer or (self.after is not None and factor and self.after % (factor // outer)):
            return None
        return Batch(factor, self.of, outer)


def layout_of(dims: Sequence[Dim]) -> Layout | None:
    """Returns the layout of a tensor; None unless the batch is in exactly one dimension."""
    places = [axis for axis, dim in enumerate(dims) if isinstance(dim, Batch)]
    if len(places) != 1:
        return None
    batch = dims[places[0]]
    assert isinstance(batch, Batch), "it was looked for"
    if not batch.factor:
        return None
    before = product([*dims[: places[0]], batch.outer])
    after = product([batch.factor // batch.outer, *dims[places[0] + 1 :]])
    return Layout(before, batch.of, after)


def product(dims: Sequence[Dim]) -> int | None:
    """Returns a product; None if it is not known or depends on the batch."""
    numbers = [dim for dim in dims if isinstance(dim, int)]
    return math.prod(numbers) if len(numbers) == len(dims) else None


@dataclass(frozen=True)
class _Count:
    """A number of elements: numbers such as the batch size, times another.

    Attributes:
        of: The names of those numbers, each as often as it is multiplied; see `Batch`.
        factor: The other number; None if it is unknown.
    """

    of: tuple[str, ...]
    factor: int | None


def _count(dims: Sequence[Dim]) -> _Count | None:
    batches = [dim for dim in dims if isinstance(dim, Batch)]
    if any(not batch.factor for batch in batches):
        return None
    factor = product([dim.factor if isinstance(dim, Batch) else dim for dim in dims])
    return _Count(tuple(sorted(batch.of for batch in batches)), factor)


def resolved(dims: Dims, target: Dims) -> Dims | None:
    """Returns the shape that a tensor gets.

    Args:
        dims: Its shape.
        target: The shape that is stated, in which -1 is to be inferred.

    Returns:
        None if the target does not fit for every batch size, or it is not known whether it does.
    """
    before = _count(dims)
    rest = _count([dim for dim in target if dim != -1])
    if before is None or rest is None:
        return None
    if -1 not in target:
        counts_differ = None not in (before.factor, rest.factor) and before != rest
        return None if before.of != rest.of or counts_differ else _laid_out(dims, target)
    left = list(before.of)
    for number in rest.of:
        if number not in left:
            return None
        left.remove(number)
    if len(left) > 1:
        return None
    inferred: Dim = None
    if before.factor is not None and rest.factor:
        if before.factor % rest.factor:
            return None
        inferred = before.factor // rest.factor
    if left:
        if inferred is None:
            if not _same_but_batch(dims, target):
                return None
            inferred = 1
        assert isinstance(inferred, int), "it was a quotient"
        inferred = Batch(inferred, left[0])
    return _laid_out(dims, tuple(inferred if dim == -1 else dim for dim in target))


def _same_but_batch(dims: Dims, target: Dims) -> bool:
    """Whether the sizes that are not inferred are the same, so that the batch is what is left."""
    rest = [dim for dim in dims if not isinstance(dim, Batch)]
    layout = layout_of(dims)
    return (
        layout is not None
        and len(rest) == len(dims) - 1
        and rest.count(None) <= 1
        and rest == [dim for dim in target if dim != -1]
    )


def _laid_out(dims: Dims, shape: Dims) -> Dims | None:
    """Returns a shape with the layout that its batch has."""
    layout = layout_of(dims)
    place = next((axis for axis, dim in enumerate(shape) if isinstance(dim, Batch)), None)
    if layout is None or place is None or layout_of(shape) is None:
        return None
    factor = shape[place]
    assert isinstance(factor, Batch), "it was looked for"
    batch = layout.batch_at(product(shape[:place]), factor.factor)
    if batch is None and place == 0 and shape[0] == dims[0]:  # Whatever is inside of it.
        batch = factor
    return None if batch is None else (*shape[:place], batch, *shape[place + 1 :])


def batch_in_literal(
    dims: Dims, target: Sequence[int], size: int, *, skip: int | None = None
) -> tuple[int, Batch] | None:
    """Returns which size of a shape is the batch, if the shape states the old batch size.

    Where several would do, which happens with a batch of one, the batch on its own is preferred,
    then as it was merged with others before, then with the last dimensions untouched.

    Args:
        dims: The shape of the tensor that gets the shape.
        target: The sizes, one of which may be -1.
        size: The old batch size.
        skip: A dimension that is not the batch.

    Returns:
        The dimension, and what its size is.
    """
    layout = layout_of(dims)
    if layout is None or layout.of:
        return None
    batch = next(dim for dim in dims if isinstance(dim, Batch))
    tail = product(dims[dims.index(batch) + 1 :])
    sizes = _at_old_size(dims, target, size)
    ranked: list[tuple[int, int, Batch]] = []
    for axis, each in enumerate(sizes):
        if axis == skip or each is None or each % size or not each:
            continue
        trailing = product(sizes[axis + 1 :])
        found = layout.batch_at(product(sizes[:axis]), each // size)
        if found is None:
            continue
        if trailing is None or layout.after is None:
            if found != batch:  # Nothing tells how the rest is divided.
                continue
        elif (found.factor // found.outer) * trailing != layout.after:
            continue
        rank = 0 if found == Batch() else 1 if found == batch else 2 if trailing == tail else 3
        ranked.append((rank, axis, found))
    if not ranked:
        return None
    _, axis, found = min(ranked, key=lambda entry: entry[:2])
    return axis, found


def _at_old_size(dims: Dims, target: Sequence[int], size: int) -> list[int | None]:
    """Returns the sizes of a target at the old batch size; None for an inferred one, if unknown."""
    total = product([at(dim, size) for dim in dims])
    rest = math.prod(each for each in target if each != -1)
    inferred = total // rest if total is not None and rest else None
    return [inferred if each == -1 else each for each in target]
