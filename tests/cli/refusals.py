"""Running what has to fail: sigpb says why, prints nothing else, and writes nothing."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command_line import run
from tests.publishing.directories import snapshot


def fail(code: int, *arguments: str | Path, watched: Path) -> str:
    """Runs sigpb, which has to fail with an exit code, and returns what it says.

    Args:
        code: The exit code.
        *arguments: The arguments of sigpb.
        watched: The directory in which nothing may change.
    """
    before = snapshot(watched)
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (code, ""), outcome
    assert outcome.err
    assert snapshot(watched) == before
    return outcome.err


def refuse_patch(model: Path, *flags: str, code: int = 2) -> str:
    """Runs ``sigpb patch`` in each of its modes, which has to say the same in all of them."""
    watched = model.parent
    modes = ("--dry_run", "--in_place", f"--output_dir={watched / 'out'}")
    (said,) = {fail(code, "patch", model, mode, *flags, watched=watched) for mode in modes}
    return said
