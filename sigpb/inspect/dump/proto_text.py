"""The text of protos, printed from their bytes field by field: nothing is parsed whole.

What is printed can be parsed. Long values are shortened, and comments say what was left out, what
bytes mean, and which fields are not known here.
"""

from __future__ import annotations

import codecs
import hashlib
import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby, islice
from operator import itemgetter

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as AnyMessage

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.proto_path import entry_key, last
from sigpb.inspect.proto_scalars import (
    Scalar,
    count,
    is_any,
    quoted,
    scalar_text,
    scalars,
    tensor_text,
    type_in_bytes,
    type_of_any,
)
from sigpb.inspect.schema import KnownField, fit, known_fields
from sigpb.inspect.styled_text import Line, Span, plain
from sigpb.parsers import parse_text_proto
from sigpb.saved_model.model import parse
from sigpb.wire import Field, Message, WireType

# How deep protobuf's own parsers allow messages to be nested.
MAX_DEPTH = 100

# Longer text and bytes, and lists of more numbers or bytes, are shortened to that.
_SHOWN_SIZE = 256
_SHOWN_VALUES = 32

# How many numbers, and how much of a value that is shown whole, stand on one line.
_NUMBERS_ON_LINE = 16
_SIZE_ON_LINE = 1 << 10

# Messages in bytes fields are not looked into if they are larger, or in so many others.
_NESTED_SIZE = 1 << 16
_NESTED_DEPTH = 3

# Larger messages are not parsed to merge what they hold twice.
_MERGED_SIZE = 1 << 26

_DIGEST_DIGITS = 12
_DIGESTED_AT_ONCE = 1 << 20

_NUMBER_AND_TYPE = itemgetter(0, 1)

_NAN = struct.pack("<d", math.nan)


def text_lines(
    message: Message,
    schema: Descriptor,
    field: KnownField | None = None,
    key: str = "",
    *,
    full: bool = False,
) -> Iterator[Line]:
    """Yields the lines of a message's text.

    Args:
        message: The message.
        schema: Its type.
        field: Only this field of it; None for all.
        key: The key of the innermost map that it is in, which may tell what bytes mean.
        full: Whether nothing is shortened. The text then parses to an equal message, except for
            fields that are not known here, which are comments.

    Raises:
        ModelUnreadable: The message is damaged.
    """
    printer = _Printer(full)
    if field is None:
        return printer.message(message, schema, key, 0)
    if not field.is_repeated and (only := last(message, field)):
        message = Message(message.buffer, only.start, only.end, message.enclosing)
    return printer.fields(message, schema, key, 0, field.number)


@dataclass(frozen=True)
class _Printer:
    """Prints messages at a depth, which is how far their text is indented.

    Attributes:
        full: Whether nothing is shortened.
        nested: In how many bytes fields the messages are.
    """

    full: bool
    nested: int = 0

    def message(self, message: Message, schema: Descriptor, key: str, depth: int) -> Iterator[Line]:
        if depth > MAX_DEPTH:
            raise ModelUnreadable(
                f"messages are nested more than {MAX_DEPTH} deep at byte {message.start}"
            )
        if is_any(schema) and (expanded := self._expanded(message, depth)):
            return iter(expanded)
        return self.fields(_merged(message, schema), schema, key, depth)

    def fields(
        self,
        message: Message,
        schema: Descriptor,
        key: str,
        depth: int,
        number: int | None = None,
    ) -> Iterator[Line]:
        """Yields the text of the fields that have a number, or of all fields."""
        fields = known_fields(schema)
        for (each, wire_type), run in groupby(message.fields(number), _NUMBER_AND_TYPE):
            known = fields.get(each)
            if known is None or not known.fits(wire_type):
                for field in run:
                    yield from self._unknown(message, field, known, depth)
            elif known.message is not None:
                for field in run:
                    inner = message.message(field)
                    inner_key = (entry_key(inner, known.message) or "") if known.is_map else key
                    yield _opening(depth, known.name)
                    yield from self.message(inner, known.message, inner_key, depth + 1)
                    yield _closing(depth)
            elif known.wire_type == WireType.LEN:
                yield from self._texts(message, schema, known, run, key, depth)
            elif self.full:
                values = (scalars(known, message, field) for field in run)
                yield from _numbers(known, chain.from_iterable(values), depth)
            else:
                yield from _first_numbers(message, known, run, depth)

    def _texts(
        self,
        message: Message,
        schema: Descriptor,
        known: KnownField,
        run: Iterator[Field],
        key: str,
        depth: int,
    ) -> Iterator[Line]:
        """Yields the values of a string field, or the first values of a bytes field."""
        whole = self.full or known.type == FieldDescriptor.TYPE_STRING
        for field in run if whole else islice(run, _SHOWN_VALUES):
            yield from self._text(message, known, field, depth)
            yield from self._meaning(message, schema, known, field, key, depth)
        rest = _Digest(message)
        for field in run:
            rest.add(field)
        if rest.count:
            yield _comment(depth, f"{rest.count:,} more values of {known.name}, {rest}")

    def _text(
        self, message: Message, known: KnownField, field: Field, depth: int
    ) -> Iterator[Line]:
        size = field.value_end - field.value_start
        if not self.full and size > _SHOWN_SIZE:
            digest = _Digest(message)
            digest.add(field)
            shown = bytes(message.buffer[field.value_start : field.value_start + _SHOWN_SIZE])
            is_string = known.type == FieldDescriptor.TYPE_STRING
            text = quoted(shown.decode(errors="ignore") if is_string else shown)
            comment = f"the first {_SHOWN_SIZE} of {digest}"
            yield _value(depth, known.name, text, "green", comment)
        elif size <= _SIZE_ON_LINE:
            (value,) = scalars(known, message, field)
            yield _value(depth, known.name, scalar_text(known, value), "green")
        else:
            yield (Span("  " * depth), Span(known.name, "cyan"), Span(":"))
            for part in _parts(message, known, field):
                yield (Span("  " * (depth + 1)), Span(quoted(part), "green"))

    def _meaning(
        self,
        message: Message,
        schema: Descriptor,
        known: KnownField,
        field: Field,
        key: str,
        depth: int,
    ) -> Iterator[Line]:
        """Says in comments what bytes are."""
        if known.type != FieldDescriptor.TYPE_BYTES:
            return
        if (written := tensor_text(message, schema, known)) is not None:
            yield _comment(depth, written)
        inner = message.message(field)
        if self.nested == _NESTED_DEPTH or inner.end - inner.start > _NESTED_SIZE:
            return
        inner_schema = type_in_bytes(schema, known, key)
        if is_any(schema):
            inner_schema = _type_in_any(message)
        if inner_schema is None or fit(inner, inner_schema) < 1:
            return
        try:
            content = list(self._inside().message(inner, inner_schema, "", depth + 1))
        except ModelUnreadable:
            return
        yield _comment(depth, f"{inner_schema.full_name} {{")
        for each in content:
            yield _comment(depth, plain(each)[2 * depth :])
        yield _comment(depth, "}")

    def _expanded(self, message: Message, depth: int) -> list[Line] | None:
        """Returns the text of an ``Any`` by its content, if that gives the same bytes again."""
        if self.nested == _NESTED_DEPTH or message.end - message.start > _NESTED_SIZE:
            return None
        schema = _type_in_any(message)
        if schema is None:
            return None
        try:
            packed = parse(protos.Any, message)
            if _has_order(parse(protos.message_class(schema), Message.root(packed.value))):
                return None
            content = Message.root(packed.value)
            inner = list(self._inside(full=True).message(content, schema, "", depth + 1))
            head = f"[{packed.type_url}]"
            if not _reads_as(packed, [f"{head} {{", *map(plain, inner), "}"]):
                return None
            if not self.full:
                inner = list(self._inside().message(content, schema, "", depth + 1))
        except ModelUnreadable:
            return None
        return [_opening(depth, head), *inner, _closing(depth)]

    def _inside(self, *, full: bool = False) -> _Printer:
        """Returns what prints a message in a bytes field."""
        return _Printer(full or self.full, self.nested + 1)

    def _unknown(
        self, message: Message, field: Field, known: KnownField | None, depth: int
    ) -> Iterator[Line]:
        """Says in comments what a field holds that the text cannot."""
        kind = WireType(field.wire_type).name
        what = f"unknown field {field.number}, {kind}, not part of this text"
        if known is not None:
            what = f"field {field.number}, {kind}, no {known.name}, and not part of this text"
        if field.wire_type == WireType.VARINT:
            yield _comment(depth, f"{what}: {message.varint(field)}")
            return
        size = field.value_end - field.value_start
        shown = size if self.full else min(size, _SHOWN_SIZE)
        digest = _Digest(message)
        digest.add(field)
        first = f"the first {shown} of " if shown < size else ""
        yield _comment(depth, f"{what}: {first}{digest}")
        end = field.value_start + shown
        for start in range(field.value_start, end, _SIZE_ON_LINE):
            part = bytes(message.buffer[start : min(start + _SIZE_ON_LINE, end)])
            yield _comment(depth, f"  {quoted(part)}")


class _Digest:
    """Counts values, and their bytes, and digests these with SHA-256."""

    def __init__(self, message: Message) -> None:
        self._buffer = message.buffer
        self._hash = hashlib.sha256()
        self._size = 0
        self.count = 0

    def add(self, field: Field, values: int = 1) -> None:
        self.count += values
        self._size += field.value_end - field.value_start
        for start in range(field.value_start, field.value_end, _DIGESTED_AT_ONCE):
            self._hash.update(self._buffer[start : min(start + _DIGESTED_AT_ONCE, field.value_end)])

    def __str__(self) -> str:
        return f"{self._size:,} bytes, sha256 {self._hash.hexdigest()[:_DIGEST_DIGITS]}"


def _first_numbers(
    message: Message, known: KnownField, run: Iterable[Field], depth: int
) -> Iterator[Line]:
    """Yields the values of a field of numbers, or the first ones if there are too many."""
    shown: list[Scalar] = []
    digest = _Digest(message)
    for field in run:
        digest.add(field, count(known, message, field))
        shown += islice(scalars(known, message, field), _SHOWN_VALUES - len(shown))
    yield from _numbers(known, iter(shown), depth)
    if digest.count > len(shown):
        yield _comment(depth, f"the first {len(shown)} of {digest.count:,} values, {digest}")


def _numbers(known: KnownField, values: Iterator[Scalar], depth: int) -> Iterator[Line]:
    while on_line := list(islice(values, _NUMBERS_ON_LINE)):
        text = ", ".join(scalar_text(known, value) for value in on_line)
        text = f"[{text}]" if len(on_line) > 1 else text
        yield _value(depth, known.name, text, "")
        if any(value != value and struct.pack("<d", value) != _NAN for value in on_line):
            yield _comment(depth, "a NaN of another sign or payload than text can say")


def _parts(message: Message, known: KnownField, field: Field) -> Iterator[str | bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(field.value_start, field.value_end, _SIZE_ON_LINE):
        end = min(start + _SIZE_ON_LINE, field.value_end)
        part = bytes(message.buffer[start:end])
        if known.type == FieldDescriptor.TYPE_BYTES:
            yield part
            continue
        try:
            yield decoder.decode(part, final=end == field.value_end)
        except UnicodeDecodeError:
            yield message.text(field)  # says where


def _merged(message: Message, schema: Descriptor) -> Message:
    """Returns a message with each singular field once, merged as protobuf does."""
    fields, seen = known_fields(schema), set()
    for field in message.fields():
        known = fields.get(field.number)
        if known is None or known.is_repeated or not known.fits(field.wire_type):
            continue
        if known.slot not in seen:
            seen.add(known.slot)
            continue
        if message.end - message.start > _MERGED_SIZE:
            raise ModelUnreadable(
                f"field {known.name} at byte {field.start} was there before, in a message too "
                "large to merge"
            )
        merged = parse(protos.message_class(schema), message)
        return Message.root(merged.SerializePartialToString(deterministic=True))
    return message


def _type_in_any(message: Message) -> Descriptor | None:
    """Returns the type of an ``Any``'s content; None if it is not known here."""
    try:
        return type_of_any(parse(protos.Any, message).type_url)
    except ModelUnreadable:
        return None


def _reads_as(message: protos.Any, text: list[str]) -> bool:
    from google.protobuf import text_format

    read = protos.Any()
    try:
        parse_text_proto("\n".join(text), read, protos.POOL)
    except (text_format.ParseError, DecodeError):
        return False
    return read.SerializeToString() == message.SerializeToString()


def _has_order(message: AnyMessage) -> bool:
    """Whether a message has maps of several entries, which may be written in any order."""
    for field, value in message.ListFields():
        known = known_fields(message.DESCRIPTOR)[field.number]
        values = value.values() if known.is_map else value if known.is_repeated else [value]
        if known.is_map and len(value) > 1:
            return True
        if any(isinstance(each, AnyMessage) and _has_order(each) for each in values):
            return True
    return False


def _opening(depth: int, name: str) -> Line:
    return (Span("  " * depth), Span(name, "cyan"), Span(" {"))


def _closing(depth: int) -> Line:
    return (Span("  " * depth + "}"),)


def _value(depth: int, name: str, text: str, style: str, comment: str = "") -> Line:
    value = (Span("  " * depth), Span(name, "cyan"), Span(": "), Span(text, style))
    return (*value, Span(f"  # {comment}", "dim")) if comment else value


def _comment(depth: int, text: str) -> Line:
    return (Span("  " * depth), Span(f"# {text}", "dim"))
