"""The fields of a file as lines of text, indented as they lie in each other."""

from __future__ import annotations

from sigpb.inspect.styled_text import Line, Span, line
from sigpb.inspect.wire.wire_tree import Record
from sigpb.inspect.wire.wire_values import Scalar, Value
from sigpb.wire import WireType

_WIRE_TYPES = {
    WireType.VARINT: "varint",
    WireType.FIXED64: "fixed64",
    WireType.LEN: "len",
    WireType.GROUP_START: "group",
    WireType.FIXED32: "fixed32",
}


def record_line(record: Record, width: int) -> Line:
    """Returns the line of a record: offset, number and name, wire type, length, value.

    Args:
        record: The record.
        width: Of the column of offsets, in characters.
    """
    offset = Span(f"{record.start:>{width}}  ", "dim")
    indent = "  " * record.depth
    if record.kind == "damaged":
        count = record.end - record.start
        size = f"{count:,} byte{'s' * (count != 1)} to {record.end}"
        return line(offset, f"{indent}! ", Span(f"damaged: {size}: {record.problem}", "red"))
    field = record.field
    assert field is not None
    kind = f"{_WIRE_TYPES[WireType(field.wire_type)]} {field.value_end - field.value_start}"
    parts: list[str | Span] = [
        offset,
        f"{indent}{field.number}",
        Span(f" {record.name}" if record.name else "", "bold"),
        Span(f"  {kind}  ", "dim"),
        value_text(record.value) if record.value else Span(record.type, "cyan"),
    ]
    if record.type == "message":
        parts.append("?")
    if record.kind == "not entered":
        parts.append(Span("  (not entered)", "dim"))
    if record.note:
        parts.append(Span(f"  ({record.note})", "dim"))
    if record.problem:
        parts.append(Span(f"  ! damaged: {record.problem}", "red"))
    return line(*parts)


def value_text(value: Value) -> str:
    """Returns a value as text: of one line, and shortened."""
    more = "…" if value.is_cut else ""
    if isinstance(value.value, tuple):
        elements = [_text(element) for element in value.value] + [more] * value.is_cut
        return f"[{', '.join(elements)}]"
    if value.type == "bytes":
        return f"bytes {value.value}{more}"
    if value.type == "string":
        return f"{value.value!r}{more}"
    others = (f"{name} {_text(other)}" for name, other in value.others.items())
    return _text(value.value) + "".join(f" or {other}" for other in others)


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
