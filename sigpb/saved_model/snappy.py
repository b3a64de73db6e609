"""What bytes were before Snappy compressed them.

The format is that of https://github.com/google/snappy/blob/main/format_description.txt.
"""

from __future__ import annotations

from sigpb.errors import ModelUnreadable
from sigpb.wire import read_varint


class NotSnappy(ModelUnreadable):
    """The bytes are not compressed with Snappy, or are damaged."""


def uncompress(data: bytes) -> bytes:
    """Returns what some bytes were before they were compressed.

    Raises:
        NotSnappy: If they are damaged.
        WireError: If the length that they begin with is damaged.
    """
    length, position = read_varint(data, 0, len(data))
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        if tag & 3 == 0:  # bytes as they are
            size = tag >> 2
            if size >= 60:  # The size, less one, follows, in so many bytes.
                width = size - 59
                size = _little_endian(data, position, width)
                position += width
            out += data[position : position + size + 1]
            position += size + 1
            continue
        if tag & 3 == 1:  # a copy of what was before: 3 bits of its size, 11 of how far back
            size, back = (tag >> 2 & 7) + 4, (tag >> 5 << 8) + _little_endian(data, position, 1)
            position += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, back = (tag >> 2) + 1, _little_endian(data, position, width)
            position += width
        start = len(out) - back
        if back == 0 or start < 0 or len(out) + size > length:
            raise NotSnappy("compressed data refers to bytes that are not there")
        for index in range(start, start + size):  # It may overlap what it makes.
            out.append(out[index])
    if len(out) != length:
        raise NotSnappy(f"compressed data holds {len(out)} bytes, and says {length}")
    return bytes(out)


def _little_endian(data: bytes, start: int, width: int) -> int:
    return int.from_bytes(data[start : start + width], "little")
