from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.rewrite.wrapper_function import call_in
from tests import model_runner
from tests.edits.in_tensorflow import SERVE
from tests.model_runner import Array
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
from tests.views import signature_map

EXAMPLES = 'signature { key: "serving_default" examples: "examples" }'

# The names sort in another order than those of the inputs, and one input is of another dtype.
NAMED = """
    signature {
        key: "serving_default"
        examples: "examples"
        input { key: "b" rename_to: "z" dtype: "uint8" default: "[[7, 8, 9]]" }
        input { key: "x" rename_to: "a" }
        output { key: "p" rename_to: "y" }
        output { key: "s" rename_to: "r" }
    }
"""


def parse_nodes(graph: protos.MetaGraphDef) -> list[protos.NodeDef]:
    bodies = [graph.graph_def.node, *(f.node_def for f in graph.graph_def.library.function)]
    return [node for nodes in bodies for node in nodes if node.op == "ParseExampleV2"]


def constant(nodes: Mapping[str, protos.NodeDef], name: str) -> protos.TensorProto:
    return nodes[name].attr["value"].tensor


class TestChanged:
    def test_one_input_in_the_place_of_all(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_linear"), NAMED)
        signature = after.signature_def["serving_default"]
        info = signature.inputs["examples"]
        assert list(signature.inputs) == ["examples"]
        assert (info.dtype, [dim.size for dim in info.tensor_shape.dim]) == (7, [-1])
        assert sorted(signature.outputs) == ["r", "y"]
        place = next(
            child.node_id
            for child in signature_map(after).children
            if child.local_name == "serving_default"
        )
        bare = after.object_graph_def.nodes[place].bare_concrete_function
        assert list(bare.argument_keywords) == ["examples"]
        assert bare.allowed_positional_arguments == 1

    def test_what_is_read(self, fixture_model: ModelFactory) -> None:
        """In both graphs: names, dtypes and shapes of the inputs as they would be."""
        after = apply(fixture_model("tf2_linear"), NAMED)
        assert len(parse_nodes(after)) == 2
        nodes = {node.name: node for node in after.graph_def.node}
        [top] = [node for node in parse_nodes(after) if node.name in nodes]
        assert list(top.attr["Tdense"].list.type) == [1, 9]
        shapes = [[dim.size for dim in each.dim] for each in top.attr["dense_shapes"].list.shape]
        assert shapes == [[3], [3]]
        assert list(constant(nodes, top.input[3]).string_val) == [b"a", b"z"]
        first, second = (constant(nodes, name) for name in top.input[5:])
        assert [dim.size for dim in first.tensor_shape.dim] == [0]
        assert list(second.int64_val) == [7, 8, 9]

    def test_plan_tells_of_casts(self, fixture_model: ModelFactory) -> None:
        result = sigpb.patch(fixture_model("tf2_linear"), parse_text(NAMED), dry_run=True)
        assert "inputs read from tf.Examples, which are passed in 'examples'" in str(result.plan)
        assert any("'z' is read as int64 and cast to uint8" in note for note in result.notes)

    def test_default_of_the_graph(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            value = graph.graph_def.node.add(name="row", op="Const")
            value.attr["dtype"].type = protos.DataType.Value("DT_FLOAT")
            value.attr["value"].tensor.dtype = protos.DataType.Value("DT_FLOAT")
            value.attr["value"].tensor.float_val.extend([4, 5, 6])
            for size in (1, 3):
                value.attr["value"].tensor.tensor_shape.dim.add(size=size)
            for node in graph.graph_def.node:
                if f"{node.name}:0" == graph.signature_def["serving_default"].inputs["b"].name:
                    node.op = "PlaceholderWithDefault"
                    node.input.append("row")

        model = altered(fixture_model("tf1_two_graphs"), change)
        after = apply(model, f'tags {{ tag: "serve" }} {EXAMPLES}')
        nodes = {node.name: node for node in after.graph_def.node}
        [parse] = parse_nodes(after)
        assert list(constant(nodes, parse.input[5]).float_val) == [4, 5, 6]

    def test_after_a_conversion(self, fixture_model: ModelFactory) -> None:
        """It is not undone alone, though the type is to be what it was."""
        model = fixture_model("tf2_linear")
        apply(model, 'signature { key: "serving_default" input { key: "x" dtype: "uint8" } }')
        after = apply(model, EXAMPLES.replace("}", 'input { key: "x" dtype: "float32" } }'))
        assert list(after.signature_def["serving_default"].inputs) == ["examples"]
        assert len(parse_nodes(after)) == 2

    def test_wrapper_does_not_pass_the_examples_on(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_linear"), EXAMPLES)
        [wrapper] = [
            function
            for function in after.graph_def.library.function
            if function.signature.name.startswith("__inference_signature_wrapper_sigpb")
        ]
        found = call_in(wrapper)
        assert found is not None
        assert found.arguments == {1: 2, 2: 3}

    def test_other_signatures_stay(self, fixture_model: ModelFactory) -> None:
        before = only_graph(fixture_model("tf2_linear"))
        after = apply(fixture_model("tf2_linear"), NAMED)
        for key in ("other", "single"):
            assert after.signature_def[key] == before.signature_def[key]


class TestUnchanged:
    def test_twice(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), NAMED)

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_interior"])
    def test_without_the_record(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        apply(model, EXAMPLES, history=False)
        assert_unchanged(model, EXAMPLES)


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "more", "why"),
        [
            ("tf2_image", "", "input 'training' cannot be read from a tf.Example: its shape []"),
            ("tf2_fixed_batch", "", "its shape [1,4] does not leave the number of rows open"),
            ("tf1_sparse", "", "it is not dense"),
            ("tf2_linear", 'input { key: "x" rename_to: "b" }', "2 inputs would be read from"),
            ("tf2_linear", 'input { key: "x" default: "[[1, 2, 3], [4, 5, 6]]" }', "not one row"),
        ],
    )
    def test_inputs(self, fixture_model: ModelFactory, name: str, more: str, why: str) -> None:
        text = EXAMPLES.replace("}", f"{more} }}")
        assert any(why in problem for problem in refusals(fixture_model(name), text))

    def test_more_than_rows_open(self, fixture_model: ModelFactory) -> None:
        def open_up(graph: protos.MetaGraphDef) -> None:
            info = graph.signature_def["serving_default"].inputs["x"]
            info.tensor_shape.dim[1].size = -1

        assert "has open sizes besides the number of rows" in refusal(
            altered(fixture_model("tf2_linear"), open_up), EXAMPLES
        )

    def test_inputs_of_one_tensor(self, fixture_model: ModelFactory) -> None:
        def join(graph: protos.MetaGraphDef) -> None:
            inputs = graph.signature_def["serving_default"].inputs
            inputs["x"].CopyFrom(inputs["b"])

        assert "are the same tensor" in refusal(
            altered(fixture_model("tf1_two_graphs"), join), f'tags {{ tag: "serve" }} {EXAMPLES}'
        )

    def test_requests_that_hold_tensors(self, fixture_model: ModelFactory) -> None:
        problems = refusals(fixture_model("tf2_warmup"), EXAMPLES)
        assert any("reads tf.Examples then" in problem for problem in problems)

    def test_signature_that_takes_text_of_its_own(self, fixture_model: ModelFactory) -> None:
        """It is not taken for one that a patch made."""
        text = 'signature { key: "classify" examples: "inputs" }'
        assert "it has an input 'inputs'" in refusal(fixture_model("tf2_warmup"), text)

    def test_key_of_an_input(self, fixture_model: ModelFactory) -> None:
        text = EXAMPLES.replace('"examples"', '"x"')
        model = fixture_model("tf2_linear")
        why = refusal(model, text)
        assert "it has an input 'x'" in why
        assert "rename the input first, with a patch of its own" in why
        apply(model, 'signature { key: "serving_default" input { key: "x" rename_to: "z" } }')
        assert list(apply(model, text).signature_def["serving_default"].inputs) == ["x"]

    @pytest.mark.parametrize("key", ["class", ""])
    def test_key_that_cannot_be(self, fixture_model: ModelFactory, key: str) -> None:
        text = EXAMPLES.replace('"examples"', f'"{key}"')
        assert refusal(fixture_model("tf2_linear"), text)

    def test_inverse(self, fixture_model: ModelFactory) -> None:
        with pytest.raises(sigpb.PatchError, match="no patch takes back"):
            sigpb.invert(fixture_model("tf2_linear"), parse_text(EXAMPLES))

    def test_signature_without_inputs(self, fixture_model: ModelFactory) -> None:
        text = EXAMPLES.replace("serving_default", "get")
        assert "no inputs" in refusal(fixture_model("tf2_stateful"), text)


def serialized(rows: Mapping[str, Array]) -> Array:
    """The rows as tf.Examples; a feature of which all values are None is left out."""
    examples = []
    for row in range(len(next(iter(rows.values())))):
        example = protos.Example()
        for name, values in rows.items():
            if values[row] is None:
                continue
            feature, value = example.features.feature[name], np.ravel(values[row])
            kind = feature.float_list if value.dtype.kind == "f" else feature.int64_list
            kind.value.extend(value.tolist())
        examples.append(example.SerializeToString())
    return np.array(examples, dtype=object)


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_function(self, fixture_model: ModelFactory) -> None:
        """`p` is ``2 * x + b + w``, `s` is ``x - 3 * b + c``."""
        model = fixture_model("tf2_linear")
        a = np.float32([[1, 2, 3], [40, 50, 60], [0.5, 0.25, 0]])
        z = np.int64([[100, 101, 102], [3, 2, 1], [7, 8, 9]])
        rows = {"a": a, "z": [*z[:2], None]}
        w, c = np.float32([10, 20, 30]), np.float32([100, 200, 300])
        expected = {"y": 2 * a + z.astype("f4") + w, "r": a - 3 * z.astype("f4") + c}
        self._check(model, NAMED, rows, expected)

    def test_session_graph(self, fixture_model: ModelFactory) -> None:
        """What lies between the old inputs and the outputs is computed from the features."""
        model = fixture_model("tf1_two_graphs")
        text = f'tags {{ tag: "serve" }} {EXAMPLES}'
        x, b = (np.float32([[1, 2, 3], [40, 50, 60], [7, 8, 9]]) * by for by in (1, 10))
        graph = sigpb.plan(model, parse_text(text)).meta_graphs[0].index
        w = model_runner.run_v1(model, SERVE, {"serving_default": {"x": x, "b": b}})
        old = w["serving_default"]
        assert graph == 0
        assert not isinstance(old, str)
        self._check(model, text, {"x": x, "b": b}, old)

    def _check(
        self,
        model: Path,
        text: str,
        rows: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> None:
        """Asserts what a batch of 0, 1 and 3 gives, under both loaders and after a re-save."""
        patched = model.with_name("patched")
        sigpb.patch(model, parse_text(text), output_dir=patched)
        saved = model_runner.resave(patched, SERVE, model.with_name("saved"))
        examples = serialized(rows)
        runs = (
            (patched, model_runner.run_v1, (3, 1, 0)),
            (patched, model_runner.run_v2, (3, 1, 0)),
            (saved, model_runner.run_v2, (3,)),
        )
        for directory, run, counts in runs:
            for count in counts:
                fed = {"serving_default": {"examples": examples[:count]}}
                wanted = {key: value[:count] for key, value in expected.items()}
                model_runner.assert_equal({"serving_default": wanted}, run(directory, SERVE, fed))
