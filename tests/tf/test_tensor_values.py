from __future__ import annotations

import re

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.tf.tensor_types import dtype_of, parse_shape
from sigpb.tf.tensor_values import tensor_proto


@pytest.mark.parametrize(
    ("text", "dtype", "shape", "expected"),
    [
        ("false", "bool", "[]", "tensor_shape { } bool_val: false"),
        ("3", "int64", "<unknown>", "tensor_shape { } int64_val: 3"),
        ("-0.5", "float32", "[]", "tensor_shape { } float_val: -0.5"),
        ("1", "float64", "[]", "tensor_shape { } double_val: 1"),
        ("1.5", "float16", "[]", "tensor_shape { } half_val: 0x3E00"),
        ("-2", "bfloat16", "[]", "tensor_shape { } half_val: 0xC000"),
        ('"é"', "string", "[]", r'tensor_shape { } string_val: "\303\251"'),
        ("hello you", "string", "[]", 'tensor_shape { } string_val: "hello you"'),
        (
            "[[1, 2], [3, 4], [5, 6]]",
            "uint8",
            "[?,2]",
            "tensor_shape { dim { size: 3 } dim { size: 2 } } int_val: [1, 2, 3, 4, 5, 6]",
        ),
        (
            "[[], []]",
            "int32",
            "<unknown>",
            "tensor_shape { dim { size: 2 } dim { } }",
        ),
        (
            "7",
            "uint32",
            "[2,3]",
            "tensor_shape { dim { size: 2 } dim { size: 3 } } uint32_val: 7",
        ),
        ("7", "uint64", "[0]", "tensor_shape { dim { } }"),
        ('["a", "b"]', "string", "[2]", 'tensor_shape { dim { size: 2 } } string_val: ["a", "b"]'),
    ],
)
def test_values(text: str, dtype: str, shape: str, expected: str) -> None:
    wanted = text_format.Parse(expected, protos.TensorProto(dtype=dtype_of(dtype)))
    assert tensor_proto(text, dtype_of(dtype), parse_shape(shape)) == wanted


@pytest.mark.parametrize(
    ("text", "dtype", "said"),
    [
        ("256", "uint8", "256 does not fit uint8, which holds 0 to 255"),
        ("-1", "uint64", "-1 does not fit uint64"),
        ("9223372036854775808", "int64", "does not fit int64"),
        ("1.5", "int32", "1.5 is not an integer"),
        ("1.0", "int32", "1.0 is not an integer"),
        ("NaN", "int32", "NaN is not an integer"),
        ("true", "int32", "true is not an integer"),
        ("1", "bool", "1 is not a bool: true or false"),
        ('"x"', "float32", '"x" is not a number'),
        ("true", "float32", "true is not a number"),
        ("null", "float32", "null is not a number"),
        ('{"a": 1}', "float32", "is not a number"),
        ("3", "string", '3 is not a string: "3", with the quotes'),
        ("[1, 2", "int32", "it is not JSON, such as 3 or [3, 3]"),
        ("False", "bool", "it is not JSON, such as false or [false, false]"),
        ('["a", b]', "string", 'it is not JSON, such as "text"'),
        ('"a', "string", "it is not JSON"),
        ("[" * 100_000, "int32", "it is not JSON"),
        ("[[1], [2, 3]]", "int32", "its lists differ in length or depth"),
        ("[1, [2]]", "int32", "its lists differ in length or depth"),
        ('"\\ud800"', "string", "half a surrogate pair"),
        ("1e39", "float32", "1e+39 does not fit float32"),
        ("65520", "float16", "65520 does not fit float16"),
        ("3.4e38", "bfloat16", "does not fit bfloat16"),
        ("1e400", "float64", "1e400 is too large for any float"),
        ("1" + "0" * 400, "float64", "does not fit float64"),
        ("1", "complex64", "A value of dtype complex64 cannot be written as text"),
        ("1", "int4", "A value of dtype int4 cannot"),
        ("1", "float8_e5m2", "A value of dtype float8_e5m2 cannot"),
        ("1", "resource", "A value of dtype resource cannot"),
    ],
)
def test_values_that_a_dtype_does_not_hold(text: str, dtype: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        tensor_proto(text, dtype_of(dtype), None)


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [
        ("[1, 2]", "[3]", "'[1, 2]' has the shape [2], but [3] is wanted"),
        ("[1, 2]", "[]", "has the shape [2], but [] is wanted"),
        ("[1, 2]", "[?,2]", "has the shape [2], but [?,2] is wanted"),
        ("[]", "[0,3]", "has the shape [0], but [0,3] is wanted"),
        ("1", "[?,2]", "'1' has the shape [], but [?,2] is wanted. A single value is repeated"),
    ],
)
def test_values_of_another_shape(text: str, shape: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        tensor_proto(text, dtype_of("float32"), parse_shape(shape))


FLOATS = "[0.1, -0.1, 1e-8, 65504, 65519, 1.00390625, 1.01171875, -Infinity, 3e-5]"


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "dtype", "shape"),
    [
        ("true", "bool", "[2,2]"),
        ("[-128, 127]", "int8", "[?]"),
        ("[[0, 65535]]", "uint16", "[1,2]"),
        ("18446744073709551615", "uint64", "[3]"),
        ("4294967295", "uint32", "[0,3]"),
        ("-9223372036854775808", "int64", "[]"),
        (FLOATS, "float16", "[9]"),
        (FLOATS, "bfloat16", "[9]"),
        (FLOATS, "float32", "[9]"),
        (FLOATS, "float64", "[9]"),
        ("NaN", "bfloat16", "[]"),
        ("NaN", "float16", "[2]"),
        ("word", "string", "[2]"),
        ('[["a"], ["\\u00e9"]]', "string", "[2,1]"),
    ],
)
def test_tensorflow_reads_the_same(text: str, dtype: str, shape: str) -> None:
    import json

    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    sizes = parse_shape(shape)
    assert sizes is not None
    proto = tensor_proto(text, dtype_of(dtype), sizes)
    found = tf.make_ndarray(tensor_pb2.TensorProto.FromString(proto.SerializeToString()))

    value = text if text == "word" else json.loads(text)
    wanted = [len(found) if size is None else size for size in sizes]
    expected = tf.broadcast_to(tf.constant(value, dtype), wanted).numpy()
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if dtype == "string":
        assert found.tolist() == expected.tolist()
    else:
        assert found.tobytes() == expected.tobytes()
