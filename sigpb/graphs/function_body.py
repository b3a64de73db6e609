"""The body of a function that is being written, and tensors inside of it that become results."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sigpb import protos
from sigpb.graphs.cone import reached
from sigpb.steps.function_graph import FunctionGraph
from sigpb.steps.graph_body import dtype_attr
from sigpb.tf.called_functions import Functions, called_by, nodes_by_name
from sigpb.tf.control_flow import surroundings
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import OUTPUT_SHAPES, stated_shape
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import TensorType, shape_proto

_UNFIT = re.compile(r"[^a-z0-9]")
_BEFORE_A_LETTER = re.compile(r"^[^a-z]+")


def normalized_name(wanted: str) -> str:
    """Returns the name that TensorFlow would give to an argument or result of a function.

    It is in lower case, of letters, digits and underscores, and begins with a letter
    (``NodeNameMapping::Normalize`` in tensorflow/core/framework/graph_to_functiondef.cc).
    """
    return _BEFORE_A_LETTER.sub("", _UNFIT.sub("_", wanted.lower())) or "unknown"


class FunctionBody(FunctionGraph):
    """Adds nodes and results to a FunctionDef of a model."""

    def __init__(self, function: protos.FunctionDef, functions: Functions, op_defs: OpDefs) -> None:
        super().__init__(function, op_defs, functions.add_variant)

    def add_result(
        self,
        name: str,
        tensor: str,
        dtype: int,
        shape: protos.TensorShapeProto,
        *,
        node: str | None = None,
    ) -> None:
        """Makes a tensor a result of the function, as an Identity of its own.

        Args:
            name: What the result is to be called, if that is free.
            tensor: The tensor as the function spells it.
            dtype: Its dtype.
            shape: What is known of its shape.
            node: What the Identity is to be called, if that is free; as the result if left out.
        """
        [spelled] = self.add("Identity", node or name, [tensor], {"T": dtype_attr(dtype)}, shape)
        result = self.function.signature.output_arg.add(type=dtype)
        result.name = self.fresh_name(name) if node else self.function.node_def[-1].name
        self.function.ret[result.name] = spelled


ADDED_RESULT = "sigpb_output"
"""What the names of results that are added to functions begin with."""


# The calls on the way to a function, and its name after those of the functions on the way.
_Place: TypeAlias = "tuple[tuple[str, ...], tuple[str, ...]]"


@dataclass(frozen=True)
class InnerTensor:
    """A tensor inside a function that is called from elsewhere.

    Attributes:
        path: The nodes that call, one inside the other, on the way to it.
        tensor: The tensor as the innermost function spells it.
        type: Its type.
        inside: What it is inside of there, so that it cannot be a result: see `surroundings`.
    """

    path: tuple[str, ...]
    tensor: str
    type: TensorType
    inside: str | None = None

    @property
    def below(self) -> InnerTensor:
        """The same tensor, seen from inside of the first call."""
        return InnerTensor(self.path[1:], self.tensor, self.type)


def find(
    tensor: str, callers: Iterable[protos.NodeDef], functions: Functions, op_defs: OpDefs
) -> list[InnerTensor]:
    """Finds a tensor by its name in the functions that some nodes call.

    Args:
        tensor: Its name as in a GraphDef: ``pool/Mean:0``.
        callers: Nodes of a graph.
        functions: The functions of the model.
        op_defs: What tells the types and names of the outputs of nodes.

    Returns:
        The tensors of this name that are nearest to the nodes: several if more than one function
        at the same depth has one.
    """
    level: list[_Place] = [
        ((node.name,), (called,)) for node in callers if (called := called_by(node))
    ]
    return _find(tensor, level, functions, op_defs)


def results_of(
    wanted: str, number: int, type_: TensorType, caller: str, functions: Functions
) -> list[InnerTensor]:
    """Finds a result of a function in that function or in one that calls it.

    Args:
        wanted: The function's name.
        number: The number of the result.
        type_: Its type.
        caller: The name of the function that is or calls it, directly or through others.
        functions: The functions of the model.

    Returns:
        The result, as each call gives it that is nearest to the caller.
    """

    def result(path: tuple[str, ...], function: protos.FunctionDef) -> Iterator[InnerTensor]:
        if function.signature.name != wanted:
            return
        if path:
            yield InnerTensor(path[:-1], f"{path[-1]}:output:{number}", type_)
        else:
            name = function.signature.output_arg[number].name
            yield InnerTensor(path, function.ret[name], type_)

    return _search([((), (caller,))], functions, result)


def names_in_functions(callers: Iterable[protos.NodeDef], functions: Functions) -> set[str]:
    """Returns the names of the nodes in the functions that some nodes call, directly or not."""

    def nodes_of(name: str) -> Iterable[protos.NodeDef]:
        function = functions.get(name)
        return function.node_def if function else ()

    def called(nodes: Iterable[protos.NodeDef]) -> Iterator[str]:
        return (name for node in nodes if (name := called_by(node)))

    names = reached(called(callers), lambda name: called(nodes_of(name)))
    return {node.name for name in names for node in nodes_of(name)}


def find_in(tensor: str, function: str, functions: Functions, op_defs: OpDefs) -> list[InnerTensor]:
    """Finds a tensor by its name in a function and those it calls: see `find`."""
    return _find(tensor, [((), (function,))], functions, op_defs)


def _find(
    tensor: str, level: list[_Place], functions: Functions, op_defs: OpDefs
) -> list[InnerTensor]:
    def named(path: tuple[str, ...], function: protos.FunctionDef) -> Iterator[InnerTensor]:
        nodes = nodes_by_name(function.node_def)
        if node := nodes.get(producer(tensor)):
            yield from _outputs(path, node, output_number(tensor), op_defs, nodes)

    return _search(level, functions, named)


def _search(
    level: list[_Place],
    functions: Functions,
    look: Callable[[tuple[str, ...], protos.FunctionDef], Iterable[InnerTensor]],
) -> list[InnerTensor]:
    """Returns what `look` finds in functions, and in those they call, at the first such depth."""
    while level:
        found: list[InnerTensor] = []
        deeper: list[_Place] = []
        for path, names in level:
            function = functions.get(names[-1])
            if function is None:
                continue
            found += look(path, function)
            # A function that calls itself has nothing that was not looked at.
            deeper += (
                ((*path, node.name), (*names, called))
                for node in function.node_def
                if (called := called_by(node)) and called not in names
            )
        if found:
            return found
        level = deeper
    return []


def _outputs(
    path: tuple[str, ...],
    node: protos.NodeDef,
    output: int,
    op_defs: OpDefs,
    nodes: Mapping[str, protos.NodeDef],
) -> Iterator[InnerTensor]:
    name, dtypes = op_defs.output_name(node, output), op_defs.output_dtypes(node)
    if name and dtypes:
        type_ = TensorType(dtypes[output], stated_shape(node, output))
        yield InnerTensor(path, name, type_, surroundings(name, nodes))


def with_results(
    function: protos.FunctionDef,
    tensors: Sequence[InnerTensor],
    functions: Functions,
    op_defs: OpDefs,
) -> protos.FunctionDef:
    """Returns a function with more results, at its end and in order.

    Args:
        function: The function; its name is kept.
        tensors: What the results are, as seen from inside of the function.
        functions: Receives the functions that are called instead of those it calls.
        op_defs: The ops of the graph.
    """
    after = protos.FunctionDef()
    after.CopyFrom(function)
    nodes = nodes_by_name(after.node_def)
    spelled: dict[int, str] = {}
    for call, members in _by_call(tensors).items():
        inner = [tensor.below for tensor in members]
        first = call_with_results(nodes[call], inner, functions, op_defs)
        spelled |= {id(tensor): f"{call}:output:{first + i}" for i, tensor in enumerate(members)}
    body = FunctionBody(after, functions, op_defs)
    for tensor in tensors:
        type_ = tensor.type
        body.add_result(
            ADDED_RESULT,
            spelled.get(id(tensor), tensor.tensor),
            type_.dtype,
            shape_proto(type_.shape),
            # OpenVINO never ends reading nested functions in which a node has its result's name.
            node=f"{ADDED_RESULT}/Identity",
        )
    return after


def call_with_results(
    call: protos.NodeDef,
    tensors: Sequence[InnerTensor],
    functions: Functions,
    op_defs: OpDefs,
) -> int:
    """Makes a node call a variant of its function with more results.

    Args:
        call: The node; changed.
        tensors: What the results are, as seen from inside of the function.
        functions: Receives the variant.
        op_defs: The ops of the graph.

    Returns:
        The number of the first of the new outputs of the node.
    """
    function = functions.get(call.attr["f"].func.name)
    assert function is not None, "the tensors were found in it"
    first = len(call.attr["Tout"].list.type)
    variant = with_results(function, tensors, functions, op_defs)
    call.attr["f"].func.name = functions.add_variant(variant)
    call.attr["Tout"].list.type.extend(tensor.type.dtype for tensor in tensors)
    if OUTPUT_SHAPES in call.attr:
        shapes = call.attr[OUTPUT_SHAPES].list.shape
        shapes.extend(shape_proto(tensor.type.shape) for tensor in tensors)
    return first


def _by_call(tensors: Sequence[InnerTensor]) -> Mapping[str, list[InnerTensor]]:
    """Groups the tensors that are in other functions by the nodes that call those."""
    calls: dict[str, list[InnerTensor]] = defaultdict(list)
    for tensor in tensors:
        if tensor.path:
            calls[tensor.path[0]].append(tensor)
    return calls
