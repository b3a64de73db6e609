"""Exchanging files of a model that may be in use, and putting them back if that fails.

The main proto is replaced in one step. The files that describe it are away before that and come
back after it, so that they are never next to the wrong one, whenever the process ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import BACKUP_PREFIX, LocatedChange, temporary_name
from sigpb.publishing.new_files import (
    keep_ownership,
    link_or_copy,
    mode_of,
    parents_of,
    removed_at_exit,
    sync_directory,
    write_file,
)
from sigpb.regular_files import is_there


@dataclasses.dataclass(frozen=True, slots=True)
class Replacement:
    """A file to be moved to where another one is or was.

    Attributes:
        target: The path that it gets.
        new: The path that it has, in the same directory; None to have the target removed.
        is_main: Whether it is the main proto.
    """

    target: Path
    new: Path | None
    is_main: bool


def exchange(replacements: Iterable[Replacement]) -> None:
    """Puts files in the place of others.

    Args:
        replacements: The files; of several main protos, the one that loaders prefer last.

    Raises:
        OSError: If a step failed. The main proto is the old or the new one, and what is there of
            the other files belongs to it.
    """
    mains = [each for each in replacements if each.is_main]
    others = [each for each in replacements if not each.is_main]
    for other in others:
        other.target.unlink(missing_ok=True)
    _sync_directories_of(others)
    for main in mains:
        if main.new is not None:
            main.new.replace(main.target)
    for main in mains:
        if main.new is None:
            main.target.unlink(missing_ok=True)
    _sync_directories_of(mains)
    for other in others:
        if other.new is not None:
            other.new.replace(other.target)
    _sync_directories_of(others)


@contextlib.contextmanager
def locked(model: Path) -> Iterator[None]:
    """Keeps other processes from exchanging files of the same model.

    Raises:
        EnvironmentFailure: If one is at it already.
    """
    directory = os.open(model, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems cannot lock a directory.
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise EnvironmentFailure(
                    f"Another process is patching {model}. Wait for it to end, and try again. "
                    "Nothing was changed."
                ) from error
        yield
    finally:
        os.close(directory)


@contextlib.contextmanager
def new_file(model: Path, change: LocatedChange) -> Iterator[Replacement]:
    """Writes what is to replace a file beside it; at exit nothing is left of it there."""
    target = model / change.path
    if change.content is None:
        yield Replacement(target, None, change.is_main)
        return
    new = target.with_name(temporary_name(target.name))
    with parents_of(new), removed_at_exit(new):
        write_file(new, change.content, mode=mode_of(target))
        keep_ownership(target, new)
        yield Replacement(target, new, change.is_main)


@contextlib.contextmanager
def previous_files(model: Path, changes: Iterable[LocatedChange]) -> Iterator[Path]:
    """Keeps the files that will be replaced or removed in a directory of the model.

    At exit it is removed, unless it was moved to another name.
    """
    directory = model / temporary_name("backup")
    with removed_at_exit(directory):
        directory.mkdir()
        for change in changes:
            if is_there(model / change.path):
                kept = directory / change.path
                kept.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(model / change.path, kept)
        for parent, _, _ in os.walk(directory, topdown=False):
            sync_directory(Path(parent))
        yield directory


def next_backup(model: Path) -> Path:
    """Returns the path of the next backup directory of a model."""
    suffixes = [path.name[len(BACKUP_PREFIX) :] for path in model.glob(f"{BACKUP_PREFIX}*")]
    last = max((int(suffix) for suffix in suffixes if suffix.isdecimal()), default=0)
    return model / f"{BACKUP_PREFIX}{last + 1:04}"


def put_back(model: Path, changes: Iterable[LocatedChange], kept: Path) -> None:
    """Undoes an exchange that failed half-way.

    Args:
        model: The model's directory.
        changes: What was to be changed.
        kept: The directory that `previous_files` filled.

    Raises:
        OSError: See `exchange`.
    """
    with contextlib.ExitStack() as cleanup:
        exchange(
            [
                cleanup.enter_context(previous_file(model, change, kept))
                for change in changes
                if not _is_same(model / change.path, kept / change.path)
            ]
        )


@contextlib.contextmanager
def previous_file(model: Path, change: LocatedChange, kept: Path) -> Iterator[Replacement]:
    """Puts a file of a backup beside the one that it is to replace; at exit it is gone there."""
    target = model / change.path
    if not is_there(kept / change.path):
        yield Replacement(target, None, change.is_main)
        return
    previous = target.with_name(temporary_name(target.name))
    with removed_at_exit(previous):
        link_or_copy(kept / change.path, previous)
        yield Replacement(target, previous, change.is_main)


def _is_same(path: Path, other: Path) -> bool:
    """Whether there is the same at two paths, or nothing at either."""
    if not is_there(path) or not is_there(other):
        return is_there(path) == is_there(other)
    if os.path.samestat(path.lstat(), other.lstat()):
        return True
    from filecmp import cmp

    # What cannot be linked was copied; it may be what cannot be replaced either.
    return path.is_file() and other.is_file() and cmp(path, other, shallow=False)


def _sync_directories_of(replacements: Iterable[Replacement]) -> None:
    for directory in {each.target.parent for each in replacements}:
        sync_directory(directory)
