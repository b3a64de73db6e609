"""Inputs of dtype float64."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.linting.linted_model import Consumers, LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_names import canonical
from sigpb.tf.tensor_types import dtype_name, encoding_of

_FLOAT64 = protos.DataType.Value("DT_DOUBLE")
_CONVERSIONS = {"Cast": "DstT", "AsString": ""}


class Float64Input(LintRule):
    """Finds float64 inputs, and says which of them the model converts to another dtype at once."""

    id = "float64-input"
    severity = "info"
    explanation = (
        "An input takes float64, the dtype that Python's numbers and pandas' columns become "
        "unless somebody decides otherwise. Clients that send float32 are refused, values take "
        "twice the space, and many accelerators have no kernels for them. If the model only "
        "converts the input, to float32, to an integer or to text, the dtype is probably a "
        "mistake."
    )
    remedy = "'sigpb patch --input_dtype=KEY=float32' changes what clients send."
    example = (
        "signature 'serving_default', input 'x': It takes float64, which the model only converts "
        "to int64."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the dtypes of inputs, and at the nodes that take a float64 one."""
        for graph in model.graphs:
            consumers = Consumers(graph)
            for endpoint in graph.endpoints():
                info = endpoint.info
                if (
                    endpoint.side != "input"
                    or info.dtype != _FLOAT64
                    or encoding_of(info) != "dense"
                ):
                    continue
                nodes = consumers.of(canonical(info.name))
                message = "It takes float64."
                if nodes and all(node.op in _CONVERSIONS for node in nodes):
                    to = " and ".join(sorted({_target(node) for node in nodes}))
                    message = f"It takes float64, which the model only converts to {to}."
                yield self.finding(message, endpoint.where)


def _target(node: protos.NodeDef) -> str:
    attribute = _CONVERSIONS[node.op]
    return dtype_name(node.attr[attribute].type) if attribute else "string"
