"""Rectangles of images, and margins around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.images import Crop, Pad
from sigpb.steps.step import ConversionError, Step
from sigpb.steps.syntax import parse_step
from sigpb.tf.tensor_types import dtype_of
from tests.steps.chains import made_of, refused, taken_for, type_of
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

NUMBERS = (
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64"),
)


@pytest.mark.parametrize(
    ("step", "operand", "result"),
    [
        ("crop(1, 2, 3, 4)", "uint8 [?,4,6,3]", "uint8 [?,3,4,3]"),
        ("crop(0, 0, 4, 6)", "uint8 [7,4,6,?]", "uint8 [7,4,6,?]"),
        ("pad(1, 2, 3, 4)", "uint8 [?,4,6,3]", "uint8 [?,7,13,3]"),
        ("pad(1, 2, 3, 4, 255)", "uint8 [?,?,?,3]", "uint8 [?,?,?,3]"),
        ("pad(0, 0, 0, 0, -0.1)", "bfloat16 [?,4,6,3]", "bfloat16 [?,4,6,3]"),
        ("pad(3, 2, 5, 4, mode='reflect')", "uint8 [?,4,6,3]", "uint8 [?,9,15,3]"),
        ("pad(4, 2, 6, 4, mode='symmetric')", "uint8 [?,4,6,3]", "uint8 [?,10,16,3]"),
        ("pad(9, 9, 9, 9, mode='reflect')", "uint8 [?,?,?,3]", "uint8 [?,?,?,3]"),
    ],
)
def test_type(step: str, operand: str, result: str) -> None:
    assert made_of(step, operand) == result


@pytest.mark.parametrize(
    ("step", "result", "operand"),
    [
        ("crop(1, 2, 3, 4)", "uint8 [?,3,4,3]", "uint8 [?,?,?,3]"),
        ("crop(1, 2, 3, 4)", "uint8 <unknown>", "uint8 [?,?,?,?]"),
        ("pad(1, 2, 3, 4)", "uint8 [?,7,13,3]", "uint8 [?,4,6,3]"),
        ("pad(1, 2, 3, 4)", "uint8 [?,?,13,3]", "uint8 [?,?,6,3]"),
        ("pad(1, 2, 3, 4)", "uint8 <unknown>", "uint8 [?,?,?,?]"),
    ],
)
def test_what_goes_in(step: str, result: str, operand: str) -> None:
    assert taken_for(step, result) == operand


@pytest.mark.parametrize("step", ["crop(1, 2, 3, 4)", "pad(1, 2, 3, 4)"])
def test_what_comes_out_are_images(step: str) -> None:
    with pytest.raises(ConversionError) as error:
        parse_step(step).operand(type_of("float32 [?,30]"))
    name = step.partition("(")[0]
    assert str(error.value) == (
        f"{name} returns images [?,height,width,channels], not [?,30]; put a reshape or flatten "
        "behind it"
    )


def test_a_margin_has_to_be_there() -> None:
    with pytest.raises(ConversionError, match="pad adds 3 rows and 7 columns, more than"):
        Pad(1, 2, 3, 4).operand(type_of("uint8 [?,4,6,3]"))


@pytest.mark.parametrize(
    ("step", "operand", "said"),
    [
        ("crop(2, 2, 3, 4)", "uint8 [?,4,6,3]", "rows up to 5, but there are 4: [?,4,6,3]"),
        ("crop(1, 3, 3, 4)", "uint8 [?,4,6,3]", "columns up to 7, but there are 6: [?,4,6,3]"),
        ("crop(1, 2, 3, 4)", "uint8 [?,?,6,3]", "to know how many rows there are, and not [?,?,6"),
        ("crop(1, 2, 3, 4)", "uint8 [?,4,?,3]", "to know how many columns there are, and not"),
        ("crop(1, 2, 3, 4)", "uint8 [?,?,?,3]", "state the shape, or put a resize before it"),
        ("crop(-1, 2, 3, 4)", "uint8 [?,4,6,3]", "crop cannot have the size -1, which is not from"),
        ("crop(1, -1, 3, 4)", "uint8 [?,4,6,3]", "crop cannot have the size -1"),
        ("crop(1, 2, 0, 4)", "uint8 [?,4,6,3]", "the size 0, which is not from 1 to 16777215"),
        ("crop(1, 2, 3, 0)", "uint8 [?,4,6,3]", "the size 0, which is not from 1 to 16777215"),
        (
            "crop(1, 2, 3, 4)",
            "uint8 [?,4,6]",
            "crop takes images [?,height,width,channels], not [?,4,6]; put a reshape or "
            "expand_dims before it, or state the shape",
        ),
        ("crop(1, 2, 3, 4)", "uint8 <unknown>", "crop takes images"),
        ("crop(1, 2, 3, 4)", "string [?,4,6,3]", "uint64, uint8, not string"),
        ("pad(1, 2, -3, 4)", "uint8 [?,4,6,3]", "pad cannot have the size -3, which is not from 0"),
        ("pad(1, 16777216, 3, 4)", "uint8 [?,4,6,3]", "pad cannot have the size 16777216"),
        ("pad(1, 2, 3, 4, 256)", "uint8 [?,4,6,3]", "uint8 has no value 256"),
        ("pad(1, 2, 3, 4, 0.5)", "uint8 [?,4,6,3]", "uint8 has no value 0.5"),
        ("pad(1, 2, 3, 4, 1000000.0)", "float16 [?,4,6,3]", "float16 has no value 1000000.0"),
        (
            "pad(4, 2, 3, 4, mode='reflect')",
            "uint8 [?,4,6,3]",
            "pad cannot mirror 4 pixels of 4, by the mode reflect",
        ),
        ("pad(0, 0, 3, 6, mode='reflect')", "uint8 [?,?,6,3]", "cannot mirror 6 pixels of 6"),
        ("pad(2, 5, 3, 4, mode='symmetric')", "uint8 [?,4,6,3]", "cannot mirror 5 pixels of 4"),
        ("pad(0, 0, 7, 0, mode='symmetric')", "uint8 [?,4,6,3]", "cannot mirror 7 pixels of 6"),
        (
            "pad(1, 2, 3, 4, 7, 'symmetric')",
            "uint8 [?,4,6,3]",
            "pad has a value for the mode constant, not symmetric",
        ),
        ("pad(1, 2, 3, 4)", "string [?,4,6,3]", "not string"),
        ("pad(1, 2, 3, 4)", "uint8 [?,4]", "pad takes images"),
    ],
)
def test_refused(step: str, operand: str, said: str) -> None:
    assert said in refused(step, operand)


def test_by_hand() -> None:
    image: Any = np.arange(12, dtype=np.uint8).reshape(1, 3, 4, 1)
    assert Crop(1, 2, 2, 1).evaluate(image).tolist() == [[[[6]], [[10]]]]
    assert Pad(1, 0, 0, 2, 9).evaluate(image[:, :1, :2]).tolist() == [
        [[[9], [9], [9], [9]], [[0], [1], [9], [9]]]
    ]
    for mode, row in (("reflect", [2, 1, 0, 1, 2, 1]), ("symmetric", [1, 0, 0, 1, 2, 2])):
        step = parse_step(f"pad(0, 0, 2, 1, mode={mode!r})")
        assert step.evaluate(image[:, :1, :3]).ravel().tolist() == row


STEPS = [
    *(Crop(1, 2, 3, 4), Pad(1, 2, 3, 4), Pad(0, 1, 0, 0, 7)),
    Pad(4, 0, 1, 6, mode="symmetric"),
]


@pytest.mark.tensorflow
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("step", STEPS)
def test_regions_in_tensorflow(step: Step, dtype: str, rows: int) -> None:
    value: Any = np.arange(rows * 72).reshape(rows, 4, 6, 3).astype(numpy_dtype(dtype_of(dtype)))
    assert_evaluated_as_in_tensorflow((step,), type_of(f"{dtype} [?,4,6,3]"), value)
    assert_evaluated_as_in_tensorflow((step,), type_of(f"{dtype} [{rows},4,6,?]"), value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_margin_is_rounded_as_in_tensorflow(dtype: str) -> None:
    value: Any = np.arange(18).reshape(1, 2, 3, 3).astype(numpy_dtype(dtype_of(dtype)))
    step = Pad(1, 2, 3, 4, -123.68)
    assert_evaluated_as_in_tensorflow((step,), type_of(f"{dtype} [?,?,?,3]"), value)


@pytest.mark.tensorflow
def test_reflected_in_tensorflow() -> None:
    import tensorflow as tf

    step = Pad(3, 2, 5, 4, mode="reflect")
    for dtype in NUMBERS:
        value: Any = np.arange(72).reshape(1, 4, 6, 3).astype(numpy_dtype(dtype_of(dtype)))
        assert_evaluated_as_in_tensorflow((step,), type_of(f"{dtype} [?,4,6,3]"), value)
    assert step.loss(type_of("uint8 [?,4,6,3]")) == "a batch of no images fails"
    assert Pad(3, 2, 5, 4).loss(type_of("uint8 [?,4,6,3]")) is None
    with pytest.raises(tf.errors.InvalidArgumentError, match="0 not less than 0"):
        assert_evaluated_as_in_tensorflow((step,), type_of("float64 [?,4,6,3]"), value[:0])
