"""What is known of the tensors of one body: some nodes of a GraphDef, or a function."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from sigpb import protos
from sigpb.batch_size.order import data_inputs, users_of
from sigpb.batch_size.rules import rule_of
from sigpb.batch_size.rules.operation import Callees, Demand, Operation, Refusal
from sigpb.batch_size.rules.values import UNKNOWN, Tensor, constant
from sigpb.batch_size.rules.whole_batch import with_whole_batch
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.control_flow import ENTER_OPS, is_back_edge
from sigpb.tf.stated_shapes import merged, stated_shape, stated_shapes
from sigpb.tf.tensor_names import output_number, producer

Port: TypeAlias = "tuple[str, int]"
"""A node and the number of its output; or the name of a function's argument, and 0."""

_Body = TypeVar("_Body", bound="BodyTensors")

# How far to look behind an operand that does not follow the batch.
_DEPTH = 40


@dataclass(frozen=True)
class Visited:
    """A node that depends on the batch.

    Attributes:
        operation: Its changes; None for a node where the batch dimension begins.
        outputs: Its outputs.
    """

    operation: Operation | None
    outputs: tuple[Tensor, ...]


@dataclass(eq=False)
class BodyTensors:
    """A body, and what is known of its tensors, given the nodes that were visited.

    Attributes:
        nodes: Its nodes by name.
        size: The old batch size; None if the batch dimension is only followed.
        callees: The functions that nodes call.
        where: What to call the body in messages: `` of function 'f'``.
        seeds: Outputs of nodes where the batch dimension begins.
        arguments: The arguments of the function that it is, by name, and their dtypes.
        results: The nodes and arguments that results of the function come from; None for nodes of
            a GraphDef.
        has_frames: Whether there are loops of TensorFlow 1 in it.
        visited: The nodes that depend on the batch, in the order of the computation.
    """

    nodes: Mapping[str, protos.NodeDef]
    size: int | None
    callees: Callees
    where: str = ""
    seeds: Mapping[Port, Tensor] = field(default_factory=dict)
    arguments: Mapping[str, tuple[Tensor, int]] = field(default_factory=dict)
    results: Collection[str] | None = None

    def __post_init__(self) -> None:
        self.has_frames = any(node.op in ENTER_OPS for node in self.nodes.values())
        self._users = users_of(self.nodes.values())
        self._forget()

    @classmethod
    def of_function(
        cls: type[_Body],
        function: protos.FunctionDef,
        arguments: Sequence[Tensor],
        size: int | None,
        callees: Callees,
    ) -> _Body:
        """Returns the body of a function.

        Args:
            function: The function.
            arguments: What is known of its arguments.
            size: The old batch size; see the attributes.
            callees: The functions that nodes call.
        """
        return cls(
            nodes_by_name(function.node_def),
            size,
            callees,
            f" of function {function.signature.name!r}",
            arguments={
                argument.name: (tensor, argument.type)
                for argument, tensor in zip(function.signature.input_arg, arguments, strict=True)
            },
            results={*map(producer, function.ret.values()), *function.control_ret.values()},
        )

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
        if (function := self.callees.get(node.op)) is not None:
            results = [result.name for result in function.signature.output_arg]
            output = rest.partition(":")[0]
            return name, results.index(output) if output in results else len(results)
        index = self.callees.op_defs.output_index(node, spelled)
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
        dtypes = self.callees.op_defs.output_dtypes(self.nodes[name])
        return dtypes[output] if dtypes else 0

    def spell(self, node: protos.NodeDef) -> str:
        """Returns how other nodes spell the only output of a node."""
        name = self.callees.op_defs.output_name(node, 0) if self.results is not None else node.name
        assert name is not None, f"TensorFlow has the op {node.op}"
        return name

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
        is_inner = self.results is not None and name not in self.results
        return is_inner and operands == {(op, number)}

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
        dtypes = self.callees.op_defs.output_dtypes(operation.node) or []
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
        if self.callees.get(op) is not None:
            return tuple(operation.call("", 0, op, operation.operands))
        raise Refusal(f"sigpb does not know how {op} treats the batch dimension")


def _is_opaque(node: protos.NodeDef) -> bool:
    """Whether nothing but what a node states can be known of it, if it does not follow the batch.

    Functions are looked into only for the batch.
    """
    calls = any(value.HasField("func") for value in node.attr.values())
    return calls or rule_of(node.op) is None
