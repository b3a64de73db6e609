"""A graph that nodes are added to: the top level of a GraphDef, or the body of a function.

Above this class nobody knows which of the two it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from sigpb import protos
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import OUTPUT_SHAPES


class GraphBody(ABC):
    """A graph that nodes are added to, under names that differ in more than their case."""

    def __init__(self, op_defs: OpDefs) -> None:
        self.op_defs = op_defs

    def add(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        attributes: Mapping[str, protos.AttrValue],
        *shapes: protos.TensorShapeProto,
    ) -> tuple[str, ...]:
        """Adds a node.

        Args:
            op: Its op.
            name: What it is called, unless something else has that name.
            inputs: The tensors it takes, as this body spells them.
            attributes: Its attributes by name.
            shapes: What is known of the shapes of its outputs; for ``_output_shapes``.

        Returns:
            All its outputs, as this body spells them; the first one if the op is not known.
        """
        node = protos.NodeDef(name=self.fresh_name(name), op=op, input=inputs, attr=attributes)
        self.op_defs.strip_defaults(node)
        if shapes:
            node.attr[OUTPUT_SHAPES].list.shape.extend(shapes)
        self.append(node)
        count = len(self.op_defs.output_dtypes(node) or (0,))
        return tuple(self.spelled(node, number) for number in range(count))

    @abstractmethod
    def fresh_name(self, wanted: str) -> str:
        """Returns a name that nothing in this body has: the one wanted, perhaps with a number."""

    @abstractmethod
    def append(self, node: protos.NodeDef) -> None:
        """Adds a node as it is, whose name is fresh."""

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Removes nodes, which nothing is to take anything from."""

    @abstractmethod
    def spelled(self, node: protos.NodeDef, output: int) -> str:
        """Returns an output of a node as the nodes of this body spell it."""

    @abstractmethod
    def add_function(self, function: protos.FunctionDef) -> str:
        """Adds a function that nodes may call, and returns the name that it gets.

        That is a fresh one which resembles its own, or that of an equal function that was added.
        """
