"""Shapes in `signature_def` that the graph contradicts."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.declared_types import comparisons
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_types import is_compatible, shape_text


class ShapeMismatch(LintRule):
    """Compares shapes with those of the graph's tensors and of functions."""

    id = "shape-mismatch"
    severity = "error"
    explanation = (
        "A signature declares a shape that its tensor cannot have: another rank, or another size. "
        "A shape that only says more, or less, than the graph is no contradiction. Some loaders "
        "refuse such a model; clients that send what is declared fail."
    )
    remedy = (
        "To change what clients send, use 'sigpb patch --input_shape', which changes the graph "
        "too. To take an edit of the signature back, state the shape of the tensor again."
    )
    example = (
        "signature 'single', input 't': signature_def says [?,4], but the tensor 'single_t:0' is "
        "[?,3]."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares where both shapes are known."""
        for graph in model.graphs:
            for each in comparisons(graph):
                if not is_compatible(each.declared.shape, each.actual.shape):
                    yield self.finding(
                        f"signature_def says {shape_text(each.declared.shape)}, but {each.tensor} "
                        f"is {shape_text(each.actual.shape)}.",
                        each.endpoint.where,
                    )
