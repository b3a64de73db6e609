"""Where a name in a model comes from, and everything that refers to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sigpb import protos
from sigpb.errors import UsageError, did_you_mean
from sigpb.graph.tensor_names import full
from sigpb.inspect.endpoint_origins import Origin, origins
from sigpb.inspect.occurrences import (
    Occurrence,
    Part,
    Referent,
    Role,
    definition,
    mention,
    node_of,
    parts,
    referent,
)
from sigpb.inspect.place import Place
from sigpb.inspect.proto_source import ProtoSource
from sigpb.saved_model.object_graph import ObjectGraph

# What did_you_mean compares a wrong name with: more would take seconds.
_MOST_NAMES = 2000

# Attributes that give the object of a resource its name.
_SHARED_NAME = "shared_name"


class Reference(NamedTuple):
    """A place that refers to what is traced.

    Attributes:
        role: What the text there is for; ``bound_input`` and ``asset`` where it is a number.
        text: The text.
        place: Where it stands.
    """

    role: str
    text: str
    place: Place


@dataclass(frozen=True)
class Capture:
    """An input of a function that is not passed by whoever calls it, but bound to an object.

    Attributes:
        argument: The argument of the function.
        object: The object in the object graph.
        kind: What it is: ``variable``, ``resource``, ``asset``, ``constant``, ….
        name: Its name, if it has one.
    """

    argument: str
    object: Place
    kind: str
    name: str


@dataclass(frozen=True)
class FunctionUse:
    """A function, and who has to do with it.

    Attributes:
        name: Its name.
        references: Callers, and the places of the object graph that name it.
        captures: Its bound inputs.
    """

    name: str
    references: tuple[Reference, ...]
    captures: tuple[Capture, ...]


@dataclass(frozen=True)
class Trace:
    """What is known of a node, of an argument of a function, or of a function.

    Attributes:
        name: The node, the argument or the function.
        tensor: The output that is traced; None for all that a node has.
        place: Where it is defined; None if it is nowhere, although a signature names it.
        asked: Places of the endpoints through which it was asked for; empty if by its name.
        op: Of a node.
        device: Of a node.
        inputs: Of a node.
        references: Everything that refers to it.
        function: The function that it is in, or that it is; None at the top level.
    """

    name: str
    tensor: str | None
    place: Place | None
    asked: tuple[Place, ...]
    op: str
    device: str
    inputs: tuple[str, ...]
    references: tuple[Reference, ...]
    function: FunctionUse | None


def trace(source: ProtoSource, name: str, signature: str | None = None) -> list[Trace]:
    """Traces a name through a file.

    Args:
        source: The file.
        name: A node, a tensor, an argument of a function, a function, or the key of an endpoint.
            If it is several of these, all are traced.
        signature: The key of a signature, of which `name` is the key of an endpoint.

    Raises:
        UsageError: If there is no such name.
        ModelUnreadable: If the file is damaged.
    """
    found = [traced for part in parts(source) for traced in _trace(part, name, signature)]
    if not found:
        raise UsageError(_unknown(source, name, signature))
    return found


def _trace(part: Part, name: str, signature: str | None) -> Iterator[Trace]:
    targets: dict[Referent, list[Origin]] = {}
    if signature is None:
        defined = Referent("node", node_of(name)), Referent("function", name)
        for occurrence in part.occurrences(mention({target.name for target in defined})):
            target = definition(occurrence)
            if target and target._replace(function=None) in defined:
                tensor = name if target.name != name and ":" in name else None
                targets.setdefault(target, []).append(Origin(None, target, tensor))
    for origin in origins(part, name, signature):
        targets.setdefault(origin.target, []).append(origin)
    if targets:
        observed = _Observed(part, targets)
        for target, ways in targets.items():
            yield observed.trace(target, ways)


class _Observed:
    """What was seen of some nodes and functions, and of the functions that they are in."""

    def __init__(self, part: Part, targets: Iterable[Referent]) -> None:
        self.part = part
        self.places: dict[Referent, Place] = {}
        self.nodes: dict[Place, dict[Role, list[str]]] = {}
        self.references: dict[Referent, list[Reference]] = {target: [] for target in targets}
        for target in targets:
            if target.function is not None:
                self.references[Referent("function", target.function)] = []
        self._variables: list[Occurrence] = []
        for occurrence in part.occurrences(mention({seen.name for seen in self.references})):
            self._observe(occurrence)
        self._objects = ObjectGraph(part.object_graph) if part.object_graph else None

    def _observe(self, occurrence: Occurrence) -> None:
        role, text, place, _ = occurrence
        if (target := definition(occurrence)) in self.references:
            self.places.setdefault(target, place)
            if role is Role.NODE:
                self.nodes[place] = {}
        elif place.outer in self.nodes:
            self.nodes[place.outer].setdefault(role, []).append(text)
        elif role is Role.ATTR_STRING and place.outer:
            attribute = place.outer
            if attribute.key == _SHARED_NAME and attribute.outer in self.nodes:
                self.nodes[attribute.outer].setdefault(role, []).append(text)
        elif role is Role.VARIABLE:
            self._variables.append(occurrence)
        if (target := referent(occurrence)) in self.references:
            self.references[target].append(Reference(role.value, text, place))
