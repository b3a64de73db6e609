"""Messages in the encoding that TensorFlow writes and its fingerprints are hashes of."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from google.protobuf.message import Message


def deterministic_bytes(message: Message) -> bytes:
    """Encodes a message as ``SetSerializationDeterministic(true)`` does in C++.

    Every message that a patch writes is encoded so, whatever protobuf is installed. Python's
    ``SerializeToString(deterministic=True)`` is not that. The C extension of protobuf 4
    and later puts a key behind the longer keys that begin with it (``"x_1"``, then ``"x"``) and
    integer keys in descending order (``_upb_mapsorter_cmpstr`` in ``upb/message/map_sorter.c``).
    Sorting the entries of a map moves bytes within the message and changes no length, so it is done
    in the encoded form.
    """
    data = bytearray(message.SerializeToString(deterministic=True))
    _sort_maps(data, 0, len(data), _layout(message.DESCRIPTOR))
    return bytes(data)


@dataclasses.dataclass(slots=True)
class _Layout:
    """Where the maps of a message type are.

    Attributes:
        fields: By tag every field that is a map or whose message can hold one at any depth: whether
            it is a map, and the layout of its message (of a map, that of its values; None if these
            hold no map).
        first_byte: Matches the first byte of those fields' tags.
    """

    fields: dict[int, tuple[bool, _Layout | None]] = dataclasses.field(default_factory=dict)
    first_byte: re.Pattern[bytes] = re.compile(b"(?!)")


_layouts: dict[str, _Layout] = {}


def _layout(message_type: Any) -> _Layout:
    known = _layouts.get(message_type.full_name)
    if known is None:
        # Only what is complete is shared, since another thread may be asking for it.
        built: dict[str, _Layout] = {}
        known = _build(message_type, built)
        _layouts.update(built)
    return known


def _build(message_type: Any, built: dict[str, _Layout]) -> _Layout:
    if message_type.full_name in built:
        return built[message_type.full_name]
    layout = built[message_type.full_name] = _Layout()  # known before its fields: types nest
    first_bytes = set()
    for field in message_type.fields:
        if not _holds_map(field.message_type, set()):
            continue
        inner = field.message_type
        is_map = inner.GetOptions().map_entry
        if is_map:
            inner = inner.fields_by_name["value"].message_type
        tag = field.number << 3 | 2
        layout.fields[tag] = is_map, _build(inner, built) if _holds_map(inner, set()) else None
        first_bytes.add(tag if tag < 0x80 else tag & 0x7F | 0x80)
    if first_bytes:
        layout.first_byte = re.compile(b"[" + re.escape(bytes(sorted(first_bytes))) + b"]")
    return layout


def _holds_map(message_type: Any, seen: set[str]) -> bool:
    """Whether a message is the entry of a map or can hold a map at any depth; not if it is None."""
    if message_type is None or message_type.full_name in seen:
        return False
    seen.add(message_type.full_name)
    return message_type.GetOptions().map_entry or any(
        _holds_map(field.message_type, seen) for field in message_type.fields
    )


def _sort_maps(data: bytearray, position: int, end: int, layout: _Layout) -> None:
    """Sorts the entries of all maps in one encoded message, in place.

    This is the inner loop of every hash, hence the plain offsets and few calls. `data` comes from
    protobuf's own encoder: it is well formed, and the entries of a map follow each other.
    """
    fields = layout.fields
    sorted_tag = 0
    entries: list[tuple[bytes | int, int, int]] = []
    while position < end:
        start = position
        # Tags and lengths of one byte are by far the most common: read without a call.
        if (tag := data[position]) < 0x80:
            position += 1
        else:
            tag, position = _varint(data, position)
        wire_type = tag & 7
        if wire_type == 2:
            if (size := data[position]) < 0x80:
                value = position + 1
            else:
                size, value = _varint(data, position)
            position = value + size
            if tag not in fields:
                continue
            is_map, inner = fields[tag]
            if is_map:
                if tag != sorted_tag:
                    _sort(data, entries)
                    sorted_tag, entries = tag, []
                # Most keys are short texts, and most values short messages.
                after_key = value + 2 + data[value + 1]
                if data[value] == 0x0A and size < 0x80:
                    key: bytes | int = bytes(data[value + 2 : after_key])
                    value = after_key + 2
                else:
                    key, value = _key_and_value(data, value)
                entries.append((key, start, position))
            # A search for a byte is much faster than a walk, and most values hold no map.
            if inner is not None and inner.first_byte.search(data, value, position):
                _sort_maps(data, value, position, inner)
        elif wire_type == 0:
            _, position = _varint(data, position)
        elif wire_type == 1:
            position += 8
        elif wire_type == 5:
            position += 4
        else:
            break  # A group: it can only be an unknown field, and those are encoded last.
    _sort(data, entries)


def _sort(data: bytearray, entries: list[tuple[bytes | int, int, int]]) -> None:
    """Sorts the entries of one map, each given by its key and where it starts and ends."""
    ordered = sorted(entries)
    if ordered != entries:
        first, last = entries[0], entries[-1]
        data[first[1] : last[2]] = b"".join([data[start:end] for _, start, end in ordered])


def _key_and_value(data: bytearray, position: int) -> tuple[bytes | int, int]:
    """Returns the key of a map entry, and where its value starts, without tag and length."""
    key: bytes | int
    wire_type = data[position] & 7
    if wire_type == 2:
        if (size := data[position + 1]) < 0x80:
            position += 2
        else:
            size, position = _varint(data, position + 1)
        key = bytes(data[position : position + size])
        position += size
    elif wire_type == 1:
        key = int.from_bytes(data[position + 1 : position + 9], "little")
        position += 9
    else:
        key, position = _varint(data, position + 1)
    _, position = _varint(data, position + 1)
    return key, position


def _varint(data: bytearray, position: int) -> tuple[int, int]:
    """Returns the varint at a position and the position after it."""
    byte = data[position]
    value = byte & 0x7F
    shift = 7
    while byte > 0x7F:
        position += 1
        byte = data[position]
        value |= (byte & 0x7F) << shift
        shift += 7
    return value, position + 1
