"""What the functions of sigpb take for a patch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb.patching.given_patch import patch_of
from sigpb.patching.patch_file import format_patch, patch_json

RENAMED = sigpb.SavedModelPatch(id="r")
RENAMED.signature.add(key="serving_default").input.add(key="x", rename_to="image")
VALUES = patch_json(RENAMED)
TEXT = 'id: "r" signature { key: "serving_default" input { key: "x" rename_to: "image" } }'


@pytest.mark.parametrize(
    "given",
    [
        RENAMED,
        VALUES,
        {**VALUES, "signature": tuple(VALUES["signature"])},
        TEXT,
        f"  \n{TEXT}",
        f"# id: 3\n# of {{}}\n{TEXT}",
        format_patch(RENAMED),
        json.dumps(VALUES),
        f"\n {json.dumps(VALUES, indent=2)}",
    ],
    ids=type,
)
def test_forms_of_a_patch(given: Any) -> None:
    before = repr(given)
    assert patch_of(given) == RENAMED
    assert repr(given) == before


@pytest.mark.parametrize("given", [{}, "{}", "\n", "# nothing\n"])
def test_an_empty_patch(given: Any) -> None:
    assert patch_of(given) == sigpb.SavedModelPatch()


@pytest.mark.parametrize("name", ["a.textproto", "a.json", "no suffix", "é.txtpb"])
def test_paths(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(json.dumps(VALUES) if name.endswith(".json") else TEXT)
    assert patch_of(file) == patch_of(str(file)) == RENAMED


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"signatur": []}, "patch: .* has no field named \"signatur\".* Did you mean 'signature'"),
        ({"signature": {}}, "patch: Failed to parse signature field"),
        ({"id": Path("a")}, "patch: the dict is not the JSON of a patch: Object of type PosixPath"),
        ({"id": "\ud800"}, "patch: not the JSON of a patch: 'utf-8' codec"),
        ({"id": float("nan")}, "patch: Failed to parse id field"),
        ("[1]", "patch:1:1: the JSON of a patch is an object"),
        ('{"id": 1', "patch:1:9: Expecting"),
        ('{\n"idd": ""}', "patch:2:1: .* no field named \"idd\".* Did you mean 'id'"),
        ('\nsignature { keey: "a" }', "patch:2:13: .*\"keey\".* Did you mean 'key'"),
    ],
    ids=str,
)
def test_what_is_no_patch_is_refused(given: Any, said: str) -> None:
    with pytest.raises(sigpb.PatchError, match=said):
        patch_of(given)


@pytest.mark.parametrize("given", [None, b"", b"{}", 3, [VALUES], sigpb, object()], ids=type)
def test_what_has_no_form_of_a_patch_is_refused(given: Any) -> None:
    kind = type(given).__name__
    with pytest.raises(sigpb.UsageError, match=f"A patch is a SavedModelPatch, .*is {kind}"):
        patch_of(given)


@pytest.mark.parametrize("given", ["", "  "])
def test_empty_text_is_refused(given: str) -> None:
    with pytest.raises(sigpb.UsageError, match=r"\{\} is one that changes nothing"):
        patch_of(given)


@pytest.mark.parametrize("given", ["missing.json", "s3://bucket/a.json", "a" * 300, "a\0b", "sig"])
def test_what_reads_like_a_path_is_one(given: str) -> None:
    with pytest.raises(sigpb.EnvironmentFailure, match="text of a patch begins with") as caught:
        patch_of(given)
    assert caught.value.path == given


def test_a_path_that_cannot_be_read(tmp_path: Path) -> None:
    for given in (tmp_path, str(tmp_path)):
        with pytest.raises(sigpb.EnvironmentFailure, match=r"Is a directory\.$"):
            patch_of(given)


def test_text_that_names_a_file_too_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = 'id: "r"'
    Path(name).write_text(TEXT)
    with pytest.raises(sigpb.UsageError, match="text of a patch, and a file has this name too"):
        patch_of(name)
    # What the message says to do instead.
    assert patch_of(Path(name)) == RENAMED
    assert patch_of(f"{name}\n") == sigpb.SavedModelPatch(id="r")


def test_every_function_takes_every_form(tmp_path: Path, fixture_model: Any) -> None:
    model, file = fixture_model("tf2_linear"), tmp_path / "a.json"
    file.write_text(json.dumps(VALUES))
    forms = (VALUES, TEXT, file, str(file), RENAMED)
    plans = {str(sigpb.plan(model, form)) for form in forms}
    assert plans == {str(sigpb.plan(model, RENAMED))}
    for form in forms:
        assert sigpb.patch(model, form, dry_run=True).plan.patch == RENAMED
        assert sigpb.invert(model, form).signature[0].input[0].rename_to == "x"
        with pytest.raises(sigpb.ModelUnreadable):  # The patch was read before.
            sigpb.verify(tmp_path / "no", tmp_path / "no", form)
    with pytest.raises(sigpb.PatchError, match="signatur"):
        sigpb.verify(tmp_path / "no", tmp_path / "no", {"signatur": 1})
