from __future__ import annotations

import pytest

from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    refusal,
    refusals,
)
from tests.views import object_graph_view, outline, session_view

REVERSE_ALL = """
    signature {
        key: "serving_default"
        input { key: "x" rename_to: "image" }
        input { key: "b" rename_to: "z/bias" }
        output { key: "p" rename_to: "z" }
        output { key: "s" rename_to: "a score" }
    }
    """


class TestChanged:
    def test_inputs_and_outputs_of_tf2(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = only_graph(model)
        after = apply(model, REVERSE_ALL)
        assert outline(before) == {
            "serving_default": "b, x -> p, s",
            "other": "x, y -> q, r",
            "single": "t -> u",
        }
        assert outline(after) == {
            "serving_default": "image, z/bias -> a score, z",
            "other": "x, y -> q, r",
            "single": "t -> u",
        }
        assert session_view(after)["serving_default"] == (
            {"image": ("serving_default_x:0",), "z/bias": ("serving_default_b:0",)},
            {"z": ("StatefulPartitionedCall_1:0",), "a score": ("StatefulPartitionedCall_1:1",)},
        )
        function = "__inference_signature_wrapper_linear_37"
        assert object_graph_view(after)["serving_default"] == (
            {"image": (function, (1,)), "z/bias": (function, (0,))},
            {"z": (function, (0,)), "a score": (function, (1,))},
        )

    def test_inputs_and_outputs_of_tf1(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        after = apply(
            model,
            """
            signature {
                key: "serving_default"
                input { key: "x" rename_to: "y" }
                input { key: "y" rename_to: "x" }
                input { key: "scale" rename_to: "zoom" }
                output { key: "sum" rename_to: "a" }
            }
            """,
        )
        signature = after.signature_def["serving_default"]
        assert {key: info.name for key, info in signature.inputs.items()} == {
            "x": "y:0",
            "y": "x:0",
            "zoom": "scale:0",
        }
        assert {key: info.name for key, info in signature.outputs.items()} == {
            "a": "sum_1:0",
            "difference": "difference:0",
        }
        assert list(signature.defaults) == ["zoom"]
        assert outline(after)["classify"] == "inputs -> classes, scores"

    def test_nothing_but_what_is_named(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        before = (model / MAIN).read_bytes()
        apply(
            model,
            """
            signature {
                key: "classify"
                input { key: "inputs" rename_to: "zz" }
                output { key: "scores" rename_to: "a" }
            }
            """,
        )
        changed = changed_parts(before, (model / MAIN).read_bytes())
        assert changed == {"signature_def[classify]"}

    def test_keys_that_no_exporter_would_take(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "other"
                input { key: "x" rename_to: "peptides_in:0" }
                input { key: "y" rename_to: "0 ä" }
                output { key: "q" rename_to: "class" }
                output { key: "r" rename_to: "=" }
            }
            """,
        )
        assert outline(after)["other"] == "0 ä, peptides_in:0 -> =, class"

    def test_sparse_and_composite_endpoints(self, fixture_model: ModelFactory) -> None:
        sparse = apply(
            fixture_model("tf1_sparse"),
            """
            signature {
                key: "serving_default"
                input { key: "s" rename_to: "c" }
                output { key: "doubled" rename_to: "z" }
            }
            """,
        )
        composite = apply(
            fixture_model("tf1_composite"),
            'signature { key: "serving_default" output { key: "doubled" rename_to: "z" } }',
        )
        assert outline(sparse) == {"serving_default": "c, d -> dense, z"}
        coo_sparse = sparse.signature_def["serving_default"].inputs["c"].coo_sparse
        assert coo_sparse.values_tensor_name == "s/values:0"
        assert outline(composite) == {"serving_default": "d, r -> sums, z"}


class TestUnchanged:
    def test_keys_that_stay(self, fixture_model: ModelFactory) -> None:
        assert_unchanged(
            fixture_model("tf2_linear"),
            'signature { key: "other" input { key: "x" rename_to: "x" } output { key: "q" } }',
        )

    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        assert_twice_is_once(model, REVERSE_ALL)

    def test_keys_that_are_renamed_already(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, 'signature { key: "classify" input { key: "inputs" rename_to: "text" } }')
        apply(model, 'signature { key: "classify" output { key: "scores" rename_to: "p" } }')
        assert_unchanged(
            model, 'signature { key: "classify" input { key: "inputs" rename_to: "text" } }'
        )

    def test_a_swap_that_was_made(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                input { key: "x" rename_to: "b" }
                input { key: "b" rename_to: "x" }
            }
            """,
        )


class TestRefused:
    def test_unknown_keys(self, fixture_model: ModelFactory) -> None:
        assert refusals(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                input { key: "X" rename_to: "a" }
                output { key: "logits" rename_to: "scores" }
            }
            """,
        ) == (
            "signature 'serving_default' has no input 'X'; did you mean 'x'? There are 'b', 'x'.",
            "signature 'serving_default' has no output 'logits'; there are 'p', 's'.",
        )
        assert refusal(
            fixture_model("tf1_shared"),
            'signature { key: "serving_default" output { key: "diference" rename_to: "d" } }',
        ) == (
            "signature 'serving_default' has no output 'diference'; did you mean 'difference'? "
            "There are 'difference', 'sum'."
        )

    @pytest.mark.parametrize(("side", "old", "new"), [("input", "x", "b"), ("output", "p", "s")])
    def test_a_key_that_exists(
        self, fixture_model: ModelFactory, side: str, old: str, new: str
    ) -> None:
        assert refusal(
            fixture_model("tf2_linear"),
            f'signature {{ key: "serving_default" {side} {{ key: "{old}" rename_to: "{new}" }} }}',
        ) == (
            f"signature 'serving_default': two {side}s would have the key '{new}'; give one of "
            "them another key."
        )

    def test_two_to_one(self, fixture_model: ModelFactory) -> None:
        both = """
            signature {
                key: "serving_default"
                input { key: "x" rename_to: "image" }
                input { key: "y" rename_to: "image" }
            }
            """
        problem = refusal(fixture_model("tf1_shared"), both)
        assert problem.startswith("signature 'serving_default': ")
        assert "two inputs" in problem
        assert "'image'" in problem

    def test_two_to_one_that_exists(self, fixture_model: ModelFactory) -> None:
        """Neither of them can be taken for the one that was renamed already."""
        both = """
            signature {
                key: "serving_default"
                output { key: "first" rename_to: "sum" }
                output { key: "second" rename_to: "sum" }
            }
            """
        assert "'sum'" in refusal(fixture_model("tf1_shared"), both)

    def test_an_empty_key(self, fixture_model: ModelFactory) -> None:
        assert refusals(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                input { key: "x" rename_to: "" }
                output { key: "p" rename_to: "" }
            }
            """,
        ) == (
            "signature 'serving_default': an input cannot have an empty key.",
            "signature 'serving_default': an output cannot have an empty key.",
        )

    @pytest.mark.parametrize(
        ("key", "argument"),
        [("class", "class"), ("None", "None"), ("self", "self"), ("x²", "x²"), ("①", "arg_①")],
    )
    def test_an_input_that_python_cannot_pass(
        self, fixture_model: ModelFactory, key: str, argument: str
    ) -> None:
        assert refusal(
            fixture_model("tf2_linear"),
            f'signature {{ key: "single" input {{ key: "t" rename_to: "{key}" }} }}',
        ) == (
            f"signature 'single': tf.saved_model.load cannot take an input '{key}', because no "
            f"Python argument can have the name '{argument}'; choose another key."
        )

    def test_inputs_that_python_cannot_tell_apart(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                input { key: "x" rename_to: "in:0" }
                input { key: "b" rename_to: "in/0" }
            }
            """,
        ) == (
            "signature 'serving_default': tf.saved_model.load would give the inputs 'in/0' and "
            "'in:0' the same argument name, 'in_0'; choose keys that differ in letters or digits."
        )
