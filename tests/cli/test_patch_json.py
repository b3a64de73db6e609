"""What ``sigpb patch --format=json`` prints; docs/json.md describes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import run

ModelFactory = Callable[..., Path]

RENAMED = ("--rename_input=x=image", "--rename_output=p=scores")
REPORT = {"status", "dry_run", "output", "backup", "plan", "notes", "verification"}


def report_of(*arguments: str | Path) -> dict[str, Any]:
    outcome = run("patch", *arguments, "--format=json")
    assert (outcome.code, outcome.err) == (0, "")
    report: dict[str, Any] = outcome.json
    assert report.keys() == REPORT
    return report


def test_patched(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model, output = fixture_model("tf2_linear"), tmp_path / "out"

    report = report_of(model, f"--output_dir={output}", *RENAMED)

    assert (report["status"], report["dry_run"]) == ("patched", False)
    assert (report["output"], report["backup"]) == (str(output), None)
    plan = report["plan"]
    assert plan.keys() == {"model", "patch_id", "reason", "meta_graphs"}
    assert (plan["model"], plan["patch_id"], plan["reason"]) == (str(model), "", "")
    (graph,) = plan["meta_graphs"]
    assert (graph["tags"], graph["warnings"]) == (["serve"], [])
    assert graph["edits"][0] == {
        "edit": "RenameEndpoint",
        "text": "signature 'serving_default': input 'x' → 'image'",
        "signature": {"key": "serving_default", "copy_of": None},
        "side": "input",
        "key": "x",
        "to": "image",
    }


def test_in_place(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    report = report_of(model, "--in_place", *RENAMED)
    assert (report["status"], report["output"]) == ("patched", str(model))
    assert report["backup"] == str(model / ".sigpb-backup-0001")
    report = report_of(model, "--in_place", *RENAMED)
    assert (report["status"], report["backup"]) == ("unchanged", None)
    assert report["plan"]["meta_graphs"] == []


def test_dry_run(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    report = report_of(model, "--dry_run", "--rename_input=x=a b")
    assert (report["status"], report["dry_run"]) == ("patched", True)
    assert len(report["plan"]["meta_graphs"][0]["warnings"]) == 1


def test_refused(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    flags = ("--rename_input=nope=a", "--rename_output=nope=a", "--delete_signature=nope")
    outcome = run("patch", model, "--dry_run", *flags, "--format=json")
    assert outcome.code == 2
    assert outcome.json.keys() == {"status", "problems"}
    assert outcome.json["status"] == "refused"
    assert len(outcome.json["problems"]) == 3
    assert outcome.err == "".join(f"sigpb: {line}\n" for line in outcome.json["problems"])


@pytest.mark.parametrize("flag", ["--in_place", "--rename_input=x", "--output_dir=."])
def test_refused_for_its_usage(fixture_model: ModelFactory, flag: str) -> None:
    outcome = run("patch", fixture_model("tf2_linear"), "--dry_run", flag, "--format=json")
    assert (outcome.code, outcome.json["status"]) == (2, "refused")
    assert outcome.err == f"sigpb: {outcome.json['problems'][0]}\n"


def test_failed_to_read(tmp_path: Path) -> None:
    outcome = run("patch", tmp_path / "missing", "--dry_run", "--format=json")
    assert (outcome.code, outcome.json["status"]) == (3, "failed")
    assert outcome.json["problems"] == [f"{tmp_path / 'missing'}: there is no such directory."]


def test_failed_in_its_environment(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    outcome = run("patch", model, "--dry_run", "--patch=/no/such/file", "--format=json")
    assert (outcome.code, outcome.json["status"]) == (4, "failed")
    assert outcome.json["problems"] == ["/no/such/file: No such file or directory."]


def test_failed_for_a_reason_of_the_system(
    fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fixture_model("tf1_no_variables")

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    outcome = run("patch", model, "--dry_run", "--format=json")
    assert outcome.code == 4
    assert outcome.err == f"sigpb: {model}/saved_model.pb: Permission denied.\n"
    assert outcome.json["status"] == "failed"
    assert "Permission denied" in outcome.json["problems"][0]
