"""A graph to build steps in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sigpb import protos
from sigpb.steps.graph_body import GraphBody, dtype_attr
from sigpb.tf.fresh_names import numbered
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import Shape, shape_of, shape_proto


class GraphDefBody(GraphBody):
    """A GraphDef that grows; nodes keep the attributes that have their defaults."""

    def __init__(self) -> None:
        super().__init__(OpDefs())
        self.graph = protos.GraphDef(versions=protos.VersionDef(producer=1000))
        self.shapes: dict[str, Shape] = {}

    def add(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        attributes: Mapping[str, protos.AttrValue],
        *shapes: protos.TensorShapeProto,
    ) -> tuple[str, ...]:
        node = protos.NodeDef(name=self.fresh_name(name), op=op, input=inputs, attr=attributes)
        self.append(node)
        self.shapes.update((node.name, shape_of(shape)) for shape in shapes)
        count = len(self.op_defs.output_dtypes(node) or (0,))
        return tuple(self.spelled(node, number) for number in range(count))

    def fresh_name(self, wanted: str) -> str:
        return numbered(wanted, {node.name for node in self.graph.node}.__contains__)

    def append(self, node: protos.NodeDef) -> None:
        self.graph.node.append(node)

    def remove(self, names: Iterable[str]) -> None:
        raise NotImplementedError

    def spelled(self, node: protos.NodeDef, output: int) -> str:
        return f"{node.name}:{output}"

    def add_function(self, function: protos.FunctionDef) -> str:
        self.graph.library.function.append(function)
        return function.signature.name

    def placeholder(self, name: str, dtype: int, shape: Shape) -> str:
        known = shape_proto(shape)
        attributes = {"dtype": dtype_attr(dtype), "shape": protos.AttrValue(shape=known)}
        return self.add("Placeholder", name, [], attributes, known)[0]

    @property
    def ops(self) -> list[str]:
        return [node.op for node in self.graph.node]

    def node(self, name: str) -> protos.NodeDef:
        [found] = (node for node in self.graph.node if node.name == name)
        return found
