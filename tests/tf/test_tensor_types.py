from __future__ import annotations

import re

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.tf.tensor_types import (
    Encoding,
    Shape,
    TensorType,
    converted_tensor,
    dtype_name,
    dtype_names,
    dtype_of,
    encoding_of,
    integer_range,
    is_compatible,
    parse_shape,
    shape_of,
    shape_proto,
    shape_text,
    tensor_names,
    tensor_type,
    with_tensor,
    with_tensors,
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
    ("name", "enum_name"),
    [
        ("uint8", "DT_UINT8"),
        ("float32", "DT_FLOAT"),
        ("float", "DT_FLOAT"),
        ("half", "DT_HALF"),
        ("double", "DT_DOUBLE"),
        ("bfloat16", "DT_BFLOAT16"),
        ("DT_FLOAT", "DT_FLOAT"),
        ("DT_UINT8", "DT_UINT8"),
        (" bool ", "DT_BOOL"),
        ("string", "DT_STRING"),
        ("int4", "DT_INT4"),
    ],
)
def test_dtype_of(name: str, enum_name: str) -> None:
    assert dtype_of(name) == protos.DataType.Value(enum_name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flaot32", "'flaot32' is not a dtype; did you mean 'float32'? There are"),
        ("DT_FLOAT_REF", "'DT_FLOAT_REF' is not a dtype; "),
        ("float32_ref", "'float32_ref' is not a dtype; "),
        ("DT_INVALID", "'DT_INVALID' is not a dtype; "),
        ("", "'' is not a dtype; there are"),
    ],
)
def test_name_that_no_dtype_has(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        dtype_of(name)


def test_dtype_names_are_those_that_are_read_back() -> None:
    assert {"float32", "uint8", "string", "resource", "int4"} <= set(dtype_names())
    for name in dtype_names():
        assert dtype_name(dtype_of(name)) == name


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("int4", (-8, 7)),
        ("int8", (-128, 127)),
        ("uint8", (0, 255)),
        ("int64", (-(2**63), 2**63 - 1)),
        ("uint64", (0, 2**64 - 1)),
        ("qint8", None),
        ("bool", None),
        ("float32", None),
    ],
)
def test_integer_range(name: str, limits: tuple[int, int] | None) -> None:
    assert integer_range(dtype_of(name)) == limits


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
    assert parse_shape(text) == shape
    assert shape_of(shape_proto(shape)) == shape


def test_shape_proto() -> None:
    expected = text_format.Parse("dim { size: -1 } dim { size: 28 }", protos.TensorShapeProto())
    assert shape_proto((None, 28)) == expected
    assert shape_proto(None) == protos.TensorShapeProto(unknown_rank=True)
    assert shape_proto(()) == protos.TensorShapeProto()


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("[?,28,28,1]", (None, 28, 28, 1)),
        ("[-1, 28]", (None, 28)),
        ("[None, 28]", (None, 28)),
        ("?,28,28,1", (None, 28, 28, 1)),
        ("(?, 28)", (None, 28)),
        ("(28,)", (28,)),
        ("7", (7,)),
        ("?", (None,)),
        ("[ ]", ()),
        ("()", ()),
        ("[0]", (0,)),
        ("[9223372036854775807]", (2**63 - 1,)),
        (" <unknown> ", None),
        ("unknown", None),
    ],
)
def test_parse_shape(text: str, shape: Shape) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not a size"),
        ("[?,,1]", "'' is not a size"),
        (",", "'' is not a size"),
        ("[-2,3]", "'-2' is not a size"),
        ("[+2]", "'+2' is not a size"),
        ("[2.0]", "'2.0' is not a size"),
        ("[1 2]", "'1 2' is not a size"),
        ("[?,28", "'[?' is not a size"),
        ("[?,28)", "'[?' is not a size"),
        ("[[1]]", "'[1]' is not a size"),
        ("[\N{ARABIC-INDIC DIGIT ONE}]", "is not a size"),
        ("batch,3", "'batch' is not a size. A shape looks like [?,28,28,1]"),
        ("[9223372036854775808]", "beyond the largest size, 9223372036854775807"),
    ],
)
def test_text_that_is_not_a_shape(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_shape(text)


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


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("[?,3]", "[8,?]", True),
        ("[?,3]", "[?,3]", True),
        ("[?,3]", "[?,4]", False),
        ("[?]", "[?,?]", False),
        ("[]", "[1]", False),
        ("<unknown>", "[?,3]", True),
    ],
)
def test_shapes_that_one_tensor_can_have(first: str, second: str, expected: bool) -> None:
    shapes = parse_shape(first), parse_shape(second)
    assert is_compatible(*shapes) is is_compatible(*reversed(shapes)) is expected


def test_of_a_sparse_tensor_the_values() -> None:
    info = protos.TensorInfo(dtype=dtype_of("float32"))
    info.tensor_shape.dim.add(size=7)
    info.coo_sparse.values_tensor_name = "values:0"
    assert converted_tensor(info) == "values:0"
    assert tensor_type(info) == TensorType(dtype_of("float32"), (None,))


def test_of_a_reference_the_value() -> None:
    assert tensor_type(
        protos.TensorInfo(name="v:0", dtype=dtype_of("float32") + 100)
    ).dtype == dtype_of("float32")


def test_other_tensors() -> None:
    dense = protos.TensorInfo(name="x:0", dtype=1)
    sparse, composite = protos.TensorInfo(dtype=1), protos.TensorInfo()
    sparse.coo_sparse.values_tensor_name = "v:0"
    sparse.coo_sparse.indices_tensor_name = "i:0"
    sparse.coo_sparse.dense_shape_tensor_name = "d:0"
    composite.composite_tensor.components.extend([dense, sparse])
    for info in (dense, sparse, composite):
        after = with_tensors(info, lambda tensor: f"copy/{tensor}")
        assert tensor_names(after) == tuple(f"copy/{name}" for name in tensor_names(info))
        assert with_tensors(after, lambda tensor: tensor.removeprefix("copy/")) == info


def test_another_tensor_and_type() -> None:
    type_ = TensorType(dtype_of("int64"), (None, 3))
    after = with_tensor(protos.TensorInfo(name="x:0", dtype=1), "y:0", type_)
    assert (after.name, tensor_type(after)) == ("y:0", type_)
    sparse = protos.TensorInfo(dtype=1)
    sparse.tensor_shape.dim.add(size=7)
    sparse.coo_sparse.values_tensor_name = "v:0"
    after = with_tensor(sparse, "w:0", type_)
    assert (converted_tensor(after), after.dtype) == ("w:0", type_.dtype)
    assert after.tensor_shape == sparse.tensor_shape, "it is the shape of the whole"
