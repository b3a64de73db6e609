"""Dtypes that the policy asks for."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel, required_endpoints
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_types import dtype_name, dtype_of


class PolicyDtype(LintRule):
    """Finds that an endpoint has another dtype than in the policy."""

    id = "policy-dtype"
    severity = "error"
    explanation = "The policy asks for another dtype of an input or output."
    remedy = "'sigpb patch --input_dtype' and '--output_dtype' change it."
    example = "signature 'single', output 'u': The policy wants uint8; it is float32."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares the dtypes that `signature_def` declares."""
        for required in required_endpoints(model):
            wanted, info = required.wanted, required.info
            if (
                info is not None
                and wanted.HasField("dtype")
                and info.dtype != dtype_of(wanted.dtype)
            ):
                yield self.finding(
                    f"The policy wants {dtype_name(dtype_of(wanted.dtype))}; it is "
                    f"{dtype_name(info.dtype)}.",
                    required.where,
                )
