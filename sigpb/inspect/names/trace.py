"""What `sigpb trace` finds and prints: where a name comes from, and all that refers to it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from sigpb import protos
from sigpb.errors import UsageError, did_you_mean
from sigpb.inspect.names.occurrence import Referent, Role, definition, mention, node_of
from sigpb.inspect.names.origins import Capture, bindings, captures, objects_of, origins
from sigpb.inspect.names.parts import Part, parts
from sigpb.inspect.proto_path import FieldPlace
from sigpb.inspect.proto_scalars import quoted
from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.styled_text import Line, Span, html_lines, line, plain
from sigpb.json_values import json_value
from sigpb.tf.tensor_names import full

# How many names a wrong name is compared with: more would take seconds.
_MOST_NAMES = 2000

# Roles that concern a node whichever of its outputs is traced.
_OF_WHOLE_NODES = {
    role.value for role in (Role.CONTROL_INPUT, Role.CONTROL_RETURN, Role.COLOCATION)
}

# The attribute that gives the resource of a node its name.
_SHARED_NAME = "shared_name"


class Reference(NamedTuple):
    """A place that refers to what is traced.

    Attributes:
        role: What is there: a role of `occurrence`, or ``object`` for an object that stands for
            the node, or ``bound_input`` where a function is bound to such an object.
        text: The text, or the number.
        place: Where it stands.
    """

    role: str
    text: str
    place: FieldPlace


@dataclass(frozen=True)
class FunctionUse:
    """A function, and what has to do with it.

    Attributes:
        name: Its name.
        references: The nodes that call it, and the places of the object graph that name it.
        captures: Its bound inputs.
    """

    name: str
    references: tuple[Reference, ...]
    captures: tuple[Capture, ...]


@dataclass(frozen=True)
class Trace:
    """The facts about a node, an argument of a function, or a function.

    Attributes:
        kind: Which of these: ``node``, ``argument``, ``function``, or ``missing`` if something
            names it that is not there.
        name: Its name.
        tensor: Which output of the node is traced; None for all.
        place: Where it is defined; None if it is missing.
        asked: Where it says that the key of an endpoint stands for it; empty if it was asked for
            by its own name.
        node: The node, without elements of large tensors; None unless it is one.
        references: What refers to it; of a function, see `function`.
        function: The function that it is or is in; None at the top level.
    """

    kind: str
    name: str
    tensor: str | None
    place: FieldPlace | None
    asked: tuple[FieldPlace, ...]
    node: protos.NodeDef | None
    references: tuple[Reference, ...]
    function: FunctionUse | None


@dataclass(frozen=True, repr=False)
class TraceReport:
    """What is known of a name; printing it shows what ``sigpb trace`` prints.

    Attributes:
        file: The file that was searched, or its URL.
        traces: What it is called by that name, each with what refers to it.
    """

    file: Path | str
    traces: tuple[Trace, ...]

    def __str__(self) -> str:
        return "\n".join(map(plain, trace_lines(self.traces)))

    def __repr__(self) -> str:
        kinds = Counter(each.kind for each in self.traces).items()
        found = ", ".join(f"{kind}s: {count}" for kind, count in kinds)
        return f"<TraceReport of {str(self.file)!r}: {found}>"

    def _repr_html_(self) -> str:
        return html_lines(trace_lines(self.traces))

    def to_json(self) -> dict[str, Any]:
        """Returns the traces as JSON values: see docs/json.md."""
        return {"file": str(self.file), "traces": list(map(trace_json, self.traces))}


class _Target(NamedTuple):
    """A node, argument or function, and which output of a node is of interest."""

    referent: Referent
    tensor: str | None


def trace(source: ProtoSource, name: str, signature: str | None = None) -> list[Trace]:
    """Traces a name through a file.

    Args:
        source: The file.
        name: A node, a tensor, an argument of a function, a function, or the key of an endpoint.
            If it is several of these, all are traced.
        signature: The key of a signature. `name` is then the key of one of its endpoints.

    Raises:
        UsageError: If there is no such name.
        ModelUnreadable: If the file is damaged.
    """
    found = [traced for part in parts(source) for traced in _trace(part, name, signature)]
    if not found:
        raise UsageError(_unknown(parts(source), name, signature))
    return found


def _trace(part: Part, name: str, signature: str | None) -> Iterator[Trace]:
    targets: dict[_Target, list[FieldPlace]] = {}
    if signature is None:
        targets = {target: [] for target in _named(part, name)}
    for origin in origins(part, name, signature):
        whole = _Target(origin.node, None)
        target = whole if whole in targets else _Target(origin.node, origin.tensor)
        targets.setdefault(target, []).append(origin.place)
    if targets:
        seen = _Seen(part, {target.referent for target in targets})
        for target, asked in targets.items():
            yield seen.trace(target, tuple(dict.fromkeys(asked)))


def _named(part: Part, name: str) -> Iterator[_Target]:
    """Yields the nodes, arguments and functions of a name, or of the name of a tensor."""
    node = node_of(name)
    tensor = name if node != name and not name.startswith(("^", "loc:@")) else None
    for occurrence in part.occurrences(mention({node, name})):
        found = definition(occurrence)
        if found == Referent("function", name):
            yield _Target(found, None)
        elif found and found.kind == "node" and found.name == node:
            # Tensors are x:0 at the top level, and x:output:0, or x alone, in functions.
            numbers = 1 if found.function is None else 2
            fits = tensor is None or tensor.count(":") == numbers
            if fits or found.function is not None:
                yield _Target(found, tensor if fits else None)


class _Seen:
    """Where some nodes and functions are defined, and what refers to them."""

    def __init__(self, part: Part, wanted: Collection[Referent]) -> None:
        self._part = part
        around = {Referent("function", node.function) for node in wanted if node.function}
        self._references: dict[Referent, list[Reference]] = {
            referent: [] for referent in {*wanted, *around}
        }
        self._places: dict[Referent, FieldPlace] = {}
        for found, occurrence in part.uses(self._references.keys()):
            if definition(occurrence):
                self._places.setdefault(found, occurrence.place)
            else:
                reference = Reference(occurrence.role.value, occurrence.text, occurrence.place)
                self._references[found].append(reference)
        pattern = mention({node.name for node in self._references})
        self._nodes = {
            found: node
            for node, function in part.nodes(pattern)
            if (found := Referent("node", node.name, function)) in self._references
        }

    def trace(self, target: _Target, asked: tuple[FieldPlace, ...]) -> Trace:
        """Returns what is known of one of them."""
        named, tensor = target
        is_function = named.kind == "function"
        place = self._places.get(named)
        node = None if is_function else self._nodes.get(named)
        kind = named.kind if is_function or node else "argument"
        references = [] if is_function else self._references[named]
        function = named.name if is_function else named.function
        return Trace(
            kind=kind if place else "missing",
            name=named.name,
            tensor=tensor,
            place=place,
            asked=asked,
            node=node,
            references=(
                *(reference for reference in references if _concerns(reference, target)),
                *([] if function else self._through_objects(named.name, node)),
            ),
            function=self._function(function) if function else None,
        )

    def _function(self, name: str) -> FunctionUse:
        references = tuple(self._references[Referent("function", name)])
        return FunctionUse(name, references, tuple(captures(self._part, name)))

    def _through_objects(self, name: str, node: protos.NodeDef | None) -> Iterator[Reference]:
        """Yields the objects that stand for a node, and the functions that are bound to them."""
        names = {name}
        if node and _SHARED_NAME in node.attr:
            names.add(node.attr[_SHARED_NAME].s.decode(errors="replace"))
        positions = set()
        for position, place, text in objects_of(self._part, names - {""}):
            positions.add(position)
            # The name of a constant's node was seen as a name.
            if place.field != "operation":
                yield Reference("object", text, place)
        for place, position in bindings(self._part, positions):
            yield Reference("bound_input", str(position), place)


def _concerns(reference: Reference, target: _Target) -> bool:
    """Whether what refers to a node refers to the output that is traced."""
    if target.tensor is None or reference.role in _OF_WHOLE_NODES:
        return True
    if target.referent.function is not None:
        return reference.text == target.tensor
    return full(reference.text) == full(target.tensor)


def _unknown(found: Collection[Part], name: str, signature: str | None) -> str:
    if signature is not None:
        keys = {key for part in found for key in part.signatures}
        if signature not in keys:
            return f"There is no signature {signature!r}; {did_you_mean(signature, keys)}."
        known = {
            key
            for part in found
            if signature in part.signatures
            for side in (part.signatures[signature].inputs, part.signatures[signature].outputs)
            for key in side
        }
        return f"Signature {signature!r} has no endpoint {name!r}; {did_you_mean(name, known)}."
    names = _names(found)
    problem = f"There is no node, tensor, function or endpoint {name!r}"
    if len(names) > _MOST_NAMES:  # Those that begin alike are compared, and none is listed.
        from difflib import get_close_matches

        close = get_close_matches(node_of(name), _alike(names, name), n=3)
        meant = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        return f"{problem}; {meant}'sigpb grep' searches the names."
    return f"{problem}; {did_you_mean(node_of(name), names)}."


def _names(found: Collection[Part]) -> set[str]:
    names = set()
    for part in found:
        for node, _ in part.nodes():
            names.add(node.name)
        names |= part.functions.keys()
        for signature in part.signatures.values():
            names |= {*signature.inputs, *signature.outputs}
    return names


def _alike(names: Collection[str], wrong: str) -> list[str]:
    """Returns the names that have the longest beginnings in common with a wrong one."""

    def distance(name: str) -> tuple[int, str]:
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(name, wrong, strict=False))
        return -sum(1 for _ in alike), name

    return heapq.nsmallest(_MOST_NAMES, names, key=distance)


_TITLES = {
    "input": "data inputs",
    "control_input": "control inputs",
    "colocation": "colocated",
    "return": "results of the function",
    "control_return": "control results of the function",
    "saver": "saver",
    "collection_tensor": "collections",
    "endpoint_tensor": "signatures",
    "asset_tensor": "asset files",
    "constant": "constants of the object graph",
    "captured_tensor": "captured tensors of the object graph",
    "object": "objects",
    "bound_input": "bound inputs of functions",
    "call": "called by",
    "op": "called by, as an op",
    "gradient": "gradients",
    "aliased_function": "aliases",
    "concrete_function": "object graph",
}


def trace_lines(traces: Sequence[Trace]) -> Iterator[Line]:
    """Yields the lines that tell of traces."""
    for number, trace in enumerate(traces):
        if number:
            yield line("")
        yield from _told(trace)


def _told(trace: Trace) -> Iterator[Line]:
    yield line(Span(f"{trace.kind} {quoted(trace.tensor or trace.name)}", "bold"))
    if trace.place is None:
        yield line("  is named, but defined nowhere")
    else:
        yield line("  defined     ", str(trace.place))
    for place in trace.asked:
        yield line("  stands for  ", Span(str(place), "cyan"))
    if trace.node is not None:
        yield line("  op          ", trace.node.op)
        if trace.node.device:
            yield line("  device      ", quoted(trace.node.device))
        for position, text in enumerate(trace.node.input):
            yield line(f"  input[{position}]  ", quoted(text))
    yield from _references(trace.references, "  ")
    if trace.kind != "function" and not trace.references:
        yield line("  nothing refers to it")
    if trace.function is not None:
        if trace.kind != "function":
            yield line(f"  in function {quoted(trace.function.name)}")
        yield from _references(trace.function.references, "    ")
        if not trace.function.references:
            yield line("    nothing calls or names it")
        if trace.function.captures:
            yield line("    captures")
        for capture in trace.function.captures:
            yield line("      ", _captured(capture, trace))


def _references(references: Sequence[Reference], indent: str) -> Iterator[Line]:
    by_role: dict[str, list[Reference]] = {}
    for reference in references:
        by_role.setdefault(reference.role, []).append(reference)
    for role, found in by_role.items():
        yield line(indent, Span(f"{_TITLES[role]} ({len(found):,})", "cyan"))
        for reference in found:
            yield line(
                indent, "  ", str(reference.place), "  ", Span(quoted(reference.text), "dim")
            )


def _captured(capture: Capture, trace: Trace) -> Span:
    name = f" {quoted(capture.name)}" if capture.name else ""
    is_traced = trace.kind == "argument" and capture.argument == trace.name
    return Span(
        f"{quoted(capture.argument)}: {capture.kind}{name}, {capture.place}",
        "bold" if is_traced else "",
    )


def trace_json(trace: Trace) -> dict[str, Any]:
    """Returns a trace as a JSON value: see docs/json.md."""
    node, function = trace.node, trace.function
    return {
        "kind": trace.kind,
        "name": trace.name,
        "tensor": trace.tensor,
        "path": None if trace.place is None else str(trace.place),
        "asked": [str(place) for place in trace.asked],
        "op": node.op if node else None,
        "device": node.device if node else None,
        "inputs": list(node.input) if node else [],
        "references": _json_references(trace.references),
        "function": None
        if function is None
        else {
            "name": function.name,
            "references": _json_references(function.references),
            "captures": [json_value(capture, place="path") for capture in function.captures],
        },
    }


def _json_references(references: Sequence[Reference]) -> list[dict[str, str]]:
    return [json_value(reference, place="path") for reference in references]
