from __future__ import annotations

import pytest

from sigpb.checkpoint.strings import decoded, encoded
from sigpb.errors import ModelUnreadable

STRINGS = [b"", b"a\0b", b"x" * 300]


@pytest.mark.parametrize("values", [[], [b""], STRINGS])
def test_what_is_encoded_is_decoded(values: list[bytes]) -> None:
    stored, checksum = encoded(values)
    assert decoded(stored, len(values), checksum) == values


def test_damage() -> None:
    stored, checksum = encoded(STRINGS)
    for position in range(0, len(stored), 3):
        altered = bytearray(stored)
        altered[position] ^= 1
        with pytest.raises(ModelUnreadable):
            decoded(bytes(altered), 3, checksum)
    for content, count, stated in (
        (stored[:-1], 3, checksum),
        (stored + b"x", 3, checksum),
        (stored, 2, checksum),
        (stored, 4, checksum),
        (stored, 3, checksum + 1),
        (b"", 1, checksum),
    ):
        with pytest.raises(ModelUnreadable):
            decoded(content, count, stated)
