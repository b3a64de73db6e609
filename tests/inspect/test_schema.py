from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from sigpb.inspect.schema import descriptor, fit, message_shape, recognise_damaged
from sigpb.wire import Message, length_delimited

FixtureModel = Callable[..., Path]


@pytest.fixture
def messages(fixture_model: FixtureModel) -> dict[str, Any]:
    file = fixture_model("tf2_linear") / "saved_model.pb"
    model = protos.SavedModel.FromString(file.read_bytes())
    graph = model.meta_graphs[0]
    return {"SavedModel": model, "MetaGraphDef": graph, "GraphDef": graph.graph_def}


def test_a_message_that_is_cut_off_is_recognised(messages: dict[str, Any]) -> None:
    for name, message in messages.items():
        data = message.SerializeToString(deterministic=True)
        for cut in random.Random(name).sample(range(100, len(data)), 60):
            assert recognise_damaged(data[:cut]) == name, cut


def test_a_message_in_which_something_is_wrong_is_recognised(messages: dict[str, Any]) -> None:
    for name, message in messages.items():
        data = bytearray(message.SerializeToString(deterministic=True))
        node = data.index(b"Placeholder")
        data[node : node + 20] = b"\xff" * 20
        assert recognise_damaged(bytes(data)) == name


def test_what_is_in_nodes_counts_as_well() -> None:
    graph = protos.GraphDef()
    for number in range(3):
        inputs = [f"in/put_{i}" for i in range(10)]
        graph.node.add(name=f"n{number}", op="AddN", device="/cpu:0", input=inputs)
    unknown = length_delimited(15, b"?")
    assert recognise_damaged(graph.SerializeToString() + unknown) is not None
    assert recognise_damaged(graph.SerializeToString() + unknown * 2) is None


def test_nothing_else_is_recognised() -> None:
    chance = random.Random(0)
    recognised = [recognise_damaged(chance.randbytes(300)) for _ in range(300)]
    assert recognised.count(None) > 280
    for data in (b"", b"\x00" * 100, b"Hello, world!\n" * 10, b"\x0f"):
        assert recognise_damaged(data) is None


def test_how_much_of_a_message_a_schema_explains() -> None:
    node, schema = protos.NodeDef(name="n", op="NoOp", device="d"), descriptor("NodeDef")
    known = node.SerializeToString()
    assert fit(Message.root(known), schema) == 1
    assert fit(Message.root(known + length_delimited(99, b"new")), schema) == 3 / 4
    assert fit(Message.root(known + b"\x08\x01"), schema) == 3 / 4, "a number for a name"
    assert fit(Message.root(known + length_delimited(1, b"\xff")), schema) == 4 / 5, "no UTF-8"
    assert fit(Message.root(known + b"\x0a"), schema) == 3 / 4, "it is cut off"
    assert fit(Message.root(b""), schema) == 0


@pytest.mark.parametrize(
    ("encoded", "fits"),
    [
        (length_delimited(1, b"dense"), True),
        (length_delimited(1, b"\x0a\x05dense"), False),  # control characters in a name
        (b"\x08\x01", False),
        (length_delimited(5, length_delimited(1, b"T")), True),
        (length_delimited(5, b"T"), False),
        (length_delimited(5, b""), True),
        (length_delimited(99, b"new"), False),
    ],
)
def test_a_field_fits_a_node_if_its_value_begins_as_it_should(encoded: bytes, fits: bool) -> None:
    (field,) = Message.root(encoded).fields()
    assert message_shape(descriptor("NodeDef")).fits(encoded, field) == fits


def test_packed_numbers_fit() -> None:
    shape = message_shape(descriptor("TensorProto"))
    for encoded in (length_delimited(7, b"\x01\x02"), b"\x38\x01"):
        (field,) = Message.root(encoded).fields()
        assert shape.fits(encoded, field)
    assert {0x38, 0x3A} <= set(shape.first_bytes)
