"""What holds for every rule."""

from __future__ import annotations

import ast
import pkgutil
import re
from pathlib import Path

import pytest

from sigpb.linting import rules
from sigpb.linting.lint import lint
from sigpb.linting.rule import SEVERITIES, LintRule
from sigpb.linting.rules import all_rules

FIXTURES = Path(__file__).resolve().parents[2] / "proto_fixtures"

each_rule = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)


def test_one_file_for_each_rule() -> None:
    files = {module.name for module in pkgutil.iter_modules(rules.__path__)}
    assert files == {rule.id.replace("-", "_") for rule in all_rules()}
    tests = {path.stem for path in Path(__file__).with_name("rules").glob("test_*.py")}
    assert tests == {f"test_{name}" for name in files}


def test_ids_are_sorted_and_unique() -> None:
    ids = [rule.id for rule in all_rules()]
    assert ids == sorted(set(ids))


@each_rule
def test_what_a_rule_says_of_itself(rule: LintRule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
    assert rule.severity in SEVERITIES
    for text in (rule.explanation, rule.remedy, rule.example):
        assert text.endswith(".")
        assert "  " not in text
    assert all(re.fullmatch("[a-z_]+", way) and what for way, what in rule.fixes.items())
    overrides_fix = type(rule).fix is not LintRule.fix
    assert overrides_fix == bool(rule.fixes)


@each_rule
def test_example_is_what_the_tests_of_the_rule_find(rule: LintRule) -> None:
    module = Path(__file__).parent / "rules" / f"test_{rule.id.replace('-', '_')}.py"
    nodes = ast.walk(ast.parse(module.read_text()))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    message = re.split(": (?=[A-Z1-9]|signature_def|it is)", rule.example)[-1]
    said = [text.strip() for text in texts if isinstance(text, str) and text.strip() in message]
    assert max(map(len, said)) >= 15


@pytest.mark.parametrize("name", [file.parent.name for file in sorted(FIXTURES.glob("*/*.pbtxt"))])
def test_no_errors_in_what_tensorflow_exported(name: str) -> None:
    rules_by_id = {rule.id: rule for rule in all_rules()}
    for finding in lint(FIXTURES / name, all_rules()):
        assert finding.message.endswith(".")
        assert finding.severity != "error"
        assert finding.fix is None or rules_by_id[finding.rule].fixes
