"""Tensors of signatures that the graph does not have."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import tensor_names


class MissingTensor(LintRule):
    """Finds tensors of `signature_def` without a node, or beyond the outputs of their node."""

    id = "missing-tensor"
    severity = "error"
    explanation = (
        "A signature names a tensor that is not in the graph. Servers and sessions refuse the "
        "signature, or the whole model."
    )
    remedy = (
        "Name another tensor, or delete the signature with 'sigpb patch --delete_signature'. "
        "'sigpb grep' finds the tensors that there are."
    )
    example = (
        "signature 'serving_default', input 'x': The graph has no node 'serving_default_z', of "
        "which the tensor 'serving_default_z:0' would be."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks every tensor up, also the operations of TensorFlow's internal signatures."""
        for graph in model.graphs:
            for endpoint in graph.endpoints():
                for name in tensor_names(endpoint.info):
                    if graph.top_level.node(producer(name)) is None:
                        yield self.finding(_no_node(name), endpoint.where)
                    elif graph.top_level.type_of(name) is None:
                        yield self.finding(
                            f"Node {producer(name)!r} has no output {output_number(name)}, which "
                            f"the tensor {name!r} would be.",
                            endpoint.where,
                        )
            for endpoint in graph.endpoints(internal=True):
                # These name operations, whether or not they have outputs.
                for name in tensor_names(endpoint.info):
                    if graph.top_level.node(producer(name)) is None:
                        yield self.finding(_no_node(name), endpoint.where)


def _no_node(tensor: str) -> str:
    if not tensor:
        return "It names no tensor."
    return f"The graph has no node {producer(tensor)!r}, of which the tensor {tensor!r} would be."
