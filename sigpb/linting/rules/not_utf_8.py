"""Text of a file that is not UTF-8, which protobuf refuses in messages of proto3."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.dump.proto_text import MAX_DEPTH
from sigpb.inspect.proto_path import path_at, path_text
from sigpb.inspect.schema import KnownField, descriptor, known_fields
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.saved_model.model import parse
from sigpb.wire import Field, Message

# Larger fields are gone through, so that the values of constants are neither read nor copied.
_SMALL = 1 << 12

# Small fields that follow each other are handed to protobuf together, up to so many bytes.
_RUN = 1 << 16

_REPORTED = 10
_SHOWN = 40


class NotUtf8(LintRule):
    """Finds names and other text that are not UTF-8, anywhere in the file."""

    id = "not-utf-8"
    severity = "error"
    explanation = (
        "A name, or another field of text, holds bytes that are not UTF-8. TensorFlow refuses "
        "the whole file, wherever that is: 'Can't parse … as binary proto'. The file was "
        "damaged, or written by software that does not check. At most ten places are reported, "
        "and no other rule runs until these are mended."
    )
    remedy = "Copy the file again. 'sigpb salvage' saves what can be read."
    example = (
        "meta_graphs[serve].graph_def.node[0].name: The text at byte 19 is not UTF-8: b'PL\\xffCE'."
    )
    is_decisive = True

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Goes through the file; values of constants are passed over."""
        root, schema = model.model.root, descriptor("SavedModel")
        for field in islice(undecodable(root, schema), _REPORTED):
            text = bytes(root.buffer[field.value_start : field.value_end])
            yield self.finding(
                f"The text at byte {field.value_start} is not UTF-8: {text[:_SHOWN]!r}.",
                path_text(path_at(root, schema, field.start)),
            )


def undecodable(message: Message, schema: Descriptor, depth: int = 0) -> Iterator[Field]:
    """Yields the fields, at any depth, whose text is not UTF-8, in the order of the file.

    Args:
        message: The message.
        schema: Its type.
        depth: In how many messages it is.

    Raises:
        ModelUnreadable: If the file is damaged otherwise, or nested deeper than protobuf reads.
    """
    if depth > MAX_DEPTH:
        raise ModelUnreadable(f"messages are nested too deep at byte {message.start}")
    fields = known_fields(schema)
    run: list[Field] = []
    for field in message.fields():
        known = fields.get(field.number)
        if known is None or not known.fits(field.wire_type):
            continue
        is_small = field.end - field.start <= _SMALL
        # What is between the fields of a run, which nothing is known of, does no harm.
        if run and not (is_small and field.end - run[0].start <= _RUN):
            yield from _of_run(message, schema, run, depth)
            run = []
        if is_small:
            run.append(field)
        else:
            yield from _of_field(message, known, field, depth)
    if run:
        yield from _of_run(message, schema, run, depth)


def _of_run(message: Message, schema: Descriptor, run: list[Field], depth: int) -> Iterator[Field]:
    """Has protobuf parse fields that follow each other, and looks closer if it cannot."""
    try:
        together = Message(message.buffer, run[0].start, run[-1].end, message.enclosing)
        parse(protos.message_class(schema), together)
    except ModelUnreadable:
        fields = known_fields(schema)
        for field in run:
            yield from _of_field(message, fields[field.number], field, depth)


def _of_field(message: Message, known: KnownField, field: Field, depth: int) -> Iterator[Field]:
    if known.message is not None:
        yield from undecodable(message.message(field), known.message, depth + 1)
    elif known.type == FieldDescriptor.TYPE_STRING:
        try:
            message.value(field).decode()
        except UnicodeDecodeError:
            yield field
