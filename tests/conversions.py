"""What values become at a boundary that a patch converts, in plain numpy.

It is written apart from the steps that sigpb splices, so that the two can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigpb import protos
from sigpb.saved_model.model import MetaGraph
from sigpb.steps import dtype_values
from sigpb.tf.tensor_types import Shape, dtype_name, dtype_of, integer_range, parse_shape, shape_of
from tests.model_runner import BATCH, Array

Arrays = dict[str, Array]

# Components of an endpoint are named after it: see tests/model_runner.py.
_PARTS = ("_indices", "_values", "_dense_shape")
_COMPONENT = "_component_"


@dataclass(frozen=True)
class Case:
    """A signature as a patch makes it, and values to run it with.

    Attributes:
        source: The signature's key in the model.
        key: The key it is to have.
        fed: What the patched signature is fed.
        fed_to_source: What the signature of the model has to be fed for the same results.
        added: The keys of the outputs that the patch adds.
    """

    source: str
    key: str
    fed: Arrays
    fed_to_source: Arrays
    added: frozenset[str]
    _outputs: Mapping[str, protos.TensorInfo]
    _items: Mapping[str, protos.EndpointPatch]

    def expected(self, results: Mapping[str, Array]) -> Arrays:
        """Returns what the patched signature has to return where the model's returns `results`.

        Outputs that the patch adds are not among it.
        """
        expected = {}
        for name, value in results.items():
            item, info = _item(self._items, name), self._outputs[_endpoint(self._outputs, name)]
            if not item.drop:
                new = _converted(value, item, info) if _is_converted(item, name) else value
                is_text = np.shape(new) == () and np.asarray(new).dtype.kind == "O"
                # A single text is what TensorFlow returns as bytes rather than as an array.
                expected[_new_name(item, name)] = np.asarray(new).item() if is_text else new
        return expected


def cases(
    graph: MetaGraph, patch: protos.SavedModelPatch, values: Mapping[str, Arrays]
) -> list[Case]:
    """Returns a case for every signature that a patched MetaGraph has.

    Args:
        graph: The MetaGraph as it is.
        patch: What is to be patched.
        values: For each signature of the model what it can be fed.
    """
    named = {item.key: item for item in patch.signature if not item.HasField("copy_of")}
    items = [named.get(key) or protos.SignaturePatch(key=key) for key in graph.user_signatures]
    items += [
        item
        for item in patch.signature
        if item.HasField("copy_of") and item.copy_of in graph.user_signatures
    ]
    return [_case(graph, item, values[item.copy_of or item.key]) for item in items if not item.drop]


def _case(graph: MetaGraph, patch: protos.SignaturePatch, values: Arrays) -> Case:
    source = patch.copy_of or patch.key
    signature = graph.signatures[source]
    items = {item.key: item for item in patch.input}
    fed, fed_to_source = {}, {}
    for name, value in values.items():
        item, info = _item(items, name), signature.inputs[_endpoint(signature.inputs, name)]
        if item.HasField("bind"):
            fed_to_source[name] = _bound(item.bind, info)
        elif _is_converted(item, name):
            value = _with_rank(value, item, info)
            new = _made_up(_reshaped_as_stated(value, item, info), item)
            fed[_new_name(item, name)] = new
            fed_to_source[name] = as_dtype(new, info.dtype).reshape(np.shape(value))
        else:
            fed[_new_name(item, name)] = fed_to_source[name] = value
    outputs = {item.key: item for item in patch.output if not item.HasField("from_tensor")}
    added = frozenset(item.key for item in patch.output if item.HasField("from_tensor"))
    key = patch.rename_to or patch.key
    return Case(source, key, fed, fed_to_source, added, signature.outputs, outputs)


def _endpoint(infos: Iterable[str], name: str) -> str:
    """Returns the key of the endpoint that a tensor belongs to."""
    return max((key for key in infos if name == key or name.startswith(f"{key}_")), key=len)


def _item(items: Mapping[str, protos.EndpointPatch], name: str) -> protos.EndpointPatch:
    """Returns what the patch says of the endpoint that a tensor belongs to."""
    for key, item in items.items():
        part = name.removeprefix(key)
        if name == key or (name.startswith(key) and (part in _PARTS or part[:11] == _COMPONENT)):
            return item
    return protos.EndpointPatch(key=name)


def _new_name(item: protos.EndpointPatch, name: str) -> str:
    return (item.rename_to or item.key) + name.removeprefix(item.key)


def _is_converted(item: protos.EndpointPatch, name: str) -> bool:
    """Whether a patch asks for another type, and a tensor holds values, not indices of them."""
    is_value = name.removeprefix(item.key) in ("", "_values")
    return is_value and (item.HasField("dtype") or item.HasField("shape"))


def _converted(value: Array, item: protos.EndpointPatch, info: protos.TensorInfo) -> Array:
    value = _reshaped_as_stated(value, item, info)
    return as_dtype(value, dtype_of(item.dtype)) if item.HasField("dtype") else value


def _reshaped_as_stated(value: Array, item: protos.EndpointPatch, info: protos.TensorInfo) -> Array:
    if not item.HasField("shape"):
        return np.asarray(value)
    return reshaped(np.asarray(value), shape_of(info.tensor_shape), parse_shape(item.shape))


def _with_rank(value: Array, item: protos.EndpointPatch, info: protos.TensorInfo) -> Array:
    """Repeats a value for an input of unknown rank until it has the shape that the patch states."""
    shape = parse_shape(item.shape) if item.HasField("shape") else None
    if shape_of(info.tensor_shape) is not None or shape is None:
        return value
    return np.resize(value, [BATCH if size is None else size for size in shape])


def _made_up(value: Array, item: protos.EndpointPatch) -> Array:
    """Makes values of an input's new dtype from some of its old one, distinct if those are."""
    if not item.HasField("dtype"):
        return value
    dtype = dtype_of(item.dtype)
    target, limits = numpy_dtype(dtype), integer_range(dtype)
    if value.dtype.kind == "O" and target.kind != "O":
        return np.arange(value.size).reshape(value.shape).astype(target)
    if value.dtype.kind == "f" and limits:
        value = value * min(50, limits[1])  # They are below 1.
    if value.dtype.kind == "f" and target.kind == "b":
        return value > 0.5
    if value.dtype.kind == "c":
        value = value.real
    if target.kind == "c":
        return (value * (1 + 2j)).astype(target)
    if target.kind == "O" and value.dtype.kind != "O":
        numbers = value.astype(int) if value.dtype.kind == "b" else value
        return _texts(repr(number.item()) for number in numbers.flat).reshape(value.shape)
    return value.astype(target)


def _bound(text: str, info: protos.TensorInfo) -> Array:
    """Reads a constant; one of a shape that is known is repeated."""
    if dtype_name(info.dtype) == "string":
        return _texts([json.loads(text)] if text.startswith('"') else [text]).reshape(())
    value = np.array(json.loads(text)).astype(numpy_dtype(info.dtype))
    shape = shape_of(info.tensor_shape)
    return np.full(shape, value) if value.shape == () and shape else value


def numpy_dtype(dtype: int) -> Any:
    """Returns the dtype of arrays, whose elements are ``bytes`` objects for text."""
    if dtype_name(dtype) == "string":
        return np.dtype(object)
    return dtype_values.numpy_dtype(dtype)


def as_dtype(value: Array, dtype: int) -> Array:
    """Converts an array as ``Cast``, ``AsString`` and ``StringToNumber`` do."""
    target = numpy_dtype(dtype)
    if value.dtype == target:
        return value
    if target.kind == "O":
        return _texts(_text(element) for element in value.flat).reshape(value.shape)
    if value.dtype.kind == "O":
        value = np.array([float(text) for text in value.flat]).reshape(value.shape)
    if value.dtype.kind == "c" and target.kind != "c":
        value = value.real
    with np.errstate(all="ignore"):
        if value.dtype == np.float64 and target == np.float16:
            value = value.astype(np.float32)  # TensorFlow rounds twice.
        return value.astype(target)


def _texts(texts: Iterable[str]) -> Array:
    return np.array([text.encode() for text in texts], object)


def _text(element: Any) -> str:
    if element.dtype.kind == "b":
        return "true" if element else "false"
    if element.dtype.kind == "c":
        return f"({element.real:f},{element.imag:f})"
    return f"{element:d}" if element.dtype.kind in "iu" else f"{float(element):f}"


def reshaped(value: Array, before: Shape, after: Shape) -> Array:
    """Reshapes an array.

    Args:
        value: The array.
        before: The shape that is stated for it.
        after: The shape wanted. One unknown size is what is left over; several are, in their
            order, those that are unknown in `before`, and then 1.
    """
    if after is None or _fits(value.shape, after):
        return value
    if after.count(None) == 1:
        return value.reshape([-1 if size is None else size for size in after])
    stated = before or (0,) * value.ndim
    unknown = (size for size, known in zip(value.shape, stated, strict=True) if known is None)
    return value.reshape([next(unknown, 1) if size is None else size for size in after])


def _fits(sizes: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return len(sizes) == len(shape) and all(
        stated in (None, size) for size, stated in zip(sizes, shape, strict=True)
    )
