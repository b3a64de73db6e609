"""Ways to change JSON: values that are odd, of another type, gone, or those of another place."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**70,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "/",
    "..",
    "../../outside",
    "/dev/zero",
    "x\x00y",
    "\ud800",
    "é\x1b[2J\n",
    "9" * 5000,
    [],
    {},
    [[]],
    {"": None},
)

# Some texts stand for what no value does.
_DEEP = "deep-deep-deep"
_LONG = "long-long-long"


def change_json(chance: random.Random, text: bytes, more: Sequence[Any] = ()) -> bytes:
    """Changes one to three values of a JSON text, or of the lines of one.

    Args:
        chance: What is decided by chance.
        text: JSON, in one value or in a line for each.
        more: Other values that may come into it.
    """
    try:
        values = [json.loads(text)]
    except ValueError:
        values = [json.loads(line) for line in text.splitlines()]
    for _ in range(chance.choice((1, 1, 2, 3))):
        _change(chance, values, more)
    lines = "\n".join(map(json.dumps, values)) + "\n"
    lines = lines.replace(f'"{_DEEP}"', "[" * 100_000).replace(f'"{_LONG}"', "1" + "0" * 5000)
    return lines.encode()


def _change(chance: random.Random, values: list[Any], more: Sequence[Any]) -> None:
    places = list(_places(values))
    if not places:
        return
    holder, key = chance.choice(places)
    how = chance.random()
    if how < 0.1:
        del holder[key]
    elif how < 0.2 and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif how < 0.45:
        other, where = chance.choice(places)
        if not _holds(other[where], holder):
            holder[key] = other[where]
    elif how < 0.55:
        holder[chance.choice(list(holder)) + "x" if isinstance(holder, dict) else key] = 1
    else:
        holder[key] = chance.choice((*_ODD, _DEEP, _LONG, *more, *more))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def _holds(value: Any, wanted: Any) -> bool:
    """Whether a value is another one, or has it in it: putting it there would be endless."""
    if value is wanted:
        return True
    return isinstance(value, (dict, list)) and any(
        _holds(holder[key], wanted) for holder, key in _places(value)
    )
