"""Warm-up requests that do not fit the signatures."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.errors import ModelUnreadable, did_you_mean
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule
from sigpb.saved_model import warmup
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.model import MetaGraph
from sigpb.saved_model.warmup import signature_key
from sigpb.visible_text import natural


class WarmupRequests(LintRule):
    """Compares the keys in warm-up requests with those of the signatures they ask for."""

    id = "warmup-requests"
    severity = "error"
    explanation = (
        f"{WARMUP_PATH} holds a request for a signature, an input or an "
        "output that the model does not have, or without an input that it needs. TensorFlow "
        "Serving sends these requests when it loads the model, and refuses the model if one fails."
    )
    remedy = (
        "Write new requests, or patch a model with 'sigpb patch', which has the requests follow."
    )
    example = (
        f"{WARMUP_PATH}: A request is for signature 'serving_default'; "
        "there are 'classify', 'predict', 'regress'."
    )
    fixes = {"drop": "removes the warm-up requests"}

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Checks the requests against the MetaGraphs that are tagged for serving."""
        try:
            requests = warmup.read_requests(model.model.directory)
        except ModelUnreadable as error:
            yield self.finding(str(error), WARMUP_PATH, fix=self.fixes["drop"])
            return
        problems = dict.fromkeys(
            problem
            for graph in model.serving_graphs or model.graphs
            for request in requests
            for problem in _problems(request.log(), graph.meta_graph)
        )
        for problem in problems:
            yield self.finding(problem, WARMUP_PATH, fix=self.fixes["drop"])

    def fix(self, fixing: Fixing, way: str) -> None:
        """Removes the file."""
        fixing.remove(WARMUP_PATH)


def _problems(log: protos.PredictionLog, graph: MetaGraph) -> Iterator[str]:
    for model_spec in _model_specs(log):
        key = signature_key(model_spec)
        if key not in graph.signatures:
            known = did_you_mean(key, graph.user_signatures)
            yield f"A request is for signature {key!r}; {known}."
        elif log.HasField("predict_log"):
            yield from _predict_problems(log.predict_log.request, key, graph.signatures[key])


def _model_specs(log: protos.PredictionLog) -> Iterator[protos.ModelSpec]:
    """Yields what names the signatures that a request is for."""
    if log.HasField("predict_log"):
        yield log.predict_log.request.model_spec
    elif log.HasField("classify_log"):
        yield log.classify_log.request.model_spec
    elif log.HasField("regress_log"):
        yield log.regress_log.request.model_spec
    elif log.HasField("multi_inference_log"):
        for task in log.multi_inference_log.request.tasks:
            yield task.model_spec


def _predict_problems(
    request: protos.PredictRequest, key: str, signature: protos.SignatureDef
) -> Iterator[str]:
    where = f"A request for signature {key!r}"
    for name in sorted(set(request.inputs) - set(signature.inputs), key=natural):
        yield f"{where} has an input {name!r}; {did_you_mean(name, signature.inputs)}."
    for name in sorted(set(request.output_filter) - set(signature.outputs), key=natural):
        yield f"{where} asks for an output {name!r}; {did_you_mean(name, signature.outputs)}."
    left_out = set(signature.inputs) - set(request.inputs) - set(signature.defaults)
    for name in sorted(left_out, key=natural):
        yield f"{where} is without the input {name!r}."
