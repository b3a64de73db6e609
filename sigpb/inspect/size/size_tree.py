"""The bytes of a file as a tree: sections, functions, name scopes or ops, nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.size.extents import Section, function_nodes, functions, nodes, sections
from sigpb.inspect.size.size import FRAMING

# Deeper scopes are too small to see.
_MAX_SCOPES = 8

# Of the children of a part, those that are smaller than this fraction of the file become one.
_SMALLEST = 1 / 4000


@dataclass
class Part:
    """A part of a file.

    Attributes:
        name: Its name in the part that it belongs to.
        size: The bytes it takes.
        parts: What it consists of, by name; what is left of `size` is its own.
    """

    name: str
    size: int = 0
    parts: dict[str, Part] = field(default_factory=dict)

    def add(self, path: tuple[str, ...], size: int) -> None:
        """Adds bytes to this part and to those on a path inside it."""
        self.size += size
        part = self
        for name in path:
            part = part.parts.setdefault(name, Part(name))
            part.size += size

    def largest(self, total: int) -> list[Part]:
        """Returns its parts, the largest first, with one for those that are small."""
        found = sorted(self.parts.values(), key=lambda part: (-part.size, part.name))
        shown = [part for part in found if part.size >= total * _SMALLEST]
        if hidden := found[len(shown) :]:
            shown.append(Part(f"{len(hidden):,} smaller", sum(part.size for part in hidden)))
        return shown


def tree(source: ProtoSource, by: str) -> Part:
    """Returns the tree of a file.

    Args:
        source: The file.
        by: How nodes are arranged: in ``op``, under their ops; in ``node``, side by side;
            otherwise in their name scopes.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    root = Part(source.file.name)
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
