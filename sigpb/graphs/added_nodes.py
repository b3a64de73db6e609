"""What the names of the nodes that sigpb added tell."""

from __future__ import annotations

import re
from collections.abc import Collection

from sigpb import protos
from sigpb.tf.tensor_names import producer

FED = "fed"
"""What passes on a placeholder that has the name a patch gave, in the scope of the input."""

SPLICED = "sigpb"
"""The outermost scope of all nodes that are added."""

SCOPE = f"{SPLICED}/"

CHAINED = "sigpb_chain"
"""The outermost scope of what makes one signature of two.

It is no part of the other one: what a patch splices for the whole, and what a later patch takes
back, is in front of these nodes and behind them, as if they were those of a model.
"""

ADDED_ARGUMENT = "sigpb_input"
"""What the names of arguments that are added to functions begin with."""

_COPY = "copy"
_COPIES = re.compile(rf"/{_COPY}(?:_\d+)?(?=/)")


def is_added(tensor: str) -> bool:
    """Whether a tensor, or a node, of the top level is one that sigpb added."""
    return tensor.startswith(SCOPE)


def is_spliced(node: protos.NodeDef) -> bool:
    """Whether a placeholder of the model takes what sigpb computes when it is not fed."""
    if node.op != "PlaceholderWithDefault" or is_added(node.name):
        return False
    return bool(node.input) and is_added(node.input[0])


def copy_scope(scope: str) -> str:
    """Returns the scope of the nodes that are copied for what is spliced in a scope."""
    return f"{scope}/{_COPY}"


def original_names(name: str) -> list[str]:
    """Returns the names of the nodes that a node may be a copy of; none if it is no copy.

    They may be several, as signatures and nodes may have such names themselves.
    """
    scopes = _COPIES.finditer(name, len(SCOPE)) if name.startswith(SCOPE) else ()
    return [name[scope.end() + 1 :] for scope in scopes]


def computed_copy(tensor: str, computing: Collection[str]) -> str:
    """Returns a tensor, or its copy if that is what a signature computes.

    Args:
        tensor: The tensor.
        computing: The names of the nodes that compute the signature's outputs.
    """
    name = producer(tensor)
    if name in computing:
        return tensor
    copies = [each for each in computing if name in original_names(each)]
    return tensor.replace(name, copies[0], 1) if len(copies) == 1 else tensor
