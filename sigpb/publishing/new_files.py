"""Creating files that are on the disk, not just in memory, once the function returns.

No function here overwrites anything. All raise `OSError`, with the paths in it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import mmap
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from sigpb import phases
from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import (
    Content,
    LocatedChange,
    SplicedFile,
    WholeFile,
    find_main_proto,
)
from sigpb.publishing.durability import EACH_FILE, TURN, EachFile
from sigpb.regular_files import open_descriptor
from sigpb.saved_model.files import FileState, is_elsewhere
from sigpb.wire.write import write_pieces

_CHUNK_SIZE = 1 << 20

Linked: TypeAlias = bool | Literal["own"]
"""Whether files become hard links where that is possible, or only those of the model itself."""

# ioctl_ficlone(2), which older versions of Python do not name.
_FICLONE = 0x40049409

# A link is out of the question here: another file system, one without hard links, a file with as
# many as it can have, or one of another user (fs.protected_hardlinks).
_CANNOT_LINK = {
    errno.EACCES,
    errno.EMLINK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EXDEV,
}


def write_file(
    path: Path, content: Content, *, mode: int | None, durability: EachFile = EACH_FILE
) -> None:
    """Writes a new file.

    Args:
        path: Where; there must be nothing yet.
        content: What.
        mode: Permission bits; None for those that new files have.
        durability: How it is brought to the disk.

    Raises:
        EnvironmentFailure: If the file that it is made of changes meanwhile, or is not at hand.
    """
    if isinstance(content, (SplicedFile, WholeFile)):
        _check_at_hand(content.source)
    with _created(path) as target:
        if mode is not None:
            os.fchmod(target, mode)
        if isinstance(content, SplicedFile):
            _splice(content, target)
        elif isinstance(content, WholeFile):
            with _opened(content.source) as source:
                _copy_whole(content.source, source, target)
        else:
            _write_all(target, content)
        if phases.is_detailed():
            phases.detail(f"write {path}: {os.fstat(target).st_size:,} bytes")
        durability.wrote(target)


def write_change(
    model: Path,
    change: LocatedChange,
    path: Path,
    *,
    linked: Linked,
    durability: EachFile = EACH_FILE,
) -> Path | None:
    """Writes the new content of a file of a model, with the permission bits that it is to have.

    A new file that loaders need gets those of the proto.

    Args:
        model: The model's directory, as a resolved path.
        change: The file, and its content.
        path: Where; there must be nothing yet.
        linked: Which files that come whole share their data with those they come from.
        durability: How it is brought to the disk.

    Returns:
        The file whose owner it is to have in place of a file of the model, if there is one.

    Raises:
        EnvironmentFailure: If a file that it is made of changes meanwhile.
    """
    content, target = change.content, model / change.path
    assert content is not None, "it is removed"
    if isinstance(content, WholeFile):
        source = content.source.resolve()
        is_own = source.is_relative_to(model)
        if is_own or linked is True:
            reproduce = link_or_copy if linked else copy_file
            reproduce(source, path, durability)
            return source if is_own else None
    like = target
    if not target.exists() and change.role.is_loaded:
        like = find_main_proto(model)
    write_file(path, content, mode=mode_of(like), durability=durability)
    return like


def _check_at_hand(file: Path) -> None:
    if is_elsewhere(file):
        raise EnvironmentFailure(
            f"{file} would have to be read, and it is in a store from which only protos are "
            "fetched. Copy the model to this machine and patch that; or, if it is for the "
            "variables of an adapter, make these constants with freeze: true."
        )


def copy_file(source: str | Path, target: str | Path, durability: EachFile = EACH_FILE) -> None:
    """Copies a regular file with its mode and times, without moving the data where it can.

    Raises:
        EnvironmentFailure: If the file changes while it is copied.
    """
    with _opened(source) as source_fd, _created(target) as target_fd:
        status = os.fstat(source_fd)
        _copy_whole(source, source_fd, target_fd)
        imitate(target_fd, status)
        durability.wrote(target_fd)


def link_or_copy(source: str | Path, target: str | Path, durability: EachFile = EACH_FILE) -> None:
    """Makes a hard link to a file or symbolic link, or a copy where that is impossible."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        if Path(source).is_symlink():
            Path(target).symlink_to(Path(source).readlink())
        else:
            copy_file(source, target, durability)


def imitate(fd: int, status: os.stat_result) -> None:
    """Gives an open file or directory the permission bits and times of another one."""
    os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.fchmod(fd, stat.S_IMODE(status.st_mode))


def keep_ownership(old: Path, new: Path) -> None:
    """Gives a file the owner, the group and the extended attributes of the one that it replaces.

    Access control lists are such attributes. What only root may give is left out for others.
    """
    with contextlib.suppress(FileNotFoundError):
        status = old.stat()
        with contextlib.suppress(PermissionError):  # Others may still give files to their groups.
            os.chown(new, status.st_uid, status.st_gid)
        if sys.platform == "linux":
            _keep_attributes(old, new)


def _keep_attributes(old: Path, new: Path) -> None:
    wanted, given = _attributes(old), _attributes(new)
    for name in wanted | given:
        try:
            if name not in wanted:  # The directory's default access control list, for instance.
                os.removexattr(new, name)
            elif wanted[name] != given.get(name):
                os.setxattr(new, name, wanted[name])
        except PermissionError:
            if not name.startswith(("security.", "trusted.")):
                raise


def _attributes(path: Path) -> dict[str, bytes]:
    try:
        return {name: os.getxattr(path, name) for name in os.listxattr(path)}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            return {}  # The file system has none.
        raise


def sync_directory(
    directory: str | Path, *, like: os.stat_result | None = None, durability: EachFile = EACH_FILE
) -> None:
    """Brings the entries of a directory to the disk; `like` is whose mode and times it gets."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        with _closing(fd, directory):
            if like is not None:
                imitate(fd, like)
            durability.wrote(fd)
    except OSError as error:
        # Some file systems cannot, and need not; nor can who may add files but not list them.
        if error.errno not in (errno.EINVAL, errno.EACCES):
            raise


def mode_of(path: Path) -> int | None:
    """Returns the permission bits of a file, or None if there is no file."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


@contextlib.contextmanager
def parents_of(path: Path) -> Iterator[None]:
    """Creates the missing parents of what is about to be created; removes them if that fails."""
    missing = list(itertools.takewhile(lambda parent: not parent.exists(), path.parents))
    try:
        for directory in reversed(missing):
            directory.mkdir(exist_ok=True)
            sync_directory(directory.parent)
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # Others may have put something there as well.
            for directory in missing:
                directory.rmdir()
        raise


@contextlib.contextmanager
def removed_at_exit(path: Path) -> Iterator[None]:
    """Removes what is at a path by then: a file, a directory and all that it holds, or nothing."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            remove(path)


def remove(path: Path) -> None:
    """Removes what is at a path, if there is anything: a file, or a directory as `remove_tree`."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def remove_tree(directory: Path) -> None:
    """Removes a directory as far as possible, also if it or others in it are read-only."""
    with contextlib.suppress(OSError):
        directory.chmod(stat.S_IRWXU)
        for parent, names, _ in os.walk(directory):
            for name in names:
                if not (path := Path(parent, name)).is_symlink():
                    path.chmod(stat.S_IRWXU)
    from shutil import rmtree

    rmtree(directory, ignore_errors=True)


def _splice(content: SplicedFile, target: int) -> None:
    with _opened(content.source) as source, _unchanged(content.source, source):
        empty = not os.fstat(source).st_size  # which cannot be mapped
        buffer = b"" if empty else mmap.mmap(source, 0, access=mmap.ACCESS_READ)
        write_pieces(content.pieces, buffer, source, target)


def _copy_whole(path: str | Path, source: int, target: int) -> None:
    is_large = os.fstat(source).st_size > _CHUNK_SIZE
    with _unchanged(path, source), TURN.left() if is_large else contextlib.nullcontext():
        _copy_data(source, target)


def _copy_data(source: int, target: int) -> None:
    """Copies the data of a file, or has the kernel do it or the file system share it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.ioctl(target, _FICLONE, source)
            return
        with contextlib.suppress(OSError):
            while os.copy_file_range(source, target, _CHUNK_SIZE << 10):
                pass
    # Whatever stopped the kernel, if anything, these stop too if it is serious.
    while chunk := os.read(source, _CHUNK_SIZE):
        _write_all(target, chunk)


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


@contextlib.contextmanager
def _unchanged(path: str | Path, fd: int) -> Iterator[None]:
    before = FileState.of(fd)
    yield
    if FileState.of(fd) != before:
        raise EnvironmentFailure(
            f"{path} changed while it was being copied. Make sure that nothing else writes to the "
            "model, and try again."
        )


@contextlib.contextmanager
def _created(path: str | Path) -> Iterator[int]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with _closing(fd, path):
        yield fd


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[int]:
    fd = open_descriptor(path)
    with _closing(fd, path):
        yield fd


@contextlib.contextmanager
def _closing(fd: int, path: str | Path) -> Iterator[None]:
    """Closes a file, and names it in errors of calls that know it by its number only."""
    try:
        yield
    except OSError as error:
        if not isinstance(error.filename, str):
            error.filename = str(path)
        raise
    finally:
        os.close(fd)
