from __future__ import annotations

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.in_tensorflow import SERVE, assert_values_follow
from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    read,
    refusal,
)

CLASSIFY = 'signature { key: "other" method_name: "tensorflow/serving/classify" }'


class TestChanged:
    @pytest.mark.parametrize("method", ["tensorflow/serving/classify", "my/own", ""])
    def test_method_name(self, fixture_model: ModelFactory, method: str) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        after = apply(model, f'signature {{ key: "other" method_name: "{method}" }}')
        assert {key: item.method_name for key, item in after.signature_def.items()} == {
            "__saved_model_init_op": "",
            "other": method,
            "serving_default": "tensorflow/serving/predict",
            "single": "tensorflow/serving/predict",
        }
        changed = changed_parts(before, (model / MAIN).read_bytes())
        assert changed == {"signature_def[other]"}

    def test_every_meta_graph(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, 'signature { key: "serving_default" method_name: "m" }')
        assert [
            graph.signature_def["serving_default"].method_name for graph in read(model).meta_graphs
        ] == ["m", "m"]


class TestUnchanged:
    def test_the_name_it_has(self, fixture_model: ModelFactory) -> None:
        assert_unchanged(
            fixture_model("tf2_linear"),
            'signature { key: "other" method_name: "tensorflow/serving/predict" }',
        )
        assert_unchanged(
            fixture_model("tf1_no_variables"), 'signature { key: "default" method_name: "" }'
        )

    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), CLASSIFY)


class TestRefused:
    def test_unknown_signature(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(fixture_model("tf2_linear"), 'signature { key: "othr" method_name: "m" }')
            == "there is no signature 'othr'; did you mean 'other'? "
            "There are 'other', 'serving_default', 'single'."
        )

    def test_signature_of_tensorflow(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(
                fixture_model("tf2_linear"),
                'signature { key: "__saved_model_init_op" method_name: "m" }',
            )
            == "signature '__saved_model_init_op': "
            "keys that start with '__saved_model_' are TensorFlow's own."
        )


class TestWarnings:
    def test_keys_that_the_method_needs(self, fixture_model: ModelFactory) -> None:
        plan = sigpb.plan(fixture_model("tf2_linear"), parse_text(CLASSIFY))
        assert plan.warnings == (
            "signature 'other': TensorFlow Serving answers tensorflow/serving/classify requests "
            "only with an input 'inputs' and an output 'classes' or 'scores', and no more than "
            "these.",
        )

    def test_keys_that_a_rename_takes_away(self, fixture_model: ModelFactory) -> None:
        plan = sigpb.plan(
            fixture_model("tf1_shared"),
            parse_text('signature { key: "regress" output { key: "outputs" rename_to: "value" } }'),
        )
        assert plan.warnings == (
            "signature 'regress': TensorFlow Serving answers tensorflow/serving/regress requests "
            "only with an input 'inputs' and an output 'outputs', and no more than these.",
        )

    @pytest.mark.parametrize(
        ("endpoints", "said"),
        [
            ('input { key: "t" rename_to: "inputs" }', "the input takes float32, not string."),
            ('input { key: "t" rename_to: "inputs" dtype: "string" }', None),
        ],
    )
    def test_dtypes_that_the_method_needs(
        self, endpoints: str, said: str | None, fixture_model: ModelFactory
    ) -> None:
        patch = f"""
            signature {{
                key: "single" method_name: "tensorflow/serving/regress" {endpoints}
                output {{ key: "u" rename_to: "outputs" }}
            }}
        """
        plan = sigpb.plan(fixture_model("tf2_linear"), parse_text(patch))
        found = [each for each in plan.warnings if "signature 'single', input 'inputs'" in each]
        assert [each.endswith(said or "") for each in found] == ([True] if said else [])

    def test_a_method_that_there_is_not(self, fixture_model: ModelFactory) -> None:
        patch = parse_text('signature { key: "single" method_name: "predict" }')
        (warning,) = sigpb.plan(fixture_model("tf2_linear"), patch).warnings
        assert warning.startswith("signature 'single': The method name is 'predict'; TensorFlow")
        assert "refuse requests" in warning

    def test_no_warning_once_the_keys_are_there(self, fixture_model: ModelFactory) -> None:
        plan = sigpb.plan(
            fixture_model("tf2_linear"),
            parse_text(
                """
                signature {
                    key: "single"
                    method_name: "tensorflow/serving/classify"
                    input { key: "t" rename_to: "inputs" dtype: "string" }
                    output { key: "u" rename_to: "scores" }
                }
                """
            ),
        )
        assert plan.warnings == ()


@pytest.mark.tensorflow
def test_in_tensorflow(fixture_model: ModelFactory) -> None:
    patched = assert_values_follow(
        fixture_model("tf1_shared"),
        """
        signature { key: "serving_default" method_name: "" }
        signature { key: "classify" method_name: "my/own" input { key: "inputs" rename_to: "x" } }
        """,
    )
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, list(SERVE), str(patched))
    methods = {key: item.method_name for key, item in loaded.signature_def.items()}
    assert methods == {
        "serving_default": "",
        "classify": "my/own",
        "regress": "tensorflow/serving/regress",
    }
    assert set(model_runner.signature_keys_v2(patched, SERVE)) == set(methods)
