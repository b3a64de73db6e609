from __future__ import annotations

import pytest

from tests.linting.faults import ModelFactory, find
from tests.linting.policies import policy

RULE = "policy-shape"


def test_the_same(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "single" input { key: "t" shape: "[?,3]" } }')
    assert find(RULE, fixture_model("tf2_linear"), wanted) == []


@pytest.mark.parametrize("shape", ["[8,3]", "[?,?]", "<unknown>", "[]"])
def test_another(fixture_model: ModelFactory, shape: str) -> None:
    wanted = policy(f'signature {{ key: "single" input {{ key: "t" shape: "{shape}" }} }}')
    assert find(RULE, fixture_model("tf2_linear"), wanted) == [
        (
            "error",
            "signature 'single', input 't'",
            f"The policy wants the shape {shape}; it is [?,3].",
        )
    ]
