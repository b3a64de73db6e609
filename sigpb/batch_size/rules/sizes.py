"""Sizes and integers of which some depend on the batch, and shapes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sigpb import protos
from sigpb.tf.tensor_types import Shape, shape_proto


@dataclass(frozen=True)
class Batch:
    """A number that depends on the batch: a multiple of its size, or of another number.

    Attributes:
        factor: What is multiplied; 0 if the number is no multiple of anything known.
        of: By what: nothing for the batch size; otherwise the output of a node that first has the
            number, such as the count of elements that a Where finds.
        outer: As a size, in what order other dimensions are merged with the batch: so much of the
            factor counts what is outside of the batch, and the rest what is inside.
    """

    factor: int = 1
    of: str = ""
    outer: int = 1


OTHERWISE = Batch(0)

MERGED = Batch(1, "?*N")
"""The size of a dimension that a dimension of unknown size and the batch inside of it became."""

Dim: TypeAlias = "int | Batch | None"
"""A size or an integer: known, dependent on the batch size, or unknown but independent of it."""

Dims: TypeAlias = "tuple[Dim, ...]"


def multiply(numbers: Iterable[Dim]) -> Dim:
    """Returns a product of numbers."""
    factor = 1
    batches = []
    unknown = False
    for number in numbers:
        if isinstance(number, Batch):
            batches.append(number)
        elif number is None:
            unknown = True
        else:
            factor *= number
    if not batches:
        return None if unknown else factor
    if unknown or len(batches) > 1:
        return OTHERWISE
    return batches[0] if factor == 1 else Batch(batches[0].factor * factor, batches[0].of)


def divide(number: Dim, divisor: Dim) -> Dim:
    """Returns an integer quotient, rounded down."""
    if isinstance(number, int) and isinstance(divisor, int) and divisor:
        return number // divisor
    if not isinstance(number, Batch):
        return OTHERWISE if isinstance(divisor, Batch) else None
    by = divisor.factor if isinstance(divisor, Batch) and divisor.of == number.of else divisor
    if not isinstance(by, int) or not by or not number.factor or number.factor % by:
        return OTHERWISE
    quotient = number.factor // by
    return quotient if isinstance(divisor, Batch) else Batch(quotient, number.of)


def repeat(size: Dim, times: Dim) -> Dim:
    """Returns the size of a dimension of which there are several copies, one after the other."""
    if isinstance(size, Batch) and isinstance(times, int):
        return Batch(size.factor * times, size.of, size.outer * times)
    return multiply((size, times))


def add(numbers: Sequence[Dim]) -> Dim:
    """Returns a sum of numbers."""
    if (integers := known(numbers)) is not None:
        return sum(integers)
    batches = [number for number in numbers if isinstance(number, Batch)]
    if not batches:
        return None
    if len(batches) == len(numbers) and len(set(batches)) == 1:
        return multiply([len(batches), batches[0]])
    return OTHERWISE


def otherwise(calculate: Callable[[int, int], int]) -> Callable[[Dim, Dim], Dim]:
    """Returns an operation on integers for numbers that may depend on the batch size."""

    def apply(left: Dim, right: Dim) -> Dim:
        if isinstance(left, int) and isinstance(right, int):
            return calculate(left, right)
        return OTHERWISE if isinstance(left, Batch) or isinstance(right, Batch) else None

    return apply


def at(number: Dim, size: int | None) -> int | None:
    """Returns a number at a given batch size; None if it is not known."""
    if not isinstance(number, Batch):
        return number
    return number.factor * size if number.factor and not number.of and size is not None else None


def same(left: Dim, right: Dim) -> bool:
    """Whether two numbers are the same for sure."""
    return left == right and left is not None and left != OTHERWISE


def can_be_equal(numbers: Iterable[Dim]) -> bool:
    """Whether no two numbers are known to differ, apart from those that depend on the batch."""
    return len({number for number in numbers if isinstance(number, int)}) <= 1


def is_less(left: Dim, right: Dim) -> bool:
    """Whether one number is known to be less than another."""
    return isinstance(left, int) and isinstance(right, int) and left < right


def has_batch(numbers: Iterable[Dim]) -> bool:
    """Whether a number depends on the batch."""
    return any(isinstance(number, Batch) for number in numbers)


def batch_of(dims: Iterable[Dim]) -> Batch | None:
    """Returns the size among some that depends on the batch; multiples of its size come first."""
    batches = [dim for dim in dims if isinstance(dim, Batch)]
    return min(batches, key=lambda batch: bool(batch.of), default=None)


def known(numbers: Sequence[Dim]) -> tuple[int, ...] | None:
    """Returns numbers if all of them are known and independent of the batch size."""
    found = tuple(number for number in numbers if isinstance(number, int))
    return found if len(found) == len(numbers) else None


def without_batch(dims: Dims | None) -> Shape:
    """Returns a shape in which what depends on the batch size is unknown."""
    return None if dims is None else tuple(d if isinstance(d, int) else None for d in dims)


def write_shape(dims: Dims | None, proto: protos.TensorShapeProto) -> None:
    """Writes a shape to a proto, with -1 for what depends on the batch size."""
    proto.CopyFrom(shape_proto(without_batch(dims)))


def with_batch(stated: Dims, shape: Dims) -> Dims:
    """Returns a shape that is stated, but with the sizes that depend on the batch."""
    if len(stated) != len(shape):
        return stated
    return tuple(b if isinstance(b, Batch) else a for a, b in zip(stated, shape, strict=True))


def text(dims: Dims | None) -> str:
    """Writes a shape as ``[N,28,?]``, where N is the batch size, and M another number."""
    if dims is None:
        return "<unknown>"
    return "[" + ",".join(_dim_text(dim) for dim in dims) + "]"


def _dim_text(dim: Dim) -> str:
    if isinstance(dim, Batch):
        name = dim.of if dim == MERGED else "M" if dim.of else "N"
        return {0: "f(N)", 1: name}.get(dim.factor, f"{dim.factor}{name}")
    return "?" if dim is None else str(dim)
