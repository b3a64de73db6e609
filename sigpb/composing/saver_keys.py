"""The keys of the checkpoint that a MetaGraph restores and saves: constants in its saver's ops.

Sessions run the ops that the SaverDef names. Those of TensorFlow 1 take the keys at the top level,
those of TensorFlow 2 in functions (``_traced_save`` and ``_traced_restore`` in
tensorflow/python/checkpoint/functional_saver.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.tf.called_functions import called_by, called_functions, nodes_by_name
from sigpb.tf.tensor_elements import elements, set_elements
from sigpb.tf.tensor_names import producer

RESTORING = frozenset({"Restore", "RestoreSlice", "RestoreV2"})
"""The ops that read a checkpoint."""

SAVING = frozenset({"Save", "SaveSlices", "SaveV2"})
"""The ops that write one."""

# tensorflow/core/ops/io_ops.cc: the name of the file comes first, then the keys.
_KEYS = 1


@dataclass(frozen=True)
class Body:
    """The nodes of the top level, or of a function.

    Attributes:
        function: The function; None for the top level.
        nodes: The nodes by their names.
        caller: What calls the function, and the tensors that it passes by the names of arguments.
    """

    function: protos.FunctionDef | None
    nodes: Mapping[str, protos.NodeDef]
    caller: tuple[Body, Mapping[str, str]] | None = None

    def called(self, node: protos.NodeDef, function: protos.FunctionDef) -> Body:
        """Returns the body of a function that one of the nodes names."""
        nodes = nodes_by_name(function.node_def)
        if called_by(node) != function.signature.name:
            return Body(function, nodes)
        arguments = (argument.name for argument in function.signature.input_arg)
        return Body(function, nodes, (self, dict(zip(arguments, node.input, strict=False))))

    def upstream(self, names: Iterable[str]) -> Iterator[protos.NodeDef]:
        """Yields some nodes, and all that run before them."""
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop()
            if name in self.nodes and name not in seen:
                seen.add(name)
                waiting += map(producer, self.nodes[name].input)
                yield self.nodes[name]

    def constant(self, tensor: str) -> protos.NodeDef | None:
        """Returns the constant that a tensor is, perhaps handed on; None if it is none."""
        body, name, seen = self, producer(tensor), set[tuple[int, str]]()
        while (id(body), name) not in seen:
            seen.add((id(body), name))
            node = body.nodes.get(name)
            if node is None and body.caller is not None and name in body.caller[1]:
                body, passed = body.caller
                name = producer(passed[name])
            elif node is not None and node.op == "Identity" and node.input:
                name = producer(node.input[0])
        return node if node is not None and node.op == "Const" else None


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
    top = Body(None, nodes_by_name(meta_graph.graph_def.node))
    run = list(top.upstream(map(producer, (saver.save_tensor_name, saver.restore_op_name))))
    waiting, entered = [(top, run)], set[str]()
    found, problems = list[KeyedNode](), list[str]()
    while waiting:
        body, nodes = waiting.pop()
        for node in nodes:
            if node.op in RESTORING or node.op in SAVING:
                constant = body.constant(node.input[_KEYS]) if len(node.input) > _KEYS else None
                if constant is None:
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


def stored_keys(constant: protos.NodeDef) -> list[str]:
    """Returns the keys that a constant holds; bytes that are no UTF-8 are surrogates in them."""
    stored = elements(constant.attr["value"].tensor)
    return [each.decode(errors="surrogateescape") for each in stored]


def set_keys(constant: protos.NodeDef, keys: Iterable[str]) -> None:
    """Replaces the keys that a constant holds."""
    encoded = [key.encode(errors="surrogateescape") for key in keys]
    set_elements(constant.attr["value"].tensor, encoded)
