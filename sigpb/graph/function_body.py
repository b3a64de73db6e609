"""The body of a function that is being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigpb import protos
from sigpb.graph.fresh_names import TakenNames
from sigpb.op_defs import OpDefs


class FunctionBody:
    """Adds nodes to a FunctionDef."""

    def __init__(self, function: protos.FunctionDef, op_defs: OpDefs) -> None:
        self.function = function
        self._op_defs = op_defs
        self._names = TakenNames(argument.name for argument in function.signature.input_arg)
        for node in function.node_def:
            self._names.add(node.name)

    def fresh_name(self, wanted: str) -> str:
        """Returns a name that no node or argument has: the wanted one, perhaps with a number."""
        return self._names.take(wanted)

    def add(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        attributes: Mapping[str, protos.AttrValue],
        shape: protos.TensorShapeProto | None = None,
    ) -> str:
        """Adds a node with one output: see `sigpb.steps.step.GraphBody`."""
        node = self.function.node_def.add(
            name=self.fresh_name(name), op=op, input=inputs, attr=attributes
        )
        self._op_defs.strip_defaults(node)
        if shape is not None:
            node.attr["_output_shapes"].list.shape.append(shape)
        spelled = self._op_defs.output_name(node, 0)
        assert spelled is not None, f"TensorFlow has the op {op}"
        return spelled
