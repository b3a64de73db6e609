from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.inspect.dump.proto_json import json_of
from sigpb.inspect.dump.proto_place import find_place
from sigpb.inspect.schema import descriptor
from sigpb.wire import Message, length_delimited


def json_at(message: Any, path: str = "", **options: Any) -> dict[str, Any]:
    content = message if isinstance(message, bytes) else message.SerializeToString()
    schema: Any = descriptor("NodeDef") if isinstance(message, bytes) else message.DESCRIPTOR
    return json_of(find_place(Message.root(content), schema, path), **options)


def test_a_message() -> None:
    node = protos.NodeDef(name="n", input=["a", "b"])
    node.attr["x"].f = 0.1
    node.attr["y"].s = b"\xff"
    assert json_at(node, "attr[x]") == {
        "path": "attr[x]",
        "message": "tensorflow.AttrValue",
        "field": None,
        "bytes": 5,
        "unknown_bytes": 0,
        "value": {"f": 0.1},
    }
    read = json_format.ParseDict(json_at(node)["value"], protos.NodeDef())
    assert read == node


@pytest.mark.parametrize(
    ("path", "value"),
    [("name", "n"), ("input", ["a", "b"]), ("input[1]", "b")],
)
def test_a_field(path: str, value: object) -> None:
    found = json_at(protos.NodeDef(name="n", input=["a", "b"]), path)
    assert (found["field"], found["value"]) == (path.partition("[")[0], value)


def test_entries_of_maps_are_sorted_at_any_depth() -> None:
    graph = protos.GraphDef()
    keys = [f"k{number:02}" for number in range(20)]
    for key in reversed(keys):
        graph.node.add(name=key).attr["f"].func.attr[key].i = 1
        graph.node[0].attr[key].i = 1
    (first, *_) = json_at(graph)["value"]["node"]
    assert list(first["attr"]) == ["f", *keys]
    info = protos.MetaGraphDef.MetaInfoDef(function_aliases=dict.fromkeys(reversed(keys), "a"))
    held = protos.MetaGraphDef()
    held.meta_info_def.any_info.type_url = "t/tensorflow.MetaGraphDef.MetaInfoDef"
    held.meta_info_def.any_info.value = info.SerializeToString()
    shown = json_at(held)["value"]["meta_info_def"]["any_info"]
    assert list(shown["function_aliases"]) == keys


def test_an_entry_of_a_map_of_scalars() -> None:
    info = protos.MetaGraphDef.MetaInfoDef(function_aliases={"a": "b", "c": "d"})
    assert json_at(info, "function_aliases")["value"] == {"a": "b", "c": "d"}
    assert json_at(info, "function_aliases[c]")["value"] == "d"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dtype", "DT_INVALID"),
        ("version_number", 0),
        ("tensor_content", ""),
        ("float_val", []),
    ],
)
def test_a_default_that_is_stored(name: str, value: object) -> None:
    number = protos.TensorProto.DESCRIPTOR.fields_by_name[name].number
    is_bytes = name in ("tensor_content", "float_val")
    content = length_delimited(number, b"") if is_bytes else bytes([number << 3, 0])
    place = find_place(Message.root(content), descriptor("TensorProto"), name)
    assert json_of(place)["value"] == value


def test_unknown_fields_are_counted() -> None:
    content = length_delimited(1, b"n") + length_delimited(100, b"abc")
    assert json_at(content)["unknown_bytes"] == 6
    assert json_at(content)["value"] == {"name": "n"}


def test_an_any_is_shown_by_its_content_or_refused() -> None:
    packed = protos.Any(
        type_url="type.googleapis.com/tensorflow.NodeDef",
        value=protos.NodeDef(name="n").SerializeToString(),
    )
    info = protos.MetaGraphDef.MetaInfoDef(any_info=packed)
    assert json_at(info)["value"]["any_info"] == {"@type": packed.type_url, "name": "n"}
    for url, value in (("type.googleapis.com/x.Y", b""), (packed.type_url, b"\x0a")):
        info.any_info.type_url, info.any_info.value = url, value
        with pytest.raises(UsageError, match="cannot be shown as JSON"):
            json_at(info)


def test_what_is_large_has_to_be_asked_for() -> None:
    tensor = protos.TensorProto(tensor_content=bytes(1 << 24))
    with pytest.raises(UsageError, match="choose a part of it by a path, or give --full"):
        json_at(tensor)
    assert len(json_at(tensor, full=True)["value"]["tensor_content"]) > 1 << 24
