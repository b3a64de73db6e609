"""What lives in a session and outlives a run, and by which names ops share it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sigpb import protos
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.tf.ops import TABLES, VARIABLES

SHARED_NAME = "shared_name"

SHARING = (SHARED_NAME, "model_identifier", "var_name")
"""Attributes by which ops find what another one made.

Nodes of TensorFlow Decision Forests have the second; the third is that of variables that live as
long as one run.
"""

# ``ResourceHandle::ANONYMOUS_NAME`` in tensorflow/core/framework/resource_handle.cc.
ANONYMOUS = b"cd2c89b7-88b7-44c8-ad83-06c2a9158347"
"""The name by which nothing is shared."""

NAMED_AS_IT_SAYS = "VarHandleOp"
"""The only op to which an empty `shared_name` is a name like any other.

See tensorflow/core/kernels/resource_variable_ops.cc. Others take the name of their node, or share
nothing (``ContainerInfo::Init`` in tensorflow/core/framework/resource_mgr.cc).
"""


class Resource(NamedTuple):
    """Something that lives in a session, by what ops know it by."""

    container: bytes
    name: bytes


@cache
def may_share(op: str) -> bool | None:
    """Whether nodes of an op may share something; None if the op is not known."""
    definition = tensorflow_op_def(op)
    if definition is None:
        return None
    return any(each.name in SHARING for each in definition.attr)


def name_shared(node: protos.NodeDef) -> bytes:
    """Returns the name by which a node says that it shares something; empty if it says none."""
    found = (node.attr[key].s for key in SHARING if key in node.attr)
    return next((name for name in found if name), b"")


def resource_of(node: protos.NodeDef) -> Resource | None:
    """Returns what a node makes, or finds, in the session; None if nothing is known of that."""
    name = name_shared(node)
    if not name and not (may_share(node.op) or node.op in VARIABLES | TABLES):
        return None
    if name == ANONYMOUS:
        name += node.name.encode()
    elif not name and node.op != NAMED_AS_IT_SAYS:
        name = node.name.encode()
    return Resource(node.attr["container"].s if "container" in node.attr else b"", name)
