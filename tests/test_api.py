from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from tests.publishing.directories import killed_half_way, snapshot

ModelFactory = Callable[..., Path]


def renaming(**inputs: str) -> sigpb.SavedModelPatch:
    patch = sigpb.SavedModelPatch(id="test", reason="to see")
    signature = patch.signature.add(key="serving_default")
    for key, new_key in inputs.items():
        signature.input.add(key=key, rename_to=new_key)
    return patch


def inputs_of(model: Path) -> dict[str, str]:
    """The tensors of the inputs of `serving_default`, by key."""
    with sigpb.open(model) as opened:
        signature = opened.meta_graphs[0].signatures["serving_default"]
        return {key: info.name for key, info in sorted(signature.inputs.items())}


X, B = "serving_default_x:0", "serving_default_b:0"


class TestPlan:
    def test_says_what_would_be_done_and_does_nothing(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = snapshot(model)

        plan = sigpb.plan(model, renaming(x="image"))

        assert str(plan).splitlines() == [
            str(model),
            "  MetaGraph {serve}",
            "    signature 'serving_default': input 'x' → 'image'",
        ]
        assert (plan.model, plan.is_empty, plan.warnings) == (model, False, ())
        assert plan.patch == renaming(x="image")
        assert snapshot(model) == before

    def test_is_equal_to_what_is_done(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model = fixture_model("tf2_linear")
        plan = sigpb.plan(str(model), renaming(x="image"))
        assert sigpb.patch(model, renaming(x="image"), dry_run=True).plan == plan
        assert sigpb.patch(model, renaming(x="image"), output_dir=tmp_path / "out").plan == plan

    def test_of_nothing(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        plan = sigpb.plan(model, sigpb.SavedModelPatch())
        assert plan.is_empty
        assert str(plan) == f"{model}: nothing to change"
        assert plan.to_json()["meta_graphs"] == []

    def test_holds_every_problem(self, fixture_model: ModelFactory) -> None:
        patch = renaming(nope="a", x="")
        patch.signature.add(key="nope", drop=True)
        with pytest.raises(sigpb.PatchError) as error:
            sigpb.plan(fixture_model("tf2_linear"), patch)
        assert len(error.value.problems) == 3

    def test_of_no_model(self, tmp_path: Path) -> None:
        with pytest.raises(sigpb.ModelUnreadable, match="there is no such directory"):
            sigpb.plan(tmp_path / "missing", renaming(x="image"))

    def test_does_not_change_the_patch(self, fixture_model: ModelFactory) -> None:
        patch = renaming(x="image")
        sigpb.plan(fixture_model("tf2_linear"), patch)
        assert patch == renaming(x="image")


class TestOutputDir:
    def test_holds_a_patched_copy(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model, output = fixture_model("tf2_many"), tmp_path / "out"
        before = snapshot(model)

        result = sigpb.patch(model, renaming(a="z"), output_dir=str(output))

        assert (result.status, result.output, result.backup) == ("patched", output, None)
        assert [*inputs_of(output)] == ["b", "c", "d", "z"]
        assert snapshot(model) == before
        new_or_changed = {
            name for name, state in snapshot(output).items() if before.get(name) != state
        }
        assert new_or_changed == {"saved_model.pb", "sigpb.history.jsonl"}

    def test_holds_an_identical_copy_if_there_is_nothing_to_change(
        self, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        model, output = fixture_model("tf2_linear"), tmp_path / "out"
        result = sigpb.patch(model, sigpb.SavedModelPatch(), output_dir=output)
        assert (result.status, result.output) == ("unchanged", output)
        assert snapshot(output) == snapshot(model)

    def test_is_checked_before_the_patch(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        with pytest.raises(sigpb.UsageError, match="lies inside the model"):
            sigpb.patch(model, renaming(nope="a"), output_dir=model / "out")


class TestInPlace:
    def test_keeps_the_files_as_they_were(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = snapshot(model)

        result = sigpb.patch(model, renaming(x="image"), in_place=True)

        assert (result.status, result.output) == ("patched", model)
        assert inputs_of(model) == {"b": B, "image": X}
        assert isinstance(result.backup, Path)
        kept = snapshot(result.backup)
        assert kept.keys() == {"saved_model.pb", "fingerprint.pb"}
        assert kept.items() <= before.items()

    def test_without_a_backup(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        names = {path.name for path in model.iterdir()}
        result = sigpb.patch(model, renaming(x="image"), in_place=True, backup=False)
        assert result.backup is None
        assert {path.name for path in model.iterdir()} - names == {"sigpb.history.jsonl"}

    def test_second_time_there_is_nothing_to_do(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        for patch in (renaming(x="image"), renaming(image="b", b="image")):
            assert sigpb.patch(model, patch, in_place=True).status == "patched"
            after = snapshot(model)
            result = sigpb.patch(model, patch, in_place=True)
            assert (result.status, result.backup) == ("unchanged", None)
            assert snapshot(model) == after
        assert inputs_of(model) == {"b": X, "image": B}

    def test_swap_and_swap_back(self, fixture_model: ModelFactory) -> None:
        # The same patch with something between is no second time.
        model = fixture_model("tf2_linear")
        original = (model / "saved_model.pb").read_bytes()
        sigpb.patch(model, renaming(x="b", b="x"), in_place=True)
        assert inputs_of(model) == {"b": X, "x": B}
        sigpb.patch(model, renaming(x="y"), in_place=True)
        sigpb.patch(model, renaming(y="x"), in_place=True)
        sigpb.patch(model, renaming(x="b", b="x"), in_place=True)
        assert inputs_of(model) == {"b": B, "x": X}
        assert (model / "saved_model.pb").read_bytes() == original

    def test_model_stays_text(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear", as_text=True)
        result = sigpb.patch(model, renaming(x="image"), in_place=True)
        assert result.status == "patched"
        assert inputs_of(model) == {"b": B, "image": X}
        assert {path.suffix for path in model.glob("saved_model.*")} == {".pbtxt"}


class TestModes:
    @pytest.mark.parametrize(
        "modes",
        [
            {},
            {"in_place": False},
            {"in_place": True, "dry_run": True},
            {"output_dir": "out", "in_place": True},
            {"output_dir": "out", "dry_run": True, "in_place": True},
        ],
        ids=str,
    )
    def test_one_is_needed(self, fixture_model: ModelFactory, modes: dict[str, bool | str]) -> None:
        model = fixture_model("tf2_linear")
        before = snapshot(model)
        with pytest.raises(sigpb.UsageError, match="Give one of output_dir, in_place and dry_run"):
            sigpb.patch(model, renaming(x="image"), **modes)  # type: ignore[arg-type]
        assert snapshot(model) == before

    def test_dry_run(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = snapshot(model)
        result = sigpb.patch(model, renaming(x="image"), dry_run=True)
        assert (result.status, result.output, result.backup) == ("patched", model, None)
        assert sigpb.patch(model, renaming(), dry_run=True).status == "unchanged"
        assert snapshot(model) == before

    def test_dry_run_finds_what_would_be_refused(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        with pytest.raises(sigpb.PatchError, match="warm-up requests 1, 2 in"):
            sigpb.patch(model, renaming(x="image"), dry_run=True, warmup="refuse")
        assert sigpb.patch(model, renaming(x="image"), dry_run=True, warmup="drop").plan.meta_graphs

    def test_hardlink(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model, output = fixture_model("tf2_linear"), tmp_path / "out"
        sigpb.patch(model, renaming(x="image"), output_dir=output, hardlink=True)
        data = "variables/variables.data-00000-of-00001"
        assert (output / data).samefile(model / data)
        assert inputs_of(model) == {"b": B, "x": X}

    def test_fingerprint(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        old = protos.FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())
        sigpb.patch(model, renaming(x="image"), in_place=True)
        new = protos.FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())
        assert new.signature_def_hash != old.signature_def_hash
        assert new.saved_model_checksum != old.saved_model_checksum
        assert new.checkpoint_hash == old.checkpoint_hash

        sigpb.patch(model, renaming(image="x"), in_place=True, fingerprint="drop")
        assert not (model / "fingerprint.pb").exists()
        sigpb.patch(model, renaming(x="image"), in_place=True)
        assert not (model / "fingerprint.pb").exists(), "none is made where there was none"


def test_open_shows_the_model(fixture_model: ModelFactory) -> None:
    with sigpb.open(fixture_model("tf1_two_graphs")) as model:
        assert isinstance(model, sigpb.SavedModel)
        assert [graph.tags for graph in model.meta_graphs] == [("serve",), ("gpu", "serve")]


def test_load_patch(fixture_model: ModelFactory, tmp_path: Path) -> None:
    file = tmp_path / "a.textproto"
    file.write_text('signature { key: "serving_default" input { key: "x" rename_to: "image" } }')
    patch = sigpb.load_patch(file)
    assert isinstance(patch, sigpb.SavedModelPatch)
    plan = sigpb.plan(fixture_model("tf2_linear"), patch)
    assert "input 'x' → 'image'" in str(plan)


def test_result_of_a_patch_tells_of_its_id(fixture_model: ModelFactory) -> None:
    result = sigpb.patch(fixture_model("tf2_linear"), renaming(x="image"), dry_run=True)
    assert result.plan.to_json()["patch_id"] == "test"
    assert result.plan.to_json()["reason"] == "to see"


class TestAfterAKilledRun:
    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        model, other = fixture_model("tf2_warmup"), fixture_model("tf2_warmup")
        patch = renaming(x="image")
        killed_half_way(lambda: sigpb.patch(model, patch, in_place=True, history=False))
        assert not (model / "fingerprint.pb").exists()

        again = sigpb.patch(model, patch, in_place=True, history=False)
        sigpb.patch(other, patch, in_place=True, history=False)

        assert again.status == "patched"
        assert again.notes[0] == "A patch in place that was killed half-way was taken back first."
        assert snapshot(model) == snapshot(other)

    def test_another_patch(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        killed_half_way(lambda: sigpb.patch(model, renaming(x="image"), in_place=True))
        assert sigpb.patch(model, renaming(x="pixels"), in_place=True).status == "patched"
        assert list(inputs_of(model)) == ["b", "pixels"]

    def test_a_patch_that_is_refused(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        before = snapshot(model)
        killed_half_way(lambda: sigpb.patch(model, renaming(x="image"), in_place=True))
        with pytest.raises(sigpb.PatchError):
            sigpb.patch(model, renaming(nothing="pixels"), in_place=True)
        assert snapshot(model) == before
