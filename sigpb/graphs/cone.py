"""The nodes between tensors that are fed and those that are fetched, and second copies of nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from sigpb import protos
from sigpb.graphs.top_level import Scope
from sigpb.tf.control_flow import ENTER_OPS
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.ops import UNFED_PLACEHOLDERS
from sigpb.tf.stated_shapes import OUTPUT_SHAPES
from sigpb.tf.tensor_names import canonical, producer

# Ops that create a resource for one step, which two copies of its users must not share
# (tensorflow/core/ops/data_flow_ops.cc).
_STEP_OPS = {"TensorArray", "TensorArrayV2", "TensorArrayV3", "Stack", "StackV2"}

_FRAME = "frame_name"


def reached(begin: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    """Returns all names that some lead to, and those themselves.

    Args:
        begin: Names to begin with.
        following: Returns the names that a name leads to in one step.
    """
    found = set(begin)
    waiting = list(found)
    while waiting:
        for name in following(waiting.pop()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def needed(
    nodes: Mapping[str, protos.NodeDef], fetched: Iterable[str], fed: Collection[str] = ()
) -> set[str]:
    """Returns the names of the nodes that have to run for some tensors.

    What waits for a placeholder that is fed waits for nothing: a session takes that edge away
    (``FeedInputs`` in tensorflow/core/graph/subgraph.cc).

    Args:
        nodes: All nodes by name.
        fetched: The tensors to compute.
        fed: The tensors that need not be computed, as `canonical` spells them.
    """

    def is_fed(tensor: str) -> bool:
        if not tensor.startswith("^"):
            return canonical(tensor) in fed
        name = producer(tensor)
        return name in fed and name in nodes and nodes[name].op in UNFED_PLACEHOLDERS

    def producers(tensors: Iterable[str]) -> Iterator[str]:
        names = (producer(tensor) for tensor in tensors if not is_fed(tensor))
        return (name for name in names if name in nodes)

    return reached(producers(fetched), lambda name: producers(nodes[name].input))


def computing(
    nodes: Mapping[str, protos.NodeDef], fetched: Sequence[str], fed: Collection[str]
) -> dict[str, protos.NodeDef]:
    """Returns the nodes that have to run for some tensors, and those of the tensors they are fed.

    Args:
        nodes: All nodes by name.
        fetched: The tensors to compute.
        fed: The tensors that are fed, as `canonical` spells them.

    Returns:
        The nodes by name, sorted. A node that need not run, since what is taken of it is fed, is
        one without inputs at the end, of the dtypes and shapes of its outputs.
    """
    found = {name: nodes[name] for name in sorted(needed(nodes, fetched, fed))}
    taken = {canonical(tensor) for node in found.values() for tensor in node.input}
    taken.update(map(canonical, fetched))
    for name in sorted({producer(tensor) for tensor in taken.intersection(fed)}):
        if name in nodes and name not in found:
            found[name] = _without_inputs(nodes[name])
    return found


def _without_inputs(node: protos.NodeDef) -> protos.NodeDef:
    if not node.input:
        return node
    after, dtypes = protos.NodeDef(name=node.name), OpDefs().output_dtypes(node) or ()
    if len(dtypes) == 1:
        after.op, after.attr["dtype"].type = "Placeholder", dtypes[0]
    else:
        after.op = "InfeedDequeueTuple"
        after.attr["dtypes"].list.type.extend(dtypes)
    if OUTPUT_SHAPES in node.attr:
        after.attr[OUTPUT_SHAPES].CopyFrom(node.attr[OUTPUT_SHAPES])
    return after


class Cone:
    """The nodes that compute some tensors from others.

    Attributes:
        names: The names of the nodes between those tensors; and, where one of them is part of a
            loop, of the nodes of the whole loop.
    """

    def __init__(
        self,
        nodes: Mapping[str, protos.NodeDef],
        fed: Collection[str],
        fetched: Iterable[str],
        changed: Iterable[str] = (),
        others: Collection[str] = (),
    ) -> None:
        """Finds the nodes.

        Args:
            nodes: All nodes by name.
            fed: The tensors that are fed, as `canonical` spells them.
            fetched: The tensors to compute.
            changed: Names of nodes that belong to the cone in any case.
            others: More tensors that are fed: nodes that take only these do not belong to the cone,
                nor do those that compute them.
        """
        self._nodes = nodes
        self._needed = needed(nodes, fetched, {*fed, *others})
        self._users: dict[str, list[str]] = defaultdict(list)
        for name in self._needed:
            for tensor in self._inputs(name):
                self._users[producer(tensor)].append(name)
        self.names: set[str] = set()
        self._include(
            name for name in self._needed if any(tensor in fed for tensor in self._inputs(name))
        )
        self._include(changed)
        while more := self._parts_left_out():
            self._include(more)

    def _inputs(self, name: str) -> Iterator[str]:
        return (canonical(tensor) for tensor in self._nodes[name].input)

    def _include(self, names: Iterable[str]) -> None:
        """Adds nodes, and all that depend on them."""
        self.names |= reached(names, lambda name: self._users[name])

    def _parts_left_out(self) -> set[str]:
        """Returns nodes outside that share a loop, or a resource of one step, with nodes inside."""
        inside = [self._nodes[name] for name in self.names]
        frames = {node.attr[_FRAME].s for node in inside if node.op in ENTER_OPS}
        entries = {
            name
            for name in self._needed
            if self._nodes[name].op in ENTER_OPS and self._nodes[name].attr[_FRAME].s in frames
        }
        sources = {producer(tensor) for node in inside for tensor in node.input} & self._needed
        resources = {name for name in sources if self._nodes[name].op in _STEP_OPS}
        return (entries | resources) - self.names


_LOCATION = b"loc:@"


def clone(
    nodes: Mapping[str, protos.NodeDef],
    names: Collection[str],
    replaced: Mapping[str, str],
    scope: Scope,
) -> Callable[[str], str]:
    """Adds copies of nodes that take some of their inputs from elsewhere.

    Args:
        nodes: The nodes by name; those to copy among them.
        names: The nodes to copy.
        replaced: For each tensor that the copies take from elsewhere, that other tensor.
        scope: Receives the copies; nothing else is in it.

    Returns:
        What is computed in place of a tensor: a function from tensors to tensors.
    """
    copies = {name: f"{scope.name}/{name}" for name in sorted(names)}

    def follow(tensor: str) -> str:
        if canonical(tensor) in replaced:
            return replaced[canonical(tensor)]
        source = producer(tensor)
        if source not in copies:
            return tensor
        return tensor.replace(source, copies[source], 1)

    for name, copied in copies.items():
        node = protos.NodeDef()
        node.CopyFrom(nodes[name])
        node.name = copied
        node.input[:] = [follow(tensor) for tensor in node.input]
        if "_class" in node.attr:
            location = node.attr["_class"].list
            location.s[:] = [_colocated(entry, copies) for entry in location.s]
        if "frame_name" in node.attr:
            # Two loops of one name would be one loop.
            node.attr["frame_name"].s = f"{scope.name}/".encode() + node.attr["frame_name"].s
        scope.graph.append(node)
    return follow


def _colocated(entry: bytes, copies: Mapping[str, str]) -> bytes:
    target = entry.removeprefix(_LOCATION).decode(errors="replace")
    if entry.startswith(_LOCATION) and target in copies:
        return _LOCATION + copies[target].encode()
    return entry
