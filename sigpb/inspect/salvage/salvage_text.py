"""What `sigpb salvage` kept and lost, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigpb.inspect.salvage.salvage import Salvage
from sigpb.inspect.styled_text import Line, Span, line

_SHOWN = 20


def lines(found: Salvage) -> Iterator[Line]:
    """Yields what was lost, and how much was kept of what lost something."""
    if not found.lost:
        yield line("nothing was lost")
        return
    for loss in found.lost[:_SHOWN]:
        what = "cut off" if loss.is_cut else "lost"
        where = f"bytes {loss.start} to {loss.end}"
        yield line(Span(f"{what}: ", "red"), f"{loss.path} ({where}): {loss.problem}")
    more = max(0, len(found.lost) - _SHOWN) + found.lost_besides
    if more:
        yield line(f"and {more:,} more")
    for path, count in found.counts.items():
        all_of_them = "all " if count.kept == count.seen else f"{count.kept:,} of "
        yield line(Span("kept: ", "green"), f"{path}: {all_of_them}{count.seen:,} that were found")


def to_json(found: Salvage) -> dict[str, Any]:
    """Returns the same as JSON; docs/json.md says what it holds."""
    return {
        "lost": [
            {
                "what": loss.path,
                "offset": loss.start,
                "end": loss.end,
                "problem": loss.problem,
                "cut_off": loss.is_cut,
            }
            for loss in found.lost
        ],
        "lost_besides": found.lost_besides,
        "kept": {
            path: {"kept": count.kept, "found": count.seen} for path, count in found.counts.items()
        },
    }
