"""Places in stores of objects, and finding models there."""

from __future__ import annotations

import contextlib
import errno
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from sigpb.batch.discovery import Entry
from sigpb.batch.job import Job, Outcome
from sigpb.batch.place import NEW_FILES, composes, label_files_of
from sigpb.publishing.changes import Changes, is_sigpbs_own
from sigpb.remote import publish
from sigpb.remote.model import MAIN_PROTOS, FetchedModel, fetched
from sigpb.remote.store import store_of
from sigpb.saved_model import history
from sigpb.saved_model.model import SavedModel, open_model


class RemotePlace:
    """A place in a store, given by its URL."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._store = store_of(path)
        self._opened: FetchedModel | None = None

    def exists(self) -> bool:
        """See `Place`."""
        return bool(self._store.files(self.path))

    def names(self) -> list[str]:
        """See `Place`."""
        return self._store.names(self.path)

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        return self._store.read(f"{self.path}/{name}")

    def digest(self) -> str | None:
        """See `Place`."""
        digests = (self._store.digest(f"{self.path}/{name}") for name in MAIN_PROTOS)
        return next((digest for digest in digests if digest is not None), None)

    def sizes(self) -> dict[str, int]:
        """See `Place`."""
        files = self._opened.files if self._opened else self._store.files(self.path)
        return {name: file.size for name, file in files.items() if not is_sigpbs_own(Path(name))}

    @contextlib.contextmanager
    def opened(self, job: Job) -> Iterator[SavedModel]:
        """See `Place`."""
        index = job.fingerprint == "recompute"
        also = label_files_of(job.patch)
        with (
            fetched(
                self._store, self.path, index=index, also=also, composed=composes(job.patch)
            ) as self._opened,
            open_model(self._opened.directory) as model,
        ):
            yield model

    def complete(self) -> None:
        """See `Place`."""
        self._fetched.complete()

    def publish_in_place(self, job: Job, model: SavedModel, changes: Changes) -> None:
        """See `Place`."""
        publish.publish_in_place(self._fetched, changes, job.id)

    def publish_copy(self, job: Job, model: SavedModel, changes: Changes, output: str) -> None:
        """See `Place`."""
        publish.publish_copy(self._fetched, output, changes, job.id)

    def backup(self, job: Job) -> str:
        """See `Place`."""
        return publish.backup_url(self.path, job.id)

    def has_backup(self, job: Job) -> bool:
        """See `Place`."""
        return publish.has_backup(self._store, self.path, job.id)

    def keeps_backup(self, job: Job) -> bool:
        """See `Place`."""
        return bool(self._store.files(self.backup(job)))

    @contextlib.contextmanager
    def as_it_was(self, job: Job) -> Iterator[Path]:
        """See `Place`."""
        with fetched(
            self._store,
            self.path,
            index=job.fingerprint == "recompute",
            backup=job.id,
            new=(history.FILE_NAME,) if job.history else (),
            also=label_files_of(job.patch),
            composed=composes(job.patch),
        ) as model:
            yield model.directory

    def restore(self, job: Job, done: Outcome) -> None:
        """See `Place`."""
        publish.check_backup(
            self._store, self.path, job.id, done.files, done.input_digest, NEW_FILES
        )
        publish.restore(self._store, self.path, job.id, done.files)

    def withdraw(self, job: Job) -> None:
        """See `Place`."""
        publish.withdraw(self._store, self.path, job.id)

    def remove_stages(self, job: Job) -> None:
        """See `Place`."""
        publish.remove_incomplete(self._store, self.path, job.id)

    @property
    def _fetched(self) -> FetchedModel:
        assert self._opened is not None, "no model is open"
        return self._opened


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
