"""Dataclasses made of JSON values, which somebody may have changed: each has to have its type."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar, cast, get_type_hints

from sigpb.field_types import fits

_Kind = TypeVar("_Kind")


def read_as(kind: type[_Kind], values: Mapping[str, Any]) -> _Kind:
    """Returns a dataclass that has these values; lists become tuples.

    Raises:
        TypeError: If a value is missing, not known, or of another type than the field.
    """
    hints = _hints(cast(Hashable, kind))
    read = {}
    for name, value in values.items():
        if name not in hints or not fits(value, hints[name]):
            raise TypeError(f"{name!r} is not what a {kind.__name__} has")
        read[name] = tuple(value) if isinstance(value, list) else value
    return kind(**read)


@functools.cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)
