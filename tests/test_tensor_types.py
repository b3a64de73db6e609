from __future__ import annotations

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.tensor_types import (
    Encoding,
    Shape,
    dtype_name,
    encoding_of,
    shape_of,
    shape_text,
    tensor_names,
)


@pytest.mark.parametrize(
    ("enum_name", "name"),
    [
        ("DT_FLOAT", "float32"),
        ("DT_DOUBLE", "float64"),
        ("DT_HALF", "float16"),
        ("DT_BFLOAT16", "bfloat16"),
        ("DT_INT64", "int64"),
        ("DT_BOOL", "bool"),
        ("DT_STRING", "string"),
        ("DT_QUINT8", "quint8"),
        ("DT_COMPLEX64", "complex64"),
        ("DT_FLOAT8_E5M2", "float8_e5m2"),
        ("DT_FLOAT_REF", "float32_ref"),
        ("DT_STRING_REF", "string_ref"),
        ("DT_INVALID", "invalid"),
    ],
)
def test_dtype_name(enum_name: str, name: str) -> None:
    assert dtype_name(protos.DataType.Value(enum_name)) == name


@pytest.mark.parametrize(
    ("dtype", "name"),
    [(98, "dtype_98"), (198, "dtype_98_ref"), (200, "dtype_200"), (-1, "dtype_-1")],
)
def test_dtype_that_is_not_known(dtype: int, name: str) -> None:
    assert dtype_name(dtype) == name


@pytest.mark.tensorflow
def test_dtypes_have_the_names_that_tensorflow_gives_them() -> None:
    import tensorflow as tf
    from tensorflow.core.framework import types_pb2

    values = set(types_pb2.DataType.values()) - {types_pb2.DT_INVALID}
    assert {value: dtype_name(value) for value in values} == {
        value: tf.dtypes.as_dtype(value).name for value in values
    }


@pytest.mark.parametrize(
    ("proto", "shape", "text"),
    [
        ("", (), "[]"),
        ("dim { size: 3 }", (3,), "[3]"),
        ("dim { size: -1 } dim { size: 28 } dim { }", (None, 28, 0), "[?,28,0]"),
        ('dim { size: -1 name: "batch" }', (None,), "[?]"),
        ("unknown_rank: true", None, "<unknown>"),
        ("unknown_rank: true dim { size: 3 }", None, "<unknown>"),
    ],
)
def test_shapes(proto: str, shape: Shape, text: str) -> None:
    assert shape_of(text_format.Parse(proto, protos.TensorShapeProto())) == shape
    assert shape_text(shape) == text


SPARSE = """coo_sparse { values_tensor_name: "v:0" indices_tensor_name: "i:0"
                         dense_shape_tensor_name: "s:0" }"""


@pytest.mark.parametrize(
    ("proto", "encoding", "names"),
    [
        ('name: "x:0"', "dense", ("x:0",)),
        ("", "dense", ("",)),
        (SPARSE, "coo_sparse", ("v:0", "i:0", "s:0")),
        (
            'composite_tensor { components { name: "a:0" } components { name: "b:0" } }',
            "composite",
            ("a:0", "b:0"),
        ),
        (
            f'composite_tensor {{ components {{ {SPARSE} }} components {{ name: "b:0" }} }}',
            "composite",
            ("v:0", "i:0", "s:0", "b:0"),
        ),
        ("composite_tensor { }", "composite", ()),
    ],
)
def test_encodings(proto: str, encoding: Encoding, names: tuple[str, ...]) -> None:
    info = text_format.Parse(proto, protos.TensorInfo())
    assert encoding_of(info) == encoding
    assert tensor_names(info) == names
