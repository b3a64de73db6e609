"""Where `signature_def` and the object graph of a MetaGraph say different things."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sigpb import protos
from sigpb.lint.linted_model import LintedGraph
from sigpb.rewrite.draft import MetaGraphDraft, Side
from sigpb.rewrite.object_graph import contradictions
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tensor_types import TensorType, shape_of, type_text


class BothTypes(NamedTuple):
    """What is said of the type of an endpoint.

    Attributes:
        side: Whether it is an input or an output.
        key: Its key.
        spec: Its type in the object graph.
        declared: Its type in `signature_def`.
    """

    side: Side
    key: str
    spec: TensorType
    declared: TensorType


def disagreements(graph: LintedGraph) -> Iterator[tuple[str, str]]:
    """Yields where the two say different things, and what."""
    object_graph = graph.meta_graph.object_graph
    if object_graph is None:
        return
    draft = MetaGraphDraft.of(graph.meta_graph)
    for signature in draft.signatures.values():
        found = list(contradictions(draft, signature))
        yield from ((graph.where(signature.key), message) for message in found)
        if not found:
            yield from _different_types(graph, object_graph, signature.key)
    for key in sorted(set(object_graph.signature_nodes) - set(graph.meta_graph.signatures)):
        yield (
            graph.where(key),
            f"the object graph has signature {key!r}, but signature_def does not.",
        )


def _different_types(
    graph: LintedGraph, object_graph: ObjectGraph, signature: str
) -> Iterator[tuple[str, str]]:
    node_id = object_graph.signature_nodes[signature]
    function = object_graph.function_name(node_id)
    for each in both_types(object_graph, node_id, graph.meta_graph.signatures[signature]):
        if each.spec != each.declared:
            yield (
                graph.where(signature, each.side, each.key),
                f"it is {type_text(each.declared)} in signature_def, but {type_text(each.spec)} in "
                f"object_graph_def.concrete_functions[{function!r}].",
            )


def both_types(
    graph: ObjectGraph, node_id: int, signature_def: protos.SignatureDef
) -> Iterator[BothTypes]:
    """Yields the types of those dense inputs and outputs of a signature that both views have."""
    for (side, key), spec in graph.endpoint_types(node_id).items():
        infos = signature_def.inputs if side == "input" else signature_def.outputs
        if key in infos:
            info = infos[key]
            yield BothTypes(side, key, spec, TensorType(info.dtype, shape_of(info.tensor_shape)))
