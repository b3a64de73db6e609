"""What steps evaluate to is what TensorFlow makes of their nodes, in a graph and in a function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.conversion import dtype_steps, shape_steps
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.step import build_steps
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of, parse_shape
from tests.steps.graph_body import GraphDefBody
from tests.steps.in_tensorflow import (
    assert_evaluated_as_in_tensorflow,
    assert_same,
    evaluated,
    run_in_a_graph,
)
from tests.steps.test_conversion import CONVERTIBLE

pytestmark = pytest.mark.tensorflow

Array = Any


def values_of(name: str) -> Array:
    """A dozen values of a dtype, whose integers any other numeric dtype can hold or wraps."""
    if name == "string":
        return np.array([b"0", b"1", b" 7 ", b"+3"], dtype=object)
    dtype = numpy_dtype(dtype_of(name))
    if dtype.kind == "b":
        return np.array([True, False])
    if dtype.kind in "iu" or name in ("int4", "uint4"):
        low = 0 if name.startswith("u") else -8
        found = np.arange(low, low + 16)
        if name not in ("int4", "uint4"):
            limits = np.iinfo(dtype)
            found = np.array([*found, limits.min, limits.max], dtype)
        return found.astype(dtype)
    numbers = np.array([0.0, -0.0, 1.0, 0.5, 2.75, 7.0, 1.1, 0.3, 3.999], np.float64)
    if dtype.kind == "c":
        return (numbers + 1j * numbers[::-1]).astype(dtype)
    return numbers.astype(dtype)


@pytest.mark.parametrize("source", CONVERTIBLE)
def test_every_pair_of_dtypes(source: str) -> None:
    body, values = GraphDefBody(), values_of(source)
    operand = TensorType(dtype_of(source), (None,))
    tensor = body.placeholder("x", *operand)
    chains = [dtype_steps(operand.dtype, dtype_of(target)) for target in CONVERTIBLE]
    fetched = [build_steps(body, steps, tensor, operand) for steps in chains]

    for value in (values, values[:0]):
        found = run_in_a_graph(body, fetched, {tensor: value})
        for steps, result in zip(chains, found, strict=True):
            assert_same(result, evaluated(steps, value))


@pytest.mark.parametrize("source", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("target", ["float16", "bfloat16", "float32", "float8_e5m2", "string"])
def test_rounding(source: str, target: str) -> None:
    numbers = np.random.default_rng(0).uniform(-300, 300, 5000)
    halves: Array = np.arange(0x4C00, 0x5000, dtype=np.uint16).view(np.float16).astype(np.float64)
    midway = (halves[1:] + halves[:-1]) / 2
    beside = [np.nextafter(midway, np.inf), np.nextafter(midway, -np.inf)]
    value: Array = np.concatenate([numbers, midway, *beside]).astype(numpy_dtype(dtype_of(source)))
    operand = TensorType(dtype_of(source), (None,))
    assert_evaluated_as_in_tensorflow(dtype_steps(operand.dtype, dtype_of(target)), operand, value)


RESHAPES = [
    ("[?,784]", "[?,28,28,1]", (3, 784)),
    ("[?,784]", "[?,28,28,1]", (0, 784)),
    ("[?,28,28,1]", "[?,784]", (0, 28, 28, 1)),
    ("[?,2,6]", "[?,6]", (3, 2, 6)),
    ("[6,4]", "[?,2,2]", (6, 4)),
    ("[1]", "[]", (1,)),
    ("[]", "[1,1]", ()),
    ("<unknown>", "[?,3]", (2, 1, 3)),
    ("[?,?,64]", "[?,?,8,8]", (2, 5, 64)),
    ("[?,?,64]", "[?,?,8,8]", (0, 5, 64)),
    ("[?,?,64]", "[?,?,8,8]", (2, 0, 64)),
    ("[?,6,?]", "[1,?,2,3,?,1]", (3, 6, 4)),
    ("[?,0]", "[?,0,5]", (3, 0)),
]


@pytest.mark.parametrize(("source", "target", "sizes"), RESHAPES)
@pytest.mark.parametrize("name", ["float32", "string", "int4", "bool"])
def test_reshape(source: str, target: str, sizes: tuple[int, ...], name: str) -> None:
    steps = shape_steps(parse_shape(source), parse_shape(target))
    value: Array = np.resize(values_of(name), sizes)
    operand = TensorType(dtype_of(name), parse_shape(source))
    assert_evaluated_as_in_tensorflow(steps, operand, value)


@pytest.mark.parametrize(("source", "target"), sorted({case[:2] for case in RESHAPES}))
def test_tensorflow_infers_the_shapes_that_are_stated(source: str, target: str) -> None:
    import tensorflow as tf

    operand = TensorType(dtype_of("float32"), parse_shape(source))
    body = GraphDefBody()
    steps = shape_steps(operand.shape, parse_shape(target))
    build_steps(body, steps, body.placeholder("x", *operand), operand)

    graph_def = tf.compat.v1.GraphDef.FromString(body.graph.SerializeToString())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        inferred = {node: shape(graph.get_tensor_by_name(f"{node}:0")) for node in body.shapes}
    if (source, target) == ("[6,4]", "[?,2,2]"):
        inferred["Reshape"] = (None, 2, 2)  # TensorFlow sees that it is 6.
    assert inferred == body.shapes


def shape(tensor: Any) -> Shape:
    return None if tensor.shape.rank is None else tuple(tensor.shape.as_list())


def test_nodes_have_all_attributes_that_have_no_default() -> None:
    from tensorflow.python.framework import op_def_registry

    body = GraphDefBody()
    for source, target in (("int32", "string"), ("string", "uint8")):
        operand = TensorType(dtype_of(source), ())
        build_steps(body, dtype_steps(operand.dtype, dtype_of(target)), "x:0", operand)
    operand = TensorType(dtype_of("float32"), (None, None, 4))
    build_steps(body, shape_steps(operand.shape, (None, None, 2, 2)), "x:0", operand)

    assert set(body.ops) == {
        *("AsString", "StringToNumber", "Cast"),
        *("Shape", "Const", "StridedSlice", "Pack", "Reshape"),
    }
    for node in body.graph.node:
        attributes = op_def_registry.get(node.op).attr
        needed = {each.name for each in attributes if not each.HasField("default_value")}
        assert needed <= set(node.attr) <= {each.name for each in attributes}


def test_in_a_function() -> None:
    import tensorflow as tf

    operand = TensorType(dtype_of("uint8"), (None, None, 4))
    body = GraphDefBody()
    tensor = body.placeholder("x", *operand)
    steps = (
        *shape_steps(operand.shape, (None, None, 2, 2)),
        *dtype_steps(operand.dtype, dtype_of("float32")),
    )
    fetched = build_steps(body, steps, tensor, operand)
    graph_def = tf.compat.v1.GraphDef.FromString(body.graph.SerializeToString())

    def imported(x: Any) -> Any:
        return tf.import_graph_def(graph_def, {tensor: x}, [fetched], name="")[0]

    converted = tf.function(imported, [tf.TensorSpec([None, None, 4], tf.uint8)])

    assert converted.get_concrete_function().output_shapes.as_list() == [None, None, 2, 2]
    value: Array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for sample in (value, value[:0], value[:, :0]):
        assert_same(converted(sample).numpy(), evaluated(steps, sample))
