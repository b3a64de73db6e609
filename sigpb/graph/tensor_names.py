"""How nodes and functions spell the tensors they take."""

from __future__ import annotations

import re

from sigpb.parsers import parse_number

SPLICED = "sigpb"
"""The outermost scope of all nodes that are added."""

_COPY = "copy"
_COPIES = re.compile(rf"/{_COPY}(?:_\d+)?(?=/)")
_TENSOR = re.compile(r"[^:^][^:]*(?::(?:0|[1-9][0-9]*))?")
_UNFIT = re.compile(r"[^A-Za-z0-9_.\-/>]")


def canonical(tensor: str) -> str:
    """Returns a tensor of a GraphDef as nodes spell it: ``x`` for ``x:0``."""
    return tensor.removesuffix(":0")


def full(tensor: str) -> str:
    """Returns a tensor of a GraphDef as a SignatureDef spells it: ``x:0`` for ``x``."""
    return tensor if ":" in tensor else f"{tensor}:0"


def is_tensor(tensor: str) -> bool:
    """Whether a text is a node, perhaps with an output's number: ``x``, ``x:1``, not ``x:``."""
    return _TENSOR.fullmatch(tensor) is not None


def producer(tensor: str) -> str:
    """Returns the node, or the argument of a function, that a tensor or control input names."""
    return tensor.removeprefix("^").partition(":")[0]


def output_number(tensor: str) -> int:
    """Returns which output of a call a tensor is, in a GraphDef or a function."""
    _, colon, last = tensor.rpartition(":")
    return (colon and parse_number(last)) or 0


def copy_scope(scope: str) -> str:
    """Returns the scope of the nodes that are copied for what is spliced in a scope."""
    return f"{scope}/{_COPY}"


def original_names(name: str) -> list[str]:
    """Returns the names of the nodes that a node may be a copy of; none if it is no copy.

    They may be several, as signatures and nodes may have such names themselves.
    """
    root = f"{SPLICED}/"
    scopes = _COPIES.finditer(name, len(root)) if name.startswith(root) else ()
    return [name[scope.end() + 1 :] for scope in scopes]


def node_name(*parts: str) -> str:
    """Joins parts to a name that a node can have."""
    return _UNFIT.sub("_", "/".join(parts))
