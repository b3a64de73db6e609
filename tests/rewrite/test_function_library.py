from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.rewrite.function_library import FunctionLibrary
from sigpb.wire import Edits, Message, assemble

NAMES = ["outer_3", "inner_1", "inner_10", "alone_2", "last_4"]
CALLS = {"outer_3": "inner_10", "last_4": "outer_3"}


def function(name: str, calls: str = "") -> protos.FunctionDef:
    made = protos.FunctionDef()
    made.signature.name = name
    if calls:
        made.node_def.add(name="call").attr["f"].func.name = calls
    return made


def meta_graph(*nodes: str) -> protos.MetaGraphDef:
    """Makes a graph with functions of which some call others, and with nodes that call."""
    graph = protos.MetaGraphDef()
    for name in nodes:
        graph.graph_def.node.add(name="node").attr["f"].func.name = name
    for name in NAMES:
        graph.graph_def.library.function.append(function(name, CALLS.get(name, "")))
    graph.graph_def.versions.producer = 1
    return graph


class Rewritten:
    """A library over an encoded MetaGraph, and what its changes make of that."""

    def __init__(self, graph: protos.MetaGraphDef) -> None:
        self.encoded = graph.SerializeToString(deterministic=True)
        self.library = FunctionLibrary(Message.root(self.encoded))

    def bytes(self) -> bytes:
        edits = Edits(self.encoded)
        self.library.rewrite(edits)
        return assemble(edits.pieces(), self.encoded)

    def graph(self) -> protos.MetaGraphDef:
        return protos.MetaGraphDef.FromString(self.bytes())

    def names(self) -> list[str]:
        return [function.signature.name for function in self.graph().graph_def.library.function]


def test_finds_functions() -> None:
    library = Rewritten(meta_graph()).library
    assert library.names() == NAMES
    assert library.get("outer_3") == function("outer_3", calls="inner_10")
    assert library.get("outer") is None


def test_adds_functions_at_the_end() -> None:
    before = meta_graph("inner_1")
    rewritten = Rewritten(before)
    rewritten.library.add(function("new_11"))
    rewritten.library.add(function("new_12"))
    assert rewritten.library.names() == [*NAMES, "new_11", "new_12"]
    before.graph_def.library.function.extend([function("new_11"), function("new_12")])
    assert rewritten.graph() == before


def test_removes_a_function_that_nothing_names() -> None:
    rewritten = Rewritten(meta_graph("inner_1"))
    assert rewritten.library.remove("alone_2")
    assert rewritten.names() == ["outer_3", "inner_1", "inner_10", "last_4"]


@pytest.mark.parametrize(
    "name",
    ["inner_10", "outer_3", "inner_1"],
    ids=["by a function before it", "by a function after it", "by a node, or so it seems"],
)
def test_keeps_a_function_that_is_named(name: str) -> None:
    rewritten = Rewritten(meta_graph("inner_1"))
    assert not rewritten.library.remove(name)
    assert rewritten.bytes() == rewritten.encoded


def test_no_change() -> None:
    rewritten = Rewritten(meta_graph())
    assert rewritten.bytes() == rewritten.encoded


@pytest.mark.parametrize(
    "graph",
    [protos.MetaGraphDef(), protos.MetaGraphDef(graph_def=protos.GraphDef())],
    ids=["no graph", "no library"],
)
def test_a_graph_without_functions(graph: protos.MetaGraphDef) -> None:
    rewritten = Rewritten(graph)
    assert rewritten.library.names() == []
    assert rewritten.library.get("f") is None
    assert rewritten.bytes() == rewritten.encoded
