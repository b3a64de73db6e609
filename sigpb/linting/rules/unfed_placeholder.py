"""Placeholders that outputs need and signatures do not feed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.rewrite.interface import fed_tensors
from sigpb.tf.ops import UNFED_PLACEHOLDERS


class UnfedPlaceholder(LintRule):
    """Finds signatures with outputs that cannot be computed from their inputs."""

    id = "unfed-placeholder"
    severity = "error"
    explanation = (
        "An output is computed from a placeholder that is no input of the signature. Every request "
        "fails with 'You must feed a value for placeholder tensor'."
    )
    remedy = (
        "Make the placeholder an input with 'sigpb patch --input_from=KEY=TENSOR', and bind that "
        "to a constant with '--bind_input' in a second patch if no client is to send it."
    )
    example = (
        "signature 'serving_default': The placeholder 'serving_default_b' is not fed, and needed "
        "for outputs 'p', 's'."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Follows outputs to placeholders."""
        for graph in model.graphs:
            for key, signature in graph.signatures.items():
                fed = set(fed_tensors(signature))
                wanting: dict[str, list[str]] = defaultdict(list)
                for output, needed in sorted(graph.flow(key).needed.items()):
                    for tensor in needed - fed:
                        record = graph.graph.records.get(tensor)
                        if record is not None and record.op in UNFED_PLACEHOLDERS:
                            wanting[tensor].append(output)
                for placeholder, outputs in sorted(wanting.items()):
                    yield self.finding(
                        f"The placeholder {placeholder!r} is not fed, and needed for "
                        f"{'output' if len(outputs) == 1 else 'outputs'} "
                        f"{', '.join(map(repr, outputs))}.",
                        graph.where(key),
                    )
