"""Where the handles of variables go in a graph and its functions.

A handle goes from node to node through identities, loops and branches, as an argument into
functions and as a result out of them. Where it is to become the value of its variable, all of these
have to follow, and what takes the handle at the end has to be an op that only reads the variable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sigpb import protos
from sigpb.composing.assignments import called
from sigpb.tf.called_functions import COND, FUNCTION_OPS, nodes_by_name
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import TensorType, dtype_name, type_text

PASSING: Mapping[str, int] = {
    "Enter": 1,
    "Exit": 1,
    "Identity": 1,
    "Merge": 1,
    "NextIteration": 1,
    "Switch": 2,
}
"""Ops that hand on what they take, and how many of their outputs, the first ones, are that."""

REF = "Ref"
"""What the names of those ops begin with that hand on references."""

READING = frozenset(
    {
        "DisableCopyOnRead",
        "IsVariableInitialized",
        "ReadVariableOp",
        "ResourceGather",
        "ResourceGatherNd",
        "VarIsInitializedOp",
        "VariableShape",
    }
)
"""Ops that read a variable, for which there are others that take its value."""

TOP = ""
"""What stands for the top level where others are the names of functions."""


class Handle(NamedTuple):
    """What is known of a tensor that is the handle of a variable, or a reference to one.

    Attributes:
        type: The type of the variable's value. If it may be one of several variables, the shape is
            unknown where theirs differ.
        variables: These, as phrases.
        is_ref: Whether it is a reference, as variables of TensorFlow 1 are.
    """

    type: TensorType
    variables: frozenset[str]
    is_ref: bool = False

    def __str__(self) -> str:
        return " or ".join(sorted(self.variables))


@dataclass(frozen=True)
class Body:
    """The nodes of the top level that run, or those of a function.

    Attributes:
        name: The name of the function; `TOP` for the top level.
        nodes: The nodes by name.
        function: The function; None for the top level.
    """

    name: str
    nodes: Mapping[str, protos.NodeDef]
    function: protos.FunctionDef | None = None

    @cached_property
    def arguments(self) -> list[str]:
        """The names of the function's arguments."""
        return (
            []
            if self.function is None
            else [each.name for each in self.function.signature.input_arg]
        )

    def where(self, node: protos.NodeDef) -> str:
        """Names a node and where it is."""
        inside = f" of the function {self.name!r}" if self.function is not None else ""
        return f"the {node.op} {node.name!r}{inside}"


class _Tensor(NamedTuple):
    """A tensor: the body, the node or argument in it, and the number of the node's output."""

    body: str
    name: str
    output: int


class ValueFlow:
    """Which tensors are handles of variables that are to become values.

    Attributes:
        bodies: The top level, and the functions that take such handles, by name.
    """

    def __init__(
        self,
        nodes: Mapping[str, protos.NodeDef],
        functions: Mapping[str, protos.FunctionDef],
        op_defs: OpDefs,
    ) -> None:
        """Takes a graph of which no handle is known yet.

        Args:
            nodes: The nodes of the top level that run, by name.
            functions: The functions, by name.
            op_defs: The ops, functions among them.
        """
        self.bodies = {TOP: Body(TOP, nodes)}
        self._functions, self._op_defs = functions, op_defs
        self._handles: dict[_Tensor, Handle] = {}
        self._named = set[tuple[str, str]]()
        self._changed = False
        self._problems: dict[str, None] = {}

    def add_variable(self, node: protos.NodeDef, value: TensorType) -> None:
        """Says that a node of the top level is a variable, and what the type of its value is."""
        handle = Handle(value, frozenset({f"the variable {node.name!r}"}), node.op != "VarHandleOp")
        self._note(_Tensor(TOP, node.name, 0), handle)

    def add_argument(self, function: str, number: int, value: TensorType, variable: str) -> None:
        """Says that whoever calls a function passes it a variable as one of its arguments.

        Args:
            function: The name of the function.
            number: The number of the argument.
            value: The type of the variable's value.
            variable: The variable, as a phrase.
        """
        if function in self._functions:
            self._pass(self._functions[function], number, Handle(value, frozenset({variable})))

    def follow(self) -> list[str]:
        """Follows the handles; returns why some cannot become values, as sentences."""
        self._changed = True
        while self._changed:
            self._changed = False
            for body in list(self.bodies.values()):
                for node in body.nodes.values():
                    self._follow(body, node)
        for body in self.bodies.values():
            for node in body.nodes.values():
                for problem in self._problems_of(body, node):
                    self._problems[f"{problem[0].upper()}{problem[1:]}."] = None
        return list(self._problems)

    def handle(self, body: Body, spelled: str) -> Handle | None:
        """Returns what a tensor, as a body spells it, is the handle of; None if it is none."""
        name = producer(spelled)
        if spelled.startswith("^") or (body.name, name) not in self._named:
            return None
        output: int | None = output_number(spelled)
        if body.function is not None:
            node = body.nodes.get(name)
            output = 0 if node is None else self._op_defs.output_index(node, spelled)
        return None if output is None else self._handles.get(_Tensor(body.name, name, output))

    def taken(self, body: Body, node: protos.NodeDef) -> dict[int, Handle]:
        """Returns the handles among the inputs of a node, by the numbers of the inputs.

        A reference of which the op takes the value is none of them.
        """
        found = ((number, self.handle(body, each)) for number, each in enumerate(node.input))
        return {
            number: handle
            for number, handle in found
            if handle is not None and (not handle.is_ref or self._wants_ref(node, number))
        }

    def made(self, body: Body, node: protos.NodeDef) -> dict[int, Handle]:
        """Returns the handles among the outputs of a node, by the numbers of the outputs."""
        if (body.name, node.name) not in self._named:
            return {}
        numbers = range(len(self._op_defs.output_dtypes(node) or ()))
        found = ((each, self._handles.get(_Tensor(body.name, node.name, each))) for each in numbers)
        return {number: handle for number, handle in found if handle is not None}

    def arguments(self, body: Body) -> dict[int, Handle]:
        """Returns the handles among the arguments of a function, by their numbers."""
        found = enumerate(self.handle(body, name) for name in body.arguments)
        return {number: handle for number, handle in found if handle is not None}

    def results(self, body: Body) -> dict[int, Handle]:
        """Returns the handles among the results of a function, by their numbers."""
        if body.function is None:
            return {}
        ret = body.function.ret
        names = [each.name for each in body.function.signature.output_arg]
        found = enumerate(self.handle(body, ret[name]) if name in ret else None for name in names)
        return {number: handle for number, handle in found if handle is not None}

    def _follow(self, body: Body, node: protos.NodeDef) -> None:
        taken = self.taken(body, node)
        passing = PASSING.get(node.op.removeprefix(REF), 0)
        for handle in taken.values() if passing else ():
            for output in range(passing):
                self._note(_Tensor(body.name, node.name, output), handle)
        if taken and not passing:
            first = _first(node)
            for function in self._callees(node):
                for number, handle in taken.items():
                    if number >= first:
                        self._pass(function, number - first, handle)
            for results in self._returned(node):
                for output, handle in results.items():
                    self._note(_Tensor(body.name, node.name, output), handle)

    def _callees(self, node: protos.NodeDef, *, but: str = "") -> Iterator[protos.FunctionDef]:
        """Yields the functions that a node calls, but for that in an attribute."""
        names = called(node, but=but) if node.op in FUNCTION_OPS else [node.op]
        return (self._functions[name] for name in names if name in self._functions)

    def _returned(self, node: protos.NodeDef) -> Iterator[dict[int, Handle]]:
        """Yields the handles among the results of each function whose results a node returns."""
        for function in self._callees(node, but=COND):
            body = self.bodies.get(function.signature.name)
            yield self.results(body) if body else {}

    def _pass(self, function: protos.FunctionDef, number: int, handle: Handle) -> None:
        name, arguments = function.signature.name, function.signature.input_arg
        if name not in self.bodies:
            self.bodies[name] = Body(name, nodes_by_name(function.node_def), function)
            self._changed = True
        if number < len(arguments):
            self._note(_Tensor(name, arguments[number].name, 0), handle)

    def _note(self, tensor: _Tensor, handle: Handle) -> None:
        known = self._handles.get(tensor, handle)
        if known.type.dtype != handle.type.dtype:
            self._problems[
                f"The same node or argument {tensor.name!r} is {known} at one time, of "
                f"{dtype_name(known.type.dtype)}, and {handle} at another, of "
                f"{dtype_name(handle.type.dtype)}."
            ] = None
            return
        shape = known.type.shape if known.type.shape == handle.type.shape else None
        merged = Handle(
            TensorType(known.type.dtype, shape), known.variables | handle.variables, known.is_ref
        )
        if self._handles.get(tensor) != merged:
            self._handles[tensor] = merged
            self._named.add((tensor.body, tensor.name))
            self._changed = True

    def _wants_ref(self, node: protos.NodeDef, number: int) -> bool:
        """Whether an op takes a reference as one of its inputs, and not the value."""
        op_def = self._op_defs.get(node.op)
        for argument in op_def.input_arg if op_def else ():
            count = tensors_of(argument, node)
            if number < count:
                return argument.is_ref
            number -= count
        return op_def is None

    def _problems_of(self, body: Body, node: protos.NodeDef) -> Iterator[str]:
        """Yields why a node cannot take values in the place of handles, as clauses."""
        taken = self.taken(body, node)
        where = body.where(node)
        callees = list(self._callees(node))
        if callees:
            first, passed = _first(node), {*taken}
            for callee in callees:
                inner = self.bodies.get(callee.signature.name)
                wanted = {first + each for each in self.arguments(inner)} if inner else set()
                if wanted != passed:
                    yield (
                        f"{where} passes {_one_of(taken) or 'no variable'} to the function "
                        f"{callee.signature.name!r}, which others pass something else"
                    )
            returned = list(self._returned(node))
            if node.op in FUNCTION_OPS and FUNCTION_OPS[node.op].kind == "loop":
                returned.append(taken)
            if any(each.keys() != returned[0].keys() for each in returned):
                yield f"{where} returns a variable in one case, and something else in another"
        elif taken and node.op.removeprefix(REF) in PASSING:
            data = [each for each in node.input if not each.startswith("^")]
            if node.op.removeprefix(REF) == "Merge" and len(taken) < len(data):
                yield f"{where} takes {_one_of(taken)} in one case, and something else in another"
        elif taken and (node.op not in READING or taken.keys() != {0}):
            yield f"{where} takes {_one_of(taken)}, and does more than read it"
        elif taken and "dtype" in node.attr and node.attr["dtype"].type != taken[0].type.dtype:
            yield (
                f"{where} reads {taken[0]} as {dtype_name(node.attr['dtype'].type)}, and it is "
                f"{type_text(taken[0].type)}"
            )


def tensors_of(argument: protos.OpDef.ArgDef, node: protos.NodeDef) -> int:
    """Returns how many tensors of a node an argument of its op stands for."""
    if argument.type_list_attr:
        return len(node.attr[argument.type_list_attr].list.type)
    return node.attr[argument.number_attr].i if argument.number_attr else 1


def _first(node: protos.NodeDef) -> int:
    """Returns the number of the input that is the first argument of the functions it calls."""
    return FUNCTION_OPS[node.op].first if node.op in FUNCTION_OPS else 0


def _one_of(taken: Mapping[int, Handle]) -> Handle | None:
    return next(iter(taken.values()), None)
