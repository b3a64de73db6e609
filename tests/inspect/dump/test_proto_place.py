from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.inspect.dump.proto_place import ProtoPlace, find_place
from sigpb.inspect.proto_path import path_text
from sigpb.inspect.schema import descriptor
from sigpb.saved_model.model import parse
from sigpb.wire import Message, WireError, length_delimited, map_entry

FixtureModel = Callable[..., Path]


def find(message: Any, path: str) -> ProtoPlace:
    return find_place(
        Message.root(message.SerializeToString(deterministic=True)), message.DESCRIPTOR, path
    )


def found(message: Any, path: str) -> Any:
    """What a path leads to; the message around it, with nothing else, if it is a field."""
    place = find(message, path)
    parsed: Any = parse(protos.message_class(place.schema), place.message)
    if place.field is None:
        return parsed
    alone = protos.message_class(place.schema)()
    for field, value in parsed.ListFields():
        if field.name == place.field.name:
            if place.field.is_map:
                alone.MergeFrom(parsed)
            elif place.field.is_repeated:
                getattr(alone, field.name).extend(value)
            else:
                setattr(alone, field.name, value)
    return alone


def graph() -> protos.GraphDef:
    nodes = [
        protos.NodeDef(name="x", op="Placeholder"),
        protos.NodeDef(name="dense/MatMul", op="MatMul", input=["x", "w"]),
        protos.NodeDef(name="7", op="NoOp"),
    ]
    nodes[1].attr["T"].type = 1
    functions = [
        protos.FunctionDef(
            signature=protos.OpDef(name=name, input_arg=[protos.OpDef.ArgDef(name="a")]),
            node_def=nodes[:2],
            ret={"y": "z:0"},
            resource_arg_unique_id={3: 30, 4: 40},
        )
        for name in ("__inference_f_15", "__inference_g_16")
    ]
    gradient = protos.GradientDef(function_name="__inference_f_15", gradient_func="g")
    return protos.GraphDef(
        node=nodes,
        library=protos.FunctionDefLibrary(function=functions, gradient=[gradient]),
        versions=protos.VersionDef(producer=9, bad_consumers=[5, 300, 7]),
    )


def meta_graph(*tags: str) -> protos.MetaGraphDef:
    graph_def = graph()
    return protos.MetaGraphDef(
        meta_info_def=protos.MetaGraphDef.MetaInfoDef(
            tags=tags, function_aliases={"a": "b", "c": "d"}
        ),
        graph_def=graph_def,
        saver_def=protos.SaverDef(version=2),
        signature_def={
            key: protos.SignatureDef(method_name=key, inputs={"x": protos.TensorInfo(name="x:0")})
            for key in ("serving_default", "0")
        },
        object_graph_def=protos.SavedObjectGraph(
            nodes=[
                protos.SavedObject(
                    children=[
                        protos.TrackableObjectGraph.TrackableObject.ObjectReference(
                            node_id=1, local_name="signatures"
                        )
                    ]
                ),
                protos.SavedObject(asset=protos.SavedAsset(asset_file_def_index=4)),
            ]
        ),
    )


ONE = protos.SavedModel(meta_graphs=[meta_graph("serve")])
META_GRAPH = ONE.meta_graphs[0]
GRAPH = META_GRAPH.graph_def
FUNCTION = GRAPH.library.function[0]
SEVERAL = protos.SavedModel(
    meta_graphs=[meta_graph("serve"), meta_graph("serve", "gpu"), meta_graph()]
)


@pytest.mark.parametrize(
    ("path", "whole", "expected"),
    [
        ("", "", ONE),
        ("meta_graphs[serve]", "", META_GRAPH),
        ("meta_graphs[0]", "", META_GRAPH),
        ("meta_graphs[0].graph_def", "", GRAPH),
        ("meta_graphs.graph_def", "meta_graphs[serve].graph_def", GRAPH),
        ("graph_def", "meta_graphs[serve].graph_def", GRAPH),
        ('graph_def.node["x"]', 'meta_graphs[serve].graph_def.node["x"]', GRAPH.node[0]),
        ("node[dense/MatMul]", "meta_graphs[serve].graph_def.node[dense/MatMul]", GRAPH.node[1]),
        ("node[2]", "meta_graphs[serve].graph_def.node[2]", GRAPH.node[2]),
        ('node["7"]', 'meta_graphs[serve].graph_def.node["7"]', GRAPH.node[2]),
        ("versions", "meta_graphs[serve].graph_def.versions", GRAPH.versions),
        (
            'library.function["__inference_f_15"].node_def[1]',
            'meta_graphs[serve].graph_def.library.function["__inference_f_15"].node_def[1]',
            FUNCTION.node_def[1],
        ),
        (
            "function[__inference_g_16].signature.input_arg[a]",
            "meta_graphs[serve].graph_def.library.function[__inference_g_16].signature.input_arg[a]",
            protos.OpDef.ArgDef(name="a"),
        ),
        (
            "gradient[__inference_f_15]",
            "meta_graphs[serve].graph_def.library.gradient[__inference_f_15]",
            GRAPH.library.gradient[0],
        ),
        (
            'signature_def["serving_default"].inputs["x"]',
            'meta_graphs[serve].signature_def["serving_default"].inputs["x"]',
            protos.TensorInfo(name="x:0"),
        ),
        ("signature_def[0]", "meta_graphs[serve].signature_def[0]", META_GRAPH.signature_def["0"]),
        ("nodes[1].asset", "meta_graphs[serve].object_graph_def.nodes[1].asset", None),
        (
            "object_graph_def.nodes[0].children[signatures]",
            "meta_graphs[serve].object_graph_def.nodes[0].children[signatures]",
            META_GRAPH.object_graph_def.nodes[0].children[0],
        ),
    ],
)
def test_messages(path: str, whole: str, expected: Any) -> None:
    if expected is None:
        expected = META_GRAPH.object_graph_def.nodes[1].asset
    assert found(ONE, path) == expected
    assert path_text(find(ONE, path).path) == whole or path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("node[1].input", protos.NodeDef(input=["x", "w"])),
        ("node[1].input[1]", protos.NodeDef(input=["w"])),
        ("node[1].op", protos.NodeDef(op="MatMul")),
        ("versions.bad_consumers", protos.VersionDef(bad_consumers=[5, 300, 7])),
        ("versions.bad_consumers[1]", protos.VersionDef(bad_consumers=[300])),
        ("graph_def.node", protos.GraphDef(node=GRAPH.node)),
        ("saver_def.version", protos.SaverDef(version=2)),
        (
            "meta_info_def.function_aliases[c]",
            protos.MetaGraphDef.MetaInfoDef(function_aliases={"c": "d"}),
        ),
        (
            "function[0].resource_arg_unique_id[4]",
            protos.FunctionDef(resource_arg_unique_id={4: 40}),
        ),
        ("function[0].ret", protos.FunctionDef(ret={"y": "z:0"})),
    ],
)
def test_fields(path: str, expected: Any) -> None:
    place = find(ONE, path)
    assert place.field is not None
    if place.field.is_map and "[" not in path.rpartition(".")[2]:
        assert place.message.content() == FUNCTION.SerializeToString(deterministic=True)
    else:
        assert found(ONE, path) == expected


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("meta_graphs[serve]", 0),
        ("meta_graphs[gpu,serve]", 1),
        ("meta_graphs[serve, gpu]", 1),
        ('meta_graphs["serve,gpu"]', 1),
        ("meta_graphs[]", 2),
        ("meta_graphs[2]", 2),
    ],
)
def test_one_of_several_meta_graphs(path: str, position: int) -> None:
    assert found(SEVERAL, path) == SEVERAL.meta_graphs[position]


def test_paths_in_graphs_and_meta_graphs() -> None:
    assert found(GRAPH, "node[x]") == GRAPH.node[0]
    assert found(GRAPH, "function[0]") == FUNCTION
    assert found(META_GRAPH, "node[x]") == GRAPH.node[0]
    assert found(META_GRAPH, "graph_def.library") == GRAPH.library


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("signature_defs", "has no field 'signature_defs'; there are 'meta_graphs', 'saved_model"),
        (
            "meta_graphs[0].signature_defs",
            "meta_graphs[0], a tensorflow.MetaGraphDef, has no field 'signature_defs'; did you "
            "mean 'signature_def'?",
        ),
        (
            "signature_def[serving_defalt]",
            "There is no 'serving_defalt' in meta_graphs[serve].signature_def; did you mean "
            "'serving_default'? There are '0', 'serving_default'.",
        ),
        ("meta_graphs[sreve]", "There is no 'sreve' in meta_graphs; did you mean 'serve'?"),
        ("node[dense/Matmul]", "did you mean 'dense/MatMul'? There are '7', 'dense/MatMul', 'x'."),
        ("node[3]", "There is no meta_graphs[serve].graph_def.node[3]; the last one is [2]."),
        ("node[1].input[2]", "node[1].input[2]; the last one is [1]."),
        ("node[1].input[x]", "node[1].input has no names in it: say which by its position"),
        ("node[1].device", "is not set; there are 'attr', 'input', 'name', 'op'."),
        ("node.op", "Say which element of meta_graphs[serve].graph_def.node is meant; there are"),
        ("signature_def.inputs", "Say which element of meta_graphs[serve].signature_def is meant"),
        ("nodes.children", "is meant; there are 2 without names, counted from 0."),
        ("nodes[x]", "There is no 'x' in meta_graphs[serve].object_graph_def.nodes; there are 2"),
        ("graph_def[0]", "meta_graphs[serve].graph_def is there at most once"),
        ("node[1].op.x", "holds no messages"),
        ("signature_def[0].inputs[x].name.x", "holds no messages"),
        ("node[", "is not a path"),
    ],
)
def test_what_is_not_there_is_refused(path: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        find(ONE, path)
    assert told in str(refused.value)


@pytest.mark.parametrize("path", ["graph_def", "node[x]", "signature_def"])
def test_it_has_to_be_said_which_of_several_meta_graphs(path: str) -> None:
    with pytest.raises(UsageError) as refused:
        find(SEVERAL, path)
    assert "meta_graphs[serve]." in str(refused.value)
    assert " or meta_graphs[gpu,serve]." in str(refused.value)


def test_first_parts_cannot_be_left_out_if_several_are_possible() -> None:
    unclear = protos.MetaGraphDef(
        graph_def=protos.GraphDef(version=3), saver_def=protos.SaverDef(version=2)
    )
    with pytest.raises(UsageError, match=r"say graph_def\.version or saver_def\.version\."):
        find(unclear, "version")


def test_meta_graphs_of_the_same_tags_go_by_position() -> None:
    same = protos.SavedModel(meta_graphs=[meta_graph("a"), meta_graph("a")])
    with pytest.raises(UsageError, match="are 2 MetaGraphs: say which by position"):
        find(same, "meta_graphs[a]")
    with pytest.raises(UsageError, match=r"say meta_graphs\[0\]\.graph_def or meta_graphs\[1\]"):
        find(same, "graph_def")
    assert found(same, "meta_graphs[1]") == same.meta_graphs[1]


def test_bytes_are_told_by_the_key_of_their_map() -> None:
    model = protos.MetaGraphDef()
    model.collection_def["variables"].bytes_list.value.append(b"x")
    assert find(model, "collection_def[variables].bytes_list.value[0]").key == "variables"


def test_a_message_in_several_parts_is_all_of_them() -> None:
    content = length_delimited(4, b"\x08\x01") + length_delimited(4, b"\x10\x02")
    place = find_place(Message.root(content), descriptor("GraphDef"), "versions")
    assert place.message.content() == b"\x08\x01\x10\x02"


def test_the_last_entry_of_a_key_counts_and_it_may_have_no_value() -> None:
    schema, number = descriptor("SignatureDef"), protos.SignatureDef.INPUTS_FIELD_NUMBER
    entries = map_entry(number, b"x", b"\x0a\x01a") + length_delimited(number, b"\x0a\x01x")
    assert find_place(Message.root(entries), schema, "inputs[x]").message.content() == b""


class TestDamaged:
    """Damage matters where it is on the way."""

    INTACT = length_delimited(1, length_delimited(1, b"x")) + length_delimited(4, b"\x08\x01")
    DAMAGED = length_delimited(1, b"\x0a\x7f")

    def find(self, content: bytes, path: str) -> bytes:
        place = find_place(Message.root(content), descriptor("GraphDef"), path)
        return place.message.content()

    @pytest.mark.parametrize("damage", [b"\x0a\x7f", DAMAGED])
    def test_what_is_intact_is_found(self, damage: bytes) -> None:
        content = self.INTACT + damage
        assert self.find(content, "node[x]") == b"\x0a\x01x"
        assert self.find(content, "node[0]") == b"\x0a\x01x"
        assert self.find(content, "versions") == b"\x08\x01"

    @pytest.mark.parametrize("path", ["node[y]", "node[1]", "library", "library.function[0]"])
    def test_what_may_have_been_lost_is_not_said_to_be_absent(self, path: str) -> None:
        with pytest.raises(WireError):
            self.find(self.INTACT + b"\x0a\x7f", path)
