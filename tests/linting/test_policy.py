from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure, PatchError, UsageError
from sigpb.linting.policy import load_policy, selected_rules, severity_of
from tests.linting.policies import policy

POLICY_RULES = [
    "policy-dtype",
    "policy-endpoint",
    "policy-method-name",
    "policy-shape",
    "policy-signature",
]


def load(tmp_path: Path, text: str) -> object:
    file = tmp_path / "policy.txtpb"
    file.write_text(text)
    return load_policy(file)


def test_load(tmp_path: Path) -> None:
    text = """
        # Every model of this repository.
        select: "policy-*"
        severity { rule: "fixed-batch" severity: "error" }
        signature {
          key: "serving_default"
          input { key: "image" dtype: "uint8" shape: "[?,28,28,1]" }
        }
    """
    assert load(tmp_path, text) == policy(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signatures { }", '1:1: Message type "sigpb.LintPolicy" has no field named "signatures"'),
        ('severity { rule: "fixed-batch" severity: "fatal" }', "'fatal' is not a severity"),
        ('severity { rule: "fixd-batch" severity: "info" }', "did you mean 'fixed-batch'?"),
        ('select: "policies-*"', "There is no rule 'policies-*'"),
        ('ignore: "nothing"', "There is no rule 'nothing'"),
        ('signature { method_name: "m" }', "a signature has no key"),
        ('signature { key: "s" input { dtype: "int8" } }', "signature 's': an input or output has"),
        ('signature { key: "s" input { key: "x" dtype: "int" } }', "'int' is not a dtype"),
        ('signature { key: "s" output { key: "x" shape: "[a]" } }', "'[a]' is not a shape"),
    ],
)
def test_what_is_wrong_with_a_policy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PatchError) as refusal:
        load(tmp_path, text)
    assert str(refusal.value).startswith(str(tmp_path / "policy.txtpb"))
    assert said in str(refusal.value)


def test_all_problems_are_said(tmp_path: Path) -> None:
    with pytest.raises(PatchError) as refusal:
        load(tmp_path, 'select: "a" ignore: "b"')
    assert len(refusal.value.problems) == 2


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="No such file"):
        load_policy(tmp_path / "nowhere")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(PatchError, match="not UTF-8"):
        load_policy(tmp_path / "binary")


@pytest.mark.parametrize(
    ("text", "select", "ignore", "selected"),
    [
        ("", ["policy-*"], [], POLICY_RULES),
        ("", ["policy-*"], ["policy-[dms]*"], ["policy-endpoint"]),
        ('select: "fixed-batch"', [], [], ["fixed-batch"]),
        ('select: "fixed-batch"', ["unsafe-op"], [], ["unsafe-op"]),
        ('select: "policy-*" ignore: "policy-[dms]*"', [], ["policy-endpoint"], []),
    ],
)
def test_selected(text: str, select: list[str], ignore: list[str], selected: list[str]) -> None:
    found = [rule.id for rule in selected_rules(policy(text), select, ignore)]
    assert found == selected


def test_unknown_rule() -> None:
    with pytest.raises(UsageError, match="did you mean 'leftovers'"):
        selected_rules(policy(""), ["leftover"])


def test_severity() -> None:
    wanted = policy(
        'severity { rule: "policy-*" severity: "warning" }'
        'severity { rule: "policy-dtype" severity: "info" }'
    )
    assert severity_of(wanted, "policy-shape") == "warning"
    assert severity_of(wanted, "policy-dtype") == "info"
    assert severity_of(wanted, "unsafe-op") is None
