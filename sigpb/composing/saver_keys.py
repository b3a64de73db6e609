"""The keys of the checkpoint that a MetaGraph restores and saves: constants in its saver's ops.

Sessions run the ops that the SaverDef names. Those of TensorFlow 1 take the keys at the top level,
those of TensorFlow 2 in functions (``_traced_save`` and ``_traced_restore`` in
tensorflow/python/checkpoint/functional_saver.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY
from sigpb.composing.bodies import Body
from sigpb.errors import PatchError
from sigpb.tf.called_functions import called_functions
from sigpb.tf.tensor_elements import elements, set_elements, sizes
from sigpb.tf.tensor_names import producer

RESTORING = frozenset({"Restore", "RestoreSlice", "RestoreV2"})
"""The ops that read a checkpoint."""

SAVING = frozenset({"Save", "SaveSlices", "SaveV2"})
"""The ops that write one."""

# tensorflow/core/ops/io_ops.cc: the name of the file comes first, then the keys.
_KEYS = 1

# These say how many tensors they read or write.
_VERSION_2 = {"RestoreV2", "SaveV2"}

# A shape may claim more elements than there are; then the last one is repeated.
_MOST = 1 << 20

_STRING = protos.DataType.Value("DT_STRING")

# SaveV2 takes the tensors behind the slices that they are.
_TENSORS = 3


@dataclass(frozen=True)
class KeyedNode:
    """A node that reads or writes a checkpoint.

    Attributes:
        body: What it is in.
        node: The node.
        constant: The constant that holds the keys.
    """

    body: Body
    node: protos.NodeDef
    constant: protos.NodeDef

    @property
    def keys(self) -> list[str]:
        """The keys, in the order of the node's outputs, or of the tensors that it takes."""
        return stored_keys(self.constant)


def keyed_nodes(meta_graph: protos.MetaGraphDef) -> list[KeyedNode]:
    """Returns the nodes by which the saver of a MetaGraph reads and writes a checkpoint.

    Args:
        meta_graph: The MetaGraph; the nodes returned are its own.

    Raises:
        PatchError: If the keys cannot be determined.
    """
    saver, library = meta_graph.saver_def, meta_graph.graph_def.library
    functions = {function.signature.name: function for function in library.function}
    top = Body.of(meta_graph.graph_def)
    run = list(top.upstream(map(producer, (saver.save_tensor_name, saver.restore_op_name))))
    waiting, entered = [(top, run)], set[str]()
    found, problems = list[KeyedNode](), list[str]()
    while waiting:
        body, nodes = waiting.pop()
        for node in nodes:
            if node.op in RESTORING or node.op in SAVING:
                constant = body.constant(node.input[_KEYS]) if len(node.input) > _KEYS else None
                if constant is None or not _has_keys(constant, node):
                    problems.append(
                        f"the node {node.name!r} reads or writes a checkpoint, and its keys are "
                        "no constant, so it cannot be determined which tensors these are."
                    )
                else:
                    found.append(KeyedNode(body, node, constant))
            for name in (called_functions([node]) & functions.keys()) - entered:
                entered.add(name)
                inner = body.called(node, functions[name])
                waiting.append((inner, list(inner.nodes.values())))
    if problems:
        raise PatchError(problems)
    return found


def is_text(constant: protos.NodeDef) -> bool:
    """Whether the value of a constant is text, of which it is known how much."""
    tensor = constant.attr["value"].tensor
    try:
        count = math.prod(sizes(tensor))
    except ValueError:
        return False
    return tensor.dtype == _STRING and not tensor.tensor_content and count <= _MOST


def _has_keys(constant: protos.NodeDef, node: protos.NodeDef) -> bool:
    """Whether a constant has a key for each tensor that a node reads or writes."""
    if not is_text(constant):
        return False
    count = len(stored_keys(constant))
    if node.op in _VERSION_2 and count != len(node.attr["dtypes"].list.type):
        return False
    return node.op != "SaveV2" or count <= len(node.input) - _TENSORS


def stored_keys(constant: protos.NodeDef) -> list[str]:
    """Returns the keys that a constant holds; bytes that are no UTF-8 are surrogates in them."""
    tensor = constant.attr["value"].tensor
    stored = elements(tensor)
    stored += stored[-1:] * (math.prod(sizes(tensor)) - len(stored))
    return [each.decode(errors="surrogateescape") for each in stored]


def set_keys(constant: protos.NodeDef, keys: Iterable[str]) -> None:
    """Replaces the keys that a constant holds, which is a scalar or a list."""
    encoded = [key.encode(errors="surrogateescape") for key in keys]
    tensor = constant.attr["value"].tensor
    for dimension in tensor.tensor_shape.dim:
        dimension.size = len(encoded)
    set_elements(tensor, encoded)


def stored_objects(keyed: KeyedNode) -> protos.NodeDef | None:
    """Returns the constant with the tracked objects that SaveV2 writes; None if it writes none."""
    if keyed.node.op != "SaveV2":
        return None
    for key, tensor in zip(keyed.keys, keyed.node.input[_TENSORS:], strict=False):
        constant = keyed.body.constant(tensor) if key == OBJECTS_KEY else None
        if constant is not None and is_text(constant):
            return constant
    return None
