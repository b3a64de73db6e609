"""Which tensor an endpoint stands for, behind the nodes that sigpb added for it.

`sigpb.rewrite.session_graph` puts what it adds for a signature in a scope ``sigpb/<signature>``:

* A placeholder, or a constant, in place of a tensor that was fed; behind it, steps such as Cast.
* What the last step gives is the default of a PlaceholderWithDefault of the old name, or goes into
  copies ``<scope>/copy/<node>`` of nodes that took the old tensor.
* Steps behind what was fetched, or behind the copy of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise, takewhile

from sigpb import protos
from sigpb.graphs.added_nodes import FED, SPLICED, is_added, is_spliced, original_names
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.ops import PLACEHOLDERS
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.tf.tensor_types import value_dtype

_SOURCES = {"Const", "Placeholder", "PlaceholderWithDefault"}

# What leads from one type to another, and what repeats the row of a bound input: no steps that a
# patch asked for. Of any other op, its values are not those that went in.
_NO_STEPS = frozenset(
    ("AsString", "BroadcastTo", "Cast", "EnsureShape", "Identity", "Reshape", "StringToNumber")
)

Chain = tuple[str, ...]
"""An endpoint's tensor, and those that it stands for, one after the other; as nodes spell them."""


def _common_scopes(first: str, second: str) -> int:
    """Returns how many of the scopes are the same that two nodes are in."""
    pairs = zip(first.split("/")[:-1], second.split("/")[:-1], strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


class Origins:
    """Looks through what sigpb added to a graph."""

    def __init__(self, graph: TopLevelGraph) -> None:
        self._graph = graph

    def of(self, tensor: str) -> Chain:
        """Returns what the tensor of an endpoint stands for: last, a tensor of the first model."""
        chain = [canonical(tensor)]
        while (behind := self._behind(chain[-1])) not in (None, *chain):
            chain.append(behind or "")
        return tuple(chain)

    def named(self, tensor: str) -> str | None:
        """Returns what a tensor stands for whose node a patch gave its name; None for others.

        It is a placeholder, behind which there are nodes that sigpb added in place of another
        tensor, or an Identity of what sigpb added.
        """
        name = producer(tensor)
        node = self._graph.node(name) if self._has_added and not is_added(name) else None
        if node is None:
            return None
        if node.op == "Identity":
            return canonical(node.input[0]) if is_added(node.input[0]) else None
        if node.op in PLACEHOLDERS and not is_spliced(node):
            return next(iter(self.stand_ins.get(name, ())), None)
        return None

    def is_named(self, tensor: str) -> bool:
        """Whether a patch gave the node of a tensor its name, also where nothing is computed."""
        return self.named(tensor) is not None or producer(tensor) in self._fed

    @cached_property
    def _fed(self) -> frozenset[str]:
        """The placeholders that nodes pass on which sigpb added for their names."""
        if not self._has_added:
            return frozenset()
        nodes = self._graph.nodes.items()
        found = (node for name, node in nodes if is_added(name) and name.endswith(f"/{FED}"))
        return frozenset(producer(node.input[0]) for node in found if node.op == "Identity")

    @cached_property
    def _has_added(self) -> bool:
        return self._graph.has_scope(SPLICED)

    def is_resolved(self, chain: Chain) -> bool:
        """Whether the end of a chain is a tensor that sigpb did not add."""
        return not is_added(chain[-1])

    def is_added_output(self, chain: Chain) -> bool:
        """Whether the end of a chain is an output that only a copy of a call has."""
        return not self.is_resolved(chain) and bool(original_names(chain[-1]))

    def is_unused_input(self, chain: Chain) -> bool:
        """Whether the end of a chain is a placeholder that sigpb added and nothing computes from.

        Which tensor it stands for cannot be determined, and makes no difference.
        """
        node = None if self.is_resolved(chain) else self._node(producer(chain[-1]))
        return node is not None and node.op == "Placeholder"

    def is_fed_inside(self, chain: Chain) -> bool:
        """Whether the end of a chain is a placeholder for a tensor inside of a function."""
        return producer(chain[-1]) in self._fed_inside

    @cached_property
    def _fed_inside(self) -> set[str]:
        copies = (node for name, node in self._graph.nodes.items() if original_names(name))
        return {self.source(tensor) for node in copies for tensor in self._graph.fed_inside(node)}

    def dtypes(self, chain: Chain, stated: int) -> list[int]:
        """Returns the dtypes of the tensors of a chain; 0 for one that is not known.

        Args:
            chain: The chain of an endpoint.
            stated: The dtype that the signature states for the endpoint.
        """
        found = [stated]
        for step, tensor in pairwise(chain):
            if producer(step) in self.stand_ins:
                passed = (self._graph.type_of(each) for each in self._passed[producer(step)])
                found += [value_dtype(type_.dtype) if type_ else 0 for type_ in passed]
            type_, node = self._graph.type_of(tensor), self._node(producer(step))
            if type_ is not None and type_.dtype:
                found.append(value_dtype(type_.dtype))
            elif self.original(producer(step)):
                found.append(found[-1])
            else:  # A step says what it takes, also if the op of that is not known.
                names = [name for name in ("SrcT", "T") if node and name in node.attr]
                found.append(node.attr[names[0]].type if node and names else 0)
        return found

    def computed_by(self, chain: Chain) -> tuple[str, ...]:
        """Returns the ops between the tensors of a chain that compute other values, as they pass.

        They are steps that a patch asked for, such as ``Mul`` and ``Transpose``: what two types
        differ in does not tell of them.
        """
        names: list[str] = []
        for name in map(producer, chain[:-1]):
            if name in self.stand_ins:
                names += map(producer, self._passed[name])
            elif not original_names(name):
                names.insert(0, name)  # An output's values come from behind.
        nodes = (self._node(name) for name in names)
        return tuple(node.op for node in nodes if node and node.op not in _NO_STEPS)

    def position(self, tensor: str) -> int:
        """Returns where in the graph the node of a tensor is, by which nodes can be sorted."""
        return self._positions.get(producer(tensor), -1)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self._graph.nodes)}

    def source(self, tensor: str) -> str:
        """Returns the node that the values of a tensor come from, before any steps."""
        return producer([tensor, *self._operands(tensor)][-1])

    def _operands(self, tensor: str) -> Iterator[str]:
        """Yields what the steps behind a tensor take, one after the other."""
        while is_added(tensor) and not original_names(producer(tensor)):
            node = self._node(producer(tensor))
            if node is None or node.op in _SOURCES or not node.input:
                break
            tensor = node.input[0]
            yield tensor

    def bound(self, tensor: str, added: Sequence[str]) -> protos.TensorProto | None:
        """Returns the constant that takes the place of a tensor that was fed.

        Args:
            tensor: The tensor.
            added: The names of nodes that were added for the same signature.
        """
        names = self._stand_ins_for.get(canonical(tensor), [])
        node = self._graph.node(producer(tensor))
        if node is not None and is_spliced(node):
            names = [self.source(node.input[0])]
        elif added:
            near = {name: max(_common_scopes(name, each) for each in added) for name in names}
            names = [name for name in names if near[name] == max(near.values()) > 1]
        found = [self._graph.node(name) for name in names]
        constants = [node for node in found if node and node.op == "Const"]
        return constants[0].attr["value"].tensor if len(constants) == 1 else None

    @cached_property
    def _stand_ins_for(self) -> dict[str, list[str]]:
        """For each tensor that was fed, what was added in its place."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, olds in self.stand_ins.items():
            for old in olds:
                found[old].append(name)
        return found

    def _node(self, name: str) -> protos.NodeDef | None:
        return self._graph.nodes.get(name)

    def _behind(self, tensor: str) -> str | None:
        """Returns what a tensor that sigpb added stands for, a step further; None if nothing."""
        if not is_added(tensor):
            return self.named(tensor)
        name = producer(tensor)
        node = self._node(name)
        if node is None:
            return None
        if original := self.original(name):
            number = output_number(tensor)
            before = self._node(original)
            if before and before.op in CALL_OPS and number >= len(before.attr["Tout"].list.type):
                return None  # An output that was added to a copy of the function.
            return canonical(f"{original}:{number}")
        if name in self.stand_ins:
            return self.stand_ins[name][0]
        if node.op in _SOURCES or original_names(name) or not node.input:
            return None
        return canonical(node.input[0])

    def original(self, name: str) -> str | None:
        """Returns the node that a node is a copy of, or None."""
        nodes = self._graph.nodes
        for original in original_names(name) if name in nodes else ():
            if original in nodes and nodes[original].op == nodes[name].op:
                return original
        return None

    @cached_property
    def stand_ins(self) -> dict[str, list[str]]:
        """For each placeholder or constant that was added, the tensors that it takes the place of.

        There is more than one only if the model was changed by others.
        """
        return {
            source: list(dict.fromkeys(old for _, old in pairs))
            for source, pairs in self._put_in_place.items()
        }

    @cached_property
    def _passed(self) -> dict[str, list[str]]:
        """For each of them, the tensors that its steps give, in the order in which values pass."""
        return {
            source: [
                each
                for new in dict.fromkeys(new for new, _ in pairs)
                for each in reversed([new, *self._operands(new)][:-1])
            ]
            for source, pairs in self._put_in_place.items()
        }

    @cached_property
    def _put_in_place(self) -> dict[str, list[tuple[str, str]]]:
        """For each of them, what its steps give, and the tensor that this takes the place of."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        nodes = self._graph.nodes
        for name, node in nodes.items():
            if is_spliced(node):
                found[self.source(node.input[0])].append((node.input[0], name))
            elif original := self.original(name):
                if len(node.input) != len(nodes[original].input) or self._graph.fed_inside(node):
                    continue  # It takes others, and nothing tells which is which.
                for new, old in zip(node.input, nodes[original].input, strict=False):
                    copied = self.original(producer(new))
                    if is_added(new) and new != old and copied != producer(old):
                        found[self.source(new)].append((new, canonical(old)))
        return found
