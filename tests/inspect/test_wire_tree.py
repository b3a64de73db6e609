from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.inspect.schema import descriptor
from sigpb.inspect.styled_text import plain
from sigpb.inspect.wire_tree import Record, open_bytes, record_json, record_line, wire_records
from sigpb.wire import WireType, encode_varint, length_delimited, tag
from tests.conftest import REPOSITORY

from .wire_cover import assert_covers

FixtureModel = Callable[..., Path]

FIXTURES = sorted(path.parent.name for path in REPOSITORY.glob("proto_fixtures/*/*.pbtxt"))


def tree(data: bytes, schema: str | None = None, **options: Any) -> list[Record]:
    found = list(wire_records(data, descriptor(schema) if schema else None, **options))
    if not options:
        assert_covers(found, len(data))
    return found


def text(data: bytes, schema: str | None = None, **options: Any) -> list[str]:
    return [plain(record_line(record, 2)) for record in tree(data, schema, **options)]


NODE = protos.NodeDef(
    name="dense", op="MatMul", input=["x"], attr={"T": protos.AttrValue(type=1)}
).SerializeToString()


def test_fields_have_names_where_their_message_is_known() -> None:
    assert text(NODE, "NodeDef") == [
        " 0  1 name  len 5  'dense'",
        " 7  2 op  len 6  'MatMul'",
        "15  3 input  len 1  'x'",
        "18  5 attr  len 7  AttrEntry",
        "20    1 key  len 1  'T'",
        "23    2 value  len 2  AttrValue",
        "25      6 type  varint 1  DT_FLOAT",
    ]


def test_fields_are_guessed_where_it_is_not() -> None:
    assert text(NODE) == [
        " 0  1  len 5  'dense'",
        " 7  2  len 6  'MatMul'",
        "15  3  len 1  'x'",
        "18  5  len 7  message?",
        "20    1  len 1  'T'",
        "23    2  len 2  message?",
        "25      6  varint 1  1",
    ]


@pytest.mark.parametrize(
    ("encoded", "shown"),
    [
        (b"\x08\x00", "1  varint 1  0"),
        (b"\x08\x96\x01", "1  varint 2  150 or sint64 75"),
        (
            b"\x08" + encode_varint(2**64 - 1),
            "1  varint 10  18446744073709551615 or int64 -1 or sint64 -9223372036854775808",
        ),
        (b"\x0d\x00\x00\x80\x3f", "1  fixed32 4  1065353216 or float 1.0"),
        (
            b"\x0d\x00\x00\xc0\xff",
            "1  fixed32 4  4290772992 or float NaN or sfixed32 -4194304",
        ),
        (b"\x09" + bytes(6) + b"\xf0\x3f", "1  fixed64 8  4607182418800017408 or double 1.0"),
        (b"\x0a\x00", "1  len 0  ''"),
        (b"\x0a\x02\xff\xfe", "1  len 2  bytes fffe"),
        (b"\x0a\x03a\nb", r"1  len 3  'a\nb'"),
        (length_delimited(1, b"x" * 100), f"1  len 100  '{'x' * 80}'…"),
        (length_delimited(1, "é".encode() * 100), f"1  len 200  '{'é' * 80}'…"),
        (length_delimited(1, b"\xff" * 100), f"1  len 100  bytes {'ff' * 24}…"),
        (b"\x0b\x08\x01\x0c", "1  group 2  group"),
    ],
)
def test_guesses(encoded: bytes, shown: str) -> None:
    assert text(encoded)[0] == f" 0  {shown}"


@pytest.mark.parametrize(
    ("schema", "message", "shown"),
    [
        ("AttrValue", {"i": -1}, "3 i  varint 10  -1"),
        ("AttrValue", {"b": True}, "5 b  varint 1  true"),
        ("AttrValue", {"f": 0.5}, "4 f  fixed32 4  0.5"),
        ("AttrValue", {"type": 9}, "6 type  varint 1  DT_INT64"),
        ("AttrValue", {"type": 77}, "6 type  varint 1  77"),
        ("AttrValue", {"s": b"text"}, "2 s  len 4  bytes 74657874"),
        ("TensorProto", {"float_val": [1, 2]}, "5 float_val  len 8  [1.0, 2.0]"),
        (
            "TensorProto",
            {"int_val": range(-1, 8)},
            "7 int_val  len 18  [-1, 0, 1, 2, 3, 4, 5, 6, …]",
        ),
        ("TensorProto", {"double_val": [float("inf")]}, "6 double_val  len 8  [Infinity]"),
        ("TensorProto", {"bool_val": [True]}, "11 bool_val  len 1  [true]"),
    ],
)
def test_known_values(schema: str, message: dict[str, Any], shown: str) -> None:
    data = getattr(protos, schema)(**message).SerializeToString()
    assert text(data, schema) == [f" 0  {shown}"]


def test_unknown_fields_are_shown_as_such() -> None:
    data = length_delimited(99, b"new") + b"\x08\x05"
    assert text(data, "NodeDef") == [
        " 0  99  len 3  'new'  (unknown: NodeDef has no field 99)",
        " 6  1  varint 1  5 or sint64 -3  "
        "(unknown: field 1 of NodeDef is name, of another wire type)",
    ]


class TestDamage:
    @pytest.mark.parametrize(
        ("data", "shown"),
        [
            (
                b"\x0a\x09name",
                " 0  ! damaged: 6 bytes to 6: in name of NodeDef: field 1 at byte 0 claims 9 "
                "bytes, only 4 are left",
            ),
            (
                b"\x0a\x02\xff\x61",
                r" 0  1 name  len 2  '\\xffa'  ! damaged: in name of NodeDef: text that is not "
                "UTF-8 at byte 2",
            ),
            (
                b"\x0f",
                " 0  ! damaged: 1 byte to 1: in NodeDef: unknown wire type 7 at byte 0",
            ),
        ],
    )
    def test_says_where_it_is(self, data: bytes, shown: str) -> None:
        assert text(data, "NodeDef") == [shown]

    @pytest.mark.parametrize(
        ("field", "value", "read", "said"),
        [
            (5, bytes(6), (0.0,), "2 bytes behind the last of the packed numbers"),
            (7, b"\x01\x80", (1,), "truncated varint before byte 4"),
            (7, b"\xff" * 10 + b"\x01", (-1,), "varint of more than 64 bits at byte 2"),
            (7, b"\x01" + b"\xff" * 11 + b"\x01", (1,), "varint of more than 64 bits at byte 3"),
        ],
    )
    def test_packed_numbers(
        self, field: int, value: bytes, read: tuple[float, ...], said: str
    ) -> None:
        (record,) = tree(length_delimited(field, value), "TensorProto")
        assert record.value is not None
        assert record.value.value == read
        assert record.problem.endswith(said)

    def test_a_message_that_is_cut_off_is_entered(self) -> None:
        data = length_delimited(1, NODE)[:10]
        assert text(data, "GraphDef") == [
            " 0  1 node  len 8  NodeDef  ! damaged: in node of GraphDef: field 1 at byte 0 claims "
            "27 bytes, only 8 are left",
            " 2    1 name  len 5  'dense'",
            " 9    ! damaged: 1 byte to 10: in NodeDef: truncated varint at byte 10",
        ]

    def test_the_nodes_behind_a_node_of_wrong_length_are_found(self) -> None:
        node = length_delimited(1, NODE)
        wrong = bytes([node[0], 0x7F]) + node[2:]
        found = tree(wrong + node + node, "GraphDef")
        outermost = [
            (record.start, record.end, record.name) for record in found if not record.depth
        ]
        size = len(node)
        assert outermost == [(n * size, (n + 1) * size, "node") for n in range(3)]


def test_depth_says_what_is_not_entered() -> None:
    assert text(NODE, "NodeDef", depth=1)[-1] == "18  5 attr  len 7  AttrEntry  (not entered)"
    assert [record.kind for record in tree(NODE, "NodeDef", depth=2)][-2:] == [
        "value",
        "not entered",
    ]


def test_offset_shows_what_a_byte_lies_in() -> None:
    assert [line[:2] for line in text(NODE, "NodeDef", offset=26)] == ["18", "23", "25"]
    assert [line[:2] for line in text(NODE, "NodeDef", offset=0)] == [" 0"]


def test_records_are_json() -> None:
    data = b"\x0a\x02\xff\x61" + length_delimited(5, b"\x0a\x01T") + b"\x98\x06\x03\x0f"
    assert [json.loads(json.dumps(record_json(record))) for record in tree(data, "NodeDef")] == [
        {
            "kind": "value",
            "depth": 0,
            "offset": 0,
            "end": 4,
            "number": 1,
            "wire_type": "LEN",
            "value_offset": 2,
            "length": 2,
            "name": "name",
            "type": "string",
            "guessed": False,
            "value": "\\xffa",
            "problem": "in name of NodeDef: text that is not UTF-8 at byte 2",
        },
        {
            "kind": "message",
            "depth": 0,
            "offset": 4,
            "end": 9,
            "number": 5,
            "wire_type": "LEN",
            "value_offset": 6,
            "length": 3,
            "name": "attr",
            "type": "AttrEntry",
            "guessed": False,
        },
        {
            "kind": "value",
            "depth": 1,
            "offset": 6,
            "end": 9,
            "number": 1,
            "wire_type": "LEN",
            "value_offset": 8,
            "length": 1,
            "name": "key",
            "type": "string",
            "guessed": False,
            "value": "T",
        },
        {
            "kind": "value",
            "depth": 0,
            "offset": 9,
            "end": 12,
            "number": 99,
            "wire_type": "VARINT",
            "value_offset": 11,
            "length": 1,
            "type": "uint64",
            "guessed": True,
            "value": 3,
            "or": {"sint64": -2},
            "note": "unknown: NodeDef has no field 99",
        },
        {
            "kind": "damaged",
            "depth": 0,
            "offset": 12,
            "end": 13,
            "problem": "in NodeDef: unknown wire type 7 at byte 12",
        },
    ]


@pytest.mark.parametrize("name", FIXTURES)
def test_every_byte_of_a_model_is_accounted_for(fixture_model: FixtureModel, name: str) -> None:
    file = fixture_model(name) / "saved_model.pb"
    data = file.read_bytes()
    found = tree(data, "SavedModel")
    assert not any(record.problem or record.note for record in found)
    assert {record.name for record in found} >= {"meta_graphs", "graph_def", "signature_def"}
    tree(data)

    for cut in random.Random(name).sample(range(len(data)), 5):
        assert any(record.problem for record in tree(data[:cut], "SavedModel"))


def test_every_byte_of_the_corpus_is_accounted_for(corpus: Path) -> None:
    files = sorted(corpus.glob("**/saved_model.pb*"))
    assert len(files) > 50
    for file in files:
        with open_bytes(file) as source:
            assert source.schema == "SavedModel"
            found = list(wire_records(source.buffer, descriptor("SavedModel")))
            assert_covers(found, len(source.buffer))
            assert not any(record.problem for record in found), file


@given(st.binary(max_size=400), st.sampled_from([None, "SavedModel", "GraphDef", "NodeDef"]))
def test_every_byte_of_anything_is_accounted_for(data: bytes, schema: str | None) -> None:
    for record in tree(data, schema):
        assert json.loads(json.dumps(record_json(record), allow_nan=False))
        assert "\n" not in plain(record_line(record, 3))


BOMBS: dict[str, Callable[[int], bytes]] = {
    # StructuredValue holds StructuredValues in lists.
    "messages": lambda depth: _nested(depth, WireType.LEN),
    "groups": lambda depth: (
        tag(1, WireType.GROUP_START) * depth + tag(1, WireType.GROUP_END) * depth
    ),
    "open groups": lambda depth: tag(1, WireType.GROUP_START) * depth,
    "messages that claim too much": lambda depth: b"\xea\x02\x7f\x0a\x7f" * depth,
}


def _nested(depth: int, wire_type: WireType) -> bytes:
    heads = []
    size = 0
    for level in range(depth):
        head = tag(51 if level % 2 else 1, wire_type) + encode_varint(size)
        size += len(head)
        heads.append(head)
    return b"".join(reversed(heads))


@pytest.mark.parametrize("bomb", sorted(BOMBS))
@pytest.mark.parametrize("schema", [None, descriptor("StructuredValue")], ids=["none", "known"])
def test_nesting_is_bounded(bomb: str, schema: Descriptor | None) -> None:
    data = BOMBS[bomb](100_000)
    found = list(wire_records(data, schema))
    assert_covers(found, len(data))
    assert max(record.depth for record in found) < 100
