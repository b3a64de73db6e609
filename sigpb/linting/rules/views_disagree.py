"""Signatures that are different ones to different loaders."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.agreement import follow_object_graph, follow_signature_def, view_contradictions
from sigpb.linting.linted_model import LintedGraph, LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule


class ViewsDisagree(LintRule):
    """Compares the signatures in `signature_def` with those in the object graph."""

    id = "views-disagree"
    severity = "error"
    explanation = (
        "TensorFlow Serving and sessions read signatures from signature_def, tf.saved_model.load "
        "reads them from the object graph, and the two differ: somebody edited one and not the "
        "other. Clients of one server are served, those of another are not, and the next "
        "tf.saved_model.save brings the old signatures back."
    )
    remedy = "Decide which of the two is right: 'sigpb show' prints signature_def."
    example = (
        "signature 'single', input 't': it is float32 [7,3] in signature_def, but float32 "
        "[?,3] in object_graph_def.concrete_functions['__inference_signature_wrapper_single_80']."
    )
    fixes = {
        "signature_def": "makes the object graph follow signature_def",
        "object_graph": "makes signature_def follow the object graph",
    }

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares keys, and dtypes and shapes where both views state them."""
        for graph in model.graphs:
            for where, message in view_contradictions(graph):
                yield self.finding(message, where, fix="makes one follow the other, as chosen")

    def fix(self, fixing: Fixing, way: str) -> None:
        """Makes one view follow the other, in every MetaGraph where they disagree."""
        follow = follow_signature_def if way == "signature_def" else follow_object_graph
        for index, meta_graph in enumerate(fixing.model.meta_graphs):
            if any(view_contradictions(LintedGraph(meta_graph, ""))):
                follow(fixing, index)
