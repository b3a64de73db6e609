"""Channels in another order, dimensions by letters, and one dimension in place of several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.steps.layout import Flatten, Layout, ReverseChannels
from sigpb.steps.step import ConversionError, Step, Stored
from sigpb.tf.tensor_types import TensorType, dtype_of
from tests.steps.chains import made_of, refused, taken_for, type_of
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

INT32 = dtype_of("int32")


@pytest.mark.parametrize(
    ("step", "operand", "result"),
    [
        ("reverse_channels()", "uint8 [?,2,5,3]", "uint8 [?,2,5,3]"),
        ("reverse_channels()", "float32 [3]", "float32 [3]"),
        ("layout('NHWC', 'NCHW')", "uint8 [?,2,5,3]", "uint8 [?,3,2,5]"),
        ("layout('NCHW', 'NHWC')", "float32 [?,3,?,5]", "float32 [?,?,5,3]"),
        ("layout('tb', 'bt')", "string [4,?]", "string [?,4]"),
        ("flatten()", "uint8 [?,2,5,3]", "uint8 [?,30]"),
        ("flatten()", "string [4,2,5]", "string [4,10]"),
        ("flatten()", "float32 [?,7]", "float32 [?,7]"),
        ("flatten()", "float32 [?]", "float32 [?,1]"),
    ],
)
def test_type(step: str, operand: str, result: str) -> None:
    assert made_of(step, operand) == result


@pytest.mark.parametrize(
    ("step", "result", "operand"),
    [
        ("reverse_channels()", "uint8 [?,2,5,3]", "uint8 [?,2,5,3]"),
        ("layout('NHWC', 'NCHW')", "uint8 [?,3,2,5]", "uint8 [?,2,5,3]"),
        ("flatten()", "uint8 [?,30]", "uint8 <unknown>"),
    ],
)
def test_what_goes_in(step: str, result: str, operand: str) -> None:
    assert taken_for(step, result) == operand


@pytest.mark.parametrize(
    ("step", "operand", "said"),
    [
        (
            "reverse_channels()",
            "uint8 [?,3,2,4]",
            "reverse_channels takes 3 channels along the last dimension, not [?,3,2,4]; where they "
            "are elsewhere, put a step such as layout('NCHW', 'NHWC') before it",
        ),
        ("reverse_channels()", "uint8 [?,2,5,?]", "not [?,2,5,?]"),
        ("reverse_channels()", "uint8 <unknown>", "not <unknown>"),
        ("reverse_channels()", "uint8 []", "not []"),
        ("reverse_channels()", "string [?,3]", "reverse_channels takes numbers, not string"),
        ("reverse_channels()", "int4 [?,3]", "reverse_channels takes numbers, not int4"),
        (
            "layout('NHWC', 'NCHD')",
            "uint8 [?,2,5,3]",
            "layout needs the same letters twice, each for one dimension, such as 'NHWC' and "
            "'NCHW', not 'NHWC' and 'NCHD'",
        ),
        ("layout('NHH', 'HNH')", "uint8 [?,2,5]", "needs the same letters twice"),
        ("layout('NHH', 'NH')", "uint8 [?,2,5]", "needs the same letters twice"),
        ("layout('NHW', 'NHWC')", "uint8 [?,2,5]", "needs the same letters twice"),
        (
            "layout('NHWC', 'NCHW')",
            "uint8 [?,2,5]",
            "layout names the dimensions NHWC, but the shape is [?,2,5]",
        ),
        ("layout('NHWC', 'NCHW')", "uint8 <unknown>", "but the shape is <unknown>"),
        (
            "flatten()",
            "uint8 [?,?,3]",
            "flatten needs to know the sizes of all dimensions but the first, and not [?,?,3]; "
            "state the shape",
        ),
        ("flatten()", "uint8 <unknown>", "and not <unknown>; state the shape"),
        ("flatten()", "uint8 []", "and not []"),
    ],
)
def test_refused(step: str, operand: str, said: str) -> None:
    assert said in refused(step, operand)


def test_layouts_that_are_none_follow_from_nothing() -> None:
    with pytest.raises(ConversionError, match="the same letters twice"):
        Layout("AB", "AC").operand(type_of("uint8 [?,2]"))


def test_by_hand() -> None:
    image = np.arange(12).reshape(1, 2, 2, 3)
    assert ReverseChannels().evaluate(image).tolist() == [
        [[[2, 1, 0], [5, 4, 3]], [[8, 7, 6], [11, 10, 9]]]
    ]
    assert Layout("NHWC", "NCHW").evaluate(image).tolist() == [
        [[[0, 3], [6, 9]], [[1, 4], [7, 10]], [[2, 5], [8, 11]]]
    ]
    assert Flatten().evaluate(image).tolist() == [[*range(12)]]


STEPS = [ReverseChannels(), Layout("NHWC", "NCHW"), Layout("NHWC", "CWNH"), Flatten()]


@given(
    st.sampled_from(STEPS),
    st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3)),
    st.booleans(),
)
def test_undone(step: Step, sizes: tuple[int, int, int], is_same: bool) -> None:
    value: Any = np.arange(np.prod(sizes) * 3).reshape(*sizes, 3) * (not is_same)
    result = step.evaluate(value)
    elements = result.ravel().tolist()
    while is_same and elements[1:]:
        elements.pop()
    operand = TensorType(INT32, (None, *value.shape[1:]))
    found, exact = step.inverse(Stored(elements, result.shape), operand)
    assert exact
    assert found.sizes == value.shape
    assert np.resize(found.elements or [0], value.shape).tolist() == value.tolist()


def test_few_elements_stand_for_more() -> None:
    found, _ = ReverseChannels().inverse(Stored([1, 2], (1, 3)), type_of("int32 [?,3]"))
    assert found == ([2, 2, 1], (1, 3))


def test_what_has_no_channels_is_not_undone() -> None:
    with pytest.raises(ValueError, match="has not 3 channels"):
        ReverseChannels().inverse(Stored([1, 2], (1, 2)), type_of("int32 [?,3]"))


@pytest.mark.tensorflow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "int64"])
def test_in_tensorflow(step: Step, rows: int, dtype: str) -> None:
    value: Any = np.arange(rows * 30).astype(dtype).reshape(rows, 2, 5, 3)
    for shape in ("[?,2,5,3]", f"[{rows},2,5,3]"):
        assert_evaluated_as_in_tensorflow((step,), type_of(f"{dtype} {shape}"), value)


@pytest.mark.tensorflow
def test_flat_already() -> None:
    value: Any = np.arange(6).reshape(3, 2)
    assert_evaluated_as_in_tensorflow((Flatten(),), type_of("int64 [?,2]"), value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["bool", "uint16", "uint32", "uint64", "int8", "int16", "int32"])
def test_reversible_dtypes(dtype: str) -> None:
    value: Any = np.arange(6).reshape(2, 3).astype(dtype)
    assert_evaluated_as_in_tensorflow((ReverseChannels(),), type_of(f"{dtype} [?,3]"), value)
