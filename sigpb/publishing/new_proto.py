"""Putting one new file on the disk, alone or in a new directory, whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.publishing.changes import Content, temporary_name
from sigpb.publishing.failures import explained
from sigpb.publishing.new_files import parents_of, removed_at_exit, sync_directory, write_file
from sigpb.publishing.output_dir import resolve_output
from sigpb.regular_files import is_there

# The file system has no hard links.
_CANNOT_LINK = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}


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


def publish_directory(output: Path, name: str, content: Content) -> None:
    """Makes a new directory with one file in it that appears complete and at once.

    Args:
        output: Where; nothing, or an empty directory: see `check_output_dir`. Missing parents are
            created.
        name: Of the file.
        content: What it is to hold.

    Raises:
        EnvironmentFailure: If it cannot be written. Nothing is left.
    """
    with explained(f"write {output}", "Nothing was left behind."):
        target = resolve_output(output)
        stage = target.with_name(temporary_name(target.name))
        with parents_of(stage), removed_at_exit(stage):
            stage.mkdir()
            write_file(stage / name, content, mode=None)
            sync_directory(stage)
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
