"""Reading a patch from a file, and writing one as text."""

from __future__ import annotations

import re
from pathlib import Path

from google.protobuf import json_format, text_format

from sigpb import protos
from sigpb.errors import EnvironmentFailure, PatchError, did_you_mean

_HEADER = """\
# proto-file: sigpb/proto/saved_model_patch.proto
# proto-message: sigpb.SavedModelPatch
"""


def load_patch(path: str | Path) -> protos.SavedModelPatch:
    """Reads a patch.

    Args:
        path: A file in text format, or in JSON if its name ends in ``.json``.

    Raises:
        PatchError: If it is not a patch; says the line and column.
        EnvironmentFailure: If it cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PatchError(f"{path}: not UTF-8 text: {error}.") from error
    except OSError as error:
        raise EnvironmentFailure(f"{path}: {error.strerror}.") from error
    try:
        return parse_json(text) if str(path).endswith(".json") else parse_text(text)
    except PatchError as error:
        raise PatchError(f"{path}:{error}") from error


def parse_text(text: str) -> protos.SavedModelPatch:
    """Parses a patch in protobuf's text format.

    Raises:
        PatchError: If it is none; starts with the line and column.
    """
    patch = protos.SavedModelPatch()
    try:
        text_format.Parse(text, patch)
    except text_format.ParseError as error:
        detail = str(error).partition(" : ")[2] or str(error)
        position = f"{error.GetLine()}:{error.GetColumn()}: " if error.GetLine() else " "
        raise PatchError(position + detail + _suggestion(detail)) from error
    return patch


def parse_json(text: str) -> protos.SavedModelPatch:
    """Parses a patch in protobuf's JSON format, with the field names of the proto.

    Raises:
        PatchError: If it is none; starts with the line and column where those are known.
    """
    patch = protos.SavedModelPatch()
    try:
        json_format.Parse(text, patch)
    except json_format.ParseError as error:
        detail = str(error)
        raise PatchError(_position(text, error) + detail + _suggestion(detail)) from error
    return patch


def format_patch(patch: protos.SavedModelPatch) -> str:
    """Writes a patch in text format; `parse_text` reads it back."""
    return _HEADER + text_format.MessageToString(patch, as_utf8=True)


def _position(text: str, error: json_format.ParseError) -> str:
    """Finds the line and column of an error in JSON: of its syntax, or of an unknown field."""
    if place := re.search(r"line (\d+) column (\d+)", str(error)):
        return f"{place[1]}:{place[2]}: "
    name = re.search(r'no field named "(\w+)"', str(error))
    field = re.search(rf'"{name[1]}"\s*:', text) if name else None
    if field is None:
        return " "
    line_start = text.rfind("\n", 0, field.start()) + 1
    return f"{text.count(chr(10), 0, field.start()) + 1}:{field.start() - line_start + 1}: "


def _suggestion(detail: str) -> str:
    """Says which fields there are, where an error is about an unknown one."""
    unknown = re.search(r'type "sigpb\.(\w+)" has no field named "(\w+)"', detail)
    if not unknown:
        return ""
    fields = [field.name for field in getattr(protos, unknown[1]).DESCRIPTOR.fields]
    return f" {did_you_mean(unknown[2], fields).capitalize()}."
