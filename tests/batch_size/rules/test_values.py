from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.batch_size.rules.values import INT32, INT64, Tensor, constant, integer_tensor
from sigpb.tf.tensor_types import dtype_of

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
