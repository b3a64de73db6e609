from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.comparing.signature_difference import value_text
from sigpb.tf.tensor_types import dtype_of, shape_of
from sigpb.tf.tensor_values import is_same, tensor_proto


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        ("float32", "[0.1, 2.0, NaN, -Infinity]"),
        ("float32", "[3.4028235e+38, 1e-45]"),
        ("float16", "0.0999755859375"),
        ("bfloat16", "[1.5]"),
        ("float64", "0.1"),
        ("bool", "[[true, false]]"),
        ("int64", "[[[-1], [2]]]"),
        ("uint8", "[]"),
        ("string", '["ä", "\\"b\\""]'),
    ],
)
def test_reads_back(dtype: str, text: str) -> None:
    tensor = tensor_proto(text, dtype_of(dtype), None)

    again = value_text(tensor)

    assert again is not None
    assert value_text(tensor_proto(again, dtype_of(dtype), shape_of(tensor.tensor_shape))) == again
    if "NaN" not in text:
        assert is_same(tensor, tensor_proto(again, dtype_of(dtype), None))
        assert len(again) == len(text)


def test_one_value_is_repeated() -> None:
    assert value_text(tensor_proto("7", dtype_of("int32"), (2, 2))) == "[[7, 7], [7, 7]]"


def test_no_text() -> None:
    complex64 = protos.TensorProto(dtype=dtype_of("complex64"), scomplex_val=[1, 2])
    bytes_ = protos.TensorProto(dtype=dtype_of("string"), string_val=[b"\xff"])
    large = tensor_proto("0", dtype_of("int32"), (1 << 20,))

    assert value_text(complex64) is None
    assert value_text(bytes_) is None
    assert value_text(large) is None
