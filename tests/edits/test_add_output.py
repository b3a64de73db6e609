from __future__ import annotations

import numpy as np
import pytest

from tests import model_runner
from tests.edits.before_after import planned, types_of
from tests.edits.in_tensorflow import SERVE, assert_fingerprinted, assert_values_are_converted
from tests.model_runner import Array
from tests.patches import (
    ModelFactory,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    refusal,
)

POOLED = 'output { key: "pooled" from_tensor: "pool/Mean:0" }'


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


class TestChanged:
    def test_tensor_of_a_function(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        before = only_graph(model)
        assert planned(model, serving(POOLED)) == [
            "output 'pooled' added from tensor 'pool/Mean:0'"
        ]
        after = apply(model, serving(POOLED))
        assert types_of(before) == (
            "training bool [], x float32 [?,4] -> label int64 [?], scores float32 [?,3]"
        )
        assert types_of(after) == (
            "training bool [], x float32 [?,4] -> "
            "label int64 [?], pooled float32 [?,2], scores float32 [?,3]"
        )

    def test_tensor_of_a_graph(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        before = only_graph(model)
        after = apply(model, serving('output { key: "scores" from_tensor: "scores:0" }'))
        signature = after.signature_def["serving_default"]
        assert signature.outputs["scores"].name == "scores:0"
        assert types_of(after).endswith(
            "-> difference float32 [?,3], scores float32 [?,3], sum float32 [?,3]"
        )
        assert after.graph_def.node == before.graph_def.node

    def test_dtype_and_shape(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        patch = serving(
            'output { key: "a" from_tensor: "pool/Mean:0" dtype: "float64" shape: "[?,1,2]" }'
        )
        assert planned(model, patch) == [
            "output 'a' added from tensor 'pool/Mean:0' as float64 [?,1,2]"
        ]
        assert " -> a float64 [?,1,2], label" in types_of(apply(model, patch))

    def test_first_output_without_a_number(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_linear"), serving('output { key: "a" from_tensor: "mul" }')
        )
        assert " -> a float32 [?,3], p " in types_of(after)

    def test_an_output_that_is_dropped_under_another_key(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf1_shared"),
            """
            signature {
                key: "serving_default"
                output { key: "sum" drop: true }
                output { key: "total" from_tensor: "sum_1:0" }
            }
            """,
        )
        assert types_of(after).endswith("-> difference float32 [?,3], total float32 [?,3]")

    def test_functions_stay(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        before = only_graph(model).graph_def.library.function
        after = apply(model, serving(POOLED)).graph_def.library.function
        functions = {function.signature.name: function for function in after}
        assert all(functions[function.signature.name] == function for function in before)


class TestUnchanged:
    @pytest.mark.parametrize(
        ("name", "endpoint"),
        [
            ("tf2_image", POOLED),
            ("tf2_image", 'output { key: "a" from_tensor: "pool/Mean:0" dtype: "float64" }'),
            ("tf1_shared", 'output { key: "w" from_tensor: "scores:0" }'),
            ("tf1_shared", 'output { key: "w" from_tensor: "scores:0" shape: "[?,3,1]" }'),
            ("tf1_shared", 'output { key: "w" from_tensor: "scores" }'),
        ],
    )
    def test_the_same_patch_again(
        self, fixture_model: ModelFactory, name: str, endpoint: str
    ) -> None:
        assert_twice_is_once(fixture_model(name), serving(endpoint))

    def test_an_output_that_is_there(self, fixture_model: ModelFactory) -> None:
        for tensor in ("sum_1:0", "sum_1"):
            assert_unchanged(
                fixture_model("tf1_shared"),
                serving(f'output {{ key: "sum" from_tensor: "{tensor}" }}'),
            )


class TestRefused:
    def test_a_tensor_that_is_not_there(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_image"), serving('output { key: "a" from_tensor: "pool/Man:0" }')
        ).startswith(
            "signature 'serving_default': output 'a' cannot be added: the signature computes no "
            "tensor 'pool/Man:0'; did you mean 'pool/Mean'? There are "
        )

    def test_a_tensor_of_another_signature(self, fixture_model: ModelFactory) -> None:
        problem = refusal(
            fixture_model("tf2_image"),
            'signature { key: "echo" output { key: "a" from_tensor: "pool/Mean:0" } }',
        )
        assert "the signature computes no tensor 'pool/Mean:0'" in problem

    def test_a_tensor_that_needs_another_input(self, fixture_model: ModelFactory) -> None:
        """`regress` feeds `y`, and `scores` is computed from `x`."""
        problem = refusal(
            fixture_model("tf1_shared"),
            'signature { key: "regress" output { key: "a" from_tensor: "scores:0" } }',
        )
        assert problem.startswith("signature 'regress': output 'a' cannot be added: ")
        assert "'x'" in problem

    def test_an_output_that_the_node_does_not_have(self, fixture_model: ModelFactory) -> None:
        problem = refusal(
            fixture_model("tf1_shared"), serving('output { key: "a" from_tensor: "scores:1" }')
        )
        assert problem.startswith("signature 'serving_default': output 'a' cannot be added: ")

    @pytest.mark.parametrize("tensor", ["w:0", "class_names:0"])
    def test_a_handle(self, fixture_model: ModelFactory, tensor: str) -> None:
        problem = refusal(
            fixture_model("tf1_shared"), serving(f'output {{ key: "a" from_tensor: "{tensor}" }}')
        )
        assert problem.startswith("signature 'serving_default': output 'a' cannot be added: ")
        assert "resource" in problem

    def test_a_key_that_is_taken(self, fixture_model: ModelFactory) -> None:
        for name, tensor, key in (("tf2_linear", "mul:0", "p"), ("tf1_shared", "scores:0", "sum")):
            assert refusal(
                fixture_model(name),
                serving(f'output {{ key: "{key}" from_tensor: "{tensor}" }}'),
            ) == (
                f"signature 'serving_default': two outputs would have the key '{key}'; give one "
                "of them another key."
            )

    def test_a_type_that_it_cannot_have(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_image"),
            serving('output { key: "a" from_tensor: "pool/Mean:0" dtype: "variant" }'),
        ) == (
            "signature 'serving_default': output 'a': A dtype of variant cannot be converted: it "
            "is a handle, not numbers; leave this dtype as it is."
        )
        assert refusal(
            fixture_model("tf2_image"),
            serving('output { key: "a" from_tensor: "pool/Mean:0" shape: "[?,3]" }'),
        ).startswith("signature 'serving_default': output 'a': [?,2] has 2 elements for each ?")

    def test_with_another_key(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_image"),
            serving('output { key: "a" from_tensor: "pool/Mean:0" rename_to: "b" }'),
        ) == (
            "signature 'serving_default': output 'a' is added, so it cannot be renamed; add it "
            "with the key that you want."
        )


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_tensors_of_a_function(self, fixture_model: ModelFactory) -> None:
        model = assert_values_are_converted(
            fixture_model("tf2_linear"),
            serving(
                """
                input { key: "x" rename_to: "zz" }
                output { key: "a" from_tensor: "mul:0" }
                output { key: "pp" from_tensor: "add:0" dtype: "int64" }
                output { key: "w" from_tensor: "add_1/ReadVariableOp:0" }
                output { key: "p" rename_to: "z" }
                """
            ),
        )
        rows: Array = np.arange(6).reshape(2, 3).astype(np.float32)
        saved = model_runner.resave(model, SERVE, model.with_name("saved"))
        for run, directory in (
            (model_runner.run_v1, model),
            (model_runner.run_v2, model),
            (model_runner.run_v2, saved),
        ):
            fed = {"serving_default": {"zz": rows, "b": 10 * rows}}
            model_runner.assert_equal(
                {
                    "serving_default": {
                        "a": 2 * rows,
                        "pp": (12 * rows).astype(np.int64),
                        "s": -29 * rows + np.array([100, 200, 300], np.float32),
                        "w": np.array([10, 20, 30], np.float32),
                        "z": 12 * rows + np.array([10, 20, 30], np.float32),
                    }
                },
                run(directory, SERVE, fed),
            )

    def test_tensor_of_a_nested_function(self, fixture_model: ModelFactory) -> None:
        model = assert_values_are_converted(
            fixture_model("tf2_image"),
            serving(
                """
                input { key: "x" dtype: "uint8" shape: "[?,2,2]" rename_to: "zz" }
                input { key: "training" bind: "false" }
                output { key: "pooled" from_tensor: "pool/Mean:0" dtype: "string" shape: "[?,2,1]" }
                """
            ),
        )
        images: Array = np.array([[[1, 2], [3, 6]]], np.uint8)
        for run in (model_runner.run_v1, model_runner.run_v2):
            results = run(model, SERVE, {"serving_default": {"zz": images}})["serving_default"]
            assert not isinstance(results, str), results
            assert results["pooled"].tolist() == [[[b"1.500000"], [b"4.500000"]]]

    def test_tensors_of_a_graph(self, fixture_model: ModelFactory) -> None:
        model = assert_values_are_converted(
            fixture_model("tf1_shared"),
            """
            signature {
                key: "serving_default"
                input { key: "x" dtype: "int32" }
                output { key: "a" from_tensor: "scores:0" dtype: "int64" }
                output { key: "fed" from_tensor: "x:0" }
            }
            signature { key: "classify" output { key: "w" from_tensor: "scores:0" } }
            """,
        )
        rows: Array = np.arange(6).reshape(2, 3)
        for run in (model_runner.run_v1, model_runner.run_v2):
            fed = {"x": rows.astype(np.int32), "y": rows.astype(np.float32), "scale": np.float32(1)}
            results = run(model, SERVE, {"serving_default": fed})["serving_default"]
            assert not isinstance(results, str), results
            assert results["a"].tolist() == (5 * rows + [10, 20, 30]).tolist()
            assert results["fed"].tolist() == rows.tolist()
            assert str(results["fed"].dtype) == "float32"

    def test_in_a_graph_with_loops(self, fixture_model: ModelFactory) -> None:
        model = assert_values_are_converted(
            fixture_model("tf1_interior"),
            """
            signature { key: "from_examples" output { key: "h" from_tensor: "h:0" } }
            signature {
                key: "serving_default"
                input { key: "x" dtype: "int64" }
                output { key: "h" from_tensor: "h:0" dtype: "int32" }
            }
            """,
        )
        for run in (model_runner.run_v1, model_runner.run_v2):
            fed = {"serving_default": {"x": np.array([[1, 7]])}}
            results = run(model, SERVE, fed)["serving_default"]
            assert not isinstance(results, str), results
            assert results["h"].tolist() == [[202, 414]]

    def test_a_counter_counts_once(self, fixture_model: ModelFactory) -> None:
        model = assert_values_are_converted(
            fixture_model("tf2_stateful"),
            'signature { key: "add" output { key: "was" from_tensor: "Read/ReadVariableOp:0" } }',
        )
        import tensorflow as tf

        delta = tf.constant(10, tf.int64)
        signature = model_runner.load_v2(model, SERVE).signatures["add"]
        results = [signature(delta=delta) for _ in range(2)]
        assert [(r["was"].numpy(), r["after"].numpy()) for r in results] == [(5, 15), (15, 25)]

    def test_beside_an_open_batch(self, fixture_model: ModelFactory) -> None:
        for name, tensor in (("tf2_fixed_batch", "mul:0"), ("tf1_fixed_batch", "scaled:0")):
            model = assert_values_are_converted(
                fixture_model(name),
                serving(f'batch_size: "?" output {{ key: "a" from_tensor: "{tensor}" }}'),
            )
            assert " -> a float32 [?,2,2], " in types_of(only_graph(model))
            rows: Array = np.arange(12).reshape(3, 4).astype(np.float32)
            scaled = rows.reshape(3, 2, 2) * np.array([[2, 3], [5, 7]], np.float32)
            for run in (model_runner.run_v1, model_runner.run_v2):
                results = run(model, SERVE, {"serving_default": {"x": rows}})["serving_default"]
                assert not isinstance(results, str), results
                assert results["a"].tolist() == scaled.tolist()

    def test_again(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        for endpoints in (
            'output { key: "a" from_tensor: "mul:0" } input { key: "x" dtype: "uint8" }',
            'output { key: "a" dtype: "int32" rename_to: "zz" }',
            'output { key: "more" from_tensor: "mul_1:0" }',
            'output { key: "zz" drop: true } input { key: "x" rename_to: "a" }',
        ):
            model = assert_values_are_converted(model, serving(endpoints))

    @pytest.mark.parametrize(
        ("name", "tensor"), [("tf2_linear", "mul:0"), ("tf1_shared", "difference:0")]
    )
    def test_after_a_change_of_type(
        self, fixture_model: ModelFactory, name: str, tensor: str
    ) -> None:
        """Session clients feed a placeholder now on which copies of nodes depend."""
        model = fixture_model(name)
        for endpoints in (
            'input { key: "x" dtype: "uint8" }',
            f'output {{ key: "a" from_tensor: "{tensor}" }}',
        ):
            model = assert_values_are_converted(model, serving(endpoints))

    @pytest.mark.parametrize(
        ("name", "endpoint"),
        [
            ("tf2_image", POOLED),
            ("tf1_shared", 'output { key: "a" from_tensor: "scores:0" dtype: "int64" }'),
        ],
    )
    def test_fingerprint(self, fixture_model: ModelFactory, name: str, endpoint: str) -> None:
        assert_fingerprinted(fixture_model(name), serving(endpoint))
