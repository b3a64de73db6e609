"""``python -m tools.freeze`` sees what a command does otherwise, and nothing where nothing is."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.patches import ModelFactory
from tools.freeze.freezing import Choice, Frozen, differences, freeze

pytestmark = pytest.mark.slow


def _frozen(fixture_model: ModelFactory, *only: str) -> Frozen:
    models = {"linear": fixture_model("tf2_linear")}
    return freeze(Choice(everything=True, only=only or ("*: output rename*",)), models)


def test_what_is_done_twice_is_the_same(fixture_model: ModelFactory) -> None:
    here = Path.cwd()
    first, second = _frozen(fixture_model), _frozen(fixture_model)
    assert Path.cwd() == here
    commands = first.outcomes["linear"]
    assert {name.split()[0] for name in commands} >= {"plan", "patch", "invert", "diff", "infer"}
    assert {outcome["exit"] for outcome in commands.values()} == {0, 1, 2}
    assert any("saved_model.pb" in outcome for outcome in commands.values())
    assert not list(differences(first, second, whole=True))


def test_what_changed_is_named_with_its_text(fixture_model: ModelFactory) -> None:
    before = _frozen(fixture_model, "show * --format=table")
    after = copy.deepcopy(before)
    (name,) = after.outcomes["linear"]
    after.outcomes["linear"][name].update(exit=4, stdout="changed")
    after.texts["changed"] = "other text\n"
    found = list(differences(before, after, whole=True))
    assert found[:2] == [f"linear: {name}", "    exit: 0 -> 4"]
    assert any(line.strip() == "+other text" for line in found)


def test_a_command_that_is_not_run_any_more_is_named(fixture_model: ModelFactory) -> None:
    before = _frozen(fixture_model, "show *")
    (name,) = list(before.outcomes["linear"])[:1]
    after = copy.deepcopy(before)
    del after.outcomes["linear"][name]
    assert list(differences(before, after, whole=True)) == [f"linear: {name}", "    only before"]
    assert not list(differences(before, after, whole=False))


def test_without_texts_only_digests_are_kept(fixture_model: ModelFactory) -> None:
    frozen = _frozen(fixture_model, "show *")
    assert frozen.to_json(with_texts=True)["texts"]
    assert not frozen.to_json(with_texts=False)["texts"]
