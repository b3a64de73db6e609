from __future__ import annotations

from tests.linting.faults import ModelFactory, find
from tests.linting.policies import policy

RULE = "policy-method-name"
PREDICT = "tensorflow/serving/predict"


def test_the_same(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    wanted = f'signature {{ key: "single" method_name: "{PREDICT}" }} signature {{ key: "no" }}'
    assert find(RULE, model, policy(wanted)) == []
    assert find(RULE, model, policy('signature { key: "single" }')) == []


def test_another(fixture_model: ModelFactory) -> None:
    wanted = policy('signature { key: "single" method_name: "other" }')
    assert find(RULE, fixture_model("tf2_linear"), wanted) == [
        (
            "error",
            "signature 'single'",
            f"The policy wants the method name 'other'; it is '{PREDICT}'.",
        )
    ]
