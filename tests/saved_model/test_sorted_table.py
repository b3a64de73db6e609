from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.errors import ModelUnreadable
from sigpb.saved_model.sorted_table import DamagedTable, read_table, write_table
from sigpb.saved_model.tf_record import masked_checksum
from sigpb.wire import encode_varint, read_varint

ENTRIES = st.dictionaries(st.binary(max_size=20), st.binary(max_size=20)).map(
    lambda entries: sorted(entries.items())
)


@given(ENTRIES)
def test_what_is_written_is_read(entries: Sequence[tuple[bytes, bytes]]) -> None:
    assert list(read_table(write_table(entries))) == entries


def test_blocks_end_when_they_are_large_and_before_large_entries() -> None:
    half = b"x" * 2**17
    entries = [(b"%d" % number, half) for number in range(5)]
    assert blocks(write_table(entries)) == [2, 2, 1]
    entries[3] = (b"3", half * 4)
    assert blocks(write_table(entries)) == [2, 1, 1, 1]
    assert list(read_table(write_table(entries))) == entries


def test_every_sixteenth_key_is_whole() -> None:
    table = write_table([(b"key%02d" % number, b"") for number in range(33)])
    assert [number for number in range(33) if b"key%02d" % number in table] == [0, 16, 32]


@pytest.mark.parametrize(
    ("last", "following", "key"),
    [
        (b"the quick", b"the who", b"the r"),
        (b"ab", b"ac", b"ab"),
        (b"ab", b"abc", b"ab"),
        (b"a\xff", b"b", b"a\xff"),
        (b"a", b"\xff", b"b"),
    ],
)
def test_keys_of_blocks_are_short(last: bytes, following: bytes, key: bytes) -> None:
    large = b"x" * 2**18
    table = write_table([(last, large), (following, large)])
    first, second = keys_of_blocks(table)
    assert first == key
    assert following <= second


@pytest.mark.parametrize(("last", "key"), [(b"\xff\xffabc", b"\xff\xffb"), (b"\xff", b"\xff")])
def test_key_of_the_last_block_is_short(last: bytes, key: bytes) -> None:
    assert keys_of_blocks(write_table([(last, b"")])) == [key]


def blocks(table: bytes) -> list[int]:
    """How many entries the blocks have."""
    return [len(entries_at(table, handle)) for _, handle in entries_at(table, footer(table))]


def keys_of_blocks(table: bytes) -> list[bytes]:
    return [key for key, _ in entries_at(table, footer(table))]


def footer(table: bytes) -> bytes:
    """The handle of the block that says where the others are, with zeros after it."""
    handles, position = table[-48:-8], 0
    for _ in ("start", "size"):  # of the block that there is before it
        _, position = read_varint(handles, position, len(handles))
    return handles[position:]


def entries_at(table: bytes, handle: bytes) -> list[tuple[bytes, bytes]]:
    """The entries of a block, which is read as a table of its own."""
    start, position = read_varint(handle, 0, len(handle))
    size, _ = read_varint(handle, position, len(handle))
    return list(read_table(table_of(table[start : start + size])))


def table_of(block: bytes) -> bytes:
    """A table of one block, which need not make sense."""
    content = b""
    handles = []
    index = (
        b"\0\1" + b"%c" % (1 + len(encode_varint(len(block)))) + b"z\0" + encode_varint(len(block))
    )
    for each in (block, index + struct.pack("<II", 0, 1)):
        handles.append(encode_varint(len(content)) + encode_varint(len(each)))
        stored = each + b"\0"
        content += stored + masked_checksum(stored)
    return content + (b"\0\0" + handles[1]).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


END = struct.pack("<II", 0, 1)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (b"\0\1\0b\0\1\0a" + END, "its keys are not sorted"),
        (b"\0\1\0a\0\1\0a" + END, "its keys are not sorted"),
        (b"\0\1\1a" + END, "cut off"),
        (b"\0\2\0a" + END, "cut off"),
        (b"\1\1\0a" + END, "cut off"),
        (b"\0\1", "damaged|shorter"),
        (struct.pack("<I", 1), "shorter than it says"),
        (struct.pack("<I", 2**31), "shorter than it says"),
        (b"\0", "it is damaged"),
    ],
)
def test_damaged_blocks(block: bytes, problem: str) -> None:
    with pytest.raises(DamagedTable, match=problem):
        list(read_table(table_of(block)))


@given(st.binary())
def test_whatever_a_block_is_there_is_one_kind_of_error(block: bytes) -> None:
    try:
        keys = [key for key, _ in read_table(table_of(block))]
    except ModelUnreadable:
        return
    assert keys == sorted(set(keys))
