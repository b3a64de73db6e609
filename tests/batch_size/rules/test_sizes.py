from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.batch_size.rules.sizes import (
    Batch,
    can_be_equal,
    is_less,
    without_batch,
    write_shape,
)
from sigpb.tf.tensor_types import shape_of


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
