"""The index of a checkpoint, as LevelDB writes tables: see `sigpb.saved_model.sorted_table`."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from sigpb.saved_model.tf_record import masked_checksum
from sigpb.wire import encode_varint, tag
from sigpb.wire.fields import WireType

_ENTRIES_PER_BLOCK = 1_000
_FLOAT, _SIZE = 1, 4
_MAGIC = 0xDB4775248B80FB57


def index_of(count: int) -> bytes:
    """Returns the index of so many float32 scalars, one after another in one file."""
    entries = [(b"", _numbers({1: 1}))]  # BundleHeaderProto.num_shards
    for number in range(count):
        # dtype, offset and size of BundleEntryProto
        entry = _numbers({1: _FLOAT, 4: _SIZE * number, 5: _SIZE})
        entries.append((b"variable%09d" % number, entry))
    table, handles = bytearray(), []
    for start in range(0, len(entries), _ENTRIES_PER_BLOCK):
        part = entries[start : start + _ENTRIES_PER_BLOCK]
        handles.append((part[-1][0], _append(table, part)))
    nothing = _append(table, [])
    footer = nothing + _append(table, handles)
    return bytes(table) + footer.ljust(40, b"\0") + struct.pack("<Q", _MAGIC)


def _append(table: bytearray, entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Adds a block to a table, and returns its handle: where it begins, and its size."""
    block = b"".join(
        b"\0" + encode_varint(len(key)) + encode_varint(len(value)) + key + value
        for key, value in entries
    )
    block += struct.pack("<II", 0, 1)  # where keys are whole: at the first entry, of course
    handle = encode_varint(len(table)) + encode_varint(len(block))
    kind = b"\0"  # not compressed
    table += block + kind + masked_checksum(block + kind)
    return handle


def _numbers(fields: dict[int, int]) -> bytes:
    return b"".join(
        tag(number, WireType.VARINT) + encode_varint(value) for number, value in fields.items()
    )
