"""Planting faults in models, and looking for them with one rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos
from sigpb.linting.lint import NO_WAYS, Fixed, Ways, fix, lint
from sigpb.linting.policy import EMPTY_POLICY
from sigpb.linting.rule import Finding, LintRule
from sigpb.linting.rules import all_rules

ModelFactory = Callable[..., Path]
Fault = Callable[[protos.MetaGraphDef], object]


def rule(name: str) -> LintRule:
    (found,) = (each for each in all_rules() if each.id == name)
    return found


def find(
    name: str, model: Path, policy: protos.LintPolicy = EMPTY_POLICY
) -> list[tuple[str, str, str]]:
    """What a rule finds: severity, place and message of each finding."""
    return [(each.severity, each.where, each.message) for each in findings(name, model, policy)]


def findings(
    name: str, model: Path, policy: protos.LintPolicy = EMPTY_POLICY
) -> tuple[Finding, ...]:
    return lint(model, [rule(name)], policy)


def repair(name: str, model: Path, ways: Ways = NO_WAYS) -> Fixed:
    """Fixes what a rule finds, and makes sure that then it finds nothing, and none finds an error.

    The fault has to be one that can be fixed.
    """
    done = fix(model, [rule(name)], ways=ways)
    assert done.fixed
    assert done.findings == ()
    assert [each for each in lint(model, all_rules()) if each.severity == "error"] == []
    return done


def graph_of(text: str) -> protos.MetaGraphDef:
    """A MetaGraph for serving, from the text of its other fields."""
    graph = protos.MetaGraphDef()
    graph.meta_info_def.tags.append("serve")
    return text_format.Parse(text, graph)


def write(directory: Path, graph: protos.MetaGraphDef, files: Mapping[str, bytes] = {}) -> Path:
    """Writes a model with one MetaGraph."""
    saved_model = protos.SavedModel(saved_model_schema_version=1, meta_graphs=[graph])
    contents = {"saved_model.pb": saved_model.SerializeToString(), **files}
    for name, content in contents.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory
