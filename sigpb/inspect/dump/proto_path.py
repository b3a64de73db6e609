"""Paths to parts of a model, such as ``meta_graphs[serve].signature_def["x"].inputs``.

A path is made of names of fields, joined by dots. In brackets behind a name stands which element of
a field that repeats is meant:

* ``[3]``: by its position, from 0; in a map by its key;
* ``["dense/MatMul"]``: by its key in a map, and elsewhere by its name. Quotes and other special
  characters are escaped as in text protos. The quotes can be left out if the name is no number and
  has no bracket in it;
* ``[serve,gpu]``: a MetaGraph by its tags, in any order; ``[]`` if it has none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from google.protobuf import text_encoding

from sigpb.errors import UsageError
from sigpb.inspect.proto_scalars import quoted
from sigpb.parsers import parse_number

_PART = re.compile(
    r"""
    (?P<name> [A-Za-z_]\w* )
    (?: \[ (?: "(?P<quoted> (?:[^"\\]|\\.)* )" | (?P<bare> [^"\]\[]* ) ) \] )?
    (?P<end> \. | \Z )
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_PLAIN = re.compile(r"[\w,.\-/]*")


class Selector(NamedTuple):
    """Which element of a field that repeats is meant.

    Attributes:
        text: A position, a key, a name, or tags.
        is_quoted: Whether it stands in quotes, so that it cannot be a position.
    """

    text: str
    is_quoted: bool

    @property
    def position(self) -> int | None:
        """The position of the element, if it is selected by that."""
        number = None if self.is_quoted else parse_number(self.text)
        return None if number is None else min(number, sys.maxsize)


class PathPart(NamedTuple):
    """A field on the way to a place.

    Attributes:
        name: The field's name.
        selector: Which of its elements; None if it has but one, or all are meant.
    """

    name: str
    selector: Selector | None = None


Path: TypeAlias = tuple[PathPart, ...]


def parse_path(text: str) -> Path:
    """Reads a path; an empty one leads to the whole file.

    Raises:
        UsageError: If it is not well formed.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{text!r} is not a path: it is not UTF-8.") from error
    parts, position, goes_on = [], 0, bool(text)
    while goes_on:
        match = _PART.match(text, position)
        if not match:
            raise UsageError(
                f"{text!r} is not a path: a field's name, perhaps with an element in brackets, "
                f"and then a dot or nothing is expected at {text[position : position + 20]!r}. "
                'For example: graph_def.node["dense/MatMul"].attr[T].'
            )
        if match["quoted"] is not None:
            parts.append(PathPart(match["name"], Selector(_unescaped(match["quoted"], text), True)))
        else:
            selector = None if match["bare"] is None else Selector(match["bare"].strip(), False)
            parts.append(PathPart(match["name"], selector))
        position, goes_on = match.end(), bool(match["end"])
    return tuple(parts)


def path_text(path: Iterable[PathPart]) -> str:
    """Writes a path, which `parse_path` reads."""
    return ".".join(
        part.name if part.selector is None else f"{part.name}[{_selector_text(part.selector)}]"
        for part in path
    )


def at(position: int) -> Selector:
    """Selects the element at a position."""
    return Selector(str(position), False)


def named(name: str) -> Selector:
    """Selects the element of a name, or of a key that is text."""
    return Selector(name, True)


def tagged(tags: str) -> Selector:
    """Selects the MetaGraph of some tags, which have commas between them."""
    return Selector(tags, not _PLAIN.fullmatch(tags) or tags.isdecimal())


def _selector_text(selector: Selector) -> str:
    is_plain = not selector.is_quoted and _PLAIN.fullmatch(selector.text)
    return selector.text if is_plain else quoted(selector.text)


def _unescaped(text: str, path: str) -> str:
    try:
        return text_encoding.CUnescape(text).decode()
    except (UnicodeDecodeError, UnicodeEncodeError, ValueError) as error:
        raise UsageError(f"{path!r} is not a path: what {text!r} means is not clear.") from error
