"""A patched model that can be loaded before it is published."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sigpb.publishing.changes import Changes, WholeFile, locate_changes
from sigpb.publishing.failures import explained
from sigpb.publishing.new_files import write_file
from sigpb.publishing.tree import read_tree


@contextlib.contextmanager
def staged(model_dir: Path, changes: Changes) -> Iterator[Path]:
    """Yields a temporary directory with a model as changes make it.

    What does not change is symbolic links into the model, so that it takes neither time nor space;
    what comes whole from another model is links to that.

    Args:
        model_dir: The model's directory.
        changes: What is different.

    Raises:
        EnvironmentFailure: If something cannot be read or written.
    """
    with tempfile.TemporaryDirectory(prefix="sigpb-", ignore_cleanup_errors=True) as directory:
        with explained("write the patched model to verify it", "Nothing was changed."):
            stage = Path(directory, model_dir.resolve().name or "model")
            stage.mkdir()
            _fill(stage, Path(os.path.realpath(model_dir)), changes)
        yield stage


def _fill(stage: Path, model: Path, changes: Changes) -> None:
    located = locate_changes(model, changes)
    tree = read_tree(model, without={str(change.path) for change in located})
    for name in tree.directories:
        (stage / name).mkdir()
    for name in (*tree.files, *(name for name, _ in tree.links)):
        (stage / name).symlink_to(model / name)
    for change in located:
        path = stage / change.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(change.content, WholeFile):
            path.symlink_to(change.content.source.resolve())
        elif change.content is not None:
            write_file(path, change.content, mode=None)
