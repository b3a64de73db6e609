"""Copying the files of a model that stay as they are."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import advise_to_materialise, is_sigpbs_name, is_sigpbs_own
from sigpb.publishing.durability import EachFile
from sigpb.publishing.new_files import copy_file, link_or_copy, sync_directory

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """What a directory holds. All paths are relative to it.

    Attributes:
        root: The directory, as a resolved path.
        directories: The directories, outer ones first, without the root.
        files: The regular files.
        links: The symbolic links, each with the text that it has in a copy.
    """

    root: Path
    directories: tuple[str, ...]
    files: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def read_tree(root: Path, *, without: Set[str]) -> Tree:
    """Finds what is to be copied, and whether it can be, before anything is.

    Args:
        root: The model's directory, as a resolved path.
        without: Paths relative to it that are not to be copied.

    Returns:
        What there is, except for what sigpb itself left there.

    Raises:
        EnvironmentFailure: If a symbolic link leads outside the model or nowhere, or if there is
            something that is neither file, directory nor link.
        OSError: If a directory cannot be read.
    """
    directories, files, links = [], [], []
    for relative, entry in entries(root):
        if relative in without:
            continue
        if entry.is_symlink():
            links.append((relative, _text_for_copy(Path(entry.path), root)))
        elif entry.is_dir():
            directories.append(relative)
        elif entry.is_file():
            files.append(relative)
        else:
            kind = _KINDS.get(stat.S_IFMT(entry.stat().st_mode), "not a file")
            raise EnvironmentFailure(
                f"{entry.path} is {kind}. A model consists of files, directories and links between "
                "them: remove it, or move it elsewhere."
            )
    return Tree(root, tuple(directories), tuple(files), tuple(links))


def entries(root: str | Path, parent: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yields what a directory holds at any depth, outer directories first, without sigpb's own.

    Args:
        root: The directory.
        parent: What the paths that are yielded begin with.

    Yields:
        Paths relative to the directory, and what is there; links are not followed.

    Raises:
        OSError: If a directory cannot be read.
    """
    with os.scandir(root) as found:
        # The directories of a level come before its files, both in the order of their names.
        ordered = sorted(
            found, key=lambda each: (not each.is_dir(follow_symlinks=False), each.name)
        )
    inner = []
    for entry in ordered:
        if is_sigpbs_name(entry.name):
            continue
        relative = f"{parent}{entry.name}"
        yield relative, entry
        if entry.is_dir(follow_symlinks=False):
            inner.append((relative, entry))
    for relative, entry in inner:
        yield from entries(entry.path, f"{relative}/")


def copy_tree(tree: Tree, target: Path, *, hardlink: bool, durability: EachFile) -> None:
    """Copies a tree into an empty directory.

    The directories can be written to until `finish_directories` is called.

    Args:
        tree: What to copy.
        target: Where.
        hardlink: Whether the files are to be linked rather than copied, where that is possible.
        durability: How the files are brought to the disk.

    Raises:
        EnvironmentFailure: If a file changes while it is copied.
        OSError: If something cannot be read or written.
    """
    for directory in tree.directories:
        os.mkdir(f"{target}/{directory}", stat.S_IRWXU)
    for path, text in tree.links:
        os.symlink(text, f"{target}/{path}")
    reproduce = link_or_copy if hardlink else copy_file
    for path in tree.files:
        reproduce(f"{tree.root}/{path}", f"{target}/{path}", durability)


def finish_directories(
    tree: Tree, target: Path, added: Iterable[str], durability: EachFile
) -> None:
    """Gives the copies of directories mode and times, and brings all directories to the disk.

    Args:
        tree: What was copied.
        target: Where to.
        added: Other directories there, relative to it.
        durability: How they are brought to the disk.
    """
    for directory in sorted({*tree.directories, *added}, reverse=True):
        original = os.stat(f"{tree.root}/{directory}") if directory in tree.directories else None
        sync_directory(f"{target}/{directory}", like=original, durability=durability)
    sync_directory(target, like=os.stat(tree.root), durability=durability)


def _text_for_copy(link: Path, root: Path) -> str:
    """Returns a text for the copy of a link with which it stays inside the copy of the model."""
    text = link.readlink()
    try:
        real = Path(os.path.realpath(link, strict=True))
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOENT, errno.ENOTDIR):
            raise
        problem = "in a circle" if error.errno == errno.ELOOP else f"nowhere ({text})"
        raise EnvironmentFailure(
            f"{link} is a symbolic link that leads {problem}. Remove it, or restore what it is to "
            "lead to."
        ) from error
    if not real.is_relative_to(root) or is_sigpbs_own(real.relative_to(root)):
        raise EnvironmentFailure(
            f"{link} is a symbolic link that leads to {real}, outside the model. "
            f"{advise_to_materialise(root)}"
        )
    if _stays_inside(text, depth=len(link.parent.relative_to(root).parts)):
        return str(text)
    return os.path.relpath(real, link.parent)


def _stays_inside(text: Path, *, depth: int) -> bool:
    """Whether a link's text is certain not to lead out of the model at any step.

    It is relative and goes up first, by no more than the depth of the link; then it goes down. If
    it meets another link of the model on its way down, the same holds for that one's copy.
    """
    if text.is_absolute():
        return False
    parts = text.parts
    up = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
    return up <= depth and ".." not in parts[up:]
