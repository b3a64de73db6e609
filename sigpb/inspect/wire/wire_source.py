"""Any file as bytes of wire format, however damaged, and the message that it seems to hold."""

from __future__ import annotations

from pathlib import Path

from sigpb.errors import ModelUnreadable
from sigpb.inspect.proto_source import locate_file, map_file, open_source, what_else
from sigpb.inspect.schema import recognise
from sigpb.inspect.wire.message_shape import recognise_damaged
from sigpb.saved_model.foreign_file import foreign_file
from sigpb.saved_model.locate import BINARY_NAME
from sigpb.saved_model.opened_file import OpenedFile
from sigpb.wire import Buffer, Message

# What files of these names are meant to hold, however damaged they are.
_BY_NAME = {BINARY_NAME: "SavedModel", "fingerprint.pb": "FingerprintDef"}

_TEXT_SUFFIX = ".pbtxt"


class WireSource(OpenedFile):
    """Any file that was opened.

    Attributes:
        schema: The message that it seems to hold; None if it is none of those that are known.
        note: A clause on what it is instead, or on a text proto; empty otherwise.
    """

    def __init__(self, file: Path, buffer: Buffer, schema: str | None, note: str = "") -> None:
        super().__init__(file, buffer)
        self.schema = schema
        self.note = note


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
    if schema is None and not foreign_file(buffer):
        schema = _BY_NAME.get(file.name) or recognise_damaged(buffer)
    return WireSource(file, buffer, schema, "" if schema or not buffer else what_else(buffer))


def _map(file: Path) -> Buffer:
    try:
        if not file.stat().st_size:
            return b""
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error
    return map_file(file)
