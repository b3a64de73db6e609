from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.scores import Exp, L2Normalize, Log, Sigmoid, Softmax
from sigpb.steps.step import ConversionError, Step, Stored, build_steps
from sigpb.steps.syntax import parse_step, step_text
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of
from tests.steps.graph_body import GraphDefBody
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

FLOATS = ["float32", "float64", "float16", "bfloat16"]
STEPS: list[Step] = [Softmax(), Sigmoid(), Log(), Exp(), L2Normalize()]
OF_ELEMENTS: list[Step] = [Sigmoid(), Log(), Exp()]

SCORES = [[0.5, 1.5, -2.5, 0.1], [3.3, 250.0, -7.0, 0.0], [1e-3, 0.0, 0.0, 9.0]]


def values(dtype: str, sizes: tuple[int, ...]) -> Any:
    return np.resize(np.array(SCORES), sizes).astype(numpy_dtype(dtype_of(dtype)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_the_type_stays(step: Step, dtype: str) -> None:
    for shape in ((None, 4), (3, None), (None, 2, 4)):
        type_ = TensorType(dtype_of(dtype), shape)
        assert step.result(type_) == step.operand(type_) == type_


@pytest.mark.parametrize("step", OF_ELEMENTS, ids=repr)
@pytest.mark.parametrize("shape", [(), (None,), None])
def test_elements_of_any_shape(step: Step, shape: Shape) -> None:
    type_ = TensorType(dtype_of("float32"), shape)
    assert step.result(type_) == type_


@pytest.mark.parametrize(
    ("step", "dtype", "shape", "said"),
    [
        (Softmax(), "int64", (None, 3), r"softmax takes floats, not int64; put cast\('float32'\)"),
        (Softmax(), "float32", (None,), r"softmax takes a vector for each example, not \[\?\]"),
        (Softmax(), "float32", (), r"softmax takes a vector for each example, not \[\]"),
        (
            Softmax(),
            "float32",
            None,
            r"not <unknown>; put .* reshape\(\[None, 10\]\) before it",
        ),
        (L2Normalize(), "uint8", (None, 3), "l2_normalize takes floats, not uint8"),
        (L2Normalize(), "float32", (3,), r"l2_normalize takes a vector for each example, not \[3"),
        (Sigmoid(), "string", (None,), "sigmoid takes floats, not string"),
        (Log(), "int32", (None,), "log takes floats, not int32"),
        (Exp(), "complex64", (None,), "exp takes floats, not complex64"),
    ],
)
def test_refused(step: Step, dtype: str, shape: Shape, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        step.result(TensorType(dtype_of(dtype), shape))


@pytest.mark.parametrize(
    ("step", "text", "lost"),
    [
        (Softmax(), "softmax()", "rounds"),
        (Sigmoid(), "sigmoid()", "rounds"),
        (Log(), "log()", "rounds; values below 0 become NaN"),
        (Exp(), "exp()", "rounds; large values become inf"),
        (L2Normalize(), "l2_normalize()", "rounds"),
    ],
)
def test_there_and_back(step: Step, text: str, lost: str) -> None:
    assert step_text(step) == text
    assert parse_step(text) == step
    type_ = TensorType(dtype_of("float32"), (None, 3))
    assert step.loss(type_) == lost
    with pytest.raises(ValueError, match="cannot be undone"):
        step.inverse(Stored([1.0], (1,)), type_)


@pytest.mark.tensorflow
def test_values() -> None:
    x = np.array([[0, 1, -2], [3, 3, 3]], np.float32)
    powers = np.exp(x.astype(np.float64))
    for step, expected in (
        (Softmax(), powers / powers.sum(axis=1, keepdims=True)),
        (Sigmoid(), powers / (1 + powers)),
        (Exp(), powers),
        (L2Normalize(), x / np.sqrt(np.array([[5], [27]]))),
    ):
        found = step.evaluate(x)
        assert (found.dtype, found.shape) == (x.dtype, x.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    found = Log().evaluate(np.float32([1, np.e, 0, np.inf, -1]))
    np.testing.assert_allclose(found, [0, 1, -np.inf, np.inf, np.nan], rtol=1e-6)
    assert L2Normalize().evaluate(np.zeros((1, 2), np.float32)).tolist() == [[0, 0]]
    assert np.isnan(L2Normalize().evaluate(np.zeros((1, 2), np.float16))).all()


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_in_tensorflow(step: Step, dtype: str) -> None:
    for sizes in ((0, 4), (1, 4), (3, 4), (3, 2, 4), (3, 0), (64, 1001)):
        operand = TensorType(dtype_of(dtype), (None,) * len(sizes))
        assert_evaluated_as_in_tensorflow((step,), operand, values(dtype, sizes))


@pytest.mark.tensorflow
@pytest.mark.parametrize("step", OF_ELEMENTS, ids=repr)
def test_scalars_in_tensorflow(step: Step) -> None:
    operand = TensorType(dtype_of("float32"), ())
    assert_evaluated_as_in_tensorflow((step,), operand, np.array(0.7, np.float32))


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", FLOATS)
def test_tensorflow_has_the_same_nodes(dtype: str) -> None:
    import tensorflow as tf

    functions = {
        Softmax(): tf.nn.softmax,
        Sigmoid(): tf.math.sigmoid,
        Log(): tf.math.log,
        Exp(): tf.math.exp,
        L2Normalize(): lambda x: tf.math.l2_normalize(x, axis=-1),
    }
    operand = TensorType(dtype_of(dtype), (None, 4))
    for step, function in functions.items():
        body = GraphDefBody()
        build_steps(body, [step], body.placeholder("x", *operand), operand)
        with tf.Graph().as_default() as graph:
            function(tf.compat.v1.placeholder(tf.as_dtype(dtype), [None, 4]))
        expected, nodes = graph.as_graph_def().node, body.graph.node
        assert sorted(node.op for node in nodes) == sorted(node.op for node in expected)
        assert held(nodes) == held(expected)


def held(nodes: Iterable[Any]) -> list[tuple[str, bytes]]:
    """Returns the values of constants."""
    import tensorflow as tf
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    tensors = (node.attr["value"].tensor for node in nodes if node.op == "Const")
    read = (TensorProto.FromString(each.SerializeToString()) for each in tensors)
    arrays = [tf.make_ndarray(each) for each in read]
    return sorted((str((array.dtype, array.shape)), array.tobytes()) for array in arrays)
