from __future__ import annotations

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.tf.tensor_types import parse_shape, shape_proto
from tests.edits.before_after import planned, types_of
from tests.edits.in_tensorflow import (
    assert_each_row_alone,
    assert_fingerprinted,
    assert_values_are_converted,
)
from tests.patches import (
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    read,
    refusal,
)

OPEN = 'signature { key: "serving_default" batch_size: "?" }'
THREE = 'signature { key: "serving_default" batch_size: "3" }'


def without_argument_shapes(meta_graph: protos.MetaGraphDef) -> None:
    for function in meta_graph.graph_def.library.function:
        function.ClearField("arg_attr")
        function.attr.pop("_input_shapes", None)


def serving(changes: str) -> str:
    return f'signature {{ key: "serving_default" {changes} }}'


class TestChanged:
    def test_open_in_tf2(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_fixed_batch")
        before = only_graph(model)
        after = apply(model, OPEN)
        assert types_of(before) == "x float32 [1,4] -> total float32 [], y float32 [1,2]"
        assert types_of(after) == "x float32 [?,4] -> total float32 [], y float32 [?,2]"
        assert types_of(after, "class_token") == "x float32 [1,4] -> tokens float32 [1,8]"

    def test_open_in_tf1(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_fixed_batch")
        before = only_graph(model)
        after = apply(model, OPEN)
        assert types_of(before) == "x float32 [1,4] -> image float32 [1,2,2], y float32 [1,2]"
        assert types_of(after) == "x float32 [?,4] -> image float32 [?,2,2], y float32 [?,2]"

    def test_functions_that_state_no_shapes(self, fixture_model: ModelFactory) -> None:
        """As TensorFlow 1.15 to 2.2 wrote them."""
        after = apply(altered(fixture_model("tf2_fixed_batch"), without_argument_shapes), OPEN)
        assert types_of(after) == "x float32 [?,4] -> total float32 [], y float32 [?,2]"

    def test_beside_an_input_that_is_open(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = types_of(only_graph(model))
        apply(model, serving('input { key: "b" shape: "[1,3]" }'))
        assert planned(model, OPEN) == ["batch size 1 → ? (input 'b')"]
        assert types_of(apply(model, OPEN)) == before

    def test_outputs_that_stay_are_named(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_fixed_batch")
        assert sigpb.plan(model, parse_text(OPEN)).warnings == (
            "signature 'serving_default': output 'total' keeps the shape [] for every batch size: "
            "it is made of constants, or is one value for all examples.",
        )
        without = serving('batch_size: "?" output { key: "total" drop: true }')
        assert not sigpb.plan(model, parse_text(without)).warnings
        assert not sigpb.plan(fixture_model("tf2_linear"), parse_text(THREE)).warnings

    def test_nodes_and_functions_stay(self, fixture_model: ModelFactory) -> None:
        """Other signatures rely on the shapes that they state."""
        model = fixture_model("tf2_fixed_batch")
        before = only_graph(model).graph_def
        after = apply(model, OPEN).graph_def
        assert list(after.node)[: len(before.node)] == list(before.node)
        functions = {function.signature.name: function for function in after.library.function}
        assert all(functions[f.signature.name] == f for f in before.library.function)

    def test_fixed_in_tf2(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_linear"), THREE)
        assert types_of(after) == (
            "b float32 [3,3], x float32 [3,3] -> p float32 [3,3], s float32 [3,3]"
        )
        assert types_of(after, "single") == "t float32 [?,3] -> u float32 [?,3]"

    def test_fixed_in_tf1(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf1_shared"), THREE)
        assert types_of(after) == (
            "scale float32 [], x float32 [3,3], y float32 [3,3] -> "
            "difference float32 [3,3], sum float32 [3,3]"
        )
        assert types_of(after, "regress") == "inputs float32 [?,3] -> outputs float32 [?,1]"

    def test_fixed_beside_inputs_that_have_no_batch(self, fixture_model: ModelFactory) -> None:
        """`scale` and `offset` have a first dimension too, but it is not open."""
        model = fixture_model("tf2_defaults")
        two = serving('batch_size: "2"')
        edit = "batch size ? → 2 (input 'x'; not of input 'offset', 'scale')"
        assert planned(model, two) == [edit]
        assert types_of(apply(model, two)) == (
            "offset float32 [3], scale float32 [3], x float32 [2,3] -> "
            "y float32 [2,3], z float32 [3]"
        )
        assert_unchanged(model, two)

    def test_beside_the_type_of_an_input(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_fixed_batch")
        patch = serving('batch_size: "?" input { key: "x" dtype: "uint8" rename_to: "image" }')
        assert planned(model, patch) == [
            "batch size 1 → ? (input 'x')",
            "input 'x' float32 [1,4] → uint8 [1,4] (cast)",
            "input 'x' → 'image'",
        ]
        assert types_of(apply(model, patch)) == (
            "image uint8 [?,4] -> total float32 [], y float32 [?,2]"
        )

    def test_beside_the_shape_of_every_input(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_fixed_batch"),
            serving('batch_size: "?" input { key: "x" shape: "[?,2,2]" }'),
        )
        assert types_of(after) == "x float32 [?,2,2] -> total float32 [], y float32 [?,2]"

    def test_there_and_back(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = types_of(only_graph(model))
        apply(model, THREE)
        assert types_of(apply(model, OPEN)) == before


class TestUnchanged:
    @pytest.mark.parametrize("shape", ["[1]", "[2,3]"])
    def test_inputs_of_something_else(self, fixture_model: ModelFactory, shape: str) -> None:
        """A vector beside rows, or more rows than one, may be no batch."""

        def alter(meta_graph: protos.MetaGraphDef) -> None:
            info = meta_graph.signature_def["serving_default"].inputs["y"]
            info.tensor_shape.CopyFrom(shape_proto(parse_shape(shape)))

        assert_unchanged(altered(fixture_model("tf1_shared"), alter), OPEN)

    def test_what_it_is(self, fixture_model: ModelFactory) -> None:
        assert_unchanged(fixture_model("tf2_linear"), serving('batch_size: "None"'))
        assert_unchanged(fixture_model("tf2_fixed_batch"), serving('batch_size: "1"'))
        assert_unchanged(fixture_model("tf2_defaults"), serving('batch_size: "?"'))

    @pytest.mark.parametrize(
        "patch", [OPEN, serving('batch_size: "?" input { key: "x" dtype: "int8" }')]
    )
    @pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
    def test_open_again(self, fixture_model: ModelFactory, name: str, patch: str) -> None:
        assert_twice_is_once(fixture_model(name), patch)

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared", "tf2_defaults"])
    def test_fixed_again(self, fixture_model: ModelFactory, name: str) -> None:
        assert_twice_is_once(fixture_model(name), THREE)

    def test_fixed_again_after_another_patch(self, fixture_model: ModelFactory) -> None:
        """`scale` and `offset`, which have three elements, are not what the patch meant."""
        model = fixture_model("tf2_defaults")
        apply(model, serving('batch_size: "2"'))
        apply(model, serving('output { key: "y" dtype: "int64" }'))
        assert_unchanged(model, serving('batch_size: "2"'))

    def test_the_only_input_bound_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(
            fixture_model("tf2_image"),
            serving('batch_size: "3" input { key: "training" bind: "true" }'),
        )


class TestRefused:
    def test_a_graph_that_relies_on_one_row(self, fixture_model: ModelFactory) -> None:
        problem = refusal(
            fixture_model("tf2_fixed_batch"), 'signature { key: "class_token" batch_size: "?" }'
        )
        assert problem.startswith("signature 'class_token': ConcatV2 'concat' of function ")
        assert "'concat/values_0:output:0' of shape [1,4] is made for the batch size 1" in problem

    def test_another_fixed_size(self, fixture_model: ModelFactory) -> None:
        assert refusal(fixture_model("tf2_fixed_batch"), THREE) == (
            "signature 'serving_default' has the batch size 1, which the graph may rely on; a "
            'fixed batch size can only be made open: batch_size "?".'
        )

    def test_no_batch(self, fixture_model: ModelFactory) -> None:
        for key in ("get", "add"):
            assert refusal(
                fixture_model("tf2_stateful"), f'signature {{ key: "{key}" batch_size: "3" }}'
            ) == (
                f"signature '{key}' has no input that states a first dimension, so its batch size "
                "is unknown; state the shapes of its inputs."
            )

    @pytest.mark.parametrize("size", ["two", "[?]", "?,3", "", "<unknown>", "1.5"])
    def test_what_is_no_size(self, fixture_model: ModelFactory, size: str) -> None:
        assert refusal(fixture_model("tf2_linear"), serving(f'batch_size: "{size}"')) == (
            f"signature 'serving_default': {size!r} is not a batch size; give a number, or \"?\" "
            "for any."
        )

    def test_inputs_that_differ(self, fixture_model: ModelFactory) -> None:
        def alter(meta_graph: protos.MetaGraphDef) -> None:
            inputs = meta_graph.signature_def["serving_default"].inputs
            inputs["x"].tensor_shape.dim[0].size = 2
            inputs["y"].tensor_shape.dim[0].size = 4

        assert refusal(altered(fixture_model("tf1_shared"), alter), OPEN) == (
            "signature 'serving_default' has inputs with different first dimensions: 'x' has 2, "
            "'y' has 4. State the shape of the inputs that have the batch size."
        )

    def test_an_input_that_is_left_is_named(self, fixture_model: ModelFactory) -> None:
        def alter(meta_graph: protos.MetaGraphDef) -> None:
            inputs = meta_graph.signature_def["serving_default"].inputs
            inputs["x"].tensor_shape.dim[0].size = 2

        plan = sigpb.plan(altered(fixture_model("tf1_shared"), alter), parse_text(THREE))
        assert "signature 'serving_default': batch size ? → 3 (input 'y'; not of input 'x')" in str(
            plan
        )

    def test_a_shape_that_contradicts_it(self, fixture_model: ModelFactory) -> None:
        stated = serving('batch_size: "?" output { key: "y" shape: "[1,2]" }')
        problem = (
            "signature 'serving_default': 'y' would be of the shape [?,2], because the batch size "
            "of the patch is another one, and not [1,2] as the patch states too."
        )
        assert refusal(fixture_model("tf2_fixed_batch"), stated) == problem
        with pytest.raises(sigpb.PatchError, match="and not \\[1,2\\] as the patch states too"):
            sigpb.plan(fixture_model("tf2_fixed_batch"), parse_text(stated))
        agreeing = serving('batch_size: "?" output { key: "y" shape: "[?,2]" }')
        after = apply(fixture_model("tf2_fixed_batch"), agreeing)
        assert types_of(after) == "x float32 [?,4] -> total float32 [], y float32 [?,2]"

    def test_a_default_of_another_size(self, fixture_model: ModelFactory) -> None:
        problem = refusal(
            fixture_model("tf2_linear"),
            serving('batch_size: "3" input { key: "x" default: "[[1,2,3]]" }'),
        )
        assert "'[[1,2,3]]' has the shape [1,3], but [3,3] is wanted." in problem


@pytest.mark.tensorflow
class TestInTensorFlow:
    @pytest.mark.parametrize(
        "endpoints",
        [
            "",
            'input { key: "x" dtype: "uint8" } output { key: "y" dtype: "int64" }',
            'output { key: "y" shape: "[?,2,1]" }',
        ],
    )
    @pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
    def test_no_row_one_and_three(
        self, fixture_model: ModelFactory, name: str, endpoints: str
    ) -> None:
        assert_each_row_alone(
            fixture_model(name), serving('batch_size: "?"' + endpoints), whole={"total"}
        )

    def test_functions_that_state_no_shapes(self, fixture_model: ModelFactory) -> None:
        model = altered(fixture_model("tf2_fixed_batch"), without_argument_shapes)
        assert_each_row_alone(model, OPEN, whole={"total"})

    @pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
    def test_old_results(self, fixture_model: ModelFactory, name: str) -> None:
        assert_values_are_converted(
            fixture_model(name),
            serving(
                'batch_size: "?" '
                'input { key: "x" rename_to: "z" } output { key: "y" rename_to: "a" }'
            ),
        )

    @pytest.mark.parametrize(
        "name", ["tf2_linear", "tf2_image", "tf2_defaults", "tf1_shared", "tf1_interior"]
    )
    def test_fixed(self, fixture_model: ModelFactory, name: str) -> None:
        assert_values_are_converted(fixture_model(name), THREE)

    def test_fixed_and_everything_else(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                rename_to: "zz"
                batch_size: "3"
                input { key: "x" rename_to: "zz" dtype: "uint8" shape: "[3,3,1]" }
                output { key: "p" rename_to: "z" dtype: "int64" }
                output { key: "sum" from_tensor: "add:0" }
            }
            """,
        )

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_fixed_and_open_again(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        fixed = assert_values_are_converted(model, THREE)
        sigpb.patch(fixed, parse_text(OPEN), in_place=True)
        assert read(fixed) == read(model)  # What fixed it is gone, and so are its names.

    @pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
    def test_opened_and_fixed(self, fixture_model: ModelFactory, name: str) -> None:
        model = assert_values_are_converted(fixture_model(name), OPEN)
        assert_values_are_converted(model, THREE)

    @pytest.mark.parametrize(
        ("name", "patch"),
        [("tf2_fixed_batch", OPEN), ("tf1_fixed_batch", OPEN), ("tf2_linear", THREE)],
    )
    def test_fingerprint(self, fixture_model: ModelFactory, name: str, patch: str) -> None:
        assert_fingerprinted(fixture_model(name), patch)
