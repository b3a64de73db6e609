"""Exchanges of files that a killed process did not bring to their end, and taking these back.

Before the first file of a model is exchanged, a file in the model says what is about to be: which
files, and by what they are recognised before and after. It goes when the last one is exchanged.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.parsers import parse_json_value
from sigpb.publishing.changes import (
    EXCHANGE_NAME,
    TEMPORARY_PREFIX,
    LocatedChange,
    Role,
    find_main_proto,
    temporary_name,
)
from sigpb.publishing.exchange import locked, put_back
from sigpb.publishing.failures import explained
from sigpb.publishing.new_files import remove, removed_at_exit, sync_directory, write_file
from sigpb.regular_files import is_there, read_regular

_State = list[int] | None
"""Size and time of modification in nanoseconds; None for no file."""


def announce(
    model: Path,
    backup: Path,
    files: Mapping[str, tuple[Role, Path, Path | None]],
    *,
    is_undo: bool = False,
) -> None:
    """Says in a model what is about to be exchanged.

    Args:
        model: The model's directory.
        backup: The directory that holds what is to be put back if the process is killed.
        files: For each path in the model, the role of the file, a file that is as there then, and
            one that is as there if the process is not killed. None, or a path where there is none,
            is no file.
        is_undo: Whether the exchange itself undoes a patch, so that taking it back does not.

    Raises:
        OSError: If it cannot be written.
    """
    states = {
        path: {
            "role": role.value,
            "old": _state(old),
            "new": None if new is None else _state(new),
        }
        for path, (role, old, new) in files.items()
    }
    announced = {"backup": backup.name, "files": states, "is_undo": is_undo}
    content = json.dumps(announced).encode()
    write_file(model / EXCHANGE_NAME, content, mode=None)


def conclude(model: Path) -> None:
    """Says that what was announced is done, or undone."""
    (model / EXCHANGE_NAME).unlink(missing_ok=True)


def is_unfinished(model_dir: Path) -> bool:
    """Whether a process was killed, or still is, exchanging files of a model."""
    return is_there(model_dir / EXCHANGE_NAME)


def is_undo_unfinished(model_dir: Path) -> bool:
    """Whether what is unfinished undoes a patch, and taking it back brings the patch back."""
    try:
        announced = parse_json_value(read_regular(model_dir / EXCHANGE_NAME))
        return announced["is_undo"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_finished(model_dir: Path) -> None:
    """Makes sure that no exchange of files of a model is unfinished.

    Raises:
        EnvironmentFailure: If one is.
    """
    if is_unfinished(model_dir):
        raise EnvironmentFailure(
            f"{model_dir}: a process that patched the model in place was killed, or is not done "
            "yet, so that files beside its proto may be missing. 'sigpb undo' takes back what was "
            "begun, as the next patch in place does."
        )


def take_back_unfinished(model_dir: Path) -> bool:
    """Takes an exchange back that a killed process began, if there is one.

    Everything that it left in the model is removed. An exchange that had come to its end stays.

    Args:
        model_dir: The model's directory.

    Returns:
        Whether files were put back.

    Raises:
        EnvironmentFailure: If another process is at the model, if somebody else changed the model
            since then or the backup is not what it was, or if something cannot be written.
    """
    if not is_unfinished(model_dir):
        return False
    model = Path(os.path.realpath(model_dir))
    announcement = model / EXCHANGE_NAME
    with (
        explained(f"take back what a killed process began in {model}", "Nothing was done."),
        locked(model),
    ):
        kept, files, roles = _read(announcement)
        now = {path: _state(model / path) for path in files}
        is_begun = now != {path: old for path, (old, _) in files.items()}
        is_done = now == {path: new for path, (_, new) in files.items()}
        if is_begun and not is_done:
            _check(model, kept, files)
            put_back(model, [LocatedChange(Path(path), b"", roles[path]) for path in files], kept)
        if not is_done and kept.is_dir():
            discarded = kept.with_name(temporary_name("taken-back"))
            with removed_at_exit(discarded):
                kept.rename(discarded)
        sync_directory(model)
        remove_temporary(model)
        conclude(model)
    return is_begun and not is_done


def remove_temporary(model: Path) -> None:
    """Removes the temporary files of sigpb in a model, which has to be locked."""
    for path in list(model.rglob(f"{TEMPORARY_PREFIX}*")):
        remove(path)


def _read(
    announcement: Path,
) -> tuple[Path, dict[str, tuple[_State, _State]], dict[str, Role]]:
    """Returns the backup, and for each file its old and its new state, and its role."""
    model = announcement.parent
    try:
        content = parse_json_value(read_regular(announcement))
        kept = model / str(content["backup"])
        files = {
            str(path): (states["old"], states["new"]) for path, states in content["files"].items()
        }
        roles = {path: Role(content["files"][path].get("role", Role.of(path))) for path in files}
    except (ValueError, KeyError, TypeError, AttributeError):
        return model / TEMPORARY_PREFIX, {}, {}  # It was cut off: nothing was exchanged yet.
    if any(not _is_inside(path) for path in (content["backup"], *files)):
        raise EnvironmentFailure(f"{announcement} names files outside the model.")
    return kept, files, roles


def _is_inside(path: str) -> bool:
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def _check(model: Path, kept: Path, files: dict[str, tuple[_State, _State]]) -> None:
    """Makes sure that the model is what was begun, and the backup what there was before."""
    main = find_main_proto(model).name
    states = files.get(main, (None, None))
    if _state(model / main) not in states:
        raise EnvironmentFailure(
            f"{model / main} was changed by somebody else after a killed process had begun to "
            f"patch the model in place. The files as they were before are in {kept}; when the "
            f"model is as it should be, remove {model / EXCHANGE_NAME}."
        )
    lost = [path for path, (old, _) in files.items() if _state(kept / path) != old]
    if lost:
        raise EnvironmentFailure(
            f"{kept} does not hold the files as they were any more: {', '.join(lost)}. Put the "
            f"model in order by hand, and remove {model / EXCHANGE_NAME}."
        )


def _state(path: Path) -> _State:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISLNK(status.st_mode):
        return [-1, 0]  # Neither what was there nor what was to be.
    return [status.st_size, status.st_mtime_ns]
