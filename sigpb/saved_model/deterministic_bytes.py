"""Messages in the encoding that TensorFlow writes and its fingerprints are hashes of.

In it, elements of the file that an edit changes are written back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message as ProtoMessage

from sigpb.wire import Edits, Message, length_delimited, map_entry

# So many messages of so many bytes at most are kept as they were sorted.
_KEPT, _MOST_KEPT = 512, 1 << 14


def deterministic_bytes(message: ProtoMessage) -> bytes:
    """Encodes a message as ``SetSerializationDeterministic(true)`` does in C++.

    Every message that a patch writes is encoded so, whatever protobuf is installed. Python's
    ``SerializeToString(deterministic=True)`` is not that. The C extension of protobuf 4
    and later puts a key behind the longer keys that begin with it (``"x_1"``, then ``"x"``) and
    integer keys in descending order (``_upb_mapsorter_cmpstr`` in ``upb/message/map_sorter.c``).
    Sorting the entries of a map moves bytes within the message and changes no length, so it is done
    in the encoded form, and only where protobuf's order is wrong.
    """
    encoded = message.SerializeToString(deterministic=True)
    layout = _layout(message.DESCRIPTOR)
    if not layout.fields:
        return encoded
    if len(encoded) > _MOST_KEPT:
        return _MapSorter(encoded).sorted(layout)
    return _sorted(message.DESCRIPTOR.full_name, encoded)


@lru_cache(_KEPT)
def _sorted(message_type: str, encoded: bytes) -> bytes:
    """Sorts the maps of a small message: a batch writes the same ones into each of its models."""
    return _MapSorter(encoded).sorted(_layouts[message_type])


class _Layout:
    """Where the maps of a message type are.

    Attributes:
        fields: By tag every field that is a map or whose message can hold one at any depth: whether
            it is a map, and the layout of its message (of a map, that of its values).
        has_maps: Whether one of these fields is a map.
        marks: First bytes of tags. One of them is in every message of this type that holds a map
            which is not one of its own fields.
    """

    __slots__ = ("fields", "has_maps", "marks")

    def __init__(self) -> None:
        self.fields: dict[int, tuple[bool, _Layout]] = {}
        self.has_maps = False
        self.marks: tuple[int, ...] = ()


_layouts: dict[str, _Layout] = {}

# Up to this size in bytes the end of a message is remembered, with what became of it.
_REMEMBERED_SIZE = 1024


def _layout(message_type: Any) -> _Layout:
    known = _layouts.get(message_type.full_name)
    if known is None:
        # Only what is complete is shared, since another thread may be asking for it.
        built = _build(message_type)
        _layouts.update(built)
        known = built[message_type.full_name]
    return known


def _build(root: Any) -> dict[str, _Layout]:
    """Returns the layouts of a message type and of all types that it can hold."""
    fields: dict[str, list[tuple[int, bool, str]]] = {}  # of each type: tag, is a map, inner type
    holders: dict[str, list[str]] = {}  # of each type
    holding: list[str] = []  # types that can hold a map, of which the holders were not added yet
    waiting = [root]
    # A walk over all types, and one back from those with maps: asking each type whether it can hold
    # a map, at any depth, would take ten times as long.
    while waiting:
        message_type = waiting.pop()
        name = message_type.full_name
        if name in fields:
            continue
        fields[name] = []
        for field in message_type.fields:
            if (inner := field.message_type) is None:
                continue
            if is_map := inner.has_options and inner.GetOptions().map_entry:
                holding.append(name)
                inner = inner.fields_by_name["value"].message_type
            if inner is None:
                fields[name].append((field.number << 3 | 2, is_map, ""))
            else:
                fields[name].append((field.number << 3 | 2, is_map, inner.full_name))
                holders.setdefault(inner.full_name, []).append(name)
                waiting.append(inner)
    layouts = {name: _Layout() for name in ("", *fields)}
    found: set[str] = set()
    while holding:
        if (name := holding.pop()) not in found:
            found.add(name)
            holding += holders.get(name, ())
    for name in found:
        for tag, is_map, inner_name in fields[name]:
            if is_map or inner_name in found:
                layouts[name].fields[tag] = is_map, layouts[inner_name]
                layouts[name].has_maps |= is_map
    for name in found:
        layouts[name].marks = _marks(layouts[name])
    return layouts


def _marks(layout: _Layout) -> tuple[int, ...]:
    marks: set[int] = set()
    seen: list[_Layout] = []
    waiting = [layout]
    while waiting:
        outer = waiting.pop()
        seen.append(outer)
        for tag, (_, inner) in outer.fields.items():
            if inner.has_maps:
                marks.add(tag if tag < 0x80 else tag & 0x7F | 0x80)
            elif inner not in seen:
                waiting.append(inner)
    return tuple(marks)


class _MapSorter:
    """Sorts the entries of all maps in an encoded message.

    Args:
        data: What protobuf's own encoder wrote: it is well formed, and the entries of a map follow
            each other.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._result = bytearray(data)
        # What messages of a type end with, mostly from their first map on, and what becomes of it.
        self._tails: defaultdict[_Layout, dict[bytes, bytes]] = defaultdict(dict)

    def sorted(self, layout: _Layout) -> bytes:
        """Returns the message with its maps sorted."""
        self._sort_message(0, len(self._data), layout, deep=True)
        return bytes(self._result)

    def _sort_inner(self, position: int, end: int, layout: _Layout) -> None:
        """Sorts the maps of a message, with as little effort as its content allows."""
        data = self._data
        if layout.has_maps:
            # Of a node this leaves out its name, op, inputs and device. The rest, its attributes,
            # is the same in many nodes.
            while position < end and (tag := data[position]) & 0x87 == 2:
                if tag in layout.fields:
                    break
                if (size := data[position + 1]) < 0x80:
                    position += size + 2
                elif (more := data[position + 2]) < 0x80:
                    position += (more << 7) + size - 0x7D
                else:
                    break
        elif not layout.marks:
            return
        tails = self._tails[layout]
        tail = data[position:end] if end - position <= _REMEMBERED_SIZE else b""
        if tail in tails:
            if tails[tail] != tail:
                self._result[position:end] = tails[tail]
            return
        # A search for a byte is much faster than a walk.
        deep = False
        for mark in layout.marks:
            if data.find(mark, position, end) >= 0:
                deep = True
                break
        if deep or layout.has_maps:
            self._sort_message(position, end, layout, deep)
        if tail:
            tails[tail] = bytes(self._result[position:end])

    def _sort_message(self, position: int, end: int, layout: _Layout, deep: bool) -> None:
        """Sorts the maps of the message between two offsets.

        This is the inner loop of every hash, hence the plain offsets and few calls.
        """
        data, fields = self._data, layout.fields
        map_tag = map_start = map_end = 0
        last_key: Any = None
        is_sorted = True
        while position < end:
            start = position
            # Tags of one byte and lengths of one or two are by far the most common.
            if (tag := data[position]) < 0x80:
                position += 1
            else:
                tag, position = _varint(data, position)
            wire_type = tag & 7
            if wire_type == 2:
                if (size := data[position]) < 0x80:
                    value = position + 1
                elif (more := data[position + 1]) < 0x80:
                    size += (more << 7) - 0x80
                    value = position + 2
                else:
                    size, value = _varint(data, position)
                position = value + size
                if tag not in fields:
                    continue
                is_map, inner = fields[tag]
                if is_map:
                    # Most keys are short texts, and most entries are small.
                    if data[value] == 0x0A and size < 0x80:
                        after_key = value + 2 + data[value + 1]
                        key: Any = data[value + 2 : after_key]
                        value = after_key + 2
                    else:
                        key, value = _key_and_value(data, value)
                    if tag == map_tag:
                        if key < last_key:
                            is_sorted = False
                    else:
                        if not is_sorted:
                            self._sort_map(map_start, map_end)
                            is_sorted = True
                        map_tag, map_start = tag, start
                    last_key, map_end = key, position
                if deep:
                    self._sort_inner(value, position, inner)
            elif wire_type == 0:
                _, position = _varint(data, position)
            elif wire_type == 1:
                position += 8
            elif wire_type == 5:
                position += 4
            else:
                break  # A group: it can only be an unknown field, and those are encoded last.
        if not is_sorted:
            self._sort_map(map_start, map_end)

    def _sort_map(self, position: int, end: int) -> None:
        """Sorts the entries of one map, what their values hold being sorted already."""
        data, result = self._data, self._result
        start = position
        entries: list[tuple[bytes | int, bytearray]] = []
        while position < end:
            first = position
            _, position = _varint(data, position)
            size, position = _varint(data, position)
            key, _ = _key_and_value(data, position)
            position += size
            entries.append((key, result[first:position]))
        result[start:end] = b"".join([entry for _, entry in sorted(entries)])


def _key_and_value(data: bytes, position: int) -> tuple[bytes | int, int]:
    """Returns the key of a map entry, and where its value starts, without tag and length."""
    key: bytes | int
    wire_type = data[position] & 7
    if wire_type == 2:
        if (size := data[position + 1]) < 0x80:
            position += 2
        else:
            size, position = _varint(data, position + 1)
        key = data[position : position + size]
        position += size
    elif wire_type == 1:
        key = int.from_bytes(data[position + 1 : position + 9], "little")
        position += 9
    else:
        key, position = _varint(data, position + 1)
    _, position = _varint(data, position + 1)
    return key, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
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
    append_to_list(edits, parent, number, after[len(before) :])


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


def append_to_list(
    edits: Edits, parent: Message, number: int, added: Sequence[ProtoMessage]
) -> None:
    """Adds elements of a repeated message field at the end of `parent`."""
    for message in added:
        edits.insert(parent, parent.end, length_delimited(number, deterministic_bytes(message)))


def _differ(first: ProtoMessage, second: ProtoMessage) -> bool:
    encoded = first.SerializeToString(deterministic=True)
    return bool(encoded != second.SerializeToString(deterministic=True))
