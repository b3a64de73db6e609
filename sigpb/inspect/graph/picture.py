"""What is drawn of a graph, as data that every format is made from, and how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sigpb.tf.tensor_types import Shape, TensorType, type_text
from sigpb.visible_text import visible

NodeKind: TypeAlias = Literal[
    "input",  # an input of the signature, or a tensor that was asked for with --from
    "output",  # an output of the signature, or a tensor that was asked for with --to
    "op",
    "constant",
    "variable",  # a variable or a table: what lives longer than a call
    "call",  # a node that calls functions
    "function",  # one of several functions that a node calls
    "port",  # a value inside a call that has several sources
    "scope",  # nodes whose names begin alike
    "run",  # nodes that follow one another, put together because there are many
    "fan",  # many constants, or variables, of one node; only in a page
]


@dataclass(frozen=True, slots=True)
class Node:
    """Something that is drawn.

    Attributes:
        id: Its number: its position among the nodes. What contains something comes before it.
        parent: The number of what it is drawn in; None at the top.
        kind: What it is.
        name: Its whole name: of an endpoint the tensor, of a function the function.
        label: What it is called where it is drawn.
        op: Its op, if it is a node of the graph.
        detail: What else there is to say, such as dtype and shape of a variable.
        is_open: Whether what it contains is drawn.
        hidden: How many nodes it contains that are not drawn.
        is_spliced: Whether sigpb added it.
    """

    id: int
    parent: int | None
    kind: NodeKind
    name: str
    label: str
    op: str = ""
    detail: str = ""
    is_open: bool = False
    hidden: int = 0
    is_spliced: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """What one node takes from another.

    Attributes:
        source: Number of the node that it comes from.
        target: Number of the node that takes it.
        is_control: Whether no value is taken, but the node has to run after the other.
        count: How many tensors it stands for.
        dtype: Their dtype, as the number of the enum ``DataType``; 0 if it is unknown or they
            differ.
        shape: Their shape; None if it is unknown or they differ.
    """

    source: int
    target: int
    is_control: bool
    count: int = 1
    dtype: int = 0
    shape: Shape = None

    @property
    def label(self) -> str:
        """Dtype and shape as text, and how many tensors there are if more than one."""
        if self.is_control:
            return ""
        parts = [f"{self.count} of"] if self.count > 1 else []
        if self.dtype:
            parts.append(type_text(TensorType(self.dtype, self.shape)))
        elif self.count > 1:
            return f"{self.count} tensors"
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Output:
    """What an output is computed from.

    Attributes:
        node: The number of its node.
        inputs: The numbers of the nodes of the inputs that it depends on; as a whole, which takes
            no more than the graph itself: also through what is not drawn.
    """

    node: int
    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """A graph as it is drawn.

    Attributes:
        title: What it shows.
        nodes: What is drawn; the number of a node is its position.
        edges: What is taken from what. Both ends are nodes that are not open.
        outputs: The outputs, and what they depend on.
        depth: How many levels are open.
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    outputs: tuple[Output, ...]
    depth: int

    def __repr__(self) -> str:
        counts = f"{len(self.nodes)} nodes, {len(self.edges)} edges"
        return f"<Picture of {visible(self.title)}: {counts}>"

    @property
    def hidden(self) -> int:
        """How many nodes are not drawn."""
        return sum(node.hidden for node in self.nodes)


COLOURS: dict[NodeKind, str] = {
    "input": "#cfe8cf",
    "output": "#f6d5b5",
    "op": "#ffffff",
    "constant": "#eeeeee",
    "variable": "#d6dcf5",
    "call": "#f3f0fa",
    "function": "#faf8fd",
    "port": "#fff7d6",
    "scope": "#f4f6f8",
    "run": "#f4f6f8",
    "fan": "#eeeeee",
}
"""What nodes are filled with."""

SPLICED = "#d02090"
"""The border of what sigpb added."""


def node_text(node: Node) -> list[str]:
    """Returns what is written into a node: its label, its op, what else there is to say."""
    lines = [node.label]
    if node.kind == "function" and node.name != node.label:
        lines.append(node.name)
    if node.op and node.op != node.label:
        lines.append(node.op)
    if node.detail:
        lines.append(node.detail)
    if node.hidden:
        lines.append(f"{node.hidden:,} node{'s' if node.hidden > 1 else ''}")
    return lines
