"""The graph of a part in that of a MetaGraph: nodes, functions, and what these were written for."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.composing.absorbing.target import Target, scope_of
from sigpb.saved_model.deterministic_bytes import append_to_list, deterministic_bytes
from sigpb.saved_model.model import parse
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.tf.stated_shapes import SCALAR_PLACEHOLDERS, as_meant, producer_of
from sigpb.wire import length_delimited

_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_LIBRARY = protos.GraphDef.LIBRARY_FIELD_NUMBER
_VERSIONS = protos.GraphDef.VERSIONS_FIELD_NUMBER
_FUNCTIONS = protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER
_GRADIENTS = protos.FunctionDefLibrary.GRADIENT_FIELD_NUMBER
_REGISTERED = protos.FunctionDefLibrary.REGISTERED_GRADIENTS_FIELD_NUMBER


# From this version of graphs on, no op is deprecated (tensorflow/core/ops/*.cc).
_ALL_ARE_DEPRECATED = 29


def problems(target: Target, graph: protos.GraphDef) -> Iterator[str]:
    """Says why a MetaGraph cannot have the graph of a part as well."""
    if target.message.find(_GRAPH) is None:
        yield "it has no graph"
    if scope := scope_of(graph.node):
        if target.top.has_scope(scope):
            yield f"it already has nodes in the scope {scope!r}"
    else:
        for node in graph.node:
            if target.top.node(node.name) is not None:
                yield f"it already has a node {node.name!r}"
    taken = {name for name, _ in target.parts.library.messages}
    for function in graph.library.function:
        if function.signature.name in taken:
            yield f"it already has a function {function.signature.name!r}"
    yield from _deprecated(target, graph)


def _deprecated(target: Target, graph: protos.GraphDef) -> Iterator[str]:
    """Says which ops a graph of the later version may not have.

    TensorFlow checks that for each node (``CheckOpDeprecation`` in
    tensorflow/core/framework/op_def_util.cc).
    """
    own, others = producer_of(target.parts.message), graph.versions.producer
    earlier, later = sorted((own, others))
    if earlier == later or earlier >= _ALL_ARE_DEPRECATED:
        return
    nodes = target.top.nodes.values() if own == earlier else graph.node
    for op in sorted({node.op for node in nodes}):
        op_def = tensorflow_op_def(op)
        if op_def and earlier < op_def.deprecation.version <= later:
            yield (
                f"the op {op!r} of the graph of version {earlier} may not be in one of version "
                f"{later}, as the other one is: {op_def.deprecation.explanation}"
            )


def add_graph(target: Target, graph: protos.GraphDef) -> None:
    """Adds the nodes and functions of a part, whose names are free."""
    message, top = target.parts.message, target.top
    own, others = producer_of(message), graph.versions.producer
    for node in graph.node:
        top.append(as_meant(node, others) if others < own else node)
    if own < others and own < SCALAR_PLACEHOLDERS:
        for node in top.nodes.values():
            if node.op == "Placeholder":
                top.replace(node)  # It has the shape that it had, stated as in later versions.
    library = message.find(_LIBRARY)
    if library is not None:
        append_to_list(target.edits, library, _FUNCTIONS, graph.library.function)
        append_to_list(target.edits, library, _GRADIENTS, graph.library.gradient)
        append_to_list(target.edits, library, _REGISTERED, graph.library.registered_gradients)
    elif graph.HasField("library"):
        append_to_list(target.edits, message, _LIBRARY, [graph.library])
    _merge_versions(target, graph.versions)


def _merge_versions(target: Target, others: protos.VersionDef) -> None:
    """Has the graph state the versions that both graphs ask for."""
    message = target.parts.message
    field = message.only(_VERSIONS)
    own = parse(protos.VersionDef, message.message(field)) if field else protos.VersionDef()
    merged = protos.VersionDef(
        producer=max(own.producer, others.producer),
        min_consumer=max(own.min_consumer, others.min_consumer),
        bad_consumers=sorted({*own.bad_consumers, *others.bad_consumers}),
    )
    encoded = length_delimited(_VERSIONS, deterministic_bytes(merged))
    if field is None:
        target.edits.insert(message, message.end, encoded)
    elif merged != own:
        target.edits.replace(message, field, encoded)
