from __future__ import annotations

import numpy as np
import pytest

from sigpb.steps.numpy_types import numpy_dtype
from sigpb.tf.tensor_types import dtype_of


@pytest.mark.parametrize("name", ["bool", "uint8", "float16", "float64", "complex64"])
def test_dtypes_of_numpy(name: str) -> None:
    assert numpy_dtype(dtype_of(name)) == np.dtype(name)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn", "int4", "uint4"])
def test_other_dtypes(name: str) -> None:
    import tensorflow as tf

    assert numpy_dtype(dtype_of(name)) == tf.as_dtype(name).as_numpy_dtype
