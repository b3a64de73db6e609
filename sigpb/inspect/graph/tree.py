"""A picture as text: each output, and below it what it is computed from.

The lines below a node, as far as they are indented like it or deeper, are what it is computed from.
What is shared is written once, and referred to by a number after that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from sigpb.inspect.graph.picture import Edge, Node, Picture
from sigpb.inspect.styled_text import Line, Span, line
from sigpb.visible_text import visible

_STYLES = {
    "input": "green",
    "output": "bold",
    "constant": "dim",
    "variable": "blue",
    "call": "magenta",
    "port": "yellow",
    "scope": "cyan",
    "run": "cyan",
}

# What does nothing but wait.
_IDLE = ("ControlTrigger", "NoOp")


class _TreeLine(NamedTuple):
    """A line that is to be written.

    Attributes:
        node: Number of the node.
        edge: What is taken from it; None for an output.
        own: What comes before the node.
        below: What comes before the lines below it.
    """

    node: int
    edge: Edge | None
    own: str
    below: str


def tree_lines(picture: Picture) -> Iterator[Line]:
    """Yields the lines."""
    return _TextTree(picture).lines()


class _TextTree:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._nodes = picture.nodes
        self._taken: dict[int, list[Edge]] = defaultdict(list)
        users = Counter(output.node for output in picture.outputs)
        for edge in _worth_a_line(picture):
            self._taken[edge.target].append(edge)
            users[edge.source] += 1
        # What is written more than once is referred to by a number, unless it is one line anyway.
        self._shared = {node for node, count in users.items() if count > 1 and self._taken[node]}
        self._numbers: dict[int, int] = {}
        self._written: set[int] = set()

    def lines(self) -> Iterator[Line]:
        picture = self._picture
        yield line(Span(visible(picture.title), "bold"))
        used = {number for output in picture.outputs for number in output.inputs}
        for output in picture.outputs:
            yield line("")
            names = ", ".join(visible(self._nodes[number].label) for number in output.inputs)
            needs = f"depends on {names}" if names else "depends on no input"
            yield from self._below(_TreeLine(output.node, None, "", ""), needs)
        for node in picture.nodes:
            if node.kind == "input" and node.id not in used:
                yield line("")
                yield line(*self._text(node, None), Span("  no output depends on it", "yellow"))
        if picture.hidden:
            yield line("")
            yield line(
                Span(f"{picture.hidden:,} nodes are folded; --depth=N opens N levels, ", "dim"),
                Span("--from and --to show less of the graph.", "dim"),
            )

    def _below(self, first: _TreeLine, note: str) -> Iterator[Line]:
        waiting = [first]
        while waiting:
            step = waiting.pop()
            node = self._nodes[step.node]
            parts = [Span(step.own, "dim"), *self._text(node, step.edge)]
            if step is first:
                parts.append(Span(f"  {note}", "dim"))
            taken = self._taken[node.id]
            if node.id in self._written and taken:
                yield (*parts, Span(f"  see ({self._numbers[node.id]})", "dim"))
                continue
            self._written.add(node.id)
            if node.id in self._shared:
                self._numbers[node.id] = len(self._numbers) + 1
                parts.append(Span(f"  ({self._numbers[node.id]})", "dim"))
            yield tuple(parts)
            waiting += reversed(list(self._steps(taken, step.below)))

    def _steps(self, taken: list[Edge], margin: str) -> Iterator[_TreeLine]:
        """Yields what a node takes: the only thing that has more below it last, not indented."""
        long = [edge for edge in taken if self._has_more(edge)]
        main = long[0] if len(long) == 1 else None
        side = [edge for edge in taken if edge is not main]
        for edge in side:
            is_last = main is None and edge is side[-1]
            own, below = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
            yield _TreeLine(edge.source, edge, margin + own, margin + below)
        if main:
            yield _TreeLine(main.source, main, margin, margin)

    def _has_more(self, edge: Edge) -> bool:
        return bool(self._taken[edge.source]) and edge.source not in self._written

    def _text(self, node: Node, edge: Edge | None) -> Iterator[Span]:
        if edge and edge.is_control:
            yield Span("after ", "dim")
        name = node.name if node.kind == "op" else node.label
        yield Span(visible(name), _STYLES.get(node.kind, ""))
        yield from (Span(f"  {part}", "dim") for part in self._facts(node, edge))
        if node.is_spliced:
            yield Span("  added by sigpb", "magenta")

    def _facts(self, node: Node, edge: Edge | None) -> Iterator[str]:
        if node.kind in ("input", "output", "constant", "variable", "port", "scope"):
            yield node.kind
        if node.kind not in ("constant", "variable") and node.op not in ("", node.label):
            yield visible(node.op)
        if node.kind in ("input", "output"):
            yield visible(node.name)
        if node.hidden:
            yield f"{node.hidden:,} nodes"
        if node.detail and node.kind != "call":
            yield visible(node.detail)
        elif edge and edge.label:
            yield edge.label


def _worth_a_line(picture: Picture) -> list[Edge]:
    """Returns the edges that get a line: data edges, and control edges that tell something new.

    In TF2 models results wait for every variable that is read; what is written there is only what
    no value tells of, such as an assignment.
    """
    taken: dict[int, list[int]] = defaultdict(list)
    users: dict[int, list[int]] = defaultdict(list)
    for edge in picture.edges:
        if not edge.is_control:
            taken[edge.target].append(edge.source)
        users[edge.source].append(edge.target)
    values = _reached([output.node for output in picture.outputs], taken, set())
    acts = [
        node.id
        for node in picture.nodes
        if node.id not in values and not node.is_open and node.op not in _IDLE and _acts(node)
    ]
    needed = _reached(acts, users, values)
    return [edge for edge in picture.edges if not edge.is_control or edge.source in needed]


def _acts(node: Node) -> bool:
    return node.kind not in ("port", "constant", "variable", "input", "output")


def _reached(begin: list[int], following: dict[int, list[int]], border: set[int]) -> set[int]:
    """Returns what can be reached from some nodes without coming through a border."""
    found, waiting = set(begin), list(begin)
    while waiting:
        for number in following[waiting.pop()]:
            if number not in found and number not in border:
                found.add(number)
                waiting.append(number)
    return found
