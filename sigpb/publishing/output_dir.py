"""The directory that a copy of a model is to appear at."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from sigpb.errors import UsageError
from sigpb.publishing.failures import explained


def resolve_output(output_dir: Path) -> Path:
    """Returns the path without symbolic links, except for its last part: that is to be replaced."""
    if output_dir.name in ("", ".."):
        return Path(os.path.realpath(output_dir))
    return Path(os.path.realpath(output_dir.parent), output_dir.name)


def check_output_dir(model_dir: Path, output_dir: Path) -> None:
    """Checks that a copy of a model can be made at a path, before any work goes into it.

    Args:
        model_dir: The model's directory.
        output_dir: Where the copy is to appear: nothing, or an empty directory.

    Raises:
        UsageError: If something else is there, or if one directory lies in the other.
        EnvironmentFailure: If that cannot be found out.
    """
    with explained(f"use {output_dir} as the output directory", "Nothing was changed."):
        _check(model_dir, output_dir)


def _check(model_dir: Path, output_dir: Path) -> None:
    model, output = Path(os.path.realpath(model_dir)), resolve_output(output_dir)
    output_in_model, model_in_output = _lies_in(output, model), _lies_in(model, output)
    if output_in_model and model_in_output:
        raise UsageError(
            f"The output directory {output_dir} is the model itself. Name another one, or have the "
            "model patched in place."
        )
    if output_in_model:
        raise UsageError(
            f"The output directory {output_dir} lies inside the model {model_dir}. Name one "
            "outside of it."
        )
    if model_in_output:
        raise UsageError(
            f"The model {model_dir} lies inside the output directory {output_dir}. Name one that "
            "does not exist yet."
        )
    if obstacle := _find_obstacle(output):
        raise UsageError(
            f"The output directory {output_dir} {obstacle}. Name one that does not exist yet, or "
            "is empty."
        )


def _find_obstacle(output: Path) -> str | None:
    try:
        mode = output.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(mode):
        return "is a file"
    if output.is_mount():
        return "is a mount point, which cannot be replaced"
    return "is not empty" if any(output.iterdir()) else None


def _lies_in(path: Path, directory: Path) -> bool:
    """Whether a path is a directory or lies in it, however the two are spelt or mounted."""
    try:
        wanted = os.stat(directory)
    except FileNotFoundError:
        return False
    each, inner = os.fspath(path), None
    while each != inner:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(each), wanted):
                return True
        inner, each = each, os.path.dirname(each)
    return False
