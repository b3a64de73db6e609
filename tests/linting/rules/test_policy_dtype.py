from __future__ import annotations

from tests.linting.faults import ModelFactory, find
from tests.linting.policies import policy

RULE = "policy-dtype"


def test_the_same(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "single" input { key: "t" dtype: "float" } }')
    assert find(RULE, fixture_model("tf2_linear"), wanted) == []


def test_not_asked_for(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "single" input { key: "t" } input { key: "no" } }')
    assert find(RULE, fixture_model("tf2_linear"), wanted) == []


def test_another(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "single" output { key: "u" dtype: "uint8" } }')
    assert find(RULE, fixture_model("tf2_linear"), wanted) == [
        ("error", "signature 'single', output 'u'", "The policy wants uint8; it is float32.")
    ]
