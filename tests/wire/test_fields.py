from __future__ import annotations

import contextlib
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.errors import ModelUnreadable
from sigpb.wire import (
    Buffer,
    Field,
    Index,
    Key,
    Message,
    WireError,
    WireType,
    length_delimited,
)

from .nodes import Number, encoded, make_node, names, nodes


def walk(message: Message) -> Iterator[Field]:
    """Every field of a Node, at any depth except in groups."""
    for field in message.fields():
        yield field
        if field.number in (Number.CHILD, Number.ONLY):
            yield from walk(message.message(field))
        elif field.number == Number.BY_NAME and (value := message.entry_value(field)):
            yield from walk(value)


def read(message: Message) -> dict[str, Any]:
    """A Node's fields, as keyword arguments of Node, read with every method of Message."""

    def submessage(field: Field | None) -> dict[str, Any]:
        assert field is not None
        return read(message.message(field))

    fields: dict[str, Any] = {}
    for field in message.fields():
        if field.number == Number.NAME:
            fields["name"] = message.text(field)
        elif field.number == Number.CHILD:
            fields.setdefault("child", []).append(submessage(field))
        elif field.number == Number.IDS:
            fields.setdefault("ids", []).append(message.varint(field))
        elif field.number == Number.HALF:
            data = message.buffer[field.value_start : field.value_end]
            (fields["half"],) = struct.unpack("<I", data)
        elif field.number == Number.WHOLE:
            data = message.buffer[field.value_start : field.value_end]
            (fields["whole"],) = struct.unpack("<d", data)
        elif field.number == Number.LEGACY:
            group = Message(message.buffer, field.value_start, field.value_end)
            fields["legacy"] = {
                name: read(Message(group.buffer, inner.value_start, inner.value_end))
                for number, name in ((1, "node"), (7, "legacy"))
                if (inner := group.last(number))
            }
        elif field.number == Number.ONLY:
            fields["only"] = submessage(message.only(Number.ONLY))
        elif field.number == Number.PAYLOAD:
            fields["payload"] = message.value(field)
    by_name = {}
    for key, field in message.entries(Number.BY_NAME):
        value = message.entry_value(field)
        assert value is not None
        by_name[key.decode()] = read(value)
    return fields | ({"by_name": by_name} if by_name else {})


@given(nodes)
def test_reads_what_protobuf_wrote(node: Any) -> None:
    assert make_node(**read(Message.root(encoded(node)))) == node


@given(nodes)
def test_fields_of_one_number_are_those_among_all_fields(node: Any) -> None:
    message = Message.root(encoded(node))
    every = list(message.fields())
    for number in Number:
        expected = [field for field in every if field.number == number]
        assert list(message.fields(number)) == expected
        assert message.last(number) == (expected[-1] if expected else None)


@given(nodes)
def test_fields_lie_end_to_end(node: Any) -> None:
    data = encoded(node)
    fields = list(Message.root(data).fields())
    assert [0, *(field.end for field in fields)] == [*(f.start for f in fields), len(data)]
    for field in fields:
        assert field.start < field.value_start <= field.value_end <= field.end


def test_every_kind_of_buffer_is_read_alike(tmp_path: Path) -> None:
    data = encoded(make_node(name="a", child=[{"payload": bytes(200)}]))
    path = tmp_path / "node"
    path.write_bytes(data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        buffers: list[Buffer] = [data, mapped, memoryview(data)]
        (expected, *others) = [list(walk(Message.root(buffer))) for buffer in buffers]
        assert others == [expected, expected]
        contents = [Message.root(buffer).content() for buffer in buffers]
        assert contents == [data, data, data]
        # That the file can be unmapped, here, says that nothing read so far holds on to it.


def test_content_is_that_of_the_message_alone() -> None:
    inner = {"name": "inner", "payload": b"x"}
    child = Message.root(encoded(make_node(child=[{}, inner]))).find(Index(Number.CHILD, 1))
    assert child is not None
    assert child.content() == encoded(make_node(**inner))


# A group of number 1 that holds a group of number 2 that holds field 3: 5, and then field 4: 6.
GROUPS = bytes.fromhex("0b 13 18 05 14 0c 20 06")


def test_a_group_is_one_field() -> None:
    outer, after = Message.root(GROUPS).fields()
    assert outer == Field(1, WireType.GROUP_START, 0, value_start=1, value_end=5, end=6)
    assert after == Field(4, WireType.VARINT, 6, value_start=7, value_end=8, end=8)


def test_fields_in_groups_are_not_fields_of_the_message() -> None:
    assert list(Message.root(GROUPS).fields(3)) == []


def test_groups_may_nest_100_deep() -> None:
    assert len(list(Message.root(b"\x0b" * 100 + b"\x0c" * 100).fields())) == 1
    with pytest.raises(WireError, match="groups nested too deep at byte 100"):
        list(Message.root(b"\x0b" * 1_000_000).fields())


@pytest.mark.parametrize(
    ("data", "message", "offset"),
    [
        pytest.param("80", "truncated varint at byte 0", 0, id="tag cut off"),
        pytest.param("08", "truncated varint at byte 1", 1, id="varint missing"),
        pytest.param("08 01 08 80", "truncated varint at byte 3", 3, id="varint cut off"),
        pytest.param("0a", "truncated varint at byte 1", 1, id="length missing"),
        pytest.param(
            "0a 00 12 9f 8d 06 41 41",
            "field 2 at byte 2 claims 99999 bytes, only 2 are left",
            2,
            id="length beyond the end",
        ),
        pytest.param(
            "0a" + "ff" * 9 + "01", "only 0 are left", 0, id="length of nearly 2 to the 64"
        ),
        pytest.param("0d 01 02 03", "field 1 at byte 0 claims 4 bytes, only 3", 0, id="fixed32"),
        pytest.param("09 01 02 03", "field 1 at byte 0 claims 8 bytes, only 3", 0, id="fixed64"),
        pytest.param(
            "08" + "ff" * 9 + "02", "varint of more than 64 bits at byte 1", 1, id="65 bits"
        ),
        pytest.param(
            "08" + "80" * 10 + "00", "varint of more than 64 bits at byte 1", 1, id="11 bytes"
        ),
        pytest.param("00 01", "impossible field number 0 at byte 0", 0, id="number 0"),
        pytest.param(
            "80 80 80 80 10 01", "impossible field number 536870912 at byte 0", 0, id="number 2^29"
        ),
        pytest.param("08 01 0e", "unknown wire type 6 at byte 2", 2, id="wire type 6"),
        pytest.param("0f", "unknown wire type 7 at byte 0", 0, id="wire type 7"),
        pytest.param("08 01 0c", "unmatched end of group at byte 2", 2, id="group not open"),
        pytest.param("0b 13 0c 14", "unmatched end of group at byte 2", 2, id="groups crossed"),
        pytest.param("0b 08 01", "group without an end at byte 0", 0, id="group not closed"),
    ],
)
def test_malformed_bytes_are_refused_with_their_place(data: str, message: str, offset: int) -> None:
    with pytest.raises(WireError, match=message) as caught:
        list(Message.root(bytes.fromhex(data)).fields())
    assert caught.value.offset == offset
    assert isinstance(caught.value, ModelUnreadable)


@pytest.mark.parametrize(
    ("data", "number", "value"),
    [
        pytest.param("08" + "ff" * 9 + "01", 1, 2**64 - 1, id="64 bits"),
        pytest.param("08" + "81" + "80" * 8 + "00", 1, 1, id="longer than needed"),
        pytest.param("88 80 00 01", 1, 1, id="tag longer than needed"),
        pytest.param("f8 ff ff ff 0f 01", 2**29 - 1, 1, id="largest number"),
    ],
)
def test_unusual_but_valid_varints_are_read(data: str, number: int, value: int) -> None:
    message = Message.root(bytes.fromhex(data))
    (field,) = message.fields()
    assert (field.number, message.varint(field)) == (number, value)


def test_a_submessage_cannot_reach_beyond_its_own_end() -> None:
    message = Message.root(bytes.fromhex("12 03 0a 02 41  0a 01 42"))  # field 1 of field 2
    (field,) = message.fields(2)
    with pytest.raises(WireError, match="field 1 at byte 2 claims 2 bytes, only 1 are left"):
        list(message.message(field).fields())


@given(nodes)
def test_a_message_cut_off_within_a_field_is_refused(node: Any) -> None:
    data = encoded(node)[:2000]
    boundaries = {0}
    with contextlib.suppress(WireError):  # from the end of long data
        for field in Message.root(data).fields():
            boundaries.add(field.end)
    for cut in range(len(data)):
        message = Message(data, 0, cut)
        if cut in boundaries:
            assert all(field.end <= cut for field in message.fields())
        else:
            with pytest.raises(WireError):
                list(message.fields())


@given(nodes, st.data())
def test_damaged_bytes_are_refused_or_read_to_the_end(node: Any, data: st.DataObject) -> None:
    damaged = bytearray(encoded(node)) or bytearray(1)
    for bit in data.draw(st.sets(st.integers(0, len(damaged) * 8 - 1), max_size=3)):
        damaged[bit // 8] ^= 1 << bit % 8
    check_refused_or_read(bytes(damaged))


@given(st.binary(max_size=40))
def test_random_bytes_are_refused_or_read_to_the_end(data: bytes) -> None:
    check_refused_or_read(data)


def check_refused_or_read(data: bytes) -> None:
    message = Message.root(data)
    with contextlib.suppress(WireError):
        fields = list(message.fields())
        assert [0, *(field.end for field in fields)] == [*(f.start for f in fields), len(data)]
    with contextlib.suppress(WireError):
        for field in walk(message):
            assert field.start < field.value_start <= field.value_end <= field.end <= len(data)


class TestOnlyAndLast:
    message = Message.root(bytes.fromhex("08 01 08 02 10 03"))  # 1: 1, 1: 2, 2: 3

    def test_absent(self) -> None:
        assert self.message.only(3) is None
        assert self.message.last(3) is None

    def test_once(self) -> None:
        field = Field(2, WireType.VARINT, 4, value_start=5, value_end=6, end=6)
        assert self.message.only(2) == field
        assert self.message.last(2) == field

    def test_twice(self) -> None:
        with pytest.raises(WireError, match="field 1 at byte 2 was there before, at byte 0"):
            self.message.only(1)
        last = self.message.last(1)
        assert last is not None
        assert self.message.varint(last) == 2


def test_text_that_is_not_utf8_is_refused_where_it_goes_wrong() -> None:
    message = Message.root(b"\x0a\x03ab\xff")
    (field,) = message.fields()
    assert message.value(field) == b"ab\xff"
    with pytest.raises(WireError, match="not UTF-8 at byte 4") as caught:
        message.text(field)
    assert caught.value.offset == 4


@pytest.mark.parametrize("method", ["value", "text", "message", "entry_value"])
def test_a_field_of_another_wire_type_is_refused(method: str) -> None:
    message = Message.root(b"\x08\x01")
    (field,) = message.fields()
    with pytest.raises(WireError, match="field 1 at byte 0 has wire type VARINT, not LEN"):
        getattr(message, method)(field)


def test_a_number_is_read_from_a_varint_only() -> None:
    message = Message.root(b"\x0a\x01a")
    (field,) = message.fields()
    with pytest.raises(WireError, match="wire type LEN, not VARINT"):
        message.varint(field)


class TestMaps:
    def test_an_entry_without_a_key_has_the_empty_key(self) -> None:
        message = Message.root(b"\x1a\x02\x12\x00")  # by_name: an entry with only a value
        assert [key for key, _ in message.entries(Number.BY_NAME)] == [b""]

    def test_the_last_key_of_an_entry_counts(self) -> None:
        message = Message.root(b"\x1a\x06\x0a\x01a\x0a\x01b")
        assert [key for key, _ in message.entries(Number.BY_NAME)] == [b"b"]

    def test_an_entry_may_have_no_value(self) -> None:
        message = Message.root(b"\x1a\x03\x0a\x01a")
        ((_, field),) = message.entries(Number.BY_NAME)
        assert message.entry_value(field) is None
        assert message.find(Key(Number.BY_NAME, "a")) is None

    def test_a_key_that_is_there_twice_is_refused(self) -> None:
        message = Message.root(b"\x1a\x03\x0a\x01a" * 2)
        with pytest.raises(WireError, match="field 3 at byte 5 was there before, at byte 0"):
            message.find(Key(Number.BY_NAME, "a"))

    def test_the_value_knows_both_fields_that_enclose_it(self) -> None:
        message = Message.root(encoded(make_node(by_name={"a": {"name": "x"}})))
        ((_, entry),) = message.entries(Number.BY_NAME)
        value = message.entry_value(entry)
        assert value is not None
        assert [field.number for field in value.enclosing] == [Number.BY_NAME, 2]
        assert value.enclosing[0] == entry


class TestFind:
    node = make_node(
        only={"child": [{"name": "a"}, {"by_name": {"é": {"name": "b", "half": 1}}}]},
        child=[{"name": "c"}],
    )
    root = Message.root(encoded(node))

    def test_no_step_is_the_message_itself(self) -> None:
        assert self.root.find() is self.root

    @pytest.mark.parametrize("key", ["é", "é".encode()])
    def test_steps_of_every_kind(self, key: str | bytes) -> None:
        found = self.root.find(Number.ONLY, Index(Number.CHILD, 1), Key(Number.BY_NAME, key))
        assert found is not None
        assert found.content() == encoded(make_node(name="b", half=1))
        assert [f.number for f in found.enclosing] == [Number.ONLY, Number.CHILD, Number.BY_NAME, 2]

    @pytest.mark.parametrize(
        "path",
        [
            (Number.ONLY, Number.ONLY),
            (Number.ONLY, Number.ONLY, Number.ONLY),
            (Index(Number.CHILD, 1),),
            (Number.ONLY, Index(Number.CHILD, 1), Key(Number.BY_NAME, "e")),
            (Key(Number.BY_NAME, ""),),
        ],
    )
    def test_absent(self, path: tuple[int | Index | Key, ...]) -> None:
        assert self.root.find(*path) is None

    def test_a_message_in_two_parts_is_refused(self) -> None:
        root = Message.root(
            encoded(make_node(only={"name": "a"})) + encoded(make_node(only={"half": 1}))
        )
        with pytest.raises(WireError, match="it should appear once"):
            root.find(Number.ONLY)

    @given(st.dictionaries(names, names, max_size=4), names)
    def test_finds_in_a_map_what_protobuf_finds(self, by_name: dict[str, str], key: str) -> None:
        node = make_node(by_name={key: {"name": name} for key, name in by_name.items()})
        found = Message.root(encoded(node)).find(Key(Number.BY_NAME, key))
        expected = encoded(node.by_name[key]) if key in by_name else None
        assert (found and found.content()) == expected


def test_a_message_prints_without_its_bytes() -> None:
    assert repr(Message.root(b"\x08\x01")) == "Message(start=0, end=2, enclosing=())"


def test_the_message_that_another_one_lies_in() -> None:
    inner = length_delimited(1, b"ab")
    message = Message.root(length_delimited(2, length_delimited(3, inner)))
    outer = message.find(2)
    found = message.find(2, 3)
    assert outer is not None
    assert found is not None
    assert found.content() == inner
    assert found.parent == outer
    assert outer.parent == message
