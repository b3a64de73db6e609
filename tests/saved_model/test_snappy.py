from __future__ import annotations

import pytest

from sigpb.errors import ModelUnreadable
from sigpb.saved_model.snappy import uncompress
from sigpb.wire import encode_varint


@pytest.mark.parametrize(
    ("compressed", "content"),
    [
        (b"\x00", b""),
        (b"\x03\x08abc", b"abc"),
        # "abc" as it is, then 9 bytes from 3 before: what is copied overlaps what it makes.
        (b"\x0c\x08abc" + bytes([1 | 5 << 2, 3]), b"abc" * 4),
        (b"\x0c\x08abc" + bytes([2 | 8 << 2, 3, 0]), b"abc" * 4),
        (b"\x0c\x08abc" + bytes([3 | 8 << 2, 3, 0, 0, 0]), b"abc" * 4),
        (encode_varint(100) + bytes([60 << 2, 99]) + b"x" * 100, b"x" * 100),
        (encode_varint(300) + bytes([61 << 2, 43, 1]) + b"x" * 300, b"x" * 300),
        (
            encode_varint(304) + bytes([61 << 2, 43, 1]) + b"abcd" + b"x" * 296 + b"\x21\x2c",
            b"abcd" + b"x" * 296 + b"abcd",
        ),
    ],
)
def test_what_it_was_before(compressed: bytes, content: bytes) -> None:
    assert uncompress(compressed) == content


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (b"", "truncated varint"),
        (b"\x04\x08abc", "holds 3 bytes, and says 4"),
        (b"\x02\x08abc", "holds 3 bytes, and says 2"),
        (b"\x07\x08abc\x01\x04", "refers to bytes that are not there"),
        (b"\x07\x08abc\x01\x00", "refers to bytes that are not there"),
        (b"\x06\x08abc\x01\x03", "refers to bytes that are not there"),
    ],
)
def test_damage(damaged: bytes, problem: str) -> None:
    with pytest.raises(ModelUnreadable, match=problem):
        uncompress(damaged)
