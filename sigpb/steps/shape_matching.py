"""How one shape becomes another, and where a reshape finds the sizes that it needs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, TypeAlias

from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_types import Shape, shape_text

ShapeChange = Literal["same", "refine", "relax", "reshape"]

Sizes: TypeAlias = "tuple[int | None, ...]"
"""A shape whose rank is known."""


class LooksTransposed(ConversionError):
    """A reshape would leave the elements in an order in which they are hardly meant to be."""


def shape_change(source: Shape, target: Shape) -> ShapeChange:
    """Names what turns one shape into another.

    Returns:
        ``same``; ``refine`` if unknown sizes, or an unknown rank, become known; ``relax`` if known
        ones become unknown, whatever else gets known; ``reshape`` if a size or the rank changes,
        or if nothing changes but the places of sizes.
    """
    if source == target:
        return "same"
    if source is None:
        return "refine"
    if target is None:
        return "relax"
    if len(source) != len(target):
        return "reshape"
    pairs = [(old, new) for old, new in zip(source, target, strict=True) if old != new]
    if any(None not in pair for pair in pairs):
        return "reshape"
    if all(old is None for old, _ in pairs):
        return "refine"
    if Counter(_without_units(source)) == Counter(_without_units(target)):
        return "reshape"
    return "relax"


def _without_units(shape: Sizes) -> list[int | None]:
    return [size for size in shape if size != 1]


def check_reshape(source: Shape, target: Shape, *, insist: bool = False) -> None:
    """Makes sure that a reshape keeps every example together, with its elements in their order.

    A ``?`` may take in what follows it: ``[?,100,4]`` may become ``[?,4]``. The other way round
    would work for some batch sizes only.

    Args:
        source: The shape that there is.
        target: The shape wanted.
        insist: Whether a reshape is meant even if it looks like a transpose.

    Raises:
        ConversionError: It does not, or not for every size that a ``?`` may stand for.
        LooksTransposed: Dimensions seem to change places.
    """
    if source is None or target is None:
        return
    if not insist and _is_permuted(source, target):
        raise _transposed(
            f"{shape_text(target)} has the sizes of {shape_text(source)}", source, target
        )
    if not _counts_agree(source, target):
        raise ConversionError(
            f"{shape_text(source)} has {_count_text(source)} and {shape_text(target)} has "
            f"{_count_text(target)}, but a reshape keeps the number of elements. State a shape "
            "that has as many as the model's; to drop elements or to pad them, change the model "
            "itself and export it again."
        )
    if None in source and None not in target:
        raise _one_size(source, target)
    parts = _parts(source, target)
    if not insist and any(_is_permuted(*part) or _is_recut(*part) for part in parts):
        raise _transposed(
            f"{shape_text(target)} divides the elements of {shape_text(source)}", source, target
        )


def check_promise(source: Shape, target: Shape) -> None:
    """Makes sure that a reshaped output is not said to be of any size if it is always of one.

    Raises:
        ConversionError: It is.
    """
    if source is not None and target is not None and None not in source and None in target:
        raise _one_size(target, source)


def _is_permuted(source: Sizes, target: Sizes) -> bool:
    """Whether two shapes have the same sizes in another order, apart from sizes of 1."""
    old, new = _without_units(source), _without_units(target)
    return old != new and Counter(old) == Counter(new)


def _transposed(what: str, source: Sizes, target: Sizes) -> LooksTransposed:
    axes = _axes(source, target)
    step = "transpose" if axes is None else f"transpose({', '.join(map(str, axes))})"
    return LooksTransposed(
        f"{what} in another order. To change the places of dimensions, as from channels last to "
        f"channels first, use a transpose: the step {step} in place of the shape. To keep the "
        "elements in their order, say so: reshape: true in a patch, or --reshape_input or "
        "--reshape_output."
    )


def _axes(source: Sizes, target: Sizes) -> list[int] | None:
    """Returns the axes of a transpose that keeps equal sizes in their order; None if none fits."""
    if Counter(source) != Counter(target):
        return None
    places = {size: [axis for axis, each in enumerate(source) if each == size] for size in source}
    return [places[size].pop(0) for size in target]


def _one_size(loose: Sizes, known: Sizes) -> ConversionError:
    """Returns the error for a shape that has an unknown size beside one that has none."""
    stated = _with_first_known(loose, _product(known) // (_product(loose) or 1))
    return ConversionError(
        f"{shape_text(known)} has {_count_text(known)}, so that the ? of {shape_text(loose)} could "
        f"not stand for any size. State {shape_text(stated)} instead."
    )


def _parts(source: Sizes, target: Sizes) -> list[tuple[Sizes, Sizes]]:
    """Returns the known sizes before, between and after the unknown ones, of both shapes.

    Raises:
        ConversionError: They do not have the same elements.
    """
    if target.count(None) > 1:
        sources_of_unknown_sizes(source, target)
        return list(zip(_known_parts(source), _known_parts(target), strict=True))
    if None not in source:
        known = _with_first_known(target, _product(source) // (_product(target) or 1))
        return [(source, known)]
    first, *_, last = _known_parts(source)
    new_first, new_last = _known_parts(target)
    if _product(first) != _product(new_first):
        raise ConversionError(
            f"{shape_text(source)} has {_count_text(first)} before its ? and {shape_text(target)} "
            f"has {_count_text(new_first)}: the ? would be another dimension, and a reshape would "
            "mix the examples of a batch. Leave ? where the model has it."
        )
    for start in range(len(last) + 1):
        if _product(last[start:]) == _product(new_last):
            return [(first, new_first), (last[start:], new_last)]
    if _product(last) in _trailing_products(new_last):
        raise ConversionError(
            f"{shape_text(source)} can become {shape_text(target)} only where the number of "
            f"elements is a multiple of {_product(target)}, so ? cannot stand for any size. State "
            "a number in its place, or a shape that has as many elements for each ? as the model's."
        )
    raise ConversionError(
        f"{shape_text(source)} has {_product(source)} elements for each ?, and "
        f"{shape_text(target)} has {_product(target)}: a reshape would move elements from one "
        "example of a batch to another. State a shape that has as many for each ? as the "
        "model's; to drop elements or to pad them, change the model itself and export it again."
    )


def _is_recut(source: Sizes, target: Sizes) -> bool:
    """Whether dimensions are neither kept, nor split, nor merged, as in [4,6] → [8,3]."""
    old, new = _trailing_products(source), _trailing_products(target)
    shared = sorted(old & new)
    return any(
        all(any(low < cut < high for cut in cuts) for cuts in (old, new))
        for low, high in pairwise(shared)
    )


def _with_first_known(shape: Sizes, size: int) -> Sizes:
    """Returns a shape with a number in place of the first unknown size, and 1 for the others."""
    sizes = iter((size,))
    return tuple(next(sizes, 1) if each is None else each for each in shape)


def _counts_agree(source: Sizes, target: Sizes) -> bool:
    if None in source and None in target:
        return True
    if None in source:
        return _is_multiple(_product(target), _product(source))
    if None in target:
        return _is_multiple(_product(source), _product(target))
    return _product(source) == _product(target)


def _is_multiple(count: int, factor: int) -> bool:
    return count % factor == 0 if factor else count == 0


def _count_text(shape: Sizes) -> str:
    count = _product(shape)
    if None in shape and count:
        return f"a multiple of {count} elements"
    return "1 element" if count == 1 else f"{count} elements"


def _trailing_products(shape: Sizes) -> set[int]:
    return {_product(shape[start:]) for start in range(len(shape) + 1)}


def _product(shape: Sizes) -> int:
    """The product of the sizes that are known."""
    return math.prod(size for size in shape if size is not None)


def sources_of_unknown_sizes(source: Shape, target: Sizes) -> tuple[int, ...]:
    """Finds the axes that have the unknown sizes of a reshape's result.

    The unknown sizes correspond in their order: ``[?,?,64]`` becomes ``[?,?,8,8]`` with the sizes
    of the axes 0 and 1. That is so if the known sizes before, between and after them have the same
    products on both sides.

    Args:
        source: The shape that the operand has.
        target: The shape wanted.

    Returns:
        One axis of `source` for each None in `target`.

    Raises:
        ConversionError: It is not so.
    """
    if source is None:
        why = "the rank of what comes in is unknown"
    elif source.count(None) != target.count(None):
        why = f"it has {target.count(None)}, and {shape_text(source)} has {source.count(None)}"
    elif [*map(_product, _known_parts(source))] != [*map(_product, _known_parts(target))]:
        why = f"the known sizes around them are not those of {shape_text(source)}"
    else:
        return tuple(axis for axis, size in enumerate(source) if size is None)
    number = "a number" if target.count(None) == 1 else "numbers, all but one,"
    raise ConversionError(
        f"A reshape cannot tell every ? of {shape_text(target)}: {why}. State {number} in place "
        "of ?."
    )


def _known_parts(shape: Sizes) -> Iterator[Sizes]:
    """Yields the known sizes before each None, and after the last one."""
    start = 0
    for axis, size in enumerate(shape):
        if size is None:
            yield shape[start:axis]
            start = axis + 1
    yield shape[start:]
