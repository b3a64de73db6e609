"""String tensors as files of values have them.

The lengths of all elements come first, as varints, then a checksum of the lengths as numbers of 4
bytes, or of 8 where they need these, then the elements
(``WriteStringTensor`` in tensorflow/core/util/tensor_bundle/tensor_bundle.cc).
"""

from __future__ import annotations

from sigpb.errors import ModelUnreadable
from sigpb.saved_model.tf_record import CHECKSUM_SIZE, masked_checksum
from sigpb.wire import encode_varint, read_varint


def encoded_scalar(value: bytes) -> tuple[bytes, bytes]:
    """Returns what a file of values holds of a string, and the masked checksum of its entry.

    The checksum is that of the length, the checksum of the length, and the string.
    """
    length = len(value).to_bytes(4 if len(value) < 2**32 else 8, "little")
    length_checksum = masked_checksum(length)
    stored = encode_varint(len(value)) + length_checksum + value
    return stored, masked_checksum(length + length_checksum + value)


def decoded_scalar(stored: bytes) -> bytes:
    """Returns the string of which a file of values holds these bytes.

    Raises:
        ModelUnreadable: If the bytes are damaged.
    """
    _, position = read_varint(stored, 0, len(stored))
    start = position + CHECKSUM_SIZE
    value = stored[start:]
    if encoded_scalar(value)[0][:start] != stored[:start]:
        raise ModelUnreadable("the length of the string is damaged")
    return value
