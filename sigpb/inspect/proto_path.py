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
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple, TypeAlias

from google.protobuf import text_encoding
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.inspect.proto_scalars import quoted, scalar_text, scalars
from sigpb.inspect.schema import KnownField, fields_by_name, known_fields
from sigpb.parsers import parse_number
from sigpb.wire import Field, Message, WireError, WireType

META_GRAPH = protos.MetaGraphDef.DESCRIPTOR.full_name

# Where the name is, in messages that have none in their field `name`.
_NAMES = {
    protos.FunctionDef.DESCRIPTOR.full_name: ("signature", "name"),
    protos.GradientDef.DESCRIPTOR.full_name: ("function_name",),
    protos.TrackableObjectGraph.TrackableObject.ObjectReference.DESCRIPTOR.full_name: (
        "local_name",
    ),
}

_PART = re.compile(
    r"""
    (?P<name> [A-Za-z_]\w* )
    (?: \[ (?: "(?P<quoted> (?:[^"\\]|\\.)* )" | (?P<bare> [^"\]\[]* ) ) \] )?
    (?P<end> \. | \Z )
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_PLAIN = re.compile(r"[\w,.\-/]*")


class FieldPlace(NamedTuple):
    r"""A field of a message, or one of the elements of a field, whose path is written when shown.

    ``str`` writes the path: ``meta_graphs[serve].graph_def.node["dense/MatMul"].input[0]``.

    Attributes:
        outer: Where the message stands; None if it is the whole file.
        field: The name of the field, as the schema has it.
        key: Which element: a position, or the key of a map, or the name of a node or function.
            It is quoted, with ``"``, ``\`` and control characters escaped as in text protos,
            so that `read_path` reads the path.
    """

    outer: FieldPlace | None
    field: str
    key: str | int | None = None

    def __str__(self) -> str:
        texts = []
        place: FieldPlace | None = self
        while place is not None:
            texts.append(f"{place.field}{_subscript(place.key)}")
            place = place.outer
        return ".".join(reversed(texts))


def _subscript(key: str | int | None) -> str:
    if key is None:
        return ""
    return f"[{key}]" if isinstance(key, int) else f"[{quoted(key)}]"


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


def read_path(text: str) -> Path:
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
    """Writes a path, which `read_path` reads."""
    return ".".join(
        part.name if part.selector is None else f"{part.name}[{_selector_text(part.selector)}]"
        for part in path
    )


def at_position(position: int) -> Selector:
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


def readable(message: Message, known: KnownField) -> Iterator[Field]:
    """Yields the occurrences of a field, up to where the message is damaged."""
    with suppress(WireError):
        for field in message.fields(known.number):
            if known.fits(field.wire_type):
                yield field


def last(message: Message, known: KnownField) -> Field | None:
    """Returns the last readable occurrence of a field, or None."""
    found = None
    for field in readable(message, known):
        found = field
    return found


def element_name(element: Message, schema: Descriptor) -> str | None:
    """Returns what an element of a repeated field is selected by, besides its position.

    Returns:
        A name, or the tags of a MetaGraph, sorted, with commas between them. None if elements of
        this type have no such thing, or if it cannot be read.
    """
    try:
        if schema.full_name == META_GRAPH:
            return ",".join(_tags(element))
        *outer, name = _NAMES.get(schema.full_name, ("name",))
        for step in outer:
            inner = fields_by_name(schema)[step]
            field = last(element, inner)
            if field is None or inner.message is None:
                return None
            element, schema = element.message(field), inner.message
        known = fields_by_name(schema).get(name)
        if known is None or known.is_repeated or known.type != FieldDescriptor.TYPE_STRING:
            return None
        field = last(element, known)
        return element.text(field) if field else None
    except WireError:
        return None


def _tags(meta_graph: Message) -> list[str]:
    info = fields_by_name(protos.MetaGraphDef.DESCRIPTOR)["meta_info_def"]
    tag = fields_by_name(protos.MetaGraphDef.MetaInfoDef.DESCRIPTOR)["tags"]
    infos = map(meta_graph.message, readable(meta_graph, info))
    return sorted({each.text(field) for each in infos for field in readable(each, tag)})


def entry_key(entry: Message, schema: Descriptor) -> str | None:
    """Returns the key of a map's entry, as text; None if it cannot be read."""
    key = known_fields(schema)[1]
    field = last(entry, key)
    try:
        if field is not None:
            value = next(scalars(key, entry, field))
            return value if isinstance(value, str) else scalar_text(key, value)
    except WireError:
        return None
    if key.wire_type == WireType.LEN:
        return ""
    return "false" if key.type == FieldDescriptor.TYPE_BOOL else "0"


def element_part(message: Message, known: KnownField, field: Field, position: int) -> PathPart:
    """Returns the last part of the path of a field.

    Args:
        message: The message that it is in.
        known: What the message's type says of it.
        field: The field.
        position: How many of the same number are before it.
    """
    if not known.is_repeated:
        return PathPart(known.name)
    if known.message is None:
        return PathPart(
            known.name, at_position(position) if known.wire_type == WireType.LEN else None
        )
    element = message.message(field)
    if known.is_map:
        key = entry_key(element, known.message)
        if key is None:
            return PathPart(known.name)
        is_text = known_fields(known.message)[1].wire_type == WireType.LEN
        return PathPart(known.name, named(key) if is_text else Selector(key, False))
    name = element_name(element, known.message)
    if known.message.full_name == META_GRAPH:
        graphs = map(message.message, readable(message, known))
        is_unique = sum(element_name(each, known.message) == name for each in graphs) == 1
        return PathPart(
            known.name, tagged(name) if is_unique and name is not None else at_position(position)
        )
    return PathPart(known.name, named(name) if name else at_position(position))


def path_at(message: Message, schema: Descriptor, offset: int) -> Path:
    """Returns the path of the innermost field around an offset, as far as it can be read.

    Args:
        message: The message that the path begins in.
        schema: Its type.
        offset: An offset in its buffer.
    """
    path: list[PathPart] = []
    while True:
        positions: dict[int, int] = {}
        found = None
        with suppress(WireError):
            for field in message.fields():
                if field.start <= offset < field.end:
                    found = field
                    break
                positions[field.number] = positions.get(field.number, 0) + 1
        known = known_fields(schema).get(found.number) if found else None
        if found is None or known is None or not known.fits(found.wire_type):
            return tuple(path)
        path.append(element_part(message, known, found, positions.get(found.number, 0)))
        if known.message is None:
            return tuple(path)
        message, schema = message.message(found), known.message
        if known.is_map:
            value = known_fields(schema)[2]
            inner = last(message, value)
            if inner is None or value.message is None:
                return tuple(path)
            message, schema = message.message(inner), value.message
