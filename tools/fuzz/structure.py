"""Ways to change a SavedModel as what it is: messages whose fields say odd things.

What comes out is well-formed, so it gets past the parser to the code that believes what it reads.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, EncodeError

from sigpb import protos
from sigpb.inspect.schema import is_repeated
from sigpb.wire import length_delimited

from .odd_values import NOT_TEXT, odd_value
from .places import Place, is_map, paths_by_kind, somewhere

_NOT_UTF_8 = b"not\xffutf\xfe8"

# A larger file takes more time, and says no more.
_MAX_SIZE = 200_000

# Text takes long to parse.
_MAX_TEXT = 2_000

# Protobuf reads messages in a hundred others, and most messages are in some already.
_DEEPEST = 95


def change_message(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Changes one to four fields of a SavedModel; parts of the other one may come into it.

    What is no SavedModel, or would become too large, stays as it is.
    """
    return change_proto(chance, protos.SavedModel, data, other)


def change_proto(chance: random.Random, kind: Any, data: bytes, other: bytes) -> bytes:
    """Does the same to a message of any kind.

    Args:
        chance: What is decided by chance.
        kind: The class of both messages.
        data: The message.
        other: Another one.
    """
    try:
        message, donor = map(kind.FromString, (data, other))
        paths = paths_by_kind(kind, data)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            known = _texts(somewhere(chance, message, paths) for _ in range(10))
            _change(chance, somewhere(chance, message, paths), donor, known)
        changed: bytes = message.SerializeToString()
    except (DecodeError, EncodeError):
        return data
    if len(changed) > max(_MAX_SIZE, len(data)):
        return data
    return changed.replace(NOT_TEXT.encode(), _NOT_UTF_8)


def write_as_text(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Writes a small SavedModel as a text proto, which sigpb reads too."""
    if len(data) > _MAX_TEXT:
        return data
    try:
        model = protos.SavedModel.FromString(data)
    except DecodeError:
        return data
    text: str = text_format.MessageToString(model, as_utf8=chance.random() < 0.5)
    return text.encode()


def is_text(data: bytes) -> bool:
    """Whether a file begins as a SavedModel that was written as a text proto."""
    return data.startswith((b"saved_model_schema_version: ", b"meta_graphs {"))


def _texts(places: Iterator[Place]) -> list[str]:
    """Returns the names that are in some places of a model."""
    found: list[str] = []
    for place in places:
        if is_map(place.field) or is_repeated(place.field):
            found += (each for each in place.value if isinstance(each, str))
        elif isinstance(place.value, str):
            found.append(place.value)
    return found


def _change(chance: random.Random, place: Place, donor: Any, known: list[str]) -> None:
    message, field = place.message, place.field
    if field.message_type and is_map(field):
        _change_map(chance, place, field.message_type, donor, known)
    elif is_repeated(field):
        _change_list(chance, place, donor, known)
    elif field.message_type:
        _change_inner(chance, place, donor)
    elif chance.random() < 0.1:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, odd_value(chance, field, place.value, known))


def _change_map(
    chance: random.Random, place: Place, kind: Descriptor, donor: Any, known: list[str]
) -> None:
    """Takes an entry out, or adds one: what another has, what another model has, or nothing."""
    entries, entry = place.value, kind.fields_by_name
    old = chance.choice(sorted(entries) or [None])
    new = odd_value(chance, entry["key"], old, known)
    if not entry["value"].message_type:
        entries[new] = odd_value(chance, entry["value"], None, known)
    else:
        entries[new].SetInParent()
        foreign = place.same_in(donor, chance)
        if old is not None and (foreign is None or chance.random() < 0.5):
            entries[new].MergeFrom(_copied(entries[old]))
        elif foreign is not None:
            entries[new].CopyFrom(foreign)
    if old is not None and chance.random() < 0.3:
        del entries[old]


def _change_list(chance: random.Random, place: Place, donor: Any, known: list[str]) -> None:
    """Takes elements out, repeats them, adds others, or puts them in another order."""
    elements, field = place.value, place.field
    how = chance.choice(("clear", "remove", "repeat", "many", "shuffle", "odd", "odd", "odd"))
    if how == "odd" or not elements:
        if field.message_type:
            foreign = place.same_in(donor, chance)
            elements.append(
                protos.message_class(field.message_type)() if foreign is None else foreign
            )
        elif elements and chance.random() < 0.7:
            at = chance.randrange(len(elements))
            elements[at] = odd_value(chance, field, elements[at], known)
        else:
            elements.append(odd_value(chance, field, None, known))
    elif how == "clear":
        del elements[:]
    elif how == "remove":
        del elements[chance.randrange(len(elements))]
    elif how == "shuffle":
        order = [_copied(each) for each in chance.sample(list(elements), len(elements))]
        del elements[:]
        elements.extend(order)
    else:
        times = chance.choice((10, 300)) if how == "many" else 1
        elements.extend([chance.choice(elements)] * times)


def _change_inner(chance: random.Random, place: Place, donor: Any) -> None:
    """Takes a message away, empties it, exchanges it, or puts it into others."""
    how = chance.choice(("clear", "empty", "foreign", "foreign", "deep"))
    inner = place.value
    if how == "clear":
        place.message.ClearField(place.field.name)
    elif how == "empty":
        inner.Clear()
        inner.SetInParent()
    elif how == "foreign":
        foreign = place.same_in(donor, chance)
        if foreign is not None:
            inner.CopyFrom(foreign)
    else:
        _nest(chance, inner)


def _nest(chance: random.Random, message: Any) -> None:
    """Puts a message into others of its kind, as deep as protobuf reads them."""
    ways = _ways_back(message.DESCRIPTOR)
    if not ways:
        return
    way = chance.choice(ways)
    content = message.SerializeToString()
    for _ in range(chance.choice((5, 30, _DEEPEST)) // len(way)):
        for number in reversed(way):
            content = length_delimited(number, content)
    message.Clear()
    message.MergeFromString(content)


@functools.cache
def _ways_back(kind: Descriptor) -> list[tuple[int, ...]]:
    """Returns the numbers of up to three fields that lead from a message to one of its kind."""
    found: list[tuple[int, ...]] = []
    ways: list[tuple[Descriptor, tuple[int, ...]]] = [(kind, ())]
    for start, way in ways:
        for field in start.fields:
            if field.message_type is kind:
                found.append((*way, field.number))
            elif field.message_type and len(way) < 2:
                ways.append((field.message_type, (*way, field.number)))
    return found


def _copied(value: Any) -> Any:
    if not hasattr(value, "DESCRIPTOR"):
        return value
    copy = type(value)()
    copy.CopyFrom(value)
    return copy
