"""Putting a patched model into a store, and taking it back.

A store replaces one object at a time, and has no renames. So the proto is put in one request, after
everything else of a copy, and between the removal of the old side files and the new ones in place.
Whatever fails, and wherever a process ends, the proto is the old or the new one, whole, and a side
file belongs to it or is absent.

Objects of sigpb's own say how far it came: a backup is complete once it holds the proto, and what a
marker lies in is a copy that is incomplete as long as it has no proto.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import (
    BACKUP_PREFIX,
    TEMPORARY_PREFIX,
    Changes,
    Content,
    advise_to_materialise,
    is_sigpbs_own,
)
from sigpb.publishing.failures import damaged_backup
from sigpb.publishing.new_files import write_file
from sigpb.publishing.tree import entries
from sigpb.remote.model import MAIN_PROTOS, FetchedModel
from sigpb.remote.store import Store, StoreFailure, store_of


def backup_url(url: str, name: str) -> str:
    """Returns where the backup of a model is."""
    return f"{url}/{BACKUP_PREFIX}{name}"


def publish_in_place(model: FetchedModel, changes: Changes, backup: str) -> None:
    """Changes a model so that whoever loads it meanwhile gets the old one or the new one.

    Args:
        model: The model as it was read.
        changes: What becomes different: the proto, and files that describe it.
        backup: What the directory is named after in which the files are kept that are replaced.

    Raises:
        EnvironmentFailure: If the model is no longer what it was, or the store fails. The model is
            as it was unless the message says otherwise.
    """
    store, url = model.store, model.url
    kept = backup_url(url, backup)
    with _uploads(changes) as upload:
        with _undone_by(lambda: remove_tree(store, kept)):
            for name in _main_last(changes):
                if name in model.files:
                    store.copy(f"{url}/{name}", f"{kept}/{name}")
            model.check_unchanged(changes)
        try:
            _exchange(store, url, changes, upload)
        except BaseException as error:
            try:
                restore(store, url, backup, changes)
            except EnvironmentFailure as second:
                raise StoreFailure(
                    f"Could not patch {url} in place: {error} Putting back what was there failed "
                    f"too: {second} The proto is the old one or the new one, but what describes it "
                    f"may be missing. What is missing is in {kept}; 'sigpb batch --resume' and "
                    "'sigpb rollback' put it back."
                ) from None
            raise


def _exchange(store: Store, url: str, changes: Changes, upload: Callable[[str], Path]) -> None:
    for name in _side_files(changes):
        store.remove(f"{url}/{name}")
    for name in _mains(changes):
        store.put(f"{url}/{name}", upload(name))
    for name in _side_files(changes):
        if changes[name] is not None:
            store.put(f"{url}/{name}", upload(name))


def restore(store: Store, url: str, backup: str, changed: Collection[str]) -> None:
    """Puts the files of a backup back, and removes the backup.

    Args:
        store: The store.
        url: The model's directory.
        backup: What the backup is named after.
        changed: The files that were changed; those that the backup lacks were new.

    Raises:
        EnvironmentFailure: If there is no such backup, or the store fails. The backup stays then.
    """
    kept = backup_url(url, backup)
    files = store.files(kept)
    if not _mains(files):
        raise EnvironmentFailure(f"{kept}: there is no such backup.")
    for name in _side_files(changed):
        store.remove(f"{url}/{name}")
    for name in (*_mains(files), *_side_files(files)):
        store.copy(f"{kept}/{name}", f"{url}/{name}")
    remove_tree(store, kept)


def check_backup(
    store: Store,
    url: str,
    backup: str,
    changed: Collection[str],
    digest: str | None,
    new: Collection[str],
) -> None:
    """Makes sure that a backup holds what it has to.

    Args:
        store: The store.
        url: The model's directory.
        backup: What the backup is named after.
        changed: The files that were changed.
        digest: The SHA-256 of the proto that it has to hold.
        new: Those of the changed files that may have been new.

    Raises:
        EnvironmentFailure: If it does not hold that, or the store fails.
    """
    kept = backup_url(url, backup)
    files = store.files(kept)
    lost = [name for name in _side_files(changed) if name not in files and name not in new]
    lost += [name for name in _mains(changed) if store.digest(f"{kept}/{name}") != digest]
    if lost:
        raise damaged_backup(kept, lost)


def has_backup(store: Store, url: str, name: str) -> bool:
    """Whether there is a backup; one that is incomplete is removed: nothing was changed yet.

    Raises:
        EnvironmentFailure: If the store fails.
    """
    kept = backup_url(url, name)
    files = store.files(kept)
    if files and not _mains(files):
        remove_tree(store, kept)
    return bool(_mains(files))


def publish_copy(model: FetchedModel, output: str, changes: Changes, name: str) -> None:
    """Makes a copy of a model, with changes, that nobody can load before it is complete.

    Args:
        model: The model as it was read.
        output: Where the copy is to appear, in the same kind of store.
        changes: What is different in the copy.
        name: What the marker is named after.

    Raises:
        EnvironmentFailure: If there is something at the place, if the model is no longer what it
            was, or if the store fails. Nothing is left unless the store failed at removing it.
    """
    store, url = model.store, model.url
    (main,) = _mains(model.files)
    with _uploads(changes) as upload:
        others = [
            each
            for each in model.files
            if each != main and each not in changes and not is_sigpbs_own(Path(each))
        ]
        with _new_copy(store, output, name):
            for each in others:
                store.copy(f"{url}/{each}", f"{output}/{each}")
            for each in _side_files(changes):
                if changes[each] is not None:
                    store.put(f"{output}/{each}", upload(each))
            model.check_unchanged({main, *changes})
            proto = upload(main) if main in changes else model.directory / main
            store.create(f"{output}/{main}", proto)


def upload_copy(directory: Path, output: str, name: str) -> None:
    """Puts a model of this machine into a store, where nobody can load it before it is complete.

    Args:
        directory: The model's directory, which is not changed meanwhile.
        output: Where it is to appear.
        name: What the marker is named after.

    Raises:
        EnvironmentFailure: If there is something at the place, if the model holds a link to a
            directory, which stores do not have, or if the store fails. Nothing is left unless the
            store failed at removing it.
    """
    store, found = store_of(output), dict(entries(directory))
    if link := next((each for each in found.values() if each.is_symlink() and each.is_dir()), None):
        raise EnvironmentFailure(
            f"{link.name} is a link to a directory, which stores do not have. "
            f"{advise_to_materialise(directory)}"
        )
    files = [each for each, entry in found.items() if entry.is_file()]
    with _new_copy(store, output, name):
        for each in _side_files(files):
            store.put(f"{output}/{each}", directory / each)
        for main in _mains(files):
            store.create(f"{output}/{main}", directory / main)


@contextlib.contextmanager
def _new_copy(store: Store, output: str, name: str) -> Iterator[None]:
    """Has a model made at a place, its proto last; what was made is removed if that fails."""
    if store.files(output):
        raise EnvironmentFailure(f"{output} is there already.")
    marker = _marker(output, name)
    try:
        with _undone_by(lambda: withdraw(store, output, name), unless=FileExistsError):
            store.create(marker, b"")
            yield
    except FileExistsError:
        raise EnvironmentFailure(
            f"Somebody else wrote to {output} while the copy for it was made. Look at what is "
            "there, and remove it; the model is as it was."
        ) from None
    with contextlib.suppress(StoreFailure):  # The copy is complete; the marker does no harm.
        store.remove(marker)


def withdraw(store: Store, output: str, name: str) -> None:
    """Removes a copy; the proto first, so that nobody loads what is left.

    Args:
        store: The store.
        output: The copy.
        name: What its marker is named after.

    Raises:
        EnvironmentFailure: If the store fails. `remove_incomplete` goes on with it.
    """
    store.put(_marker(output, name), b"")
    remove_tree(store, output, last=_marker("", name).lstrip("/"))


def remove_incomplete(store: Store, output: str, name: str) -> None:
    """Removes what a killed process left that was about to publish, or withdraw, a copy.

    Args:
        store: The store.
        output: The copy.
        name: What its marker is named after.

    Raises:
        EnvironmentFailure: If the store fails.
    """
    marker = _marker(output, name)
    files = store.files(output)
    if marker.removeprefix(f"{output}/") not in files:
        return
    if _mains(files):
        store.remove(marker)
    else:
        withdraw(store, output, name)


def _marker(output: str, name: str) -> str:
    return f"{output}/{TEMPORARY_PREFIX}{name}"


def remove_tree(store: Store, url: str, last: str = "") -> None:
    """Removes all objects below a path, protos first.

    Args:
        store: The store.
        url: The path.
        last: The object that goes last, by its path relative to it.

    Raises:
        EnvironmentFailure: If the store fails.
    """
    files = store.files(url)
    ordered = sorted(files, key=lambda name: (name == last, name not in MAIN_PROTOS))
    for name in ordered:
        store.remove(f"{url}/{name}")


@contextlib.contextmanager
def _undone_by(
    undo: Callable[[], None], *, unless: type[Exception] | tuple[()] = ()
) -> Iterator[None]:
    """Undoes what failed, as far as the store allows it."""
    try:
        yield
    except unless:
        raise
    except BaseException:
        with contextlib.suppress(EnvironmentFailure):
            undo()
        raise


@contextlib.contextmanager
def _uploads(changes: Changes) -> Iterator[Callable[[str], Path]]:
    """Yields a function that returns the file with the new content of a file."""
    with tempfile.TemporaryDirectory(prefix="sigpb-") as directory:
        files: dict[str, Path] = {}
        contents: Mapping[str, Content | None] = changes
        for number, (name, content) in enumerate(contents.items()):
            if content is not None:
                files[name] = Path(directory, str(number))
                write_file(files[name], content, mode=None)
        yield files.__getitem__


def _mains(names: Collection[str]) -> list[str]:
    return [name for name in MAIN_PROTOS if name in names]


def _side_files(names: Collection[str]) -> list[str]:
    return sorted(name for name in names if name not in MAIN_PROTOS)


def _main_last(names: Collection[str]) -> list[str]:
    return _side_files(names) + _mains(names)
