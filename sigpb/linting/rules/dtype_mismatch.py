"""Dtypes in `signature_def` that the graph contradicts."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.declared_types import comparisons
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_types import dtype_name


class DtypeMismatch(LintRule):
    """Compares dtypes with those of the graph's tensors and of functions."""

    id = "dtype-mismatch"
    severity = "error"
    explanation = (
        "A signature declares another dtype than its tensor has in the graph, or its function "
        "takes or returns. Clients send what is declared, and the graph refuses it."
    )
    remedy = (
        "To change what clients send, use 'sigpb patch --input_dtype', which changes the graph "
        "too. To take an edit of the signature back, state the dtype of the tensor again."
    )
    example = (
        "signature 'single', input 't': signature_def says int64, but the tensor 'single_t:0' is "
        "float32."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares where both dtypes are known."""
        for graph in model.graphs:
            for each in comparisons(graph):
                declared, actual = each.declared.dtype, each.actual.dtype
                if declared and actual and declared != actual:
                    yield self.finding(
                        f"signature_def says {dtype_name(declared)}, but {each.tensor} is "
                        f"{dtype_name(actual)}.",
                        each.endpoint.where,
                    )
