"""Inputs that are read from serialized tf.Examples, by the op that `tf.io.parse_example` calls.

A tf.Example holds float32, int64 and bytes, so what takes other dtypes takes them cast
(tensorflow/core/ops/parsing_ops.cc, tensorflow/core/util/example_proto_fast_parsing.cc).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sigpb import protos
from sigpb.rewrite.interface import Feature, Interface
from sigpb.rewrite.port import Port
from sigpb.steps.conversion import convert, losses
from sigpb.steps.graph_body import GraphBody, constant, int_attr
from sigpb.steps.step import ConversionError, build_steps
from sigpb.tf.tensor_elements import elements, set_elements, sizes
from sigpb.tf.tensor_types import TensorType, dtype_name, dtype_of, shape_proto, shape_text

_STRING = dtype_of("string")
_READ = ("float32", "int64", "string")
_FLOATS = ("float16", "bfloat16", "float64")


class Features(NamedTuple):
    """The features of a signature's inputs, or why there cannot be any.

    Attributes:
        features: Sorted by name, as `tf.io.parse_example` has them.
        problems: What is in the way, in whole sentences.
        warnings: What of values can get lost.
    """

    features: tuple[Feature, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def features_of(
    signature: Interface, defaults: Mapping[str, protos.TensorProto], key: str
) -> Features:
    """Returns the features that the inputs of a signature are read from.

    Args:
        signature: The signature, whose inputs are converted as is wanted.
        defaults: The values that inputs have if they are left out, by their keys in the model.
        key: The input that the Examples are passed by.
    """
    found, problems, warnings = list[Feature](), list[str](), list[str]()
    ports = signature.taken
    for name, count in Counter(port.key for port in ports).items():
        if count > 1:
            problems.append(f"{count} inputs would be read from the feature {name!r}.")
    if key in signature.inputs:
        problems.append(
            f"it has an input {key!r}, so the Examples cannot have that key; rename the input "
            "first, with a patch of its own."
        )
    for port in sorted(ports, key=lambda port: port.key.encode()):
        try:
            feature = _feature(port, defaults.get(port.source))
        except ConversionError as error:
            problems.append(f"input {port.source!r} cannot be read from a tf.Example: {error}.")
            continue
        found.append(feature)
        if lost := losses(feature.steps, feature.type):
            read = dtype_name(feature.type.dtype)
            warnings.append(
                f"signature {signature.key!r}: the feature {feature.name!r} is read as {read} and "
                f"cast to {dtype_name(port.outside.dtype)} ({'; '.join(lost)})."
            )
    if not ports:
        problems.append("it has no inputs that could be read from tf.Examples.")
    return Features(tuple(found), tuple(problems), tuple(warnings))


def _feature(port: Port, default: protos.TensorProto | None) -> Feature:
    """Returns the feature that an input is read from.

    Raises:
        ConversionError: It cannot be read.
    """
    if not port.info.name:
        raise ConversionError("it is not dense")
    outside = port.outside
    if not outside.shape or outside.shape[0] is not None:
        raise ConversionError(
            f"its shape {shape_text(outside.shape)} does not leave the number of rows open; state "
            "one that does, or bind it to a constant"
        )
    if None in outside.shape[1:]:
        raise ConversionError(
            f"its shape {shape_text(outside.shape)} has open sizes besides the number of rows, "
            "and a tf.Example states only the number of values of a feature"
        )
    read = TensorType(_read_dtype(outside.dtype), outside.shape)
    steps = convert(read, outside)
    now = _row_default(default if port.default is None else port.default, read)
    return Feature(port.source, port.key, read, steps, now)


def _read_dtype(dtype: int) -> int:
    """Returns the dtype that a tf.Example holds values of another one as."""
    name = dtype_name(dtype)
    if name in _READ:
        return dtype
    return dtype_of("float32" if name in _FLOATS else "int64")


def _row_default(default: protos.TensorProto | None, read: TensorType) -> protos.TensorProto | None:
    """Returns the value of one row, as it is read.

    Raises:
        ConversionError: The value is none of one row.
    """
    if default is None:
        return None
    row = [size for size in (read.shape or ())[1:] if size is not None]
    try:
        if list(sizes(default)) not in ([1, *row], row):
            raise ConversionError(
                f"its default is of the shape {shape_text(sizes(default))}, which is not one row; "
                "state a default for one row"
            )
        made = protos.TensorProto(dtype=read.dtype, tensor_shape=shape_proto(tuple(row)))
        set_elements(made, elements(default))
    except ValueError as error:
        raise ConversionError(f"its default cannot be read: {error}") from error
    return made


def parsed(body: GraphBody, serialized: str, features: Sequence[Feature]) -> dict[str, str]:
    """Adds what reads features from Examples.

    Args:
        body: Where to add nodes.
        serialized: The Examples, a vector of strings, as the body spells it.
        features: The features.

    Returns:
        The tensors of the types that clients would feed, by the keys of the inputs in the model.
    """
    name = "ParseExample/ParseExampleV2"
    nothing = protos.TensorProto(dtype=_STRING, tensor_shape=shape_proto((0,)))
    keys = protos.TensorProto(dtype=_STRING, tensor_shape=shape_proto((len(features),)))
    keys.string_val.extend(feature.name.encode() for feature in features)
    names, sparse, ragged = (
        constant(body, f"ParseExample/{each}", nothing) for each in ("names", "sparse", "ragged")
    )
    dense = constant(body, "ParseExample/dense", keys)
    types, shapes, defaults = protos.AttrValue(), protos.AttrValue(), list[str]()
    types.list.SetInParent()
    for number, feature in enumerate(features):
        types.list.type.append(feature.type.dtype)
        shapes.list.shape.append(shape_proto((feature.type.shape or ())[1:]))
        empty = protos.TensorProto(dtype=feature.type.dtype, tensor_shape=shape_proto((0,)))
        value = empty if feature.default is None else feature.default
        defaults.append(constant(body, f"ParseExample/default_{number}", value))
    of_none = protos.AttrValue()
    of_none.list.SetInParent()
    read = body.add(
        "ParseExampleV2",
        name,
        [serialized, names, sparse, dense, ragged, *defaults],
        {
            "Tdense": types,
            "dense_shapes": shapes,
            "num_sparse": int_attr(0),
            "sparse_types": of_none,
            "ragged_value_types": of_none,
            "ragged_split_types": of_none,
        },
        *(shape_proto(feature.type.shape) for feature in features),
    )
    return {
        feature.source: build_steps(body, feature.steps, tensor, feature.type)
        for feature, tensor in zip(features, read, strict=True)
    }


def examples_port(key: str) -> Port:
    """Returns the input that Examples are passed by: a vector of strings."""
    info = protos.TensorInfo(dtype=_STRING, tensor_shape=shape_proto((None,)))
    return Port(key, key, {key: info})
