"""The default of a placeholder, once what is fed in its place has another type."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from sigpb import protos
from sigpb.graph.tensor_names import producer
from sigpb.graph.top_level import TopLevelGraph
from sigpb.rewrite.boundary import converted_tensor, tensor_type
from sigpb.rewrite.conversion import Conversion, conversion
from sigpb.rewrite.draft import SignatureDraft
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.steps.inverse import sent_instead
from sigpb.steps.step import ConversionError
from sigpb.tensor_elements import elements, set_elements, sizes
from sigpb.tensor_types import Shape, is_compatible, shape_proto


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
        arranged = _arranged(sizes(value), change)
        if arranged is None:
            return None
        value.tensor_shape.CopyFrom(shape_proto(arranged))
        if value.dtype != change.outside.dtype:
            made, exact = sent_instead(elements(value), value.dtype, change.outside.dtype)
            if not exact:
                return None
            value.dtype = change.outside.dtype
            set_elements(value, made)
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


def _arranged(now: tuple[int, ...], change: Conversion) -> Shape:
    """Returns the sizes of a value that a conversion gives the sizes `now`; None if unknown."""
    wanted = change.outside.shape
    if "reshape" not in change.kinds:
        return now if is_compatible(now, wanted) else None
    known = prod(size for size in wanted or () if size is not None)
    if wanted is None or wanted.count(None) > 1 or not known or prod(now) % known:
        return None
    found = tuple(prod(now) // known if size is None else size for size in wanted)
    return found if prod(found) == prod(now) else None
