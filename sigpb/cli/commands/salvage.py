"""Saves what can be read of a damaged model, as a valid file of the same kind.

BROKEN is a model's directory or a file that holds a SavedModel, a MetaGraphDef or a GraphDef. Of a
model, OUT is a new directory with the saved_model.pb alone: variables and assets stay with the
original. Of any other file, OUT is a new file. Nodes, functions, signatures and object graphs are
kept whole or not at all, and what was lost is listed. The exit code is 3 if nothing can be saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import define_format
from sigpb.errors import ModelUnreadable, UsageError
from sigpb.inspect.salvage import Salvage, loss_lines, salvage, salvage_json
from sigpb.inspect.schema import SCHEMAS
from sigpb.inspect.styled_text import Line, line
from sigpb.inspect.wire_tree import WireSource, open_bytes
from sigpb.publishing.changes import SplicedFile
from sigpb.publishing.new_output import (
    check_output_dir,
    check_output_file,
    publish_directory,
    publish_file,
)
from sigpb.remote.urls import is_url, redacted
from sigpb.saved_model.files import BINARY_NAME
from sigpb.wire import size

USAGE = "sigpb salvage BROKEN OUT [--format=text|json]"

TASK = "Look into files, and save damaged ones"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb salvage broken saved", "Save what can be read of a model, in a new directory."),
    ("sigpb salvage broken/saved_model.pb saved.pb", "Save what can be read of a file."),
    ("sigpb salvage broken rescued --format=json", "List what was lost for a program."),
)


READS = slice(1)
"""The argument that may be the URL of what is read."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_format(values, "How to print: text, or JSON (see docs/json.md).")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    if len(arguments) != 2:
        raise UsageError("A damaged model and a new path are expected.", USAGE)
    broken, out = Path(arguments[0]), Path(arguments[1])
    if is_url(arguments[1]):
        raise UsageError(
            f"{redacted(arguments[1])}: the salvaged file is written to this machine. Name a path."
        )
    with open_bytes(broken) as source:
        is_model = source.file.name == BINARY_NAME
        if is_model:
            check_output_dir(source.file.parent, out)
        else:
            check_output_file(out)
        found = _salvaged(source)
        content = SplicedFile(found.pieces, source.file)
        if is_model:
            publish_directory(out, {BINARY_NAME: content})
        else:
            publish_file(out, content)
        written = out / BINARY_NAME if is_model else out
        if values.format == "json":
            about = {"file": str(source.file), "bytes": len(source.buffer)}
            about |= {"message": source.schema, "written": str(written)}
            about |= {"bytes_written": size(found.pieces)}
            terminal.say_json(about | salvage_json(found))
        else:
            terminal.write(_report(source, found, written, is_model=is_model))
    return 0


def _salvaged(source: WireSource) -> Salvage:
    if not source.buffer:
        raise ModelUnreadable("the file is empty.")
    if source.schema not in SCHEMAS or source.note:
        what = source.note or f"it holds a {source.schema}"
        raise ModelUnreadable(
            f"{what}. A SavedModel, a MetaGraphDef or a GraphDef can be salvaged, stored in binary."
        )
    return salvage(source.buffer, source.schema)


def _report(source: WireSource, found: Salvage, written: Path, *, is_model: bool) -> Iterator[Line]:
    yield line(f"{source.file}: {len(source.buffer):,} bytes, read as {source.schema}")
    yield from loss_lines(found)
    alone = "; variables and assets are still with the original" if is_model else ""
    yield line(f"salvaged: {written}, {size(found.pieces):,} bytes{alone}")
