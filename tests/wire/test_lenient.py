from __future__ import annotations

import random
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.wire import Buffer, Field, Message, encode_varint, length_delimited
from sigpb.wire.lenient import Damage, Shape, looks_like_message, looks_like_text, scan

from .nodes import Number, encoded, make_node, nodes


class Names:
    """Messages that hold a name (1) once, other messages (2), and numbers (4)."""

    first_bytes = b"\x0a\x12\x20"

    def fits(self, buffer: Buffer, field: Field) -> bool:
        return buffer[field.start] in self.first_bytes

    def is_single(self, number: int) -> bool:
        return number == Number.NAME

    def inner(self, buffer: Buffer, field: Field) -> Shape | None:
        return Names() if field.number == Number.CHILD else None


def parts(data: bytes, shape: Shape | None = None) -> list[Field | Damage]:
    """What the bytes consist of, having checked that it is all of them."""
    found = list(scan(data, 0, len(data), shape))
    assert covers(found, 0, len(data))
    return found


def covers(found: list[Field | Damage], start: int, end: int) -> bool:
    if not found:
        return start == end
    ends_meet = all(part.end == following.start for part, following in pairwise(found))
    return (
        (found[0].start, found[-1].end) == (start, end)
        and ends_meet
        and all(part.start < part.end for part in found)
    )


def outline(found: list[Field | Damage]) -> list[tuple[str, int, int]]:
    return [
        ("damage" if isinstance(part, Damage) else f"field {part.number}", part.start, part.end)
        for part in found
    ]


@given(nodes)
def test_valid_bytes_are_read_as_the_strict_reader_reads_them(node: Any) -> None:
    data = encoded(node)
    assert parts(data) == list(Message.root(data).fields())
    assert parts(data, Names()) == list(Message.root(data).fields())


@given(st.binary(max_size=300), st.booleans())
def test_every_byte_is_accounted_for(data: bytes, known: bool) -> None:
    found = parts(data, Names() if known else None)
    assert all(part.problem for part in found if isinstance(part, Damage))


@given(nodes, st.data())
def test_every_byte_of_a_damaged_message_is_accounted_for(node: Any, data: st.DataObject) -> None:
    damaged = bytearray(encoded(node))
    for _ in range(data.draw(st.integers(0, 3))):
        if damaged:
            at = data.draw(st.integers(0, len(damaged) - 1))
            damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    found = parts(bytes(damaged[:cut]), data.draw(st.sampled_from([None, Names()])))
    strict: list[Field] = []
    try:
        for field in Message.root(bytes(damaged[:cut])).fields():
            strict.append(field)
    except Exception:
        assert found[: len(strict)] == strict
        assert isinstance(found[len(strict)], Damage)
    else:
        assert found == strict


class TestDamage:
    child = length_delimited(Number.CHILD, length_delimited(Number.NAME, b"child"))

    def test_a_value_that_is_cut_off(self) -> None:
        data = b"\x20\x07" + b"\x0a\x09name"

        (_, damage) = parts(data, Names())

        assert isinstance(damage, Damage)
        assert damage == Damage(
            2,
            8,
            "field 1 at byte 2 claims 9 bytes, only 4 are left",
            Field(1, 2, 2, 4, 8, 8),
            False,
        )

    def test_a_message_that_is_cut_off_can_be_read(self) -> None:
        data = self.child + self.child[:-2]

        (_, damage) = parts(data, Names())

        assert isinstance(damage, Damage)
        assert damage.is_message
        assert damage.field is not None
        inner = list(scan(data, damage.field.value_start, damage.field.value_end, Names()))
        assert outline(inner) == [("damage", 11, 16)]

    def test_a_message_that_claims_too_much_ends_where_its_parent_goes_on(self) -> None:
        # The second name cannot be the child's, which has one.
        child = b"\x12\x7f" + length_delimited(Number.NAME, b"child")
        data = child + length_delimited(Number.NAME, b"parent") + b"\x20\x01"

        found = parts(data, Names())

        assert outline(found) == [("damage", 0, 9), ("field 1", 9, 17), ("field 4", 17, 19)]

    def test_reading_goes_on_behind_what_cannot_be_read(self) -> None:
        data = self.child + b"\xff\xff\xff" + self.child + self.child
        assert outline(parts(data, Names())) == [
            ("field 2", 0, 9),
            ("damage", 9, 12),
            ("field 2", 12, 21),
            ("field 2", 21, 30),
        ]

    def test_without_a_shape_it_goes_on_with_fields_as_before(self) -> None:
        data = self.child + b"\xff\xff\xff" + self.child
        assert outline(parts(data)) == [("field 2", 0, 9), ("damage", 9, 12), ("field 2", 12, 21)]
        assert outline(parts(b"\xff\xff\xff" + self.child)) == [("damage", 0, 12)]

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"\x80" * 20, "varint of more than 64 bits at byte 0"),
            (b"\x20" + b"\x80" * 9 + b"\x02", "varint of more than 64 bits at byte 1"),
            (b"\x20\x80", "truncated varint at byte 1"),
            (b"\x00\x01", "impossible field number 0 at byte 0"),
            (b"\x0b\x20\x01", "group without an end at byte 0"),
            (b"\x0c", "unmatched end of group at byte 0"),
            (b"\x0f", "unknown wire type 7 at byte 0"),
            (b"\x2d\x00", "field 5 at byte 0 claims 4 bytes, only 1 are left"),
            (
                b"\x0a" + encode_varint(2**63) + b"x",
                f"field 1 at byte 0 claims {2**63} bytes, only 1 are left",
            ),
        ],
    )
    def test_says_what_is_wrong(self, data: bytes, said: str) -> None:
        damage = parts(data, Names())[0]
        assert isinstance(damage, Damage)
        assert damage.problem == said


@pytest.mark.parametrize(
    "data",
    [
        random.Random(1).randbytes(1 << 18),
        b"\x0b" * (1 << 18),
        (b"\x0b" + b"\x20\x01" * 500) * 250,
        b"\x0a\x01x\xff" * (1 << 16),
        b"\x0a\x7f" * (1 << 17),
        b"\x12\x7f" * (1 << 17),
        b"\x20\x01" * 10 + b"\xff" + b"\x20" * (1 << 18),
    ],
    ids=["random", "groups", "open groups", "damage", "lengths", "messages", "tags"],
)
@pytest.mark.parametrize("shape", [None, Names()], ids=["unknown", "known"])
def test_takes_no_more_than_linear_time(data: bytes, shape: Shape | None) -> None:
    # Anything quadratic would take many minutes.
    before = time.process_time()
    parts(data, shape)
    assert time.process_time() - before < 20


@pytest.mark.parametrize(
    ("value", "is_message", "is_text"),
    [
        (b"", False, True),
        (b"serving_default", False, True),
        ("é ö".encode(), False, True),
        (b"two\nlines", False, True),
        (b"abcdefghi", False, True),  # which is also a field 12 of eight bytes
        (b"\x0a\x05image", True, False),
        (b"\x08\x01", True, False),
        (b"\xff\xff", False, False),
        (b"\x00\x00", False, False),
        (b"\xc3", False, False),
    ],
)
def test_guesses(value: bytes, is_message: bool, is_text: bool) -> None:
    assert looks_like_message(value, 0, len(value)) == is_message
    assert looks_like_text(value, 0, len(value)) == is_text


def test_guesses_of_the_beginning_of_a_long_value() -> None:
    text = ("é" * 10_000).encode()
    assert looks_like_text(b"x" + text, 0, len(text) + 1)
    assert not looks_like_text(text, 0, 4095)


def test_a_cut_message_is_one_if_it_begins_with_fields() -> None:
    data = encoded(make_node(name="a", ids=[1, 2, 3], payload=bytes(50)))[:-1]
    assert not looks_like_message(data, 0, len(data))
    assert looks_like_message(data, 0, len(data), cut=True)
