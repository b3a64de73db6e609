"""New outputs: whether one can be at a path, and putting a file there, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.publishing.changes import Content, temporary_name
from sigpb.publishing.failures import explained
from sigpb.publishing.new_files import parents_of, removed_at_exit, sync_directory, write_file
from sigpb.regular_files import is_there, is_url

# The file system has no hard links.
_CANNOT_LINK = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}


def local_output(output_dir: str | Path | None) -> Path | None:
    """Returns where a new model is to be that is written to this machine; None if nowhere.

    Raises:
        UsageError: If it is a URL.
    """
    if is_url(str(output_dir)):
        raise UsageError(f"{output_dir}: the new model is written to this machine. Name a path.")
    return None if output_dir is None else Path(output_dir)


def check_output_file(output: Path) -> None:
    """Checks that a new file can be made at a path, before any work goes into it.

    Raises:
        UsageError: If something is there.
    """
    if is_there(output):
        raise UsageError(f"{output} exists. Name a file that does not exist yet.")


def publish_file(output: Path, content: Content) -> None:
    """Makes a new file that appears complete and at once.

    Args:
        output: Where; there must be nothing yet. Missing parents are created.
        content: What it is to hold.

    Raises:
        UsageError: See `check_output_file`.
        EnvironmentFailure: If it cannot be written. Nothing is left.
    """
    check_output_file(output)
    with explained(f"write {output}", "Nothing was left behind."):
        target = resolve_output(output)
        stage = target.with_name(temporary_name(target.name))
        with parents_of(stage), removed_at_exit(stage):
            write_file(stage, content, mode=None)
            _rename_to_new(stage, target)
            sync_directory(target.parent)


def publish_directory(output: Path, files: Mapping[str, Content]) -> None:
    """Makes a new directory with some files in it that appears complete and at once.

    Args:
        output: Where; nothing, or an empty directory: see `check_output_dir`. Missing parents are
            created.
        files: What they are to hold, by their paths in the directory.

    Raises:
        EnvironmentFailure: If it cannot be written. Nothing is left.
    """
    with explained(f"write {output}", "Nothing was left behind."):
        target = resolve_output(output)
        stage = target.with_name(temporary_name(target.name))
        with parents_of(stage), removed_at_exit(stage):
            stage.mkdir()
            directories = {stage}
            for name, content in files.items():
                file = stage / name
                file.parent.mkdir(parents=True, exist_ok=True)
                directories |= {each for each in file.parents if each.is_relative_to(stage)}
                write_file(file, content, mode=None)
            for directory in sorted(directories, reverse=True):
                sync_directory(directory)
            try:
                stage.rename(target)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTDIR, errno.ENOTEMPTY):
                    raise
                raise _came_into_being(target) from error
            sync_directory(target.parent)


def _rename_to_new(stage: Path, target: Path) -> None:
    """Gives a file its name, unless another one got it meanwhile, which a rename would replace."""
    try:
        os.link(stage, target)
    except FileExistsError as error:
        raise _came_into_being(target) from error
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        if is_there(target):
            raise _came_into_being(target) from error
        stage.rename(target)


def _came_into_being(target: Path) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"{target} came into being while its content was made. It stays as it is, and nothing was "
        "left behind: name another output."
    )


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
