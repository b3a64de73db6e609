"""Taking back what was published."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import BACKUP_PREFIX, TEMPORARY_PREFIX, locate_changes, temporary_name
from sigpb.publishing.exchange import locked, put_back
from sigpb.publishing.failures import explained
from sigpb.publishing.new_files import remove_tree, removed_at_exit, sync_directory


def backup_path(model_dir: Path, name: str) -> Path:
    """Returns the directory of a backup that `publish_in_place` made under a name of its own."""
    return Path(os.path.realpath(model_dir)) / f"{BACKUP_PREFIX}{name}"


def restore(model_dir: Path, name: str, changed: Collection[str]) -> None:
    """Puts the files of a backup back, and removes the backup.

    Whoever loads the model meanwhile gets the one or the other, as with `publish_in_place`.

    Args:
        model_dir: The model's directory.
        name: What the backup was named.
        changed: The files that were changed, relative to the model; those that the backup lacks
            were new, and are removed.

    Raises:
        EnvironmentFailure: If there is no such backup, or something cannot be written. The backup
            stays then.
    """
    kept = backup_path(model_dir, name)
    with explained(f"restore {model_dir}", f"What is to be restored is in {kept}."):
        if not kept.is_dir():
            raise EnvironmentFailure(f"{kept}: there is no such backup.")
        model = kept.parent
        located = locate_changes(model, dict.fromkeys(changed, b""))
        with locked(model):
            put_back(model, located, kept)
            discarded = kept.with_name(temporary_name("restored"))
            with removed_at_exit(discarded):
                kept.rename(discarded)
            sync_directory(model)


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
    """Removes what a killed process that patched a model in place left in it.

    Raises:
        EnvironmentFailure: If another process is patching the model.
    """
    model = Path(os.path.realpath(model_dir))
    with locked(model):
        _remove(model.rglob(f"{TEMPORARY_PREFIX}*"))


def remove_stages(output_dir: Path) -> None:
    """Removes what killed processes left that were about to publish a copy at a path."""
    prefix = f"{TEMPORARY_PREFIX}{output_dir.name[:50]}-"
    parent = output_dir.parent
    _remove(path for path in parent.glob(f"{TEMPORARY_PREFIX}*") if path.name.startswith(prefix))


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
