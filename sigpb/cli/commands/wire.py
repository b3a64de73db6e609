"""Shows every byte of a file as protobuf fields, and where it is damaged.

The file may be of any kind. Where its message is known, fields have names; elsewhere their values
are guesses. Exit code 1 if damage was found, 0 if none was in what is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from absl import flags
from google.protobuf.descriptor import Descriptor

from sigpb.cli import terminal
from sigpb.cli.arguments import define_format
from sigpb.errors import UsageError, did_you_mean
from sigpb.inspect.schema import descriptor
from sigpb.inspect.styled_text import Line, Span, line
from sigpb.inspect.wire_tree import (
    MAX_DEPTH,
    Record,
    WireSource,
    open_bytes,
    record_json,
    record_line,
    wire_records,
)
from sigpb.visible_text import json_text

USAGE = """\
sigpb wire FILE [--offset=N] [--depth=N] [--schema=auto|none|MESSAGE] [--format=text|json]"""

TASK = "Look into files, and save damaged ones"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb wire broken/saved_model.pb --depth=2",
        "Show the outermost fields of a file, and where it is damaged.",
    ),
    (
        "sigpb wire broken/saved_model.pb --offset=4096",
        "Show the fields that one byte of the file lies in.",
    ),
    (
        "sigpb wire proto_fixtures/tf2_linear/fingerprint.pb --schema=FingerprintDef",
        "Read a file as a message of TensorFlow.",
    ),
)


READS = slice(1)
"""The argument that may be the URL of what is read."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_integer(
        "offset",
        None,
        "Only the fields that this byte of the file lies in, from the outermost in.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "depth",
        MAX_DEPTH,
        "How many levels of messages to show; protobuf reads no more than a hundred.",
        lower_bound=1,
        upper_bound=MAX_DEPTH,
        flag_values=values,
    )
    flags.DEFINE_string(
        "schema",
        "auto",
        "MESSAGE: what the file holds, such as GraphDef; 'auto' to recognise a SavedModel, a "
        "MetaGraphDef or a GraphDef, 'none' to guess everything.",
        flag_values=values,
    )
    define_format(values, "How to print: an indented tree, or JSON (see docs/json.md).")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    if len(arguments) != 1:
        raise UsageError("One file is expected, or a model's directory.", USAGE)
    with open_bytes(arguments[0]) as source:
        size = len(source.buffer)
        if values.offset is not None and values.offset >= size:
            raise UsageError(f"--offset={values.offset}: {source.file} has {size:,} bytes.")
        message = _message(source, values.schema)
        schema = descriptor(message) if message else None
        found = _Counted(
            wire_records(source.buffer, schema, depth=values.depth, offset=values.offset)
        )
        if values.format == "json":
            _print_json(source, message, found)
        else:
            terminal.write(_lines(source, message, found))
        return 1 if found.damaged else 0


class _Counted:
    """Records on their way to the output, counted."""

    def __init__(self, found: Iterable[Record]) -> None:
        self._found = found
        self.first_damage: int | None = None
        self.damaged = self.not_entered = 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._found:
            if record.problem:
                self.damaged += 1
                if self.first_damage is None:
                    self.first_damage = record.start
            self.not_entered += record.kind == "not entered"
            yield record


def _message(source: WireSource, asked: str) -> str | None:
    """Returns the name of the message to read the file as, or None."""
    if asked in ("auto", "none"):
        return source.schema if asked == "auto" else None
    if not _is_message(asked):
        known = ("GraphDef", "MetaGraphDef", "NodeDef", "SavedModel", "SignatureDef")
        raise UsageError(
            f"--schema={asked}: no message of this name is known; {did_you_mean(asked, known)}, "
            "and others."
        )
    return asked


def _is_message(name: str) -> bool:
    try:
        return isinstance(descriptor(name), Descriptor)
    except AttributeError:
        return False


def _lines(source: WireSource, message: str | None, found: _Counted) -> Iterator[Line]:
    size = len(source.buffer)
    read_as = f"read as {message}" if message else "read without a schema"
    about = f"; {source.note}" if source.note else ""
    yield line(f"{source.file}: {size:,} bytes, {read_as if size else 'an empty file'}{about}")
    for record in found:
        yield record_line(record, len(str(size)))
    if found.not_entered:
        yield line(f"not entered, because they lie too deep: {found.not_entered:,} messages")
    if found.damaged:
        places = f"{found.damaged:,} places" if found.damaged > 1 else "one place"
        yield line(Span(f"damaged in {places}, first at byte {found.first_damage}", "red"))


def _print_json(source: WireSource, message: str | None, found: _Counted) -> None:
    """Prints one JSON object, line by line: it may be larger than the memory."""
    head = {"file": str(source.file), "bytes": len(source.buffer), "message": message}
    if source.note:
        head["note"] = source.note
    terminal.say_document(json_text(head, indent=None)[:-1] + ', "records": [')
    separator = "\n"
    for record in found:
        terminal.say_document(separator + json_text(record_json(record), indent=None))
        separator = ",\n"
    tail = {"damaged": found.damaged, "not_entered": found.not_entered}
    terminal.say_document("\n], " + json_text(tail, indent=None)[1:] + "\n")
