from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.arithmetic import Affine, Clip, Round, Scale, Threshold
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.step import ConversionError, Step, Stored
from sigpb.steps.syntax import parse_step, step_text
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

FLOATS = ["float32", "float64", "float16", "bfloat16"]
INTEGERS = ["uint8", "int8", "int32", "int64"]
OF_FLOATS: list[Step] = [
    Scale(127.5, 127.5),
    Scale((1, 2, 3), 0.3),
    Scale(0.1, (0.3, 7.0, 1e-3)),
    Affine(1 / 255),
    Affine((0.1, 2, 3), (4, 5, 6)),
    Affine(2, -1.1),
    Clip(0, 1),
    Clip(-0.1, 0.7),
    Round(),
]


def values(dtype: str, rows: int = 3) -> Any:
    numbers = np.array([0.5, 1.5, -2.5, 0.1, 3.3, 250, -7, 0, 100][: 3 * rows]).reshape(rows, 3)
    return numbers.astype(numpy_dtype(dtype_of(dtype)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("step", OF_FLOATS, ids=repr)
def test_the_type_stays(step: Step, dtype: str) -> None:
    type_ = TensorType(dtype_of(dtype), (None, 3))
    assert step.result(type_) == step.operand(type_) == type_


def test_values() -> None:
    x = np.float32([[0, 127.5, 255]])
    assert Scale(127.5, 127.5).evaluate(x).tolist() == [[-1, 0, 1]]
    assert Scale((0, 27.5, 5), (1, 100, 2)).evaluate(x).tolist() == [[0, 1, 125]]
    assert Affine(2, (1, 2, 3)).evaluate(x).tolist() == [[1, 257, 513]]
    assert Affine(2).evaluate(x).tolist() == [[0, 255, 510]]
    assert Clip(1, 200).evaluate(x).tolist() == [[1, 127.5, 200]]
    assert Clip(1, 200).evaluate(np.int32([0, 7, 300])).tolist() == [1, 7, 200]
    assert Round().evaluate(np.float32([0.5, 1.5, 2.5, -0.5, 2.6])).tolist() == [0, 2, 2, 0, 3]


@pytest.mark.parametrize(
    ("step", "dtype"),
    [(Scale(1, 1e39), "float64"), (Affine(-65504, 0), "float16"), (Affine(1e-7), "float16")],
)
def test_numbers_that_a_dtype_holds(step: Step, dtype: str) -> None:
    type_ = TensorType(dtype_of(dtype), (None, 3))
    assert step.result(type_) == type_


@pytest.mark.parametrize("shape", [(None, 3), (), None])
def test_threshold(shape: Shape) -> None:
    step, bool_ = Threshold(0.1), TensorType(dtype_of("bool"), shape)
    assert step.result(TensorType(dtype_of("bfloat16"), shape)) == bool_
    found = step.evaluate(np.float32([0.1, np.nextafter(np.float32(0.1), np.float32(0)), np.nan]))
    assert found.tolist() == [True, False, False]
    with pytest.raises(ConversionError, match="what threshold takes does not follow"):
        step.operand(bool_)
    assert parse_step("threshold(0.1)") == step
    assert step_text(step) == "threshold(0.1)"


@pytest.mark.parametrize(
    ("step", "dtype", "shape", "said"),
    [
        (Scale(1, 2), "uint8", (None, 3), r"scale takes floats, not uint8; put cast\('float32'\)"),
        (Affine(1), "int64", (None, 3), "affine takes floats, not int64"),
        (Round(), "string", (None, 3), "round takes floats, not string"),
        (Clip(0, 1), "bool", (None, 3), "clip takes floats and integers, not bool"),
        (Scale(1, 0), "float32", (None, 3), "scale cannot divide by 0"),
        (Scale(1, (1, 0, 1)), "float32", (None, 3), "scale cannot divide by 0"),
        (Scale((1, 2), 1), "float32", (None, 3), r"has 2 numbers for the last dimension of \[\?,3"),
        (Scale(1, (1, 2)), "float32", (None, None), "has 2 numbers for the last dimension"),
        (Affine((1, 2), 1), "float32", (), "has 2 numbers for the last dimension"),
        (Affine(1, (1, 2)), "float32", None, "has 2 numbers for the last dimension"),
        (Affine(float("inf")), "float32", (None, 3), "cannot have the numbers inf"),
        (Scale(float("nan"), 1), "float32", (None, 3), "cannot have the numbers nan"),
        (Scale(1, 5e-324), "float64", (None, 3), "scale cannot divide by 5e-324 in float64"),
        (Scale(1, 1e-6), "float16", (None, 3), "scale cannot divide by 1e-06 in float16"),
        (Scale(1, 1e39), "float32", (None, 3), "numbers 1e.39, which float32 does not hold"),
        (Affine(65505), "float16", (None, 3), "numbers 65505, which float16 does not hold"),
        (Affine(1, -1e300), "bfloat16", (None, 3), "bfloat16 does not hold"),
        (Affine(1, 10**400), "float64", (None, 3), "float64 does not hold"),
        (Affine(1e-9), "float16", (None, 3), "numbers 1e-09, which float16 does not hold"),
        (Clip(0, float("inf")), "float32", (None, 3), "float32 has no value inf"),
        (Clip(0, 1e6), "float16", (None, 3), "float16 has no value 1000000.0"),
        (Clip(0, 10**400), "int64", (None, 3), "int64 has no value 1000"),
        (Clip(0, float("inf")), "int64", (None, 3), "int64 has no value inf"),
        (Threshold(0.5), "int64", (None, 3), r"threshold takes floats, not int64; put cast\('flo"),
        (Threshold(float("nan")), "float32", (None, 3), "threshold cannot have the numbers nan"),
        (
            Threshold(1e6),
            "float16",
            (None, 3),
            "threshold cannot have the numbers 1000000.0, which",
        ),
        (Clip(0, 1), "uint4", (None, 3), "clip takes floats and integers, not uint4"),
        (Clip(2, 1), "float32", (None, 3), "needs bounds in order, not 2 and 1"),
        (Clip(0, 256), "uint8", (None, 3), "uint8 has no value 256"),
        (Clip(-1, 6), "uint8", (None, 3), "uint8 has no value -1"),
        (Clip(0, 2.5), "uint8", (None, 3), "uint8 has no value 2.5"),
    ],
)
def test_refused(step: Step, dtype: str, shape: Shape, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        step.result(TensorType(dtype_of(dtype), shape))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Scale(1, 2), "rounds"),
        (Affine(1), "rounds"),
        (Clip(0, 1), "values outside 0…1 become these"),
        (Round(), "drops fractions"),
        (Threshold(0.5), "keeps only whether a value is at least 0.5"),
    ],
)
def test_losses(step: Step, said: str) -> None:
    assert step.loss(TensorType(dtype_of("float32"), (None, 3))) == said
    with pytest.raises(ValueError, match="cannot be undone"):
        step.inverse(Stored([1.0], (1,)), TensorType(dtype_of("float32"), (1,)))


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("step", [*OF_FLOATS, Threshold(0.1), Threshold(-7)], ids=repr)
def test_floats_in_tensorflow(step: Step, dtype: str) -> None:
    for rows in (0, 1, 3):
        operand = TensorType(dtype_of(dtype), (None, 3))
        assert_evaluated_as_in_tensorflow((step,), operand, values(dtype, rows))


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_in_tensorflow(dtype: str) -> None:
    operand = TensorType(dtype_of(dtype), (None, 3))
    value = np.arange(9).reshape(3, 3).astype(numpy_dtype(operand.dtype))
    assert_evaluated_as_in_tensorflow((Clip(2, 5),), operand, value)
