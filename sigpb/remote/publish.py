"""Putting a patched model into a store, and taking it back.

A store replaces one object at a time, and has no renames. So the proto is put in one request, after
everything else of a copy, and between the removal of the old side files and the new ones in place.
Whatever fails, and wherever a process ends, the proto is the old or the new one, whole, what it
needs of the checkpoint and of assets is there, and a side file belongs to it or is absent.

Objects of sigpb's own say how far it came: a backup is complete once it holds the proto, and what a
marker lies in is a copy that is incomplete as long as it has no proto.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import (
    ADDED_NAME,
    BACKUP_PREFIX,
    TEMPORARY_PREFIX,
    Changes,
    Role,
    added_in,
    advise_to_materialise,
    is_sigpbs_own,
    list_added,
)
from sigpb.publishing.exchange import check_index, name_in_use, names_all
from sigpb.publishing.failures import damaged_backup
from sigpb.publishing.tree import entries
from sigpb.remote.contents import Contents, contents_of
from sigpb.remote.model import MAIN_PROTOS, FetchedModel
from sigpb.remote.store import Store, StoreFailure, store_of
from sigpb.saved_model.files import CHECKPOINT_INDEX


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
    with contents_of(model, changes) as contents:
        _check_exchange(model, changes, contents)
        with _undone_by(lambda: remove_tree(store, kept)):
            if added := [name for name in _loaded(changes) if name not in model.files]:
                store.put(f"{kept}/{ADDED_NAME}", list_added(added))
            for name in _main_last(changes):
                if name in model.files:
                    store.copy(f"{url}/{name}", f"{kept}/{name}")
            model.check_unchanged({*changes, *contents.sources})
        try:
            removed = {name for name, content in changes.items() if content is None}
            index_first = CHECKPOINT_INDEX in changes and names_all(
                store.read(f"{url}/{CHECKPOINT_INDEX}"), contents.index()
            )
            _exchange(store, url, changes, removed, contents.put, index_first)
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


def _check_exchange(model: FetchedModel, changes: Changes, contents: Contents) -> None:
    """Makes sure that files can be exchanged while others load the model.

    Raises:
        UsageError: See `check_index`.
        EnvironmentFailure: If a shard or an asset would get other content under its name.
    """
    if CHECKPOINT_INDEX in changes:
        old = model.store.read(f"{model.url}/{CHECKPOINT_INDEX}")
        check_index(model.url, old, contents.index())
    for name, content in changes.items():
        if Role.of(name) is Role.LOADED and content is not None and name in model.files:
            raise name_in_use(f"{model.url}/{name}")


def _exchange(
    store: Store,
    url: str,
    changed: Collection[str],
    removed: Collection[str],
    put: Callable[[str, str], None],
    index_first: bool,
) -> None:
    """Puts objects in the place of others, in an order that whoever loads the model can follow.

    Args:
        store: The store.
        url: The model's directory.
        changed: The files that become others, by their paths in the model.
        removed: Those of them that go.
        put: Makes an object, given the path of the file and its URL.
        index_first: Whether the old proto works with the new index of the checkpoint.
    """

    def replace(names: Collection[str]) -> None:
        for name in names:
            if name not in removed:
                put(name, f"{url}/{name}")

    def remove(names: Collection[str]) -> None:
        for name in names:
            store.remove(f"{url}/{name}")

    of = {role: [each for each in sorted(changed) if Role.of(each) is role] for role in Role}
    beside, loaded, index = of[Role.BESIDE], of[Role.LOADED], of[Role.INDEX]
    remove(beside)
    replace(loaded)
    for names in (index, _mains(changed)) if index_first else (_mains(changed), index):
        replace(names)
        remove([name for name in names if name in removed])
    replace(beside)
    remove([name for name in loaded if name in removed])


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
    back = set(files) - {ADDED_NAME}
    index_first = CHECKPOINT_INDEX in changed and names_all(
        store.read(f"{url}/{CHECKPOINT_INDEX}"), store.read(f"{kept}/{CHECKPOINT_INDEX}")
    )
    _exchange(
        store,
        url,
        {*changed, *back},
        set(changed) - back,
        lambda name, target: store.copy(f"{kept}/{name}", target),
        index_first,
    )
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
    new = {*new, *added_in(store.read(f"{kept}/{ADDED_NAME}"))}
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
    with contents_of(model, changes) as contents:
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
                    contents.put(each, f"{output}/{each}")
            model.check_unchanged({main, *changes, *contents.sources})
            proto = contents.file(main) if main in changes else model.directory / main
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


def _mains(names: Collection[str]) -> list[str]:
    return [name for name in MAIN_PROTOS if name in names]


def _side_files(names: Collection[str]) -> list[str]:
    return sorted(name for name in names if name not in MAIN_PROTOS)


def _loaded(names: Collection[str]) -> list[str]:
    return [name for name in sorted(names) if Role.of(name).is_loaded]


def _main_last(names: Collection[str]) -> list[str]:
    return _side_files(names) + _mains(names)
