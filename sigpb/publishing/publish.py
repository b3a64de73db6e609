"""Putting a patched SavedModel on the disk: as a copy, or in place of the old one.

Both procedures write everything under temporary names first, which one rename or a few then make
the real ones. A killed run leaves no more than files and directories with names that start with
``.sigpb-``: loaders do not look at them, and TensorFlow Serving does not take them for versions.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Collection
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.phases import phase
from sigpb.publishing.changes import (
    BACKUP_PREFIX,
    Changes,
    Content,
    LocatedChange,
    Role,
    SplicedFile,
    check_size,
    find_main_proto,
    locate_changes,
    temporary_name,
)
from sigpb.publishing.durability import EACH_FILE, EachFile
from sigpb.publishing.exchange import (
    check_exchange,
    exchange,
    locked,
    new_file,
    next_backup,
    previous_file,
    previous_files,
    put_back,
)
from sigpb.publishing.failures import explained, reason_of
from sigpb.publishing.new_files import (
    Linked,
    parents_of,
    removed_at_exit,
    sync_directory,
    write_change,
)
from sigpb.publishing.new_output import check_output_dir, resolve_output
from sigpb.publishing.tree import copy_tree, finish_directories, read_tree
from sigpb.publishing.unfinished import announce, check_finished, conclude
from sigpb.saved_model.files import FileState

__all__ = [
    "Changes",
    "Content",
    "FileState",
    "Linked",
    "SplicedFile",
    "check_output_dir",
    "publish_copy",
    "publish_in_place",
]


@phase("write")
def publish_copy(
    model_dir: Path,
    output_dir: Path,
    changes: Changes,
    *,
    hardlink: Linked = False,
    expected: FileState | None = None,
    durability: EachFile = EACH_FILE,
) -> None:
    """Makes a copy of a model, with changes, that appears complete and at once.

    Args:
        model_dir: The model's directory.
        output_dir: Where the copy is to appear. Missing parents are created.
        changes: What is different in the copy.
        hardlink: Whether unchanged files are to share their data with those of the model, and those
            that come whole from other models with theirs, or ``"own"`` for the model's only: what
            is later written to such a file shows in both. Files that cannot be linked are copied.
        expected: State of the main proto as it was read; None if it does not matter whether it is
            still the same.
        durability: How the copy is brought to the disk, before and after it appears.

    Raises:
        PatchError: See `check_size`.
        UsageError: See `check_output_dir`.
        EnvironmentFailure: If something cannot be read or written or changes meanwhile, or if the
            model holds a link that leads out of it, or something that is no file. Nothing is left.
    """
    check_size(changes)
    check_output_dir(model_dir, output_dir)
    check_finished(model_dir)
    with explained(f"write the patched model to {output_dir}", "Nothing was left behind."):
        model, output = Path(os.path.realpath(model_dir)), resolve_output(output_dir)
        stage = output.with_name(temporary_name(output.name))
        located = locate_changes(model, changes)
        tree = read_tree(model, without={str(change.path) for change in located})
        with parents_of(stage), removed_at_exit(stage):
            stage.mkdir(stat.S_IRWXU)
            copy_tree(tree, stage, hardlink=bool(hardlink), durability=durability)
            _write_changes(model, located, stage, hardlink, durability)
            added = [str(each) for change in located for each in change.path.parents[:-1]]
            finish_directories(tree, stage, added, durability)
            durability.settle()
            if expected is not None:
                check_unchanged(model, expected)
            _rename_to_output(stage, output)
    with explained(
        f"make sure that {output_dir} outlasts a power failure", "It is complete by now."
    ):
        sync_directory(output.parent, durability=durability)
        durability.settle()


@phase("write")
def publish_in_place(
    model_dir: Path,
    changes: Changes,
    *,
    expected: FileState,
    backup: bool | str = True,
    is_undo: bool = False,
) -> Path | None:
    """Changes a model so that whoever loads it meanwhile gets the old one or the new one.

    Args:
        model_dir: The model's directory.
        changes: What becomes different: the main proto; the checkpoint and assets, whose files
            have new names; and files that describe the model, such as the fingerprint and the
            warm-up requests, which are absent for a moment.
        expected: State of the main proto as it was read.
        backup: Whether the files that are replaced or removed are to be kept; or what comes, in
            the name of the directory for them, in the place of a number.
        is_undo: Whether the changes undo a patch.

    Returns:
        The directory in the model where these files are, at the same relative paths; None without
        `backup`.

    Raises:
        PatchError: See `check_size`.
        UsageError: If the files cannot be exchanged so that loaders find the old model or the new
            one at any moment: see `check_exchange`.
        EnvironmentFailure: If something cannot be read or written, if the main proto is no longer
            what it was, or if a changed file lies outside the model. The model is as it was unless
            the message says otherwise.
    """
    check_size(changes)
    with explained(f"patch {model_dir} in place", "The model is as it was."):
        model = Path(os.path.realpath(model_dir))
        located = locate_changes(model, changes)
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(model))
            check_finished(model)
            check_exchange(model, located)
            replacements = [stack.enter_context(new_file(model, change)) for change in located]
            previous = stack.enter_context(previous_files(model, located))
            check_unchanged(model, expected)
            kept = previous.rename(_backup_path(model, backup))
            try:
                files = {
                    str(each.target.relative_to(model)): (each.role, each.target, each.new)
                    for each in replacements
                }
                announce(model, kept, files, is_undo=is_undo)
                sync_directory(model)
                exchange(replacements)
                conclude(model)
            except BaseException as error:
                then = f"What was there is in {kept}; the next patch in place puts it back."
                _put_back(model, located, kept, expected, cause=error, then=then)
                conclude(model)
                _discard(kept, previous)
                raise
            if not backup:
                _discard(kept, previous)
    return kept if backup else None


def put_backup_back(
    model_dir: Path, backup: Path, changed: Collection[str], *, expected: FileState
) -> None:
    """Puts the files of a backup back and removes the backup.

    Whoever loads the model meanwhile gets the one or the other, as with `publish_in_place`. What a
    killed process began, `take_back_unfinished` brings to its end.

    Args:
        model_dir: The model's directory.
        backup: The directory in it that `publish_in_place` returned.
        changed: The files that were changed then; those that the backup lacks are removed.
        expected: State of the main proto as it was read.

    Raises:
        EnvironmentFailure: If something cannot be read or written, or if the main proto is not what
            it was any more. The model is as it was unless the message says otherwise.
    """
    with explained(f"put the files of {backup} back", "The model is as it was."):
        model = Path(os.path.realpath(model_dir))
        kept = model / backup.name
        located = locate_changes(model, dict.fromkeys(changed, b""))
        files = {
            str(each.path): (each.role, kept / each.path, model / each.path) for each in located
        }
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(model))
            check_finished(model)
            replacements = [
                stack.enter_context(previous_file(model, change, kept)) for change in located
            ]
            present = stack.enter_context(previous_files(model, located))
            check_unchanged(model, expected)
            try:
                announce(model, kept, files)
                sync_directory(model)
                exchange(replacements)
                conclude(model)
            except BaseException as error:
                then = f"'sigpb undo' puts back the rest of what is in {kept}."
                _put_back(model, located, present, expected, cause=error, then=then)
                conclude(model)
                raise
            used = kept.with_name(temporary_name("used"))
            stack.enter_context(removed_at_exit(used))
            _discard(kept, used)


def _write_changes(
    model: Path,
    changes: list[LocatedChange],
    stage: Path,
    linked: Linked,
    durability: EachFile,
) -> None:
    for change in changes:
        if change.content is not None:
            path = stage / change.path
            path.parent.mkdir(parents=True, exist_ok=True)
            write_change(model, change, path, linked=linked, durability=durability)


def check_unchanged(model: Path, expected: FileState) -> None:
    """Makes sure that the main proto of a model is still the one that was read.

    Raises:
        EnvironmentFailure: If it is not.
    """
    main = find_main_proto(model)
    if not main.exists() or FileState.of(main) != expected:
        raise EnvironmentFailure(
            f"{main} was changed, replaced or removed since it was read. Nothing was changed; "
            "look at the model again before you repeat the patch."
        )


def _rename_to_output(stage: Path, output: Path) -> None:
    try:
        stage.rename(output)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTDIR, errno.ENOTEMPTY):
            raise
        raise EnvironmentFailure(
            f"{output} came into being while the copy for it was made. It stays as it is, and "
            "nothing was left behind: name another output directory."
        ) from error


def _backup_path(model: Path, backup: bool | str) -> Path:
    return model / f"{BACKUP_PREFIX}{backup}" if isinstance(backup, str) else next_backup(model)


def _discard(kept: Path, previous: Path) -> None:
    """Makes a backup a temporary directory again, which is then removed like any other."""
    with contextlib.suppress(OSError):
        kept.rename(previous)


def _put_back(
    model: Path,
    changes: list[LocatedChange],
    kept: Path,
    expected: FileState,
    *,
    cause: BaseException,
    then: str,
) -> None:
    """Puts files back after a failure; `then` says what is to be done if that fails too."""
    try:
        put_back(model, changes, kept)
    except OSError as error:
        reason = reason_of(cause) if isinstance(cause, OSError) else "it was interrupted"
        main = find_main_proto(model)
        is_old = (FileState.of(main).size, FileState.of(main).mtime_ns) == (
            expected.size,
            expected.mtime_ns,
        )
        others = ", ".join(str(each.path) for each in changes if each.role is Role.BESIDE)
        raise EnvironmentFailure(
            f"Could not patch {model} in place: {reason}. Putting back what was there failed too: "
            f"{reason_of(error)}. {main.name} is {'the old' if is_old else 'the new'} one, and "
            f"loads, but what describes it may be missing: {others or 'nothing'}. {then}"
        ) from cause
