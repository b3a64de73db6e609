"""Taking back what was published."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import (
    BACKUP_PREFIX,
    LOADED_DIRECTORIES,
    TEMPORARY_PREFIX,
    LocatedChange,
    find_main_proto,
    locate_changes,
    temporary_name,
)
from sigpb.publishing.exchange import added_files, locked, put_back
from sigpb.publishing.failures import damaged_backup, explained
from sigpb.publishing.new_files import remove, removed_at_exit, sync_directory
from sigpb.publishing.tree import entries
from sigpb.publishing.unfinished import remove_temporary, take_back_unfinished
from sigpb.regular_files import is_regular, is_there
from sigpb.saved_model.files import sha256_of


def backup_path(model_dir: Path, name: str) -> Path:
    """Returns the directory of a backup that `publish_in_place` made under a name of its own."""
    return Path(os.path.realpath(model_dir)) / f"{BACKUP_PREFIX}{name}"


def backups(model_dir: Path) -> list[Path]:
    """Returns the directories of all backups in a model, those with the highest numbers first."""
    found = [path for path in model_dir.glob(f"{BACKUP_PREFIX}*") if path.is_dir()]
    return sorted(found, key=lambda path: path.name, reverse=True)


def kept_file(model_dir: Path, backup: Path, name: str) -> Path | None:
    """Returns the file that a backup holds of a model; None if it holds none.

    Args:
        model_dir: The model's directory.
        backup: The directory of the backup in it.
        name: The path of the file, relative to the model.

    Raises:
        EnvironmentFailure: If the file lies outside the model.
    """
    model = Path(os.path.realpath(model_dir))
    (located,) = locate_changes(model, {name: b""})
    kept = model / backup.name / located.path
    if kept.is_symlink():  # Its text is relative to where it was.
        kept = (model / located.path).parent / kept.readlink()
    return kept if is_regular(kept) else None


def files_before(model_dir: Path, backup: Path) -> dict[str, Path]:
    """Returns the files that loaders need beside the proto, as they were before a backup.

    Args:
        model_dir: The model's directory.
        backup: The directory of the backup in it.

    Returns:
        By their paths in the model, where each is: in the backup, or still in the model.
    """
    model, added = Path(os.path.realpath(model_dir)), added_files(backup)
    found = {}
    for top in LOADED_DIRECTORIES:
        real = Path(os.path.realpath(model / top)).relative_to(model)
        for directory in (model / real, backup / real):
            for name, entry in entries(directory) if directory.is_dir() else ():
                if not entry.is_dir() and str(real / name) not in added:
                    found[f"{top}/{name}"] = Path(entry.path)
    return found


def restore(
    model_dir: Path,
    name: str,
    changed: Collection[str],
    *,
    digest: str | None,
    new: Collection[str] = (),
) -> None:
    """Puts the files of a backup back, and removes the backup.

    Whoever loads the model meanwhile gets the one or the other, as with `publish_in_place`. If the
    model's proto is already what it was, only the files beside it that the backup holds are put
    back.

    Args:
        model_dir: The model's directory.
        name: What the backup was named.
        changed: The files that were changed, relative to the model.
        digest: The SHA-256 of the proto that the backup has to hold.
        new: Those of the changed files that may have been new: what the backup lacks of these is
            removed.

    Raises:
        EnvironmentFailure: If there is no such backup, if it does not hold what it has to, or if
            something cannot be written. The backup stays then.
    """
    kept = backup_path(model_dir, name)
    with explained(f"restore {model_dir}", f"What is to be restored is in {kept}."):
        if not kept.is_dir() or kept.is_symlink():
            raise EnvironmentFailure(f"{kept}: there is no such backup.")
        model = kept.parent
        located = locate_changes(model, dict.fromkeys(changed, b""))
        with locked(model):
            put_back(model, _restorable(model, located, kept, digest, new), kept)
            discarded = kept.with_name(temporary_name("restored"))
            with removed_at_exit(discarded):
                kept.rename(discarded)
            sync_directory(model)


def _restorable(
    model: Path,
    located: list[LocatedChange],
    kept: Path,
    digest: str | None,
    new: Collection[str],
) -> list[LocatedChange]:
    """Returns the files to put back.

    Raises:
        EnvironmentFailure: If the backup lacks what it has to hold.
    """
    mains = [change for change in located if change.is_main]
    others = [change for change in located if not change.is_main]
    is_whole = bool(mains) and all(_digest(kept / main.path) == digest for main in mains)
    added = added_files(kept)
    missing = [
        str(other.path)
        for other in others
        if not _is_kept(kept / other.path)
        and not (str(other.path) in {*new, *added} and not is_there(kept / other.path))
    ]
    if is_whole and not missing:
        return located
    if digest is not None and _digest(find_main_proto(model)) == digest:
        return [
            other for other in others if _is_kept(kept / other.path) or str(other.path) in added
        ]
    lost = [str(main.path) for main in mains if not is_whole] + missing
    raise damaged_backup(kept, lost)


def _is_kept(file: Path) -> bool:
    """Whether there is a regular file, or a link that stays where it is, as a backup may hold."""
    if file.is_symlink():
        return not file.readlink().is_absolute() and ".." not in file.readlink().parts
    return is_regular(file)


def _digest(file: Path) -> str | None:
    """Returns the SHA-256 of a regular file; None if it is none."""
    return sha256_of(file) if is_regular(file) else None


def withdraw(output_dir: Path) -> None:
    """Removes a copy that was published, at once for whoever looks for it.

    Raises:
        EnvironmentFailure: If it cannot be removed.
    """
    with explained(f"remove {output_dir}", "It is there as it was."):
        discarded = output_dir.with_name(temporary_name(output_dir.name))
        with removed_at_exit(discarded):
            output_dir.rename(discarded)
            sync_directory(output_dir.parent)


def remove_leftovers(model_dir: Path) -> None:
    """Takes back, and removes, what a killed process that patched a model in place left in it.

    Raises:
        EnvironmentFailure: If another process is patching the model; see `take_back_unfinished`.
    """
    take_back_unfinished(model_dir)
    model = Path(os.path.realpath(model_dir))
    with locked(model):
        remove_temporary(model)


def remove_stages(output_dir: Path) -> None:
    """Removes what killed processes left that were about to publish a copy at a path."""
    prefix = f"{TEMPORARY_PREFIX}{output_dir.name[:50]}-"
    parent = output_dir.parent
    for path in list(parent.glob(f"{TEMPORARY_PREFIX}*")):
        if path.name.startswith(prefix):
            remove(path)
