"""What some ops of a graph assign to its variables: the restore op, say, or the init op."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sigpb import protos
from sigpb.composing.bodies import Body
from sigpb.composing.saver_keys import RESTORING
from sigpb.tf.called_functions import FUNCTION_OPS
from sigpb.tf.load_ops import (
    ASSIGNING,
    LOOKING,
    PASSING_VARIABLES,
    Variable,
    constant_texts,
    variable_of,
)
from sigpb.tf.ops import VARIABLES
from sigpb.tf.tensor_names import output_number, producer


class StoredValue(NamedTuple):
    """What a variable is restored from.

    Attributes:
        key: The key of a tensor in the checkpoint.
        part: Which part of it that is, as RestoreV2 spells it (``4 2 0,2:-``); empty for all.
    """

    key: str
    part: str = ""


class Assignments:
    """What becomes of variables when some ops of the top level run, and all that these wait for.

    Attributes:
        restored: What is read from the checkpoint and assigned, by variables.
        assigned: The variables that are given another value, or may be.
    """

    def __init__(
        self,
        nodes: Mapping[str, protos.NodeDef],
        functions: Mapping[str, protos.FunctionDef],
        ops: Iterable[str],
    ) -> None:
        """Follows variables through the nodes and the functions that they call.

        Args:
            nodes: The nodes of the top level, by name.
            functions: The functions, by name.
            ops: The names of the nodes that are run.
        """
        self.restored: dict[Variable, StoredValue] = {}
        self.assigned = set[Variable]()
        self._functions = functions
        self._visited = set[tuple[str, frozenset[tuple[str, Variable]]]]()
        handles = (node for node in nodes.values() if node.op in VARIABLES)
        variables = {node.name: variable_of(node) for node in handles}
        top = Body(None, dict(nodes))
        self._run(top, top.upstream(map(producer, ops)), variables)

    def _run(
        self, body: Body, nodes: Iterable[protos.NodeDef], variables: Mapping[str, Variable]
    ) -> None:
        """Notes what nodes of the top level, or of a function, do.

        Args:
            body: Where they are.
            nodes: Those that run.
            variables: The variables, by the names that nodes and arguments have there.
        """
        for node in nodes:
            if node.op in VARIABLES or node.op in PASSING_VARIABLES or node.op in LOOKING:
                continue
            tensors = [each for each in node.input if not each.startswith("^")]
            taken = [variables.get(_origin(body.nodes, each)) for each in tensors]
            if node.op in FUNCTION_OPS or node.op in self._functions:
                self._call(body, node, taken)
            elif node.op in ASSIGNING and len(taken) > 1 and taken[0]:
                value = _stored_value(body, tensors[1])
                if value is None or self.restored.get(taken[0], value) != value:
                    self.assigned.add(taken[0])
                else:
                    self.restored[taken[0]] = value
            else:
                self.assigned.update(filter(None, taken))

    def _call(self, body: Body, node: protos.NodeDef, taken: list[Variable | None]) -> None:
        op = FUNCTION_OPS.get(node.op)
        names = called(node) if op else [node.op]
        for function in (self._functions[name] for name in names if name in self._functions):
            arguments = [argument.name for argument in function.signature.input_arg]
            passed = zip(arguments, taken[op.first if op else 0 :], strict=False)
            variables = {argument: name for argument, name in passed if name}
            visit = function.signature.name, frozenset(variables.items())
            if visit not in self._visited:
                self._visited.add(visit)
                inner = body.called(node, function)
                self._run(inner, inner.nodes.values(), variables)


def _stored_value(body: Body, tensor: str) -> StoredValue | None:
    """Returns where in the checkpoint a tensor is read from; None if it is not."""
    while (node := body.nodes.get(producer(tensor))) is not None and node.op == "Identity":
        tensor = node.input[0]
    if node is None or node.op not in RESTORING or len(node.input) < 2:
        return None
    keys = constant_texts(body.constant(node.input[1]))
    has_parts = node.op != "Restore" and len(node.input) > 2
    parts = constant_texts(body.constant(node.input[2])) if has_parts else [""]
    pairs, number = list(zip(keys, parts, strict=False)), output_number(tensor)
    return StoredValue(*pairs[number]) if number < len(pairs) else None


def called(node: protos.NodeDef, *, but: str = "") -> list[str]:
    """Returns the functions that one of the `FUNCTION_OPS` calls, but for that in one attribute."""
    roles = (role for role in FUNCTION_OPS[node.op].roles if role != but)
    attributes = [node.attr[role] for role in roles if role in node.attr]
    return [
        function.name
        for value in attributes
        for function in (value.list.func if value.HasField("list") else [value.func])
    ]


def _origin(nodes: Mapping[str, protos.NodeDef], tensor: str) -> str:
    """Returns the node, or the argument, that a handle comes from."""
    name, seen = producer(tensor), set[str]()
    while name in nodes and nodes[name].op in PASSING_VARIABLES and name not in seen:
        seen.add(name)
        name = producer(nodes[name].input[0]) if nodes[name].input else ""
    return name
