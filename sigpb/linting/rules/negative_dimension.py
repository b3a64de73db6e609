"""Shapes with dimensions that no tensor can have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sigpb import protos
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.op_search import nodes_with
from sigpb.linting.rule import Finding, LintRule

# The size of a dimension that is negative, and not -1, as protobuf encodes it.
_NEGATIVE = re.compile(rb"\x08(?!\xff{9})[\x80-\xff]{9}\x01")


class NegativeDimension(LintRule):
    """Looks at the shapes of signatures, and at those that nodes state."""

    id = "negative-dimension"
    severity = "error"
    explanation = (
        "A shape has a dimension below -1, which stands for any size. TensorFlow refuses it: "
        "'dimensions with values below -1'; sigpb and some servers read it as any size. The file "
        "was damaged, or written by software that does not check."
    )
    remedy = (
        "State the shape of an endpoint with 'sigpb patch --input_shape' or '--output_shape'. If a "
        "node has the shape, export the model again."
    )
    example = "signature 'serving_default', input 'x': The shape has the dimension -2."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Yields one finding for each endpoint and each node."""
        for graph in model.graphs:
            for endpoint in graph.endpoints():
                if sizes := _negative([endpoint.info.tensor_shape]):
                    yield self.finding(f"The shape has the dimension {sizes[0]}.", endpoint.where)
            for function, node in nodes_with(graph, _NEGATIVE):
                shapes = (
                    shape
                    for value in node.attr.values()
                    for shape in (value.shape, *value.list.shape, value.tensor.tensor_shape)
                )
                if sizes := _negative(shapes):
                    yield self.finding(
                        f"Node {node.name!r} has a shape with the dimension {sizes[0]}.",
                        graph.where_in(function),
                    )


def _negative(shapes: Iterable[protos.TensorShapeProto]) -> list[int]:
    return [dim.size for shape in shapes for dim in shape.dim if dim.size < -1]
