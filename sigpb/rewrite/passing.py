"""What happens to values between a signature's clients and what it is computed from.

A port says what is done to its values; here that becomes nodes, in the graph that sessions run and
in the functions that `tf.saved_model.load` calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from sigpb.rewrite.examples import parsed
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import Port
from sigpb.steps.graph_body import GraphBody, constant, repeated, repeated_row
from sigpb.steps.step import build_steps
from sigpb.tf.tensor_types import TensorType


class Surface(ABC):
    """Where nodes for the ports of a signature go, and what there is without them.

    Attributes:
        body: Where bound values go.
    """

    def __init__(self, body: GraphBody) -> None:
        self.body = body
        self._ports: Mapping[str, Port] = {}
        self._made: Mapping[str, str] = {}

    def note(self, ports: Mapping[str, Port], made: Mapping[str, str]) -> None:
        """Notes the inputs, and what takes the place of them, by their keys in the model."""
        self._ports, self._made = ports, made

    def rows(self, source: str) -> tuple[str, TensorType]:
        """Returns the tensor that an input is, whose rows are counted, and what its type is."""
        port = self._ports[source]
        return self._made.get(source) or self.taken(port), self.type_inside(port)

    @abstractmethod
    def fed(self, port: Port) -> str:
        """Returns what clients pass for an input, as the nodes there spell it."""

    def feeds_anew(self, port: Port) -> bool:
        """Whether clients pass something else for an input than so far."""
        return port.conversion is not None

    def taken(self, port: Port) -> str:
        """Returns what an input is where it is not converted: what clients pass."""
        return self.fed(port)

    @abstractmethod
    def type_inside(self, port: Port) -> TensorType:
        """Returns what is known of the type of an input behind its conversion."""

    def steps_of(self, port: Port) -> GraphBody:
        """Returns where the steps of a port go: beside bound values."""
        return self.body

    @abstractmethod
    def constant_name(self, port: Port) -> str:
        """Returns what the bound value of a port is called."""


def passed_in(
    ports: Sequence[Port], surface: Surface, signature: Interface | None = None
) -> dict[str, str]:
    """Adds what makes of the values that clients pass those that a signature is computed from.

    Args:
        ports: The inputs, in the order in which nodes are added.
        surface: Where they go.
        signature: The signature that they are of; None for one that reads no tf.Examples.

    Returns:
        What takes the place of each input that is converted, bound, or read from tf.Examples, by
        its key in the model.
    """
    made: dict[str, str] = {}
    if signature is not None and signature.examples is not None:
        made = parsed(surface.body, surface.fed(signature.examples), signature.features)
    for port in ports:
        if port.bound is not None:
            if port.rows_of is None:
                name = surface.constant_name(port)
                made[port.source] = constant(surface.body, name, port.bound)
        elif surface.feeds_anew(port):
            steps, body = port.conversion.steps if port.conversion else (), surface.steps_of(port)
            value = made.get(port.source) or surface.fed(port)
            made[port.source] = build_steps(body, steps, value, port.outside)
    by_source = {port.source: port for port in ports}
    surface.note(by_source, made)
    # Bound values come last: the input whose rows they get can be one that is repeated itself.
    for source in sorted(by_source, key=lambda key: (by_source[key].bound is not None, key)):
        port = by_source[source]
        if port.rows_of is None:
            continue
        if port.bound is not None:
            name, rows = surface.constant_name(port), surface.rows(port.rows_of)
            made[source] = repeated_row(surface.body, name, port.bound, *rows)
        else:
            made[source] = _repeated(port, made[source], port.inside, surface)
    return made


def _repeated(port: Port, row: str, type_: TensorType, surface: Surface) -> str:
    """Adds what makes the rows of a batch of one row, at the end of the steps of a port."""
    if port.rows_of is None:
        return row
    rows = surface.rows(port.rows_of)
    return repeated(surface.steps_of(port), "Broadcast", row, type_, *rows)


def passed_out(port: Port, tensor: str, surface: Surface) -> str:
    """Adds what makes of a tensor the output that clients get, and returns that."""
    if port.conversion is None:
        return tensor
    change = port.conversion
    tensor = build_steps(surface.steps_of(port), change.steps, tensor, change.inside)
    return _repeated(port, tensor, change.outside, surface)
