"""Steps for images, channels last: which part of them there is, and how large it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from sigpb import protos
from sigpb.steps.dtype_values import nearest
from sigpb.steps.graph_body import GraphBody, constant, dtype_attr, integers
from sigpb.steps.step import UNKNOWN_DTYPE, ConversionError, Step, step_name
from sigpb.tf.tensor_elements import set_elements
from sigpb.tf.tensor_types import (
    TensorType,
    dtype_name,
    dtype_of,
    integer_range,
    shape_proto,
    shape_text,
)

_INT32, _FLOAT = map(dtype_of, ("int32", "float32"))

# The attribute T of ResizeBilinear and ResizeNearestNeighbor (tensorflow/core/ops/image_ops.cc).
_RESIZABLE = {"uint8", "int8", "uint16", "int16", "int32", "int64"}
_RESIZABLE |= {"float16", "bfloat16", "float32", "float64"}
# That of Slice and PadV2 that has CPU kernels, as far as it is numbers.
_NUMBERS = {*_RESIZABLE, "uint32", "uint64"}

_MOST_PIXELS = 2**24
"""A side has to have fewer (tensorflow/core/kernels/image/resize_nearest_neighbor_op.cc)."""

_Images = tuple[int | None, int | None, int | None, int | None]


@dataclass(frozen=True)
class Crop(Step):
    """The op ``Slice``: a rectangle of each image.

    Attributes:
        top: How many rows are above it.
        left: How many columns are left of it.
        height: How many rows it has.
        width: How many columns it has.
    """

    top: int
    left: int
    height: int
    width: int

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the height and width of the rectangle."""
        batch, *sides, channels = _images(self, operand, _NUMBERS)
        _check_pixels(self, self.top, self.left)
        _check_pixels(self, self.height, self.width, least=1)
        ends = (self.top + self.height, self.left + self.width)
        for side, end, what in zip(sides, ends, ("rows", "columns"), strict=True):
            if side is None:
                raise ConversionError(
                    f"crop needs to know how many {what} there are, and not "
                    f"{shape_text(operand.shape)}; state the shape"
                )
            if end > side:
                raise ConversionError(
                    f"crop takes {what} up to {end}, but there are {side}: "
                    f"{shape_text(operand.shape)}"
                )
        return TensorType(operand.dtype, (batch, self.height, self.width, channels))

    def operand(self, result: TensorType) -> TensorType:
        """Returns images of any height and width."""
        return _of_any_size(self, result)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Slice, and where it is."""
        begin = integers(body, "Crop/begin", [0, self.top, self.left, 0], _INT32)
        size = integers(body, "Crop/size", [-1, self.height, self.width, -1], _INT32)
        attributes = {"T": dtype_attr(operand.dtype), "Index": dtype_attr(_INT32)}
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add("Slice", "Crop", [tensor, begin, size], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Takes the rectangle of an array."""
        rows = slice(self.top, self.top + self.height)
        return value[:, rows, self.left : self.left + self.width]

    def loss(self, operand: TensorType) -> str | None:
        """What is around the rectangle is lost."""
        return "drops what is outside of the rectangle"


@dataclass(frozen=True)
class Pad(Step):
    """The op ``PadV2``: a margin around each image.

    Attributes:
        top: How many rows are added above it.
        bottom: How many rows are added below it.
        left: How many columns are added left of it.
        right: How many columns are added right of it.
        value: What every channel of the margin is.
    """

    top: int
    bottom: int
    left: int
    right: int
    value: float = 0

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the height and width with the margin."""
        batch, height, width, channels = _images(self, operand, _NUMBERS)
        _check_pixels(self, self.top, self.bottom, self.left, self.right)
        value = self._value(operand.dtype)
        is_integer = integer_range(operand.dtype) is not None
        # The largest relative error is that of bfloat16, 2^-9; small numbers may become 0.
        if not (
            value == self.value
            or (not is_integer and math.isclose(value, self.value, rel_tol=2**-8, abs_tol=1e-6))
        ):
            raise ConversionError(f"{dtype_name(operand.dtype)} has no value {self.value}")
        rows, columns = self._margins
        padded = (batch, _sum(height, rows), _sum(width, columns), channels)
        return TensorType(operand.dtype, padded)

    @property
    def _margins(self) -> tuple[int, int]:
        return self.top + self.bottom, self.left + self.right

    def _value(self, dtype: int) -> Any:
        return nearest(dtype)(self.value)

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type without the margin."""
        _, height, width, _ = known = _of_any_rank(self, result)
        sides = (_sum(height, -self._margins[0]), _sum(width, -self._margins[1]))
        if any(side is not None and side < 0 for side in sides):
            raise ConversionError(
                f"pad adds {self._margins[0]} rows and {self._margins[1]} columns, more than "
                f"{shape_text(result.shape)} has"
            )
        return TensorType(result.dtype, (known[0], *sides, known[3]))

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the PadV2, the margins, and their value."""
        sizes = [0, 0, self.top, self.bottom, self.left, self.right, 0, 0]
        paddings = protos.TensorProto(dtype=_INT32, tensor_shape=shape_proto((4, 2)))
        set_elements(paddings, sizes)
        margin = protos.TensorProto(dtype=operand.dtype, tensor_shape=shape_proto(()))
        set_elements(margin, [self._value(operand.dtype)])
        taken = [
            tensor,
            constant(body, "Pad/paddings", paddings),
            constant(body, "Pad/value", margin),
        ]
        attributes = {"T": dtype_attr(operand.dtype), "Tpaddings": dtype_attr(_INT32)}
        [output] = body.add(
            "PadV2", "Pad", taken, attributes, shape_proto(self.result(operand).shape)
        )
        return output

    def evaluate(self, value: Any) -> Any:
        """Puts the margin around an array."""
        import numpy as np

        widths = ((0, 0), (self.top, self.bottom), (self.left, self.right), (0, 0))
        margin = np.array(self._value(dtype_of(value.dtype.name)), value.dtype)
        return np.pad(value, widths, constant_values=margin)


@dataclass(frozen=True)
class Resize(Step):
    """The op ``ResizeBilinear`` or ``ResizeNearestNeighbor``, as ``tf.image.resize`` uses it.

    It does not smooth what it makes smaller (``antialias=False``).

    Attributes:
        height: How many rows the images have then.
        width: How many columns the images have then.
        method: ``bilinear``, which returns float32, or ``nearest``, which leaves the dtype.
    """

    height: int
    width: int
    method: Literal["bilinear", "nearest"] = "bilinear"

    def result(self, operand: TensorType) -> TensorType:
        """Returns images of the size wanted."""
        batch, height, width, channels = _images(self, operand, _RESIZABLE)
        _check_pixels(self, self.height, self.width, least=1)
        if 0 in (height, width, channels):
            raise ConversionError(f"resize cannot take empty images: {shape_text(operand.shape)}")
        dtype = _FLOAT if self.method == "bilinear" else operand.dtype
        return TensorType(dtype, (batch, self.height, self.width, channels))

    def operand(self, result: TensorType) -> TensorType:
        """Returns images of any height and width."""
        dtype = UNKNOWN_DTYPE if self.method == "bilinear" else result.dtype
        return TensorType(dtype, _of_any_size(self, result).shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the op, and the size."""
        op = "ResizeBilinear" if self.method == "bilinear" else "ResizeNearestNeighbor"
        size = integers(body, "Resize/size", [self.height, self.width], _INT32)
        attributes = {
            "T": dtype_attr(operand.dtype),
            "half_pixel_centers": protos.AttrValue(b=True),
        }
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add(op, "Resize", [tensor, size], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Resizes an array, by the same operations on float32 as the kernels have.

        TensorFlow gives the same bits, but for subnormal numbers, which it takes as 0. See
        tensorflow/core/kernels/image/resize_bilinear_op.cc, resize_nearest_neighbor_op.cc.
        """
        import numpy as np

        places = [
            _places(count, before)
            for count, before in zip((self.height, self.width), value.shape[1:3], strict=True)
        ]
        if self.method == "nearest":
            rows, columns = (np.floor(at).astype(np.int64) for at in places)
            return value[:, np.minimum(rows, value.shape[1] - 1)][
                :, :, np.minimum(columns, value.shape[2] - 1)
            ]
        with np.errstate(all="ignore"):
            value = value.astype(np.float32)
            if value.shape[1:3] == (self.height, self.width):
                return value
            vertical, horizontal = (at - np.float32(0.5) for at in places)
            rows = _between(value, horizontal, 2)
            return _between(rows, vertical, 1)

    def loss(self, operand: TensorType) -> str | None:
        """Says what becomes of the pixels."""
        return "interpolates pixels" if self.method == "bilinear" else "drops or repeats pixels"


def _places(count: int, before: int) -> Any:
    """Returns where the centres of new pixels lie, in pixels of before, from their edge."""
    import numpy as np

    scale = np.float32(before) / np.float32(count)
    return (np.arange(count).astype(np.float32) + np.float32(0.5)) * scale


def _between(value: Any, places: Any, axis: int) -> Any:
    """Interpolates along an axis."""
    import numpy as np

    floor = np.floor(places)
    first = value.take(np.maximum(floor.astype(np.int64), 0), axis)
    last = np.minimum(np.ceil(places).astype(np.int64), value.shape[axis] - 1)
    fraction = (places - floor).reshape([-1 if each == axis else 1 for each in range(4)])
    return first + (value.take(last, axis) - first) * fraction


def _images(step: Step, operand: TensorType, dtypes: set[str]) -> _Images:
    """Returns the sizes of images.

    Raises:
        ConversionError: It is no tensor of images.
    """
    name = step_name(type(step))
    if dtype_name(operand.dtype) not in dtypes:
        raise ConversionError(
            f"{name} takes {', '.join(sorted(dtypes))}, not {dtype_name(operand.dtype)}"
        )
    if operand.shape is None or len(operand.shape) != 4:
        raise ConversionError(
            f"{name} takes images [?,height,width,channels], not {shape_text(operand.shape)}; "
            "put a reshape or expand_dims before it, or state the shape"
        )
    batch, height, width, channels = operand.shape
    return batch, height, width, channels


def _of_any_size(step: Step, result: TensorType) -> TensorType:
    """Returns a type of images whose height and width are not known."""
    batch, _, _, channels = _of_any_rank(step, result)
    return TensorType(result.dtype, (batch, None, None, channels))


def _of_any_rank(step: Step, result: TensorType) -> _Images:
    """Returns the sizes of images that come out, each None if the rank is not known."""
    sizes = (None,) * 4 if result.shape is None else result.shape
    if len(sizes) != 4:
        raise ConversionError(
            f"{step_name(type(step))} returns images [?,height,width,channels], not "
            f"{shape_text(result.shape)}; put a reshape or flatten behind it"
        )
    batch, height, width, channels = sizes
    return batch, height, width, channels


def _check_pixels(step: Step, *counts: int, least: int = 0) -> None:
    for count in counts:
        if not least <= count < _MOST_PIXELS:
            raise ConversionError(
                f"{step_name(type(step))} cannot have the size {count}, which is not from {least} "
                f"to {_MOST_PIXELS - 1}"
            )


def _sum(size: int | None, more: int) -> int | None:
    return None if size is None else size + more
