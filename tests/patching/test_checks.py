from __future__ import annotations

import pytest

from sigpb.patching import checks
from sigpb.patching.patch_file import parse_text
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef
from tests.rewrite.drafts import Change, all_of, draft_of, drop, meta_graph_bytes, rename

MODEL = meta_graph_bytes(predict="b, x -> p, s", other="x -> y", single="B -> q")


def problems(change: Change) -> list[str]:
    draft = draft_of(MODEL)
    change(draft)
    return list(checks.problems(draft))


def warnings(change: Change, model: bytes = MODEL) -> list[str]:
    draft = draft_of(model)
    change(draft)
    return list(checks.warnings(draft))


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
            "signature 'predict': two outputs would have the key 's'; rename one of them otherwise."
        ]
        drop_and_rename = all_of(drop("predict", output="s"), rename("predict", outputs={"p": "s"}))
        assert problems(drop_and_rename) == []

    def test_keys_that_cannot_be(self) -> None:
        assert problems(rename("predict", "__saved_model_x", inputs={"x": ""})) == [
            "signature 'predict': keys that start with '__saved_model_' are TensorFlow's own.",
            "signature 'predict': an input cannot have an empty key.",
        ]

    def test_an_empty_key(self) -> None:
        def forget_key(draft: MetaGraphDraft) -> None:
            draft.signature(SignatureRef("other")).key = ""

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

    def test_keys_that_were_like_that_before(self) -> None:
        model = meta_graph_bytes(predict="a:0, b, B -> p")
        assert warnings(rename("predict", outputs={"p": "q"}), model) == []

    def test_a_deleted_signature_warns_of_nothing(self) -> None:
        assert warnings(all_of(rename("predict", inputs={"x": "a b"}), drop("predict"))) == []
