"""What can be drawn of a graph: nodes, and what can be opened to see more of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal, TypeAlias

from sigpb.inspect.graph.bodies import Call, NodeRecord
from sigpb.inspect.graph.dependence import DONE, Instance

# Names are split into scopes up to this depth.
_MAX_SCOPES = 16

# Where more than this many are side by side, those that follow one another are put together.
_MANY = 200
_RUN = 100

# After so many things that there is no room for, no more are looked into.
_MISSES = 20

Side: TypeAlias = Literal["input", "output"]

# The names of nodes by their last parts, and the scopes beside them, whose keys end in slashes.
_Tree: TypeAlias = "dict[str, str | _Tree]"


class EndpointItem:
    """An input or an output.

    Attributes:
        side: ``input`` or ``output``.
        number: Which: the number of an argument, or of a result, of the top level.
        name: What it is called.
    """

    def __init__(self, side: Side, number: int, name: str) -> None:
        self.side: Side = side
        self.number = number
        self.name = name


class PortItem:
    """A value that a call has several sources for.

    Attributes:
        owner: The call.
        number: The output that it is, or the variable of a loop; `DONE` for the end of the call.
    """

    def __init__(self, owner: CallItem, number: int) -> None:
        self.owner = owner
        self.number = number


class NodeItem:
    """A node.

    Attributes:
        instance: What it is part of.
        record: The node.
    """

    __slots__ = ("instance", "record")  # There may be very many.

    def __init__(self, instance: Instance, record: NodeRecord) -> None:
        self.instance = instance
        self.record = record


class CallItem(NodeItem):
    """A node that calls functions, and can be opened.

    Attributes:
        call: What it calls.
    """

    def __init__(self, instance: Instance, record: NodeRecord, call: Call) -> None:
        super().__init__(instance, record)
        self.call = call

    @cached_property
    def callees(self) -> list[CalleeItem]:
        """The functions that it calls."""
        found = self.instance.callee_instances(self.record, self.call)
        return [CalleeItem(callee.role, instance) for callee, instance in found]

    @cached_property
    def ports(self) -> dict[int, PortItem]:
        """The values that have several sources, by their numbers."""
        numbers = set(self.instance.nodes[self.record.name])
        if self.call.kind == "loop":
            numbers = (numbers & {DONE}) | set(self.instance.inputs_taken(self.record))
        elif self.call.kind == "call" and not self.record.waits_for:
            runs = any(callee.body.controls for callee in self.call.callees)
            numbers &= {DONE} if runs else set()
        return {number: PortItem(self, number) for number in sorted(numbers)}

    @cached_property
    def children(self) -> list[Item]:
        """What is seen when it is opened."""
        inside: list[Item] = list(self.ports.values())
        if len(self.callees) == 1:
            return inside + self.callees[0].children
        return inside + list(self.callees)


class CalleeItem:
    """One of the functions that a node calls.

    Attributes:
        role: Which: ``then_branch``.
        instance: Its nodes.
    """

    def __init__(self, role: str, instance: Instance) -> None:
        self.role = role
        self.instance = instance

    @cached_property
    def children(self) -> list[Item]:
        """Its nodes and scopes."""
        return top_items(self.instance)


class ScopeItem:
    """Nodes of a common scope, or a run of nodes that follow one another in the file.

    Attributes:
        name: The full name of the scope, or the names of the first and the last.
        is_run: Whether they only follow one another.
        children: What it consists of.
    """

    def __init__(self, name: str, children: list[Item], *, is_run: bool = False) -> None:
        self.name = name
        self.is_run = is_run
        self.children = children


Item: TypeAlias = "EndpointItem | PortItem | NodeItem | CalleeItem | ScopeItem"


def children_of(item: Item) -> list[Item]:
    """Returns what is seen when an item is opened; nothing if it cannot be."""
    return item.children if isinstance(item, CallItem | CalleeItem | ScopeItem) else []


def parts_of(item: Item) -> Iterator[Item]:
    """Yields what a closed item consists of, without the functions that its nodes call."""
    waiting = [item]
    while waiting:
        each = waiting.pop()
        if isinstance(each, CalleeItem | ScopeItem):
            waiting += reversed(each.children)
        else:
            yield each


def name_of(item: Item) -> str:
    """Returns the name of an item among those beside it."""
    if isinstance(item, NodeItem):
        return item.record.name
    return item.name if isinstance(item, EndpointItem | ScopeItem) else ""


def top_items(instance: Instance) -> list[Item]:
    """Returns the nodes of an instance, in the order of the file, put into scopes."""
    tree: _Tree = {}
    order = sorted(instance.nodes, key=lambda name: instance.body.records[name].start)
    for name in order:
        *scopes, last = name.split("/", _MAX_SCOPES)
        level = tree
        for scope in scopes:
            inner = level.setdefault(f"{scope}/", {})
            assert not isinstance(inner, str)  # No name of a node ends in a slash at this depth.
            level = inner
        level[last] = name
    return grouped(_items(instance, tree, ""))


def _items(instance: Instance, tree: _Tree, prefix: str) -> list[Item]:
    items: list[Item] = []
    for key, content in tree.items():
        if isinstance(content, str):
            node = _node(instance, content)
            if f"{key}/" not in tree:
                items.append(node)
            continue
        inside = _items(instance, content, prefix + key)
        name = (prefix + key).removesuffix("/")
        if isinstance(namesake := tree.get(key.removesuffix("/")), str):
            # TensorFlow puts what belongs to a node into a scope of its name.
            inside.append(_node(instance, namesake))
        items.append(inside[0] if len(inside) == 1 else ScopeItem(name, grouped(inside)))
    return items


def _node(instance: Instance, name: str) -> NodeItem:
    record = instance.body.records[name]
    call = instance.call(record)
    return CallItem(instance, record, call) if call else NodeItem(instance, record)


def grouped(items: list[Item]) -> list[Item]:
    """Joins neighbours into runs until no more than `_MANY` items are side by side."""
    while len(items) > _MANY:
        items = [_run(items[start : start + _RUN]) for start in range(0, len(items), _RUN)]
    return items


def _run(items: list[Item]) -> Item:
    if len(items) == 1:
        return items[0]
    first, last = _first_name(items[0]), _last_name(items[-1])
    return ScopeItem(f"{first} … {last}", items, is_run=True)


def _first_name(item: Item) -> str:
    while isinstance(item, ScopeItem) and item.is_run:
        item = item.children[0]
    return name_of(item)


def _last_name(item: Item) -> str:
    while isinstance(item, ScopeItem) and item.is_run:
        item = item.children[-1]
    return name_of(item)


def _passes_on(item: Item) -> bool:
    """Whether an item is a function, which may consist of no more than what it returns."""
    return isinstance(item, CallItem | CalleeItem)


def opened(items: Iterable[Item], limit: int, depth: int | None) -> tuple[set[Item], int]:
    """Decides what is opened, level by level.

    Args:
        items: What there is when nothing is opened.
        limit: The number of items that there should not be more of.
        depth: How many levels to open, each as far as the limit allows; None for as many as there
            is room for as a whole.

    Returns:
        What is opened, and how many levels are.
    """
    level = list(items)
    count = len(level)
    found: set[Item] = set()
    reached = misses = 0
    while level and (depth is None or reached < depth):
        chosen: list[Item] = []
        inside: list[Item] = []
        for item in level:
            children = children_of(item)
            if not children and not _passes_on(item):
                continue
            if count + len(inside) + len(children) <= limit:
                chosen.append(item)
                inside += children
                continue
            misses += 1
            if depth is None or misses > _MISSES:
                break
        if not chosen or (depth is None and misses):
            break
        found.update(chosen)
        count += len(inside)
        level = inside
        reached += 1
    return found, reached
