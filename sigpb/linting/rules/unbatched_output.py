"""Outputs that do not have a row for each example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_types import Shape, encoding_of, shape_of
from sigpb.visible_text import natural


class UnbatchedOutput(LintRule):
    """Finds outputs that TensorFlow Serving does not return in the row format of its REST API."""

    id = "unbatched-output"
    severity = "info"
    explanation = (
        "Requests to TensorFlow Serving's REST API in the row format ('instances') are answered "
        "row by row: all outputs need a first dimension, and the same size there. Otherwise the "
        "model runs and the request fails with 'has no shape information' or 'has inconsistent "
        "batch size'."
    )
    remedy = (
        "Send requests in the column format ('inputs') or by gRPC, which have no such rule, or "
        "take the output out of the signature with 'sigpb patch --drop_output'."
    )
    example = (
        "signature 's': The output 'y0' has no first dimension, so that REST clients get no rows."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at declared shapes in the MetaGraphs that are tagged for serving."""
        for graph in model.serving_graphs:
            for key, signature in graph.signatures.items():
                shapes = {
                    name: shape_of(signature.outputs[name].tensor_shape)
                    for name in sorted(signature.outputs, key=natural)
                    if encoding_of(signature.outputs[name]) == "dense"
                }
                for problem in _problems(shapes):
                    yield self.finding(problem, graph.where(key))


def _problems(shapes: Mapping[str, Shape]) -> Iterator[str]:
    """Yields what the row format refuses.

    Args:
        shapes: The shapes of a signature's outputs, by their keys.
    """
    scalars = [name for name, shape in shapes.items() if shape == ()]
    unknown = [name for name, shape in shapes.items() if shape is None]
    sizes = {name: shape[0] for name, shape in shapes.items() if shape and shape[0] is not None}
    if scalars:
        yield f"{_outputs(scalars)} no first dimension, so that REST clients get no rows."
    if unknown:
        yield (
            f"{_outputs(unknown)} an unknown number of dimensions; without any, REST clients get "
            "no rows."
        )
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{size} of {name!r}" for name, size in sizes.items())
        yield f"The outputs have different numbers of rows: {listed}."


def _outputs(names: list[str]) -> str:
    listed = ", ".join(map(repr, names))
    return f"The output {listed} has" if len(names) == 1 else f"The outputs {listed} have"
