"""What `sigpb show` tells of a model, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.model import INTERNAL_PREFIX, MetaGraph, SavedModel
from sigpb.tensor_types import dtype_name, encoding_of, shape_of, tensor_names

Json = dict[str, Any]


def summarize(
    model: SavedModel, meta_graphs: Iterable[MetaGraph], signature: str | None = None
) -> Json:
    """Returns a model's MetaGraphs and signatures as JSON values.

    The format is described in docs/json.md.

    Args:
        model: The model.
        meta_graphs: Those of its MetaGraphs that are of interest.
        signature: Only the signature of this key; None for all.
    """
    fingerprint = model.directory / fingerprints.FILE_NAME
    return {
        "model": str(model.directory),
        "file": model.file.name,
        "bytes": model.file.stat().st_size,
        "fingerprint": _fingerprint(fingerprint) if fingerprint.exists() else None,
        "meta_graphs": [_meta_graph(graph, signature) for graph in meta_graphs],
    }


def _fingerprint(file: Path) -> Json:
    try:
        fingerprint = fingerprints.read(file)
    except ModelUnreadable as error:
        return {"unreadable": str(error)}
    hashes = {
        field.name: f"{value:016x}"
        for field, value in fingerprint.ListFields()
        if field.name.endswith(("_hash", "_checksum"))
    }
    return {**hashes, "uuid": fingerprint.uuid, "producer": fingerprint.version.producer}


def _meta_graph(graph: MetaGraph, signature: str | None) -> Json:
    return {
        "tags": list(graph.tags),
        "object_graph": graph.has_object_graph,
        "tensorflow_version": graph.tensorflow_version,
        "bytes": graph.message.end - graph.message.start,
        "signatures": {
            key: _signature(key, graph.signatures[key])
            for key in sorted(graph.signatures)
            if signature is None or key == signature
        },
    }


def _signature(key: str, signature_def: protos.SignatureDef) -> Json:
    inputs = _endpoints(signature_def.inputs)
    for default_key, default in signature_def.defaults.items():
        if default_key in inputs:
            inputs[default_key]["default"] = _default(default)
    return {
        "method_name": signature_def.method_name,
        "inputs": inputs,
        "outputs": _endpoints(signature_def.outputs),
        "internal": key.startswith(INTERNAL_PREFIX),
    }


def _endpoints(infos: Mapping[str, protos.TensorInfo]) -> Json:
    return {key: _endpoint(info) for key, info in sorted(infos.items())}


def _endpoint(info: protos.TensorInfo) -> Json:
    encoding = encoding_of(info)
    shape = shape_of(info.tensor_shape)
    summary: Json = {
        "tensor": info.name if encoding == "dense" else None,
        "dtype": dtype_name(info.dtype),
        "shape": None if shape is None else list(shape),
        "encoding": encoding,
    }
    if encoding != "dense":
        summary["components"] = list(tensor_names(info))
    return summary


def _default(tensor: protos.TensorProto) -> Json:
    """Tells type, shape and content of a default value; the content as protobuf stores it."""
    shape = shape_of(tensor.tensor_shape)
    content: list[Any] = []
    for field, value in tensor.ListFields():
        if field.name.endswith("_val"):
            content = [_text(item) for item in value]
    return {
        "dtype": dtype_name(tensor.dtype),
        "shape": None if shape is None else list(shape),
        "values": content,
        "bytes": len(tensor.tensor_content),
    }


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
