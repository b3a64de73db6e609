"""What `sigpb grep` finds in a model and prints: names, and where what they name is used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sigpb.inspect.names.occurrence import Occurrence, Referent, Role, definition
from sigpb.inspect.names.parts import Part, parts
from sigpb.inspect.proto_path import FieldPlace
from sigpb.inspect.proto_scalars import quoted
from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.styled_text import Line, Span, line

KINDS = tuple(sorted({role.what for role in Role}))
"""The kinds of names that can be searched."""

LISTED_USES = 5
"""How many uses of a node or function are listed; all are counted."""


@dataclass
class Uses:
    """Where a node or function is used.

    Attributes:
        count: How often.
        places: The first few.
    """

    count: int = 0
    places: list[FieldPlace] = field(default_factory=list)

    def add(self, place: FieldPlace) -> None:
        """Counts a use."""
        self.count += 1
        if len(self.places) < LISTED_USES:
            self.places.append(place)


@dataclass(frozen=True)
class Match:
    """A name that matches.

    Attributes:
        occurrence: The name, and where it stands.
        uses: Where the node or function that is defined there is used; None of other names.
    """

    occurrence: Occurrence
    uses: Uses | None


def search(
    source: ProtoSource, pattern: re.Pattern[str], kinds: Collection[str] = KINDS
) -> Iterator[Match]:
    """Yields the names in a file in which a pattern is found.

    Args:
        source: The file.
        pattern: What to search for, anywhere in a name.
        kinds: Which kinds of names are searched, of `KINDS`.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    roles = {role for role in Role if role.what in kinds}
    for part in parts(source):
        found = [
            occurrence
            for occurrence in part.occurrences()
            if occurrence.role in roles and pattern.search(occurrence.text)
        ]
        uses = _uses(part, found)
        for occurrence in found:
            defined = definition(occurrence)
            yield Match(occurrence, uses[defined] if defined else None)


def _uses(part: Part, found: Collection[Occurrence]) -> dict[Referent, Uses]:
    """Returns where the nodes and functions that are among the names found are used."""
    uses = {defined: Uses() for occurrence in found if (defined := definition(occurrence))}
    for used, occurrence in part.uses(uses.keys()) if uses else ():
        if not definition(occurrence):
            uses[used].add(occurrence.place)
    return uses


_LONGEST_TEXT = 200


def match_lines(model: str, matches: Sequence[Match]) -> Iterator[Line]:
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


def match_json(match: Match) -> dict[str, Any]:
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
