"""What `sigpb grep` prints: names that were found, as lines and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sigpb.inspect.names.grep import Match
from sigpb.inspect.proto_scalars import quoted
from sigpb.inspect.styled_text import Line, Span, line

_LONGEST_TEXT = 200


def lines(model: str, matches: Sequence[Match]) -> Iterator[Line]:
    """Yields the lines that tell of the matches in a model."""
    yield line(Span(model, "bold"))
    for match in matches:
        role, text, place, _ = match.occurrence
        name = Span(f"{role.value.replace('_', ' '):<18}", "cyan")
        told = str(place)
        # What a path ends in need not be said again.
        shown = () if told.endswith(f"[{quoted(text)}]") else ("  ", Span(_shortened(text), "bold"))
        yield line("  ", name, told, *shown)
        if match.uses is not None:
            yield line("    ", Span(_used(match), "dim"))


def _used(match: Match) -> str:
    uses = match.uses
    if not uses or not uses.count:
        return "used nowhere"
    more = uses.count - len(uses.places)
    places = ", ".join(str(place) for place in uses.places)
    return f"used by {places}" + (f" and {more:,} more" if more else "")


def _shortened(text: str) -> str:
    told = quoted(text)
    if len(told) > _LONGEST_TEXT:
        return f"{told[:_LONGEST_TEXT]}… ({len(text):,} characters)"
    return told


def json_value(match: Match) -> dict[str, Any]:
    """Returns a match as a JSON value: see docs/json.md."""
    role, text, place, _ = match.occurrence
    value: dict[str, Any] = {
        "path": str(place),
        "kind": role.what,
        "role": role.value,
        "text": text,
    }
    if match.uses is not None:
        value["uses"] = match.uses.count
        value["used_by"] = [str(place) for place in match.uses.places]
    return value
