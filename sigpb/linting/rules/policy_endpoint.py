"""Inputs and outputs that the policy asks for."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.errors import did_you_mean
from sigpb.linting.linted_model import LintedModel, required_endpoints, requirements, sides
from sigpb.linting.rule import Finding, LintRule


class PolicyEndpoint(LintRule):
    """Finds that a signature lacks endpoints of the policy, or has others as well."""

    id = "policy-endpoint"
    severity = "error"
    explanation = (
        "The policy asks for an input or output that a signature does not have, or says that it "
        "has no others."
    )
    remedy = "'sigpb patch' renames, binds, adds and drops them."
    example = "signature 'single', input 'x': The policy wants the input; there are 't'."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares the keys."""
        for required in required_endpoints(model):
            if required.info is None:
                known = did_you_mean(required.wanted.key, required.keys)
                yield self.finding(
                    f"The policy wants the {required.side}; {known}.", required.where
                )
        for each in requirements(model):
            if each.signature is not None and each.wanted.no_others:
                for side, wanted, infos in sides(each.wanted, each.signature):
                    for key in sorted(set(infos) - {endpoint.key for endpoint in wanted}):
                        yield self.finding(
                            f"The policy wants no other {side}s than its own.",
                            each.where(side, key),
                        )
