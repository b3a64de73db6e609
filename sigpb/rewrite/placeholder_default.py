"""The default of a placeholder, once what is fed in its place has another type."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.graph.top_level import TopLevelGraph
from sigpb.rewrite.conversion import Conversion, conversion
from sigpb.rewrite.draft import SignatureDraft
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.steps.step import ConversionError, Stored, undone
from sigpb.tf.tensor_elements import elements, set_elements, sizes
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import converted_tensor, is_compatible, shape_proto, tensor_type


def converted_default(
    tensor: str, change: Conversion, graph: TopLevelGraph
) -> protos.TensorProto | None:
    """Returns the value whose conversion is the default that a placeholder has.

    Args:
        tensor: The placeholder's output.
        change: How what is fed is converted.
        graph: The graph.

    Returns:
        The value, of the type that is fed; None if there is no default, or no such value, or if the
        default is computed.
    """
    node = _with_default(tensor, graph)
    if node is None:
        return None
    constant = graph.node(producer(node.input[0]))
    if constant is None or constant.op != "Const":
        return None
    value = protos.TensorProto()
    value.CopyFrom(constant.attr["value"].tensor)
    try:
        # Of a dtype that stays, the elements need not be known here.
        is_read = value.dtype != change.outside.dtype
        before = Stored(elements(value) if is_read else [], sizes(value))
        after, is_exact = undone(change.steps, change.outside, before)
        if not is_exact or not is_compatible(after.sizes, change.outside.shape):
            return None
        value.tensor_shape.CopyFrom(shape_proto(after.sizes))
        if is_read:
            value.dtype = change.outside.dtype
            set_elements(value, after.elements)
    except ValueError:  # Elements that cannot be read or written.
        return None
    return value


def lost_defaults(signature: SignatureDraft, parts: GraphParts) -> Iterator[str]:
    """Yields the keys of inputs that session clients need not feed, and have to once converted."""
    retyped = [end for end in signature.kept("input") if end.type is not None]
    if not retyped or parts.meta_graph.has_object_graph:  # TF2 has no such placeholders.
        return
    graph, infos = parts.top, parts.meta_graph.signatures[signature.ref.source].inputs
    for end in retyped:
        tensor, now = converted_tensor(infos[end.source]), tensor_type(infos[end.source])
        if end.type is None or _with_default(tensor, graph) is None:
            continue
        try:
            change = conversion("input", now, end.type.of(now))
        except ConversionError:
            continue  # The patch is refused.
        if converted_default(tensor, change, graph) is None:
            yield end.key


def _with_default(tensor: str, graph: TopLevelGraph) -> protos.NodeDef | None:
    node = graph.node(producer(tensor))
    return node if node is not None and node.op == "PlaceholderWithDefault" else None
