"""Every command that writes a file writes it whole, or leaves what was there."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.cli.command_line import run, run_process
from tests.patches import ModelFactory
from tests.publishing.directories import snapshot

COMMANDS = (
    "plan {model} --set_tags=new --out={file}",
    "graph {model} --signature=serving_default --output={file}",
    "size {model} --output={file}",
    "batch {model} --patch={patch} --in_place --dry_run --report={file}",
    "batch {model} --patch={patch} --in_place --dry_run --plan={file}",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_for_which_there_is_no_room(
    fixture_model: ModelFactory, tmp_path: Path, command: str
) -> None:
    model, file, patch = fixture_model("tf2_linear"), tmp_path / "out.csv", tmp_path / "patch.txtpb"
    file.write_text("old")
    patch.write_text('set_tags { tag: "new" }')
    arguments = command.format(model=model, file=file, patch=patch).split()
    before = snapshot(tmp_path)

    outcome = run_process(
        *arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
    )

    assert outcome.code == 4
    assert f"Could not write {file}: File too large" in outcome.err
    assert snapshot(tmp_path) == before
    assert run(*arguments).code == 0
    assert file.stat().st_size > 50
    assert len(snapshot(tmp_path)) == len(before)
