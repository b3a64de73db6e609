"""Which tensor a name means, and which tensors nothing can return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from tests.edits.before_after import types_of
from tests.edits.built_models import Signature, function_model, patched, results, session_model
from tests.patches import ModelFactory, apply, assert_twice_is_once, only_graph, refusal


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


def added(tensor: str, more: str = "") -> str:
    return f'output {{ key: "a" from_tensor: "{tensor}" {more} }}'


class TestOutputsOfCalls:
    """The names that `show` prints for the outputs of a TF2 model."""

    def test_mean_the_results_of_the_function(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        before = only_graph(model).signature_def["serving_default"].outputs
        tensor = before["scores"].name
        assert tensor.startswith("StatefulPartitionedCall")
        after = apply(model, serving(added(tensor)))
        outputs = after.signature_def["serving_default"].outputs
        assert outputs["a"] == outputs["scores"] == before["scores"]
        assert " -> a float32 [?,3], label int64 [?], scores float32 [?,3]" in types_of(after)

    def test_twice_is_once(self, fixture_model: ModelFactory) -> None:
        for tensor in ("StatefulPartitionedCall:1", "StatefulPartitionedCall"):
            assert_twice_is_once(fixture_model("tf2_image"), serving(added(tensor)))

    def test_that_there_are_not(self, fixture_model: ModelFactory) -> None:
        problem = refusal(fixture_model("tf2_image"), serving(added("StatefulPartitionedCall:7")))
        assert problem == (
            "signature 'serving_default': output 'a' cannot be added: the outputs of "
            "'StatefulPartitionedCall' are 0 to 1, not 7."
        )

    def test_inputs_are_outside_of_the_function(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        tensor = only_graph(model).signature_def["serving_default"].inputs["x"].name
        assert refusal(model, serving(added(tensor))) == (
            f"signature 'serving_default': output 'a' cannot be added: '{tensor}' is outside of "
            "the function that tf.saved_model.load calls; name a tensor inside of it."
        )


class TestExchanged:
    def test_all_outputs_for_one_that_is_added(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_image"),
            serving(
                'output { key: "label" drop: true } output { key: "scores" drop: true }'
                + added("pool/Mean:0")
            ),
        )
        assert types_of(after).endswith(" -> a float32 [?,2]")

    def test_nothing_is_left(self, fixture_model: ModelFactory) -> None:
        problem = refusal(
            fixture_model("tf2_image"),
            serving('output { key: "label" drop: true } output { key: "scores" drop: true }'),
        )
        assert "its last output cannot be dropped" in problem


def twelve(x: Any) -> tuple[Any, ...]:
    return tuple(x * 2.0 + float(i) for i in range(12))


@pytest.mark.tensorflow
class TestInTensorFlow:
    @pytest.mark.parametrize(
        "more",
        [
            "",
            'input { key: "x" rename_to: "y" }',
            'output { key: "output_10" dtype: "int64" }',
            'output { key: "output_10" drop: true }',
            'batch_size: "?"',
        ],
    )
    def test_a_result_whose_number_differs_inside(self, tmp_path: Path, more: str) -> None:
        """The results of the outer function are sorted by key, 0, 1, 10, 11, 2; inside not."""
        model = function_model(tmp_path, twelve, x=[1, 2])
        tensor = only_graph(model).signature_def["serving_default"].outputs["output_10"].name
        after = patched(model, added(tensor) + more)
        key = "y" if "rename_to" in more else "x"
        for outputs in results(after, {key: np.array([[1, 2]], "float32")}):
            assert outputs["a"] == [[12, 14]]
            assert outputs["output_2"] == [[4, 6]]

    def test_a_result_after_other_patches(self, tmp_path: Path) -> None:
        model = function_model(tmp_path, twelve, x=[None])
        tensor = only_graph(model).signature_def["serving_default"].outputs["output_10"].name
        other = only_graph(model).signature_def["serving_default"].outputs["output_1"].name
        steps = (
            'input { key: "x" dtype: "int64" } output { key: "output_10" rename_to: "ten" }',
            f'output {{ key: "b" from_tensor: "{other}" }}',
            added(tensor),
        )
        for number, step in enumerate(steps):
            model = patched(model, step).rename(tmp_path / f"step{number}")
        for outputs in results(model, {"x": np.array([1])}):
            assert (outputs["a"], outputs["ten"], outputs["b"]) == ([12], [12], outputs["output_1"])

    def test_all_outputs_for_one_that_is_added(self, tmp_path: Path) -> None:
        def function(x: Any) -> dict[str, Any]:
            import tensorflow as tf

            return {"y": tf.square(x, name="inner") + 1.0}

        model = function_model(tmp_path, function, x=[None])
        after = patched(model, 'output { key: "y" drop: true }' + added("inner:0"))
        for outputs in results(after, {"x": np.array([3], "float32")}):
            assert outputs == {"a": [9]}

    def test_all_outputs_of_a_graph(self, tmp_path: Path) -> None:
        def build(v1: Any) -> Signature:
            x = v1.placeholder("float32", [None], name="x")
            return {"x": x}, {"y": v1.square(x, name="inner") + 1.0}

        model = session_model(tmp_path, build)
        after = patched(
            model,
            'input { key: "x" dtype: "int8" } output { key: "y" drop: true }' + added("inner:0"),
        )
        for outputs in results(after, {"x": np.array([3], "int8")}):
            assert outputs == {"a": [9]}

    @pytest.mark.parametrize(
        ("tensor", "inside"),
        [
            ("loop/double:0", "a loop, which only the outputs of Exit nodes leave"),
            ("loop/Merge:0", "a loop, which only the outputs of Exit nodes leave"),
            ("branch/plus:0", "a branch, which only the outputs of Merge nodes leave"),
            ("branch/Switch:0", "a branch, which only the outputs of Merge nodes leave"),
        ],
    )
    def test_loops_and_branches_of_old_graphs(
        self, tmp_path: Path, tensor: str, inside: str
    ) -> None:
        def build(v1: Any) -> Signature:
            x, q = v1.placeholder("float32", [None], name="x"), v1.placeholder("bool", [], name="q")
            _, y = v1.while_loop(
                lambda i, _: i < 3,
                lambda i, a: (i + 1, v1.multiply(a, 2.0, name="double")),
                (0, x),
                name="loop",
            )
            c = v1.cond(q, lambda: v1.add(x, 1.0, name="plus"), lambda: x * 3.0, name="branch")
            return {"x": x, "q": q}, {"y": y, "c": c}

        model = session_model(tmp_path, build, old_control_flow=True)
        with pytest.raises(sigpb.PatchError) as caught:
            patched(model, added(tensor))
        assert caught.value.problems == (
            f"signature 'serving_default': output 'a' cannot be added: '{tensor}' is inside of "
            f"{inside}.",
        )
        after = patched(
            model, added("loop/Exit_1:0") + 'output { key: "b" from_tensor: "branch/Merge:0" }'
        )
        for outputs in results(after, {"x": np.array([1], "float32"), "q": np.array(True)}):
            assert outputs == {"y": [8], "c": [2], "a": [8], "b": [2]}
