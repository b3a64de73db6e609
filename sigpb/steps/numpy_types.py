"""The numpy dtypes that steps compute with."""

from __future__ import annotations

import importlib
from typing import Any

from sigpb.tf.tensor_types import dtype_name


def numpy_dtype(dtype: int) -> Any:
    """Returns the numpy dtype of a numeric or bool dtype.

    Those that numpy lacks (bfloat16, float8, int4) are from ml_dtypes, which TensorFlow brings.
    """
    import numpy as np

    name = dtype_name(dtype)
    try:
        return np.dtype(name)
    except TypeError:
        return np.dtype(getattr(importlib.import_module("ml_dtypes"), name))
