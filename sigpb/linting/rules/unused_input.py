"""Inputs that make no difference."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.errors import listed
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_names import canonical
from sigpb.tf.tensor_types import tensor_names
from sigpb.visible_text import natural


class UnusedInput(LintRule):
    """Finds inputs that no output of their signature depends on."""

    id = "unused-input"
    severity = "info"
    explanation = (
        "No output depends on an input, even through the functions that are called, and the "
        "input has no other effect. Clients have to send a value all the same. Perhaps the "
        "signature names the wrong tensor."
    )
    remedy = "'sigpb patch --drop_input' or '--bind_input' takes it out of the signature."
    example = "signature 's': No output depends on the input 'z'."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the inputs of signatures that have outputs."""
        for graph in model.graphs:
            for key, signature in graph.signatures.items():
                unused = [
                    name
                    for name in sorted(signature.inputs, key=natural)
                    if signature.outputs
                    if graph.flow(key).used.isdisjoint(
                        map(canonical, tensor_names(signature.inputs[name]))
                    )
                ]
                if unused:
                    yield self.finding(
                        f"No output depends on the {'input' if len(unused) == 1 else 'inputs'} "
                        f"{listed(unused)}.",
                        graph.where(key),
                    )
