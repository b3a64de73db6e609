"""The body of a function that is being written."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sigpb import protos
from sigpb.graph.fresh_names import TakenNames
from sigpb.steps.graph_body import GraphBody, dtype_attr
from sigpb.tf.called_functions import Functions
from sigpb.tf.op_defs import OpDefs

_UNFIT = re.compile(r"[^a-z0-9]")
_BEFORE_A_LETTER = re.compile(r"^[^a-z]+")


def normalized_name(wanted: str) -> str:
    """Returns the name that TensorFlow would give to an argument or result of a function.

    It is in lower case, of letters, digits and underscores, and begins with a letter
    (``NodeNameMapping::Normalize`` in tensorflow/core/framework/graph_to_functiondef.cc).
    """
    return _BEFORE_A_LETTER.sub("", _UNFIT.sub("_", wanted.lower())) or "unknown"


class FunctionBody(GraphBody):
    """Adds nodes to a FunctionDef.

    Attributes:
        function: The function.
    """

    def __init__(self, function: protos.FunctionDef, functions: Functions, op_defs: OpDefs) -> None:
        super().__init__(op_defs)
        self.function = function
        self._functions = functions
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
        return self._functions.add_variant(function)

    def add_result(
        self,
        name: str,
        tensor: str,
        dtype: int,
        shape: protos.TensorShapeProto,
        *,
        node: str | None = None,
    ) -> None:
        """Makes a tensor a result of the function, as an Identity of its own.

        Args:
            name: What the result is to be called, if that is free.
            tensor: The tensor as the function spells it.
            dtype: Its dtype.
            shape: What is known of its shape.
            node: What the Identity is to be called, if that is free; as the result if left out.
        """
        [spelled] = self.add("Identity", node or name, [tensor], {"T": dtype_attr(dtype)}, shape)
        result = self.function.signature.output_arg.add(type=dtype)
        result.name = self.fresh_name(name) if node else self.function.node_def[-1].name
        self.function.ret[result.name] = spelled
