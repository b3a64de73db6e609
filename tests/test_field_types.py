"""Whether values are of the types of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from sigpb.field_types import fits


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("a", str, True),
        (1, str, False),
        (True, int, False),
        (1, bool, False),
        (1, float, True),
        (True, float, False),
        (None, int | None, True),
        ("1", int | None, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (True, Literal[1], False),
        ([1, 2], tuple[int, ...], True),
        ((1, "2"), tuple[int, ...], False),
        ("ab", tuple[str, ...], False),
        ([None, 3], tuple[int | None, ...], True),
        ({"a": 1}, Mapping[str, int], True),
        ({"a": "1"}, Mapping[str, int], False),
        ([], Mapping[str, int], False),
        ({}, Literal["a"], False),
    ],
)
def test_fits(value: object, hint: Any, expected: bool) -> None:
    assert fits(value, hint) is expected
