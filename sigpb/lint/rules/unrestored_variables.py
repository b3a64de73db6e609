"""Variables that have no value once the model is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.lint.fixing import Fixing
from sigpb.lint.linted_model import LintedGraph, LintedModel
from sigpb.lint.rule import Finding, LintRule, listed
from sigpb.lint.unrestored import restored_twins, share, unrestored
from sigpb.wire import Edits


class UnrestoredVariables(LintRule):
    """Finds variables that a signature reads and neither the restore op nor the init op assigns."""

    id = "unrestored-variables"
    severity = "error"
    explanation = (
        "A signature reads variables that nothing gives a value when a session loads the model: "
        "TensorFlow Serving and tf.compat.v1 load it, and every request fails with 'Could not find "
        "variable' or 'Error while reading resource variable'. tf.saved_model.save writes such "
        "models of Keras 3: the checkpoint is restored into copies of the variables. Keras' own "
        "model.export() does not. tf.saved_model.load is not concerned."
    )
    fixes = {"share": "gives the restored copies the shared_name of the variables that are read"}

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares what signatures read with what is assigned when the model is loaded."""
        for graph in model.graphs:
            fixable: set[str] | None = None
            for key in graph.signatures:
                if names := unrestored(graph, key):
                    fixable = set(restored_twins(graph)) if fixable is None else fixable
                    yield self.finding(
                        f"It reads {'a variable' if len(names) == 1 else 'variables'} that "
                        f"nothing restores: {listed(names)}.",
                        graph.where(key),
                        fix=self.fixes["share"] if fixable.issuperset(names) else "",
                    )

    def fix(self, fixing: Fixing, way: str) -> None:
        """Joins the variables of the signatures that have a fix."""
        for index in range(len(fixing.model.meta_graphs)):
            graph = LintedGraph(fixing.model.meta_graphs[index], "")
            names = {name for key in graph.signatures for name in unrestored(graph, key)}
            fixable = sorted(names & set(restored_twins(graph)) if names else ())
            if fixable:
                share(graph, fixable)
                edits = Edits(fixing.model.buffer)
                graph.top_level.rewrite(edits)
                fixing.rewrite(edits)
