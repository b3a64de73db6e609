"""Ops and attributes that older versions of TensorFlow do not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sigpb import protos
from sigpb.lint.linted_model import LintedModel
from sigpb.lint.op_search import nodes_with_ops
from sigpb.lint.rule import Finding, LintRule


class _Newer(NamedTuple):
    """What TensorFlow began to write at some time.

    Attributes:
        op: The op.
        attribute: The attribute of it that is new; empty if the op is.
        unknown_to: The versions of TensorFlow that refuse it, of 1.15 to 2.21, as measured.
    """

    op: str
    attribute: str
    unknown_to: str


# What is written by TensorFlow 2.12 and later, and by 2.15 and later.
_NEWER = (
    _Newer("DisableCopyOnRead", "", "1.15, and some loaders of releases up to 2.8,"),
    _Newer("VarHandleOp", "debug_name", "1.15"),
)


class NewerOp(LintRule):
    """Finds ops and attributes that keep older versions of TensorFlow from reading the model."""

    id = "newer-op"
    severity = "info"
    explanation = (
        "The graph has an op, or an attribute of one, that older versions of TensorFlow and of "
        "what is built on it (TensorFlow Serving, Java, tfjs-node) do not know: 'Op type not "
        "registered', 'NodeDef mentions attr … not in Op'. Only a few that TensorFlow itself adds "
        "to models are looked for. A newer server reads the model, and so does an older one if it "
        "is exported with the version of TensorFlow that the server has."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks for all of them at once."""
        for graph in model.graphs:
            nodes = nodes_with_ops(graph, {newer.op for newer in _NEWER})
            found = {
                newer
                for _, node in nodes
                for newer in _NEWER
                if newer.op == node.op and _has(node, newer)
            }
            if found:
                yield self.finding(" ".join(map(_sentence, sorted(found))), graph.where())


def _sentence(newer: _Newer) -> str:
    what = f"attribute {newer.attribute!r} of {newer.op}" if newer.attribute else f"op {newer.op}"
    return f"TensorFlow {newer.unknown_to} does not know the {what}."


def _has(node: protos.NodeDef, newer: _Newer) -> bool:
    """Whether a node states an attribute, and not as empty text."""
    return not newer.attribute or (
        newer.attribute in node.attr and bool(node.attr[newer.attribute].s)
    )
