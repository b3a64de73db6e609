from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.dump.proto_place import require_intact
from sigpb.inspect.schema import descriptor, fields_by_name
from sigpb.wire import Message, WireError, length_delimited

NODE = descriptor("NodeDef")
GRAPH = descriptor("GraphDef")

# With it, a message is too large to be parsed whole.
LARGE = length_delimited(1, protos.NodeDef(name="n" * 2_000_000).SerializeToString())


@pytest.mark.parametrize("before", [b"", LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("damage", "at"),
    [
        pytest.param(length_delimited(1, b"\x0a\x05abc"), 2, id="too short"),
        pytest.param(length_delimited(1, length_delimited(1, b"a\xff")), 5, id="not UTF-8"),
        pytest.param(length_delimited(1, b"\x07"), 2, id="no wire type"),
        pytest.param(b"\x0a", 0, id="cut off"),
    ],
)
def test_damage_is_located(before: bytes, damage: bytes, at: int) -> None:
    content = before + damage
    with pytest.raises((DecodeError, UnicodeDecodeError)):
        protos.GraphDef.FromString(content)
    with pytest.raises(WireError) as refused:
        require_intact(Message.root(content), GRAPH)
    assert refused.value.offset in (len(before) + at, len(before) + at + 1)


def test_text_of_any_size_is_looked_at() -> None:
    content = length_delimited(1, b"n" * 2_000_000 + b"\xff")
    with pytest.raises(WireError, match="not UTF-8 at byte 2000004"):
        require_intact(Message.root(content), NODE)


def test_one_field_may_be_intact_where_another_is_not() -> None:
    content = length_delimited(1, b"n") + length_delimited(2, b"\xff")
    fields = fields_by_name(NODE)
    require_intact(Message.root(content), NODE, fields["name"])
    with pytest.raises(WireError):
        require_intact(Message.root(content), NODE, fields["op"])


def test_what_is_intact_passes() -> None:
    require_intact(Message.root(LARGE), GRAPH)
    require_intact(Message.root(length_delimited(1, b"")), GRAPH)


@pytest.mark.parametrize("size", [0, 2_000_000])
def test_messages_nested_too_deep_are_refused(size: int) -> None:
    content = length_delimited(protos.FullTypeDef.S_FIELD_NUMBER, b"x" * size)
    for _ in range(1000):
        content = length_delimited(protos.FullTypeDef.ARGS_FIELD_NUMBER, content)
    with pytest.raises(ModelUnreadable, match="nested"):
        require_intact(Message.root(content), descriptor("FullTypeDef"))
