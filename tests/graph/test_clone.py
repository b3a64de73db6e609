from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.graph.clone import clone
from sigpb.graph.cone import Cone
from sigpb.graph.top_level import Scope, TopLevelGraph
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.wire import Message
from tests.patches import only_graph

from .small_graphs import Known, attr, by_name, lines, nodes

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
