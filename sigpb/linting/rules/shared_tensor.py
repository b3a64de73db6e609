"""Keys of one signature that stand for one tensor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sigpb.linting.linted_model import LintedEndpoint, LintedGraph, LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import tensor_names


class SharedTensor(LintRule):
    """Finds two inputs, or two outputs, of a signature that are the same tensor."""

    id = "shared-tensor"
    severity = "warning"
    explanation = (
        "Two inputs of a signature are one tensor of the graph, which cannot have two values: "
        "tf.saved_model.load refuses the model, and sessions refuse to feed both. Two outputs on "
        "one tensor are harmless, and only an info."
    )
    remedy = "Take one of the two inputs out of the signature, with 'sigpb patch --drop_input'."
    example = (
        "signature 'serving_default': The inputs 'twin' and 'x' are one tensor, "
        "'serving_default_x:0'."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Groups the endpoints of each signature by their tensors."""
        for graph in model.graphs:
            for signature in graph.signatures:
                yield from self._findings(graph, signature)

    def _findings(self, graph: LintedGraph, signature: str) -> Iterator[Finding]:
        users: dict[tuple[str, str], list[LintedEndpoint]] = defaultdict(list)
        for endpoint in graph.endpoints_of(signature):
            for name in set(tensor_names(endpoint.info)):
                users[endpoint.side, full(name)].append(endpoint)
        for (side, tensor), endpoints in sorted(users.items()):
            if len(endpoints) > 1:
                keys = " and ".join(repr(endpoint.key) for endpoint in endpoints)
                yield self.finding(
                    f"The {side}s {keys} are one tensor, {tensor!r}.",
                    graph.where(signature),
                    severity="info" if side == "output" else None,
                )
