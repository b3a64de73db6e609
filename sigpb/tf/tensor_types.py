"""Dtypes and shapes of tensors, as protos spell them and as people read them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from sigpb import protos
from sigpb.parsers import parse_number

Shape: TypeAlias = "tuple[int | None, ...] | None"
"""Dimension sizes, None for an unknown one; None instead of the tuple for an unknown rank."""


class TensorType(NamedTuple):
    """A dtype, as the number of the enum ``DataType``, and what is known of a shape."""

    dtype: int
    shape: Shape


Encoding = Literal["dense", "coo_sparse", "composite"]

# The names that differ from the enum's (tensorflow/python/framework/dtypes.py).
_IRREGULAR_NAMES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
}
_REF_OFFSET = 100
_LARGEST_SIZE = 2**63 - 1


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


def dtype_names() -> tuple[str, ...]:
    """Returns the names that `dtype_name` gives to the value types, in the enum's order."""
    return tuple(_dtypes())


def dtype_of(name: str) -> int:
    """Returns the value of the enum ``DataType`` for a name.

    Args:
        name: As TensorFlow's Python API has it (``float32``), or another spelling that can only
            mean one dtype: ``DT_FLOAT``, ``tf.float32``, ``np.uint8``, ``f32``, ``<f4``, ``half``.

    Raises:
        ValueError: There is no such dtype, or it may be one of several. The message names those.
    """
    dtypes = _dtypes()
    if name in dtypes:
        return dtypes[name]
    from sigpb.tf.dtype_spellings import dtype_meant

    return dtypes[dtype_meant(name, dtypes)]


def plain_dtype(name: str) -> str:
    """Returns the name of a dtype as TensorFlow's Python API has it, for any spelling of it.

    Raises:
        ValueError: As `dtype_of` does.
    """
    return dtype_name(dtype_of(name))


@functools.cache
def _dtypes() -> Mapping[str, int]:
    values = sorted(protos.DataType.values())
    return {dtype_name(value): value for value in values if 0 < value < _REF_OFFSET}


def value_dtype(dtype: int) -> int:
    """Returns the dtype of the value that a reference type refers to; others as they are."""
    return dtype - _REF_OFFSET if _REF_OFFSET < dtype < 2 * _REF_OFFSET else dtype


def is_handle(dtype: int) -> bool:
    """Whether values of a dtype are handles, which only the graph itself can use."""
    return dtype_name(dtype) in ("resource", "variant")


def integer_range(dtype: int) -> tuple[int, int] | None:
    """Returns the smallest and largest value of an integer dtype; None for any other dtype."""
    match = re.fullmatch(r"(u?)int(\d+)", dtype_name(dtype))
    if match is None:
        return None
    bits = int(match[2])
    return (0, 2**bits - 1) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


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


def is_compatible(first: tuple[object, ...] | None, second: tuple[object, ...] | None) -> bool:
    """Whether a tensor can have both shapes: a `Shape`, or one with other sizes than numbers."""
    if first is None or second is None:
        return True
    return len(first) == len(second) and all(
        a == b or None in (a, b) for a, b in zip(first, second, strict=True)
    )


def type_text(tensor: TensorType) -> str:
    """Writes dtype and shape as ``float32 [?,3]``."""
    return f"{dtype_name(tensor.dtype)} {shape_text(tensor.shape)}"


def shape_proto(shape: Shape) -> protos.TensorShapeProto:
    """Returns the TensorShapeProto that describes a shape; `shape_of` reads it back."""
    proto = protos.TensorShapeProto(unknown_rank=shape is None)
    for size in shape or ():
        proto.dim.add(size=-1 if size is None else size)
    return proto


def parse_shape(text: str) -> Shape:
    """Reads a shape that a person wrote.

    Args:
        text: ``[?,28,28,1]``, where ``-1`` and ``None`` mean ``?`` and the brackets may be left
            out or be round; ``[]`` for a scalar; ``<unknown>`` or ``unknown`` for an unknown rank.

    Raises:
        ValueError: It is none of these.
    """
    inner = text.strip()
    if inner in ("<unknown>", "unknown"):
        return None
    if inner[:1] + inner[-1:] in ("[]", "()"):
        inner = inner[1:-1].strip()
        if not inner:
            return ()
    return tuple(_parse_size(part.strip(), text) for part in inner.removesuffix(",").split(","))


def _parse_size(part: str, text: str) -> int | None:
    if part in ("?", "-1", "None"):
        return None
    size = parse_number(part)
    if size is None:
        raise ValueError(
            f"{text!r} is not a shape: {part!r} is not a size. A shape looks like [?,28,28,1], "
            "with ? where the size is not known, [] for a scalar, <unknown> for an unknown rank."
        )
    if size > _LARGEST_SIZE:
        raise ValueError(
            f"{text!r} is not a shape: {part} is beyond the largest size, {_LARGEST_SIZE}."
        )
    return size


def declared_type(info: protos.TensorInfo) -> TensorType:
    """Returns the type that a signature states for an endpoint, sparse ones as a whole."""
    return TensorType(value_dtype(info.dtype), shape_of(info.tensor_shape))


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


def converted_tensor(info: protos.TensorInfo) -> str:
    """Returns the tensor of an endpoint whose values are converted: of a sparse one, its values."""
    return info.coo_sparse.values_tensor_name if info.HasField("coo_sparse") else info.name


def tensor_type(info: protos.TensorInfo) -> TensorType:
    """Returns what a TensorInfo says of the type of that tensor; of a reference, of its value."""
    shape = (None,) if info.HasField("coo_sparse") else shape_of(info.tensor_shape)
    return TensorType(value_dtype(info.dtype), shape)


def with_tensor(info: protos.TensorInfo, tensor: str, type_: TensorType) -> protos.TensorInfo:
    """Returns a TensorInfo with another tensor and type; of a sparse one, of its values."""
    after = protos.TensorInfo()
    after.CopyFrom(info)
    after.dtype = type_.dtype
    if info.HasField("coo_sparse"):
        after.coo_sparse.values_tensor_name = tensor
    else:
        after.name = tensor
        after.tensor_shape.CopyFrom(shape_proto(type_.shape))
    return after


def with_tensors(info: protos.TensorInfo, follow: Callable[[str], str]) -> protos.TensorInfo:
    """Returns a TensorInfo that stands for other tensors, which `follow` gives for those it has."""
    after = protos.TensorInfo()
    after.CopyFrom(info)
    if info.HasField("coo_sparse"):
        sparse = after.coo_sparse
        for part in ("values", "indices", "dense_shape"):
            name = f"{part}_tensor_name"
            setattr(sparse, name, follow(getattr(sparse, name)))
    elif info.HasField("composite_tensor"):
        components = [with_tensors(part, follow) for part in info.composite_tensor.components]
        del after.composite_tensor.components[:]
        after.composite_tensor.components.extend(components)
    else:
        after.name = follow(info.name)
    return after
