"""Names of nodes that clients feed and fetch without a signature."""

from __future__ import annotations

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.graphs import redirection
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.before_after import planned, types_of
from tests.edits.in_tensorflow import SERVE
from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    altered,
    apply,
    assert_unchanged,
    only_graph,
    refusal,
    refusals,
)


def naming(endpoints: str, key: str = "serving_default") -> str:
    return f'signature {{ key: "{key}" {endpoints} }}'


BOTH = naming(
    'input { key: "x" node_name: "z/input_1" } output { key: "s" node_name: "Identity_9" }'
)


def tensors(graph: protos.MetaGraphDef, key: str = "serving_default") -> dict[str, str]:
    signature = graph.signature_def[key]
    return {
        name: info.name for name, info in [*signature.inputs.items(), *signature.outputs.items()]
    }


class TestChanged:
    def test_of_tf2(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        content, before = (model / MAIN).read_bytes(), only_graph(model)
        after = apply(model, BOTH)
        assert tensors(after) == {
            "b": "serving_default_b:0",
            "x": "z/input_1:0",
            "p": "sigpb/serving_default/copy/StatefulPartitionedCall_1:0",
            "s": "Identity_9:0",
        }
        assert types_of(after) == types_of(before)
        assert after.object_graph_def == before.object_graph_def
        nodes = {node.name: node for node in after.graph_def.node}
        assert [node for node in before.graph_def.node if nodes[node.name] != node] == []
        assert (nodes["z/input_1"].op, nodes["Identity_9"].op) == ("Placeholder", "Identity")
        changed = changed_parts(content, (model / MAIN).read_bytes())
        assert {part for part in changed if not part.startswith("graph_def.node[")} == {
            "signature_def[serving_default]"
        }

    def test_of_an_output_alone(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf1_shared"), naming('output { key: "sum" node_name: "a" }'))
        assert tensors(after)["sum"] == "a:0"
        assert tensors(after)["difference"] == "difference:0"

    def test_with_conversions_and_another_key(self, fixture_model: ModelFactory) -> None:
        text = naming(
            'input { key: "x" node_name: "in" dtype: "int32" rename_to: "q" }'
            'output { key: "sum" node_name: "out" step: "argmax()" }'
            'output { key: "extra" from_tensor: "scores" node_name: "more" }'
        )
        after = apply(fixture_model("tf1_shared"), text)
        found = tensors(after)
        assert (found["q"], found["sum"], found["extra"]) == ("in:0", "out:0", "more:0")
        assert types_of(after).startswith("q int32 [?,3], scale float32 [], y float32 [?,3] -> ")

    def test_placeholder_with_a_default_keeps_it(self, fixture_model: ModelFactory) -> None:
        text = naming('input { key: "scale" node_name: "factor" }')
        after = apply(fixture_model("tf1_shared"), text)
        nodes = {node.name: node for node in after.graph_def.node}
        assert nodes["factor"].op == "PlaceholderWithDefault"
        assert nodes["factor"].input == nodes["scale"].input

    def test_of_a_copy_and_of_a_created_signature(self, fixture_model: ModelFactory) -> None:
        text = """
            signature { key: "copy" copy_of: "regress" input { key: "inputs" node_name: "a" } }
            signature {
                key: "new" create: true
                input { key: "i" from_tensor: "x" node_name: "b" }
                output { key: "o" from_tensor: "scores" node_name: "c" }
            }
        """
        after = apply(fixture_model("tf1_shared"), text)
        assert tensors(after, "copy")["inputs"] == "a:0"
        assert tensors(after, "new") == {"i": "b:0", "o": "c:0"}
        assert tensors(after, "regress")["inputs"] == "y:0"

    def test_plan(self, fixture_model: ModelFactory) -> None:
        assert planned(fixture_model("tf2_linear"), BOTH) == [
            "input 'x': tensor 'serving_default_x:0' → 'z/input_1:0'",
            "output 's': tensor 'StatefulPartitionedCall_1:1' → 'Identity_9:0'",
        ]

    def test_a_later_patch_tells_of_names_that_it_leaves(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, BOTH)
        retyped = parse_text(naming('input { key: "x" dtype: "float64" }'))
        assert [each.split(" any more")[0] for each in sigpb.plan(model, retyped).warnings] == [
            "signature 'serving_default': 'x' will not be the node 'z/input_1'",
            "signature 'serving_default': 's' will not be the node 'Identity_9'",
        ]
        again = BOTH.replace("z/input_1", "second").replace("Identity_9", "third")
        assert sigpb.plan(model, parse_text(again)).warnings == (
            "signature 'serving_default': the old nodes of 'p' are not computed from what is fed "
            "at 'second'; state a node_name for outputs that clients fetch by the names of nodes.",
        )
        apply(model, again)
        assert tensors(only_graph(model))["x"] == "second:0"


class TestUnchanged:
    @pytest.mark.parametrize("name", ["serving_default_x", ""])
    def test_name_that_it_has(self, fixture_model: ModelFactory, name: str) -> None:
        text = naming(f'input {{ key: "x" node_name: "{name}" }}')
        assert_unchanged(fixture_model("tf2_linear"), text)

    def test_twice(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, BOTH, history=False)
        assert_unchanged(model, BOTH)

    def test_identity_of_the_model_is_no_given_name(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_interior")
        apply(model, naming('output { key: "y" dtype: "float64" }'))
        graph = only_graph(model)
        keys = [key for key in graph.signature_def if key != "serving_default"]
        for key in keys:
            for end in graph.signature_def[key].inputs:
                text = naming(f'input {{ key: "{end}" node_name: "" }}', key)
                assert_unchanged(model, text)


class TestRefused:
    @pytest.mark.parametrize("name", ["serving_default_b", "Serving_Default_B"])
    def test_name_that_is_taken(self, fixture_model: ModelFactory, name: str) -> None:
        problem = refusal(
            fixture_model("tf2_linear"), naming(f'input {{ key: "x" node_name: "{name}" }}')
        )
        assert problem == (
            f"signature 'serving_default': input 'x' cannot be the node {name!r}: the graph "
            "already has a node of this name (upper and lower case count as the same), which "
            f"clients may feed or fetch; '{name}_1' is free."
        )

    def test_one_name_for_two(self, fixture_model: ModelFactory) -> None:
        text = naming('input { key: "x" node_name: "a" }') + naming(
            'output { key: "u" node_name: "A" }', "single"
        )
        assert refusal(fixture_model("tf2_linear"), text) == (
            "two inputs or outputs would be the node 'a'; give each a name of its own."
        )

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("input_1:0", "'input_1:0' is a tensor; give the name of its node, 'input_1'."),
            ("_x", "'_x' cannot be the name of a node"),
            ("a b", "'a b' cannot be the name of a node"),
            ("a/", "'a/' cannot be the name of a node"),
            (r"a\\b", r"'a\\b' cannot be the name of a node"),
            ("a>", "'a>' cannot be the name of a node"),
            ("sigpb/x", "names that start with 'sigpb/' are for what sigpb adds."),
        ],
    )
    def test_no_name(self, fixture_model: ModelFactory, name: str, reason: str) -> None:
        text = naming(f'output {{ key: "s" node_name: "{name}" }}')
        problem = refusal(fixture_model("tf2_linear"), text)
        assert problem.startswith(
            f"signature 'serving_default': output 's' has a wrong node_name: {reason}"
        )

    def test_sparse(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_sparse")
        graph = only_graph(model)
        ((key, end),) = (
            (key, end)
            for key in graph.signature_def
            for end, info in graph.signature_def[key].inputs.items()
            if info.HasField("coo_sparse")
        )
        text = naming(f'input {{ key: "{end}" node_name: "a" }}', key)
        problems = refusals(model, text)
        assert any("is made of several tensors, which cannot have one name" in p for p in problems)

    def test_tensor_that_the_graph_does_not_have(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            graph.signature_def["serving_default"].outputs["sum"].name = "gone:0"

        model = altered(fixture_model("tf1_shared"), change)
        problem = refusal(model, naming('output { key: "sum" node_name: "a" }'))
        assert "'gone:0', which the graph does not have" in problem

    def test_name_of_an_input_that_nothing_is_computed_from(
        self, fixture_model: ModelFactory
    ) -> None:
        signature = """signature {
            key: "new" create: true output { key: "o" from_tensor: "sum_1" }
            input { key: "s" from_tensor: "scale" }
            input { key: "x" from_tensor: "x" } input { key: "y" from_tensor: "y" }
        }"""
        model, named = fixture_model("tf1_shared"), fixture_model("tf1_shared")
        apply(model, signature)
        name = naming('input { key: "s" node_name: "a" }', "new")
        back = naming('input { key: "s" node_name: "" }', "new")
        assert_unchanged(model, back)
        apply(named, signature)
        apply(named, name)
        reason = (
            "signature 'new': input 's': no output is computed from it, so sigpb cannot "
            "determine the name that it had before an earlier patch; keep the name, or state "
            "another."
        )
        assert refusal(named, back) == reason
        with pytest.raises(sigpb.PatchError, match=r"cannot be undone: .* no output is computed"):
            sigpb.invert(model, parse_text(name))
        assert sigpb.infer(model, named) == parse_text(name)

    @pytest.mark.parametrize("field", ["drop: true", 'bind: "[[1, 2, 3]]"'])
    def test_endpoint_that_goes(self, fixture_model: ModelFactory, field: str) -> None:
        side, key = ("output", "sum") if "drop" in field else ("input", "x")
        text = naming(f'{side} {{ key: "{key}" node_name: "a" {field} }}')
        assert any("'node_name'" in each for each in refusals(fixture_model("tf1_shared"), text))

    def test_inputs_that_are_read_from_examples(self, fixture_model: ModelFactory) -> None:
        text = naming('examples: "inputs" input { key: "x" node_name: "a" }')
        assert refusal(fixture_model("tf2_linear"), text) == (
            "signature 'serving_default': examples does not go with node_name of inputs, which are "
            "not fed then."
        )

    def test_name_that_the_patch_itself_takes_away(self, fixture_model: ModelFactory) -> None:
        text = naming('input { key: "x" node_name: "x" dtype: "float64" }')
        assert refusal(fixture_model("tf1_shared"), text) == (
            "signature 'serving_default': 'x' would be the tensor 'sigpb/serving_default/x:0', and "
            "not 'x:0'; name it in a patch of its own."
        )


class TestInverse:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("tf2_linear", BOTH),
            ("tf1_shared", BOTH.replace('"s"', '"sum"')),
            ("tf1_shared", naming('output { key: "sum" node_name: "a" }')),
            ("tf1_shared", naming('input { key: "scale" node_name: "a" }')),
        ],
    )
    def test_gives_the_graph_back(self, fixture_model: ModelFactory, name: str, text: str) -> None:
        model = fixture_model(name)
        before = (model / MAIN).read_bytes()
        undo = sigpb.invert(model, parse_text(text))
        ends = [end for each in undo.signature for end in (*each.input, *each.output)]
        assert {end.node_name for end in ends} == {""}
        apply(model, text)
        apply(model, str(undo))
        assert changed_parts(before, (model / MAIN).read_bytes()) == set()

    def test_of_a_placeholder_that_takes_the_new_one(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)
        model = fixture_model("tf1_no_variables")
        before, text = (
            (model / MAIN).read_bytes(),
            naming('input { key: "a" node_name: "z" }', "default"),
        )
        nodes = {node.name: node for node in apply(model, text).graph_def.node}
        assert (nodes["a"].op, list(nodes["a"].input)) == (
            "PlaceholderWithDefault",
            ["sigpb/default/a/fed"],
        )
        apply(model, naming('input { key: "a" node_name: "" }', "default"))
        assert changed_parts(before, (model / MAIN).read_bytes()) == set()

    def test_of_one_of_two_placeholders_that_take_new_ones(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)
        model = fixture_model("tf1_no_variables")
        both = 'input { key: "a" node_name: "z" } input { key: "b" node_name: "y_in" }'
        apply(model, naming(both, "default"))
        after = apply(model, naming('input { key: "a" node_name: "" }', "default"))
        assert tensors(after, "default")["a"] == "a:0"
        nodes = {node.name: node for node in after.graph_def.node}
        assert nodes["z"].op == "Placeholder"  # Else it would take what takes it.

    def test_of_one_name_of_two(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, BOTH)
        after = apply(model, naming('input { key: "x" node_name: "" }'))
        assert tensors(after)["x"] == "serving_default_x:0"
        assert {node.name for node in after.graph_def.node} >= {"z/input_1", "Identity_9"}

    def test_of_a_name_that_came_with_another_type(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_fixed_batch")
        apply(model, naming('batch_size: "?" input { key: "x" node_name: "z" }'))
        after = apply(model, naming('input { key: "x" node_name: "" }'))
        assert tensors(after)["x"] == "sigpb/serving_default_1/x:0"
        assert types_of(after).startswith("x float32 [?,4] -> ")

    def test_name_that_is_taken_back_stays_taken(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, BOTH)
        back = parse_text(naming('input { key: "x" node_name: "" }'))
        with pytest.raises(sigpb.PatchError, match="no patch can give it that name again"):
            sigpb.invert(model, back)

    @pytest.mark.parametrize("text", [BOTH, BOTH.replace('"x"', '"x" dtype: "float64"')])
    def test_is_inferred(self, fixture_model: ModelFactory, text: str) -> None:
        model, other = fixture_model("tf2_linear"), fixture_model("tf2_linear")
        apply(other, text)
        assert sigpb.infer(model, other) == parse_text(text)
        apply(other, str(sigpb.infer(other, model)))
        assert not sigpb.infer(model, other).signature


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
def test_runs(fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By signature under both loaders and after a re-save; by names, new and old, in a session."""
    import tensorflow as tf

    if name == "tf1_shared":
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)
    model = fixture_model(name)
    old, output = tensors(only_graph(model)), "s" if name == "tf2_linear" else "sum"
    text, patched = BOTH.replace('"s"', f'"{output}"'), model.with_name("patched")
    sigpb.patch(model, parse_text(text), output_dir=patched)
    inputs = model_runner.make_inputs(model, SERVE)
    v1, v2 = model_runner.run_v1(model, SERVE, inputs), model_runner.run_v2(model, SERVE, inputs)
    model_runner.assert_equal(v1, model_runner.run_v1(patched, SERVE, inputs))
    model_runner.assert_equal(v2, model_runner.run_v2(patched, SERVE, inputs))
    saved = model_runner.resave(patched, SERVE, model.with_name("saved"))
    model_runner.assert_equal(v2, model_runner.run_v2(saved, SERVE, inputs))

    new = tensors(only_graph(patched))
    assert (new["x"], new[output]) == ("z/input_1:0", "Identity_9:0")
    values, outputs = inputs["serving_default"], v1["serving_default"]
    assert not isinstance(outputs, str), outputs
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, [*SERVE], str(patched))
        for names in (new, old):
            fed = {names[key]: value for key, value in values.items()}
            np.testing.assert_array_equal(session.run(names[output], fed), outputs[output])
