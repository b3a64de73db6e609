"""What 'sigpb undo' prints, and its exit codes."""

from __future__ import annotations

from tests.patches import ModelFactory, contents

from .command_line import run


def test_text(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    before = contents(model)
    flags = ("--rename_input=x=image", "--rename_output=p=scores", "--in_place")
    assert run("patch", model, *flags).code == 0
    said = [
        str(model),
        "  MetaGraph {serve}",
        "    signature 'serving_default'",
        "      input 'image' → 'x'",
        "      output 'scores' → 'p'",
    ]

    dry = run("undo", model, "--dry_run")
    done = run("undo", model)
    again = run("undo", model)

    assert dry.out.splitlines() == [*said, "dry run: would be undone, from .sigpb-backup-0001"]
    assert done.out.splitlines() == [*said, f"undone: {model}, from .sigpb-backup-0001"]
    assert contents(model) == before
    assert (again.code, again.out) == (0, f"unchanged: no patch is recorded in {model}\n")


def test_the_inverse(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup")
    run("patch", model, "--rename_input=x=image", "--in_place", "--nobackup")
    assert run("undo", model).out.splitlines() == [
        str(model),
        "  MetaGraph {serve}",
        "    signature 'serving_default': input 'image' → 'x'",
        "  warm-up requests: 2 rewritten",
        f"undone: {model}",
    ]


def test_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    run("patch", model, "--rename_input=x=image", "--in_place")
    told = run("undo", model, "--dry_run", "--format=json").json
    assert (told["status"], told["dry_run"], told["plan"]) == ("undone", True, None)
    assert told["backup"] == f"{model}/.sigpb-backup-0001"
    assert told["record"]["patch_id"] == ""


def test_refused(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    run("patch", model, "--delete_signature=other", "--in_place", "--nobackup")
    outcome = run("undo", model)
    assert (outcome.code, outcome.out) == (2, "")
    assert "signature 'other' is deleted for good." in outcome.err
