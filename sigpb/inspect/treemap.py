"""A page of HTML with a treemap of a file: what takes the bytes, level by level."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigpb.html_page import page
from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.size import FRAMING, Section, function_nodes, functions, nodes, sections
from sigpb.visible_text import visible

# Deeper scopes are too small to see.
_MAX_SCOPES = 8

# A page has so many parts; what is smaller than these is joined.
_MOST_PARTS = 50_000

_PAGE = Path(__file__).parent / "treemap_page"


@dataclass
class TreePart:
    """A part of a file.

    Attributes:
        name: Its name in the part that it belongs to.
        size: The bytes it takes.
        parts: Its parts by name; the bytes of `size` that are in none of them are its own.
    """

    name: str
    size: int = 0
    parts: dict[str, TreePart] = field(default_factory=dict)

    def add(self, path: tuple[str, ...], size: int) -> None:
        """Adds bytes to this part and to each part on a path inside of it."""
        self.size += size
        part = self
        for name in path:
            part = part.parts.setdefault(name, TreePart(name))
            part.size += size

    def to_json(self, smallest: int) -> list[Any]:
        """Returns name, size and parts as JSON values, the largest part first.

        Args:
            smallest: The size of the smallest parts that are told one by one.
        """
        found = sorted(self.parts.values(), key=lambda part: (-part.size, part.name))
        told = [part.to_json(smallest) for part in found if part.size >= smallest]
        if hidden := found[len(told) :]:
            name = f"{len(hidden):,} smaller" if len(hidden) > 1 else visible(hidden[0].name)
            told.append([name, sum(part.size for part in hidden)])
        return [visible(self.name), self.size, *([told] if told else [])]

    def sizes(self) -> Iterator[int]:
        """Yields the sizes of all parts inside of it."""
        for part in self.parts.values():
            yield part.size
            yield from part.sizes()


def tree(source: ProtoSource, by: str) -> TreePart:
    """Returns the tree of a file.

    Args:
        source: The file.
        by: How nodes are arranged: in ``op``, under their ops; in ``node``, side by side;
            otherwise in their name scopes.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    root = TreePart(source.file.name)
    for section in sections(source):
        if section.place is None:
            root.add((FRAMING,), section.size)
            continue
        rest = section.size
        for path, size in _members(section, by):
            root.add((str(section.place), *path), size)
            rest -= size
        if rest:
            root.add((str(section.place),), rest)
    return root


def _members(section: Section, by: str) -> Iterator[tuple[tuple[str, ...], int]]:
    for function in functions(section):
        rest = function.size
        for extent in function_nodes(function):
            node = extent.node()
            yield (function.name, *_path(node.name, node.op, by)), extent.size
            rest -= extent.size
        yield (function.name, "signature and attributes"), rest
    if section.kind == "GraphDef.node":
        for extent in nodes(section):
            node = extent.node()
            yield _path(node.name, node.op, by), extent.size


def _path(name: str, op: str, by: str) -> tuple[str, ...]:
    if by == "op":
        return op, name
    if by == "node":
        return (name,)
    *scopes, last = name.split("/", _MAX_SCOPES)
    return (*(f"{scope}/" for scope in scopes), f"{last} ({op})")


def treemap(part: TreePart, headline: str, most: int = _MOST_PARTS) -> str:
    """Returns a page of HTML that shows a part of a file and what it consists of.

    Args:
        part: The whole file.
        headline: What to say above the picture.
        most: How many parts it tells one by one; of equal ones there may be more.
    """
    smallest = min(heapq.nlargest(most, part.sizes()), default=0)
    return page(_PAGE, ("page.js",), headline, part.to_json(smallest))
