"""Dtypes and shapes of tensors, as protos spell them and as people read them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from sigpb import protos

Shape: TypeAlias = "tuple[int | None, ...] | None"
"""Dimension sizes, None for an unknown one; None instead of the tuple for an unknown rank."""

Encoding = Literal["dense", "coo_sparse", "composite"]

# The names that differ from the enum's (tensorflow/python/framework/dtypes.py).
_IRREGULAR_NAMES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
}
_REF_OFFSET = 100


def dtype_name(dtype: int) -> str:
    """Names a value of the enum ``DataType`` as TensorFlow's Python API does.

    A reference type is named after its value type with ``_ref``; a number that this version does
    not know is returned as ``"dtype_<number>"``.
    """
    if _REF_OFFSET < dtype < 2 * _REF_OFFSET:
        return dtype_name(dtype - _REF_OFFSET) + "_ref"
    try:
        enum_name = protos.DataType.Name(dtype)
    except ValueError:
        return f"dtype_{dtype}"
    return _IRREGULAR_NAMES.get(enum_name, enum_name.removeprefix("DT_").lower())


def shape_of(proto: protos.TensorShapeProto) -> Shape:
    """Returns the shape that a TensorShapeProto describes."""
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)


def shape_text(shape: Shape) -> str:
    """Writes a shape as ``[?,28,28,1]``, or ``<unknown>`` for an unknown rank."""
    if shape is None:
        return "<unknown>"
    return "[" + ",".join("?" if size is None else str(size) for size in shape) + "]"


def encoding_of(info: protos.TensorInfo) -> Encoding:
    """Tells which of the three encodings a TensorInfo uses."""
    if info.HasField("coo_sparse"):
        return "coo_sparse"
    return "composite" if info.HasField("composite_tensor") else "dense"


def tensor_names(info: protos.TensorInfo) -> tuple[str, ...]:
    """The tensors that a TensorInfo stands for: one, three of a sparse one, or the components'."""
    if info.HasField("coo_sparse"):
        sparse = info.coo_sparse
        return (
            sparse.values_tensor_name,
            sparse.indices_tensor_name,
            sparse.dense_shape_tensor_name,
        )
    if info.HasField("composite_tensor"):
        return tuple(
            name for part in info.composite_tensor.components for name in tensor_names(part)
        )
    return (info.name,)
