"""Rectangles of images, margins around them, and images of another size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.images import Crop, Pad, Resize
from sigpb.steps.step import UNKNOWN_DTYPE, ConversionError, Step
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
        ("resize(7, 8)", "uint8 [?,4,6,3]", "float32 [?,7,8,3]"),
        ("resize(7, 8, 'nearest')", "uint8 [?,?,?,3]", "uint8 [?,7,8,3]"),
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
        ("resize(7, 8, 'nearest')", "uint8 [?,7,8,3]", "uint8 [?,?,?,3]"),
    ],
)
def test_what_goes_in(step: str, result: str, operand: str) -> None:
    assert taken_for(step, result) == operand


def test_bilinear_takes_several_dtypes() -> None:
    taken = Resize(7, 8).operand(type_of("float32 [?,7,8,3]"))
    assert taken == (UNKNOWN_DTYPE, (None, None, None, 3))


@pytest.mark.parametrize("step", ["crop(1, 2, 3, 4)", "pad(1, 2, 3, 4)", "resize(7, 8)"])
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
        ("pad(1, 2, 3, 4)", "string [?,4,6,3]", "not string"),
        ("pad(1, 2, 3, 4)", "uint8 [?,4]", "pad takes images"),
        ("resize(0, 8)", "uint8 [?,4,6,3]", "resize cannot have the size 0"),
        ("resize(7, 16777216)", "uint8 [?,4,6,3]", "resize cannot have the size 16777216"),
        ("resize(7, 8)", "uint8 [?,0,6,3]", "resize cannot take empty images: [?,0,6,3]"),
        ("resize(7, 8)", "uint8 [?,4,6,0]", "resize cannot take empty images: [?,4,6,0]"),
        ("resize(7, 8)", "uint32 [?,4,6,3]", "resize takes bfloat16, float16, float32, float64, "),
        ("resize(7, 8)", "uint8 [4,6,3]", "resize takes images"),
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
    assert Resize(2, 2, "nearest").evaluate(image).tolist() == [[[[1], [3]], [[9], [11]]]]
    # Rows 0.25 and 1.75 of the three, and the middles of two columns each.
    assert Resize(2, 2).evaluate(image).tolist() == [[[[1.5], [3.5]], [[7.5], [9.5]]]]


@pytest.mark.tensorflow
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("step", [Crop(1, 2, 3, 4), Pad(1, 2, 3, 4), Pad(0, 1, 0, 0, 7)])
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


def resized_in_tensorflow(value: Any, step: Resize) -> Any:
    import tensorflow as tf

    return tf.image.resize(value, [step.height, step.width], step.method).numpy()


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("dtype", [name for name in NUMBERS if name not in ("uint32", "uint64")])
def test_resized_to_many_sizes(dtype: str, method: Any) -> None:
    random = np.random.default_rng(7)
    for _ in range(60):
        rows, channels = random.integers(1, 3), random.integers(1, 6)
        before, after = random.integers(1, 70, 2), random.integers(1, 70, 2)
        numbers = random.random((rows, *before, channels)) * 255
        value = numbers.astype(numpy_dtype(dtype_of(dtype)))
        step = Resize(int(after[0]), int(after[1]), method)
        expected, found = resized_in_tensorflow(value, step), step.evaluate(value)
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes(), (value.shape, step)


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("sizes", [(224, 224, 299, 299), (640, 479, 224, 224), (7, 9, 7, 20)])
def test_resized_as_models_want_it(sizes: tuple[int, int, int, int], method: Any) -> None:
    value: Any = np.random.default_rng(1).random((1, *sizes[:2], 3), np.float32) * 1e4 - 5e3
    step = Resize(sizes[2], sizes[3], method)
    assert step.evaluate(value).tobytes() == resized_in_tensorflow(value, step).tobytes()


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
def test_what_is_no_number_is_resized_as_in_tensorflow(method: Any) -> None:
    value: Any = np.random.default_rng(1).random((1, 5, 6, 2)) * 1e300
    value[0, 2, 3, 0], value[0, 1, 1, 1] = np.nan, -np.inf
    step = Resize(7, 8, method)
    expected = resized_in_tensorflow(value, step)
    assert np.array_equal(step.evaluate(value), expected, equal_nan=True)


@pytest.mark.tensorflow
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("step", [Resize(7, 8), Resize(4, 6), Resize(2, 9, "nearest")])
@pytest.mark.parametrize("shape", ["[?,4,6,3]", "[?,?,?,3]"])
def test_resized_by_the_nodes(step: Step, rows: int, shape: str) -> None:
    for dtype in ("uint8", "float32", "int64"):
        value: Any = np.arange(rows * 72).reshape(rows, 4, 6, 3).astype(dtype)
        assert_evaluated_as_in_tensorflow((step,), type_of(f"{dtype} {shape}"), value)
