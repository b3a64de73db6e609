from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model import fingerprint
from tests import model_runner
from tests.edits.in_tensorflow import SERVE, assert_fingerprinted
from tests.model_runner import Array, Values
from tests.patches import (
    MAIN,
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    read,
    refusal,
    refusals,
)
from tests.views import outline, signature_map

PREDICT = 'signature { key: "serving_default" from_function: "predict" }'


def node(graph: protos.MetaGraphDef, tensor: str) -> protos.NodeDef:
    return next(each for each in graph.graph_def.node if f"{each.name}:0" == tensor)


class TestChanged:
    def test_model_without_signatures(self, fixture_model: ModelFactory) -> None:
        before = only_graph(fixture_model("tf2_functions"))
        after = apply(fixture_model("tf2_functions"), PREDICT)
        assert outline(before) == {}
        assert outline(after) == {"serving_default": "words, zz -> a, m, z"}
        made = after.signature_def["serving_default"]
        assert made.method_name == "tensorflow/serving/predict"
        assert {key: info.name for key, info in made.inputs.items()} == {
            "words": "serving_default_words:0",
            "zz": "serving_default_zz:0",
        }
        assert node(after, made.inputs["zz"].name).op == "Placeholder"
        assert [child.local_name for child in signature_map(after).children] == ["serving_default"]

    def test_object_graph_without_a_map_of_signatures(self, fixture_model: ModelFactory) -> None:
        def forget(graph: protos.MetaGraphDef) -> None:
            root = graph.object_graph_def.nodes[0]
            kept = [child for child in root.children if child.local_name != "signatures"]
            del root.children[:]
            root.children.extend(kept)
            for node in graph.object_graph_def.nodes:
                if node.user_object.identifier == "signature_map":
                    node.user_object.identifier = "_generic_user_object"

        after = apply(altered(fixture_model("tf2_functions"), forget), PREDICT)
        graph = after.object_graph_def
        added = graph.nodes[0].children[-1]
        assert added.local_name == "signatures"
        assert graph.nodes[added.node_id] == signature_map(after)
        assert [child.local_name for child in signature_map(after).children] == ["serving_default"]

    def test_what_the_function_captures(self, fixture_model: ModelFactory) -> None:
        """In the object graph what `predict` captures, in the graph the tensors of that."""
        after = apply(fixture_model("tf2_functions"), PREDICT)
        functions = after.object_graph_def.concrete_functions
        place = signature_map(after).children[0].node_id
        bare = after.object_graph_def.nodes[place].bare_concrete_function
        assert list(bare.argument_keywords) == ["words", "zz"]
        assert bare.allowed_positional_arguments == 0
        [predict] = [name for name in functions if name.startswith("__inference_predict")]
        made = functions[bare.concrete_function_name]
        assert list(made.bound_inputs) == list(functions[predict].bound_inputs)
        call = after.signature_def["serving_default"].outputs["a"].name.partition(":")[0]
        taken = node(after, f"{call}:0").input
        assert list(taken[:2]) == ["serving_default_words", "serving_default_zz"]
        ops = [node(after, f"{name}:0").op for name in taken[2:]]
        assert sorted(ops) == ["Const", "Const", "HashTableV2", "VarHandleOp", "VarHandleOp"]

    def test_names_that_are_taken(self, fixture_model: ModelFactory) -> None:
        def take(graph: protos.MetaGraphDef) -> None:
            graph.graph_def.node.add(name="Serving_default_zz", op="NoOp")
            graph.graph_def.node.add(name="serving_default_words", op="NoOp")

        after = apply(altered(fixture_model("tf2_functions"), take), PREDICT)
        inputs = after.signature_def["serving_default"].inputs
        assert inputs["words"].name == "serving_default_words_1:0"

    def test_one_argument_is_passed_by_position(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_functions"), 'signature { key: "a/b" from_function: "lines" }'
        )
        bare = after.object_graph_def.nodes[signature_map(after).children[0].node_id]
        assert bare.bare_concrete_function.allowed_positional_arguments == 1
        assert after.signature_def["a/b"].inputs["end"].name == "a_b_end:0"

    def test_beside_other_changes(self, fixture_model: ModelFactory) -> None:
        """Endpoints of the new signature, and one more that is made of it."""
        model = fixture_model("tf2_functions")
        name = next(
            each["function"] for each in _functions(model) if each["fixed"] == ["training=True"]
        )
        after = apply(
            model,
            f"""
            signature {{
                key: "x"
                from_function: "predict"
                method_name: "my/own"
                input {{ key: "zz" rename_to: "b" }}
                output {{ key: "z" rename_to: "c" }}
                output {{ key: "m" drop: true }}
            }}
            signature {{ key: "copy" copy_of: "x" }}
            signature {{ key: "trained" from_function: "{name}" }}
            """,
        )
        assert outline(after) == {
            "x": "b, words -> a, c",
            "copy": "words, zz -> a, m, z",
            "trained": "a_q, b -> output_0, output_1",
        }
        assert after.signature_def["x"].method_name == "my/own"

    def test_only_where_the_function_is(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_functions")
        saved_model = read(model)
        saved_model.meta_graphs.add().CopyFrom(saved_model.meta_graphs[0])
        saved_model.meta_graphs[1].ClearField("object_graph_def")
        saved_model.meta_graphs[1].meta_info_def.tags.append("gpu")
        (model / MAIN).write_bytes(saved_model.SerializeToString())
        apply(model, PREDICT)
        first, second = read(model).meta_graphs
        assert outline(first) == {"serving_default": "words, zz -> a, m, z"}
        assert "serving_default" not in second.signature_def

    def test_inverse_drops_it(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_functions")
        patch = parse_text(PREDICT)
        inverse = sigpb.invert(model, patch)
        assert [(each.key, each.drop) for each in inverse.signature] == [("serving_default", True)]
        before = only_graph(model).object_graph_def.nodes
        apply(model, PREDICT)
        sigpb.patch(model, inverse, in_place=True)
        after = only_graph(model)
        assert outline(after) == {}
        assert list(after.object_graph_def.nodes) == list(before)

    def test_fingerprint_of_a_large_model(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a proto that is not read whole, the nodes count as they are then."""

        def with_fingerprint(model: Path) -> Path:
            index = fingerprint.read_checkpoint_index(model)
            made = fingerprint.compute(read(model), index, "1")
            (model / fingerprint.FILE_NAME).write_bytes(made.SerializeToString())
            return model

        model = with_fingerprint(fixture_model("tf2_functions"))
        apply(model, PREDICT)
        expected = fingerprint.read(model / fingerprint.FILE_NAME).graph_def_program_hash
        model = with_fingerprint(fixture_model("tf2_functions"))
        before = fingerprint.read(model / fingerprint.FILE_NAME).graph_def_program_hash
        monkeypatch.setattr(fingerprint, "COMPUTE_LIMIT", 12_000)
        apply(model, PREDICT)
        found = fingerprint.read(model / fingerprint.FILE_NAME).graph_def_program_hash
        assert found == expected != before

    def test_plan(self, fixture_model: ModelFactory) -> None:
        plan = sigpb.plan(fixture_model("tf2_functions"), parse_text(PREDICT))
        [edit] = plan.to_json()["meta_graphs"][0]["edits"]
        assert edit["text"] == (
            "signature 'serving_default': added, calls 'predict' (zz, words -> a, m, z)"
        )
        assert edit["function"] == "predict"

    def test_text_proto(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_functions", as_text=True)
        sigpb.patch(model, parse_text(PREDICT), in_place=True)
        binary = apply(fixture_model("tf2_functions"), PREDICT)
        assert sigpb.plan(model, parse_text(PREDICT)).is_empty
        assert "serving_default_zz" in (model / "saved_model.pbtxt").read_text()
        assert outline(binary) == {"serving_default": "words, zz -> a, m, z"}


class TestUnchanged:
    def test_twice(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_functions"), PREDICT)

    def test_without_the_record(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_functions")
        text = PREDICT.replace("}", 'input { key: "zz" rename_to: "b" } }')
        apply(model, text, history=False)
        assert_unchanged(model, text)

    def test_it_goes_on_where_it_was_left(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_functions")
        apply(model, PREDICT, history=False)
        text = PREDICT.replace("}", 'input { key: "zz" rename_to: "b" } }')
        assert outline(apply(model, text)) == {"serving_default": "b, words -> a, m, z"}


class TestRefused:
    @pytest.mark.parametrize(
        ("function", "why"),
        [
            ("predit", "there is no function 'predit'; did you mean 'predict'?"),
            ("net", "there is no function 'net'"),
            ("net.call", "'net.call' has 2 concrete functions; name one of 'net.call.__inference"),
            ("total", "its argument 'rows' is no tensor, but a SparseTensorSpec"),
            ("partly", "its result 'nothing' is None"),
            ("", "from_function names no function"),
        ],
    )
    def test_function(self, fixture_model: ModelFactory, function: str, why: str) -> None:
        text = f'signature {{ key: "a" from_function: "{function}" }}'
        assert why in refusal(fixture_model("tf2_functions"), text)

    def test_all_at_once(self, fixture_model: ModelFactory) -> None:
        text = "".join(
            f'signature {{ key: "{name}" from_function: "{name}" }}' for name in ("total", "partly")
        )
        assert len(refusals(fixture_model("tf2_functions"), text)) == 2

    def test_other_signature_of_that_key(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_functions")
        apply(model, PREDICT, history=False)
        assert "a signature of this key, which does not call 'lines'" in refusal(
            model, PREDICT.replace("predict", "lines")
        )

    @pytest.mark.parametrize("field", ['copy_of: "b"', "drop: true", 'rename_to: "c"'])
    def test_contradictions(self, fixture_model: ModelFactory, field: str) -> None:
        text = f'signature {{ key: "a" from_function: "predict" {field} }}'
        assert any(
            "goes with neither" in problem
            for problem in refusals(fixture_model("tf2_functions"), text)
        )

    def test_model_of_tensorflow_1(self, fixture_model: ModelFactory) -> None:
        assert "no object graph" in refusal(fixture_model("tf1_shared"), PREDICT)

    def test_variable_that_nothing_restores(self, fixture_model: ModelFactory) -> None:
        model = altered(
            fixture_model("tf2_functions"),
            lambda graph: graph.saver_def.ClearField("restore_op_name"),
        )
        why = refusal(model, PREDICT)
        assert "it captures the variable 'scale', the variable 'shift'" in why

    @pytest.mark.parametrize("ports", ["arguments", "results"])
    def test_graph_that_disagrees(self, fixture_model: ModelFactory, ports: str) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            [function] = [
                each
                for each in graph.graph_def.library.function
                if each.signature.name.startswith("__inference_predict")
            ]
            first = function.signature.input_arg[0], function.signature.output_arg[0]
            first[ports == "results"].type = protos.DataType.Value("DT_INT32")

        assert f"other {ports} than the object graph" in refusal(
            altered(fixture_model("tf2_functions"), change), PREDICT
        )

    def test_signature_whose_function_calls_itself(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            for function in graph.graph_def.library.function:
                if function.signature.name.startswith("__inference_signature_wrapper"):
                    for each in function.node_def:
                        if "f" in each.attr:
                            each.attr["f"].func.name = function.signature.name

        model = fixture_model("tf2_functions")
        apply(model, PREDICT, history=False)
        assert "does not call 'predict'" in refusal(altered(model, change), PREDICT)

    @pytest.mark.parametrize("name", ["class", "words"])
    def test_arguments_that_cannot_be_keys(self, fixture_model: ModelFactory, name: str) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            for each in graph.object_graph_def.nodes:
                if each.HasField("bare_concrete_function"):
                    keywords = each.bare_concrete_function.argument_keywords
                    keywords[:] = [name if key == "zz" else key for key in keywords]

        assert "Python" in refusal(altered(fixture_model("tf2_functions"), change), PREDICT)


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_it_returns_what_the_function_returns(self, fixture_model: ModelFactory) -> None:
        """Under both loaders, and after a re-save, with keys that sort otherwise too."""
        import tensorflow as tf

        model = fixture_model("tf2_functions")
        trained, served = (
            each["function"] for each in _functions(model) if each["function"].startswith("net")
        )
        patched = model.with_name("patched")
        text = f"""
            {PREDICT}
            signature {{ key: "lines" from_function: "lines" }}
            signature {{ key: "trained" from_function: "{trained}" }}
            signature {{
                key: "served" from_function: "{served}"
                input {{ key: "b" rename_to: "0" }}
                output {{ key: "output_1" rename_to: "a" }}
            }}
        """
        sigpb.patch(model, parse_text(text), output_dir=patched)
        loaded = model_runner.load_v2(model, SERVE)
        rows = np.float32([[1, 2], [30, 40], [500, 600]])
        words = np.array([b"a", b"nothing", b"b"], object)
        b, q = np.float32([3]), np.float32([50])
        inputs: Values = {
            "serving_default": {"zz": rows, "words": words},
            "lines": {"end": np.array(b"!", object)},
            "trained": {"b": b, "a_q": q},
            "served": {"0": b, "a_q": q},
        }
        first, second = loaded.net.call(tf.constant(b), {"q": tf.constant(q)}, training=True)
        expected: dict[str, dict[str, Array]] = {
            "serving_default": {
                key: value.numpy() for key, value in loaded.predict(rows, words).items()
            },
            "lines": {"output_0": b"b\nc\na\n!"},
            "trained": {"output_0": first.numpy(), "output_1": second.numpy()},
            "served": {"output_0": np.float32([-44]), "a": np.float32([-50])},
        }
        assert second.numpy() == [350]
        saved = model_runner.resave(patched, SERVE, model.with_name("saved"))
        for directory, run in (
            (patched, model_runner.run_v1),
            (patched, model_runner.run_v2),
            (saved, model_runner.run_v1),
        ):
            model_runner.assert_equal(expected, run(directory, SERVE, inputs))

    def test_verified(self, fixture_model: ModelFactory) -> None:
        """Against the function itself, called by what `tf.saved_model.load` returns."""
        text = PREDICT.replace(
            "}",
            """
            examples: "examples"
            input { key: "zz" rename_to: "b" dtype: "int32" }
            output { key: "m" step: "argmax()" }
            }""",
        )
        result = sigpb.patch(
            fixture_model("tf2_functions"), parse_text(text), in_place=True, verify=("v1", "v2")
        )
        assert result.verification is not None
        assert result.verification.verdict == "equivalent"

    def test_fingerprint(self, fixture_model: ModelFactory) -> None:
        assert_fingerprinted(fixture_model("tf2_functions"), PREDICT)


def _functions(model: Path) -> list[dict[str, Any]]:
    from sigpb.inspect.summary import summarize
    from sigpb.saved_model.model import open_model

    with open_model(model) as opened:
        [graph] = summarize(opened, opened.meta_graphs)["meta_graphs"]
    return list(graph["functions"])
