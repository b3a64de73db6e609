"""Following the batch dimension through one body: some nodes of a GraphDef, or a function."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from sigpb import protos
from sigpb.graph.batch_needed import clamped, needed_in_function
from sigpb.graph.batch_order import data_inputs, in_order, users_of
from sigpb.graph.batch_rules import rule_of
from sigpb.graph.batch_rules.constants import constant
from sigpb.graph.batch_rules.operation import COUNT, Demand, Operation, Refusal, differing
from sigpb.graph.batch_rules.sources import Argument, Source, find_source
from sigpb.graph.batch_rules.values import (
    UNKNOWN,
    Batch,
    Dim,
    Dims,
    Tensor,
    at,
    scalar,
    text,
)
from sigpb.graph.batch_rules.whole_batch import with_whole_batch
from sigpb.graph.control_flow import ENTER_OPS, is_back_edge
from sigpb.graph.stated_shapes import merged, stated_shape, stated_shapes
from sigpb.graph.tensor_names import producer
from sigpb.op_defs import OpDefs
from sigpb.tensor_types import is_compatible

Port: TypeAlias = "tuple[str, int]"
"""A node and the number of its output; or the name of a function's argument, and 0."""

# How far to look behind an operand that does not follow the batch.
_DEPTH = 40


class Callees(Protocol):
    """The functions that nodes call."""

    op_defs: OpDefs

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, or None."""
        ...

    def follow(self, name: str, arguments: Sequence[Tensor]) -> list[Tensor]:
        """Returns what is known of a function's results; see `Surroundings.call`."""
        ...


@dataclass(frozen=True)
class Visited:
    """A node that depends on the batch.

    Attributes:
        operation: Its changes; None for a node where the batch dimension begins.
        outputs: Its outputs.
    """

    operation: Operation | None
    outputs: tuple[Tensor, ...]


class Body:
    """A body, and what is known of its tensors.

    Attributes:
        nodes: Its nodes by name.
        arguments: The arguments of the function that it is, by name, and their dtypes.
        seeds: Outputs of nodes where the batch dimension begins.
        size: The old batch size; None if the batch dimension is only followed.
        results: The nodes and arguments that results of the function come from.
        is_function: Whether its nodes spell tensors as those of functions do.
        has_frames: Whether there are loops of TensorFlow 1 in it.
        visited: The nodes that depend on the batch, in the order of the computation.
        sources: Nodes that had the old batch size built in, and have to follow the batch now.
        problems: Why it cannot work for any batch size.
        stale: Nodes that depend on the batch in a way that is not known, which nothing needs.
        demands: Arguments that would have to follow the batch, and in which dimension.
    """

    def __init__(
        self,
        where: str,
        nodes: Mapping[str, protos.NodeDef],
        size: int | None,
        callees: Callees,
        *,
        seeds: Mapping[Port, Tensor] | None = None,
        arguments: Mapping[str, tuple[Tensor, int]] | None = None,
        results: Collection[str] | None = None,
    ) -> None:
        """Follows the batch dimension.

        Args:
            where: What to call the body in messages: `` of function 'f'``.
            nodes: See the attributes.
            size: See the attributes.
            callees: The functions that nodes call.
            seeds: See the attributes.
            arguments: See the attributes.
            results: See the attributes; None for nodes of a GraphDef.
        """
        self.nodes = nodes
        self.arguments = arguments or {}
        self.seeds = seeds or {}
        self.size = size
        self.results = results or ()
        self.is_function = results is not None
        self._where = where
        self._callees = callees
        self.has_frames = any(node.op in ENTER_OPS for node in nodes.values())
        self._users = users_of(nodes.values())
        self._needed = (
            set(nodes) if results is None else needed_in_function(nodes, results, callees.op_defs)
        )
        self.sources: dict[str, Source] = {}
        while True:
            self._static: dict[str, tuple[Tensor, ...]] = {}
            self.visited: dict[str, Visited] = {}
            self.problems: list[str] = []
            self.stale: set[str] = set()
            self.demands: set[Argument] = set()
            self._unknown: set[str] = set()
            found = self._walk()
            if not found:
                return
            self.sources |= found

    # What is known of tensors.

    def begin(self) -> list[tuple[str, Tensor]]:
        """Returns the tensors where the batch dimension begins, as nodes spell them."""
        seeds = [
            (f"{name}:{output}" if output else name, tensor)
            for (name, output), tensor in self.seeds.items()
        ]
        return [*seeds, *((name, tensor) for name, (tensor, _) in self.arguments.items())]

    def port(self, spelled: str) -> Port:
        """Returns the tensor that a node takes."""
        name, _, rest = spelled.partition(":")
        node = self.nodes.get(name)
        output, _, number = rest.rpartition(":")
        if node is None or not output:
            return name, int(number or 0)
        if (function := self._callees.get(node.op)) is not None:
            results = [result.name for result in function.signature.output_arg]
            return name, results.index(output)
        index = self._callees.op_defs.output_index(node, spelled)
        return name, int(number) if index is None else index

    def tensor(self, spelled: str) -> Tensor:
        """Returns what is known of a tensor that a node takes."""
        return self._at(self.port(spelled), 0)

    def result(self, port: Port) -> Tensor:
        """Returns what is known of a tensor."""
        return self._at(port, 0)

    def dtype_of(self, tensor: str) -> int:
        """Returns the dtype of a tensor that a node takes; 0 if it is unknown."""
        name, output = self.port(tensor)
        if name in self.arguments:
            return self.arguments[name][1]
        dtypes = self._callees.op_defs.output_dtypes(self.nodes[name])
        return dtypes[output] if dtypes else 0

    def spell(self, node: protos.NodeDef) -> str:
        """Returns how other nodes spell the only output of a node."""
        name = self._callees.op_defs.output_name(node, 0) if self.is_function else node.name
        assert name is not None, f"TensorFlow has the op {node.op}"
        return name

    def call(self, function: str, arguments: Sequence[Tensor]) -> list[Tensor]:
        """Returns the results of a function; see `Surroundings.call`."""
        return self._callees.follow(function, arguments)

    def function(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, or None."""
        return self._callees.get(name)

    def op_def(self, op: str) -> protos.OpDef | None:
        """Returns the definition of an op, or None."""
        return self._callees.op_defs.get(op)

    def users(self, name: str) -> list[protos.NodeDef]:
        """Returns the nodes that take tensors from a node."""
        return [self.nodes[user] for user in self._users.get(name, ())]

    def only_used_as(self, name: str, op: str, number: int) -> bool:
        """Whether an output of a node is used, and only as a certain operand of some op."""
        operands = {
            (user.op, i)
            for user in self.users(name)
            for i, spelled in enumerate(data_inputs(user))
            if producer(spelled) == name
        }
        return self.is_function and name not in self.results and operands == {(op, number)}

    def _at(self, port: Port, depth: int) -> Tensor:
        name, output = port
        if name in self.arguments:
            return self.arguments[name][0]
        if name in self.visited:
            outputs: Sequence[Tensor] = self.visited[name].outputs
        elif name in self._unknown:
            return UNKNOWN
        else:
            outputs = self._static_outputs(name, depth)
        return outputs[output] if output < len(outputs) else UNKNOWN

    def _static_outputs(self, name: str, depth: int) -> Sequence[Tensor]:
        """Returns the outputs of a node that does not depend on the batch."""
        if name not in self._static:
            node = self.nodes.get(name)
            self._static[name] = () if node is None else self._evaluate_static(node, depth)
        return self._static[name]

    def _evaluate_static(self, node: protos.NodeDef, depth: int) -> tuple[Tensor, ...]:
        if node.op == "Const":
            return (constant(node),)
        stated = stated_shapes(node)
        if is_opaque(node) or depth > _DEPTH:
            return tuple(Tensor(shape) for shape in stated)
        operands = [
            UNKNOWN if is_back_edge(self.nodes, each) else self._at(self.port(each), depth + 1)
            for each in data_inputs(node)
        ]
        try:
            outputs = self.evaluate(node, operands, None)
        except (Refusal, Demand):
            return tuple(Tensor(shape) for shape in stated)
        if node.op == "Range" and self.size == 1 and outputs[0].shape == (1,):
            # It may number the examples of the batch, so that nothing is known of how many.
            return (Tensor((None,), whole=True),)
        return tuple(
            replace(output, shape=merged(output.shape, shape))
            for output, shape in zip(outputs, stated_shapes(node, len(outputs)), strict=False)
        )

    def evaluate(
        self, node: protos.NodeDef, operands: Sequence[Tensor], size: int | None
    ) -> tuple[Tensor, ...]:
        """Returns the outputs of a node for some operands; raises what its rule raises."""
        return self._apply(Operation(node, operands, size, self, stated_shape(node)))

    def _apply(self, operation: Operation) -> tuple[Tensor, ...]:
        outputs = self._outputs(operation)
        dtypes = self._callees.op_defs.output_dtypes(operation.node) or []
        return with_whole_batch(operation, outputs, dtypes)

    def _outputs(self, operation: Operation) -> tuple[Tensor, ...]:
        op = operation.node.op
        rule = rule_of(op)
        if rule is not None:
            try:
                outputs = rule(operation)
            except (IndexError, ValueError) as error:
                raise Refusal(f"its operands are not of the ranks that {op} takes") from error
            return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
        if self._callees.get(op) is not None:
            return tuple(operation.call("", 0, op, operation.operands))
        raise Refusal(f"sigpb does not know how {op} treats the batch dimension")

    # The walk.

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
            operation = Operation(node, operands, self.size, self, stated_shape(node))
            found = self._apply(operation)
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
        title = "" if refusal.located else f"{node.op} {node.name!r}{self._where}: "
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


def is_opaque(node: protos.NodeDef) -> bool:
    """Whether nothing but what a node states can be known of it, if it does not follow the batch.

    Functions are looked into only for the batch.
    """
    calls = any(value.HasField("func") for value in node.attr.values())
    return calls or rule_of(node.op) is None
