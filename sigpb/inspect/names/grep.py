"""Searching the names in a model, and finding where what was found is used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from sigpb.inspect.names.occurrences import (
    Occurrence,
    Part,
    Referent,
    Role,
    definition,
    mention,
    parts,
    referent,
)
from sigpb.inspect.place import Place
from sigpb.inspect.proto_source import ProtoSource

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
    places: list[Place] = field(default_factory=list)

    def add(self, place: Place) -> None:
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
    if uses:
        for occurrence in part.occurrences(mention({defined.name for defined in uses})):
            if (used := referent(occurrence)) in uses:
                uses[used].add(occurrence.place)
    return uses
