"""What clients of a model notice, rule by rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.comparing.compat import RULES, verdicts
from sigpb.comparing.difference import SignatureVerdict
from tests.comparing.patched import difference, patched
from tests.patches import ModelFactory, altered

Findings = set[str]


def verdicts_of(before: Path, after: Path) -> dict[str | None, SignatureVerdict]:
    return {each.signature: each for each in verdicts(difference(before, after))}


def findings(verdict: SignatureVerdict) -> Findings:
    return {f"{each.rule}: {each.message}" for each in verdict.findings}


def serving(changes: str) -> str:
    return f'signature {{ key: "serving_default" {changes} }}'


# The model, the patch, the verdict on serving_default, and why.
CASES = [
    ("tf2_linear", "", "compatible", set()),
    (
        "tf2_linear",
        serving('rename_to: "new"'),
        "breaking",
        {"signature-renamed: it is called 'new' now"},
    ),
    ("tf2_linear", serving("drop: true"), "breaking", {"signature-removed: it is deleted"}),
    (
        "tf2_linear",
        serving('method_name: "m"'),
        "breaking",
        {"method-changed: the method is 'm' in place of 'tensorflow/serving/predict'"},
    ),
    (
        "tf2_linear",
        serving('input { key: "x" rename_to: "c" }'),
        "breaking",
        {"input-renamed: input 'x' is called 'c' now"},
    ),
    (
        "tf2_linear",
        serving('input { key: "x" dtype: "int32" }'),
        "breaking",
        {"input-dtype-changed: input 'x' is int32 in place of float32"},
    ),
    (
        "tf2_linear",
        serving('input { key: "x" step: "affine(2)" } output { key: "p" step: "scale(1, 2)" }'),
        "warning",
        {
            "output-values-may-differ: input 'x' passes Mul, AddV2, which compute other values",
            "output-values-may-differ: output 'p' passes Sub, Mul, which compute other values",
        },
    ),
    (
        "tf2_linear",
        serving('input { key: "x" shape: "[8,3]" }'),
        "breaking",
        {
            "input-shape-narrowed: input 'x' is [8,3] in place of [?,3]",
            "output-shape-narrowed: output 'p' is [8,3] in place of [?,3]",
            "output-shape-narrowed: output 's' is [8,3] in place of [?,3]",
        },
    ),
    (
        "tf1_fixed_batch",
        serving('batch_size: "?" output { key: "image" drop: true }'),
        "breaking",
        {
            "input-shape-widened: input 'x' is [?,4] in place of [1,4]",
            "output-removed: output 'image' is not there any more",
            "output-shape-widened: output 'y' is [?,2] in place of [1,2]",
        },
    ),
    (
        "tf1_fixed_batch",
        serving('batch_size: "?"'),
        "warning",
        {
            "input-shape-widened: input 'x' is [?,4] in place of [1,4]",
            "output-shape-widened: output 'image' is [?,2,2] in place of [1,2,2]",
            "output-shape-widened: output 'y' is [?,2] in place of [1,2]",
        },
    ),
    (
        "tf2_linear",
        serving('input { key: "x" shape: "[?,3,1]" }'),
        "breaking",
        {"input-shape-changed: input 'x' is [?,3,1] in place of [?,3]"},
    ),
    (
        "tf2_image",
        serving('input { key: "training" bind: "false" }'),
        "breaking",
        {"input-removed: input 'training' is not taken any more; it is bound to false"},
    ),
    (
        "tf2_image",
        serving('output { key: "pooled" from_tensor: "pool/Mean:0" }'),
        "compatible",
        {"output-added: output 'pooled' is new"},
    ),
    (
        "tf2_linear",
        serving('input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" }'),
        "breaking",
        {
            "input-replaced: input 'b' feeds another tensor than before",
            "input-replaced: input 'x' feeds another tensor than before",
        },
    ),
    (
        "tf2_linear",
        serving('output { key: "p" rename_to: "s" } output { key: "s" drop: true }'),
        "breaking",
        {
            "output-renamed: output 'p' is called 's' now",
            "output-replaced: output 's' returns another tensor than before",
        },
    ),
    (
        "tf2_linear",
        serving('output { key: "p" dtype: "int32" } output { key: "s" shape: "[?,3,1]" }'),
        "breaking",
        {
            "output-dtype-changed: output 'p' is int32 in place of float32",
            "output-shape-changed: output 's' is [?,3,1] in place of [?,3]",
        },
    ),
    (
        "tf2_linear",
        serving('output { key: "p" shape: "[8,3]" }'),
        "compatible",
        {"output-shape-narrowed: output 'p' is [8,3] in place of [?,3]"},
    ),
    (
        "tf2_linear",
        serving('input { key: "b" default: "[[1,2,3]]" }'),
        "compatible",
        {"input-default-added: input 'b' has the default [[1.0, 2.0, 3.0]] now"},
    ),
    (
        "tf1_two_graphs",
        'tags { tag: "serve" } set_tags { tag: "train" }',
        "breaking",
        {"tag-set-removed: its MetaGraph has the tag-set {train} now"},
    ),
    (
        "tf2_linear",
        """signature { key: "single" rename_to: "serving_default" }
        signature { key: "serving_default" rename_to: "old" }""",
        "breaking",
        {
            "signature-replaced: what was under this key is called 'old' now, and another "
            "signature has the key",
        },
    ),
]


@pytest.mark.parametrize(("name", "patch", "level", "expected"), CASES)
def test_of_a_patch(
    fixture_model: ModelFactory, name: str, patch: str, level: str, expected: Findings
) -> None:
    model = fixture_model(name)
    found = verdicts(difference(model, patched(model, patch)))

    verdict = min((each for each in found if each.signature == "serving_default"), key=_first)

    assert verdict.level == level
    assert findings(verdict) >= expected
    if "signature-replaced" not in str(expected):
        assert findings(verdict) == expected


def _first(verdict: SignatureVerdict) -> bool:
    return verdict.tags != ("serve",)


def new_input(graph: protos.MetaGraphDef) -> None:
    inputs = graph.signature_def["serving_default"].inputs
    inputs["extra"].CopyFrom(inputs["y"])


def new_input_with_default(graph: protos.MetaGraphDef) -> None:
    new_input(graph)
    signature = graph.signature_def["serving_default"]
    signature.defaults["extra"].dtype = signature.inputs["extra"].dtype
    signature.defaults["extra"].float_val.append(1)
    signature.defaults["extra"].tensor_shape.SetInParent()


def other_values(graph: protos.MetaGraphDef) -> None:
    graph.graph_def.node[0].attr["new"].i = 1


def sparse(graph: protos.MetaGraphDef) -> None:
    for infos in (
        graph.signature_def["serving_default"].inputs,
        graph.signature_def["serving_default"].outputs,
    ):
        for info in infos.values():
            name = info.name
            info.coo_sparse.values_tensor_name = name


@pytest.mark.parametrize(
    ("change", "rules_broken"),
    [
        (new_input, {"input-added-without-default"}),
        (new_input_with_default, {"input-added-with-default"}),
        (other_values, {"output-values-may-differ"}),
        (sparse, {"input-encoding-changed", "output-encoding-changed"}),
    ],
)
def test_of_other_changes(
    fixture_model: ModelFactory,
    change: Callable[[protos.MetaGraphDef], None],
    rules_broken: set[str],
) -> None:
    after = altered(fixture_model("tf1_shared"), change)

    verdict = verdicts_of(fixture_model("tf1_shared"), after)["serving_default"]

    assert {each.rule for each in verdict.findings} == rules_broken


def test_defaults(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_defaults")

    def rules_of(change: Callable[[protos.MetaGraphDef], None]) -> set[str]:
        found = verdicts(difference(model, altered(fixture_model("tf2_defaults"), change)))
        return {each.rule for verdict in found for each in verdict.findings}

    def remove(graph: protos.MetaGraphDef) -> None:
        for signature in graph.signature_def.values():
            signature.defaults.clear()

    def change(graph: protos.MetaGraphDef) -> None:
        for signature in graph.signature_def.values():
            for value in signature.defaults.values():
                value.ClearField("tensor_content")
                value.float_val[:] = [77.0]

    assert rules_of(remove) == {"input-default-removed"}
    assert rules_of(change) == {"input-default-changed"}


def test_views_disagree(fixture_model: ModelFactory) -> None:
    def swap(graph: protos.MetaGraphDef) -> None:
        outputs = graph.signature_def["serving_default"].outputs
        first, second = outputs["p"].name, outputs["s"].name
        outputs["p"].name, outputs["s"].name = second, first

    found = verdicts_of(fixture_model("tf2_linear"), altered(fixture_model("tf2_linear"), swap))

    rules_broken = {each.rule for each in found["serving_default"].findings}
    assert rules_broken == {"views-disagree", "output-replaced"}
    assert found["single"].level == "compatible"


def test_a_copy_under_the_old_key_serves_old_clients(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    after = patched(
        model,
        """signature { key: "serving_default" rename_to: "new" input { key: "x" dtype: "int8" } }
        signature { key: "serving_default" copy_of: "serving_default" }""",
    )

    found = verdicts_of(model, after)

    assert found["serving_default"].level == "compatible"
    assert {each.rule for each in found["new"].findings} == {"signature-added"}


def test_a_tag_set_that_is_gone(fixture_model: ModelFactory) -> None:
    model, one = fixture_model("tf1_two_graphs"), fixture_model("tf1_two_graphs")
    saved_model = protos.SavedModel.FromString((one / "saved_model.pb").read_bytes())
    del saved_model.meta_graphs[1]
    (one / "saved_model.pb").write_bytes(saved_model.SerializeToString())

    verdict = verdicts_of(model, one)[None]

    assert verdict.level == "breaking"
    assert {each.rule for each in verdict.findings} == {"tag-set-removed"}


def test_the_worst_is_said_first(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    after = patched(
        model,
        """signature { key: "serving_default" output { key: "s" dtype: "double" }
        output { key: "again" from_tensor: "StatefulPartitionedCall_1:0" } }""",
    )

    levels = [each.level for each in verdicts_of(model, after)["serving_default"].findings]

    assert levels[0] == "breaking"
    assert levels == sorted(levels, key=["breaking", "warning", "compatible"].index)
    assert len(set(levels)) > 1


def test_rules_are_sorted_and_documented() -> None:
    ids = [rule.id for rule in RULES]
    page = Path(__file__).parents[2] / "docs" / "json.md"
    documented = page.read_text(encoding="utf-8")

    assert ids == sorted(set(ids))
    assert [name for name in ids if not re.search(rf"\b{name}[,.]", documented)] == []
