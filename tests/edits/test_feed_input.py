from __future__ import annotations

import pytest

import sigpb
from sigpb import protos
from sigpb.graphs.cone import needed
from sigpb.graphs.origins import Origins
from sigpb.patching.patch_file import parse_text
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import open_model
from sigpb.tf.tensor_types import shape_proto
from tests.edits.before_after import planned, types_of
from tests.patches import (
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    refusal,
    refusals,
)

POOLED = 'input { key: "A" from_tensor: "pool/Mean:0" } input { key: "x" drop: true }'
"""For `tf2_image`, in a function that another one calls."""

PARSED = 'input { key: "k" from_tensor: "x:0" } input { key: "examples" drop: true }'
"""For `from_examples` of `tf1_interior`, at the top level."""


def serving(endpoints: str, key: str = "serving_default") -> str:
    return f'signature {{ key: "{key}" {endpoints} }}'


class TestChanged:
    def test_tensor_of_a_function(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        before = only_graph(model)
        assert planned(model, serving(POOLED)) == [
            "input 'x' dropped",
            "input 'A' fed at tensor 'pool/Mean:0'",
        ]
        after = apply(model, serving(POOLED))
        assert types_of(before).startswith("training bool [], x float32 [?,4] -> ")
        assert types_of(after).startswith("A float32 [?,2], training bool [] -> ")
        old, new = before.graph_def.library.function, after.graph_def.library.function
        functions = {function.signature.name: function for function in new}
        assert all(functions[function.signature.name] == function for function in old)

    def test_in_place_of_an_input(self, fixture_model: ModelFactory) -> None:
        patch = serving('input { key: "x" from_tensor: "pool/Mean:0" shape: "[?,2,1]" }')
        assert planned(fixture_model("tf2_image"), patch) == [
            "input 'x' fed at tensor 'pool/Mean:0', in place of 'serving_default_x:0' as [?,2,1]"
        ]
        after = apply(fixture_model("tf2_image"), patch)
        assert types_of(after).startswith("training bool [], x float32 [?,2,1] -> ")

    def test_keys_that_are_no_names(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_image"), serving(POOLED.replace('"A"', '"a b/c"')))
        assert types_of(after).startswith("a b/c float32 [?,2], training bool [] -> ")
        functions = after.object_graph_def.concrete_functions.values()
        arguments = {
            (name, value.tensor_spec_value.name)
            for function in functions
            for values in function.canonicalized_input_signature.tuple_value.values[1:]
            for name, value in values.dict_value.fields.items()
        }
        assert ("a_b_c", "a b/c") in arguments

    def test_tensor_of_a_graph(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_interior")
        before = only_graph(model)
        after = apply(model, serving(PARSED, "from_examples"))
        assert types_of(after, "from_examples") == (
            "k float32 [?,2] -> x float32 [?,2], y float32 <unknown>"
        )
        assert [*after.graph_def.node[: len(before.graph_def.node)]] == [*before.graph_def.node]
        fetched = [info.name for info in after.signature_def["from_examples"].outputs.values()]
        ran = needed({node.name: node for node in after.graph_def.node}, fetched)
        assert "sigpb/from_examples/k" in ran
        assert "examples" not in ran

    def test_a_copy(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        before = only_graph(model)
        patch = f'signature {{ key: "raw" copy_of: "serving_default" {POOLED} }}'
        after = apply(model, patch)
        assert types_of(after, "raw").startswith("A float32 [?,2], training bool [] -> ")
        assert after.signature_def["serving_default"] == before.signature_def["serving_default"]
        assert types_of(after) == types_of(before)
        assert_unchanged(model, patch)

    def test_what_waited_for_a_check_of_what_is_not_fed(self, fixture_model: ModelFactory) -> None:
        """Of `h`, both operands are fed; it waits for a check of the examples."""
        patch = serving(
            'input { key: "m" from_tensor: "mul:0" } '
            'input { key: "b" from_tensor: "bonus:0" shape: "[?,2]" } '
            'input { key: "examples" drop: true } output { key: "x" drop: true }',
            "from_examples",
        )
        after = apply(fixture_model("tf1_interior"), patch)
        fetched = [info.name for info in after.signature_def["from_examples"].outputs.values()]
        ran = needed({node.name: node for node in after.graph_def.node}, fetched)
        assert {"sigpb/from_examples/m", "sigpb/from_examples/b"} <= ran
        assert "checked" not in ran
        assert "examples" not in ran

    def test_no_input_is_taken_for_a_captured_one(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        apply(model, serving(POOLED))
        with open_model(model) as opened:
            origins = Origins(GraphParts(opened.meta_graphs[0]).top)
            assert origins.stand_ins == {}
            assert origins.is_fed_inside(origins.of("sigpb/serving_default/A:0"))

    def test_another_placeholder_is_fed_as_it_is(self, fixture_model: ModelFactory) -> None:
        def wrong(graph: protos.MetaGraphDef) -> None:
            graph.signature_def["from_examples"].inputs["examples"].name = "Const:0"

        model = altered(fixture_model("tf1_interior"), wrong)
        before = only_graph(model)
        after = apply(
            model,
            serving('input { key: "examples" from_tensor: "examples:0" }', "from_examples"),
        )
        assert after.graph_def == before.graph_def
        assert after.signature_def["from_examples"].inputs["examples"].name == "examples:0"

    def test_an_input_that_nothing_is_computed_from(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_image"),
            serving('input { key: "training" drop: true } output { key: "scores" drop: true }'),
        )
        assert types_of(after) == "x float32 [?,4] -> label int64 [?]"


class TestUnchanged:
    @pytest.mark.parametrize(
        ("name", "patch"),
        [
            ("tf2_image", serving(POOLED)),
            ("tf1_interior", serving(PARSED, "from_examples")),
        ],
    )
    def test_the_same_patch_again(self, fixture_model: ModelFactory, name: str, patch: str) -> None:
        assert_twice_is_once(fixture_model(name), patch)

    def test_an_input_that_is_fed_there(self, fixture_model: ModelFactory) -> None:
        for tensor in ("x:0", "x"):
            assert_unchanged(
                fixture_model("tf1_interior"),
                serving(f'input {{ key: "x" from_tensor: "{tensor}" }}'),
            )


class TestRefused:
    @pytest.mark.parametrize(
        ("endpoints", "problem"),
        [
            (
                'input { key: "a" from_tensor: "pool/Man:0" }',
                "input 'a' cannot be fed at 'pool/Man:0': the signature computes no such tensor; "
                "did you mean 'pool/Mean'? There are ",
            ),
            (
                'input { key: "a" from_tensor: "pool/Mean:1" }',
                "input 'a' cannot be fed at 'pool/Mean:1': the node 'pool/Mean' has no such "
                "output, or sigpb does not know its op.",
            ),
            (
                'input { key: "a" from_tensor: "serving_default_x:0" }',
                "input 'a' cannot be fed at 'serving_default_x:0': it is outside of the function "
                "that tf.saved_model.load calls; name a tensor inside of it.",
            ),
            (
                'input { key: "a" from_tensor: "pool/Mean:0" }',
                "nothing is computed from input 'x' any more, but clients would still send it; "
                'take it out: input { key: "x" drop: true }.',
            ),
            (
                'input { key: "x" drop: true }',
                "input 'x' cannot go, since output 'label' is computed from it by way of "
                "pool/Reshape → pool/Mean → ",
            ),
            (
                'input { key: "x" from_tensor: "pool/Mean:0" } input { key: "a" '
                'from_tensor: "pool/Mean" }',
                "inputs 'x' and 'a' are the same tensor.",
            ),
            (
                'input { key: "a" from_tensor: "Select:0" } input { key: "training" drop: true } '
                'output { key: "scores" drop: true }',
                "input 'a' cannot be fed at 'Select:0': the signature computes no such tensor;",
            ),
        ],
    )
    def test_function(self, fixture_model: ModelFactory, endpoints: str, problem: str) -> None:
        found = refusals(fixture_model("tf2_image"), serving(endpoints))
        assert found[0].startswith(f"signature 'serving_default': {problem}"), found

    @pytest.mark.parametrize(
        ("endpoints", "problem"),
        [
            (
                'input { key: "a" from_tensor: "loop/add:0" }',
                "input 'a' cannot be fed at 'loop/add:0': it is inside of a loop, which only the "
                "outputs of Exit nodes leave.",
            ),
            (
                'input { key: "a" from_tensor: "table:0" }',
                "input 'a' cannot be fed at 'table:0': it is a resource, which no client can send.",
            ),
            (
                'input { key: "a" from_tensor: "h:0" } input { key: "examples" drop: true } '
                'output { key: "x" drop: true }',
                "input 'a' cannot be fed at 'h:0': its shape is not known; state it with 'shape'.",
            ),
            (
                'input { key: "a" from_tensor: "save/Const:0" }',
                "input 'a': no output depends on the tensor 'save/Const:0'.",
            ),
            (
                'input { key: "a" from_tensor: "h:0" shape: "[?,2]" } '
                'input { key: "examples" drop: true }',
                "input 'examples' cannot go, since output 'x' is computed from it by way of "
                "parse/parse → x; feed a tensor on that way, bind the input to a constant, or drop "
                "the output.",
            ),
        ],
    )
    def test_graph(self, fixture_model: ModelFactory, endpoints: str, problem: str) -> None:
        assert refusals(fixture_model("tf1_interior"), serving(endpoints, "from_examples")) == (
            f"signature 'from_examples': {problem}",
        )

    def test_a_key_that_no_argument_can_have(self, fixture_model: ModelFactory) -> None:
        problem = refusal(fixture_model("tf2_image"), serving(POOLED.replace('"A"', '"class"')))
        assert problem == (
            "signature 'serving_default': tf.saved_model.load cannot take an input 'class', "
            "because no Python argument can have the name 'class'; choose another key."
        )

    def test_side_effects_that_would_be_missing(self, fixture_model: ModelFactory) -> None:
        patch = 'input { key: "delta" drop: true } output { key: "after" drop: true }'
        assert refusal(fixture_model("tf2_stateful"), serving(patch, "add")) == (
            "signature 'add': the node 'AssignAddVariableOp' would not run any more. Its op, "
            "AssignAddVariableOp, may change a state or have effects that sigpb does not know, "
            "so the signature may depend on it."
        )

    def test_a_default_of_another_tensor(self, fixture_model: ModelFactory) -> None:
        def with_default(graph: protos.MetaGraphDef) -> None:
            value = protos.TensorProto(dtype=1, tensor_shape=shape_proto((1, 2)))
            graph.signature_def["serving_default"].defaults["x"].CopyFrom(value)

        model = altered(fixture_model("tf1_interior"), with_default)
        problem = refusal(model, serving('input { key: "x" from_tensor: "h:0" shape: "[?,2]" }'))
        assert problem.startswith(
            "signature 'serving_default': input 'x' has a default value, which does not belong "
            "to the tensor 'h:0'; "
        )

    def test_warmup_requests(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        problems = refusals(model, serving('input { key: "q" from_tensor: "mul:0" }'))
        assert "input 'q' is fed inside of the graph" in problems[0]

    def test_the_way_back(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        with pytest.raises(sigpb.PatchError) as caught:
            sigpb.invert(model, parse_text(serving(POOLED)))
        assert caught.value.problems == (
            "signature 'serving_default': input 'x' is dropped for good.",
            "signature 'serving_default': input 'A' is fed at the tensor 'pool/Mean:0' for good; "
            "keep the model as it was.",
        )

    def test_what_a_patch_did_is_not_inferred(self, fixture_model: ModelFactory) -> None:
        before, after = fixture_model("tf2_image"), fixture_model("tf2_image")
        apply(after, serving(POOLED.replace('"A"', '"x"').rpartition(" input ")[0]))
        with pytest.raises(sigpb.PatchError) as caught:
            sigpb.infer(before, after)
        (problem,) = caught.value.problems
        assert problem.startswith(
            "signature 'serving_default': input 'x' stands for another tensor, "
        )
