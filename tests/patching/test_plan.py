from __future__ import annotations

import json

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.apply import changes_of
from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.model import open_model
from tests.patches import ModelFactory, altered, missed

PATCH = """
    id: "names-2026-11"
    reason: "one contract"
    signature {
        key: "serving_default"
        rename_to: "predict"
        method_name: "tensorflow/serving/classify"
        input { key: "x" rename_to: "in:0" }
        output { key: "p" drop: true }
    }
    signature { key: "legacy" copy_of: "serving_default" input { key: "x" rename_to: "image" } }
    signature { key: "single" drop: true }
    set_tags { tag: "serve" tag: "gpu" }
    """


def test_prints_every_change(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    assert str(sigpb.plan(model, parse_text(PATCH))).splitlines() == [
        str(model),
        "  MetaGraph {serve}",
        "    tags {serve} → {gpu, serve}",
        "    signature 'serving_default': output 'p' dropped",
        "    signature 'serving_default': input 'x' → 'in:0'",
        "    signature 'serving_default' → 'predict'",
        "    signature 'serving_default': method 'tensorflow/serving/predict' → "
        "'tensorflow/serving/classify'",
        "    signature 'legacy': copied from 'serving_default'",
        "    signature 'legacy': input 'x' → 'image'",
        "    signature 'single': deleted",
        "    warning: signature 'predict': TensorFlow Serving answers tensorflow/serving/classify "
        "requests only with an input 'inputs' and an output 'classes' or 'scores', and no more "
        "than these.",
        "    warning: signature 'predict': input 'in:0' cannot name a node of a graph; TensorFlow "
        "loads and serves it, but tf.saved_model.save would refuse to export it.",
        f"    {missed('serving_default', 'single')}",
    ]


def test_prints_every_meta_graph(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_two_graphs")
    plan = sigpb.plan(
        model, parse_text('signature { key: "serving_default" input { key: "x" rename_to: "_" } }')
    )
    assert str(plan).count("    signature 'serving_default': input 'x' → '_'\n") == 2
    assert [line for line in str(plan).splitlines() if line.startswith("  MetaGraph")] == [
        "  MetaGraph {serve}",
        "  MetaGraph {gpu, serve}",
    ]
    assert len(plan.warnings) == 2


def test_says_what_is_not_checked(fixture_model: ModelFactory) -> None:
    """Of the edits, and of what the graph makes of them."""

    def rename_op(meta_graph: protos.MetaGraphDef) -> None:
        for function in meta_graph.graph_def.library.function:
            for node in function.node_def:
                if node.op == "MatMul":
                    node.op = "NoOneKnows"

    model = altered(fixture_model("tf2_image"), rename_op)
    patch = parse_text('signature { key: "serving_default" batch_size: "8" }')
    plan = sigpb.plan(model, patch)
    computed, node = plan.meta_graphs[0].unchecked
    assert computed == "what signature 'serving_default' computes for a batch size of 8"
    assert node.startswith("whether NoOneKnows '")
    assert f"\n    not checked without --verify: {node}" in str(plan)
    assert plan.to_json()["meta_graphs"][0]["unchecked"] == [computed, node]
    result = sigpb.patch(model, patch, dry_run=True)
    assert result.notes == (f"not checked without --verify: {node}",)
    assert result.plan.meta_graphs[0].unchecked == (computed,)


def test_prints_that_there_is_nothing_to_do(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    assert str(sigpb.plan(model, sigpb.SavedModelPatch())) == f"{model}: nothing to change"


def test_as_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_two_graphs")
    patch = 'id: "p" reason: "r" tags { tag: "serve" } set_tags {} ' + (
        """
        signature { key: "new" copy_of: "serving_default" output { key: "y" rename_to: "a b" } }
        """
    )
    plan = sigpb.plan(model, parse_text(patch))
    signature = {"key": "new", "copy_of": "serving_default"}
    assert json.loads(json.dumps(plan.to_json())) == {
        "model": str(model),
        "patch_id": "p",
        "reason": "r",
        "meta_graphs": [
            {
                "tags": ["serve"],
                "edits": [
                    {"edit": "SetTags", "text": "tags {serve} → {}", "before": ["serve"], "to": []},
                    {
                        "edit": "CopySignature",
                        "text": "signature 'new': copied from 'serving_default'",
                        "signature": signature,
                    },
                    {
                        "edit": "RenameEndpoint",
                        "text": "signature 'new': output 'y' → 'a b'",
                        "signature": signature,
                        "side": "output",
                        "key": "y",
                        "to": "a b",
                    },
                ],
                "chains": [],
                "warnings": [],
                "unchecked": [],
            }
        ],
    }


def test_an_empty_plan_as_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    plan = sigpb.plan(model, sigpb.SavedModelPatch())
    assert plan.to_json() == {
        "model": str(model),
        "patch_id": "",
        "reason": "",
        "meta_graphs": [],
    }


def test_what_people_get_does_not_hold_on_to_the_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch = parse_text('signature { key: "serving_default" input { key: "x" dtype: "int64" } }')
    with open_model(model) as opened:
        plan = compile_patch(opened, patch)
        assert list(plan.interfaces) == [0]
        assert plan.to_tell() == plan
        assert str(plan.to_tell()) == str(plan)
        with pytest.raises(KeyError):
            changes_of(plan.to_tell(), opened)
    assert not sigpb.plan(model, patch).interfaces
    assert not sigpb.patch(model, patch, dry_run=True).plan.interfaces
