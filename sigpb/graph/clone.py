"""A second copy of some nodes of the top level, computed from other tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sigpb import protos
from sigpb.graph.top_level import Scope
from sigpb.tf.tensor_names import canonical, producer

_LOCATION = b"loc:@"


def clone(
    nodes: Mapping[str, protos.NodeDef],
    names: Collection[str],
    replaced: Mapping[str, str],
    scope: Scope,
) -> Callable[[str], str]:
    """Adds copies of nodes that take some of their inputs from elsewhere.

    Args:
        nodes: The nodes by name; those to copy among them.
        names: The nodes to copy.
        replaced: For each tensor that the copies take from elsewhere, that other tensor.
        scope: Receives the copies; nothing else is in it.

    Returns:
        What is computed in place of a tensor: a function from tensors to tensors.
    """
    copies = {name: f"{scope.name}/{name}" for name in sorted(names)}

    def follow(tensor: str) -> str:
        if canonical(tensor) in replaced:
            return replaced[canonical(tensor)]
        source = producer(tensor)
        if source not in copies:
            return tensor
        return tensor.replace(source, copies[source], 1)

    for name, copied in copies.items():
        node = protos.NodeDef()
        node.CopyFrom(nodes[name])
        node.name = copied
        node.input[:] = [follow(tensor) for tensor in node.input]
        if "_class" in node.attr:
            location = node.attr["_class"].list
            location.s[:] = [_colocated(entry, copies) for entry in location.s]
        if "frame_name" in node.attr:
            # Two loops of one name would be one loop.
            node.attr["frame_name"].s = f"{scope.name}/".encode() + node.attr["frame_name"].s
        scope.graph.append(node)
    return follow


def _colocated(entry: bytes, copies: Mapping[str, str]) -> bytes:
    target = entry.removeprefix(_LOCATION).decode(errors="replace")
    if entry.startswith(_LOCATION) and target in copies:
        return _LOCATION + copies[target].encode()
    return entry
