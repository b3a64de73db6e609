"""What is known of the tensors of one body: some nodes of a GraphDef, or a function."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from sigpb import protos
from sigpb.batch_size.order import data_inputs, users_of
from sigpb.batch_size.rules import rule_of
from sigpb.batch_size.rules.operation import Demand, Operation, Refusal
from sigpb.batch_size.rules.values import UNKNOWN, Tensor, constant
from sigpb.batch_size.rules.whole_batch import with_whole_batch
from sigpb.tf.control_flow import ENTER_OPS, is_back_edge
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import merged, stated_shape, stated_shapes
from sigpb.tf.tensor_names import output_number, producer

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


class BodyTensors:
    """A body, and what is known of its tensors, given the nodes that were visited.

    Attributes:
        nodes: Its nodes by name.
        arguments: The arguments of the function that it is, by name, and their dtypes.
        seeds: Outputs of nodes where the batch dimension begins.
        size: The old batch size; None if the batch dimension is only followed.
        results: The nodes and arguments that results of the function come from.
        is_function: Whether its nodes spell tensors as those of functions do.
        has_frames: Whether there are loops of TensorFlow 1 in it.
        visited: The nodes that depend on the batch, in the order of the computation.
    """

    def __init__(
        self,
        nodes: Mapping[str, protos.NodeDef],
        size: int | None,
        callees: Callees,
        *,
        seeds: Mapping[Port, Tensor] | None = None,
        arguments: Mapping[str, tuple[Tensor, int]] | None = None,
        results: Collection[str] | None = None,
    ) -> None:
        """Takes a body of which no node was visited.

        Args:
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
        self.has_frames = any(node.op in ENTER_OPS for node in nodes.values())
        self._callees = callees
        self._users = users_of(nodes.values())
        self._forget()

    def _forget(self) -> None:
        """Forgets the nodes that were visited, and what follows from these."""
        self.visited: dict[str, Visited] = {}
        self._unknown: set[str] = set()
        self._static: dict[str, tuple[Tensor, ...]] = {}

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
        if node is None or not rest or rest.isdecimal():
            return name, output_number(spelled)
        if (function := self._callees.get(node.op)) is not None:
            results = [result.name for result in function.signature.output_arg]
            output = rest.partition(":")[0]
            return name, results.index(output) if output in results else len(results)
        index = self._callees.op_defs.output_index(node, spelled)
        return name, output_number(spelled) if index is None else index

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
        if _is_opaque(node) or depth > _DEPTH:
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
        return self.apply(self.operation(node, operands, size))

    def operation(
        self, node: protos.NodeDef, operands: Sequence[Tensor], size: int | None
    ) -> Operation:
        """Returns a node as its rule sees it."""
        return Operation(node, operands, size, self, stated_shape(node))

    def apply(self, operation: Operation) -> tuple[Tensor, ...]:
        """Applies the rule of a node, and returns its outputs; raises what the rule raises."""
        outputs = self._outputs(operation)
        dtypes = self._callees.op_defs.output_dtypes(operation.node) or []
        return with_whole_batch(operation, outputs, dtypes)

    def _outputs(self, operation: Operation) -> tuple[Tensor, ...]:
        op = operation.node.op
        rule = rule_of(op)
        if rule is not None:
            try:
                outputs = rule.outputs(operation)
            except (IndexError, ValueError, ZeroDivisionError) as error:
                raise Refusal(f"its operands are not of the ranks that {op} takes") from error
            return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
        if self._callees.get(op) is not None:
            return tuple(operation.call("", 0, op, operation.operands))
        raise Refusal(f"sigpb does not know how {op} treats the batch dimension")


def _is_opaque(node: protos.NodeDef) -> bool:
    """Whether nothing but what a node states can be known of it, if it does not follow the batch.

    Functions are looked into only for the batch.
    """
    calls = any(value.HasField("func") for value in node.attr.values())
    return calls or rule_of(node.op) is None
