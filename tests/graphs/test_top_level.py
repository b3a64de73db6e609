from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.steps.graph_body import dtype_attr, int_attr
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of, shape_proto
from sigpb.wire import Edits, Message, assemble, length_delimited

from .small_graphs import FLOAT, Known, attr, graph_def, lines, nodes, output_shapes, placeholder

FLOAT32, INT64 = dtype_of("float32"), dtype_of("int64")
UNKNOWN = "shape { unknown_rank: true }"
SMALL = f"""
    x = Placeholder() {placeholder(-1, 3)}
    y = Neg(x) {FLOAT}
    """


class Rewritten:
    """The top level of an encoded graph, and what its changes make of that."""

    def __init__(self, graph: str | protos.GraphDef) -> None:
        given = graph_def(graph) if isinstance(graph, str) else graph
        self.encoded = given.SerializeToString(deterministic=True)
        self.top = TopLevelGraph(Message.root(self.encoded), Known(), OpDefs())

    def bytes(self) -> bytes:
        edits = Edits(self.encoded)
        self.top.rewrite(edits)
        return assemble(edits.pieces(), self.encoded)

    def graph(self) -> protos.GraphDef:
        return protos.GraphDef.FromString(self.bytes())


def type_of(graph: str | protos.GraphDef, tensor: str) -> TensorType | None:
    return Rewritten(graph).top.type_of(tensor)


class TestNodes:
    def test_as_they_are_to_be(self) -> None:
        top = Rewritten(SMALL).top
        top.append(*nodes("z = Neg(y)"))
        top.replace(*nodes("y = Abs(x)"))
        assert [node and node.op for node in map(top.node, ("x", "y", "z", "w"))] == [
            "Placeholder",
            "Abs",
            "Neg",
            None,
        ]
        assert lines(top.changed_nodes) == ["y = Abs(x)", "z = Neg(y)"]
        assert lines(top.graph_def().node) == ["x = Placeholder()", "y = Abs(x)", "z = Neg(y)"]

    def test_of_the_file(self) -> None:
        top = Rewritten(SMALL).top
        top.append(*nodes("z = Neg(y)"))
        top.replace(*nodes("y = Abs(x)"))
        assert lines(top.nodes.values()) == ["x = Placeholder()", "y = Neg(x)"]
        assert top.size == sum(
            len(length_delimited(1, node.SerializeToString())) for node in graph_def(SMALL).node
        )

    def test_ops_of_the_file(self) -> None:
        top = Rewritten(SMALL).top
        assert top.has_op("Abs", "Neg")
        assert not top.has_op("Abs", "PartitionedCall")


class TestFreshNames:
    def test_of_nodes(self) -> None:
        top = Rewritten("x = A()\nx_1 = A()\nx_3 = A()").top
        assert top.fresh_name("y") == "y"
        assert top.fresh_name("x") == "x_2"
        assert top.add("B", "x", [], {}) == ("x_2",)
        assert top.add("B", "x", [], {}) == ("x_4",)

    def test_of_scopes(self) -> None:
        top = Rewritten("sigpb/predict/x = A()\nsigpb/predict_1 = A()").top
        assert top.fresh_scope("sigpb/predict").name == "sigpb/predict_1"
        assert top.fresh_scope("sigpb/pre").name == "sigpb/pre"
        assert top.fresh_scope("sigpb/other").name == "sigpb/other"

    def test_that_differ_only_in_case(self) -> None:
        top = Rewritten("sigpb/Predict/x = A()").top
        scope = top.fresh_scope("sigpb/predict")
        assert scope.name == "sigpb/predict_1"
        assert [scope.add("A", name, [], {})[0] for name in ("p", "P")] == [
            "sigpb/predict_1/p",
            "sigpb/predict_1/P_1",
        ]
        assert top.fresh_scope("sigpb/PREDICT").name == "sigpb/PREDICT_2"

    def test_of_scopes_that_were_just_filled(self) -> None:
        top = Rewritten(SMALL).top
        for expected in ("sigpb/a", "sigpb/a_1", "sigpb/a_2"):
            scope = top.fresh_scope("sigpb/a")
            assert scope.name == expected
            assert scope.add("A", "x", [], {}) == (f"{expected}/x",)

    def test_inside_a_scope(self) -> None:
        scope = Rewritten(SMALL).top.fresh_scope("sigpb/a").inner("in:0")
        assert scope.name == "sigpb/a/in_0"
        assert scope.add("A", "Cast", [], {}) == ("sigpb/a/in_0/Cast",)
        assert scope.add("A", "Cast", [], {}) == ("sigpb/a/in_0/Cast_1",)


class TestAdd:
    def test_attributes_at_their_defaults_are_left_out(self) -> None:
        rewritten = Rewritten(SMALL)
        attributes = {"DstT": dtype_attr(INT64), "Truncate": protos.AttrValue(b=False)}
        rewritten.top.add("Cast", "Cast", ["y"], attributes)
        rewritten.top.add(
            "Cast", "other", ["y"], attributes | {"Truncate": protos.AttrValue(b=True)}
        )
        cast, other = rewritten.graph().node[-2:]
        assert set(cast.attr) == {"DstT"}
        assert set(other.attr) == {"DstT", "Truncate"}

    def test_all_outputs(self) -> None:
        top = Rewritten(SMALL).top
        attributes = {"num_split": int_attr(3), "T": dtype_attr(INT64)}
        assert top.add("Split", "s", ["axis", "x"], attributes) == ("s", "s:1", "s:2")
        scope = top.fresh_scope("sigpb/a")
        assert scope.add("TopKV2", "top", ["x", "k"], {"T": dtype_attr(INT64)}) == (
            "sigpb/a/top",
            "sigpb/a/top:1",
        )

    def test_what_was_added_can_be_removed(self) -> None:
        rewritten = Rewritten(SMALL)
        rewritten.top.add("Neg", "z", ["y"], {"T": dtype_attr(INT64)})
        rewritten.top.remove(["z", "y"])
        assert lines(rewritten.top.removed_nodes) == ["y = Neg(x)"]
        assert lines(rewritten.graph().node) == ["x = Placeholder()"]

    def test_a_function(self) -> None:
        function = protos.FunctionDef()
        function.signature.name = "f"
        known = Known(variants=True)
        top = TopLevelGraph(Message.root(b""), known, OpDefs())
        assert top.fresh_scope("sigpb/a").add_function(function) == "f_variant"
        assert known.get("f_variant") == function

    def test_what_is_written(self) -> None:
        rewritten = Rewritten(SMALL)
        tensor = rewritten.top.add(
            "Cast", "Cast", ["y"], {"DstT": dtype_attr(INT64)}, shape_proto((None, 3))
        )
        assert tensor == ("Cast",)
        assert rewritten.graph() == graph_def(
            f"{SMALL}Cast = Cast(y) {attr('DstT', 'type: DT_INT64')} {output_shapes((-1, 3))}"
        )

    def test_between_the_nodes_and_the_rest(self) -> None:
        graph = graph_def(SMALL)
        graph.library.function.add().signature.name = "f"
        rewritten = Rewritten(graph)
        rewritten.top.append(*nodes("z = Neg(y)"))
        added = length_delimited(1, nodes("z = Neg(y)")[0].SerializeToString())
        assert rewritten.bytes() == (
            rewritten.encoded[: rewritten.top.size]
            + added
            + rewritten.encoded[rewritten.top.size :]
        )

    @pytest.mark.parametrize(
        "graph",
        [protos.GraphDef(), protos.GraphDef(versions=protos.VersionDef(producer=1000))],
        ids=["empty", "no nodes"],
    )
    def test_to_a_graph_without_nodes(self, graph: protos.GraphDef) -> None:
        rewritten = Rewritten(graph)
        rewritten.top.append(*nodes("z = A()"))
        graph.node.extend(nodes("z = A()"))
        assert rewritten.graph() == graph

    def test_nothing(self) -> None:
        assert Rewritten(SMALL).bytes() == Rewritten(SMALL).encoded


class TestReplace:
    def test_others_keep_their_bytes(self) -> None:
        unknown = length_delimited(1000, b"news")
        before = nodes("x = A()\ny = Neg(x)\nz = Neg(y)")
        encoded = [node.SerializeToString() + unknown for node in before]
        graph = protos.GraphDef.FromString(b"".join(length_delimited(1, each) for each in encoded))
        rewritten = Rewritten(graph)
        (other,) = nodes("y = Abs(x)")
        rewritten.top.replace(other)
        encoded[1] = other.SerializeToString()
        assert rewritten.bytes() == b"".join(length_delimited(1, each) for each in encoded)


class TestTypeOf:
    @pytest.mark.parametrize("tensor", ["x", "x:0"])
    def test_a_placeholder(self, tensor: str) -> None:
        assert type_of(SMALL, tensor) == TensorType(FLOAT32, (None, 3))

    @pytest.mark.parametrize(
        ("producer", "sizes", "expected"),
        [
            (21, (), None),
            (22, (), ()),
            (21, (3,), (3,)),
            (22, (3,), (3,)),
            (0, (), None),
        ],
    )
    def test_a_placeholder_of_an_old_graph(
        self, producer: int, sizes: tuple[int, ...], expected: Shape
    ) -> None:
        graph = graph_def(f"x = Placeholder() {placeholder(*sizes)}", producer)
        assert type_of(graph, "x") == TensorType(FLOAT32, expected)

    def test_a_placeholder_without_a_shape(self) -> None:
        graph = f"x = Placeholder() {attr('dtype', 'type: DT_FLOAT')}"
        assert type_of(graph, "x") == TensorType(FLOAT32, None)

    def test_an_unknown_rank(self) -> None:
        graph = f"""
            x = Placeholder() {attr("dtype", "type: DT_FLOAT")} {attr("shape", UNKNOWN)}
            """
        assert type_of(graph, "x") == TensorType(FLOAT32, None)

    def test_a_node_states_its_shape_or_not(self) -> None:
        graph = f"{SMALL}z = Neg(x) {FLOAT} {output_shapes((2, 3))}"
        assert type_of(graph, "y") == TensorType(FLOAT32, None)
        assert type_of(graph, "z") == TensorType(FLOAT32, (2, 3))

    def test_an_output_of_several(self) -> None:
        top_k = f"t = TopKV2(x, k) {FLOAT} {output_shapes((2,), (3,))}"
        assert type_of(top_k, "t:0") == TensorType(FLOAT32, (2,))
        assert type_of(top_k, "t:1") == TensorType(dtype_of("int32"), (3,))
        assert type_of(top_k, "t:2") is None

    def test_no_such_tensor(self) -> None:
        assert type_of(SMALL, "z") is None
        assert type_of(SMALL, "x:1") is None
        assert type_of("", "x") is None

    def test_an_unknown_op(self) -> None:
        assert type_of("x = NoOneKnows()", "x") == TensorType(0, None)

    def test_as_it_is_to_be(self) -> None:
        top = Rewritten(SMALL).top
        top.replace(*nodes(f"x = Placeholder() {placeholder(7, dtype='DT_INT64')}"))
        top.append(*nodes(f"z = Placeholder() {placeholder()}"))
        assert top.type_of("x") == TensorType(INT64, (7,))
        assert top.type_of("z") == TensorType(FLOAT32, ())


NAMES = st.lists(st.sampled_from(["a", "b", "a/b", "a_1", "a/b_1"]), unique=True)


@given(NAMES, NAMES, st.lists(st.sampled_from(["a", "b", "a/b"]), max_size=5))
def test_any_changes_give_the_graph_that_is_promised(
    names: list[str], replaced: list[str], added: list[str]
) -> None:
    rewritten = Rewritten(protos.GraphDef(node=[protos.NodeDef(name=n, op="A") for n in names]))
    for name in set(names) & set(replaced):
        rewritten.top.replace(protos.NodeDef(name=name, op="B"))
    for name in added:
        rewritten.top.add("C", name, [], {})
    after = list(rewritten.graph().node)
    assert after == list(rewritten.top.graph_def().node)
    assert len({node.name for node in after}) == len(names) + len(added)
    for node in after:
        assert node == rewritten.top.node(node.name)
