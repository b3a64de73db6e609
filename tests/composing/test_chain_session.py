"""Chained signatures in graphs of whole numbers, whose values are known without TensorFlow."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.composing.chain import Chain
from sigpb.composing.chain_session import whole_signature
from sigpb.composing.fit import Pair
from sigpb.errors import PatchError
from sigpb.graphs import redirection
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_names import canonical, full, producer
from sigpb.tf.tensor_types import dtype_of
from sigpb.wire import Message
from tests.graphs.small_graphs import attr, lines, nodes, output_shapes, shape

FLOAT = dtype_of("float32")
TYPE = attr("T", "type: DT_FLOAT")
PLACEHOLDER = attr("dtype", "type: DT_FLOAT")

OPS: Mapping[str, Callable[..., int]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Identity": lambda value: value,
    "PlaceholderWithDefault": lambda value: value,
}

Ends = Mapping[str, str]
"""The tensors of a signature's inputs or outputs by their keys."""


class Graph:
    """A graph with two signatures, "a" and "b", and what sessions compute in it."""

    def __init__(self, text: str, a: tuple[Ends, Ends], b: tuple[Ends, Ends]) -> None:
        self.meta_graph = protos.MetaGraphDef()
        self.meta_graph.graph_def.node.extend(nodes(text))
        for key, (inputs, outputs) in (("a", a), ("b", b)):
            signature = self.meta_graph.signature_def[key]
            for infos, ends in ((signature.inputs, inputs), (signature.outputs, outputs)):
                for end, tensor in ends.items():
                    infos[end].name, infos[end].dtype = full(tensor), FLOAT
        self.nodes = {node.name: node for node in self.meta_graph.graph_def.node}

    def chained(
        self, pairs: Sequence[tuple[str, str]], key: str = "b", *, keeps: bool = False
    ) -> Graph:
        """Returns the graph with the whole as signature "ab", and the others as they are."""
        encoded = self.meta_graph.SerializeToString(deterministic=True)
        parts = GraphParts(MetaGraph(Message.root(encoded)))
        chain = Chain("a", "b", tuple(Pair(*pair) for pair in pairs), key, keeps)
        whole = whole_signature(parts, chain)
        after = Graph("", ({}, {}), ({}, {}))
        after.meta_graph.CopyFrom(self.meta_graph)
        after.meta_graph.signature_def["ab"].CopyFrom(whole)
        after.nodes = {node.name: node for node in parts.top.graph_def().node}
        return after

    def run(self, key: str, sent: Mapping[str, int]) -> dict[str, int]:
        """Returns the outputs of a signature; it feeds what it says, and fetches what it may."""
        signature = self.meta_graph.signature_def[key]
        assert sent.keys() == signature.inputs.keys()
        fed = {canonical(signature.inputs[each].name): value for each, value in sent.items()}
        outputs = {each: info.name for each, info in signature.outputs.items()}
        return {each: self._value(tensor, fed, {}) for each, tensor in outputs.items()}

    def _value(self, tensor: str, fed: Mapping[str, int], known: dict[str, int]) -> int:
        tensor = canonical(tensor)
        if tensor in fed:
            return fed[tensor]
        if tensor not in known:
            node = self.nodes[producer(tensor)]
            assert node.op != "Placeholder", f"{tensor} is not fed"
            if node.op == "Const":
                return node.attr["value"].tensor.int_val[0]
            taken = [self._value(each.lstrip("^"), fed, known) for each in node.input]
            count = sum(not each.startswith("^") for each in node.input)
            known[tensor] = OPS[node.op](*taken[:count])
        return known[tensor]

    @property
    def added(self) -> list[str]:
        """The nodes that chaining added, as lines."""
        names = {node.name for node in self.meta_graph.graph_def.node}
        return lines(node for name, node in self.nodes.items() if name not in names)

    @property
    def whole(self) -> str:
        """The whole as ``x=x:0 -> y=…``."""
        signature = self.meta_graph.signature_def["ab"]
        sides = (signature.inputs, signature.outputs)
        texts = (" ".join(f"{key}={side[key].name}" for key in sorted(side)) for side in sides)
        return " -> ".join(texts)


TWO = f"""
    x = Placeholder() {PLACEHOLDER}
    two = Const()
    h = Mul(x, x) {TYPE}
    u = Placeholder() {PLACEHOLDER}
    v = Placeholder() {PLACEHOLDER}
    s = Sub(u, v) {TYPE}
    y = Identity(s) {TYPE}
    """


class TestNodes:
    def test_between_what_is_fed_and_the_outputs_are_copied(self) -> None:
        graph = Graph(TWO, ({"x": "x"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        after = graph.chained([("h", "u")])
        assert after.added == [
            "sigpb_chain/b/copy/s = Sub(h, v)",
            "sigpb_chain/b/copy/y = Identity(sigpb_chain/b/copy/s)",
        ]
        assert after.whole == "v=v:0 x=x:0 -> y=sigpb_chain/b/copy/y:0"

    def test_an_output_that_stays(self) -> None:
        ends = ({"x": "x"}, {"h": "h", "again": "x"})
        graph = Graph(TWO, ends, ({"u": "u", "v": "v"}, {"y": "y"}))
        after = graph.chained([("h", "u")], "a", keeps=True)
        assert after.whole == (
            "v=v:0 x=x:0 -> again=sigpb_chain/a/Identity:0 y=sigpb_chain/a/copy/y:0"
        )
        assert graph.chained([("h", "u")], "a").whole == "v=v:0 x=x:0 -> y=sigpb_chain/a/copy/y:0"

    def test_an_input_that_is_passed_through(self) -> None:
        graph = Graph(TWO, ({"x": "x"}, {"h": "h"}), ({"u": "u"}, {"out": "u"}))
        assert graph.chained([("h", "u")]).whole == "x=x:0 -> out=h:0"

    def test_inputs_that_are_both_passed_through_are_not_fed_and_fetched(self) -> None:
        graph = Graph(TWO, ({"x": "x"}, {"h": "x"}), ({"u": "u"}, {"out": "u"}))
        after = graph.chained([("h", "u")])
        assert after.whole == "x=x:0 -> out=sigpb_chain/b/Identity:0"
        assert after.added == ["sigpb_chain/b/Identity = Identity(x)"]

    def test_are_the_same_in_every_process(self) -> None:
        # Maps give their keys in another order in each.
        made, taken = {f"h{n}": "x" for n in range(9)}, {f"y{n}": "v" for n in range(9)}
        graph = Graph(TWO, ({"x": "x"}, made), ({"u": "u", "v": "v"}, taken))
        outputs = graph.chained([("h0", "u")], keeps=True).meta_graph.signature_def["ab"].outputs
        numbers = ["", *(f"_{n}" for n in range(1, 17))]
        assert [outputs[key].name for key in [*list(made)[1:], *taken]] == [
            f"sigpb_chain/b/Identity{number}:0" for number in numbers
        ]


class TestOneTensorInBoth:
    def test_clients_of_each_feed_it(self) -> None:
        # What the second takes there, the first must not see.
        graph = Graph(
            TWO, ({"x": "x", "mine": "v"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"})
        )
        after = graph.chained([("h", "u")])
        assert after.whole == "mine=v:0 v=sigpb_chain/b/v:0 x=x:0 -> y=sigpb_chain/b/copy/y:0"
        assert "sigpb_chain/b/copy/s = Sub(h, sigpb_chain/b/v)" in after.added

    def test_the_first_computes_what_clients_of_the_second_feed(self) -> None:
        graph = Graph(TWO, ({"u": "u", "v": "v"}, {"s": "s"}), ({"s": "s", "x": "x"}, {"y": "y"}))
        after = graph.chained([("s", "x")])
        assert after.whole == "s=sigpb_chain/b/s:0 u=u:0 v=v:0 -> y=sigpb_chain/b/copy/y:0"

    def test_clients_of_the_first_feed_what_the_second_computes(self) -> None:
        graph = Graph(TWO, ({"s": "s"}, {"y": "y"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        after = graph.chained([("y", "u")])
        assert "sigpb_chain/b/copy/s = Sub(y, v)" in after.added
        graph = Graph(TWO, ({"s": "s"}, {"y": "y"}), ({"u": "u", "v": "v", "x": "x"}, {"y": "y"}))
        after = graph.chained([("y", "x")])
        assert "sigpb_chain/b/copy/s = Sub(u, v)" in after.added
        assert after.run("ab", {"s": 9, "u": 5, "v": 2}) == {"y": 3}


STATE = f"""
    x = Placeholder() {PLACEHOLDER}
    u = Placeholder() {PLACEHOLDER}
    v = VarHandleOp() {PLACEHOLDER}
    add = AssignAddVariableOp(v, x) {PLACEHOLDER}
    h = Identity(x) {TYPE}
    waits = Identity(x, ^add) {TYPE}
    read = ReadVariableOp(v) {PLACEHOLDER}
    y = Add(u, read) {TYPE}
    set = AssignVariableOp(v, u) {PLACEHOLDER}
    after = Identity(u, ^set) {TYPE}
    random = RandomUniform(shape) {PLACEHOLDER}
    first = Add(x, random) {TYPE}
    second = Add(u, random) {TYPE}
    both = Add(first, read) {TYPE}
    table = HashTableV2()
    found = LookupTableFindV2(table, u, u) {attr("Tout", "type: DT_FLOAT")}
    """


def state(a: tuple[Ends, Ends], b: tuple[Ends, Ends], text: str = STATE) -> list[str]:
    """Returns what is added to a graph with a variable where "h" feeds "u"."""
    return Graph(text, a, b).chained([("h", "u")]).added


class TestState:
    def test_the_second_waits_for_a_change_that_it_may_read(self) -> None:
        assert state(({"x": "x"}, {"h": "waits"}), ({"u": "u"}, {"y": "y"})) == [
            "sigpb_chain/b/first = NoOp(^waits)",
            "sigpb_chain/b/u/Identity = Identity(waits, ^sigpb_chain/b/first)",
            "sigpb_chain/b/copy/read = ReadVariableOp(v, ^sigpb_chain/b/first)",
            "sigpb_chain/b/copy/y = Add(sigpb_chain/b/u/Identity, sigpb_chain/b/copy/read)",
        ]

    def test_a_change_that_feeds_nothing_happens_all_the_same(self) -> None:
        added = state(({"x": "x"}, {"h": "h", "other": "waits"}), ({"u": "u"}, {"y": "second"}))
        assert added[:2] == [
            "sigpb_chain/b/first = NoOp(^h, ^waits)",
            "sigpb_chain/b/u/Identity = Identity(h, ^sigpb_chain/b/first)",
        ]

    def test_the_second_changes_what_the_first_reads(self) -> None:
        assert state(({"x": "x"}, {"h": "both"}), ({"u": "u"}, {"y": "after"})) == [
            "sigpb_chain/b/first = NoOp(^both)",
            "sigpb_chain/b/u/Identity = Identity(both, ^sigpb_chain/b/first)",
            "sigpb_chain/b/copy/after = "
            "Identity(sigpb_chain/b/u/Identity, ^sigpb_chain/b/copy/set)",
            "sigpb_chain/b/copy/set = "
            "AssignVariableOp(v, sigpb_chain/b/u/Identity, ^sigpb_chain/b/first)",
        ]

    def test_what_both_only_read_is_shared(self) -> None:
        assert state(({"x": "x"}, {"h": "both"}), ({"u": "u"}, {"y": "y"})) == [
            "sigpb_chain/b/copy/y = Add(both, read)"
        ]
        assert state(({"x": "x"}, {"h": "both"}), ({"u": "u"}, {"y": "found"})) == [
            "sigpb_chain/b/copy/found = LookupTableFindV2(table, both, both)"
        ]

    def test_each_draws_random_numbers_of_its_own(self) -> None:
        assert state(({"x": "x"}, {"h": "first"}), ({"u": "u"}, {"y": "second"})) == [
            "sigpb_chain/b/copy/random = RandomUniform(shape)",
            "sigpb_chain/b/copy/second = Add(first, sigpb_chain/b/copy/random)",
        ]

    def test_a_variable_of_references(self) -> None:
        text = (
            STATE
            + f"""
            ref = VariableV2() {PLACEHOLDER}
            plus = AssignAdd(ref, x) {TYPE}
            value = Identity(ref) {TYPE}
            old = Add(u, value) {TYPE}
            """
        )
        assert state(({"x": "x"}, {"h": "plus"}), ({"u": "u"}, {"y": "old"}), text)[2:] == [
            "sigpb_chain/b/copy/old = Add(sigpb_chain/b/u/Identity, sigpb_chain/b/copy/value)",
            "sigpb_chain/b/copy/value = Identity(ref, ^sigpb_chain/b/first)",
        ]

    def test_loops_wait_as_wholes(self) -> None:
        frame = attr("frame_name", "s: 'loop'") + TYPE
        text = (
            STATE
            + f"""
            zero = Const() {PLACEHOLDER}
            i = Enter(zero) {frame}
            handle = Enter(v) {attr("frame_name", "s: 'loop'")} {attr("T", "type: DT_RESOURCE")}
            merge = Merge(i, next)
            less = Less(merge, merge)
            cond = LoopCond(less)
            switch = Switch(merge, cond)
            inside = ReadVariableOp(handle) {PLACEHOLDER}
            plus = Add(switch:1, inside) {TYPE}
            next = NextIteration(plus)
            exit = Exit(switch) {TYPE}
            out = Add(u, exit) {TYPE}
            """
        )
        added = state(({"x": "x"}, {"h": "waits"}), ({"u": "u"}, {"y": "out"}), text)
        waiting = {line.partition(" ")[0] for line in added if "^sigpb_chain/b/first" in line}
        scope = "sigpb_chain/b"
        assert waiting == {f"{scope}/u/Identity", f"{scope}/copy/i", f"{scope}/copy/handle"}


class TestDefaults:
    def test_of_inputs_of_each_signature(self) -> None:
        ends = ({"x": "x", "z": "two"}, {"h": "h"}), ({"x": "u", "v": "v"}, {"y": "y"})
        graph = Graph(TWO, *ends)
        for key, end, value in (("a", "z", 1.0), ("b", "v", 2.0), ("b", "x", 3.0)):
            graph.meta_graph.signature_def[key].defaults[end].float_val.append(value)
        whole = graph.chained([("h", "x")]).meta_graph.signature_def["ab"]
        # The input "x" of the second is fed; the other one has no default.
        assert {key: [*value.float_val] for key, value in whole.defaults.items()} == {
            "z": [1.0],
            "v": [2.0],
        }

    def test_of_a_placeholder_that_the_second_gets_for_itself(self) -> None:
        text = TWO.replace("v = Placeholder()", "v = PlaceholderWithDefault(two)")
        graph = Graph(text, ({"x": "x", "w": "v"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        assert "sigpb_chain/b/v = PlaceholderWithDefault(two)" in graph.chained([("h", "u")]).added


class TestManyNodes:
    """Of a graph of many nodes none is copied where nobody else feeds what is fed now."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)

    def test_a_placeholder_takes_what_feeds_it(self) -> None:
        graph = Graph(TWO, ({"x": "x"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        after = graph.chained([("h", "u")])
        assert (after.added, after.whole) == ([], "v=v:0 x=x:0 -> y=y:0")
        assert lines([after.nodes["u"]]) == ["u = PlaceholderWithDefault(h)"]

    def test_another_signature_feeds_it(self) -> None:
        graph = Graph(TWO, ({"x": "x"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        other = graph.meta_graph.signature_def["other"]
        other.CopyFrom(graph.meta_graph.signature_def["b"])
        assert graph.chained([("h", "u")]).added
        other.inputs["u"].name = "v:0"
        assert not graph.chained([("h", "u")]).added

    @pytest.mark.parametrize(
        ("inputs", "outputs"),
        [({"u": "u"}, {"h": "h"}), ({"v": "v"}, {"h": "s"}), ({}, {"h": "u"})],
    )
    def test_the_first_needs_it(self, inputs: Ends, outputs: Ends) -> None:
        graph = Graph(TWO, (inputs, outputs), ({"u": "u", "x": "x"}, {"y": "s"}))
        assert graph.chained([("h", "u")]).added


class TestRefused:
    def test_two_inputs_of_one_tensor(self) -> None:
        ends = ({"u": "u", "same": "u", "v": "v"}, {"y": "y"})
        graph = Graph(TWO, ({"x": "x"}, {"h": "h"}), ends)
        with pytest.raises(PatchError) as caught:
            graph.chained([("h", "u")])
        assert caught.value.problems == (
            "the inputs 'same', 'u' of the signature 'b' are one tensor, 'u:0', which cannot be "
            "fed twice; drop all but one of them first.",
        )

    def test_tensors_of_another_dtype_than_the_signatures_say(self) -> None:
        graph = Graph(TWO, ({"x": "x"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        graph.meta_graph.graph_def.node[3].attr["dtype"].type = dtype_of("int32")
        with pytest.raises(PatchError) as caught:
            graph.chained([("h", "u")])
        assert caught.value.problems == (
            "'h:0' cannot feed 'u:0': the graph has it as float32, and the other as int32, "
            "whatever the signatures say.",
        )

    def test_shapes_that_no_session_could_load(self) -> None:
        stated = f"shape {{ {shape(4)} }}"
        text = TWO.replace("u = Placeholder()", f"u = Placeholder() {attr('shape', stated)}")
        text = text.replace("h = Mul(x, x)", f"h = Mul(x, x) {output_shapes((5,))}")
        graph = Graph(text, ({"x": "x"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        with pytest.raises(PatchError, match=r"has it as \[5\], and the other as \[4\]"):
            graph.chained([("h", "u")])

    def test_an_op_that_is_unknown(self) -> None:
        text = TWO.replace("v = Placeholder()", "v = Mine()")
        graph = Graph(text, ({"x": "x", "w": "v"}, {"h": "h"}), ({"u": "u", "v": "v"}, {"y": "y"}))
        with pytest.raises(PatchError, match="does not say of what type the tensor 'v:0' is"):
            graph.chained([("h", "u")])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, list[tuple[str, str]], str, bool]:
    """Draws a graph in which two signatures feed and fetch any tensors, and how to chain them."""
    text = [f"p{number} = Placeholder() {PLACEHOLDER}" for number in range(4)]
    text += [f"c = Const() {attr('value', 'tensor { int_val: 7 }')} {PLACEHOLDER}"]
    text += [f"d = PlaceholderWithDefault(c) {PLACEHOLDER}"]
    names = ["p0", "p1", "p2", "p3", "c", "d"]
    for number in range(draw(st.integers(1, 8))):
        op = draw(st.sampled_from(["Add", "Sub", "Mul", "Identity", "PlaceholderWithDefault"]))
        count = 1 if op in ("Identity", "PlaceholderWithDefault") else 2
        taken = [draw(st.sampled_from(names)) for _ in range(count)]
        if draw(st.booleans()):
            taken.append(f"^{draw(st.sampled_from(names))}")
        which = PLACEHOLDER if op.startswith("Placeholder") else TYPE
        text.append(f"n{number} = {op}({', '.join(taken)}) {which}")
        names.append(f"n{number}")
    feedable = [name for name in names if name != "c"]
    ends = []
    for _ in range(2):
        fed = draw(st.sets(st.sampled_from(feedable), max_size=3))
        fed |= {"p0", "p1", "p2", "p3"}  # Placeholders that are not fed fail.
        some = draw(st.permutations(sorted(fed)))
        fetched = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
        ends.append((some, fetched))
    (fed_a, made_a), (fed_b, made_b) = ends
    a = (
        {f"i{n}": each for n, each in enumerate(fed_a)},
        {f"o{n}": each for n, each in enumerate(made_a)},
    )
    b = (
        {f"j{n}": each for n, each in enumerate(fed_b)},
        {f"r{n}": each for n, each in enumerate(made_b)},
    )
    count = draw(st.integers(1, len(fed_b)))
    pairs = [(draw(st.sampled_from(sorted(a[1]))), f"j{n}") for n in range(count)]
    key, keeps = draw(st.sampled_from("ab")), draw(st.booleans())
    return Graph("\n".join(text), a, b), pairs, key, keeps


@given(graphs(), st.booleans())
def test_the_whole_is_the_one_after_the_other(
    drawn: tuple[Graph, list[tuple[str, str]], str, bool], has_many_nodes: bool
) -> None:
    graph, pairs, key, keeps = drawn
    before = graph.meta_graph.signature_def
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(redirection, "_MANY_NODES", 0 if has_many_nodes else 1000)
        after = graph.chained(pairs, key, keeps=keeps)
    sent = {end: 100 + number for number, end in enumerate(before["a"].inputs)}
    fed = {end: 1000 + number for number, end in enumerate(before["b"].inputs)}
    made = graph.run("a", sent)
    expected = graph.run("b", {**fed, **{end: made[output] for output, end in pairs}})
    if keeps:
        feeding = {output for output, _ in pairs}
        expected |= {end: value for end, value in made.items() if end not in feeding}
    open_ends = {end: fed[end] for end in fed.keys() - {end for _, end in pairs}}
    assert after.run("ab", {**sent, **open_ends}) == expected
    whole = after.meta_graph.signature_def["ab"]
    fetched, fed_now = (
        {canonical(i.name) for i in s.values()} for s in (whole.outputs, whole.inputs)
    )
    assert fetched.isdisjoint(fed_now)
    assert len(fed_now) == len(whole.inputs), "no tensor is fed twice"
    # The others compute what they did.
    assert after.run("a", sent) == made
    assert after.run("b", fed) == graph.run("b", fed)
