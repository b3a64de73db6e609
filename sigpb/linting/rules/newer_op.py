"""Ops and attributes that older versions of TensorFlow do not know."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedGraph, LintedModel
from sigpb.linting.op_search import nodes_with_ops
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.op_versions import OpNeeds, limited_ops


class NewerOp(LintRule):
    """Finds ops and attributes that keep older versions of TensorFlow from reading the model."""

    id = "newer-op"
    severity = "info"
    explanation = (
        "The graph has an op, or an attribute of one, that older versions of TensorFlow and of "
        "software built on it (TensorFlow Serving, Java, tfjs-node) do not know: 'Op type not "
        "registered', 'NodeDef mentions attr … not in Op'. TensorFlow 2.5 and newer ignore such "
        "an attribute, which changes results unless it has its default value; older ones refuse "
        "it. Only the names of ops and attributes are compared."
    )
    remedy = (
        "Serve the model with a newer server, or export it with the version of TensorFlow that "
        "the server has. 'sigpb patch --strip_default_attrs' takes out the attributes that have "
        "their default values."
    )
    example = (
        "The oldest TensorFlow that knows all ops and attributes is 2.10 (op DisableCopyOnRead in "
        "node 'Read/DisableCopyOnRead')."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Yields one finding for each MetaGraph that not all versions of TensorFlow know."""
        every_release = OpNeeds(()).oldest()
        for graph in model.graphs:
            stated, stripped = (needs.oldest() for needs in _needs(graph))
            after = f"; after --strip_default_attrs: {stripped}" if stripped != stated else ""
            if stated != every_release:
                yield self.finding(
                    f"The oldest TensorFlow that knows all ops and attributes is {stated}{after}.",
                    graph.where(),
                )


def _needs(graph: LintedGraph) -> tuple[OpNeeds, OpNeeds]:
    """Returns what nodes need as they are, and without attributes that are as by default."""
    functions = {name for name, _ in graph.functions.messages}
    stated, stripped = OpNeeds(functions), OpNeeds(functions)
    op_defs = OpDefs()
    for _, node in nodes_with_ops(graph, limited_ops()):
        stated.add(node.name, node.op, node.attr)
        op_defs.strip_defaults(node)
        stripped.add(node.name, node.op, node.attr)
    return stated, stripped
