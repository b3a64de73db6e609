from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pytest

from sigpb.batch.job import read_as


@dataclass(frozen=True)
class Thing:
    name: str
    kind: Literal["a", "b"]
    count: int = 0
    size: float | None = None
    is_big: bool = False
    parts: tuple[str, ...] = ()
    digests: Mapping[str, str] | None = None


WHOLE = Thing("n", "b", 3, 1.5, True, ("x", "y"), {"f": "0"})


def test_what_was_written_is_read() -> None:
    assert read_as(Thing, {**asdict(WHOLE), "parts": ["x", "y"]}) == WHOLE
    assert read_as(Thing, {"name": "n", "kind": "a", "size": 2}) == Thing("n", "a", size=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", None),
        ("name", 1),
        ("kind", "c"),
        ("kind", ["a"]),
        ("count", 1.5),
        ("count", True),
        ("count", None),
        ("size", "1"),
        ("size", True),
        ("is_big", 1),
        ("parts", "xy"),
        ("parts", [1]),
        ("parts", {"x": "y"}),
        ("digests", "x"),
        ("digests", {"f": None}),
        ("unknown", 1),
    ],
)
def test_what_somebody_changed_is_refused(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"'{name}' is not what a Thing has"):
        read_as(Thing, {**asdict(WHOLE), name: value})


def test_what_is_missing_is_refused() -> None:
    with pytest.raises(TypeError, match="kind"):
        read_as(Thing, {"name": "n"})
