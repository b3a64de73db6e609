from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.graphs.node_index import NodeIndex
from sigpb.wire import Message, length_delimited

from .small_graphs import graph_def

SMALL = graph_def("""
    x = Placeholder()
    x/read = Identity(x)
    y = Add(x/read, x)
    """)


def index_of(graph: protos.GraphDef | bytes, before: bytes = b"", after: bytes = b"") -> NodeIndex:
    """The index of a graph that lies somewhere in a file."""
    encoded = graph if isinstance(graph, bytes) else graph.SerializeToString()
    return NodeIndex(Message(before + encoded + after, len(before), len(before) + len(encoded)))


def found(index: NodeIndex, name: str) -> protos.NodeDef | None:
    field = index.find(name)
    return index.node(field) if field else None


def mention(name: str) -> bytes:
    """The bytes by which a node says its name."""
    return length_delimited(1, name.encode())


def constant(name: str, value: bytes) -> protos.NodeDef:
    node = protos.NodeDef(name=name, op="Const")
    node.attr["value"].tensor.tensor_content = value
    return node


class TestFind:
    def test_each_node(self) -> None:
        index = index_of(SMALL, before=b"\x0a\x03 x", after=mention("z"))
        assert [found(index, node.name) for node in SMALL.node] == list(SMALL.node)

    @pytest.mark.parametrize("name", ["z", "x/rea", "X", "read", "x/read2", "", ".", "Placeholder"])
    def test_nothing(self, name: str) -> None:
        assert found(index_of(SMALL, before=mention(name), after=mention(name)), name) is None

    def test_a_name_that_is_an_input_before_it_is_a_node(self) -> None:
        graph = graph_def("a = Neg(b)\nb = Neg(c)\nc = Placeholder()")
        assert [found(index_of(graph), node.name) for node in graph.node] == list(graph.node)

    @pytest.mark.parametrize("name", ["a.b", "a.*", "a/b-c_1", "(a", "a\\", "[a]", "a$", "größe"])
    def test_names_with_characters_of_patterns(self, name: str) -> None:
        graph = protos.GraphDef()
        for each in ("aXb", "a", name, "ab"):
            graph.node.add(name=each, op="NoOp")
        assert found(index_of(graph), name) == graph.node[2]
        assert found(index_of(graph), name.replace(name[-1], "Z")) is None

    @pytest.mark.parametrize("size", [10, 5000, 100_000])
    def test_a_constant_that_holds_the_bytes_of_a_name(self, size: int) -> None:
        decoy = constant("decoy", mention("x") + bytes(size) + mention("z"))
        graph = protos.GraphDef(node=[decoy, protos.NodeDef(name="x", op="NoOp")])
        assert found(index_of(graph), "x") == graph.node[1]
        assert found(index_of(graph), "z") is None

    def test_large_nodes_among_small_ones(self) -> None:
        graph = protos.GraphDef()
        for number in range(20):
            graph.node.append(constant(f"large_{number}", bytes(5000)))
            graph.node.add(name=f"small_{number}", op="NoOp")
        index = index_of(graph)
        assert [found(index, node.name) for node in graph.node] == list(graph.node)

    def test_hundreds_of_nodes(self) -> None:
        graph = protos.GraphDef()
        for number in range(700):
            graph.node.add(name=f"n{number}", op="Neg", input=[f"n{number + 1}"])
        index = index_of(graph)
        assert [found(index, node.name) for node in graph.node] == list(graph.node)
        assert found(index, "n700") is None

    def test_nodes_that_are_not_together(self) -> None:
        library = protos.GraphDef()
        library.library.function.add().node_def.add(name="inner", op="NoOp")
        first, second = (protos.GraphDef(node=[node]) for node in SMALL.node[:2])
        parts = [part.SerializeToString() for part in (library, first, library, second, library)]
        index = index_of(b"".join(parts))
        assert found(index, "x") == SMALL.node[0]
        assert found(index, "x/read") == SMALL.node[1]
        assert found(index, "inner") is None
        assert index.end == sum(map(len, parts[:-1]))

    @pytest.mark.parametrize(
        "graph",
        [protos.GraphDef(), protos.GraphDef(versions=protos.VersionDef(producer=1000))],
        ids=["empty", "no nodes"],
    )
    def test_no_nodes(self, graph: protos.GraphDef) -> None:
        index = index_of(graph, before=mention("x"), after=mention("x"))
        assert index.find("x") is None
        assert not index.has_op("NoOp")
        assert not index.has_scope("x")
        assert list(index.nodes()) == []
        assert index.end == len(mention("x"))


NAMES = st.text(st.sampled_from("ab/._-01"), min_size=1, max_size=4)


@given(
    st.lists(
        st.tuples(NAMES, NAMES, st.lists(NAMES, max_size=3), st.booleans()),
        max_size=30,
        unique_by=lambda node: node[0],
    ),
    NAMES,
)
def test_agrees_with_the_parsed_graph(
    drawn: list[tuple[str, str, list[str], bool]], other: str
) -> None:
    graph = protos.GraphDef(versions=protos.VersionDef(producer=1000))
    for name, op, inputs, large in drawn:
        node = graph.node.add(name=name, op=op, input=inputs)
        mentions = b"".join(mention(each) for each in (*inputs, other))
        node.attr["value"].s = mentions + bytes(5000 * large)
    index, by_name = index_of(graph), {node.name: node for node in graph.node}
    for name in {*by_name, other, *(each for node in graph.node for each in node.input)}:
        assert found(index, name) == by_name.get(name)
    assert list(index.nodes()) == list(graph.node)
    assert all(index.has_op(op) for op in {node.op for node in graph.node})


def test_has_op() -> None:
    index = index_of(SMALL)
    assert index.has_op("Placeholder")
    assert index.has_op("Add")
    assert not index.has_op("Plac")
    assert not index.has_op("x")


def test_has_op_of_a_large_node() -> None:
    graph = protos.GraphDef(node=[constant("c", length_delimited(2, b"Add") + bytes(5000))])
    assert index_of(graph).has_op("Const")
    assert not index_of(graph).has_op("Add")


@pytest.mark.parametrize("searches", [0, 10_000])
def test_has_scope(searches: int) -> None:
    """Where many are asked for, a table has the answers."""
    index = index_of(SMALL, before=b"outside/")
    assert not any(index.has_scope("y") for _ in range(searches))
    assert index.has_scope("x")
    assert index.has_scope("X")
    assert not index.has_scope("x/re")
    assert not index.has_scope("outside")
    assert not index_of(protos.GraphDef(node=[constant("c", b"x/" + bytes(5000))])).has_scope("x")


class TestOutlines:
    """Nodes without the values of large constants."""

    def test_of_small_nodes_are_whole(self) -> None:
        graph = protos.GraphDef(node=[*SMALL.node, constant("c", bytes(100))])
        assert list(index_of(graph).outlines()) == list(graph.node)

    def test_of_large_constants_keep_the_type(self) -> None:
        large = constant("c", bytes(5000))
        large.attr["dtype"].type = 3
        large.attr["value"].tensor.dtype = 3
        large.attr["value"].tensor.tensor_shape.dim.add(size=1250)
        (outline,) = index_of(protos.GraphDef(node=[large])).outlines()
        tensor = outline.attr["value"].tensor
        assert (outline.name, outline.op, outline.attr["dtype"].type) == ("c", "Const", 3)
        assert (tensor.dtype, tensor.tensor_shape.dim[0].size) == (3, 1250)
        assert not tensor.tensor_content
        assert outline.ByteSize() < 100

    def test_of_nodes_with_other_large_attributes_are_whole(self) -> None:
        node = protos.NodeDef(name="b", op="Bucketize", input=["x"])
        node.attr["boundaries"].list.f.extend(range(2000))
        node.attr["T"].type = 1
        assert list(index_of(protos.GraphDef(node=[node])).outlines()) == [node]

    @pytest.mark.parametrize(
        ("whole", "damaged"),
        [(b"value", b"valu\xff"), (b"\x12\x02\x08\x07", b"\x12\x02\x08\xff")],
        ids=["a key that is not UTF-8", "a dimension that is cut off"],
    )
    def test_of_damaged_constants_are_refused(self, whole: bytes, damaged: bytes) -> None:
        large = constant("c", bytes(5000))
        large.attr["value"].tensor.tensor_shape.dim.add(size=7)
        encoded = protos.GraphDef(node=[large]).SerializeToString()
        assert encoded.count(whole) == 1

        with pytest.raises(ModelUnreadable):
            list(index_of(encoded.replace(whole, damaged)).outlines())
