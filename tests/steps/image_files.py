"""Files of images, made without TensorFlow."""

from __future__ import annotations

import base64
import struct
from typing import Any

import numpy as np

from sigpb.steps import decode_image

Array = Any

GIF = base64.b64decode(
    "R0lGODdhBQAEAIEAAK3Sd2KHrKEtUhI3XCwAAAAABQAEAAAIEQAHBBAQAIBAgQQNBkBYMEBAACH5BAEAAAQALAAAAAAF"
    "AAQAga3Sd2KHrKEtUhI3XAgUAAEQGDhAwEACAwYEIABgoUCDAQEAOw=="
)
"""Two frames of 4 rows, 5 columns and 4 colors."""


def pixels(height: int, width: int, start: int = 0) -> Array:
    """Returns RGB pixels which differ from place to place."""
    count: Array = np.arange(height * width * 3) * 37 + start
    return (count % 256).astype(np.uint8).reshape(height, width, 3)


def png(image: Array) -> bytes:
    return decode_image.png(image.shape[0], image.shape[1], image.tobytes())


def bmp(image: Array) -> bytes:
    height, width, _ = image.shape
    rows = [row[:, ::-1].tobytes() for row in image[::-1]]
    content = b"".join(row + bytes(-len(row) % 4) for row in rows)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(content), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(content), 0, 0, 54) + header + content


def jpeg(image: Array) -> bytes:
    import tensorflow as tf

    return bytes(tf.io.encode_jpeg(image).numpy())


def texts(*values: bytes) -> Array:
    """Returns a vector of strings."""
    found: Array = np.empty(len(values), dtype=object)
    found[:] = values
    return found
