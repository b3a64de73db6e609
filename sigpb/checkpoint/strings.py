"""String tensors as files of values have them.

The lengths of all elements come first, as varints, then a checksum of the lengths as numbers of 4
bytes, or of 8 where they need these, then the elements
(``WriteStringTensor`` in tensorflow/core/util/tensor_bundle/tensor_bundle.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from sigpb.errors import ModelUnreadable
from sigpb.saved_model.tf_record import CHECKSUM_SIZE, masked_checksum
from sigpb.wire import encode_varint, read_varint


def encoded(values: Sequence[bytes]) -> tuple[bytes, int]:
    """Returns what a file of values holds of strings, and the checksum that the index states.

    That is the one of the lengths, of their checksum and of the strings.
    """
    numbers = map(len, values)
    lengths = b"".join(each.to_bytes(4 if each < 2**32 else 8, "little") for each in numbers)
    content = masked_checksum(lengths) + b"".join(values)
    stored = b"".join(encode_varint(len(value)) for value in values) + content
    return stored, int.from_bytes(masked_checksum(lengths + content), "little")


def decoded(stored: bytes, count: int, checksum: int) -> list[bytes]:
    """Returns strings.

    Args:
        stored: What a file of values holds of them.
        count: How many they are.
        checksum: The checksum that the index states.

    Raises:
        ModelUnreadable: If the bytes are damaged.
    """
    lengths, position = [], 0
    for _ in range(count):
        length, position = read_varint(stored, position, len(stored))
        lengths.append(length)
    starts = accumulate(lengths, initial=position + CHECKSUM_SIZE)
    values = [stored[start:end] for start, end in pairwise(starts)]
    if encoded(values) != (stored, checksum):
        raise ModelUnreadable("the strings do not have the checksums that are stated")
    return values
