"""Steps that give the elements of a tensor, such as channels of images, another order or form."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from sigpb.steps.axes import Transpose
from sigpb.steps.conversion import shape_steps
from sigpb.steps.graph_body import GraphBody, dtype_attr, integers
from sigpb.steps.reshape import Reshape
from sigpb.steps.step import ConversionError, Step, Stored, build_steps
from sigpb.tf.tensor_types import TensorType, dtype_name, dtype_of, shape_proto, shape_text

_INT32 = dtype_of("int32")
_CHANNELS = 3

# The attribute T of ReverseV2 that has CPU kernels (tensorflow/core/kernels/reverse_op.cc).
_REVERSIBLE = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_REVERSIBLE |= {"float16", "bfloat16", "float32", "float64", "bool"}


@dataclass(frozen=True)
class ReverseChannels(Step):
    """The op ``ReverseV2`` along the last dimension: RGB becomes BGR, and back.

    Four channels are refused: of RGBA it would make ABGR, which no model takes.
    """

    example: ClassVar = "uint8 [?,224,224,3] → reverse_channels()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, whose last dimension has to be 3."""
        if dtype_name(operand.dtype) not in _REVERSIBLE:
            raise ConversionError(
                f"reverse_channels takes numbers, not {dtype_name(operand.dtype)}"
            )
        if not operand.shape or operand.shape[-1] != _CHANNELS:
            raise ConversionError(
                f"reverse_channels takes {_CHANNELS} channels along the last dimension, not "
                f"{shape_text(operand.shape)}; where they are elsewhere, put a step such as "
                "layout('NCHW', 'NHWC') before it"
            )
        return operand

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type of the result."""
        return result

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the ReverseV2, and the dimension."""
        axis = integers(body, "ReverseV2/axis", [-1], _INT32)
        attributes = {"T": dtype_attr(operand.dtype), "Tidx": dtype_attr(_INT32)}
        shape = shape_proto(operand.shape)
        [output] = body.add("ReverseV2", "ReverseV2", [tensor, axis], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Reverses the channels of an array."""
        return value[..., ::-1]

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Reverses the channels again."""
        if not value.sizes or value.sizes[-1] != _CHANNELS:
            raise ValueError(f"{shape_text(value.sizes)} has not {_CHANNELS} channels")
        elements = value.elements + value.elements[-1:] * (prod(value.sizes) - len(value.elements))
        pixels = (elements[at : at + _CHANNELS] for at in range(0, len(elements), _CHANNELS))
        return Stored([each for pixel in pixels for each in reversed(pixel)], value.sizes), True


@dataclass(frozen=True)
class Layout(Step):
    """The op ``Transpose``, by letters for the dimensions: ``layout('NHWC', 'NCHW')``.

    Attributes:
        before: A letter for each dimension of the operand.
        after: The same letters, in the order of the result.
    """

    example: ClassVar = "uint8 [?,3,224,224] → layout('NCHW', 'NHWC')"

    before: str
    after: str

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with its dimensions in another order."""
        transpose = self._transpose
        if operand.shape is None or len(operand.shape) != len(self.before):
            raise ConversionError(
                f"layout names the dimensions {self.before}, but the shape is "
                f"{shape_text(operand.shape)}"
            )
        return transpose.result(operand)

    @property
    def _transpose(self) -> Transpose:
        letters = {*self.before}
        if len(letters) < len(self.before) or sorted(letters) != sorted(self.after):
            raise ConversionError(
                f"layout needs the same letters twice, each for one dimension, such as 'NHWC' and "
                f"'NCHW', not {self.before!r} and {self.after!r}"
            )
        return Transpose(tuple(map(self.before.index, self.after)))

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type with the dimensions in the order before."""
        return Layout(self.after, self.before).result(result)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Transpose."""
        return self._transpose.build(body, tensor, operand)

    def evaluate(self, value: Any) -> Any:
        """Transposes an array."""
        return self._transpose.evaluate(value)

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Puts the elements into the order before."""
        return self._transpose.inverse(value, operand)


@dataclass(frozen=True)
class Flatten(Step):
    """The op ``Reshape``: makes one dimension of all but the first, as the Keras layer does."""

    example: ClassVar = "float32 [?,28,28,1] → flatten()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with two dimensions."""
        if not operand.shape or None in operand.shape[1:]:
            raise ConversionError(
                "flatten needs to know the sizes of all dimensions but the first, and not "
                f"{shape_text(operand.shape)}; state the shape"
            )
        size = prod(size for size in operand.shape[1:] if size is not None)
        return TensorType(operand.dtype, (operand.shape[0], size))

    def operand(self, result: TensorType) -> TensorType:
        """Returns the dtype of the result, and no shape."""
        return TensorType(result.dtype, None)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds a Reshape, unless there are two dimensions already."""
        steps = shape_steps(operand.shape, self.result(operand).shape, insist=True)
        return build_steps(body, steps, tensor, operand)

    def evaluate(self, value: Any) -> Any:
        """Reshapes an array."""
        return value.reshape(len(value), prod(value.shape[1:]))

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Gives the elements the shape of the operand."""
        return Reshape(self.result(operand).shape or ()).inverse(value, operand)
