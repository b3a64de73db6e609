"""Signatures that a patch creates: what it says of them, and what the graph says of their tensors.

Only a MetaGraph of TensorFlow 1 can get a signature from the names of tensors alone. Where there is
an object graph, `tf.saved_model.load` calls a function for each signature.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sigpb import protos
from sigpb.errors import PatchError, did_you_mean
from sigpb.graphs.cone import computing, needed
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import fed_tensors
from sigpb.rewrite.port import Side
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.control_flow import surroundings
from sigpb.tf.ops import UNFED_PLACEHOLDERS
from sigpb.tf.serving import PREDICT
from sigpb.tf.tensor_names import canonical, full, output_number, producer
from sigpb.tf.tensor_types import dtype_name, is_handle, shape_proto, value_dtype


def created_signature(meta_graph: MetaGraph, patch: protos.SignaturePatch) -> protos.SignatureDef:
    """Returns the signature that a patch creates, its endpoints of the types of their tensors.

    Args:
        meta_graph: The MetaGraph that is to have it.
        patch: What the patch says of it; each endpoint names its tensor.

    Raises:
        PatchError: With all that is in the way.
    """
    if meta_graph.has_object_graph:
        raise PatchError(
            "the MetaGraph has an object graph, in which a signature is a function; name one with "
            "from_function."
        )
    graph = GraphParts(meta_graph).top
    made = protos.SignatureDef(method_name=method_of(patch))
    problems: list[str] = []
    sides: tuple[tuple[Side, Any, Sequence[protos.EndpointPatch]], ...]
    sides = (("input", made.inputs, patch.input), ("output", made.outputs, patch.output))
    for side, infos, endpoints in sides:
        for endpoint in endpoints:
            found = list(_tensor_problems(side, endpoint.from_tensor, graph))
            problems += [f"{side} {endpoint.key!r}: {problem}" for problem in found]
            if not found:
                infos[endpoint.key].CopyFrom(_info(endpoint.from_tensor, graph))
    problems = problems or list(_whole_problems(made, graph))
    if problems:
        raise PatchError(problems)
    return made


def method_of(patch: protos.SignaturePatch) -> str:
    """Returns the method name of a signature that a patch creates, which may leave it out."""
    return patch.method_name if patch.HasField("method_name") else PREDICT


def _info(tensor: str, graph: TopLevelGraph) -> protos.TensorInfo:
    type_ = graph.type_of(tensor)
    assert type_ is not None, "its problems were looked for"
    return protos.TensorInfo(
        name=full(tensor), dtype=type_.dtype, tensor_shape=shape_proto(type_.shape)
    )


def _tensor_problems(side: Side, tensor: str, graph: TopLevelGraph) -> Iterator[str]:
    """Yields why a tensor cannot be an input or output."""
    node, type_ = graph.node(producer(tensor)), graph.type_of(tensor)
    if node is None:
        yield f"the graph has no tensor {tensor!r}; {did_you_mean(producer(tensor), graph.nodes)}."
    elif type_ is None:
        yield f"the node {node.name!r} ({node.op}) has no output {output_number(tensor)}."
    elif not type_.dtype:
        yield (
            f"sigpb does not know the op {node.op!r} of {tensor!r}, nor does the model say what it "
            "returns."
        )
    elif is_handle(type_.dtype) or value_dtype(type_.dtype) != type_.dtype:
        yield (
            f"{tensor!r} is a {dtype_name(type_.dtype)}, a handle that only the graph itself can "
            "use; name a tensor that is read from it."
        )
    elif inside := surroundings(tensor, graph.nodes):
        what = "feed" if side == "input" else "fetch"
        yield f"{tensor!r} is inside of {inside}, where no client can {what} it."


def _whole_problems(made: protos.SignatureDef, graph: TopLevelGraph) -> Iterator[str]:
    """Yields what is wrong with the endpoints together."""
    keys: dict[str, list[str]] = defaultdict(list)
    for key, info in sorted(made.inputs.items()):
        keys[info.name].append(key)
    for tensor, alike in keys.items():
        if len(alike) > 1:
            listed = " and ".join(map(repr, alike))
            yield f"the inputs {listed} are the same tensor, {tensor!r}; keep one of them."
    fed = set(fed_tensors(made))
    missing: dict[str, list[str]] = defaultdict(list)
    for key, info in sorted(made.outputs.items()):
        for name in sorted(needed(graph.nodes, [info.name], fed)):
            if graph.nodes[name].op in UNFED_PLACEHOLDERS:
                missing[name].append(key)
    for name, outputs in sorted(missing.items()):
        yield (
            f"output {', '.join(map(repr, outputs))} is computed from the placeholder {name!r}, "
            f'which nobody would feed; make it an input: from_tensor: "{name}:0".'
        )


def unused_inputs(meta_graph: MetaGraph, key: str) -> list[str]:
    """Returns the inputs of a signature that no output is computed from, by their keys."""
    signature, graph = meta_graph.signatures[key], GraphParts(meta_graph).top
    fetched = [info.name for info in signature.outputs.values()]
    nodes = computing(graph.nodes, fetched, set(fed_tensors(signature)))
    taken = {canonical(tensor) for node in nodes.values() for tensor in node.input}
    taken.update(map(canonical, fetched))
    inputs: Mapping[str, protos.TensorInfo] = signature.inputs
    return sorted(key for key, info in inputs.items() if canonical(info.name) not in taken)
