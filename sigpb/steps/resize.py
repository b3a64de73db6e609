"""A step that gives images, channels last, another size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sigpb import protos
from sigpb.steps.graph_body import GraphBody, dtype_attr, elements, integers
from sigpb.steps.image_shapes import RESIZABLE, check_pixels, images_of, of_any_size
from sigpb.steps.step import UNKNOWN_DTYPE, ConversionError, Step
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto, shape_text

_INT32, _FLOAT = map(dtype_of, ("int32", "float32"))

# The bounds of a StridedSlice of a shape of images that takes height and width.
_SIDES = {"begin": 1, "end": 3, "strides": 1}

Method = Literal["bilinear", "nearest", "bicubic", "area"]

_OPS: Mapping[Method, str] = {
    "bilinear": "ResizeBilinear",
    "nearest": "ResizeNearestNeighbor",
    "bicubic": "ResizeBicubic",
    "area": "ResizeArea",
}

_KERNELS: Mapping[Method, bytes] = {"bilinear": b"triangle", "bicubic": b"keyscubic"}
"""What ScaleAndTranslate calls the methods that it has, which can smooth."""


@dataclass(frozen=True)
class Resize(Step):
    """What ``tf.image.resize`` does: images of another size, whatever becomes of their shape.

    Attributes:
        height: How many rows the images have then.
        width: How many columns the images have then.
        method: ``bilinear``, ``bicubic`` or ``area``, which return float32, or ``nearest``, which
            leaves the dtype.
        antialias: Whether ``bilinear`` and ``bicubic`` smooth what they make smaller, as Pillow
            does; ``area`` always does, ``nearest`` never.
    """

    example: ClassVar = "uint8 [?,480,640,3] → resize(224, 224)"

    height: int
    width: int
    method: Method = "bilinear"
    antialias: bool = False

    def result(self, operand: TensorType) -> TensorType:
        """Returns images of the size wanted."""
        batch, height, width, channels = images_of(self, operand, RESIZABLE)
        check_pixels(self, self.height, self.width, least=1)
        if 0 in (height, width, channels):
            raise ConversionError(f"resize cannot take empty images: {shape_text(operand.shape)}")
        if self.antialias and self.method not in _KERNELS:
            raise ConversionError(
                f"resize has antialias for {' and '.join(_KERNELS)}, not {self.method}; leave it "
                "out, or choose another method"
            )
        dtype = operand.dtype if self.method == "nearest" else _FLOAT
        return TensorType(dtype, (batch, self.height, self.width, channels))

    def operand(self, result: TensorType) -> TensorType:
        """Returns images of any height and width."""
        dtype = result.dtype if self.method == "nearest" else UNKNOWN_DTYPE
        return TensorType(dtype, of_any_size(self, result).shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the op that ``tf.image.resize`` adds (tensorflow/python/ops/image_ops_impl.py)."""
        size = integers(body, "Resize/size", [self.height, self.width], _INT32)
        taken, attributes = [tensor, size], {"T": dtype_attr(operand.dtype)}
        if self.antialias:
            op = "ScaleAndTranslate"
            attributes["kernel_type"] = protos.AttrValue(s=_KERNELS[self.method])
            zeros = elements(body, "Resize/zeros", [0, 0], _FLOAT, [2])
            taken += [_scale(body, tensor, operand, size), zeros]
        else:
            op = _OPS[self.method]
            if self.method != "area":
                attributes["half_pixel_centers"] = protos.AttrValue(b=True)
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add(op, "Resize", taken, attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Resizes an array, by the same operations on float32 as the kernels have.

        TensorFlow gives the same bits, but for subnormal numbers, which it takes as 0. See
        tensorflow/core/kernels/image/resize_bilinear_op.cc, resize_nearest_neighbor_op.cc. Other
        methods add in an order of their own, so that TensorFlow is asked.
        """
        import numpy as np

        if self.antialias or self.method not in ("bilinear", "nearest"):
            import tensorflow as tf

            size = [self.height, self.width]
            return tf.image.resize(value, size, self.method, antialias=self.antialias).numpy()
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
        return "drops or repeats pixels" if self.method == "nearest" else "interpolates pixels"


def _scale(body: GraphBody, tensor: str, operand: TensorType, size: str) -> str:
    """Adds nodes that divide a size by that of images, which is known at run time, in float32."""
    pair, index = shape_proto((2,)), {"T": dtype_attr(_INT32), "Index": dtype_attr(_INT32)}
    counted = {"T": dtype_attr(operand.dtype), "out_type": dtype_attr(_INT32)}
    [sizes] = body.add("Shape", "Resize/Shape", [tensor], counted, shape_proto((4,)))
    bounds = [integers(body, f"Resize/{name}", [at], _INT32) for name, at in _SIDES.items()]
    [before] = body.add("StridedSlice", "Resize/sides", [sizes, *bounds], index, pair)
    casts = {"SrcT": dtype_attr(_INT32), "DstT": dtype_attr(_FLOAT)}
    after, before = (
        body.add("Cast", f"Resize/Cast_{name}", [sides], casts, pair)[0]
        for name, sides in (("after", size), ("before", before))
    )
    floats = {"T": dtype_attr(_FLOAT)}
    return body.add("RealDiv", "Resize/scale", [after, before], floats, pair)[0]


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
