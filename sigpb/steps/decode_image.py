"""A step that decodes files of images, of any size each if a resize follows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sigpb import protos
from sigpb.steps.arithmetic import Affine, Clip, Round, Scale
from sigpb.steps.axes import ExpandDims, Squeeze
from sigpb.steps.cast import Cast
from sigpb.steps.example_loop import for_each_example
from sigpb.steps.graph_body import GraphBody, int_attr
from sigpb.steps.grayscale import Grayscale
from sigpb.steps.images import Pad
from sigpb.steps.layout import ReverseChannels
from sigpb.steps.resize import Resize
from sigpb.steps.slice import Slice
from sigpb.steps.step import ConversionError, Step, build_steps, result_of
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto, type_text

_STRING, _UINT8 = map(dtype_of, ("string", "uint8"))

# What may lie between it and a resize: each image gets the same alone as among others.
_OF_EACH_IMAGE = (Affine, Cast, Clip, Grayscale, Pad, ReverseChannels, Round, Scale, Slice)


@dataclass(frozen=True)
class DecodeImage(Step):
    """The op ``DecodeImage``: JPEG, PNG, GIF and BMP files become images, by a loop over the batch.

    Files of one batch may have different sizes if a ``resize`` follows: it is done in the loop,
    equal to ``tf.map_fn``, with what lies between, which may be ``affine``, ``cast``, ``clip``,
    ``grayscale``, ``pad``, ``reverse_channels``, ``round``, ``scale`` and ``slice``. Otherwise
    different sizes fail at run time, as a file that is no image does, a GIF that is to have other
    than 3 channels, and a BMP that is to have 1. Of an animation it takes the first frame. A model
    of one image may take one file, ``shape: "[]"``.

    Attributes:
        channels: 3 for RGB, 1 for gray images, 4 for RGBA.
    """

    example: ClassVar = "string [?] → decode_image(channels=3)"

    channels: Literal[1, 3, 4]

    def result(self, operand: TensorType) -> TensorType:
        """Returns images of any size, as many as there are strings; one of a scalar."""
        if operand.dtype != _STRING:
            raise ConversionError(
                "decode_image takes one file for each image, string [?], not "
                f"{type_text(operand)}; leave it out where images are decoded already"
            )
        if operand.shape is None or len(operand.shape) > 1:
            raise ConversionError(
                "decode_image takes one file for each image, string [?], or one alone, string [], "
                f"not {type_text(operand)}; put a step such as squeeze(1) before it, or state the "
                "shape"
            )
        return TensorType(_UINT8, (*(operand.shape or (1,)), None, None, self.channels))

    def operand(self, result: TensorType) -> TensorType:
        """Returns a string for each image."""
        return TensorType(_STRING, result.shape[:1] if result.shape else (None,))

    def joined(self, following: Sequence[Step]) -> tuple[Step, int]:
        """Returns the step that resizes too, with what lies between."""
        for count, step in enumerate(following, 1):
            if isinstance(step, Resize):
                return _Decode(self, tuple(following[:count])), count
            if not isinstance(step, _OF_EACH_IMAGE):
                break
        return self, 0

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the loop."""
        return _Decode(self, ()).build(body, tensor, operand)

    def evaluate(self, value: Any) -> Any:
        """Decodes an array of ``bytes`` objects.

        Raises:
            ValueError: One is no image, or they are of different sizes; TensorFlow reports an
                InvalidArgument.
        """
        return _Decode(self, ()).evaluate(value)

    @property
    def samples(self) -> tuple[bytes, ...]:
        """Images of one size."""
        return tuple(_sample(64, 48, number) for number in range(4))

    def loss(self, operand: TensorType) -> str | None:
        """Says what fails."""
        return f"{_FAILING}; so do images of one batch that differ in size; put a resize next"


_FAILING = "a string that is no image file fails"


@dataclass(frozen=True)
class _Decode(Step):
    """Decodes each image, and does to it what makes it as large as the others.

    Attributes:
        decode: What decodes.
        following: What is done to each image then.
    """

    decode: DecodeImage
    following: tuple[Step, ...]

    def result(self, operand: TensorType) -> TensorType:
        """Returns what the last step makes of the images."""
        return result_of((self.decode, *self.following), operand)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds a loop, or the nodes for one image."""
        if operand.shape == ():
            return self._of_one(body, tensor)
        one = TensorType(operand.dtype, ())
        squeeze = Squeeze(0)

        def of_one(round_: GraphBody, contents: str) -> str:
            return squeeze.build(round_, self._of_one(round_, contents), self.result(one))

        name, result = type(self.decode).__name__, self.result(operand)
        return for_each_example(body, name, tensor, operand, result, of_one)

    def _of_one(self, body: GraphBody, contents: str) -> str:
        """Adds what makes a batch of one image of a file."""
        image = TensorType(_UINT8, (None, None, self.decode.channels))
        attributes = {
            "channels": int_attr(self.decode.channels),
            "expand_animations": protos.AttrValue(b=False),
        }
        shape = shape_proto(image.shape)
        [decoded] = body.add("DecodeImage", "DecodeImage", [contents], attributes, shape)
        return build_steps(body, (ExpandDims(0), *self.following), decoded, image)

    def evaluate(self, value: Any) -> Any:
        """Does with each image what `DecodeImage` and the other steps do."""
        import numpy as np
        import tensorflow as tf

        from sigpb.steps.dtype_values import numpy_dtype

        images = []
        for contents in value.ravel():
            try:
                decoded = tf.io.decode_image(
                    contents, self.decode.channels, expand_animations=False
                )
            except tf.errors.InvalidArgumentError as error:
                raise ValueError(f"{contents[:8]!r}… is no image: {error.message}") from None
            image = decoded.numpy()[None]
            for step in self.following:
                image = step.evaluate(image)
            images.append(image)
        if images:
            return np.concatenate(images)
        result = self.result(TensorType(_STRING, (0,)))
        return np.zeros([size or 0 for size in result.shape or ()], numpy_dtype(result.dtype))

    @property
    def samples(self) -> tuple[bytes, ...]:
        """Images of different sizes."""
        return tuple(_sample(48 + 16 * number, 64 - 7 * number, number) for number in range(4))

    def loss(self, operand: TensorType) -> str | None:
        """Says what fails, and what the other steps lose."""
        said, type_ = [_FAILING], self.decode.result(operand)
        for step in self.following:
            said.append(step.loss(type_) or "")
            type_ = step.result(type_)
        return "; ".join(filter(None, said))


def png(height: int, width: int, pixels: bytes) -> bytes:
    """Returns a PNG file of RGB pixels."""
    size = 3 * width
    rows = b"".join(b"\0" + pixels[y * size : (y + 1) * size] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _sample(height: int, width: int, number: int) -> bytes:
    """Returns an image that differs from place to place, and from others."""
    pixels = bytes((place * 37 + number * 50) % 256 for place in range(3 * height * width))
    return png(height, width, pixels)
