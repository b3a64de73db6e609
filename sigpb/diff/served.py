"""What a client of one model finds when another is served, and what a rule for clients is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from sigpb.diff.difference import FilesDifference, MetaGraphDifference
from sigpb.diff.signature_change import Endpoint, EndpointChange, SignatureChange
from sigpb.rewrite.interface import Side

Level = Literal["compatible", "warning", "breaking"]


@dataclass(frozen=True)
class Served:
    """A signature of the first model, and what a client finds under its key in the second.

    Attributes:
        key: The key.
        fate: What became of the signature itself; None if the first model has none of this key.
        found: How the signature under the same key differs; None if there is none.
        graph: The MetaGraphs of both.
        files: The other files.
        tags_removed: Whether no MetaGraph has the tags that a client asks for.
    """

    key: str
    fate: SignatureChange | None
    found: SignatureChange | None
    graph: MetaGraphDifference
    files: FilesDifference
    tags_removed: bool = False

    def endpoints(self, side: Side) -> Iterator[EndpointChange]:
        """Yields what became of the inputs or outputs that clients know, or may now find."""
        if self.found is not None and self.fate is not None:
            yield from (change for change in self.found.endpoints if change.side == side)

    def kept(self, side: Side) -> Iterator[tuple[Endpoint, Endpoint]]:
        """Yields the endpoints before and after under each key that both signatures have."""
        changes = list(self.endpoints(side))
        after = {change.after.key: change.after for change in changes if change.after}
        for change in changes:
            if change.before and change.before.key in after:
                yield change.before, after[change.before.key]

    def gone(self, side: Side) -> Iterator[EndpointChange]:
        """Yields the endpoints whose key is not there any more."""
        changes = list(self.endpoints(side))
        keys = {change.after.key for change in changes if change.after}
        yield from (each for each in changes if each.before and each.before.key not in keys)

    def new(self, side: Side) -> Iterator[EndpointChange]:
        """Yields the endpoints whose key was not there before."""
        changes = list(self.endpoints(side))
        keys = {change.before.key for change in changes if change.before}
        yield from (each for each in changes if each.after and each.after.key not in keys)


@dataclass(frozen=True)
class ClientRule:
    """A rule.

    Attributes:
        id: By which reports and people name it.
        level: What it means for a client.
        explanation: What it finds, and why that matters.
        check: Yields what it finds, in words.
    """

    id: str
    level: Level
    explanation: str
    check: Callable[[Served], Iterable[str]]
