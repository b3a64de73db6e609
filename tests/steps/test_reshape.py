from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.steps.reshape import Reshape
from sigpb.steps.step import ConversionError, Stored
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape
from tests.steps.graph_body import GraphDefBody

FLOAT, INT32, INT64 = dtype_of("float32"), dtype_of("int32"), dtype_of("int64")


def test_result_has_the_new_shape() -> None:
    operand = TensorType(FLOAT, (None, 784))
    assert Reshape((None, 28, 28)).result(operand) == TensorType(FLOAT, (None, 28, 28))


def test_counts_that_differ_are_refused() -> None:
    with pytest.raises(ConversionError, match="15 elements"):
        Reshape((1, 10)).result(TensorType(FLOAT, (1, 15)))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Reshape((-1, 4)), r"there is no shape \[-1,4\]"),
        (Reshape((2**63,)), "there is no shape"),
        (Reshape((None, None, 2, 2)), r"leaves several sizes open; .* axes=\[0, 1\]"),
        (
            Reshape((None, None, 2, 2), (1, 0)),
            r"the axes \[1, 0\] do not have .* but \[0, 1\] have",
        ),
        (Reshape((None, None, 2, 2), (0, 9)), r"the axes \[0, 9\] do not have"),
        (Reshape((None, None, 2, 2), (0,)), r"the axes \[0\] do not have"),
    ],
)
def test_shapes_that_cannot_be_computed_are_refused(step: Reshape, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        step.result(TensorType(FLOAT, (None, None, 4)))


def test_nodes_with_a_constant_shape() -> None:
    body = GraphDefBody()
    built = Reshape((None, 28, 28)).build(body, "x:0", TensorType(FLOAT, (None, 784)))
    assert built == "Reshape:0"
    assert body.ops == ["Const", "Reshape"]
    node = body.node("Reshape")
    assert list(node.input) == ["x:0", "Reshape/shape:0"]
    assert (node.attr["T"].type, node.attr["Tshape"].type) == (FLOAT, INT32)
    assert list(body.node("Reshape/shape").attr["value"].tensor.int_val) == [-1, 28, 28]
    assert body.shapes == {"Reshape": (None, 28, 28), "Reshape/shape": (3,)}


def test_nodes_with_a_size_beyond_int32() -> None:
    body = GraphDefBody()
    Reshape((2**31, 1)).build(body, "x:0", TensorType(FLOAT, (2**31,)))
    assert body.node("Reshape").attr["Tshape"].type == INT64
    assert list(body.node("Reshape/shape").attr["value"].tensor.int64_val) == [2**31, 1]


def test_nodes_with_a_computed_shape() -> None:
    body = GraphDefBody()
    step = Reshape((None, None, 8, 8), axes=(0, 1))
    step.build(body, "x:0", TensorType(FLOAT, (None, None, 64)))
    picked = ["Const"] * 3 + ["StridedSlice"]
    assert body.ops == ["Shape", *picked, *picked, "Const", "Const", "Pack", "Reshape"]
    assert list(body.node("Reshape").input) == ["x:0", "Reshape/shape:0"]
    assert list(body.node("Reshape/shape").input) == [
        "Reshape/strided_slice:0",
        "Reshape/strided_slice_1:0",
        "Reshape/shape/size:0",
        "Reshape/shape/size_1:0",
    ]
    assert body.shapes["Reshape"] == (None, None, 8, 8)
    assert body.shapes["Reshape/Shape"] == (3,)
    assert body.shapes["Reshape/strided_slice"] == ()


SIZES = st.lists(st.integers(0, 4), max_size=4)


@given(sizes=SIZES, data=st.data())
def test_evaluate_is_numpy_reshape(sizes: list[int], data: st.DataObject) -> None:
    value = np.arange(math.prod(sizes)).reshape(sizes)
    units = data.draw(st.lists(st.just(1), max_size=2))
    target = data.draw(st.permutations(sizes + units))
    np.testing.assert_array_equal(Reshape(tuple(target)).evaluate(value), value.reshape(target))


@given(batch=st.integers(0, 5))
def test_evaluate_with_one_unknown_size(batch: int) -> None:
    value = np.arange(batch * 12).reshape(batch, 12)
    found = Reshape((None, 4, 3)).evaluate(value)
    np.testing.assert_array_equal(found, value.reshape(batch, 4, 3))


@given(batch=st.integers(0, 3), length=st.integers(0, 3))
def test_evaluate_with_sizes_of_the_operand(batch: int, length: int) -> None:
    value = np.arange(batch * length * 12).reshape(batch, 6, length, 2)
    found = Reshape((1, None, 2, 3, None, 2), axes=(0, 2)).evaluate(value)
    np.testing.assert_array_equal(found, value.reshape(1, batch, 2, 3, length, 2))


def test_description() -> None:
    assert Reshape((1,)).describe() == "reshape"
    assert Reshape((1,)).loss(TensorType(FLOAT, ())) is None


@pytest.mark.parametrize(
    ("shape", "sizes", "before", "arranged", "exact"),
    [
        ("[?,4]", (3, 4), "[?,2,2]", (3, 2, 2), True),
        ("[?,2,2]", (3, 2, 2), "[?,4]", (3, 4), True),
        ("[4]", (4,), "[1,4]", (1, 4), True),
        ("[8]", (8,), "[1,4]", (2, 4), False),
        ("[?,5]", (1, 5), "[?,2,2]", (1, 1, 5), False),
        ("[1]", (1,), "[]", (), True),
        ("[2]", (2,), "[]", (2,), False),
        ("[?,?,64]", (3, 1, 64), "[?,?,8,8]", (3, 1, 8, 8), True),
    ],
)
def test_inverse(
    shape: str, sizes: tuple[int, ...], before: str, arranged: tuple[int, ...], exact: bool
) -> None:
    elements = list(range(math.prod(sizes)))
    operand = TensorType(dtype_of("int32"), parse_shape(before))
    found = Reshape(parse_shape(shape) or ()).inverse(Stored(elements, sizes), operand)
    assert found == (Stored(elements, arranged), exact)
