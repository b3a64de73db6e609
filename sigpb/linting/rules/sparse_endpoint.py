"""Inputs and outputs that consist of several tensors."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_types import encoding_of


class SparseEndpoint(LintRule):
    """Finds sparse and composite inputs and outputs, which TensorFlow Serving cannot pass on."""

    id = "sparse-endpoint"
    severity = "warning"
    explanation = (
        "An input or output is a sparse, ragged or other composite tensor, stored as several "
        "tensors. TensorFlow Serving, and other software that feeds and fetches by the name of one "
        "tensor, finds an empty name there and refuses requests to the signature."
    )
    remedy = "Export the model with dense tensors, such as the components, in its signatures."
    example = (
        "signature 'serving_default', input 's': It is a coo_sparse tensor, which TensorFlow "
        "Serving cannot take."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the MetaGraphs that are tagged for serving."""
        for graph in model.serving_graphs:
            for endpoint in graph.endpoints():
                encoding = encoding_of(endpoint.info)
                if encoding != "dense":
                    yield self.finding(
                        f"It is a {encoding} tensor, which TensorFlow Serving cannot "
                        f"{'take' if endpoint.side == 'input' else 'return'}.",
                        endpoint.where,
                    )
