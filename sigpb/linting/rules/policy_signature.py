"""Signatures that the policy asks for."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.errors import did_you_mean
from sigpb.linting.linted_model import LintedModel, requirements
from sigpb.linting.rule import Finding, LintRule


class PolicySignature(LintRule):
    """Finds that a signature of the policy is not there."""

    id = "policy-signature"
    severity = "error"
    explanation = "The policy asks for a signature that the model does not have."
    remedy = (
        "'sigpb patch --rename_signature' and '--copy_signature' give a signature that key, "
        "'--signature_from' and '--create_signature' make one."
    )
    example = (
        "The policy wants a signature 'serving'; did you mean 'serving_default'? There are "
        "'other', 'serving_default', 'single'."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the MetaGraphs for serving, or at all if there are none."""
        for each in requirements(model):
            if each.signature is None:
                known = did_you_mean(each.wanted.key, each.graph.signatures)
                yield self.finding(
                    f"The policy wants a signature {each.wanted.key!r}; {known}.",
                    each.graph.where(),
                )
