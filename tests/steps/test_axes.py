from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.steps.axes import ExpandDims, Squeeze, Transpose
from sigpb.steps.step import ConversionError, Step, Stored
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

FLOAT = dtype_of("float32")
STEPS: list[tuple[Step, Shape, Shape]] = [
    (Transpose((0, 2, 3, 1)), (None, 3, 4, 5), (None, 4, 5, 3)),
    (Transpose((1, 0)), (None, 3), (3, None)),
    (Transpose(()), (), ()),
    (ExpandDims(0), (None, 3), (1, None, 3)),
    (ExpandDims(-1), (None, 3), (None, 3, 1)),
    (ExpandDims(1), (None,), (None, 1)),
    (Squeeze(1), (None, 1, 3), (None, 3)),
    (Squeeze(-1), (None, 1), (None,)),
    (Squeeze(0), (1,), ()),
]


@pytest.mark.parametrize(("step", "before", "after"), STEPS, ids=repr)
def test_types_there_and_back(step: Step, before: Shape, after: Shape) -> None:
    assert step.result(TensorType(FLOAT, before)) == TensorType(FLOAT, after)
    assert step.operand(TensorType(FLOAT, after)) == TensorType(FLOAT, before)


@pytest.mark.parametrize(
    ("step", "shape", "said"),
    [
        (Transpose((0, 2)), (None, 3), r"\[0, 2\] is no order of dimensions"),
        (Transpose((0, 0)), (None, 3), r"\[0, 0\] is no order of dimensions"),
        (Transpose((0, 1)), (None, 3, 4), r"orders 2 dimensions, but there are 3: \[\?,3,4\]"),
        (Transpose((0, 1)), None, "needs to know how many dimensions"),
        (ExpandDims(3), (None, 3), "there is no dimension 3 among 3"),
        (ExpandDims(-4), (None, 3), "there is no dimension -4 among 3"),
        (ExpandDims(0), None, "needs to know how many dimensions"),
        (Squeeze(1), (None, 3), r"dimension 1 of \[\?,3\] is not known to be"),
        (Squeeze(0), (None, 3), r"dimension 0 of \[\?,3\] is not known to be"),
        (Squeeze(2), (None, 1), "there is no dimension 2 among 2"),
    ],
    ids=repr,
)
def test_refused(step: Step, shape: Shape, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        step.result(TensorType(FLOAT, shape))


def _value(shape: Shape, rows: int) -> Any:
    sizes = [rows if size is None else size for size in shape or ()]
    return np.arange(prod(sizes), dtype=np.float32).reshape(sizes)


@pytest.mark.parametrize(("step", "before", "after"), STEPS, ids=repr)
def test_inverse(step: Step, before: Shape, after: Shape) -> None:
    value = _value(before, 2)
    came_out = step.evaluate(value)
    stored = Stored([*came_out.ravel()], came_out.shape)
    went_in, is_exact = step.inverse(stored, TensorType(FLOAT, before))
    assert is_exact
    assert went_in == Stored([*value.ravel()], value.shape)
    # One element stands for all.
    assert step.inverse(Stored([7.0], came_out.shape), TensorType(FLOAT, before)) == (
        Stored([7.0], value.shape),
        True,
    )


@pytest.mark.parametrize(
    ("step", "sizes"), [(Transpose((0, 1)), (3,)), (ExpandDims(0), (2, 3))], ids=repr
)
def test_what_cannot_have_come_out(step: Step, sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="has"):
        step.inverse(Stored([1.0], sizes), TensorType(FLOAT, None))


@given(st.permutations(range(4)), st.integers(1, 24))
def test_elements_that_one_stands_for(axes: list[int], count: int) -> None:
    step, sizes = Transpose(tuple(axes)), (1, 2, 3, 4)
    elements = [*map(float, range(count))]
    whole = np.array(elements + elements[-1:] * (24 - count)).reshape(sizes).transpose(axes)
    stored = Stored([*whole.ravel()], whole.shape)
    back, _ = step.inverse(stored, TensorType(FLOAT, sizes))
    assert np.array_equal(
        np.array(back.elements).reshape(back.sizes), whole.transpose(np.argsort(axes))
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize(("step", "before", "after"), STEPS, ids=repr)
def test_in_tensorflow(step: Step, before: Shape, after: Shape) -> None:
    for rows in (0, 1, 3):
        assert_evaluated_as_in_tensorflow((step,), TensorType(FLOAT, before), _value(before, rows))
