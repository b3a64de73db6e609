"""The functions of a model, and which of them nodes call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sigpb import protos

CALL_OPS = ("PartitionedCall", "StatefulPartitionedCall")
"""The ops that call the function in their attribute `f`, and do nothing else."""


class Functions(Protocol):
    """The functions of a model."""

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, or None."""
        ...

    def add_variant(self, function: protos.FunctionDef) -> str:
        """Adds a function under a name that is fresh, and returns the name."""
        ...


def takes(function: protos.FunctionDef, count: int) -> bool:
    """Whether a function takes so many arguments; damaged ones may have two of one name."""
    return len({argument.name for argument in function.signature.input_arg}) == count and (
        len(function.signature.input_arg) == count
    )


def functions_in_attributes(node: protos.NodeDef) -> set[str]:
    """Returns the names of the functions that a node names in its attributes."""
    values = node.attr.values()
    names = {value.func.name for value in values if value.HasField("func")}
    return names | {function.name for value in values for function in value.list.func}


def called_functions(nodes: Iterable[protos.NodeDef]) -> set[str]:
    """Returns the names of the functions that nodes name in their attributes or as their op."""
    return {name for node in nodes for name in (node.op, *functions_in_attributes(node))}
