from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from sigpb.cli import patch_input
from sigpb.errors import EnvironmentFailure, PatchError
from sigpb.patching.patch_file import parse_text
from tests.cli.command_line import run, run_process
from tests.patches import ModelFactory, contents

TEXT = 'signature { key: "serving_default" input { key: "x" rename_to: "image" } }'
JSON = """{"signature": [
  {"key": "serving_default", "input": [{"key": "x", "rename_to": "image"}]}]}"""
COMMENT = "# proto-message: sigpb.SavedModelPatch\n"


class _Input(io.TextIOWrapper):
    """Standard input that holds some bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))


@pytest.mark.parametrize(
    "text", [TEXT, COMMENT + TEXT, JSON, "\n  " + JSON, "\ufeff" + TEXT, "\ufeff" + JSON]
)
def test_text_and_json_are_told_apart(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", _Input(text.encode()))
    assert patch_input.read_patch("-") == parse_text(TEXT)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "standard input: it is empty, and --patch=- reads a patch there."),
        (b" \n", "standard input: it is empty, and --patch=- reads a patch there."),
        (b"\xff", "standard input: not UTF-8 text: "),
        (b"signatur {", "standard input:1:1: "),
        (b'{"signatures": []}', "standard input:1:2: "),
        (b"[]", "standard input:1:1: the JSON of a patch is an object."),
    ],
)
def test_what_is_no_patch(monkeypatch: pytest.MonkeyPatch, content: bytes, said: str) -> None:
    monkeypatch.setattr(sys, "stdin", _Input(content))
    with pytest.raises(PatchError) as refused:
        patch_input.read_patch("-")
    assert str(refused.value).startswith(said)


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(EnvironmentFailure, match="standard input: it is closed"):
        patch_input.read_patch("-")


def test_a_file_of_this_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    assert patch_input.read_patch("./-") == parse_text(TEXT)


def test_commands_read_it(fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fixture_model("tf2_linear")
    for command, *options in (("plan",), ("invert",), ("batch", "--in_place", "--dry_run")):
        monkeypatch.setattr(sys, "stdin", _Input(JSON.encode()))
        outcome = run(command, model, *options, "--patch=-")
        assert (outcome.code, outcome.err) == (0, "")
        assert "image" in outcome.out or "patched" in outcome.out
    outcome = run_process("patch", model, "--in_place", "--patch=-", input=TEXT.encode())
    assert "input 'x' → 'image'" in outcome.out


def test_flags_add_to_it(fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Input(TEXT.encode()))
    outcome = run("plan", fixture_model("tf2_linear"), "--patch=-", "--rename_output=p=scores")
    assert "'x' → 'image'" in outcome.out
    assert "'p' → 'scores'" in outcome.out


def test_two_readers_are_refused(
    fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fixture_model("tf2_linear")
    before = contents(model)
    monkeypatch.setattr(sys, "stdin", _Input(TEXT.encode()))
    outcome = run("batch", model, "--in_place", "--canary=1", "--patch=-")
    assert (outcome.code, "Add --yes, or name a file." in outcome.err) == (2, True)
    assert contents(model) == before
