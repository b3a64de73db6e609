"""Several models made one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb import protos
from sigpb.checkpoint.checkpoint import Checkpoint
from sigpb.errors import EnvironmentFailure, ModelUnreadable, PatchError, UsageError
from sigpb.patching import merging
from sigpb.saved_model import fingerprint
from sigpb.saved_model.files import read_side_file
from sigpb.saved_model.model import open_model, parse
from tests.cli.command_line import run
from tests.views import outline

FixtureModel = Callable[..., Path]


def _signatures(model: Path, index: int = 0) -> dict[str, str]:
    with open_model(model) as opened:
        return outline(parse(protos.MetaGraphDef, opened.meta_graphs[index].message))


def test_all_views_have_the_signatures_of_all(fixture_model: FixtureModel, tmp_path: Path) -> None:
    models = [fixture_model(name) for name in ("tf2_linear", "flowers", "tf2_shared")]
    result = sigpb.merge(*models, prefixes=["", "f_", "s_"], output_dir=tmp_path / "merged")
    expected = dict(_signatures(models[0]))
    for prefix, model in zip(("f_", "s_"), models[1:], strict=True):
        expected |= {prefix + key: text for key, text in _signatures(model).items()}
    assert _signatures(tmp_path / "merged") == expected
    assert [each.name for each in result.origins] == ["", "flowers", "tf2_shared"]
    assert str(result).endswith(f"merged: 3 models into {tmp_path / 'merged'}")


def test_the_keys_of_the_first_model_follow_its_prefix_and_so_do_its_requests(
    fixture_model: FixtureModel, tmp_path: Path
) -> None:
    models = [fixture_model("tf2_warmup"), fixture_model("tf2_warmup")]
    merged = tmp_path / "merged"
    result = sigpb.merge(*models, prefixes=["a_", "b_"], output_dir=merged)
    keys = {f"{prefix}{key}" for key in _signatures(models[0]) for prefix in ("a_", "b_")}
    assert set(_signatures(merged)) == keys
    requests = (merged / "assets.extra" / "tf_serving_warmup_requests").read_bytes()
    assert requests.count(b"a_serving_default") > 0
    assert b"b_" not in requests
    left_out = "left out 'assets.extra/tf_serving_warmup_requests'"
    assert [note for note in result.notes if left_out in note]


def test_requests_stay_as_they_are_with_the_keys(
    fixture_model: FixtureModel, tmp_path: Path
) -> None:
    model, merged = fixture_model("tf2_warmup"), tmp_path / "merged"
    sigpb.merge(model, fixture_model("flowers"), prefixes=["", "b_"], output_dir=merged)
    name = "assets.extra/tf_serving_warmup_requests"
    assert (merged / name).read_bytes() == (model / name).read_bytes()


def test_metagraphs_of_one_tag_set_are_merged_and_others_stay(
    fixture_model: FixtureModel, tmp_path: Path
) -> None:
    model, merged = fixture_model("tf1_two_graphs"), tmp_path / "merged"
    sigpb.merge(model, model, prefixes=["", "b_"], output_dir=merged)
    for index in range(2):
        before = _signatures(model, index)
        added = {f"b_{key}": text for key, text in before.items()}
        assert _signatures(merged, index) == before | added
    sigpb.merge(model, fixture_model("census"), output_dir=tmp_path / "other")
    assert set(_signatures(tmp_path / "other")) == {*_signatures(model), "predict"}
    assert _signatures(tmp_path / "other", 1) == _signatures(model, 1)


def test_text_stays_text(fixture_model: FixtureModel, tmp_path: Path) -> None:
    model = fixture_model("tf1_shared", as_text=True)
    sigpb.merge(model, fixture_model("census"), output_dir=tmp_path / "merged")
    assert sorted(file.name for file in (tmp_path / "merged").glob("saved_model.*")) == [
        "saved_model.pbtxt"
    ]
    assert "predict" in _signatures(tmp_path / "merged")


def test_the_fingerprint_is_that_of_the_merged_model(
    fixture_model: FixtureModel, tmp_path: Path
) -> None:
    model, merged = fixture_model("detector"), tmp_path / "merged"
    sigpb.merge(model, fixture_model("ranking"), prefixes=["", "b_"], output_dir=merged)
    now = fingerprint.read(merged / fingerprint.FILE_NAME)
    before = fingerprint.read(model / fingerprint.FILE_NAME)
    proto = protos.SavedModel.FromString((merged / "saved_model.pb").read_bytes())
    index = read_side_file(merged / "variables" / "variables.index")
    assert now == fingerprint.compute(proto, index, before.uuid)
    assert now.checkpoint_hash != before.checkpoint_hash


def test_a_record_of_patches_is_that_of_another_model(
    fixture_model: FixtureModel, tmp_path: Path
) -> None:
    model, merged = fixture_model("detector"), tmp_path / "merged"
    patch = {"signature": [{"key": "serving_default", "rename_to": "detect"}]}
    sigpb.patch(model, patch, in_place=True)
    sigpb.merge(model, fixture_model("flowers"), output_dir=merged)
    assert (model / "sigpb.history.jsonl").exists()
    assert not (merged / "sigpb.history.jsonl").exists()


def test_unchanged_files_are_linked(fixture_model: FixtureModel, tmp_path: Path) -> None:
    model, merged = fixture_model("flowers"), tmp_path / "merged"
    sigpb.merge(
        model, fixture_model("tokenize"), prefixes=["", "b_"], output_dir=merged, hardlink=True
    )
    assert (merged / "assets" / "labels.txt").samefile(model / "assets" / "labels.txt")


def test_a_dry_run_writes_nothing(fixture_model: FixtureModel, tmp_path: Path) -> None:
    model = fixture_model("detector")
    result = sigpb.merge(model, model, prefixes=["a_", "b_"], dry_run=True)
    assert str(result).endswith("dry run: 2 models would be merged")
    assert result.to_json()["output"] is None


def test_names_that_the_first_model_has_are_left_to_it(
    fixture_model: FixtureModel, tmp_path: Path
) -> None:
    models = [tmp_path / name for name in ("1", "w", "second/2", "2")]
    for path in models:
        shutil.copytree(fixture_model("flowers"), path)
    shutil.copytree(fixture_model("tf2_linear"), tmp_path / "linear")
    prefixes = ["", *(f"{number}_" for number in range(4))]
    result = sigpb.merge(tmp_path / "linear", *models, prefixes=prefixes, dry_run=True)
    parent = tmp_path.name.replace("-", "_")
    assert [each.name for each in result.origins] == ["", parent, "w_1", "second", f"{parent}_1"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (
            ["detector", "flowers"],
            "'serving_default', those of .* and of .* Give them prefixes, such",
        ),
        (["detector", "census"], "of TensorFlow 1, without functions .* Name .*census first"),
        (["tf1_shared", "tf1_two_graphs"], r"has a MetaGraph \{gpu, serve\}, and .* has \{serve\}"),
        (
            ["tf1_shared", "tf1_two_graphs"],
            "--set_tags=…' changes tags, and --drop_meta_graph leaves",
        ),
        (["detector", "detector"], "those of .*detector and of .*detector. Give them prefixes"),
    ],
)
def test_models_that_cannot_be_one_are_refused(
    fixture_model: FixtureModel, tmp_path: Path, names: list[str], problem: str
) -> None:
    models = [fixture_model(name) for name in names]
    with pytest.raises(PatchError, match=problem):
        sigpb.merge(*models, output_dir=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_all_that_is_in_the_way_is_said_at_once(fixture_model: FixtureModel) -> None:
    names = ("flowers", "tf1_two_graphs", "detector")
    with pytest.raises(PatchError) as error:
        sigpb.merge(*(fixture_model(name) for name in names), dry_run=True)
    assert len(error.value.problems) == 3


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, "Give one of output_dir and dry_run"),
        ({"output_dir": "x", "dry_run": True}, "Give one of output_dir and dry_run"),
        ({"dry_run": True, "prefixes": ["a_"]}, "There are 2 models and 1 prefixes"),
        ({"output_dir": "gs://bucket/x"}, "the new model is written to this machine"),
    ],
)
def test_wrong_arguments(
    fixture_model: FixtureModel, more: dict[str, object], problem: str
) -> None:
    model = fixture_model("detector")
    with pytest.raises(UsageError, match=problem):
        sigpb.merge(model, model, **more)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Two models or more"):
        sigpb.merge(model, dry_run=True)


def test_nothing_is_left_of_a_merge_that_fails(fixture_model: FixtureModel, tmp_path: Path) -> None:
    model, other = fixture_model("detector"), fixture_model("flowers")
    (other / "variables" / "variables.data-00000-of-00001").unlink()
    with pytest.raises((ModelUnreadable, EnvironmentFailure), match="data-00000-of-00001"):
        sigpb.merge(model, other, prefixes=["", "b_"], output_dir=tmp_path / "merged")
    assert not list(tmp_path.glob("*merged*"))


def test_the_command_reports_for_programs(fixture_model: FixtureModel, tmp_path: Path) -> None:
    models = fixture_model("census"), fixture_model("flowers")
    outcome = run("merge", *models, f"--output_dir={tmp_path / 'merged'}", "--format=json")
    assert outcome.code == 0
    said = json.loads(outcome.out)
    first, second = said["models"]
    assert (first["name"], second["name"]) == ("", "flowers")
    assert second["meta_graphs"] == [
        {"tags": ["serve"], "signatures": {"serving_default": "serving_default"}}
    ]
    assert "its signatures come along, and not its objects" in said["notes"][0]
    assert Checkpoint.of_model(tmp_path / "merged") is not None


@pytest.mark.parametrize("arguments", [(), ("one",)])
def test_the_command_wants_two_models(arguments: tuple[str, ...]) -> None:
    outcome = run("merge", *arguments, "--dry_run")
    assert outcome.code == 2
    assert "Usage: sigpb merge DIR DIR…" in outcome.err


def test_the_command_says_which_flags_it_takes(fixture_model: FixtureModel) -> None:
    model = fixture_model("detector")
    for more in ((), ("--dry_run", "--output_dir=x")):
        outcome = run("merge", model, model, "--prefix=a_,b_", *more)
        assert outcome.code == 2
        assert "Give one of --output_dir=NEW and --dry_run." in outcome.err


def test_the_command_refuses_with_the_reason(fixture_model: FixtureModel) -> None:
    model = fixture_model("detector")
    outcome = run("merge", model, model, "--dry_run", "--format=json")
    assert outcome.code == 2
    assert outcome.json["status"] == "refused"
    assert "--prefix=a_,b_" in outcome.json["problems"][0]


def test_what_a_model_of_tensorflow_1_does_not_save_again_is_said(
    fixture_model: FixtureModel,
) -> None:
    model = fixture_model("tf2_many")
    file = model / "saved_model.pb"
    proto = protos.SavedModel.FromString(file.read_bytes())
    functions = proto.meta_graphs[0].graph_def.library.function
    restore = next(each for each in functions if "traced_restore" in each.signature.name)
    restore.node_def.add(name="table", op="LookupTableImportV2")
    file.write_bytes(proto.SerializeToString(deterministic=True))
    for first, expected in (("census", True), ("flowers", False)):
        result = sigpb.merge(fixture_model(first), model, prefixes=["", "b_"], dry_run=True)
        assert any("has values of its tables" in note for note in result.notes) == expected


def test_a_sum_that_protobuf_cannot_read_is_refused(
    fixture_model: FixtureModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = fixture_model("detector"), fixture_model("flowers")
    largest = max((model / "saved_model.pb").stat().st_size for model in models)
    monkeypatch.setattr("sigpb.publishing.changes.MAX_PROTO_SIZE", largest)
    with pytest.raises(PatchError, match=r"more than the .* that protobuf allows"):
        sigpb.merge(*models, prefixes=["", "b_"], output_dir=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_model_that_changes_meanwhile_is_refused(
    fixture_model: FixtureModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = fixture_model("detector"), fixture_model("flowers")
    composed = merging.merged

    def changing(*arguments: Any) -> merging.Merged:
        made = composed(*arguments)
        file = models[1] / "saved_model.pb"
        file.write_bytes(file.read_bytes() + b"\n")
        return made

    monkeypatch.setattr("sigpb.composition.merged", changing)
    with pytest.raises(EnvironmentFailure, match="was changed, replaced or removed"):
        sigpb.merge(*models, prefixes=["", "b_"], output_dir=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    "names", [["census", "flowers"], ["flowers", "tf2_linear"], ["census", "tf1_shared"]]
)
def test_what_was_merged_can_be_split_into_what_it_was(
    fixture_model: FixtureModel, tmp_path: Path, names: list[str]
) -> None:
    models = [fixture_model(name) for name in names]
    merged = tmp_path / "merged"
    result = sigpb.merge(*models, prefixes=["a_", "b_"], output_dir=merged)
    for model, origin in zip(models, result.origins, strict=True):
        keys = [key for each in origin.signatures.values() for key in each.values()]
        sigpb.split(merged, keys, output_dir=tmp_path / f"{origin.name}_part")
        before, after = (
            Checkpoint.of_model(each) for each in (model, tmp_path / f"{origin.name}_part")
        )
        assert before is not None
        assert after is not None
        path = f"{origin.name}/".removeprefix("/")
        assert sorted(after.keys) == sorted(path + key for key in before.keys)


def test_one_of_three_can_be_split_off(fixture_model: FixtureModel, tmp_path: Path) -> None:
    model, merged = fixture_model("census"), tmp_path / "merged"
    sigpb.merge(model, model, model, prefixes=["a_", "b_", "c_"], output_dir=merged)
    for key, scope in (("a", ""), ("b", "census/"), ("c", "census_1/")):
        sigpb.split(merged, f"{key}_predict", output_dir=tmp_path / key)
        part = Checkpoint.of_model(tmp_path / key)
        assert part is not None
        assert part.keys == (f"{scope}dnn/logits/kernel",)
        with open_model(tmp_path / key) as opened:
            graph = parse(protos.MetaGraphDef, opened.meta_graphs[0].message)
        assert not [node for node in graph.graph_def.node if "sigpb_" in str(node.attr)]
