"""Adapters that one of two models has: named as what they are, and not node by node."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import sigpb
from sigpb.comparing.difference import ModelDifference
from sigpb.patching.infer import infer_patch
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.model import open_models
from tests.patches import ModelFactory


@pytest.fixture
def models(fixture_model: ModelFactory) -> tuple[Path, Path]:
    """A model, and what it is with two adapters."""
    model = fixture_model("reviews")
    for name in ("tokenize", "calibrate"):
        shutil.copytree(fixture_model(name), model.parent / name)
    before, after = (f'model: "{model.parent / name}"' for name in ("tokenize", "calibrate"))
    patch = f'signature {{ key: "serving_default" before {{ {before} }} after {{ {after} }} }}'
    sigpb.patch(model, parse_text(patch), output_dir=model.parent / "composed")
    return model, model.parent / "composed"


def told(difference: ModelDifference) -> list[str]:
    return [line.strip() for line in str(difference).split("\n")]


def test_they_are_named_with_what_they_feed(models: tuple[Path, Path]) -> None:
    difference = sigpb.diff(*models)
    lines = told(difference)
    assert [line.split(", sha256:")[0] for line in lines[2:4]] == [
        "signature 'serving_default': adapter 'tokenize' put before it ('serving_default' of "
        "tokenize",
        "signature 'serving_default': adapter 'calibrate' put after it ('serving_default' of "
        "calibrate",
    ]
    assert lines[2].endswith(", ids → ids), 15 nodes")
    assert lines[4] == "functions of adapters: 13"
    assert not [line for line in lines if "sigpb/" in line or "sigpb_chain" in line]
    assert not [line for line in lines if line.startswith("functions: ")]
    (graph,) = difference.to_json()["meta_graphs"]
    assert [(each["graft"]["name"], each["is_added"]) for each in graph["grafts"]] == [
        ("tokenize", True),
        ("calibrate", True),
    ]
    assert not graph["nodes"]["added"]
    assert not graph["functions"]["added"]


def test_what_changed_besides_is_there(models: tuple[Path, Path]) -> None:
    difference = sigpb.diff(*models)
    (graph,) = difference.meta_graphs
    assert not difference.is_same
    assert difference.is_breaking
    assert {change.side for each in graph.changed_signatures for change in each.endpoints} == {
        "input",
        "output",
    }
    assert "assets/vocabulary.txt" in {file.path for file in difference.files.files}


def test_they_are_gone_the_other_way_round(models: tuple[Path, Path]) -> None:
    (graph,) = sigpb.diff(*reversed(models)).meta_graphs
    assert [(each.graft.name, each.is_added) for each in graph.grafts] == [
        ("tokenize", False),
        ("calibrate", False),
    ]
    assert not graph.graph.nodes.removed
    assert not graph.graph.functions.removed


def test_adapters_that_both_have_do_not_count(models: tuple[Path, Path]) -> None:
    _, composed = models
    renamed = parse_text(
        'signature { key: "serving_default" input { key: "text" rename_to: "review" } }'
    )
    sigpb.patch(composed, renamed, output_dir=composed.parent / "renamed")
    difference = sigpb.diff(composed, composed.parent / "renamed")
    (graph,) = difference.meta_graphs
    assert (graph.grafts, graph.grafted_functions) == ((), 0)
    with open_models(composed, composed.parent / "renamed") as (before, after):
        assert infer_patch(before, after).signature[0].input[0].rename_to == "review"


def test_they_cannot_be_inferred(models: tuple[Path, Path]) -> None:
    with open_models(*models) as pair, pytest.raises(sigpb.PatchError) as error:
        infer_patch(*pair)
    first, second = error.value.problems
    assert "the second model has the adapter 'tokenize'" in first
    assert first.endswith('Write the patch that puts it there: before { model: "…/tokenize" }.')
    assert second.endswith('Write the patch that puts it there: after { model: "…/calibrate" }.')
    with open_models(*reversed(models)) as pair, pytest.raises(sigpb.PatchError) as error:
        infer_patch(*pair)
    assert error.value.problems[0].endswith(
        'Write the patch that takes it out: ungraft: "tokenize".'
    )
