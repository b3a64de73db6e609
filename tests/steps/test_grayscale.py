"""Gray images of colored ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.grayscale import Grayscale
from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_types import dtype_of
from tests.steps.chains import made_of, refused, taken_for, type_of
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

TAKEN = ("uint8", "uint16", "float16", "bfloat16", "float32", "float64")


@pytest.mark.parametrize("dtype", TAKEN)
def test_type(dtype: str) -> None:
    assert made_of("grayscale()", f"{dtype} [?,4,?,3]") == f"{dtype} [?,4,?,1]"


@pytest.mark.parametrize("shape", ["[?,4,6,1]", "[?,4,6,?]"])
def test_what_goes_in(shape: str) -> None:
    assert taken_for("grayscale()", f"uint8 {shape}") == "uint8 [?,4,6,3]"


def test_a_model_of_colors_takes_no_gray_images() -> None:
    with pytest.raises(ConversionError, match="grayscale returns one channel, not"):
        Grayscale().operand(type_of("uint8 [?,4,6,3]"))


@pytest.mark.parametrize(
    ("operand", "said"),
    [
        ("uint8 [?,4,6,4]", "grayscale takes 3 channels along the last dimension, not [?,4,6,4]"),
        ("uint8 [?,3,4,6]", "layout('NCHW', 'NHWC') before it, and slice(0, 3) where there is an"),
        ("uint8 [?,4,6,?]", "grayscale takes 3 channels along the last dimension, not [?,4,6,?]"),
        ("uint8 [4,6,3]", "grayscale takes images [?,height,width,channels], not [4,6,3]; put"),
        ("int32 [?,4,6,3]", "uint16, uint8, not int32 [?,4,6,3]; put cast('float32') before it"),
        ("string [?]", "not string [?]; put decode_image(channels=3) before it"),
    ],
)
def test_refused(operand: str, said: str) -> None:
    assert said in refused("grayscale()", operand)


def test_what_is_lost() -> None:
    assert Grayscale().loss(type_of("uint8 [?,4,6,3]")) == "drops colors"


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", TAKEN)
def test_in_tensorflow(dtype: str) -> None:
    for rows in (0, 1, 3):
        numbers = np.random.default_rng(rows).random((rows, 5, 7, 3)) * 255
        value: Any = numbers.astype(numpy_dtype(dtype_of(dtype)))
        for shape in ("[?,5,7,3]", "[?,?,?,3]", f"[{rows},5,7,3]"):
            assert_evaluated_as_in_tensorflow((Grayscale(),), type_of(f"{dtype} {shape}"), value)


@pytest.mark.tensorflow
def test_by_hand() -> None:
    pixels: Any = np.array([[[[255, 255, 255], [100, 0, 0], [0, 100, 0], [0, 0, 100]]]])
    gray = Grayscale().evaluate(pixels.astype(np.uint8))
    # Of fractions of 255, times 255.5, without what is behind the point.
    assert gray.tolist() == [[[[255], [29], [58], [11]]]]
    floats = Grayscale().evaluate(pixels.astype(np.float32)).ravel()
    assert np.allclose(floats, [254.9745, 29.89, 58.7, 11.4], atol=1e-4)
