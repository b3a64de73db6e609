from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.rewrite.graph_parts import FunctionLibrary
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

    def bytes(self, *used: str) -> bytes:
        edits = Edits(self.encoded)
        self.library.rewrite(edits, used)
        return assemble(edits.pieces(), self.encoded)

    def graph(self, *used: str) -> protos.MetaGraphDef:
        return protos.MetaGraphDef.FromString(self.bytes(*used))

    def names(self, *used: str) -> list[str]:
        functions = self.graph(*used).graph_def.library.function
        return [function.signature.name for function in functions]


def test_finds_functions() -> None:
    library = Rewritten(meta_graph()).library
    assert [signature.name for signature in library.signatures()] == NAMES
    assert library.get("outer_3") == function("outer_3", calls="inner_10")
    assert library.get("outer") is None
    assert library.outline("outer_3") == function("outer_3"), "without its nodes"
    assert library.outline("outer") is None


def test_adds_functions_at_the_end() -> None:
    before = meta_graph("inner_1")
    rewritten = Rewritten(before)
    rewritten.library.add(function("new_11"))
    rewritten.library.add(function("new_12"))
    assert rewritten.library.get("new_11") == function("new_11")
    before.graph_def.library.function.extend([function("new_11"), function("new_12")])
    assert rewritten.graph("new_11", "new_12") == before


def test_adds_what_is_used_and_what_that_calls() -> None:
    rewritten = Rewritten(meta_graph())
    for added in (
        function("a_11", calls="b_12"),
        function("b_12", calls="inner_1"),
        function("unused_13", calls="a_11"),
    ):
        rewritten.library.add(added)
    assert rewritten.names("a_11", "outer_3") == [*NAMES, "a_11", "b_12"]
    assert rewritten.names() == NAMES


def test_tells_which_ops_it_adds() -> None:
    rewritten = Rewritten(meta_graph())
    added = function("new_11")
    added.node_def.add(name="cast", op="Cast")
    unused = function("unused_12")
    unused.node_def.add(name="shape", op="Shape")
    rewritten.library.add(added)
    rewritten.library.add(unused)
    assert rewritten.library.rewrite(Edits(rewritten.encoded), ["new_11"]) == {"Cast"}


class TestFreshName:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (["__inference_f_7", "__forward_g_12", "plain"], "w_13"),
            (["w_3", "f2_1"], "w_4"),
            (["plain"], "w_1"),
            ([], "w_1"),
        ],
    )
    def test_ends_in_a_number_of_its_own(self, names: list[str], expected: str) -> None:
        graph = protos.MetaGraphDef()
        graph.graph_def.library.function.extend(function(name) for name in names)
        assert Rewritten(graph).library.fresh_name("w") == expected

    def test_is_another_every_time(self) -> None:
        library = Rewritten(meta_graph()).library
        assert [library.fresh_name("w"), library.fresh_name("w")] == ["w_11", "w_12"]

    def test_is_none_that_only_the_object_graph_has(self) -> None:
        library = FunctionLibrary(Message.root(meta_graph().SerializeToString()), ["gone_40"])
        assert library.fresh_name("w") == "w_41"


class TestVariants:
    def test_have_a_name_like_that_of_their_function(self) -> None:
        rewritten = Rewritten(meta_graph())
        assert rewritten.library.add_variant(function("outer_3", calls="alone_2")) == "outer_11"
        assert rewritten.library.get("outer_11") == function("outer_11", calls="alone_2")
        assert rewritten.library.get("outer_3") == function("outer_3", calls="inner_10")
        assert rewritten.names("outer_11") == [*NAMES, "outer_11"]

    def test_that_are_the_same_are_one(self) -> None:
        library = Rewritten(meta_graph()).library
        names = [library.add_variant(function("f_3", calls=to)) for to in ("a", "b", "a")]
        assert names == ["f_11", "f_12", "f_11"]

    def test_leave_the_function_that_is_given_alone(self) -> None:
        given = function("f_3")
        given.attr["api_implements"].s = b"lstm"
        before = protos.FunctionDef.FromString(given.SerializeToString())
        Rewritten(meta_graph()).library.add_variant(given)
        assert given == before

    def test_cannot_be_exchanged_for_the_function(self) -> None:
        library, given = Rewritten(meta_graph()).library, function("f_3")
        given.attr["api_implements"].s = b"lstm"
        given.attr["_noinline"].b = True
        variant = library.get(library.add_variant(given))
        assert variant is not None
        assert list(variant.attr) == ["_noinline"]


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


def test_keeps_a_function_that_an_added_one_calls() -> None:
    rewritten = Rewritten(meta_graph())
    rewritten.library.add(function("new_11", calls="alone_2"))
    assert not rewritten.library.remove("alone_2")


class TestRemoveUnused:
    def test_removes_what_only_removed_functions_call(self) -> None:
        rewritten = Rewritten(meta_graph())
        rewritten.library.remove_unused(["last_4"], [])
        assert rewritten.names() == ["inner_1", "alone_2"]

    def test_keeps_what_others_call(self) -> None:
        rewritten = Rewritten(meta_graph("outer_3", "inner_1"))
        rewritten.library.remove_unused(["last_4", "alone_2"], [])
        assert rewritten.names() == ["outer_3", "inner_1", "inner_10"]

    def test_keeps_what_is_named_in_front_of_a_byte_like_a_digit(self) -> None:
        """The tag of the field behind the attributes of a node is the byte of the digit 2."""
        graph = meta_graph()
        caller = graph.graph_def.library.function[0]
        caller.node_def[0].experimental_debug_info.original_node_names.append("call")
        encoded = graph.SerializeToString(deterministic=True)
        assert b"inner_10" + b"2" in encoded
        rewritten = Rewritten(graph)
        rewritten.library.remove_unused(["inner_10"], [])
        assert rewritten.names() == NAMES


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
    assert list(rewritten.library.signatures()) == []
    assert rewritten.library.get("f") is None
    assert rewritten.bytes() == rewritten.encoded


def test_adds_a_library_behind_the_nodes() -> None:
    before = protos.MetaGraphDef()
    before.graph_def.node.add(name="node")
    rewritten = Rewritten(before)
    rewritten.library.add(function("new_1", calls="new_2"))
    rewritten.library.add(function("new_2"))
    before.graph_def.library.function.extend([function("new_1", calls="new_2"), function("new_2")])
    assert rewritten.graph("new_1") == before
    assert rewritten.bytes() == rewritten.encoded, "nothing is used"
