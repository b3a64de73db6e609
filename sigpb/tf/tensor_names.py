"""How nodes and functions spell the tensors they take."""

from __future__ import annotations

import re

from sigpb.parsers import parse_number

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


def node_name(*parts: str) -> str:
    """Joins parts to a name that a node can have."""
    return _UNFIT.sub("_", "/".join(parts))
