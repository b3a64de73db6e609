"""Serialized tf.Examples to feed models with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from sigpb import protos
from sigpb.tf.tensor_types import dtype_name
from sigpb.verifying.comparison import Array, Arrays
from sigpb.verifying.mapping import SignatureMapping
from sigpb.verifying.values import array_of

_EXAMPLES = 5
"""How many are made for a model that parses them."""

Feature = tuple[int, int]
"""The dtype of a feature, and the number of its elements."""


def as_examples(signature: SignatureMapping, values: Mapping[str, Array]) -> Arrays:
    """Returns what the new model is fed if it reads its inputs from tf.Examples.

    A feature that has its default is left out, so that it is the model that knows the default.

    Args:
        signature: The signature.
        values: The values of the features, of as many rows each, by their names.
    """
    import numpy as np

    lists = {"float32": "float_list", "int64": "int64_list", "string": "bytes_list"}
    kinds = {
        each.new: lists[dtype_name(each.components[0].type.dtype)]
        for each in signature.inputs
        if each.new is not None
    }
    defaults = {each.new: array_of(each.default) for each in signature.inputs if each.default}
    examples = []
    for row in range(len(next(iter(values.values())))):
        example = protos.Example()
        for name, kind in kinds.items():
            if name in defaults and np.array_equal(values[name][row], defaults[name]):
                continue
            feature = getattr(example.features.feature[name], kind)
            feature.value.extend(np.ravel(values[name][row]).tolist())
        examples.append(example.SerializeToString())
    return {signature.examples or "": np.array(examples, dtype=object)}


def examples_for(meta_graph: Any) -> tuple[bytes, ...] | None:
    """Returns Examples for the ops of a MetaGraphDef that parse them; None if there are none."""
    graph = meta_graph.graph_def
    features: dict[str, Feature] = {}
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        features |= _features(nodes)
    if not features:
        return None
    return tuple(_example(features, row) for row in range(_EXAMPLES))


def _features(nodes: Iterable[Any]) -> dict[str, Feature]:
    nodes = list(nodes)
    keys = {
        node.name: list(node.attr["value"].tensor.string_val)
        for node in nodes
        if node.op == "Const"
    }
    found: dict[str, Feature] = {}
    for node in nodes:
        if node.op in ("ParseExample", "ParseExampleV2"):
            found |= _read_by(node, keys)
    return found


def _read_by(node: Any, keys: Mapping[str, list[bytes]]) -> dict[str, Feature]:
    """Returns the features that an op reads (tensorflow/core/ops/parsing_ops.cc)."""
    inputs = [keys.get(name.partition(":")[0], []) for name in node.input]
    if node.op == "ParseExampleV2":
        sparse, dense = inputs[2], inputs[3]
    else:
        split = 2 + node.attr["Nsparse"].i
        sparse = [key for each in inputs[2:split] for key in each]
        dense = [key for each in inputs[split : split + node.attr["Ndense"].i] for key in each]
    dtypes = [*node.attr["sparse_types"].list.type, *node.attr["Tdense"].list.type]
    counts = [1] * len(sparse)
    for shape in node.attr["dense_shapes"].list.shape:
        counts.append(prod(max(dim.size, 1) for dim in shape.dim))
    # Ragged features, which come last, are left out: an Example need not have them.
    found = zip(sparse + dense, dtypes, counts, strict=False)
    return {key.decode(): (dtype, count) for key, dtype, count in found}


def _example(features: Mapping[str, Feature], row: int) -> bytes:
    import tensorflow as tf

    example = tf.train.Example()
    for number, (key, (dtype, count)) in enumerate(sorted(features.items())):
        feature = example.features.feature[key]
        integers = [(number + row * 3 + i) % 5 for i in range(count)]
        if dtype == tf.string.as_datatype_enum:
            feature.bytes_list.value.extend(f"hello world {i}".encode() for i in integers)
        elif dtype == tf.int64.as_datatype_enum:
            feature.int64_list.value.extend(integers)
        else:
            feature.float_list.value.extend((each + 1) / (number + 2) for each in integers)
    return bytes(example.SerializeToString(deterministic=True))
