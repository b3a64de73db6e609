from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sigpb
from sigpb import edits
from sigpb.edits import Edit, edit_types
from sigpb.patching.patch_file import parse_text
from tests.patches import ModelFactory, apply, missed
from tests.views import outline

NEW_EDIT = """
from __future__ import annotations

from dataclasses import dataclass, replace

from sigpb.edits.edit import Edit


@dataclass(frozen=True)
class Shout(Edit):
    tags: tuple[str, ...]

    @classmethod
    def from_patch(cls, meta_graph, patch):
        if patch.reason == "shout" and meta_graph.user_signatures != ["OTHER"]:
            yield cls(meta_graph.tags)

    def refusals(self, meta_graph):
        if "serving_default" in meta_graph.signatures:
            yield "serving_default has to be quiet."

    def apply(self, draft):
        for signature in [*draft.signatures.values()]:
            draft.put(replace(signature, key=signature.key.upper()))

    def describe(self):
        return "all signatures in capitals"
"""


@pytest.fixture
def new_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "shout.py").write_text(NEW_EDIT)
    monkeypatch.setattr(edits, "__path__", [*edits.__path__, str(tmp_path)])
    edit_types.cache_clear()
    yield
    edit_types.cache_clear()
    del sys.modules["sigpb.edits.shout"]
    del edits.shout  # type: ignore[attr-defined]


def test_all_are_found_sorted_by_name() -> None:
    found = [kind.__name__ for kind in edit_types()]
    assert {*found} >= {
        "AddOutput",
        "BindInput",
        "ChangeBatchSize",
        "ChangeType",
        "CopySignature",
        "DeleteSignature",
        "DropOutput",
        "RenameEndpoint",
        "RenameSignature",
        "SetDefault",
        "SetMethodName",
        "SetTags",
    }
    assert found == sorted(found)


@pytest.mark.parametrize("kind", edit_types(), ids=lambda kind: kind.__name__)
def test_each_is_a_value(kind: type[Edit]) -> None:
    # What derives from a frozen dataclass cannot be one that is not frozen.
    assert "__dataclass_fields__" in vars(kind)


def test_a_new_file_is_all_it_takes(fixture_model: ModelFactory, new_edit: None) -> None:
    model = fixture_model("tf2_linear")
    shout = 'reason: "shout" '
    quiet = """
        signature { key: "serving_default" drop: true }
        signature { key: "single" drop: true }
        """
    with pytest.raises(sigpb.PatchError, match=r"^serving_default has to be quiet\.$"):
        sigpb.plan(model, parse_text(shout))
    apply(model, quiet)
    lines = str(sigpb.plan(model, parse_text(shout))).splitlines()
    assert lines[2:] == ["    all signatures in capitals", f"    {missed('other')}"]
    assert outline(apply(model, shout)) == {"OTHER": "x, y -> q, r"}
    assert sigpb.plan(model, parse_text(shout)).is_empty
