from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.linting.lint import fix
from tests.linting.faults import Fault, ModelFactory, find, findings, repair, rule
from tests.patches import altered, read

RULE = "no-serve-tag"


def without_tags(graph: protos.MetaGraphDef) -> None:
    del graph.meta_info_def.tags[:]


def with_tag(tag: str) -> Fault:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tags[:] = [tag]

    return fault


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_two_graphs"])
def test_tag_is_there(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_no_tags(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), without_tags)
    assert find(RULE, model) == [("warning", "", "The tag-set is {}.")]

    repair(RULE, model)

    assert list(read(model).meta_graphs[0].meta_info_def.tags) == ["serve"]
    assert find("stale-fingerprint", model) == []


def test_wrong_tag_is_not_guessed(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), with_tag("server"))
    (finding,) = findings(RULE, model)
    assert (finding.severity, finding.fix) == ("warning", None)
    assert fix(model, [rule(RULE)]).fixed == ()


@pytest.mark.parametrize("tag", ["eval", "train", "transform"])
def test_other_purpose(fixture_model: ModelFactory, tag: str) -> None:
    model = altered(fixture_model("tf2_linear"), with_tag(tag))
    assert find(RULE, model) == [("info", "", f"The tag-set is {{{tag}}}.")]


def test_hub_module(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf1_shared"), without_tags)
    (model / "tfhub_module.pb").write_bytes(b"\x08\x03")
    (finding,) = findings(RULE, model)
    assert (finding.severity, finding.fix) == ("info", None)
