from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from sigpb import protos
from sigpb.composing.fit import Fit, Pair, Partner, fitted, misfit
from sigpb.errors import PatchError
from sigpb.saved_model.grafts import Position
from sigpb.tf.tensor_types import dtype_of, parse_shape, shape_proto


def info(text: str) -> protos.TensorInfo:
    """Returns a dense tensor: ``float32 [?,3]``."""
    dtype, shape = text.split()
    return protos.TensorInfo(
        name="t:0", dtype=dtype_of(dtype), tensor_shape=shape_proto(parse_shape(shape))
    )


def sparse(text: str) -> protos.TensorInfo:
    made = info(text)
    made.coo_sparse.values_tensor_name = "t:0"
    return made


def composite(kind: str, *parts: str) -> protos.TensorInfo:
    made = protos.TensorInfo()
    made.composite_tensor.type_spec.type_spec_class_name = kind
    made.composite_tensor.components.extend(map(info, parts))
    return made


def partner(name: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Partner:
    signature = protos.SignatureDef()
    for key, text in inputs.items():
        signature.inputs[key].CopyFrom(info(text))
    for key, text in outputs.items():
        signature.outputs[key].CopyFrom(info(text))
    return Partner(name, signature)


MODEL = partner(
    "the signature 'serving_default'",
    {"ids": "int64 [?,8]", "scale": "float32 []"},
    {"logits": "float32 [?,3]", "pooled": "float32 [?,16]"},
)


def before(
    outputs: Mapping[str, str],
    asked: Sequence[tuple[str, str]] = (),
    inputs: Mapping[str, str] = {"text": "string [?]"},
) -> Fit:
    return _fitted(partner("the adapter 'tokenize'", inputs, outputs), MODEL, asked, "before")


def after(
    inputs: Mapping[str, str],
    asked: Sequence[tuple[str, str]] = (),
    outputs: Mapping[str, str] = {"label": "string [?]"},
) -> Fit:
    return _fitted(MODEL, partner("the adapter 'calibrate'", inputs, outputs), asked, "after")


def _fitted(
    first: Partner,
    second: Partner,
    asked: Sequence[tuple[str, str]],
    position: Position,
) -> Fit:
    return fitted(first, second, [Pair(*pair) for pair in asked], position)


def refusals(call: object, *args: object, **options: object) -> tuple[str, ...]:
    assert callable(call)
    with pytest.raises(PatchError) as caught:
        call(*args, **options)
    return caught.value.problems


class TestWhatFeedsWhat:
    def test_outputs_feed_inputs_of_their_keys(self) -> None:
        assert before({"ids": "int64 [?,8]", "scale": "float32 []"}).pairs == (
            ("ids", "ids"),
            ("scale", "scale"),
        )

    def test_an_output_that_feeds_nothing_before_a_signature_is_left_out(self) -> None:
        fit = before({"ids": "int64 [?,8]", "length": "int32 []"})
        assert fit == Fit((Pair("ids", "ids"),), ("length",))

    def test_an_output_that_feeds_nothing_before_an_adapter_stays(self) -> None:
        assert after({"logits": "float32 [?,3]"}) == Fit((Pair("logits", "logits"),), ())

    def test_what_is_asked_for_comes_instead_of_the_same_key(self) -> None:
        # The output "ids" is said to feed "scale", and so nothing else.
        fit = before({"ids": "float32 []", "tokens": "int64 [?,8]"}, [("ids", "scale")])
        assert fit == Fit((Pair("ids", "scale"),), ("tokens",))
        fit = before({"ids": "int64 [?,8]", "other": "int64 [2,8]"}, [("other", "ids")])
        assert fit == Fit((Pair("other", "ids"),), ("ids",))

    def test_one_output_feeds_two_inputs(self) -> None:
        inputs = {"a": "float32 [?,3]", "b": "float32 [?,?]"}
        fit = after(inputs, [("logits", "b"), ("logits", "a")])
        assert fit.pairs == (("logits", "a"), ("logits", "b"))

    def test_nothing_feeds_anything(self) -> None:
        assert refusals(before, {"tokens": "int64 [?,8]"}) == (
            "no output of the adapter 'tokenize' feeds an input of the signature "
            "'serving_default': it returns 'tokens', and the signature 'serving_default' takes "
            "'ids', 'scale'. Say which feeds which: map { from: \"tokens\" to: \"ids\" }.",
        )

    def test_a_pair_that_fits_is_proposed(self) -> None:
        (problem,) = refusals(before, {"length": "int32 [?]", "tokens": "int64 [?,8]"})
        assert problem.endswith('Say which feeds which: map { from: "tokens" to: "ids" }.')

    def test_no_pair_fits(self) -> None:
        (problem,) = refusals(before, {"clean": "string [?]"})
        assert problem.endswith(
            "None of them fits: 'clean' is string [?]; 'ids' is int64 [?,8], 'scale' is float32 "
            "[]. Of several adapters, name first the one that values pass first."
        )

    def test_an_adapter_behind_is_fed_with_all_that_it_takes(self) -> None:
        inputs = {"logits": "float32 [?,3]", "temperature": "float32 []"}
        assert refusals(after, inputs) == (
            "nothing feeds the input 'temperature' (float32 []) of the adapter 'calibrate'. The "
            "signature 'serving_default' returns 'logits', 'pooled'; none of these fits. Patch the "
            "adapter first, to give the input a value: "
            'input { key: "temperature" bind: "…" }.',
        )
        (problem,) = refusals(after, {"logits": "float32 [?,3]", "vector": "float32 [?,16]"})
        assert problem.endswith('name the one that feeds it: map { from: "pooled" to: "vector" }.')


class TestPairsThatAreAskedFor:
    def test_unknown_keys(self) -> None:
        outputs = {"tokens": "int64 [?,8]"}
        assert refusals(before, outputs, [("token", "ids"), ("tokens", "id")]) == (
            "map from 'token' to 'ids': the adapter 'tokenize' has no output 'token'; did you mean "
            "'tokens'? There are 'tokens'.",
            "map from 'tokens' to 'id': the signature 'serving_default' has no input 'id'; did you "
            "mean 'ids'? There are 'ids', 'scale'.",
        )

    def test_one_input_fed_twice(self) -> None:
        outputs = {"a": "int64 [?,8]", "b": "int64 [?,8]"}
        assert refusals(before, outputs, [("a", "ids"), ("b", "ids")]) == (
            "the input 'ids' of the signature 'serving_default' is fed 2 times, by the outputs "
            "'a', 'b'; keep one of them.",
        )

    def test_all_problems_at_once(self) -> None:
        outputs = {"a": "int32 [?,8]", "b": "float32 [2]"}
        asked = [("a", "ids"), ("b", "scale"), ("c", "d")]
        assert len(refusals(before, outputs, asked)) == 4


@pytest.mark.parametrize(
    ("made", "taken", "problem"),
    [
        ("float32 [?,3]", "float32 [?,3]", ""),
        ("float32 [2,3]", "float32 [?,3]", ""),
        ("float32 [2,3]", "float32 <unknown>", ""),
        ("float32 <unknown>", "float32 <unknown>", ""),
        ("float32 []", "float32 []", ""),
        ("float64 [?]", "float32 [?]", "float64 is not float32"),
        ("float32 [?,?]", "float32 [?,4]", "dimension 1, which is open, may not be 4"),
        ("float32 [?]", "float32 [4]", "dimension 0, which is open, may not be 4"),
        ("float32 [3]", "float32 [4]", "dimension 0 is 3, not 4"),
        ("float32 [3]", "float32 [3,1]", "rank 1 is not rank 2"),
        ("float32 <unknown>", "float32 [?]", "the rank, which is unknown, may not be 1"),
    ],
)
def test_types(made: str, taken: str, problem: str) -> None:
    assert misfit(info(made), info(taken)) == problem
    assert misfit(sparse(made), sparse(taken)) == problem
    of_part = f"of component 1, {problem}" if problem else ""
    parts = [composite("RaggedTensorSpec", "int64 [?]", text) for text in (made, taken)]
    assert misfit(*parts) == of_part


@pytest.mark.parametrize(
    ("made", "taken", "problem"),
    [
        (sparse("int64 [?]"), info("int64 [?]"), "the one is sparse, and the other is dense"),
        (
            composite("RaggedTensorSpec", "int64 [?]"),
            composite("RowPartitionSpec", "int64 [?]"),
            "they are of two kinds, RaggedTensorSpec and RowPartitionSpec",
        ),
        (
            composite("RaggedTensorSpec", "int64 [?]", "int64 [?]"),
            composite("RaggedTensorSpec", "int64 [?]"),
            "the one has 2 components, and the other has 1",
        ),
    ],
)
def test_encodings(made: protos.TensorInfo, taken: protos.TensorInfo, problem: str) -> None:
    assert misfit(made, taken) == problem


class TestWhatWouldHelp:
    def test_before_a_signature(self) -> None:
        assert refusals(before, {"ids": "int32 [?,8]"}) == (
            "the output 'ids' of the adapter 'tokenize', int32 [?,8], does not fit the input 'ids' "
            "of the signature 'serving_default', int64 [?,8]: int32 is not int64. Patch the "
            'adapter first: output { key: "ids" dtype: "int64" }.',
        )

    @pytest.mark.parametrize(
        ("made", "help_"),
        [
            (
                "int64 [?,?]",
                "If it is always of the shape that is taken, patch the adapter first: "
                'output { key: "ids" shape: "[?,8]" }.',
            ),
            ("int64 [?,2,4]", 'Patch the adapter first: output { key: "ids" shape: "[?,8]" }.'),
            (
                "int32 [?,?]",
                "If it is always of the shape that is taken, patch the adapter first: "
                'output { key: "ids" dtype: "int64" shape: "[?,8]" }.',
            ),
            ("int32 [?,8]", 'Patch the adapter first: output { key: "ids" dtype: "int64" }.'),
            ("int64 [?,16]", "Save the adapter anew with that type."),
            ("int64 [?,9]", "Save the adapter anew with that type."),
        ],
    )
    def test_shapes(self, made: str, help_: str) -> None:
        (problem,) = refusals(before, {"ids": made})
        assert problem.endswith(help_)

    @pytest.mark.parametrize(
        ("taken", "help_"),
        [
            ("float64 [?,3]", 'input { key: "logits" dtype: "float32" }.'),
            ("float32 [8,3]", 'input { key: "logits" shape: "[?,3]" }.'),
        ],
    )
    def test_after_a_signature(self, taken: str, help_: str) -> None:
        (problem,) = refusals(after, {"logits": taken})
        assert problem.endswith(f"Patch the adapter first: {help_}")

    def test_a_reshape_that_makes_rows_of_another_size(self) -> None:
        (problem,) = refusals(after, {"logits": "float32 [?]"})
        assert problem.endswith("rank 2 is not rank 1. Save the adapter anew with that type.")

    def test_another_output_would_fit(self) -> None:
        (problem,) = refusals(after, {"logits": "float32 [?,16]"})
        assert problem.endswith('If \'pooled\' is meant: map { from: "pooled" to: "logits" }.')


class TestKeysOfTheWhole:
    def test_an_input_of_each(self) -> None:
        inputs = {"scale": "string [?]"}
        assert refusals(before, {"ids": "int64 [?,8]"}, inputs=inputs) == (
            "the adapter 'tokenize' and the signature 'serving_default' both have 'scale' among "
            "the inputs that stay; rename one of the two first, with a patch of its own, or say "
            'what feeds it: map { from: "…" to: "scale" }.',
        )

    def test_an_output_of_each(self) -> None:
        outputs = {"pooled": "string [?]"}
        assert refusals(after, {"logits": "float32 [?,3]"}, outputs=outputs) == (
            "the signature 'serving_default' and the adapter 'calibrate' both have 'pooled' among "
            "the outputs that stay; rename one of the two first, with a patch of its own.",
        )

    def test_keys_that_go_are_free(self) -> None:
        inputs, outputs = {"ids": "string [?]"}, {"ids": "int64 [?,8]", "logits": "string []"}
        assert before(outputs, inputs=inputs).left_out == ("logits",)
        assert after({"logits": "float32 [?,3]"}, outputs={"logits": "string [?]"}).pairs
