from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.wire import (
    Edits,
    Field,
    Index,
    Message,
    SourceRange,
    assemble,
    composed,
    length_delimited,
    map_entry,
    sha256,
    size,
)

from .nodes import Node, Number, encoded, make_node, nodes, payloads

NAME_B = encoded(make_node(name="b"))


def only(message: Message | None, number: int) -> tuple[Message, Field]:
    assert message is not None
    field = message.only(number)
    assert field is not None
    return message, field


def edited(edits: Edits, data: bytes) -> bytes:
    pieces = edits.pieces()
    result = assemble(pieces, data)
    assert size(pieces) == len(result)
    assert sha256(pieces, data) == hashlib.sha256(result).hexdigest()
    return result


def boundary_after(message: Message, number: int) -> int:
    """Where protobuf would write a further field of a number."""
    return max([f.end for f in message.fields() if f.number <= number], default=message.start)


class RandomEdits:
    """Draws edits of a Node, and makes them both with protobuf and on the wire."""

    def __init__(self, data: st.DataObject, buffer: bytes) -> None:
        self.draw = data.draw
        self.edits = Edits(buffer)

    def edit(self, node: Any, message: Message) -> None:
        # Insertions at one place keep their order, so children have to come before the payload;
        # other than that the order is not that of the bytes.
        if node.HasField("only"):
            self.edit(node.only, message.message(only(message, Number.ONLY)[1]))
        self._edit_map(node, message)
        self._edit_children(node, message)
        self._edit_payload(node, message)

    def _edit_payload(self, node: Any, message: Message) -> None:
        field = message.only(Number.PAYLOAD)
        action = self.draw(st.sampled_from(["keep", "set", "clear"]))
        if action == "set":
            node.payload = self.draw(payloads)
            encoded_payload = length_delimited(Number.PAYLOAD, node.payload)
            if field:
                self.edits.replace(message, field, encoded_payload)
            else:
                self.edits.insert(message, message.end, encoded_payload)
        elif action == "clear" and field:
            node.ClearField("payload")
            self.edits.delete(message, field)

    def _edit_children(self, node: Any, message: Message) -> None:
        children = []
        for child, field in zip(node.child, list(message.fields(Number.CHILD)), strict=True):
            action = self.draw(st.sampled_from(["descend", "replace", "delete"]))
            if action == "descend":
                self.edit(child, message.message(field))
                children.append(child)
            elif action == "replace":
                children.append(self.draw(nodes))
                replacement = length_delimited(Number.CHILD, encoded(children[-1]))
                self.edits.replace(message, field, replacement)
            else:
                self.edits.delete(message, field)
        for child in self.draw(st.lists(nodes, max_size=2)):
            children.append(child)
            at = boundary_after(message, Number.CHILD)
            self.edits.insert(message, at, length_delimited(Number.CHILD, encoded(child)))
        children = [Node.FromString(encoded(child)) for child in children]
        del node.child[:]
        node.child.extend(children)

    def _edit_map(self, node: Any, message: Message) -> None:
        for key, field in list(message.entries(Number.BY_NAME)):
            action = self.draw(st.sampled_from(["descend", "replace", "delete"]))
            if action == "descend":
                value = message.entry_value(field)
                assert value is not None
                self.edit(node.by_name[key.decode()], value)
            elif action == "replace":
                new = self.draw(nodes)
                node.by_name[key.decode()].CopyFrom(new)
                entry = map_entry(Number.BY_NAME, key, encoded(new))
                self.edits.replace(message, field, entry)
            else:
                del node.by_name[key.decode()]
                self.edits.delete(message, field)


@given(nodes, st.data())
def test_edits_do_what_parsing_editing_and_serialising_does(node: Any, data: st.DataObject) -> None:
    before = encoded(node)
    random = RandomEdits(data, before)
    random.edit(node, Message.root(before))
    assert edited(random.edits, before) == encoded(node)


@given(nodes)
def test_no_edit_is_one_source_range(node: Any) -> None:
    data = encoded(node)
    edits = Edits(data)
    assert not edits
    assert edits.pieces() == ((SourceRange(0, len(data)),) if data else ())


@given(nodes, nodes)
def test_fields_are_inserted_into_an_empty_message(outer: Any, inner: Any) -> None:
    outer.only.Clear()
    outer.only.only.SetInParent()
    before = encoded(outer)
    message = Message.root(before).find(Number.ONLY, Number.ONLY)
    assert message is not None
    edits = Edits(before)
    edits.insert(message, message.start, encoded(inner))
    outer.only.only.CopyFrom(inner)
    assert edited(edits, before) == encoded(outer)


class TestPieces:
    data = encoded(make_node(name="a", child=[{"name": "a"}, {"name": "a"}], payload=b"z"))
    root = Message.root(data)

    def test_only_what_is_edited_is_new(self) -> None:
        edits = Edits(self.data)
        edits.replace(*only(self.root.find(Index(Number.CHILD, 0)), Number.NAME), b"\x0a\x02bb")
        # name: "a" | child tag and length | new name | the rest
        assert edits
        assert edits.pieces() == (
            SourceRange(0, 3),
            b"\x12\x04",
            b"\x0a\x02bb",
            SourceRange(8, len(self.data)),
        )

    def test_a_length_that_stays_the_same_keeps_its_bytes(self) -> None:
        edits = Edits(self.data)
        edits.replace(*only(self.root.find(Index(Number.CHILD, 0)), Number.NAME), NAME_B)
        assert edits.pieces() == (SourceRange(0, 5), NAME_B, SourceRange(8, len(self.data)))

    def test_source_ranges_around_an_insertion_of_nothing_are_one(self) -> None:
        edits = Edits(self.data)
        edits.insert(self.root, 3, b"")
        assert not edits
        assert edits.pieces() == (SourceRange(0, len(self.data)),)

    def test_a_deletion_leaves_no_piece(self) -> None:
        edits = Edits(self.data)
        edits.delete(*only(self.root, Number.NAME))
        assert edits.pieces() == (SourceRange(3, len(self.data)),)


OVERLONG = bytes.fromhex("12 83 80 00  0a 01 61")  # child { name: "a" }, its length in 3 bytes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("b", "12 83 80 00  0a 01 62", id="kept when unchanged"),
        pytest.param("bc", "12 04  0a 02 62 63", id="shortest when changed"),
    ],
)
def test_a_length_in_more_bytes_than_needed(name: str, expected: str) -> None:
    edits = Edits(OVERLONG)
    child = Message.root(OVERLONG).find(Index(Number.CHILD, 0))
    edits.replace(*only(child, Number.NAME), encoded(make_node(name=name)))
    assert edited(edits, OVERLONG) == bytes.fromhex(expected)


def test_edits_that_cancel_out_keep_the_lengths_around_them() -> None:
    data = encoded(make_node(child=[{"name": "a", "only": {"name": "b"}}]))
    child = Message.root(data).find(Index(Number.CHILD, 0))
    edits = Edits(data)
    edits.replace(*only(child, Number.NAME), b"\x0a\x02aa")
    edits.replace(*only(child and child.find(Number.ONLY), Number.NAME), b"\x0a\x00")
    expected = encoded(make_node(child=[{"name": "aa", "only": {"name": ""}}]))
    assert edited(edits, data) == expected
    assert edits.pieces()[0] == SourceRange(0, 2)


def test_a_longer_length_adds_to_the_lengths_around_it() -> None:
    # 125 + 3 bytes need a second byte of length, which takes the message around it from 127
    # bytes to 131, and so on outwards.
    node = make_node(only={"only": {"only": {"payload": bytes(120)}}})
    data = encoded(node)
    edits = Edits(data)
    innermost = Message.root(data).find(Number.ONLY, Number.ONLY, Number.ONLY)
    assert innermost is not None
    edits.insert(innermost, innermost.start, encoded(make_node(name="abc")))
    node.only.only.only.name = "abc"
    assert edited(edits, data) == encoded(node)


def test_a_renamed_map_key_is_an_edit_of_its_entry() -> None:
    data = encoded(make_node(by_name={"a": {"half": 1}}))
    root = Message.root(data)
    ((_, entry_field),) = root.entries(Number.BY_NAME)
    edits = Edits(data)
    edits.replace(*only(root.message(entry_field), 1), length_delimited(1, b"image"))
    assert edited(edits, data) == encoded(make_node(by_name={"image": {"half": 1}}))


class TestOneOffset:
    """All these happen at the offset at which two messages, one in the other, end."""

    data = encoded(make_node(child=[{"only": {}}], name="x"))
    root = Message.root(data)
    child = root.find(Index(Number.CHILD, 0))
    innermost = root.find(Index(Number.CHILD, 0), Number.ONLY)

    def test_insertions_keep_their_order(self) -> None:
        edits = Edits(self.data)
        for identifier in range(300):
            edits.insert(self.root, self.root.end, encoded(make_node(ids=[identifier])))
        expected = Node.FromString(self.data)
        expected.ids.extend(range(300))
        assert edited(edits, self.data) == encoded(expected)

    @pytest.mark.parametrize("inner_first", [True, False])
    def test_insertions_at_several_depths_land_in_their_messages(self, inner_first: bool) -> None:
        assert self.child
        assert self.innermost
        at = self.innermost.end
        assert at == self.child.end
        insertions = [
            (self.innermost, encoded(make_node(half=1))),
            (self.child, encoded(make_node(half=2, payload=b"p"))),
            (self.root, encoded(make_node(half=3))),
        ]
        edits = Edits(self.data)
        for message, new in insertions if inner_first else reversed(insertions):
            edits.insert(message, at, new)
        child = {"only": {"half": 1}, "half": 2, "payload": b"p"}
        assert Node.FromString(edited(edits, self.data)) == make_node(
            name="x", child=[child], half=3
        )

    def test_insertions_surround_a_replaced_field(self) -> None:
        _, name = only(self.root, Number.NAME)
        edits = Edits(self.data)
        edits.insert(self.root, name.end, b"\x20\x03")
        edits.replace(self.root, name, b"\x20\x02")
        edits.insert(self.root, name.start, b"\x20\x01")
        assert Node.FromString(edited(edits, self.data)).ids == [1, 2, 3]


class TestMisuse:
    data = encoded(make_node(child=[{"name": "a"}], payload=b"z"))
    root = Message.root(data)
    child = root.find(Index(Number.CHILD, 0))

    def test_a_field_is_edited_once(self) -> None:
        edits = Edits(self.data)
        edits.delete(*only(self.root, Number.CHILD))
        with pytest.raises(ValueError, match="edited twice"):
            edits.replace(*only(self.root, Number.CHILD), NAME_B)

    @pytest.mark.parametrize("outer_first", [True, False])
    def test_no_edit_within_a_deleted_field(self, outer_first: bool) -> None:
        assert self.child
        edits = Edits(self.data)
        if outer_first:
            edits.delete(*only(self.root, Number.CHILD))
        edits.insert(self.child, self.child.end, NAME_B)
        if not outer_first:
            edits.delete(*only(self.root, Number.CHILD))
        with pytest.raises(ValueError, match="inside the field at byte 0"):
            edits.pieces()

    def test_no_insertion_within_a_deleted_field(self) -> None:
        edits = Edits(self.data)
        edits.delete(*only(self.root, Number.CHILD))
        edits.insert(self.root, 1, NAME_B)
        with pytest.raises(ValueError, match="overlap at byte 1"):
            edits.pieces()

    def test_no_edit_outside_the_message(self) -> None:
        assert self.child
        edits = Edits(self.data)
        with pytest.raises(ValueError, match="not in Message"):
            edits.insert(self.child, len(self.data), NAME_B)
        with pytest.raises(ValueError, match="not in Message"):
            edits.delete(self.child, only(self.root, Number.PAYLOAD)[1])

    def test_no_edit_of_another_buffer(self) -> None:
        with pytest.raises(ValueError, match="another buffer"):
            Edits(self.data).insert(Message.root(b""), 0, NAME_B)


@given(st.binary(max_size=30), st.data())
def test_edits_of_edited_bytes_are_edits_of_the_bytes(source: bytes, data: st.DataObject) -> None:
    inner = data.draw(pieces_of(len(source)))
    between = assemble(inner, source)
    outer = data.draw(pieces_of(len(between)))
    made = composed(outer, inner)
    assert assemble(made, source) == assemble(outer, between)
    assert all(size([piece]) for piece in made)


def pieces_of(length: int) -> st.SearchStrategy[tuple[SourceRange | bytes, ...]]:
    """Draws pieces of bytes, and of a buffer of some length."""
    offsets = st.integers(0, length)
    ranges = st.tuples(offsets, offsets).map(lambda each: SourceRange(min(each), max(each)))
    pieces = st.lists(st.binary(max_size=5) | ranges, max_size=6)
    return pieces.map(lambda found: tuple(piece for piece in found if size([piece])))


def test_growth() -> None:
    data = length_delimited(4, NAME_B * 50)
    message = Message.root(data).find(4)
    assert message is not None
    edits = Edits(data)
    assert edits.growth == 0
    first, second, *_ = message.fields()
    edits.delete(message, first)
    edits.insert(message, second.end, NAME_B * 3)
    # The tag and the length of the field that is around it do not count.
    assert edits.growth == 2 * len(NAME_B)
