"""What a model's SignatureDefs say, read with TensorFlow's own messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

Shape = tuple[int | None, ...] | None

_INTERNAL = ("__saved_model_init_op", "__saved_model_train_op")


@dataclass(frozen=True)
class Endpoint:
    """An input or an output.

    Attributes:
        dtype: The name of its dtype.
        shape: Its shape; None if the rank is unknown.
        parts: The names of its tensors, by what `tf.saved_model.load` calls them: its key, or
            ``KEY_indices`` and so on of sparse and composite ones.
    """

    dtype: str
    shape: Shape
    parts: Mapping[str, str]

    @property
    def tensor(self) -> str:
        """The name of its only tensor; "" if it has several."""
        return next(iter(self.parts.values())) if len(self.parts) == 1 else ""


@dataclass(frozen=True)
class Signature:
    """A SignatureDef."""

    method: str
    inputs: Mapping[str, Endpoint]
    outputs: Mapping[str, Endpoint]
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class MetaGraph:
    """A MetaGraph: its tags, its signatures for users, and its whole message."""

    tags: tuple[str, ...]
    signatures: Mapping[str, Signature]
    message: Any


def read_message(directory: Path) -> Any:
    """Parses a model's ``saved_model.pb``."""
    data = (directory / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(data)


def read(directory: Path) -> list[MetaGraph]:
    """Reads the MetaGraphs of a model."""
    return [
        MetaGraph(
            tuple(message.meta_info_def.tags),
            {
                key: _signature(signature)
                for key, signature in sorted(message.signature_def.items())
                if key not in _INTERNAL
            },
            message,
        )
        for message in read_message(directory).meta_graphs
    ]


def _signature(message: Any) -> Signature:
    return Signature(
        message.method_name,
        {key: _endpoint(key, info) for key, info in sorted(message.inputs.items())},
        {key: _endpoint(key, info) for key, info in sorted(message.outputs.items())},
        # The messages of TensorFlow 2.12 have no defaults.
        {key: tf.make_ndarray(x) for key, x in sorted(getattr(message, "defaults", {}).items())},
    )


def _endpoint(key: str, info: Any) -> Endpoint:
    shape = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(None if dim.size < 0 else int(dim.size) for dim in info.tensor_shape.dim)
    encoding = info.WhichOneof("encoding")
    if encoding == "coo_sparse":
        parts = {
            f"{key}_indices": info.coo_sparse.indices_tensor_name,
            f"{key}_values": info.coo_sparse.values_tensor_name,
            f"{key}_dense_shape": info.coo_sparse.dense_shape_tensor_name,
        }
    elif encoding == "composite_tensor":
        components = info.composite_tensor.components
        parts = {f"{key}_component_{i}": part.name for i, part in enumerate(components)}
    else:
        parts = {key: info.name}
    return Endpoint(tf.as_dtype(info.dtype).name if info.dtype else "", shape, parts)


def same_arrays(first: Any, second: Any) -> bool:
    """Whether two arrays are equal, with their dtypes and shapes."""
    first, second = np.asarray(first), np.asarray(second)
    return (first.dtype, first.shape) == (second.dtype, second.shape) and bool(
        np.all(first == second)
    )
