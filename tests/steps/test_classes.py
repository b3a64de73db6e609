from __future__ import annotations

import numpy as np
import pytest

from sigpb.steps.classes import Argmax, OneHot
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

FLOAT, INT64 = dtype_of("float32"), dtype_of("int64")
SCORES = [
    *("float32", "float64", "float16", "bfloat16"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
]


def test_types() -> None:
    assert Argmax().result(TensorType(FLOAT, (None, 5, 3))) == TensorType(INT64, (None, 5))
    assert OneHot(4).result(TensorType(INT64, (None,))) == TensorType(FLOAT, (None, 4))
    assert OneHot(4).result(TensorType(INT64, ())) == TensorType(FLOAT, (4,))
    assert OneHot(4).operand(TensorType(FLOAT, (None, 4))) == TensorType(INT64, (None,))


def test_values() -> None:
    assert Argmax().evaluate(np.float32([[1, 3, 3], [5, 2, 5]])).tolist() == [1, 0]
    assert OneHot(3).evaluate(np.int64([2, 0, -1, 3])).tolist() == [
        [0, 0, 1],
        [1, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("step", "dtype", "shape", "said"),
    [
        (Argmax(), "string", (None, 3), "argmax takes numbers, not string"),
        (Argmax(), "bool", (None, 3), "argmax takes numbers, not bool"),
        (Argmax(), "float32", (None,), r"a vector for each example, not \[\?\]"),
        (Argmax(), "float32", None, "a vector for each example, not <unknown>"),
        (OneHot(3), "float32", (None,), "one_hot takes int32, int64, int8, uint8, not float32"),
        (OneHot(3), "int16", (None,), "not int16"),
        (OneHot(3), "int64", None, "needs to know how many dimensions"),
        (OneHot(0), "int64", (None,), "cannot have the depth 0"),
        (OneHot(2**31), "int64", (None,), "cannot have the depth 2147483648"),
    ],
)
def test_refused(step: Step, dtype: str, shape: Shape, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        step.result(TensorType(dtype_of(dtype), shape))


def test_what_one_hot_does_not_return() -> None:
    with pytest.raises(ConversionError, match=r"one_hot does not return \[\]"):
        OneHot(3).operand(TensorType(FLOAT, ()))


def test_only_the_place_is_kept() -> None:
    assert Argmax().loss(TensorType(FLOAT, (None, 3))) == "keeps only where the greatest value is"
    assert OneHot(3).loss(TensorType(INT64, (None,))) is None


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", SCORES)
def test_argmax_in_tensorflow(dtype: str) -> None:
    for rows in (0, 1, 3):
        value = (np.arange(4 * rows).reshape(rows, 4) * 7 % 5).astype(numpy_dtype(dtype_of(dtype)))
        operand = TensorType(dtype_of(dtype), (None, 4))
        assert_evaluated_as_in_tensorflow((Argmax(),), operand, value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64"])
def test_one_hot_in_tensorflow(dtype: str) -> None:
    for rows in (0, 1, 3):
        value = np.array([1, 200, 0][:rows]).astype(numpy_dtype(dtype_of(dtype)))
        operand = TensorType(dtype_of(dtype), (None,))
        assert_evaluated_as_in_tensorflow((OneHot(3),), operand, value)
