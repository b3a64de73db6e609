"""A step that makes gray images of colored ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.cast import Cast
from sigpb.steps.graph_body import GraphBody, computed_shape, dtype_attr, elements
from sigpb.steps.image_shapes import images_of, of_any_rank
from sigpb.steps.reshape import Reshape
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.tensor_types import (
    Shape,
    TensorType,
    dtype_name,
    dtype_of,
    integer_range,
    shape_proto,
    shape_text,
)

_INT32, _FLOAT = map(dtype_of, ("int32", "float32"))
_COLORS = 3
_WEIGHTS = (0.2989, 0.5870, 0.1140)

# Of larger integers TensorFlow takes the largest one for white, whatever the pixels are.
_TAKEN = frozenset({"uint8", "uint16", "float16", "bfloat16", "float32", "float64"})


@dataclass(frozen=True)
class Grayscale(Step):
    """What ``tf.image.rgb_to_grayscale`` does: 0.2989 red, 0.587 green and 0.114 blue.

    One channel is left. Of BGR images it takes a ``reverse_channels()`` before it, of RGBA images a
    ``slice(0, 3)``.
    """

    example: ClassVar = "uint8 [?,224,224,3] → grayscale()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with one channel."""
        *sizes, channels = images_of(self, operand, _TAKEN)
        if channels != _COLORS:
            raise ConversionError(
                f"grayscale takes {_COLORS} channels along the last dimension, not "
                f"{shape_text(operand.shape)}; where they are elsewhere, put a step such as "
                "layout('NCHW', 'NHWC') before it, and slice(0, 3) where there is an alpha channel"
            )
        return TensorType(operand.dtype, (*sizes, 1))

    def operand(self, result: TensorType) -> TensorType:
        """Returns images of three channels."""
        *sizes, channels = of_any_rank(self, result)
        if channels not in (1, None):
            raise ConversionError(
                f"grayscale returns one channel, not {shape_text(result.shape)}: the model takes "
                "images of more"
            )
        return TensorType(result.dtype, (*sizes, _COLORS))

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds what TensorFlow's function adds: a MatMul, which rounds in its own way."""
        pixels = TensorType(_FLOAT, operand.shape)
        gray = TensorType(_FLOAT, self.result(operand).shape)
        limits = integer_range(operand.dtype)
        value = tensor
        if operand.dtype != _FLOAT:
            value = Cast("float32").build(body, value, operand)
        if limits:
            value = _times(body, "Grayscale/fraction", value, 1 / limits[1], pixels.shape)
        flat = Reshape((None, _COLORS))
        [total] = body.add(
            "MatMul",
            "Grayscale/MatMul",
            [
                flat.build(body, value, pixels),
                elements(body, "Grayscale/weights", _WEIGHTS, _FLOAT, (_COLORS, 1)),
            ],
            {"T": dtype_attr(_FLOAT)},
            shape_proto((None, 1)),
        )
        value = _reshaped(body, total, gray.shape or (), tensor, operand)
        if limits:
            value = _times(body, "Grayscale/scaled", value, limits[1] + 0.5, gray.shape)
        if operand.dtype != _FLOAT:
            value = Cast(dtype_name(operand.dtype)).build(body, value, gray)
        return value

    def evaluate(self, value: Any) -> Any:
        """Returns what TensorFlow's function does."""
        import tensorflow as tf

        return tf.image.rgb_to_grayscale(value).numpy()

    def loss(self, operand: TensorType) -> str | None:
        """Three numbers become one."""
        return "drops colors"


def _reshaped(
    body: GraphBody, tensor: str, shape: tuple[int | None, ...], source: str, operand: TensorType
) -> str:
    """Gives a tensor a shape, of which another one has the sizes that are not known."""
    axes = [axis for axis, size in enumerate(shape) if size is None]
    sizes = computed_shape(body, "Grayscale/Reshape", shape, axes, source, operand, _INT32)
    attributes = {"T": dtype_attr(_FLOAT), "Tshape": dtype_attr(_INT32)}
    name = "Grayscale/Reshape"
    [output] = body.add("Reshape", name, [tensor, sizes], attributes, shape_proto(shape))
    return output


def _times(body: GraphBody, name: str, tensor: str, factor: float, shape: Shape) -> str:
    """Multiplies with a number, in float32."""
    second = elements(body, f"{name}/y", [factor], _FLOAT)
    attributes = {"T": dtype_attr(_FLOAT)}
    [output] = body.add("Mul", name, [tensor, second], attributes, shape_proto(shape))
    return output
