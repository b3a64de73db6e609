"""What is different beside the proto: variables, assets and other files."""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path

from sigpb.diff.alignment import is_same
from sigpb.diff.difference import FileChange, FilesDifference, Names
from sigpb.errors import ModelUnreadable
from sigpb.regular_files import open_regular, read_regular
from sigpb.saved_model import checkpoint_index, fingerprint, history
from sigpb.saved_model.files import BINARY_NAME, TEXT_NAME, sha256_of

_PROTOS = {BINARY_NAME, TEXT_NAME}
# They tell something of the model; no loader does anything else because of them.
_TELL_ONLY = {fingerprint.FILE_NAME, history.FILE_NAME}
# What sigpb itself leaves beside a model begins so: see `sigpb.publishing`.
_LEFTOVER = ".sigpb-"
_DIGITS = 12


def compare(before: Path, after: Path) -> FilesDifference:
    """Returns what is different between the files of two models, without their protos.

    Raises:
        ModelUnreadable: If a file cannot be read.
    """
    first, second = _files(before), _files(after)
    changes = []
    for path in sorted(first | second):
        digests = [
            _digest(folder / path) if path in files else None
            for folder, files in ((before, first), (after, second))
            if not (path in first and path in second and _is_same(before / path, after / path))
        ]
        if digests:
            changes.append(FileChange(path, digests[0], digests[1], path not in _TELL_ONLY))
    variables = Names()
    if any(change.path == fingerprint.CHECKPOINT_INDEX for change in changes):
        variables = _variables(before, after)
    return FilesDifference(tuple(changes), variables)


def _files(folder: Path) -> set[str]:
    found = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(_LEFTOVER)]
        found |= {str((Path(root) / name).relative_to(folder)) for name in names}
    return {path for path in found if path not in _PROTOS and not path.startswith(_LEFTOVER)}


def _is_same(first: Path, second: Path) -> bool:
    try:
        if first.samefile(second):
            return True
        size = first.stat().st_size
        if size != second.stat().st_size:
            return False
        if not size:
            return True
        with contextlib.ExitStack() as stack:
            maps = [stack.enter_context(_mapped(file)) for file in (first, second)]
            return is_same(maps[0], 0, maps[1], 0, size)
    except OSError as error:
        raise ModelUnreadable(f"{error.filename or first}: {error.strerror or error}.") from error


def _digest(file: Path) -> str:
    try:
        return sha256_of(file)[:_DIGITS]
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error


def _mapped(file: Path) -> mmap.mmap:
    with open_regular(file) as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


def _variables(before: Path, after: Path) -> Names:
    try:
        files = [folder / fingerprint.CHECKPOINT_INDEX for folder in (before, after)]
        indices = [checkpoint_index.read(read_regular(file)).tensors for file in files]
    except (OSError, checkpoint_index.NoIndex):
        return Names()
    before_after = ({key: tensor.description for key, tensor in index.items()} for index in indices)
    return Names.between(*before_after)
