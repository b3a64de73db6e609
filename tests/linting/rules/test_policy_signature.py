from __future__ import annotations

from tests.linting.faults import ModelFactory, find
from tests.linting.policies import policy

RULE = "policy-signature"


def test_there(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    assert find(RULE, model, policy('signature { key: "serving_default" }')) == []
    assert find(RULE, model) == []


def test_missing(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "serving" } signature { key: "single" }')
    ((severity, where, message),) = find(RULE, fixture_model("tf2_linear"), wanted)
    assert (severity, where) == ("error", "")
    assert message.startswith("The policy wants a signature 'serving'; ")
    assert "'serving_default'" in message


def test_only_in_meta_graphs_for_serving(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "nothing" }')
    found = find(RULE, fixture_model("tf1_two_graphs"), wanted)
    assert [where for _, where, _ in found] == ["MetaGraph {serve}", "MetaGraph {gpu, serve}"]
    assert len(find(RULE, fixture_model("tf1_eval"), wanted)) == 1
