"""Stores of objects, as finding models asks for them."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Sequence

from sigpb.batch.file_system import Entry
from sigpb.remote.store import store_of


class RemoteFileSystem:
    """Directories of stores.

    What is below the directory that is asked for first is listed with it, a thousand objects in a
    request, rather than with a request for each directory.
    """

    def __init__(self) -> None:
        self._trees: dict[str, dict[str, bool]] = {}

    def entries(self, directory: str) -> Sequence[Entry]:
        """See `FileSystem`."""
        if directory not in self._trees:
            self._list(directory)
        return [Entry(name, is_dir) for name, is_dir in self._trees[directory].items()]

    def real_path(self, path: str) -> str:
        """See `FileSystem`; there are no links."""
        return path

    def _list(self, root: str) -> None:
        files = store_of(root).files(root)
        if not files:
            raise FileNotFoundError(errno.ENOENT, "there is no such directory", root)
        self._trees[root] = {}
        for file in files:
            directory, (*parents, name) = root, file.split("/")
            for parent in parents:
                self._trees[directory][parent] = True
                directory = posixpath.join(directory, parent)
                self._trees.setdefault(directory, {})
            self._trees[directory].setdefault(name, False)
