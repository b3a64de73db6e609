"""What of a graph sigpb added to it, as the names of nodes tell."""

from __future__ import annotations

from sigpb import protos
from sigpb.graph.tensor_names import SPLICED

SCOPE = f"{SPLICED}/"


def is_added(tensor: str) -> bool:
    """Whether a tensor, or a node, of the top level is one that sigpb added."""
    return tensor.startswith(SCOPE)


def is_spliced(node: protos.NodeDef) -> bool:
    """Whether a placeholder of the model takes what sigpb computes when it is not fed."""
    if node.op != "PlaceholderWithDefault" or is_added(node.name):
        return False
    return bool(node.input) and is_added(node.input[0])
