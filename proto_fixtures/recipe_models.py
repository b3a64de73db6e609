"""The models of the recipes, with the names of a real use; each public function saves one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1

ADAPTERS_PAGE = Path(__file__).resolve().parents[1] / "docs" / "recipes" / "adapters.md"

Tensors = dict[str, tf.Tensor]


def flowers(path: str) -> None:
    """A classifier of images as Keras exports it, with the names of its classes in an asset."""
    Path("labels.txt").write_text("daisy\ndandelion\nroses\nsunflowers\ntulips\n")
    model = tf.Module()
    model.kernel = tf.Variable(_spread(3, 3, 3, 4), name="conv2d/kernel")
    model.dense = tf.Variable(_spread(4, 5), name="dense/kernel")
    model.bias = tf.Variable(_spread(5), name="dense/bias")
    model.labels = tf.saved_model.Asset("labels.txt")

    def serve(input_1: tf.Tensor) -> Tensors:
        with tf.name_scope("conv2d"):
            features = tf.nn.relu(tf.nn.conv2d(input_1, model.kernel, 16, "SAME"), name="Relu")
        with tf.name_scope("global_average_pooling2d"):
            pooled = tf.reduce_mean(features, axis=[1, 2], name="Mean")
        with tf.name_scope("dense"):
            return {"dense": tf.nn.softmax(pooled @ model.dense + model.bias, name="Softmax")}

    images = tf.TensorSpec([None, 224, 224, 3], tf.float32, name="input_1")
    tf.saved_model.save(model, path, signatures=tf.function(serve, input_signature=[images]))


def detector(path: str) -> None:
    """A detector that was exported for one image at a time."""
    model = tf.Module()
    model.kernel = tf.Variable(_spread(8, 8, 3, 6), name="boxes/kernel")

    def serve(input_tensor: tf.Tensor) -> Tensors:
        images = tf.cast(input_tensor, tf.float32) / 255.0
        cells = tf.reshape(tf.nn.conv2d(images, model.kernel, 16, "VALID"), [1, 16, 6])
        boxes, scores = tf.nn.sigmoid(cells[:, :, :4]), tf.nn.softmax(cells[:, :, 4:])
        return {"detection_boxes": boxes, "detection_scores": scores}

    image = tf.TensorSpec([1, 64, 64, 3], tf.uint8, name="input_tensor")
    tf.saved_model.save(model, path, signatures=tf.function(serve, input_signature=[image]))


def ranking(path: str) -> None:
    """A ranking model with a switch for training, and a signature for embeddings."""
    model = tf.Module()
    model.users = tf.Variable(_spread(50, 4), name="users/embeddings")
    model.items = tf.Variable(_spread(20, 4), name="items/embeddings")

    def rank(user_id: tf.Tensor, item_id: tf.Tensor, training: tf.Tensor) -> Tensors:
        with tf.name_scope("users"):
            users = tf.gather(model.users, user_id % 50, name="Lookup")
        products = users * tf.gather(model.items, item_id % 20, name="items/Lookup")
        kept = tf.where(training, products * 0.5, products)
        return {"output_0": tf.sigmoid(tf.reduce_sum(kept, axis=1)), "output_1": kept}

    def embed(user_id: tf.Tensor) -> Tensors:
        return {"embedding": tf.gather(model.users, user_id % 50)}

    users, items = (tf.TensorSpec([None], tf.int64, name=name) for name in ("user_id", "item_id"))
    training = tf.TensorSpec([], tf.bool, name="training")
    signatures = {
        "serving_default": tf.function(rank, input_signature=[users, items, training]),
        "embed": tf.function(embed, input_signature=[users]),
    }
    tf.saved_model.save(model, path, signatures=signatures)


def reviews(path: str) -> None:
    """A classifier of texts that takes the ids of words, of which 0 is none."""
    model = tf.Module()
    model.words = tf.Variable(_spread(9, 4), name="embedding/embeddings")
    model.kernel = tf.Variable(_spread(4, 3), name="dense/kernel")

    def serve(ids: tf.Tensor) -> Tensors:
        is_word = tf.cast(ids > 0, tf.float32)[:, :, tf.newaxis]
        text = tf.reduce_sum(tf.gather(model.words, ids) * is_word, axis=1)
        return {"logits": tf.matmul(text, model.kernel, name="dense/MatMul")}

    ids = tf.TensorSpec([None, 8], tf.int64, name="ids")
    tf.saved_model.save(model, path, signatures=tf.function(serve, input_signature=[ids]))


def tokenize(path: str) -> None:
    """An adapter before models that take ids; a page of the docs has the lines that write it."""
    words = "[none]\na\nbad\nfilm\ngood\nnot\nthe\nvery\n"
    Path("proto_fixtures/tokenize/assets").mkdir(parents=True)
    Path("proto_fixtures/tokenize/assets/vocabulary.txt").write_text(words)
    _, block, *_ = ADAPTERS_PAGE.read_text(encoding="utf-8").split("```python\n")
    exec(block.partition("```")[0])
    Path("adapters/tokenize").rename(path)


def calibrate(path: str) -> None:
    """An adapter behind models of any number of classes: scores, and whether they are sure."""
    adapter = tf.Module()
    adapter.temperature = tf.Variable(0.5, name="temperature")
    adapter.threshold = tf.Variable(0.75, name="threshold")

    def serve(logits: tf.Tensor) -> Tensors:
        scores = tf.nn.softmax(logits / adapter.temperature)
        return {"scores": scores, "is_sure": tf.reduce_max(scores, axis=1) > adapter.threshold}

    logits = tf.TensorSpec([None, None], tf.float32, name="logits")
    tf.saved_model.save(adapter, path, signatures=tf.function(serve, input_signature=[logits]))


def census(path: str) -> None:
    """An estimator of TensorFlow 1, which reads tf.Examples."""
    with tf.Graph().as_default(), v1.Session() as session:
        examples = v1.placeholder(tf.string, [None], name="input_example_tensor")
        features = {name: tf.io.FixedLenFeature([1], tf.float32) for name in ("age", "hours")}
        parsed = v1.parse_example(examples, features)
        rows = tf.concat([parsed["age"], parsed["hours"]], axis=1, name="dnn/input_layer/concat")
        kernel = v1.get_variable("dnn/logits/kernel", initializer=_spread(2, 2), use_resource=True)
        probabilities = tf.nn.softmax(rows @ kernel, name="dnn/head/predictions/probabilities")
        class_ids = tf.argmax(probabilities, axis=1, name="dnn/head/predictions/class_ids")
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def(
            {"examples": examples}, {"probabilities": probabilities, "class_ids": class_ids}
        )
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], {"predict": signature})
        builder.save()


def _spread(*shape: int) -> tf.Tensor:
    """Returns float32 numbers of -0.5 to 0.5, no two of them alike in a row."""
    return tf.constant(np.sin(np.arange(np.prod(shape))).reshape(shape) / 2, tf.float32)
