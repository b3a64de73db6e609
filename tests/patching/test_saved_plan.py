from __future__ import annotations

import json
from pathlib import Path

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests.patches import RECORD, ModelFactory, altered, contents, missed, only_graph

PATCH = """
    id: "a-1"
    signature { key: "other" rename_to: "second" input { key: "x" dtype: "float64" } }
    """


@pytest.fixture
def model(fixture_model: ModelFactory) -> Path:
    return fixture_model("tf2_linear")


@pytest.fixture
def file(model: Path, tmp_path: Path) -> Path:
    sigpb.plan(model, parse_text(PATCH), out=tmp_path / "plan.json")
    return tmp_path / "plan.json"


def refusal(file: Path, model: Path | None = None) -> str:
    with pytest.raises(sigpb.PatchError) as caught:
        sigpb.apply_plan(file, model, in_place=True)
    return str(caught.value)


def test_planning_changes_nothing(model: Path, tmp_path: Path) -> None:
    before = contents(model)
    sigpb.plan(model, parse_text(PATCH), out=tmp_path / "plan.json")
    assert contents(model) == before


def test_is_readable(model: Path, file: Path) -> None:
    content = json.loads(file.read_text())
    assert content["model"] == str(model)
    assert set(content["digests"]) == {"saved_model.pb", "fingerprint.pb"}
    assert content["edits"] == [
        "  MetaGraph {serve}",
        "    signature 'other': input 'x' float32 [?,3] → float64 [?,3] (cast: rounds; values "
        "beyond ±3.4e+38 do not fit)",
        "    signature 'other' → 'second'",
        f"    {missed('other')}",
    ]
    assert content["patch"]["id"] == "a-1"


def test_warnings_that_only_the_graph_gives(fixture_model: ModelFactory, tmp_path: Path) -> None:
    """What is found when the graph is changed belongs to what the plan says."""
    model, file = fixture_model("tf2_fixed_batch"), tmp_path / "plan.json"
    patch = parse_text('signature { key: "serving_default" batch_size: "?" }')
    warnings = sigpb.plan(model, patch, out=file).warnings
    assert any("keeps the shape [] for every batch size" in each for each in warnings)
    assert sigpb.apply_plan(file, in_place=True).status == "patched"


def test_does_what_the_patch_does(
    model: Path, file: Path, fixture_model: ModelFactory, tmp_path: Path
) -> None:
    result = sigpb.apply_plan(file, output_dir=tmp_path / "applied")
    sigpb.patch(model, parse_text(PATCH), output_dir=tmp_path / "patched")
    assert result.status == "patched"
    after, expected = contents(tmp_path / "applied"), contents(tmp_path / "patched")
    assert json.loads(after.pop(RECORD))["patch_id"] == "a-1"
    del expected[RECORD]
    assert after == expected


def test_fits_a_copy_of_the_model(file: Path, fixture_model: ModelFactory) -> None:
    copy = fixture_model("tf2_linear")
    sigpb.apply_plan(file, copy, in_place=True)
    assert "second" in only_graph(copy).signature_def


def test_is_carried_out_once(model: Path, file: Path) -> None:
    sigpb.apply_plan(file, in_place=True)
    assert refusal(file) == (
        f"{model}: fingerprint.pb, saved_model.pb, sigpb.history.jsonl changed since the plan was "
        "made; make a new one with 'sigpb plan'."
    )


def test_a_model_that_changed_is_refused(model: Path, file: Path) -> None:
    altered(model, lambda graph: graph.meta_info_def.tags.append("gpu"))
    before = contents(model)
    assert refusal(file).startswith(f"{model}: saved_model.pb changed since the plan was made")
    assert contents(model) == before


def test_another_meaning_of_the_patch_is_refused(file: Path) -> None:
    content = json.loads(file.read_text())
    content["edits"].pop()
    file.write_text(json.dumps(content))
    assert "would do something else than the plan says" in refusal(file)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"sigpb_plan": 1}', '{"sigpb_plan": 1, "model": 3}']
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    assert refusal(file) == f"{file}: not a plan that 'sigpb plan --out' wrote."


@pytest.mark.parametrize("path", [1, "a\0b", "\ud800"])
def test_a_plan_for_what_is_no_path_is_refused(file: Path, path: object) -> None:
    content = json.loads(file.read_text())
    content["model"] = path
    file.write_text(json.dumps(content))
    assert refusal(file) == f"{file}: not a plan that 'sigpb plan --out' wrote."


def test_a_plan_of_another_version_is_refused(file: Path) -> None:
    file.write_text(file.read_text().replace('"sigpb_plan": 1', '"sigpb_plan": 2'))
    assert "a plan of another version of sigpb, which this version cannot read" in refusal(file)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(sigpb.EnvironmentFailure, match="No such file"):
        sigpb.apply_plan(tmp_path / "none.json", in_place=True)
