"""Patches that fit a model, made from its signatures; some of them are to be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sigpb import protos

_DTYPES = ("float64", "float16", "int32", "int64", "uint8", "bool", "string", "bfloat16", "float23")
_VALUES = {"DT_STRING": '"text"', "DT_BOOL": "true"}
_NUMBER = "1"


@dataclass(frozen=True)
class Signature:
    """A signature of a model, and what a patch of it can name.

    Attributes:
        key: Its key.
        proto: Its SignatureDef.
        others: The keys of the model's other signatures.
        tensors: Some tensors of the graph and of its functions.
        tags: The tags of its MetaGraph.
    """

    key: str
    proto: protos.SignatureDef
    others: Sequence[str]
    tensors: Sequence[str]
    tags: Sequence[str]


def signatures(model: protos.SavedModel) -> Iterator[Signature]:
    """Yields the signatures of all MetaGraphs that are not TensorFlow's own."""
    for graph in model.meta_graphs:
        keys = sorted(key for key in graph.signature_def if not key.startswith("__"))
        for key in keys:
            yield Signature(
                key,
                graph.signature_def[key],
                [other for other in keys if other != key],
                _tensors(graph.graph_def),
                sorted(graph.meta_info_def.tags),
            )


def patches(signature: Signature) -> Iterator[tuple[str, str]]:
    """Yields patches of a signature, as text protos, each with a name."""
    inputs = sorted(signature.proto.inputs)
    outputs = sorted(signature.proto.outputs)
    for name, body in _bodies(signature, inputs, outputs):
        yield name, f"signature {{ key: {_text(signature.key)} {body} }}"
    for name, patch in _whole(signature):
        yield name, patch


def _bodies(
    signature: Signature, inputs: Sequence[str], outputs: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yields what is said of the one signature."""
    for side, keys in (("input", inputs), ("output", outputs)):
        yield from _renames(side, keys)
        endpoints = getattr(signature.proto, f"{side}s")
        for key in keys[:1]:
            yield from _types(side, key, endpoints[key])
        for key in keys[1:2]:
            yield f"{side} dtype of the second", _end(side, key, dtype="float64")
        yield f"{side} unknown", _end(side, "missing", rename_to="new")
        yield f"{side} empty", _end(side, "", rename_to="new")
    for size in ("?", "1", "4", "-2"):
        yield f"batch_size {size}", f"batch_size: {_text(size)}"
    for key in inputs[:2]:
        yield from _values(key, signature.proto.inputs[key])
    for count in (1, len(outputs)):
        dropped = " ".join(_end("output", key, drop=True) for key in outputs[:count])
        yield f"drop {count} outputs", dropped
    for tensor in (*signature.tensors, "missing:0"):
        yield f"add output {tensor}", _end("output", "added", from_tensor=tensor)
    yield "rename_signature", 'rename_to: "renamed"'
    yield "rename_signature collision", f"rename_to: {_text((*signature.others, '__x')[0])}"
    yield "method", 'method_name: "tensorflow/serving/regress"'
    yield "method empty", 'method_name: ""'
    yield "delete_signature", "drop: true"
    if inputs and outputs:
        first, last = inputs[0], outputs[-1]
        yield (
            "many at once",
            'rename_to: "renamed" method_name: "other" '
            + _end("input", first, rename_to="zzz", dtype="float64")
            + _end("output", last, rename_to="aaa", dtype="float16"),
        )
        yield "batch and rename", 'batch_size: "?"' + _end("input", first, rename_to="zzz")


def _whole(signature: Signature) -> Iterator[tuple[str, str]]:
    """Yields patches that say more than what one signature is to be."""
    key = _text(signature.key)
    yield "copy_signature", f'signature {{ key: "copy" copy_of: {key} }}'
    renamed = "".join(
        _end("input", each, rename_to=f"z_{place}")
        for place, each in enumerate(sorted(signature.proto.inputs, reverse=True))
    )
    yield "copy renamed", f'signature {{ key: "copy" copy_of: {key} {renamed} }}'
    if signature.proto.inputs:
        first = _end("input", min(signature.proto.inputs), dtype="float64")
        yield "copy converted", f'signature {{ key: "copy" copy_of: {key} {first} }}'
    for other in signature.others[:1]:
        yield (
            "swap signatures",
            f"signature {{ key: {key} rename_to: {_text(other)} }} "
            f"signature {{ key: {_text(other)} rename_to: {key} }}",
        )
    tags = " ".join(f"tag: {_text(tag)}" for tag in signature.tags)
    yield "set_tags", f'tags {{ {tags} }} set_tags {{ tag: "serve" tag: "new" }} id: "an id"'
    yield "no such tags", f'tags {{ tag: "none" }} signature {{ key: {key} rename_to: "x" }}'
    yield "no such signature", 'signature { key: "missing" rename_to: "x" }'
    yield "empty", ""
    yield "no patch", "signature { key: }"


def _renames(side: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    if keys:
        yield f"{side} rename to the end", _end(side, keys[0], rename_to="zzz")
        yield f"{side} rename to the start", _end(side, keys[-1], rename_to="AAA")
        yield f"{side} rename to a collision", _end(side, keys[0], rename_to=keys[-1])
        yield f"{side} rename to no name", _end(side, keys[0], rename_to="a b")
        turned = zip(keys, reversed(keys), strict=True)
        yield f"{side} reversed", "".join(_end(side, a, rename_to=b) for a, b in turned)
        prefixed = "".join(_end(side, key, rename_to=f"new_{key}") for key in keys)
        yield f"{side} all renamed", prefixed


def _types(side: str, key: str, info: protos.TensorInfo) -> Iterator[tuple[str, str]]:
    for dtype in _DTYPES:
        yield f"{side} dtype {dtype}", _end(side, key, dtype=dtype)
    if info.tensor_shape.unknown_rank:
        shapes = {"guessed": "[?,2]"}
    else:
        sizes = ["?" if each.size < 0 else str(each.size) for each in info.tensor_shape.dim]
        rest = sizes[1:]
        shapes = {
            "same": _shape(sizes),
            "fixed": _shape(["3", *rest]),
            "opened": _shape(["?", *rest]),
            "longer": _shape([*sizes, "1"]),
            "split": _shape([*sizes[:1], "1", *rest]),
            "turned": _shape(sizes[::-1]),
            "wrong": _shape([*sizes, "7"]),
            "unknown": "<unknown>",
            "malformed": "[x]",
        }
    for name, shape in shapes.items():
        yield f"{side} shape {name}", _end(side, key, shape=shape)
    yield (
        f"{side} dtype and shape and rename",
        _end(side, key, shape=next(iter(shapes.values())), dtype="float64", rename_to="zzz"),
    )


def _values(key: str, info: protos.TensorInfo) -> Iterator[tuple[str, str]]:
    one = _VALUES.get(protos.DataType.Name(info.dtype), _NUMBER)
    value = one
    for dimension in reversed(info.tensor_shape.dim):
        if dimension.size < 100:
            value = "[" + ",".join([value] * max(dimension.size, 1)) + "]"
    example = one
    for dimension in reversed(info.tensor_shape.dim[1:]):
        if dimension.size < 100:
            example = "[" + ",".join([example] * max(dimension.size, 1)) + "]"
    for name, text in (("whole", value), ("example", example), ("wrong", '{"a": 1}')):
        yield f"bind {key} {name}", _end("input", key, bind=text)
        yield f"default {key} {name}", _end("input", key, default=text)


def _tensors(graph: protos.GraphDef) -> list[str]:
    """Returns a few tensors that differ in where they are."""
    bodies = [[node.name for node in graph.node]]
    bodies += [[node.name for node in function.node_def] for function in graph.library.function]
    chosen = []
    for names in bodies[:1] + sorted(bodies[1:], key=len)[-1:]:
        chosen += [f"{name}:0" for name in names[:: max(len(names) // 3, 1)][:3]]
    return list(dict.fromkeys(chosen))


def _end(side: str, key: str, **fields: str | bool) -> str:
    said = "".join(
        f" {name}: {_text(value) if isinstance(value, str) else 'true'}"
        for name, value in fields.items()
    )
    return f"{side} {{ key: {_text(key)}{said} }} "


def _shape(sizes: Sequence[str]) -> str:
    return "[" + ",".join(sizes) + "]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
