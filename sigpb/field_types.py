"""Whether a value is of the type that a field of a dataclass is declared with."""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type, of those that JSON and Python literals have.

    Args:
        value: The value; a list is as good as a tuple.
        hint: The type, as `typing.get_type_hints` returns it: a plain one, a `Literal`, a union, a
            tuple of any length, or a mapping from strings.
    """
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(fits(value, each) for each in inner)
    if kind is Literal:
        return any(type(value) is type(each) and value == each for each in inner)
    if kind is tuple:
        return isinstance(value, (list, tuple)) and all(fits(each, inner[0]) for each in value)
    if kind is not None:
        return isinstance(value, dict) and all(fits(each, inner[1]) for each in value.values())
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint
