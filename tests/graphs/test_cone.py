from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.graphs.cone import Cone, clone, computing, needed
from sigpb.graphs.top_level import Scope, TopLevelGraph
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.wire import Message
from tests.patches import only_graph

from .small_graphs import Known, attr, by_name, lines, nodes

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

    def test_what_waits_for_a_placeholder_that_is_fed(self) -> None:
        nodes = by_name("p = Placeholder()\na = A()\nx = B(^p)\ny = B(^a)\nz = C(x, y)")
        assert needed(nodes, ["z"]) == {"p", "a", "x", "y", "z"}
        assert needed(nodes, ["z"], {"p", "a"}) == {"a", "x", "y", "z"}

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


Nodes = Mapping[str, protos.NodeDef]


class Cloned:
    """What is added when some nodes are copied into the scope ``s``."""

    def __init__(
        self, given: str | Nodes, names: Collection[str], replaced: Mapping[str, str]
    ) -> None:
        before = by_name(given) if isinstance(given, str) else given
        graph = protos.GraphDef(node=before.values()).SerializeToString()
        top = TopLevelGraph(Message.root(graph), Known(), OpDefs())
        self.follow = clone(before, names, replaced, Scope(top, "s"))
        self.nodes = {node.name: node for node in top.changed_nodes}
        assert not self.nodes.keys() & before.keys()
        self.lines = lines(top.changed_nodes)


class TestInputs:
    def test_from_elsewhere_from_copies_and_as_they_were(self) -> None:
        graph = "x = A()\nw = A()\na = Mul(x, w)\nb = Add(a, x)"
        cloned = Cloned(graph, {"a", "b"}, {"x": "new"})
        assert cloned.lines == ["s/a = Mul(new, w)", "s/b = Add(s/a, new)"]

    def test_are_spelled_with_their_number_or_not(self) -> None:
        graph = "x = A()\na = Split(x:0)\nb = Add(a:0, a:1)\nc = Neg(b:0)"
        cloned = Cloned(graph, {"a", "b", "c"}, {"x": "new:0"})
        assert cloned.lines == [
            "s/a = Split(new:0)",
            "s/b = Add(s/a:0, s/a:1)",
            "s/c = Neg(s/b:0)",
        ]

    def test_one_output_of_several(self) -> None:
        graph = "x = Split()\na = Add(x, x:1)"
        assert Cloned(graph, {"a"}, {"x:1": "new"}).lines == ["s/a = Add(x, new)"]

    def test_control_inputs(self) -> None:
        graph = "x = A()\nw = A()\ncheck = Assert(x)\na = Neg(x, ^check, ^w)"
        cloned = Cloned(graph, {"a", "check"}, {"x": "new"})
        assert cloned.lines == ["s/a = Neg(new, ^s/check, ^w)", "s/check = Assert(new)"]

    def test_names_that_are_parts_of_others(self) -> None:
        graph = "a = A()\na/a = Neg(a)\na_1 = Neg(a/a)\nb = Add(a, a_1)"
        cloned = Cloned(graph, {"a/a", "a_1", "b"}, {"a": "s/new"})
        assert cloned.lines == [
            "s/a/a = Neg(s/new)",
            "s/a_1 = Neg(s/a/a)",
            "s/b = Add(s/new, s/a_1)",
        ]


def test_what_takes_the_place_of_a_tensor() -> None:
    follow = Cloned("x = A()\na = Split(x)\nb = A()", {"a"}, {"x": "new"}).follow
    assert [follow(tensor) for tensor in ("x", "x:0", "a:1", "a:0", "a", "^a", "b:0")] == [
        *("new", "new", "s/a:1", "s/a:0", "s/a", "^s/a", "b:0")
    ]


class TestAttributes:
    def test_of_the_original_stay(self) -> None:
        text = f"a = Mul(x, x) {attr('T', 'type: DT_FLOAT')} device: '/GPU:0'"
        before = by_name(text)
        copied = Cloned(before, {"a"}, {"x": "new"}).nodes["s/a"]
        assert before == by_name(text)
        assert (
            copied
            == nodes(f"s/a = Mul(new, new) {attr('T', 'type: DT_FLOAT')} device: '/GPU:0'").pop()
        )

    def test_colocation(self) -> None:
        graph = by_name("a = Neg(x)\nb = Neg(a)")
        entries = [b"loc:@a", b"loc:@w", b"loc:@ab", b"a", b"\xff"]
        graph["b"].attr["_class"].list.s.extend(entries)
        copied = Cloned(graph, {"a", "b"}, {"x": "new"}).nodes["s/b"]
        assert list(copied.attr["_class"].list.s) == [b"loc:@s/a", *entries[1:]]

    def test_loops_are_their_own(self) -> None:
        graph = "a = Enter(x) " + attr("frame_name", "s: 'while'")
        copied = Cloned(graph, {"a"}, {"x": "new"}).nodes["s/a"]
        assert copied.attr["frame_name"].s == b"s/while"


def test_the_loop_of_a_real_graph(fixture_model: Callable[..., Path]) -> None:
    graph = only_graph(fixture_model("tf1_interior")).graph_def
    before = {node.name: node for node in graph.node}
    names = Cone(before, {"h"}, ["y:0"]).names
    cloned = Cloned(before, names, {"h": "new"})
    assert {name for name in cloned.nodes if not name.startswith("s/")} == set()
    outside = {
        producer(tensor)
        for node in cloned.nodes.values()
        for tensor in node.input
        if producer(tensor) not in cloned.nodes
    }
    assert outside == {"new", "loop/Const", "w", "y/y"}
    frames = {n.attr["frame_name"].s for n in cloned.nodes.values() if n.op == "Enter"}
    assert frames == {b"s/loop/while_context"}
    switch = cloned.nodes["s/loop/Switch_1"]
    assert list(switch.attr["_class"].list.s) == [b"loc:@s/loop/Merge_1"]
    assert list(cloned.nodes["s/y"].attr["_class"].list.s) == [b"loc:@w"]


# Graphs of whole numbers: what they mean is known without TensorFlow.
OPS: Mapping[str, Callable[[int, int], int]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
}


def evaluate(graph: Nodes, tensor: str, fed: Mapping[str, int]) -> int:
    """Returns a tensor's value. Output 1 of a node is the negative of its output 0.

    Control inputs are computed as well, though nothing comes of it.
    """
    if canonical(tensor) in fed:
        return fed[canonical(tensor)]
    node = graph[producer(tensor)]
    first, second, *_ = [evaluate(graph, each.lstrip("^"), fed) for each in node.input]
    result = OPS[node.op](first, second)
    return -result if output_number(tensor) else result


@st.composite
def arithmetic(draw: st.DrawFn) -> dict[str, protos.NodeDef]:
    """Draws a graph on the inputs ``x``, ``b`` and ``w``."""
    graph: dict[str, protos.NodeDef] = {name: protos.NodeDef(name=name) for name in "xbw"}
    for number in range(draw(st.integers(1, 8))):
        name = f"n{number}" if draw(st.booleans()) else f"x/n{number}"
        tensors = [*graph, *(f"{each}:0" for each in graph)]
        tensors += [f"{each}:1" for each in graph if each not in "xbw"]
        inputs = [draw(st.sampled_from(tensors)) for _ in range(2)]
        inputs += [f"^{each}" for each in draw(st.sets(st.sampled_from([*graph]), max_size=2))]
        op = draw(st.sampled_from(sorted(OPS)))
        graph[name] = protos.NodeDef(name=name, op=op, input=inputs)
    return graph


VALUES = {"x": 3, "b": 5, "w": 7}
NEW_VALUES = {"new_x": 11, "new_b": 13}


@given(arithmetic(), st.sets(st.sampled_from("xb"), min_size=1), st.data())
def test_old_tensors_keep_their_values_and_copies_have_those_of_new_inputs(
    graph: dict[str, protos.NodeDef], fed: set[str], data: st.DataObject
) -> None:
    computed = [name for name in graph if name not in "xbw"]
    fetched = data.draw(st.lists(st.sampled_from(computed), min_size=1))
    replaced = {f"{what}{name}": f"{what}new_{name}" for name in fed for what in ("", "^")}
    names = Cone(graph, replaced, fetched).names
    cloned = Cloned(graph, names, replaced)
    after = {**graph, **cloned.nodes}
    assert len(after) == len(graph) + len(names)

    new_feed = VALUES | {name: NEW_VALUES[f"new_{name}"] for name in fed}
    for tensor in (*fetched, *(f"{name}:1" for name in fetched)):
        assert evaluate(after, tensor, VALUES) == evaluate(graph, tensor, VALUES)
        # Nothing of what was fed so far is needed any more: it is not in what is fed now.
        now = {name: value for name, value in VALUES.items() if name not in fed} | NEW_VALUES
        assert evaluate(after, cloned.follow(tensor), now) == evaluate(graph, tensor, new_feed)


@pytest.mark.parametrize("tensor", ["n1:0", "n1:1"])
def test_a_tensor_in_the_middle_may_be_what_is_fed(tensor: str) -> None:
    graph = by_name("n1 = Add(x, b)\nn2 = Mul(n1, n1:1)\nn3 = Sub(n2, x)")
    names = Cone(graph, {canonical(tensor)}, ["n3:0"]).names
    cloned = Cloned(graph, names, {canonical(tensor): "new"})
    assert cloned.lines == [
        f"s/n2 = Mul({'new, n1:1' if tensor == 'n1:0' else 'n1, new'})",
        "s/n3 = Sub(s/n2, x)",
    ]
    other = evaluate(graph, "n1:1" if tensor == "n1:0" else "n1", VALUES)
    fed = VALUES | {"new": 100}
    after = {**graph, **cloned.nodes}
    assert evaluate(after, cloned.follow("n3:0"), fed) == 100 * other - VALUES["x"]
