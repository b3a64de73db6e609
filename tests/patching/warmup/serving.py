"""Warm-up requests as TensorFlow Serving replays them, and the files that they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sigpb import protos
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.tf_record import write_records
from sigpb.saved_model.warmup import read_requests
from tests.model_runner import Array

_METHODS = "tensorflow/serving/"


def logs(model: Path) -> list[protos.PredictionLog]:
    """Returns the warm-up requests of a model."""
    return [request.log() for request in read_requests(model)]


def with_requests(model: Path, requests: Iterable[protos.PredictionLog]) -> Path:
    """Gives a model other warm-up requests."""
    (model / WARMUP_PATH).parent.mkdir(exist_ok=True)
    (model / WARMUP_PATH).write_bytes(write_records(log.SerializeToString() for log in requests))
    return model


def predict_log(
    inputs: Mapping[str, Any], key: str = "", outputs: Iterable[str] = ()
) -> protos.PredictionLog:
    """Returns a Predict request for values, which may be arrays or TensorProtos."""
    import tensorflow as tf

    log = protos.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = key
    request.output_filter.extend(outputs)
    for name, value in inputs.items():
        if not isinstance(value, protos.TensorProto):
            value = tf.make_tensor_proto(value)
        request.inputs[name].ParseFromString(value.SerializeToString())
    return log


class Served:
    """A model as the v1 loader has it, which answers requests.

    It checks what TensorFlow Serving checks (predict_util.cc, classifier.cc, regressor.cc and
    multi_inference.cc in tensorflow_serving/servables/tensorflow), written apart from sigpb.
    """

    def __init__(self, model: Path) -> None:
        import tensorflow as tf

        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], str(model))
        self._signatures: dict[str, Any] = dict(loaded.signature_def)

    def answer(self, log: protos.PredictionLog) -> dict[str, Array]:
        """Returns the outputs for a request."""
        kind = log.WhichOneof("log_type")
        assert kind is not None
        request = getattr(log, kind).request
        if kind == "predict_log":
            return self._predict(request)
        if kind == "multi_inference_log":
            tasks = [(task.model_spec, task.method_name) for task in request.tasks]
            return self._examples(request.input, tasks)
        return self._examples(
            request.input, [(request.model_spec, _METHODS + kind.removesuffix("_log"))]
        )

    def _predict(self, request: Any) -> dict[str, Array]:
        signature = self._signature(request.model_spec)
        assert request.inputs.keys() <= signature.inputs.keys(), "sent extra"
        feeds: dict[str, Array] = {}
        for key, info in signature.inputs.items():
            sent = request.inputs[key] if key in request.inputs else signature.defaults[key]
            self._feed(feeds, info.name, sent)
        asked = list(request.output_filter) or list(signature.outputs)
        assert len(set(asked)) == len(asked)
        return dict(self._session.run({key: signature.outputs[key].name for key in asked}, feeds))

    def _feed(self, feeds: dict[str, Array], tensor: str, sent: Any) -> None:
        import tensorflow as tf

        placeholder = self._session.graph.get_tensor_by_name(tensor)
        assert placeholder.dtype == sent.dtype, "Python would cast it, TensorFlow Serving does not"
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            parsed = tf.io.parse_tensor(sent.SerializeToString(), tf.as_dtype(sent.dtype))
            feeds[tensor] = session.run(parsed)

    def _examples(self, input_: Any, tasks: Iterable[tuple[Any, str]]) -> dict[str, Array]:
        examples = input_.example_list.examples
        results, tensors = {}, set()
        for spec, method in tasks:
            signature = self._signature(spec)
            assert signature.method_name == method
            (info,) = signature.inputs.values()
            assert list(signature.inputs) == ["inputs"]
            feeds = {info.name: np.array([each.SerializeToString() for each in examples], object)}
            fetches = {key: output.name for key, output in signature.outputs.items()}
            for key, value in self._session.run(fetches, feeds).items():
                dtype = {"classes": "O", "scores": "f", "outputs": "f"}[key]
                assert (value.dtype.kind, value.ndim, len(value)) == (dtype, 2, len(examples))
                results[f"{method}:{key}"] = value
            tensors.add(info.name)
        assert len(tensors) == 1, "the input must be the same for all signatures"
        return results

    def _signature(self, spec: Any) -> Any:
        return self._signatures[spec.signature_name or "serving_default"]
