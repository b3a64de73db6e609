"""The body of a function that is being written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sigpb import protos
from sigpb.graph.fresh_names import TakenNames
from sigpb.graph.stated_shapes import OUTPUT_SHAPES
from sigpb.op_defs import OpDefs
from sigpb.steps.attributes import dtype_attr

_UNFIT = re.compile(r"[^a-z0-9]")
_BEFORE_A_LETTER = re.compile(r"^[^a-z]+")


def normalized_name(wanted: str) -> str:
    """Returns the name that TensorFlow would give to an argument or result of a function.

    It is in lower case, of letters, digits and underscores, and begins with a letter
    (``NodeNameMapping::Normalize`` in tensorflow/core/framework/graph_to_functiondef.cc).
    """
    return _BEFORE_A_LETTER.sub("", _UNFIT.sub("_", wanted.lower())) or "unknown"


class FunctionBody:
    """Adds nodes to a FunctionDef."""

    def __init__(self, function: protos.FunctionDef, op_defs: OpDefs) -> None:
        self.function = function
        self._op_defs = op_defs
        signature = function.signature
        self._names = TakenNames(arg.name for arg in (*signature.input_arg, *signature.output_arg))
        for node in function.node_def:
            self._names.add(node.name)

    def fresh_name(self, wanted: str) -> str:
        """Returns a name that is not taken: the wanted one, perhaps with a number."""
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
            node.attr[OUTPUT_SHAPES].list.shape.append(shape)
        spelled = self._op_defs.output_name(node, 0)
        assert spelled is not None, f"TensorFlow has the op {op}"
        return spelled

    def add_result(
        self, name: str, tensor: str, dtype: int, shape: protos.TensorShapeProto
    ) -> None:
        """Makes a tensor a result of the function, as an Identity of its own.

        Args:
            name: What the result is to be called, if that is free.
            tensor: The tensor as the function spells it.
            dtype: Its dtype.
            shape: What is known of its shape.
        """
        spelled = self.add("Identity", name, [tensor], {"T": dtype_attr(dtype)}, shape)
        result = self.function.signature.output_arg.add(type=dtype)
        result.name = self.function.node_def[-1].name
        self.function.ret[result.name] = spelled
