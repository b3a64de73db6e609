"""The body of a function, as a graph that nodes are added to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sigpb import protos
from sigpb.steps.graph_body import GraphBody
from sigpb.tf.fresh_names import TakenNames
from sigpb.tf.op_defs import OpDefs


class FunctionGraph(GraphBody):
    """Adds nodes to a FunctionDef.

    Attributes:
        function: The function.
    """

    def __init__(
        self,
        function: protos.FunctionDef,
        op_defs: OpDefs,
        add_function: Callable[[protos.FunctionDef], str],
    ) -> None:
        """Takes the function.

        Args:
            function: The function.
            op_defs: The ops that its nodes may have.
            add_function: Adds one that its nodes may call, and returns its name.
        """
        super().__init__(op_defs)
        self.function = function
        self._add_function = add_function
        signature = function.signature
        self._names = TakenNames(arg.name for arg in (*signature.input_arg, *signature.output_arg))
        for node in function.node_def:
            self._names.add(node.name)

    def fresh_name(self, wanted: str) -> str:
        """Returns a name that is not taken, and takes it."""
        return self._names.take(wanted)

    def append(self, node: protos.NodeDef) -> None:
        """Adds a node as it is."""
        self.function.node_def.append(node)

    def remove(self, names: Iterable[str]) -> None:
        """Removes nodes; their names stay taken."""
        gone = {*names}
        kept = [node for node in self.function.node_def if node.name not in gone]
        del self.function.node_def[:]
        self.function.node_def.extend(kept)

    def spelled(self, node: protos.NodeDef, output: int) -> str:
        """Returns an output of a node as ``node:output_arg:0``."""
        spelled = self.op_defs.output_name(node, output)
        assert spelled is not None, f"TensorFlow has the op {node.op}"
        return spelled

    def add_function(self, function: protos.FunctionDef) -> str:
        """Adds a function to the library, and returns its name there."""
        return self._add_function(function)
