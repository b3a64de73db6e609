from __future__ import annotations

import numpy as np
import pytest

from sigpb.steps.classes import SCORES
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.top_k import TopK
from sigpb.tf.tensor_types import TensorType, dtype_of
from tests.steps.chains import made_of, refused
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow


def test_types() -> None:
    assert made_of("top_k(5)", "float32 [?,1000]") == "float32 [?,5]"
    assert made_of("top_k(5, 'indices')", "float16 [?,2,?]") == "int32 [?,2,5]"


def test_refused() -> None:
    assert refused("top_k(4)", "float32 [?,3]") == "top_k cannot take 4 of [?,3]"
    assert refused("top_k(0)", "float32 [?,3]") == "top_k cannot take 0 of [?,3]"
    assert refused("top_k(2147483648)", "float32 [?,?]") == "top_k cannot take 2147483648 of [?,?]"
    assert refused("top_k(1)", "string [?,3]") == "top_k takes numbers, not string"
    assert refused("top_k(1)", "float32 [?]") == ("top_k takes a vector for each example, not [?]")


def test_how_many_classes_there_are() -> None:
    operand = TensorType(dtype_of("float32"), (None, 7))
    assert TopK(2, "indices").classes(operand) == 7
    assert TopK(2).classes(operand) is None


def test_what_is_lost() -> None:
    operand = TensorType(dtype_of("float32"), (None, 7))
    assert TopK(2).loss(operand) == "keeps only the values of the 2 greatest"
    assert TopK(2, "indices").loss(operand) == "keeps only the positions of the 2 greatest"


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", sorted(SCORES))
def test_values(dtype: str) -> None:
    # Equal ones too, and none.
    numbers = np.array([[3, 1, 3, 2], [0, 0, 0, 0], [1, 2, 3, 4]])
    for rows in (0, 1, 3):
        value = numbers[:rows].astype(numpy_dtype(dtype_of(dtype)))
        operand = TensorType(dtype_of(dtype), (None, 4))
        for part in (TopK(3), TopK(3, "indices")):
            assert_evaluated_as_in_tensorflow((part,), operand, value)
