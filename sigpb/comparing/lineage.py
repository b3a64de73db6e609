"""Whether a tensor of one graph is the same as that of the same name in another.

Node names alone say little: a model that is exported again has nodes of the same names whose
outputs may have changed places. So the nodes have to be the same, and the functions they call; of
a placeholder, whose name comes from a key, also what computes from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, cached_property

from sigpb import protos
from sigpb.graphs.added_nodes import is_spliced
from sigpb.graphs.origins import Chain, Origins
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.port import Side
from sigpb.steps.conversion import holds
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.ops import PLACEHOLDERS
from sigpb.tf.tensor_names import producer

# Up to this size in bytes, parsing all nodes takes less time than searching for a few of them.
_SMALL = 1 << 18


class GraphView(GraphParts):
    """The graph of a MetaGraph, and which node takes what."""

    def node(self, name: str) -> protos.NodeDef | None:
        """Returns a node of the top level, or None. A large constant may lack its value."""
        if self.message.end - self.message.start <= _SMALL:
            return self.top.nodes.get(name)
        return self.top.node(name)

    def users(self, name: str) -> list[str]:
        """Returns the names of the nodes of the top level that take an output of a node."""
        return self._users.get(name, [])

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = defaultdict(list)
        for node in self.top.nodes.values():
            for tensor in node.input:
                users[producer(tensor)].append(node.name)
        return users


class Lineage:
    """Two graphs; the second may have been made from the first.

    Attributes:
        before: The first graph.
        after: The second graph.
    """

    def __init__(self, before: GraphView, after: GraphView, *, are_equal: bool = False) -> None:
        """Takes two graphs, and whether all nodes and functions are known to be the same."""
        self._are_equal = are_equal
        self.before = before
        self.after = after
        self.origins_before = Origins(before.top)
        self.origins_after = Origins(after.top)
        self.same_node = cache(self._same_node)
        self.same_function = cache(lambda name: before.library.has_same(name, after.library))

    def same_tensor(self, tensor: str) -> bool:
        """Whether both graphs have a tensor of this name that is computed in the same way."""
        return self.same_node(producer(tensor))

    def distance(self, before: Chain, after: Chain) -> int | None:
        """Returns how many nodes that sigpb added are between two endpoints of the same tensor.

        None if it is not known that the endpoints stand for the same tensor.
        """
        meeting = self.meeting(before, after)
        return None if meeting is None else sum(meeting)

    def meeting(self, before: Chain, after: Chain) -> tuple[int, int] | None:
        """Returns where two chains come to the same tensor: its nearest position in each."""
        common = [
            (i, after.index(tensor))
            for i, tensor in enumerate(before)
            if tensor in after and self.same_tensor(tensor)
        ]
        return min(common, key=sum, default=None)

    def are_different(self, before: Chain, after: Chain) -> bool:
        """Whether two endpoints stand for different tensors, each of which both graphs have."""
        origins = self.origins_after
        return (
            before[-1] != after[-1]
            and self.same_tensor(before[-1])
            and (
                self.same_tensor(after[-1])
                or origins.is_added_output(after)
                or origins.is_fed_inside(after)
            )
            and self.distance(before, after) is None
        )

    def _same_node(self, name: str) -> bool:
        nodes = self.before.node(name), self.after.node(name)
        if nodes[0] is None or nodes[1] is None:
            return False
        first, second = map(_without_splice, nodes)
        if first.SerializeToString(deterministic=True) != second.SerializeToString(
            deterministic=True
        ):
            return False
        if first.op in CALL_OPS:
            return self.same_function(first.attr["f"].func.name)
        if first.op not in PLACEHOLDERS or self._are_equal:
            return True
        users = self.before.users(name)
        return not users or any(self.same_node(user) for user in users)


def _without_splice(node: protos.NodeDef | None) -> protos.NodeDef:
    """Returns a placeholder as it was before sigpb put something in front of it."""
    assert node is not None
    is_placeholder = node.op == "Placeholder"
    if not is_placeholder and not is_spliced(node):
        return node
    plain = protos.NodeDef(name=node.name, op="Placeholder")
    plain.attr["dtype"].CopyFrom(node.attr["dtype"])
    return plain


def detour(side: Side, before: Sequence[int], after: Sequence[int]) -> int | None:
    """Returns a dtype between two endpoints that loses values, though one conversion would not.

    The endpoint of the first model and that of the second come from one tensor, each by way of
    steps that sigpb added. A patch converts from the dtype of the one to that of the other. That
    gives what the second model gives if no value is lost on the way: not if, for instance, the
    first is an int64 made of the float32 that the second is, nor if the second is a float32 made
    of such an int64.

    Args:
        side: Whether the endpoints are inputs or outputs.
        before: The dtypes from the endpoint of the first model to the tensor that both come from;
            0 for one that is not known.
        after: The same for the second.

    Returns:
        The number of the dtype; None if there is none.
    """
    if len(before) == len(after) == 1:
        return None
    if 0 in (*before, *after):
        return after[0]  # It may lose values, for all that is known.
    ends = after[0], after[-1]
    source = ends[-1] if side == "output" else ends[0]
    between = (*before[:-1], *after[1:-1])
    return next((each for each in between if each not in ends and not holds(each, source)), None)
