from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.batch_size.rules.values import (
    INT32,
    INT64,
    Batch,
    Tensor,
    can_be_equal,
    constant,
    integer_tensor,
    is_less,
    without_batch,
    write_shape,
)
from sigpb.tf.tensor_types import dtype_of, shape_of

INT16 = dtype_of("int16")


def known(dtype: int, sizes: list[int], **elements: Any) -> Tensor:
    """What is known of a Const."""
    node = protos.NodeDef(op="Const")
    tensor = node.attr["value"].tensor
    tensor.MergeFrom(protos.TensorProto(dtype=dtype, **elements))
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    return constant(node)


@pytest.mark.parametrize("dtype", [INT32, INT64])
def test_constants(dtype: int) -> None:
    packed = (7).to_bytes(4 if dtype == INT32 else 8, "little") * 2
    assert known(dtype, [2], tensor_content=packed) == Tensor((2,), (7, 7))
    assert known(dtype, [], tensor_content=packed[: len(packed) // 2]) == Tensor((), (7,))
    assert known(dtype, [2], tensor_content=packed[:-1]) == Tensor((2,))
    assert known(dtype, [0]) == Tensor((0,), ())


def test_the_last_element_stands_for_all_that_follow() -> None:
    assert known(INT32, [4], int_val=[1, 2]) == Tensor((4,), (1, 2, 2, 2))
    assert known(INT64, [3]) == Tensor((3,), (0, 0, 0))


def test_only_short_vectors_of_integers_are_known() -> None:
    assert known(INT32, [64], int_val=[1]).value == (1,) * 64
    assert known(INT32, [65], int_val=[1]) == Tensor((65,))
    assert known(INT16, [1], int_val=[1]) == Tensor((1,))


@pytest.mark.parametrize("dtype", [INT32, INT64])
def test_integers_there_and_back(dtype: int) -> None:
    node = protos.NodeDef(op="Const")
    node.attr["value"].tensor.CopyFrom(integer_tensor([3, -1], dtype))
    assert constant(node) == Tensor((2,), (3, -1))
    node.attr["value"].tensor.CopyFrom(integer_tensor([3], dtype, scalar=True))
    assert constant(node) == Tensor((), (3,))


def test_comparisons() -> None:
    assert can_be_equal([3, None, 3, Batch()])
    assert not can_be_equal([3, Batch(), 4])
    assert is_less(3, 4)
    assert not is_less(4, 4)
    assert not is_less(None, 4)
    assert not is_less(3, Batch())


@pytest.mark.parametrize("dims", [None, (), (Batch(), 3, None)])
def test_shapes_without_the_batch(dims: tuple[int | Batch | None, ...] | None) -> None:
    shape = None if dims is None else tuple(d if isinstance(d, int) else None for d in dims)
    assert without_batch(dims) == shape
    proto = protos.TensorShapeProto()
    proto.dim.add(size=7)
    write_shape(dims, proto)
    assert shape_of(proto) == shape
