"""Lookup tables that nothing fills."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.errors import listed
from sigpb.inspect.loading import init_ops
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.op_search import nodes_with_ops
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.load_ops import INIT_SIGNATURE

# Tables that refuse to be looked up before they are filled, all at once.
_TABLES = ("HashTable", "HashTableV2")


class UninitializedTables(LintRule):
    """Finds tables in MetaGraphs without an init op."""

    id = "uninitialized-tables"
    severity = "error"
    explanation = (
        "The graph has lookup tables, but nothing says what fills them when the model is loaded: "
        f"there is no signature {INIT_SIGNATURE!r} and no collection 'saved_model_main_op' or "
        "'legacy_init_op'. Every lookup fails with 'Table not initialized'."
    )
    remedy = "Export the model again with its init op."
    example = "There is no init op that fills the tables 'hash_table'."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks for tables outside of functions, where init ops reach them."""
        for graph in model.graphs:
            if not init_ops(graph.meta_graph):
                tables = [
                    node.name
                    for function, node in nodes_with_ops(graph, _TABLES)
                    if function is None
                ]
                if tables:
                    yield self.finding(
                        f"There is no init op that fills the tables {listed(tables)}.",
                        graph.where(),
                        severity=None if graph in model.serving_graphs else "info",
                    )
