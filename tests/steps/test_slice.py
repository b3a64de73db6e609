from __future__ import annotations

import numpy as np
import pytest

from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.slice import Slice
from sigpb.steps.step import ConversionError
from sigpb.steps.syntax import parse_step, step_text
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

FLOAT = dtype_of("float32")


def test_types() -> None:
    assert Slice(1, 2).result(TensorType(FLOAT, (None, 3))) == TensorType(FLOAT, (None, 2))
    assert Slice(0, 1).result(TensorType(FLOAT, (None, 5, 3))) == TensorType(FLOAT, (None, 5, 1))
    assert Slice(0, 4).result(TensorType(FLOAT, (4,))) == TensorType(FLOAT, (4,))


def test_what_goes_in() -> None:
    for taken, given in (((None, 4), (None, None)), ((3, 7, 4), (3, 7, None)), (None, None)):
        assert Slice(0, 4).operand(TensorType(FLOAT, taken)) == TensorType(FLOAT, given)
    with pytest.raises(ConversionError, match="what slice takes does not follow"):
        Slice(0, 4).operand(TensorType(FLOAT, ()))


def test_values() -> None:
    value = np.arange(8).reshape(2, 4)
    assert Slice(1, 2).evaluate(value).tolist() == [[1, 2], [5, 6]]
    assert Slice(3, 1).evaluate(value).tolist() == [[3], [7]]


@pytest.mark.parametrize(
    ("step", "shape", "said"),
    [
        (Slice(0, 1), None, "the size of the last dimension, which <unknown> does not tell"),
        (Slice(0, 1), (), r"the size of the last dimension, which \[\] does not tell"),
        (Slice(0, 1), (3, None), r"the size of the last dimension, which \[3,\?\] does not tell"),
        (Slice(2, 2), (None, 3), r"takes 2 from 2 on, but the last .* \[\?,3\] has 3: 0 to 2"),
        (Slice(-1, 2), (None, 3), "takes 2 from -1 on"),
        (Slice(1, 0), (None, 3), "takes 0 from 1 on"),
        (Slice(1, -1), (None, 3), "takes -1 from 1 on"),
    ],
)
def test_refused(step: Slice, shape: Shape, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        step.result(TensorType(FLOAT, shape))


def test_there_and_back() -> None:
    assert step_text(Slice(1, 2)) == "slice(1, 2)"
    assert parse_step("slice(1, 2)") == parse_step("slice(begin=1, size=2)") == Slice(1, 2)


def test_loss() -> None:
    assert Slice(1, 2).loss(TensorType(FLOAT, (None, 3))) == "drops all but 1…2"


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "string", "bool", "uint8", "int64"])
def test_in_tensorflow(dtype: str) -> None:
    kind = object if dtype == "string" else numpy_dtype(dtype_of(dtype))
    for sizes in ((0, 4), (1, 4), (3, 4), (3, 2, 4), (4,), (3, 0, 4)):
        value = np.resize(np.arange(7), sizes).astype(kind)
        if dtype == "string":
            value = np.resize(np.array([b"a", b"b", b"cc"], dtype=object), sizes)
        operand = TensorType(dtype_of(dtype), (*(None,) * (len(sizes) - 1), 4))
        for step in (Slice(1, 2), Slice(3, 1), Slice(0, 4)):
            assert_evaluated_as_in_tensorflow((step,), operand, value)
