"""The function that `tf.saved_model.load` calls for a signature whose endpoints change.

It passes a signature's inputs to its function, and names the results, in the sorted order of their
keys. When new keys sort differently, or values are converted, the signature gets a wrapper around
its function. Here it is worked out what that takes and returns, and whether it is needed;
`wrapper_function` writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.rewrite.graph_parts import FunctionLibrary
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import Port
from sigpb.tf.called_functions import Functions
from sigpb.tf.endpoint_keys import argument_name
from sigpb.tf.tensor_types import TensorType, shape_of

if TYPE_CHECKING:
    from sigpb.tf.op_defs import OpDefs
STEM = "__inference_signature_wrapper_sigpb"
"""What the names of wrappers begin with, up to their number."""

CHAIN_STEM = f"{STEM}_chain"
"""The same of functions that call one signature's function after another's."""

# Which of the tensors of a sparse one holds its values, in the order of a function's results
# (tensorflow/python/framework/sparse_tensor.py).
_VALUES = 1

# The other one is that of sigpb 0.1.0.
_NAME_PATTERN = re.compile(rf"({STEM}|__inference_sigpb_signature_wrapper)_\d+")


class FunctionPorts(NamedTuple):
    """How a function takes the inputs of a signature, and returns its outputs.

    Attributes:
        function: The function's name.
        arguments: The position of each input among its arguments, by the key in the model.
        captured: The positions of its captured inputs, in their order.
        results: The positions of each output among its results, by the key in the model.
        added: The positions of the outputs that are added; None for one that is an input.
        stated: What is said of results beyond what the function says, by their positions.
        named: Whether a wrapper's arguments and results are to be named after the keys.
    """

    function: str
    arguments: Mapping[str, int]
    captured: tuple[int, ...]
    results: Mapping[str, tuple[int, ...]]
    added: tuple[int | None, ...] = ()
    stated: Mapping[int, TensorType] = {}
    named: bool = True


def ports_of(
    function: protos.FunctionDef,
    argument_keywords: Sequence[str],
    captured: int,
    interface: Interface,
) -> FunctionPorts:
    """Returns how the function that a signature calls takes its inputs, and returns its outputs.

    Args:
        function: The function.
        argument_keywords: The keys of its arguments, in their order.
        captured: How many captured inputs follow these.
        interface: What the signature is to be. The outputs that are added follow all results.

    Raises:
        ModelUnreadable: The function does not take, or return, so many.
    """
    arguments = {key: position for position, key in enumerate(argument_keywords)}
    first, last = len(arguments), len(arguments) + captured
    results, count = {}, 0
    for source, port in sorted(interface.outputs.items()):
        start, count = count, count + len(port.tensors)
        results[source] = tuple(range(start, count))
    _check_counts(function.signature, last, count)
    added = _added_after(function, results, interface)
    name = function.signature.name
    return FunctionPorts(name, arguments, tuple(range(first, last)), results, added)


def ports_behind(
    ports: FunctionPorts, wrapped: Wrapped, inner: protos.FunctionDef, interface: Interface
) -> FunctionPorts:
    """Returns how the function that a wrapper calls takes and returns what the wrapper does.

    Args:
        ports: How the wrapper does.
        wrapped: What the wrapper is.
        inner: The function that it calls.
        interface: What the signature is to be.
    """
    results = {
        key: tuple(wrapped.results[position] for position in positions)
        for key, positions in ports.results.items()
    }
    return FunctionPorts(
        wrapped.function,
        {key: wrapped.arguments[position] for key, position in ports.arguments.items()},
        tuple(wrapped.arguments[position] for position in ports.captured),
        results,
        _added_after(inner, results, interface),
        wrapped.stated,
    )


def _added_after(
    function: protos.FunctionDef, results: Mapping[str, Sequence[int]], interface: Interface
) -> tuple[int | None, ...]:
    """Returns the positions of outputs that are added: new ones, or those that they are made of."""
    new = count(len(function.signature.output_arg))
    made_of = (port.of or (None, "") for port in interface.added)
    return tuple(
        next(new) if side is None else results[key][0] if side == "output" else None
        for side, key in made_of
    )


def _check_counts(signature: protos.OpDef, arguments: int, results: int) -> None:
    actual = len(signature.input_arg), len(signature.output_arg)
    if arguments != actual[0] or results > actual[1]:
        raise ModelUnreadable(
            f"the object graph calls the function {signature.name!r} with {arguments} arguments "
            f"for at least {results} results, but it has {actual[0]} and {actual[1]}"
        )


def function_of(name: str, library: FunctionLibrary) -> protos.FunctionDef:
    """Returns a function that something names.

    Raises:
        ModelUnreadable: The graph does not hold it.
    """
    function = library.get(name)
    if function is None:
        raise ModelUnreadable(
            f"the object graph names the function {name!r}, which the graph does not hold"
        )
    return function


class Wrapped(NamedTuple):
    """What a wrapper that converts nothing does.

    Attributes:
        function: The name of the function that it calls.
        arguments: For each argument of the wrapper, captured inputs too, its position in the
            function's.
        results: For each result of the wrapper, its position in the function's.
        stated: What the wrapper says of results, by their positions in the function's, where the
            function says something else.
    """

    function: str
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    stated: Mapping[int, TensorType]


class Argument(NamedTuple):
    """An argument of a wrapper: its position in the function's, if any, and the input it is."""

    position: int | None
    port: Port | None


class Outcome(NamedTuple):
    """A result of a wrapper: its position in the function's, and the output that it is.

    Attributes:
        position: The position; None if the output is an argument of the wrapper.
        port: The output.
        is_converted: Whether it is what steps of the output are for: of a sparse one, its values.
        type: What is to be said of it; None for what the function says.
    """

    position: int | None
    port: Port
    is_converted: bool
    type: TensorType | None


class Wrapper:
    """A function around another one: what a signature calls, or could.

    Attributes:
        interface: The signature that it is for.
        ports: How the function that it calls takes and returns that.
        function: That function.
        arguments: Its arguments, in their order.
        results: Its results, in their order.
    """

    def __init__(
        self, interface: Interface, ports: FunctionPorts, function: protos.FunctionDef
    ) -> None:
        """Sorts arguments and results by the keys that they are to have."""
        self.interface, self.ports, self.function = interface, ports, function
        self.arguments = [
            Argument(None if port.tensor == "" else ports.arguments.get(port.source), port)
            for port in sorted(interface.ports("input"), key=lambda port: argument_name(port.key))
        ]
        self.arguments += [Argument(position, None) for position in ports.captured]
        self.results = list(self._outcomes())

    def _outcomes(self) -> Iterator[Outcome]:
        """Yields the results, in their order."""
        interface, ports = self.interface, self.ports
        ends: list[tuple[Port, tuple[int | None, ...]]]
        ends = [(port, ports.results[port.source]) for port in interface.kept("output")]
        ends += [(port, (at,)) for port, at in zip(interface.added, ports.added, strict=True)]
        for port, positions in sorted(ends, key=lambda end: end[0].key):
            converted = _VALUES if port.info.HasField("coo_sparse") else 0
            for number, position in enumerate(positions):
                is_converted = number == converted and self._says_more(port)
                stated = None if position is None else ports.stated.get(position)
                type_ = port.outside if is_converted else stated
                yield Outcome(position, port, is_converted, type_)

    def _says_more(self, port: Port) -> bool:
        """Whether something is to be said of an output.

        What is added has the type that its function states, unless the batch size changes.
        """
        change = port.conversion
        if change is None or port.tensor is None or port.of is not None:
            return change is not None
        return bool(change.kinds or self.interface.conversions("input"))

    def restates(self, port: Port) -> bool:
        """Whether an argument is converted, or something else is said of it than the function says.

        The function itself is to take what is only relaxed.
        """
        relaxed = {key for each in self.interface.relaxed for key in each.relaxed}
        change = port.conversion
        return change is not None and bool(change.steps or port.source not in relaxed)

    @property
    def is_identity(self) -> bool:
        """Whether it would be the same as the function that it calls."""
        signature = self.function.signature
        arguments = [argument.position for argument in self.arguments]
        results = [result.position for result in self.results]
        return (
            arguments == [*range(len(signature.input_arg))]
            and results == [*range(len(signature.output_arg))]
            and not any(each.port and self.restates(each.port) for each in self.arguments)
            and not any(map(self._changes, self.results))
            and not self.interface.relaxed
        )

    def _changes(self, result: Outcome) -> bool:
        """Whether a result is converted, or something is said of it that is not said already."""
        if result.type is None:
            return False
        if result.is_converted and result.port.conversion and result.port.conversion.steps:
            return True
        stated = None if result.position is None else self._shapes[result.position]
        return stated is None or shape_of(stated) != result.type.shape

    @cached_property
    def _shapes(self) -> list[protos.TensorShapeProto]:
        from sigpb.rewrite.wrapper_function import result_shapes

        return result_shapes(self.function)

    def build(self, name: str, functions: Functions, op_defs: OpDefs) -> protos.FunctionDef:
        """Returns the wrapper.

        Args:
            name: Its name.
            functions: Receives the functions that conversions call.
            op_defs: Where the ops of conversions are looked up.
        """
        from sigpb.rewrite.wrapper_function import written

        return written(self, name, functions, op_defs)


def is_wrapper(name: str) -> bool:
    """Whether a function has the name of a wrapper."""
    return _NAME_PATTERN.fullmatch(name) is not None


def is_chain(name: str) -> bool:
    """Whether a function has the name of one that calls two signatures' functions."""
    return name.startswith(CHAIN_STEM)


def wrapped_in(function: protos.FunctionDef, functions: Functions) -> Wrapped | None:
    """Returns what a function does if it is a wrapper that converts nothing, or None.

    It may say more, or less, of its results than the function that it calls does. What sigpb 0.1.0
    made is understood too, whose results are those of the call.
    """
    if not is_wrapper(function.signature.name):
        return None
    from sigpb.rewrite.wrapper_function import unwrapped

    return unwrapped(function, functions)
