from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import pytest

from sigpb.graph.cone import Cone, computing, needed
from sigpb.tf.op_defs import OpDefs
from tests.patches import only_graph

from .small_graphs import attr, by_name

# Two inputs, of which one goes through `scaled` only.
GRAPH = """
    x = Placeholder()
    b = Placeholder()
    two = Const()
    scaled = Mul(x, two)
    sum = Add(scaled, b)
    other = Neg(b)
    unused = Neg(x)
    """


def frame(name: str) -> str:
    return attr("frame_name", f"s: {name!r}")


# while i < 3: y *= x; the constants inside hang on the loop by a control input.
LOOP = f"""
    x = Placeholder()
    n = Placeholder()
    zero = Const()
    before = Neg(n)
    while/i = Enter(zero) {frame("while/while_context")}
    while/y = Enter(before) {frame("while/while_context")}
    while/x = Enter(x) {frame("while/while_context")}
    while/merge_i = Merge(while/i, while/next_i)
    while/merge_y = Merge(while/y, while/next_y)
    while/three = Const(^while/merge_i)
    while/less = Less(while/merge_i, while/three)
    while/cond = LoopCond(while/less)
    while/switch_i = Switch(while/merge_i, while/cond)
    while/switch_y = Switch(while/merge_y, while/cond)
    while/one = Const(^while/switch_i)
    while/add = Add(while/switch_i:1, while/one)
    while/mul = Mul(while/switch_y:1, while/x)
    while/next_i = NextIteration(while/add)
    while/next_y = NextIteration(while/mul)
    while/exit = Exit(while/switch_y)
    y = Identity(while/exit)
    """


def cone(
    graph: str, fed: Collection[str], fetched: Iterable[str], changed: Iterable[str] = ()
) -> set[str]:
    return Cone(by_name(graph), fed, fetched, changed).names


class TestNeeded:
    def test_what_a_tensor_depends_on(self) -> None:
        nodes = by_name(GRAPH)
        assert needed(nodes, ["scaled:0"]) == {"scaled", "x", "two"}
        assert needed(nodes, ["scaled", "other:0"]) == {"scaled", "x", "two", "other", "b"}

    @pytest.mark.parametrize("fed", ["x", "scaled"])
    def test_nothing_behind_what_is_fed(self, fed: str) -> None:
        assert "x" not in needed(by_name(GRAPH), ["sum:0"], {fed})

    def test_one_output_of_a_node_is_fed(self) -> None:
        nodes = by_name("x = A()\ns = Split(x)\ny = Add(s:0, s:1)")
        assert needed(nodes, ["y"], {"s"}) == {"y", "s", "x"}
        assert needed(nodes, ["y"], {"s", "s:1"}) == {"y"}

    def test_control_inputs(self) -> None:
        nodes = by_name("init = A()\nx = A()\ny = Neg(x, ^init)")
        assert needed(nodes, ["y"]) == {"init", "x", "y"}

    def test_loops_and_nodes_that_are_missing(self) -> None:
        assert needed(by_name("a = A(b)\nb = A(a, gone)"), ["a", "lost"]) == {"a", "b"}

    def test_what_is_fed_itself(self) -> None:
        assert needed(by_name(GRAPH), ["scaled:0"], {"scaled"}) == set()


class TestComputing:
    def test_nodes_of_what_is_fed_are_placeholders(self) -> None:
        shaped = attr("_output_shapes", "list { shape { dim { size: 3 } } }")
        typed = f"Mul(x, two) {shaped} {attr('T', 'type: DT_HALF')}"
        nodes = by_name(GRAPH.replace("Mul(x, two)", typed))
        found = computing(nodes, ["sum:0"], {"scaled", "b", "two"})
        assert set(found) == {"scaled", "b", "sum"}
        assert (found["sum"], found["b"]) == (nodes["sum"], nodes["b"])
        assert (found["scaled"].op, list(found["scaled"].input)) == ("Placeholder", [])
        assert found["scaled"].attr["_output_shapes"] == nodes["scaled"].attr["_output_shapes"]
        assert OpDefs().output_dtypes(found["scaled"]) == [19]

    def test_dtypes_of_several_outputs(self) -> None:
        split = f"Split(a, x) {attr('num_split', 'i: 2')} {attr('T', 'type: DT_HALF')}"
        nodes = by_name(f"a = Const()\nx = A()\ns = {split}\ny = Neg(s:1)")
        found = computing(nodes, ["y"], {"s:1"})
        assert OpDefs().output_dtypes(found["s"]) == [19, 19]
        assert list(found["s"].input) == []

    def test_a_node_of_which_another_output_is_needed_runs(self) -> None:
        nodes = by_name("x = A()\ns = Split(x)\ny = Add(s:0, s:1)")
        assert computing(nodes, ["y"], {"s"}) == nodes

    def test_the_order_is_the_same_in_every_process(self) -> None:
        """What is unchecked is named in this order, and texts are not hashed alike everywhere."""
        found = computing(by_name(GRAPH), ["sum:0", "other:0"], set())
        assert list(found) == ["b", "other", "scaled", "sum", "two", "x"]

    def test_what_is_fed_and_fetched(self) -> None:
        assert list(computing(by_name(GRAPH), ["x:0", "gone"], {"x", "gone"})) == ["x"]


class TestCone:
    def test_between_what_is_fed_and_what_is_fetched(self) -> None:
        assert cone(GRAPH, {"x"}, ["sum:0", "other:0"]) == {"scaled", "sum"}
        assert cone(GRAPH, {"b"}, ["sum:0", "other:0"]) == {"sum", "other"}
        assert cone(GRAPH, {"x"}, ["other:0"]) == set()

    def test_ends_where_something_else_is_fed(self) -> None:
        nodes = by_name(GRAPH + "far = Add(sum, x)")
        assert Cone(nodes, {"x"}, ["far"], others={"sum"}).names == {"far"}
        assert Cone(nodes, {"sum"}, ["far"], others={"x"}).names == {"far"}
        assert Cone(nodes, {"b"}, ["far"], others={"sum"}).names == set()

    def test_what_is_fed_may_be_computed(self) -> None:
        assert cone(GRAPH, {"scaled"}, ["sum:0"]) == {"sum"}

    def test_an_input_may_be_spelled_with_its_number(self) -> None:
        assert cone("x = A()\ny = Neg(x:0)\nz = Neg(y:0)", {"x"}, ["z:0"]) == {"y", "z"}

    def test_one_output_of_several(self) -> None:
        graph = "x = A()\ns = Split(x)\na = Neg(s:0)\nb = Neg(s:1)"
        assert cone(graph, {"s:1"}, ["a", "b"]) == {"b"}
        assert cone(graph, {"s"}, ["a", "b"]) == {"a"}

    def test_control_inputs_count(self) -> None:
        graph = "x = A()\ncheck = Assert(x)\nc = Const(^check)\ny = Neg(c)\nz = Const()"
        assert cone(graph, {"x"}, ["y", "z"]) == {"check", "c", "y"}

    def test_nodes_that_change_and_what_depends_on_them(self) -> None:
        assert cone(GRAPH, set(), ["sum"], changed=["two"]) == {"two", "scaled", "sum"}
        assert cone(GRAPH, {"x"}, ["other"], changed=["other"]) == {"other"}


class TestLoops:
    @pytest.mark.parametrize("fed", ["x", "n"])
    def test_are_whole(self, fed: str) -> None:
        loop = {name for name in by_name(LOOP) if name.startswith("while/")}
        expected = {*loop, "y"} | ({"before"} if fed == "n" else set())
        assert cone(LOOP, {fed}, ["y:0"]) == expected

    def test_of_another_frame_stay(self) -> None:
        second = LOOP.replace("while/", "second/").split("zero = Const()")[1]
        second = second.replace("y = Identity", "z = Identity").replace("before = Neg(n)", "")
        both = LOOP + second
        assert "second/while_context" in both
        names = cone(both, {"x"}, ["y:0"])
        assert not {name for name in names if name.startswith("second/")}

    def test_that_are_not_touched(self) -> None:
        assert cone(LOOP + "after = Add(y, p)\np = Placeholder()", {"p"}, ["after"]) == {"after"}


class TestThingsOfOneStep:
    ARRAY = """
        x = Placeholder()
        size = Const()
        array = TensorArrayV3(size)
        write_a = TensorArrayWriteV3(array, a, one, array:1)
        a = Const()
        one = Const()
        write_x = TensorArrayWriteV3(array, a, x, write_a)
        y = TensorArrayReadV3(array, a, write_x)
        """

    def test_are_not_shared_with_nodes_outside(self) -> None:
        assert cone(self.ARRAY, {"x"}, ["y"]) == {"array", "write_a", "write_x", "y"}

    def test_a_variable_is_shared(self) -> None:
        graph = "x = A()\nv = VarHandleOp()\nread = ReadVariableOp(v)\ny = Add(x, read)"
        assert cone(graph, {"x"}, ["y"]) == {"y"}


def test_a_real_graph(fixture_model: Callable[..., Path]) -> None:
    graph = only_graph(fixture_model("tf1_interior")).graph_def
    nodes = {node.name: node for node in graph.node}
    stays = {"table", "w", "loop/Const", "y/y", "mul/x", "Const_1"}
    stays |= {"GreaterEqual/y", "bonus/default_value"}
    assert Cone(nodes, {"x"}, ["y:0"]).names == needed(nodes, ["y:0"], {"x"}) - stays
