"""Prints what became of models that were to be patched or merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sigpb.cli import terminal
from sigpb.errors import PatchError, SigpbError, UsageError

if TYPE_CHECKING:
    from sigpb.composition import MergeResult
    from sigpb.division import SplitResult
    from sigpb.patch_result import PatchResult

    _Result = PatchResult | MergeResult | SplitResult


def run(patch: Callable[[], _Result | None], *, as_json: bool) -> int:
    """Patches, merges or splits models and reports.

    Args:
        patch: Does it; returns None if it has printed something else.
        as_json: Whether to report JSON; errors too, which are raised all the same.

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
        terminal.say_json(result.to_json())
    else:
        terminal.say_document(f"{result}\n")
    return 0


def _failure(error: Exception) -> dict[str, Any]:
    from sigpb.verifying.report import NotEquivalent

    if isinstance(error, NotEquivalent):
        return {"status": error.report.verdict, "verification": error.report.to_json()}
    refused = isinstance(error, (PatchError, UsageError))
    problems = error.problems if isinstance(error, PatchError) else (str(error),)
    return {"status": "refused" if refused else "failed", "problems": problems}
