"""The encoding is compared with a plain one, which sorts every map before it encodes anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.wire import length_delimited
from tests.patches import MAIN, ModelFactory, read

FIXTURES = sorted(
    path.name for path in Path(__file__).parents[2].joinpath("proto_fixtures").glob("tf*_*/")
)
ENCODED_PLAINLY_IN_TIME = 2**18


def plainly(message: Any) -> bytes:
    """Encodes a message without unknown fields."""
    return b"".join(
        part
        for field, value in sorted(message.ListFields(), key=lambda listed: listed[0].number)
        for part in encoded_parts(message, field, value)
    )


def encoded_parts(message: Any, field: Any, value: Any) -> Iterator[bytes]:
    if field.message_type is None:
        alone = type(message)()
        if hasattr(value, "extend"):
            getattr(alone, field.name).extend(value)
        else:
            setattr(alone, field.name, value)
        yield alone.SerializeToString()
    elif field.message_type.GetOptions().map_entry:
        value_field = field.message_type.fields_by_name["value"]
        for key in sorted(value, key=lambda key: key.encode() if isinstance(key, str) else key):
            item = value[key]
            # An entry is encoded as protobuf encodes the only one of a map.
            alone = type(message)()
            if value_field.message_type is None:
                getattr(alone, field.name)[key] = item
                yield alone.SerializeToString()
                continue
            getattr(alone, field.name)[key].SetInParent()
            entry = alone.SerializeToString()
            assert entry.endswith(b"\x12\x00")
            of_key = entry[header_size(entry) : -2]
            yield length_delimited(field.number, of_key + length_delimited(2, plainly(item)))
    elif hasattr(value, "extend"):
        for item in value:
            yield length_delimited(field.number, plainly(item))
    else:
        yield length_delimited(field.number, plainly(value))


def header_size(field: bytes) -> int:
    """The size of a field's tag and length."""
    position = 0
    for _ in range(2):
        while field[position] >= 0x80:
            position += 1
        position += 1
    return position


KEYS = st.text("ab_1é", max_size=5) | st.sampled_from(["T", "Tshape", "x" * 127, "x" * 130])


@st.composite
def nodes(draw: st.DrawFn) -> protos.NodeDef:
    """Nodes with functions in their attributes, that have attributes with functions in turn."""
    node = protos.NodeDef(name=draw(KEYS), op="R" + draw(KEYS), input=draw(st.lists(KEYS)))
    for key in draw(st.lists(KEYS, max_size=5)):
        node.attr[key].s = draw(st.sampled_from([b"", b"R", b"J\n", b"x" * 2000]))
    for key in draw(st.lists(KEYS, max_size=3)):
        called = node.attr[key].func
        if draw(st.booleans()):
            called = node.attr[key].list.func.add()
        called.name = key
        for inner in draw(st.lists(KEYS, max_size=4)):
            called.attr[inner].i = 1
            for innermost in draw(st.lists(KEYS, max_size=2)):
                called.attr[inner].func.attr[innermost].i = 2
    return node


@st.composite
def functions(draw: st.DrawFn) -> protos.FunctionDef:
    """Functions with maps by texts and by numbers, with texts, numbers and messages in them."""
    function = protos.FunctionDef(node_def=draw(st.lists(nodes(), max_size=3)))
    function.signature.name = draw(KEYS)
    for key in draw(st.lists(KEYS, max_size=4)):
        function.ret[key] = key
        function.attr[key].type = 1
    for number in draw(st.lists(st.integers(0, 2**32 - 1), max_size=4)):
        function.resource_arg_unique_id[number] = number
        function.arg_attr[number].attr["a"].b = True
        function.arg_attr[number].attr[draw(KEYS)].b = True
    return function


@given(st.lists(nodes(), max_size=4), st.lists(functions(), max_size=3))
def test_maps_at_any_depth_are_sorted(
    node: list[protos.NodeDef], function: list[protos.FunctionDef]
) -> None:
    graph = protos.GraphDef(node=node, library=protos.FunctionDefLibrary(function=function))
    assert deterministic_bytes(graph) == plainly(graph)


def test_a_message_without_maps_is_as_protobuf_encodes_it() -> None:
    shape = protos.TensorShapeProto(dim=[protos.TensorShapeProto.Dim(size=3, name="x")])
    assert deterministic_bytes(shape) == shape.SerializeToString()


def assert_encoded_alike(message: Message) -> None:
    encoded = deterministic_bytes(message)
    assert encoded == plainly(message)
    # Compared as bytes: protobuf 3.20 would look for the types of Any messages in its own pool.
    assert plainly(type(message).FromString(encoded)) == encoded


@pytest.mark.parametrize("name", FIXTURES)
def test_fixtures(fixture_model: ModelFactory, name: str) -> None:
    assert_encoded_alike(read(fixture_model(name)))


@pytest.mark.parametrize("folder", ["corpus", "versions"])
def test_models_of_others(folder: str, request: pytest.FixtureRequest) -> None:
    files = sorted(request.getfixturevalue(folder).rglob(MAIN))
    small = [file for file in files if file.stat().st_size < ENCODED_PLAINLY_IN_TIME]
    assert small
    for file in small:
        model = protos.SavedModel.FromString(file.read_bytes())
        # Unknown fields are not encoded plainly.
        model.DiscardUnknownFields()
        assert_encoded_alike(model)
