"""What is left of a graph, or of a function, when tensors inside of it are fed and inputs go.

What cannot be computed without the inputs that go is lost, except for what is fed. A function takes
such tensors in a variant, at the end of its arguments, and so do the functions that lead to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graphs.added_nodes import ADDED_ARGUMENT
from sigpb.graphs.cone import needed
from sigpb.graphs.effects import has_no_effect
from sigpb.graphs.function_body import FunctionBody, InnerTensor
from sigpb.steps.graph_body import constant
from sigpb.tf.called_functions import (
    Functions,
    called_by,
    nodes_by_name,
    takes,
)
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import INPUT_SHAPES, OUTPUT_SHAPES
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.tf.tensor_types import dtype_name, is_handle, shape_proto

# What names arguments of the function (tensorflow/core/common_runtime), which go.
_ABOUT_ARGUMENTS = ("disable_summaries_at_runtime", "runtime_constant_optimization")


class Cut:
    """What of a graph cannot be computed without some of its inputs.

    Attributes:
        gone: The inputs that go, as nodes spell them, without the number 0 of an output.
        fed: The tensors that are fed.
        calls: For each call that goes on with other arguments, the same of the function it calls.
        arguments: Of a function, the names of its arguments.
        positions: Of a function, the positions of those that go.
        lost_results: Of a function, the numbers of the results that cannot be computed.
    """

    arguments: Sequence[str] = ()
    positions: frozenset[int] = frozenset()
    lost_results: frozenset[int] = frozenset()

    def __init__(
        self,
        nodes: Mapping[str, protos.NodeDef],
        gone: Iterable[str],
        functions: Functions,
        fed: Sequence[InnerTensor] = (),
        within: frozenset[str] = frozenset(),
    ) -> None:
        """Finds out what is lost.

        Args:
            nodes: The nodes by name.
            gone: The inputs that go.
            functions: The functions that nodes call.
            fed: The tensors that are fed, as seen from here.
            within: The functions that call this one, directly or through others.
        """
        self.nodes, self.fed = nodes, fed
        self.gone = {*map(canonical, gone)}
        self.calls: dict[str, Cut] = {}
        self._functions, self._within = functions, within
        self._results: Sequence[str] = ()
        self._here = {canonical(each.tensor) for each in fed if not each.path}
        self._below: dict[str, list[InnerTensor]] = defaultdict(list)
        for each in fed:
            if each.path:
                self._below[each.path[0]].append(each.below)
        self._lacks: dict[str, str] = {}
        self._spread()

    @classmethod
    def of_function(
        cls,
        function: protos.FunctionDef,
        positions: Collection[int],
        functions: Functions,
        fed: Sequence[InnerTensor] = (),
        within: frozenset[str] = frozenset(),
    ) -> Cut:
        """Returns what of a function cannot be computed without some of its arguments."""
        signature, nodes = function.signature, nodes_by_name(function.node_def)
        arguments = [argument.name for argument in signature.input_arg]
        gone = [arguments[position] for position in positions]
        cut = cls(nodes, gone, functions, fed, within | {signature.name})
        cut.arguments, cut.positions = arguments, frozenset(positions)
        cut._results = [function.ret[result.name] for result in signature.output_arg]
        lost = (number for number, tensor in enumerate(cut._results) if cut.is_lost(tensor))
        cut.lost_results = frozenset(lost)
        return cut

    @property
    def lost(self) -> Collection[str]:
        """The names of the nodes that cannot be computed."""
        return self._lacks.keys()

    def is_lost(self, tensor: str) -> bool:
        """Whether a tensor cannot be computed. What waits for nothing but a node can."""
        tensor, name = canonical(tensor), producer(tensor)
        if tensor.startswith("^") or tensor in self._here:
            return False
        if tensor in self.gone or name in self._lacks:
            return True
        return name in self.calls and output_number(tensor) in self.calls[name].lost_results

    def path(self, tensor: str) -> list[str]:
        """Returns the names of an input that goes, and of the nodes from there to a lost tensor.

        In place of a call it names the nodes in the function that is called.
        """
        name, number = producer(tensor), output_number(tensor)
        if canonical(tensor) in self.gone:
            return [name]
        inner = self.calls.get(name)
        if inner is None or number not in inner.lost_results:
            return [*self.path(self._lacks[name]), name]
        taken, *rest = inner.path(inner._results[number])
        return [*self.path(self.nodes[name].input[inner.arguments.index(taken)]), *rest]

    def all_lost(self) -> Iterator[protos.NodeDef]:
        """Yields the nodes that cannot be computed, also those in functions that go on."""
        yield from (self.nodes[name] for name in self._lacks)
        for name, inner in self.calls.items():
            if name not in self._lacks:
                yield from inner.all_lost()

    def _spread(self) -> None:
        users: dict[str, list[str]] = defaultdict(list)
        for name, node in self.nodes.items():
            for tensor in node.input:
                if not tensor.startswith("^"):
                    users[producer(tensor)].append(name)
        waiting = [*self.nodes]
        while waiting:
            name = waiting.pop()
            if name not in self._lacks and self._look(self.nodes[name]):
                waiting += users[name]

    def _look(self, node: protos.NodeDef) -> bool:
        """Determines what of a node is lost; returns whether that is more than was known."""
        lacking = [tensor for tensor in node.input if self.is_lost(tensor)]
        if not lacking and node.name not in self._below:
            return False
        inner = self._called(node)
        if inner is None:
            self._lacks[node.name] = lacking[0]
            return True
        known = self.calls.get(node.name)
        if known is not None and known.positions == inner.positions:
            return False
        self.calls[node.name] = inner
        if lacking and len(inner.lost_results) == len(inner._results):
            self._lacks[node.name] = lacking[0]
        return True

    def _called(self, node: protos.NodeDef) -> Cut | None:
        """Returns what is left of the function that a node calls; None for other nodes."""
        name = called_by(node)
        function = self._functions.get(name) if name and name not in self._within else None
        arguments = [tensor for tensor in node.input if not tensor.startswith("^")]
        if function is None or not takes(function, len(arguments)):
            return None
        positions = [at for at, tensor in enumerate(arguments) if self.is_lost(tensor)]
        fed = self._below.get(node.name, ())
        return Cut.of_function(function, positions, self._functions, fed, self._within)


def with_arguments(
    function: protos.FunctionDef, cut: Cut, functions: Functions, op_defs: OpDefs
) -> protos.FunctionDef:
    """Returns a function that takes tensors inside of it as arguments, in place of others.

    They follow the arguments that stay. Its results keep their numbers: one that is lost, which
    nobody may take any longer, is an empty constant.

    Args:
        function: The function; its name is kept.
        cut: What is left of it.
        functions: Receives the functions that are called instead of those it calls.
        op_defs: The ops of the graph.

    Raises:
        PatchError: A result that is lost is of a dtype that no constant has.
    """
    after = protos.FunctionDef()
    after.CopyFrom(function)
    for name in _ABOUT_ARGUMENTS:
        if name in after.attr:
            del after.attr[name]
    _leave_out_arguments(after, cut.positions)
    body = FunctionBody(after, functions, op_defs)
    names = {id(each): _add_argument(body, each) for each in cut.fed}
    in_place = {canonical(each.tensor): names[id(each)] for each in cut.fed if not each.path}
    for node in after.node_def:
        if node.name not in cut.lost:
            _take(node, cut, in_place)
        if node.name in cut.calls and node.name not in cut.lost:
            below = [names[id(each)] for each in cut.fed if each.path[:1] == (node.name,)]
            call_with_arguments(node, cut.calls[node.name], below, functions, op_defs)
    body.remove(cut.lost)
    for result in after.signature.output_arg:
        if cut.is_lost(after.ret[result.name]):
            if is_handle(result.type):
                raise PatchError(
                    f"the function {function.signature.name!r} could not return {result.name!r} "
                    f"any longer, a {dtype_name(result.type)}."
                )
            value = protos.TensorProto(dtype=result.type, tensor_shape=shape_proto((0,)))
            after.ret[result.name] = constant(body, f"{result.name}_lost", value)
        elif canonical(after.ret[result.name]) in in_place:
            after.ret[result.name] = in_place[canonical(after.ret[result.name])]
    for key in [key for key, name in after.control_ret.items() if name in cut.lost]:
        del after.control_ret[key]
    outputs = [key for key in after.signature.control_output if key in after.control_ret]
    after.signature.control_output[:] = outputs
    body.remove(_unused(after, cut, functions, op_defs))
    return after


def call_with_arguments(
    call: protos.NodeDef, cut: Cut, tensors: Sequence[str], functions: Functions, op_defs: OpDefs
) -> None:
    """Makes a node call a variant of its function that takes tensors as arguments.

    Args:
        call: The node; changed.
        cut: What is left of its function.
        tensors: What is passed for the tensors that are fed, in the order in which `cut` has them.
        functions: Receives the variant.
        op_defs: The ops of the graph.
    """
    function = functions.get(call.attr["f"].func.name)
    assert function is not None, "the cut is of it"
    variant = with_arguments(function, cut, functions, op_defs)
    count = len(function.signature.input_arg)
    kept = [tensor for at, tensor in enumerate(call.input[:count]) if at not in cut.positions]
    call.input[:] = [*kept, *tensors, *call.input[count:]]
    call.attr["Tin"].list.type[:] = [each.type for each in variant.signature.input_arg]
    if OUTPUT_SHAPES in call.attr:
        shapes = call.attr[OUTPUT_SHAPES].list.shape
        for number in cut.lost_results if shapes else ():
            shapes[number].CopyFrom(shape_proto(None))
    call.attr["f"].func.name = functions.add_variant(variant)


def without_waiting(node: protos.NodeDef, cut: Cut) -> protos.NodeDef | None:
    """Returns a node that does not wait for what is lost; None if it does not anyway."""
    if not any(tensor.startswith("^") and producer(tensor) in cut.lost for tensor in node.input):
        return None
    after = protos.NodeDef()
    after.CopyFrom(node)
    _take(after, cut, {})
    return after


def _take(node: protos.NodeDef, cut: Cut, in_place: Mapping[str, str]) -> None:
    """Has a node take what is fed, and wait for nothing that is lost."""
    node.input[:] = [
        in_place.get(canonical(tensor), tensor)
        for tensor in node.input
        if not (tensor.startswith("^") and producer(tensor) in cut.lost)
    ]


def _leave_out_arguments(function: protos.FunctionDef, positions: Collection[int]) -> None:
    before = protos.FunctionDef()
    before.CopyFrom(function)
    kept = [at for at in range(len(before.signature.input_arg)) if at not in positions]
    del function.signature.input_arg[:]
    function.arg_attr.clear()
    function.resource_arg_unique_id.clear()
    for new, old in enumerate(kept):
        function.signature.input_arg.append(before.signature.input_arg[old])
        if old in before.arg_attr:
            function.arg_attr[new].CopyFrom(before.arg_attr[old])
        if old in before.resource_arg_unique_id:
            function.resource_arg_unique_id[new] = before.resource_arg_unique_id[old]
    if shapes := [*before.attr[INPUT_SHAPES].list.shape] if INPUT_SHAPES in before.attr else []:
        del function.attr[INPUT_SHAPES].list.shape[:]
        function.attr[INPUT_SHAPES].list.shape.extend(shapes[old] for old in kept)


def _add_argument(body: FunctionBody, tensor: InnerTensor) -> str:
    function = body.function
    shape = shape_proto(tensor.type.shape)
    name = body.fresh_name(ADDED_ARGUMENT)
    position = len(function.signature.input_arg)
    function.signature.input_arg.add(name=name, type=tensor.type.dtype)
    function.arg_attr[position].attr[OUTPUT_SHAPES].list.shape.append(shape)
    if INPUT_SHAPES in function.attr:
        function.attr[INPUT_SHAPES].list.shape.append(shape)
    return name


def _unused(
    function: protos.FunctionDef, cut: Cut, functions: Functions, op_defs: OpDefs
) -> set[str]:
    """Returns the nodes that only what is lost, or is fed, was computed from."""
    begin = [*cut.lost, *(producer(each.tensor) for each in cut.fed if not each.path)]
    before = needed(cut.nodes, begin)
    nodes = nodes_by_name(function.node_def)
    wanted = [*function.ret.values(), *function.control_ret.values()]
    wanted += [
        name
        for name, node in nodes.items()
        if name not in before or not has_no_effect(node, functions, op_defs)
    ]
    return nodes.keys() - needed(nodes, wanted)


def type_problem(tensor: InnerTensor) -> str | None:
    """Returns why nothing can be fed for a tensor whatever its values, as a clause."""
    if not tensor.type.dtype:
        return "whose op sigpb does not know, so that its dtype is not known"
    if is_handle(tensor.type.dtype):
        return f"a {dtype_name(tensor.type.dtype)}, which no client can send"
    return None
