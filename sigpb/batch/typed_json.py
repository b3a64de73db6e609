"""Dataclasses made of JSON values, which somebody may have changed: each has to have its type."""

from __future__ import annotations

import functools
import types
from collections.abc import Hashable, Mapping
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

_Kind = TypeVar("_Kind")


def read_as(kind: type[_Kind], values: Mapping[str, Any]) -> _Kind:
    """Returns a dataclass that has these values; lists become tuples.

    Raises:
        TypeError: If a value is missing, not known, or of another type than the field.
    """
    hints = _hints(cast(Hashable, kind))
    read = {}
    for name, value in values.items():
        if name not in hints or not _fits(value, hints[name]):
            raise TypeError(f"{name!r} is not what a {kind.__name__} has")
        read[name] = tuple(value) if isinstance(value, list) else value
    return kind(**read)


@functools.cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: object, hint: Any) -> bool:
    """Whether a JSON value is of the type that a field is declared with."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if kind is Literal:
        return isinstance(value, str) and value in inner
    if kind is tuple:
        return isinstance(value, (list, tuple)) and all(_fits(each, inner[0]) for each in value)
    if kind is not None:  # A mapping, which JSON has with keys that are strings.
        return isinstance(value, dict) and all(_fits(each, inner[1]) for each in value.values())
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
