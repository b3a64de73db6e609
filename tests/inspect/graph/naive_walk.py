"""Which inputs an output depends on, found by walking through the parsed graph and its functions.

It knows nothing of how sigpb does it: it follows one tensor at a time, through whatever is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sigpb import protos
from sigpb.tf.op_defs import OpDefs

CALLS = {"PartitionedCall": 0, "StatefulPartitionedCall": 0, "RemoteCall": 1}
IFS, CASES, WHILES = {"If", "StatelessIf"}, {"Case", "StatelessCase"}, {"While", "StatelessWhile"}

Found = frozenset[str]


class NaiveWalk:
    """Walks through a graph."""

    def __init__(self, graph: protos.GraphDef, ops: Iterable[protos.OpDef] = ()) -> None:
        self.nodes = {node.name: node for node in graph.node}
        self.functions = {each.signature.name: each for each in graph.library.function}
        signatures = [each.signature for each in graph.library.function]
        self.op_defs = OpDefs([*ops, *signatures])
        self.argument_sets = cache(self._argument_sets)

    def inputs_of(self, output: str, inputs: Iterable[str]) -> set[str]:
        """Returns those of some tensors that a tensor of the top level depends on."""
        fed = {self._top(tensor) for tensor in inputs}
        found: set[str] = set()
        seen: set[tuple[str, int]] = set()
        waiting = [self._top(output)]
        while waiting:
            name, number = waiting.pop()
            if (name, number) in fed:
                found.add(name if not number else f"{name}:{number}")
                continue
            if (name, number) in seen or name not in self.nodes:
                continue
            seen.add((name, number))
            node = self.nodes[name]
            waiting += [self._top(tensor) for tensor in self.taken(node, number)]
        return found

    @staticmethod
    def _top(tensor: str) -> tuple[str, int]:
        if tensor.startswith("^"):
            return tensor[1:], -1
        name, _, number = tensor.partition(":")
        return name, int(number or 0)

    def taken(self, node: protos.NodeDef, output: int) -> list[str]:
        """Returns what of its inputs a node takes for an output of it; -1 for its end."""
        data = [tensor for tensor in node.input if not tensor.startswith("^")]
        waits = [tensor for tensor in node.input if tensor.startswith("^")]
        if node.op in CALLS or node.op in self.functions:
            first = CALLS.get(node.op, 0)
            name = node.attr["f"].func.name if node.op in CALLS else node.op
            wanted = self.argument_sets(name, output)
            return waits + data[:first] + [data[first + number] for number in sorted(wanted)]
        if node.op in IFS | CASES:
            if node.op in IFS:
                names = [node.attr[key].func.name for key in ("then_branch", "else_branch")]
            else:
                names = [function.name for function in node.attr["branches"].list.func]
            wanted = frozenset().union(*(self.argument_sets(name, output) for name in names))
            return waits + data[:1] + [data[1 + number] for number in sorted(wanted)]
        if node.op in WHILES:
            if output < 0:
                return waits + data
            cond, body = node.attr["cond"].func.name, node.attr["body"].func.name
            wanted = self.argument_sets(cond, 0) | {output}
            while (
                more := {each for number in wanted for each in self.argument_sets(body, number)}
                - wanted
            ):
                wanted |= more
            return waits + [data[number] for number in sorted(wanted)]
        return [*waits, *data]

    def _argument_sets(self, function: str, result: int) -> frozenset[int]:
        """Returns the arguments that a result of a function depends on; -1 for what always runs."""
        body = self.functions[function]
        arguments = [argument.name for argument in body.signature.input_arg]
        nodes = {node.name: node for node in body.node_def}
        if result < 0:
            waiting = [f"^{name}" for name in body.control_ret.values()]
        else:
            waiting = [body.ret[body.signature.output_arg[result].name]]
        found, seen = set(), set()
        while waiting:
            tensor = waiting.pop()
            if tensor in seen:
                continue
            seen.add(tensor)
            name = tensor.removeprefix("^").split(":")[0]
            if name in arguments:
                found.add(arguments.index(name))
                continue
            node = nodes[name]
            number = -1 if tensor.startswith("^") else self.op_defs.output_index(node, tensor)
            waiting += self.taken(node, 0 if number is None else number)
        return frozenset(found)
