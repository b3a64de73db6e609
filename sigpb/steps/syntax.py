"""Steps as text: calls with Python literals, such as ``cast('uint8')``.

The fields of a step are its arguments, in their order or by their names; those that have a default
may be left out. The last one takes all that is left if it is a tuple: ``transpose(0, 2, 3, 1)``.
"""

from __future__ import annotations

import dataclasses
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sigpb.errors import did_you_mean
from sigpb.field_types import fits
from sigpb.parsers import parse_call
from sigpb.steps import step_types
from sigpb.steps.step import Step, step_name

# How long integers can be: float64 holds larger ones than int64 does.
_BITS = 1023

_NAMES = {
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    bool: ("True or False", "True or False"),
}
"""What types take: one of it, and several."""

_SHOWN = 120
"""How many characters of a step plans show."""


def step_text(step: Step) -> str:
    """Writes a step so that `parse_step` reads it."""
    arguments, left_out = [], False
    for field in dataclasses.fields(step):
        value = getattr(step, field.name)
        if value == field.default:
            left_out = True
            continue
        text = repr([*value] if isinstance(value, tuple) else value)
        arguments.append(f"{field.name}={text}" if left_out else text)
    return f"{step_name(type(step))}({', '.join(arguments)})"


def shown(text: str) -> str:
    """Returns a step as plans show it: of a long list of labels the beginning."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def parse_step(text: str) -> Step:
    """Reads a step.

    Args:
        text: A call, such as ``reshape([None, 28, 28, 1])``.

    Raises:
        ValueError: There is no such step, or it does not take these arguments. The message says
            what there is instead.
    """
    name, positional, named = parse_call(text)
    kinds = step_types()
    if name not in kinds:
        raise ValueError(f"there is no step {name!r}; {did_you_mean(name, kinds)}.")
    hints = get_type_hints(kinds[name])
    fields = dataclasses.fields(kinds[name])
    keys = [field.name for field in fields]
    if keys and len(positional) >= len(keys) and _is_open(hints[keys[-1]], positional[-1]):
        positional = [*positional[: len(keys) - 1], positional[len(keys) - 1 :]]
    if len(positional) > len(keys):
        raise ValueError(f"{usage(kinds[name])} has {len(keys)} arguments, not {len(positional)}.")
    arguments = dict(zip(keys, positional, strict=False))
    for key, value in named.items():
        if key not in keys:
            raise ValueError(f"{name} has no argument {key!r}; {did_you_mean(key, keys)}.")
        if key in arguments:
            raise ValueError(f"{name} has the argument {key!r} twice.")
        arguments[key] = value
    for field in fields:
        if field.name not in arguments and field.default is dataclasses.MISSING:
            raise ValueError(f"{name} lacks its argument {field.name!r}: {usage(kinds[name])}.")
    for key, value in arguments.items():
        arguments[key] = _frozen(value)
        if not fits(arguments[key], hints[key]):
            raise ValueError(
                f"{name} cannot have the {key} {value!r}, which is not {said(hints[key])}."
            )
    return kinds[name](**arguments)


def usage(kind: type[Step]) -> str:
    """Returns how a kind of steps is written: ``reshape(shape, axes=())``."""
    fields = dataclasses.fields(kind)
    arguments = (
        each.name if each.default is dataclasses.MISSING else f"{each.name}={each.default!r}"
        for each in fields
    )
    return f"{step_name(kind)}({', '.join(arguments)})"


def _is_open(hint: Any, last: Any) -> bool:
    """Whether an argument takes all that is left, and not what it would take alone."""
    return get_origin(hint) is tuple and not isinstance(last, list | tuple)


def _frozen(value: Any) -> Any:
    """Returns an argument as a step keeps it.

    Raises:
        ValueError: It is an integer that no dtype holds, and perhaps too long to be written.
    """
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if type(value) is int and value.bit_length() > _BITS:
        raise ValueError(f"there is no dtype for an integer of {value.bit_length()} bits.")
    # Steps that are equal are taken for one another, so -0.0 cannot be another number than 0.0.
    return 0.0 if type(value) is float and value == 0 else value


def said(hint: Any, *, plural: bool = False) -> str:
    """Says what a type takes, such as ``a list of integers``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(said(each, plural=plural) for each in arguments)
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is tuple:
        return f"a list of {said(arguments[0], plural=True)}"
    return _NAMES.get(hint, ("None", "None"))[plural]
