from __future__ import annotations

from pathlib import Path

import pytest

from tests import model_runner
from tests.edits.in_tensorflow import SERVE, assert_values_follow
from tests.patches import ModelFactory, only_graph

pytestmark = pytest.mark.tensorflow


def test_reversed_order(fixture_model: ModelFactory) -> None:
    assert_values_follow(
        fixture_model("tf2_linear"),
        """
        signature {
            key: "serving_default"
            input { key: "x" rename_to: "a" }
            output { key: "p" rename_to: "z" }
        }
        signature {
            key: "other"
            input { key: "x" rename_to: "y" }
            input { key: "y" rename_to: "x" }
            output { key: "q" rename_to: "zz" }
            output { key: "r" rename_to: "=" }
        }
        signature { key: "single" input { key: "t" rename_to: "9.x" } }
        """,
    )


def test_four_inputs_and_three_outputs(fixture_model: ModelFactory) -> None:
    assert_values_follow(
        fixture_model("tf2_many"),
        """
        signature {
            key: "serving_default"
            input { key: "a" rename_to: "c" }
            input { key: "b" rename_to: "D" }
            input { key: "c" rename_to: "a" }
            input { key: "d" rename_to: "0" }
            output { key: "k" rename_to: "m" }
            output { key: "m" rename_to: "z" }
            output { key: "z" rename_to: "k" }
        }
        """,
    )


def test_patterns_that_change_the_order_of_inputs_and_outputs(fixture_model: ModelFactory) -> None:
    assert_values_follow(
        fixture_model("tf2_many"),
        r"""
        signature {
            key_pattern: "(serving)_.*"
            rename_to: "\\1"
            input { key_pattern: "([ac])" rename_to: "x_\\1" }
            output { key_pattern: "([km])" rename_to: "zz_\\1" }
        }
        """,
    )


def test_shared_functions(fixture_model: ModelFactory) -> None:
    assert_values_follow(
        fixture_model("tf2_shared"),
        """
        signature {
            key: "alias"
            input { key: "b" rename_to: "y" }
            output { key: "s" rename_to: "a" }
        }
        signature { key: "twin" input { key: "x" rename_to: "A" } }
        """,
    )


def test_defaults(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_defaults")
    patched = assert_values_follow(
        model,
        """
        signature {
            key: "serving_default"
            input { key: "offset" rename_to: "zero" }
            input { key: "scale" rename_to: "x" }
            input { key: "x" rename_to: "scale" }
        }
        """,
    )
    before = only_graph(model).signature_def["serving_default"].defaults
    after = only_graph(patched).signature_def["serving_default"].defaults
    assert dict(after) == {"zero": before["offset"], "x": before["scale"]}


def test_shared_placeholders_of_tf1(fixture_model: ModelFactory) -> None:
    assert_values_follow(
        fixture_model("tf1_shared"),
        """
        signature {
            key: "serving_default"
            input { key: "x" rename_to: "y" }
            input { key: "y" rename_to: "scale" }
            input { key: "scale" rename_to: "A" }
            output { key: "difference" rename_to: "z" }
        }
        signature {
            key: "classify"
            input { key: "inputs" rename_to: "0/text" }
            output { key: "classes" rename_to: "scores" }
            output { key: "scores" rename_to: "classes" }
        }
        """,
    )


def test_an_input_that_is_an_output(fixture_model: ModelFactory) -> None:
    assert_values_follow(
        fixture_model("tf1_no_variables"),
        """
        signature {
            key: "default"
            input { key: "a" rename_to: "b" }
            input { key: "b" rename_to: "a" }
            output { key: "b" rename_to: "y" }
            output { key: "y" rename_to: "b" }
        }
        """,
        tags=(),
    )


def test_sparse_and_ragged_endpoints_of_tf1(fixture_model: ModelFactory) -> None:
    assert_values_follow(
        fixture_model("tf1_sparse"),
        """
        signature {
            key: "serving_default"
            input { key: "s" rename_to: "c" }
            output { key: "doubled" rename_to: "a" }
        }
        """,
        exportable=False,  # TensorFlow cannot save the model as it is either.
    )
    assert_values_follow(
        fixture_model("tf1_composite"),
        """
        signature {
            key: "serving_default"
            input { key: "d" rename_to: "z" }
            output { key: "doubled" rename_to: "z" }
        }
        """,
    )


def test_sparse_and_ragged_outputs_of_tf2(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.w = tf.Variable([10.0, 20.0, 30.0])
    rows = tf.TensorSpec([None], tf.float32)

    @tf.function(input_signature=[rows, rows])  # type: ignore[untyped-decorator]
    def mixed(x: model_runner.Array, b: model_runner.Array) -> dict[str, model_runner.Array]:
        return {
            "dense": 2 * x - b + module.w,
            "ragged": tf.RaggedTensor.from_row_starts(x, [0, 1]),
            "sparse": tf.sparse.from_dense(3 * b),
            "sum": x + b,
        }

    model = tmp_path / "model"
    tf.saved_model.save(module, str(model), signatures=mixed)
    assert_values_follow(
        model,
        """
        signature {
            key: "serving_default"
            input { key: "x" rename_to: "a" }
            output { key: "dense" rename_to: "ragged" }
            output { key: "ragged" rename_to: "dense" }
            output { key: "sparse" rename_to: "z" }
            output { key: "sum" rename_to: "a" }
        }
        signature { key: "v1" copy_of: "serving_default" output { key: "dense" drop: true } }
        """,
    )


@pytest.mark.parametrize(("name", "output"), [("tf2_linear", "s"), ("tf1_shared", "sum")])
def test_keys_that_no_exporter_would_take(
    fixture_model: ModelFactory, name: str, output: str
) -> None:
    patched = assert_values_follow(
        fixture_model(name),
        f"""
        signature {{
            key: "serving_default"
            input {{ key: "x" rename_to: "peptides_in:0" }}
            output {{ key: "{output}" rename_to: "a b" }}
        }}
        """,
        exportable=False,
    )
    with pytest.raises(ValueError, match="argument names"):
        model_runner.resave(patched, SERVE, patched.with_name("saved"))
