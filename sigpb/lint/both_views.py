"""Where `signature_def` and the object graph of a MetaGraph say different things."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.disagreements import both_types
from sigpb.lint.linted_model import LintedGraph
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.object_graph import contradictions
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.tensor_types import type_text


def view_contradictions(graph: LintedGraph) -> Iterator[tuple[str, str]]:
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
