"""What `sigpb wire` shows: every byte of a file as a tree of fields, as lines and JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from google.protobuf.descriptor import Descriptor

from sigpb.errors import ModelUnreadable
from sigpb.inspect.proto_source import locate_file, map_file, open_source, what_else
from sigpb.inspect.schema import KnownField, message_shape, recognise, recognise_damaged
from sigpb.inspect.styled_text import Line, Span, line
from sigpb.inspect.wire_values import Scalar, Value, guessed_value, known_value
from sigpb.saved_model.files import BINARY_NAME, OpenedFile
from sigpb.saved_model.foreign_file import foreign_file
from sigpb.wire import Buffer, Field, Message, WireType
from sigpb.wire.lenient import Damage, scan

# The messages that files of these names hold, however damaged they are.
_BY_NAME = {BINARY_NAME: "SavedModel", "fingerprint.pb": "FingerprintDef"}

_TEXT_SUFFIX = ".pbtxt"


class WireSource(OpenedFile):
    """Any file that was opened.

    Attributes:
        schema: The message that it seems to hold; None if it is no message that is known here.
        note: A clause on what it is instead, or on a text proto; empty otherwise.
    """

    def __init__(self, file: Path, buffer: Buffer, schema: str | None, note: str = "") -> None:
        super().__init__(file, buffer)
        self.schema = schema
        self.note = note

    @property
    def if_damaged(self) -> str:
        """See `OpenedFile`: whoever opens bytes is looking at the damage already."""
        return ""


def open_bytes(path: str | Path) -> WireSource:
    """Opens any file, or the proto in a model's directory.

    Raises:
        ModelUnreadable: If there is no file, or if it cannot be read.
    """
    file = locate_file(Path(path))
    if file.suffix == _TEXT_SUFFIX:
        try:
            text = open_source(file)
        except ModelUnreadable:
            pass  # Then it is looked at as it is.
        else:
            return WireSource(file, text.buffer, text.schema, "the binary form of a text proto")
    buffer = _map(file)
    schema = recognise(Message.root(buffer))
    if schema is None and not foreign_file(buffer, file):
        schema = _BY_NAME.get(file.name) or recognise_damaged(buffer)
    return WireSource(file, buffer, schema, "" if schema or not buffer else what_else(buffer, file))


def _map(file: Path) -> Buffer:
    try:
        if not file.stat().st_size:
            return b""
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error
    return map_file(file)


# Deeper messages are refused by protobuf.
MAX_DEPTH = 100

Json: TypeAlias = dict[str, Any]


Kind: TypeAlias = Literal["value", "message", "not entered", "damaged"]


class Record(NamedTuple):
    """A field, or damaged bytes in which no field can be read.

    Attributes:
        kind: ``message`` if the fields that it holds follow, one level deeper, ``not entered`` if
            it is a message and they do not, ``value`` for any other field, ``damaged`` for bytes
            of which nothing can be read.
        depth: Number of messages around it.
        start: Offset of its first byte.
        end: One past its last byte.
        field: Where it lies; None for damage that does not begin with a readable tag.
        name: Its name in the schema; empty if that is unknown.
        type: The name of its type: a message, an enum or a scalar. Without a name it is a guess.
        value: What it holds, of a ``value``.
        problem: What is wrong with it; empty if nothing is.
        note: What else is to be said; empty if nothing is.
    """

    kind: Kind
    depth: int
    start: int
    end: int
    field: Field | None
    name: str = ""
    type: str = ""
    value: Value | None = None
    problem: str = ""
    note: str = ""


def wire_records(
    buffer: Buffer,
    schema: Descriptor | None,
    *,
    depth: int = MAX_DEPTH,
    offset: int | None = None,
    start: int = 0,
    end: int | None = None,
) -> Iterator[Record]:
    """Yields what a message consists of, each field before the fields that it holds.

    Args:
        buffer: The bytes that the offsets refer to.
        schema: The message; None if it is unknown.
        depth: So many levels are looked at.
        offset: Only fields that this byte lies in.
        start: Offset of the message.
        end: One past its last byte; by default that of the buffer.
    """
    outermost = _parts(buffer, start, len(buffer) if end is None else end, schema)
    open_messages = [(outermost, schema)]
    while open_messages:
        parts, schema = open_messages[-1]
        part = next(parts, None)
        if part is None:
            open_messages.pop()
            continue
        if offset is not None and not part.start <= offset < part.end:
            continue
        record, inner = _describe(buffer, part, schema, len(open_messages) - 1, depth)
        yield record
        if record.kind == "message" and record.field is not None:
            field = record.field
            entered = _parts(buffer, field.value_start, field.value_end, inner)
            open_messages.append((entered, inner))


def record_json(record: Record) -> Json:
    """Returns a record as JSON; docs/json.md says what it holds."""
    found: Json = {
        "kind": record.kind,
        "depth": record.depth,
        "offset": record.start,
        "end": record.end,
    }
    if field := record.field:
        found |= {
            "number": field.number,
            "wire_type": WireType(field.wire_type).name.removesuffix("_START"),
            "value_offset": field.value_start,
            "length": field.value_end - field.value_start,
        }
    if record.name:
        found["name"] = record.name
    if record.type:
        found |= {"type": record.type, "guessed": not record.name}
    if record.value is not None:
        found["value"] = record.value.value
        if record.value.is_cut:
            found["shortened"] = True
        if record.value.others:
            found["or"] = dict(record.value.others)
    if record.problem:
        found["problem"] = record.problem
    if record.note:
        found["note"] = record.note
    return found


def _parts(
    buffer: Buffer, start: int, end: int, schema: Descriptor | None
) -> Iterator[Field | Damage]:
    return scan(buffer, start, end, message_shape(schema) if schema is not None else None)


def _describe(
    buffer: Buffer, part: Field | Damage, schema: Descriptor | None, depth: int, limit: int
) -> tuple[Record, Descriptor | None]:
    """Returns a record, and the schema of the message that it holds."""
    field = part.field if isinstance(part, Damage) else part
    known = message_shape(schema).known(field) if schema is not None and field is not None else None
    record = Record(
        "damaged",
        depth,
        part.start,
        part.end,
        field,
        name=known.name if known else "",
        type=known.type_name if known else "",
        problem=_where(schema, known, part.problem) if isinstance(part, Damage) else "",
        note=_note(schema, field) if schema is not None and field and not known else "",
    )
    if field is None or (isinstance(part, Damage) and not part.is_message):
        return record, None
    inner = known.message if known is not None else None
    if inner is None and not isinstance(part, Damage):
        value = known_value(buffer, field, known) if known else guessed_value(buffer, field)
        if value is not None:
            problem = _where(schema, known, value.problem) if value.problem else ""
            found = record._replace(kind="value", type=value.type, value=value, problem=problem)
            return found, None
    if not record.type:
        is_group = field.wire_type == WireType.GROUP_START
        record = record._replace(type="group" if is_group else "message")
    return record._replace(kind="message" if depth + 1 < limit else "not entered"), inner


def _where(schema: Descriptor | None, known: KnownField | None, problem: str) -> str:
    """Says in which field of which message a problem is."""
    if schema is None:
        return problem
    return f"in {f'{known.name} of ' if known else ''}{schema.name}: {problem}"


def _note(schema: Descriptor, field: Field) -> str:
    other = schema.fields_by_number.get(field.number)
    if other is None:
        return f"unknown: {schema.name} has no field {field.number}"
    return f"unknown: field {field.number} of {schema.name} is {other.name}, of another wire type"


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
        wire_value_text(record.value) if record.value else Span(record.type, "cyan"),
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


def wire_value_text(value: Value) -> str:
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
