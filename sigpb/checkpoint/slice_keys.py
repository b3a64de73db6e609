"""The keys under which an index has the slices of partitioned tensors.

A key is made of the tensor's key and of where the slice lies, in a code whose bytes sort as what
they stand for (``EncodeTensorNameSlice`` in tensorflow/core/util/saved_tensor_slice_util.cc,
tensorflow/core/lib/strings/ordered_code.cc).
"""

from __future__ import annotations

import re

from sigpb import protos

_WHOLE = -1  # the length that stands for all of a dimension


def slice_key(key: bytes, extents: protos.TensorSliceProto) -> bytes:
    """Returns the key of a slice.

    Args:
        key: That of the tensor.
        extents: Where in the tensor the slice lies.
    """
    # What separates parts of the code is escaped in the key by the byte that is its inverse.
    escaped = re.sub(rb"[\0\xff]", lambda found: found[0] + bytes([found[0][0] ^ 0xFF]), key)
    code = _unsigned(0) + escaped + b"\0\1" + _unsigned(len(extents.extent))
    for extent in extents.extent:
        length = extent.length if extent.HasField("length") else _WHOLE
        code += _signed(extent.start) + _signed(length)
    return code


def _unsigned(value: int) -> bytes:
    """Encodes a number: how many bytes it takes, and these."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _signed(value: int) -> bytes:
    """Encodes a number that is not below `_WHOLE`, with 7 bits in each byte.

    Its sign is the first bit, inverted, and as many bits follow that are like it as there are more
    bytes.
    """
    size = value.bit_length() // 7 + 1
    ones = (1 << size) - 1 << 7 * size  # as many as bytes, at the front
    return (value % (1 << 8 * size) ^ ones).to_bytes(size, "big")
