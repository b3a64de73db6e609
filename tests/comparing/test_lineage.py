from __future__ import annotations

import pytest

from sigpb.comparing.lineage import detour
from sigpb.rewrite.port import Side
from sigpb.tf.tensor_types import dtype_name, dtype_of


@pytest.mark.parametrize(
    ("side", "before", "after", "lossy"),
    [
        # The same tensor; or one conversion of it.
        ("output", "int64", "int64", None),
        ("output", "float32", "int64 float32", None),
        ("input", "float32", "int64 float32", None),
        # The second model passes int64 on the way.
        ("output", "float32", "float32 int64 float32", "int64"),
        ("output", "float32", "int32 float64 float32", None),
        ("input", "float32", "float64 int64 float32", "int64"),
        ("input", "float32", "int8 int64 float32", None),
        # The first model passes it, and the second does not.
        ("output", "int64 float32", "float32", "int64"),
        ("output", "float64 float32", "float32", None),
        ("output", "float64 float32", "int64 float32", None),
        ("output", "int64 float32", "int64 float32", None),
        ("input", "int64 float32", "float32", "int64"),
        ("input", "int64 float32", "int32 float32", None),
        # What cannot be converted at all holds nothing.
        ("output", "float32", "float32 resource float32", "resource"),
    ],
)
def test_detour(side: Side, before: str, after: str, lossy: str | None) -> None:
    """Dtypes from the endpoint to the tensor that both come from."""
    first, second = ([dtype_of(name) for name in text.split()] for text in (before, after))
    found = detour(side, first, second)
    assert (found and dtype_name(found)) == lossy


def test_of_an_unknown_dtype_nothing_is_known() -> None:
    int64, float32 = dtype_of("int64"), dtype_of("float32")
    assert detour("output", [float32], [float32]) is None
    assert detour("output", [float32, 0], [int64, 0]) == int64
