"""The TF2 models of this folder; each public function saves one. See README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)

CLASSIFY = tf.saved_model.CLASSIFY_METHOD_NAME
REGRESS = tf.saved_model.REGRESS_METHOD_NAME
ROWS = tf.TensorSpec([None, 3], tf.float32)

Tensors = dict[str, tf.Tensor]


def tf2_linear(path: str) -> None:
    model = tf.Module()
    model.w = tf.Variable([10.0, 20.0, 30.0], name="w")
    model.c = tf.Variable([100.0, 200.0, 300.0], name="c")

    @_function(ROWS, ROWS)
    def linear(x: tf.Tensor, b: tf.Tensor) -> Tensors:
        return {"p": 2 * x + b + model.w, "s": x - 3 * b + model.c}

    @_function(ROWS, ROWS)
    def other(x: tf.Tensor, y: tf.Tensor) -> Tensors:
        return {"q": 5 * x - y + model.w, "r": x + 7 * y}

    @_function(ROWS)
    def single(t: tf.Tensor) -> Tensors:
        return {"u": 11 * t + model.c}

    tf.saved_model.save(
        model, path, signatures={"serving_default": linear, "other": other, "single": single}
    )


def tf2_many(path: str) -> None:
    Path("bonus.txt").write_text("1000\n2000\n4000\n")
    model = tf.Module()
    model.v = tf.Variable([0.5, 0.25], name="v")
    model.bonus = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            "bonus.txt", tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, tf.float32, 0
        ),
        default_value=8000.0,
    )
    pair = tf.TensorSpec([None, 2], tf.float32)

    @_function(pair, pair, pair, pair)
    def mix(d: tf.Tensor, a: tf.Tensor, c: tf.Tensor, b: tf.Tensor) -> Tensors:
        return {
            "m": 11 * a - 13 * b + 17 * c - 19 * d + model.bonus.lookup(tf.cast(d, tf.int64)),
            "k": 2 * a + 3 * b + 5 * c + 7 * d + model.v,
            "z": 23 * a + 29 * b - 31 * c + 37 * d,
        }

    tf.saved_model.save(model, path, signatures=mix)


def tf2_functions(path: str) -> None:
    Path("words.txt").write_text("b\nc\na\n")
    model = tf.Module()
    # Two variables of one name, which the graph tells apart by numbers.
    model.scale = tf.Variable(3.0, name="v")
    model.shift = tf.Variable([1.0, 2.0], name="v")
    model.words = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            "words.txt",
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        default_value=-1,
    )
    model.offset = tf.constant([10.0, 20.0])
    model.net = tf.Module()
    model.net.factor = tf.Variable(7.0, name="v")
    model.asset = tf.saved_model.Asset("words.txt")
    pair, text = tf.TensorSpec([None, 2], tf.float32, name="zz"), tf.TensorSpec([None], tf.string)

    @_function(pair, text)
    def predict(x: tf.Tensor, words: tf.Tensor) -> Tensors:
        return {
            "z": x * model.scale + model.shift,
            "a": model.words.lookup(words),
            "m": x - model.offset,
        }

    def call(b: tf.Tensor, a: dict[str, tf.Tensor], training: bool = False) -> Any:
        return 2 * b - a["q"], a["q"] * (model.net.factor if training else -1.0)

    @_function(tf.TensorSpec([], tf.string))
    def lines(end: tf.Tensor) -> tf.Tensor:
        return tf.io.read_file(model.asset) + end

    @_function(tf.SparseTensorSpec([None, 2], tf.float32))
    def total(rows: tf.SparseTensor) -> tf.Tensor:
        return tf.sparse.reduce_sum(rows, axis=1)

    @_function(tf.TensorSpec([None], tf.float32))
    def partly(x: tf.Tensor) -> Any:
        return {"x": x, "nothing": None}

    numbers = tf.constant([1.0])
    model.net.call = tf.function(call)
    for training in (True, False):
        model.net.call(numbers, {"q": numbers}, training=training)
    model.predict, model.lines, model.total, model.partly = predict, lines, total, partly
    tf.saved_model.save(model, path, signatures={})


def tf2_stateful(path: str) -> None:
    model = tf.Module()
    model.count = tf.Variable(5, dtype=tf.int64, name="count")

    @_function()
    def get() -> Tensors:
        return {"count": model.count.read_value()}

    @_function()
    def increment() -> Tensors:
        return {"count": model.count.assign_add(1)}

    @_function(tf.TensorSpec([], tf.int64))
    def add(delta: tf.Tensor) -> Tensors:
        before = model.count.read_value()
        return {"before": before, "after": model.count.assign_add(delta)}

    @_function()
    def reset() -> Tensors:
        model.count.assign(0)
        return {}

    tf.saved_model.save(
        model, path, signatures={"get": get, "increment": increment, "add": add, "reset": reset}
    )


def tf2_shared(path: str) -> None:
    model = tf.Module()
    model.w = tf.Variable([10.0, 20.0, 30.0], name="w")

    @_function(ROWS, ROWS)
    def first(x: tf.Tensor, b: tf.Tensor) -> Tensors:
        return {"p": 2 * x + b + model.w, "s": x - 3 * b}

    @_function(ROWS, ROWS)
    def second(x: tf.Tensor, b: tf.Tensor) -> Tensors:
        return {"p": 5 * x + b, "s": x + 7 * b + model.w}

    tf.saved_model.save(model, path, signatures={"serving_default": first, "twin": second})
    with _edited(path) as meta_graph:
        _share_concrete_function(meta_graph, "serving_default", "twin")
        _alias_signature(meta_graph, "serving_default", "alias")


def _share_concrete_function(meta_graph: Any, owner: str, guest: str) -> None:
    """Makes the node and the call of one signature use the function of another."""
    nodes, children = meta_graph.object_graph_def.nodes, _signature_children(meta_graph)
    owners = nodes[children[owner].node_id].bare_concrete_function.concrete_function_name
    node = nodes[children[guest].node_id].bare_concrete_function
    guests, node.concrete_function_name = node.concrete_function_name, owners
    del meta_graph.object_graph_def.concrete_functions[guests]
    for graph_node in meta_graph.graph_def.node:
        if graph_node.attr["f"].func.name == guests:
            graph_node.attr["f"].func.name = owners
    library = meta_graph.graph_def.library.function
    library.remove(next(f for f in library if f.signature.name == guests))


def _alias_signature(meta_graph: Any, key: str, alias: str) -> None:
    """Adds a signature key whose child is the node of another signature."""
    meta_graph.signature_def[alias].CopyFrom(meta_graph.signature_def[key])
    child = _signature_children(meta_graph)[key]
    nodes = meta_graph.object_graph_def.nodes
    signature_map = next(n for n in nodes if n.user_object.identifier == "signature_map")
    signature_map.children.add(local_name=alias, node_id=child.node_id)


def _signature_children(meta_graph: Any) -> dict[str, Any]:
    nodes = meta_graph.object_graph_def.nodes
    signature_map = next(n for n in nodes if n.user_object.identifier == "signature_map")
    return {child.local_name: child for child in signature_map.children}


def tf2_defaults(path: str) -> None:
    model = tf.Module()
    model.w = tf.Variable([10.0, 20.0, 30.0], name="w")
    row = tf.TensorSpec([3], tf.float32)
    times, plus = tf.constant([2.0, 3.0, 5.0]), tf.constant([7.0, 11.0, 13.0])

    @_function(ROWS, row, row)
    def scaled(x: tf.Tensor, scale: tf.Tensor = times, offset: tf.Tensor = plus) -> Tensors:
        return {"y": scale * x + offset, "z": scale * model.w - offset}

    tf.saved_model.save(model, path, signatures=scaled)


def tf2_warmup(path: str) -> None:
    model = tf.Module()
    model.w = tf.Variable([10.0, 20.0, 30.0], name="w")
    serialized = tf.TensorSpec([None], tf.string)

    def parse(examples: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([3], tf.float32)})["x"]

    @_function(ROWS, ROWS)
    def predict(x: tf.Tensor, b: tf.Tensor) -> Tensors:
        return {"p": 2 * x + b + model.w, "s": x - 3 * b}

    @_function(serialized)
    def classify(inputs: tf.Tensor) -> Tensors:
        x = parse(inputs)
        return {"classes": tf.as_string(x, precision=1), "scores": 5 * x + model.w}

    @_function(serialized)
    def regress(inputs: tf.Tensor) -> Tensors:
        return {"outputs": tf.reduce_sum(parse(inputs) * model.w, axis=1, keepdims=True)}

    tf.saved_model.save(
        model,
        path,
        signatures={"serving_default": predict, "classify": classify, "regress": regress},
    )
    with _edited(path) as meta_graph:
        meta_graph.signature_def["classify"].method_name = CLASSIFY
        meta_graph.signature_def["regress"].method_name = REGRESS
    folder = Path(path, "assets.extra")
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as writer:
        for log in _warmup_requests():
            writer.write(log.SerializeToString(deterministic=True))


def tf2_fixed_batch(path: str) -> None:
    model = tf.Module()
    model.w = tf.Variable([[2.0, 3.0], [5.0, 7.0]], name="w")
    one_row = tf.TensorSpec([1, 4], tf.float32)

    @_function(tf.TensorSpec([1, 2, 2], tf.float32))
    def scale(image: tf.Tensor) -> tf.Tensor:
        return image * model.w

    @_function(one_row)
    def pool(x: tf.Tensor) -> Tensors:
        scaled = scale(tf.reshape(x, [1, 2, 2]))
        return {"y": tf.reduce_sum(scaled, axis=2) + 100.0, "total": tf.reduce_sum(model.w)}

    @_function(one_row)
    def class_token(x: tf.Tensor) -> Tensors:
        return {"tokens": tf.concat([[[10.0, 20.0, 30.0, 40.0]], 3 * x], axis=1)}

    tf.saved_model.save(
        model, path, signatures={"serving_default": pool, "class_token": class_token}
    )


def tf2_image(path: str) -> None:
    model = tf.Module()
    model.kernel = tf.Variable([[1.0, -2.0, 0.5], [-1.0, 3.0, 0.25]], name="kernel")
    images, scalar = tf.TensorSpec([None, 4], tf.float32), tf.TensorSpec([], tf.bool)

    @_function(images)
    def classify(x: tf.Tensor) -> tf.Tensor:
        with tf.name_scope("pool"):
            pooled = tf.reduce_mean(tf.reshape(x, [-1, 2, 2]), axis=2, name="Mean")
        return pooled @ model.kernel

    @_function(images, scalar)
    def predict(x: tf.Tensor, training: tf.Tensor) -> Tensors:
        scores = classify(x)
        noise = tf.where(training, [10.0, 20.0, 30.0], [1.0, 1.0, 1.0])
        return {"scores": scores + noise, "label": tf.argmax(scores, axis=1)}

    @_function(tf.TensorSpec([None], tf.string))
    def echo(text: tf.Tensor) -> Tensors:
        return {"echo": tf.strings.join([text, "!"]), "length": tf.strings.length(text)}

    tf.saved_model.save(model, path, signatures={"serving_default": predict, "echo": echo})


def _warmup_requests() -> Iterator[Any]:
    x, b = tf.constant([[1.0, 2.0, 3.0]]), tf.constant([[4.0, 5.0, 6.0]])
    predict = predict_pb2.PredictRequest()
    predict.model_spec.name = "warmup"
    predict.inputs["x"].CopyFrom(tf.make_tensor_proto(x))
    predict.inputs["b"].CopyFrom(tf.make_tensor_proto(b))
    yield _log(predict_log=prediction_log_pb2.PredictLog(request=predict))

    predict.model_spec.signature_name = "serving_default"
    predict.output_filter.append("s")
    yield _log(predict_log=prediction_log_pb2.PredictLog(request=predict))

    example = tf.train.Example()
    example.features.feature["x"].float_list.value[:] = [1.0, 2.0, 3.0]

    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name, classify.model_spec.signature_name = "warmup", "classify"
    classify.input.example_list.examples.append(example)
    yield _log(classify_log=prediction_log_pb2.ClassifyLog(request=classify))

    regress = regression_pb2.RegressionRequest()
    regress.model_spec.name, regress.model_spec.signature_name = "warmup", "regress"
    regress.input.example_list.examples.append(example)
    yield _log(regress_log=prediction_log_pb2.RegressLog(request=regress))

    both = inference_pb2.MultiInferenceRequest()
    for signature_key, method_name in (("classify", CLASSIFY), ("regress", REGRESS)):
        task = both.tasks.add(method_name=method_name)
        task.model_spec.name, task.model_spec.signature_name = "warmup", signature_key
    both.input.example_list.examples.append(example)
    yield _log(multi_inference_log=prediction_log_pb2.MultiInferenceLog(request=both))


def _log(**kind: Any) -> Any:
    return prediction_log_pb2.PredictionLog(**kind)


def _function(*inputs: tf.TensorSpec) -> Callable[[Callable[..., Tensors]], Any]:
    def decorate(function: Callable[..., Tensors]) -> Any:
        return tf.function(function, input_signature=inputs)

    return decorate


@contextmanager
def _edited(path: str) -> Iterator[Any]:
    """Yields the MetaGraphDef of a SavedModel and writes it back afterwards."""
    file = Path(path, "saved_model.pb")
    saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    yield saved_model.meta_graphs[0]
    file.write_bytes(saved_model.SerializeToString(deterministic=True))
