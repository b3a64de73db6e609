from __future__ import annotations

import json
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.tf_record import write_records
from sigpb.saved_model.warmup import read_requests
from tests.patches import (
    MAIN,
    RECORD,
    ModelFactory,
    apply,
    assert_unchanged,
    contents,
    read,
    refusal,
    refusals,
)

FINGERPRINT = "fingerprint.pb"
CAST = 'signature { key: "serving_default" input { key: "x" dtype: "int32" } }'
ADD_AND_CAST = """
    signature {
        key: "serving_default"
        input { key: "x" shape: "[?,3,1]" }
        output { key: "added" from_tensor: "mul:0" dtype: "int64" }
    }
    """
RENAME = 'signature { key: "serving_default" input { key: "x" rename_to: "a" } }'


def fingerprint_of(model: Path) -> protos.FingerprintDef:
    return protos.FingerprintDef.FromString((model / FINGERPRINT).read_bytes())


class TestFingerprint:
    def test_is_computed_again(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = fingerprint_of(model)
        apply(model, RENAME)
        after = fingerprint_of(model)
        index = (model / "variables" / "variables.index").read_bytes()
        assert after == fingerprints.compute(read(model), index, before.uuid)
        assert after.uuid != before.uuid
        assert after.signature_def_hash != before.signature_def_hash
        assert after.saved_object_graph_hash != before.saved_object_graph_hash
        assert after.graph_def_program_hash == before.graph_def_program_hash
        assert after.checkpoint_hash == before.checkpoint_hash

    @pytest.mark.parametrize("limit", [fingerprints.COMPUTE_LIMIT, 0])
    def test_is_of_the_checkpoint_that_an_adapter_adds_to(
        self, limit: int, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fingerprints, "COMPUTE_LIMIT", limit)
        model, adapter = fixture_model("reviews"), fixture_model("calibrate")
        before = fingerprint_of(model)
        patch = f'signature {{ key: "serving_default" after {{ model: "{adapter}" }} }}'
        sigpb.patch(model, patch, in_place=True)
        index = (model / "variables" / "variables.index").read_bytes()
        after = fingerprint_of(model)
        assert before.checkpoint_hash != after.checkpoint_hash
        assert after.checkpoint_hash == fingerprints.checkpoint_hash(index)

    def test_is_dropped(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, RENAME, fingerprint="drop")
        assert not (model / FINGERPRINT).exists()

    def test_is_kept(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = fingerprint_of(model)
        apply(model, RENAME, fingerprint="keep")
        assert fingerprint_of(model) == before

    def test_stays_if_nothing_changes(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = contents(model)
        sigpb.patch(model, sigpb.SavedModelPatch(), in_place=True, fingerprint="drop")
        assert contents(model) == before

    @pytest.mark.parametrize("mode", ["recompute", "drop", "keep"])
    def test_none_is_made(self, fixture_model: ModelFactory, mode: str) -> None:
        model = fixture_model("tf2_shared")
        apply(model, RENAME, fingerprint=mode)
        assert not (model / FINGERPRINT).exists()

    def test_of_a_large_model_has_what_can_be_computed(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fingerprints, "COMPUTE_LIMIT", 1000)
        model = fixture_model("tf2_linear")
        before = fingerprint_of(model)
        apply(model, RENAME)
        after = fingerprint_of(model)
        whole = fingerprints.compute(read(model), None, before.uuid)
        assert after.saved_model_checksum == 0
        assert after.signature_def_hash == whole.signature_def_hash
        assert after.saved_object_graph_hash == whole.saved_object_graph_hash
        assert after.graph_def_program_hash == before.graph_def_program_hash
        assert after.checkpoint_hash == before.checkpoint_hash

    @pytest.mark.parametrize("patch", [CAST, ADD_AND_CAST], ids=["converted", "and added"])
    def test_of_a_large_model_follows_its_graph(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch, patch: str
    ) -> None:
        model = fixture_model("tf2_linear")
        graph = read(model).meta_graphs[0].graph_def
        size = sum(node.ByteSize() + 10 for node in graph.node)  # Some bytes go around each.
        assert size < (model / MAIN).stat().st_size
        monkeypatch.setattr(fingerprints, "COMPUTE_LIMIT", size)
        before = fingerprint_of(model)
        apply(model, patch)
        after = fingerprint_of(model)
        whole = fingerprints.compute(read(model), None, before.uuid)
        assert after.saved_model_checksum == 0
        assert after.graph_def_program_hash == whole.graph_def_program_hash
        assert after.graph_def_program_hash != before.graph_def_program_hash
        assert after.saved_object_graph_hash == whole.saved_object_graph_hash

    def test_of_a_large_graph_that_changes_leaves_its_hash_out(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fingerprints, "COMPUTE_LIMIT", 1000)
        model = fixture_model("tf2_linear")
        before = fingerprint_of(model)
        apply(model, CAST)
        after = fingerprint_of(model)
        assert after.graph_def_program_hash == 0
        assert after.checkpoint_hash == before.checkpoint_hash
        assert after.signature_def_hash != before.signature_def_hash

    def test_a_damaged_one_is_refused(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        (model / FINGERPRINT).write_bytes(b"\xff\xff")
        problem = refusal(model, RENAME)
        assert FINGERPRINT in problem
        assert "--fingerprint=drop" in problem
        apply(model, RENAME, fingerprint="drop")

    @pytest.mark.tensorflow
    def test_is_that_of_tensorflow(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, RENAME + 'signature { key: "other" rename_to: "serving" }')
        from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

        expected = protos.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(str(model)))
        expected.uuid = fingerprint_of(model).uuid
        assert fingerprint_of(model) == expected


class TestWarmup:
    """There are five requests, of which two name the input `x`."""

    def test_requests_follow(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        result = sigpb.patch(model, parse_text(RENAME), in_place=True)
        assert result.notes == ("warm-up requests: 2 rewritten",)
        keys = [sorted(each.log().predict_log.request.inputs) for each in read_requests(model)]
        assert keys == [["a", "b"], ["a", "b"], [], [], []]

    def test_dry_run_tells(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        before = contents(model)
        result = sigpb.patch(model, parse_text(RENAME), dry_run=True)
        assert result.notes == ("warm-up requests: 2 rewritten",)
        assert contents(model) == before

    @pytest.mark.parametrize("mode", ["drop", "keep"])
    def test_requests_that_do_not_fit(self, fixture_model: ModelFactory, mode: str) -> None:
        model = fixture_model("tf2_warmup")
        before = (model / WARMUP_PATH).read_bytes()
        result = sigpb.patch(model, parse_text(RENAME), in_place=True, warmup=mode)  # type: ignore[arg-type]
        assert result.notes == ()
        assert (model / WARMUP_PATH).exists() == (mode == "keep")
        assert mode == "drop" or (model / WARMUP_PATH).read_bytes() == before

    def test_requests_are_a_reason_to_refuse(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        assert refusals(model, RENAME, warmup="refuse") == (
            f"warm-up requests 1, 2 in {WARMUP_PATH} would have to follow the patch.",
            "Use --warmup=rewrite for that. --warmup=drop removes the warm-up requests; "
            "--warmup=keep leaves them, and TensorFlow Serving refuses to load the model until you "
            "replace them.",
        )

    def test_requests_that_cannot_follow(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        text = 'signature { key: "regress" input { key: "inputs" rename_to: "x" } }'
        problems = refusals(model, text)
        assert problems == (
            f"warm-up requests 4, 5 in {WARMUP_PATH} cannot follow the patch: signature 'regress' "
            "does not take a vector of strings as its only input, 'inputs'.",
            "--warmup=drop removes the warm-up requests; --warmup=keep leaves them, and TensorFlow "
            "Serving refuses to load the model until you replace them.",
        )
        apply(model, text, warmup="drop")
        assert not (model / WARMUP_PATH).exists()

    def test_many_requests_are_not_listed(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        records = [request.record for request in read_requests(model)]
        (model / WARMUP_PATH).write_bytes(write_records(records[:1] * 100))
        problem, _ = refusals(model, RENAME, warmup="refuse")
        assert problem.startswith("warm-up requests 1, 2, 3, 4, 5 and 95 more in ")

    @pytest.mark.parametrize("mode", ["rewrite", "refuse", "drop", "keep"])
    def test_requests_that_still_fit(self, fixture_model: ModelFactory, mode: str) -> None:
        model = fixture_model("tf2_warmup")
        before = (model / WARMUP_PATH).read_bytes()
        text = 'signature { key: "a" copy_of: "serving_default" input { key: "x" rename_to: "a" } }'
        apply(model, text, warmup=mode)
        assert (model / WARMUP_PATH).read_bytes() == before

    @pytest.mark.parametrize("mode", ["rewrite", "refuse"])
    def test_damaged_requests(self, fixture_model: ModelFactory, mode: str) -> None:
        model = fixture_model("tf2_warmup")
        damaged = bytearray((model / WARMUP_PATH).read_bytes())
        damaged[-1] ^= 1
        (model / WARMUP_PATH).write_bytes(damaged)
        assert "record 5 does not have the checksum" in refusals(model, RENAME, warmup=mode)[0]
        apply(model, RENAME, warmup="keep")
        assert (model / WARMUP_PATH).read_bytes() == damaged
        apply(model, 'signature { key: "classify" rename_to: "c" }', warmup="drop")
        assert not (model / WARMUP_PATH).exists()

    def test_none(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, RENAME, warmup="drop")
        assert not (model / WARMUP_PATH).exists()


class TestRecord:
    def records(self, model: Path) -> list[dict[str, str]]:
        return [json.loads(line) for line in (model / RECORD).read_text().splitlines()]

    def test_each_patch_is_a_line(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        assert not (model / RECORD).exists()
        apply(model, 'id: "first" reason: "because" ' + RENAME)
        apply(model, 'id: "second" signature { key: "single" drop: true }')
        assert [(r["patch_id"], r["reason"], r["sigpb"]) for r in self.records(model)] == [
            ("first", "because", sigpb.__version__),
            ("second", "", sigpb.__version__),
        ]

    def test_what_changes_nothing_leaves_no_record(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, RENAME)
        assert_unchanged(model, RENAME)
        assert_unchanged(model, 'signature { key: "single" }')
        assert len(self.records(model)) == 1

    def test_goes_with_a_copy(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, RENAME)
        copy = model.with_name("copy")
        sigpb.patch(model, parse_text('set_tags { tag: "a" }'), output_dir=copy)
        assert len(self.records(copy)) == 2
        assert self.records(copy)[:1] == self.records(model)

    @pytest.mark.parametrize("content", ['{"patch_dig', "[1]", "", "\n", "\xff"])
    def test_a_damaged_record_is_no_obstacle(
        self, fixture_model: ModelFactory, content: str
    ) -> None:
        model = fixture_model("tf2_linear")
        (model / RECORD).write_text(content, encoding="latin-1")
        apply(model, RENAME)
        last = (model / RECORD).read_text(encoding="latin-1").splitlines()[-1]
        assert json.loads(last)["patch_id"] == ""
        assert_unchanged(model, RENAME)
