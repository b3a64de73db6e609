"""Following shapes of which more is known than a graph states to the nodes that contradict them.

A session computes all shapes that it can when it loads a graph, also in functions that are called,
and refuses the graph if they contradict each other: for all signatures. So the shape that an input
is to have is followed in the same way, by the rules that tell the shapes of results and what an op
accepts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sigpb import protos
from sigpb.batch_size.order import data_inputs, in_order, users_of
from sigpb.batch_size.rules import rule_of
from sigpb.batch_size.rules.operation import Demand, Operation, Refusal
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, text, without_batch
from sigpb.batch_size.rules.values import Tensor
from sigpb.batch_size.tensors import BodyTensors, Port
from sigpb.tf.called_functions import Functions, called_by, takes
from sigpb.tf.control_flow import is_back_edge
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import argument_shape, merged, stated_shapes
from sigpb.tf.tensor_types import Shape, is_compatible


@dataclass
class Followed:
    """What became of shapes on their way through a graph.

    Attributes:
        contradictions: Why the graph cannot be loaded, a clause for each node that contradicts.
        unchecked: The nodes of which it is not known what they make of the shapes.
    """

    contradictions: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def follow(
    nodes: Mapping[str, protos.NodeDef], refined: Mapping[Port, Shape], functions: Functions
) -> Followed:
    """Follows shapes through nodes of a GraphDef.

    Args:
        nodes: Nodes by name, with all that depend on the tensors in `refined` and all that those
            nodes take tensors from.
        refined: The shapes that tensors are to have, by the tensors.
        functions: The functions that nodes call.
    """
    walk = _Walk(functions)
    fed: dict[str, list[_Pair]] = {}
    for (name, output), shape in refined.items():
        if name in nodes:
            pairs = fed.setdefault(name, [])
            stated = stated_shapes(nodes[name], output + 1)[len(pairs) :]
            pairs += [_Pair.same(Tensor(each)) for each in stated]
            pairs[output] = _Pair(pairs[output].before, Tensor(shape))
    walk.run(BodyTensors(nodes, None, walk), fed)
    return walk.found


@dataclass(frozen=True)
class _Pair:
    """What is known of a tensor before shapes are refined, and after."""

    before: Tensor
    after: Tensor

    @classmethod
    def same(cls, tensor: Tensor) -> _Pair:
        """Returns a tensor of which nothing more is known."""
        return cls(tensor, tensor)

    @property
    def is_refined(self) -> bool:
        """Whether more is known of it."""
        return self.before != self.after

    def with_batch(self, size: int) -> Tensor:
        """Returns the tensor with the batch size in place of a size that has become known."""

        def general(name: str) -> Dims:
            return tuple(Batch() if old != new == size else new for old, new in _dims(self, name))

        shape = self.after.shape and general("shape")
        return Tensor(shape, self.after.value and general("value"), self.after.element)

    def stated(self, shape: Shape) -> _Pair:
        """Returns the tensor with a shape that something states of it too."""
        return _Pair(_with_shape(self.before, shape), _with_shape(self.after, shape))


class _Walk:
    """The way through a graph and the functions that it calls.

    Attributes:
        found: What there is on it.
    """

    def __init__(self, functions: Functions) -> None:
        self.op_defs = OpDefs()
        self.found = Followed()
        self._functions = functions
        self._results: dict[tuple[str, tuple[_Pair, ...]], list[_Pair]] = {}

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, or None."""
        return self._functions.get(name)

    def follow(self, name: str, arguments: Sequence[Tensor]) -> list[Tensor]:
        """Refuses to look into functions that nodes do not call as such, as branches and loops."""
        raise Refusal(f"it calls the function {name!r}")

    def run(self, body: BodyTensors, known: dict[str, list[_Pair]]) -> Callable[[str], _Pair]:
        """Follows shapes through a body, and returns what is known of tensors in it.

        Args:
            body: The body as it is.
            known: What is known of some nodes and arguments. Receives more.
        """

        def pair(spelled: str) -> _Pair:
            name, output = body.port(spelled)
            if name in known and output < len(known[name]):
                return known[name][output]
            return _Pair.same(_concrete(body.tensor(spelled)))

        for node in in_order(body.nodes, users_of(body.nodes.values()), list(known)):
            if node.name in known:
                continue
            spelled = data_inputs(node)
            operands = [pair(each) for each in spelled]
            if not any(operand.is_refined for operand in operands):
                continue
            title = f"{node.op} {node.name!r}{body.where}"
            if any(is_back_edge(body.nodes, each) for each in spelled):
                self.found.unchecked.append(title)
            elif (outputs := self._outputs(title, body, node, operands)) is not None:
                known[node.name] = outputs
        return pair

    def _outputs(
        self, title: str, body: BodyTensors, node: protos.NodeDef, operands: Sequence[_Pair]
    ) -> list[_Pair] | None:
        """Returns what is known of a node's outputs; None if nothing more than before."""
        if (function := self._called(node)) is not None:
            if not takes(function, len(operands)):
                self.found.contradictions.append(
                    f"{title} gives {len(operands)} arguments to function "
                    f"{function.signature.name!r}, which takes another number"
                )
                return None
            results: list[_Pair] | None = self._call(function, operands)
        else:
            results = self._apply(title, body, node, operands)
        if results is None:
            return None
        pairs = list(zip(results, stated_shapes(node, len(results)), strict=False))
        for pair, stated in pairs:
            if not is_compatible(pair.after.shape, stated):
                if is_compatible(pair.before.shape, stated):
                    self.found.contradictions.append(
                        f"{title} states the shape {text(stated)} of a result that would be of "
                        f"shape {text(pair.after.shape)}"
                    )
                else:  # What is known of it is not right.
                    self.found.unchecked.append(title)
                return None
        return [pair.stated(shape) for pair, shape in pairs]

    def _called(self, node: protos.NodeDef) -> protos.FunctionDef | None:
        called = called_by(node)
        if called is None and rule_of(node.op):
            return None
        return self.get(node.op if called is None else called)

    def _apply(
        self, title: str, body: BodyTensors, node: protos.NodeDef, operands: Sequence[_Pair]
    ) -> list[_Pair] | None:
        after = [operand.after for operand in operands]
        rule = rule_of(node.op)
        operation = body.operation(node, after, None)
        outputs = _evaluated(body, operation)
        checks = rule is not None and rule.checks
        if checks and operation.fits is False:
            shapes = " and ".join(text(tensor.shape) for tensor in after)
            self.found.contradictions.append(f"{title} cannot take the shapes {shapes}")
            return None
        has_new_rank = any(pair.before.shape is None for pair in operands if pair.is_refined)
        if (
            outputs is None
            or not (operation.fits if checks else _takes_any_batch(body, node, operands))
            or (has_new_rank and not (rule and rule.any_rank))
        ):
            self.found.unchecked.append(title)
        if outputs is None:
            return None
        known = [operand.before for operand in operands]
        before = _evaluated(body, body.operation(node, known, None))
        if before is None:
            before = [Tensor(shape) for shape in stated_shapes(node, len(outputs))]
        return [_Pair(*pair) for pair in zip(before, outputs, strict=False)]

    def _call(self, function: protos.FunctionDef, operands: Sequence[_Pair]) -> list[_Pair]:
        name = function.signature.name
        given = tuple(
            pair.stated(argument_shape(function.arg_attr, position))
            for position, pair in enumerate(operands)
        )
        key = (name, given)
        if key not in self._results:
            self._results[key] = []  # For a function that calls itself.
            before = [pair.before for pair in given]
            body = BodyTensors.of_function(function, before, None, self)
            names = (argument.name for argument in function.signature.input_arg)
            known = {name: [pair] for name, pair in zip(names, given, strict=True)}
            pair_of = self.run(body, known)
            results = function.signature.output_arg
            self._results[key] = [pair_of(function.ret[result.name]) for result in results]
        return self._results[key]


def _evaluated(body: BodyTensors, operation: Operation) -> list[Tensor] | None:
    """Returns a node's outputs; None if no rule tells them."""
    try:
        return [_concrete(output) for output in body.apply(operation)]
    except (Refusal, Demand):
        return None


def _takes_any_batch(body: BodyTensors, node: protos.NodeDef, operands: Sequence[_Pair]) -> bool:
    """Whether a node would take any other size where one has become known.

    What rules without checks say of that is for first dimensions; of another one nothing is known.
    """
    refined = [pair for pair in operands if pair.is_refined]
    if any(pair.before.element != pair.after.element for pair in refined) or any(
        old != new for pair in refined for old, new in _dims(pair, "shape")[1:]
    ):
        return False
    sizes = {
        new
        for pair in refined
        for old, new in (*_dims(pair, "shape"), *_dims(pair, "value"))
        if old != new and isinstance(new, int)
    }
    return all(
        _evaluated(body, body.operation(node, [pair.with_batch(size) for pair in operands], None))
        is not None
        for size in sizes
    )


def _dims(pair: _Pair, name: str) -> list[tuple[Dim, Dim]]:
    """Returns the sizes, or the elements, before and after."""
    after: Dims = getattr(pair.after, name) or ()
    before: Dims | None = getattr(pair.before, name)
    if before is None or len(before) != len(after):
        before = (None,) * len(after)
    return list(zip(before, after, strict=True))


def _concrete(tensor: Tensor) -> Tensor:
    """Returns a tensor without numbers that are found out when a graph runs."""
    return Tensor(without_batch(tensor.shape), without_batch(tensor.value), tensor.element)


def _with_shape(tensor: Tensor, stated: Shape) -> Tensor:
    return dataclasses.replace(tensor, shape=merged(tensor.shape, stated))
