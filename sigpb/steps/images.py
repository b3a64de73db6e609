"""Steps for images, channels last, that take a part of them or put a margin around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sigpb import protos
from sigpb.steps.dtype_values import nearest
from sigpb.steps.graph_body import GraphBody, dtype_attr, elements, integers
from sigpb.steps.image_shapes import NUMBERS, check_pixels, images_of, of_any_rank, of_any_size
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.tensor_types import (
    TensorType,
    dtype_name,
    dtype_of,
    integer_range,
    shape_proto,
    shape_text,
)

_INT32 = dtype_of("int32")


@dataclass(frozen=True)
class Crop(Step):
    """The op ``Slice``: a rectangle of each image.

    Attributes:
        top: How many rows are above it.
        left: How many columns are left of it.
        height: How many rows it has.
        width: How many columns it has.
    """

    example: ClassVar = "uint8 [?,480,640,3] → crop(0, 80, 480, 480)"

    top: int
    left: int
    height: int
    width: int

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the height and width of the rectangle."""
        batch, *sides, channels = images_of(self, operand, NUMBERS)
        check_pixels(self, self.top, self.left)
        check_pixels(self, self.height, self.width, least=1)
        ends = (self.top + self.height, self.left + self.width)
        for side, end, what in zip(sides, ends, ("rows", "columns"), strict=True):
            if side is None:
                raise ConversionError(
                    f"crop needs to know how many {what} there are, and not "
                    f"{shape_text(operand.shape)}; state the shape, or put a resize before it"
                )
            if end > side:
                raise ConversionError(
                    f"crop takes {what} up to {end}, but there are {side}: "
                    f"{shape_text(operand.shape)}"
                )
        return TensorType(operand.dtype, (batch, self.height, self.width, channels))

    def operand(self, result: TensorType) -> TensorType:
        """Returns images of any height and width."""
        return of_any_size(self, result)

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
    """The op ``PadV2``, or ``MirrorPad``: a margin around each image.

    Attributes:
        top: How many rows are added above it.
        bottom: How many rows are added below it.
        left: How many columns are added left of it.
        right: How many columns are added right of it.
        value: What every channel of the margin is.
        mode: ``constant`` for the value; ``reflect`` and ``symmetric`` for pixels of the image,
            mirrored without and with those at its edge; ``reflect`` fails for no images, as
            ``tf.pad`` does, and both do for no files that ``decode_image`` does not resize.
    """

    example: ClassVar = "uint8 [?,28,28,1] → pad(2, 2, 2, 2)"

    top: int
    bottom: int
    left: int
    right: int
    value: float = 0
    mode: Literal["constant", "reflect", "symmetric"] = "constant"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the height and width with the margin."""
        batch, height, width, channels = images_of(self, operand, NUMBERS)
        check_pixels(self, self.top, self.bottom, self.left, self.right)
        value = self._value(operand.dtype)
        is_integer = integer_range(operand.dtype) is not None
        # The largest relative error is that of bfloat16, 2^-9; small numbers may become 0.
        if not (
            value == self.value
            or (not is_integer and math.isclose(value, self.value, rel_tol=2**-8, abs_tol=1e-6))
        ):
            raise ConversionError(f"{dtype_name(operand.dtype)} has no value {self.value}")
        self._check_mirrored(height, width)
        rows, columns = self._margins
        padded = (batch, _sum(height, rows), _sum(width, columns), channels)
        return TensorType(operand.dtype, padded)

    def _check_mirrored(self, *sizes: int | None) -> None:
        """Makes sure that an image has the pixels of a margin that mirrors it."""
        if self.mode == "constant":
            return
        if self.value:
            raise ConversionError(f"pad has a value for the mode constant, not {self.mode}")
        at_edge = self.mode == "reflect"
        for size, margins in zip(sizes, (self._rows, self._columns), strict=True):
            if size is not None and max(margins) > size - at_edge:
                raise ConversionError(
                    f"pad cannot mirror {max(margins)} pixels of {size}, by the mode {self.mode}"
                )

    @property
    def _rows(self) -> tuple[int, int]:
        return self.top, self.bottom

    @property
    def _columns(self) -> tuple[int, int]:
        return self.left, self.right

    @property
    def _margins(self) -> tuple[int, int]:
        return sum(self._rows), sum(self._columns)

    def _value(self, dtype: int) -> Any:
        return nearest(dtype)(self.value)

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type without the margin."""
        _, height, width, _ = known = of_any_rank(self, result)
        sides = (_sum(height, -self._margins[0]), _sum(width, -self._margins[1]))
        if any(side is not None and side < 0 for side in sides):
            raise ConversionError(
                f"pad adds {self._margins[0]} rows and {self._margins[1]} columns, more than "
                f"{shape_text(result.shape)} has"
            )
        return TensorType(result.dtype, (known[0], *sides, known[3]))

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the op, the margins, and their value if they have one."""
        sizes = [0, 0, self.top, self.bottom, self.left, self.right, 0, 0]
        taken = [tensor, elements(body, "Pad/paddings", sizes, _INT32, (4, 2))]
        attributes = {"T": dtype_attr(operand.dtype), "Tpaddings": dtype_attr(_INT32)}
        if self.mode == "constant":
            op = "PadV2"
            value = [self._value(operand.dtype)]
            taken.append(elements(body, "Pad/value", value, operand.dtype))
        else:
            op = "MirrorPad"
            attributes["mode"] = protos.AttrValue(s=self.mode.upper().encode())
        [output] = body.add(op, "Pad", taken, attributes, shape_proto(self.result(operand).shape))
        return output

    def evaluate(self, value: Any) -> Any:
        """Puts the margin around an array."""
        import numpy as np

        widths = ((0, 0), self._rows, self._columns, (0, 0))
        if self.mode != "constant":
            return np.pad(value, widths, self.mode)
        margin = np.array(self._value(dtype_of(value.dtype.name)), value.dtype)
        return np.pad(value, widths, constant_values=margin)

    def loss(self, operand: TensorType) -> str | None:
        """Says what fails: see tensorflow/core/kernels/image/mirror_pad_op.cc."""
        return "a batch of no images fails" if self.mode == "reflect" else None


def _sum(size: int | None, more: int) -> int | None:
    return None if size is None else size + more
