"""A patch as callers of the Python functions may give it: as a message, a dict, text or a path."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from sigpb import protos
from sigpb.errors import EnvironmentFailure, PatchError, UsageError
from sigpb.patching.patch_file import load_patch, parse_either, parse_values
from sigpb.patching.plan import PatchLike
from sigpb.regular_files import is_there

# JSON, or the first field of a text proto behind comments; s3://bucket/file is neither.
_TEXT = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:[{\[]|\w+\s*(?::(?!//)|[{<]))")

_KINDS = "a SavedModelPatch, a dict, the path of a file, or the text of a patch"


def patch_of(given: PatchLike) -> protos.SavedModelPatch:
    """Returns the patch that is given in one of the forms that a patch has.

    Args:
        given: A message; a mapping as in the JSON form of a patch; a path, as `load_patch` takes
            it; or a text proto or JSON. A `str` is text if it has a line break or begins like a
            patch (``signature {``, ``id:``, ``{``), and a path otherwise.

    Raises:
        PatchError: If it is not a patch.
        UsageError: If it is something else, or a `str` that is a text and names a file too.
        EnvironmentFailure: If the file cannot be read.
    """
    if isinstance(given, protos.SavedModelPatch):
        return given
    if isinstance(given, Mapping):
        return _of_values(given)
    if isinstance(given, str):
        return _of_text(given) if _is_text(given) else _of_file(given)
    if isinstance(given, os.PathLike) and isinstance(path := os.fspath(given), str):
        return load_patch(path)
    raise UsageError(f"A patch is {_KINDS}; this is {type(given).__name__}.")


def _of_values(values: Mapping[str, Any]) -> protos.SavedModelPatch:
    try:
        plain = json.loads(json.dumps(dict(values)))  # Tuples are as good as lists.
    except (TypeError, ValueError, RecursionError) as error:
        raise PatchError(f"patch: the dict is not the JSON of a patch: {error}.") from error
    try:
        return parse_values(plain)
    except PatchError as error:
        raise PatchError(f"patch:{error}") from error


def _of_text(text: str) -> protos.SavedModelPatch:
    try:
        return parse_either(text)
    except PatchError as error:
        raise PatchError(f"patch:{error}") from error


def _of_file(path: str) -> protos.SavedModelPatch:
    if not path.strip():
        raise UsageError("An empty text is not a patch. {} is one that changes nothing.")
    try:
        return load_patch(path)
    except EnvironmentFailure as error:
        if _is_file(path):
            raise
        failure = EnvironmentFailure(
            f"{error} The text of a patch begins with a field, such as signature {{, or with {{."
        )
        failure.path = path
        raise failure from error


def _is_text(given: str) -> bool:
    """Whether a `str` is the text of a patch, and not a path.

    Raises:
        UsageError: If it can be both.
    """
    if "\n" in given:
        return True
    if not _TEXT.match(given):
        return False
    if _is_file(given):
        raise UsageError(
            f"{given!r} is the text of a patch, and a file has this name too. For the file, pass a "
            "pathlib.Path; for the text, add a line break at its end."
        )
    return True


def _is_file(path: str) -> bool:
    try:
        return is_there(path)
    except (OSError, ValueError):  # No file that can be opened has such a name.
        return False
