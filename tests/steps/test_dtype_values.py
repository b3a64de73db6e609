from __future__ import annotations

import math

import numpy as np
import pytest

from sigpb.steps.dtype_values import is_same, nearest, numpy_dtype
from sigpb.tf.tensor_types import dtype_of


@pytest.mark.parametrize(
    ("dtype", "number", "found"),
    [
        ("uint8", -0.4, 0),
        ("int8", 200, 127),
        ("int8", math.nan, 0),
        ("bool", 0.5, True),
        ("float16", 1e9, 65504.0),
        ("bfloat16", 1.001, 1.0),
        ("float64", True, 1.0),
        ("complex64", 1e300 + 1j, complex(float.fromhex("0x1.fffffep127"), 1)),
    ],
)
def test_nearest(dtype: str, number: complex, found: complex) -> None:
    made = nearest(dtype_of(dtype))(number)
    assert (made, type(made)) == (found, type(found))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1, 1.0, True),
        (1, 1 + 1j, False),
        (math.nan, complex(math.nan, 0), True),
        (math.nan, complex(math.nan, 1), False),
        (math.nan, 1.0, False),
        (math.inf, math.inf, True),
    ],
)
def test_same_numbers(first: complex, second: complex, same: bool) -> None:
    assert is_same(first, second) == is_same(second, first) == same


@pytest.mark.parametrize("name", ["bool", "uint8", "float16", "float64", "complex64"])
def test_dtypes_of_numpy(name: str) -> None:
    assert numpy_dtype(dtype_of(name)) == np.dtype(name)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn", "int4", "uint4"])
def test_other_dtypes(name: str) -> None:
    import tensorflow as tf

    assert numpy_dtype(dtype_of(name)) == tf.as_dtype(name).as_numpy_dtype
