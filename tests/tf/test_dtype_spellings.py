from __future__ import annotations

import re

import pytest

from sigpb.tf.tensor_types import dtype_name, dtype_names, dtype_of, plain_dtype

MEANT = {
    "float32": (
        *("FLOAT32", "Float32", "DT_FLOAT", "dt_float", "tf.float32", "tensorflow.float32"),
        *("tf.dtypes.float32", "tf.DT_FLOAT", "np.float32", "numpy.float32", "jnp.float32"),
        *("torch.float32", "torch.float", "float", "single", "np.single", "f32", "fp32", "FP32"),
        *("TYPE_FP32", "<f4", "=f4", "<dtype: 'float32'>", "dtype('float32')", "dtype('<f4')"),
    ),
    "float64": ("double", "np.double", "torch.double", "f64", "np.float_", "<f8", "DT_DOUBLE"),
    "float16": ("half", "np.half", "torch.half", "f16", "fp16", "<f2", "DT_HALF"),
    "bfloat16": ("bf16", "BF16", "torch.bfloat16", "TYPE_BF16"),
    "uint8": ("np.uint8", "numpy.uint8", "np.ubyte", "UINT8", "TYPE_UINT8", "|u1", "tf.uint8"),
    "int8": ("np.byte", "|i1", "np.int8"),
    "int16": ("np.short", "torch.short", "i16", "<i2"),
    "int32": ("torch.int", "np.intc", "i32", "<i4", "TYPE_INT32"),
    "int64": ("torch.long", "np.longlong", "i64", "<i8", "DT_INT64", "I64"),
    "uint32": ("u32", "np.uintc", "<u4"),
    "complex64": ("c64", "<c8", "np.csingle"),
    "complex128": ("c128", "<c16", "np.complex_"),
    "bool": ("BOOL", "np.bool_", "boolean", "|b1", "TYPE_BOOL", "tf.bool"),
    "string": ("str", "bytes", "BYTES", "np.str_", "np.bytes_", "TYPE_STRING", "|S10", "<U3", "|O"),
}
IN_DOUBT = {
    "int": ["int32", "int64"],
    "INT": ["int32", "int64"],
    "np.int": ["int32", "int64"],
    "np.int_": ["int32", "int64"],
    "np.float": ["float32", "float64"],
    "long": ["int64"],
    "np.long": ["int64"],
    "uint": ["uint8", "uint32", "uint64"],
    "byte": ["int8", "uint8"],
    "complex": ["complex64", "complex128"],
    "i8": ["int8", "int64"],
    "u8": ["uint8", "uint64"],
    "f4": ["float32"],
    ">f4": ["float32"],
    "object": ["string"],
}


@pytest.mark.parametrize("name", MEANT)
def test_spellings_that_mean_one_dtype(name: str) -> None:
    assert {spelling: plain_dtype(spelling) for spelling in MEANT[name]} == dict.fromkeys(
        MEANT[name], name
    )


def test_every_name_may_be_written_in_capitals_and_with_a_module() -> None:
    for name in dtype_names():
        for spelling in (name.upper(), f"tf.{name}", f"np.{name}", f"DT_{name.upper()}"):
            assert dtype_name(dtype_of(spelling)) == name


@pytest.mark.parametrize("spelling", IN_DOUBT)
def test_spellings_in_doubt_are_refused(spelling: str) -> None:
    with pytest.raises(ValueError, match="is not a dtype for certain; did you mean") as refused:
        dtype_of(spelling)
    assert re.findall(r"\w+(?='[?, ])", str(refused.value))[1:] == IN_DOUBT[spelling]


@pytest.mark.parametrize(
    "name",
    [
        *("", "f", "32", "u128", "<f", "<f3", "<f٤", "|b2", "f999", "tf.", "xx32", "int33"),
        *("<i" + "9" * 9999, "<dtype: ''>", "dtype('')"),
    ],
)
def test_what_means_no_dtype_is_told_of_all_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="is not a dtype; ") as refused:
        dtype_of(name)
    assert all(repr(each) in str(refused.value) for each in dtype_names())


@pytest.mark.tensorflow
def test_tensorflow_reads_its_own_spellings_alike() -> None:
    import numpy as np
    import tensorflow as tf

    for spelling in ("float", "double", "half", "bool", "string", "uint8"):
        assert tf.as_dtype(spelling).as_datatype_enum == dtype_of(spelling)
    types = ("single", "double", "half", "byte", "ubyte", "short", "ushort", "intc", "uintc")
    for name in (*types, "longlong", "csingle", "cdouble", "str_", "bytes_", "object_", "bool_"):
        assert tf.as_dtype(getattr(np, name)).as_datatype_enum == dtype_of(f"np.{name}")
    for array_type in ("<f4", "<f8", "<f2", "|u1", "|i1", "<i2", "<u4", "<c8", "<c16", "|b1", "|O"):
        assert tf.as_dtype(np.dtype(array_type)).as_datatype_enum == dtype_of(array_type)
