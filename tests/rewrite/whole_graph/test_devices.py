from __future__ import annotations

from sigpb import protos
from sigpb.rewrite.whole_graph.rewrite import Wanted
from sigpb.wire import length_delimited
from tests.graphs.small_graphs import attr, graph_def

from .rewritten import function, rewritten

GPU = 'device: "/device:GPU:0"'
PINNED = f"""
    x = Placeholder()
    y = Neg(x) {GPU} {attr("_class", 'list { s: "loc:@x" }')} {attr("T", "type: DT_FLOAT")}
    z = Neg(y) device: "/job:a/task:1"
    """


def pinned() -> protos.MetaGraphDef:
    graph = graph_def(PINNED)
    graph.library.function.append(function("f_1", f"a = Neg(b) {GPU}\nc = Neg(a)"))
    return protos.MetaGraphDef(graph_def=graph)


def devices(meta_graph: protos.MetaGraphDef) -> list[str]:
    graph = meta_graph.graph_def
    bodies = (graph.node, *(each.node_def for each in graph.library.function))
    return [node.device for body in bodies for node in body]


def test_cleared_at_the_top_level_and_in_functions() -> None:
    after, done = rewritten(pinned(), Wanted(device=""))
    assert devices(after) == [""] * 5
    assert done.devices is not None
    assert done.devices.before == {"/device:GPU:0": 2, "/job:a/task:1": 1}


def test_nothing_but_devices_changes() -> None:
    expected = pinned()
    for body in (expected.graph_def.node, expected.graph_def.library.function[0].node_def):
        for node in body:
            node.device = ""
    assert rewritten(pinned(), Wanted(device=""))[0] == expected


def test_all_nodes_get_one() -> None:
    after, done = rewritten(pinned(), Wanted(device="/device:GPU:0"))
    assert devices(after) == ["/device:GPU:0"] * 5
    assert done.devices is not None
    assert done.devices.before == {"": 2, "/job:a/task:1": 1}


def test_nothing_but_devices_changes_where_all_get_one() -> None:
    before, expected = pinned(), pinned()
    for body in (expected.graph_def.node, expected.graph_def.library.function[0].node_def):
        for node in body:
            node.device = "/cpu:0"
    assert rewritten(before, Wanted(device="/cpu:0"))[0] == expected


def test_of_several_fields_the_last_one_counts() -> None:
    # As no encoder would write it: protobuf reads the last one.
    node = protos.NodeDef(name="a", op="NoOp", device="/gpu:0").SerializeToString()
    node += protos.NodeDef(device="/gpu:1").SerializeToString()
    encoded = length_delimited(2, length_delimited(1, node))
    after, done = rewritten(protos.MetaGraphDef(), Wanted(device="/cpu:0"), encoded)
    assert devices(after) == ["/cpu:0"]
    assert done.devices is not None
    assert done.devices.before == {"/gpu:1": 1}


def test_a_byte_that_looks_like_the_tag_of_the_field() -> None:
    name = 'x"' + "a" * 32  # The length of the name is that byte, too.
    before = protos.MetaGraphDef(graph_def=protos.GraphDef(node=[protos.NodeDef(name=name)]))
    after, done = rewritten(before, Wanted(device=""))
    assert after == before
    assert done.devices is not None
    assert not done.devices.before
