from __future__ import annotations

import sigpb
from sigpb.patching.patch_file import parse_text
from tests.batch.repositories import RENAME
from tests.linting.faults import ModelFactory, find, findings, repair
from tests.publishing.directories import killed_half_way, snapshot

RULE = "leftovers"


def test_nothing_is_left(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    (model / ".sigpb-backup-0001").mkdir()
    (model.parent / ".sigpb-tmp-other-0123abcd").mkdir()
    assert find(RULE, model) == []


def test_files_in_the_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup")
    (model / ".sigpb-tmp-backup-0123abcd").mkdir()
    (model / ".sigpb-tmp-backup-0123abcd" / "saved_model.pb").write_bytes(b"old")
    (model / "assets.extra" / ".sigpb-tmp-x-0123abcd").write_bytes(b"new")
    assert find(RULE, model) == [
        ("warning", ".sigpb-tmp-backup-0123abcd", "An interrupted run left this."),
        ("warning", "assets.extra/.sigpb-tmp-x-0123abcd", "An interrupted run left this."),
    ]

    assert repair(RULE, model).backup is None  # Nothing else was changed.

    assert not list(model.rglob(".sigpb-*"))
    assert (model / "saved_model.pb").exists()


def test_a_patch_that_was_killed_half_way(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup")
    before = snapshot(model)
    killed_half_way(lambda: sigpb.patch(model, parse_text(RENAME), in_place=True))
    found = findings(RULE, model)
    assert found[0].where == ".sigpb-exchange.json"

    fixed = repair(RULE, model)

    assert ".sigpb-exchange.json" in [finding.where for finding in fixed.fixed]
    assert snapshot(model) == before


def test_copy_beside_the_model_is_not_removed(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    copy = model.parent / ".sigpb-tmp-tf2_linear-0123abcd"
    copy.mkdir()
    (finding,) = findings(RULE, model)
    assert (finding.where, finding.fix) == (str(copy), None)
