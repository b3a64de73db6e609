"""Prints what became of a model that was to be patched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sigpb.api import PatchResult
from sigpb.cli import terminal
from sigpb.errors import PatchError, SigpbError, UsageError
from sigpb.verifying.report import NotEquivalent


def run(patch: Callable[[], PatchResult | None], *, as_json: bool, dry_run: bool) -> int:
    """Patches a model and reports.

    Args:
        patch: Does it; returns None if it has printed something else.
        as_json: Whether to report JSON; errors too, which are raised all the same.
        dry_run: Whether nothing was written.

    Returns:
        The exit code.
    """
    try:
        result = patch()
    except (SigpbError, OSError) as error:
        if as_json:
            terminal.say_json(_failure(error))
        raise
    if result is None:
        return 0
    if as_json:
        terminal.say_json(_json(result, dry_run=dry_run))
        return 0
    terminal.say_document(f"{result.plan}\n")
    for note in result.notes:
        terminal.say(f"  {note}")
    if result.verification:
        terminal.say(*result.verification.lines())
    if dry_run:
        terminal.say(f"dry run: would be {result.status}")
    else:
        kept = f", the files as they were in {result.backup}" if result.backup else ""
        terminal.say(f"{result.status}: {result.output}{kept}")
    return 0


def _json(result: PatchResult, *, dry_run: bool) -> dict[str, Any]:
    return {
        "status": result.status,
        "dry_run": dry_run,
        "output": str(result.output),
        "backup": str(result.backup) if result.backup else None,
        "plan": result.plan.to_json(),
        "notes": result.notes,
        "verification": result.verification and result.verification.to_json(),
    }


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, NotEquivalent):
        return {"status": error.report.verdict, "verification": error.report.to_json()}
    refused = isinstance(error, (PatchError, UsageError))
    problems = error.problems if isinstance(error, PatchError) else (str(error),)
    return {"status": "refused" if refused else "failed", "problems": problems}
