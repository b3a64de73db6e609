"""Writes back the elements of a repeated field or a map that differ from what is in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message as ProtoMessage

from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.wire import Edits, Message, length_delimited, map_entry


def rewrite_list(
    edits: Edits,
    parent: Message,
    number: int,
    before: Sequence[ProtoMessage],
    after: Sequence[ProtoMessage],
) -> None:
    """Writes a repeated message field whose elements changed or which grew, or not, at its end."""
    fields = list(parent.fields(number))
    for field in fields[len(after) :]:
        edits.delete(parent, field)
    for field, old, new in zip(fields, before, after, strict=False):
        # Not by their equality, which fails on an Any of an unknown type, and on NaN.
        if _differ(new, old):
            edits.replace(parent, field, length_delimited(number, deterministic_bytes(new)))
    append(edits, parent, number, after[len(before) :])


def rewrite_map(
    edits: Edits,
    parent: Message,
    number: int,
    before: Mapping[str, ProtoMessage],
    after: Mapping[str, ProtoMessage],
) -> None:
    """Writes a map from strings to messages; new entries go to the end of `parent`."""
    for raw_key, field in parent.entries(number):
        key = raw_key.decode()
        if key not in after:
            edits.delete(parent, field)
        elif _differ(after[key], before[key]):
            encoded = deterministic_bytes(after[key])
            edits.replace(parent, field, map_entry(number, raw_key, encoded))
    for key in sorted(set(after) - set(before)):
        encoded = deterministic_bytes(after[key])
        edits.insert(parent, parent.end, map_entry(number, key.encode(), encoded))


def append(edits: Edits, parent: Message, number: int, added: Sequence[ProtoMessage]) -> None:
    """Adds elements of a repeated message field at the end of `parent`."""
    for message in added:
        edits.insert(parent, parent.end, length_delimited(number, deterministic_bytes(message)))


def _differ(first: ProtoMessage, second: ProtoMessage) -> bool:
    encoded = first.SerializeToString(deterministic=True)
    return bool(encoded != second.SerializeToString(deterministic=True))
