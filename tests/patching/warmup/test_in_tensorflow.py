"""Requests that followed a patch are accepted by the patched model, and mean the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.model import open_model
from tests.conversions import Case, cases
from tests.model_runner import Array, Values, assert_equal, make_inputs

from .serving import Served, logs, predict_log

pytestmark = pytest.mark.tensorflow

ModelFactory = Callable[..., Path]

DTYPES = ("uint8", "int64", "float64", "float16", "bfloat16", "complex64", "string")

# Kinds of edits of a Predict signature with the inputs x and b, whose values are 1 to 6.
EXACT = {
    "rename input": 'input { key: "x" rename_to: "image" }',
    "swap inputs": 'input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" }',
    "rename output": 'output { key: "s" rename_to: "t" }',
    "swap outputs": 'output { key: "s" rename_to: "p" } output { key: "p" rename_to: "s" }',
    "drop another output": 'output { key: "p" drop: true }',
    "drop the output": 'output { key: "s" drop: true }',
    "rename signature": 'rename_to: "predict"',
    "reshape": 'input { key: "x" shape: "[?,3,1]" }',
    "refine": 'input { key: "x" shape: "[1,3]" }',
    "batch size": 'batch_size: "1"',
    "bind": 'input { key: "b" bind: "[[4, 5, 6]]" }',
    "default": 'input { key: "b" default: "[[0, 0, 0]]" }',
    "output type": 'output { key: "s" dtype: "float64" shape: "[?,3,1]" }',
    "method": 'method_name: "tensorflow/serving/predict"',
    **{dtype: f'input {{ key: "x" dtype: "{dtype}" }}' for dtype in DTYPES},
    "everything": """
        rename_to: "predict"
        input { key: "x" rename_to: "image" dtype: "uint8" shape: "[?,1,3]" }
        input { key: "b" bind: "[[4, 5, 6]]" }
        output { key: "s" rename_to: "t" dtype: "string" }
    """,
}


def with_requests(model: Path, requests: Iterable[protos.PredictionLog]) -> Path:
    """Gives a model other warm-up requests, as TensorFlow and TensorFlow Serving write them."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    (model / WARMUP_PATH).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(model / WARMUP_PATH)) as writer:
        for request in requests:
            theirs = prediction_log_pb2.PredictionLog.FromString(request.SerializeToString())
            writer.write(theirs.SerializeToString())
    return model


@pytest.mark.parametrize("edit", EXACT.values(), ids=EXACT)
def test_outputs_are_those_of_the_old_request(fixture_model: ModelFactory, edit: str) -> None:
    model = fixture_model("tf2_warmup")
    with_requests(model, logs(model)[:2])
    assert_answers_follow(model, f'signature {{ key: "serving_default" {edit} }}')


@pytest.mark.parametrize(
    "text",
    [
        'signature { key: "classify" rename_to: "c" }',
        'signature { key: "classify" drop: true } signature { key: "regress" rename_to: "c" }',
        'signature { key: "legacy" copy_of: "serving_default" input { key: "x" dtype: "int8" } }',
        'signature { key: "serving_default" drop: true }',
        'signature { key: "classify" batch_size: "1" }',
    ],
    ids=["rename", "delete one", "copy", "delete", "batch size"],
)
def test_requests_with_examples(fixture_model: ModelFactory, text: str) -> None:
    model = fixture_model("tf2_warmup")
    with_requests(model, logs(model)[:4])  # The signatures do not share an input.
    assert_answers_follow(model, text)


@pytest.mark.parametrize(
    ("name", "inputs", "text"),
    [
        (
            "tf2_image",
            {"x": np.float32([[1, 2, 3, 4], [255, 0, 7, 9]]), "training": np.False_},
            'input { key: "x" dtype: "uint8" shape: "[?,2,2]" } '
            'input { key: "training" bind: "false" }',
        ),
        (
            "tf2_image",
            {"x": np.float32([[1, 2, 3, 4]]), "training": np.True_},
            'input { key: "training" dtype: "string" }',
        ),
        (
            "tf2_defaults",
            {"x": np.float32([[1, 2, 3]])},
            'input { key: "scale" dtype: "float64" rename_to: "s" default: "[2, 3, 5]" }',
        ),
    ],
    ids=["images", "bool", "input left out"],
)
def test_other_models(
    fixture_model: ModelFactory, name: str, inputs: dict[str, Any], text: str
) -> None:
    model = with_requests(fixture_model(name), [predict_log(inputs)])
    assert_answers_follow(model, f'signature {{ key: "serving_default" {text} }}')


@pytest.mark.parametrize(
    "edit",
    ['batch_size: "?"', 'input { key: "x" shape: "[?,2,2]" dtype: "float64" }'],
    ids=["open", "reshaped"],
)
def test_open_batch_size(fixture_model: ModelFactory, edit: str) -> None:
    request = predict_log({"x": np.float32([[1, 2, 3, 4]])})
    model = with_requests(fixture_model("tf1_fixed_batch"), [request])
    assert_answers_follow(model, f'signature {{ key: "serving_default" {edit} }}')


@pytest.mark.parametrize("value", [[[7.0, 8.0, 9.0]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
@pytest.mark.parametrize(
    "edit",
    [
        'batch_size: "4"',
        'input { key: "x" shape: "[4,3]" }',
        'input { key: "x" shape: "[4,3,1]" dtype: "int32" } input { key: "b" dtype: "int32" }',
        'input { key: "x" shape: "[12]" }',
    ],
    ids=["batch size", "one input", "reshaped and cast", "flat"],
)
def test_rows_are_repeated(fixture_model: ModelFactory, edit: str, value: Any) -> None:
    sent = {"x": np.float32(value), "b": np.float32(value) * 2}
    model = with_requests(fixture_model("tf2_warmup"), [predict_log(sent)])
    before = Served(model).answer(logs(model)[0])
    (after,) = answers(model, f'signature {{ key: "serving_default" {edit} }}')
    rows: Array = np.arange(4) % len(value)
    assert_equal({"": {key: array[rows] for key, array in before.items()}}, {"": after})


@pytest.mark.parametrize(
    "edit",
    [
        *(f'input {{ key: "x" dtype: "{dtype}" }}' for dtype in ("uint8", "bool", "bfloat16")),
        'input { key: "x" dtype: "string" } input { key: "b" dtype: "int4" }',
        'batch_size: "1"',
        'input { key: "x" dtype: "uint16" shape: "[2,1,3]" }',
    ],
)
def test_values_that_are_not_exact_are_accepted(fixture_model: ModelFactory, edit: str) -> None:
    values = np.float32([[1.5, -7.0, 1e9]] * 3)
    sent = {"x": values, "b": values}
    model = with_requests(fixture_model("tf2_warmup"), [predict_log(sent), predict_log(sent)])
    assert len(answers(model, f'signature {{ key: "serving_default" {edit} }}')) == 2


def test_multi_inference(tmp_path: Path, fixture_model: ModelFactory) -> None:
    model = tmp_path / "shared"
    save_with_shared_input(model)
    requests = logs(fixture_model("tf2_warmup"))[2:]
    with_requests(model, requests)
    old = [Served(model).answer(log) for log in requests]
    renamed = model.with_name("renamed")
    sigpb.patch(
        model,
        parse_text(
            'signature { key: "classify" rename_to: "c" } '
            'signature { key: "regress" rename_to: "serving_default" }'
        ),
        output_dir=renamed,
    )
    new = [Served(renamed).answer(log) for log in logs(renamed)]
    assert_equal(dict(zip("123", old, strict=True)), dict(zip("123", new, strict=True)))

    less = model.with_name("less")
    sigpb.patch(model, parse_text('signature { key: "classify" drop: true }'), output_dir=less)
    regress, multi = [Served(less).answer(log) for log in logs(less)]
    assert_equal({"": regress}, {"": multi})


def save_with_shared_input(path: Path) -> None:
    """Saves signatures that can be asked in one MultiInference request."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        examples = v1.placeholder(tf.string, [None], name="examples")
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([3], tf.float32)})["x"]
        signatures = {
            "classify": v1.saved_model.classification_signature_def(
                examples, tf.as_string(parsed), parsed * 2
            ),
            "regress": v1.saved_model.regression_signature_def(
                examples, tf.reduce_sum(parsed, axis=1, keepdims=True)
            ),
        }
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()


def assert_answers_follow(model: Path, text: str) -> None:
    """Asserts that old requests of the old model and new ones of the new one are answered alike."""
    requests, served = logs(model), Served(model)
    with open_model(model) as opened:
        (graph,) = opened.meta_graphs
        wanted = cases(graph, parse_text(text), one_row_each(make_inputs(model, ["serve"])))
    by_source = {case.source: case for case in reversed(wanted)}
    kept = [log for log in requests if _source(log) in by_source]
    expected = [_expected(by_source[_source(log)], served.answer(log)) for log in kept]
    found = answers(model, text)
    for before, after in zip(expected, found, strict=True):
        assert before or after
        assert_equal({"": before}, {"": {key: after[key] for key in before}})


def one_row_each(inputs: Values) -> Values:
    """Returns values that fit any batch size; it is the results of cases that matter here."""
    return {
        key: {name: value[:1] if np.ndim(value) else value for name, value in values.items()}
        for key, values in inputs.items()
    }


def _source(log: Any) -> str:
    kind = log.WhichOneof("log_type")
    return getattr(log, kind).request.model_spec.signature_name or "serving_default"


def _expected(case: Case, results: dict[str, Array]) -> dict[str, Array]:
    if any(":" in key for key in results):
        return results  # of Classify and Regress, whose outputs stay
    return case.expected(results)


def answers(model: Path, text: str) -> list[dict[str, Array]]:
    """Patches a model and returns what it answers to its warm-up requests."""
    patched = model.with_name("patched")
    sigpb.patch(model, parse_text(text), output_dir=patched)
    served = Served(patched)
    return [served.answer(log) for log in logs(patched)] if (patched / WARMUP_PATH).exists() else []
