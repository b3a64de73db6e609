"""TFRecord files: a sequence of records with checksums.

A record is its length (8 bytes), the checksum of these, the bytes, and the checksum of those, all
little-endian. A checksum is a CRC-32C, masked (tensorflow/core/lib/io/record_writer.h,
tensorflow/core/lib/hash/crc32c.h).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
CHECKSUM_SIZE = _CHECKSUM.size
_HEAD_SIZE = _LENGTH.size + CHECKSUM_SIZE
_MASK = 0xA282EAD8


class DamagedRecord(ValueError):
    """A record is cut off or altered. The message says which one, counted from 1, and how."""


def read_records(data: bytes) -> Iterator[bytes]:
    """Yields the records of a file.

    Args:
        data: The whole file.

    Raises:
        DamagedRecord: A record is not as it was written.
    """
    position, number = 0, 1
    while position < len(data):
        start = position + _HEAD_SIZE
        if start > len(data):
            raise DamagedRecord(f"record {number} ends after the file")
        head = data[position : position + _LENGTH.size]
        _verify(head, data, position + _LENGTH.size, f"the length of record {number}")
        (length,) = _LENGTH.unpack(head)
        end = start + length
        if end + CHECKSUM_SIZE > len(data):
            raise DamagedRecord(f"record {number} ends after the file")
        record = data[start:end]
        _verify(record, data, end, f"record {number}")
        yield record
        position, number = end + CHECKSUM_SIZE, number + 1


def write_records(records: Iterable[bytes]) -> bytes:
    """Returns the file that holds these records."""
    parts = []
    for record in records:
        length = _LENGTH.pack(len(record))
        parts += [length, masked_checksum(length), record, masked_checksum(record)]
    return b"".join(parts)


def _verify(content: bytes, data: bytes, position: int, what: str) -> None:
    if data[position : position + CHECKSUM_SIZE] != masked_checksum(content):
        raise DamagedRecord(f"{what} does not have the checksum that the file states")


def masked_checksum(content: bytes) -> bytes:
    """Returns the checksum of some bytes as TensorFlow stores it."""
    from google_crc32c import value  # here, because few models have such a file

    crc = value(content)
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)
