"""Following the batch dimension through one body: some nodes of a GraphDef, or a function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.batch_size.order import clamped, data_inputs, in_order, needed_in_function
from sigpb.batch_size.rules.operation import COUNT, Demand, Refusal, differing
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, at, text
from sigpb.batch_size.rules.values import UNKNOWN, Tensor, scalar
from sigpb.batch_size.sources import Argument, Source, find_source
from sigpb.batch_size.tensors import BodyTensors, Visited
from sigpb.tf.control_flow import is_back_edge
from sigpb.tf.stated_shapes import merged, stated_shapes
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import is_compatible


@dataclass(eq=False)
class Body(BodyTensors):
    """A body through which the batch dimension was followed.

    Attributes:
        sources: Nodes that had the old batch size built in, and have to follow the batch now.
        problems: Why it cannot work for any batch size.
        stale: Nodes that depend on the batch in a way that is not known, which nothing needs.
        demands: Arguments that would have to follow the batch, and in which dimension.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._needed = set(self.nodes)
        if self.results is not None:
            self._needed = needed_in_function(self.nodes, self.results, self.callees.op_defs)
        self.sources: dict[str, Source] = {}
        while True:
            self._forget()
            self.problems: list[str] = []
            self.stale: set[str] = set()
            self.demands: set[Argument] = set()
            found = self._walk()
            if not found:
                return
            self.sources |= found

    def _walk(self) -> dict[str, Source]:
        """Visits every node that depends on the batch, and returns sources that have to follow."""
        for name, outputs in self._begin().items():
            self.visited[name] = Visited(None, outputs)
        begin = [name for name, (tensor, _) in self.arguments.items() if tensor.follows_batch]
        demanded: list[tuple[protos.NodeDef, Demand]] = []
        order = list(in_order(self.nodes, self._users, [*begin, *self.visited]))
        for node in order:
            if node.name in self.visited:
                continue
            try:
                self._visit(node)
            except Refusal as refusal:
                self._refuse(node, refusal)
            except Demand as demand:
                self._unknown.add(node.name)
                demanded.append((node, demand))
        demanded += self._check_back_edges(order)
        self.stale = self._unknown - self._needed
        return self._resolve(demanded)

    def _begin(self) -> dict[str, tuple[Tensor, ...]]:
        begin: dict[str, tuple[Tensor, ...]] = {}
        for (name, output), tensor in self.seeds.items():
            if name in self.nodes:
                outputs = list(begin.get(name) or map(Tensor, stated_shapes(self.nodes[name])))
                outputs += [UNKNOWN] * (output + 1 - len(outputs))
                outputs[output] = tensor
                begin[name] = tuple(outputs)
        return begin | {name: source.outputs for name, source in self.sources.items()}

    def _visit(self, node: protos.NodeDef) -> None:
        limit = clamped(self.nodes, node)
        if limit is not None:
            self.visited[node.name] = Visited(None, (scalar(limit),))
            return
        spelled = data_inputs(node)
        before = [each for each in spelled if not is_back_edge(self.nodes, each)]
        if any(producer(each) in self._unknown for each in before):
            self._unknown.add(node.name)
            return
        operands = [self.tensor(each) if each in before else UNKNOWN for each in spelled]
        if any(operand.follows_batch for operand in operands):
            operation = self.operation(node, operands, self.size)
            found = self.apply(operation)
            stated = stated_shapes(node, len(found))
            outputs = tuple(map(self._checked, found, stated))
            self.visited[node.name] = Visited(operation, outputs)

    def _checked(self, tensor: Tensor, stated: Dims | None) -> Tensor:
        """Holds what a rule says of an output against what the node states of it."""
        shape = tensor.shape
        if self.size is not None and sum(isinstance(dim, Batch) for dim in shape or ()) > 1:
            raise Refusal(f"its result is of shape {text(shape)}, with the batch in it twice")
        if stated is None or shape is None or tensor.lost_batch:
            return tensor
        if not is_compatible(tuple(at(dim, self.size) for dim in shape), stated):
            raise Refusal(f"its result would be of shape {text(shape)}, not {text(stated)}")
        return replace(tensor, shape=merged(shape, stated))

    def _refuse(self, node: protos.NodeDef, refusal: Refusal) -> None:
        self._unknown.add(node.name)
        if node.name not in self._needed:
            return
        title = "" if refusal.located else f"{node.op} {node.name!r}{self.where}: "
        end = "" if refusal.located else "."
        self.problems += [f"{title}{reason}{end}" for reason in refusal.reasons]

    def _check_back_edges(
        self, order: Sequence[protos.NodeDef]
    ) -> list[tuple[protos.NodeDef, Demand]]:
        """Sees that what comes back to the start of a loop of TensorFlow 1 is what was assumed."""
        demanded = []
        for node in order:
            spelled = data_inputs(node)
            backs = [each for each in spelled if is_back_edge(self.nodes, each)]
            if not backs or node.name in self._unknown:
                continue
            if producer(backs[0]) in self._unknown:
                self._unknown.add(node.name)
                continue
            start, back = self.tensor(node.name), self.tensor(backs[0])
            if _kept(start) == _kept(back):
                continue
            wanted = differing(start, back, self.size, 1 - spelled.index(backs[0]))
            if wanted is not None:
                self._unknown.add(node.name)
                demanded.append((node, Demand(wanted)))
            elif start.follows_batch or back.follows_batch:
                self._refuse(
                    node,
                    Refusal(
                        f"it begins with shape {text(start.shape)}, and {backs[0]!r} comes "
                        f"back with {text(back.shape)}"
                    ),
                )
        return demanded

    def _resolve(self, demanded: Sequence[tuple[protos.NodeDef, Demand]]) -> dict[str, Source]:
        """Returns the sources that demands lead to, and notes what leads to none."""
        found: dict[str, Source] = {}
        for node, demand in demanded:
            if node.name not in self._needed:
                continue
            for number, axis, size in demand.wanted:
                spelled = data_inputs(node)[number]
                source = find_source(self, self.port(spelled), axis, size)
                if isinstance(source, Argument):
                    self.demands.add(source)
                elif source is not None and source.name not in self.sources:
                    found[source.name] = source
                else:
                    self._refuse(node, Refusal(self._built_in(spelled, axis)))
        return found

    def _built_in(self, spelled: str, axis: int) -> str:
        if axis == COUNT:
            return f"its operand {spelled!r} is a list of {self.size}, one for each example"
        return (
            f"its operand {spelled!r} of shape {text(self.tensor(spelled).shape)} is made for the "
            f"batch size {self.size}, which is in its dimension {axis}"
        )


def _kept(tensor: Tensor) -> tuple[Dims | None, Tensor | None, Dim]:
    """Returns what has to be the same at the start of every round of a loop."""
    return tensor.shape, tensor.element, tensor.count
