"""Ops and attributes that older versions of TensorFlow do not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from sigpb import protos
from sigpb.lint.finding import Finding
from sigpb.lint.linted_model import LintedModel
from sigpb.lint.op_search import nodes_with_ops
from sigpb.lint.rule import LintRule


class _Newer(NamedTuple):
    """What TensorFlow began to write at some time.

    Attributes:
        op: The op.
        attribute: The attribute of it that is new; empty if the op is.
        consequence: Which versions read it how, as measured with models of TensorFlow 1.15 to 2.21.
    """

    op: str
    attribute: str
    consequence: str


_NEWER = (
    _Newer(
        "DisableCopyOnRead",
        "",
        "TensorFlow writes it into models from 2.12 on; 1.15, and 2.x up to 2.8 with some of its "
        "loaders, refuse them",
    ),
    _Newer(
        "VarHandleOp",
        "debug_name",
        "TensorFlow writes it from 2.15 on; 1.15 refuses it, and 2.x passes over it",
    ),
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
            counts: Counter[_Newer] = Counter()
            for _, node in nodes_with_ops(graph, {newer.op for newer in _NEWER}):
                counts.update(each for each in _NEWER if each.op == node.op and _has(node, each))
            if counts:
                found = " ".join(_sentence(newer, count) for newer, count in counts.items())
                yield self.finding(found, graph.where())


def _sentence(newer: _Newer, count: int) -> str:
    nodes = "One node has" if count == 1 else f"{count:,} nodes have"
    what = f"attribute {newer.attribute!r} of {newer.op}" if newer.attribute else f"op {newer.op}"
    return f"{nodes} the {what}: {newer.consequence}."


def _has(node: protos.NodeDef, newer: _Newer) -> bool:
    """Whether a node states an attribute, and not as empty text."""
    return not newer.attribute or (
        newer.attribute in node.attr and bool(node.attr[newer.attribute].s)
    )
