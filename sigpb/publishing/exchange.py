"""Exchanging files of a model that may be in use, and putting them back if that fails.

The main proto is replaced in one step. The files that describe it are away before that and come
back after it, so that they are never next to the wrong one, whenever the process ends.

What the proto needs to be loaded is there all the time. Shards of the checkpoint and assets come
first, under names that nothing had, and those that are not needed any more go last. The index of
the checkpoint is replaced in one step too: before the proto if it names all that the old one names,
which is all that the old proto asks for; behind the proto if it names less.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sigpb.errors import EnvironmentFailure, ModelUnreadable, UsageError
from sigpb.publishing.changes import (
    ADDED_NAME,
    BACKUP_PREFIX,
    LocatedChange,
    Role,
    WholeFile,
    added_in,
    list_added,
    temporary_name,
)
from sigpb.publishing.new_files import (
    keep_ownership,
    link_or_copy,
    parents_of,
    removed_at_exit,
    sync_directory,
    write_change,
    write_file,
)
from sigpb.regular_files import is_there
from sigpb.saved_model.files import read_side_file


@dataclasses.dataclass(frozen=True, slots=True)
class Replacement:
    """A file to be moved to where another one is or was.

    Attributes:
        target: The path that it gets.
        new: The path that it has, in the same directory; None to have the target removed.
        role: What it is to loaders.
    """

    target: Path
    new: Path | None
    role: Role


def exchange(replacements: Iterable[Replacement]) -> None:
    """Puts files in the place of others.

    Args:
        replacements: The files; of several main protos, the one that loaders prefer last.

    Raises:
        OSError: If a step failed. The main proto is the old or the new one, all that it needs is
            there, and what is there of the other files belongs to it.
    """
    of = {role: [each for each in replacements if each.role is role] for role in Role}
    beside, loaded = of[Role.BESIDE], of[Role.LOADED]
    exchanged = [of[Role.INDEX], of[Role.PROTO]]
    for index in of[Role.INDEX]:
        new = None if index.new is None else read_side_file(index.new)
        if not names_all(read_side_file(index.target), new):
            exchanged.reverse()
    for other in beside:
        other.target.unlink(missing_ok=True)
    _sync_directories_of(beside)
    _put(loaded)
    for each in exchanged:
        _put(each)
        _remove(each)
    _put(beside)
    _remove(loaded)


def _put(replacements: Iterable[Replacement]) -> None:
    new = [(each, each.new) for each in replacements if each.new is not None]
    for each, path in new:
        path.replace(each.target)
    _sync_directories_of(each for each, _ in new)


def _remove(replacements: Iterable[Replacement]) -> None:
    old = [each for each in replacements if each.new is None]
    for each in old:
        each.target.unlink(missing_ok=True)
    _sync_directories_of(old)


def check_exchange(model: Path, changes: Iterable[LocatedChange]) -> None:
    """Makes sure that files can be exchanged while others load the model.

    Args:
        model: The model's directory.
        changes: What is to become of its files.

    Raises:
        UsageError: See `check_index`.
        EnvironmentFailure: If a shard or an asset would get other content under its name.
        ModelUnreadable: If an index cannot be read.
    """
    for change in changes:
        file, content = model / change.path, change.content
        is_itself = isinstance(content, WholeFile) and content.source.resolve() == file
        if change.role is Role.INDEX:
            assert content is None or isinstance(content, bytes), "it is small"
            check_index(model, read_side_file(file), content)
        is_new = change.role is Role.LOADED and content is not None and not is_itself
        if is_new and is_there(file):
            raise name_in_use(file)


def name_in_use(file: Path | str) -> EnvironmentFailure:
    """Returns the error for a shard or an asset that would have to be replaced in place."""
    return EnvironmentFailure(
        f"{file} is there already, and whoever loads the model may be reading it, so it is not "
        "replaced in place. Remove it if the model does not need it, or have the output written "
        "elsewhere."
    )


def check_index(model: Path | str, old: bytes | None, new: bytes | None) -> None:
    """Makes sure that an index of a checkpoint can be replaced while others load the model.

    Args:
        model: The model's directory, by its path or URL.
        old: What the index holds; None if there is none.
        new: What it is to hold.

    Raises:
        UsageError: If neither the old proto would work with the new index, nor the new proto with
            the old one.
        ModelUnreadable: If one of them is damaged.
    """
    before, after = _keys(old), _keys(new)
    if before - after and after - before:
        raise UsageError(
            f"{model} cannot be patched in place in one step: the patch takes variables out of the "
            f"checkpoint, such as {_first(before - after)}, and adds others, such as "
            f"{_first(after - before)}, so that whoever loads the model meanwhile would find "
            "neither the old ones nor the new ones. Use one patch that takes out and one that "
            "adds, or --output_dir."
        )


def names_all(old: bytes | None, new: bytes | None) -> bool:
    """Whether a new index names all that an old one does, as far as both can be read."""
    with contextlib.suppress(ModelUnreadable):  # A damaged one can be put in order, too.
        return _keys(old) <= _keys(new)
    return False


def _keys(index: bytes | None) -> set[bytes]:
    """Returns the keys of the variables that an index names; none without an index."""
    from sigpb.saved_model.sorted_table import read_table  # few patches change it

    return set() if index is None else {key for key, _ in read_table(index)}


def _first(keys: set[bytes]) -> str:
    return repr(min(keys).decode(errors="backslashreplace"))


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
        yield Replacement(target, None, change.role)
        return
    new = target.with_name(temporary_name(target.name))
    with parents_of(new), removed_at_exit(new):
        like = write_change(model, change, new, linked="own")
        if like is not None:
            keep_ownership(like, new)
        yield Replacement(target, new, change.role)


@contextlib.contextmanager
def previous_files(model: Path, changes: Iterable[LocatedChange]) -> Iterator[Path]:
    """Keeps the files that will be replaced or removed in a directory of the model.

    At exit it is removed, unless it was moved to another name. If there will be others that loaders
    need, their names are kept too: see `added_files`.
    """
    directory = model / temporary_name("backup")
    with removed_at_exit(directory):
        directory.mkdir()
        added = []
        for change in changes:
            if is_there(model / change.path):
                kept = directory / change.path
                kept.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(model / change.path, kept)
            elif change.role.is_loaded:
                added.append(str(change.path))
        if added:
            write_file(directory / ADDED_NAME, list_added(added), mode=None)
        for parent, _, _ in os.walk(directory, topdown=False):
            sync_directory(Path(parent))
        yield directory


def added_files(backup: Path) -> frozenset[str]:
    """Returns the shards, assets and the index that were not there when a backup was made."""
    return added_in(read_side_file(backup / ADDED_NAME))


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
        yield Replacement(target, None, change.role)
        return
    previous = target.with_name(temporary_name(target.name))
    with removed_at_exit(previous):
        link_or_copy(kept / change.path, previous)
        yield Replacement(target, previous, change.role)


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
