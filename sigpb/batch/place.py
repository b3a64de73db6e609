"""Where a model is, or is going to be: what the work on one asks of the file system it is in."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sigpb import protos
from sigpb.batch.digests import digest_of_proto
from sigpb.batch.job import Job, Outcome
from sigpb.edits.edit import has_grafts
from sigpb.patching.expand import label_files
from sigpb.publishing.changes import Changes
from sigpb.publishing.durability import together
from sigpb.publishing.new_files import parents_of
from sigpb.publishing.publish import publish_copy, publish_in_place
from sigpb.publishing.restore import (
    backup_path,
    files_before,
    remove_leftovers,
    remove_stages,
    restore,
    withdraw,
)
from sigpb.publishing.tree import entries
from sigpb.publishing.unfinished import take_back_unfinished
from sigpb.regular_files import is_there, read_regular
from sigpb.remote.urls import is_url
from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import BINARY_NAME, TEXT_NAME, WARMUP_PATH
from sigpb.saved_model.model import SavedModel, open_model

NEW_FILES = (history.FILE_NAME,)
"""What a batch may add to a model, as opposed to what it changes or removes."""

_PATCHED = (BINARY_NAME, TEXT_NAME, fingerprint.FILE_NAME, history.FILE_NAME, WARMUP_PATH)


class Place(Protocol):
    """A directory with a model, or for one. All methods raise `EnvironmentFailure`.

    What is opened and published is one model at a time.
    """

    path: str

    def exists(self) -> bool:
        """Whether there is anything."""

    def names(self) -> list[str]:
        """Returns the names of what the directory holds."""

    def read(self, name: str) -> bytes | None:
        """Returns what a file of the model holds; None if there is none."""

    def digest(self) -> str | None:
        """Returns the SHA-256 of the model's proto; None if there is none."""

    def sizes(self) -> dict[str, int]:
        """Returns the sizes of all files, by their paths, without what sigpb keeps there.

        A symbolic link has none, since its text may be another one in a copy.
        """

    def opened(self, job: Job) -> AbstractContextManager[SavedModel]:
        """Opens the model; of what is not in its proto only what a patch reads may be at hand."""

    def complete(self) -> None:
        """Has all of the opened model at hand, so that it can be run."""

    def publish_in_place(self, job: Job, model: SavedModel, changes: Changes) -> None:
        """Changes the opened model; the old files are kept in a backup named after the batch."""

    def publish_copy(self, job: Job, model: SavedModel, changes: Changes, output: str) -> None:
        """Makes a copy of the opened model, with changes."""

    def backup(self, job: Job) -> str:
        """Returns where a batch keeps the old files of the model."""

    def has_backup(self, job: Job) -> bool:
        """Whether the old files are there, which is so before the first one is exchanged.

        What else killed runs left in the model is removed.
        """

    def keeps_backup(self, job: Job) -> bool:
        """Whether there is a backup, complete or not; nothing is removed."""

    def as_it_was(self, job: Job) -> AbstractContextManager[Path]:
        """Yields a directory with what a patch reads, as it was before the batch."""

    def restore(self, job: Job, done: Outcome) -> None:
        """Puts the old files back, once it is sure that these are they, and removes the backup."""

    def withdraw(self, job: Job) -> None:
        """Removes a copy that was published here."""

    def remove_stages(self, job: Job) -> None:
        """Removes what killed runs left that were to publish a copy here."""


@functools.lru_cache(maxsize=4)
def label_files_of(patch: bytes) -> tuple[str, ...]:
    """Returns the paths, in a model, of the files of labels that a patch, serialised, names."""
    return tuple(label_files(protos.SavedModelPatch.FromString(patch)))


@functools.lru_cache(maxsize=4)
def composes(patch: bytes) -> bool:
    """Whether a patch, serialised, changes what a model has of adapters."""
    return has_grafts(protos.SavedModelPatch.FromString(patch))


def place_of(path: str) -> Place:
    """Returns the place at a path."""
    if is_url(path):
        from sigpb.batch.remote_place import RemotePlace

        return RemotePlace(path)
    return LocalPlace(path)


class LocalPlace:
    """A place on this machine."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._directory = Path(path)

    def exists(self) -> bool:
        """See `Place`."""
        return is_there(self._directory)

    def names(self) -> list[str]:
        """See `Place`."""
        return os.listdir(self._directory)  # noqa: PTH208 (names are wanted)

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            return read_regular(self._directory / name)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def digest(self) -> str | None:
        """See `Place`."""
        return digest_of_proto(self._directory)

    def sizes(self) -> dict[str, int]:
        """See `Place`."""
        return {
            name: 0 if entry.is_symlink() else entry.stat().st_size
            for name, entry in entries(self._directory)
            if not entry.is_dir()
        }

    def opened(self, job: Job) -> AbstractContextManager[SavedModel]:
        """See `Place`."""
        if job.mode == "in_place" and not job.dry_run:
            take_back_unfinished(self._directory)
        return open_model(self._directory)

    def complete(self) -> None:
        """See `Place`."""

    def publish_in_place(self, job: Job, model: SavedModel, changes: Changes) -> None:
        """See `Place`."""
        publish_in_place(model.directory, changes, expected=model.state, backup=job.id)

    def publish_copy(self, job: Job, model: SavedModel, changes: Changes, output: str) -> None:
        """See `Place`."""
        target = Path(output)
        with parents_of(target):  # Which stay if the copy fails: others may be about to use them.
            pass
        publish_copy(
            model.directory,
            target,
            changes,
            hardlink=job.hardlink,
            expected=model.state,
            durability=together(target.parent),
        )

    def backup(self, job: Job) -> str:
        """See `Place`."""
        return str(backup_path(self._directory, job.id))

    def has_backup(self, job: Job) -> bool:
        """See `Place`."""
        remove_leftovers(self._directory)
        return self.keeps_backup(job)

    def keeps_backup(self, job: Job) -> bool:
        """See `Place`."""
        return backup_path(self._directory, job.id).is_dir()

    @contextlib.contextmanager
    def as_it_was(self, job: Job) -> Iterator[Path]:
        """See `Place`."""
        model, backup = self._directory, backup_path(self._directory, job.id)
        with tempfile.TemporaryDirectory(prefix="sigpb-") as directory:
            view = Path(directory)
            for name in _PATCHED:
                file = Path(os.path.realpath(model / name))
                kept = backup / file.relative_to(backup.parent)
                if not kept.exists() and (name != history.FILE_NAME or not job.history):
                    kept = file
                if kept.exists():
                    (view / name).parent.mkdir(exist_ok=True)
                    (view / name).symlink_to(kept)
            for name, file in files_before(model, backup).items():
                (view / name).parent.mkdir(parents=True, exist_ok=True)
                (view / name).symlink_to(file)
            yield view

    def restore(self, job: Job, done: Outcome) -> None:
        """See `Place`."""
        restore(self._directory, job.id, done.files, digest=done.input_digest, new=NEW_FILES)

    def withdraw(self, job: Job) -> None:
        """See `Place`."""
        withdraw(self._directory)

    def remove_stages(self, job: Job) -> None:
        """See `Place`."""
        remove_stages(self._directory)
