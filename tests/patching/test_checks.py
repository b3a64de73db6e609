from __future__ import annotations

from dataclasses import replace

import pytest

from sigpb import protos
from sigpb.patching import checks
from sigpb.patching.patch_file import parse_text
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.interface import SignatureRef
from tests.patches import missed
from tests.rewrite.drafts import (
    Change,
    add_output,
    all_of,
    bind,
    default,
    draft_of,
    drop,
    meta_graph_bytes,
    rename,
    retype,
)

MODEL = meta_graph_bytes(predict="b, x -> p, s", other="x -> y", single="B -> q")


def problems(change: Change, model: bytes = MODEL) -> list[str]:
    draft = draft_of(model)
    change(draft)
    return list(checks.problems(draft))


def warnings(change: Change, model: bytes = MODEL) -> list[str]:
    draft = draft_of(model)
    change(draft)
    return list(checks.warnings(draft))


def with_object_graph(version: str) -> bytes:
    added = protos.MetaGraphDef()
    added.meta_info_def.tensorflow_version = version
    added.object_graph_def.nodes.add()
    return MODEL + added.SerializeToString()


class TestPatch:
    @pytest.mark.parametrize(
        ("patch", "expected"),
        [
            (
                'signature { key: "a" } signature { key: "b" } signature { key: "a" }',
                ["the patch names signature 'a' 2 times; put the changes together."],
            ),
            ('signature { rename_to: "b" }', ["a signature of the patch has no key."]),
            (
                'signature { key: "a" input { rename_to: "b" } output { drop: true } }',
                [
                    "signature 'a': an input of the patch has no key.",
                    "signature 'a': an output of the patch has no key.",
                ],
            ),
            (
                'signature { key: "a" output { key: "p" } output { key: "p" } }',
                ["signature 'a': the patch names output 'p' 2 times."],
            ),
            (
                'signature { key: "a" output { key: "p" drop: true rename_to: "q" } }',
                ["signature 'a': output 'p' is both dropped and renamed."],
            ),
            (
                'signature { key: "a" drop: true output { key: "p" drop: true } }',
                ["signature 'a': drop goes with no other change."],
            ),
            (
                'signature { key: "a" copy_of: "b" drop: true }',
                ["signature 'a': copy_of goes with neither drop nor rename_to."],
            ),
            (
                'signature { key: "a" copy_of: "__saved_model_init_op" }',
                ["signature 'a': keys that start with '__saved_model_' are TensorFlow's own."],
            ),
        ],
        ids=[
            "signature twice",
            "no key",
            "no endpoint key",
            "endpoint twice",
            "dropped and renamed",
            "dropped and more",
            "copied and dropped",
            "internal",
        ],
    )
    def test_is_wrong_whatever_the_model(self, patch: str, expected: list[str]) -> None:
        assert list(checks.patch_problems(parse_text(patch))) == expected

    @pytest.mark.parametrize(
        ("patch", "expected"),
        [
            ("drop: true", ["drop removes the MetaGraph that tags select; say which (--tags)."]),
            (
                'tags {} drop: true signature { key: "a" }',
                ["drop of a MetaGraph goes with no other change."],
            ),
            ("tags {} drop: true prune: true", ["drop of a MetaGraph goes with no other change."]),
            (
                'tags {} drop: true set_device: "/cpu:0"',
                ["drop of a MetaGraph goes with no other change."],
            ),
            ("tags {} drop: true set_tags {}", ["drop of a MetaGraph goes with no other change."]),
            (
                'clear_devices: true set_device: "/cpu:0"',
                ["clear_devices does not go with set_device, which replaces all devices."],
            ),
            (
                'set_device: ""',
                [
                    "wrong set_device: '' is not the name of a device, such as '/device:CPU:0' or "
                    "'/job:worker/replica:0/task:1/device:GPU:0'."
                ],
            ),
            (
                'tags {} prune: true strip_default_attrs: true set_device: "/cpu:0" set_tags {}',
                [],
            ),
        ],
    )
    def test_meta_graphs_as_wholes(self, patch: str, expected: list[str]) -> None:
        assert list(checks.patch_problems(parse_text(patch))) == expected

    @pytest.mark.parametrize(
        ("endpoint", "expected"),
        [
            (
                'input { key: "x" bind: "1" rename_to: "y" dtype: "int8" shape: "?" default: "1" }',
                [
                    f"input 'x' has '{field}', which does not go with 'bind': it leaves the "
                    "signature."
                    for field in ("rename_to", "dtype", "shape", "default")
                ],
            ),
            (
                'output { key: "x" drop: true dtype: "int8" }',
                ["output 'x' has 'dtype', which does not go with 'drop': it leaves the signature."],
            ),
            (
                'output { key: "x" drop: true from_tensor: "x:0" }',
                [
                    "output 'x' has 'from_tensor', which does not go with 'drop': it leaves the "
                    "signature."
                ],
            ),
            (
                'input { key: "x" drop: true bind: "1" }',
                ["input 'x' has 'bind', which does not go with 'drop': it leaves the signature."],
            ),
            (
                'output { key: "x" bind: "1" }',
                ["output 'x' has 'bind', which only an input can have."],
            ),
            (
                'output { key: "x" default: "1" }',
                ["output 'x' has 'default', which only an input can have."],
            ),
            (
                'input { key: "x" from_tensor: "x:0" node_name: "y" }',
                [
                    "input 'x' has 'node_name', which does not go with 'from_tensor'; state it in "
                    "a second patch."
                ],
            ),
            (
                'examples: "e" input { key: "x" from_tensor: "x:0" }',
                [
                    "examples does not go with an input that is dropped or fed inside of the "
                    "graph; make the two changes in two patches."
                ],
            ),
            (
                'from_function: "f" input { key: "x" drop: true }',
                [
                    "from_function does not go with an input that is dropped or fed inside of "
                    "the graph; make the two changes in two patches."
                ],
            ),
            (
                'input { key: "x" from_tensor: "x:0" default: "1" }',
                [
                    "input 'x' has 'default', which does not go with 'from_tensor'; state it in a "
                    "second patch."
                ],
            ),
            (
                'output { key: "x" from_tensor: "x:0" rename_to: "y" }',
                [
                    "output 'x' is added, so it cannot be renamed; add it with the key that you "
                    "want."
                ],
            ),
        ],
    )
    def test_what_does_not_go_together(self, endpoint: str, expected: list[str]) -> None:
        patch = parse_text(f'signature {{ key: "a" {endpoint} }}')
        assert list(checks.patch_problems(patch)) == [f"signature 'a': {said}" for said in expected]

    @pytest.mark.parametrize(
        "endpoint",
        [
            'input { key: "x" rename_to: "y" dtype: "int8" shape: "[]" default: "1" }',
            'input { key: "x" bind: "1" }',
            'output { key: "x" rename_to: "y" dtype: "int8" shape: "[]" }',
            'output { key: "x" from_tensor: "x:0" dtype: "int8" shape: "[]" }',
            'input { key: "x" dtype: "DT_FLOAT" shape: "?,3" } output { key: "x" dtype: "half" }',
            'input { key: "x" shape: "<unknown>" } output { key: "x" shape: "(1,)" }',
        ],
    )
    def test_what_goes_together(self, endpoint: str) -> None:
        patch = parse_text(f'signature {{ key: "a" {endpoint} }}')
        assert list(checks.patch_problems(patch)) == []

    @pytest.mark.parametrize(
        ("dtype", "said"),
        [
            ("unit8", "'unit8' is not a dtype; did you mean 'uint8'?"),
            ("flaot32", "'flaot32' is not a dtype; did you mean 'float32'?"),
            ("FLOATS32", "'FLOATS32' is not a dtype; did you mean 'float32'?"),
            ("", "'' is not a dtype; "),
            ("int", "'int' is not a dtype for certain; did you mean 'int32' or 'int64'?"),
        ],
    )
    @pytest.mark.parametrize("side", ["input", "output"])
    def test_a_wrong_dtype(self, side: str, dtype: str, said: str) -> None:
        patch = parse_text(f'signature {{ key: "a" {side} {{ key: "x" dtype: "{dtype}" }} }}')
        (problem,) = checks.patch_problems(patch)
        assert problem.startswith(f"signature 'a': {side} 'x' has a wrong dtype: {said}")

    @pytest.mark.parametrize("shape", ["", "3x4", "[3", "[3]]", "[-2]", "[3,,4]", "[1.5]", "[[3]]"])
    @pytest.mark.parametrize("side", ["input", "output"])
    def test_a_wrong_shape(self, side: str, shape: str) -> None:
        patch = parse_text(f'signature {{ key: "a" {side} {{ key: "x" shape: "{shape}" }} }}')
        (problem,) = checks.patch_problems(patch)
        assert problem.startswith(
            f"signature 'a': {side} 'x' has a wrong shape: '{shape}' is not a shape: "
        )

    def test_dtype_and_shape_are_both_wrong(self) -> None:
        patch = parse_text('signature { key: "a" input { key: "x" dtype: "in8" shape: "a" } }')
        first, second = checks.patch_problems(patch)
        assert "has a wrong dtype" in first
        assert "has a wrong shape" in second

    @pytest.mark.parametrize(
        "size", ["", "x", "-2", "1.5", "[3]", "(3)", "3,4", "[]", "unknown", "<unknown>", "?,?"]
    )
    def test_a_wrong_batch_size(self, size: str) -> None:
        patch = parse_text(f'signature {{ key: "a" batch_size: "{size}" }}')
        assert list(checks.patch_problems(patch)) == [
            f"signature 'a': '{size}' is not a batch size; give a number, or \"?\" for any."
        ]

    def test_a_batch_size_of_zero(self) -> None:
        patch = parse_text('signature { key: "a" batch_size: "0" }')
        assert list(checks.patch_problems(patch)) == [
            "signature 'a': a batch size of 0 leaves no examples; give a number above 0, or \"?\" "
            "for any."
        ]

    @pytest.mark.parametrize(("size", "shape"), [("1", "?,3"), ("4", "[8,3]"), ("?", "[1]")])
    def test_a_shape_of_another_batch_size(self, size: str, shape: str) -> None:
        patch = f'batch_size: "{size}" input {{ key: "x" shape: "{shape}" }}'
        (problem,) = checks.patch_problems(parse_text(f'signature {{ key: "a" {patch} }}'))
        assert problem == (
            f"signature 'a': batch_size is {size}, and the shape {shape} of input 'x' begins with "
            "another size; make them equal, or state only the shapes."
        )
        alike = patch.replace(shape, f"[{size},7]").replace("}", '} input { key: "y" shape: "[]" }')
        assert not list(checks.patch_problems(parse_text(f'signature {{ key: "a" {alike} }}')))

    @pytest.mark.parametrize("side", ["input", "output"])
    def test_a_reshape_needs_a_shape(self, side: str) -> None:
        patch = parse_text(f'signature {{ key: "a" {side} {{ key: "x" reshape: true }} }}')
        assert list(checks.patch_problems(patch)) == [
            f"signature 'a': {side} 'x' has 'reshape', but no 'shape' that it is to be reshaped to."
        ]
        patch = parse_text('signature { key: "a" output { key: "x" reshape: true drop: true } }')
        assert "'reshape', which does not go with 'drop'" in next(checks.patch_problems(patch))

    @pytest.mark.parametrize("size", ["?", "1", "128", "-1", "None", " 8 "])
    def test_batch_sizes(self, size: str) -> None:
        patch = parse_text(f'signature {{ key: "a" batch_size: "{size}" }}')
        assert list(checks.patch_problems(patch)) == []

    @pytest.mark.parametrize("field", ['batch_size: "?"', 'method_name: "m"'])
    def test_a_signature_that_goes_has_no_other_change(self, field: str) -> None:
        patch = parse_text(f'signature {{ key: "a" drop: true {field} }}')
        assert list(checks.patch_problems(patch)) == [
            "signature 'a': drop goes with no other change."
        ]

    @pytest.mark.parametrize("tensor", ["", "^x", "x:y", "x:", "x:0:0", "x:-1", "a b", ":0"])
    def test_a_wrong_tensor(self, tensor: str) -> None:
        patch = parse_text(
            f'signature {{ key: "a" output {{ key: "z" from_tensor: "{tensor}" }} }}'
        )
        (problem,) = checks.patch_problems(patch)
        assert problem.startswith(f"signature 'a': output 'z' has a wrong from_tensor: '{tensor}'")

    def test_renames_two_to_one(self) -> None:
        inputs = """
            signature {
                key: "a"
                input { key: "x" rename_to: "z" }
                input { key: "y" rename_to: "z" }
            }
            """
        signatures = 'signature { key: "a" rename_to: "z" } signature { key: "b" rename_to: "z" }'
        for patch, what in ((inputs, "two inputs"), (signatures, "two signatures")):
            (problem,) = checks.patch_problems(parse_text(patch))
            assert what in problem
            assert "'z'" in problem

    def test_a_key_may_be_renamed_away_and_be_a_copy(self) -> None:
        patch = """
            signature { key: "a" rename_to: "b" input { key: "x" } output { key: "x" } }
            signature { key: "a" copy_of: "c" }
            """
        assert list(checks.patch_problems(parse_text(patch))) == []


class TestDraft:
    def test_nothing_is_wrong(self) -> None:
        swap = rename("predict", "other", inputs={"x": "b", "b": "x"}, outputs={"p": "x"})
        assert problems(all_of(swap, rename("other", "predict"))) == []

    def test_two_signatures_with_one_key(self) -> None:
        message = "two signatures would have the key 'other'; rename or delete one of them."
        assert problems(rename("predict", "other")) == [message]
        assert problems(rename("other", copy_of="predict")) == [message]
        assert problems(all_of(rename("predict", "other"), drop("other"))) == []

    def test_two_endpoints_with_one_key(self) -> None:
        assert problems(rename("predict", outputs={"p": "s"})) == [
            "signature 'predict': two outputs would have the key 's'; give one of them another key."
        ]
        drop_and_rename = all_of(drop("predict", output="s"), rename("predict", outputs={"p": "s"}))
        assert problems(drop_and_rename) == []

    def test_keys_that_cannot_be(self) -> None:
        assert problems(rename("predict", "__saved_model_x", inputs={"x": ""})) == [
            "signature 'predict': keys that start with '__saved_model_' are TensorFlow's own.",
            "signature 'predict': an input cannot have an empty key.",
        ]

    def test_an_added_output_takes_a_key(self) -> None:
        assert problems(add_output("predict", "s", "t:0")) == [
            "signature 'predict': two outputs would have the key 's'; give one of them another key."
        ]
        assert problems(add_output("predict", "t", "t:0")) == []
        replaced = all_of(drop("other", output="y"), add_output("other", "y", "t:0"))
        assert problems(replaced) == []

    def test_an_input_that_is_bound_leaves_its_key(self) -> None:
        value = protos.TensorProto(dtype=1)
        assert (
            problems(all_of(bind("predict", "b", value), rename("predict", inputs={"x": "b"})))
            == []
        )

    def test_a_default_of_another_type(self) -> None:
        model = protos.MetaGraphDef.FromString(MODEL)
        model.signature_def["predict"].defaults["x"].dtype = 1
        (problem,) = problems(retype("predict", "input", "x", "int8"), model.SerializeToString())
        assert problem == (
            "signature 'predict': input 'x' has a default value, of its present type; state a "
            "default of the new type."
        )
        restated = all_of(
            retype("predict", "input", "x", "int8"),
            default("predict", "x", protos.TensorProto(dtype=6)),
        )
        assert problems(restated, model.SerializeToString()) == []
        bound = bind("predict", "x", protos.TensorProto(dtype=1))
        assert problems(bound, model.SerializeToString()) == []

    def test_an_empty_key(self) -> None:
        def forget_key(draft: MetaGraphDraft) -> None:
            draft.put(replace(draft.signature(SignatureRef("other")), key=""))

        assert problems(forget_key) == ["signature 'other': a signature cannot have an empty key."]

    def test_no_outputs_left(self) -> None:
        assert problems(drop("other", output="y")) == [
            "signature 'other': its last output cannot be dropped; delete the signature instead."
        ]

    @pytest.mark.parametrize("key", ["a b", "in:0", "0", "_", "é", "None_", "cls", "args"])
    def test_input_keys_that_loaders_take(self, key: str) -> None:
        assert problems(rename("predict", inputs={"x": key})) == []

    @pytest.mark.parametrize("key", ["for", "None", "self", "async"])
    def test_input_keys_that_no_call_can_name(self, key: str) -> None:
        (problem,) = problems(rename("predict", inputs={"x": key}))
        assert problem.startswith(
            f"signature 'predict': tf.saved_model.load cannot take an input '{key}'"
        )

    def test_output_keys_are_not_named_in_calls(self) -> None:
        assert problems(rename("predict", outputs={"p": "for", "s": "a b"})) == []

    def test_input_keys_with_one_argument_name(self) -> None:
        (problem,) = problems(rename("predict", inputs={"x": "a b", "b": "a:b"}))
        assert "the inputs 'a b' and 'a:b' the same argument name, 'a_b'" in problem

    def test_an_argument_name_that_was_there_twice_is_no_reason_to_refuse(self) -> None:
        draft = draft_of(meta_graph_bytes(predict="a.b, a-b -> p"))
        rename("predict", outputs={"p": "q"})(draft)
        assert list(checks.problems(draft)) == []


class TestWarnings:
    def test_none(self) -> None:
        assert warnings(rename("predict", "z", inputs={"x": "a/b.c"}, outputs={"p": "a b"})) == []

    @pytest.mark.parametrize("key", ["a b", "in:0", "_x", "é"])
    def test_keys_that_cannot_be_exported_again(self, key: str) -> None:
        assert warnings(rename("predict", inputs={"x": key})) == [
            f"signature 'predict': input '{key}' cannot name a node of a graph; TensorFlow loads "
            "and serves it, but tf.saved_model.save would refuse to export it."
        ]

    def test_keys_that_differ_in_case(self) -> None:
        assert warnings(rename("predict", inputs={"x": "B"})) == [
            "signature 'predict': input 'B' differs from 'b' only in case; TensorFlow loads and "
            "serves it, but tf.saved_model.save would refuse to export it."
        ]

    def test_an_input_and_an_output_that_come_to_share_a_key(self) -> None:
        expected = [
            "signature 'predict': an input and an output have the key 'x'; TensorFlow serves them, "
            "but tf2onnx and OpenVINO need different names for the two."
        ]
        assert warnings(rename("predict", outputs={"p": "x"})) == expected
        assert warnings(rename("predict", inputs={"b": "x", "x": "b"}, outputs={"p": "x"})) == (
            expected
        )
        assert warnings(add_output("predict", "x", "t:0")) == expected

    def test_an_input_and_an_output_that_share_a_key_already(self) -> None:
        model = meta_graph_bytes(predict="x, b -> x, y")
        assert warnings(rename("predict", outputs={"y": "z"}), model) == []
        assert warnings(rename("predict", outputs={"x": "z"}), model) == []

    @pytest.mark.parametrize("version", ["2.7.0", "2.21.0", ""])
    def test_signatures_that_the_checkpoint_goes_on_listing(self, version: str) -> None:
        model = with_object_graph(version)
        change = all_of(rename("predict", "new"), drop("other"))
        assert [f"warning: {each}" for each in warnings(change, model)] == [
            missed("other", "predict")
        ]
        kept = all_of(rename("predict", "other"), rename("other", "predict"))
        assert warnings(kept, model) == []
        assert warnings(rename("new", copy_of="predict"), model) == []

    @pytest.mark.parametrize(
        "model", [with_object_graph("2.6.5"), with_object_graph("1.15.0"), MODEL]
    )
    def test_signatures_that_no_checkpoint_lists(self, model: bytes) -> None:
        assert warnings(rename("predict", "new"), model) == []

    def test_keys_that_stay(self) -> None:
        model = meta_graph_bytes(predict="a:0, b, B -> p")
        change = all_of(
            retype("predict", "input", "a:0", "int8"),
            bind("predict", "b", protos.TensorProto()),
        )
        assert warnings(change, model) == []

    def test_keys_that_were_like_that_before(self) -> None:
        model = meta_graph_bytes(predict="a:0, b, B -> p")
        assert warnings(rename("predict", outputs={"p": "q"}), model) == []

    def test_a_deleted_signature_warns_of_nothing(self) -> None:
        assert warnings(all_of(rename("predict", inputs={"x": "a b"}), drop("predict"))) == []
