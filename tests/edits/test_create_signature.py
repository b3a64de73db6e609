from __future__ import annotations

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.before_after import planned, types_of
from tests.edits.in_tensorflow import SERVE
from tests.parts import changed_parts, parts
from tests.patches import (
    MAIN,
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    refusal,
    refusals,
)
from tests.views import outline

# The keys sort otherwise than the tensors x, y and than difference, sum_1.
ENDPOINTS = """
    input { key: "z" from_tensor: "x:0" }
    input { key: "a" from_tensor: "y" }
    output { key: "p" from_tensor: "sum_1:0" }
    output { key: "d" from_tensor: "difference" }
"""
PREDICT = "tensorflow/serving/predict"
NEW = f'signature {{ key: "new" create: true method_name: "{PREDICT}" {ENDPOINTS} }}'


def creating(endpoints: str, key: str = "new") -> str:
    return f'signature {{ key: "{key}" create: true {endpoints} }}'


class TestChanged:
    def test_signature_of_tensors(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        before = (model / MAIN).read_bytes()
        after = apply(model, NEW)
        assert outline(after)["new"] == "a, z -> d, p"
        made = after.signature_def["new"]
        assert made.method_name == PREDICT
        tensors = {**made.inputs, **made.outputs}
        assert {key: info.name for key, info in tensors.items()} == {
            **{"z": "x:0", "a": "y:0"},
            **{"p": "sum_1:0", "d": "difference:0"},
        }
        assert types_of(after, "new") == (
            "a float32 [?,3], z float32 [?,3] -> d float32 [?,3], p float32 [?,3]"
        )
        assert changed_parts(before, (model / MAIN).read_bytes()) == {"signature_def[new]"}
        assert [name for name in parts((model / MAIN).read_bytes()) if "signature_def" in name][
            -1
        ] == "signature_def[new]"

    def test_where_there_was_none(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            graph.signature_def.clear()
            graph.asset_file_def.add(filename="classes.txt")

        model = altered(fixture_model("tf1_shared"), change)
        assert outline(apply(model, NEW)) == {"new": "a, z -> d, p"}
        # The fields keep the order of their numbers.
        sections = [name.partition("[")[0] for name in parts((model / MAIN).read_bytes())]
        assert sections.index("signature_def") < sections.index("asset_file_def")
        assert sections.index("signature_def") > sections.index("collection_def")

    def test_types_that_the_patch_states(self, fixture_model: ModelFactory) -> None:
        text = NEW.replace('"y" }', '"y" dtype: "float64" default: "[[1, 2, 3]]" }').replace(
            '"sum_1:0" }', '"sum_1:0" step: "softmax()" dtype: "float16" shape: "[2,3]" }'
        )
        after = apply(fixture_model("tf1_shared"), text)
        assert types_of(after, "new") == (
            "a float64 [?,3], z float32 [?,3] -> d float32 [?,3], p float16 [2,3]"
        )
        assert list(after.signature_def["new"].defaults) == ["a"]
        # The tensors of the other signatures are as they were.
        assert types_of(after) == (
            "scale float32 [], x float32 [?,3], y float32 [?,3] -> "
            "difference float32 [?,3], sum float32 [?,3]"
        )

    def test_placeholder_bound(self, fixture_model: ModelFactory) -> None:
        text = NEW.replace('"y" }', '"y" bind: "[[1, 2, 3]]" }')
        assert outline(apply(fixture_model("tf1_shared"), text))["new"] == "z -> d, p"

    def test_interior_input(self, fixture_model: ModelFactory) -> None:
        text = creating(
            'input { key: "s" from_tensor: "sum_1" } output { key: "o" from_tensor: "sum_1:0" }'
        )
        assert outline(apply(fixture_model("tf1_shared"), text))["new"] == "s -> o"

    def test_plan(self, fixture_model: ModelFactory) -> None:
        assert planned(fixture_model("tf1_shared"), NEW) == [
            f"created, method '{PREDICT}', with input 'a' from tensor 'y:0' float32 [?,3], "
            "input 'z' from tensor 'x:0' float32 [?,3], output 'd' from tensor 'difference:0' "
            "float32 [?,3], output 'p' from tensor 'sum_1:0' float32 [?,3]"
        ]

    def test_input_that_nothing_is_computed_from(self, fixture_model: ModelFactory) -> None:
        text = creating(
            'input { key: "x" from_tensor: "x" } input { key: "y" from_tensor: "y" }'
            'input { key: "s" from_tensor: "scale" } output { key: "o" from_tensor: "sum_1" }'
        )
        warnings = sigpb.plan(fixture_model("tf1_shared"), parse_text(text)).warnings
        assert [warning for warning in warnings if "is computed from" in warning] == [
            "signature 'new': no output is computed from input 's'; clients have to feed it all "
            "the same."
        ]


class TestUnchanged:
    def test_signature_that_is_there(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, NEW, history=False)
        assert_unchanged(model, NEW)

    def test_twice(self, fixture_model: ModelFactory) -> None:
        text = NEW.replace('"y" }', '"y" dtype: "float64" }')
        assert_twice_is_once(fixture_model("tf1_shared"), text)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (PREDICT, "tensorflow/serving/regress"),
            ("sum_1:0", "scores:0"),
            ('"y" }', '"y" dtype: "float64" }'),
            ('"y" }', '"y" default: "[[1, 2, 3]]" }'),
            ('key: "p"', 'key: "q"'),
        ],
    )
    def test_not_if_it_is_another(self, fixture_model: ModelFactory, old: str, new: str) -> None:
        model = fixture_model("tf1_shared")
        apply(model, NEW)
        assert refusal(model, NEW.replace(old, new)) == (
            "signature 'new' cannot be created: the model already has a signature of this key, "
            "which differs from the patch; change it without create, or choose another key."
        )


class TestRefused:
    @pytest.mark.parametrize(
        ("endpoints", "reason"),
        [
            (
                'output { key: "o" from_tensor: "suum_1" }',
                "output 'o': the graph has no tensor 'suum_1'; did you mean 'sum_1'?",
            ),
            (
                'output { key: "o" from_tensor: "sum_1:1" }',
                "output 'o': the node 'sum_1' (AddV2) has no output 1.",
            ),
            (
                'output { key: "o" from_tensor: "w" }',
                "output 'o': 'w' is a resource, a handle that only the graph itself can use; name "
                "a tensor that is read from it.",
            ),
            (
                'input { key: "a" from_tensor: "x" } input { key: "b" from_tensor: "x:0" } '
                'output { key: "o" from_tensor: "scores" }',
                "the inputs 'a' and 'b' are the same tensor, 'x:0'; keep one of them.",
            ),
            (
                'input { key: "x" from_tensor: "x" } output { key: "o" from_tensor: "sum_1" } '
                'output { key: "b" from_tensor: "difference" }',
                "output 'b', 'o' is computed from the placeholder 'y', which nobody would feed; "
                'make it an input: from_tensor: "y:0".',
            ),
        ],
    )
    def test_tensors(self, fixture_model: ModelFactory, endpoints: str, reason: str) -> None:
        problem = refusal(fixture_model("tf1_shared"), creating(endpoints))
        assert problem.startswith(f"signature 'new' cannot be created: {reason}")

    def test_unknown_op(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            graph.graph_def.node.add(name="custom", op="NobodyKnows")

        model = altered(fixture_model("tf1_shared"), change)
        problem = refusal(model, creating('output { key: "o" from_tensor: "custom" }'))
        assert "sigpb does not know the op 'NobodyKnows' of 'custom'" in problem

    def test_variable_that_is_a_reference(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            node = graph.graph_def.node.add(name="old", op="VariableV2")
            node.attr["dtype"].type = protos.DataType.Value("DT_FLOAT")

        model = altered(fixture_model("tf1_shared"), change)
        problem = refusal(model, creating('output { key: "o" from_tensor: "old" }'))
        assert "'old' is a float32_ref, a handle that only the graph itself can use" in problem

    def test_inside_of_a_loop(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            node = graph.graph_def.node.add(name="entered", op="Enter", input=["x"])
            node.attr["T"].type = 1
            node.attr["frame_name"].s = b"loop"

        model = altered(fixture_model("tf1_shared"), change)
        text = creating(
            'input { key: "i" from_tensor: "entered" } output { key: "o" from_tensor: "entered" }'
        )
        problems = refusals(model, text)
        assert [problem.partition(": ")[2][:45] for problem in problems] == [
            "input 'i': 'entered' is inside of a loop, whi",
            "output 'o': 'entered' is inside of a loop, wh",
        ]
        assert problems[0].endswith("no client can feed it.")
        assert problems[1].endswith("no client can fetch it.")

    def test_object_graph(self, fixture_model: ModelFactory) -> None:
        problem = refusal(fixture_model("tf2_linear"), NEW)
        assert problem == (
            "signature 'new' cannot be created: the MetaGraph has an object graph, in which a "
            "signature is a function; name one with from_function."
        )

    def test_one_of_two_graphs(self, fixture_model: ModelFactory) -> None:
        problems = refusals(fixture_model("tf1_two_graphs"), NEW)
        assert all(problem.startswith("MetaGraph {") for problem in problems)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ('output { key: "o" }', "output 'o' does not say which tensor it is"),
            ('input { key: "i" from_tensor: "x" }', "create goes with outputs"),
            (f'{ENDPOINTS} copy_of: "regress"', "create goes without copy_of"),
            (f'{ENDPOINTS} rename_to: "regress"', "create goes without rename_to"),
            (f'{ENDPOINTS} from_function: "f"', "create goes without from_function"),
            (
                'output { key: "o" from_tensor: "x" rename_to: "a" }',
                "output 'o' is added, so it cannot be renamed",
            ),
            (
                'output { key: "o" from_tensor: "x" drop: true }',
                "output 'o' has 'from_tensor', which does not go with 'drop'",
            ),
            ('output { key: "o" from_tensor: "^x" }', "output 'o' has a wrong from_tensor"),
        ],
    )
    def test_patch(self, fixture_model: ModelFactory, text: str, reason: str) -> None:
        problems = refusals(fixture_model("tf1_shared"), creating(text))
        assert any(problem.startswith(f"signature 'new': {reason}") for problem in problems)

    def test_created_and_dropped(self, fixture_model: ModelFactory) -> None:
        problems = refusals(fixture_model("tf1_shared"), creating(f"{ENDPOINTS} drop: true"))
        assert "signature 'new': create goes without drop." in problems

    def test_copy_of_what_is_created(self, fixture_model: ModelFactory) -> None:
        text = NEW + 'signature { key: "copy" copy_of: "new" }'
        assert refusals(fixture_model("tf1_shared"), text) == (
            "signature 'copy': copy_of names a signature that the patch creates; create both.",
        )

    def test_keys_that_cannot_be_called(self, fixture_model: ModelFactory) -> None:
        text = creating(
            'input { key: "a:0" from_tensor: "x" } input { key: "a_0" from_tensor: "y" } '
            'output { key: "o" from_tensor: "sum_1" }'
        )
        assert "the same argument name" in refusal(fixture_model("tf1_shared"), text)


class TestInverse:
    def test_drops_it(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        undo = sigpb.invert(model, parse_text(NEW))
        assert [(each.key, each.drop) for each in undo.signature] == [("new", True)]

    @pytest.mark.parametrize("extra", ["", 'dtype: "float64"', 'default: "[[1.0, 2.0, 3.0]]"'])
    def test_is_inferred(self, fixture_model: ModelFactory, extra: str) -> None:
        model, other = fixture_model("tf1_shared"), fixture_model("tf1_shared")
        apply(other, NEW.replace('"y" }', f'"y" {extra} }}'))
        found = sigpb.infer(model, other)
        apply(model, str(found))
        assert not sigpb.infer(model, other).signature

    def test_is_not_inferred_with_steps(self, fixture_model: ModelFactory) -> None:
        model, other = fixture_model("tf1_shared"), fixture_model("tf1_shared")
        apply(other, NEW.replace('"sum_1:0" }', '"sum_1:0" step: "softmax()" }'))
        with pytest.raises(sigpb.PatchError):
            sigpb.infer(model, other)


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_runs(self, fixture_model: ModelFactory) -> None:
        """Under both loaders and after a re-save; sum_1 is x + 2y."""
        model = fixture_model("tf1_shared")
        patched = model.with_name("patched")
        text = NEW.replace('"y" }', '"y" dtype: "int64" }')
        sigpb.patch(model, parse_text(text), output_dir=patched)
        x, y = np.array([[1, 2, 3]], "float32"), np.array([[10, 20, 40]])
        fed = {"new": {"z": x, "a": y}}
        saved = model_runner.resave(patched, SERVE, model.with_name("saved"))
        runs = [model_runner.run_v1(patched, SERVE, fed)]
        runs += [model_runner.run_v2(each, SERVE, fed) for each in (patched, saved)]
        for run in runs:
            outputs = run["new"]
            assert not isinstance(outputs, str), outputs
            assert outputs["p"].tolist() == [[21, 42, 83]]
            assert outputs["d"].tolist() == [[-17, -34, -81]]  # 3 (x - y) + w
