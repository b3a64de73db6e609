"""Where something can be changed in a model: a field of a message, at any depth."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from sigpb.inspect.schema import is_repeated

Path = tuple[tuple[str, "int | str | None"], ...]
"""The fields that lead to a message: their names, and indices in lists or keys of maps."""

# How often the kind of a message is chosen first, so that one that is rare is as likely as others;
# else the way down is chosen step by step.
_BY_KIND = 0.6
_GO_ON = 0.95

# How often a field is chosen that need not be set.
_ANY_FIELD = 0.15


@dataclass(frozen=True)
class Place:
    """A field of some message of a model.

    Attributes:
        message: The message.
        field: The field.
        path: What leads to the message.
    """

    message: Any
    field: FieldDescriptor
    path: Path

    @property
    def value(self) -> Any:
        """What the field holds: a value, a message, or a container of these."""
        return getattr(self.message, self.field.name)

    def same_in(self, other: Any, chance: random.Random) -> Any:
        """Returns a message of another model that has the same place; None if there is none."""
        for name in (*(name for name, _ in self.path), self.field.name):
            field = other.DESCRIPTOR.fields_by_name[name]
            inner = list(_messages(field, getattr(other, name)))
            if not inner:
                return None
            _, other = chance.choice(inner)
        return other


@functools.lru_cache(100)
def paths_by_kind(kind: Any, data: bytes) -> dict[str, list[Path]]:
    """Returns what leads to the messages that a message of some class holds, by their kind."""
    found: dict[str, list[Path]] = {}
    waiting: list[tuple[Any, Path]] = [(kind.FromString(data), ())]
    while waiting:
        message, path = waiting.pop()
        found.setdefault(message.DESCRIPTOR.full_name, []).append(path)
        for field, value in message.ListFields():
            for key, inner in _messages(field, value):
                waiting.append((inner, (*path, (field.name, key))))
    return found


def somewhere(chance: random.Random, model: Any, paths: dict[str, list[Path]]) -> Place:
    """Chooses a place.

    Args:
        chance: What is decided by chance.
        model: The model.
        paths: What `paths_by_kind` returns of it, as it is or was before some changes.
    """
    while True:
        if chance.random() < _BY_KIND:
            path = chance.choice(paths[chance.choice(sorted(paths))])
            message = _followed(model, path)
        else:
            path, message = _descent(chance, model)
        if message is None or not message.DESCRIPTOR.fields:
            continue  # A change took it away, or it is of a kind that holds nothing.
        fields = [field for field, _ in message.ListFields()]
        if not fields or chance.random() < _ANY_FIELD:
            fields = list(message.DESCRIPTOR.fields)
        return Place(message, chance.choice(fields), path)


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map."""
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def _followed(message: Any, path: Path) -> Any:
    for name, key in path:
        field = message.DESCRIPTOR.fields_by_name[name]
        message = dict(_messages(field, getattr(message, name))).get(key)
        if message is None:
            return None
    return message


def _descent(chance: random.Random, message: Any) -> tuple[Path, Any]:
    path: Path = ()
    while chance.random() < _GO_ON:
        inner = [(field, list(_messages(field, value))) for field, value in message.ListFields()]
        inner = [(field, found) for field, found in inner if found]
        if not inner:
            break
        field, found = chance.choice(inner)
        key, message = chance.choice(found)
        path += ((field.name, key),)
    return path, message


def _messages(field: FieldDescriptor, value: Any) -> Iterator[tuple[int | str | None, Any]]:
    """Yields the messages that a field holds, with their index or key, if it has any."""
    if field.message_type is None:
        return
    if not is_repeated(field):
        yield None, value
    elif not is_map(field):
        yield from enumerate(value)
    elif field.message_type.fields_by_name["value"].message_type is not None:
        yield from ((key, value[key]) for key in sorted(value))
