from __future__ import annotations

import math
from typing import Any

import pytest

from sigpb import protos
from sigpb.tf.tensor_elements import elements, set_elements
from sigpb.tf.tensor_types import dtype_of, shape_proto

VALUES: dict[str, list[Any]] = {
    "bool": [True, False],
    "int4": [-8, 7],
    "int8": [-128, 127],
    "int16": [-(2**15), 2**15 - 1],
    "int32": [-(2**31), 2**31 - 1],
    "int64": [-(2**63), 2**63 - 1],
    "uint4": [0, 15],
    "uint8": [0, 255],
    "uint16": [0, 2**16 - 1],
    "uint32": [0, 2**32 - 1],
    "uint64": [0, 2**64 - 1],
    "float16": [-0.5, 65504.0],
    "bfloat16": [-0.5, 3.3895313892515355e38],
    "float32": [-0.5, 0.10000000149011612],
    "float64": [-0.5, 0.1],
    "complex64": [0.5 - 2j, 1j],
    "complex128": [0.1 - 2j, 1j],
    "string": [b"", b"\xff"],
}


def tensor(name: str, *sizes: int) -> protos.TensorProto:
    return protos.TensorProto(dtype=dtype_of(name), tensor_shape=shape_proto(sizes))


@pytest.mark.parametrize("name", VALUES)
def test_one_by_one(name: str) -> None:
    proto = tensor(name, 2)
    set_elements(proto, VALUES[name])
    assert elements(proto) == VALUES[name]
    assert not proto.tensor_content


@pytest.mark.parametrize("name", sorted({*VALUES} - {"string"}))
def test_packed_stays_packed(name: str) -> None:
    proto = tensor(name, 2)
    proto.tensor_content = b"\0"
    set_elements(proto, VALUES[name])
    assert elements(proto) == VALUES[name]
    assert proto.tensor_content
    assert [field.name for field, _ in proto.ListFields()] == [
        *("dtype", "tensor_shape", "tensor_content")
    ]


@pytest.mark.tensorflow
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", VALUES)
def test_as_tensorflow_reads_them(name: str, packed: bool) -> None:
    import tensorflow as tf

    proto = tensor(name, 2)
    proto.tensor_content = b"\0" if packed else b""
    set_elements(proto, VALUES[name])
    read = tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(name)).numpy()
    assert read.tolist() == VALUES[name]


@pytest.mark.parametrize(
    ("stored", "sizes", "found"),
    [
        ([5], (2, 2), [5]),  # which stands for all four
        ([], (3,), [0]),
        ([], (0,), []),
        ([1, 2, 3], (2,), [1, 2]),
        ([4], (), [4]),
    ],
)
def test_what_is_stored(stored: list[int], sizes: tuple[int, ...], found: list[int]) -> None:
    proto = tensor("int32", *sizes)
    proto.int_val.extend(stored)
    assert elements(proto) == found


@pytest.mark.parametrize(
    ("name", "zero"), [("bool", False), ("string", b""), ("float16", 0.0), ("complex64", 0j)]
)
def test_zero(name: str, zero: Any) -> None:
    (found,) = elements(tensor(name, 1))
    assert (found, type(found)) == (zero, type(zero))


def test_what_a_shape_has_room_for_beyond_is_not_packed() -> None:
    proto = tensor("float32", 2, 2)
    proto.tensor_content = bytes(16)
    set_elements(proto, [1.5])
    assert (list(proto.float_val), proto.tensor_content) == ([1.5], b"")


def test_nan_of_16_bits() -> None:
    proto = tensor("bfloat16", 1)
    set_elements(proto, [math.nan])
    assert list(proto.half_val) == [0x7FC0]
    assert math.isnan(elements(proto)[0])


@pytest.mark.parametrize("size", [0, 1, 3])
def test_packed_elements_that_are_not_as_many(size: int) -> None:
    proto = tensor("int16", size)
    proto.tensor_content = bytes(4)
    with pytest.raises(ValueError, match=f"4 bytes do not hold {size} elements of int16"):
        elements(proto)


def test_packed_text_is_none() -> None:
    proto = tensor("string", 1)
    proto.tensor_content = b"text"
    with pytest.raises(ValueError, match="4 bytes do not hold 1 elements of string"):
        elements(proto)


@pytest.mark.parametrize("name", ["resource", "float8_e5m2", "qint8"])
def test_dtypes_that_are_not_known(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        elements(tensor(name, 1))
    with pytest.raises(ValueError, match=name):
        set_elements(tensor(name, 1), [1])


def test_shape_that_is_not_known() -> None:
    proto = tensor("int8", 1)
    proto.tensor_shape.unknown_rank = True
    with pytest.raises(ValueError, match="shape is not known"):
        elements(proto)
