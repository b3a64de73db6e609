from __future__ import annotations

import json
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.warmup import PATH as WARMUP
from tests.patches import (
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
    """The requests name no signature, `serving_default`, `classify` and `regress`."""

    @pytest.mark.parametrize(
        ("patch", "problem"),
        [
            (
                'signature { key: "serving_default" input { key: "x" rename_to: "a" } }',
                "a request for signature 'serving_default' with the input 'x', which is renamed.",
            ),
            (
                'signature { key: "serving_default" output { key: "s" rename_to: "a" } }',
                "a request for signature 'serving_default' that asks for the output 's', "
                "which is renamed or dropped.",
            ),
            (
                'signature { key: "serving_default" output { key: "s" drop: true } }',
                "a request for signature 'serving_default' that asks for the output 's', "
                "which is renamed or dropped.",
            ),
            (
                'signature { key: "classify" rename_to: "c" }',
                "a request for signature 'classify', which is renamed or deleted.",
            ),
            (
                'signature { key: "regress" drop: true }',
                "a request for signature 'regress', which is renamed or deleted.",
            ),
            (
                """
                signature { key: "classify" rename_to: "regress" }
                signature { key: "regress" drop: true }
                """,
                "a request for signature 'classify', which is renamed or deleted.",
            ),
        ],
        ids=["input", "output", "dropped output", "renamed", "deleted", "replaced"],
    )
    def test_stale_requests(self, fixture_model: ModelFactory, patch: str, problem: str) -> None:
        model = fixture_model("tf2_warmup")
        before = (model / WARMUP).read_bytes()
        problems = refusals(model, patch)
        assert problems[0] == f"{WARMUP} holds {problem}"
        assert problems[-1] == (
            "TensorFlow Serving would refuse to load the model. Use --warmup=drop to remove the "
            "warm-up requests, or --warmup=keep to replace them yourself."
        )
        assert len(set(problems)) == len(problems)

        kept = fixture_model("tf2_warmup")
        apply(kept, patch, warmup="keep")
        assert (kept / WARMUP).read_bytes() == before
        apply(model, patch, warmup="drop")
        assert not (model / WARMUP).exists()

    @pytest.mark.parametrize(
        "patch",
        [
            'signature { key: "serving_default" output { key: "p" rename_to: "z" } }',
            'signature { key: "serving_default" method_name: "m" }',
            'signature { key: "a" copy_of: "serving_default" input { key: "x" rename_to: "a" } }',
            'set_tags { tag: "serve" tag: "gpu" }',
        ],
        ids=["an output nobody asks for", "method", "copy", "tags"],
    )
    @pytest.mark.parametrize("mode", ["refuse", "drop", "keep"])
    def test_requests_that_still_fit(
        self, fixture_model: ModelFactory, patch: str, mode: str
    ) -> None:
        model = fixture_model("tf2_warmup")
        before = (model / WARMUP).read_bytes()
        apply(model, patch, warmup=mode)
        assert (model / WARMUP).read_bytes() == before

    def test_damaged_requests(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        (model / WARMUP).write_bytes(b"not a TFRecord file")
        assert "not a TFRecord file" in refusals(model, RENAME)[0]
        apply(model, RENAME, warmup="keep")
        assert (model / WARMUP).read_bytes() == b"not a TFRecord file"
        apply(model, 'signature { key: "classify" rename_to: "c" }', warmup="drop")
        assert not (model / WARMUP).exists()

    def test_none(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, RENAME, warmup="drop")
        assert not (model / WARMUP).exists()


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
