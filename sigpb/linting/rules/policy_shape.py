"""Shapes that the policy asks for."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel, required_endpoints
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_types import parse_shape, shape_of, shape_text


class PolicyShape(LintRule):
    """Finds that an endpoint has another shape than in the policy."""

    id = "policy-shape"
    severity = "error"
    explanation = (
        "The policy asks for another shape of an input or output; a '?' in it asks for a size that "
        "is not fixed."
    )
    remedy = "'sigpb patch --input_shape', '--output_shape' and '--batch_size' change shapes."
    example = "signature 'single', input 't': The policy wants the shape [8,3]; it is [?,3]."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares the shapes that `signature_def` declares."""
        for required in required_endpoints(model):
            if required.info is None or not required.wanted.HasField("shape"):
                continue
            wanted, shape = parse_shape(required.wanted.shape), shape_of(required.info.tensor_shape)
            if shape != wanted:
                yield self.finding(
                    f"The policy wants the shape {shape_text(wanted)}; it is {shape_text(shape)}.",
                    required.where,
                )
