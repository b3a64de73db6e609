"""Inputs that are fed inside of the graph return what the model computes from such values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from sigpb.verifying.loaders import V1, V2
from sigpb.verifying.trial import Trial
from tests import model_runner
from tests.edits.built_models import SERVE
from tests.model_runner import Array
from tests.patches import ModelFactory
from tests.verifying.mappings import signature_by

pytestmark = pytest.mark.tensorflow

AGES = np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]], np.float32)
KINDS = np.array([[b"a"], [b"b"], [b"z"]])
BONUS = {b"a": 100.0, b"b": 200.0, b"z": -1.0}
WEIGHTS = np.array([[2.0, 10.0], [3.0, 20.0]], np.float32)

SCORES = AGES @ WEIGHTS + np.array([[BONUS[kind[0]]] for kind in KINDS], np.float32)


@pytest.fixture(scope="module")
def parsing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads examples two functions deep, with checks and a table."""
    import tensorflow as tf

    module, model = tf.Module(), tmp_path_factory.mktemp("parsing") / "model"
    module.weights = tf.Variable(WEIGHTS)
    module.unused = tf.Variable(5.0)
    pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], [100.0, 200.0])
    module.table = tf.lookup.StaticHashTable(pairs, -1.0)
    features = {
        "age": tf.io.FixedLenFeature([2], tf.float32),
        "kind": tf.io.FixedLenFeature([1], tf.string),
    }

    def score(serialized: Any) -> Any:
        parsed = tf.io.parse_example(serialized, features, name="parse")
        tf.debugging.assert_greater(tf.strings.length(serialized), 0)
        bonus = module.table.lookup(parsed["kind"])
        checked = tf.debugging.check_numerics(parsed["age"], "age")
        return tf.matmul(checked, module.weights) + bonus, tf.size(serialized)

    spec = tf.TensorSpec([None], tf.string, name="examples")

    def serve(examples: Any, shift: Any) -> Any:
        scores, count = inner(examples)
        return {"y": scores - shift, "count": count, "unused": module.unused + 0.0}

    inner = tf.function(score)
    outer = tf.function(serve, [spec, tf.TensorSpec([], tf.float32, name="shift")])
    tf.saved_model.save(module, str(model), signatures={"serving_default": outer, "other": outer})
    return model


def run_everywhere(
    model: Path, values: Mapping[str, Array], key: str = "serving_default"
) -> list[Mapping[str, Array]]:
    """Runs a signature under v1, v2, and v2 after the model was saved again."""
    saved = model_runner.resave(model, SERVE, model.with_name(f"{model.name}_saved"))
    found = [
        model_runner.run_v1(model, SERVE, {key: dict(values)})[key],
        *(model_runner.run_v2(each, SERVE, {key: dict(values)})[key] for each in (model, saved)),
    ]
    for results in found:
        assert not isinstance(results, str), results
    return [each for each in found if not isinstance(each, str)]


def patched(model: Path, output: Path, endpoints: str, key: str = "serving_default") -> Path:
    patch = parse_text(f'signature {{ key: "{key}" {endpoints} }}')
    sigpb.patch(model, patch, output_dir=output)
    return output


WITHOUT_EXAMPLES = 'input { key: "examples" drop: true } output { key: "count" drop: true }'


@pytest.mark.parametrize(
    ("endpoints", "values"),
    [
        (  # Arguments that sort before and after the one that stays.
            'input { key: "zz" from_tensor: "parse/parse:0" } '
            'input { key: "Kind" from_tensor: "parse/parse:1" }',
            {"zz": AGES, "Kind": KINDS},
        ),
        (  # One of the two takes the key of the input that goes, and both are converted.
            'input { key: "age" from_tensor: "parse/parse:0" dtype: "int64" '
            'shape: "[?,1,2]" } '
            'input { key: "examples" from_tensor: "parse/parse:1" shape: "[?]" }',
            {"age": AGES[:, None].astype(np.int64), "examples": KINDS[:, 0]},
        ),
        (  # Deeper: only what is added is still computed.
            'input { key: "b" from_tensor: "None_Lookup/LookupTableFindV2:0" } '
            'input { key: "a" from_tensor: "CheckNumerics:0" step: "affine(2.0, 1.0)" }',
            {"b": SCORES[:, :1] - (AGES @ WEIGHTS)[:, :1], "a": (AGES - 1.0) / 2.0},
        ),
    ],
)
def test_tensors_of_a_function(
    parsing: Path, tmp_path: Path, endpoints: str, values: Mapping[str, Array]
) -> None:
    dropped = WITHOUT_EXAMPLES
    if '"examples"' in endpoints:
        dropped = 'output { key: "count" drop: true }'
    model = patched(parsing, tmp_path / "patched", endpoints + dropped)
    for results in run_everywhere(model, {**values, "shift": np.float32(1000)}):
        np.testing.assert_allclose(results["y"], SCORES - 1000)
        assert results["unused"] == 5.0
        assert set(results) == {"y", "unused"}


def test_other_signatures_go_on(parsing: Path, tmp_path: Path) -> None:
    endpoints = 'input { key: "mul" from_tensor: "MatMul:0" }'
    model = patched(parsing, tmp_path / "patched", endpoints)
    example = serialized()
    rest = {"examples": example, "shift": np.float32(1)}
    for results in run_everywhere(model, rest, "other"):
        np.testing.assert_allclose(results["y"], SCORES - 1)
    # The examples are needed for the table still, and for the count.
    for results in run_everywhere(model, {**rest, "mul": np.zeros((3, 2), np.float32)}):
        np.testing.assert_allclose(results["y"], SCORES - AGES @ WEIGHTS - 1)
        assert results["count"] == 3


def serialized() -> Array:
    import tensorflow as tf

    def example(age: Array, kind: Array) -> Any:
        floats, texts = tf.train.FloatList(value=age), tf.train.BytesList(value=kind)
        features = {
            "age": tf.train.Feature(float_list=floats),
            "kind": tf.train.Feature(bytes_list=texts),
        }
        return tf.train.Example(features=tf.train.Features(feature=features))

    rows = zip(AGES, KINDS, strict=True)
    return np.array([example(age, kind).SerializeToString() for age, kind in rows], object)


def test_tensor_of_a_graph(fixture_model: ModelFactory, tmp_path: Path) -> None:
    """Behind `h` there is a loop; in front of it a check of what is not fed any more."""
    endpoints = (
        'input { key: "k" from_tensor: "h:0" shape: "[?,2]" } input { key: "examples" drop: true } '
        'output { key: "x" drop: true }'
    )
    source = fixture_model("tf1_interior")
    model = patched(source, tmp_path / "patched", endpoints, "from_examples")
    fed = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32)
    tail = model_runner.run_v1(source, SERVE, {"tail": {"h": fed}})["tail"]
    assert not isinstance(tail, str)
    for results in (
        model_runner.run_v1(model, SERVE, {"from_examples": {"k": fed}}),
        model_runner.run_v2(model, SERVE, {"from_examples": {"k": fed}}),
    ):
        found = results["from_examples"]
        assert not isinstance(found, str), found
        np.testing.assert_array_equal(found["y"], tail["y"])


@pytest.mark.parametrize(
    ("step", "status"), [("", "same"), ('step: "affine(1.0, 1.0)"', "different")]
)
def test_is_verified(parsing: Path, tmp_path: Path, step: str, status: str) -> None:
    """`verify` feeds the old model at these tensors too."""
    endpoints = (
        'input { key: "zz" from_tensor: "parse/parse:0" %s } '
        'input { key: "Kind" from_tensor: "parse/parse:1" }' + WITHOUT_EXAMPLES
    )
    mapped = signature_by(parsing, f'signature {{ key: "serving_default" {endpoints % ""} }}')
    model = patched(parsing, tmp_path / "patched", endpoints % step)
    for loader in (V1, V2):
        old, new = loader(str(parsing), SERVE), loader(str(model), SERVE)
        report = Trial(mapped, (3,)).run(old, new, V1(str(parsing), SERVE))
        assert report.status == status, str(report)
