"""Reading a patch from a file, and writing one as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import json_format, text_format

from sigpb import protos
from sigpb.errors import EnvironmentFailure, PatchError, did_you_mean, with_path
from sigpb.parsers import parse_json_value, parse_text_proto
from sigpb.regular_files import is_url, read_text
from sigpb.visible_text import visible_text_proto

_UNKNOWN_FIELD = re.compile(
    r'(?P<said>Message type "sigpb\.(?P<message>\w+)" has no field named "(?P<field>[^"]*)")'
    r'(?: at "\w*?(?P<path>(?<=SavedModelPatch)[^"]*)")?'
)
_HEADER = """\
# proto-file: sigpb/proto/saved_model_patch.proto
# proto-message: sigpb.SavedModelPatch
"""


@with_path
def load_patch(path: str | Path) -> protos.SavedModelPatch:
    """Reads a patch.

    Paths of adapters are relative to its directory there.

    Args:
        path: A file in text format, or in JSON if its name ends in ``.json``.

    Raises:
        PatchError: If it is not a patch; says the line and column.
        EnvironmentFailure: If it cannot be read.
    """
    try:
        text = read_text(path)
    except UnicodeDecodeError as error:
        raise PatchError(f"{path}: not UTF-8 text: {error}.") from error
    except OSError as error:
        raise EnvironmentFailure(f"{path}: {error.strerror}.") from error
    except ValueError as error:  # Of a null byte, which no name of a file has.
        raise EnvironmentFailure(f"{path}: {error}.") from error
    try:
        patch = parse_json(text) if str(path).endswith(".json") else parse_text(text)
    except PatchError as error:
        raise PatchError(f"{path}:{error}") from error
    return with_paths_from(patch, Path(path).parent)


def with_paths_from(patch: protos.SavedModelPatch, directory: Path) -> protos.SavedModelPatch:
    """Returns a patch with the paths of its adapters, which are relative to a directory."""
    for item in patch.signature:
        for graft in (*item.before, *item.after):
            if graft.model and not is_url(graft.model):
                graft.model = str(directory / graft.model)
        for endpoint in (*item.input, *item.output):
            for position, text in enumerate(endpoint.step):
                if text.lstrip().startswith("model"):
                    endpoint.step[position] = _with_path_from(text, directory)
    return patch


def _with_path_from(step: str, directory: Path) -> str:
    """Returns a step that may be an adapter, whose path is relative to a directory."""
    from sigpb.patching.model_steps import is_model_step, parse_model_step

    try:
        return str(parse_model_step(step).relative_to(directory)) if is_model_step(step) else step
    except ValueError:
        return step  # It is refused for that.


def parse_either(text: str) -> protos.SavedModelPatch:
    """Parses a patch in JSON, which begins with a bracket, or in text format, which does not.

    Raises:
        PatchError: If it is none; starts with the line and column where those are known.
    """
    return parse_json(text) if text.lstrip()[:1] in ("{", "[") else parse_text(text)


def parse_text(text: str) -> protos.SavedModelPatch:
    """Parses a patch in protobuf's text format.

    Raises:
        PatchError: If it is none; starts with the line and column.
    """
    patch = protos.SavedModelPatch()
    try:
        parse_text_proto(text, patch)
    except text_format.ParseError as error:
        place, separator, detail = str(error).partition(" : ")
        position = f"{place}: " if separator else " "
        raise PatchError(position + _explained(detail or place)) from error
    return patch


def parse_json(text: str) -> protos.SavedModelPatch:
    """Parses a patch in protobuf's JSON format; fields may be named as in the proto.

    Raises:
        PatchError: If it is none; starts with the line and column where those are known.
    """
    try:
        values = parse_json_value(text)
    except json.JSONDecodeError as error:
        raise PatchError(f"{error.lineno}:{error.colno}: {error.msg}.") from error
    except ValueError as error:
        raise PatchError(f" not the JSON of a patch: {error}.") from error
    return parse_values(values, text)


def parse_values(values: object, text: str = "") -> protos.SavedModelPatch:
    """Makes a patch of JSON values, as `patch_json` returns them.

    Args:
        values: The values.
        text: The JSON that they were read from, in which errors name the place.

    Raises:
        PatchError: If they are none; starts with the line and column where those are known.
    """
    patch = protos.SavedModelPatch()
    if not isinstance(values, dict):
        raise PatchError("1:1: the JSON of a patch is an object.")
    try:
        # Protobuf crashes on half a surrogate pair, which this refuses.
        json.dumps(values, ensure_ascii=False).encode()
        json_format.ParseDict(values, patch)
    except (json_format.ParseError, AttributeError, TypeError) as error:
        raise PatchError(_position(text, str(error)) + _explained(str(error))) from error
    except (ValueError, RecursionError) as error:
        raise PatchError(f" not the JSON of a patch: {error}.") from error
    return patch


def format_patch(patch: protos.SavedModelPatch) -> str:
    """Writes a patch in text format; `parse_text` reads it back."""
    return _HEADER + visible_text_proto(text_format.MessageToString(patch, as_utf8=True))


def patch_json(patch: protos.SavedModelPatch) -> dict[str, Any]:
    """Returns a patch as JSON values; `parse_json` reads them back."""
    return json_format.MessageToDict(patch, preserving_proto_field_name=True)


def _explained(detail: str) -> str:
    """Returns protobuf's words for an error in one line, with the fields there are."""
    unknown = _UNKNOWN_FIELD.search(detail)
    if not unknown:
        return " ".join(detail.split())
    fields = [field.name for field in getattr(protos, unknown["message"]).DESCRIPTOR.fields]
    suggestion = did_you_mean(unknown["field"], fields)
    return f"{unknown['said']}. {suggestion[0].upper()}{suggestion[1:]}."


def _position(text: str, detail: str) -> str:
    """Finds the line and column of a field in JSON that protobuf does not know."""
    unknown = _UNKNOWN_FIELD.search(detail)
    if not unknown:
        return " "
    for path, offset in json_keys(text):
        if path == f"{unknown['path']}.{unknown['field']}":
            line_start = text.rfind("\n", 0, offset) + 1
            return f"{text.count(chr(10), 0, offset) + 1}:{offset - line_start + 1}: "
    return " "


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]')


def json_keys(text: str) -> Iterator[tuple[str, int]]:
    """Yields every key of every object with its offset.

    Args:
        text: Valid JSON.

    Yields:
        The path of the key, such as ``.signature[0].key``, and the offset of its opening quote.
    """
    # For each open container its path, and the position in a list or None in an object.
    open_containers: list[tuple[str, int | None]] = []
    path = ""
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            open_containers.append((path, None if token[0] == "{" else 0))
        elif token[0] in "}]":
            open_containers.pop()
        elif token[0] == ",":
            container, position = open_containers[-1]
            open_containers[-1] = container, None if position is None else position + 1
        elif _is_key(text, token.end()):
            path = f"{open_containers[-1][0]}.{json.loads(token[0])}"
            yield path, token.start()
        if open_containers and open_containers[-1][1] is not None:
            container, position = open_containers[-1]
            path = f"{container}[{position}]"


def _is_key(text: str, end: int) -> bool:
    return text[end:].lstrip(" \t\r\n").startswith(":")
