"""A model in a store, and the directory of this machine in which its protos are looked at."""

from __future__ import annotations

import contextlib
import posixpath
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sigpb.checkpoint.checkpoint import MODEL_PREFIX, OBJECTS_KEY, Checkpoint
from sigpb.errors import EnvironmentFailure, renamed_in_errors
from sigpb.publishing.changes import (
    ADDED_NAME,
    BACKUP_PREFIX,
    Role,
    WholeFile,
    added_in,
    is_sigpbs_own,
)
from sigpb.remote.store import Store, StoreFailure
from sigpb.remote.stored_file import StoredFile
from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import (
    BINARY_NAME,
    CHECKPOINT_INDEX,
    CHUNKED_NAME,
    TEXT_NAME,
    WARMUP_PATH,
    mark_elsewhere,
    sha256_of,
)

MAIN_PROTOS = (BINARY_NAME, TEXT_NAME)

_VARIABLES = f"{posixpath.dirname(MODEL_PREFIX)}/"

_READ = (*MAIN_PROTOS, fingerprint.FILE_NAME, history.FILE_NAME, WARMUP_PATH)


@dataclass(frozen=True)
class FetchedModel:
    """A model whose protos are in a directory of this machine, too.

    Attributes:
        store: The store.
        url: Where it is in the store.
        directory: The directory.
        files: All objects of the model, by their paths in it, as they were before they were read.
        fetched: The paths of those that are in the directory.
    """

    store: Store
    url: str
    directory: Path
    files: Mapping[str, StoredFile]
    fetched: set[str] = field(default_factory=set)

    def complete(self) -> None:
        """Fetches the rest of the model, so that it can be run.

        Raises:
            EnvironmentFailure: If it cannot be read.
        """
        self.fetch(name for name in self.files if not is_sigpbs_own(Path(name)))

    def fetch(self, names: Iterable[str], below: str = "") -> None:
        """Fetches objects, unless that was done.

        Args:
            names: Their paths in the model.
            below: The directory of the model that holds them instead, such as a backup.

        Raises:
            EnvironmentFailure: If they cannot be read.
        """
        for name in names:
            if name in self.fetched:
                continue
            file, stored = self.directory / name, posixpath.join(below, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.store.fetch(posixpath.join(self.url, stored), file)
            except FileNotFoundError:
                raise StoreFailure(f"{self.url}/{stored} was removed meanwhile.") from None
            if file.stat().st_size != self.files[stored].size:
                raise StoreFailure(f"{self.url}/{stored} was changed while it was read.")
            self.fetched.add(name)

    def outline(self, names: Iterable[str], below: str = "") -> None:
        """Puts empty files of the right sizes in the place of objects that are not fetched.

        What looks for files, or at their sizes, finds them.

        Args:
            names: The paths of objects in the model.
            below: The directory of the model that holds them instead, such as a backup.
        """
        for name in set(names) - self.fetched:
            file = self.directory / name
            if file.exists():
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as opened:
                # Such a file takes no space.
                opened.truncate(self.files[posixpath.join(below, name)].size)
            mark_elsewhere(file)

    def fetch_composed(self, below: Mapping[str, str]) -> None:
        """Fetches what is read when a checkpoint and assets are put together.

        Of the variables, that is no more than the graph of objects that the checkpoint tracks.

        Args:
            below: The files that loaders need beside the proto, by their paths in the model; and
                the directory of the model that holds each, such as a backup, or an empty text.

        Raises:
            ModelUnreadable: If the index of the checkpoint is damaged.
            EnvironmentFailure: If something cannot be read.
        """
        for name, directory in below.items():
            size = self.files[posixpath.join(directory, name)].size
            is_left = Role.of(name) is Role.LOADED and name.startswith(_VARIABLES)
            is_left = is_left and size > history.STATE_LIMIT
            (self.outline if is_left else self.fetch)([name], directory)
        checkpoint = Checkpoint.of_model(self.directory)
        stored = checkpoint and checkpoint.index.tensors.get(OBJECTS_KEY)
        if not checkpoint or not stored:
            return
        shard = checkpoint.shards[stored.shard]
        assert isinstance(shard, WholeFile), "the checkpoint is on disk"
        name = shard.source.relative_to(self.directory).as_posix()
        if name not in below or name in self.fetched:  # Whoever lacks it says so.
            return
        start, end = stored.offset, stored.offset + stored.size
        url = posixpath.join(self.url, below[name], name)
        with shard.source.open("r+b") as opened:
            opened.seek(start)
            opened.write(self.store.read_range(url, start, end))
        mark_elsewhere(shard.source)

    def stored(self, file: Path) -> str | None:
        """Returns the path in the model of the object that a file of its directory stands for."""
        directory = self.directory.resolve()
        for path, parent in ((file, self.directory), (file.resolve(), directory)):
            if path.is_relative_to(parent):
                name = path.relative_to(parent).as_posix()
                return name if name in self.files else None
        return None

    def check_unchanged(self, names: Collection[str]) -> None:
        """Makes sure that files are what they were when they were read.

        Args:
            names: Their paths in the model.

        Raises:
            EnvironmentFailure: If they are not.
        """
        now = self.store.files(self.url)
        for name in names:
            before, after = self.files.get(name), now.get(name)
            same = before == after
            if same and before is not None and not before.version and name in self.fetched:
                # The store says nothing but the size.
                digest = self.store.digest(f"{self.url}/{name}")
                same = digest == sha256_of(self.directory / name)
            if not same:
                raise EnvironmentFailure(
                    f"{self.url}/{name} was changed, replaced or removed since it was read. Look "
                    "at the model again before you repeat the patch."
                )


@contextlib.contextmanager
def fetched(
    store: Store,
    url: str,
    *,
    index: bool = True,
    backup: str | None = None,
    new: Collection[str] = (),
    also: Collection[str] = (),
    composed: bool = False,
) -> Iterator[FetchedModel]:
    """Fetches the protos of a model.

    Args:
        store: The store.
        url: The model's directory.
        index: Whether the index of the checkpoint is needed if the model has a fingerprint.
        backup: The name of a backup. What it holds is taken instead of what the model holds.
        new: What is taken from the backup only.
        also: What else is fetched, if it is there.
        composed: Whether a checkpoint and assets are put together: see `fetch_composed`.

    Yields:
        The model. Its directory is removed at exit, and errors name the URL instead.

    Raises:
        ModelUnreadable: If the index of the checkpoint is damaged, and it is needed.
        EnvironmentFailure: If something cannot be read.
    """
    files = store.files(url)
    _check_names(url, files)
    with tempfile.TemporaryDirectory(prefix="sigpb-", ignore_cleanup_errors=True) as parent:
        directory = Path(parent, posixpath.basename(url) or "model")
        model = FetchedModel(store, url, directory, files)
        with renamed_in_errors(str(directory), url):
            if files:
                directory.mkdir()
            if CHUNKED_NAME in files:  # It is not read, but it matters that it is there.
                (directory / CHUNKED_NAME).touch()
            kept = "" if backup is None else f"{BACKUP_PREFIX}{backup}"
            if kept:
                model.fetch([name for name in _READ if f"{kept}/{name}" in files], kept)
            model.fetch([name for name in _READ if name in files and name not in new])
            if composed:
                model.fetch_composed(_needed(store, url, files, kept))
            if index and fingerprint.FILE_NAME in model.fetched and CHECKPOINT_INDEX in files:
                model.fetch([CHECKPOINT_INDEX])
            model.fetch([name for name in also if name in files])
            # Whoever asks for one that is missing is told what there is instead.
            beside = tuple(f"{posixpath.dirname(name)}/" for name in also if name not in files)
            model.outline(name for name in files if name.startswith(beside))
            yield model


def _needed(store: Store, url: str, files: Collection[str], kept: str) -> dict[str, str]:
    """Returns the files that loaders need beside the proto: see `FetchedModel.fetch_composed`.

    Args:
        store: The store.
        url: The model's directory.
        files: The paths of all objects of the model.
        kept: The directory of a backup, whose files count instead; empty for none.
    """
    added = added_in(store.read(f"{url}/{kept}/{ADDED_NAME}") if kept else None)
    backup = (name.partition("/")[2] for name in files if kept and name.startswith(f"{kept}/"))
    found = {**dict.fromkeys(set(files) - added, ""), **dict.fromkeys(backup, kept)}
    return {name: below for name, below in found.items() if Role.of(name).is_loaded}


def _check_names(url: str, names: Collection[str]) -> None:
    """Makes sure that objects can be files of a directory, under their names, and all lie in it.

    Raises:
        EnvironmentFailure: If one cannot, or does not.
    """
    for name in names:
        *parents, _ = parts = name.split("/")
        above = ("/".join(parents[:length]) for length in range(1, len(parts)))
        if not {"", ".", ".."}.isdisjoint(parts) or any(each in names for each in above):
            raise StoreFailure(
                f"{url}: there is an object called {name!r}, which cannot be a file of a model: it "
                "leads somewhere else, or lies below another object. Remove it, or give it another "
                "name."
            )
