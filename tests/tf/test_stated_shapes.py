from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.inspect.graph.bodies import FlowBody, graph_records, graph_version, output_type
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import (
    argument_shape,
    as_meant,
    merged,
    producer_of,
    stated_shape,
    stated_shapes,
)
from sigpb.tf.tensor_types import Shape, shape_of
from sigpb.wire import Message
from tests.graphs.small_graphs import (
    FLOAT,
    Known,
    attr,
    graph_def,
    nodes,
    output_shapes,
    placeholder,
    shape,
)

DTYPE = attr("dtype", "type: DT_FLOAT")
SCALAR = attr("shape", "shape {}")
UNKNOWN = attr("shape", "shape { unknown_rank: true }")
NO_RANK = attr("_output_shapes", "list { shape { unknown_rank: true } }")


def node(text: str) -> protos.NodeDef:
    return nodes(f"y = {text}")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Neg(x) {FLOAT} {output_shapes((-1, 3))}", (None, 3)),
        (f"Neg(x) {FLOAT}", None),
        (f"Placeholder() {placeholder(-1, 3)}", (None, 3)),
        (f"Placeholder() {placeholder()}", ()),
        (f"Placeholder() {DTYPE}", None),
        (f"Placeholder() {placeholder(-1, 3)} {NO_RANK}", (None, 3)),
        (f"Placeholder() {placeholder(-1, 3)} {output_shapes((2, -1))}", (2, 3)),
        (f"Placeholder() {DTYPE} {UNKNOWN} {output_shapes((2, -1))}", (2, None)),
        (f"PlaceholderWithDefault(x) {placeholder(-1)}", (None,)),
        (f"PlaceholderV2() {placeholder(4)}", (4,)),
        (f"VariableV2() {placeholder()}", ()),
        (f"Variable() {placeholder()}", None),
        (f"Variable() {placeholder(3)}", (3,)),
        (f"EnsureShape(x) {FLOAT} {attr('shape', f'shape {{ {shape(3)} }}')}", (3,)),
        (f"VarHandleOp() {placeholder(3)}", None),
        (f"Const() {attr('value', 'tensor { tensor_shape { dim { size: 2 } } }')}", (2,)),
        (f"While(x) {attr('output_shapes', 'list { shape { dim { size: 7 } } }')}", (7,)),
        (f"MapDataset(x) {attr('output_shapes', 'list { shape { dim { size: 7 } } }')}", None),
    ],
)
def test_stated_shape(text: str, expected: Shape) -> None:
    assert stated_shape(node(text)) == expected


def test_several_outputs() -> None:
    split = node(f"Split(axis, x) {output_shapes((2,), (3,))}")
    assert stated_shapes(split) == [(2,), (3,)]
    assert stated_shapes(split, 1) == [(2,), (3,)]
    assert stated_shapes(split, 3) == [(2,), (3,), None]
    assert [stated_shape(split, output) for output in range(3)] == [(2,), (3,), None]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (None, (1, None), (1, None)),
        ((1, None), None, (1, None)),
        ((None, 2, None), (1, None, None), (1, 2, None)),
        ((3,), (4,), (3,)),
        ((3,), (), (3,)),
    ],
)
def test_merged(first: Shape, second: Shape, expected: Shape) -> None:
    assert merged(first, second) == expected


def test_an_argument() -> None:
    function = protos.FunctionDef()
    stated = attr("_output_shapes", f"list {{ shape {{ {shape(2)} }} }}")
    text_format.Merge(f"arg_attr {{ key: 1 value {{ {stated} }} }}", function)
    shapes = [argument_shape(function.arg_attr, position) for position in range(3)]
    assert shapes == [None, (2,), None]
    assert list(function.arg_attr) == [1]


@pytest.mark.parametrize("op", ["Placeholder", "PlaceholderV2", "PlaceholderWithDefault"])
@pytest.mark.parametrize("producer", [None, 0, 21, 22, 1000])
def test_what_is_meant_by_a_scalar(op: str, producer: int | None) -> None:
    before = node(f"{op}() {DTYPE} {SCALAR}")
    old = op == "Placeholder" and producer in (0, 21)
    after = as_meant(before, producer)
    assert stated_shape(after) == (None if old else ())
    assert before == node(f"{op}() {DTYPE} {SCALAR}")
    assert old or after is before


def graph_views(graph: protos.GraphDef, name: str, output: int = 0) -> set[Shape]:
    """What each part of sigpb that reads graphs says of a tensor."""
    encoded = graph.SerializeToString()
    op_defs = OpDefs()
    top = TopLevelGraph(Message.root(encoded), Known(), op_defs)
    records = graph_records(Message.root(encoded))
    message = Message.root(encoded)
    body = FlowBody(message, op_defs, records, {}, (), version=graph_version(message))
    type_ = top.type_of(f"{name}:{output}")
    assert type_ is not None
    return {
        type_.shape,
        stated_shape(top.nodes[name], output),
        output_type(body, records[name], output).shape,
    }


@pytest.mark.tensorflow
@pytest.mark.parametrize("producer", [0, 20, 21, 22, 23, 24, 1000])
@pytest.mark.parametrize("attributes", [SCALAR, UNKNOWN, "", attr("shape", "shape { dim {} }")])
@pytest.mark.parametrize("op", ["Placeholder", "PlaceholderV2", "PlaceholderWithDefault"])
@pytest.mark.parametrize("inferred", ["", NO_RANK, output_shapes(())])
def test_every_reader_says_what_the_importer_says(
    op: str, attributes: str, inferred: str, producer: int
) -> None:
    source = "c" if op == "PlaceholderWithDefault" else ""
    if op == "PlaceholderV2" and producer > 22:
        return  # It is gone then.
    if not attributes and op != "Placeholder":
        attributes = UNKNOWN
    text = f"x = {op}({source}) {DTYPE} {attributes} {inferred}"
    graph = graph_def(f"{text}\nc = Placeholder() {DTYPE}", producer)
    imported = _imported(graph, "x:0")
    if imported != "refused":
        assert graph_views(graph, "x") == {imported}


@pytest.mark.tensorflow
@pytest.mark.parametrize("op", ["Variable", "VariableV2", "TemporaryVariable", "ImmutableConst"])
@pytest.mark.parametrize("sizes", [(), (3,)])
def test_other_ops_with_a_shape(op: str, sizes: tuple[int, ...]) -> None:
    region = attr("memory_region_name", 's: "a"') if op == "ImmutableConst" else ""
    graph = graph_def(f"x = {op}() {placeholder(*sizes)} {region}")
    assert graph_views(graph, "x") == {_imported(graph, "x:0")}


def _imported(graph: protos.GraphDef, tensor: str) -> Any:
    """Returns the shape that a tensor has once TensorFlow has imported a graph."""
    import tensorflow as tf

    given = tf.compat.v1.GraphDef.FromString(graph.SerializeToString())
    with tf.Graph().as_default():
        try:
            (found,) = tf.import_graph_def(given, return_elements=[tensor], name="")
        except ValueError:
            return "refused"
        return shape_of(
            protos.TensorShapeProto.FromString(found.shape.as_proto().SerializeToString())
        )


@given(producer=st.integers(0, 2**31 - 1))
def test_producer(producer: int) -> None:
    encoded = graph_def("x = Neg(y)", producer).SerializeToString()
    assert producer_of(Message.root(encoded)) == producer
    assert producer_of(Message.root(protos.GraphDef().SerializeToString())) == 0
