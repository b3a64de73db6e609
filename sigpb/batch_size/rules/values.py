"""What is known of a tensor when the batch size is not: sizes and integers as multiples of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sigpb import protos
from sigpb.graph.node_index import is_outlined
from sigpb.tf.tensor_elements import elements, set_elements
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

Dim: TypeAlias = "int | Batch | None"
"""A size or an integer: known, dependent on the batch size, or unknown but independent of it."""

Dims: TypeAlias = "tuple[Dim, ...]"


@dataclass(frozen=True)
class Tensor:
    """What is known of a tensor.

    Attributes:
        shape: Its dimensions; None for an unknown rank.
        value: Its elements, if it is a scalar or vector of integers that are known in part.
        element: What it holds, if it is a list or an array of tensors.
        lost_batch: Whether it had no batch dimension before, because a batch of one was taken
            away; the dimension in its shape is new.
        whole: Whether its elements depend on the batch as a whole: on how many examples there
            are, on the number that an example has among them, or on all examples.
        counted_in: The shape in which its elements count places, if a Where found them there: a
            place tells of which example it is.
        count: How many tensors it holds, if it is a list.
    """

    shape: Dims | None
    value: Dims | None = None
    element: Tensor | None = None
    lost_batch: bool = False
    whole: bool = False
    counted_in: Dims | None = None
    count: Dim = None

    @property
    def of_whole_batch(self) -> bool:
        """Whether its elements depend on the batch as a whole, as far as they are known too."""
        return self.whole or has_batch(self.value or ())

    @property
    def has_examples(self) -> bool:
        """Whether a part of its elements is of each example, and depends on no other."""
        held = self.element is not None and self.element.has_examples
        of_batch = has_batch((*(self.shape or ()), self.count))
        return held or (of_batch and not self.of_whole_batch)

    @property
    def follows_batch(self) -> bool:
        """Whether its shape, its value or its elements depend on the batch size."""
        numbers = (*(self.shape or ()), *(self.value or ()), self.count)
        held = self.element is not None and self.element.follows_batch
        return held or self.whole or has_batch(numbers)

    @property
    def axis(self) -> int | None:
        """The dimension whose size depends on the batch size: the first that is a multiple."""
        axes = [axis for axis, dim in enumerate(self.shape or ()) if isinstance(dim, Batch)]
        multiples = [axis for axis in axes if at((self.shape or ())[axis], 1) is not None]
        return next(iter(multiples + axes), None)

    @property
    def inner(self) -> Dims | None:
        """Its shape; of a list or an array, that of the tensors in it."""
        return self.shape if self.element is None else self.element.shape

    def within(self, scope: str, known: Collection[str]) -> Tensor:
        """Returns the tensor as it is known outside of the function that returned it.

        Args:
            scope: What comes before the names of numbers that begin in the function.
            known: The names of numbers that were handed to it.
        """

        def outside(dim: Dim) -> Dim:
            if isinstance(dim, Batch) and dim.of and dim.of not in known:
                return Batch(dim.factor, f"{scope}/{dim.of}", dim.outer)
            return dim

        return replace(
            self,
            shape=self.shape and tuple(map(outside, self.shape)),
            value=self.value and tuple(map(outside, self.value)),
            element=self.element and self.element.within(scope, known),
            counted_in=self.counted_in and tuple(map(outside, self.counted_in)),
            count=outside(self.count),
        )

    @property
    def numbers(self) -> set[str]:
        """The names of numbers of their own that its shape, value or elements depend on."""
        dims = (*(self.shape or ()), *(self.value or ()), self.count)
        found = {dim.of for dim in dims if isinstance(dim, Batch)}
        return found | (self.element.numbers if self.element else set())


UNKNOWN = Tensor(None)
SCALAR = Tensor(())


def scalar(number: Dim) -> Tensor:
    """Returns a scalar of a known value."""
    return Tensor((), (number,))


def vector(numbers: Iterable[Dim]) -> Tensor:
    """Returns a vector of known values."""
    value = tuple(numbers)
    return Tensor((len(value),), value)


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
        name = "M" if dim.of else "N"
        return {0: "f(N)", 1: name}.get(dim.factor, f"{dim.factor}{name}")
    return "?" if dim is None else str(dim)


INT32 = protos.DataType.Value("DT_INT32")
INT64 = protos.DataType.Value("DT_INT64")

# Larger ones are not shapes.
_MOST_ELEMENTS = 64


def constant(node: protos.NodeDef) -> Tensor:
    """Returns what is known of the output of a Const."""
    proto = node.attr["value"].tensor
    shape: Dims = tuple(dim.size for dim in proto.tensor_shape.dim)
    return Tensor(shape, _integers(proto))


def _integers(proto: protos.TensorProto) -> Dims | None:
    count = math.prod(dim.size for dim in proto.tensor_shape.dim)
    if proto.dtype not in (INT32, INT64) or not 0 <= count <= _MOST_ELEMENTS:
        return None
    try:
        values = elements(proto)
    except ValueError:
        return None
    return (*values, *values[-1:] * (count - len(values)))


def integer_tensor(
    values: Sequence[int], dtype: int, *, scalar: bool = False
) -> protos.TensorProto:
    """Returns a vector of integers, or a scalar."""
    shape = shape_proto(() if scalar else (len(values),))
    proto = protos.TensorProto(dtype=dtype, tensor_shape=shape)
    set_elements(proto, values)
    return proto


def uniform_element(proto: protos.TensorProto) -> protos.TensorProto | None:
    """Returns the element that all elements of a tensor are, as a scalar; None if they differ.

    They are taken to differ if they were left out.
    """
    if is_outlined(proto):
        return None
    count = math.prod(dim.size for dim in proto.tensor_shape.dim)
    element = protos.TensorProto()
    element.CopyFrom(proto)
    element.tensor_shape.Clear()
    if proto.tensor_content:
        width, rest = divmod(len(proto.tensor_content), count) if count else (0, 1)
        first = proto.tensor_content[:width]
        if rest or first * count != proto.tensor_content:
            return None
        element.tensor_content = first
        return element
    for field, values in proto.ListFields():
        if field.name.endswith("_val") and field.name != "float8_val":
            if any(value != values[0] for value in values) or field.name in _PAIRS:
                return None
            del getattr(element, field.name)[1:]
    return element


# Two numbers make one complex element.
_PAIRS = {"scomplex_val", "dcomplex_val"}
