"""The requests name no signature, `serving_default`, `classify`, `regress`, and the last two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.patching.warmup import rewrite as rewriting
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.tf_record import read_records, write_records
from sigpb.tf.tensor_elements import elements
from sigpb.tf.tensor_types import shape_of
from tests.patches import altered, read

from .serving import logs, with_requests

ModelFactory = Callable[..., Path]
Alter = Callable[[protos.PredictionLog], object]


def follow(model: Path, patch: str) -> tuple[list[protos.PredictionLog], tuple[str, ...]]:
    """Patches a model; returns its requests then, and what was said of them."""
    result = sigpb.patch(model, parse_text(patch), in_place=True, backup=False)
    return logs(model), result.notes


def serving(changes: str) -> str:
    return f'signature {{ key: "serving_default" {changes} }}'


@pytest.fixture
def model(fixture_model: ModelFactory) -> Path:
    return fixture_model("tf2_warmup")


def refusals(model: Path, patch: str) -> tuple[str, ...]:
    before = (model / WARMUP_PATH).read_bytes()
    with pytest.raises(sigpb.PatchError) as caught:
        sigpb.patch(model, parse_text(patch), in_place=True)
    assert (model / WARMUP_PATH).read_bytes() == before
    return caught.value.problems


def records(model: Path) -> list[bytes]:
    return list(read_records((model / WARMUP_PATH).read_bytes()))


def inputs(log: protos.PredictionLog) -> dict[str, tuple[object, list[object]]]:
    return {
        key: (shape_of(tensor.tensor_shape), elements(tensor))
        for key, tensor in log.predict_log.request.inputs.items()
    }


def signatures(log: protos.PredictionLog) -> list[str]:
    kind = log.WhichOneof("log_type")
    assert kind
    request = getattr(log, kind).request
    specs = [t.model_spec for t in request.tasks] if "multi" in kind else [request.model_spec]
    return [spec.signature_name for spec in specs]


X, B = ((1, 3), [1.0, 2.0, 3.0]), ((1, 3), [4.0, 5.0, 6.0])


class TestPredict:
    def test_renamed_inputs(self, model: Path) -> None:
        text = 'input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" }'
        (first, second, *_), notes = follow(model, serving(text))
        assert inputs(first) == inputs(second) == {"b": X, "x": B}
        assert notes == ("warm-up requests: 2 rewritten",)

    def test_signature_that_had_no_name(self, model: Path) -> None:
        (first, second, *_), _ = follow(model, serving('rename_to: "predict"'))
        assert signatures(first) == signatures(second) == ["predict"]
        assert first.predict_log.request.model_spec.name == "warmup"

    def test_signature_that_takes_the_default_name(self, model: Path) -> None:
        text = serving("drop: true") + 'signature { key: "classify" rename_to: "serving_default" }'
        found, _ = follow(model, text)
        assert [signatures(log) for log in found] == [
            *(["serving_default"], ["regress"], ["serving_default", "regress"])
        ]

    def test_renamed_output(self, model: Path) -> None:
        (first, second, *_), notes = follow(model, serving('output { key: "s" rename_to: "t" }'))
        assert first.predict_log.request.output_filter == []
        assert second.predict_log.request.output_filter == ["t"]
        assert notes == ("warm-up requests: 1 rewritten",)

    def test_dropped_output(self, model: Path) -> None:
        requests = logs(model)[:2]
        requests[0].predict_log.request.output_filter[:] = ["p", "s"]
        with_requests(model, requests)
        found, notes = follow(model, serving('output { key: "s" drop: true }'))
        assert [log.predict_log.request.output_filter for log in found] == [["p"], []]
        assert notes == (
            "warm-up requests: 2 rewritten",
            "warm-up request 2: the outputs it asks for are dropped; it now asks for all outputs",
        )

    def test_bound_input(self, model: Path) -> None:
        (first, *_), _ = follow(model, serving('input { key: "b" bind: "[[0, 0, 0]]" }'))
        assert inputs(first) == {"x": X}

    def test_converted_input(self, model: Path) -> None:
        text = 'input { key: "x" dtype: "uint8" shape: "[?,3,1]" rename_to: "image" }'
        (first, *_), notes = follow(model, serving(text))
        assert inputs(first) == {"b": B, "image": ((1, 3, 1), [1, 2, 3])}
        assert notes == ("warm-up requests: 2 rewritten",)

    def test_values_that_the_dtype_does_not_have(self, model: Path) -> None:
        requests = logs(model)[:2]
        requests[1].predict_log.request.inputs["x"].tensor_content = b""
        requests[1].predict_log.request.inputs["x"].float_val[:] = [1.5, -1, 300]
        with_requests(model, requests)
        (_, second), notes = follow(model, serving('input { key: "x" dtype: "uint8" }'))
        assert inputs(second)["x"] == ((1, 3), [2, 0, 255])
        assert notes[1:] == (
            "warm-up request 2: input 'x': uint8 has not all of the values; the nearest go in",
        )

    def test_fixed_batch_size_of_one_input(self, model: Path) -> None:
        (first, *_), notes = follow(model, serving('input { key: "x" shape: "[2,3]" }'))
        assert inputs(first) == {"x": ((2, 3), X[1] * 2), "b": ((2, 3), B[1] * 2)}
        assert notes[1:] == (
            "warm-up requests 1, 2: input 'x': [1,3] is repeated or cropped to [2,3]",
            "warm-up requests 1, 2: input 'b': [1,3] is repeated or cropped to [2,3]",
        )

    def test_what_the_signature_never_had(self, model: Path) -> None:
        requests = logs(model)[:1]
        request = requests[0].predict_log.request
        request.inputs["y"].CopyFrom(request.inputs["x"])
        request.output_filter[:] = ["s", "q"]
        with_requests(model, requests)
        text = 'input { key: "x" rename_to: "a" } output { key: "s" drop: true }'
        (first,), _ = follow(model, serving(text))
        assert inputs(first) == {"a": X, "b": B, "y": X}
        assert first.predict_log.request.output_filter == ["q"]

    def test_streamed(self, model: Path) -> None:
        log = protos.PredictionLog()
        log.predict_streamed_log.request.append(logs(model)[0].predict_log.request)
        log.predict_streamed_log.request.append(logs(model)[1].predict_log.request)
        with_requests(model, [log])
        (after,), _ = follow(model, serving('input { key: "x" rename_to: "a" }'))
        requests = after.predict_streamed_log.request
        assert [sorted(request.inputs) for request in requests] == [["a", "b"], ["a", "b"]]

    def test_damaged_value(self, model: Path) -> None:
        requests = logs(model)[:2]
        requests[1].predict_log.request.inputs["x"].tensor_content = b"12"
        with_requests(model, requests)
        assert refusals(model, serving('input { key: "x" dtype: "uint8" }'))[0] == (
            f"warm-up request 2 in {WARMUP_PATH} cannot follow the patch: input 'x': 2 bytes do "
            "not hold 3 elements of float32."
        )
        (_, second), _ = follow(model, serving('input { key: "x" rename_to: "a" }'))
        assert second.predict_log.request.inputs["a"].tensor_content == b"12"


class TestExamples:
    def test_renamed_signatures(self, model: Path) -> None:
        text = """
            signature { key: "classify" rename_to: "regress" }
            signature { key: "regress" rename_to: "classify" }
        """
        found, notes = follow(model, text)
        assert [signatures(log) for log in found[2:]] == [
            *(["regress"], ["classify"], ["regress", "classify"])
        ]
        assert notes == ("warm-up requests: 3 rewritten",)

    def test_deleted_signature(self, model: Path) -> None:
        before = records(model)
        found, notes = follow(model, 'signature { key: "classify" drop: true }')
        assert [signatures(log) for log in found] == [
            *([""], ["serving_default"], ["regress"], ["regress"])
        ]
        assert records(model)[:3] == [*before[:2], before[3]]
        assert notes == (
            "warm-up requests: 1 rewritten, 1 removed",
            "warm-up request 3: it is removed with signature 'classify'",
            "warm-up request 5: a part of it is removed with signature 'classify'",
        )

    def test_too_large_a_batch(self, model: Path) -> None:
        problems = refusals(model, 'signature { key: "regress" batch_size: "10000000" }')
        assert "the limit is 67,108,864" in problems[0]

    def test_fixed_batch_size(self, model: Path) -> None:
        found, notes = follow(model, 'signature { key: "regress" batch_size: "3" }')
        assert len(found[2].classify_log.request.input.example_list.examples) == 1
        assert len(found[3].regress_log.request.input.example_list.examples) == 3
        assert len(found[4].multi_inference_log.request.input.example_list.examples) == 3
        assert notes[1:] == (
            "warm-up requests 4, 5: the Examples, 1, are repeated or cropped to 3",
        )

    def test_examples_with_context(self, model: Path) -> None:
        (log,) = logs(model)[3:4]
        examples = log.regress_log.request.input.example_list.examples
        wanted = log.regress_log.request.input.example_list_with_context
        wanted.examples.extend([*examples, protos.Example()])
        wanted.context.CopyFrom(examples[0])
        with_requests(model, [log])
        (after,), _ = follow(model, 'signature { key: "regress" batch_size: "1" }')
        assert after.regress_log.request.input.example_list_with_context.examples == examples

    @pytest.mark.parametrize(
        ("key", "change", "problem"),
        [
            ("regress", 'input { key: "inputs" rename_to: "x" }', "does not take a vector"),
            ("regress", 'input { key: "inputs" shape: "[?,1]" }', "does not take a vector"),
            ("classify", 'input { key: "inputs" dtype: "int32" }', "does not take a vector"),
            ("regress", 'output { key: "outputs" rename_to: "y" }', "does not return what"),
            ("regress", 'output { key: "outputs" dtype: "float64" }', "does not return what"),
            ("classify", 'output { key: "scores" shape: "[?,3,1]" }', "does not return what"),
            ("classify", 'method_name: "m"', "has the method name 'm', not 'tensorflow/serving/cl"),
        ],
    )
    def test_signature_that_examples_do_not_fit(
        self, model: Path, key: str, change: str, problem: str
    ) -> None:
        first, way_out = refusals(model, f'signature {{ key: "{key}" {change} }}')
        assert f"cannot follow the patch: signature {key!r} {problem}" in first
        assert way_out.startswith("--warmup=drop removes the warm-up requests; --warmup=keep")

    def test_one_output_of_two_is_enough(self, model: Path) -> None:
        text = 'signature { key: "classify" output { key: "scores" drop: true } }'
        before = records(model)
        follow(model, text)
        assert records(model) == before

    def test_signature_that_did_not_fit_before(self, model: Path) -> None:
        altered(model, lambda graph: graph.signature_def["regress"].ClearField("method_name"))
        found, _ = follow(
            model,
            'signature { key: "regress" rename_to: "r" input { key: "inputs" rename_to: "x" } }',
        )
        assert signatures(found[3]) == ["r"]

    def test_task_of_another_method(self, model: Path) -> None:
        log = logs(model)[4]
        log.multi_inference_log.request.tasks[0].model_spec.signature_name = "regress"
        log.multi_inference_log.request.tasks[0].method_name = "m"
        with_requests(model, [log])
        altered(model, lambda graph: setattr(graph.signature_def["regress"], "method_name", "m"))
        found, _ = follow(model, 'signature { key: "regress" rename_to: "r" }')
        assert signatures(found[0])[0] == "r"

    def test_input_that_is_shared_no_more(self, model: Path) -> None:
        def share(graph: protos.MetaGraphDef) -> None:
            definitions = graph.signature_def
            definitions["regress"].inputs["inputs"].CopyFrom(
                definitions["classify"].inputs["inputs"]
            )

        altered(model, share)
        with_requests(model, logs(model)[4:])
        assert refusals(model, 'signature { key: "classify" batch_size: "2" }')[0] == (
            f"warm-up request 1 in {WARMUP_PATH} cannot follow the patch: its signatures do not "
            "share their input any more."
        )


def test_all_requests_together_have_a_limit(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "_MOST_BYTES", 0)
    follow(model, serving('input { key: "x" rename_to: "y" }'))  # It is as large as before.

    [problem, *_] = refusals(model, 'signature { key: "regress" batch_size: "300" }')

    assert "with those before it, it would take more than" in problem


class TestBytes:
    @pytest.mark.parametrize(
        "patch",
        [
            serving('output { key: "p" rename_to: "z" }'),
            serving('method_name: "m"'),
            serving('input { key: "x" default: "[[1, 2, 3]]" }'),
            serving('output { key: "s" dtype: "int32" }'),
            'signature { key: "a" copy_of: "serving_default" input { key: "x" rename_to: "a" } }',
            'set_tags { tag: "serve" tag: "gpu" }',
        ],
        ids=["output", "method", "default", "converted output", "copy", "tags"],
    )
    def test_file_that_stays(self, model: Path, patch: str) -> None:
        before = (model / WARMUP_PATH).read_bytes()
        assert follow(model, patch)[1] == ()
        assert (model / WARMUP_PATH).read_bytes() == before

    def test_requests_that_stay(self, model: Path) -> None:
        # Fields in another order than protobuf writes them, and one that it does not know.
        odd = records(model)[3] + b"\x0a\x00" + b"\xc8\x3e\x01"
        protos.PredictionLog.FromString(odd)
        (model / WARMUP_PATH).write_bytes(write_records([odd]))
        follow(model, 'signature { key: "classify" rename_to: "c" }')
        assert records(model) == [odd]

    def test_unknown_fields_stay(self, model: Path) -> None:
        unknown = b"\xc8\x3e\x01"  # number 1001
        (model / WARMUP_PATH).write_bytes(write_records([records(model)[3] + unknown]))
        follow(model, 'signature { key: "regress" rename_to: "r" }')
        assert records(model)[0].endswith(unknown)
        assert signatures(logs(model)[0]) == ["r"]

    def test_requests_of_sessions_and_empty_ones_stay(self, model: Path) -> None:
        session = protos.PredictionLog()
        session.session_run_log.request.feed.add(name="serving_default_x:0")
        session.session_run_log.request.model_spec.signature_name = "serving_default"
        with_requests(model, [session, protos.PredictionLog()])
        before = (model / WARMUP_PATH).read_bytes()
        follow(model, serving('rename_to: "a" input { key: "x" rename_to: "y" }'))
        assert (model / WARMUP_PATH).read_bytes() == before

    def test_requests_for_signatures_that_there_never_were(self, model: Path) -> None:
        (log,) = logs(model)[1:2]
        log.predict_log.request.model_spec.signature_name = "other"
        with_requests(model, [log])
        before = (model / WARMUP_PATH).read_bytes()
        follow(model, serving('input { key: "x" rename_to: "y" }'))
        assert (model / WARMUP_PATH).read_bytes() == before

    def test_no_request_is_left(self, model: Path) -> None:
        with_requests(model, logs(model)[:2])
        result = sigpb.patch(model, parse_text(serving("drop: true")), in_place=True)
        assert not (model / WARMUP_PATH).exists()
        assert result.notes == (
            "warm-up requests: 2 removed",
            "warm-up requests 1, 2: it is removed with signature 'serving_default'",
        )

    def test_same_bytes_each_time(self, fixture_model: ModelFactory) -> None:
        files = set()
        for _ in range(3):
            model = fixture_model("tf2_warmup")
            follow(model, serving('input { key: "x" rename_to: "a" }'))
            files.add((model / WARMUP_PATH).read_bytes())
        assert len(files) == 1


class TestMetaGraphs:
    def with_second(self, model: Path, *tags: str) -> Path:
        saved_model = read(model)
        second = saved_model.meta_graphs.add()
        second.CopyFrom(saved_model.meta_graphs[0])
        second.meta_info_def.tags[:] = tags
        (model / "saved_model.pb").write_bytes(saved_model.SerializeToString(deterministic=True))
        return model

    def test_all_agree(self, model: Path) -> None:
        self.with_second(model, "serve", "gpu")
        (first, *_), _ = follow(model, serving('input { key: "x" rename_to: "a" }'))
        assert sorted(inputs(first)) == ["a", "b"]

    def test_one_is_not_patched(self, model: Path) -> None:
        self.with_second(model, "serve", "gpu")
        patch = 'tags { tag: "serve" } ' + serving('input { key: "x" rename_to: "a" }')
        assert refusals(model, patch)[0] == (
            f"warm-up requests 1, 2 in {WARMUP_PATH} cannot follow the patch: the MetaGraphs would "
            "need different requests."
        )

    def test_one_is_not_served(self, model: Path) -> None:
        self.with_second(model, "train")
        patch = 'tags { tag: "serve" } ' + serving('input { key: "x" rename_to: "a" }')
        (first, *_), _ = follow(model, patch)
        assert sorted(inputs(first)) == ["a", "b"]
