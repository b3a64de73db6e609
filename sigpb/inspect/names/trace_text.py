"""What `sigpb trace` prints: lines for people, and JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sigpb.inspect.names.bound_objects import Capture
from sigpb.inspect.names.trace import Reference, Trace
from sigpb.inspect.proto_scalars import quoted
from sigpb.inspect.styled_text import Line, Span, line

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


def lines(traces: Sequence[Trace]) -> Iterator[Line]:
    """Yields the lines that tell of traces."""
    for number, trace in enumerate(traces):
        if number:
            yield line("")
        yield from _trace(trace)


def _trace(trace: Trace) -> Iterator[Line]:
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


def json_value(trace: Trace) -> dict[str, Any]:
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
            "captures": [
                {
                    "argument": capture.argument,
                    "path": str(capture.place),
                    "kind": capture.kind,
                    "name": capture.name,
                }
                for capture in function.captures
            ],
        },
    }


def _json_references(references: Sequence[Reference]) -> list[dict[str, str]]:
    return [
        {"role": reference.role, "text": reference.text, "path": str(reference.place)}
        for reference in references
    ]
