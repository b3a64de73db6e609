"""Which of what lives in a session a node changes, or computes its outputs from."""

from __future__ import annotations

from collections.abc import Iterable

from sigpb import protos
from sigpb.composing.bodies import Body
from sigpb.composing.sharing import Resource, resource_of
from sigpb.graphs.cone import reached
from sigpb.tf.called_functions import called_functions
from sigpb.tf.ops import op_effects
from sigpb.tf.tensor_names import producer

# Ops that change what their first input is, and only read what the others come from.
_CHANGING_FIRST = {
    "Assign",
    "AssignVariableOp",
    "InitializeTable",
    "InitializeTableFromTextFile",
    "InitializeTableFromTextFileV2",
    "InitializeTableV2",
    "LookupTableImport",
    "LookupTableImportV2",
}

_READING = "ReadVariableOp"

_NO_OP = "NoOp"


class Effects:
    """What the nodes of a MetaGraph do to what lives in a session."""

    def __init__(self, meta_graph: protos.MetaGraphDef) -> None:
        library = meta_graph.graph_def.library
        self.functions = {each.signature.name: each for each in library.function}
        self.top = Body.of(meta_graph.graph_def)

    def changed(self, body: Body, node: protos.NodeDef) -> set[Resource]:
        """Returns what a node may change; for one that changes nothing, what it takes."""
        taken = [each for each in node.input if not each.startswith("^")]
        if node.op in _CHANGING_FIRST:
            return self._behind(body, taken[:1], through_reads=False)
        return self._made_by(node) | self._behind(body, taken, through_reads=False)

    def read(self, body: Body, tensor: str) -> set[Resource]:
        """Returns what the value of a tensor is read from."""
        return self._behind(body, [tensor], through_reads=True)

    def made_in(self, functions: Iterable[str]) -> set[Resource]:
        """Returns what nodes in functions make or find, and in those that they call."""

        def called(name: str) -> set[str]:
            function = self.functions.get(name)
            return called_functions(function.node_def) if function else set()

        names = reached(functions, called) & self.functions.keys()
        made = (resource_of(node) for name in names for node in self.functions[name].node_def)
        return {each for each in made if each}

    def _made_by(self, node: protos.NodeDef) -> set[Resource]:
        made = resource_of(node)
        return self.made_in(called_functions([node])) | ({made} if made else set())

    def _behind(self, body: Body, tensors: Iterable[str], *, through_reads: bool) -> set[Resource]:
        """Returns what tensors are, or come from."""
        found, seen = set[Resource](), set[tuple[int, str]]()
        waiting = [(body, tensor) for tensor in tensors]
        while waiting:
            here, tensor = waiting.pop()
            name = producer(tensor)
            if (id(here), name) in seen:
                continue
            seen.add((id(here), name))
            if origin := here.origin(tensor):
                waiting.append(origin)
            elif name in here.nodes:
                node = here.nodes[name]
                found |= self._made_by(node)
                if through_reads or node.op != _READING:
                    taken = (each for each in node.input if not each.startswith("^"))
                    waiting += ((here, each) for each in taken)
        return found


def is_group(node: protos.NodeDef) -> bool:
    """Whether a node does nothing but wait for others."""
    return node.op == _NO_OP


def has_effects(node: protos.NodeDef) -> bool:
    """Whether a node may do something besides computing its outputs."""
    return not is_group(node) and op_effects().get(node.op) != ("pure",)
