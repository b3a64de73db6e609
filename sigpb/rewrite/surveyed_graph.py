"""The graph as the survey of a signature looks at it: as it is, and as far as it is to be other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sigpb import protos
from sigpb.graphs.cone import computing
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface, fed_tensors
from sigpb.rewrite.port import Port
from sigpb.tf.stated_shapes import stated_shape
from sigpb.tf.tensor_names import canonical, producer
from sigpb.tf.tensor_types import TensorType


class SurveyedGraph:
    """The graph behind a signature.

    Attributes:
        meta_graph: The MetaGraph as it is.
        signature_def: What that says of the signature.
        parts: The parts of its graph: the top level (`graph`), the functions (`library`) and the
            ops (`op_defs`).
        signature: What is wanted of the signature.
        changed_nodes: The nodes that are to differ for it, by name; new ones too.
        stand_ins: Nodes that stand for tensors which are fed inside of functions, by name.
        fed_nodes: Nodes that are fed, with the shapes that they are to have, by name.
        fed: The tensors that are fed, as `canonical` spells them.
    """

    def __init__(self, signature: Interface, parts: GraphParts) -> None:
        self.meta_graph = parts.meta_graph
        self.signature_def = self.meta_graph.signatures[signature.ref.source]
        self.signature, self.parts = signature, parts
        self.graph, self.library, self.op_defs = parts.top, parts.library, parts.op_defs
        self.changed_nodes: dict[str, protos.NodeDef] = {}
        self.stand_ins: Mapping[str, protos.NodeDef] = {}
        self.fed_nodes: dict[str, protos.NodeDef] = {}
        self.fed = {*fed_tensors(self.signature_def)}

    def feed_inside(self) -> None:
        """Has inputs fed inside of the graph, and others go, if a patch says so.

        Raises:
            PatchError: With all that is in the way.
        """
        if not self.signature.is_refed:
            return
        from sigpb.rewrite.interior_inputs import refed

        nodes = self.nodes(tensors_of(self.signature.kept("output")))
        self.signature, changed, self.stand_ins = refed(self.signature, nodes, self.parts)
        self.changed_nodes.update(changed)
        ports = (port for port in self.signature.inputs.values() if not port.is_gone)
        self.fed = {*map(canonical, tensors_of(ports))}

    def type_of(self, tensor: str) -> TensorType | None:
        """Returns what the graph says of a tensor, or of what stands for one in a function."""
        stand_in = self.stand_ins.get(producer(tensor))
        if stand_in is not None:
            return TensorType(stand_in.attr["dtype"].type, stated_shape(stand_in))
        return self.graph.type_of(tensor)

    def change(
        self, nodes: Mapping[str, Sequence[protos.NodeDef]], fed: Collection[str]
    ) -> dict[str, protos.NodeDef]:
        """Takes the nodes that an open size changes; returns them without those that are fed.

        Of the ones that are fed the shapes are noted, for the next size that is opened.
        """
        changed = {node.name: node for group in nodes.values() for node in group}
        self.fed_nodes.update({name: changed.pop(name) for name in fed if name in changed})
        self.changed_nodes.update(changed)
        return changed

    def nodes(self, fetched: Sequence[str]) -> dict[str, protos.NodeDef]:
        """Returns the nodes that some tensors are computed by, as they are to be."""
        nodes = {**self.graph.nodes, **self.changed_nodes, **self.stand_ins, **self.fed_nodes}
        return computing(nodes, fetched, self.fed)


def tensors_of(ports: Iterable[Port]) -> list[str]:
    """Returns the tensors that ports stand for in the model."""
    return [tensor for port in ports for tensor in port.tensors]
