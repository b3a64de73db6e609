from __future__ import annotations

import pytest

from tests import model_runner
from tests.edits.in_tensorflow import SERVE, assert_values_follow
from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    apply,
    assert_twice_is_once,
    only_graph,
    refusal,
)
from tests.views import object_graph_view, outline, session_view

DROP = 'signature { key: "serving_default" output { key: "p" drop: true } }'


class TestChanged:
    def test_output_of_tf2(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = only_graph(model)
        after = apply(model, DROP)
        assert outline(after)["serving_default"] == "b, x -> s"
        for view in (session_view, object_graph_view):
            inputs, outputs = view(before)["serving_default"]
            assert view(after)["serving_default"] == (inputs, {"s": outputs["s"]})

    def test_nothing_else(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        apply(model, DROP)
        after = (model / MAIN).read_bytes()
        wrapper = "__inference_signature_wrapper_sigpb_138"
        assert changed_parts(before, after) == {
            "signature_def[serving_default]",
            "graph_def.library.function[8]",
            "object_graph_def.nodes[4]",
            f"object_graph_def.concrete_functions[{wrapper}]",
        }

    def test_output_of_tf1(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        before = (model / MAIN).read_bytes()
        after = apply(model, 'signature { key: "classify" output { key: "scores" drop: true } }')
        assert outline(after)["classify"] == "inputs -> classes"
        changed = changed_parts(before, (model / MAIN).read_bytes())
        assert changed == {"signature_def[classify]"}

    def test_room_for_another(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_many"),
            """
            signature {
                key: "serving_default"
                output { key: "k" drop: true }
                output { key: "z" rename_to: "k" }
            }
            """,
        )
        assert object_graph_view(after)["serving_default"][1] == {
            "k": ("__inference_signature_wrapper_mix_75", (2,)),
            "m": ("__inference_signature_wrapper_mix_75", (1,)),
        }

    def test_one_after_the_other(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_many")
        apply(model, 'signature { key: "serving_default" output { key: "k" drop: true } }')
        after = apply(model, 'signature { key: "serving_default" output { key: "m" drop: true } }')
        assert object_graph_view(after)["serving_default"][1] == {
            "z": ("__inference_signature_wrapper_mix_75", (2,))
        }


class TestUnchanged:
    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), DROP)


class TestRefused:
    def test_the_last_output(self, fixture_model: ModelFactory) -> None:
        both = """
            signature {
                key: "serving_default"
                output { key: "p" drop: true }
                output { key: "s" drop: true }
            }
            """
        for model, patch, key in (
            ("tf2_linear", both, "serving_default"),
            ("tf2_linear", 'signature { key: "single" output { key: "u" drop: true } }', "single"),
            (
                "tf1_shared",
                'signature { key: "regress" output { key: "outputs" drop: true } }',
                "regress",
            ),
        ):
            assert refusal(fixture_model(model), patch) == (
                f"signature '{key}': its last output cannot be dropped; "
                "delete the signature instead."
            )

    def test_unknown_key(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(
                fixture_model("tf2_linear"),
                'signature { key: "serving_default" output { key: "q" drop: true } }',
            )
            == "signature 'serving_default' has no output 'q'; there are 'p', 's'."
        )

    def test_together_with_a_new_key(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_linear"),
            'signature { key: "other" output { key: "q" drop: true rename_to: "p" } }',
        ) == ("signature 'other': output 'q' is both dropped and renamed.")


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_outputs_of_tf2(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_many"),
            """
            signature {
                key: "serving_default"
                input { key: "d" rename_to: "0" }
                output { key: "k" drop: true }
                output { key: "z" rename_to: "a" }
            }
            """,
        )

    def test_outputs_of_a_shared_function(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_shared"),
            """
            signature { key: "alias" output { key: "p" drop: true } }
            signature { key: "twin" output { key: "s" drop: true } }
            """,
        )

    def test_side_effects_stay(self, fixture_model: ModelFactory) -> None:
        patched = assert_values_follow(
            fixture_model("tf2_stateful"),
            'signature { key: "add" output { key: "after" drop: true } }',
        )
        import tensorflow as tf

        loaded = model_runner.load_v2(patched, SERVE)
        delta = tf.constant(10, tf.int64)
        counts = [loaded.signatures["add"](delta=delta)["before"].numpy() for _ in range(3)]
        assert counts == [5, 15, 25]

    def test_outputs_of_tf1(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf1_shared"),
            """
            signature {
                key: "serving_default"
                output { key: "difference" drop: true }
                output { key: "sum" rename_to: "difference" }
            }
            signature { key: "classify" output { key: "classes" drop: true } }
            """,
        )
