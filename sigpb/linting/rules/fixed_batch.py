"""Signatures that take batches of one size only."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_types import encoding_of, shape_of


class FixedBatch(LintRule):
    """Finds signatures all of whose inputs have a first dimension of one fixed size."""

    id = "fixed-batch"
    severity = "info"
    explanation = (
        "The first dimension of all inputs is fixed to one size, so that servers cannot batch "
        "requests, nor clients send several examples at once."
    )
    remedy = "'sigpb patch --batch_size=?' makes it dynamic where the graph allows that."
    example = "signature 'serving_default': All inputs have the batch size 1."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the declared shapes of inputs that are not scalars."""
        for graph in model.graphs:
            for key, signature in graph.signatures.items():
                shapes = [
                    shape_of(info.tensor_shape)
                    for info in signature.inputs.values()
                    if encoding_of(info) == "dense"
                ]
                sizes = {shape[0] if shape else None for shape in shapes if shape != ()}
                if len(sizes) == 1 and None not in sizes:
                    yield self.finding(
                        f"All inputs have the batch size {sizes.pop()}.", graph.where(key)
                    )
