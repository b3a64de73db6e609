"""Outputs that are made of other outputs, or that return what clients send."""

from __future__ import annotations

import pytest

import sigpb
from sigpb.errors import PatchError
from sigpb.patching.patch_file import parse_text
from tests.edits.before_after import planned, types_of
from tests.patches import (
    ModelFactory,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    refusal,
    refusals,
)

BEST = 'output { key: "best" from_output: "scores" step: "argmax()" }'
ID = 'input { key: "id" dtype: "string" shape: "[?]" add: true }'
PASSED = f'{ID} output {{ key: "a_id" from_input: "id" }}'


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


class TestChanged:
    def test_output_of_an_output(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        patch = serving(BEST)
        assert planned(model, patch) == ["output 'best' added from output 'scores' by argmax()"]
        assert types_of(apply(model, patch)) == (
            "training bool [], x float32 [?,4] -> "
            "best int64 [?], label int64 [?], scores float32 [?,3]"
        )

    def test_no_function_is_copied(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        before = {each.signature.name for each in only_graph(model).graph_def.library.function}
        after = apply(model, serving(BEST)).graph_def.library.function
        added = [f.signature.name for f in after if f.signature.name not in before]
        assert len(added) == 1
        assert added[0].startswith("__inference_signature_wrapper_sigpb_")

    def test_output_that_is_converted_or_goes(self, fixture_model: ModelFactory) -> None:
        # What it is made of is what the model has, whatever becomes of that.
        for change, expected in (
            ('dtype: "int32"', "best int64 [?], label int64 [?], scores int32 [?,3]"),
            ('rename_to: "a"', "a float32 [?,3], best int64 [?], label int64 [?]"),
            ("drop: true", "best int64 [?], label int64 [?]"),
        ):
            after = apply(
                fixture_model("tf2_image"),
                serving(f'{BEST} output {{ key: "scores" {change} }}'),
            )
            assert types_of(after).endswith(f" -> {expected}")

    @pytest.mark.parametrize(
        ("name", "outputs"),
        [
            ("tf2_linear", "a_id string [?], p float32 [?,3], s float32 [?,3]"),
            ("tf1_shared", "a_id string [?], difference float32 [?,3], sum float32 [?,3]"),
        ],
    )
    def test_input_that_is_added(
        self, fixture_model: ModelFactory, name: str, outputs: str
    ) -> None:
        model = fixture_model(name)
        before = types_of(only_graph(model)).partition(" -> ")[0]
        assert planned(model, serving(PASSED)) == [
            "input 'id' string [?] added",
            "output 'a_id' added from input 'id'",
        ]
        inputs = ", ".join(sorted([*before.split(", "), "id string [?]"]))
        assert types_of(apply(model, serving(PASSED))) == f"{inputs} -> {outputs}"

    def test_input_that_is_converted(self, fixture_model: ModelFactory) -> None:
        # What comes back is what clients send.
        patch = serving(
            'input { key: "x" rename_to: "y" dtype: "int8" } output { key: "z" from_input: "x" }'
        )
        assert types_of(apply(fixture_model("tf2_linear"), patch)) == (
            "b float32 [?,3], y int8 [?,3] -> p float32 [?,3], s float32 [?,3], z int8 [?,3]"
        )

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_is_undone(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        before = types_of(only_graph(model))
        of = "p" if name == "tf2_linear" else "sum"
        patch = serving(
            f'output {{ key: "a" from_output: "{of}" step: "softmax()" }} '
            'output { key: "z" from_input: "x" }'
        )
        undo = sigpb.invert(model, parse_text(patch))
        apply(model, patch)
        sigpb.patch(model, undo, in_place=True, backup=False)
        assert types_of(only_graph(model)) == before


class TestUnchanged:
    @pytest.mark.parametrize(
        ("name", "endpoints"),
        [("tf2_image", BEST), ("tf2_linear", PASSED), ("tf1_shared", PASSED)],
    )
    def test_the_same_patch_again(
        self, fixture_model: ModelFactory, name: str, endpoints: str
    ) -> None:
        assert_twice_is_once(fixture_model(name), serving(endpoints))

    def test_an_output_that_is_there(self, fixture_model: ModelFactory) -> None:
        # Without a record, and after the output that it is made of was renamed.
        patch = serving(
            'output { key: "sum" rename_to: "total" } output { key: "a" from_output: "sum" }'
        )
        model = fixture_model("tf1_shared")
        apply(model, patch)
        (model / "sigpb.history.jsonl").unlink()
        assert_unchanged(model, patch)


class TestRefused:
    @pytest.mark.parametrize(
        ("endpoints", "expected"),
        [
            (
                'output { key: "a" from_output: "score" }',
                ["output 'a' cannot be added: there is no output 'score'; did you mean 'scores'?"],
            ),
            (
                'output { key: "a" from_input: "idd" }',
                ["output 'a' cannot be added: there is no input 'idd'; "],
            ),
            (
                'input { key: "training" bind: "true" } output { key: "a" from_input: "training" }',
                ["output 'a' cannot be added: clients do not send the input 'training'"],
            ),
            (
                'output { key: "label" from_output: "scores" }',
                ["two outputs would have the key 'label'"],
            ),
            (
                'output { key: "a" from_output: "label" step: "softmax()" }',
                ["output 'a': softmax takes a vector for each example, not [?]"],
            ),
            (ID, ["input 'id' is added, and no output passes it on"]),
            (
                'input { key: "id" add: true } output { key: "a" from_input: "id" }',
                ["input 'id' is added, so the patch has to state its dtype and its shape."],
            ),
            (
                'input { key: "x" dtype: "string" shape: "[?]" add: true } '
                'output { key: "a" from_input: "x" }',
                ["two inputs would have the key 'x'"],
            ),
            (
                'input { key: "id" dtype: "string" shape: "[?]" add: true step: "flatten()" '
                'rename_to: "b" } output { key: "a" from_input: "id" }',
                [
                    "input 'id' is added, so it cannot be renamed",
                    "input 'id' has 'step', which does not go with 'add'",
                ],
            ),
            (
                'output { key: "a" from_output: "scores" from_input: "x" rename_to: "b" }',
                [
                    "output 'a' has 'from_output' and 'from_input'; it can be made of one",
                    "output 'a' is added, so it cannot be renamed",
                ],
            ),
            (
                'output { key: "scores" add: true }',
                ["output 'scores' has 'add', which only an input can have."],
            ),
            (
                'input { key: "x" from_input: "x" }',
                ["input 'x' has 'from_input', which only an output can have."],
            ),
        ],
    )
    def test_with_the_reason(
        self, fixture_model: ModelFactory, endpoints: str, expected: list[str]
    ) -> None:
        found = refusals(fixture_model("tf2_image"), serving(endpoints))
        for problem, start in zip(found, expected, strict=False):
            assert problem.startswith(f"signature 'serving_default': {start}")
        assert len(found) >= len(expected)

    @pytest.mark.parametrize("side", ["input", "output"])
    def test_an_endpoint_of_several_tensors(self, fixture_model: ModelFactory, side: str) -> None:
        model = fixture_model("tf1_composite")
        key, signature = next(iter(only_graph(model).signature_def.items()))
        infos = signature.inputs if side == "input" else signature.outputs
        name = next(n for n, info in sorted(infos.items()) if info.HasField("composite_tensor"))
        patch = f'signature {{ key: "{key}" output {{ key: "new" from_{side}: "{name}" }} }}'
        assert refusal(model, patch).endswith(f"{side} {name!r} is made of several tensors.")

    def test_a_key_that_cannot_be_called(self, fixture_model: ModelFactory) -> None:
        patch = serving(PASSED.replace('"id"', '"self"'))
        assert "tf.saved_model.load cannot take an input 'self'" in refusal(
            fixture_model("tf2_linear"), patch
        )

    def test_to_be_undone_with_an_input(self, fixture_model: ModelFactory) -> None:
        with pytest.raises(PatchError, match="input 'id' is added for good"):
            sigpb.invert(fixture_model("tf2_linear"), parse_text(serving(PASSED)))

    def test_to_be_inferred(self, fixture_model: ModelFactory) -> None:
        # The tensor of the output is known; what is made of it is not.
        model = fixture_model("tf1_shared")
        apply(model, serving('output { key: "a" from_output: "sum" step: "argmax()" }'))
        with pytest.raises(PatchError, match=r"output 'a' is added by way of steps \(ArgMax\)"):
            sigpb.infer(fixture_model("tf1_shared"), model)

    def test_warm_up_requests_lack_an_input(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        with pytest.raises(PatchError, match="lacks the input 'id', which is added"):
            sigpb.patch(model, parse_text(serving(PASSED)), in_place=True)
        apply(model, serving(PASSED), warmup="drop")
