"""What every rule is, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from sigpb import protos
from sigpb.diff.difference import FilesDifference, MetaGraphDifference
from sigpb.diff.signature_change import Endpoint, EndpointChange, SignatureChange
from sigpb.tensor_types import Shape, shape_text

Level = Literal["compatible", "warning", "breaking"]
Relation = Literal["same", "narrowed", "widened", "other"]


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

    def endpoints(self, side: str) -> Iterator[EndpointChange]:
        """Yields what became of the inputs or outputs that clients know, or may now find."""
        if self.found is not None and self.fate is not None:
            yield from (change for change in self.found.endpoints if change.side == side)

    def kept(self, side: str) -> Iterator[tuple[Endpoint, Endpoint]]:
        """Yields before and after of the keys that are there still, for the same or another one."""
        changes = list(self.endpoints(side))
        after = {change.after.key: change.after for change in changes if change.after}
        for change in changes:
            if change.before and change.before.key in after:
                yield change.before, after[change.before.key]

    def gone(self, side: str) -> Iterator[EndpointChange]:
        """Yields those whose key is not there any more."""
        changes = list(self.endpoints(side))
        keys = {change.after.key for change in changes if change.after}
        yield from (each for each in changes if each.before and each.before.key not in keys)

    def new(self, side: str) -> Iterator[EndpointChange]:
        """Yields those whose key was not there before."""
        changes = list(self.endpoints(side))
        keys = {change.before.key for change in changes if change.before}
        yield from (each for each in changes if each.after and each.after.key not in keys)


Check = Callable[[Served], Iterable[str]]


@dataclass(frozen=True)
class Rule:
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
    check: Check


def renamed(served: Served, side: str) -> Iterator[str]:
    """Says which keys nothing has any more, as what they stood for has another one."""
    for change in served.gone(side):
        if change.before is not None and change.after is not None:
            yield f"{side} {change.before.key!r} is called {change.after.key!r} now"


def restated(served: Served, side: str, text: Callable[[Endpoint], str]) -> Iterator[str]:
    """Says what is different under a key in what `text` says of it."""
    for before, after in served.kept(side):
        if text(before) != text(after):
            yield f"{side} {before.key!r} is {text(after)} in place of {text(before)}"


def reshaped(served: Served, side: str, relation: Relation) -> Iterator[str]:
    """Says which shapes relate in some way to those that there were under their keys."""
    for before, after in served.kept(side):
        if _relation(before.shape, after.shape) == relation:
            shapes = shape_text(before.shape), shape_text(after.shape)
            yield f"{side} {before.key!r} is {shapes[1]} in place of {shapes[0]}"


def _relation(before: Shape, after: Shape) -> Relation:
    """Tells how a shape relates to an earlier one: whether it admits less, or more."""
    if before == after:
        return "same"
    if _admits(before, after):
        return "narrowed"
    return "widened" if _admits(after, before) else "other"


def _admits(wide: Shape, narrow: Shape) -> bool:
    if wide is None:
        return True
    return (
        narrow is not None
        and len(wide) == len(narrow)
        and all(size in (None, other) for size, other in zip(wide, narrow, strict=True))
    )


def same_default(first: protos.TensorProto | None, second: protos.TensorProto | None) -> bool:
    """Whether two endpoints have the same default, or both have none."""
    encoded = [each and each.SerializeToString(deterministic=True) for each in (first, second)]
    return encoded[0] == encoded[1]


def replaced(served: Served, side: str) -> Iterator[str]:
    """Yields the keys that stand for another endpoint of the signature, or another tensor."""
    for change in served.endpoints(side):
        if change.before is None or change.after is None:
            continue
        if change.rewired:
            yield change.before.key
        elif change.renamed and any(
            other.before is not None and other.before.key == change.after.key
            for other in served.endpoints(side)
        ):
            yield change.after.key
