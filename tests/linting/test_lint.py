from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import EnvironmentFailure, ModelUnreadable, PatchError
from sigpb.linting import lint as linting
from sigpb.linting.lint import fix, lint
from sigpb.linting.rule import Fixing, LintRule
from sigpb.linting.rules import all_rules
from sigpb.linting.rules.no_serve_tag import NoServeTag
from sigpb.publishing.exchange import locked
from tests.linting.faults import ModelFactory, rule
from tests.linting.policies import policy
from tests.patches import altered, apply, read
from tests.publishing.directories import snapshot


def several_faults(graph: protos.MetaGraphDef) -> None:
    del graph.meta_info_def.tags[:]
    signature = graph.signature_def["single"]
    signature.outputs["v"].CopyFrom(signature.outputs["u"])
    del signature.outputs["u"]


def test_most_severe_first(fixture_model: ModelFactory) -> None:
    found = lint(altered(fixture_model("tf2_linear"), several_faults), all_rules())
    assert [(finding.severity, finding.rule) for finding in found] == [
        ("error", "views-disagree"),
        ("warning", "no-serve-tag"),
        ("warning", "stale-fingerprint"),
        ("info", "newer-op"),
    ]


def test_policy_says_how_severe(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), several_faults)
    wanted = policy(
        'severity { rule: "*" severity: "info" } severity { rule: "no-*" severity: "error" }'
    )
    found = lint(model, all_rules(), wanted)
    assert {(finding.severity, finding.rule) for finding in found} == {
        ("error", "no-serve-tag"),
        ("info", "newer-op"),
        ("info", "stale-fingerprint"),
        ("info", "views-disagree"),
    }


def test_all_fixes_at_once(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), several_faults)

    done = fix(model, all_rules(), ways={"views-disagree": "object_graph"})

    assert {finding.rule for finding in done.fixed} == {
        "no-serve-tag",
        "stale-fingerprint",
        "views-disagree",
    }
    assert [finding.rule for finding in done.findings] == ["newer-op"]
    (graph,) = read(model).meta_graphs
    assert list(graph.meta_info_def.tags) == ["serve"]
    assert list(graph.signature_def["single"].outputs) == ["u"]


def test_nothing_to_fix(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    before = snapshot(model)
    assert fix(model, all_rules()) == linting.Fixed((), lint(model, all_rules()), None)
    assert snapshot(model) == before


def test_without_backup(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), several_faults)
    assert fix(model, [rule("no-serve-tag")], backup=False).backup is None
    assert not list(model.glob(".sigpb-*"))


class Harmful(NoServeTag):
    """Breaks a signature on the way."""

    def fix(self, fixing: Fixing, way: str) -> None:
        super().fix(fixing, way)
        saved_model = protos.SavedModel.FromString(fixing.model.root.content())
        saved_model.meta_graphs[0].signature_def["single"].inputs["t"].name = "gone:0"
        model = fixing.model
        fixing.model = type(model)(model.file, model.state, saved_model.SerializeToString())


def test_fix_must_bring_no_errors(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), several_faults)
    before = snapshot(model)
    rules: list[LintRule] = [Harmful(), rule("missing-tensor")]
    with pytest.raises(PatchError) as refusal:
        fix(model, rules)
    assert "would bring new errors" in str(refusal.value)
    assert "no node 'gone'" in str(refusal.value)
    assert snapshot(model) == before


def test_while_another_process_patches_the_model(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), several_faults)
    before = snapshot(model)
    with locked(model), pytest.raises(EnvironmentFailure, match="Another process"):
        fix(model, [rule("no-serve-tag")])
    assert snapshot(model) == before


def test_function_names_are_in_the_way_of_a_fingerprint(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        several_faults(graph)
        graph.object_graph_def.concrete_functions["wrapper"].bound_inputs.append(1)

    model = altered(fixture_model("tf2_linear"), fault)
    with pytest.raises(PatchError, match=r"remove fingerprint\.pb"):
        fix(model, [rule("no-serve-tag")])


def test_damaged_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    (model / "saved_model.pb").write_bytes(b"\x12\xff")
    with pytest.raises(ModelUnreadable, match=str(model)):
        lint(model, all_rules())
    with pytest.raises(ModelUnreadable, match="no such directory"):
        lint(Path("nowhere"), all_rules())


PATCHES = """
    tf2_linear  signature { key: "serving_default" input { key: "b" rename_to: "z" } }
    tf2_linear  signature { key: "new" copy_of: "serving_default" output { key: "p" drop: true } }
    tf2_image   signature { key: "serving_default" batch_size: "4" }
"""


@pytest.mark.parametrize("line", [line.strip() for line in PATCHES.strip().splitlines()])
def test_patched_models_are_as_good_as_before(fixture_model: ModelFactory, line: str) -> None:
    name, _, text = line.partition(" ")
    model = fixture_model(name)
    before = {(finding.rule, finding.where) for finding in lint(model, all_rules())}

    apply(model, text)

    after = [
        finding
        for finding in lint(model, all_rules())
        if (finding.rule, finding.where) not in before and finding.severity != "info"
    ]
    assert after == []
