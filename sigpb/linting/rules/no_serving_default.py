"""Models without the signature that servers take if none is named."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.serving import DEFAULT_SIGNATURE


class NoServingDefault(LintRule):
    """Finds MetaGraphs that are tagged for serving and have no `serving_default`."""

    id = "no-serving-default"
    severity = "info"
    explanation = (
        f"Servers and tools take the signature {DEFAULT_SIGNATURE!r} if a client names none. "
        "Without it, every client has to name one."
    )
    remedy = f"'sigpb patch --copy_signature=KEY={DEFAULT_SIGNATURE}' makes one."
    example = "The signatures are 'add', 'get', 'increment', 'reset'; clients have to name one."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the MetaGraphs that are tagged for serving."""
        for graph in model.serving_graphs:
            if DEFAULT_SIGNATURE not in graph.meta_graph.signatures:
                keys = ", ".join(repr(key) for key in graph.signatures)
                has = f"The signatures are {keys}" if keys else "There are no signatures"
                yield self.finding(f"{has}; clients have to name one.", graph.where())
