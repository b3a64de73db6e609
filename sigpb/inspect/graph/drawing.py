"""From what is between the ends of a graph to what is drawn of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sigpb.graphs.added_nodes import is_added, is_spliced
from sigpb.inspect.graph.bodies import (
    is_resource,
    output_type,
    resource_name,
    resource_type,
)
from sigpb.inspect.graph.dependence import DONE, Instance, bits
from sigpb.inspect.graph.flow import Flow
from sigpb.inspect.graph.items import (
    CalleeItem,
    CallItem,
    EndpointItem,
    Item,
    NodeItem,
    PortItem,
    ScopeItem,
    children_of,
    grouped,
    opened,
    parts_of,
    top_items,
)
from sigpb.inspect.graph.picture import Edge, Node, NodeKind, Output, Picture
from sigpb.inspect.graph.sources import EdgeSource, Sources
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import TensorType, type_text

# So many things are drawn unless more are asked for.
_CLEAR = 200

# More than this is not drawn even if it is asked for.
_MOST = 10_000


def draw(flow: Flow, depth: int | None, *, everything: bool = False) -> Picture:
    """Draws a graph.

    Args:
        flow: What is to be seen.
        depth: How many levels to open; None for as many as can be seen at a glance.
        everything: Whether to draw the levels below as well, for a format in which a reader can
            open and close them.
    """
    labels: dict[str, list[str]] = defaultdict(list)
    for endpoint in flow.endpoints.inputs:
        labels[endpoint.tensor].append(endpoint.label)
    inputs = [
        EndpointItem("input", number, ", ".join(labels[tensor]))
        for tensor, number in flow.arguments.items()
    ]
    outputs = [
        EndpointItem("output", number, endpoint.label)
        for number, endpoint in enumerate(flow.endpoints.outputs)
    ]
    items = [*grouped([*inputs]), *top_items(flow.instance), *grouped([*outputs])]
    chosen, reached = opened(items, _CLEAR if depth is None else _MOST, depth)
    if everything:
        chosen, _ = opened(items, _MOST, _MOST)
    return _Drawing(flow, inputs, outputs, items, chosen).picture(reached)


class _Taken(NamedTuple):
    """What is taken from one drawn node by another."""

    source: int
    target: int
    is_control: bool


class _Drawing:
    """A picture that is being made."""

    def __init__(
        self,
        flow: Flow,
        inputs: list[EndpointItem],
        outputs: list[EndpointItem],
        items: list[Item],
        chosen: Collection[Item],
    ) -> None:
        self._flow = flow
        self._tensors = list(flow.arguments)
        self._outputs = outputs
        self._chosen = chosen
        self._nodes: list[Node] = []
        self._ids: dict[Item, int] = {}  # of everything that is drawn, or in something closed
        self._inside: dict[Instance, dict[str, NodeItem]] = defaultdict(dict)
        self._place(items)
        types = flow.input_types
        self._sources = Sources(
            {number: (inputs[number], types[tensor]) for tensor, number in flow.arguments.items()},
            self._inside,
            chosen,
        )

    def picture(self, depth: int) -> Picture:
        """Returns the picture."""
        nodes, edges, numbers = near_users(self._nodes, list(self._edges()))
        ids = {item: numbers[number] for item, number in self._ids.items()}
        inputs = [ids[item] for item, _ in self._sources.inputs.values()]
        outputs = (
            Output(ids[item], tuple(sorted({inputs[bit] for bit in bits(found)})))
            for item, found in zip(self._outputs, self._flow.depends_on, strict=True)
        )
        return Picture(
            self._flow.endpoints.title, tuple(nodes), tuple(edges), tuple(outputs), depth
        )

    def _place(self, items: list[Item]) -> None:
        """Numbers the items that are drawn, each before the items that it contains."""
        waiting: list[tuple[Item, int | None, str]] = [(item, None, "") for item in reversed(items)]
        while waiting:
            item, parent, scope = waiting.pop()
            number = self._ids[item] = len(self._nodes)
            is_open = item in self._chosen
            if isinstance(item, NodeItem):
                self._inside[item.instance][item.record.name] = item
            elif not is_open:
                for part in parts_of(item):
                    self._ids[part] = number
                    if isinstance(part, NodeItem):
                        self._inside[part.instance][part.record.name] = part
            self._nodes.append(self._node(item, number, parent, scope, is_open=is_open))
            if is_open:
                inner = item.name if isinstance(item, ScopeItem) else ""
                if isinstance(item, ScopeItem) and item.is_run:
                    inner = scope
                waiting += [(child, number, inner) for child in reversed(children_of(item))]

    def _node(
        self, item: Item, number: int, parent: int | None, scope: str, *, is_open: bool
    ) -> Node:
        if isinstance(item, EndpointItem):
            tensor, known = self._endpoint(item)
            detail = type_text(known) if known.dtype else ""
            return Node(number, parent, item.side, full(tensor), item.name, detail=detail)
        kind, name, detail = _described(item)
        return Node(
            number,
            parent,
            kind,
            name,
            _label(item, name, scope),
            item.record.op if isinstance(item, NodeItem) else "",
            detail,
            is_open,
            0 if is_open else _hidden(item),
            _is_spliced(item),
        )

    def _endpoint(self, item: EndpointItem) -> tuple[str, TensorType]:
        """Returns the tensor of an input or output, and its type."""
        if item.side == "output":
            endpoint = self._flow.endpoints.outputs[item.number]
            return endpoint.tensor, endpoint.type
        tensor = self._tensors[item.number]
        return tensor, self._flow.input_types[tensor]

    def _edges(self) -> Iterator[Edge]:
        taken: dict[_Taken, dict[tuple[Item, int], EdgeSource]] = defaultdict(dict)
        for item, target in self._ids.items():
            if item in self._chosen:
                continue
            for source in self._taken_by(item):
                origin = self._ids[source.item]
                if origin != target or item is source.item:
                    wanted = _Taken(origin, target, source.is_control)
                    taken[wanted][source.item, source.output] = source
        for wanted, sources in taken.items():
            types = {source.type for source in sources.values()}
            dtype, shape = types.pop() if len(types) == 1 else (0, None)
            yield Edge(*wanted, len(sources), dtype, shape)

    def _taken_by(self, item: Item) -> Iterable[EdgeSource]:
        if isinstance(item, NodeItem):
            return self._sources.of_node(item)
        if isinstance(item, PortItem):
            return self._sources.of_port(item)
        if isinstance(item, EndpointItem) and item.side == "output":
            return self._sources.of_tensor(self._flow.instance, self._endpoint(item)[0])
        return ()


def _described(
    item: PortItem | NodeItem | CalleeItem | ScopeItem,
) -> tuple[NodeKind, str, str]:
    """Returns kind, name and detail of an item."""
    if isinstance(item, PortItem):
        return "port", _port_name(item), ""
    if isinstance(item, CalleeItem):
        return "function", item.instance.body.name, ""
    if isinstance(item, ScopeItem):
        return ("run" if item.is_run else "scope"), item.name, ""
    record, body = item.record, item.instance.body
    if isinstance(item, CallItem):
        return "call", record.name, ", ".join(callee.body.name for callee in item.call.callees)
    if is_resource(record):
        value = resource_type(body, record)
        return "variable", record.name, type_text(value) if value.dtype else ""
    if record.op == "Const":
        return "constant", record.name, type_text(output_type(body, record, 0))
    return "op", record.name, ""


def _label(item: Item, name: str, scope: str) -> str:
    """Returns what an item of some name is called where it is drawn in a scope."""
    if isinstance(item, CalleeItem):
        return item.role
    if isinstance(item, NodeItem) and is_resource(item.record):
        return resource_name(item.instance.body, item.record)
    if scope and name.startswith(f"{scope}/"):
        return name[len(scope) + 1 :]
    return name.rpartition("/")[2] if scope and name == scope else name


def _port_name(item: PortItem) -> str:
    if item.number == DONE:
        return "end"
    return f"{'variable' if item.owner.call.kind == 'loop' else 'result'} {item.number}"


def _hidden(item: Item) -> int:
    """Returns how many nodes a closed item contains."""
    if isinstance(item, CallItem):
        return sum(len(callee.body.records) for callee in item.call.callees)
    if isinstance(item, CalleeItem):
        return len(item.instance.nodes)
    return sum(1 for _ in parts_of(item)) if isinstance(item, ScopeItem) else 0


def _is_spliced(item: Item) -> bool:
    """Whether sigpb added all of an item."""
    if isinstance(item, ScopeItem):
        return all(_is_spliced(part) for part in parts_of(item))
    if not isinstance(item, NodeItem):
        return False
    body, record = item.instance.body, item.record
    is_top = item.instance.place is None
    return is_top and (
        is_added(record.name)
        or (record.op == "PlaceholderWithDefault" and is_spliced(body.node(record)))
    )


_MOVED = ("constant", "variable")


def near_users(
    nodes: Sequence[Node], edges: Sequence[Edge]
) -> tuple[list[Node], list[Edge], list[int]]:
    """Moves nodes without inputs to the innermost scope or function that contains their users.

    A TF2 model has its variables at the top level and passes them to where they are read, several
    functions further in: there is where a reader looks for them.

    Args:
        nodes: What is drawn.
        edges: What is taken from what.

    Returns:
        The nodes, the edges, and for each of the old numbers of nodes the new one. Scopes that
        nothing is left in are gone: their number is -1.
    """
    users: dict[int, list[int]] = defaultdict(list)
    takers = {edge.target for edge in edges}
    for edge in edges:
        users[edge.source].append(edge.target)
    above = [_path(nodes, node.id) for node in nodes] if takers else []
    children: dict[int | None, list[int]] = defaultdict(list)
    moved: dict[int, int | None] = {}
    for node in nodes:
        if node.kind in _MOVED and users[node.id] and node.id not in takers:
            place = _common([above[user] for user in users[node.id]])
            if place is not None and place != node.parent:
                moved[node.id] = place
    for node in nodes:
        children[moved.get(node.id, node.parent)].append(node.id)
    for node in reversed(nodes):
        if node.is_open and not children[node.id]:
            children[node.parent].remove(node.id)
    numbers = [-1] * len(nodes)
    found: list[Node] = []
    waiting = list(reversed(children[None]))
    while waiting:
        node = nodes[waiting.pop()]
        numbers[node.id] = len(found)
        parent = moved.get(node.id, node.parent)
        inside = None if parent is None else numbers[parent]
        label = node.name if node.id in moved and node.kind == "constant" else node.label
        found.append(replace(node, id=len(found), parent=inside, label=label))
        waiting += reversed(children[node.id])
    renumbered = [
        replace(edge, source=numbers[edge.source], target=numbers[edge.target]) for edge in edges
    ]
    return found, renumbered, numbers


def _path(nodes: Sequence[Node], number: int) -> list[int]:
    """Returns what contains a node, the outermost first."""
    path: list[int] = []
    parent = nodes[number].parent
    while parent is not None:
        path.append(parent)
        parent = nodes[parent].parent
    return path[::-1]


def _common(paths: Sequence[Sequence[int]]) -> int | None:
    """Returns the last element of the longest beginning that all paths have in common."""
    shared = None
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared = parts[0]
    return shared
