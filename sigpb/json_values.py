"""Dataclasses as JSON values: the one place that turns fields into keys."""

from __future__ import annotations

import dataclasses
from typing import Any


def json_value(value: Any, /, **names: str) -> Any:
    """Returns a value as `json` writes it.

    A dataclass or a named tuple becomes an object with a key for each field, in their order,
    unless it defines a text of its own. Other tuples become lists, and what JSON has no type for,
    such as a path, becomes its text.

    Args:
        value: The value.
        names: The keys of those fields of `value` that are called otherwise in JSON.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): json_value(each) for key, each in value.items()}
    text_of: object = type(value).__str__
    if text_of is not object.__str__:
        return str(value)
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value)]
    else:
        fields = list(getattr(value, "_fields", ()))
    if fields:
        return {names.get(name, name): json_value(getattr(value, name)) for name in fields}
    return [json_value(each) for each in value] if isinstance(value, tuple | list) else str(value)
