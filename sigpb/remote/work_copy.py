"""Patching models wherever they are: those of a store through copies in a temporary directory.

A model of this machine is made of the copy, as of any other, and what became different is put into
the store. In place, and from one place of a store to another, only that travels: the store copies
variables and assets by itself. Between this machine and a store, or two stores, all files do.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sigpb.errors import UsageError, renamed_in_errors
from sigpb.publishing.changes import (
    BACKUP_PREFIX,
    Changes,
    Content,
    Role,
    SplicedFile,
    WholeFile,
    is_sigpbs_own,
)
from sigpb.publishing.tree import entries
from sigpb.remote import publish
from sigpb.remote.at_hand import AtHand, at_hand
from sigpb.remote.lock import PATCH_PREFIX, locked
from sigpb.remote.model import FetchedModel
from sigpb.remote.store import StoreFailure, store_of
from sigpb.remote.urls import located, scheme_of
from sigpb.saved_model.files import is_elsewhere, sha256_of
from sigpb.saved_model.history import STATE_LIMIT
from sigpb.visible_text import shown_as
from sigpb.wire import SourceRange


@dataclass(frozen=True)
class WorkCopy:
    """Where a model is patched.

    Attributes:
        source: The model to patch.
        output: The directory for the patched model; None in place, and if nothing is written.
        output_name: What users call that.
        told: How much was fetched, if the model was fetched whole.
    """

    source: AtHand
    output: Path | None
    output_name: Path | str | None
    told: tuple[str, ...] = ()

    @property
    def is_temporary(self) -> bool:
        """Whether the model or its output is removed when that is published.

        Then files of the output may be those of the model.
        """
        in_store = isinstance(self.source.name, str) or isinstance(self.output_name, str)
        return in_store and self.output is not None


@contextlib.contextmanager
def work_copy(
    path: str | Path,
    output: str | Path | None,
    *,
    in_place: bool = False,
    whole: bool = False,
    also: Collection[str] = (),
    composed: bool = False,
    backups: bool = False,
) -> Iterator[WorkCopy]:
    """Has a model at hand to be patched. What was made of it is published when the block ends.

    Args:
        path: The path or URL of the model.
        output: The path or URL for the patched model; None if there is none.
        in_place: Whether the model is patched where it is.
        whole: Whether the model is run.
        also: The paths, in the model, of files that are read besides.
        composed: Whether a checkpoint and assets are put together of those of the model.
        backups: Whether backups of its files are read.

    Raises:
        UsageError: If a URL cannot be used, or there is something at the output.
        ModelUnreadable: If there is nothing at a URL.
        EnvironmentFailure: If a store fails, or somebody else changed the model meanwhile. Nothing
            is changed then, unless the message says otherwise.
    """
    source, target = located(path), None if output is None else located(output)
    identity = f"{PATCH_PREFIX}{os.urandom(4).hex()}"
    with contextlib.ExitStack() as stack:
        if isinstance(target, str):
            _check_output(source, target)
        stays = isinstance(source, str) and isinstance(target, str)
        stays = stays and scheme_of(str(source)) == scheme_of(str(target))
        travels = target is not None and not stays
        found = stack.enter_context(
            at_hand(source, whole=whole or travels, also=also, composed=composed)
        )
        if in_place and found.model is not None:
            stack.enter_context(locked({found.model.url}, identity))
        local = target if isinstance(target, Path) else None
        if isinstance(target, str):
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sigpb-"))
            local = Path(directory, posixpath.basename(target))
            stack.enter_context(renamed_in_errors(str(local), target))
            stack.enter_context(shown_as(str(local), target))
        if backups and found.model is not None:
            _fetch_backups(found.model)
        before = None if found.model is None else _Before.of(found.model)
        yield WorkCopy(found, local, target, found.told if whole or travels else ())
        if found.model is not None and before is not None and in_place:
            _publish_in_place(found.model, before)
        elif isinstance(target, str) and local is not None:
            if stays and found.model is not None and before is not None:
                changes = before.changes(found.model, local)
                publish.publish_copy(found.model, target, changes, identity)
            else:
                publish.upload_copy(local, target, identity)


def _check_output(source: Path | str, target: str) -> None:
    """Checks that a patched model can be put at a URL, before any work goes into it.

    Raises:
        UsageError: If something is there, or if one directory lies in the other.
        EnvironmentFailure: If that cannot be found out.
    """
    if f"{source}/".startswith(f"{target}/") or f"{target}/".startswith(f"{source}/"):
        raise UsageError(
            f"The output directory {target} and the model {source} lie one inside the other. Name "
            "another one, or have the model patched in place."
        )
    store = store_of(target)
    if store.files(target) or store.file(target):
        raise UsageError(
            f"The output directory {target} is not empty. Name one that does not exist yet."
        )


def _fetch_backups(model: FetchedModel) -> None:
    """Fetches the backups of a model, but for large shards and assets."""
    for name, file in model.files.items():
        if name.startswith(BACKUP_PREFIX):
            kept = Role.of(name.partition("/")[2])
            is_left = kept is Role.LOADED and file.size > STATE_LIMIT
            (model.outline if is_left else model.fetch)([name])


@dataclass(frozen=True)
class _Before:
    """What was in the directory of a model from a store.

    Attributes:
        digests: The SHA-256 of each file that was fetched.
        outlines: The files that stand for those that were not, by device and inode.
    """

    digests: Mapping[str, str]
    outlines: Mapping[tuple[int, int], str]

    @classmethod
    def of(cls, model: FetchedModel) -> _Before:
        """Looks at the directory of a model."""
        names = [name for name in model.fetched if not is_sigpbs_own(Path(name))]
        files = {name: model.directory / name for name in model.files}
        return cls(
            {name: sha256_of(files[name]) for name in names},
            {
                _identity(file): name
                for name, file in files.items()
                if file.exists() and is_elsewhere(file)
            },
        )

    def changes(self, model: FetchedModel, now: Path) -> Changes:
        """Returns what became of the files of the model.

        Args:
            model: The model.
            now: The directory of what was made of it.

        Raises:
            StoreFailure: If there is a copy of a file that was not fetched.
        """
        there = {name for name, entry in entries(now) if entry.is_file()}
        known = {*self.digests, *self.outlines.values()}
        gone = {name for name in known - there if not is_sigpbs_own(Path(name))}
        changes: dict[str, Content | None] = dict.fromkeys(sorted(gone))
        for name in sorted(there):
            file = now / name
            outlined = self.outlines.get(_identity(file))
            if outlined is not None and outlined != name:
                changes[name] = WholeFile(model.directory / outlined)
            elif outlined is None and is_elsewhere(file):
                if name not in self.outlines.values():
                    raise StoreFailure(f"{file} is a copy of a file that was not fetched.")
            elif outlined is None and self.digests.get(name) != sha256_of(file):
                changes[name] = SplicedFile((SourceRange(0, file.stat().st_size),), file)
        return changes


def _identity(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_dev, status.st_ino


def _publish_in_place(model: FetchedModel, before: _Before) -> None:
    """Does to a model in its store what was done to its copy, backups included."""
    old = {name.partition("/")[0] for name in model.files if name.startswith(BACKUP_PREFIX)}
    new = {path.name for path in model.directory.glob(f"{BACKUP_PREFIX}*")}
    made = next(iter(new - old), None)
    name = (made or f"{BACKUP_PREFIX}{os.urandom(4).hex()}").removeprefix(BACKUP_PREFIX)
    if changes := before.changes(model, model.directory):
        publish.publish_in_place(model, changes, name)
    for each in {*(old - new), *(() if made else (f"{BACKUP_PREFIX}{name}",))}:
        try:
            publish.remove_tree(model.store, f"{model.url}/{each}")
        except StoreFailure as error:
            raise StoreFailure(
                f"{model.url} is changed as intended, but {each} in it could not be removed: "
                f"{error}"
            ) from None
