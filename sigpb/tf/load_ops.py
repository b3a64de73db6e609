"""What runs when a MetaGraph is loaded, and how its ops treat variables."""

from __future__ import annotations

from typing import NamedTuple

from sigpb import protos
from sigpb.tf.tensor_elements import elements

INIT_SIGNATURE = "__saved_model_init_op"
"""The key of the signature that names the init op (tensorflow/python/saved_model/constants.py)."""

INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
"""The collections in which older models name it."""

ASSIGNING = frozenset({"Assign", "AssignVariableOp"})
"""The ops that give a variable a value, whatever it was before."""

LOOKING = frozenset(
    {"IsVariableInitialized", "ReadVariableOp", "VarIsInitializedOp", "VariableShape"}
)
"""Ops that take a variable and leave it as it is; any other op that takes one may assign it."""

PASSING_VARIABLES = frozenset({"Enter", "Identity", "RefEnter", "RefIdentity", "Switch"})
"""Ops that hand on a variable, or a handle of one."""

# A constant's shape may claim more elements than it holds; then the last element is repeated.
_MOST_TEXTS = 1 << 16


class Variable(NamedTuple):
    """A variable, by what sessions know it by.

    Attributes:
        container: The container of its resource.
        name: Its ``shared_name``, or the name of its node where that is empty.
    """

    container: bytes
    name: bytes


def variable_of(node: protos.NodeDef) -> Variable:
    """Returns the variable that a node is, or is the handle of."""
    name = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    container = node.attr["container"].s if "container" in node.attr else b""
    return Variable(container, name or node.name.encode())


def constant_texts(node: protos.NodeDef | None) -> list[str]:
    """Returns the elements of a constant of strings; none if a node is no such constant."""
    if node is None or node.op != "Const":
        return []
    tensor = node.attr["value"].tensor
    try:
        found = elements(tensor)
        count = tensor.tensor_shape.dim[0].size if tensor.tensor_shape.dim else 1
    except ValueError:
        return []
    found += found[-1:] * (min(count, _MOST_TEXTS) - len(found))
    texts = (element for element in found if isinstance(element, bytes))
    return [element.decode(errors="backslashreplace") for element in texts]
