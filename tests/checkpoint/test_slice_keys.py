from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.checkpoint.slice_keys import slice_key

Extent = protos.TensorSliceProto.Extent


@pytest.mark.parametrize(
    ("key", "extents", "encoded"),
    [  # as TensorFlow writes them
        (b"w", [Extent(start=0, length=2), Extent()], b"\0w\0\1\1\2\x80\x82\x80\x7f"),
        (
            b"a\0\xff",
            [Extent(start=63, length=1), Extent(start=0, length=1)],
            b"\0a\0\xff\xff\0\0\1\1\2\xbf\x81\x80\x81",
        ),
        (b"w", [Extent(start=64, length=8192)], b"\0w\0\1\1\1\xc0@\xe0 \0"),
    ],
)
def test_key_of_a_slice(key: bytes, extents: list[Extent], encoded: bytes) -> None:
    assert slice_key(key, protos.TensorSliceProto(extent=extents)) == encoded
