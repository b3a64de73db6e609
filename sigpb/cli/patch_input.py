"""What ``--patch`` names: a file, or the standard input."""

from __future__ import annotations

import sys

from sigpb import protos
from sigpb.cli.arguments import STANDARD_INPUT
from sigpb.errors import EnvironmentFailure, PatchError


def read_patch(path: str) -> protos.SavedModelPatch:
    """Reads the patch that ``--patch`` names.

    Args:
        path: A file, as `load_patch` takes it, or ``-``.

    Raises:
        PatchError: If it is not a patch. Nothing at all is none: what was to write it has failed.
        EnvironmentFailure: If it cannot be read.
    """
    from sigpb.patching.patch_file import load_patch, parse_either

    if path != STANDARD_INPUT:
        return load_patch(path)
    if sys.stdin is None:  # The caller closed it.
        raise EnvironmentFailure("standard input: it is closed, and --patch=- reads a patch there.")
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PatchError(f"standard input: not UTF-8 text: {error}.") from error
    except OSError as error:
        raise EnvironmentFailure(f"standard input: {error.strerror}.") from error
    if not text.strip():
        raise PatchError("standard input: it is empty, and --patch=- reads a patch there.")
    try:
        return parse_either(text)
    except PatchError as error:
        raise PatchError(f"standard input:{error}") from error
