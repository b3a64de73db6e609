"""Method names that the policy asks for."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel, requirements
from sigpb.linting.rule import Finding, LintRule


class PolicyMethodName(LintRule):
    """Finds that a signature has another method name than in the policy."""

    id = "policy-method-name"
    severity = "error"
    explanation = "The policy asks for another method name of a signature."
    remedy = "'sigpb patch --method_name' sets it."
    example = (
        "signature 'single': The policy wants the method name 'other'; it is "
        "'tensorflow/serving/predict'."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares the method names."""
        for each in requirements(model):
            wanted = each.wanted.method_name
            if (
                each.signature is not None
                and each.wanted.HasField("method_name")
                and each.signature.method_name != wanted
            ):
                yield self.finding(
                    f"The policy wants the method name {wanted!r}; it is "
                    f"{each.signature.method_name!r}.",
                    each.where(),
                )
