"""Functions whose names TensorFlow's fingerprinting refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.saved_model.fingerprint import function_uid


class FunctionNames(LintRule):
    """Finds concrete functions without a number, of their own, at the end of their name."""

    id = "function-names"
    severity = "warning"
    explanation = (
        "The names of the functions that the object graph lists have to end in '_' and an integer, "
        "as in '__inference_f_12', each in its own. TensorFlow refuses to fingerprint the model "
        "otherwise, or leaves a function out of the fingerprint."
    )
    remedy = (
        "Export the model again with the names that TensorFlow gives to functions. 'sigpb patch "
        "--fingerprint=drop' patches the model as it is."
    )
    example = "The name of function 'f_1x' does not end in '_' and an integer."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at the ends of the names in the object graph."""
        for graph in model.graphs:
            object_graph = graph.meta_graph.object_graph
            names: dict[int, list[str]] = defaultdict(list)
            for name in sorted(object_graph.proto.concrete_functions if object_graph else ()):
                uid = function_uid(name)
                if uid is None:
                    yield self.finding(
                        f"The name of function {name!r} does not end in '_' and an integer.",
                        graph.where(),
                    )
                else:
                    names[uid].append(name)
            for uid, same in sorted(names.items()):
                if len(same) > 1:
                    listed = " and ".join(repr(name) for name in same)
                    yield self.finding(
                        f"The functions {listed} end in the same number, {uid}.", graph.where()
                    )
