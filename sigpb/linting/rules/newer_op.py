"""Ops and attributes that older versions of TensorFlow do not know."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.op_search import nodes_with_ops
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.newer_ops import NEWER, Newer


class NewerOp(LintRule):
    """Finds ops and attributes that keep older versions of TensorFlow from reading the model."""

    id = "newer-op"
    severity = "info"
    explanation = (
        "The graph has an op, or an attribute of one, that older versions of TensorFlow and of "
        "what is built on it (TensorFlow Serving, Java, tfjs-node) do not know: 'Op type not "
        "registered', 'NodeDef mentions attr … not in Op'. Only a few that TensorFlow itself adds "
        "to models are looked for."
    )
    remedy = (
        "Serve the model with a newer server, or export it with the version of TensorFlow that the "
        "server has. 'sigpb patch --strip_default_attrs' takes out the attributes that are as they "
        "are by default."
    )
    example = "TensorFlow 1.15 does not know the attribute 'debug_name' of VarHandleOp."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks for all of them at once."""
        for graph in model.graphs:
            nodes = nodes_with_ops(graph, {newer.op for newer in NEWER})
            found = {
                newer
                for _, node in nodes
                for newer in NEWER
                if newer.op == node.op and _has(node, newer)
            }
            if found:
                yield self.finding(" ".join(map(str, sorted(found))), graph.where())


def _has(node: protos.NodeDef, newer: Newer) -> bool:
    """Whether a node states an attribute, and not as empty text."""
    return not newer.attribute or (
        newer.attribute in node.attr and bool(node.attr[newer.attribute].s)
    )
