"""What is known of a tensor when the batch size is not."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, at, has_batch
from sigpb.graphs.node_index import is_outlined
from sigpb.tf.tensor_elements import elements, set_elements
from sigpb.tf.tensor_types import shape_proto


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
