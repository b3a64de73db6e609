"""Ops that reach outside of the model: files, the network, code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sigpb.errors import listed
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.op_search import outside_nodes
from sigpb.linting.rule import Finding, LintRule


class UnsafeOp(LintRule):
    """Finds ops in the graph and in all functions that reach outside of the model."""

    id = "unsafe-op"
    severity = "warning"
    explanation = (
        "The graph has an op that touches files or the network, or runs code: what it does depends "
        "on the machine, and whoever made the model decides what is read, written or sent. Saving "
        "and restoring of the checkpoint and reading of assets, as TensorFlow writes it into every "
        "model, does not count where loaders name the files."
    )
    remedy = (
        "Look at the op before you serve the model: 'sigpb trace' shows what refers to its node, "
        "'sigpb graph' what is computed with it."
    )
    example = (
        "function 'f_1': The op EagerPyFunc calls a Python function of the process that made it, "
        "and fails in any other: node 'py'."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Yields one finding for each op in the graph, and in each function."""
        for graph in model.graphs:
            nodes: dict[tuple[str, str, str], list[str]] = defaultdict(list)
            for node in outside_nodes(graph):
                nodes[node.function, node.op, node.does].append(node.name)
            for (function, op, does), names in sorted(nodes.items()):
                yield self.finding(
                    f"The op {op} {does}: {'node' if len(names) == 1 else 'nodes'} "
                    f"{listed(names, 3)}.",
                    graph.where_in(function),
                )
