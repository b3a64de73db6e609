from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb.errors import PatchError
from sigpb.linting.lint import fix
from sigpb.linting.rules import all_rules
from tests.linting.faults import ModelFactory, find, repair, rule
from tests.publishing.directories import snapshot

RULE = "both-protos"


def with_both(fixture_model: ModelFactory) -> Path:
    model = fixture_model("tf2_linear")
    text = fixture_model("tf2_linear", as_text=True) / "saved_model.pbtxt"
    (model / "saved_model.pbtxt").write_bytes(text.read_bytes())
    return model


@pytest.mark.parametrize("as_text", [False, True])
def test_one_of_them(fixture_model: ModelFactory, as_text: bool) -> None:
    assert find(RULE, fixture_model("tf2_linear", as_text)) == []


def test_both(fixture_model: ModelFactory) -> None:
    assert find(RULE, with_both(fixture_model)) == [
        ("error", "", "There are saved_model.pb, which loaders read, and saved_model.pbtxt.")
    ]


def test_other_rules_look_at_the_binary_one(fixture_model: ModelFactory) -> None:
    model = with_both(fixture_model)
    (model / "saved_model.pbtxt").write_text("damaged")
    assert find("missing-tensor", model) == []
    assert find(RULE, model / "saved_model.pbtxt")


def test_way_has_to_be_chosen(fixture_model: ModelFactory) -> None:
    model = with_both(fixture_model)
    before = snapshot(model)
    with pytest.raises(PatchError, match="--choose=both-protos=binary, which keeps"):
        fix(model, [rule(RULE)])
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("way", "kept", "gone"),
    [
        ("binary", "saved_model.pb", "saved_model.pbtxt"),
        ("text", "saved_model.pbtxt", "saved_model.pb"),
    ],
)
def test_fix(fixture_model: ModelFactory, way: str, kept: str, gone: str) -> None:
    model = with_both(fixture_model)
    content = (model / gone).read_bytes()

    backup = repair(RULE, model, {RULE: way}).backup

    assert not (model / gone).exists()
    assert backup is not None
    assert (backup / gone).read_bytes() == content
    with sigpb.open(model) as opened:
        assert opened.file == model / kept


def test_what_else_is_fixed_is_about_the_binary_one(fixture_model: ModelFactory) -> None:
    # So it is left alone if that goes.
    model = with_both(fixture_model)
    (model / "fingerprint.pb").write_bytes(b"\xff")

    done = fix(model, all_rules(), ways={RULE: "text"})

    assert [finding.rule for finding in done.fixed] == [RULE]
    assert [finding.rule for finding in done.findings] == ["stale-fingerprint", "newer-op"]
    assert [finding.rule for finding in fix(model, all_rules()).findings] == ["newer-op"]
