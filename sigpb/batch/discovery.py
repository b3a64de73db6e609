"""Finding the models below directories."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from sigpb.batch.selection import Root
from sigpb.batch.versions import VersionPolicy, version_of
from sigpb.publishing.changes import is_sigpbs_own
from sigpb.remote.urls import is_url
from sigpb.saved_model.files import BINARY_NAME, CHUNKED_NAME, TEXT_NAME

NO_MODEL = "there is no model in it."
"""The problem of a root below which nothing was found."""

_NAMES = {BINARY_NAME, TEXT_NAME, CHUNKED_NAME}


@dataclass(frozen=True, slots=True)
class Found:
    """A model that was found, or a directory that could not be looked into or holds none.

    Attributes:
        path: Its directory.
        name: The path relative to the root that it was found below; its own path if it is a root.
        version: The number that the directory's name is, below another root; else None.
        root: The root's place among the roots.
        problem: Why it could not be looked into, or `NO_MODEL`; None for a model.
    """

    path: str
    name: str
    version: int | None
    root: int
    problem: str | None = None


@dataclass(frozen=True)
class Discovery:
    """What was found.

    Attributes:
        models: The models, the directories that could not be looked into, and the roots without a
            model, by their paths.
        highest: The highest number that is a name in a directory with models of such names,
            whether or not there is a model.
    """

    models: tuple[Found, ...]
    highest: dict[str, int]

    def passed_over(self, versions: Iterable[VersionPolicy]) -> dict[str, VersionPolicy]:
        """Returns the models of versions that are not meant, by path.

        Args:
            versions: For each root which versions are.
        """
        policies = list(versions)
        passed_over: dict[str, VersionPolicy] = {}
        for (_, root), models in self._bases().items():
            policy = policies[root]
            chosen = policy.chosen(models)
            for version in models.keys() - chosen:
                passed_over |= dict.fromkeys(models[version], policy)
        return passed_over

    def missing(self, versions: Iterable[VersionPolicy]) -> dict[str, str]:
        """Returns what is said of versions that are meant by number and not there, by path.

        Args:
            versions: For each root which versions are meant.
        """
        policies = list(versions)
        return {
            posixpath.join(base, str(number)): f"there is no version {number}; there are "
            f"{', '.join(map(str, sorted(models)))}."
            for (base, root), models in self._bases().items()
            for number in sorted((policies[root].numbers or frozenset()) - models.keys())
        }

    def _bases(self) -> dict[tuple[str, int], dict[int, list[str]]]:
        """Returns the paths of models by the directory above and their root, and by version."""
        bases: dict[tuple[str, int], dict[int, list[str]]] = {}
        for found in self.models:
            if found.version is not None:
                models = bases.setdefault((posixpath.dirname(found.path), found.root), {})
                models.setdefault(found.version, []).append(found.path)
        return bases


def is_model(directory: Path) -> bool:
    """Whether a directory of this machine holds a model."""
    return any((directory / name).is_file() for name in _NAMES)


def discover(roots: Iterable[Root], files: FileSystem) -> Discovery:
    """Finds every model at or below roots, each once.

    Symbolic links are followed, except to a directory that holds the root. What sigpb keeps or left
    there is passed over, and so is what is in a model.

    Args:
        roots: Where to look.
        files: The file system that they are in.
    """
    walk = _Walk(files)
    found = [each for index, root in enumerate(roots) for each in walk.below(root.path, index)]
    return Discovery(tuple(found), walk.highest)


@dataclass
class _Walk:
    files: FileSystem
    seen: set[str] = field(default_factory=set)
    highest: dict[str, int] = field(default_factory=dict)

    def below(self, root: str, index: int) -> list[Found]:
        """Returns what is at or below a root, in the order of names; links come last."""
        real_root = self.files.real_path(root)
        was_seen = False
        found: list[Found] = []
        links: list[str] = []
        waiting = [(root, real_root)]
        while waiting:
            path, real = waiting.pop()
            was_seen |= real in self.seen
            for each in self._directory(path, real, waiting, links):
                name = each.path[len(root) :].lstrip("/") or root
                version = None if each.path == root else each.version
                found.append(Found(each.path, name, version, index, each.problem))
            while links and not waiting:  # So that a link does not take a model's own place.
                link = links.pop()
                target = self.files.real_path(link)
                if not PurePosixPath(real_root).is_relative_to(target):
                    waiting.append((link, target))
        if not found and not was_seen:
            found.append(Found(root, root, None, index, NO_MODEL))
        return found

    def _directory(
        self, path: str, real: str, waiting: list[tuple[str, str]], links: list[str]
    ) -> Iterator[Found]:
        if real in self.seen:
            return
        self.seen.add(real)
        version = version_of(posixpath.basename(path))
        try:
            entries = self.files.entries(path)
        except OSError as error:
            yield Found(path, "", version, 0, f"{path}: {error.strerror or error}.")
            return
        if any(entry.name in _NAMES and not entry.is_directory for entry in entries):
            yield Found(path, "", version, 0)
            return
        versions = [-1]
        for entry in sorted(entries, reverse=True):
            if not entry.is_directory or is_sigpbs_own(Path(entry.name)):
                continue
            below = posixpath.join(path, entry.name)
            number = version_of(entry.name)
            versions.append(-1 if number is None else number)
            if entry.is_link:
                links.append(below)
            else:
                waiting.append((below, posixpath.join(real, entry.name)))
        if max(versions) >= 0:
            self.highest[path] = max(versions)


class Entry(NamedTuple):
    """What a directory holds.

    Attributes:
        name: Its name in the directory.
        is_directory: Whether it is one, or a link to one.
        is_link: Whether it is a symbolic link.
    """

    name: str
    is_directory: bool
    is_link: bool = False


class FileSystem(Protocol):
    """A tree of directories. Paths are text, in parts joined by slashes."""

    def entries(self, directory: str) -> Sequence[Entry]:
        """Returns what a directory holds.

        Raises:
            OSError: If it cannot be read, or is none.
        """

    def real_path(self, path: str) -> str:
        """Returns the path without links, the same for all paths of a directory."""


def file_system_of(path: str) -> FileSystem:
    """Returns the file system that a path is in."""
    if is_url(path):
        from sigpb.batch.remote_place import RemoteFileSystem

        return RemoteFileSystem()
    return LocalFileSystem()


class LocalFileSystem:
    """The file system of this machine."""

    def entries(self, directory: str) -> Sequence[Entry]:
        """See `FileSystem`."""
        with os.scandir(directory) as scanned:
            return [Entry(each.name, _is_directory(each), each.is_symlink()) for each in scanned]

    def real_path(self, path: str) -> str:
        """See `FileSystem`."""
        return os.path.realpath(path)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that leads to itself.
        return False
