from __future__ import annotations

from tests.linting.faults import ModelFactory, find
from tests.linting.policies import policy

RULE = "policy-endpoint"


def test_there(fixture_model: ModelFactory) -> None:
    wanted = policy(
        'signature { key: "serving_default" input { key: "x" } output { key: "s" } }'
        'signature { key: "single" input { key: "t" } output { key: "u" } no_others: true }'
    )
    assert find(RULE, fixture_model("tf2_linear"), wanted) == []


def test_missing(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "single" input { key: "x" } output { key: "y" } }')
    assert find(RULE, fixture_model("tf2_linear"), wanted) == [
        ("error", "signature 'single', input 'x'", "The policy wants the input; there are 't'."),
        ("error", "signature 'single', output 'y'", "The policy wants the output; there are 'u'."),
    ]


def test_others(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "serving_default" input { key: "x" } no_others: true }')
    found = find(RULE, fixture_model("tf2_linear"), wanted)
    assert [where.rpartition(", ")[2] for _, where, _ in found] == [
        "input 'b'",
        "output 'p'",
        "output 's'",
    ]
