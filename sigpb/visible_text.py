"""Text with names in it, written so that it can be shown: a name may hold any character.

A terminal obeys some characters, others change the order of what is read, and a line break in a
name would begin a line that sigpb seems to say. All text that leaves sigpb goes through one of
these functions, in the form whose readers get the name back; `natural` is the order of names in it.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_NUMBER = re.compile("([0-9]+)")

_SHOWN_AS: dict[str, str] = {}


@contextlib.contextmanager
def shown_as(directory: str, name: str) -> Iterator[None]:
    """Has all text show a name in place of the temporary directory that stands for it."""
    _SHOWN_AS[directory] = name
    try:
        yield
    finally:
        del _SHOWN_AS[directory]


def visible(text: str) -> str:
    r"""Returns text with the characters that cannot be seen spelled out: ``\n``, ``\u202e``."""
    for directory, name in tuple(_SHOWN_AS.items()):  # Another thread may be about to add one.
        text = text.replace(directory, name)
    return _escaped(text, lambda each: each.encode("unicode_escape").decode())


def visible_lines(lines: Iterable[str]) -> str:
    """Joins lines; a line break inside one of them is spelled out."""
    return "\n".join(map(visible, lines))


def json_text(value: Any, *, indent: int | None = 2) -> str:
    r"""Writes a JSON value; strings hold what can be seen, and ``\u…`` for all else.

    Names of files that are not UTF-8 can be written, too: `json.loads` gives them back. ``NaN`` and
    infinities, which JSON does not have, become text.
    """
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_with_finite_numbers(value), indent=indent, ensure_ascii=False)
    for directory, name in tuple(_SHOWN_AS.items()):
        there, shown = (json.dumps(each, ensure_ascii=False)[1:-1] for each in (directory, name))
        text = text.replace(there, shown)
    lines = text.split("\n")
    return "\n".join(_escaped(line, lambda each: json.dumps(each)[1:-1]) for line in lines)


def natural(name: str) -> tuple[tuple[tuple[str, int, str], ...], str]:
    """Returns a key for `sorted`, for names listed for people: ``inputs_2`` before ``inputs_10``.

    What TensorFlow sorts, such as the keys of a signature before it calls a function, is sorted
    plainly, and so are digests, protos and JSON, which others compare.

    Numbers are compared by their digits, since an integer of thousands of them is not read by
    Python; names that differ in zeros only, such as ``x_1`` and ``x_01``, by what they are.
    """
    parts = _NUMBER.split(name)
    texts, numbers = parts[::2], [each.lstrip("0") for each in parts[1::2]] + [""]
    return (
        tuple((text, len(number), number) for text, number in zip(texts, numbers, strict=True)),
        name,
    )


def visible_text_proto(text: str) -> str:
    """Returns a text proto with octal escapes for the bytes of what cannot be seen."""
    return "\n".join(_escaped(line, _octal) for line in text.split("\n"))


def _with_finite_numbers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_finite_numbers(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_finite_numbers(each) for each in value]
    is_finite = not isinstance(value, float) or math.isfinite(value)
    return value if is_finite else json.dumps(value)


def _escaped(line: str, escape: Callable[[str], str]) -> str:
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else escape(each) for each in line)


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())
