"""The new content of a model's files on its way into a store.

What the store has already, such as a shard of the checkpoint that gets another name, it copies by
itself. All else is written to a file of this machine first, and uploaded.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sigpb.publishing.changes import Changes, SplicedFile, WholeFile
from sigpb.publishing.new_files import write_file
from sigpb.regular_files import read_regular
from sigpb.remote.model import FetchedModel
from sigpb.saved_model.files import CHECKPOINT_INDEX, is_elsewhere


class Contents:
    """The new contents of a model's files, by their paths in the model.

    Args:
        model: The model as it was read.
        changes: What becomes of its files.
        directory: An empty directory for what is uploaded.
    """

    def __init__(self, model: FetchedModel, changes: Changes, directory: Path) -> None:
        self._model = model
        self._stored: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        for number, (name, content) in enumerate(changes.items()):
            stored = model.stored(content.source) if isinstance(content, WholeFile) else None
            if stored is not None:
                self._stored[name] = stored
            elif content is not None:
                if isinstance(content, SplicedFile) and is_elsewhere(content.source):
                    model.fetch(filter(None, [model.stored(content.source)]))
                self._files[name] = directory / str(number)
                write_file(self._files[name], content, mode=None)

    @property
    def sources(self) -> set[str]:
        """The files of the model that the store copies."""
        return set(self._stored.values())

    def put(self, name: str, url: str) -> None:
        """Makes an object of a file's new content, or replaces one, in one step.

        Raises:
            StoreFailure: If that failed. The object may have been made nevertheless.
        """
        if name in self._stored:
            self._model.store.copy(f"{self._model.url}/{self._stored[name]}", url)
        else:
            self._model.store.put(url, self._files[name])

    def file(self, name: str) -> Path:
        """Returns the file with a new content that is uploaded."""
        return self._files[name]

    def index(self) -> bytes | None:
        """Returns the new index of the checkpoint; None if there is none."""
        file = self._files.get(CHECKPOINT_INDEX)
        return None if file is None else read_regular(file)


@contextlib.contextmanager
def contents_of(model: FetchedModel, changes: Changes) -> Iterator[Contents]:
    """Has the new contents of a model's files at hand, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="sigpb-") as directory:
        yield Contents(model, changes, Path(directory))
