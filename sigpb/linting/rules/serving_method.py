"""Signatures for a method of TensorFlow Serving that cannot answer its requests."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.patching.served_methods import unanswerable
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.tf.serving import unknown_method, wrong_dtypes
from sigpb.tf.tensor_types import dtype_name


class ServingMethod(LintRule):
    """Finds signatures that TensorFlow Serving refuses because of their method name."""

    id = "serving-method"
    severity = "warning"
    explanation = (
        "TensorFlow Serving answers Classify and Regress requests only from signatures with "
        "fixed keys, whatever their method name says, and passes them serialized tf.Examples. So "
        "the input has to be a string; scores and results have to be float32, and classes "
        "strings. It knows three methods: older servers, and newer ones with "
        "--enable_signature_method_name_check, refuse requests to a signature with another."
    )
    remedy = (
        "Rename the inputs and outputs, or set another method with 'sigpb patch --method_name'."
    )
    example = (
        "signature 'single': TensorFlow Serving answers tensorflow/serving/regress requests only "
        "with an input 'inputs' and an output 'outputs', and no more than these."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares method names, keys, and dtypes of inputs."""
        for graph in model.graphs:
            for signature in MetaGraphDraft.of(graph.meta_graph).signatures.values():
                for problem in unanswerable(signature):
                    yield self.finding(problem, graph.where(signature.key))
            for key, signature_def in graph.signatures.items():
                method = signature_def.method_name
                dtypes = [
                    {name: dtype_name(info.dtype) for name, info in ends.items()}
                    for ends in (signature_def.inputs, signature_def.outputs)
                ]
                for side, end, problem in wrong_dtypes(method, *dtypes):
                    yield self.finding(problem, graph.where(key, side, end))
                if graph in model.serving_graphs and (problem := unknown_method(method)):
                    yield self.finding(problem, graph.where(key))
