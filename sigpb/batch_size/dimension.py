"""Making a part of a graph that was computed for one batch size work for any.

The batch dimension is followed through the nodes, and through the functions that they call, by a
rule for each op (`sigpb.batch_size.rules`). What states the old batch size on the way is
rewritten; where the old size is built in for good, the part is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from sigpb import protos
from sigpb.batch_size.body import Body
from sigpb.batch_size.rewrite import rewrite, write_argument_shapes
from sigpb.batch_size.rules.operation import Demand, Refusal, Wanted
from sigpb.batch_size.rules.sizes import MERGED, Batch, Dims, text, without_batch
from sigpb.batch_size.rules.values import UNKNOWN, Tensor
from sigpb.batch_size.tensors import Port
from sigpb.errors import SigpbError
from sigpb.tf.called_functions import Functions, takes
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import argument_shape, stated_shape
from sigpb.tf.tensor_types import Shape

NO_SHAPES: Mapping[int, Shape] = MappingProxyType({})

__all__ = ["BatchError", "Functions", "Port", "Relaxed", "relax_function", "relax_nodes"]


class BatchError(SigpbError):
    """A part of a graph cannot be made to work for any batch size.

    Attributes:
        problems: Why, a sentence for each node that stands in the way.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    @property
    def lines(self) -> tuple[str, ...]:
        """The problems."""
        return self.problems


@dataclass(frozen=True)
class Relaxed:
    """What becomes of some nodes, and of their outputs.

    Attributes:
        nodes: For each node that changes, by its name: the node, after new nodes that it needs.
        axes: For each tensor whose size depends on the batch size, the dimension that does. Where
            the batch dimension is only followed, a tensor in which it is merged with others is
            left out.
        shapes: The shape of each tensor that depends on the batch in any way, without the sizes
            that depend on it.
    """

    nodes: Mapping[str, tuple[protos.NodeDef, ...]]
    axes: Mapping[Port, int]
    shapes: Mapping[Port, Shape]


def relax_nodes(
    nodes: Mapping[str, protos.NodeDef],
    axes: Mapping[Port, int],
    size: int | None,
    functions: Functions,
    results: Collection[Port] = (),
) -> Relaxed:
    """Makes nodes of a GraphDef work for any batch size.

    Args:
        nodes: Nodes by name, with all that depend on the tensors in `axes` and all that those
            nodes take tensors from. Not changed.
        axes: The tensors where the batch dimension begins, and which of their dimensions it is.
        size: The old batch size. With None the batch dimension is only followed, and nothing is
            changed or refused.
        functions: The functions that nodes call. Receives variants of them.
        results: The tensors that are returned, of which each example has to have its part.

    Raises:
        BatchError: Some nodes stand in the way; all of them are named. Nothing was added.
    """
    problems: list[str] = []
    seeds: dict[Port, Tensor] = {}
    for (name, output), axis in axes.items():
        stated = stated_shape(nodes[name], output) if name in nodes else None
        seeds[name, output] = _with_batch(
            stated, axis, size, f"The tensor '{name}:{output}'", problems
        )
    library = _Library(functions, size)
    body = Body(nodes, size, library, seeds=seeds)
    for name, output in results:
        problems += _mixed(f"The tensor '{name}:{output}'", body.result((name, output)))
    _raise(size, problems + body.problems)
    changed = rewrite(body, library) if size is not None else {}
    tensors = {
        (name, output): tensor
        for name, visited in body.visited.items()
        for output, tensor in enumerate(visited.outputs)
        if tensor.shape is not None
    }
    return Relaxed(
        changed,
        {
            port: found
            for port, tensor in tensors.items()
            if (found := _axis(tensor, size)) is not None
        },
        {port: without_batch(tensor.shape) for port, tensor in tensors.items()},
    )


def relax_function(
    function: protos.FunctionDef,
    axes: Mapping[int, int],
    size: int | None,
    functions: Functions,
    shapes: Mapping[int, Shape] = NO_SHAPES,
) -> tuple[protos.FunctionDef, dict[int, int]]:
    """Makes a function work for any batch size.

    Args:
        function: The function. Not changed.
        axes: For each argument that has the batch dimension, by its position: which it is.
        size: The old batch size, or None as for `relax_nodes`.
        functions: The functions that its nodes call. Receives variants of them.
        shapes: What shapes arguments have, as far as they are known from elsewhere; those that the
            function states come first.

    Returns:
        The function under its own name; and for each result that has the batch dimension, by its
        position: which it is.

    Raises:
        BatchError: Some nodes stand in the way; all of them are named. Nothing was added.
    """
    problems: list[str] = []
    stated = [
        shapes.get(position) if shape is None else shape
        for position, shape in enumerate(_argument_shapes(function))
    ]
    arguments: list[Tensor] = []
    for position, argument in enumerate(function.signature.input_arg):
        if position in axes:
            what = f"The argument {argument.name!r} of function {function.signature.name!r}"
            tensor = _with_batch(stated[position], axes[position], size, what, problems)
        else:
            tensor = Tensor(stated[position])
        arguments.append(tensor)
    library = _Library(functions, size)
    body = library.body(function, arguments)
    problems += [
        f"The argument {each.name!r} of function {function.signature.name!r} would have to have "
        f"the batch dimension too, as its dimension {each.axis}."
        for each in body.demands
    ]
    results = _results(function, body)
    for result, tensor in zip(function.signature.output_arg, results, strict=True):
        what = f"The result {result.name!r} of function {function.signature.name!r}"
        problems += _mixed(what, tensor)
    _raise(size, problems + body.problems)
    found = {
        i: place for i, tensor in enumerate(results) if (place := _axis(tensor, size)) is not None
    }
    if size is None:
        return function, found
    return library.rewritten(function, body, arguments), found


class _Library:
    """The functions that are called, followed once for each kind of arguments."""

    def __init__(self, functions: Functions, size: int | None) -> None:
        self.op_defs = OpDefs()
        self._functions = functions
        self._size = size
        self._found: dict[str, protos.FunctionDef | None] = {}
        self._bodies: dict[tuple[str, tuple[Tensor, ...]], Body | None] = {}
        self._variants: dict[tuple[str, tuple[Tensor, ...]], str] = {}

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, or None."""
        if name not in self._found:
            self._found[name] = self._functions.get(name)
        return self._found[name]

    def body(self, function: protos.FunctionDef, arguments: Sequence[Tensor]) -> Body:
        """Follows the batch dimension through a function."""
        return Body.of_function(function, arguments, self._size, self)

    def follow(self, name: str, arguments: Sequence[Tensor]) -> list[Tensor]:
        """Returns what is known of a function's results; see `Callees.follow`."""
        function = self.get(name)
        if function is None:
            raise Refusal(f"there is no function {name!r} for it to call")
        if not takes(function, len(arguments)):
            raise Refusal(f"the function {name!r} takes another number of arguments")
        given = _given(function, arguments)
        key = (name, given)
        if key not in self._bodies:
            self._bodies[key] = None
            self._bodies[key] = self.body(function, given)
        body = self._bodies[key]
        if body is None:
            raise Refusal(f"the function {name!r} calls itself")
        if body.demands:
            positions = [argument.name for argument in function.signature.input_arg]
            raise Demand(
                *(Wanted(positions.index(each.name), each.axis, each.size) for each in body.demands)
            )
        if body.problems and self._size is not None:
            raise Refusal(*body.problems, located=True)
        return _results(function, body)

    def variant(self, name: str, arguments: Sequence[Tensor]) -> str:
        """Returns the name of the function to call in place of one that was followed."""
        function = self.get(name)
        assert function is not None, "it was followed"
        key = (name, _given(function, arguments))
        if key not in self._variants:
            body = self._bodies[key]
            assert body is not None, "it was followed"
            after = self.rewritten(function, body, key[1])
            self._variants[key] = name if after == function else self._functions.add_variant(after)
        return self._variants[key]

    def exchanged(self, name: str, after: protos.FunctionDef, arguments: Sequence[Tensor]) -> str:
        """Returns the name of a function that is called in place of another.

        Args:
            name: The name of the other.
            after: The function, in which the shapes of its arguments are those of the other.
            arguments: What it is called with.
        """
        write_argument_shapes(after, arguments)
        return name if after == self.get(name) else self._functions.add_variant(after)

    def rewritten(
        self, function: protos.FunctionDef, body: Body, arguments: Sequence[Tensor]
    ) -> protos.FunctionDef:
        """Returns a function as it has to be for any batch size."""
        changed = rewrite(body, self)
        after = protos.FunctionDef()
        after.CopyFrom(function)
        del after.node_def[:]
        for node in function.node_def:
            after.node_def.extend(changed.get(node.name, (node,)))
        write_argument_shapes(after, arguments)
        return after


def _given(function: protos.FunctionDef, arguments: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Returns arguments, with shapes that only the function states."""
    return tuple(
        replace(tensor, shape=stated) if tensor.shape is None else tensor
        for tensor, stated in zip(arguments, _argument_shapes(function), strict=True)
    )


def _argument_shapes(function: protos.FunctionDef) -> list[Dims | None]:
    positions = range(len(function.signature.input_arg))
    return [argument_shape(function.arg_attr, position) for position in positions]


def _results(function: protos.FunctionDef, body: Body) -> list[Tensor]:
    return [body.tensor(function.ret[result.name]) for result in function.signature.output_arg]


def _with_batch(
    stated: Dims | None, axis: int, size: int | None, what: str, problems: list[str]
) -> Tensor:
    """Returns the tensor that has a stated shape and the batch as one of its dimensions."""
    if stated is None:
        problems.append(f"{what} has no known rank, so sigpb cannot follow its batch.")
        return UNKNOWN
    if axis >= len(stated) or (size is not None and stated[axis] not in (None, size)):
        problems.append(
            f"{what} is of shape {text(stated)}: its dimension {axis} is no batch of {size}."
        )
        return UNKNOWN
    return Tensor((*stated[:axis], Batch(), *stated[axis + 1 :]))


def _mixed(what: str, tensor: Tensor) -> list[str]:
    """Says why examples have no parts of their own in a result; nothing if they have."""
    if tensor.of_whole_batch:
        return [f"{what} depends on the batch as a whole: its size, or all its examples."]
    batches = [dim for dim in tensor.shape or () if isinstance(dim, Batch)]
    if any(not batch.factor or batch.outer != 1 or batch == MERGED for batch in batches):
        return [
            f"{what} would be of shape {text(tensor.shape)}, in which the rows of one example do "
            "not follow each other."
        ]
    return []


def _axis(tensor: Tensor, size: int | None) -> int | None:
    axis = tensor.axis
    if axis is None or tensor.shape is None:
        return None
    return axis if size is not None or tensor.shape[axis] == Batch() else None


def _raise(size: int | None, problems: Sequence[str]) -> None:
    if problems and size is not None:
        raise BatchError(tuple(dict.fromkeys(problems)))
