"""Constants in NodeDefs: the integers in them, and whether all their elements are the same."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from sigpb import protos
from sigpb.batch_size.rules.values import Dims, Tensor, size_of
from sigpb.graph.node_index import is_outlined

INT32 = protos.DataType.Value("DT_INT32")
INT64 = protos.DataType.Value("DT_INT64")
_FORMATS = {INT32: "i", INT64: "q"}

# Larger ones are not shapes.
_MOST_ELEMENTS = 64


def constant(node: protos.NodeDef) -> Tensor:
    """Returns what is known of the output of a Const."""
    proto = node.attr["value"].tensor
    shape: Dims = tuple(dim.size for dim in proto.tensor_shape.dim)
    return Tensor(shape, _integers(proto))


def _integers(proto: protos.TensorProto) -> Dims | None:
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    count = size_of(sizes)
    if proto.dtype not in _FORMATS or not 0 <= count <= _MOST_ELEMENTS:
        return None
    if proto.tensor_content:
        content = struct.Struct(f"<{count}{_FORMATS[proto.dtype]}")
        is_whole = len(proto.tensor_content) == content.size
        return content.unpack(proto.tensor_content) if is_whole else None
    values = list(proto.int_val if proto.dtype == INT32 else proto.int64_val)
    # The last element stands for all that follow; no element at all means zeros.
    last = values[-1] if values else 0
    return tuple(values + [last] * (count - len(values)))


def integer_tensor(
    values: Sequence[int], dtype: int, *, scalar: bool = False
) -> protos.TensorProto:
    """Returns a vector of integers, or a scalar."""
    proto = protos.TensorProto(dtype=dtype)
    if not scalar:
        proto.tensor_shape.dim.add().size = len(values)
    (proto.int_val if dtype == INT32 else proto.int64_val).extend(values)
    return proto


def uniform_element(proto: protos.TensorProto) -> protos.TensorProto | None:
    """Returns the element that all elements of a tensor are, as a scalar; None if they differ.

    They are taken to differ if they were left out.
    """
    if is_outlined(proto):
        return None
    count = size_of([dim.size for dim in proto.tensor_shape.dim])
    element = protos.TensorProto()
    element.CopyFrom(proto)
    element.tensor_shape.Clear()
    if proto.tensor_content:
        width, rest = divmod(len(proto.tensor_content), count) if count else (0, 1)
        first = proto.tensor_content[:width]
        if rest or first * count != proto.tensor_content:
            return None
        element.tensor_content = first
        return element
    for field, values in proto.ListFields():
        if field.name.endswith("_val") and field.name != "float8_val":
            if any(value != values[0] for value in values) or field.name in _PAIRS:
                return None
            del getattr(element, field.name)[1:]
    return element


# Two numbers make one complex element.
_PAIRS = {"scomplex_val", "dcomplex_val"}
