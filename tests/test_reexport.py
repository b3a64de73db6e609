"""Patched models beside models that TensorFlow exported again: same signatures, same outputs.

What is patched here is what people ask how to get by loading, wrapping and saving a model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.before_after import types_of
from tests.edits.in_tensorflow import SERVE
from tests.model_runner import Array
from tests.patches import ModelFactory, only_graph, refusal

pytestmark = pytest.mark.tensorflow

Signatures = dict[str, Any]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A classifier of one row of ten features: ``x float32 [1,10] -> scores float32 [1,4]``."""
    return save_classifier(tmp_path / "model", rows=1)


def save_classifier(folder: Path, rows: int | None) -> Path:
    import tensorflow as tf

    module = tf.Module()
    module.w = tf.Variable(tf.reshape(tf.range(40.0), [10, 4]) - 7.5)
    spec = tf.TensorSpec([rows, 10], name="x")
    predict = tf.function(lambda x: {"scores": x @ module.w + 0.25}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures=predict)
    return folder


def reexported(model: Path, wrap: Callable[[Signatures], Signatures]) -> Path:
    """Loads a model, wraps its signatures, and saves that."""
    import tensorflow as tf

    folder, module = model.with_name("reexported"), tf.Module()
    module.loaded = tf.saved_model.load(str(model))
    tf.saved_model.save(module, str(folder), signatures=wrap(module.loaded.signatures))
    return folder


def patched(model: Path, text: str) -> Path:
    folder = model.with_name("patched")
    sigpb.patch(model, parse_text(text), output_dir=folder)
    return folder


def assert_same(first: Path, second: Path) -> None:
    """Asserts that two models have the same signatures and return the same values."""
    before, after = only_graph(first), only_graph(second)
    keys = sorted(key for key in before.signature_def if not key.startswith("__"))
    assert keys == sorted(key for key in after.signature_def if not key.startswith("__"))
    assert [types_of(before, key) for key in keys] == [types_of(after, key) for key in keys]
    inputs = model_runner.make_inputs(first, SERVE)
    for run in (model_runner.run_v1, model_runner.run_v2):
        model_runner.assert_equal(run(first, SERVE, inputs), run(second, SERVE, inputs))


def test_shape_of_an_input(model: Path) -> None:
    import tensorflow as tf

    def wrap(signatures: Signatures) -> Signatures:
        predict = signatures["serving_default"]
        spec = tf.TensorSpec([1, 5, 2], tf.float32, name="x")
        return {
            "serving_default": tf.function(
                lambda x: predict(x=tf.reshape(x, [1, 10])), input_signature=[spec]
            )
        }

    patch = 'signature { key: "serving_default" input { key: "x" shape: "[1,5,2]" } }'
    assert types_of(only_graph(model)) == "x float32 [1,10] -> scores float32 [1,4]"
    assert types_of(only_graph(patched(model, patch))) == (
        "x float32 [1,5,2] -> scores float32 [1,4]"
    )
    assert_same(reexported(model, wrap), model.with_name("patched"))


def test_batch_size(model: Path) -> None:
    """Only the code that made the model can export it again for any batch size."""
    any_size = save_classifier(model.with_name("any"), rows=None)
    assert_same(any_size, patched(model, 'signature { key: "serving_default" batch_size: "?" }'))


def test_key_of_an_input(model: Path) -> None:
    import tensorflow as tf

    def wrap(signatures: Signatures) -> Signatures:
        predict = signatures["serving_default"]
        spec = tf.TensorSpec([1, 10], tf.float32, name="features")
        return {
            "serving_default": tf.function(
                lambda features: predict(x=features), input_signature=[spec]
            )
        }

    patch = 'signature { key: "serving_default" input { key: "x" rename_to: "features" } }'
    assert types_of(only_graph(patched(model, patch))) == (
        "features float32 [1,10] -> scores float32 [1,4]"
    )
    assert_same(reexported(model, wrap), model.with_name("patched"))


def test_dtype_of_an_output_under_a_second_key(model: Path) -> None:
    import tensorflow as tf

    def wrap(signatures: Signatures) -> Signatures:
        predict = signatures["serving_default"]
        spec = tf.TensorSpec([1, 10], tf.float32, name="x")

        def rounded(x: Array) -> dict[str, Array]:
            return {"scores": tf.cast(predict(x=x)["scores"], tf.int64)}

        return {
            "serving_default": tf.function(lambda x: predict(x=x), input_signature=[spec]),
            "int64_scores": tf.function(rounded, input_signature=[spec]),
        }

    patch = """
        signature {
            key: "int64_scores"
            copy_of: "serving_default"
            output { key: "scores" dtype: "int64" }
        }
        """
    after = only_graph(patched(model, patch))
    assert types_of(after) == "x float32 [1,10] -> scores float32 [1,4]"
    assert types_of(after, "int64_scores") == "x float32 [1,10] -> scores int64 [1,4]"
    assert_same(reexported(model, wrap), model.with_name("patched"))


def test_all_three_of_a_session_model(fixture_model: ModelFactory) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    model = fixture_model("tf1_fixed_batch")
    folder = model.with_name("reexported")
    with v1.Graph().as_default(), v1.Session() as session:
        pixels = v1.placeholder(tf.float32, [1, 2, 2])
        y, image = tf.import_graph_def(
            v1.GraphDef.FromString(only_graph(model).graph_def.SerializeToString()),
            input_map={"x:0": tf.reshape(pixels, [1, 4])},
            return_elements=["y:0", "image:0"],
            name="",
        )
        builder = v1.saved_model.Builder(str(folder))
        build = v1.saved_model.predict_signature_def
        builder.add_meta_graph_and_variables(
            session,
            list(SERVE),
            signature_def_map={
                "serving_default": build({"pixels": pixels}, {"y": y, "image": image}),
                "int64": build({"pixels": pixels}, {"y": tf.cast(y, tf.int64), "image": image}),
            },
        )
        builder.save()
    inputs = 'input { key: "x" rename_to: "pixels" shape: "[1,2,2]" }'
    after = patched(
        model,
        f"""
        signature {{ key: "serving_default" {inputs} }}
        signature {{
            key: "int64" copy_of: "serving_default" {inputs} output {{ key: "y" dtype: "int64" }}
        }}
        """,
    )
    before, now = only_graph(folder), only_graph(after)
    for key in ("serving_default", "int64"):
        assert types_of(now, key) == types_of(before, key)
    value = model_runner.make_inputs(folder, SERVE)["int64"]["pixels"]
    fed = {key: {"pixels": value} for key in ("serving_default", "int64")}
    for run in (model_runner.run_v1, model_runner.run_v2):
        model_runner.assert_equal(run(folder, SERVE, fed), run(after, SERVE, fed))


def test_another_number_of_elements(model: Path) -> None:
    """What no re-export can do either, short of another model."""
    assert refusal(
        model, 'signature { key: "serving_default" input { key: "x" shape: "[1,15]" } }'
    ) == (
        "signature 'serving_default': input 'x': [1,15] has 15 elements and [1,10] has 10 "
        "elements, but a reshape keeps the number of elements. State a shape that has as many as "
        "the model's; to drop elements or to pad them, change the model itself and export it again."
    )
