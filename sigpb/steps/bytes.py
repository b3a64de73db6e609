"""Steps that read strings of bytes: as numbers, or as what web-safe base64 stands for."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from sigpb import protos
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.graph_body import GraphBody, dtype_attr
from sigpb.steps.reshape import Reshape
from sigpb.steps.step import ConversionError, Step, Stored, step_name
from sigpb.tf.tensor_elements import set_elements
from sigpb.tf.tensor_types import (
    TensorType,
    dtype_name,
    dtype_of,
    plain_dtype,
    shape_proto,
    shape_text,
    type_text,
)

_STRING = dtype_of("string")

# The attribute out_type of DecodeRaw (tensorflow/core/ops/parsing_ops.cc), without bool: of a byte
# that is neither 0 nor 1 the op makes a value that is neither True nor False.
_RAW = (
    *("uint8", "uint16", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)

# What tensorflow/core/lib/strings/base64.cc decodes. It ignores bits that are left over.
_BASE64 = re.compile(rb"(?:[\w-]{4})*(?:[\w-]{2}(?:==)?|[\w-]{3}=?)?")


@dataclass(frozen=True)
class DecodeRaw(Step):
    """The ops ``DecodeRaw``, little-endian, and ``Reshape``: bytes of memory become a tensor.

    It is for pixels or numbers that a client sends as one string for each example, such as
    ``numpy.ndarray.tobytes`` makes it. A string of another length fails at run time.

    Attributes:
        dtype: The name of the dtype wanted.
        shape: The shape of what one string holds, in row-major order.
    """

    example: ClassVar = "string [?] → decode_raw('uint8', [28, 28, 1])"

    dtype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        """Gives the dtype the name that it has in Python; raises a ValueError if there is none."""
        object.__setattr__(self, "dtype", plain_dtype(self.dtype))

    def result(self, operand: TensorType) -> TensorType:
        """Returns the dtype wanted, with the shape behind the first dimension."""
        if self.dtype not in _RAW:
            raise ConversionError(
                f"decode_raw reads {', '.join(_RAW)}, not {self.dtype}; read one of these, and put "
                f"cast({self.dtype!r}) behind it"
            )
        if min(self.shape, default=1) < 1 or prod(self.shape) >= 2**31:
            raise ConversionError(f"decode_raw cannot have the shape {[*self.shape]}")
        if operand.dtype != _STRING or operand.shape is None or len(operand.shape) != 1:
            raise ConversionError(
                f"decode_raw takes one string for each example, string [?], not "
                f"{type_text(operand)}"
            )
        return TensorType(dtype_of(self.dtype), (*operand.shape, *self.shape))

    def operand(self, result: TensorType) -> TensorType:
        """Returns a string for each example."""
        return TensorType(_STRING, result.shape[:1] if result.shape else (None,))

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds a DecodeRaw, and a Reshape to as many examples as there are strings.

        It does not leave their number to the Reshape, which would take a string that is twice as
        long for two examples.
        """
        numbers = TensorType(dtype_of(self.dtype), (*(operand.shape or ()), None))
        attributes = {"out_type": dtype_attr(numbers.dtype)}
        shape = shape_proto(numbers.shape)
        [raw] = body.add("DecodeRaw", "DecodeRaw", [tensor], attributes, shape)
        wanted = self.result(operand).shape or ()
        return Reshape(wanted, (0,) * wanted.count(None)).build(body, raw, numbers)

    def evaluate(self, value: Any) -> Any:
        """Reads an array of ``bytes`` objects.

        Raises:
            ValueError: One has another length; TensorFlow reports an InvalidArgument.
        """
        import numpy as np

        dtype = numpy_dtype(dtype_of(self.dtype))
        size = prod(self.shape) * dtype.itemsize
        for element in value:
            if len(element) != size:
                raise ValueError(f"a string of {len(element)} bytes does not hold {size}")
        numbers = np.frombuffer(b"".join(value), dtype.newbyteorder("<")).astype(dtype)
        return numbers.reshape(len(value), *self.shape)

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Writes the bytes of the elements of each example."""
        if value.sizes[1:] != self.shape or not value.sizes:
            raise ValueError(f"{shape_text(value.sizes)} are not examples of {[*self.shape]}")
        count, size = value.sizes[0], prod(self.shape)
        elements = value.elements + value.elements[-1:] * (count * size - len(value.elements))
        rows = [elements[at * size : (at + 1) * size] for at in range(count)]
        return Stored([_content(row, dtype_of(self.dtype)) for row in rows], (count,)), True

    def loss(self, operand: TensorType) -> str | None:
        """Says what happens to other strings."""
        size = prod(self.shape)
        return f"a string that does not hold {size} {self.dtype} fails"


def _content(elements: list[Any], dtype: int) -> bytes:
    """Returns numbers as they are in memory, little-endian."""
    packed = protos.TensorProto(dtype=dtype, tensor_content=b"\0")
    packed.tensor_shape.CopyFrom(shape_proto((len(elements),)))
    set_elements(packed, elements)
    return packed.tensor_content


@dataclass(frozen=True)
class DecodeBase64(Step):
    """The op ``DecodeBase64``: what web-safe base64 stands for, which fails on other text.

    The alphabet has ``-`` and ``_`` for the ``+`` and ``/`` of standard base64; the padding ``=``
    may be left out. It is for clients that send base64 as a plain string, in JSON or over gRPC.
    Clients of TensorFlow Serving's REST API that send ``{"b64": …}`` do not need it: the server
    decodes that, which is standard base64, before the model gets it.
    """

    example: ClassVar = "string [?] → decode_base64()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to be a string."""
        _check_string(self, operand)
        return operand

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type of the result."""
        return result

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the DecodeBase64."""
        shape = shape_proto(operand.shape)
        [output] = body.add("DecodeBase64", "DecodeBase64", [tensor], {}, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Decodes an array of ``bytes`` objects.

        Raises:
            ValueError: One is no web-safe base64; TensorFlow reports an InvalidArgument.
        """
        import numpy as np

        decoded = np.empty(value.size, dtype=object)
        decoded[:] = [*map(_decoded, value.flat)]
        return decoded.reshape(value.shape)

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Encodes the elements, with padding."""
        return Stored([*map(base64.urlsafe_b64encode, value.elements)], value.sizes), True

    def loss(self, operand: TensorType) -> str | None:
        """Says what happens to other text."""
        return "text that is no web-safe base64 fails"


def _decoded(text: bytes) -> bytes:
    if not _BASE64.fullmatch(text):
        raise ValueError(f"{text!r} is no web-safe base64")
    bare = text.rstrip(b"=")
    return base64.urlsafe_b64decode(bare + b"=" * (-len(bare) % 4))


def _check_string(step: Step, operand: TensorType) -> None:
    if operand.dtype != _STRING:
        raise ConversionError(
            f"{step_name(type(step))} takes strings, not {dtype_name(operand.dtype)}"
        )
