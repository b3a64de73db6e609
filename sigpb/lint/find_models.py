"""Finding the models in a tree of directories."""

from __future__ import annotations

import os
from pathlib import Path

from sigpb.errors import ModelUnreadable
from sigpb.publishing.changes import is_sigpbs_own
from sigpb.saved_model.files import BINARY_NAME, CHUNKED_NAME, TEXT_NAME

_NAMES = {BINARY_NAME, TEXT_NAME, CHUNKED_NAME}


def find_models(path: Path) -> list[Path]:
    """Returns a path if it is that of a model, and otherwise every model below it, sorted.

    What sigpb keeps or left there is passed over, and so is what is in a model.

    Raises:
        ModelUnreadable: If there is none.
        OSError: If a directory cannot be read.
    """
    if path.name in _NAMES or not path.is_dir():
        return [path]

    def give_up(error: OSError) -> None:
        raise error

    models = []
    for parent, directories, files in os.walk(path, onerror=give_up):
        directories[:] = sorted(name for name in directories if not is_sigpbs_own(Path(name)))
        if _NAMES & set(files):
            models.append(Path(parent))
            directories.clear()
    if not models:
        raise ModelUnreadable(
            f"{path}: neither this directory nor any below it holds a {BINARY_NAME}."
        )
    return models
